/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_WORLD_H
#define SVART_SIM_WORLD_H

/**
 * @file
 * One simulated program with its devices, spaces, queues and operations in flight.
 *
 *     world.c       makes and ends it; devices, spaces, queues come and go
 *     operation.c   draws operations, judges their completions
 *     actions.c     what the program does, as a table
 */

#include <svart/svart.h>

#include "memory.h"
#include "random.h"
#include "sim_machine.h"
#include "trace.h"

#define SIM_MAX_SPACES  3
#define SIM_MAX_DEVICES 3
#define SIM_MAX_QUEUES  6
#define SIM_MAX_OPS     48

/** A space of the program. Owner: the world. */
struct sim_space {
	struct svart_space *space;
	uint32_t ioas; /**< 0 while unbound. */
	uint64_t pin_limit;
};

/** A device, open or not. Owner: the world. */
struct sim_device {
	char name[16];    /**< "model:dsa0" */
	char address[16]; /**< Once it was open. */
	char spec[384];
	struct svart_device *dev; /**< NULL: closed. */
	bool is_edu;
	bool has_faults; /**< It has page requests. */
	bool reset;      /**< By somebody else, since it was opened. */
	uint32_t cdev;
	uint32_t home;    /**< Space it is opened on. */
	uint32_t engines; /**< Of its model. */
	uint32_t prg_pages;
	uint64_t resets; /**< Injected before it was opened. */
	struct svart_device_info info;
	uint32_t pasids[SIM_MAX_SPACES]; /**< Of its attachments; 0: none. */
};

/** A queue. Owner: the world. */
struct sim_queue {
	struct svart_queue *q; /**< NULL: none here. */
	struct sim_device *dev;
	uint32_t space;
	uint32_t depth;
	uint64_t next_prep, next_poll; /**< Numbers of operations on it. */
};

/** An operation in flight. Owner: the world. */
struct sim_op {
	struct sim_queue *queue; /**< NULL: this place is free. */
	uint64_t number;         /**< On its queue. */
	struct svart_op op;
	bool malformed;
	bool disturbed;    /**< Its memory was replaced meanwhile. */
	uint64_t failures; /**< Of the machine, when it was prepared. */
	uint64_t invalid;  /**< Answers of its device that were turned around, then. */
	uint64_t forgets;  /**< Of the world, then. */
};

/** Owner: the run. Lifetime: the run. Locks: none. */
struct sim_world {
	uint64_t seed;
	struct sim_trace *trace;
	struct sim_random random;
	struct sim_memory memory;
	struct sim_machine machine;
	struct svart_machine_class class;
	struct svart *rt;
	struct svart_fault_service *faults;
	struct sim_space spaces[SIM_MAX_SPACES];
	uint32_t nr_spaces;
	struct sim_device devices[SIM_MAX_DEVICES];
	uint32_t nr_devices;
	struct sim_queue queues[SIM_MAX_QUEUES];
	struct sim_op ops[SIM_MAX_OPS];
	uint64_t next_cookie;
	uint64_t forgets;
	uint64_t completed;
	uint32_t reset_permille; /**< How often a surprise is a reset. */
	bool tight; /**< Limits are below what the documentation asks for: devices may give up. */
	bool was_reset; /**< A device, ever. */
	enum sim_injection {
		SIM_INJECT_NONE,
		SIM_INJECT_ONE,  /**< Of one name, at each device. */
		SIM_INJECT_SOME, /**< A mixture. */
	} injection;
	bool injects_enomem, injects_reset; /**< At some device. */
	uint32_t idle_permille;             /**< How often the program does not come to pump. */
	bool mixed; /**< Devices with and without page requests share spaces: one waits for the other. */
	uint32_t fds; /**< Of the process, before. */
};

/* --- world.c --------------------------------------------------------------------------------- */

void sim_world_init(struct sim_world *w, uint64_t seed, struct sim_trace *trace);
/** Ends everything, and fails if something is left. */
void sim_world_fini(struct sim_world *w);

/** Opens a closed device; it may fail where the limits are tight or memory is short. */
void sim_device_open(struct sim_world *w, struct sim_device *d);
/** Destroys its queues and closes it. */
void sim_device_close(struct sim_world *w, struct sim_device *d);
/** Attaches it to one more space, if it can be. */
void sim_device_attach(struct sim_world *w, struct sim_device *d);
/** Detaches it from a space it was attached to; its queues there go first. */
void sim_device_detach(struct sim_world *w, struct sim_device *d);
/** Somebody else resets it. */
void sim_device_reset(struct sim_world *w, struct sim_device *d);
/** Whether it was reset since it was opened, by somebody else or by injection. */
bool sim_device_was_reset(const struct sim_world *w, const struct sim_device *d);
/** How often something was injected at a device. */
uint64_t sim_device_injected(
	const struct sim_world *w, const struct sim_device *d, const char *name);
/** Makes a queue, if there is a place and the device has one. */
void sim_queue_create(struct sim_world *w, struct sim_device *d);
/** Ends a queue, with whatever is in flight. */
void sim_queue_destroy(struct sim_world *w, struct sim_queue *q);

/** The program pumps the fault service, if it comes to it. */
void sim_pump(struct sim_world *w);
/** Devices move once; if none can, time goes on. */
bool sim_step(struct sim_world *w);
/** Submits and polls on every queue. @return completions. */
uint32_t sim_poll_all(struct sim_world *w);
/** Polls queues of devices that were reset until they say so. */
void sim_poll_dead(struct sim_world *w);
/** Goes on until no operation in flight touches a range; fails if that takes too long. */
void sim_settle(struct sim_world *w, uint64_t addr, uint64_t len);
/** The same for all operations. */
void sim_settle_all(struct sim_world *w);
/** Nothing is in flight: fails if the fault service holds page requests all the same. */
void sim_check_service(struct sim_world *w);
/** Takes a range from the devices of every space, and checks that it is gone. */
void sim_forget(struct sim_world *w, uint64_t addr, uint64_t len);

/* --- operation.c ----------------------------------------------------------------------------- */

/** Draws an operation and prepares it, if it is in nobody's way. @return whether it was taken. */
bool sim_op_prep(struct sim_world *w, struct sim_queue *q);
/** Judges a completion of a queue. */
void sim_op_judge(struct sim_world *w, struct sim_queue *q, const struct svart_completion *done);
/** Ends what a queue has in flight, whose completions are lost. */
void sim_ops_lose(struct sim_world *w, struct sim_queue *q);
/** Whether an operation in flight reads or writes a range, or is without page requests in its pages. */
bool sim_ops_touch(struct sim_world *w, uint64_t addr, uint64_t len);
/** Whether one writes it. */
bool sim_ops_write(struct sim_world *w, uint64_t addr, uint64_t len);
/** Marks those that touch it as disturbed. */
void sim_ops_disturb(struct sim_world *w, uint64_t addr, uint64_t len);
uint32_t sim_ops_in_flight(const struct sim_world *w, const struct sim_queue *q);

/* --- actions.c ------------------------------------------------------------------------------- */

/** Lets the program do things, as the seed says. */
void sim_act(struct sim_world *w);

#endif

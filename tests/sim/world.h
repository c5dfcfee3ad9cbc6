/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_WORLD_H
#define SVART_SIM_WORLD_H

/**
 * @file
 * One simulated program with its devices, spaces, queues and operations in flight.
 *
 *     world.c       makes and ends it; devices, spaces, queues come and go
 *     budget.c      what a space must have room for
 *     invalidate.c  invalidations that are open for a while
 *     draw.c        draws operations, and what is in their memory
 *     meaning.c     what each must do
 *     operation.c   prepares operations, judges their completions
 *     rest.c        those that stopped early, and go on
 *     actions.c     what the program does, as a table
 */

#include <svart/svart.h>

#include "meaning.h"
#include "memory.h"
#include "random.h"
#include "sim_machine.h"
#include "threads.h"
#include "trace.h"

#define SIM_MAX_SPACES        3
#define SIM_MAX_DEVICES       3
#define SIM_MAX_QUEUES        6
#define SIM_MAX_OPS           48
#define SIM_MAX_INVALIDATIONS 6
#define SIM_MAX_RESTS         4

/** A space of the program. Owner: the world. */
struct sim_space {
	struct svart_space *space;
	uint32_t ioas; /**< 0 while unbound. */
	uint64_t pin_limit;
	uint32_t max_chunks;
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
	uint32_t home;       /**< Space it is opened on. */
	uint32_t engines;    /**< That the driver uses: some for each group that has a queue. */
	uint32_t step_pages; /**< That one step of an engine touches at most. */
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
	uint32_t depth, pages;
	bool unordered, batches;
	uint64_t next_prep; /**< Number of operations on it. */
	bool failed;        /**< One of them has not ended with OK. */
	bool fence_failed;  /**< After that one with a fence has ended. */
};

/** An operation that stopped early, and its rest. Owner: the world. */
struct sim_rest {
	struct sim_queue *queue; /**< NULL: this place is free. */
	bool going;              /**< The rest is in flight. */
	uint64_t number;         /**< Of all rests. */
	struct svart_op whole, op;
	uint64_t hash; /**< Of the memory that it uses. */
	/** What the whole would have done at once. */
	struct sim_meaning must;
	struct sim_writes *writes;
};

/** An operation in flight, or one that ended with its queue. Owner: the world. */
struct sim_op {
	struct sim_queue *queue; /**< NULL: this place is free. */
	bool failed; /**< It ended so: the device may use its memory until the queue is destroyed. */
	uint64_t number; /**< On its queue. */
	struct svart_op op;
	struct sim_rest *rest; /**< It is the rest of one that stopped; or NULL. */
	bool malformed;
	bool disturbed;    /**< Its memory was replaced meanwhile. */
	uint64_t failures; /**< Of the machine, when it was prepared. */
	uint64_t invalid;  /**< Answers of its device that were turned around, then. */
	uint64_t forgets;  /**< Of the world, then. */
	uint64_t expired;  /**< Answers of the service whose time was over, then. */
};

/** An invalidation that the program has begun, in every space. Owner: the world. */
struct sim_invalidation {
	bool open;
	uint64_t addr, len;
	struct svart_invalidation tokens[SIM_MAX_SPACES];
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
	struct sim_rest rests[SIM_MAX_RESTS];
	uint64_t next_rest;
	struct sim_writes writes; /**< Of the operation that is judged. */
	uint64_t next_cookie;
	uint64_t forgets;
	bool replaced; /**< Memory was replaced, and forgotten then: in between a space can notice. */
	uint64_t completed;
	uint64_t expired;        /**< Of sim_expired(), in the end. */
	uint32_t reset_permille; /**< How often a surprise is a reset. */
	bool threads;   /**< The service has threads of its own; else the program pumps it. */
	bool deadlines; /**< It has a deadline. */
	bool was_reset; /**< A device, ever. */
	enum sim_injection {
		SIM_INJECT_NONE,
		SIM_INJECT_ONE,  /**< Of one name, at each device. */
		SIM_INJECT_SOME, /**< A mixture. */
	} injection;
	bool injects_enomem, injects_reset; /**< At some device. */
	uint32_t idle_permille;             /**< How often the program does not come to pump. */
	bool mixed; /**< Devices with and without page requests share spaces: one waits for the other. */
	struct sim_invalidation invalidations[SIM_MAX_INVALIDATIONS];
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
/**
 * Whether requests may be on their way whose operations have ended, and whose memory the program may free: none
 * ever, but those that a device gave up because their LAST was lost.
 */
bool sim_may_be_late(const struct sim_world *w);
/** How often something was injected at a device. */
uint64_t sim_device_injected(
	const struct sim_world *w, const struct sim_device *d, const char *name);
/** Groups that were answered because their time was over, and what was refused because of them. */
uint64_t sim_expired(const struct sim_world *w);
/** Makes a queue, if there is a place and the device has one. */
void sim_queue_create(struct sim_world *w, struct sim_device *d);
/** Ends a queue, with whatever is in flight. */
void sim_queue_destroy(struct sim_world *w, struct sim_queue *q);

/** What came of a call to pump. */
enum sim_pumped {
	SIM_NOT_PUMPED, /**< The program did not come to it. */
	SIM_PUMPED_NOTHING,
	SIM_PUMPED, /**< Answers were sent. */
};

/**
 * The program pumps the fault service, if it comes to it. Where that has threads they run, and "nothing"
 * means that none of them could.
 */
enum sim_pumped sim_pump(struct sim_world *w);
/** Devices move once; if none can, time goes on. */
bool sim_step(struct sim_world *w);
/** Submits and polls on every queue. @return completions. */
uint32_t sim_poll_all(struct sim_world *w);
/** Polls queues of devices that were reset until they say so. */
void sim_poll_dead(struct sim_world *w);
/**
 * Goes on until no operation in flight touches a range; fails if that takes too long. Then destroys the queues
 * that failed and whose operations touched it.
 */
void sim_settle(struct sim_world *w, uint64_t addr, uint64_t len);
/** The same for all operations. */
void sim_settle_all(struct sim_world *w);
/** Nothing is in flight: fails if the fault service holds page requests all the same. */
void sim_check_service(struct sim_world *w);
/** Takes a range from the devices of every space, and checks that it is gone. */
void sim_forget(struct sim_world *w, uint64_t addr, uint64_t len);
/** Checks that a range that was forgotten has not come back, unless operations ask for it. */
void sim_check_gone(struct sim_world *w, uint64_t addr, uint64_t len);

/** Waits until no device without page requests has an operation in flight: it holds its memory. */
void sim_settle_held(struct sim_world *w);
/** Checks what a space says of itself against what the machine has seen. @param quiet nobody maps now. */
void sim_check_space(struct sim_world *w, uint32_t space, bool quiet);
/** Whether a device is attached to a space. */
bool sim_is_bound(const struct sim_world *w, uint32_t space);

/* --- budget.c -------------------------------------------------------------------------------- */

/** Draws the limits of a space. */
struct svart_space_params sim_budget_draw(struct sim_world *w, struct sim_space *s);
/**
 * Whether a space has room for what is attached to it and its queues, and
 * @param device for one more device, or NULL. @param queue_pages for one more queue, or 0.
 */
bool sim_budget_fits(const struct sim_world *w, uint32_t space, const struct sim_device *device,
	uint32_t queue_pages);
/** Pages that a queue needs for itself. */
uint32_t sim_budget_queue(uint32_t depth, uint32_t flags);
/** The longest operation of a device without page requests. */
uint64_t sim_budget_held_max(const struct sim_world *w, uint32_t space);

/* --- invalidate.c ---------------------------------------------------------------------------- */

/** Begins one of a range in every space, if there is a place. @return it, or NULL. */
struct sim_invalidation *sim_invalidate_begin(struct sim_world *w, uint64_t addr, uint64_t len);
void sim_invalidate_end(struct sim_world *w, struct sim_invalidation *inv);
/** Ends all that are open. */
void sim_invalidate_end_all(struct sim_world *w);
/** Whether one is open that touches a range. */
bool sim_invalidate_covers(const struct sim_world *w, uint64_t addr, uint64_t len);

/* --- draw.c ---------------------------------------------------------------------------------- */

/** Draws an operation for a queue. */
void sim_op_draw(struct sim_world *w, const struct sim_queue *q, struct svart_op *op);
/** Draws two operations in good memory, of which the second one uses what the first one does, and has a fence. */
bool sim_chain_draw(struct sim_world *w, struct svart_op ops[2]);
/** Gives a meaning to the memory that it reads, often, where the program may write now. */
void sim_op_dress(struct sim_world *w, const struct svart_op *op);

/* --- rest.c ---------------------------------------------------------------------------------- */

/** An operation has stopped, and its memory is as before: works out what the whole would do, for some. */
void sim_rest_begin(struct sim_world *w, struct sim_queue *q, struct sim_op *o);
/** A rest has ended: what all parts did must be what the whole would have done. */
void sim_rest_judge(
	struct sim_world *w, const struct sim_op *o, const struct svart_completion *done);
/** Keeps what is left of an operation that has stopped, or drops it. */
void sim_rest_keep(struct sim_world *w, const struct sim_op *o, const struct svart_completion *done,
	bool stopped);
/** Mends what stopped one, and lets it go on, if its memory is as it left it. */
void sim_rest_resume(struct sim_world *w);
/** Drops those of a queue. */
void sim_rests_lose(struct sim_world *w, const struct sim_queue *q);

/* --- operation.c ----------------------------------------------------------------------------- */

/** Draws an operation and prepares it, if it is in nobody's way. @return whether it was taken. */
bool sim_op_prep(struct sim_world *w, struct sim_queue *q);
/** Prepares an operation as it is. @return whether it was taken. */
bool sim_op_take(
	struct sim_world *w, struct sim_queue *q, const struct svart_op *op, struct sim_rest *rest);
/** Whether operations in flight are in its way. @param fenced those of its queue are not. */
bool sim_op_is_in_the_way(
	struct sim_world *w, const struct sim_queue *q, const struct svart_op *op, bool fenced);
/** Judges a completion of a queue. */
void sim_op_judge(struct sim_world *w, struct sim_queue *q, const struct svart_completion *done);
/** Ends what a queue has in flight, whose completions are lost, and what failed with it. */
void sim_ops_lose(struct sim_world *w, struct sim_queue *q);
/**
 * Whether an operation in flight, or one that failed with its queue, reads or writes a range, or is without page
 * requests in its pages.
 */
bool sim_ops_touch(struct sim_world *w, uint64_t addr, uint64_t len);
/** Only of those that failed. @return the queue of one, or NULL. */
struct sim_queue *sim_ops_touch_failed(struct sim_world *w, uint64_t addr, uint64_t len);
/** Whether one, of either kind, writes it. */
bool sim_ops_write(struct sim_world *w, uint64_t addr, uint64_t len);
/** Marks those that touch it as disturbed. */
void sim_ops_disturb(struct sim_world *w, uint64_t addr, uint64_t len);
uint32_t sim_ops_in_flight(const struct sim_world *w, const struct sim_queue *q);

/* --- actions.c ------------------------------------------------------------------------------- */

/** Lets the program do things, as the seed says. */
void sim_act(struct sim_world *w);

#endif

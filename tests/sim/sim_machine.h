/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_MACHINE_H
#define SVART_SIM_MACHINE_H

/**
 * @file
 * A machine around the model that sees what the runtime does to it: which areas each IOAS has, which
 * groups of page requests are owed an answer. It checks each call against what must hold, and makes
 * weather: steps in the middle of calls, calls that fail, short reads, time that jumps when nothing
 * can move.
 */

#include "layout.h"
#include "machine.h"
#include "maps.h"
#include "memory.h"
#include "random.h"
#include "threads.h"
#include "trace.h"

#define SIM_MAX_AREAS   4096
#define SIM_MAX_OWED    1024
#define SIM_MAX_FAULTS  64
#define SIM_MAX_CDEVS   8
#define SIM_GROUP_PAGES 64
#define SIM_MAX_PORTALS 256

/** How often what happens, in permille of calls. */
struct sim_weather {
	uint32_t step;     /**< Devices go on in the middle of a call. */
	uint32_t fail_map; /**< IOAS_MAP has no memory, or is interrupted. */
	uint32_t busy;     /**< IOAS_UNMAP is busy; reads and writes are interrupted. */
	uint32_t partial;  /**< Reads and writes are cut short. */
	uint32_t surprise; /**< The world's own. */
};

/** What is mapped in an IOAS. Owner: its machine. */
struct sim_area {
	uint32_t ioas;
	bool write;
	uint64_t start, end;
};

/** A fault object of iommufd. Owner: its machine. */
struct sim_fault {
	int fd; /**< -1: none. */
	uint32_t id;
	uint32_t ioas; /**< Of the HWPT that uses it. */
};

/** A group that was read from a fault fd and not answered yet. Owner: its machine. */
struct sim_owed {
	int fd;
	uint32_t cookie;
	uint32_t ioas;
	bool may_be_gone; /**< A detach or a reset came since. */
	uint64_t unmaps;  /**< Of the machine's counters, when it was read. */
	uint64_t failures;
	uint64_t expired; /**< Of the service, then. */
	uint64_t changes; /**< Of memory, then. */
	uint32_t nr;
	uint64_t pages[SIM_GROUP_PAGES]; /**< Bit 0: to be written. */
};

/** A portal that the runtime has asked for. Owner: its machine. Lifetime: its mapping's. Locks: none. */
struct sim_portal {
	const void *addr; /**< NULL: this place is free. */
	struct svart_portal inner;
};

/** Owner: the world. Lifetime: a run. Locks: none. */
struct sim_machine {
	struct svart_machine base; /**< What the runtime is given. */
	struct svart_machine *inner;
	struct sim_trace *trace;
	struct sim_random *random;
	struct sim_memory *memory;
	struct sim_weather weather;
	bool calm; /**< No weather now: the simulation itself looks. */
	void (*surprise)(void *arg);
	/** Counts answers that the service gave because their time was over; NULL: it has no deadline. */
	uint64_t (*expired)(void *arg);
	void *arg;
	/** Whether there are SMMU stalls: each is a group, also of a page that is asked for ahead. */
	bool stalls;
	/** Whether nothing of a range may be mapped for devices now. */
	bool (*covered)(void *arg, uint64_t addr, uint64_t len);
	/** Whether one may be told to ask again, when what it needs is held by another device. */
	bool may_put_off;

	uint64_t pauses;   /**< Since the last other call. */
	uint64_t skew_ns;  /**< By how much time is ahead of the model's. */
	uint64_t unmaps;   /**< IOAS_UNMAPs that were made. */
	uint64_t failures; /**< MAPs that the weather made fail. */
	uint64_t answers;

	struct sim_area areas[SIM_MAX_AREAS];
	uint32_t nr_areas;
	struct sim_fault faults[SIM_MAX_FAULTS];
	struct sim_owed owed[SIM_MAX_OWED];
	uint32_t nr_owed;
	struct sim_portal portals[SIM_MAX_PORTALS];
	uint64_t looked
		[SIM_MAX_THREADS]; /**< Changes of memory when each thread last looked at maps. */
	struct sim_layout layout;
	struct sim_maps maps;
	int cdevs[SIM_MAX_CDEVS]; /**< Open VFIO cdevs by their number, or -1. */
	uint32_t last_cdev;       /**< Number of the one opened last. */

	char addresses[SIM_MAX_CDEVS][16]; /**< Of the model's devices. */
	uint32_t nr_addresses;
	char last_address[16];    /**< Of the one located last. */
	uint64_t enomems, resets; /**< Injected, as far as they were taken notice of. */
};

void sim_machine_init(struct sim_machine *s, struct svart_machine *inner, struct sim_trace *trace,
	struct sim_random *random, struct sim_memory *memory);
/** The runtime has found a device at this address. */
void sim_machine_located(struct sim_machine *s, const char address[16]);
/** Whether the running thread has devices ask again just now: SUCCESS says nothing then. wraps.c. */
bool sim_asks_again(void);
/** How often something was injected, at all devices. */
uint64_t sim_machine_injected(const struct sim_machine *s, const char *name);
/**
 * A number that changes whenever a DSA gets on with an operation: by bytes, to the next one or to its end.
 * Asking for a page, and being answered, is no progress.
 */
uint64_t sim_machine_progress(const struct sim_machine *s);
/** Lets devices move once; if none can, other threads run; if none can, time goes on. @return whether one moved. */
bool sim_machine_step(struct sim_machine *s);
/** The same, while all threads wait. */
bool sim_machine_step_alone(struct sim_machine *s);
/** A function level reset of the device with this cdev number, by somebody else. */
void sim_machine_reset(struct sim_machine *s, uint32_t cdev);
/** Bytes mapped in an IOAS. */
uint64_t sim_machine_pinned(const struct sim_machine *s, uint32_t ioas);
/** Fails if something of a range is mapped in an IOAS. */
void sim_machine_check_gone(
	const struct sim_machine *s, uint32_t ioas, uint64_t addr, uint64_t len, const char *when);
/** Fails unless the process allows all that devices can reach, for what they can reach it. */
void sim_machine_check_areas(const struct sim_machine *s, const char *when);
/** Fails if a group is owed an answer that no detach or reset has given. */
void sim_machine_check_answered(struct sim_machine *s, const char *when);

#endif

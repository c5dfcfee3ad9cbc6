/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_ENGINE_H
#define SVART_FAULT_ENGINE_H

/**
 * @file
 * The parts of a fault service. What stands further down uses what stands above it, and nothing else:
 *
 *     base/         groups, cookies, a histogram, what a source is: no threads
 *     crew/         threads that do the work they are given; they do not know what it is
 *     gate.c        lets one thread at a time run a pass
 *     lane.c        the table of sources
 *     stats.c       what was counted
 *     wake.c        how the service's own thread is woken
 *     respond.c     sends answers, counts them
 *     resolve.c     makes the pages of groups present, decides SUCCESS or INVALID for each
 *     ready.c       groups on their way: ready, waiting, resting, done
 *     fetch.c       a pass: takes records of whole groups, watches deadlines
 *     again.c       makes the devices ask again for all they have asked for
 *     run.c         runs passes: by the thread, the DPDK service or the pump; and how they sleep
 *     service.c     life, sources, what the crew is given to do
 *
 * and on top of them, beside each other, the parts that the records come from:
 *
 *     iommufd/      a source of whole groups, each with a cookie
 *     raw/          sources on raw queues, and the wing that makes groups of their records (wing.h)
 *
 * A pass runs inside the gate, one at a time. Without resolvers it does everything. With resolvers, which are
 * the crew, it hands ready groups over and takes them back; it never resolves.
 *
 * A group is named by the index of its first node. It goes through these states:
 *
 *     FREE --ready--> QUEUED --claim--> RESOLVING --answer--> ANSWERED --release--> FREE
 *                       | ^                | |                   ^
 *                       | +---put aside----+ |                   |
 *                       +--deadline,again----+--deadline,again---+
 *                       +--remove--------------------------------+
 *
 * Every step to ANSWERED is a compare-and-swap, and the thread that wins it sends the answer: exactly one.
 * Only a pass makes the step to FREE, when the group has come back from the resolvers (or never went there).
 * So its nodes return to the pool exactly once, however late a resolver is.
 *
 * A group that wants a page whose range is being invalidated (svart_space_invalidate_begin()) is put aside:
 * it goes back to QUEUED, and when it has come back from the resolver a pass lets it rest in its lane. It
 * is handed on again when an invalidation of its space has ended. Its deadline and the removal of its lane
 * end its rest earlier.
 */

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <svart/fault.h>

#include "crew.h"
#include "gate.h"
#include "group.h"
#include "histogram.h"
#include "source.h"
#include "space.h"
#include "wing.h"

/** The most sources of one service. */
#define SVART_FAULT_MAX_SOURCES 1024
/** The most machines that its sources may be on. */
#define SVART_FAULT_MAX_MACHINES 8
/** Records fetched from one source in one pass. */
#define SVART_FAULT_FETCH_BURST 512
/** The most answers in one call of respond. */
#define SVART_FAULT_ANSWER_BURST 128
/** Resolver threads. */
#define SVART_FAULT_MAX_RESOLVERS 16
/** How long a source that said "later" (-EAGAIN, -ENOMEM) is not fetched from. */
#define SVART_FAULT_RETRY_NS UINT64_C(1000000)
/** Fetches in a row that may fail, a millisecond apart, before the source counts as lost. */
#define SVART_FAULT_MAX_FAILURES 100
/** How long the thread waits after a poll that failed. */
#define SVART_FAULT_POLL_RETRY_NS UINT64_C(1000000)
/** What poll() says of a descriptor that does not work any more, or is none. */
#define SVART_FAULT_LOST_EVENTS (POLLERR | POLLHUP | POLLNVAL)
/**
 * How often sources are checked even if they are not readable, and how long the service's thread sleeps at
 * most: poll() does not return when a program closes a descriptor that it waits for.
 */
#define SVART_FAULT_WATCH_NS UINT64_C(1000000000)

/** See the diagram above. */
enum svart_fault_group_state {
	SVART_FAULT_GROUP_FREE = 0,
	SVART_FAULT_GROUP_QUEUED,
	SVART_FAULT_GROUP_RESOLVING,
	SVART_FAULT_GROUP_ANSWERED,
};

/**
 * A complete group, at the index of its first node.
 *
 * Owner: passes, except for state (any thread, atomic) and code (the worker that claimed it). Lifetime: the
 * service's. Locks: none.
 */
struct svart_fault_group {
	atomic_uint state; /**< enum svart_fault_group_state. */
	uint32_t lane;     /**< The lane of its source. */
	uint32_t code;     /**< enum svart_page_response_code. */
	uint32_t prev;     /**< The group before it in its lane's list, or SVART_GROUP_NONE. */
	uint32_t next;
	/** The lane's wing, or NULL. The crew may give the group back after its lane was closed, and reused. */
	const struct svart_fault_wing *wing;
	bool waiting; /**< It is in its lane's list. */
	bool aside; /**< Its worker has put it aside; the worker's until it gave the group back. */
	bool resting; /**< It was put aside and given back, and was not handed on yet. */
	uint64_t fetched_ns;
	uint64_t ends; /**< svart_space_ends() of its space before it was resolved. */
};

/** Life of a lane. */
enum svart_fault_lane_state {
	SVART_FAULT_LANE_FREE = 0,
	SVART_FAULT_LANE_ACTIVE,
	SVART_FAULT_LANE_REMOVING, /**< It is not fetched from any more; resolvers may still work on it. */
};

/** Counters of svart_fault_stats; any thread adds, relaxed. */
struct svart_fault_counters {
	_Atomic uint64_t page_requests;
	_Atomic uint64_t groups;
	_Atomic uint64_t answers_success;
	_Atomic uint64_t answers_invalid;
	_Atomic uint64_t answers_own;
	_Atomic uint64_t answers_gone;
	_Atomic uint64_t dropped;
	_Atomic uint64_t eager_pages;
	_Atomic uint64_t overflows;
	_Atomic uint64_t deadlines;
	_Atomic uint64_t sources_lost;
	struct svart_histogram latency_ns;
};

/**
 * One source, and the space in which its requests are resolved.
 *
 * Owner: the thread inside the gate; resolvers read source and space between claim and done. Lifetime:
 * the service's; its content from add to remove. Locks: none.
 */
struct svart_fault_lane {
	struct svart_fault_source *source;
	struct svart_space *space;
	uint32_t space_nr; /**< Number of its space, the same in all lanes of that space. */
	struct svart_group_open open; /**< The group of which its source has delivered a part. */
	const struct svart_fault_wing *wing; /**< NULL: its source delivers whole groups. */
	void *wing_state;                    /**< The wing's own state of the lane. */
	struct svart_lessee *lessee;         /**< NULL: no pages are leased. */
	/** How many of the first pages of a group its engine may need at once. */
	uint32_t step_pages;
	/**
	 * The counters of this place, from its first source on. They are never reset, and not freed before
	 * the service: so readers need no lock. `base` is what they were when the present source came.
	 */
	_Atomic(struct svart_fault_counters *) counters;
	struct svart_fault_counters *base;
	_Atomic uint64_t
		retired_max_ns; /**< The longest latency of sources before the present one. */
	/**
	 * It changes inside the gate; a thread that only looks for a source in use reads it with the core's
	 * lock.
	 */
	_Atomic enum svart_fault_lane_state state;
	bool readable;       /**< poll() said that its source is readable. */
	uint64_t retry_ns;   /**< It is not fetched from before this time of its machine. */
	uint32_t failures;   /**< Fetches in a row that failed with an error that may pass. */
	uint64_t starved_ns; /**< Time since which it waits for nodes; 0: it does not wait. */
	uint64_t malformed;  /**< The part of source->malformed that was counted already. */
	uint32_t oldest; /**< Oldest of the groups that wait for their answer, ordered by time. */
	uint32_t newest;
	uint32_t nr_resting; /**< How many of these groups rest. */
	uint64_t ends; /**< svart_space_ends() when the resting groups were last looked through. */
	struct svart_space_listener listener;
	atomic_bool lost;              /**< The source is lost; any thread. */
	struct svart_crew_claim claim; /**< Resolvers that have it may touch source and space. */
};

/** One page that a group wants. */
struct svart_fault_page {
	uint64_t start;
	uint32_t space_nr; /**< The space_nr of its group's lane. */
	uint32_t access;   /**< SVART_ACCESS_READ, SVART_ACCESS_WRITE. */
	uint32_t group;
};

/**
 * Answers of one source, collected to be sent at once.
 *
 * Owner: its worker. Lifetime: the service's. Locks: none.
 */
struct svart_fault_outbox {
	struct svart_fault_lane *lane; /**< The lane of all answers in it. */
	uint32_t nr;
	uint32_t nr_sent; /**< Answers sent since it was last set to 0. */
	struct svart_page_response answers[SVART_FAULT_ANSWER_BURST];
	uint64_t fetched_ns[SVART_FAULT_ANSWER_BURST];
	bool gone[SVART_FAULT_ANSWER_BURST];
};

/**
 * The memory of a thread that resolves and answers; all of it is allocated beforehand.
 *
 * Owner: one thread: a resolver, or the thread inside the gate. Lifetime: the service's. Locks: none.
 */
struct svart_fault_worker {
	struct svart_fault_service *service;
	bool no_memory;   /**< Some page could not be mapped for want of memory, in this call. */
	bool put_aside;   /**< Some group was put aside since this was last set to false. */
	uint32_t *groups; /**< array[max_requests]: groups that it has claimed. */
	struct svart_fault_page *pages; /**< array[max_requests]. */
	struct svart_fault_outbox outbox;
};

/** A machine that has sources of the service, and the hook by which its waits pump an inline service. */
struct svart_fault_machine {
	struct svart_machine *m;
	uint32_t nr_sources;
	uint64_t watch_ns; /**< When its sources are checked next, in its time. */
	struct svart_idle_hook hook;
};

/**
 * One fault service.
 *
 * Owner: the program. Lifetime: svart_fault_service_init() to svart_fault_service_fini(). Locks: the
 * gate, for all that is under "inside the gate".
 */
struct svart_fault_service {
	/* Constant from init on. */
	struct svart_fault_params params;
	void *owner; /**< A pointer of the core; set once, before the service is used. */
	bool eal;
	uint32_t dpdk_id;
	pthread_t thread;
	struct svart_crew *crew;            /**< The resolvers, NULL if there are none. */
	struct svart_fault_worker *workers; /**< array[params.resolvers]: the resolvers' workers. */

	/* Any thread. */
	atomic_bool dead;                 /**< This is a forked child. */
	struct svart_fault_group *groups; /**< array[max_requests]. */
	struct svart_gate gate;

	/* Under the gate's mutex. */
	bool stop;
	struct svart_machine *wake_machine;
	int wake_fd; /**< An eventfd that wakes the service's own poll; -1 while there is no source. */

	/* Inside the gate. */
	struct svart_fault_lane lanes[SVART_FAULT_MAX_SOURCES];
	uint32_t nr_lanes;   /**< All lanes from this index on are free. */
	uint32_t nr_sources; /**< Lanes that are not free. */
	uint32_t nr_watched; /**< Of these, those with svart_fault_source_watched(). */
	uint32_t turn; /**< Lane that is fetched from first; it changes, so that none starves. */
	struct svart_fault_machine machines[SVART_FAULT_MAX_MACHINES];
	struct svart_group_pool *pool;
	/**
	 * What a wing keeps for groups of all its lanes; free() at the end. NULL until its first lane is created,
	 * which may be by several threads at once.
	 */
	_Atomic(void *) wing_groups;
	uint32_t *ready; /**< array[max_requests]: groups to be handed on in this pass. */
	uint32_t nr_ready;
	uint32_t nr_held;      /**< Groups that are not FREE. */
	uint32_t nr_kept_back; /**< Of these, those that a wing hands on when others are done. */
	bool worked;           /**< The last pass found something to do. */
	struct svart_fault_worker worker;
	struct svart_page_request fetched[SVART_FAULT_FETCH_BURST];
	struct pollfd fds[SVART_FAULT_MAX_SOURCES + 1];
	uint16_t fd_lanes[SVART_FAULT_MAX_SOURCES];
};

/* --- fetch.c: inside the gate ------------------------------------------------------------------ */

/** The request of a complete group that its answer names: the last one. */
static inline const struct svart_page_request *svart_fault_last(
	const struct svart_fault_service *s, uint32_t group)
{
	const struct svart_group_node *nodes = svart_group_pool_nodes(s->pool);

	return &nodes[nodes[group].last].request;
}

/** Whether a lane is to be fetched from at all. */
static inline bool svart_fault_lane_open(const struct svart_fault_lane *lane)
{
	return lane->state == SVART_FAULT_LANE_ACTIVE &&
	       !atomic_load_explicit(&lane->lost, memory_order_relaxed);
}

static inline uint64_t svart_fault_now(const struct svart_fault_lane *lane)
{
	return lane->source->m->ops->now_ns(lane->source->m);
}

/** How many nodes a record of a lane can take. */
static inline uint32_t svart_fault_record_nodes(const struct svart_fault_lane *lane)
{
	return lane->wing != NULL ? lane->wing->record_nodes : 1;
}

/**
 * Nanoseconds for which a lane is not fetched from because every node is taken: its records wait in
 * the kernel. 0: it is fetched from. It is 0 also when no node came back within a deadline: then
 * requests are fetched all the same, and answered INVALID for want of nodes.
 */
uint64_t svart_fault_starved_ns(const struct svart_fault_service *s, struct svart_fault_lane *lane);
/** Whether there is a lane that is not fetched from for want of nodes. */
bool svart_fault_starved(const struct svart_fault_service *s);
/**
 * One pass over all lanes. @return answers sent.
 * @blocks without resolvers: as svart_space_resolve(); with resolvers: never.
 */
uint32_t svart_fault_pass(struct svart_fault_service *s);
/**
 * Drops the partial groups of a lane, and counts their requests as dropped. @return how many requests they
 * had.
 */
size_t svart_fault_drop_partial(struct svart_fault_service *s, struct svart_fault_lane *lane);
/**
 * Takes up to nr records into s->fetched, and counts them.
 * @return how many; 0: there are none; or the source's -errno, which has been dealt with.
 */
ssize_t svart_fault_fetch(struct svart_fault_service *s, struct svart_fault_lane *lane, size_t nr);
/** Counts the records that a lane's source took since the last call and could not deliver. */
void svart_fault_count_malformed(struct svart_fault_lane *lane);
/** Nanoseconds until the next deadline or retry, UINT64_MAX if there is none. */
uint64_t svart_fault_due_ns(struct svart_fault_service *s);

/* --- ready.c: inside the gate -------------------------------------------------------------------- */

/** Queues a group whose LAST has come, and hands it on. */
void svart_fault_group_ready(struct svart_fault_service *s, struct svart_fault_lane *lane,
	uint32_t group, uint64_t now_ns);
/**
 * Does the first half of svart_fault_group_ready(): from now on the group has a deadline, and removing its
 * lane ends it.
 * @param code the answer so far; INVALID is final.
 */
void svart_fault_group_queue(struct svart_fault_service *s, struct svart_fault_lane *lane,
	uint32_t group, enum svart_page_response_code code, uint64_t now_ns);
/**
 * Does the second half: adds the group to this pass's list, or frees it, if it was answered since it was
 * queued.
 */
void svart_fault_group_hand(struct svart_fault_service *s, uint32_t group);
/**
 * To be called when no resolver has the group any more. Frees a group that was answered or needs no answer;
 * lets a group rest that was put aside.
 */
void svart_fault_group_done(struct svart_fault_service *s, uint32_t group);
/** Takes a group out of its lane's list of those that wait, if it is in it. */
void svart_fault_waiting_remove(struct svart_fault_service *s, uint32_t group);
/** Ends the rest of a group that was answered, and frees it. Does nothing if the group does not rest. */
void svart_fault_rest_end(struct svart_fault_service *s, uint32_t group);
/** Hands on again the groups that rest, in lanes in whose space an invalidation has ended since. */
void svart_fault_rested_hand(struct svart_fault_service *s);
/** Whether groups of a lane rest and are to be handed on again. */
static inline bool svart_fault_rested(const struct svart_fault_lane *lane)
{
	return lane->nr_resting != 0 && svart_space_ends(lane->space) != lane->ends;
}
/** Takes back the groups that resolvers are done with. */
void svart_fault_reap(struct svart_fault_service *s);
/** Answers INVALID to the lane's groups that no resolver has claimed. */
void svart_fault_abandon(struct svart_fault_service *s, struct svart_fault_lane *lane);
/** Hands ready groups to the crew, or resolves and answers them here, until no group is ready. */
void svart_fault_ready_flush(struct svart_fault_service *s);

/* --- again.c: inside the gate -------------------------------------------------------------------- */

/**
 * Makes a lane's device ask again for all that it has asked for so far. When it returns 0, no page is mapped
 * any more for requests from before the call, except pages that a resolver has claimed by then: a forget
 * waits for those.
 *
 * All lanes whose sources have the same fd ask again together: an overflow keeps back what is in their rings
 * until all of them know of it.
 *
 * @return 0, or -EAGAIN: the source keeps saying "later", or fails.
 * @blocks for two seconds at most, if the source says "later" or fails. It maps nothing.
 */
int svart_fault_ask_again(struct svart_fault_service *s, struct svart_fault_lane *lane);

/* --- resolve.c: any worker ----------------------------------------------------------------------- */

/**
 * Claims groups, makes their pages present, decides their answers and sends them. Groups that were answered
 * before they could be claimed, or meanwhile, are left alone.
 * @param groups array[nr]: their requests together are max_requests at most.
 * @blocks as svart_space_resolve(). Allocates nothing.
 */
void svart_fault_resolve(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr);

/* --- respond.c: any worker ----------------------------------------------------------------------- */

/** Moves a group from one state to another. @return whether it was in the first one. */
bool svart_fault_group_move(struct svart_fault_group *group, enum svart_fault_group_state from,
	enum svart_fault_group_state to);
/** Moves a group to ANSWERED from QUEUED or RESOLVING. @return whether it was not answered yet. */
bool svart_fault_group_take(struct svart_fault_group *group);
/** Puts the answer to `request` in the outbox; sends the outbox first if it is another lane's, or full. */
void svart_fault_answer(struct svart_fault_worker *w, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t code, uint64_t fetched_ns);
/** Answers a group that the caller has moved to ANSWERED, if the group is owed an answer. */
void svart_fault_answer_group(struct svart_fault_worker *w, uint32_t group, uint32_t code);
/** Sends what is in the outbox. */
void svart_fault_flush(struct svart_fault_worker *w);
/** Whether a source is to be checked regularly, even if it is not readable. */
bool svart_fault_source_watched(const struct svart_fault_source *source);
/** Makes a source lost: counts it, and calls its owner's lost(). Further calls do nothing. */
void svart_fault_lose(struct svart_fault_lane *lane, enum svart_fault_loss loss, int value);

/** The counters of a lane in use. */
static inline struct svart_fault_counters *svart_fault_counters(struct svart_fault_lane *lane)
{
	return atomic_load_explicit(&lane->counters, memory_order_relaxed);
}

static inline void svart_fault_count(_Atomic uint64_t *counter, uint64_t nr)
{
	if (nr != 0)
		atomic_fetch_add_explicit(counter, nr, memory_order_relaxed);
}

/* --- lane.c: inside the gate, or control: only control calls open and close lanes ----------------- */

/** @return the lane that serves a source, or NULL. */
struct svart_fault_lane *svart_fault_lane_find(
	struct svart_fault_service *s, const struct svart_fault_source *source);
/** @return the lane of a source, even if it is being removed; or NULL. */
struct svart_fault_lane *svart_fault_lane_of(
	struct svart_fault_service *s, const struct svart_fault_source *source);
/** @return a lane that is free, or NULL. */
struct svart_fault_lane *svart_fault_lane_find_free(struct svart_fault_service *s);
/** The number of a space: the one that it has, or the lowest free one. */
uint32_t svart_fault_space_number(
	const struct svart_fault_service *s, const struct svart_space *space);

/* --- stats.c -------------------------------------------------------------------------------------- */

/** Makes sure that a lane that is being opened has counters, and notes their values. @return 0, -ENOMEM. */
int svart_fault_counters_open(struct svart_fault_lane *lane);
void svart_fault_counters_free(struct svart_fault_lane *lane);

/* --- wake.c ---------------------------------------------------------------------------------------- */

/** Wakes the service's own thread from its poll. @thread any. */
void svart_fault_wake(struct svart_fault_service *s);
/** As svart_fault_wake(), for a thread that holds the gate's mutex. */
void svart_fault_kick(void *arg);
/** Handles what poll() said of the wake eventfd. Inside the gate. */
void svart_fault_wake_read(struct svart_fault_service *s, short revents);
/**
 * Makes the eventfd that wakes the service's own poll, on the machine of the first source, if it needs one.
 * @return 0 or -errno, told. @thread control, inside the gate.
 */
int svart_fault_wake_open(struct svart_fault_service *s, struct svart_machine *m);
/**
 * Closes the eventfd after the last source has left: a thread without sources sleeps at the gate. Inside the
 * gate.
 */
void svart_fault_wake_close(struct svart_fault_service *s);

/* --- run.c ----------------------------------------------------------------------------------------- */

/** Makes the service run as params.run says. @return 0 or -errno, told. @thread control. */
int svart_fault_run_start(struct svart_fault_service *s);
/** Ends the running of a service that has no source any more. @thread control. */
void svart_fault_run_stop(struct svart_fault_service *s);
/**
 * Adds a source to machine m: makes the wake eventfd, or the idle hook, if the way the service runs
 * needs one and there is none.
 * @return 0 or -errno, told. @thread control, inside the gate.
 */
int svart_fault_machine_get(struct svart_fault_service *s, struct svart_machine *m);
/**
 * Takes a source off machine m.
 * @return a hook that the caller takes off m when it is outside the gate (threads in the hook may wait for
 *         the gate), or NULL.
 */
struct svart_idle_hook *svart_fault_machine_put(
	struct svart_fault_service *s, struct svart_machine *m);

#endif

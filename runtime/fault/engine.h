/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_ENGINE_H
#define SVART_FAULT_ENGINE_H

/**
 * @file
 * The parts of a fault service, and what each of its files does with them:
 *
 *     run.c       whose turn it is: the thread, the DPDK service, the pump, and how they sleep
 *     fetch.c     a pass: takes records, watches deadlines
 *     ready.c     groups and single records on their way: ready, waiting, done
 *     resolve.c   makes the pages of groups present, decides SUCCESS or INVALID for each
 *     respond.c   sends answers, counts them
 *     resolver.c  the threads that do the two above when there are resolvers
 *     service.c   life, sources
 *     stats.c     what was counted
 *
 * A pass runs inside the gate, one at a time. With no resolvers it does everything. With resolvers
 * it hands ready groups over by one ring and takes them back by another; it never resolves.
 *
 * A group is named by the index of its first node. What becomes of it:
 *
 *     FREE --ready--> QUEUED --claim--> RESOLVING --answer--> ANSWERED --release--> FREE
 *                        |                  |                    ^
 *                        +--deadline,remove-+-----deadline-------+
 *
 * Every step to ANSWERED is a compare-and-swap, and who wins it sends the answer: exactly one. Every
 * step to FREE is a pass's, when the group has come back from the resolvers (or never went there):
 * its nodes return to the pool exactly once, however late a resolver is.
 *
 * A single is a record that is handled before its group's LAST, as a group of one beside its group,
 * which is its parent: because it is owed an answer of its own (raw VT-d queues), or, without an
 * answer, because its source is eager. The parent is not handed on before its singles are done: so no
 * answer of a record comes after its group's, and what failed before the LAST is known at the LAST.
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <svart/fault.h>

#include "gate.h"
#include "group.h"
#include "histogram.h"
#include "source.h"
#include "space.h"

/** Sources of one service. */
#define SVART_FAULT_MAX_SOURCES 1024
/** Machines its sources may be on. */
#define SVART_FAULT_MAX_MACHINES 8
/** Records fetched from one source in one pass. */
#define SVART_FAULT_FETCH_BURST 512
/** Answers to one call of respond. */
#define SVART_FAULT_ANSWER_BURST 128
/** Groups that a resolver takes at once, and merges the pages of. */
#define SVART_FAULT_RESOLVE_BURST 64
/** Resolver threads. */
#define SVART_FAULT_MAX_RESOLVERS 16

/** See the diagram above. */
enum svart_fault_group_state {
	SVART_FAULT_GROUP_FREE = 0,
	SVART_FAULT_GROUP_QUEUED,
	SVART_FAULT_GROUP_RESOLVING,
	SVART_FAULT_GROUP_ANSWERED,
};

/** What a record in the place of a group is. */
enum svart_fault_kind {
	SVART_FAULT_KIND_GROUP = 0, /**< A whole group, answered at its LAST. */
	SVART_FAULT_KIND_OWN,       /**< A single that is owed an answer of its own. */
	SVART_FAULT_KIND_EAGER,     /**< A single that is not answered. */
};

/**
 * A ready group or a single, at the index of its first node; or a partial group that has singles.
 *
 * Owner: passes, but for state (any, atomic) and code (who claimed it). Lifetime: the service's.
 * Locks: none.
 */
struct svart_fault_group {
	atomic_uint state; /**< enum svart_fault_group_state. */
	uint32_t lane;     /**< Of its source. */
	uint32_t code;     /**< enum svart_page_response_code. */
	uint32_t prev;     /**< In its lane's list, or SVART_GROUP_NONE. */
	uint32_t next;
	uint32_t serial;        /**< Whose state this is: svart_group_node.serial. */
	uint32_t parent;        /**< Of a single, or SVART_GROUP_NONE. */
	uint32_t parent_serial; /**< The parent it means: the place may be another's since. */
	uint32_t singles;       /**< Of a group: those that are not done. */
	uint8_t kind;           /**< enum svart_fault_kind. */
	bool waiting;           /**< In its lane's list. */
	bool complete;          /**< Its LAST has come. */
	uint64_t fetched_ns;
};

/** Life of a lane. */
enum svart_fault_lane_state {
	SVART_FAULT_LANE_FREE = 0,
	SVART_FAULT_LANE_ACTIVE,
	SVART_FAULT_LANE_REMOVING, /**< Not fetched any more; resolvers may still be at it. */
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
 * One source and where its requests are resolved.
 *
 * Owner: who is inside the gate; resolvers read source and space between claim and done. Lifetime:
 * the service's; its content from add to remove. Locks: none.
 */
struct svart_fault_lane {
	struct svart_fault_source *source;
	struct svart_space *space;
	struct svart_grouper *grouper;
	/**
	 * Of this place, from the first source in it on; never reset, never freed before the service:
	 * readers need no lock. `base` is what was there when the present source came.
	 */
	_Atomic(struct svart_fault_counters *) counters;
	struct svart_fault_counters *base;
	_Atomic uint64_t
		retired_max_ns; /**< The longest latency of sources before the present one. */
	enum svart_fault_lane_state state;
	enum svart_fault_mode mode;
	bool readable;       /**< poll said so. */
	uint64_t retry_ns;   /**< Not fetched before that time of its machine. */
	uint64_t starved_ns; /**< Since when it waits for nodes; 0: it does not. */
	uint64_t malformed;  /**< Of the source's counter, what was counted already. */
	uint32_t oldest;     /**< Groups that wait for their answer, by time. */
	uint32_t newest;
	atomic_bool lost;     /**< The source is of no use any more; any thread. */
	atomic_uint claims;   /**< Resolvers that may touch source and space. */
	atomic_bool settling; /**< Somebody waits for the end of the claims. */
};

/** A page that a group wants. */
struct svart_fault_page {
	struct svart_space *space;
	uint64_t start;
	uint32_t access; /**< SVART_ACCESS_READ, SVART_ACCESS_WRITE. */
	uint32_t group;
};

/**
 * Answers of one source, collected to be sent at once.
 *
 * Owner: its worker. Lifetime: the service's. Locks: none.
 */
struct svart_fault_outbox {
	struct svart_fault_lane *lane; /**< Of all that is in it. */
	uint32_t nr;
	uint32_t nr_sent; /**< Since it was last set to 0. */
	struct svart_page_response answers[SVART_FAULT_ANSWER_BURST];
	uint64_t fetched_ns[SVART_FAULT_ANSWER_BURST];
	bool own[SVART_FAULT_ANSWER_BURST]; /**< To a record, not to its group. */
	bool gone[SVART_FAULT_ANSWER_BURST];
};

/**
 * What a thread that resolves and answers works with; all of it allocated beforehand.
 *
 * Owner: one thread: a resolver, or who is inside the gate. Lifetime: the service's. Locks: none.
 */
struct svart_fault_worker {
	struct svart_fault_service *service;
	uint32_t *groups;               /**< array[max_requests]: claimed. */
	struct svart_fault_page *pages; /**< array[max_requests]. */
	struct svart_fault_outbox outbox;
};

/** A machine that has sources here, and the hook by which its waits pump an inline service. */
struct svart_fault_machine {
	struct svart_machine *m;
	uint32_t nr_sources;
	struct svart_idle_hook hook;
};

struct svart_fault_crew;

/**
 * One fault service.
 *
 * Owner: the program. Lifetime: svart_fault_service_init() to svart_fault_service_fini(). Locks: the
 * gate, for all that is under "inside the gate".
 */
struct svart_fault_service {
	/* Constant from init on. */
	struct svart_fault_params params;
	void *owner; /**< The core's; set once, before the service is used. */
	bool eal;
	uint32_t dpdk_id;
	pthread_t thread;
	struct svart_fault_crew *crew; /**< The resolvers, NULL if there are none. */

	/* Any thread. */
	atomic_bool dead;                 /**< In a forked child. */
	struct svart_fault_group *groups; /**< array[max_requests]. */
	struct svart_gate gate;

	/* Under the gate's mutex. */
	bool stop;
	struct svart_machine *wake_machine;
	int wake_fd; /**< An eventfd that wakes the service's own poll; -1 while there is no source. */

	/* Inside the gate. */
	struct svart_fault_lane lanes[SVART_FAULT_MAX_SOURCES];
	uint32_t nr_lanes;   /**< Above it all lanes are free. */
	uint32_t nr_sources; /**< Not free. */
	uint32_t turn;       /**< Lane that is fetched first, so that none starves. */
	struct svart_fault_machine machines[SVART_FAULT_MAX_MACHINES];
	struct svart_group_pool *pool;
	uint32_t *
		ready; /**< array[max_requests]: groups and singles to be handed on in this pass. */
	uint32_t nr_ready;
	uint32_t nr_held;    /**< Groups and singles that are not FREE. */
	uint32_t nr_parents; /**< Of them, groups that wait for singles. */
	bool worked;         /**< The last pass found something to do. */
	struct svart_fault_worker worker;
	struct svart_page_request fetched[SVART_FAULT_FETCH_BURST];
	uint32_t nr_to_come; /**< Of fetched, those that have no node yet. */
	struct pollfd fds[SVART_FAULT_MAX_SOURCES + 1];
	uint16_t fd_lanes[SVART_FAULT_MAX_SOURCES];
};

/* --- fetch.c: inside the gate ------------------------------------------------------------------ */

/** The request that a complete group, or a single, is answered by. */
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

/** Nodes that a record of a lane can take: its own, and one more if it is owed an answer of its own. */
static inline uint32_t svart_fault_record_nodes(const struct svart_fault_lane *lane)
{
	return lane->source->ops->own_answers ? 2 : 1;
}

/**
 * Nanoseconds for which a lane is not fetched from because every node is taken: what it has waits in
 * the kernel. 0: it is fetched from. That is also so when no node came back within a deadline: then
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
 * Takes one record: groups it, and sees that what it is owed is on its way. The codes are those that
 * Linux's iommu_report_device_fault() had for its callers; whatever the code, a LAST and a record that
 * needs a response get their answer.
 * @return 0; -EOPNOTSUPP it is no page request (malformed); -ENOMEM no node: what there was of its
 *         group was dropped. (-ENODEV, a PASID that nobody handles faults for, raw sources have.)
 */
int svart_fault_report(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now_ns);
/** Ends a lane's partial groups, counted as dropped. @return how many requests they had. */
size_t svart_fault_drop_partial(struct svart_fault_lane *lane);
/** Nanoseconds until the next deadline or retry, UINT64_MAX if there is none. */
uint64_t svart_fault_due_ns(struct svart_fault_service *s);

/* --- ready.c: inside the gate -------------------------------------------------------------------- */

/** A group's LAST has come: it is handed on, at once or when its singles are done. */
void svart_fault_group_ready(struct svart_fault_service *s, struct svart_fault_lane *lane,
	uint32_t group, uint64_t now_ns);
/**
 * Hands on a record before its group's LAST.
 * @param parent the group's first node. @return 0 or -ENOMEM: no node.
 */
int svart_fault_single_ready(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, enum svart_fault_kind kind, uint32_t parent,
	uint64_t now_ns);
/** What is done with for good: it is answered or needs no answer, and no resolver has it. */
void svart_fault_group_done(struct svart_fault_service *s, uint32_t group);
/** Takes a group out of its lane's list of those that wait, if it is in it. */
void svart_fault_waiting_remove(struct svart_fault_service *s, uint32_t group);
/** Takes back what resolvers are done with. */
void svart_fault_reap(struct svart_fault_service *s);
/** Answers INVALID to the lane's groups that no resolver has claimed. */
void svart_fault_abandon(struct svart_fault_service *s, struct svart_fault_lane *lane);
/** Hands on what is ready, or resolves and answers it here, until nothing is. */
void svart_fault_ready_flush(struct svart_fault_service *s);

/* --- resolve.c: any worker ----------------------------------------------------------------------- */

/**
 * Claims groups, makes their pages present, decides and answers. Groups that were answered before
 * they could be claimed, or meanwhile, are left alone.
 * @param groups array[nr]: their requests together are max_requests at most.
 * @blocks as svart_space_resolve(). Allocates nothing.
 */
void svart_fault_resolve(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr);

/* --- respond.c: any worker ----------------------------------------------------------------------- */

/** Moves a group on from one state. @return whether it was in it. */
bool svart_fault_group_move(struct svart_fault_group *group, enum svart_fault_group_state from,
	enum svart_fault_group_state to);
/** Puts the answer to `request` in the outbox; sends first what is of another lane or too much. */
void svart_fault_answer(struct svart_fault_worker *w, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t code, uint64_t fetched_ns);
/** Answers a group, if it is owed an answer, whose step to ANSWERED the caller made. */
void svart_fault_answer_group(struct svart_fault_worker *w, uint32_t group, uint32_t code);
/** Sends what is in the outbox. */
void svart_fault_flush(struct svart_fault_worker *w);
/** Ends the use of a source, counted once. */
void svart_fault_lose(struct svart_fault_lane *lane);

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

/* --- resolver.c ------------------------------------------------------------------------------------ */

/** Starts params.resolvers threads. @return 0 or -errno, told. @thread control. */
int svart_fault_crew_create(struct svart_fault_service *s, struct svart_fault_crew **out);
/** Ends them; no source is left. @param join false in a forked child. @thread control. */
void svart_fault_crew_destroy(struct svart_fault_crew *crew, bool join);
/** Hands groups over, which are QUEUED. @thread inside the gate. @blocks never. */
void svart_fault_crew_hand(struct svart_fault_crew *crew, const uint32_t *groups, uint32_t nr);
/** Takes back groups, in any order. @return how many. @thread inside the gate. @blocks never. */
uint32_t svart_fault_crew_take(struct svart_fault_crew *crew, uint32_t *groups, uint32_t nr);
/**
 * Says that the passes wait for what resolvers have: the next one to give some back wakes them.
 * @thread inside the gate.
 */
void svart_fault_crew_want(struct svart_fault_crew *crew);
/** Waits until no resolver touches the lane. @thread control, outside the gate. */
void svart_fault_crew_settle(struct svart_fault_crew *crew, struct svart_fault_lane *lane);

/* --- service.c ------------------------------------------------------------------------------------- */

/**
 * @return the lane that serves a source, or NULL.
 * @thread inside the gate; or control: only control calls open and close lanes.
 */
struct svart_fault_lane *svart_fault_lane_find(
	struct svart_fault_service *s, const struct svart_fault_source *source);
/** Allocates a worker's arrays. @return 0 or -ENOMEM. */
int svart_fault_worker_init(struct svart_fault_worker *w, struct svart_fault_service *s);
void svart_fault_worker_fini(struct svart_fault_worker *w);

/* --- stats.c -------------------------------------------------------------------------------------- */

/** Makes sure a lane that is being opened has counters, and notes where they stand. @return 0, -ENOMEM. */
int svart_fault_counters_open(struct svart_fault_lane *lane);
void svart_fault_counters_free(struct svart_fault_lane *lane);

/* --- run.c ----------------------------------------------------------------------------------------- */

/** Starts a thread with signals blocked. @return 0 or -errno, told. @thread control. */
int svart_fault_thread_start(const struct svart_fault_service *s, const char *name,
	void *(*main)(void *arg), void *arg, pthread_t *thread);

/** Makes the service run as params.run says. @return 0 or -errno, told. @thread control. */
int svart_fault_run_start(struct svart_fault_service *s);
/** Ends that; there is no source any more. @thread control. */
void svart_fault_run_stop(struct svart_fault_service *s);
/** Wakes the service's own thread from its poll. @thread any. */
void svart_fault_wake(struct svart_fault_service *s);
/** As above, for who holds the gate's mutex. */
void svart_fault_kick(void *arg);

/**
 * A source came to machine m: makes the wake eventfd, or the idle hook, if the way the service runs
 * needs one and there is none.
 * @return 0 or -errno, told. @thread control, inside the gate.
 */
int svart_fault_machine_get(struct svart_fault_service *s, struct svart_machine *m);
/**
 * A source left.
 * @return a hook that the caller takes off m once it is outside the gate (whose threads may wait in
 * the hook for it), or NULL.
 */
struct svart_idle_hook *svart_fault_machine_put(
	struct svart_fault_service *s, struct svart_machine *m);

#endif

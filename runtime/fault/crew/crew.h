/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_CREW_H
#define SVART_CREW_H

/**
 * @file
 * Threads that do work which may take long, for a thread that must not wait. That thread hands numbers over,
 * and takes them back when the work that they stand for is done. The crew does not know what the work is.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/** Numbers that a member takes at once. */
#define SVART_CREW_BURST 64

/**
 * A claim of members on what they touch while they serve a number; several numbers may have the same claim.
 * All zero: no member has it.
 *
 * Owner: the struct that embeds it. Lifetime: longer than any member has numbers of it. Locks: none.
 */
struct svart_crew_claim {
	atomic_uint nr;       /**< Members that have the claim. */
	atomic_bool settling; /**< A thread waits until no member has it. */
};

/** What a crew is for. */
struct svart_crew_job {
	uint32_t nr_members;
	uint32_t nr_max; /**< The most numbers handed over and not taken back; a power of two. */
	bool eal;        /**< As svart_fault_thread_start(). */
	void *arg;       /**< The argument of the functions. */
	/** The claim that a number is under. @thread any member, while it has the number. */
	struct svart_crew_claim *(*claim)(void *arg, uint32_t work);
	/**
	 * Does the work that numbers stand for; all of them are of one claim. It may take long.
	 * @param member 0 to nr_members - 1: the thread.
	 * @return whether the thread that takes them back must be woken.
	 */
	bool (*serve)(void *arg, uint32_t member, const uint32_t *work, uint32_t nr);
	/** Wakes the thread that takes numbers back. @thread any member. */
	void (*wake)(void *arg);
};

/**
 * The threads.
 *
 * Owner: its creator; one thread at a time hands numbers over and takes them back. Lifetime: create to
 * destroy. Locks: one of its own, for a thread that waits for a claim to end.
 */
struct svart_crew;

/** Starts the threads. @param job copied. @return 0 or -errno, told. @thread control. */
int svart_crew_create(const struct svart_crew_job *job, struct svart_crew **out);
/**
 * Ends the threads; nothing is handed over any more. @param join false in a forked child. @thread control.
 */
void svart_crew_destroy(struct svart_crew *crew, bool join);
/** Hands numbers over. @blocks never. */
void svart_crew_hand(struct svart_crew *crew, const uint32_t *work, uint32_t nr);
/** Takes back numbers, in any order. @return how many. @blocks never. */
uint32_t svart_crew_take(struct svart_crew *crew, uint32_t *work, uint32_t nr);
/** Says that the caller waits for numbers: the next member that gives some back calls job.wake(). */
void svart_crew_want(struct svart_crew *crew);
/**
 * Waits until no member has the claim, or until the deadline, a time of CLOCK_MONOTONIC, has passed.
 * @return whether no member has it. @thread any.
 */
bool svart_crew_settle(
	struct svart_crew *crew, struct svart_crew_claim *claim, const struct timespec *deadline);

#endif

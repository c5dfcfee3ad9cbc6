/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "crew.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * This selects the ring's variant with C11 atomics: the other variant orders its accesses by compiler
 * barriers, which race detectors cannot see.
 */
#ifndef RTE_USE_C11_MEM_MODEL
#define RTE_USE_C11_MEM_MODEL
#endif
#include <rte_ring.h>

#include "error.h"
#include "thread.h"
#include "work_queue.h"

/**
 * One thread.
 *
 * Owner: itself. Lifetime: the crew's. Locks: none.
 */
struct crew_member {
	struct svart_crew *crew;
	uint32_t number;
	struct rte_ring *done; /**< Numbers to be taken back; it has room for all there are. */
	pthread_t thread;
};

/*
 * There is no lock between members: numbers go out through one queue that all take from, and come back
 * through a ring of each member. A member with nothing to do counts itself in `idle` and sleeps on `alarm`.
 */
struct svart_crew {
	struct svart_crew_job job;
	struct svart_work_queue *todo;
	atomic_uint idle; /**< Members that sleep, or are about to sleep, and were not woken yet. */
	sem_t alarm;      /**< It is posted once for each member that is taken off `idle`. */
	atomic_bool stop;
	atomic_bool wanted;     /**< A thread waits for numbers that members have. */
	pthread_mutex_t mutex;  /**< Only for threads that wait for a claim to end. */
	pthread_cond_t settled; /**< A claim that a thread waits for has ended. */
	uint32_t nr;
	struct crew_member members[];
};

/** Makes a ring of numbers in svart's own memory, so that it works without EAL. */
static int ring_create(uint32_t nr_max, struct rte_ring **out)
{
	/* A ring never uses one of its places, so it gets twice as many places as there are numbers. */
	unsigned int count = 2 * nr_max;
	ssize_t bytes = rte_ring_get_memsize_elem(sizeof(uint32_t), count);
	struct rte_ring *ring;

	if (bytes < 0)
		return (int)bytes;
	ring = aligned_alloc(RTE_CACHE_LINE_SIZE,
		((size_t)bytes + RTE_CACHE_LINE_SIZE - 1) & ~(size_t)(RTE_CACHE_LINE_SIZE - 1));
	if (ring == NULL)
		return -ENOMEM;
	if (rte_ring_init(ring, "svart_fault", count, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
		free(ring);
		return -EINVAL;
	}
	*out = ring;
	return 0;
}

/** Takes one member off `idle`. @return whether there was one: then the caller posts `alarm` for it. */
static bool idle_take(struct svart_crew *crew)
{
	unsigned int idle = atomic_load(&crew->idle);

	while (idle != 0)
		if (atomic_compare_exchange_weak(&crew->idle, &idle, idle - 1))
			return true;
	return false;
}

void svart_crew_hand(struct svart_crew *crew, const uint32_t *work, uint32_t nr)
{
	uint32_t woken;

	svart_work_queue_put(crew->todo, work, nr);
	/*
	 * Orders the queue before `idle`; pairs with the fence in member_sleep(): one thread sees the other.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	for (woken = 0; woken < nr && idle_take(crew); woken++)
		sem_post(&crew->alarm);
}

uint32_t svart_crew_take(struct svart_crew *crew, uint32_t *work, uint32_t nr)
{
	uint32_t got = 0, i;

	for (i = 0; i < crew->nr && got < nr; i++)
		got += rte_ring_dequeue_burst_elem(
			crew->members[i].done, &work[got], sizeof(*work), nr - got, NULL);
	return got;
}

void svart_crew_want(struct svart_crew *crew)
{
	atomic_store(&crew->wanted, true);
	/* Orders `wanted` before the look at the ring that follows; pairs with work_serve(). */
	atomic_thread_fence(memory_order_seq_cst);
}

bool svart_crew_settle(
	struct svart_crew *crew, struct svart_crew_claim *claim, const struct timespec *deadline)
{
	bool settled;
	int rc = 0;

	pthread_mutex_lock(&crew->mutex);
	/*
	 * claim_end() has the other order: so the member that ends its claim last sees that this thread
	 * waits.
	 */
	atomic_store(&claim->settling, true);
	while (atomic_load(&claim->nr) != 0 && rc == 0)
		rc = pthread_cond_timedwait(&crew->settled, &crew->mutex, deadline);
	settled = atomic_load(&claim->nr) == 0;
	pthread_mutex_unlock(&crew->mutex);
	return settled;
}

static void claim_end(struct svart_crew *crew, struct svart_crew_claim *claim)
{
	if (atomic_fetch_sub(&claim->nr, 1) != 1 || !atomic_load(&claim->settling))
		return;
	pthread_mutex_lock(&crew->mutex);
	pthread_cond_broadcast(&crew->settled);
	pthread_mutex_unlock(&crew->mutex);
}

/**
 * Serves numbers under one claim, which is counted before any of them is served, and ends after they were
 * given back: so a thread that waits for its end finds them given back.
 */
static void work_serve(struct crew_member *member, struct svart_crew_claim *claim,
	const uint32_t *work, uint32_t nr)
{
	struct svart_crew *crew = member->crew;
	bool must_wake;

	atomic_fetch_add(&claim->nr, 1);
	must_wake = crew->job.serve(crew->job.arg, member->number, work, nr);
	rte_ring_enqueue_bulk_elem(member->done, work, sizeof(*work), nr, NULL);
	claim_end(crew, claim);
	/* Orders the ring before `wanted`; pairs with svart_crew_want(): one thread sees the other. */
	atomic_thread_fence(memory_order_seq_cst);
	if (must_wake || (atomic_load_explicit(&crew->wanted, memory_order_relaxed) &&
				 atomic_exchange(&crew->wanted, false)))
		crew->job.wake(crew->job.arg);
}

/** Sleeps until there is work; it may find that another member has just taken that work. */
static void member_sleep(struct svart_crew *crew)
{
	atomic_fetch_add(&crew->idle, 1);
	atomic_thread_fence(memory_order_seq_cst);
	/*
	 * A member that finds work now takes itself off `idle`; if another thread did that first, it also
	 * posts.
	 */
	if ((svart_work_queue_waiting(crew->todo) != 0 || atomic_load(&crew->stop)) &&
		idle_take(crew))
		return;
	while (sem_wait(&crew->alarm) != 0)
		;
}

/**
 * Waits for work, and takes a fair share of what waits: so a number that takes long delays only those that
 * were taken with it.
 * @return how many, 0 to end.
 */
static uint32_t work_get(struct svart_crew *crew, uint32_t *work, uint32_t nr)
{
	uint32_t got;

	while (!atomic_load_explicit(&crew->stop, memory_order_relaxed)) {
		got = svart_work_queue_take(crew->todo, work, nr, crew->job.nr_members);
		if (got != 0)
			return got;
		member_sleep(crew);
	}
	return 0;
}

static void *member_main(void *arg)
{
	struct crew_member *member = arg;
	const struct svart_crew_job *job = &member->crew->job;
	uint32_t work[SVART_CREW_BURST];
	struct svart_crew_claim *claim;
	uint32_t nr, from, to;

	while ((nr = work_get(member->crew, work, SVART_CREW_BURST)) != 0) {
		/*
		 * It serves one claim at a time, so that a wait for its end never waits for work of another
		 * claim.
		 */
		for (from = 0; from < nr; from = to) {
			claim = job->claim(job->arg, work[from]);
			to = from + 1;
			while (to < nr && job->claim(job->arg, work[to]) == claim)
				to++;
			work_serve(member, claim, &work[from], to - from);
		}
	}
	return NULL;
}

/** Starts one more member. */
static int member_start(struct svart_crew *crew)
{
	struct crew_member *member = &crew->members[crew->nr];
	char name[16];
	int rc;

	member->crew = crew;
	member->number = crew->nr;
	rc = ring_create(crew->job.nr_max, &member->done);
	if (rc != 0)
		return svart_fail(rc, "no memory for a resolver thread: ask for fewer resolvers");
	snprintf(name, sizeof(name), "svart-res-%u", crew->nr);
	rc = svart_fault_thread_start(crew->job.eal, name, member_main, member, &member->thread);
	if (rc != 0) {
		free(member->done);
		return rc;
	}
	crew->nr++;
	return 0;
}

int svart_crew_create(const struct svart_crew_job *job, struct svart_crew **out)
{
	struct svart_crew *crew =
		calloc(1, sizeof(*crew) + job->nr_members * sizeof(crew->members[0]));
	pthread_condattr_t attr;
	int rc = -ENOMEM;

	if (crew == NULL)
		goto fail;
	crew->job = *job;
	pthread_mutex_init(&crew->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&crew->settled, &attr);
	pthread_condattr_destroy(&attr);
	sem_init(&crew->alarm, 0, 0);
	rc = svart_work_queue_create(job->nr_max, &crew->todo);
	if (rc != 0)
		goto destroy_crew;
	while (crew->nr < job->nr_members) {
		rc = member_start(crew);
		if (rc != 0) {
			svart_crew_destroy(crew, true);
			return rc;
		}
	}
	*out = crew;
	return 0;

destroy_crew:
	svart_crew_destroy(crew, true);
fail:
	return svart_fail(rc, "no memory for the resolvers of a fault service: ask for less");
}

static void members_join(struct svart_crew *crew)
{
	uint32_t i;

	atomic_store(&crew->stop, true);
	while (idle_take(crew))
		sem_post(&crew->alarm);
	for (i = 0; i < crew->nr; i++)
		pthread_join(crew->members[i].thread, NULL);
	sem_destroy(&crew->alarm);
	pthread_cond_destroy(&crew->settled);
	pthread_mutex_destroy(&crew->mutex);
}

void svart_crew_destroy(struct svart_crew *crew, bool join)
{
	uint32_t i;

	if (crew == NULL)
		return;
	if (join)
		members_join(crew);
	for (i = 0; i < crew->nr; i++)
		free(crew->members[i].done);
	svart_work_queue_destroy(crew->todo);
	free(crew);
}

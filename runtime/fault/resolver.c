/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The ring's variant that is written with C11 atomics: the other one orders its accesses by compiler
 * barriers, which race detectors cannot see.
 */
#ifndef RTE_USE_C11_MEM_MODEL
#define RTE_USE_C11_MEM_MODEL
#endif
#include <rte_ring.h>

#include "error.h"
#include "work_queue.h"

/**
 * One resolver thread.
 *
 * Owner: itself. Lifetime: the crew's. Locks: none.
 */
struct crew_member {
	struct svart_fault_crew *crew;
	struct rte_ring *done; /**< To the passes; has room for every group there can be. */
	struct svart_fault_worker worker;
	pthread_t thread;
};

/**
 * The resolver threads of a service. Between them, and so between devices, there is no lock: groups
 * go out through a queue that all take from, and come back through a ring of each. A member with nothing to do says so in `idle` and sleeps on `alarm`.
 *
 * Owner: the service. Lifetime: the service's. Locks: mutex, for who waits for a lane to settle, and
 * nothing else.
 */
struct svart_fault_crew {
	struct svart_fault_service *service;
	struct svart_work_queue *todo;
	atomic_uint idle; /**< Members that sleep, or are about to, and were not woken yet. */
	sem_t alarm;      /**< Posted once for each that is taken off `idle`. */
	atomic_bool stop;
	atomic_bool wanted; /**< Passes wait for what members have. */
	pthread_mutex_t mutex;
	pthread_cond_t settled; /**< A lane that somebody waits for has no claims any more. */
	uint32_t nr;
	struct crew_member members[];
};

/** Makes a ring of group indices on memory of our own, which works without EAL. */
static int ring_create(uint32_t nr_groups, struct rte_ring **out)
{
	/* One place of a ring is never used, hence twice as many. */
	unsigned int count = 2 * nr_groups;
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

/** Takes one off the idle members. @return whether there was one: its alarm must be posted. */
static bool idle_take(struct svart_fault_crew *crew)
{
	unsigned int idle = atomic_load(&crew->idle);

	while (idle != 0)
		if (atomic_compare_exchange_weak(&crew->idle, &idle, idle - 1))
			return true;
	return false;
}

void svart_fault_crew_hand(struct svart_fault_crew *crew, const uint32_t *groups, uint32_t nr)
{
	uint32_t woken;

	svart_work_queue_put(crew->todo, groups, nr);
	/* Orders the queue before `idle`; pairs with the fence in member_sleep(): one sees the other. */
	atomic_thread_fence(memory_order_seq_cst);
	for (woken = 0; woken < nr && idle_take(crew); woken++)
		sem_post(&crew->alarm);
}

uint32_t svart_fault_crew_take(struct svart_fault_crew *crew, uint32_t *groups, uint32_t nr)
{
	uint32_t got = 0, i;

	for (i = 0; i < crew->nr && got < nr; i++)
		got += rte_ring_dequeue_burst_elem(
			crew->members[i].done, &groups[got], sizeof(*groups), nr - got, NULL);
	return got;
}

void svart_fault_crew_want(struct svart_fault_crew *crew)
{
	atomic_store(&crew->wanted, true);
	/* Orders `wanted` before the look at the ring that follows; pairs with groups_serve(). */
	atomic_thread_fence(memory_order_seq_cst);
}

void svart_fault_crew_settle(struct svart_fault_crew *crew, struct svart_fault_lane *lane)
{
	pthread_mutex_lock(&crew->mutex);
	/* In this order, and in lane_unclaim() in the other: who ends the last claim sees us. */
	atomic_store(&lane->settling, true);
	while (atomic_load(&lane->claims) != 0)
		pthread_cond_wait(&crew->settled, &crew->mutex);
	pthread_mutex_unlock(&crew->mutex);
}

static void lane_unclaim(struct svart_fault_crew *crew, struct svart_fault_lane *lane)
{
	if (atomic_fetch_sub(&lane->claims, 1) != 1 || !atomic_load(&lane->settling))
		return;
	pthread_mutex_lock(&crew->mutex);
	pthread_cond_broadcast(&crew->settled);
	pthread_mutex_unlock(&crew->mutex);
}

/**
 * Serves groups of one lane. The claim is counted before any group is claimed, and ends after they
 * were given back: who finds a group claimed finds the claim, and who waits for the claim's end
 * finds the groups.
 */
static void groups_serve(struct crew_member *member, const uint32_t *groups, uint32_t nr)
{
	struct svart_fault_crew *crew = member->crew;
	struct svart_fault_service *s = crew->service;
	struct svart_fault_lane *lane = &s->lanes[s->groups[groups[0]].lane];

	atomic_fetch_add(&lane->claims, 1);
	svart_fault_resolve(&member->worker, groups, nr);
	rte_ring_enqueue_bulk_elem(member->done, groups, sizeof(*groups), nr, NULL);
	lane_unclaim(crew, lane);
	/* Orders the ring before `wanted`; pairs with svart_fault_crew_want(): one sees the other. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&crew->wanted, memory_order_relaxed) &&
		atomic_exchange(&crew->wanted, false))
		svart_fault_wake(s);
}

/** Sleeps until there is something to do, or just has been. */
static void member_sleep(struct svart_fault_crew *crew)
{
	atomic_fetch_add(&crew->idle, 1);
	atomic_thread_fence(memory_order_seq_cst);
	/* Who finds work now takes itself back; if somebody was quicker, there is a post to take. */
	if ((svart_work_queue_waiting(crew->todo) != 0 || atomic_load(&crew->stop)) &&
		idle_take(crew))
		return;
	while (sem_wait(&crew->alarm) != 0)
		;
}

/**
 * Waits for groups, and takes a fair share of those that wait: a page that takes long to come holds up
 * what was taken with it, and nothing else.
 * @return how many, 0 to end.
 */
static uint32_t groups_get(struct svart_fault_crew *crew, uint32_t *groups, uint32_t nr)
{
	uint32_t got;

	while (!atomic_load_explicit(&crew->stop, memory_order_relaxed)) {
		got = svart_work_queue_take(
			crew->todo, groups, nr, crew->service->params.resolvers);
		if (got != 0)
			return got;
		member_sleep(crew);
	}
	return 0;
}

static void *member_main(void *arg)
{
	struct crew_member *member = arg;
	struct svart_fault_group *all = member->crew->service->groups;
	uint32_t groups[SVART_FAULT_RESOLVE_BURST];
	uint32_t nr, from, to;

	while ((nr = groups_get(member->crew, groups, SVART_FAULT_RESOLVE_BURST)) != 0) {
		/* One source at a time, so that removing one never waits for another's pages. */
		for (from = 0; from < nr; from = to) {
			to = from + 1;
			while (to < nr && all[groups[to]].lane == all[groups[from]].lane)
				to++;
			groups_serve(member, &groups[from], to - from);
		}
	}
	return NULL;
}

/** Allocates what a member has. @return 0 or -errno, told. */
static int member_init(struct crew_member *member, struct svart_fault_crew *crew)
{
	int rc;

	member->crew = crew;
	rc = ring_create(crew->service->params.max_requests, &member->done);
	if (rc != 0)
		goto fail;
	rc = svart_fault_worker_init(&member->worker, crew->service);
	if (rc != 0)
		goto free_ring;
	return 0;

free_ring:
	free(member->done);
fail:
	return svart_fail(rc, "no memory for a resolver thread: ask for fewer resolvers");
}

static void member_fini(struct crew_member *member)
{
	svart_fault_worker_fini(&member->worker);
	free(member->done);
}

/** Starts one more member. */
static int member_start(struct svart_fault_crew *crew)
{
	struct crew_member *member = &crew->members[crew->nr];
	char name[16];
	int rc = member_init(member, crew);

	if (rc != 0)
		return rc;
	snprintf(name, sizeof(name), "svart-res-%u", crew->nr);
	rc = svart_fault_thread_start(crew->service, name, member_main, member, &member->thread);
	if (rc != 0) {
		member_fini(member);
		return rc;
	}
	crew->nr++;
	return 0;
}

int svart_fault_crew_create(struct svart_fault_service *s, struct svart_fault_crew **out)
{
	uint32_t nr = s->params.resolvers;
	struct svart_fault_crew *crew = calloc(1, sizeof(*crew) + nr * sizeof(crew->members[0]));
	int rc = -ENOMEM;

	if (crew == NULL)
		goto fail;
	crew->service = s;
	pthread_mutex_init(&crew->mutex, NULL);
	pthread_cond_init(&crew->settled, NULL);
	sem_init(&crew->alarm, 0, 0);
	rc = svart_work_queue_create(s->params.max_requests, &crew->todo);
	if (rc != 0)
		goto destroy_crew;
	while (crew->nr < nr) {
		rc = member_start(crew);
		if (rc != 0) {
			svart_fault_crew_destroy(crew, true);
			return rc;
		}
	}
	*out = crew;
	return 0;

destroy_crew:
	svart_fault_crew_destroy(crew, true);
fail:
	return svart_fail(rc, "no memory for the resolvers of a fault service: ask for less");
}

static void members_join(struct svart_fault_crew *crew)
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

void svart_fault_crew_destroy(struct svart_fault_crew *crew, bool join)
{
	uint32_t i;

	if (crew == NULL)
		return;
	if (join)
		members_join(crew);
	for (i = 0; i < crew->nr; i++)
		member_fini(&crew->members[i]);
	svart_work_queue_destroy(crew->todo);
	free(crew);
}

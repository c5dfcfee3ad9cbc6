/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>
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

/**
 * One resolver thread.
 *
 * Owner: itself. Lifetime: the crew's. Locks: none.
 */
struct crew_member {
	struct svart_fault_crew *crew;
	struct svart_fault_worker worker;
	pthread_t thread;
};

/**
 * The resolver threads of a service.
 *
 * Both rings have one producer and one consumer at a time: passes, by the gate, at one end, members,
 * by the mutex, at the other. They have room for every group there can be, so putting never fails.
 *
 * Owner: the service. Lifetime: the service's. Locks: mutex, for stop, handed, taken, the members' end of the rings,
 * and the lanes' claims; never held while a page is resolved or an answer sent.
 */
struct svart_fault_crew {
	struct svart_fault_service *service;
	pthread_mutex_t mutex;
	pthread_cond_t work;    /**< There is something to do, or stop is set. */
	pthread_cond_t settled; /**< A lane has no claims any more. */
	bool stop;
	uint32_t handed; /**< Groups put into todo so far, and taken; both run free. */
	uint32_t taken;
	atomic_bool wanted; /**< Passes wait for nodes. */
	struct rte_ring *todo;
	struct rte_ring *done;
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

void svart_fault_crew_hand(struct svart_fault_crew *crew, const uint32_t *groups, uint32_t nr)
{
	rte_ring_enqueue_bulk_elem(crew->todo, groups, sizeof(*groups), nr, NULL);
	pthread_mutex_lock(&crew->mutex);
	crew->handed += nr;
	if (nr > SVART_FAULT_RESOLVE_BURST)
		pthread_cond_broadcast(&crew->work);
	else
		pthread_cond_signal(&crew->work);
	pthread_mutex_unlock(&crew->mutex);
}

uint32_t svart_fault_crew_take(struct svart_fault_crew *crew, uint32_t *groups, uint32_t nr)
{
	return rte_ring_dequeue_burst_elem(crew->done, groups, sizeof(*groups), nr, NULL);
}

void svart_fault_crew_want(struct svart_fault_crew *crew)
{
	/*
	 * Orders this before the look at the ring that follows; pairs with the exchange in
	 * groups_serve(), after its own putting: one of the two sees the other.
	 */
	atomic_exchange_explicit(&crew->wanted, true, memory_order_acq_rel);
}

void svart_fault_crew_settle(struct svart_fault_crew *crew, struct svart_fault_lane *lane)
{
	pthread_mutex_lock(&crew->mutex);
	while (lane->claims != 0)
		pthread_cond_wait(&crew->settled, &crew->mutex);
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

	pthread_mutex_lock(&crew->mutex);
	lane->claims++;
	pthread_mutex_unlock(&crew->mutex);

	svart_fault_resolve(&member->worker, groups, nr);

	pthread_mutex_lock(&crew->mutex);
	rte_ring_enqueue_bulk_elem(crew->done, groups, sizeof(*groups), nr, NULL);
	if (--lane->claims == 0)
		pthread_cond_broadcast(&crew->settled);
	pthread_mutex_unlock(&crew->mutex);
	if (atomic_exchange_explicit(&crew->wanted, false, memory_order_acq_rel))
		svart_fault_wake(s);
}

/**
 * With the mutex: takes a fair share of what waits, and wakes the next one for the rest. A page that
 * takes long to come holds up the groups that were taken with it, and no others.
 */
static uint32_t share_take(struct svart_fault_crew *crew, uint32_t *groups, uint32_t nr)
{
	/* What is in the ring and not counted yet is taken when it is. */
	uint32_t resolvers = crew->service->params.resolvers;
	uint32_t share = (crew->handed - crew->taken + resolvers - 1) / resolvers;
	unsigned int left = 0;
	uint32_t got = rte_ring_dequeue_burst_elem(
		crew->todo, groups, sizeof(*groups), share < nr ? share : nr, &left);

	crew->taken += got;
	if (left != 0)
		pthread_cond_signal(&crew->work);
	return got;
}

/** Waits for groups. @return how many, 0 to end. */
static uint32_t groups_get(struct svart_fault_crew *crew, uint32_t *groups, uint32_t nr)
{
	uint32_t got = 0;

	pthread_mutex_lock(&crew->mutex);
	while (!crew->stop) {
		got = share_take(crew, groups, nr);
		if (got != 0)
			break;
		pthread_cond_wait(&crew->work, &crew->mutex);
	}
	pthread_mutex_unlock(&crew->mutex);
	return got;
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

/** Starts one more member. */
static int member_start(struct svart_fault_crew *crew)
{
	struct crew_member *member = &crew->members[crew->nr];
	char name[16];
	int rc;

	member->crew = crew;
	rc = svart_fault_worker_init(&member->worker, crew->service);
	if (rc != 0)
		return svart_fail(rc, "no memory for a resolver thread: ask for fewer resolvers");
	snprintf(name, sizeof(name), "svart-res-%u", crew->nr);
	rc = svart_fault_thread_start(crew->service, name, member_main, member, &member->thread);
	if (rc != 0) {
		svart_fault_worker_fini(&member->worker);
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
	pthread_cond_init(&crew->work, NULL);
	pthread_cond_init(&crew->settled, NULL);
	rc = ring_create(s->params.max_requests, &crew->todo);
	if (rc == 0)
		rc = ring_create(s->params.max_requests, &crew->done);
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

	pthread_mutex_lock(&crew->mutex);
	crew->stop = true;
	pthread_cond_broadcast(&crew->work);
	pthread_mutex_unlock(&crew->mutex);
	for (i = 0; i < crew->nr; i++)
		pthread_join(crew->members[i].thread, NULL);
	pthread_cond_destroy(&crew->settled);
	pthread_cond_destroy(&crew->work);
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
		svart_fault_worker_fini(&crew->members[i].worker);
	free(crew->done);
	free(crew->todo);
	free(crew);
}

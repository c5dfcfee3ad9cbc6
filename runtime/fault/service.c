/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "service.h"

#include <errno.h>
#include <stdlib.h>

#include "bits.h"
#include "engine.h"
#include "error.h"

#define DEFAULT_MAX_REQUESTS 4096
#define MIN_MAX_REQUESTS     64
#define MAX_MAX_REQUESTS     65536
/**
 * Partial groups of a source that delivers groups whole: one, and one that is being refused. A few
 * more cost nothing.
 */
#define WHOLE_MAX_GROUPS 16

int svart_fault_worker_init(struct svart_fault_worker *w, struct svart_fault_service *s)
{
	w->service = s;
	w->groups = calloc(s->params.max_requests, sizeof(*w->groups));
	w->pages = calloc(s->params.max_requests, sizeof(*w->pages));
	if (w->groups != NULL && w->pages != NULL)
		return 0;
	svart_fault_worker_fini(w);
	return -ENOMEM;
}

void svart_fault_worker_fini(struct svart_fault_worker *w)
{
	free(w->pages);
	free(w->groups);
}

/** Fills in the defaults. @return 0 or -EINVAL, told. */
static int params_check(struct svart_fault_params *p, bool eal)
{
	if (p->max_requests == 0)
		p->max_requests = DEFAULT_MAX_REQUESTS;
	if ((unsigned int)p->run > SVART_FAULT_RUN_INLINE)
		return svart_fail(-EINVAL, "run %u is none of enum svart_fault_run", p->run);
	if (p->resolvers > SVART_FAULT_MAX_RESOLVERS)
		return svart_fail(-EINVAL, "resolvers %u is more than %d", p->resolvers,
			SVART_FAULT_MAX_RESOLVERS);
	if (!svart_is_pow2(p->max_requests) || p->max_requests < MIN_MAX_REQUESTS ||
		p->max_requests > MAX_MAX_REQUESTS)
		return svart_fail(-EINVAL, "max_requests %u is not a power of two from %d to %d",
			p->max_requests, MIN_MAX_REQUESTS, MAX_MAX_REQUESTS);
	if (p->run == SVART_FAULT_RUN_INLINE && p->resolvers != 0)
		return svart_fail(-EINVAL,
			"resolvers %u: an inline service has none; let it run "
			"as a thread",
			p->resolvers);
	if (p->deadline_ns != 0 && p->resolvers == 0)
		return svart_fail(-EINVAL, "deadline_ns needs resolvers: a thread that maps pages "
					   "cannot watch a clock; ask for at least one");
	if (p->run == SVART_FAULT_RUN_DPDK && !eal)
		return svart_fail(-ENOTSUP, "a DPDK service needs EAL, which is not running: start "
					    "it, or let the service run as a thread");
	return 0;
}

static void service_free(struct svart_fault_service *s)
{
	uint32_t i;

	for (i = 0; i < SVART_FAULT_MAX_SOURCES; i++)
		svart_fault_counters_free(&s->lanes[i]);
	svart_fault_worker_fini(&s->worker);
	svart_group_pool_destroy(s->pool);
	free(s->ready);
	free(s->groups);
	free(s);
}

/** Allocates a service and all it will ever need but its threads. */
static int service_alloc(
	const struct svart_fault_params *params, bool eal, struct svart_fault_service **out)
{
	struct svart_fault_service *s = calloc(1, sizeof(*s));
	uint32_t nr = params->max_requests;

	if (s == NULL)
		return -ENOMEM;
	s->params = *params;
	s->eal = eal;
	s->wake_fd = -1;
	s->groups = calloc(nr, sizeof(*s->groups));
	s->ready = calloc(nr, sizeof(*s->ready));
	if (s->groups == NULL || s->ready == NULL || svart_group_pool_create(nr, &s->pool) != 0 ||
		svart_fault_worker_init(&s->worker, s) != 0) {
		s->worker = (struct svart_fault_worker){ 0 };
		service_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

int svart_fault_service_init(
	const struct svart_fault_params *params, bool eal, struct svart_fault_service **out)
{
	struct svart_fault_params p = { 0 };
	struct svart_fault_service *s;
	int rc;

	if (params != NULL)
		p = *params;
	rc = params_check(&p, eal);
	if (rc != 0)
		return rc;
	rc = service_alloc(&p, eal, &s);
	if (rc != 0)
		return svart_fail(rc, "no memory for a fault service of %u requests: ask for fewer",
			p.max_requests);
	svart_gate_init(&s->gate);
	if (p.resolvers != 0) {
		rc = svart_fault_crew_create(s, &s->crew);
		if (rc != 0)
			goto fini_gate;
	}
	rc = svart_fault_run_start(s);
	if (rc != 0)
		goto destroy_crew;
	*out = s;
	return 0;

destroy_crew:
	svart_fault_crew_destroy(s->crew, true);
fini_gate:
	svart_gate_fini(&s->gate);
	service_free(s);
	return rc;
}

int svart_fault_service_fini(struct svart_fault_service *s)
{
	bool dead = atomic_load(&s->dead);

	if (s->nr_sources != 0)
		return svart_fail(-EBUSY,
			"the fault service still serves %u sources: close their "
			"devices first",
			s->nr_sources);
	/* In a forked child the threads do not exist, and locks may be held by them for ever. */
	if (!dead)
		svart_fault_run_stop(s);
	svart_fault_crew_destroy(s->crew, !dead);
	if (!dead)
		svart_gate_fini(&s->gate);
	service_free(s);
	return 0;
}

void svart_fault_service_set_owner(struct svart_fault_service *s, void *owner)
{
	s->owner = owner;
}

void *svart_fault_service_owner(const struct svart_fault_service *s)
{
	return s->owner;
}

void svart_fault_service_mark_dead(struct svart_fault_service *s)
{
	atomic_store(&s->dead, true);
}

/** @return a free lane, or NULL. Inside the gate. */
static struct svart_fault_lane *lane_find_free(struct svart_fault_service *s)
{
	uint32_t i;

	for (i = 0; i < SVART_FAULT_MAX_SOURCES; i++)
		if (s->lanes[i].state == SVART_FAULT_LANE_FREE)
			return &s->lanes[i];
	return NULL;
}

struct svart_fault_lane *svart_fault_lane_find(
	struct svart_fault_service *s, const struct svart_fault_source *source)
{
	uint32_t i;

	for (i = 0; i < s->nr_lanes; i++)
		if (s->lanes[i].state == SVART_FAULT_LANE_ACTIVE && s->lanes[i].source == source)
			return &s->lanes[i];
	return NULL;
}

/** Opens a lane. Inside the gate. */
static int lane_open(struct svart_fault_service *s, struct svart_fault_source *source,
	struct svart_space *space, struct svart_grouper *grouper)
{
	struct svart_fault_lane *lane = lane_find_free(s);
	uint32_t index;
	int rc;

	if (lane == NULL)
		return svart_fail(-ENOSPC,
			"a fault service serves %d sources at most: create one more",
			SVART_FAULT_MAX_SOURCES);
	rc = svart_fault_counters_open(lane);
	if (rc != 0)
		return svart_fail(rc, "no memory for the counters of a fault source: free some");
	rc = svart_fault_machine_get(s, source->m);
	if (rc != 0)
		return rc;
	lane->source = source;
	lane->space = space;
	lane->grouper = grouper;
	lane->mode = SVART_FAULT_DEFERRED;
	lane->readable = false;
	lane->retry_ns = 0;
	lane->starved_ns = 0;
	lane->malformed = source->malformed;
	lane->oldest = SVART_GROUP_NONE;
	lane->newest = SVART_GROUP_NONE;
	atomic_store(&lane->lost, false);
	atomic_store(&lane->settling, false);
	lane->state = SVART_FAULT_LANE_ACTIVE;
	index = (uint32_t)(lane - s->lanes);
	if (index >= s->nr_lanes)
		s->nr_lanes = index + 1;
	s->nr_sources++;
	return 0;
}

/** Makes the service that of all sources that go with this one. @return 0, -EINVAL another has some. */
static int source_claim(struct svart_fault_service *s, struct svart_fault_source *source)
{
	struct svart_fault_service *other = NULL;

	if (source->service == NULL || atomic_compare_exchange_strong(source->service, &other, s) ||
		other == s)
		return 0;
	return svart_fail(-EINVAL,
		"another fault service has the raw queues of the device: use one "
		"service for all its attachments");
}

int svart_fault_service_add(
	struct svart_fault_service *s, struct svart_fault_source *source, struct svart_space *space)
{
	uint32_t max_groups = source->ops->whole_groups ? WHOLE_MAX_GROUPS : s->params.max_requests;
	struct svart_grouper *grouper;
	int rc;

	if (atomic_load(&s->dead))
		return svart_fail(-EPERM, "the fault service belongs to the parent process: create "
					  "one after the fork");
	rc = source_claim(s, source);
	if (rc != 0)
		return rc;
	rc = svart_grouper_create_on(s->pool, max_groups, &grouper);
	if (rc != 0)
		return svart_fail(rc, "no memory for the groups of a fault source: free some");
	svart_gate_enter_control(&s->gate, svart_fault_kick, s);
	rc = lane_open(s, source, space, grouper);
	svart_gate_leave(&s->gate);
	if (rc != 0)
		svart_grouper_destroy(grouper);
	return rc;
}

/** Closes a lane that nobody uses any more. Inside the gate. @return a hook to take off, or NULL. */
static struct svart_idle_hook *lane_close(
	struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	struct svart_machine *m = lane->source->m;

	svart_grouper_destroy(lane->grouper);
	lane->source = NULL;
	lane->space = NULL;
	lane->grouper = NULL;
	lane->state = SVART_FAULT_LANE_FREE;
	s->nr_sources--;
	while (s->nr_lanes > 0 && s->lanes[s->nr_lanes - 1].state == SVART_FAULT_LANE_FREE)
		s->nr_lanes--;
	return svart_fault_machine_put(s, m);
}

/** In a forked child: nothing that a thread of the parent may have been changing is touched. */
static void lane_forget(struct svart_fault_service *s, const struct svart_fault_source *source)
{
	struct svart_fault_lane *lane = svart_fault_lane_find(s, source);

	if (lane == NULL)
		return;
	svart_grouper_destroy(lane->grouper);
	lane->state = SVART_FAULT_LANE_FREE;
	s->nr_sources--;
}

/** What is queued at the source and was not fetched ends there. Inside the gate. */
static void lane_flush(struct svart_fault_lane *lane)
{
	struct svart_fault_source *source = lane->source;
	size_t nr = source->ops->flush != NULL ? source->ops->flush(source) : 0;

	svart_fault_count(&svart_fault_counters(lane)->page_requests, nr);
	svart_fault_count(&svart_fault_counters(lane)->dropped, nr);
}

void svart_fault_service_remove(struct svart_fault_service *s, struct svart_fault_source *source)
{
	struct svart_idle_hook *hook = NULL;
	struct svart_machine *m = source->m;
	struct svart_fault_lane *lane;

	if (atomic_load(&s->dead)) {
		lane_forget(s, source);
		return;
	}
	svart_gate_enter_control(&s->gate, svart_fault_kick, s);
	lane = svart_fault_lane_find(s, source);
	if (lane == NULL) {
		svart_gate_leave(&s->gate);
		return;
	}
	lane->state = SVART_FAULT_LANE_REMOVING;
	svart_fault_drop_partial(lane);
	svart_fault_abandon(s, lane);
	lane_flush(lane);
	svart_gate_leave(&s->gate);

	/* Outside the gate, so that other sources are served while a long map of this one ends. */
	if (s->crew != NULL)
		svart_fault_crew_settle(s->crew, lane);

	svart_gate_enter_control(&s->gate, svart_fault_kick, s);
	svart_fault_reap(s);
	hook = lane_close(s, lane);
	svart_gate_leave(&s->gate);
	if (hook != NULL)
		svart_machine_idle_remove(m, hook);
}

void svart_fault_service_set_mode(struct svart_fault_service *s,
	const struct svart_fault_source *source, enum svart_fault_mode mode)
{
	struct svart_fault_lane *lane;

	svart_gate_enter_control(&s->gate, svart_fault_kick, s);
	lane = svart_fault_lane_find(s, source);
	if (lane != NULL)
		lane->mode = mode;
	svart_gate_leave(&s->gate);
}

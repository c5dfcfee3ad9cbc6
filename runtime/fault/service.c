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
 * How long control calls wait for a thread that maps a page, which can take for ever. It is as long as a
 * queue drains.
 */
#define PATIENCE_S 2

static struct timespec patience_end(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PATIENCE_S;
	return end;
}

/** Tells that a thread maps a page and has not come back. @return -EBUSY. */
static int tell_stuck(void)
{
	return svart_fail(-EBUSY,
		"the fault service maps a page of the process that has not come for %d s: have it "
		"supplied (by its userfaultfd handler, or its file system), then call again",
		PATIENCE_S);
}

/** Allocates a worker's arrays; the caller frees them also after an error. @return 0 or -ENOMEM. */
static int worker_init(struct svart_fault_worker *w, struct svart_fault_service *s)
{
	w->service = s;
	w->groups = calloc(s->params.max_requests, sizeof(*w->groups));
	w->pages = calloc(s->params.max_requests, sizeof(*w->pages));
	return w->groups != NULL && w->pages != NULL ? 0 : -ENOMEM;
}

static void worker_fini(struct svart_fault_worker *w)
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
	for (i = 0; s->workers != NULL && i < s->params.resolvers; i++)
		worker_fini(&s->workers[i]);
	free(s->workers);
	worker_fini(&s->worker);
	svart_group_pool_destroy(s->pool);
	free(s->ready);
	free(atomic_load(&s->wing_groups));
	free(s->groups);
	free(s);
}

/** Allocates a service and all that it will ever need, except its threads. */
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
		worker_init(&s->worker, s) != 0) {
		service_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

/** As svart_space_listener.wake and svart_crew_job.wake. */
static void wake(void *service)
{
	svart_fault_wake(service);
}

/* --- the crew ------------------------------------------------------------------------------------ */

static struct svart_crew_claim *group_claim(void *service, uint32_t group)
{
	struct svart_fault_service *s = service;

	return &s->lanes[s->groups[group].lane].claim;
}

/**
 * Does a resolver's work. A thread that finds a group claimed (svart_fault_resolve()) also finds the claim on
 * its lane.
 * @return whether some group was put aside: the invalidation that it waits for may have ended before a pass
 *         could see that it waits.
 */
static bool groups_serve(void *service, uint32_t member, const uint32_t *groups, uint32_t nr)
{
	struct svart_fault_worker *w = &((struct svart_fault_service *)service)->workers[member];

	w->put_aside = false;
	svart_fault_resolve(w, groups, nr);
	return w->put_aside;
}

/** Starts the resolvers. @return 0 or -errno, told. */
static int crew_start(struct svart_fault_service *s)
{
	const struct svart_crew_job job = {
		.nr_members = s->params.resolvers,
		.nr_max = s->params.max_requests,
		.eal = s->eal,
		.arg = s,
		.claim = group_claim,
		.serve = groups_serve,
		.wake = wake,
	};
	uint32_t i;
	int rc = 0;

	s->workers = calloc(job.nr_members, sizeof(*s->workers));
	if (s->workers == NULL)
		rc = -ENOMEM;
	for (i = 0; rc == 0 && i < job.nr_members; i++)
		rc = worker_init(&s->workers[i], s);
	if (rc != 0)
		return svart_fail(rc, "no memory for the resolvers: ask for fewer resolvers");
	return svart_crew_create(&job, &s->crew);
}

/* --- life ---------------------------------------------------------------------------------------- */

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
		rc = crew_start(s);
		if (rc != 0)
			goto fini_gate;
	}
	rc = svart_fault_run_start(s);
	if (rc != 0)
		goto destroy_crew;
	*out = s;
	return 0;

destroy_crew:
	svart_crew_destroy(s->crew, true);
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
	/* In a forked child the threads do not exist, and may hold locks for ever. */
	if (!dead)
		svart_fault_run_stop(s);
	svart_crew_destroy(s->crew, !dead);
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

/** Opens a lane. Inside the gate. */
static int lane_open(struct svart_fault_service *s, struct svart_fault_source *source,
	struct svart_space *space, void *wing_state)
{
	struct svart_fault_lane *lane = svart_fault_lane_find_free(s);
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
	lane->space_nr = svart_fault_space_number(s, space);
	lane->space = space;
	lane->open = SVART_GROUP_OPEN_INIT;
	lane->wing = source->ops->wing;
	lane->wing_state = wing_state;
	lane->readable = false;
	lane->retry_ns = 0;
	lane->failures = 0;
	lane->starved_ns = 0;
	lane->malformed = source->malformed;
	lane->oldest = SVART_GROUP_NONE;
	lane->newest = SVART_GROUP_NONE;
	lane->nr_resting = 0;
	lane->lessee = NULL;
	lane->step_pages = 0;
	/* A group may wait for the end of an invalidation. */
	lane->listener = (struct svart_space_listener){ .wake = wake, .arg = s };
	svart_space_listen(space, &lane->listener);
	atomic_store(&lane->lost, false);
	atomic_store(&lane->claim.settling, false);
	lane->state = SVART_FAULT_LANE_ACTIVE;
	index = (uint32_t)(lane - s->lanes);
	if (index >= s->nr_lanes)
		s->nr_lanes = index + 1;
	s->nr_sources++;
	s->nr_watched += svart_fault_source_watched(source);
	return 0;
}

/**
 * Makes this the service of all sources that belong together with this one. @return 0, -EINVAL another
 * service has some.
 */
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
	const struct svart_fault_wing *wing = source->ops->wing;
	void *wing_state = NULL;
	struct timespec end;
	int rc;

	if (atomic_load(&s->dead))
		return svart_fail(-EPERM, "the fault service belongs to the parent process: create "
					  "one after the fork");
	rc = source_claim(s, source);
	if (rc != 0)
		return rc;
	if (wing != NULL)
		rc = wing->create(s, &wing_state);
	if (rc != 0)
		return svart_fail(rc, "no memory for the groups of a fault source: free some");
	end = patience_end();
	if (svart_gate_enter_control(&s->gate, svart_fault_kick, s, &end)) {
		rc = lane_open(s, source, space, wing_state);
		svart_gate_leave(&s->gate);
	} else {
		rc = tell_stuck();
	}
	if (rc != 0 && wing != NULL)
		wing->destroy(wing_state);
	return rc;
}

/** Closes a lane that is not used any more. Inside the gate. @return a hook to take off, or NULL. */
static struct svart_idle_hook *lane_close(
	struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	struct svart_machine *m = lane->source->m;

	svart_space_unlisten(lane->space, &lane->listener);
	if (lane->wing != NULL)
		lane->wing->destroy(lane->wing_state);
	s->nr_watched -= svart_fault_source_watched(lane->source);
	lane->source = NULL;
	lane->space = NULL;
	lane->wing = NULL;
	lane->wing_state = NULL;
	lane->state = SVART_FAULT_LANE_FREE;
	s->nr_sources--;
	while (s->nr_lanes > 0 && s->lanes[s->nr_lanes - 1].state == SVART_FAULT_LANE_FREE)
		s->nr_lanes--;
	return svart_fault_machine_put(s, m);
}

/** Closes a lane in a forked child. It touches nothing that a thread of the parent may have been changing. */
static void lane_forget(struct svart_fault_service *s, const struct svart_fault_source *source)
{
	struct svart_fault_lane *lane = svart_fault_lane_find(s, source);

	if (lane == NULL)
		return;
	if (lane->wing != NULL)
		lane->wing->destroy(lane->wing_state);
	lane->state = SVART_FAULT_LANE_FREE;
	s->nr_sources--;
}

/** Flushes the records that are queued at the source and were not fetched. Inside the gate. */
static void lane_flush(struct svart_fault_lane *lane)
{
	struct svart_fault_source *source = lane->source;
	size_t nr = source->ops->flush != NULL ? source->ops->flush(source) : 0;

	svart_fault_count_malformed(lane);
	svart_fault_count(&svart_fault_counters(lane)->page_requests, nr);
	svart_fault_count(&svart_fault_counters(lane)->dropped, nr);
}

/** Ends the fetching from a lane, and answers its groups that no resolver has. Inside the gate. */
static void removal_begin(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	lane->state = SVART_FAULT_LANE_REMOVING;
	svart_fault_drop_partial(s, lane);
	svart_fault_abandon(s, lane);
	/* Groups that a wing kept back are ready now, and are already answered: this frees them. */
	svart_fault_ready_flush(s);
	lane_flush(lane);
}

int svart_fault_service_release(struct svart_fault_service *s, struct svart_fault_source *source)
{
	const struct timespec end = patience_end();
	struct svart_fault_lane *lane;

	if (atomic_load(&s->dead))
		return 0;
	if (!svart_gate_enter_control(&s->gate, svart_fault_kick, s, &end))
		return tell_stuck();
	lane = svart_fault_lane_of(s, source);
	if (lane != NULL && lane->state == SVART_FAULT_LANE_ACTIVE)
		removal_begin(s, lane);
	svart_gate_leave(&s->gate);
	/* It waits outside the gate, so that other sources are served while a long map of this one ends. */
	if (lane != NULL && s->crew != NULL && !svart_crew_settle(s->crew, &lane->claim, &end))
		return tell_stuck();
	return 0;
}

int svart_fault_service_remove(struct svart_fault_service *s, struct svart_fault_source *source)
{
	struct svart_idle_hook *hook = NULL;
	struct svart_machine *m = source->m;
	struct svart_fault_lane *lane;
	struct timespec end;
	int rc;

	if (atomic_load(&s->dead)) {
		lane_forget(s, source);
		return 0;
	}
	rc = svart_fault_service_release(s, source);
	if (rc != 0)
		return rc;
	end = patience_end();
	if (!svart_gate_enter_control(&s->gate, svart_fault_kick, s, &end))
		return tell_stuck();
	lane = svart_fault_lane_of(s, source);
	if (lane != NULL) {
		svart_fault_reap(s);
		hook = lane_close(s, lane);
	}
	svart_gate_leave(&s->gate);
	if (hook != NULL)
		svart_machine_idle_remove(m, hook);
	return 0;
}

int svart_fault_service_set_mode(struct svart_fault_service *s,
	const struct svart_fault_source *source, enum svart_fault_mode mode)
{
	const struct timespec end = patience_end();
	struct svart_fault_lane *lane;

	if (!svart_gate_enter_control(&s->gate, svart_fault_kick, s, &end))
		return tell_stuck();
	lane = svart_fault_lane_find(s, source);
	if (lane != NULL && lane->wing != NULL)
		lane->wing->set_mode(lane, mode);
	svart_gate_leave(&s->gate);
	return 0;
}

int svart_fault_service_lease(struct svart_fault_service *s,
	const struct svart_fault_source *source, struct svart_lessee *lessee, uint32_t step_pages)
{
	const struct timespec end = patience_end();
	struct svart_fault_lane *lane;

	if (!svart_gate_enter_control(&s->gate, svart_fault_kick, s, &end))
		return tell_stuck();
	lane = svart_fault_lane_find(s, source);
	if (lane != NULL) {
		lane->lessee = lessee;
		lane->step_pages = step_pages;
	}
	svart_gate_leave(&s->gate);
	return 0;
}

int svart_fault_service_ask_again(
	struct svart_fault_service *s, const struct svart_fault_source *source)
{
	const struct timespec end = patience_end();
	struct svart_fault_lane *lane;
	int rc = 0;

	if (atomic_load(&s->dead))
		return 0;
	if (!svart_gate_enter_control(&s->gate, svart_fault_kick, s, &end))
		return tell_stuck();
	lane = svart_fault_lane_find(s, source);
	if (lane != NULL)
		rc = svart_fault_ask_again(s, lane);
	svart_gate_leave(&s->gate);
	if (rc != 0)
		return svart_fail(-EBUSY,
			"page requests that were sent cannot be read for %d s: call again",
			PATIENCE_S);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>

/** How long a source that said "later" is left alone. */
#define RETRY_NS UINT64_C(1000000)

/* --- groups that wait for their answer --------------------------------------------------------- */

static void waiting_add(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t group)
{
	s->groups[group].waiting = true;
	s->groups[group].prev = lane->newest;
	s->groups[group].next = SVART_GROUP_NONE;
	if (lane->newest == SVART_GROUP_NONE)
		lane->oldest = group;
	else
		s->groups[lane->newest].next = group;
	lane->newest = group;
}

static void waiting_remove(struct svart_fault_service *s, uint32_t group)
{
	struct svart_fault_group *g = &s->groups[group];
	struct svart_fault_lane *lane = &s->lanes[g->lane];

	if (!g->waiting)
		return;
	g->waiting = false;
	if (g->prev == SVART_GROUP_NONE)
		lane->oldest = g->next;
	else
		s->groups[g->prev].next = g->next;
	if (g->next == SVART_GROUP_NONE)
		lane->newest = g->prev;
	else
		s->groups[g->next].prev = g->prev;
}

/** Takes back a group that nobody else can touch any more. */
static void group_release(struct svart_fault_service *s, uint32_t group)
{
	waiting_remove(s, group);
	atomic_store_explicit(
		&s->groups[group].state, SVART_FAULT_GROUP_FREE, memory_order_relaxed);
	svart_group_pool_release(s->pool, group);
	s->nr_held--;
}

void svart_fault_reap(struct svart_fault_service *s)
{
	uint32_t done[SVART_FAULT_RESOLVE_BURST];
	uint32_t i, nr;

	if (s->crew == NULL)
		return;
	while ((nr = svart_fault_crew_take(s->crew, done, SVART_FAULT_RESOLVE_BURST)) != 0) {
		for (i = 0; i < nr; i++)
			group_release(s, done[i]);
		s->worked = true;
	}
}

/* --- deadlines ----------------------------------------------------------------------------------- */

/** Answers a lane's groups whose time is up; their resolvers will find that out by themselves. */
static void lane_expire(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint64_t now = svart_fault_now(lane);
	struct svart_fault_group *g;
	uint32_t group;

	while ((group = lane->oldest) != SVART_GROUP_NONE) {
		g = &s->groups[group];
		if (now - g->fetched_ns < s->params.deadline_ns)
			break;
		waiting_remove(s, group);
		/* A state moves forward only, so one of the two holds unless it was answered. */
		if (svart_fault_group_move(
			    g, SVART_FAULT_GROUP_QUEUED, SVART_FAULT_GROUP_ANSWERED) ||
			svart_fault_group_move(
				g, SVART_FAULT_GROUP_RESOLVING, SVART_FAULT_GROUP_ANSWERED)) {
			svart_fault_count(&s->counters.deadlines, 1);
			svart_fault_answer_group(&s->worker, group, SVART_PAGE_RESPONSE_INVALID);
		}
	}
}

static void lanes_expire(struct svart_fault_service *s)
{
	uint32_t i;

	if (s->params.deadline_ns == 0)
		return;
	for (i = 0; i < s->nr_lanes; i++)
		if (s->lanes[i].oldest != SVART_GROUP_NONE)
			lane_expire(s, &s->lanes[i]);
}

/** Nanoseconds from now to then, 0 if it has passed. */
static uint64_t time_left(uint64_t now, uint64_t then)
{
	return then > now ? then - now : 0;
}

uint64_t svart_fault_starved_ns(const struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint64_t now;

	if (!svart_fault_starved(s)) {
		lane->starved_ns = 0;
		return 0;
	}
	if (s->params.deadline_ns == 0)
		return UINT64_MAX;
	now = svart_fault_now(lane);
	if (lane->starved_ns == 0)
		lane->starved_ns = now;
	return time_left(now - lane->starved_ns, s->params.deadline_ns);
}

/** When an open lane is to be looked at without its fd being readable. */
static uint64_t lane_fetch_due_ns(
	const struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint64_t starved = svart_fault_starved_ns(s, lane);

	if (starved != 0)
		return starved;
	if (lane->retry_ns != 0)
		return time_left(svart_fault_now(lane), lane->retry_ns);
	return lane->source->buffered != 0 ? 0 : UINT64_MAX;
}

static uint64_t lane_due_ns(const struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint64_t due = UINT64_MAX, fetch_due, age;

	if (lane->oldest != SVART_GROUP_NONE && s->params.deadline_ns != 0) {
		age = svart_fault_now(lane) - s->groups[lane->oldest].fetched_ns;
		due = time_left(age, s->params.deadline_ns);
	}
	if (!svart_fault_lane_open(lane))
		return due;
	fetch_due = lane_fetch_due_ns(s, lane);
	return fetch_due < due ? fetch_due : due;
}

uint64_t svart_fault_due_ns(struct svart_fault_service *s)
{
	uint64_t due = UINT64_MAX, lane_due;
	uint32_t i;

	for (i = 0; i < s->nr_lanes; i++) {
		if (s->lanes[i].state == SVART_FAULT_LANE_FREE)
			continue;
		lane_due = lane_due_ns(s, &s->lanes[i]);
		if (lane_due < due)
			due = lane_due;
	}
	return due;
}

/* --- fetching and grouping ----------------------------------------------------------------------- */

void svart_fault_drop_partial(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	svart_fault_count(&s->counters.dropped, svart_grouper_drop_partial(lane->grouper));
}

void svart_fault_abandon(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint32_t group, next;

	for (group = lane->oldest; group != SVART_GROUP_NONE; group = next) {
		next = s->groups[group].next;
		if (!svart_fault_group_move(&s->groups[group], SVART_FAULT_GROUP_QUEUED,
			    SVART_FAULT_GROUP_ANSWERED))
			continue;
		waiting_remove(s, group);
		svart_fault_answer_group(&s->worker, group, SVART_PAGE_RESPONSE_INVALID);
	}
	svart_fault_flush(&s->worker);
}

/** A group is complete: it is handed on at the end of the pass. */
static void group_ready(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t group, uint64_t now)
{
	struct svart_fault_group *g = &s->groups[group];

	g->lane = (uint32_t)(lane - s->lanes);
	g->code = SVART_PAGE_RESPONSE_SUCCESS;
	g->fetched_ns = now;
	g->waiting = false;
	atomic_store_explicit(&g->state, SVART_FAULT_GROUP_QUEUED, memory_order_relaxed);
	waiting_add(s, lane, group);
	s->ready[s->nr_ready++] = group;
	s->nr_held++;
}

/** There is no node for what is owed an answer: the answer is INVALID, and needs none. */
static void request_abort(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	svart_fault_answer(&s->worker, lane, request, SVART_PAGE_RESPONSE_INVALID, now);
}

/**
 * A record that is owed an answer of its own before its group is complete: resolved as a group of
 * one beside its group, of which it stays a member: its page may have gone again at the LAST.
 */
static void request_own(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	uint32_t group;

	if (svart_group_pool_take(s->pool, request, &group) == 0)
		group_ready(s, lane, group, now);
	else
		request_abort(s, lane, request, now);
}

static bool request_is_stop_marker(const struct svart_page_request *request)
{
	return (request->flags & SVART_PAGE_REQUEST_LAST) &&
	       !(request->flags & SVART_PAGE_REQUEST_MALFORMED) &&
	       !(request->access & (SVART_ACCESS_READ | SVART_ACCESS_WRITE | SVART_ACCESS_EXEC));
}

static void request_take(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	bool last = (request->flags & SVART_PAGE_REQUEST_LAST) != 0;
	uint32_t before = svart_group_pool_free(s->pool), group;
	int rc;

	if (!lane->source->ops->answers_stop_markers && request_is_stop_marker(request))
		return;
	if (request->flags & SVART_PAGE_REQUEST_MALFORMED)
		svart_fault_count(&s->counters.dropped, 1);
	if (last)
		svart_fault_count(&s->counters.groups, 1);
	rc = svart_grouper_add(lane->grouper, request, &group);
	if (rc == -ENOMEM)
		svart_fault_count(
			&s->counters.dropped, svart_group_pool_free(s->pool) - before + 1);
	if (rc == 1)
		group_ready(s, lane, group, now);
	else if (last)
		request_abort(s, lane, request, now);
	else if (request->flags & SVART_PAGE_REQUEST_NEEDS_RESPONSE)
		request_own(s, lane, request, now);
}

static void fetch_failed(struct svart_fault_service *s, struct svart_fault_lane *lane, int rc)
{
	switch (rc) {
	case -EOVERFLOW:
		svart_fault_drop_partial(s, lane);
		break;
	case -ENODEV:
	case -EBADF:
		svart_fault_lose(s, lane);
		break;
	default: /* It may pass, and giving up would leave operations without an answer. */
		lane->retry_ns = svart_fault_now(lane) + RETRY_NS;
		break;
	}
}

/** Records the source took and could not deliver. */
static void malformed_count(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint64_t nr = lane->source->malformed - lane->malformed;

	lane->malformed = lane->source->malformed;
	svart_fault_count(&s->counters.page_requests, nr);
	svart_fault_count(&s->counters.dropped, nr);
}

/** Fetches a burst from a lane, no more than there are nodes for: the rest waits in the kernel. */
static void lane_fetch(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	struct svart_fault_source *source = lane->source;
	uint32_t room = svart_group_pool_free(s->pool);
	size_t nr = room < SVART_FAULT_FETCH_BURST ? room : SVART_FAULT_FETCH_BURST;
	ssize_t n, i;
	uint64_t now;

	if (svart_fault_starved_ns(s, lane) != 0)
		return;
	/*
	 * Partial groups hold every node, or groups that did not come back in time: more records can
	 * end the former, and those there is no node for are refused.
	 */
	if (nr == 0)
		nr = SVART_FAULT_FETCH_BURST;
	n = source->ops->fetch(source, s->fetched, nr);
	malformed_count(s, lane);
	if (n < 0) {
		fetch_failed(s, lane, (int)n);
		return;
	}
	if (n == 0)
		return;
	s->worked = true;
	now = svart_fault_now(lane);
	svart_fault_count(&s->counters.page_requests, (uint64_t)n);
	for (i = 0; i < n; i++)
		request_take(s, lane, &s->fetched[i], now);
}

static void lanes_fetch(struct svart_fault_service *s)
{
	struct svart_fault_lane *lane;
	uint32_t i;

	for (i = 0; i < s->nr_lanes; i++) {
		lane = &s->lanes[(s->turn + i) % s->nr_lanes];
		if (lane->state != SVART_FAULT_LANE_ACTIVE)
			continue;
		if (!svart_fault_lane_open(lane))
			svart_fault_drop_partial(s, lane);
		else if (lane->readable || (lane->retry_ns == 0 && lane->source->buffered != 0))
			lane_fetch(s, lane);
		lane->readable = false;
	}
	s->turn++;
}

/** Resolves and answers the groups of this pass, in this thread. */
static void ready_resolve(struct svart_fault_service *s)
{
	uint32_t i;

	svart_fault_resolve(&s->worker, s->ready, s->nr_ready);
	for (i = 0; i < s->nr_ready; i++)
		group_release(s, s->ready[i]);
}

uint32_t svart_fault_pass(struct svart_fault_service *s)
{
	s->worked = false;
	s->worker.outbox.nr_sent = 0;
	svart_fault_reap(s);
	lanes_expire(s);
	lanes_fetch(s);
	svart_fault_flush(&s->worker);
	if (s->nr_ready != 0 && s->crew != NULL)
		svart_fault_crew_hand(s->crew, s->ready, s->nr_ready);
	else if (s->nr_ready != 0)
		ready_resolve(s);
	s->nr_ready = 0;
	return s->worker.outbox.nr_sent;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>

#include "request_trace.h"

/** How long a source that said "later" is left alone. */
#define RETRY_NS UINT64_C(1000000)

/* --- deadlines ----------------------------------------------------------------------------------- */

/** A state moves forward only, so one of the two holds unless it was answered. */
static bool group_expire(struct svart_fault_group *g)
{
	return svart_fault_group_move(g, SVART_FAULT_GROUP_QUEUED, SVART_FAULT_GROUP_ANSWERED) ||
	       svart_fault_group_move(g, SVART_FAULT_GROUP_RESOLVING, SVART_FAULT_GROUP_ANSWERED);
}

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
		svart_fault_waiting_remove(s, group);
		if (!group_expire(g) || g->kind == SVART_FAULT_KIND_EAGER)
			continue;
		svart_fault_count(&svart_fault_counters(lane)->deadlines, 1);
		svart_trace_deadline(
			lane->source->device, svart_fault_last(s, group), now - g->fetched_ns);
		svart_fault_answer_group(&s->worker, group, SVART_PAGE_RESPONSE_INVALID);
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

/** Whether a lane's nodes are taken, and some will come back when their groups are done with. */
static bool lane_starved(const struct svart_fault_service *s, const struct svart_fault_lane *lane)
{
	return s->nr_held != 0 && svart_group_pool_free(s->pool) < svart_fault_record_nodes(lane);
}

bool svart_fault_starved(const struct svart_fault_service *s)
{
	uint32_t i;

	for (i = 0; i < s->nr_lanes; i++)
		if (svart_fault_lane_open(&s->lanes[i]) && lane_starved(s, &s->lanes[i]))
			return true;
	return false;
}

uint64_t svart_fault_starved_ns(const struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint64_t now;

	if (!lane_starved(s, lane)) {
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
	uint64_t due = s->nr_ready != 0 ? 0 : UINT64_MAX, lane_due;
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

size_t svart_fault_drop_partial(struct svart_fault_lane *lane)
{
	size_t nr = svart_grouper_drop_partial(lane->grouper);

	svart_fault_count(&svart_fault_counters(lane)->dropped, nr);
	return nr;
}

/** There is no node for what is owed an answer: the answer is INVALID, and needs none. */
static void request_abort(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	svart_fault_answer(&s->worker, lane, request, SVART_PAGE_RESPONSE_INVALID, now);
}

static bool request_is_stop_marker(const struct svart_page_request *request)
{
	return (request->flags & SVART_PAGE_REQUEST_LAST) &&
	       !(request->flags & SVART_PAGE_REQUEST_MALFORMED) &&
	       !(request->access & (SVART_ACCESS_READ | SVART_ACCESS_WRITE | SVART_ACCESS_EXEC));
}

/** A record of a partial group: is it handled before the LAST, because it must or because it may? */
static void request_partial(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t group, uint64_t now)
{
	if (request->flags & SVART_PAGE_REQUEST_NEEDS_RESPONSE) {
		if (svart_fault_single_ready(s, lane, request, SVART_FAULT_KIND_OWN, group, now) !=
			0)
			request_abort(s, lane, request, now);
	} else if (lane->mode == SVART_FAULT_EAGER && !lane->source->ops->whole_groups &&
		   svart_group_pool_free(s->pool) > s->nr_to_come) {
		/* Where nodes are scarce it waits for the LAST, as in deferred mode. */
		if (svart_fault_single_ready(
			    s, lane, request, SVART_FAULT_KIND_EAGER, group, now) == 0)
			svart_fault_count(&svart_fault_counters(lane)->eager_pages, 1);
	}
}

/** A record that could not be kept. @return -ENOMEM. */
static int request_refused(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t dropped, uint64_t now)
{
	svart_fault_count(&svart_fault_counters(lane)->dropped, dropped);
	if (request->flags & (SVART_PAGE_REQUEST_LAST | SVART_PAGE_REQUEST_NEEDS_RESPONSE))
		request_abort(s, lane, request, now);
	return -ENOMEM;
}

int svart_fault_report(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	struct svart_fault_counters *n = svart_fault_counters(lane);
	uint32_t before = svart_group_pool_free(s->pool), group;
	int rc;

	svart_trace_page_request(lane->source->device, request);
	if (!lane->source->ops->answers_stop_markers && request_is_stop_marker(request))
		return 0;
	if (request->flags & SVART_PAGE_REQUEST_LAST)
		svart_fault_count(&n->groups, 1);
	rc = svart_grouper_add(lane->grouper, request, &group);
	if (rc < 0)
		return request_refused(
			s, lane, request, svart_group_pool_free(s->pool) - before + 1, now);
	if (rc == 1)
		svart_fault_group_ready(s, lane, group, now);
	else
		request_partial(s, lane, request, group, now);
	if (!(request->flags & SVART_PAGE_REQUEST_MALFORMED))
		return 0;
	/* One of a partial group is counted if the group is dropped, and else is answered with it. */
	svart_fault_count(&n->dropped, rc == 1);
	return -EOPNOTSUPP;
}

static void lane_overflow(struct svart_fault_lane *lane)
{
	svart_fault_count(&svart_fault_counters(lane)->overflows, 1);
	svart_trace_overflow(lane->source->device, svart_fault_drop_partial(lane));
}

static void fetch_failed(struct svart_fault_lane *lane, int rc)
{
	switch (rc) {
	case -EOVERFLOW:
		lane_overflow(lane);
		break;
	case -ENODEV:
	case -EBADF:
		svart_fault_lose(lane);
		break;
	default: /* It may pass, and giving up would leave operations without an answer. */
		lane->retry_ns = svart_fault_now(lane) + RETRY_NS;
		break;
	}
}

/** Records the source took and could not deliver. */
static void malformed_count(struct svart_fault_lane *lane)
{
	struct svart_fault_counters *n = svart_fault_counters(lane);
	uint64_t nr = lane->source->malformed - lane->malformed;

	lane->malformed = lane->source->malformed;
	svart_fault_count(&n->page_requests, nr);
	svart_fault_count(&n->dropped, nr);
}

/**
 * How many records to fetch: what there are nodes for; the rest waits in the kernel. With none, partial
 * groups hold every node, or groups that did not come back in time: more records can end the former,
 * and those there is no node for are refused.
 */
static size_t fetch_room(const struct svart_fault_service *s, const struct svart_fault_lane *lane)
{
	uint32_t room = svart_group_pool_free(s->pool) / svart_fault_record_nodes(lane);

	return room != 0 && room < SVART_FAULT_FETCH_BURST ? room : SVART_FAULT_FETCH_BURST;
}

static void lane_fetch(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	struct svart_fault_source *source = lane->source;
	ssize_t n, i;
	uint64_t now;

	if (svart_fault_starved_ns(s, lane) != 0)
		return;
	n = source->ops->fetch(source, s->fetched, fetch_room(s, lane));
	malformed_count(lane);
	if (n < 0) {
		fetch_failed(lane, (int)n);
		return;
	}
	if (n == 0)
		return;
	s->worked = true;
	now = svart_fault_now(lane);
	svart_fault_count(&svart_fault_counters(lane)->page_requests, (uint64_t)n);
	for (i = 0; i < n; i++) {
		s->nr_to_come = (uint32_t)(n - i - 1);
		svart_fault_report(s, lane, &s->fetched[i], now);
	}
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
			svart_fault_drop_partial(lane);
		else if (lane->readable || (lane->retry_ns == 0 && lane->source->buffered != 0))
			lane_fetch(s, lane);
		lane->readable = false;
	}
	s->turn++;
}

uint32_t svart_fault_pass(struct svart_fault_service *s)
{
	s->worked = false;
	s->worker.outbox.nr_sent = 0;
	svart_fault_reap(s);
	lanes_expire(s);
	lanes_fetch(s);
	svart_fault_flush(&s->worker);
	svart_fault_ready_flush(s);
	return s->worker.outbox.nr_sent;
}

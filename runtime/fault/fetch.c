/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>

#include "request_trace.h"

/* --- deadlines ----------------------------------------------------------------------------------- */

static void deadline_count(const struct svart_fault_service *s, struct svart_fault_lane *lane,
	uint32_t group, uint64_t now)
{
	svart_fault_count(&svart_fault_counters(lane)->deadlines, 1);
	svart_trace_deadline(lane->source->device, svart_fault_last(s, group),
		now - s->groups[group].fetched_ns);
}

/** Answers a lane's groups whose deadline has passed; their resolvers find that out by themselves. */
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
		if (!svart_fault_group_take(g))
			continue;
		if (svart_page_request_is_owed(svart_fault_last(s, group)))
			deadline_count(s, lane, group, now);
		svart_fault_answer_group(&s->worker, group, SVART_PAGE_RESPONSE_INVALID);
		svart_fault_rest_end(s, group);
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

/** Whether all nodes for a lane are taken, and some will come back when their groups are done. */
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

/** Nanoseconds until an open lane is to be looked at even if its fd is not readable. */
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
	if (svart_fault_rested(lane))
		return 0;
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

/* --- fetching ------------------------------------------------------------------------------------ */

size_t svart_fault_drop_partial(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	size_t nr = lane->wing != NULL ? lane->wing->drop(lane)
				       : svart_group_open_drop(s->pool, &lane->open);

	svart_fault_count(&svart_fault_counters(lane)->dropped, nr);
	return nr;
}

/** Refuses a record that there is no node for: its group is dropped, and answered INVALID at its LAST. */
static void record_refused(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t dropped, uint64_t now)
{
	svart_fault_count(&svart_fault_counters(lane)->dropped, dropped);
	if (svart_page_request_is_owed(request))
		svart_fault_answer(&s->worker, lane, request, SVART_PAGE_RESPONSE_INVALID, now);
}

/** Takes the next record of whole groups: its group is ready at its LAST. */
static void record_take(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	uint32_t begun = lane->open.nr, group;
	int rc = svart_group_open_add(s->pool, &lane->open, request, &group);

	svart_trace_page_request(lane->source->device, request);
	if (rc < 0) {
		record_refused(s, lane, request, begun + 1, now);
	} else if (rc == 1) {
		svart_fault_group_ready(s, lane, group, now);
		svart_fault_count(&svart_fault_counters(lane)->dropped,
			(request->flags & SVART_PAGE_REQUEST_MALFORMED) != 0);
	}
}

static void records_take(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t nr, uint64_t now)
{
	uint64_t groups = 0;
	uint32_t i;

	for (i = 0; i < nr; i++)
		groups += (s->fetched[i].flags & SVART_PAGE_REQUEST_LAST) != 0;
	svart_fault_count(&svart_fault_counters(lane)->groups, groups);
	for (i = 0; i < nr; i++)
		record_take(s, lane, &s->fetched[i], now);
}

static void lane_retry(struct svart_fault_lane *lane)
{
	lane->retry_ns = svart_fault_now(lane) + SVART_FAULT_RETRY_NS;
}

static void fetch_failed(struct svart_fault_lane *lane, int rc)
{
	switch (rc) {
	case -EAGAIN:
	case -ENOMEM: /* They pass, and giving up would leave operations without an answer. */
		lane_retry(lane);
		break;
	case -ENODEV:
	case -EBADF:
		svart_fault_lose(lane, SVART_FAULT_LOSS_FETCH, -rc);
		break;
	default: /* It may pass. If it does not, operations would wait for their answers for ever. */
		if (++lane->failures < SVART_FAULT_MAX_FAILURES)
			lane_retry(lane);
		else
			svart_fault_lose(lane, SVART_FAULT_LOSS_FETCH, -rc);
		break;
	}
}

void svart_fault_count_malformed(struct svart_fault_lane *lane)
{
	struct svart_fault_counters *n = svart_fault_counters(lane);
	uint64_t nr = lane->source->malformed - lane->malformed;

	lane->malformed = lane->source->malformed;
	svart_fault_count(&n->page_requests, nr);
	svart_fault_count(&n->dropped, nr);
}

/**
 * How many records to fetch: as many as there are nodes for; the rest waits in the kernel. If there are no
 * nodes, they are in partial groups, or in groups that did not come back in time. Then it fetches all the
 * same: more records can complete the partial groups, and records without a node are refused.
 */
static size_t fetch_room(const struct svart_fault_service *s, const struct svart_fault_lane *lane)
{
	uint32_t room = svart_group_pool_free(s->pool) / svart_fault_record_nodes(lane);

	return room != 0 && room < SVART_FAULT_FETCH_BURST ? room : SVART_FAULT_FETCH_BURST;
}

ssize_t svart_fault_fetch(struct svart_fault_service *s, struct svart_fault_lane *lane, size_t nr)
{
	struct svart_fault_source *source = lane->source;
	ssize_t n = source->ops->fetch(source, s->fetched, nr);

	svart_fault_count_malformed(lane);
	if (n == -EOVERFLOW && lane->wing != NULL)
		lane->wing->overflow(s, lane);
	else if (n < 0)
		fetch_failed(lane, (int)n);
	else
		lane->failures = 0;
	if (n > 0)
		svart_fault_count(&svart_fault_counters(lane)->page_requests, (uint64_t)n);
	return n;
}

/** Takes up to nr records. @return how many. */
static size_t lane_take(struct svart_fault_service *s, struct svart_fault_lane *lane, size_t nr)
{
	ssize_t n = svart_fault_fetch(s, lane, nr);

	if (n <= 0)
		return 0;
	s->worked = true;
	if (lane->wing != NULL)
		lane->wing->take(s, lane, (uint32_t)n, svart_fault_now(lane));
	else
		records_take(s, lane, (uint32_t)n, svart_fault_now(lane));
	return (size_t)n;
}

/**
 * Takes a burst. If nodes are few, it takes the burst in pieces, as long as there are nodes. Records of a
 * group that is being dropped take no nodes: so a device that sends many of them delays no other device, and
 * not even its own raw queue, which may be full of them.
 */
static void lane_fetch(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	size_t left = SVART_FAULT_FETCH_BURST, room, taken;

	if (svart_fault_starved_ns(s, lane) != 0)
		return;
	do {
		room = fetch_room(s, lane);
		room = room < left ? room : left;
		taken = lane_take(s, lane, room);
		left -= taken;
	} while (taken == room && left != 0 && svart_fault_lane_open(lane) &&
		 svart_group_pool_free(s->pool) >= svart_fault_record_nodes(lane));
}

bool svart_fault_source_watched(const struct svart_fault_source *source)
{
	return source->ops->check != NULL || source->watch != NULL;
}

static void lane_watch(struct svart_fault_lane *lane)
{
	struct svart_fault_source *source = lane->source;
	int rc = source->ops->check != NULL ? source->ops->check(source) : 0;

	if (rc != 0)
		svart_fault_lose(lane, SVART_FAULT_LOSS_CHECK, -rc);
	else if (source->watch != NULL)
		source->watch(source->owner);
}

/** Checks the sources of a machine whose loss their fds do not show. */
static void machine_watch(struct svart_fault_service *s, struct svart_fault_machine *place)
{
	uint64_t now = place->m->ops->now_ns(place->m);
	uint32_t i;

	if (now < place->watch_ns)
		return;
	place->watch_ns = now + SVART_FAULT_WATCH_NS;
	for (i = 0; i < s->nr_lanes; i++) {
		if (svart_fault_lane_open(&s->lanes[i]) && s->lanes[i].source->m == place->m)
			lane_watch(&s->lanes[i]);
	}
}

static void lanes_watch(struct svart_fault_service *s)
{
	uint32_t i;

	for (i = 0; s->nr_watched != 0 && i < SVART_FAULT_MAX_MACHINES; i++)
		if (s->machines[i].m != NULL)
			machine_watch(s, &s->machines[i]);
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

uint32_t svart_fault_pass(struct svart_fault_service *s)
{
	s->worked = false;
	s->worker.outbox.nr_sent = 0;
	svart_fault_reap(s);
	lanes_expire(s);
	svart_fault_rested_hand(s);
	lanes_watch(s);
	lanes_fetch(s);
	svart_fault_flush(&s->worker);
	svart_fault_ready_flush(s);
	return s->worker.outbox.nr_sent;
}

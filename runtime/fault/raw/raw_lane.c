/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "raw_lane.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "request_trace.h"

/* --- life ------------------------------------------------------------------------------------------ */

/**
 * Makes the state of groups, which the service keeps, unless it is there: of two that come at once one's is
 * kept. @return 0 or -ENOMEM.
 */
static int groups_create(struct svart_fault_service *s)
{
	size_t bytes = s->params.max_requests * sizeof(struct svart_raw_group);
	void *none = NULL, *groups;

	if (atomic_load(&s->wing_groups) != NULL)
		return 0;
	groups = malloc(bytes);
	if (groups == NULL)
		return -ENOMEM;
	/* Every page is touched here and not in the middle of a fault. No group has serial 0. */
	memset(groups, 0, bytes);
	if (!atomic_compare_exchange_strong(&s->wing_groups, &none, groups))
		free(groups);
	return 0;
}

static int lane_create(struct svart_fault_service *s, void **out)
{
	struct svart_raw_lane *raw;
	int rc = groups_create(s);

	if (rc != 0)
		return rc;
	raw = calloc(1, sizeof(*raw));
	if (raw == NULL)
		return -ENOMEM;
	rc = svart_grouper_create_on(s->pool, s->params.max_requests, &raw->grouper);
	if (rc != 0) {
		free(raw);
		return rc;
	}
	raw->mode = SVART_FAULT_DEFERRED;
	*out = raw;
	return 0;
}

static void lane_destroy(void *wing_state)
{
	struct svart_raw_lane *raw = wing_state;

	svart_grouper_destroy(raw->grouper);
	free(raw);
}

static void lane_set_mode(struct svart_fault_lane *lane, enum svart_fault_mode mode)
{
	svart_raw_lane_of(lane)->mode = mode;
}

/* --- records --------------------------------------------------------------------------------------- */

/**
 * Answers INVALID to a record that is owed an answer and that there is no node for. The answer needs no node.
 */
static void request_abort(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	svart_fault_answer(&s->worker, lane, request, SVART_PAGE_RESPONSE_INVALID, now);
}

/** Handles a record of a partial group before the LAST, if it must be (own answer) or may be (eager). */
static void request_partial(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t group, uint64_t now)
{
	const struct svart_raw_lane *raw = svart_raw_lane_of(lane);

	if (request->flags & SVART_PAGE_REQUEST_NEEDS_RESPONSE) {
		if (svart_raw_single_ready(s, lane, request, group, now) != 0)
			request_abort(s, lane, request, now);
	} else if (raw->mode == SVART_FAULT_EAGER &&
		   svart_group_pool_free(s->pool) > raw->nr_to_come) {
		/* If nodes are scarce, the record waits for the LAST, as in deferred mode. */
		if (svart_raw_single_ready(s, lane, request, group, now) == 0)
			svart_fault_count(&svart_fault_counters(lane)->eager_pages, 1);
	}
}

/** Counts and answers a record that could not be kept. @return -ENOMEM. */
static int request_refused(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t dropped, uint64_t now)
{
	svart_fault_count(&svart_fault_counters(lane)->dropped, dropped);
	if (svart_page_request_is_owed(request))
		request_abort(s, lane, request, now);
	return -ENOMEM;
}

int svart_raw_report(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	struct svart_fault_counters *n = svart_fault_counters(lane);
	uint32_t before = svart_group_pool_free(s->pool), group;
	int rc;

	svart_trace_page_request(lane->source->device, request);
	if (svart_raw_stop_marker(request))
		return 0;
	if (request->flags & SVART_PAGE_REQUEST_LAST)
		svart_fault_count(&n->groups, 1);
	rc = svart_grouper_add(svart_raw_lane_of(lane)->grouper, request, &group);
	if (rc < 0)
		return request_refused(
			s, lane, request, svart_group_pool_free(s->pool) - before + 1, now);
	if (rc == 1)
		svart_raw_group_ready(s, lane, group, now);
	else
		request_partial(s, lane, request, group, now);
	if (!(request->flags & SVART_PAGE_REQUEST_MALFORMED))
		return 0;
	/*
	 * A record of a partial group is counted if the group is dropped, and else is answered with the
	 * group.
	 */
	svart_fault_count(&n->dropped, rc == 1);
	return -EOPNOTSUPP;
}

static void records_take(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t nr, uint64_t now)
{
	struct svart_raw_lane *raw = svart_raw_lane_of(lane);
	uint32_t i;

	for (i = 0; i < nr; i++) {
		raw->nr_to_come = nr - i - 1;
		svart_raw_report(s, lane, &s->fetched[i], now);
	}
}

/* --- what is lost ---------------------------------------------------------------------------------- */

static size_t partial_drop(struct svart_fault_lane *lane)
{
	return svart_grouper_drop_partial(svart_raw_lane_of(lane)->grouper);
}

static void lane_overflow(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	svart_fault_count(&svart_fault_counters(lane)->overflows, 1);
	svart_trace_overflow(lane->source->device, svart_fault_drop_partial(s, lane));
}

/** Counts the answers that went to a record, and not to its group. */
static void answers_sent(const struct svart_fault_outbox *box)
{
	uint64_t own = 0;
	uint32_t i;

	for (i = 0; i < box->nr; i++)
		own += !box->gone[i] && !(box->answers[i].flags & SVART_PAGE_REQUEST_LAST);
	svart_fault_count(&svart_fault_counters(box->lane)->answers_own, own);
}

const struct svart_fault_wing svart_raw_wing = {
	/*
	 * A record takes its own node, and one as a single. Records of an SMMU are owed no own answer: for
	 * them the second node only makes fetches smaller when nodes are few.
	 */
	.record_nodes = 2,
	.create = lane_create,
	.destroy = lane_destroy,
	.set_mode = lane_set_mode,
	.take = records_take,
	.is_nobodys = svart_raw_stop_marker,
	.drop = partial_drop,
	.overflow = lane_overflow,
	.done = svart_raw_group_done,
	.sent = answers_sent,
};

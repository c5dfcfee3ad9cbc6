/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Making devices ask again.
 *
 * A queue that failed, or was destroyed with operations in flight, has ended those operations; their page
 * requests may still be on their way. A page request does not say which operation it is of, so all requests
 * of the source are answered SUCCESS without a look at their pages: an engine that still needs a page asks
 * again.
 *
 * Answers are kept back until all has been fetched. So an engine that goes on asks again once at most, and
 * not after each fetch: devices give up on a page that they have asked for too often in vain.
 */
#include "engine.h"

#include <errno.h>

#include "request_trace.h"

/** The most records of one source that were sent and not fetched yet: no device has more credits. */
#define MAX_RECORDS 65536
/** How often a source may say "later", or fail, a millisecond apart. */
#define MAX_LATER 2000
/** The most sweeps: all lanes report an overflow before the rings go on, and rings may overflow again. */
#define MAX_SWEEPS 16

/** One call. Owner: its thread, on its stack. */
struct again {
	struct svart_fault_service *s;
	const struct svart_fault_source *source;
	bool overflowed; /**< A source reported an overflow in this sweep. */
	uint32_t nr_later;
};

/** Answers the groups that wait; a worker that resolves one finds that it is not wanted any more. */
static void waiting_answer(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint32_t group;

	while ((group = lane->oldest) != SVART_GROUP_NONE) {
		svart_fault_waiting_remove(s, group);
		if (!svart_fault_group_take(&s->groups[group]))
			continue;
		svart_fault_answer_group(&s->worker, group, SVART_PAGE_RESPONSE_SUCCESS);
		svart_fault_rest_end(s, group);
	}
}

/** Answers a record, if it is owed an answer. It needs no node. */
static void record_answer(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now)
{
	struct svart_fault_counters *n = svart_fault_counters(lane);
	bool malformed = request->flags & SVART_PAGE_REQUEST_MALFORMED;

	svart_trace_page_request(lane->source->device, request);
	if (lane->wing != NULL && lane->wing->is_nobodys(request))
		return;
	svart_fault_count(&n->groups, (request->flags & SVART_PAGE_REQUEST_LAST) != 0);
	svart_fault_count(&n->dropped, malformed);
	if (svart_page_request_is_owed(request))
		svart_fault_answer(&s->worker, lane, request,
			malformed ? SVART_PAGE_RESPONSE_INVALID : SVART_PAGE_RESPONSE_SUCCESS, now);
}

static void records_answer(struct again *a, struct svart_fault_lane *lane, size_t nr)
{
	uint64_t now = svart_fault_now(lane);
	size_t i;

	for (i = 0; i < nr; i++)
		record_answer(a->s, lane, &a->s->fetched[i], now);
}

/**
 * Waits a moment for a source that said "later", and sends the answers that are kept back, because the source
 * may wait for them. @return 0 or -EAGAIN.
 */
static int later(struct again *a, struct svart_fault_lane *lane)
{
	struct svart_machine *m = lane->source->m;
	uint64_t due = m->ops->now_ns(m) + SVART_FAULT_RETRY_NS;

	if (++a->nr_later == MAX_LATER)
		return -EAGAIN;
	svart_fault_flush(&a->s->worker);
	/* It does not call svart_pause(): this call already does what the hooks of that would do. */
	do
		m->ops->pause(m, due);
	while (m->ops->now_ns(m) < due);
	return 0;
}

/** Fetches all that the source has. @return 0 or -EAGAIN. */
static int lane_empty(struct again *a, struct svart_fault_lane *lane)
{
	size_t nr = 0;
	ssize_t n;

	while (nr < MAX_RECORDS && svart_fault_lane_open(lane)) {
		n = svart_fault_fetch(a->s, lane, SVART_FAULT_FETCH_BURST);
		if (n == 0)
			return 0;
		if (n == -EOVERFLOW)
			a->overflowed = true;
		else if (n < 0 && later(a, lane) != 0)
			return -EAGAIN;
		if (n > 0)
			records_answer(a, lane, (size_t)n);
		nr += n > 0 ? (size_t)n : 1;
	}
	return 0;
}

static bool is_concerned(const struct again *a, const struct svart_fault_lane *lane)
{
	return lane->state == SVART_FAULT_LANE_ACTIVE && lane->source->fd == a->source->fd &&
	       lane->source->m == a->source->m;
}

/** Answers what the lanes with the source's fd have. @return 0 or -EAGAIN. */
static int lanes_empty(struct again *a)
{
	struct svart_fault_service *s = a->s;
	uint32_t i;
	int rc = 0;

	a->overflowed = false;
	for (i = 0; i < s->nr_lanes && rc == 0; i++) {
		if (!is_concerned(a, &s->lanes[i]))
			continue;
		waiting_answer(s, &s->lanes[i]);
		rc = lane_empty(a, &s->lanes[i]);
		/* This also drops groups that had begun before, and whose LAST has just been answered. */
		svart_fault_drop_partial(s, &s->lanes[i]);
	}
	return rc;
}

int svart_fault_ask_again(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	struct again a = { .s = s, .source = lane->source };
	unsigned int sweeps = 0;
	int rc;

	if (lane->source->ops->drain != NULL && svart_fault_lane_open(lane))
		lane->source->ops->drain(lane->source);
	do
		rc = lanes_empty(&a);
	while (rc == 0 && a.overflowed && ++sweeps < MAX_SWEEPS);
	if (rc == 0 && a.overflowed)
		rc = -EAGAIN;
	svart_fault_flush(&s->worker);
	/* Groups that a wing kept back are ready now, and are already answered: this frees them. */
	svart_fault_ready_flush(s);
	return rc;
}

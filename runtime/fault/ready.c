/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>
#include <string.h>

#include "request_trace.h"

/* --- what waits for its end ----------------------------------------------------------------------- */

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

void svart_fault_waiting_remove(struct svart_fault_service *s, uint32_t group)
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

/* --- ready ---------------------------------------------------------------------------------------- */

/** The state of the group that begins at a node; fresh, if what is there is of one before it. */
static struct svart_fault_group *group_state(struct svart_fault_service *s, uint32_t group)
{
	uint32_t serial = svart_group_pool_nodes(s->pool)[group].serial;
	struct svart_fault_group *g = &s->groups[group];

	if (g->serial != serial) {
		g->serial = serial;
		g->code = SVART_PAGE_RESPONSE_SUCCESS;
		g->parent = SVART_GROUP_NONE;
		g->singles = 0;
		g->kind = SVART_FAULT_KIND_GROUP;
		g->complete = false;
	}
	return g;
}

/** From now on it has a deadline, and removing its lane ends it. */
static void group_queue(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t group, uint64_t now)
{
	struct svart_fault_group *g = &s->groups[group];

	g->lane = (uint32_t)(lane - s->lanes);
	g->fetched_ns = now;
	atomic_store_explicit(&g->state, SVART_FAULT_GROUP_QUEUED, memory_order_relaxed);
	waiting_add(s, lane, group);
	s->nr_held++;
}

void svart_fault_group_ready(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t group, uint64_t now)
{
	struct svart_fault_group *g = group_state(s, group);

	svart_trace_group_ready(lane->source->device, svart_fault_last(s, group),
		svart_group_pool_nodes(s->pool)[group].nr);
	g->complete = true;
	group_queue(s, lane, group, now);
	if (g->singles == 0)
		s->ready[s->nr_ready++] = group;
	else
		s->nr_parents++;
}

int svart_fault_single_ready(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, enum svart_fault_kind kind, uint32_t parent,
	uint64_t now)
{
	struct svart_fault_group *g, *p;
	uint32_t single;

	if (svart_group_pool_take(s->pool, request, &single) != 0)
		return -ENOMEM;
	p = group_state(s, parent);
	p->singles++;
	g = group_state(s, single);
	g->kind = (uint8_t)kind;
	g->parent = parent;
	g->parent_serial = p->serial;
	group_queue(s, lane, single, now);
	s->ready[s->nr_ready++] = single;
	return 0;
}

/* --- done ----------------------------------------------------------------------------------------- */

/** Gives back a group whose nodes nobody else can touch any more. */
static void group_free(struct svart_fault_service *s, uint32_t group)
{
	svart_fault_waiting_remove(s, group);
	atomic_store_explicit(
		&s->groups[group].state, SVART_FAULT_GROUP_FREE, memory_order_relaxed);
	svart_group_pool_release(s->pool, group);
	s->nr_held--;
}

/** Tells the group of a single that it is done, and hands the group on if it waited for that. */
static void parent_tell(struct svart_fault_service *s, const struct svart_fault_group *single)
{
	uint32_t parent = single->parent;
	struct svart_fault_group *p = &s->groups[parent];

	if (p->serial != single->parent_serial)
		return; /* It was dropped, and its place is another's now. */
	p->singles--;
	if (single->code != SVART_PAGE_RESPONSE_SUCCESS)
		p->code = single->code;
	if (!p->complete || p->singles != 0)
		return;
	s->nr_parents--;
	/* Nobody but a pass, which this is, moves a group that was not handed on. */
	if (atomic_load_explicit(&p->state, memory_order_relaxed) == SVART_FAULT_GROUP_QUEUED)
		s->ready[s->nr_ready++] = parent;
	else
		group_free(s, parent);
}

void svart_fault_group_done(struct svart_fault_service *s, uint32_t group)
{
	if (s->groups[group].parent != SVART_GROUP_NONE)
		parent_tell(s, &s->groups[group]);
	group_free(s, group);
}

void svart_fault_reap(struct svart_fault_service *s)
{
	uint32_t done[SVART_FAULT_RESOLVE_BURST];
	uint32_t i, nr;

	if (s->crew == NULL)
		return;
	while ((nr = svart_fault_crew_take(s->crew, done, SVART_FAULT_RESOLVE_BURST)) != 0) {
		for (i = 0; i < nr; i++)
			svart_fault_group_done(s, done[i]);
		s->worked = true;
	}
}

void svart_fault_abandon(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint32_t group, next;

	for (group = lane->oldest; group != SVART_GROUP_NONE; group = next) {
		next = s->groups[group].next;
		if (!svart_fault_group_move(&s->groups[group], SVART_FAULT_GROUP_QUEUED,
			    SVART_FAULT_GROUP_ANSWERED))
			continue;
		svart_fault_waiting_remove(s, group);
		svart_fault_answer_group(&s->worker, group, SVART_PAGE_RESPONSE_INVALID);
	}
	svart_fault_flush(&s->worker);
}

/** Resolves and answers here what is ready. What becomes ready by that is left in the list. */
static void ready_resolve(struct svart_fault_service *s)
{
	uint32_t i, nr = s->nr_ready;

	svart_fault_resolve(&s->worker, s->ready, nr);
	/* Groups are added behind the nr singles that they waited for: all are held, so all fit. */
	for (i = 0; i < nr; i++)
		svart_fault_group_done(s, s->ready[i]);
	s->nr_ready -= nr;
	memmove(s->ready, &s->ready[nr], s->nr_ready * sizeof(*s->ready));
}

void svart_fault_ready_flush(struct svart_fault_service *s)
{
	if (s->crew == NULL) {
		while (s->nr_ready != 0)
			ready_resolve(s);
	} else if (s->nr_ready != 0) {
		svart_fault_crew_hand(s->crew, s->ready, s->nr_ready);
		s->nr_ready = 0;
	}
}

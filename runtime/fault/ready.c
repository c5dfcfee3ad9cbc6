/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include "own_copy.h"
#include "request_trace.h"

/* --- groups that wait for their answer ------------------------------------------------------------ */

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

void svart_fault_group_queue(struct svart_fault_service *s, struct svart_fault_lane *lane,
	uint32_t group, enum svart_page_response_code code, uint64_t now)
{
	struct svart_fault_group *g = &s->groups[group];

	g->lane = (uint32_t)(lane - s->lanes);
	g->wing = lane->wing;
	g->code = code;
	g->aside = false;
	g->resting = false;
	g->fetched_ns = now;
	atomic_store_explicit(&g->state, SVART_FAULT_GROUP_QUEUED, memory_order_relaxed);
	waiting_add(s, lane, group);
	s->nr_held++;
}

void svart_fault_group_ready(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t group, uint64_t now)
{
	svart_trace_group_ready(lane->source->device, svart_fault_last(s, group),
		svart_group_pool_nodes(s->pool)[group].nr);
	svart_fault_group_queue(s, lane, group, SVART_PAGE_RESPONSE_SUCCESS, now);
	s->ready[s->nr_ready++] = group;
}

/* --- done ----------------------------------------------------------------------------------------- */

/** Frees a group whose nodes no other thread can touch any more. */
static void group_free(struct svart_fault_service *s, uint32_t group)
{
	svart_fault_waiting_remove(s, group);
	atomic_store_explicit(
		&s->groups[group].state, SVART_FAULT_GROUP_FREE, memory_order_relaxed);
	svart_group_pool_release(s->pool, group);
	s->nr_held--;
}

void svart_fault_group_hand(struct svart_fault_service *s, uint32_t group)
{
	/* Only a pass moves a group that was not handed on, and this is one. */
	if (atomic_load_explicit(&s->groups[group].state, memory_order_relaxed) ==
		SVART_FAULT_GROUP_QUEUED)
		s->ready[s->nr_ready++] = group;
	else
		group_free(s, group);
}

/* --- rest ----------------------------------------------------------------------------------------- */

/**
 * Lets a group rest that was put aside. @return false: it was answered meanwhile, or was answered by this
 * call.
 */
static bool rest_begin(struct svart_fault_service *s, uint32_t group)
{
	struct svart_fault_group *g = &s->groups[group];
	struct svart_fault_lane *lane = &s->lanes[g->lane];

	g->aside = false;
	if (lane->state != SVART_FAULT_LANE_ACTIVE) {
		/* All waiting groups of its lane were answered INVALID while a resolver had this one. */
		if (svart_fault_group_move(
			    g, SVART_FAULT_GROUP_QUEUED, SVART_FAULT_GROUP_ANSWERED)) {
			svart_fault_answer_group(&s->worker, group, SVART_PAGE_RESPONSE_INVALID);
			svart_fault_flush(&s->worker);
		}
		return false;
	}
	/* Only a pass moves a group that no resolver has, and this is one. */
	if (atomic_load_explicit(&g->state, memory_order_relaxed) != SVART_FAULT_GROUP_QUEUED)
		return false;
	g->resting = true;
	/* An invalidation that ended since the group was resolved may be the one that it waits for. */
	if (lane->nr_resting++ == 0 || g->ends < lane->ends)
		lane->ends = g->ends;
	return true;
}

void svart_fault_rest_end(struct svart_fault_service *s, uint32_t group)
{
	struct svart_fault_group *g = &s->groups[group];

	if (!g->resting)
		return;
	g->resting = false;
	s->lanes[g->lane].nr_resting--;
	svart_fault_group_done(s, group);
}

static void lane_rested_hand(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	uint32_t group;

	lane->ends = svart_space_ends(lane->space);
	for (group = lane->oldest; group != SVART_GROUP_NONE; group = s->groups[group].next) {
		if (!s->groups[group].resting)
			continue;
		s->groups[group].resting = false;
		s->ready[s->nr_ready++] = group;
	}
	lane->nr_resting = 0;
}

void svart_fault_rested_hand(struct svart_fault_service *s)
{
	uint32_t i;

	for (i = 0; i < s->nr_lanes; i++)
		if (s->lanes[i].state == SVART_FAULT_LANE_ACTIVE &&
			svart_fault_rested(&s->lanes[i]))
			lane_rested_hand(s, &s->lanes[i]);
}

void svart_fault_group_done(struct svart_fault_service *s, uint32_t group)
{
	const struct svart_fault_wing *wing = s->groups[group].wing;

	if (s->groups[group].aside && rest_begin(s, group))
		return;
	if (wing != NULL)
		wing->done(s, group);
	group_free(s, group);
}

void svart_fault_reap(struct svart_fault_service *s)
{
	uint32_t done[SVART_CREW_BURST];
	uint32_t i, nr;

	if (s->crew == NULL)
		return;
	while ((nr = svart_crew_take(s->crew, done, SVART_CREW_BURST)) != 0) {
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
		svart_fault_rest_end(s, group);
	}
	svart_fault_flush(&s->worker);
}

/** Resolves and answers ready groups here. Groups that become ready by that stay in the list. */
static void ready_resolve(struct svart_fault_service *s)
{
	uint32_t i, nr = s->nr_ready;

	svart_fault_resolve(&s->worker, s->ready, nr);
	/*
	 * Groups that a wing kept back until these were done are added behind them: all are held, so all fit.
	 */
	for (i = 0; i < nr; i++)
		svart_fault_group_done(s, s->ready[i]);
	s->nr_ready -= nr;
	svart_own_copy(s->ready, &s->ready[nr], s->nr_ready * sizeof(*s->ready));
}

void svart_fault_ready_flush(struct svart_fault_service *s)
{
	if (s->crew == NULL) {
		while (s->nr_ready != 0)
			ready_resolve(s);
	} else if (s->nr_ready != 0) {
		svart_crew_hand(s->crew, s->ready, s->nr_ready);
		s->nr_ready = 0;
	}
}

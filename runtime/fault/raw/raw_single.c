/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "raw_lane.h"

#include <errno.h>

#include "request_trace.h"

/** The state of the group that begins at a node; fresh, if what is there is of one before it. */
static struct svart_raw_group *group_state(const struct svart_fault_service *s, uint32_t group)
{
	uint32_t serial = svart_group_pool_nodes(s->pool)[group].serial;
	struct svart_raw_group *g = &svart_raw_groups(s)[group];

	if (g->serial != serial)
		*g = (struct svart_raw_group){
			.serial = serial,
			.code = SVART_PAGE_RESPONSE_SUCCESS,
			.parent = SVART_GROUP_NONE,
		};
	return g;
}

void svart_raw_group_ready(
	struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t group, uint64_t now)
{
	struct svart_raw_group *g = group_state(s, group);

	g->complete = true;
	svart_trace_group_ready(lane->source->device, svart_fault_last(s, group),
		svart_group_pool_nodes(s->pool)[group].nr);
	svart_fault_group_queue(s, lane, group, g->code, now);
	if (g->singles == 0)
		svart_fault_group_hand(s, group);
	else
		s->nr_kept_back++;
}

int svart_raw_single_ready(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t parent, uint64_t now)
{
	struct svart_raw_group *g, *p;
	uint32_t single;

	if (svart_group_pool_take(s->pool, request, &single) != 0)
		return -ENOMEM;
	p = group_state(s, parent);
	p->singles++;
	g = group_state(s, single);
	g->parent = parent;
	g->parent_serial = p->serial;
	svart_fault_group_queue(s, lane, single, SVART_PAGE_RESPONSE_SUCCESS, now);
	svart_fault_group_hand(s, single);
	return 0;
}

void svart_raw_group_done(struct svart_fault_service *s, uint32_t group)
{
	const struct svart_fault_group *done = &s->groups[group];
	const struct svart_raw_group *single = &svart_raw_groups(s)[group];
	uint32_t parent = single->parent;
	struct svart_raw_group *p;

	if (parent == SVART_GROUP_NONE)
		return;
	p = &svart_raw_groups(s)[parent];
	if (p->serial != single->parent_serial)
		return; /* The parent was dropped, and another group has its place now. */
	p->singles--;
	if (done->code != SVART_PAGE_RESPONSE_SUCCESS)
		p->code = done->code;
	if (!p->complete || p->singles != 0)
		return;
	s->nr_kept_back--;
	s->groups[parent].code = p->code;
	svart_fault_group_hand(s, parent);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The table of lanes: finds the lane of a source, free lanes, and numbers of spaces. */
#include "engine.h"

struct svart_fault_lane *svart_fault_lane_find_free(struct svart_fault_service *s)
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

struct svart_fault_lane *svart_fault_lane_of(
	struct svart_fault_service *s, const struct svart_fault_source *source)
{
	uint32_t i;

	for (i = 0; i < s->nr_lanes; i++)
		if (s->lanes[i].state != SVART_FAULT_LANE_FREE && s->lanes[i].source == source)
			return &s->lanes[i];
	return NULL;
}

/** Whether a lane that is in use has this number. */
static bool is_number_taken(const struct svart_fault_service *s, uint32_t space_nr)
{
	uint32_t i;

	for (i = 0; i < s->nr_lanes; i++)
		if (s->lanes[i].state != SVART_FAULT_LANE_FREE && s->lanes[i].space_nr == space_nr)
			return true;
	return false;
}

uint32_t svart_fault_space_number(
	const struct svart_fault_service *s, const struct svart_space *space)
{
	uint32_t i, nr = 0;

	for (i = 0; i < s->nr_lanes; i++)
		if (s->lanes[i].state != SVART_FAULT_LANE_FREE && s->lanes[i].space == space)
			return s->lanes[i].space_nr;
	while (is_number_taken(s, nr))
		nr++;
	return nr;
}

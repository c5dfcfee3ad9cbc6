/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What a space must have room for, reckoned from what the world knows of its devices and queues: on one
 * side of it a control call is refused with -ENOSPC, on the other every operation ends.
 */
#include <errno.h>

#include "world.h"

/** What devices without page requests may hold at least: an operation of a page. */
#define HOLD_PAGES_MIN  6u
#define HOLD_CHUNKS_MIN 4u
#define CHUNK_PAGES     512u

/** Pages and chunks. */
struct need {
	uint64_t pages, chunks;
};

static bool is_attached(const struct sim_device *d, uint32_t space)
{
	return d->dev != NULL && (d->home == space || d->pasids[space] != 0);
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t at_least(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t hold_pages(const struct sim_space *s)
{
	return at_least(s->pin_limit / 4 / SIM_PAGE, HOLD_PAGES_MIN);
}

uint64_t sim_budget_held_max(const struct sim_world *w, uint32_t space)
{
	return hold_pages(&w->spaces[space]) * SIM_PAGE / 2 - 2 * SIM_PAGE;
}

static void add_device(
	const struct sim_space *s, const struct sim_device *d, uint32_t *holders, struct need *need)
{
	if (d->has_faults) {
		need->pages += d->engines * d->step_pages;
		need->chunks += d->engines * d->step_pages;
	} else if ((*holders)++ == 0) {
		need->pages += hold_pages(s);
		need->chunks += at_least(HOLD_CHUNKS_MIN,
			at_most(s->max_chunks / 4, hold_pages(s) / CHUNK_PAGES + HOLD_CHUNKS_MIN));
	}
}

uint32_t sim_budget_queue(uint32_t depth, uint32_t flags)
{
	uint32_t entries = 1;

	while (entries < depth)
		entries *= 2;
	/* A record of 32 bytes each, and in batches a descriptor of 64 and the batch's own record. */
	if ((flags & SVART_QUEUE_BATCHES) == 0)
		return 1;
	return (entries * (32 + 64 + 32) + SIM_PAGE - 1) / SIM_PAGE;
}

bool sim_budget_fits(const struct sim_world *w, uint32_t space, const struct sim_device *device,
	uint32_t queue_pages)
{
	const struct sim_space *s = &w->spaces[space];
	uint32_t i, holders = 0;
	uint64_t pages = queue_pages;
	struct need need = { 0 };

	for (i = 0; i < w->nr_devices; i++) {
		if (is_attached(&w->devices[i], space))
			add_device(s, &w->devices[i], &holders, &need);
	}
	if (device != NULL)
		add_device(s, device, &holders, &need);
	/* What queues have for themselves is all in one chunk of a space. */
	for (i = 0; i < SIM_MAX_QUEUES; i++) {
		if (w->queues[i].q != NULL && w->queues[i].space == space)
			pages += w->queues[i].pages;
	}
	need.pages += pages;
	need.chunks += pages != 0;
	return need.pages * SIM_PAGE <= s->pin_limit && need.chunks <= s->max_chunks;
}

/** What is ample: engines find all that they ask for. */
static struct need draw_ample(struct sim_world *w)
{
	struct need need = { 48, 8 };
	uint32_t i;

	for (i = 0; i < w->nr_devices; i++) {
		const struct sim_device *d = &w->devices[i];

		need.pages += d->engines * (2 * d->prg_pages + d->step_pages);
		need.chunks += (2 + d->step_pages) * (d->engines + 2);
	}
	need.pages *= sim_between(&w->random, 1, 3);
	return need;
}

/** About what the devices need, on either side of it. */
static struct need draw_scarce(struct sim_world *w)
{
	uint32_t i, leases = 0;

	for (i = 0; i < w->nr_devices; i++)
		leases += w->devices[i].engines * w->devices[i].step_pages;
	return (struct need){
		.pages = sim_between(&w->random, 2, 2 * leases + 2 * SIM_MAX_QUEUES + 30),
		.chunks = sim_between(&w->random, 2, 2 * leases + 10),
	};
}

struct svart_space_params sim_budget_draw(struct sim_world *w, struct sim_space *s)
{
	const struct need need = sim_chance(&w->random, 500) ? draw_ample(w) : draw_scarce(w);

	s->pin_limit = need.pages * SIM_PAGE;
	s->max_chunks = (uint32_t)need.chunks;
	return (struct svart_space_params)SVART_SPACE_PARAMS_INIT(.max_chunks = s->max_chunks,
		.pin_limit_bytes = s->pin_limit,
		.fault_around_bytes = (uint64_t)SIM_PAGE << sim_below(&w->random, 10));
}

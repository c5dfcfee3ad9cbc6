/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "space.h"
#include "world.h"

typedef unsigned long long ull;

static struct sim_invalidation *find_place(struct sim_world *w)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_INVALIDATIONS; i++) {
		if (!w->invalidations[i].open)
			return &w->invalidations[i];
	}
	return NULL;
}

struct sim_invalidation *sim_invalidate_begin(struct sim_world *w, uint64_t addr, uint64_t len)
{
	struct sim_invalidation *inv = find_place(w);
	uint32_t i;

	if (inv == NULL)
		return NULL;
	sim_settle_held(w);
	sim_event(w->trace, "begin %ld of [%#llx, +%#llx)", (long)(inv - w->invalidations),
		(ull)addr, (ull)len);
	for (i = 0; i < w->nr_spaces; i++) {
		if (svart_space_invalidate_begin(
			    w->spaces[i].space, (void *)(uintptr_t)addr, len, &inv->tokens[i]) != 0)
			sim_fail(w->trace, "svart_space_invalidate_begin: %s", svart_error_text());
	}
	inv->open = true;
	inv->addr = addr;
	inv->len = len;
	for (i = 0; i < w->nr_spaces; i++) {
		if (sim_is_bound(w, i))
			sim_machine_check_gone(&w->machine, svart_space_ioas(w->spaces[i].space),
				addr, len, "an invalidation has begun");
		sim_check_space(w, i, !w->threads);
	}
	return inv;
}

void sim_invalidate_end(struct sim_world *w, struct sim_invalidation *inv)
{
	uint32_t i;

	sim_event(w->trace, "end %ld", (long)(inv - w->invalidations));
	inv->open = false;
	for (i = 0; i < w->nr_spaces; i++) {
		if (svart_space_invalidate_end(w->spaces[i].space, &inv->tokens[i]) != 0)
			sim_fail(w->trace, "svart_space_invalidate_end: %s", svart_error_text());
	}
}

void sim_invalidate_end_all(struct sim_world *w)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_INVALIDATIONS; i++) {
		if (w->invalidations[i].open)
			sim_invalidate_end(w, &w->invalidations[i]);
	}
}

bool sim_invalidate_covers(const struct sim_world *w, uint64_t addr, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_INVALIDATIONS; i++) {
		const struct sim_invalidation *inv = &w->invalidations[i];

		if (inv->open && addr < inv->addr + inv->len && addr + len > inv->addr)
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "demand.h"

#include <errno.h>
#include <inttypes.h>

#include "bits.h"
#include "error.h"
#include "space_state.h"

static uint64_t pages_of(const struct svart_demand *d)
{
	return d->own_pages + d->lease_pages + d->hold_pages;
}

static uint64_t chunks_of(const struct svart_demand *d)
{
	return d->own_chunks + d->lease_pages + d->hold_chunks;
}

/**
 * Pages of the largest area, a power of two: leases of such areas fit the limit beside svart's own pins and
 * what may be held.
 */
static uint32_t area_pages_of(const struct svart_space *space, const struct svart_demand *d)
{
	uint64_t spare = space->pin_limit / SVART_PAGE_SIZE - d->own_pages - d->hold_pages;
	uint32_t pages = SVART_CHUNK_PAGES;

	while (pages > 1 && d->lease_pages != 0 && pages > spare / d->lease_pages)
		pages /= 2;
	return pages;
}

static void set_demand(struct svart_space *space, const struct svart_demand *d)
{
	space->demand = *d;
	atomic_store_explicit(
		&space->max_area_pages, area_pages_of(space, d), memory_order_relaxed);
	atomic_store_explicit(&space->exact_holds, d->lease_pages != 0 && d->hold_pages != 0,
		memory_order_relaxed);
}

int svart_demand_add(struct svart_space *space, const struct svart_demand *more)
{
	const struct svart_demand *now = &space->demand;
	const struct svart_demand sum = {
		.own_pages = now->own_pages + more->own_pages,
		.own_chunks = now->own_chunks + more->own_chunks,
		.lease_pages = now->lease_pages + more->lease_pages,
		.hold_pages = now->hold_pages + more->hold_pages,
		.hold_chunks = now->hold_chunks + more->hold_chunks,
	};
	uint64_t bytes = pages_of(&sum) * SVART_PAGE_SIZE;

	if (bytes > space->pin_limit)
		return svart_fail(-ENOSPC,
			"the space may pin %" PRIu64
			" bytes, and its devices and queues need %" PRIu64
			" at least: raise pin_limit_bytes, or RLIMIT_MEMLOCK (ulimit -l)",
			space->pin_limit, bytes);
	if (chunks_of(&sum) > space->map.nr_chunks)
		return svart_fail(-ENOSPC,
			"the space has %" PRIu32 " chunks, and its devices and queues need %" PRIu64
			" at least: raise max_chunks",
			space->map.nr_chunks, chunks_of(&sum));
	set_demand(space, &sum);
	return 0;
}

void svart_demand_remove(struct svart_space *space, const struct svart_demand *less)
{
	const struct svart_demand *now = &space->demand;
	const struct svart_demand rest = {
		.own_pages = now->own_pages - less->own_pages,
		.own_chunks = now->own_chunks - less->own_chunks,
		.lease_pages = now->lease_pages - less->lease_pages,
		.hold_pages = now->hold_pages - less->hold_pages,
		.hold_chunks = now->hold_chunks - less->hold_chunks,
	};

	set_demand(space, &rest);
}

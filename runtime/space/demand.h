/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DEMAND_H
#define SVART_DEMAND_H

/**
 * @file
 * The smallest budget: what must be mapped at once so that every operation ends. It is the sum of
 *
 *   - svart's own pins: completion records and rings, in the chunks of the arena (arena.h);
 *   - for every attachment with page requests, the pages that one step of all engines touches: each may be
 *     in a chunk of its own;
 *   - the smallest hold of devices without page requests: both operands, each over a page's border.
 *
 * A caller that would raise the sum above the space's limits is refused. What the limits leave beside the sum
 * is used for the areas around leased pages.
 */

#include <stdint.h>

struct svart_space;

/** Pages, and the chunks they are in. Owner: the space for its sum, the caller (on its stack) for a part. */
struct svart_demand {
	uint64_t own_pages, own_chunks;   /**< Of the arena. */
	uint64_t lease_pages;             /**< As many chunks. */
	uint64_t hold_pages, hold_chunks; /**< What may be held at once. */
};

/**
 * Adds to the smallest budget of a bound space.
 * @return 0, or -ENOSPC with a text that has both numbers: then nothing was added.
 * @thread control.
 */
int svart_demand_add(struct svart_space *space, const struct svart_demand *more);
void svart_demand_remove(struct svart_space *space, const struct svart_demand *less);

#endif

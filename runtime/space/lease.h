/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_LEASE_H
#define SVART_LEASE_H

/**
 * @file
 * Leases: pages that devices have just asked for, and that are not evicted before they could be used. Leases
 * guarantee progress under small budgets (doc/design/progress).
 *
 * Each attachment has a lessee: as many leases as its device's engines need pages at once. A page that is
 * asked for takes the lease whose time is up first. A page that is asked for again soon after it had lost
 * its lease was not used in time: it gets a longer one, each time by as many leases as the lessee has; so
 * an engine that is slower than the others is not overtaken for ever. All leases together, each with the
 * largest window around its page, fit the budget (demand.h): they never stand in the way of a request.
 *
 * The length of a lease is a count of leases, not a time. Leases are given only after a space has evicted
 * something: before that no device can lose a page.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "page_bits.h"

struct svart_chunk;
struct svart_lessee;

/**
 * The lessees of one space.
 *
 * Owner: the space. Lifetime: the space's. Locks: lock, a leaf, for the lessees and all leases; totals are
 * written by control calls and read by any thread.
 */
struct svart_leases {
	pthread_mutex_t lock;
	struct svart_lessee *lessees;
	_Atomic uint32_t nr; /**< Leases of all lessees. */
};

void svart_leases_init(struct svart_leases *leases);
void svart_leases_fini(struct svart_leases *leases);

/** With the chunk's shard locked: gives the page a lease, whether it is mapped or not. @thread any. */
void svart_lease_take(struct svart_leases *leases, struct svart_lessee *lessee, uint64_t addr);

/**
 * With the chunk's shard locked: the pages of all areas that have a leased page. @param max_area_pages wider
 * areas are left out. @thread any.
 */
struct svart_page_bits svart_leased_areas(
	struct svart_leases *leases, const struct svart_chunk *c, unsigned int max_area_pages);

#endif

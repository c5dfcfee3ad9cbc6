/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_ORIGINS_H
#define SVART_ORIGINS_H

/**
 * @file
 * What memory the pages of a chunk were mapped from: runs of pages of one identity, which is kept as its tag
 * (svart_vma_identity_tag()). A chunk is a piece of one VMA as a rule, and seldom of more than a few. If
 * there are more runs than it has room for, it forgets those that were noted first.
 */

#include "page_bits.h"

/** Runs that a chunk remembers. */
#define SVART_NR_ORIGINS 5

/**
 * Disjoint runs; the one noted last is the last. All zero: there is none. Owner, lifetime and locks: the
 * chunk's.
 */
struct svart_origins {
	uint64_t tag[SVART_NR_ORIGINS];
	uint16_t first[SVART_NR_ORIGINS];
	uint16_t end[SVART_NR_ORIGINS]; /**< 0: no run. */
};

_Static_assert(sizeof(struct svart_origins) == 64, "a cache line");

/** Notes that the mapped pages of [first, end), which is not empty, are of this tag. */
void svart_origins_note(
	struct svart_origins *o, unsigned int first, unsigned int end, uint64_t tag);

/** @return the pages of [first, end) that are known to be of other tags. */
struct svart_page_bits svart_origins_others(
	const struct svart_origins *o, unsigned int first, unsigned int end, uint64_t tag);

/** The tag of a page that is in a run. */
uint64_t svart_origins_tag(const struct svart_origins *o, unsigned int page);

#endif

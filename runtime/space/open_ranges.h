/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OPEN_RANGES_H
#define SVART_OPEN_RANGES_H

/**
 * @file
 * The invalidations of a space that have begun and not ended: a set of ranges that may overlap. Each is in
 * memory of its caller, so that there can be any number of them and none is ever lost.
 *
 * The set is a treap (a search tree by first address, a heap by a priority that follows from the order
 * of insertion), and each node knows the highest address below it. Insert, remove and find take
 * O(log n) steps on average, and nothing is allocated.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * One range.
 *
 * Owner: the caller of svart_open_ranges_add(). Lifetime: while it is in the set, where it must not move.
 * Locks: the set's.
 */
struct svart_open_range {
	uint64_t first, last; /**< Bytes, whole pages. */
	uint64_t last_below;  /**< The highest `last` of this node and all below it. */
	uint64_t serial;      /**< Its number in this set; no number is used twice. */
	struct svart_open_range *left, *right;
};

/**
 * The ranges of one space.
 *
 * Owner: the space. Lifetime: the space's. Locks: lock, a leaf; nr may be read without it.
 */
struct svart_open_ranges {
	pthread_mutex_t lock;
	_Atomic uint32_t nr; /**< Ranges; if 0, no thread needs to look. */
	struct svart_open_range *root;
	uint64_t next_serial;
};

void svart_open_ranges_init(struct svart_open_ranges *set);
void svart_open_ranges_fini(struct svart_open_ranges *set);

/** Adds a range whose first and last are set. @thread any. @blocks never. */
void svart_open_ranges_add(struct svart_open_ranges *set, struct svart_open_range *range);
/** Takes a range out. @return false: it is not in the set. @thread any. @blocks never. */
bool svart_open_ranges_remove(struct svart_open_ranges *set, struct svart_open_range *range);

/**
 * Finds a range that overlaps [first, last].
 * @param found_first, found_last out: what that range covers. @thread any. @blocks never.
 */
bool svart_open_ranges_find(struct svart_open_ranges *set, uint64_t first, uint64_t last,
	uint64_t *found_first, uint64_t *found_last);

/** How many there are. @thread any. */
uint32_t svart_open_ranges_nr(const struct svart_open_ranges *set);

#endif

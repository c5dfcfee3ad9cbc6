/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_AREA_H
#define SVART_MODEL_AREA_H

/**
 * @file
 * The areas that one IOAS has mapped: disjoint intervals of IOVAs in a treap, a binary tree that random
 * priorities keep flat. Nothing here takes a lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * One interval, as one IOMMU_IOAS_MAP made it.
 *
 * Owner: its IOAS. Lifetime: from MAP to UNMAP. Locks: the IOAS's areas lock. The thread that set busy may
 * read the rest without it, and only this thread removes the area.
 */
struct svart_iova_area {
	uint64_t first; /**< First IOVA. */
	uint64_t last;  /**< Last IOVA. */
	uint64_t va;    /**< Process address behind first. */
	bool readable;
	bool writable;
	bool busy;                    /**< A MAP or UNMAP of it is under way. */
	bool pinned;                  /**< Its pages are held and are in the page table. */
	uint64_t known_bytes;         /**< Result of svart_origin_note(): known bytes from va on. */
	uint64_t locked_bytes;        /**< Bytes charged against RLIMIT_MEMLOCK. */
	uint32_t priority;            /**< Treap: a parent has the larger one. */
	struct svart_iova_area *left; /**< Treap. */
	struct svart_iova_area *right;
};

/** The tree. Owner: an IOAS. Lifetime: the IOAS's. Locks: the IOAS's areas lock. All zero means empty. */
struct svart_iova_area_tree {
	struct svart_iova_area *root;
	uint32_t seed;
};

/** Adds an area that overlaps none. */
void svart_iova_area_insert(struct svart_iova_area_tree *tree, struct svart_iova_area *area);
void svart_iova_area_remove(struct svart_iova_area_tree *tree, struct svart_iova_area *area);
/** @return the lowest area that overlaps [first, last], or NULL. */
struct svart_iova_area *svart_iova_area_find(
	const struct svart_iova_area_tree *tree, uint64_t first, uint64_t last);
/** @return the lowest area above this one, or NULL. */
struct svart_iova_area *svart_iova_area_next(
	const struct svart_iova_area_tree *tree, const struct svart_iova_area *area);

static inline uint64_t svart_iova_area_len(const struct svart_iova_area *area)
{
	return area->last - area->first + 1;
}

#endif

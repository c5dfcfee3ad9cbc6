/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "area.h"

/** Xorshift (Marsaglia, 2003): good enough to keep a treap flat. */
static uint32_t next_priority(struct svart_iova_area_tree *tree)
{
	uint32_t x = tree->seed != 0 ? tree->seed : 2463534242U;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	tree->seed = x;
	return x;
}

/** Splits a tree into the areas below first and the others. */
static void split(struct svart_iova_area *tree, uint64_t first, struct svart_iova_area **below,
	struct svart_iova_area **above)
{
	while (tree != NULL) {
		if (tree->first < first) {
			*below = tree;
			below = &tree->right;
			tree = tree->right;
		} else {
			*above = tree;
			above = &tree->left;
			tree = tree->left;
		}
	}
	*below = NULL;
	*above = NULL;
}

/**
 * Joins two trees and stores the result in a place. All areas of the first tree are below all of the
 * second.
 */
static void join(struct svart_iova_area *below, struct svart_iova_area *above,
	struct svart_iova_area **place)
{
	while (below != NULL && above != NULL) {
		if (below->priority > above->priority) {
			*place = below;
			place = &below->right;
			below = below->right;
		} else {
			*place = above;
			place = &above->left;
			above = above->left;
		}
	}
	*place = below != NULL ? below : above;
}

void svart_iova_area_insert(struct svart_iova_area_tree *tree, struct svart_iova_area *area)
{
	struct svart_iova_area **place = &tree->root;

	area->priority = next_priority(tree);
	while (*place != NULL && (*place)->priority >= area->priority)
		place = area->first < (*place)->first ? &(*place)->left : &(*place)->right;
	split(*place, area->first, &area->left, &area->right);
	*place = area;
}

void svart_iova_area_remove(struct svart_iova_area_tree *tree, struct svart_iova_area *area)
{
	struct svart_iova_area **place = &tree->root;

	while (*place != area)
		place = area->first < (*place)->first ? &(*place)->left : &(*place)->right;
	join(area->left, area->right, place);
}

struct svart_iova_area *svart_iova_area_find(
	const struct svart_iova_area_tree *tree, uint64_t first, uint64_t last)
{
	struct svart_iova_area *at = tree->root, *best = NULL;

	/* Areas are disjoint, so the order by last is the order by first. */
	while (at != NULL) {
		if (at->last >= first) {
			best = at;
			at = at->left;
		} else {
			at = at->right;
		}
	}
	return best != NULL && best->first <= last ? best : NULL;
}

struct svart_iova_area *svart_iova_area_next(
	const struct svart_iova_area_tree *tree, const struct svart_iova_area *area)
{
	if (area->last == UINT64_MAX)
		return NULL;
	return svart_iova_area_find(tree, area->last + 1, UINT64_MAX);
}

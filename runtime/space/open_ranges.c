/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "open_ranges.h"

#include <stddef.h>

void svart_open_ranges_init(struct svart_open_ranges *set)
{
	pthread_mutex_init(&set->lock, NULL);
	atomic_init(&set->nr, 0);
	set->root = NULL;
	set->next_serial = 1;
}

void svart_open_ranges_fini(struct svart_open_ranges *set)
{
	pthread_mutex_destroy(&set->lock);
}

/* --- the treap: with the lock held ----------------------------------------------------------------- */

/** Makes consecutive numbers into priorities that are not consecutive (a multiplicative hash: Knuth, 6.4). */
static uint64_t priority_of(const struct svart_open_range *r)
{
	return r->serial * UINT64_C(0x9e3779b97f4a7c15);
}

static bool comes_before(const struct svart_open_range *a, const struct svart_open_range *b)
{
	return a->first != b->first ? a->first < b->first : a->serial < b->serial;
}

static void note_last(struct svart_open_range *r)
{
	r->last_below = r->last;
	if (r->left != NULL && r->left->last_below > r->last_below)
		r->last_below = r->left->last_below;
	if (r->right != NULL && r->right->last_below > r->last_below)
		r->last_below = r->right->last_below;
}

/** Parts a tree into what comes before `at`, and the rest. */
static void split(struct svart_open_range *tree, const struct svart_open_range *at,
	struct svart_open_range **before, struct svart_open_range **after)
{
	if (tree == NULL) {
		*before = *after = NULL;
		return;
	}
	if (comes_before(tree, at)) {
		split(tree->right, at, &tree->right, after);
		*before = tree;
	} else {
		split(tree->left, at, before, &tree->left);
		*after = tree;
	}
	note_last(tree);
}

/** Joins two trees, all of a before all of b. */
static struct svart_open_range *join(struct svart_open_range *a, struct svart_open_range *b)
{
	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	if (priority_of(a) > priority_of(b)) {
		a->right = join(a->right, b);
		note_last(a);
		return a;
	}
	b->left = join(a, b->left);
	note_last(b);
	return b;
}

static struct svart_open_range *insert(struct svart_open_range *tree, struct svart_open_range *r)
{
	if (tree == NULL || priority_of(r) > priority_of(tree)) {
		split(tree, r, &r->left, &r->right);
		note_last(r);
		return r;
	}
	if (comes_before(r, tree))
		tree->left = insert(tree->left, r);
	else
		tree->right = insert(tree->right, r);
	note_last(tree);
	return tree;
}

static struct svart_open_range *erase(
	struct svart_open_range *tree, const struct svart_open_range *r, bool *found)
{
	if (tree == NULL)
		return NULL;
	if (tree == r) {
		*found = true;
		return join(tree->left, tree->right);
	}
	if (comes_before(r, tree))
		tree->left = erase(tree->left, r, found);
	else
		tree->right = erase(tree->right, r, found);
	note_last(tree);
	return tree;
}

static const struct svart_open_range *find(
	const struct svart_open_range *tree, uint64_t first, uint64_t last)
{
	while (tree != NULL && (tree->last < first || tree->first > last)) {
		/* If something on the left reaches `first` and none overlaps, none on the right does. */
		tree = tree->left != NULL && tree->left->last_below >= first ? tree->left
									     : tree->right;
	}
	return tree;
}

/* --- for the space --------------------------------------------------------------------------------- */

void svart_open_ranges_add(struct svart_open_ranges *set, struct svart_open_range *range)
{
	pthread_mutex_lock(&set->lock);
	range->serial = set->next_serial++;
	range->left = range->right = NULL;
	set->root = insert(set->root, range);
	atomic_fetch_add_explicit(&set->nr, 1, memory_order_relaxed);
	pthread_mutex_unlock(&set->lock);
}

bool svart_open_ranges_remove(struct svart_open_ranges *set, struct svart_open_range *range)
{
	bool found = false;

	pthread_mutex_lock(&set->lock);
	set->root = erase(set->root, range, &found);
	if (found)
		atomic_fetch_sub_explicit(&set->nr, 1, memory_order_relaxed);
	pthread_mutex_unlock(&set->lock);
	return found;
}

bool svart_open_ranges_find(struct svart_open_ranges *set, uint64_t first, uint64_t last,
	uint64_t *found_first, uint64_t *found_last)
{
	const struct svart_open_range *r;

	/*
	 * Relaxed is enough: a thread that adds a range takes the locks of its shards afterwards, and a
	 * thread that looks here holds one of these. So one of the two sees the other (invalidate.c).
	 */
	if (atomic_load_explicit(&set->nr, memory_order_relaxed) == 0)
		return false;
	pthread_mutex_lock(&set->lock);
	r = find(set->root, first, last);
	if (r != NULL) {
		*found_first = r->first;
		*found_last = r->last;
	}
	pthread_mutex_unlock(&set->lock);
	return r != NULL;
}

uint32_t svart_open_ranges_nr(const struct svart_open_ranges *set)
{
	return atomic_load_explicit(&set->nr, memory_order_relaxed);
}

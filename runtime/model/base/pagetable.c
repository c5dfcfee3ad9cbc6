/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "pagetable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"

#define LEVELS         4
#define BITS_PER_LEVEL 9

_Static_assert(LEVELS *BITS_PER_LEVEL + SVART_PAGE_SHIFT == SVART_PAGETABLE_BITS, "levels");
_Static_assert(1 << BITS_PER_LEVEL == SVART_PAGETABLE_SLOTS, "slots");

/** Tells the place of iova in a table of this level; level 0 is the lowest. */
static unsigned int slot_of(uint64_t iova, unsigned int level)
{
	return (iova >> (SVART_PAGE_SHIFT + level * BITS_PER_LEVEL)) % SVART_PAGETABLE_SLOTS;
}

/** Counts the pages from iova on, nr at most, that are in the same lowest table. */
static unsigned int in_leaf(uint64_t iova, uint64_t nr)
{
	unsigned int rest = SVART_PAGETABLE_SLOTS - slot_of(iova, 0);

	return nr < rest ? (unsigned int)nr : rest;
}

static struct svart_pagetable_node *child(
	const struct svart_pagetable_node *node, unsigned int slot)
{
	/* Orders the load of the pointer before loads through it; pairs with the store of make_child(). */
	return (struct svart_pagetable_node *)(uintptr_t)atomic_load_explicit(
		&node->slot[slot], memory_order_acquire);
}

static struct svart_pagetable_node *make_child(struct svart_pagetable_node *node, unsigned int slot)
{
	struct svart_pagetable_node *next = child(node, slot);

	if (next != NULL)
		return next;
	next = calloc(1, sizeof(*next));
	/* Orders the zeroed table before the pointer; pairs with the load of child(). */
	if (next != NULL)
		atomic_store_explicit(&node->slot[slot], (uintptr_t)next, memory_order_release);
	return next;
}

/** @return the lowest table that covers iova, or NULL. */
static struct svart_pagetable_node *find_leaf(const struct svart_pagetable *pt, uint64_t iova)
{
	struct svart_pagetable_node *node = pt->root;
	unsigned int level;

	if (iova >> SVART_PAGETABLE_BITS != 0)
		return NULL;
	for (level = LEVELS - 1; level > 0 && node != NULL; level--)
		node = child(node, slot_of(iova, level));
	return node;
}

static struct svart_pagetable_node *make_leaf(struct svart_pagetable *pt, uint64_t iova)
{
	struct svart_pagetable_node *node = pt->root;
	unsigned int level;

	for (level = LEVELS - 1; level > 0 && node != NULL; level--)
		node = make_child(node, slot_of(iova, level));
	return node;
}

/** Takes the lowest table that covers iova out of its parent. */
static void unlink_leaf(struct svart_pagetable *pt, uint64_t iova)
{
	struct svart_pagetable_node *node = pt->root;
	unsigned int level;

	for (level = LEVELS - 1; level > 1; level--)
		node = child(node, slot_of(iova, level));
	atomic_store_explicit(&node->slot[slot_of(iova, 1)], 0, memory_order_relaxed);
}

static void free_tables(struct svart_pagetable_node *node, unsigned int level)
{
	unsigned int slot;

	if (node == NULL)
		return;
	for (slot = 0; level > 0 && slot < SVART_PAGETABLE_SLOTS; slot++)
		free_tables(child(node, slot), level - 1);
	free(node);
}

int svart_pagetable_init(struct svart_pagetable *pt)
{
	pt->root = calloc(1, sizeof(*pt->root));
	return pt->root != NULL ? 0 : -ENOMEM;
}

void svart_pagetable_fini(struct svart_pagetable *pt)
{
	free_tables(pt->root, LEVELS - 1);
}

int svart_pagetable_fill(
	struct svart_pagetable *pt, uint64_t iova, uint64_t va, uint64_t len, uint64_t bits)
{
	uint64_t nr = len >> SVART_PAGE_SHIFT, done = 0, at = iova;
	struct svart_pagetable_node *leaf;
	unsigned int i, run, slot;

	while (done < nr) {
		leaf = make_leaf(pt, at);
		if (leaf == NULL)
			goto undo;
		run = in_leaf(at, nr - done);
		slot = slot_of(at, 0);
		leaf->used += run;
		for (i = 0; i < run; i++)
			atomic_store_explicit(&leaf->slot[slot + i],
				(va + ((done + i) << SVART_PAGE_SHIFT)) | bits,
				memory_order_release);
		done += run;
		at += (uint64_t)run << SVART_PAGE_SHIFT;
	}
	return 0;

undo:
	/* The tables stay in place, because a device may be walking them. */
	for (at = iova; done > 0; done -= run, at += (uint64_t)run << SVART_PAGE_SHIFT) {
		run = in_leaf(at, done);
		leaf = find_leaf(pt, at);
		leaf->used -= run;
		for (i = 0; i < run; i++)
			atomic_store_explicit(
				&leaf->slot[slot_of(at, 0) + i], 0, memory_order_relaxed);
	}
	return -ENOMEM;
}

struct svart_pagetable_node *svart_pagetable_clear(
	struct svart_pagetable *pt, uint64_t iova, uint64_t len)
{
	struct svart_pagetable_node *leaf, *empty = NULL;
	uint64_t nr = len >> SVART_PAGE_SHIFT;
	unsigned int i, run, slot;

	for (; nr > 0; nr -= run, iova += (uint64_t)run << SVART_PAGE_SHIFT) {
		leaf = find_leaf(pt, iova);
		run = in_leaf(iova, nr);
		slot = slot_of(iova, 0);
		leaf->used -= run;
		for (i = 0; i < run; i++)
			atomic_store_explicit(&leaf->slot[slot + i], 0, memory_order_relaxed);
		if (leaf->used == 0) {
			unlink_leaf(pt, iova);
			leaf->next = empty;
			empty = leaf;
		}
	}
	return empty;
}

void svart_pagetable_free(struct svart_pagetable_node *nodes)
{
	struct svart_pagetable_node *next;

	for (; nodes != NULL; nodes = next) {
		next = nodes->next;
		free(nodes);
	}
}

void svart_pagetable_walk(
	const struct svart_pagetable *pt, uint64_t iova, unsigned int nr, uint64_t *out)
{
	const struct svart_pagetable_node *leaf;
	unsigned int i, run, slot;

	for (; nr > 0; nr -= run, out += run, iova += (uint64_t)run << SVART_PAGE_SHIFT) {
		leaf = find_leaf(pt, iova);
		run = in_leaf(iova, nr);
		slot = slot_of(iova, 0);
		/* Pairs with the stores of fill: data written to the page before MAP is seen. */
		for (i = 0; i < run; i++)
			out[i] = leaf == NULL ? 0
					      : atomic_load_explicit(&leaf->slot[slot + i],
							memory_order_acquire);
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_PAGETABLE_H
#define SVART_MODEL_PAGETABLE_H

/**
 * @file
 * The page table of an IOAS: a radix tree of 4 KiB pages, 512 entries a table, 4 levels. Devices walk
 * it without a lock; all HWPTs of an IOAS hold the same, so they share it.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/** What an entry says beside the page-aligned process address; 0 is not present. */
enum svart_pte_bit {
	SVART_PTE_PRESENT = 1 << 0,
	SVART_PTE_READ = 1 << 1,
	SVART_PTE_WRITE = 1 << 2,
};

/** IOVAs have this many bits. */
#define SVART_PAGETABLE_BITS  48
#define SVART_PAGETABLE_SLOTS 512

/**
 * One table: of tables, or of entries.
 *
 * Owner: its page table. Lifetime: a lowest table until it is empty, others until fini. Locks: slots
 * are atomics, the rest has the writers' lock.
 */
struct svart_pagetable_node {
	_Atomic uint64_t slot[SVART_PAGETABLE_SLOTS];
	unsigned int used;                 /**< Entries present, in a lowest table. */
	struct svart_pagetable_node *next; /**< Once taken out. */
};

/**
 * The tree.
 *
 * Owner: an IOAS. Lifetime: the IOAS's. Locks: writers hold the IOAS's areas lock; a walker is
 * safe while it holds the lock of a device that was attached before and is invalidated after.
 */
struct svart_pagetable {
	struct svart_pagetable_node *root;
};

/** @return 0 or -ENOMEM. */
int svart_pagetable_init(struct svart_pagetable *pt);
/** Nobody walks any more. */
void svart_pagetable_fini(struct svart_pagetable *pt);

/**
 * Fills [iova, iova + len), where nothing is, with pages from va on.
 * @param bits enum svart_pte_bit. All are multiples of the page.
 * @return 0, or -ENOMEM with nothing filled; devices may have seen some of it and are to be
 *         invalidated.
 */
int svart_pagetable_fill(
	struct svart_pagetable *pt, uint64_t iova, uint64_t va, uint64_t len, uint64_t bits);
/**
 * Clears [iova, iova + len), which was filled.
 * @return tables that are empty now: to be freed when no walker can be in them.
 */
struct svart_pagetable_node *svart_pagetable_clear(
	struct svart_pagetable *pt, uint64_t iova, uint64_t len);
void svart_pagetable_free(struct svart_pagetable_node *nodes);

/** Reads the entries of nr pages from iova on. @param out out: array[nr]. Does not block. */
void svart_pagetable_walk(
	const struct svart_pagetable *pt, uint64_t iova, unsigned int nr, uint64_t *out);

#endif

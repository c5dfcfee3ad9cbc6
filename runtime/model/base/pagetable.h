/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_PAGETABLE_H
#define SVART_MODEL_PAGETABLE_H

/**
 * @file
 * A page table: a radix tree of 4 KiB pages, 512 entries a table, 4 levels. Devices walk it without a
 * lock.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/** Bits of an entry beside the page-aligned process address; an entry of 0 is not present. */
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
 * Owner: its page table. Lifetime: a lowest table lives until it is empty, others until fini. Locks: slots
 * are atomics, the rest has the writers' lock.
 */
struct svart_pagetable_node {
	_Atomic uint64_t slot[SVART_PAGETABLE_SLOTS];
	unsigned int used; /**< Entries present, in a lowest table. */
	/** The next one of a list of tables that were taken out. */
	struct svart_pagetable_node *next;
};

/**
 * The tree.
 *
 * Owner: the structure that embeds it. Locks: writers hold a lock of the owner. A walker is safe while it
 * holds the lock of a device that was attached before the walk and is invalidated after it.
 */
struct svart_pagetable {
	struct svart_pagetable_node *root;
};

/** @return 0 or -ENOMEM. */
int svart_pagetable_init(struct svart_pagetable *pt);
/** Frees the tables. Nobody walks them any more. */
void svart_pagetable_fini(struct svart_pagetable *pt);

/**
 * Fills the empty range [iova, iova + len) with pages from va on.
 * @param bits enum svart_pte_bit. All are multiples of the page.
 * @return 0, or -ENOMEM with nothing filled; devices may have seen some entries, so the caller must
 *         invalidate them.
 */
int svart_pagetable_fill(
	struct svart_pagetable *pt, uint64_t iova, uint64_t va, uint64_t len, uint64_t bits);
/**
 * Clears the range [iova, iova + len), which was filled.
 * @return tables that are empty now: the caller frees them when no walker can be in them.
 */
struct svart_pagetable_node *svart_pagetable_clear(
	struct svart_pagetable *pt, uint64_t iova, uint64_t len);
void svart_pagetable_free(struct svart_pagetable_node *nodes);

/** Reads the entries of nr pages from iova on. @param out out: array[nr]. Does not block. */
void svart_pagetable_walk(
	const struct svart_pagetable *pt, uint64_t iova, unsigned int nr, uint64_t *out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_REPLACED_H
#define SVART_REPLACED_H

/**
 * @file
 * Memory that the process has replaced without a forget. It is noticed when a page next to it is mapped: the
 * VMA is looked up for that, and pages in the VMA's range that were mapped from other memory are stale.
 */

#include "claim.h"
#include "vma.h"

/** The first replaced memory that was found. Zeroed: none was found. Owner: the caller, on its stack. */
struct svart_replaced {
	uint64_t addr;   /**< Of the first page; 0: nothing was found. */
	uint64_t before; /**< Tag of what devices had (svart_vma_identity_tag()). */
	uint64_t now;    /**< Tag of what the process has. */
};

/**
 * Unmaps the stale pages in the range of a VMA, within the claim's chunk: those that were mapped from other
 * memory than the VMA's. Pages that devices without page requests hold stay mapped, and are counted.
 *
 * It finds nothing if something else was mapped in the chunk since the claim was made, because the VMA may be
 * older than that.
 *
 * @param claim a claim made before the VMA was looked up; it notes where its pages are from.
 * @param found out: written if there are stale pages and nothing was found before.
 * @thread the claim's, no lock held. @blocks while the kernel unmaps stale pages, if there are any.
 */
void svart_space_drop_replaced(struct svart_space *space, struct svart_claim *claim,
	const struct svart_vma *vma, struct svart_replaced *found);

/** Logs what was found, once for a space. @thread any, with no claim. @blocks while it writes the log. */
void svart_space_tell_replaced(struct svart_space *space, const struct svart_replaced *found);

#endif

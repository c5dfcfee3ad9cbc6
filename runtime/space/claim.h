/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_CLAIM_H
#define SVART_CLAIM_H

/**
 * @file
 * Pages that one thread has made pending, and what it may do with them: map, unmap, give back.
 *
 * Whoever holds a claim waits for nobody else's. So a claim ends as soon as the kernel has answered.
 */

#include "space_state.h"

/**
 * A claim on pages of one chunk.
 *
 * Owner: the claiming thread, on its stack. Lifetime: svart_claim_absent() or svart_claim_areas() to
 * svart_claim_end() or svart_claim_publish(). Locks: none, its owner only; the chunk cannot go away
 * meanwhile.
 */
struct svart_claim {
	struct svart_shard *shard;
	struct svart_chunk *chunk;
	uint64_t base;                 /**< Address of the chunk. */
	unsigned int first, end;       /**< Span of the pages. */
	bool whole;                    /**< Nothing else is in the span: one UNMAP will do. */
	struct svart_page_bits pages;  /**< Claimed. */
	struct svart_page_bits mapped; /**< Of these, what is mapped. */
	struct svart_page_bits area_start;
	struct svart_page_bits gone; /**< Of mapped, what svart_claim_unmap() has unmapped. */
};

/* With the shard locked: */

/** Claims absent pages [first, end), to be mapped. */
void svart_claim_absent(struct svart_space *space, struct svart_shard *shard, struct svart_chunk *c,
	unsigned int first, unsigned int end, struct svart_claim *claim);

/** Claims mapped pages, whole areas, to be unmapped. */
void svart_claim_areas(struct svart_space *space, struct svart_shard *shard, struct svart_chunk *c,
	const struct svart_page_bits *pages, struct svart_claim *claim);

/** Ends a claim on absent pages that svart_claim_map() has mapped: they are one area now. */
void svart_claim_publish(
	struct svart_space *space, struct svart_claim *claim, bool writable, bool fixed);

/* Without a lock: */

/** Gives back the pages outside [first, end) of a claim on absent pages. */
void svart_claim_trim(
	struct svart_space *space, struct svart_claim *claim, unsigned int first, unsigned int end);

/**
 * IOAS_UNMAP of all areas of a claim.
 * @return 0: none is mapped any more. Else the -errno of the first that still is.
 * @blocks while the kernel unmaps and devices invalidate.
 */
int svart_claim_unmap(struct svart_space *space, struct svart_claim *claim);

/**
 * After svart_claim_unmap() returned 0: the pages are absent now, and still claimed, as by
 * svart_claim_absent().
 */
void svart_claim_now_absent(struct svart_space *space, struct svart_claim *claim);

/**
 * IOAS_MAP of a claim on absent pages, once; bytes must have been reserved.
 * @return 0 or the kernel's -errno.
 */
int svart_claim_map(struct svart_space *space, const struct svart_claim *claim, bool writable);

/**
 * What svart_claim_map() has mapped is to go again: makes the claim one on a mapped area.
 * It is then for svart_claim_unmap() and svart_claim_end().
 */
void svart_claim_now_mapped(struct svart_claim *claim);

/** Ends a claim: what is gone is absent, what is not is as before. */
void svart_claim_end(struct svart_space *space, struct svart_claim *claim);

static inline uint64_t svart_claim_addr(const struct svart_claim *claim)
{
	return claim->base + claim->first * SVART_PAGE_SIZE;
}

static inline uint64_t svart_claim_bytes(const struct svart_claim *claim)
{
	return (claim->end - claim->first) * SVART_PAGE_SIZE;
}

#endif

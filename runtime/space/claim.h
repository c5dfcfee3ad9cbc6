/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_CLAIM_H
#define SVART_CLAIM_H

/**
 * @file
 * Pages that one thread has made pending, and what it may do with them: map, unmap, give back.
 *
 * A thread that holds a claim never waits for the claim of another. So a claim ends as soon as the kernel has
 * answered.
 */

#include "space_state.h"

/** Where a claim's pages are mapped from. Owner, lifetime and locks: the claim's. */
struct svart_claim_origin {
	bool known;
	uint64_t tag; /**< svart_vma_identity_tag(). */
	uint16_t first,
		end; /**< All of the chunk that is mapped from there; empty: only the claim's pages. */
};

/**
 * A claim on pages of one chunk.
 *
 * Owner: the claiming thread, on its stack. Lifetime: svart_claim_absent() or svart_claim_areas() to
 * svart_claim_end() or svart_claim_publish(). Locks: none, only its owner uses it. The chunk is not freed
 * meanwhile.
 */
struct svart_claim {
	struct svart_shard *shard;
	struct svart_chunk *chunk;
	uint64_t base;                 /**< Address of the chunk. */
	unsigned int first, end;       /**< Span of the pages. */
	bool whole;                    /**< Nothing else is in the span: one UNMAP is enough. */
	struct svart_page_bits pages;  /**< The claimed pages. */
	struct svart_page_bits mapped; /**< Those of `pages` that are mapped. */
	struct svart_page_bits area_start;
	struct svart_page_bits gone; /**< Of mapped, those that svart_claim_unmap() unmapped. */
	uint16_t publications;       /**< The chunk's when the claim was made. */
	struct svart_claim_origin origin; /**< Set by svart_space_drop_replaced(). */
};

/* With the shard locked: */

/** Claims absent pages [first, end), to be mapped. */
void svart_claim_absent(struct svart_space *space, struct svart_shard *shard, struct svart_chunk *c,
	unsigned int first, unsigned int end, struct svart_claim *claim);

/** Claims mapped pages, which are whole areas, to be unmapped. */
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
 * Unmaps all areas of a claim by IOAS_UNMAP.
 * @return 0: none is mapped any more. Else the -errno of the first one that is still mapped.
 * @blocks while the kernel unmaps and devices invalidate.
 */
int svart_claim_unmap(struct svart_space *space, struct svart_claim *claim);

/**
 * To be called after svart_claim_unmap() returned 0. The pages are absent now, and still claimed, as after
 * svart_claim_absent().
 */
void svart_claim_now_absent(struct svart_space *space, struct svart_claim *claim);

/**
 * Tries once to map a claim on absent pages by IOAS_MAP; its bytes must have been reserved.
 * @return 0 or the kernel's -errno.
 */
int svart_claim_map(struct svart_space *space, const struct svart_claim *claim, bool writable);

/**
 * Makes a claim that svart_claim_map() has mapped a claim on a mapped area, because it must be unmapped
 * again. The caller then calls svart_claim_unmap() and svart_claim_end().
 */
void svart_claim_now_mapped(struct svart_claim *claim);

/** Ends a claim: the pages in `gone` are absent now, the others are as they were before the claim. */
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

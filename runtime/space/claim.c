/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "claim.h"

#include <errno.h>

#include "iommufd.h"

/**
 * How often an UNMAP is tried that the kernel answers with EBUSY, with a pause of a millisecond at most in
 * between. EBUSY is short-lived (an area that is being mapped or unmapped), or a fault of the kernel, which
 * must not hang the caller for ever.
 */
#define UNMAP_TRIES 5000

static void claim_init(struct svart_space *space, struct svart_shard *shard, struct svart_chunk *c,
	struct svart_claim *claim)
{
	*claim = (struct svart_claim){
		.shard = shard,
		.chunk = c,
		.base = c->number << SVART_CHUNK_SHIFT,
		.publications = c->publications,
	};
	svart_count(&space->n.claims, 1);
}

void svart_claim_absent(struct svart_space *space, struct svart_shard *shard, struct svart_chunk *c,
	unsigned int first, unsigned int end, struct svart_claim *claim)
{
	claim_init(space, shard, c, claim);
	claim->first = first;
	claim->end = end;
	claim->pages = svart_page_bits_range(first, end);
	c->pending = svart_page_bits_or(&c->pending, &claim->pages);
}

/*
 * If nothing else is in the span, the holes between the areas are claimed too: else another thread could
 * map there while one UNMAP takes the whole span.
 */
void svart_claim_areas(struct svart_space *space, struct svart_shard *shard, struct svart_chunk *c,
	const struct svart_page_bits *pages, struct svart_claim *claim)
{
	struct svart_page_bits span, others;

	claim_init(space, shard, c, claim);
	claim->mapped = *pages;
	claim->area_start = svart_page_bits_and(pages, &c->area_start);
	claim->first = svart_page_bits_next(pages, 0, SVART_CHUNK_PAGES);
	claim->end = svart_page_bits_last_end(pages, 0, SVART_CHUNK_PAGES);
	span = svart_page_bits_range(claim->first, claim->end);
	others = svart_page_bits_or(&c->mapped, &c->pending);
	others = svart_page_bits_and_not(&others, pages);
	others = svart_page_bits_and(&others, &span);
	claim->whole = svart_page_bits_empty(&others);
	claim->pages = claim->whole ? span : *pages;
	c->pending = svart_page_bits_or(&c->pending, &claim->pages);
}

void svart_claim_trim(
	struct svart_space *space, struct svart_claim *claim, unsigned int first, unsigned int end)
{
	struct svart_page_bits keep = svart_page_bits_range(first, end);
	struct svart_page_bits drop = svart_page_bits_and_not(&claim->pages, &keep);

	if (first == claim->first && end == claim->end)
		return;
	claim->first = first;
	claim->end = end;
	claim->pages = keep;
	pthread_mutex_lock(&claim->shard->lock);
	claim->chunk->pending = svart_page_bits_and_not(&claim->chunk->pending, &drop);
	svart_chunk_settle(&space->map, claim->shard, claim->chunk);
	pthread_mutex_unlock(&claim->shard->lock);
}

int svart_claim_map(struct svart_space *space, const struct svart_claim *claim, bool writable)
{
	int rc = svart_iommufd_ioas_map_identity(space->m, space->iommufd, space->ioas,
		svart_claim_addr(claim), svart_claim_bytes(claim), writable);

	if (rc == 0)
		svart_count(&space->n.maps, 1);
	return rc;
}

void svart_claim_now_mapped(struct svart_claim *claim)
{
	claim->mapped = claim->pages;
	claim->area_start = svart_page_bits_range(claim->first, claim->first + 1);
}

/** IOAS_UNMAP of pages [first, end). @return 0; -ENOENT nothing was there; another -errno. */
static int unmap_span(struct svart_space *space, const struct svart_claim *claim,
	unsigned int first, unsigned int end)
{
	unsigned int tries;
	int rc;

	for (tries = 0;; tries++) {
		rc = svart_iommufd_ioas_unmap(space->m, space->iommufd, space->ioas,
			claim->base + first * SVART_PAGE_SIZE, (end - first) * SVART_PAGE_SIZE,
			NULL);
		if ((rc != -EBUSY && rc != -EINTR) || tries == UNMAP_TRIES)
			return rc;
		svart_space_pause(space);
	}
}

static unsigned int area_end(const struct svart_claim *claim, unsigned int first)
{
	unsigned int next = svart_page_bits_next(&claim->area_start, first + 1, SVART_CHUNK_PAGES);

	return svart_page_bits_next_clear(&claim->mapped, first + 1, next);
}

/**
 * Unmaps the areas one by one. -ENOENT of exactly one area means that it is gone, which is all that is
 * wanted.
 */
static int unmap_each_area(struct svart_space *space, struct svart_claim *claim)
{
	unsigned int first, end;
	int rc = 0, err;

	for (first = claim->first; first < claim->end; first = end) {
		first = svart_page_bits_next(&claim->area_start, first, claim->end);
		if (first == claim->end)
			break;
		end = area_end(claim, first);
		err = unmap_span(space, claim, first, end);
		if (err == 0 || err == -ENOENT)
			svart_page_bits_set(&claim->gone, first, end);
		else if (rc == 0)
			rc = err;
	}
	return rc;
}

int svart_claim_unmap(struct svart_space *space, struct svart_claim *claim)
{
	unsigned int nr_areas = svart_page_bits_count(&claim->area_start);
	int rc;

	if (claim->whole && nr_areas > 1 &&
		unmap_span(space, claim, claim->first, claim->end) == 0) {
		claim->gone = claim->mapped;
		rc = 0;
	} else {
		/* After a failure only an UNMAP of each single area tells which are still there. */
		rc = unmap_each_area(space, claim);
	}
	if (rc == 0)
		svart_count(&space->n.unmaps, nr_areas);
	return rc;
}

/** With the shard locked: updates the chunk and the counters for what was unmapped. */
static void drop_gone(struct svart_space *space, const struct svart_claim *claim)
{
	struct svart_chunk *c = claim->chunk;
	struct svart_page_bits fixed = svart_page_bits_and(&claim->gone, &c->fixed);

	c->mapped = svart_page_bits_and_not(&c->mapped, &claim->gone);
	c->writable = svart_page_bits_and_not(&c->writable, &claim->gone);
	c->area_start = svart_page_bits_and_not(&c->area_start, &claim->gone);
	c->fixed = svart_page_bits_and_not(&c->fixed, &claim->gone);
	atomic_fetch_sub_explicit(&space->n.pinned,
		svart_page_bits_count(&claim->gone) * SVART_PAGE_SIZE, memory_order_relaxed);
	atomic_fetch_sub_explicit(&space->n.fixed, svart_page_bits_count(&fixed) * SVART_PAGE_SIZE,
		memory_order_relaxed);
}

static void end_locked(struct svart_space *space, struct svart_claim *claim)
{
	struct svart_chunk *c = claim->chunk;

	c->pending = svart_page_bits_and_not(&c->pending, &claim->pages);
	svart_chunk_settle(&space->map, claim->shard, c);
	atomic_fetch_sub_explicit(&space->n.claims, 1, memory_order_relaxed);
}

void svart_claim_now_absent(struct svart_space *space, struct svart_claim *claim)
{
	const struct svart_page_bits none = { { 0 } };

	pthread_mutex_lock(&claim->shard->lock);
	drop_gone(space, claim);
	svart_chunk_settle(&space->map, claim->shard, claim->chunk);
	pthread_mutex_unlock(&claim->shard->lock);
	claim->mapped = none;
	claim->area_start = none;
	claim->gone = none;
}

/**
 * With the shard locked: notes where the pages were mapped from. Origins that others have noted since the
 * claim was made can be of a younger VMA than the claim's.
 */
static void note_origin(struct svart_space *space, struct svart_claim *claim)
{
	const struct svart_claim_origin *o = &claim->origin;
	struct svart_chunk *c = claim->chunk;
	struct svart_origins *origins = svart_chunk_origins(&space->map, c);

	if (!o->known)
		return;
	if (o->first < o->end && claim->publications == c->publications)
		svart_origins_note(origins, o->first, o->end, o->tag);
	else
		svart_origins_note(origins, claim->first, claim->end, o->tag);
	c->publications++;
}

void svart_claim_publish(
	struct svart_space *space, struct svart_claim *claim, bool writable, bool fixed)
{
	struct svart_chunk *c = claim->chunk;

	c->mapped = svart_page_bits_or(&c->mapped, &claim->pages);
	if (writable)
		c->writable = svart_page_bits_or(&c->writable, &claim->pages);
	if (fixed) {
		c->fixed = svart_page_bits_or(&c->fixed, &claim->pages);
		svart_count(&space->n.fixed, svart_claim_bytes(claim));
	}
	svart_page_bits_set(&c->area_start, claim->first, claim->first + 1);
	note_origin(space, claim);
	c->newest = (uint16_t)claim->first;
	c->fresh = true;
	end_locked(space, claim);
}

void svart_claim_end(struct svart_space *space, struct svart_claim *claim)
{
	pthread_mutex_lock(&claim->shard->lock);
	drop_gone(space, claim);
	end_locked(space, claim);
	pthread_mutex_unlock(&claim->shard->lock);
}

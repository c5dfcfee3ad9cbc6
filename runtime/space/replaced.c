/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "replaced.h"

#include <inttypes.h>
#include <stdio.h>

#include "error.h"

/** Room for a tag in words. */
#define WORDS_BYTES 64

/** Pages that were mapped from other memory than the VMA's. */
struct stale {
	struct svart_page_bits all; /* Whole areas. */
	struct svart_page_bits
		take; /* Those of `all` that can be unmapped now, without the claim's own. */
	struct svart_page_bits held;
	uint64_t addr; /* Address of the first page. */
	uint64_t tag;  /* What it was mapped from. */
};

/** With the shard locked: all pages of the areas that some pages are in, without static memory. */
static struct svart_page_bits areas_of(
	const struct svart_chunk *c, const struct svart_page_bits *pages)
{
	struct svart_page_bits all = { { 0 } }, areas;
	unsigned int first, end;

	for (first = svart_page_bits_next(pages, 0, SVART_CHUNK_PAGES); first < SVART_CHUNK_PAGES;
		first = svart_page_bits_next(pages, end, SVART_CHUNK_PAGES)) {
		end = svart_page_bits_next_clear(pages, first, SVART_CHUNK_PAGES);
		areas = svart_chunk_areas(c, first, end, false);
		all = svart_page_bits_or(&all, &areas);
	}
	return all;
}

/** With the shard locked: finds what is stale. @return whether there is anything. */
static bool find(
	const struct svart_space *space, const struct svart_claim *claim, struct stale *stale)
{
	const struct svart_chunk *c = claim->chunk;
	const struct svart_origins *origins = svart_chunk_origins(&space->map, c);
	struct svart_page_bits pages;
	unsigned int page;

	pages = svart_origins_others(
		origins, claim->origin.first, claim->origin.end, claim->origin.tag);
	pages = svart_page_bits_and(&pages, &c->mapped);
	pages = svart_page_bits_and_not(&pages, &c->fixed);
	page = svart_page_bits_next(&pages, 0, SVART_CHUNK_PAGES);
	if (page == SVART_CHUNK_PAGES)
		return false;
	stale->all = areas_of(c, &pages);
	stale->held = svart_chunk_held_areas(c);
	stale->held = svart_page_bits_and(&stale->held, &stale->all);
	stale->take = svart_page_bits_and_not(&stale->all, &stale->held);
	stale->take = svart_page_bits_and_not(&stale->take, &c->pending);
	stale->addr = claim->base + page * SVART_PAGE_SIZE;
	stale->tag = svart_origins_tag(origins, page);
	return true;
}

static unsigned int nr_areas(const struct svart_chunk *c, const struct svart_page_bits *pages)
{
	struct svart_page_bits starts = svart_page_bits_and(pages, &c->area_start);

	return svart_page_bits_count(&starts);
}

/** With the shard locked: counts what is stale, without what others are unmapping. */
static void count(
	struct svart_space *space, const struct svart_claim *claim, const struct stale *stale)
{
	struct svart_page_bits own = svart_page_bits_and(&claim->mapped, &stale->all);

	own = svart_page_bits_or(&own, &stale->take);
	svart_count(&space->n.replaced, nr_areas(claim->chunk, &own));
	svart_count(&space->n.replaced_held, nr_areas(claim->chunk, &stale->held));
}

/** With the shard locked: finds what is stale, and claims those pages of it that can be unmapped. */
static bool find_and_claim(struct svart_space *space, const struct svart_claim *claim,
	struct stale *stale, struct svart_claim *theirs)
{
	theirs->chunk = NULL;
	if (claim->publications != claim->chunk->publications || !find(space, claim, stale))
		return false;
	count(space, claim, stale);
	if (!svart_page_bits_empty(&stale->take))
		svart_claim_areas(space, claim->shard, claim->chunk, &stale->take, theirs);
	return true;
}

/** Unmaps what is stale. @return whether all of it is gone, except for the claim's own, which will be. */
static bool unmap(struct svart_space *space, const struct svart_claim *claim,
	const struct stale *stale, struct svart_claim *theirs)
{
	struct svart_page_bits left = svart_page_bits_and_not(&stale->all, &stale->take);
	int rc = 0;

	left = svart_page_bits_and_not(&left, &claim->mapped);
	if (theirs->chunk != NULL) {
		rc = svart_claim_unmap(space, theirs);
		svart_claim_end(space, theirs);
	}
	return rc == 0 && svart_page_bits_empty(&left);
}

/** The pages of the claim's chunk that are in a VMA; at least one is. */
static struct svart_claim_origin origin_of(
	const struct svart_claim *claim, const struct svart_vma *vma)
{
	uint64_t base = claim->base, last = base + (SVART_CHUNK_SIZE - 1);
	uint64_t first = vma->start > base ? (vma->start - base) / SVART_PAGE_SIZE : 0;
	uint64_t end =
		vma->end - 1 < last ? (vma->end - base) / SVART_PAGE_SIZE : SVART_CHUNK_PAGES;

	return (struct svart_claim_origin){
		.known = true,
		.tag = svart_vma_identity_tag(&vma->identity),
		.first = (uint16_t)first,
		.end = (uint16_t)end,
	};
}

void svart_space_drop_replaced(struct svart_space *space, struct svart_claim *claim,
	const struct svart_vma *vma, struct svart_replaced *found)
{
	struct svart_claim theirs;
	struct stale stale;
	bool any;

	claim->origin = origin_of(claim, vma);
	pthread_mutex_lock(&claim->shard->lock);
	any = find_and_claim(space, claim, &stale, &theirs);
	pthread_mutex_unlock(&claim->shard->lock);
	if (!any)
		return;
	if (found->addr == 0)
		*found = (struct svart_replaced){ stale.addr, stale.tag, claim->origin.tag };
	/* Pages that stay keep their own origin, so that they are found again. */
	if (!unmap(space, claim, &stale, &theirs))
		claim->origin.end = claim->origin.first;
}

/* --- telling ----------------------------------------------------------------------------------- */

static const char *words(uint64_t tag, char text[WORDS_BYTES])
{
	if (tag == SVART_VMA_TAG_ANONYMOUS)
		return "anonymous memory";
	snprintf(text, WORDS_BYTES, "the file of inode %" PRIu32, (uint32_t)tag);
	return text;
}

void svart_space_tell_replaced(struct svart_space *space, const struct svart_replaced *found)
{
	bool same_file = (uint32_t)found->before == (uint32_t)found->now;
	char before[WORDS_BYTES], now[WORDS_BYTES];

	if (found->addr == 0 ||
		atomic_exchange_explicit(&space->told_replaced, true, memory_order_relaxed))
		return;
	svart_log(SVART_LOG_WARN,
		"the memory at %#" PRIx64
		" was replaced while devices had it: it was %s, and is %s%s now. What is "
		"found so is taken from them and counted (svart_space_stats.replaced); what is not "
		"found they go on using. Take memory from devices before it is unmapped or "
		"replaced: "
		"svart_space_forget(), svart_space_munmap(), or rte_dev_dma_unmap() of a dmadev",
		found->addr, words(found->before, before), words(found->now, now),
		same_file ? ", mapped otherwise," : "");
}

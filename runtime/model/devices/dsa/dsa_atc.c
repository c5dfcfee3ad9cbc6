/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The address translation cache (PCIe 6.0, 10.1). What is cached stays true until invalidate(): the
 * bus waits with an invalidation until no step() runs.
 */

#include <string.h>

#include "bits.h"
#include "dsa_model.h"

static struct dsa_atc_set *atc_set(struct dsa *d, uint32_t pasid, uint64_t page)
{
	uint64_t hash = (page >> SVART_PAGE_SHIFT) ^ ((uint64_t)pasid * UINT64_C(0x9e3779b1));

	return &d->atc[hash % DSA_ATC_SETS];
}

static struct dsa_atc_entry *atc_find(struct dsa *d, uint32_t pasid, uint64_t page)
{
	struct dsa_atc_set *set = atc_set(d, pasid, page);

	for (unsigned int i = 0; i < DSA_ATC_WAYS; i++) {
		if (set->ways[i].page == page && set->ways[i].pasid == pasid)
			return &set->ways[i];
	}
	return NULL;
}

static void atc_keep(
	struct dsa *d, uint32_t pasid, uint64_t page, const struct svart_ats_entry *from)
{
	struct dsa_atc_entry *entry = atc_find(d, pasid, page);

	if (entry == NULL) {
		struct dsa_atc_set *set = atc_set(d, pasid, page);

		entry = &set->ways[set->victim];
		set->victim = (uint8_t)((set->victim + 1) % DSA_ATC_WAYS);
	}
	*entry = (struct dsa_atc_entry){
		.page = page,
		.translated = from->translated,
		.pasid = pasid,
		.read = from->read,
		.write = from->write,
	};
}

int svart_dsa_atc_fill(struct dsa *d, uint32_t pasid, uint64_t page, unsigned int nr, bool write,
	struct svart_ats_entry *entries)
{
	int rc = d->bus->ops->ats_translate(d->bus, pasid, page, nr, write, entries);

	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < nr; i++) {
		if (entries[i].read || entries[i].write)
			atc_keep(d, pasid, page + i * SVART_PAGE_SIZE, &entries[i]);
	}
	return 0;
}

/* --- blocks ----------------------------------------------------------------------------------- */

/*
 * Aligned blocks whose pages lie in one piece, for reading or for writing: a long operand would else
 * need a line of the host's cache for each page.
 */
static struct dsa_atc_block *block_at(struct dsa *d, uint64_t addr, bool write)
{
	return &d->blocks[(addr / DSA_BLOCK_BYTES * 2 + write) % DSA_NR_BLOCKS];
}

/* Keeps the block at addr if these entries, of all its pages, make it one. */
static void block_keep(struct dsa *d, uint32_t pasid, uint64_t addr, bool write,
	const struct svart_ats_entry *entries)
{
	for (unsigned int i = 0; i < DSA_BLOCK_PAGES; i++) {
		if (!(write ? entries[i].write : entries[i].read) ||
			entries[i].translated != entries[0].translated + i * SVART_PAGE_SIZE)
			return;
	}
	*block_at(d, addr, write) = (struct dsa_atc_block){
		.addr = addr,
		.translated = entries[0].translated,
		.pasid = pasid,
		.write = write,
	};
}

/* Bytes from `at` to the end of its block, if that is known. */
static uint64_t block_find(
	struct dsa *d, uint32_t pasid, uint64_t at, bool write, uint64_t *translated)
{
	const struct dsa_atc_block *block = block_at(d, at, write);
	uint64_t off = at % DSA_BLOCK_BYTES;

	if (block->addr != at - off || block->pasid != pasid || block->write != write)
		return 0;
	*translated = block->translated + off;
	return DSA_BLOCK_BYTES - off;
}

static void blocks_invalidate(struct dsa *d, uint32_t pasid, uint64_t first, uint64_t last)
{
	for (unsigned int i = 0; i < DSA_NR_BLOCKS; i++) {
		struct dsa_atc_block *block = &d->blocks[i];

		if (block->pasid == pasid && block->addr <= last &&
			block->addr + (DSA_BLOCK_BYTES - 1) >= first)
			block->addr = DSA_ATC_EMPTY;
	}
}

/* --- one page --------------------------------------------------------------------------------- */

/* Whether more of the operand is in the page's block than the page. */
static bool is_long(const struct dsa_span *span, uint64_t page)
{
	return !span->backward && span->addr + span->ahead > page + SVART_PAGE_SIZE;
}

/* Pages of the operand from its begin to `page`: not around the end of memory, nor more than a block's. */
static unsigned int pages_back(const struct dsa_span *span, uint64_t page)
{
	uint64_t first = svart_page_down(span->addr - span->ahead);
	uint64_t pages = first <= page ? ((page - first) >> SVART_PAGE_SHIFT) + 1 : 1;

	return pages < DSA_BLOCK_PAGES ? (unsigned int)pages : DSA_BLOCK_PAGES;
}

/* Asks for a page and some with it: the whole block, or back to an operand's begin. */
static int atc_ask(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t page,
	struct svart_ats_entry *entry)
{
	struct svart_ats_entry entries[DSA_BLOCK_PAGES];
	uint64_t first = page;
	unsigned int nr = 1;
	int rc;

	if (is_long(span, page)) {
		first = page - page % DSA_BLOCK_BYTES;
		nr = DSA_BLOCK_PAGES;
	} else if (span->backward) {
		nr = pages_back(span, page);
		first = page - (nr - 1) * SVART_PAGE_SIZE;
	}
	rc = svart_dsa_atc_fill(d, pasid, first, nr, span->write, entries);
	if (rc < 0)
		return rc;
	if (is_long(span, page))
		block_keep(d, pasid, first, span->write, entries);
	*entry = entries[(page - first) >> SVART_PAGE_SHIFT];
	return 0;
}

/* One page's translation. Returns 1, 0 if it is missing or may not be accessed so, or -errno. */
static int atc_get(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t page,
	uint64_t *translated)
{
	const struct dsa_atc_entry *hit = atc_find(d, pasid, page);
	struct svart_ats_entry entry;
	int rc;

	if (hit != NULL && (span->write ? hit->write : hit->read)) {
		*translated = hit->translated;
		*span->recent = *hit;
		return 1;
	}
	rc = atc_ask(d, pasid, span, page, &entry);
	if (rc < 0)
		return rc;
	*translated = entry.translated;
	return span->write ? entry.write : entry.read;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* The piece at `at`: what is left of a block, or of a page. Returns its bytes, or as atc_get(). */
static int64_t piece_get(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t at,
	uint64_t *translated)
{
	uint64_t off = at & SVART_PAGE_MASK;
	int64_t bytes = (int64_t)block_find(d, pasid, at, span->write, translated);
	int rc;

	if (bytes != 0)
		return bytes;
	rc = atc_get(d, pasid, span, at - off, translated);
	*translated += off;
	return rc <= 0 ? rc : (int64_t)(SVART_PAGE_SIZE - off);
}

static int64_t run_forward(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t max,
	uint64_t *translated)
{
	int64_t bytes = piece_get(d, pasid, span, span->addr, translated);
	uint64_t next, run;

	if (bytes <= 0)
		return bytes;
	for (run = (uint64_t)bytes; run < max; run += (uint64_t)bytes) {
		bytes = piece_get(d, pasid, span, span->addr + run, &next);
		if (bytes <= 0 || next != *translated + run)
			break;
	}
	return (int64_t)(run < max ? run : max);
}

static int64_t run_backward(struct dsa *d, uint32_t pasid, const struct dsa_span *span,
	uint64_t max, uint64_t *translated)
{
	uint64_t page = svart_page_down(span->addr - 1);
	uint64_t next, run = span->addr - page;
	int rc = atc_get(d, pasid, span, page, translated);

	if (rc <= 0)
		return rc;
	while (run < max) {
		page -= SVART_PAGE_SIZE;
		rc = atc_get(d, pasid, span, page, &next);
		if (rc <= 0 || next + SVART_PAGE_SIZE != *translated)
			break;
		*translated = next;
		run += SVART_PAGE_SIZE;
	}
	if (run <= max)
		return (int64_t)run;
	*translated += run - max;
	return (int64_t)max;
}

int64_t svart_dsa_atc_run(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t max,
	uint64_t *translated)
{
	if (svart_dsa_atc_is_recent(span, pasid, max)) {
		*translated = svart_dsa_atc_recent(span);
		return (int64_t)max;
	}
	if (span->backward)
		return run_backward(d, pasid, span, max, translated);
	return run_forward(d, pasid, span, max, translated);
}

static void atc_forget_recent(struct dsa *d)
{
	for (unsigned int i = 0; i < DSA_MAX_ENGINES; i++)
		for (unsigned int k = 0; k < DSA_NR_RECENT; k++)
			d->engines[i].recent[k].page = DSA_ATC_EMPTY;
}

void svart_dsa_atc_invalidate(struct dsa *d, uint32_t pasid, uint64_t va, uint64_t len)
{
	uint64_t first = svart_page_down(va);
	/* The last byte: with len UINT64_MAX that is the end of memory, wherever va is. */
	uint64_t last = va + (len - 1) < va || len == UINT64_MAX ? UINT64_MAX : va + (len - 1);

	if (len == 0)
		return;
	atc_forget_recent(d);
	blocks_invalidate(d, pasid, first, last);
	for (unsigned int i = 0; i < DSA_ATC_SETS * DSA_ATC_WAYS; i++) {
		struct dsa_atc_entry *entry = &d->atc[i / DSA_ATC_WAYS].ways[i % DSA_ATC_WAYS];

		if (entry->pasid == pasid && entry->page >= first && entry->page <= last)
			entry->page = DSA_ATC_EMPTY;
	}
}

void svart_dsa_atc_reset(struct dsa *d)
{
	atc_forget_recent(d);
	for (unsigned int i = 0; i < DSA_NR_BLOCKS; i++)
		d->blocks[i].addr = DSA_ATC_EMPTY;
	memset(d->atc, 0, sizeof(d->atc));
	for (unsigned int i = 0; i < DSA_ATC_SETS * DSA_ATC_WAYS; i++)
		d->atc[i / DSA_ATC_WAYS].ways[i % DSA_ATC_WAYS].page = DSA_ATC_EMPTY;
}

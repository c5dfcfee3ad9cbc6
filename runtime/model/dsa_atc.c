/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The address translation cache (PCIe 6.0, 10.1). What is cached stays true until invalidate(): the
 * bus waits with an invalidation until no step() runs.
 */

#include <string.h>

#include "bits.h"
#include "dsa_internal.h"

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

/* Pages to ask for together with `page`: to the operand's end, but not around the end of memory. */
static unsigned int atc_batch(const struct dsa_span *span, uint64_t page)
{
	uint64_t pages;

	if (span->backward) {
		uint64_t first = svart_page_down(span->addr - span->ahead);

		pages = first <= page ? ((page - first) >> SVART_PAGE_SHIFT) + 1 : 1;
	} else {
		uint64_t last = svart_page_down(span->addr + span->ahead - 1);

		pages = page <= last ? ((last - page) >> SVART_PAGE_SHIFT) + 1 : 1;
	}
	return pages < DSA_ATS_BATCH ? (unsigned int)pages : DSA_ATS_BATCH;
}

/* One page's translation. Returns 1, 0 if it is missing or may not be accessed so, or -errno. */
static int atc_get(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t page,
	uint64_t *translated)
{
	struct svart_ats_entry entries[DSA_ATS_BATCH];
	const struct dsa_atc_entry *hit = atc_find(d, pasid, page);
	const struct svart_ats_entry *entry;
	unsigned int nr, at;
	int rc;

	if (hit != NULL && (span->write ? hit->write : hit->read)) {
		*translated = hit->translated;
		*span->recent = *hit;
		return 1;
	}
	nr = atc_batch(span, page);
	at = span->backward ? nr - 1 : 0;
	rc = svart_dsa_atc_fill(d, pasid, page - at * SVART_PAGE_SIZE, nr, span->write, entries);
	if (rc < 0)
		return rc;
	entry = &entries[at];
	*translated = entry->translated;
	return span->write ? entry->write : entry->read;
}

/* Adds pages to a run for as long as they are cached and go on where it ends. Returns its bytes. */
static uint64_t run_extend(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t run,
	uint64_t max, uint64_t translated)
{
	uint64_t page = span->addr + run;
	const struct dsa_atc_entry *hit;

	for (; run < max; run += SVART_PAGE_SIZE, page += SVART_PAGE_SIZE) {
		hit = atc_find(d, pasid, page);
		if (hit == NULL || !(span->write ? hit->write : hit->read) ||
			hit->translated != translated + run)
			break;
	}
	return run;
}

static int64_t run_forward(struct dsa *d, uint32_t pasid, const struct dsa_span *span, uint64_t max,
	uint64_t *translated)
{
	uint64_t page = svart_page_down(span->addr), off = span->addr & SVART_PAGE_MASK;
	uint64_t next, run = SVART_PAGE_SIZE - off;
	int rc = atc_get(d, pasid, span, page, translated);

	if (rc <= 0)
		return rc;
	*translated += off;
	run = run_extend(d, pasid, span, run, max, *translated);
	while (run < max) {
		page = svart_page_down(span->addr + run);
		rc = atc_get(d, pasid, span, page, &next);
		if (rc <= 0 || next != *translated + run)
			break;
		run += SVART_PAGE_SIZE;
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
	return span->backward ? run_backward(d, pasid, span, max, translated)
			      : run_forward(d, pasid, span, max, translated);
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
	for (unsigned int i = 0; i < DSA_ATC_SETS * DSA_ATC_WAYS; i++) {
		struct dsa_atc_entry *entry = &d->atc[i / DSA_ATC_WAYS].ways[i % DSA_ATC_WAYS];

		if (entry->pasid == pasid && entry->page >= first && entry->page <= last)
			entry->page = DSA_ATC_EMPTY;
	}
}

void svart_dsa_atc_reset(struct dsa *d)
{
	atc_forget_recent(d);
	memset(d->atc, 0, sizeof(d->atc));
	for (unsigned int i = 0; i < DSA_ATC_SETS * DSA_ATC_WAYS; i++)
		d->atc[i / DSA_ATC_WAYS].ways[i % DSA_ATC_WAYS].page = DSA_ATC_EMPTY;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>
#include <time.h>

#include "bits.h"
#include "trace.h"

/** How often a range is tried again that was forgotten while it was being mapped. */
#define MAX_TRIES 8

/**
 * Adjacent pages that are wanted with the same access.
 *
 * Owner: the stack. Lifetime: one call. Locks: none.
 */
struct page_range {
	struct svart_space *space;
	uint64_t start, end;
	uint32_t access;
	uint32_t from, to; /**< Its entries among the pages. */
};

/** What the pages of a request must allow. Fetching instructions is reading. */
static uint32_t request_access(const struct svart_page_request *request)
{
	uint32_t access = request->access & SVART_ACCESS_WRITE;

	if (request->access & (SVART_ACCESS_READ | SVART_ACCESS_EXEC))
		access |= SVART_ACCESS_READ;
	return access;
}

/**
 * Adds the pages of a group to nr. A malformed group is decided here, and wants none; so is one of
 * which a page could not be had before its LAST.
 * @return how many there are then.
 */
static uint32_t group_collect(struct svart_fault_worker *w, uint32_t group, uint32_t nr)
{
	struct svart_fault_service *s = w->service;
	const struct svart_group_node *nodes = svart_group_pool_nodes(s->pool);
	struct svart_fault_group *g = &s->groups[group];
	const struct svart_page_request *request;
	uint32_t node, begin = nr, access;
	uint64_t start;

	if (g->code != SVART_PAGE_RESPONSE_SUCCESS)
		return begin;
	for (node = group; node != SVART_GROUP_NONE; node = nodes[node].next) {
		request = &nodes[node].request;
		start = svart_page_down(request->addr);
		access = request_access(request);
		/* The last page of all has no end that a range could name; nobody has it. */
		if ((request->flags & SVART_PAGE_REQUEST_MALFORMED) ||
			(access != 0 && start + SVART_PAGE_SIZE == 0)) {
			g->code = SVART_PAGE_RESPONSE_INVALID;
			return begin;
		}
		if (access != 0)
			w->pages[nr++] = (struct svart_fault_page){
				.space = s->lanes[g->lane].space,
				.start = start,
				.access = access,
				.group = group,
			};
	}
	return nr;
}

static bool page_less(const struct svart_fault_page *a, const struct svart_fault_page *b)
{
	if (a->space != b->space)
		return (uintptr_t)a->space < (uintptr_t)b->space;
	if (a->start != b->start)
		return a->start < b->start;
	return a->access < b->access;
}

/** Lets pages[i] sink to its place in the heap of the first nr. */
static void heap_sink(struct svart_fault_page *pages, uint32_t i, uint32_t nr)
{
	struct svart_fault_page page = pages[i];
	uint32_t child;

	while ((child = 2 * i + 1) < nr) {
		if (child + 1 < nr && page_less(&pages[child], &pages[child + 1]))
			child++;
		if (!page_less(&page, &pages[child]))
			break;
		pages[i] = pages[child];
		i = child;
	}
	pages[i] = page;
}

/** Sorts by space, address, access. Heap sort: in place, and never quadratic, whatever a device asks. */
static void pages_sort(struct svart_fault_page *pages, uint32_t nr)
{
	struct svart_fault_page largest;
	uint32_t i;

	for (i = 1; i < nr && !page_less(&pages[i], &pages[i - 1]); i++)
		;
	if (i >= nr)
		return;
	for (i = nr / 2; i > 0; i--)
		heap_sink(pages, i - 1, nr);
	for (i = nr - 1; i > 0; i--) {
		largest = pages[0];
		pages[0] = pages[i];
		pages[i] = largest;
		heap_sink(pages, 0, i);
	}
}

/** Finds the entries of the page at `from`. @param access out: of all of them. @return the next page's. */
static uint32_t page_entries(
	const struct svart_fault_page *pages, uint32_t nr, uint32_t from, uint32_t *access)
{
	uint32_t i = from;

	*access = 0;
	while (i < nr && pages[i].space == pages[from].space && pages[i].start == pages[from].start)
		*access |= pages[i++].access;
	return i;
}

/**
 * The longest range from the page at `from`. Pages that are only read are never made part of one
 * that is written: a page that may not be written would fail its readers.
 */
static struct page_range range_find(
	const struct svart_fault_page *pages, uint32_t nr, uint32_t from)
{
	struct page_range range = { .space = pages[from].space, .start = pages[from].start };
	uint32_t access, next;

	range.from = from;
	range.to = page_entries(pages, nr, from, &range.access);
	range.end = range.start + SVART_PAGE_SIZE;
	while (range.to < nr) {
		if (pages[range.to].space != range.space || pages[range.to].start != range.end)
			break;
		next = page_entries(pages, nr, range.to, &access);
		if (access != range.access)
			break;
		range.to = next;
		range.end += SVART_PAGE_SIZE;
	}
	return range;
}

/** For a trace: CLOCK_MONOTONIC, of whatever machine. 0 while nobody traces. */
static uint64_t trace_now(void)
{
	struct timespec now;

	if (!svart_trace_resolve_on())
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/** @return 0 or -errno of svart_space_resolve(). */
static int range_resolve(struct svart_space *space, uint64_t start, uint64_t end, uint32_t access)
{
	uint64_t begun = trace_now();
	unsigned int tries;
	int rc = -EAGAIN;

	for (tries = 0; rc == -EAGAIN && tries < MAX_TRIES; tries++)
		rc = svart_space_resolve(space, start, end, access);
	svart_trace_resolve(start, end, access, begun != 0 ? trace_now() - begun : 0, rc);
	return rc;
}

/** A range failed: each of its groups is decided by its own pages and what it wants of them. */
static void range_decide(struct svart_fault_worker *w, const struct page_range *range, int range_rc)
{
	uint64_t start = range->start;
	uint32_t access = range->access, i;
	/* What is known already, if the range was one page. */
	bool known = range->end - range->start == SVART_PAGE_SIZE;
	struct svart_fault_page *page;
	int rc = range_rc;

	for (i = range->from; i < range->to; i++) {
		page = &w->pages[i];
		if (w->service->groups[page->group].code != SVART_PAGE_RESPONSE_SUCCESS)
			continue;
		if (!known || page->start != start || page->access != access) {
			start = page->start;
			access = page->access;
			rc = range_resolve(page->space, start, start + SVART_PAGE_SIZE, access);
			known = true;
		}
		/* What is being forgotten over and over is there, or not, when the device asks again. */
		if (rc != 0 && rc != -EAGAIN)
			w->service->groups[page->group].code = SVART_PAGE_RESPONSE_INVALID;
	}
}

static void pages_resolve(struct svart_fault_worker *w, uint32_t nr)
{
	struct page_range range;
	uint32_t from;
	int rc;

	pages_sort(w->pages, nr);
	for (from = 0; from < nr; from = range.to) {
		range = range_find(w->pages, nr, from);
		rc = range_resolve(range.space, range.start, range.end, range.access);
		if (rc != 0)
			range_decide(w, &range, rc);
	}
}

void svart_fault_resolve(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr)
{
	struct svart_fault_service *s = w->service;
	uint32_t i, claimed = 0, nr_pages = 0;

	for (i = 0; i < nr; i++)
		if (svart_fault_group_move(&s->groups[groups[i]], SVART_FAULT_GROUP_QUEUED,
			    SVART_FAULT_GROUP_RESOLVING))
			w->groups[claimed++] = groups[i];
	for (i = 0; i < claimed; i++)
		nr_pages = group_collect(w, w->groups[i], nr_pages);
	pages_resolve(w, nr_pages);
	for (i = 0; i < claimed; i++)
		if (svart_fault_group_move(&s->groups[w->groups[i]], SVART_FAULT_GROUP_RESOLVING,
			    SVART_FAULT_GROUP_ANSWERED))
			svart_fault_answer_group(w, w->groups[i], s->groups[w->groups[i]].code);
	svart_fault_flush(w);
}

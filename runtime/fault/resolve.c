/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>
#include <time.h>

#include "bits.h"
#include "trace.h"

/** How often a range is tried that is forgotten each time while it is being mapped. */
#define MAX_TRIES 8

/**
 * Adjacent pages that are wanted with the same access.
 *
 * Owner: the worker's thread, on its stack. Lifetime: one call. Locks: none.
 */
struct page_range {
	uint64_t start, end;
	uint32_t space_nr;
	uint32_t access;
	uint32_t from, to; /**< Its entries among the worker's pages are [from, to). */
};

/** The access that a request needs. Fetching instructions counts as reading. */
static uint32_t request_access(const struct svart_page_request *request)
{
	uint32_t access = request->access & SVART_ACCESS_WRITE;

	if (request->access & (SVART_ACCESS_READ | SVART_ACCESS_EXEC))
		access |= SVART_ACCESS_READ;
	return access;
}

/**
 * Adds the pages of a group to the nr pages of the worker. A malformed group is decided here, and wants no
 * pages; a group that was decided before wants none either.
 * @return how many pages there are then.
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
		/* The last page of all has no end that a range could name; no process has it. */
		if ((request->flags & SVART_PAGE_REQUEST_MALFORMED) ||
			(access != 0 && start + SVART_PAGE_SIZE == 0)) {
			g->code = SVART_PAGE_RESPONSE_INVALID;
			return begin;
		}
		if (access != 0)
			w->pages[nr++] = (struct svart_fault_page){
				.start = start,
				.space_nr = s->lanes[g->lane].space_nr,
				.access = access,
				.group = group,
			};
	}
	return nr;
}

static bool page_less(const struct svart_fault_page *a, const struct svart_fault_page *b)
{
	if (a->space_nr != b->space_nr)
		return a->space_nr < b->space_nr;
	if (a->start != b->start)
		return a->start < b->start;
	return a->access < b->access;
}

/** Moves pages[i] down to its place in the heap of the first nr pages. */
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

/**
 * Sorts by space, address, access. It is a heap sort: in place, and never quadratic, whatever a device asks
 * for.
 */
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

/**
 * Finds the entries of the page at `from`. @param access out: that of all of them. @return the next page's
 * entry.
 */
static uint32_t page_entries(
	const struct svart_fault_page *pages, uint32_t nr, uint32_t from, uint32_t *access)
{
	uint32_t i = from;

	*access = 0;
	while (i < nr && pages[i].space_nr == pages[from].space_nr &&
		pages[i].start == pages[from].start)
		*access |= pages[i++].access;
	return i;
}

/**
 * Finds the longest range from the page at `from`. Pages that are only read are never made part of a range
 * that is written: else a page that may not be written would fail its readers.
 */
static struct page_range range_find(
	const struct svart_fault_page *pages, uint32_t nr, uint32_t from)
{
	struct page_range range = { .space_nr = pages[from].space_nr, .start = pages[from].start };
	uint32_t access, next;

	range.from = from;
	range.to = page_entries(pages, nr, from, &range.access);
	range.end = range.start + SVART_PAGE_SIZE;
	while (range.to < nr) {
		if (pages[range.to].space_nr != range.space_nr ||
			pages[range.to].start != range.end)
			break;
		next = page_entries(pages, nr, range.to, &access);
		if (access != range.access)
			break;
		range.to = next;
		range.end += SVART_PAGE_SIZE;
	}
	return range;
}

/** The time for a trace: CLOCK_MONOTONIC, on every machine. 0 while the trace point is off. */
static uint64_t trace_now(void)
{
	struct timespec now;

	if (!svart_trace_resolve_on())
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/** The space of a group that this worker has claimed. */
static struct svart_space *group_space(const struct svart_fault_worker *w, uint32_t group)
{
	return w->service->lanes[w->service->groups[group].lane].space;
}

/** Entries among a worker's pages. Owner: the worker's thread, on its stack. */
struct entries {
	const struct svart_fault_worker *w;
	uint32_t from, to;
};

/**
 * Whether a group still waits for its pages: if not, its deadline has passed, or its device has to ask again.
 */
static bool group_is_wanted(const struct svart_fault_worker *w, uint32_t group)
{
	/*
	 * Orders the load before what is done for the group; pairs with the move by the thread that answers
	 * it.
	 */
	return atomic_load_explicit(&w->service->groups[group].state, memory_order_acquire) ==
	       SVART_FAULT_GROUP_RESOLVING;
}

static bool entries_are_wanted(const void *arg)
{
	const struct entries *e = arg;
	uint32_t i = e->from;

	while (i < e->to && group_is_wanted(e->w, e->w->pages[i].group))
		i++;
	return i == e->to;
}

/**
 * Makes a range present that entries want. If another thread has answered a group, its operation may have
 * ended, and the program may have forgotten its pages and freed them.
 * @return 0, -errno of svart_space_resolve(), or -ECANCELED: one of them does not want it any more.
 */
static int range_resolve(const struct entries *e, uint64_t start, uint64_t end, uint32_t access)
{
	struct svart_space *space = group_space(e->w, e->w->pages[e->from].group);
	uint64_t begun = trace_now();
	unsigned int tries;
	int rc = -EAGAIN;

	for (tries = 0; rc == -EAGAIN && tries < MAX_TRIES; tries++)
		rc = svart_space_resolve_while(space, start, end, access, entries_are_wanted, e);
	svart_trace_resolve(start, end, access, begun != 0 ? trace_now() - begun : 0, rc);
	return rc;
}

/** Decides what happens to a group after the resolve of one of its pages returned rc. */
static void page_failed(struct svart_fault_worker *w, uint32_t group, uint64_t addr, int rc)
{
	struct svart_fault_group *g = &w->service->groups[group];

	switch (rc) {
	case 0:
	case -EAGAIN:    /* The device asks again, and then the page is there or not. */
	case -ECANCELED: /* Somebody else has answered the group. */
		return;
	case -EINPROGRESS:
		g->aside = true;
		return;
	default:
		g->code = SVART_PAGE_RESPONSE_INVALID;
		svart_space_refuse(w->service->lanes[g->lane].space, addr, rc);
	}
}

/**
 * Whether want of memory for a page can be left to group_lease(), which leases what a device needs now. Pages
 * that the device asks for ahead need not be mapped: it asks for them again.
 */
static bool is_leased(const struct svart_fault_worker *w, uint32_t group)
{
	const struct svart_fault_service *s = w->service;

	return s->lanes[s->groups[group].lane].lessee != NULL;
}

/** Decides the groups of a range that failed, each by its own pages and the access that it wants. */
static void range_decide(struct svart_fault_worker *w, const struct page_range *range, int range_rc)
{
	uint64_t start = range->start;
	uint32_t access = range->access, i;
	/* The result is known already if the range was one page that all entries wanted. */
	bool known = range->end - range->start == SVART_PAGE_SIZE && range_rc != -ECANCELED;
	struct svart_fault_page *page;
	int rc = range_rc;

	for (i = range->from; i < range->to; i++) {
		page = &w->pages[i];
		if (w->service->groups[page->group].code != SVART_PAGE_RESPONSE_SUCCESS ||
			!group_is_wanted(w, page->group))
			continue;
		if (!known || page->start != start || page->access != access) {
			start = page->start;
			access = page->access;
			rc = range_resolve(&(struct entries){ w, i, i + 1 }, start,
				start + SVART_PAGE_SIZE, access);
			known = rc != -ECANCELED;
		}
		if (rc == -ENOMEM && is_leased(w, page->group))
			w->no_memory = true;
		else
			page_failed(w, page->group, start, rc);
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
		rc = range_resolve(&(struct entries){ w, range.from, range.to }, range.start,
			range.end, range.access);
		if (rc != 0)
			range_decide(w, &range, rc);
	}
}

/**
 * Whether pages of a group may be evicted before its engine has used them: then what the engine needs is
 * leased.
 */
static bool needs_lease(const struct svart_fault_worker *w, uint32_t group)
{
	const struct svart_fault_service *s = w->service;
	const struct svart_fault_lane *lane = &s->lanes[s->groups[group].lane];

	/* An engine uses its pages when its LAST is answered. */
	return lane->lessee != NULL && (w->no_memory || svart_space_is_tight(lane->space)) &&
	       (svart_fault_last(s, group)->flags & SVART_PAGE_REQUEST_LAST);
}

/** A group that wants a page. Owner: the worker's thread, on its stack. */
struct wish {
	const struct svart_fault_worker *w;
	uint32_t group;
};

static bool request_is_wanted(const void *arg)
{
	const struct wish *wish = arg;

	return group_is_wanted(wish->w, wish->group);
}

/**
 * Makes sure that the pages that an engine needs are there when its group is answered. The engine needs the
 * first page of a group: it is leased. It may need some more, up to step_pages, or may have asked for them
 * ahead: these are mapped last, so that they are evicted last, and if one of them was evicted, the engine
 * asks for it first the next time. Leases of these pages would push out pages that engines need.
 */
static void group_lease(struct svart_fault_worker *w, uint32_t group)
{
	struct svart_fault_service *s = w->service;
	const struct svart_group_node *nodes = svart_group_pool_nodes(s->pool);
	const struct svart_fault_lane *lane = &s->lanes[s->groups[group].lane];
	const struct wish wish = { w, group };
	bool lease = true;
	uint32_t node, nr = 0, access;
	uint64_t start;
	int rc;

	for (node = group; node != SVART_GROUP_NONE && nr < lane->step_pages &&
			   s->groups[group].code == SVART_PAGE_RESPONSE_SUCCESS;
		node = nodes[node].next) {
		access = request_access(&nodes[node].request);
		if (access == 0)
			continue;
		start = svart_page_down(nodes[node].request.addr);
		if (lease)
			rc = svart_space_resolve_leased(
				lane->space, lane->lessee, start, access, request_is_wanted, &wish);
		else
			rc = svart_space_resolve_while(lane->space, start, start + SVART_PAGE_SIZE,
				access, request_is_wanted, &wish);
		if (lease || rc != -ENOMEM)
			page_failed(w, group, start, rc);
		lease = false;
		nr++;
	}
}

/** Claims the groups that were not answered already. @return how many are in w->groups. */
static uint32_t groups_claim(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr)
{
	struct svart_fault_service *s = w->service;
	struct svart_fault_group *g;
	uint32_t i, claimed = 0;

	for (i = 0; i < nr; i++) {
		g = &s->groups[groups[i]];
		if (!svart_fault_group_move(
			    g, SVART_FAULT_GROUP_QUEUED, SVART_FAULT_GROUP_RESOLVING))
			continue;
		g->ends = svart_space_ends(s->lanes[g->lane].space);
		w->groups[claimed++] = groups[i];
	}
	return claimed;
}

/** Answers a group, or puts it aside. If some page of it is refused it need not wait, so it is answered. */
static void group_end(struct svart_fault_worker *w, uint32_t group)
{
	struct svart_fault_group *g = &w->service->groups[group];

	g->aside = g->aside && g->code == SVART_PAGE_RESPONSE_SUCCESS;
	if (g->aside) {
		w->put_aside = true;
		svart_fault_group_move(g, SVART_FAULT_GROUP_RESOLVING, SVART_FAULT_GROUP_QUEUED);
	} else if (svart_fault_group_move(
			   g, SVART_FAULT_GROUP_RESOLVING, SVART_FAULT_GROUP_ANSWERED)) {
		svart_fault_answer_group(w, group, g->code);
	}
}

void svart_fault_resolve(struct svart_fault_worker *w, const uint32_t *groups, uint32_t nr)
{
	uint32_t i, claimed = groups_claim(w, groups, nr), nr_pages = 0;

	w->no_memory = false;
	for (i = 0; i < claimed; i++)
		nr_pages = group_collect(w, w->groups[i], nr_pages);
	pages_resolve(w, nr_pages);
	for (i = 0; i < claimed; i++)
		if (needs_lease(w, w->groups[i]))
			group_lease(w, w->groups[i]);
	for (i = 0; i < claimed; i++)
		group_end(w, w->groups[i]);
	svart_fault_flush(w);
}

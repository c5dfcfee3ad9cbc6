/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "group.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64
/** A place of the table with nothing in it. */
#define ENTRY_EMPTY SVART_GROUP_NONE
/** A group that lost requests: its further requests are dropped up to its LAST. */
#define ENTRY_POISONED (SVART_GROUP_NONE - 1)

struct svart_group_pool {
	uint32_t free; /**< Head of a stack: the node used last, which is still cached. */
	uint32_t nr_nodes;
	uint32_t nr_free;
	uint32_t serial; /**< The serial of the group that began last. */
	struct svart_group_node nodes[];
};

/**
 * One partial group in the table. It knows its length, so that adding a request writes to the node
 * before it, and need not read that node.
 *
 * Owner: its table. Lifetime: from a group's first request to its LAST. Locks: none.
 */
struct group_entry {
	alignas(32) uint64_t key;
	uint32_t last;
	uint32_t first; /**< First node, or ENTRY_EMPTY or ENTRY_POISONED. */
	uint32_t nr;
};

_Static_assert(CACHE_LINE % sizeof(struct group_entry) == 0, "an entry is in one cache line");

struct svart_grouper {
	struct svart_group_pool *pool;
	struct group_entry *entries;
	uint32_t mask;
	unsigned int shift;
	uint32_t nr_used;
	uint32_t max_used;
	bool owns_pool;
};

int svart_group_pool_create(uint32_t nr_nodes, struct svart_group_pool **out)
{
	size_t bytes = sizeof(struct svart_group_pool) +
		       (size_t)nr_nodes * sizeof(struct svart_group_node);
	struct svart_group_pool *pool = aligned_alloc(CACHE_LINE, bytes);
	uint32_t i;

	if (pool == NULL)
		return -ENOMEM;
	/* This touches every page now, so that none is touched first in the middle of a fault. */
	memset(pool, 0, bytes);
	for (i = 0; i < nr_nodes; i++)
		pool->nodes[i].next = i + 1 < nr_nodes ? i + 1 : SVART_GROUP_NONE;
	pool->nr_nodes = nr_nodes;
	pool->nr_free = nr_nodes;
	*out = pool;
	return 0;
}

void svart_group_pool_destroy(struct svart_group_pool *pool)
{
	free(pool);
}

/**
 * Takes the free node at the head for a request, which is the last of its group so far. There is a free node.
 */
static inline void node_take(
	struct svart_group_pool *pool, const struct svart_page_request *request)
{
	struct svart_group_node *node = &pool->nodes[pool->free];

	pool->free = node->next;
	pool->nr_free--;
	node->request = *request;
	node->next = SVART_GROUP_NONE;
}

/** Gives a chain of nodes back. */
static inline void chain_release(
	struct svart_group_pool *pool, uint32_t first, uint32_t last, uint32_t nr)
{
	pool->nodes[last].next = pool->free;
	pool->free = first;
	pool->nr_free += nr;
}

int svart_group_pool_take(
	struct svart_group_pool *pool, const struct svart_page_request *request, uint32_t *first)
{
	uint32_t node = pool->free;

	if (node == SVART_GROUP_NONE)
		return -ENOMEM;
	node_take(pool, request);
	pool->nodes[node].last = node;
	pool->nodes[node].nr = 1;
	pool->nodes[node].serial = ++pool->serial;
	*first = node;
	return 0;
}

const struct svart_group_node *svart_group_pool_nodes(const struct svart_group_pool *pool)
{
	return pool->nodes;
}

void svart_group_pool_release(struct svart_group_pool *pool, uint32_t first)
{
	chain_release(pool, first, pool->nodes[first].last, pool->nodes[first].nr);
}

uint32_t svart_group_pool_free(const struct svart_group_pool *pool)
{
	return pool->nr_free;
}

size_t svart_group_open_drop(struct svart_group_pool *pool, struct svart_group_open *open)
{
	size_t nr = open->nr;

	if (open->first != SVART_GROUP_NONE)
		chain_release(pool, open->first, open->last, open->nr);
	*open = SVART_GROUP_OPEN_INIT;
	return nr;
}

/**
 * Refuses a request, because there is no node for it or there was none for an earlier one. @return -ENOMEM.
 */
static __attribute__((noinline, cold)) int open_refuse(struct svart_group_pool *pool,
	struct svart_group_open *open, const struct svart_page_request *request)
{
	svart_group_open_drop(pool, open);
	open->refused = !(request->flags & SVART_PAGE_REQUEST_LAST);
	return -ENOMEM;
}

int svart_group_open_add(struct svart_group_pool *pool, struct svart_group_open *open,
	const struct svart_page_request *request, uint32_t *first)
{
	uint32_t node = pool->free;

	if (node == SVART_GROUP_NONE || open->refused)
		return open_refuse(pool, open, request);
	node_take(pool, request);
	if (open->first == SVART_GROUP_NONE)
		open->first = node;
	else
		pool->nodes[open->last].next = node;
	open->last = node;
	open->nr++;
	if (!(request->flags & SVART_PAGE_REQUEST_LAST))
		return 0;
	*first = open->first;
	pool->nodes[open->first].last = node;
	pool->nodes[open->first].nr = open->nr;
	*open = SVART_GROUP_OPEN_INIT;
	return 1;
}

int svart_grouper_create_on(
	struct svart_group_pool *pool, uint32_t max_groups, struct svart_grouper **out)
{
	struct svart_grouper *g = calloc(1, sizeof(*g));
	/* At most three quarters are used, with poisoned places; at most a half if no group is poisoned. */
	uint32_t nr_entries = max_groups < 2 ? 4 : 2 * max_groups;

	if (g == NULL)
		return -ENOMEM;
	g->entries = aligned_alloc(CACHE_LINE, nr_entries * sizeof(*g->entries));
	if (g->entries == NULL) {
		free(g);
		return -ENOMEM;
	}
	memset(g->entries, 0xff, nr_entries * sizeof(*g->entries));
	g->pool = pool;
	g->mask = nr_entries - 1;
	g->shift = 64 - (unsigned int)__builtin_ctz(nr_entries);
	g->max_used = nr_entries - nr_entries / 4;
	*out = g;
	return 0;
}

int svart_grouper_create(uint32_t max_requests, struct svart_grouper **out)
{
	struct svart_group_pool *pool;
	int rc = svart_group_pool_create(max_requests, &pool);

	if (rc != 0)
		return rc;
	rc = svart_grouper_create_on(pool, max_requests, out);
	if (rc != 0) {
		svart_group_pool_destroy(pool);
		return rc;
	}
	(*out)->owns_pool = true;
	return 0;
}

void svart_grouper_destroy(struct svart_grouper *g)
{
	if (g == NULL)
		return;
	if (g->owns_pool)
		svart_group_pool_destroy(g->pool);
	free(g->entries);
	free(g);
}

static inline uint64_t request_key(const struct svart_page_request *request)
{
	uint32_t pasid = request->flags & SVART_PAGE_REQUEST_PASID ? request->pasid : UINT32_MAX;

	return (uint64_t)pasid << 32 | request->group_id;
}

/** Where a key's search begins: the high bits of a product with 2^64 divided by the golden ratio. */
static inline uint32_t key_home(const struct svart_grouper *g, uint64_t key)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> g->shift);
}

/** The key's place, or the empty one where it would go. The search ends: a quarter of the table is empty. */
static inline struct group_entry *entry_find(const struct svart_grouper *g, uint64_t key)
{
	uint32_t i = key_home(g, key);

	while (g->entries[i].key != key && g->entries[i].first != ENTRY_EMPTY)
		i = (i + 1) & g->mask;
	return &g->entries[i];
}

/**
 * Empties a place and moves back the entries that searches would no longer find. There are no tombstones, so
 * the table is as quick after a year as after a second.
 */
static void entry_remove(struct svart_grouper *g, uint32_t hole)
{
	uint32_t i = hole, home;

	for (;;) {
		i = (i + 1) & g->mask;
		if (g->entries[i].first == ENTRY_EMPTY)
			break;
		home = key_home(g, g->entries[i].key);
		/*
		 * An entry stays if its search begins after the hole: then the search never passes the hole.
		 */
		if (((i - home) & g->mask) < ((i - hole) & g->mask))
			continue;
		g->entries[hole] = g->entries[i];
		hole = i;
	}
	g->entries[hole].first = ENTRY_EMPTY;
	g->nr_used--;
}

/**
 * Refuses a request that cannot be kept: drops the requests that its group has, and remembers that more of
 * them may come. It is rare, so it is kept out of the code that is not.
 * @return -ENOMEM.
 */
static __attribute__((noinline, cold)) int group_refuse(struct svart_grouper *g,
	struct group_entry *entry, const struct svart_page_request *request)
{
	bool fresh = entry->first == ENTRY_EMPTY;

	if (!fresh && entry->first != ENTRY_POISONED)
		chain_release(g->pool, entry->first, entry->last, entry->nr);
	if (request->flags & SVART_PAGE_REQUEST_LAST) {
		if (!fresh)
			entry_remove(g, (uint32_t)(entry - g->entries));
		return -ENOMEM;
	}
	/*
	 * There is no place to remember it: the LAST will then be answered for the records that come after.
	 */
	if (fresh && g->nr_used == g->max_used)
		return -ENOMEM;
	g->nr_used += fresh ? 1 : 0;
	entry->key = request_key(request);
	entry->first = ENTRY_POISONED;
	return -ENOMEM;
}

/** Completes a partial group whose LAST has come. @return 1. */
static __attribute__((noinline)) int group_complete(
	struct svart_grouper *g, struct group_entry *entry)
{
	struct svart_group_node *node = &g->pool->nodes[entry->first];

	node->last = entry->last;
	node->nr = entry->nr;
	entry_remove(g, (uint32_t)(entry - g->entries));
	return 1;
}

/** Begins a group with its first request, which has taken a node. @return as svart_grouper_add(). */
static __attribute__((noinline)) int group_begin(struct svart_grouper *g, struct group_entry *entry,
	const struct svart_page_request *request, uint32_t *first)
{
	uint32_t node = g->pool->free;

	if (request->flags & SVART_PAGE_REQUEST_LAST)
		return svart_group_pool_take(g->pool, request, first) == 0;
	node_take(g->pool, request);
	g->pool->nodes[node].serial = ++g->pool->serial;
	*entry = (struct group_entry){
		.key = request_key(request), .first = node, .last = node, .nr = 1
	};
	*first = node;
	g->nr_used++;
	return 0;
}

int svart_grouper_add(
	struct svart_grouper *g, const struct svart_page_request *request, uint32_t *first)
{
	struct svart_group_pool *pool = g->pool;
	struct group_entry *entry = entry_find(g, request_key(request));
	uint32_t node = pool->free;

	if (node == SVART_GROUP_NONE || entry->first == ENTRY_POISONED ||
		(entry->first == ENTRY_EMPTY && g->nr_used == g->max_used))
		return group_refuse(g, entry, request);
	if (entry->first == ENTRY_EMPTY)
		return group_begin(g, entry, request, first);
	node_take(pool, request);
	pool->nodes[entry->last].next = node;
	entry->last = node;
	entry->nr++;
	*first = entry->first;
	if (!(request->flags & SVART_PAGE_REQUEST_LAST))
		return 0;
	return group_complete(g, entry);
}

const struct svart_page_request *svart_grouper_request(const struct svart_grouper *g, uint32_t node)
{
	return &g->pool->nodes[node].request;
}

uint32_t svart_grouper_next(const struct svart_grouper *g, uint32_t node)
{
	return g->pool->nodes[node].next;
}

void svart_grouper_release(struct svart_grouper *g, uint32_t first)
{
	svart_group_pool_release(g->pool, first);
}

/** Takes a partial group out of the table. @return how many requests it had. */
static size_t entry_drop(struct svart_grouper *g, uint32_t place)
{
	struct group_entry *entry = &g->entries[place];
	size_t nr = 0;

	if (entry->first != ENTRY_POISONED) {
		nr = entry->nr;
		chain_release(g->pool, entry->first, entry->last, entry->nr);
	}
	entry_remove(g, place);
	return nr;
}

size_t svart_grouper_drop_partial(struct svart_grouper *g)
{
	size_t nr = 0;
	uint32_t i = 0;

	/* Removing may move another entry to place i, so i goes on only past an empty place. */
	while (g->nr_used != 0) {
		if (g->entries[i].first == ENTRY_EMPTY)
			i++;
		else
			nr += entry_drop(g, i);
	}
	return nr;
}

size_t svart_grouper_held(const struct svart_grouper *g)
{
	return g->pool->nr_nodes - g->pool->nr_free;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_GROUP_H
#define SVART_FAULT_GROUP_H

/**
 * @file
 * Grouping: page requests of one (PASID, group id) of one device, in order, up to and with the LAST.
 *
 * The table holds only groups that are still partial. Adding a request and completing a group
 * are O(1): an open-addressing hash of partial groups, nodes linked by index from a fixed pool, laid
 * out for the cache. Nothing is allocated after create.
 *
 * Each device has a table of its own; so the key of a group need not name the device. Tables
 * may share one pool of nodes, so that one number limits how much a service holds.
 *
 * A source that delivers each group whole needs no table: its records are in the order of their groups,
 * and at most one group is open.
 */

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page_request.h"

/** No node, no group. */
#define SVART_GROUP_NONE UINT32_MAX

/**
 * One request: a cache line.
 *
 * Owner: the pool while free, then its group. Lifetime: the pool's. Locks: none.
 */
struct svart_group_node {
	alignas(64) struct svart_page_request request;
	uint32_t next; /**< The node after it, SVART_GROUP_NONE after the LAST. */
	uint32_t last; /**< In the first node of a completed group only: its last node. */
	uint32_t nr;   /**< In the first node of a completed group only: how many nodes it has. */
	/** In the first node of any group of a table: tells it from groups that begin at this node later. */
	uint32_t serial;
};

_Static_assert(sizeof(struct svart_group_node) == 64, "a node is one cache line");

/**
 * Nodes for the requests of one or more tables.
 *
 * Owner: the thread that fetches; another thread may read the nodes of a completed group that was handed to
 * it. Lifetime: create to destroy, longer than the tables on it. Locks: none.
 */
struct svart_group_pool;

/** @param nr_nodes requests held at once, a power of two up to 2^30. @return 0 or -ENOMEM. */
int svart_group_pool_create(uint32_t nr_nodes, struct svart_group_pool **out);
void svart_group_pool_destroy(struct svart_group_pool *pool);

/**
 * Takes a node for a request that is in no group. The request is then a completed group of one.
 * @return 0, *first is its node; -ENOMEM no node.
 */
int svart_group_pool_take(
	struct svart_group_pool *pool, const struct svart_page_request *request, uint32_t *first);
/** The nodes. A completed group is walked from its first node by next to SVART_GROUP_NONE. */
const struct svart_group_node *svart_group_pool_nodes(const struct svart_group_pool *pool);
/** Frees a completed group's nodes: O(1). */
void svart_group_pool_release(struct svart_group_pool *pool, uint32_t first);
/** Nodes that are free. */
uint32_t svart_group_pool_free(const struct svart_group_pool *pool);

/**
 * The group of which a source of whole groups has delivered a part, if there is one. It begins as
 * SVART_GROUP_OPEN_INIT.
 *
 * Owner: the thread that fetches. Lifetime: that of the struct that embeds it. Locks: none.
 */
struct svart_group_open {
	uint32_t first; /**< SVART_GROUP_NONE: no group is open, or its requests are dropped. */
	uint32_t last;
	uint32_t nr;  /**< Requests that it holds. */
	bool refused; /**< It lost requests: its further requests are dropped up to its LAST. */
};

/** No group is open. */
#define SVART_GROUP_OPEN_INIT              \
	((struct svart_group_open){        \
		.first = SVART_GROUP_NONE, \
	})

/**
 * Adds the next request of a source to its open group, or opens one with it. It looks at no key: the source
 * has checked which records are of one group.
 *
 * @param first out, with 1: the group's first node.
 * @return as svart_grouper_add(); with 1 no group is open any more, and the caller owns the completed one.
 */
int svart_group_open_add(struct svart_group_pool *pool, struct svart_group_open *open,
	const struct svart_page_request *request, uint32_t *first);
/** Drops the open group, if there is one. @return how many requests were dropped. */
size_t svart_group_open_drop(struct svart_group_pool *pool, struct svart_group_open *open);

/**
 * The table of one device.
 *
 * Owner: the thread that fetches. Lifetime: create to destroy. Locks: none.
 */
struct svart_grouper;

/**
 * Makes a table with a pool of its own.
 * @param max_requests requests held at once, a power of two. @return 0 or -ENOMEM.
 */
int svart_grouper_create(uint32_t max_requests, struct svart_grouper **out);
/**
 * Makes a table on a pool that others may use too.
 * @param max_groups partial groups held at once, a power of two up to 2^30. @return 0 or -ENOMEM.
 */
int svart_grouper_create_on(
	struct svart_group_pool *pool, uint32_t max_groups, struct svart_grouper **out);
/**
 * Destroys a table. Completed groups of a shared pool outlive it. Partial ones must have been dropped, unless
 * the pool is destroyed next.
 */
void svart_grouper_destroy(struct svart_grouper *g);

/**
 * Adds a request. pasid counts with SVART_PAGE_REQUEST_PASID only and must be below UINT32_MAX.
 *
 * @param first out, with 0 and 1: the group's first node.
 * @return 0: the request is kept, and its group is still partial.
 *         1: it was a LAST. The group has left the table; the caller walks it with svart_grouper_next(), and
 *         frees it with svart_grouper_release().
 *         -ENOMEM no node or no place for one more group: the request is not kept, and the requests that
 *         its group had were dropped. Later requests of this group are dropped too (-ENOMEM again) up
 *         to and with its LAST. For a LAST the caller still owes an answer. It is INVALID, because else the
 *         device would ask for the same pages again and for ever.
 */
int svart_grouper_add(
	struct svart_grouper *g, const struct svart_page_request *request, uint32_t *first);

/** The request at a node. */
const struct svart_page_request *svart_grouper_request(
	const struct svart_grouper *g, uint32_t node);
/** The node after a node in its group, SVART_GROUP_NONE after the LAST. */
uint32_t svart_grouper_next(const struct svart_grouper *g, uint32_t node);
/** Frees a completed group's nodes. */
void svart_grouper_release(struct svart_grouper *g, uint32_t first);

/** Drops every partial group (overflow, detach). @return how many requests were dropped. */
size_t svart_grouper_drop_partial(struct svart_grouper *g);
/** Requests that its pool holds now: of partial groups, and of completed ones that were not released. */
size_t svart_grouper_held(const struct svart_grouper *g);

#endif

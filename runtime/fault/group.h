/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_GROUP_H
#define SVART_FAULT_GROUP_H

/**
 * @file
 * Grouping: page requests of one (PASID, group id) of one device, in order, up to and with the LAST.
 *
 * The table holds what is still partial and nothing else. Adding a request and completing a group
 * are O(1): an open-addressing hash of partial groups, nodes linked by index from a fixed pool, laid
 * out for the cache. Nothing is allocated after create.
 *
 * Each device has a table of its own, which is what makes the device part of a group's key. Tables
 * may share one pool of nodes, so that one number bounds what a service holds.
 */

#include <stdalign.h>
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
	uint32_t last; /**< First node of a completed group only: its last node. */
	uint32_t nr;   /**< As above: how many there are. */
	uint32_t
		serial; /**< First node of any group: tells it from others that begin here later. */
};

_Static_assert(sizeof(struct svart_group_node) == 64, "a node is one cache line");

/**
 * Nodes for the requests of one or more tables.
 *
 * Owner: the thread that fetches; others may read the nodes of a completed group that was handed to
 * them. Lifetime: create to destroy, longer than the tables on it. Locks: none.
 */
struct svart_group_pool;

/** @param nr_nodes requests held at once, a power of two up to 2^30. @return 0 or -ENOMEM. */
int svart_group_pool_create(uint32_t nr_nodes, struct svart_group_pool **out);
void svart_group_pool_destroy(struct svart_group_pool *pool);

/**
 * Takes a node for a request that is in no group: it is a completed group of one.
 * @return 0, *first is its node; -ENOMEM no node.
 */
int svart_group_pool_take(
	struct svart_group_pool *pool, const struct svart_page_request *request, uint32_t *first);
/** The nodes, to walk a completed group: from first by next to SVART_GROUP_NONE. */
const struct svart_group_node *svart_group_pool_nodes(const struct svart_group_pool *pool);
/** Frees a completed group's nodes: O(1). */
void svart_group_pool_release(struct svart_group_pool *pool, uint32_t first);
/** Nodes that are free. */
uint32_t svart_group_pool_free(const struct svart_group_pool *pool);

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
 * Completed groups of a shared pool outlive their table. Partial ones must have been dropped, unless
 * the pool is destroyed next.
 */
void svart_grouper_destroy(struct svart_grouper *g);

/**
 * Adds a request. pasid counts with SVART_PAGE_REQUEST_PASID only and must be below UINT32_MAX.
 *
 * @param first out, with 0 and 1: the group's first node.
 * @return 0: kept, its group is still partial.
 *         1: it was a LAST. The group has left the table; walk it with svart_grouper_next(), give it
 *         back with svart_grouper_release().
 *         -ENOMEM no node or no place for one more group: the request is not kept, what was there
 *         of its group was dropped. Later requests of this group are dropped too (-ENOMEM again) up
 *         to and with its LAST. For a LAST the caller still owes an answer: INVALID, or the device
 *         asks for the same pages again and for ever.
 */
int svart_grouper_add(
	struct svart_grouper *g, const struct svart_page_request *request, uint32_t *first);

/** The request at a node. */
const struct svart_page_request *svart_grouper_request(
	const struct svart_grouper *g, uint32_t node);
/** The node after it in its group, SVART_GROUP_NONE after the LAST. */
uint32_t svart_grouper_next(const struct svart_grouper *g, uint32_t node);
/** Frees a completed group's nodes. */
void svart_grouper_release(struct svart_grouper *g, uint32_t first);

/** Drops every partial group (overflow, detach). @return how many requests were dropped. */
size_t svart_grouper_drop_partial(struct svart_grouper *g);
/** As above, of one PASID; UINT32_MAX: of the requests without PASID. */
size_t svart_grouper_drop_pasid(struct svart_grouper *g, uint32_t pasid);
/** Requests its pool holds now: partial, and completed but not released. */
size_t svart_grouper_held(const struct svart_grouper *g);

#endif

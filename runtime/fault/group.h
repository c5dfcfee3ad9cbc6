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
 */

#include <stddef.h>
#include <stdint.h>

#include "page_request.h"

/** No node, no group. */
#define SVART_GROUP_NONE UINT32_MAX

/**
 * The table of one device.
 *
 * Owner: the thread that fetches. Lifetime: create to destroy. Locks: none.
 */
struct svart_grouper;

/** @param max_requests requests held at once, a power of two. @return 0 or -ENOMEM. */
int svart_grouper_create(uint32_t max_requests, struct svart_grouper **out);
void svart_grouper_destroy(struct svart_grouper *g);

/**
 * Adds a request.
 *
 * @param group out: array of at least max_requests pointers' room is not needed; see nr.
 * @return 0: kept, its group is still partial.
 *         1: it was a LAST; *first is the group's first node. The group has left the table; walk it
 *         with svart_grouper_next(), give it back with svart_grouper_release().
 *         -ENOMEM no node: the request's partial group, if any, was dropped and its nodes freed, a
 *         LAST is then still owed an answer by the caller (S7).
 */
int svart_grouper_add(struct svart_grouper *g, const struct svart_page_request *request,
	uint32_t *first);

/** The request at a node. */
const struct svart_page_request *svart_grouper_request(const struct svart_grouper *g, uint32_t node);
/** The node after it in its group, SVART_GROUP_NONE after the LAST. */
uint32_t svart_grouper_next(const struct svart_grouper *g, uint32_t node);
/** Frees a completed group's nodes. */
void svart_grouper_release(struct svart_grouper *g, uint32_t first);

/** Drops every partial group (overflow, detach). @return how many requests were dropped. */
size_t svart_grouper_drop_partial(struct svart_grouper *g);
/** As above, of one PASID. */
size_t svart_grouper_drop_pasid(struct svart_grouper *g, uint32_t pasid);
/** Requests held now: partial, and completed but not released. */
size_t svart_grouper_held(const struct svart_grouper *g);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_GROUP_LIST_H
#define SVART_PERF_GROUP_LIST_H

/**
 * @file
 * The baseline of grouping: one list of the partial requests of a device, in order of arrival, and
 * at a LAST a walk over all of it, which takes out those of the same group. It is what an operating
 * system does for which a handful of partial requests is the rule. Nodes are preallocated and a
 * cache line each, so that only the walk is different from svart's table.
 */

#include <stdint.h>

#include "page_request.h"

/**
 * One request.
 *
 * Owner: its list. Lifetime: the list's. Locks: none.
 */
struct perf_list_node {
	struct svart_page_request request;
	struct perf_list_node *prev, *next;
};

/**
 * The list of one device.
 *
 * Owner: one thread. Lifetime: create to destroy. Locks: none.
 */
struct perf_list {
	struct perf_list_node partial; /**< Head of a ring; only its links count. */
	struct perf_list_node *free;   /**< By next. */
	struct perf_list_node *nodes;
};

/** @return 0 or -ENOMEM. */
int svart_perf_list_init(struct perf_list *list, uint32_t nr_nodes);
void svart_perf_list_fini(struct perf_list *list);

/**
 * Adds a request.
 * @param group out, with 1 only: the group's first node, the others by next, up to NULL.
 * @return 0: kept. 1: it was a LAST, and its group has left the list. -ENOMEM: no node.
 */
int svart_perf_list_add(struct perf_list *list, const struct svart_page_request *request,
	struct perf_list_node **group);
/** Gives the nodes of a completed group back. */
void svart_perf_list_release(struct perf_list *list, struct perf_list_node *group);
/** Drops every partial request. */
void svart_perf_list_drop(struct perf_list *list);

#endif

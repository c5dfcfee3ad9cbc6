/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_GROUP_LIST_H
#define SVART_PERF_GROUP_LIST_H

/**
 * @file
 * The baseline of grouping: one list of the partial requests of a device, in order of arrival, and at a
 * LAST it walks over all of it and takes out the requests of the same group. An operating system does so if
 * it usually has a handful of partial requests. Nodes are preallocated, and each is a cache line, so only
 * the walk is different from svart's table.
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
	struct perf_list_node *free;   /**< Free nodes, linked by next. */
	struct perf_list_node *nodes;
};

/** Makes a list. @return 0 or -ENOMEM. */
int svart_perf_list_init(struct perf_list *list, uint32_t nr_nodes);
void svart_perf_list_fini(struct perf_list *list);

/**
 * Adds a request.
 * @param group out, only with 1: the group's first node; next leads to the others, up to NULL.
 * @return 0 if it was kept; 1 if it was a LAST, and its group has left the list; -ENOMEM if there is no
 *         node.
 */
int svart_perf_list_add(struct perf_list *list, const struct svart_page_request *request,
	struct perf_list_node **group);
/** Gives back the nodes of a completed group. */
void svart_perf_list_release(struct perf_list *list, struct perf_list_node *group);
/** Drops every partial request. */
void svart_perf_list_drop(struct perf_list *list);

#endif

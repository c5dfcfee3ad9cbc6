/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "group_list.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

_Static_assert(sizeof(struct perf_list_node) == CACHE_LINE, "a node is one cache line");

static void reset(struct perf_list *list, uint32_t nr_nodes)
{
	uint32_t i;

	for (i = 0; i < nr_nodes; i++)
		list->nodes[i].next = i + 1 < nr_nodes ? &list->nodes[i + 1] : NULL;
	list->free = list->nodes;
	list->partial.prev = &list->partial;
	list->partial.next = &list->partial;
}

int svart_perf_list_init(struct perf_list *list, uint32_t nr_nodes)
{
	size_t bytes = nr_nodes * sizeof(*list->nodes);

	list->nodes = aligned_alloc(CACHE_LINE, bytes);
	if (list->nodes == NULL)
		return -ENOMEM;
	memset(list->nodes, 0, bytes);
	reset(list, nr_nodes);
	return 0;
}

void svart_perf_list_fini(struct perf_list *list)
{
	free(list->nodes);
}

static bool same_group(const struct svart_page_request *a, const struct svart_page_request *b)
{
	return a->group_id == b->group_id && a->pasid == b->pasid &&
	       ((a->flags ^ b->flags) & SVART_PAGE_REQUEST_PASID) == 0;
}

static void unlink_node(struct perf_list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

/** Takes the requests of the LAST's group out of the list. @return the first of them, or the LAST. */
static struct perf_list_node *collect(struct perf_list *list, struct perf_list_node *last)
{
	struct perf_list_node *node, *next, *first = NULL, **tail = &first;

	for (node = list->partial.next; node != &list->partial; node = next) {
		next = node->next;
		if (!same_group(&node->request, &last->request))
			continue;
		unlink_node(node);
		*tail = node;
		tail = &node->next;
	}
	*tail = last;
	last->next = NULL;
	return first;
}

int svart_perf_list_add(struct perf_list *list, const struct svart_page_request *request,
	struct perf_list_node **group)
{
	struct perf_list_node *node = list->free;

	if (node == NULL)
		return -ENOMEM;
	list->free = node->next;
	node->request = *request;
	if (request->flags & SVART_PAGE_REQUEST_LAST) {
		*group = collect(list, node);
		return 1;
	}
	node->prev = list->partial.prev;
	node->next = &list->partial;
	list->partial.prev->next = node;
	list->partial.prev = node;
	return 0;
}

void svart_perf_list_release(struct perf_list *list, struct perf_list_node *group)
{
	struct perf_list_node *next;

	for (; group != NULL; group = next) {
		next = group->next;
		group->next = list->free;
		list->free = group;
	}
}

void svart_perf_list_drop(struct perf_list *list)
{
	struct perf_list_node *node, *next;

	for (node = list->partial.next; node != &list->partial; node = next) {
		next = node->next;
		node->next = list->free;
		list->free = node;
	}
	list->partial.prev = &list->partial;
	list->partial.next = &list->partial;
}

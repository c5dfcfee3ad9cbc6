/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A vchan's life. Its memory is the process's own, not EAL's: a child made by fork() marks its copy, and
 * could share EAL's memory.
 */

#include "dmadev_vchan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Tells the length of a ring's arrays: nb_desc, rounded up to a power of two. */
static size_t ring_entries(uint16_t nb_desc)
{
	size_t entries = 1;

	while (entries < nb_desc)
		entries *= 2;
	return entries;
}

static void *cache_aligned(size_t bytes)
{
	void *block;

	bytes = (bytes + 63) & ~(size_t)63;
	block = aligned_alloc(64, bytes);
	if (block != NULL)
		memset(block, 0, bytes);
	return block;
}

int svart_dmadev_vchan_create(
	const struct svart_dmadev_vchan_params *params, struct svart_dmadev_vchan **out)
{
	const uint32_t depth = RTE_MIN(params->depth, (uint32_t)SVART_DMADEV_DEPTH_MAX);
	size_t entries = ring_entries(params->nb_desc);
	struct svart_dmadev_vchan *v = cache_aligned(sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	v->ops = cache_aligned(entries * sizeof(*v->ops));
	v->entries = cache_aligned(entries * sizeof(*v->entries));
	v->parts = cache_aligned(depth * sizeof(*v->parts));
	/* The lists are large, and only programs that use them touch them. */
	v->lists = calloc(entries, sizeof(*v->lists));
	if (v->ops == NULL || v->entries == NULL || v->parts == NULL || v->lists == NULL) {
		svart_dmadev_vchan_destroy(v);
		return -ENOMEM;
	}
	v->mask = entries - 1;
	v->nb_desc = params->nb_desc;
	v->depth = depth;
	v->max_transfer_bytes = params->max_transfer_bytes;
	v->pump = params->pump;
	v->is_dsa = params->is_dsa;
	v->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	svart_dmadev_vchan_stop(v);
	*out = v;
	return 0;
}

void svart_dmadev_vchan_destroy(struct svart_dmadev_vchan *v)
{
	if (v == NULL)
		return;
	free(v->ops);
	free(v->entries);
	free(v->parts);
	free(v->lists);
	free(v);
}

/** Empties the ring; numbers start at 0. */
static void ring_reset(struct svart_dmadev_vchan *v)
{
	uint64_t i;

	for (i = 0; i <= v->mask; i++) {
		v->ops[i].cookie = i;
		v->entries[i] = (struct svart_dmadev_entry){ .parts = 1 };
	}
	svart_dmadev_parts_reset(v);
	v->head = v->tail = v->submitted = v->posted = 0;
	v->in_flight = v->unhanded = v->nr_special = 0;
}

void svart_dmadev_vchan_start(struct svart_dmadev_vchan *v, struct svart_queue *q)
{
	v->errors = v->resumed = 0;
	v->base = (struct rte_dma_stats){ 0 };
	v->q = q;
	v->state = SVART_DMADEV_RUNNING;
	v->limit = v->nb_desc;
}

void svart_dmadev_vchan_stop(struct svart_dmadev_vchan *v)
{
	struct rte_dma_stats stats;

	svart_dmadev_vchan_stats_get(v, &stats);
	v->limit = 0;
	v->state = SVART_DMADEV_STOPPED;
	v->q = NULL;
	ring_reset(v);
	/* The statistics can be read until the next start: the base keeps the counts so far. */
	v->base.submitted = -stats.submitted;
	v->base.completed = -stats.completed;
	v->base.errors = v->errors - stats.errors;
}

void svart_dmadev_vchan_mark_forked(struct svart_dmadev_vchan *v)
{
	v->limit = 0;
	v->state = SVART_DMADEV_FORKED;
	/* Afterwards nothing is under way or to be submitted, so nobody polls. */
	v->head = v->submitted = v->posted;
	v->in_flight = v->nr_waiting = v->unhanded = 0;
	v->q = NULL; /* The queue may just have been freed. */
}

/*
 * The owner writes each count with one plain store. An atomic store would cost nothing, but every line of
 * the fast path would have to be written so. ThreadSanitizer must not look here, because it cannot know
 * that a word is stored as a whole.
 */
__attribute__((noinline, no_sanitize("thread"))) void svart_dmadev_vchan_counts_get(
	const struct svart_dmadev_vchan *v, struct svart_dmadev_counts *counts)
{
	const volatile struct svart_dmadev_vchan *w = v;

	counts->head = w->head;
	counts->submitted = w->submitted;
	counts->posted = w->posted;
	counts->tail = w->tail;
	counts->errors = w->errors;
	counts->resumed = w->resumed;
	counts->in_flight = w->in_flight;
	counts->nr_waiting = w->nr_waiting;
	counts->state = w->state;
}

void svart_dmadev_vchan_stats_get(const struct svart_dmadev_vchan *v, struct rte_dma_stats *stats)
{
	struct svart_dmadev_counts counts;

	svart_dmadev_vchan_counts_get(v, &counts);
	stats->submitted = counts.submitted - v->base.submitted;
	stats->completed = counts.tail - v->base.completed;
	stats->errors = counts.errors - v->base.errors;
}

void svart_dmadev_vchan_stats_reset(struct svart_dmadev_vchan *v)
{
	struct svart_dmadev_counts counts;

	svart_dmadev_vchan_counts_get(v, &counts);
	v->base = (struct rte_dma_stats){
		.submitted = counts.submitted, .completed = counts.tail, .errors = counts.errors
	};
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_GROUP_STREAM_H
#define SVART_PERF_GROUP_STREAM_H

/**
 * @file
 * Streams of page requests to measure grouping with.
 *
 * A stream has a number of slots, each with one group under way. When a slot's group has had its LAST, the
 * slot begins another one. Slots begin at different places of their groups, so the number of partial
 * requests stays near the number that was asked for. Groups of one are never partial: with them the partial
 * requests are of other groups, which do not end.
 */

#include <stdbool.h>
#include <stdint.h>

#include "page_request.h"

/**
 * One request, packed: the stream is read during the measurement, and must not disturb it.
 *
 * Owner: its stream. Lifetime: the stream's. Locks: none.
 */
struct perf_stream_item {
	uint32_t pasid;
	uint16_t group_id; /**< A PRG index: 9 bits. */
	uint16_t last;
};

/**
 * Requests to begin with, and requests to measure with.
 *
 * Owner: the caller. Lifetime: create to destroy. Locks: none.
 */
struct perf_stream {
	const char *name; /**< "interleaved" or "random". */
	uint32_t group_size;
	uint32_t outstanding;
	struct perf_stream_item *items; /**< array[nr]; [0, nr_before) are not measured. */
	uint32_t nr;
	uint32_t nr_before;
};

/**
 * Makes a stream.
 *               @param random true: a random slot has the next turn; false: one slot after the other has
 *               it.
 * @param nr_measured how many requests are measured.
 * @return 0 or -ENOMEM.
 */
int svart_perf_stream_create(struct perf_stream *s, bool random, uint32_t group_size,
	uint32_t outstanding, uint32_t nr_measured, uint64_t seed);
void svart_perf_stream_destroy(struct perf_stream *s);

/** Writes an item as a request. @param i its number, which becomes its address. */
static inline void svart_perf_stream_request(
	const struct perf_stream *s, uint32_t i, struct svart_page_request *out)
{
	const struct perf_stream_item *item = &s->items[i];

	*out = (struct svart_page_request){
		.addr = (uint64_t)i << 12,
		.pasid = item->pasid,
		.group_id = item->group_id,
		.flags = SVART_PAGE_REQUEST_PASID | (item->last ? SVART_PAGE_REQUEST_LAST : 0),
		.access = 1,
	};
}

#endif

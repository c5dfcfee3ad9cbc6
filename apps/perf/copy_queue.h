/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_COPY_QUEUE_H
#define SVART_PERF_COPY_QUEUE_H

/**
 * @file
 * How a program drives a queue of svart: perf_engine_ops.submit() and poll() for it.
 */

#include <errno.h>

#include <svart/queue.h>

#include "copy_engine.h"

static inline void svart_perf_ops_make(
	struct svart_op *ops, const struct perf_slots *slots, uint64_t n, uint16_t nr)
{
	uint64_t off;
	uint16_t i;

	for (i = 0; i < nr; i++) {
		off = svart_perf_slot_off(slots, n + i);
		ops[i] = (struct svart_op){
			.opcode = SVART_OP_COPY,
			.cookie = n + i,
			.dst = slots->dst + off,
			.src = slots->src + off,
			.length = slots->size,
		};
	}
}

static inline uint16_t svart_perf_queue_submit(
	struct svart_queue *q, const struct perf_slots *slots, uint64_t n, uint16_t nr)
{
	struct svart_op ops[SVART_PERF_MAX_BURST];

	svart_perf_ops_make(ops, slots, n, nr);
	nr = svart_queue_prep(q, ops, nr);
	svart_queue_submit(q);
	return nr;
}

static inline int svart_perf_queue_poll(struct svart_queue *q, uint16_t nr)
{
	struct svart_completion done[SVART_PERF_MAX_BURST];
	uint16_t n = svart_queue_poll(q, done, nr), i;

	for (i = 0; i < n; i++)
		if (done[i].status != SVART_STATUS_OK)
			return -EIO;
	return n;
}

#endif

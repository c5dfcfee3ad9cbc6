/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The points of queues. They are out of line: drivers call them only while a point is on. */

#include <assert.h>
#include <stddef.h>

#include <svart_pmd.h>

#include "trace.h"

static const struct svart_pmd_queue *pmd_queue_of(const struct svart_queue *fast)
{
	return (const struct svart_pmd_queue *)(const void *)fast;
}
static_assert(offsetof(struct svart_pmd_queue, fast) == 0, "a queue begins with its fast part");

void svart_trace_submit(const struct svart_queue *fast, uint32_t nr, uint64_t cookie)
{
	const struct svart_pmd_queue *q = pmd_queue_of(fast);

	if (nr != 0)
		svart_point_submit(q->dev->number, q->index, nr, cookie);
}

void svart_trace_complete(
	const struct svart_queue *fast, const struct svart_completion *done, uint32_t nr)
{
	const struct svart_pmd_queue *q = pmd_queue_of(fast);
	uint32_t i;

	for (i = 0; i < nr; i++)
		svart_point_complete(q->dev->number, q->index, done[i].cookie, done[i].status,
			done[i].bytes_done);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* memcpy() on the polling core: the copy is done when submit() returns. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "copy_engine.h"
#include "say.h"

/** Owner: one thread. Lifetime: open to close. Locks: none. */
struct perf_engine {
	uint32_t done; /**< Copies that are done and not polled. */
};

static int open_memcpy(struct perf_engine **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : svart_perf_say_errno("measure memcpy()", -ENOMEM);
}

static int start(struct perf_engine *e, uint32_t *depth)
{
	(void)depth;
	e->done = 0;
	return 0;
}

static uint16_t submit(
	struct perf_engine *e, const struct perf_slots *slots, uint64_t n, uint16_t nr)
{
	uint64_t off;
	uint16_t i;

	for (i = 0; i < nr; i++) {
		off = svart_perf_slot_off(slots, n + i);
		memcpy(slots->dst + off, slots->src + off, slots->size);
	}
	e->done += nr;
	return nr;
}

static int poll_memcpy(struct perf_engine *e, uint16_t nr)
{
	uint16_t n = e->done < nr ? (uint16_t)e->done : nr;

	e->done -= n;
	return n;
}

static void stop(struct perf_engine *e)
{
	(void)e;
}

static void close_memcpy(struct perf_engine *e)
{
	free(e);
}

const struct perf_engine_ops svart_perf_engine_memcpy = {
	.name = "memcpy",
	.open = open_memcpy,
	.start = start,
	.submit = submit,
	.poll = poll_memcpy,
	.stop = stop,
	.close = close_memcpy,
};

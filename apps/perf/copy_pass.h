/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_COPY_PASS_H
#define SVART_PERF_COPY_PASS_H

/**
 * @file
 * A pass: a number of copies by one engine, with as many under way as the depth allows.
 */

#include "copy_engine.h"

/** Most latencies of one pass that are kept. */
#define SVART_PERF_MAX_SAMPLES 65536

/**
 * What a pass must do, and what it took.
 *
 * Owner: the command. Lifetime: one run of it. Locks: none.
 */
struct perf_pass {
	const struct perf_engine_ops *ops;
	struct perf_engine *engine;
	const struct perf_slots *slots;
	uint16_t burst;
	uint32_t depth;
	uint64_t nr; /**< Copies. */

	uint64_t ns; /**< Out: time of the whole pass. */
	/* Out, for a timed pass. */
	/** Time in submit(), and in the calls of poll() that returned something. */
	uint64_t own_ns;
	uint64_t p50_ns, p99_ns; /**< Latency from before submit() to after poll(). */

	uint64_t stamps[SVART_PERF_MAX_DEPTH];
	uint64_t samples[SVART_PERF_MAX_SAMPLES];
};

/**
 * Runs a pass.
 *
 * @param timed whether it looks at the clock around every call, which costs time.
 * @return 0; -EIO if a copy failed; -ETIMEDOUT if none completed for a minute; told.
 */
int svart_perf_pass_run(struct perf_pass *p, bool timed);

#endif

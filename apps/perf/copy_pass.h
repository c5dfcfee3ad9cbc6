/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_COPY_PASS_H
#define SVART_PERF_COPY_PASS_H

/**
 * @file
 * A pass: a number of copies by one engine, with as many under way as the depth allows.
 */

#include "copy_engine.h"

/** Latencies of one pass that are kept. */
#define SVART_PERF_MAX_SAMPLES 65536

/**
 * What a pass is to do, and what it took.
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

	uint64_t ns; /**< Out: all of it. */
	/* Out, of a timed pass. */
	uint64_t own_ns; /**< In submit(), and in the calls of poll() that returned something. */
	uint64_t p50_ns, p99_ns; /**< From before submit() to after poll(). */

	uint64_t stamps[SVART_PERF_MAX_DEPTH];
	uint64_t samples[SVART_PERF_MAX_SAMPLES];
};

/**
 * Runs it.
 *
 * @param timed looks at the clock around every call, which costs time.
 * @return 0; -EIO a copy failed; -ETIMEDOUT none completed for a minute; told.
 */
int svart_perf_pass_run(struct perf_pass *p, bool timed);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_OPS_KINDS_H
#define SVART_PERF_OPS_KINDS_H

/**
 * @file
 * The operations that svart-perf ops measures, and two ways to do each on the calling thread: by runtime/ops, and by
 * the library call that the field uses for it.
 */

#include <stdint.h>

#include <svart/op.h>

/** Bytes of each piece of memory: the largest operation, and what a destination may be longer. */
#define SVART_PERF_OPS_BYTES (UINT32_C(5) << 18)

/** Memory of the operations: page-aligned. Owner: the command. Lifetime: one run. Locks: none. */
struct perf_ops_memory {
	uint8_t *src, *src2;
	uint8_t *dst, *dst2;
	uint8_t *delta;
};

/** What came of an operation, beside what it has written. */
struct perf_ops_outcome {
	uint64_t result;
	uint32_t delta_bytes;
};

/** One operation. Constant. */
struct perf_ops_kind {
	const char *name; /**< As accel-config's tests have it. */
	uint8_t opcode;   /**< enum svart_opcode. */
	/** Makes an operation of about so many bytes, and the sources that suit it. */
	void (*make)(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op);
	/** Does it by runtime/ops; NULL: there is nothing to do. */
	void (*cpu)(const struct svart_op *op, struct perf_ops_outcome *out);
	/** Does it by a library call, or by a plain loop where there is none; NULL: there is nothing to do. */
	void (*library)(const struct svart_op *op, struct perf_ops_outcome *out);
};

/** Ended by a kind without a name. */
extern const struct perf_ops_kind svart_perf_ops_kinds[];

#endif

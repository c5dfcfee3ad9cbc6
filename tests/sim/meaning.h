/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_MEANING_H
#define SVART_SIM_MEANING_H

/**
 * @file
 * What each operation means, byte by byte, as svart/op.h has it: the judge's own reading of that file. It knows
 * nothing of runtime/ops, so that a wrong row of that table, or a wrong result, differs from it.
 */

#include "forms.h"
#include "memory.h"

/** Pages of the longest range that is read or written at once. */
#define SIM_MEANING_PAGES 40u
/** Ranges that one operation writes: the words of a delta record. */
#define SIM_MAX_WRITES 2048u

/** What of an operation has come out. Owner: the caller. */
struct sim_meaning {
	bool reached;      /**< All memory that it needs may be accessed so. */
	uint64_t bad_addr; /**< If not: the first byte that may not. */
	bool ended;        /**< There is nothing more to be done. */
	uint8_t status;    /**< enum svart_status, if it has ended. */
	uint64_t bytes, result;
	uint32_t delta_bytes;
	struct svart_tags src_tags, dst_tags;
};

/** Ranges that are written, with their bytes one after the other. Owner: the caller. */
struct sim_writes {
	uint32_t nr, used;
	struct {
		uint64_t addr;
		uint32_t len, at;
	} ranges[SIM_MAX_WRITES];
	uint8_t bytes[2 * SIM_MEANING_PAGES * SIM_PAGE];
};

/**
 * Does the first bytes of a well-formed operation, by the copy of memory, which stays as it is.
 * @param bytes how many, as svart_completion.bytes_done counts. @param back from its ends on.
 * @param any   whatever memory allows. @param writes out: what it writes.
 */
void sim_op_mean(struct sim_memory *mem, const struct svart_op *op, uint64_t bytes, bool back,
	bool any, struct sim_meaning *m, struct sim_writes *writes);
/** Writes to the copy of memory. */
void sim_writes_apply(struct sim_memory *mem, const struct sim_writes *writes);
/**
 * What must follow a block in the source so that it is right.
 * @param tuple out: 8 bytes.
 */
void sim_block_protect(
	const struct svart_op *op, uint64_t number, const uint8_t *data, uint8_t tuple[8]);
#endif

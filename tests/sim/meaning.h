/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_MEANING_H
#define SVART_SIM_MEANING_H

/**
 * @file
 * What each operation means, byte by byte, as svart/op.h has it: the judge's own reading of that file. It knows
 * nothing of runtime/ops, so that a wrong row of that table, or a wrong result, differs from it.
 */

#include <svart/op.h>

#include "memory.h"

/** Pages of the longest range that is read or written at once. */
#define SIM_MEANING_PAGES 40u
#define SIM_MAX_OPERANDS  3u
/** Ranges that one operation writes: the words of a delta record. */
#define SIM_MAX_WRITES 2048u

/** A range that an operation reads or writes. Owner: the stack. */
struct sim_operand {
	uint64_t addr, len;
	bool write;
	/** It moves on by so many bytes for each `unit` of the source: see sim_op_unit(). 0: in another way. */
	uint64_t step;
};

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

/** A short name. */
const char *sim_op_name(unsigned int opcode);
/** Its operands. @return how many. */
uint32_t sim_operands(const struct svart_op *op, struct sim_operand operands[SIM_MAX_OPERANDS]);
/** Bytes that are done together or not at all: a block with what follows it in the source; else 1. */
uint64_t sim_op_unit(const struct svart_op *op);
/** Bytes that are done when all of it is. */
uint64_t sim_op_whole(const struct svart_op *op);
/** Whether it begins anew where it has stopped. */
bool sim_op_begins_anew(const struct svart_op *op);
/** Whether it runs from its end on. */
bool sim_op_runs_backwards(const struct svart_op *op);
/**
 * Whether a queue must refuse its form.
 * @param ops svart_device_info.ops. @param most bytes of one operation. @param overlap ranges of a copy may overlap.
 */
bool sim_op_malformed(const struct svart_op *op, uint64_t ops, uint64_t most, bool overlap);
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
/** Bytes of a block's data. */
uint64_t sim_block_bytes(const struct svart_op *op);

#endif

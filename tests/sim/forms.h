/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_FORMS_H
#define SVART_SIM_FORMS_H

/**
 * @file
 * The form of each operation, as svart/op.h has it: its operands, and what must be refused. It knows nothing of
 * runtime/ops, so that a wrong row of that table differs from it.
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/op.h>

#define SIM_MAX_OPERANDS 3u

/** A range that an operation reads or writes. Owner: the stack. */
struct sim_operand {
	uint64_t addr, len;
	bool write;
	/** It moves on by so many bytes for each `unit` of the source: see sim_op_unit(). 0: in another way. */
	uint64_t step;
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
/** Bytes of a block's data. */
uint64_t sim_block_bytes(const struct svart_op *op);
/** Whether it checks, whether it makes protection information. */
bool sim_op_checks_tags(const struct svart_op *op);
bool sim_op_makes_tags(const struct svart_op *op);
/** Bytes of the destination for each unit of the source. */
uint64_t sim_op_dst_step(const struct svart_op *op);

#endif

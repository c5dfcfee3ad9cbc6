/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "forms.h"

#include <stddef.h>

#define PAGE        4096u
#define TUPLE_BYTES 8u
#define ENTRY_BYTES 10u
#define WORD_BYTES  8u
/** Longest range of a delta record, and the least room of one (DSA specification, Create Delta Record). */
#define DELTA_RANGE_MAX 0x80000u
#define DELTA_ROOM_MIN  80u

static const char *const names[] = { "noop", "copy", "fill", "compare", "compare value",
	"create delta", "apply delta", "dualcast", "crc", "copy crc", "dif check", "dif insert",
	"dif strip", "dif update", "dix generate", "cache flush", "translate", "drain" };

#define NR_OPCODES (sizeof(names) / sizeof(names[0]))

const char *sim_op_name(unsigned int opcode)
{
	return opcode < NR_OPCODES ? names[opcode] : "no operation";
}

/* --- forms --------------------------------------------------------------------------------------- */

static bool is_blocks(const struct svart_op *op)
{
	return op->opcode >= SVART_OP_DIF_CHECK && op->opcode <= SVART_OP_DIX_GENERATE;
}

bool sim_op_checks_tags(const struct svart_op *op)
{
	return op->opcode == SVART_OP_DIF_CHECK || op->opcode == SVART_OP_DIF_STRIP ||
	       op->opcode == SVART_OP_DIF_UPDATE;
}

bool sim_op_makes_tags(const struct svart_op *op)
{
	return op->opcode == SVART_OP_DIF_INSERT || op->opcode == SVART_OP_DIF_UPDATE ||
	       op->opcode == SVART_OP_DIX_GENERATE;
}

static bool is_delta(const struct svart_op *op)
{
	return op->opcode == SVART_OP_CREATE_DELTA || op->opcode == SVART_OP_APPLY_DELTA;
}

static bool moves_nothing(const struct svart_op *op)
{
	return op->opcode == SVART_OP_NOOP || op->opcode == SVART_OP_DRAIN;
}

bool sim_op_begins_anew(const struct svart_op *op)
{
	return is_delta(op);
}

uint64_t sim_block_bytes(const struct svart_op *op)
{
	static const uint16_t bytes[] = { 512, 520, 4096, 4104 };

	return bytes[op->dif.block % 4];
}

uint64_t sim_op_unit(const struct svart_op *op)
{
	if (!is_blocks(op))
		return 1;
	return sim_block_bytes(op) + (sim_op_checks_tags(op) ? TUPLE_BYTES : 0);
}

uint64_t sim_op_dst_step(const struct svart_op *op)
{
	uint64_t tuple = sim_op_makes_tags(op) ? TUPLE_BYTES : 0;

	if (!is_blocks(op))
		return 1;
	return op->opcode == SVART_OP_DIX_GENERATE ? tuple : sim_block_bytes(op) + tuple;
}

uint64_t sim_op_whole(const struct svart_op *op)
{
	if (moves_nothing(op))
		return 0;
	return op->opcode == SVART_OP_APPLY_DELTA && op->length != 0 ? op->bounds.delta_max
								     : op->length;
}

bool sim_op_runs_backwards(const struct svart_op *op)
{
	uint64_t dst = (uintptr_t)op->dst, src = (uintptr_t)op->src;

	/* Addresses go around. */
	return op->opcode == SVART_OP_COPY && dst != src && dst - src < op->length;
}

static void add(struct sim_operand *operands, uint32_t *nr, const void *at, uint64_t len,
	uint64_t step, bool write)
{
	operands[(*nr)++] = (struct sim_operand){
		.addr = (uintptr_t)at, .len = len, .step = step, .write = write
	};
}

uint32_t sim_operands(const struct svart_op *op, struct sim_operand o[SIM_MAX_OPERANDS])
{
	uint64_t len = op->length;
	uint32_t nr = 0;

	switch (op->opcode) {
	case SVART_OP_FILL:
		add(o, &nr, op->dst, len, 1, true);
		break;
	case SVART_OP_COPY:
	case SVART_OP_COPY_CRC:
		add(o, &nr, op->dst, len, 1, true);
		add(o, &nr, op->src, len, 1, false);
		break;
	case SVART_OP_COMPARE:
		add(o, &nr, op->src, len, 1, false);
		add(o, &nr, op->src2, len, 1, false);
		break;
	case SVART_OP_COMPARE_VALUE:
	case SVART_OP_CRC:
	case SVART_OP_TRANSLATE:
		add(o, &nr, op->src, len, 1, false);
		break;
	case SVART_OP_CREATE_DELTA:
		add(o, &nr, op->delta, len != 0 ? op->bounds.delta_max : 0, 0, true);
		add(o, &nr, op->src, len, 1, false);
		add(o, &nr, op->src2, len, 1, false);
		break;
	case SVART_OP_APPLY_DELTA:
		add(o, &nr, op->dst, len, 0, true);
		add(o, &nr, op->delta, len != 0 ? op->bounds.delta_max : 0, 1, false);
		break;
	case SVART_OP_DUALCAST:
		add(o, &nr, op->dst, len, 1, true);
		add(o, &nr, op->dst2, len, 1, true);
		add(o, &nr, op->src, len, 1, false);
		break;
	case SVART_OP_DIF_INSERT:
	case SVART_OP_DIF_STRIP:
	case SVART_OP_DIF_UPDATE:
	case SVART_OP_DIX_GENERATE:
		add(o, &nr, op->dst, len / sim_op_unit(op) * sim_op_dst_step(op),
			sim_op_dst_step(op), true);
		/* fall through */
	case SVART_OP_DIF_CHECK:
		add(o, &nr, op->src, len, sim_op_unit(op), false);
		break;
	case SVART_OP_CACHE_FLUSH:
		add(o, &nr, op->dst, len, 1, false);
		break;
	default:
		break;
	}
	return nr;
}

/** Flags that it may have. */
static uint32_t flags_of(const struct svart_op *op)
{
	uint32_t flags = SVART_OP_NO_BLOCK | SVART_OP_FENCE;

	switch (op->opcode) {
	case SVART_OP_CREATE_DELTA:
		flags |= SVART_OP_TO_CACHE | SVART_OP_CHECK_RESULT;
		break;
	case SVART_OP_COMPARE:
	case SVART_OP_COMPARE_VALUE:
		flags |= SVART_OP_CHECK_RESULT;
		break;
	case SVART_OP_COPY:
	case SVART_OP_FILL:
	case SVART_OP_DUALCAST:
	case SVART_OP_APPLY_DELTA:
	case SVART_OP_DIF_INSERT:
	case SVART_OP_DIF_STRIP:
	case SVART_OP_DIF_UPDATE:
	case SVART_OP_DIX_GENERATE:
	case SVART_OP_CACHE_FLUSH:
		flags |= SVART_OP_TO_CACHE;
		break;
	case SVART_OP_COPY_CRC:
		flags |= SVART_OP_TO_CACHE;
		/* fall through */
	case SVART_OP_CRC:
		flags |= SVART_OP_BYPASS_CRC | SVART_OP_BYPASS_DATA;
		break;
	default:
		break;
	}
	return flags;
}

/** Whether the three words mean what this operation has them for, and are 0 where it has none. */
static bool words_are_good(const struct svart_op *op)
{
	bool expects = (op->flags & SVART_OP_CHECK_RESULT) != 0;
	uint32_t results = op->opcode == SVART_OP_CREATE_DELTA ? 7 : 3;
	bool expected = expects ? op->bounds.expected != 0 && (op->bounds.expected & ~results) == 0
				: op->bounds.expected == 0;
	const struct svart_dif *dif = &op->dif;
	uint8_t makes = SVART_DIF_DST_APP_INCREMENTS | SVART_DIF_DST_REF_FIXED;

	switch (op->opcode) {
	case SVART_OP_COMPARE:
	case SVART_OP_COMPARE_VALUE:
		return op->y == 0 && op->bounds.delta_max == 0 && expected;
	case SVART_OP_CREATE_DELTA:
		return expected;
	case SVART_OP_APPLY_DELTA:
		return op->x == 0 && op->bounds.expected == 0;
	case SVART_OP_DUALCAST:
		return op->y == 0 && op->z == 0;
	case SVART_OP_CRC:
	case SVART_OP_COPY_CRC:
		return op->seed >> 32 == 0 && op->y == 0 && op->z == 0;
	case SVART_OP_TRANSLATE:
		return op->stride % PAGE == 0 && op->y == 0 && op->z == 0;
	case SVART_OP_DIF_CHECK:
	case SVART_OP_DIF_INSERT:
	case SVART_OP_DIF_STRIP:
	case SVART_OP_DIF_UPDATE:
	case SVART_OP_DIX_GENERATE:
		if (op->opcode == SVART_OP_DIF_UPDATE)
			makes |= SVART_DIF_DST_APP_PASSES | SVART_DIF_DST_GUARD_PASSES |
				 SVART_DIF_DST_REF_PASSES;
		if (!sim_op_makes_tags(op))
			makes = 0;
		return dif->block <= SVART_DIF_BLOCK_4104 &&
		       (dif->flags & ~(SVART_DIF_INVERT_SEED | SVART_DIF_INVERT_RESULT)) == 0 &&
		       (dif->src_flags == 0 || sim_op_checks_tags(op)) &&
		       (dif->dst_flags & ~makes) == 0 &&
		       (dif->reserved[0] | dif->reserved[1] | dif->reserved[2] |
			       dif->reserved[3]) == 0 &&
		       (op->y == 0 || sim_op_checks_tags(op)) &&
		       (op->z == 0 || sim_op_makes_tags(op));
	default:
		return (op->x | op->y | op->z) == 0;
	}
}

/** Whether dst and src, or the pattern, are 0 where they mean nothing. */
static bool addresses_are_used(const struct svart_op *op)
{
	switch (op->opcode) {
	case SVART_OP_COMPARE:
	case SVART_OP_COMPARE_VALUE:
	case SVART_OP_CREATE_DELTA:
	case SVART_OP_CRC:
	case SVART_OP_DIF_CHECK:
	case SVART_OP_TRANSLATE:
		return op->dst == NULL;
	case SVART_OP_APPLY_DELTA:
	case SVART_OP_CACHE_FLUSH:
		return op->src == NULL;
	default:
		return true;
	}
}

/** Whether its length and addresses are the multiples that they must be. */
static bool is_aligned(const struct svart_op *op)
{
	struct sim_operand o[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(op, o), i;

	if (op->opcode == SVART_OP_DUALCAST)
		return o[0].addr % PAGE == o[1].addr % PAGE;
	if (!is_delta(op))
		return op->length % sim_op_unit(op) == 0;
	for (i = 0; i < nr; i++) {
		if (o[i].addr % WORD_BYTES != 0)
			return false;
	}
	if (op->length % WORD_BYTES != 0 || op->length > DELTA_RANGE_MAX)
		return false;
	return op->opcode == SVART_OP_CREATE_DELTA
		       ? op->bounds.delta_max >= DELTA_ROOM_MIN
		       : op->bounds.delta_max != 0 && op->bounds.delta_max % ENTRY_BYTES == 0;
}

/** Whether two ranges have a byte in common; addresses go around. */
static bool meet(const struct sim_operand *a, const struct sim_operand *b)
{
	return a->len != 0 && b->len != 0 &&
	       (a->addr - b->addr < b->len || b->addr - a->addr < a->len);
}

static bool overlaps(const struct svart_op *op)
{
	struct sim_operand o[SIM_MAX_OPERANDS];
	uint32_t nr = sim_operands(op, o), i, k;

	for (i = 0; i < nr; i++) {
		for (k = 0; k < nr; k++) {
			if (i != k && o[i].write && meet(&o[i], &o[k]))
				return true;
		}
	}
	return false;
}

bool sim_op_malformed(const struct svart_op *op, uint64_t ops, uint64_t most, bool overlap)
{
	if (op->opcode >= NR_OPCODES || (ops >> op->opcode & 1) == 0 ||
		(op->flags & ~flags_of(op)) != 0 || (op->hint | op->reserved) != 0)
		return true;
	if (!words_are_good(op) || !addresses_are_used(op))
		return true;
	if (moves_nothing(op))
		return false;
	if (op->length > most || !is_aligned(op))
		return true;
	return !(op->opcode == SVART_OP_COPY && overlap) && overlaps(op);
}

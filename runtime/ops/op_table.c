/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "op_table.h"

#define DST                                          \
	{                                            \
		offsetof(struct svart_op, dst), true \
	}
#define SRC                                           \
	{                                             \
		offsetof(struct svart_op, src), false \
	}
#define OK (UINT32_C(1) << SVART_STATUS_OK)

_Static_assert(sizeof(struct svart_op) == 64 && sizeof(struct svart_completion) == 64,
	"an operation and its completion are a cache line each");
_Static_assert(offsetof(struct svart_op, src) == offsetof(struct svart_op, pattern) &&
		       sizeof(void *) == sizeof(uint64_t),
	"an address is a word, and a pattern is in the place of a source");

static const struct svart_op_row rows[SVART_NR_OPCODES] = {
	[SVART_OP_NOOP] = { .name = "noop", .flags = SVART_OP_NO_BLOCK, .good = OK },
	[SVART_OP_COPY] = { .name = "copy",
		.operands = { DST, SRC },
		.nr_operands = 2,
		.overlap = SVART_OVERLAP_MEMMOVE,
		.resume = SVART_RESUME_MEMMOVE,
		.step_pages = 2,
		.flags = SVART_OP_NO_BLOCK,
		.good = OK },
	[SVART_OP_FILL] = { .name = "fill",
		.operands = { DST },
		.nr_operands = 1,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 1,
		.has_pattern = true,
		.flags = SVART_OP_NO_BLOCK,
		.good = OK },
};

const struct svart_op_row *svart_op_row(unsigned int opcode)
{
	return opcode < SVART_NR_OPCODES ? &rows[opcode] : NULL;
}

uint32_t svart_op_step_pages(uint64_t ops)
{
	uint32_t pages = 1;
	unsigned int i;

	for (i = 0; i < SVART_NR_OPCODES; i++)
		if ((ops >> i & 1) != 0 && rows[i].step_pages > pages)
			pages = rows[i].step_pages;
	return pages;
}

svart_op_rule_t svart_op_rule(const struct svart_op_row *row, bool overlap)
{
	svart_op_rule_t rule = row->flags | UINT64_C(1) << SVART_OP_RULE_KNOWN;

	if (row->nr_operands != 0)
		rule |= UINT64_C(1) << SVART_OP_RULE_MOVES;
	if (row->overlap == SVART_OVERLAP_MEMMOVE && !overlap)
		rule |= UINT64_C(1) << SVART_OP_RULE_NO_OVERLAP;
	if (row->words != 0)
		rule |= UINT64_C(1) << SVART_OP_RULE_WORDS;
	return rule;
}

void svart_op_rules(uint64_t ops, bool overlap, svart_op_rule_t *rules)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_OPCODES; i++)
		rules[i] = (ops >> i & 1) != 0 ? svart_op_rule(&rows[i], overlap) : 0;
}

enum svart_op_wrong svart_op_check_words(const struct svart_op *op)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	uint64_t wrong = 0;

	if (row == NULL)
		return SVART_OP_WRONG_OPCODE;
	wrong |= (row->words & SVART_OP_WORD_X) != 0 ? 0 : op->x;
	wrong |= (row->words & SVART_OP_WORD_Y) != 0 ? 0 : op->y;
	wrong |= (row->words & SVART_OP_WORD_Z) != 0 ? 0 : op->z;
	return wrong == 0 ? SVART_OP_GOOD : SVART_OP_WRONG_BITS;
}

/** A pattern as it begins `bytes` further on. */
static uint64_t pattern_at(uint64_t pattern, uint64_t bytes)
{
	unsigned int bits = (unsigned int)(bytes % sizeof(pattern)) * 8;

	return bits == 0 ? pattern : pattern >> bits | pattern << (64 - bits);
}

bool svart_op_reads(const struct svart_op *op)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	unsigned int i;

	for (i = 0; row != NULL && i < row->nr_operands; i++)
		if (!row->operands[i].write)
			return true;
	return false;
}

static void operand_move(struct svart_op *op, const struct svart_operand *operand, uint64_t bytes)
{
	uint64_t addr = svart_op_addr(op, operand) + bytes;

	memcpy((uint8_t *)op + operand->offset, &addr, sizeof(addr));
}

void svart_op_resume(struct svart_op *op, uint64_t bytes, bool backward)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	unsigned int i;

	if (row == NULL || row->resume == SVART_RESUME_NONE)
		return;
	op->length -= bytes;
	if (backward && row->resume == SVART_RESUME_MEMMOVE)
		return;
	for (i = 0; i < row->nr_operands; i++)
		operand_move(op, &row->operands[i], bytes);
	if (row->has_pattern)
		op->pattern = pattern_at(op->pattern, bytes);
}

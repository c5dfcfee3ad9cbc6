/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "op_table.h"

#include "bits.h"
#include "op_delta.h"
#include "op_dif.h"
#include "ops.h"

/* clang-format off */
#define FIELD(field)      offsetof(struct svart_op, field)
#define WRITES(field)     { FIELD(field), true, SVART_LEN_ALL }
#define READS(field)      { FIELD(field), false, SVART_LEN_ALL }
#define WRITES_DELTA      { FIELD(delta), true, SVART_LEN_DELTA }
#define READS_DELTA       { FIELD(delta), false, SVART_LEN_DELTA }
#define WRITES_BLOCKS     { FIELD(dst), true, SVART_LEN_DIF }
/* clang-format on */

/* What every operation takes. */
#define ANY       (SVART_OP_NO_BLOCK | SVART_OP_FENCE)
#define OK        (UINT32_C(1) << SVART_STATUS_OK)
#define PREDICATE (OK | UINT32_C(1) << SVART_STATUS_PREDICATE_FALSE)

/* A record has room for eight entries at least (DSA spec 8.3.7). */
#define DELTA_LEAST (8 * SVART_DELTA_ENTRY_BYTES)
/* Pages that a block of 4104 bytes with its protection information may lie in. */
#define BLOCK_PAGES 3

_Static_assert(sizeof(struct svart_op) == 64 && sizeof(struct svart_completion) == 64,
	"an operation and its completion are a cache line each");
_Static_assert(offsetof(struct svart_op, src) == offsetof(struct svart_op, pattern) &&
		       sizeof(void *) == sizeof(uint64_t),
	"an address is a word, and a pattern is in the place of a source");

static const struct svart_op_row rows[SVART_NR_OPCODES] = {
	[SVART_OP_NOOP] = { .name = "noop", .traits = SVART_OP_IS_PLAIN, .flags = ANY, .good = OK },
	[SVART_OP_COPY] = { .name = "copy",
		.operands = { WRITES(dst), READS(src) },
		.nr_operands = 2,
		.overlap = SVART_OVERLAP_MEMMOVE,
		.resume = SVART_RESUME_MEMMOVE,
		.step_pages = 2,
		.traits = SVART_OP_IS_PLAIN,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_FILL] = { .name = "fill",
		.operands = { WRITES(dst) },
		.nr_operands = 1,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 1,
		.traits = SVART_OP_IS_PLAIN | SVART_OP_HAS_PATTERN,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_COMPARE] = { .name = "compare",
		.operands = { READS(src), READS(src2) },
		.nr_operands = 2,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Z,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 2,
		.results = 2,
		.traits = SVART_OP_ENDS_EARLY,
		.flags = ANY | SVART_OP_CHECK_RESULT,
		.good = PREDICATE },
	[SVART_OP_COMPARE_VALUE] = { .name = "compare value",
		.operands = { READS(src) },
		.nr_operands = 1,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Z,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 1,
		.results = 2,
		.traits = SVART_OP_ENDS_EARLY | SVART_OP_HAS_VALUE,
		.flags = ANY | SVART_OP_CHECK_RESULT,
		.good = PREDICATE },
	[SVART_OP_CREATE_DELTA] = { .name = "create delta",
		.operands = { WRITES_DELTA, READS(src), READS(src2) },
		.nr_operands = 3,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Y | SVART_OP_WORD_Z,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_AGAIN,
		.step_pages = 4,
		.results = 3,
		.traits = SVART_OP_HAS_DELTA,
		.delta_least = DELTA_LEAST,
		.flags = ANY | SVART_OP_CHECK_RESULT | SVART_OP_TO_CACHE,
		.good = PREDICATE },
	[SVART_OP_APPLY_DELTA] = { .name = "apply delta",
		.operands = { WRITES(dst), READS_DELTA },
		.nr_operands = 2,
		.words = SVART_OP_WORD_Y | SVART_OP_WORD_Z,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_AGAIN,
		.step_pages = 3,
		.traits = SVART_OP_HAS_DELTA,
		.delta_least = SVART_DELTA_ENTRY_BYTES,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_DUALCAST] = { .name = "dualcast",
		.operands = { WRITES(dst), WRITES(dst2), READS(src) },
		.nr_operands = 3,
		.words = SVART_OP_WORD_X,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 3,
		.traits = SVART_OP_LOW_BITS_ALIKE,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_CRC] = { .name = "crc",
		.operands = { READS(src) },
		.nr_operands = 1,
		.words = SVART_OP_WORD_X,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 1,
		.traits = SVART_OP_HAS_SEED,
		.flags = ANY | SVART_OP_BYPASS_CRC | SVART_OP_BYPASS_DATA,
		.good = OK },
	[SVART_OP_COPY_CRC] = { .name = "copy crc",
		.operands = { WRITES(dst), READS(src) },
		.nr_operands = 2,
		.words = SVART_OP_WORD_X,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 2,
		.traits = SVART_OP_HAS_SEED,
		.flags = ANY | SVART_OP_BYPASS_CRC | SVART_OP_BYPASS_DATA | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_DIF_CHECK] = { .name = "dif check",
		.operands = { READS(src) },
		.nr_operands = 1,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Y,
		.resume = SVART_RESUME_BLOCKS,
		.step_pages = BLOCK_PAGES,
		.traits = SVART_OP_CHECKS_TAGS,
		.flags = ANY,
		.good = OK },
	[SVART_OP_DIF_INSERT] = { .name = "dif insert",
		.operands = { WRITES_BLOCKS, READS(src) },
		.nr_operands = 2,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Z,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_BLOCKS,
		.step_pages = 2 * BLOCK_PAGES,
		.traits = SVART_OP_MAKES_TAGS,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_DIF_STRIP] = { .name = "dif strip",
		.operands = { WRITES_BLOCKS, READS(src) },
		.nr_operands = 2,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Y,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_BLOCKS,
		.step_pages = 2 * BLOCK_PAGES,
		.traits = SVART_OP_CHECKS_TAGS,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_DIF_UPDATE] = { .name = "dif update",
		.operands = { WRITES_BLOCKS, READS(src) },
		.nr_operands = 2,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Y | SVART_OP_WORD_Z,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_BLOCKS,
		.step_pages = 2 * BLOCK_PAGES,
		.traits = SVART_OP_CHECKS_TAGS | SVART_OP_MAKES_TAGS,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_DIX_GENERATE] = { .name = "dix generate",
		.operands = { WRITES_BLOCKS, READS(src) },
		.nr_operands = 2,
		.words = SVART_OP_WORD_X | SVART_OP_WORD_Z,
		.overlap = SVART_OVERLAP_NONE,
		.resume = SVART_RESUME_BLOCKS,
		.step_pages = BLOCK_PAGES + 1,
		.traits = SVART_OP_MAKES_TAGS,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_CACHE_FLUSH] = { .name = "cache flush",
		.operands = { { FIELD(dst), false, SVART_LEN_ALL } },
		.nr_operands = 1,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 1,
		.flags = ANY | SVART_OP_TO_CACHE,
		.good = OK },
	[SVART_OP_TRANSLATE] = { .name = "translate",
		.operands = { READS(src) },
		.nr_operands = 1,
		.words = SVART_OP_WORD_X,
		.resume = SVART_RESUME_FORWARD,
		.step_pages = 1,
		.traits = SVART_OP_HAS_STRIDE,
		.flags = ANY,
		.good = OK },
	[SVART_OP_DRAIN] = { .name = "drain",
		.traits = SVART_OP_IS_PLAIN,
		.flags = ANY,
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
	if ((row->traits & SVART_OP_IS_PLAIN) == 0)
		rule |= UINT64_C(1) << SVART_OP_RULE_MORE;
	return rule;
}

void svart_op_rules(uint64_t ops, bool overlap, svart_op_rule_t *rules)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_OPCODES; i++)
		rules[i] = (ops >> i & 1) != 0 ? svart_op_rule(&rows[i], overlap) : 0;
}

/* --- what only some operations have --------------------------------------------------------------- */

static bool has(const struct svart_op_row *row, unsigned int traits)
{
	return (row->traits & traits) != 0;
}

static bool has_blocks(const struct svart_op_row *row)
{
	return has(row, SVART_OP_CHECKS_TAGS | SVART_OP_MAKES_TAGS);
}

/** Whether it has the field at this offset as an operand, or a pattern there. */
static bool uses(const struct svart_op_row *row, size_t offset)
{
	unsigned int i;

	for (i = 0; i < row->nr_operands; i++)
		if (row->operands[i].offset == offset)
			return true;
	return has(row, SVART_OP_HAS_PATTERN) && offset == FIELD(pattern);
}

/** Bits of the structure dif that mean something to the operation. */
static bool dif_is_good(const struct svart_op_row *row, const struct svart_dif *dif)
{
	const uint8_t makes = SVART_DIF_DST_APP_INCREMENTS | SVART_DIF_DST_REF_FIXED;
	const uint8_t passes =
		SVART_DIF_DST_APP_PASSES | SVART_DIF_DST_GUARD_PASSES | SVART_DIF_DST_REF_PASSES;
	uint8_t src = has(row, SVART_OP_CHECKS_TAGS) ? UINT8_MAX : 0, dst = 0;
	unsigned int i, set;

	if (has(row, SVART_OP_MAKES_TAGS))
		dst = has(row, SVART_OP_CHECKS_TAGS) ? makes | passes : makes;
	set = (dif->src_flags & ~src) | (dif->dst_flags & ~dst) |
	      (dif->flags & ~(SVART_DIF_INVERT_SEED | SVART_DIF_INVERT_RESULT));
	for (i = 0; i < sizeof(dif->reserved); i++)
		set |= dif->reserved[i];
	return set == 0 && dif->block <= SVART_DIF_BLOCK_4104;
}

/** Bits of bounds that mean something: those that are compared with a result; a delta record's length. */
static bool bounds_are_good(const struct svart_op_row *row, const struct svart_op *op)
{
	uint32_t expected = op->bounds.expected;

	if ((op->flags & SVART_OP_CHECK_RESULT) != 0
			? expected == 0 || expected >> row->results != 0
			: expected != 0)
		return false;
	return has(row, SVART_OP_HAS_DELTA) || op->bounds.delta_max == 0;
}

/** Whether the fields and words that it does not use are 0, and those that it uses are sound. */
static bool bits_are_good(const struct svart_op_row *row, const struct svart_op *op)
{
	uint64_t wrong = 0;

	wrong |= (row->words & SVART_OP_WORD_X) != 0 ? 0 : op->x;
	wrong |= (row->words & SVART_OP_WORD_Y) != 0 ? 0 : op->y;
	wrong |= (row->words & SVART_OP_WORD_Z) != 0 ? 0 : op->z;
	wrong |= uses(row, FIELD(dst)) ? 0 : (uintptr_t)op->dst;
	wrong |= uses(row, FIELD(src)) ? 0 : op->pattern;
	wrong |= has(row, SVART_OP_HAS_SEED) ? op->seed & ~(uint64_t)UINT32_MAX : 0;
	wrong |= has(row, SVART_OP_HAS_STRIDE) ? op->stride & SVART_PAGE_MASK : 0;
	if (wrong != 0 || (has_blocks(row) && !dif_is_good(row, &op->dif)))
		return false;
	if (has(row, SVART_OP_HAS_DELTA) || row->results != 0)
		return bounds_are_good(row, op);
	return true;
}

/** Whether its length is of whole units, and short enough. */
static bool length_is_good(const struct svart_op_row *row, const struct svart_op *op)
{
	uint32_t delta = op->bounds.delta_max;

	if (has_blocks(row))
		return op->length % svart_op_block(op) == 0;
	if (!has(row, SVART_OP_HAS_DELTA))
		return true;
	if (op->length % SVART_DELTA_WORD_BYTES != 0 || op->length > SVART_DELTA_MAX_BYTES)
		return false;
	/* A record that is applied is of whole entries; one that is made may have room for a part of one. */
	return delta >= row->delta_least &&
	       (row->results != 0 || delta % SVART_DELTA_ENTRY_BYTES == 0);
}

static bool alignment_is_good(const struct svart_op_row *row, const struct svart_op *op)
{
	unsigned int i;

	if (has(row, SVART_OP_LOW_BITS_ALIKE) &&
		(((uintptr_t)op->dst ^ (uintptr_t)op->dst2) & SVART_PAGE_MASK) != 0)
		return false;
	for (i = 0; has(row, SVART_OP_HAS_DELTA) && i < row->nr_operands; i++)
		if (svart_op_addr(op, &row->operands[i]) % SVART_DELTA_WORD_BYTES != 0)
			return false;
	return true;
}

/** Whether two ranges have a byte in common. */
static bool overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a_len != 0 && b_len != 0 && (a - b < b_len || b - a < a_len);
}

/** Whether something that is written overlaps another operand. */
static bool overlaps(const struct svart_op_row *row, const struct svart_op *op)
{
	const struct svart_operand *a, *b;
	unsigned int i, k;

	for (i = 0; i < row->nr_operands; i++) {
		for (k = i + 1; row->operands[i].write && k < row->nr_operands; k++) {
			a = &row->operands[i];
			b = &row->operands[k];
			if (overlap(svart_op_addr(op, a), svart_op_len(op, a), svart_op_addr(op, b),
				    svart_op_len(op, b)))
				return true;
		}
	}
	return false;
}

enum svart_op_wrong svart_op_check_more(const struct svart_op *op)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	if (row == NULL)
		return SVART_OP_WRONG_OPCODE;
	if (!bits_are_good(row, op))
		return SVART_OP_WRONG_BITS;
	if (!length_is_good(row, op))
		return SVART_OP_WRONG_LENGTH;
	if (!alignment_is_good(row, op))
		return SVART_OP_WRONG_ALIGN;
	if (row->overlap == SVART_OVERLAP_NONE && overlaps(row, op))
		return SVART_OP_WRONG_OVERLAP;
	return SVART_OP_GOOD;
}

/* --- operands --------------------------------------------------------------------------------------- */

static enum svart_dif_kind dif_kind(const struct svart_op *op)
{
	switch (op->opcode) {
	case SVART_OP_DIF_CHECK:
		return SVART_DIF_CHECK;
	case SVART_OP_DIF_INSERT:
		return SVART_DIF_INSERT;
	case SVART_OP_DIF_STRIP:
		return SVART_DIF_STRIP;
	case SVART_OP_DIF_UPDATE:
		return SVART_DIF_UPDATE;
	default:
		return SVART_DIF_DIX_GENERATE;
	}
}

uint32_t svart_op_block(const struct svart_op *op)
{
	return svart_op_dif_src_bytes(dif_kind(op), op->dif.block);
}

/** Bytes of the destination that a block of the source makes. */
static uint32_t dst_block(const struct svart_op *op)
{
	return svart_op_dif_dst_bytes(dif_kind(op), op->dif.block);
}

uint64_t svart_op_len(const struct svart_op *op, const struct svart_operand *operand)
{
	switch (operand->len) {
	case SVART_LEN_DELTA:
		return op->bounds.delta_max;
	case SVART_LEN_DIF:
		return op->length / svart_op_block(op) * dst_block(op);
	default:
		return op->length;
	}
}

uint64_t svart_op_whole(const struct svart_op *op, uint64_t bytes)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	return row != NULL && has_blocks(row) ? bytes - bytes % svart_op_block(op) : bytes;
}

/** Whether doing the first bytes alone would overwrite bytes that are still to be read. */
static bool runs_backwards(const struct svart_op *op)
{
	return svart_op_copy_is_backward((uintptr_t)op->dst, (uintptr_t)op->src, op->length);
}

uint64_t svart_op_cut(const struct svart_op *op, const struct svart_operand *operand, uint64_t off)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	if (row->resume == SVART_RESUME_AGAIN || row->resume == SVART_RESUME_NONE)
		return 0;
	if (row->resume == SVART_RESUME_MEMMOVE && runs_backwards(op))
		return 0;
	if (operand->len == SVART_LEN_DIF)
		return off / dst_block(op) * svart_op_block(op);
	return svart_op_whole(op, off);
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
	uint64_t addr = svart_op_addr(op, operand);

	if (operand->len == SVART_LEN_DIF)
		bytes = bytes / svart_op_block(op) * dst_block(op);
	addr += bytes;
	memcpy((uint8_t *)op + operand->offset, &addr, sizeof(addr));
}

static void tags_advance(
	struct svart_tags *tags, bool ref_fixed, bool app_increments, uint64_t blocks)
{
	if (!ref_fixed)
		tags->ref += (uint32_t)blocks;
	if (app_increments)
		tags->app = (uint16_t)(tags->app + blocks);
}

void svart_op_tags_advance(struct svart_op *op, uint64_t blocks)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	const struct svart_dif *dif = &op->dif;

	if (row != NULL && has(row, SVART_OP_CHECKS_TAGS))
		tags_advance(&op->src_tags, (dif->src_flags & SVART_DIF_SRC_REF_FIXED) != 0,
			(dif->src_flags & SVART_DIF_SRC_APP_INCREMENTS) != 0, blocks);
	if (row != NULL && has(row, SVART_OP_MAKES_TAGS))
		tags_advance(&op->dst_tags, (dif->dst_flags & SVART_DIF_DST_REF_FIXED) != 0,
			(dif->dst_flags & SVART_DIF_DST_APP_INCREMENTS) != 0, blocks);
}

void svart_op_resume(struct svart_op *op, uint64_t bytes, bool backward)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	unsigned int i;

	if (row == NULL || row->resume == SVART_RESUME_NONE || row->resume == SVART_RESUME_AGAIN)
		return;
	bytes = svart_op_whole(op, bytes);
	op->length -= bytes;
	if (backward && row->resume == SVART_RESUME_MEMMOVE)
		return;
	for (i = 0; i < row->nr_operands; i++)
		operand_move(op, &row->operands[i], bytes);
	if (has(row, SVART_OP_HAS_PATTERN))
		op->pattern = pattern_at(op->pattern, bytes);
	if (has(row, SVART_OP_HAS_VALUE))
		op->value = pattern_at(op->value, bytes);
	if (has_blocks(row))
		svart_op_tags_advance(op, bytes / svart_op_block(op));
}

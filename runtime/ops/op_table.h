/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OP_TABLE_H
#define SVART_OP_TABLE_H

/**
 * @file
 * The table of operations, with a row for each. The core, drivers, device models and the dmadev driver read
 * it to decide what is legal. A new operation is a new row.
 *
 * The hot path reads only one word, the rule (svart_op_rule()). It is made when a queue starts, from the row
 * and from what the device can do.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <svart/op.h>

/** One more than the largest enum svart_opcode. */
#define SVART_NR_OPCODES 18
/** The most operands of one operation. */
#define SVART_OP_MAX_OPERANDS 4

/** How long an operand is. */
enum svart_operand_len {
	SVART_LEN_ALL = 0, /**< length. */
	SVART_LEN_DELTA,   /**< bounds.delta_max. */
	SVART_LEN_DIF,     /**< What the operation makes of the source's blocks. */
};

/** An operand. */
struct svart_operand {
	uint8_t offset; /**< Offset of its address in struct svart_op. */
	bool write;     /**< The device writes it; if not, the device reads it. */
	uint8_t len;    /**< enum svart_operand_len. */
};

/** What must hold between operands. */
enum svart_op_overlap {
	/** Nothing: there is one operand, or all are read. */
	SVART_OVERLAP_ANY = 0,
	/** dst and src may overlap as in memmove(), if the device can do that (SVART_FEATURE_OVERLAP). */
	SVART_OVERLAP_MEMMOVE,
	/** What is written overlaps nothing else. */
	SVART_OVERLAP_NONE,
};

/** How an operation continues after it has stopped after some bytes. */
enum svart_op_resume {
	SVART_RESUME_NONE = 0, /**< It does not continue: it has nothing to do. */
	SVART_RESUME_FORWARD,  /**< With all operands bytes_done further on. */
	/** Like FORWARD; but with SVART_COMPLETION_BACKWARD with the same operands, bytes_done shorter. */
	SVART_RESUME_MEMMOVE,
	/** Like FORWARD, by whole blocks: the destination's are of another length, and tags move on. */
	SVART_RESUME_BLOCKS,
	/** It begins again: a part of it alone has no meaning, and doing it again does no harm. */
	SVART_RESUME_AGAIN,
};

/** What a row has beside operands, as bits. */
enum svart_op_trait {
	SVART_OP_HAS_PATTERN = 1 << 0, /**< A pattern is in the place of src. */
	SVART_OP_HAS_VALUE = 1 << 1,   /**< A pattern is in the word x. */
	SVART_OP_HAS_SEED =
		1 << 2, /**< A start value of 32 bits is in the word x, and its result is one. */
	/** It can end before its end, with a result other than 0. */
	SVART_OP_ENDS_EARLY = 1 << 3,
	SVART_OP_HAS_DELTA = 1 << 4,      /**< Addresses and length are of delta records. */
	SVART_OP_LOW_BITS_ALIKE = 1 << 5, /**< dst and dst2 lie alike in their pages. */
	SVART_OP_CHECKS_TAGS =
		1 << 6,               /**< It checks protection information, by dif and src_tags. */
	SVART_OP_MAKES_TAGS = 1 << 7, /**< It makes protection information, by dif and dst_tags. */
	SVART_OP_HAS_STRIDE = 1 << 8, /**< The word x is a multiple of a page. */
	SVART_OP_IS_PLAIN = 1 << 9,   /**< svart_op_check() alone checks all of it: the hot ones. */
};

/** Words of struct svart_op that only some operations use, as bits. */
enum svart_op_word {
	SVART_OP_WORD_X = 1 << 0,
	SVART_OP_WORD_Y = 1 << 1,
	SVART_OP_WORD_Z = 1 << 2,
};

/** One operation. Constant. */
struct svart_op_row {
	const char *name; /**< "copy". */
	/** Those that are written come first. If there are none, length is ignored. */
	struct svart_operand operands[SVART_OP_MAX_OPERANDS];
	uint8_t nr_operands;
	uint8_t words;       /**< Bits of enum svart_op_word; the others must be 0. */
	uint8_t overlap;     /**< enum svart_op_overlap. */
	uint8_t resume;      /**< enum svart_op_resume. */
	uint8_t step_pages;  /**< Pages that one step touches at once. */
	uint8_t results;     /**< Results are below this; 0: it has none, or any of 32 bits. */
	uint16_t traits;     /**< Bits of enum svart_op_trait. */
	uint8_t delta_least; /**< bounds.delta_max is not below this. */
	uint32_t flags;      /**< Bits of enum svart_op_flag that it takes. */
	uint32_t good;       /**< Bit n: the enum svart_status n is no failure. */
};

/** @return the row of an opcode, or NULL: there is no such operation. @thread any. @blocks never. */
const struct svart_op_row *svart_op_row(unsigned int opcode);

/**
 * The most pages that one step of these operations touches at once. @param ops bit n: enum svart_opcode n.
 */
uint32_t svart_op_step_pages(uint64_t ops);

/** The address of an operand. */
static inline uint64_t svart_op_addr(const struct svart_op *op, const struct svart_operand *operand)
{
	uint64_t addr;

	memcpy(&addr, (const uint8_t *)op + operand->offset, sizeof(addr));
	return addr;
}

/** The length of an operand of an operation that is sound. */
uint64_t svart_op_len(const struct svart_op *op, const struct svart_operand *operand);

/** Whether an operation reads a source: if so, a fault may be of a read. */
bool svart_op_reads(const struct svart_op *op);

/**
 * The length that an operation can be cut down to so that it does not touch an operand from its byte off on;
 * 0: no part of it can be done alone.
 */
uint64_t svart_op_cut(const struct svart_op *op, const struct svart_operand *operand, uint64_t off);

/** Bytes of the source whose blocks are whole; for operations without blocks, bytes. */
uint64_t svart_op_whole(const struct svart_op *op, uint64_t bytes);

/** Moves the tags of an operation that checks or makes protection information on, by so many blocks. */
void svart_op_tags_advance(struct svart_op *op, uint64_t blocks);

/** Bytes of a block in the source of an operation that checks or makes protection information. */
uint32_t svart_op_block(const struct svart_op *op);

/**
 * Changes an operation to the part of it that is not done yet.
 * @param bytes    the bytes that are done; not more than its length.
 * @param backward they were done from the ends on (SVART_COMPLETION_BACKWARD).
 */
void svart_op_resume(struct svart_op *op, uint64_t bytes, bool backward);

/* --- rules ------------------------------------------------------------------------------------------ */

/**
 * The rule of one queue for an opcode: the bits below 32 are the flags that it takes, those above are of enum
 * svart_op_rule_bit. 0: the queue does not have the operation. The bits from SVART_OP_RULE_DRIVER on are the
 * driver's own.
 */
typedef uint64_t svart_op_rule_t;

/** Bits of a rule. */
enum svart_op_rule_bit {
	SVART_OP_RULE_KNOWN = 32,      /**< The queue has the operation. */
	SVART_OP_RULE_MOVES = 33,      /**< It has operands, and a length. */
	SVART_OP_RULE_NO_OVERLAP = 34, /**< dst and src must not overlap. */
	/** It is not plain: svart_op_check_more() checks the rest. */
	SVART_OP_RULE_MORE = 35,
	SVART_OP_RULE_DRIVER = 40,
};

/** What can be wrong with an operation. */
enum svart_op_wrong {
	SVART_OP_GOOD = 0,
	SVART_OP_WRONG_OPCODE, /**< The queue has no such operation. */
	SVART_OP_WRONG_BITS, /**< It has a flag that it does not take, or sets something that must be 0. */
	SVART_OP_WRONG_LENGTH,  /**< It is longer than one operation may be. */
	SVART_OP_WRONG_OVERLAP, /**< Its ranges overlap, and the device cannot do that. */
	SVART_OP_WRONG_ALIGN,   /**< An address, or two of them, must be aligned. */
};

/** The rule of a row. @param overlap whether the device has SVART_FEATURE_OVERLAP. */
svart_op_rule_t svart_op_rule(const struct svart_op_row *row, bool overlap);

/**
 * Makes the rules of a queue.
 * @param ops   bit n: it has enum svart_opcode n. @param overlap as for svart_op_rule().
 * @param rules out: array[SVART_NR_OPCODES].
 */
void svart_op_rules(uint64_t ops, bool overlap, svart_op_rule_t *rules);

static inline bool svart_op_rule_has(svart_op_rule_t rule, enum svart_op_rule_bit bit)
{
	return (rule >> bit & 1) != 0;
}

/** Whether two ranges of one length, which is not 0, have a byte in common, even across the end of memory. */
static inline bool svart_ranges_overlap(uint64_t a, uint64_t b, uint64_t len)
{
	return a - b < len || b - a < len;
}

/** Checks what only some operations have: words, alignment, blocks, lengths and overlaps of their own. */
enum svart_op_wrong svart_op_check_more(const struct svart_op *op);

/**
 * Checks an operation against the rules of its queue. It reads only the operation and its rule.
 * @param rules array[SVART_NR_OPCODES].
 * @param rule  out: its rule; 0 if the opcode does not exist.
 */
static inline enum svart_op_wrong svart_op_check(const svart_op_rule_t *rules,
	const struct svart_op *op, uint64_t max_transfer_bytes, svart_op_rule_t *rule)
{
	*rule = op->opcode < SVART_NR_OPCODES ? rules[op->opcode] : 0;
	if (*rule == 0)
		return SVART_OP_WRONG_OPCODE;
	if (((op->flags & ~(uint32_t)*rule) | op->hint | op->reserved) != 0)
		return SVART_OP_WRONG_BITS;
	if (svart_op_rule_has(*rule, SVART_OP_RULE_MORE))
		return op->length <= max_transfer_bytes ? svart_op_check_more(op)
							: SVART_OP_WRONG_LENGTH;
	if ((op->x | op->y | op->z) != 0)
		return SVART_OP_WRONG_BITS;
	if (!svart_op_rule_has(*rule, SVART_OP_RULE_MOVES))
		return SVART_OP_GOOD;
	if (op->length > max_transfer_bytes)
		return SVART_OP_WRONG_LENGTH;
	if (svart_op_rule_has(*rule, SVART_OP_RULE_NO_OVERLAP) && op->length != 0 &&
		svart_ranges_overlap((uintptr_t)op->dst, (uintptr_t)op->src, op->length))
		return SVART_OP_WRONG_OVERLAP;
	return SVART_OP_GOOD;
}

/** Of a rule: it has the operation, which has operands and no more rules than those of a plain one. */
#define SVART_OP_RULE_PLAIN_MASK                                                   \
	(UINT64_C(1) << SVART_OP_RULE_KNOWN | UINT64_C(1) << SVART_OP_RULE_MOVES | \
		UINT64_C(1) << SVART_OP_RULE_NO_OVERLAP | UINT64_C(1) << SVART_OP_RULE_MORE)
#define SVART_OP_RULE_PLAIN \
	(UINT64_C(1) << SVART_OP_RULE_KNOWN | UINT64_C(1) << SVART_OP_RULE_MOVES)

/**
 * Looks at once whether an operation is of the commonest kind: a copy or a fill, without flags, of a byte or more,
 * that svart_op_check() finds good. Others may be good, too.
 * @param rules array[SVART_NR_OPCODES]. @param rule out: its rule, if it is.
 */
static inline bool svart_op_is_common(const svart_op_rule_t *rules, const struct svart_op *op,
	uint64_t max_transfer_bytes, svart_op_rule_t *rule)
{
	uint64_t head;

	/* Opcode, hint, reserved and flags are one word; so the opcode is all of it, or something else is set. */
	memcpy(&head, op, sizeof(head));
	if (head >= SVART_NR_OPCODES)
		return false;
	*rule = rules[head];
	return (*rule & SVART_OP_RULE_PLAIN_MASK) == SVART_OP_RULE_PLAIN &&
	       (op->x | op->y | op->z) == 0 && op->length - 1 < max_transfer_bytes;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
		       offsetof(struct svart_op, opcode) == 0 &&
		       offsetof(struct svart_op, flags) == 4,
	"the opcode is the low byte of the first word");

#endif

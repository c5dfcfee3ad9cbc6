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
#define SVART_NR_OPCODES 3
/** The most operands of one operation. */
#define SVART_OP_MAX_OPERANDS 4

/** An operand. */
struct svart_operand {
	uint8_t offset; /**< Offset of its address in struct svart_op. */
	bool write;     /**< The device writes it; if not, the device reads it. */
};

/** What must hold between operands. */
enum svart_op_overlap {
	SVART_OVERLAP_ANY = 0, /**< Nothing. */
	/** dst and src may overlap as in memmove(), if the device can do that (SVART_FEATURE_OVERLAP). */
	SVART_OVERLAP_MEMMOVE,
};

/** How an operation continues after it has stopped after some bytes. */
enum svart_op_resume {
	SVART_RESUME_NONE = 0, /**< It does not continue: it has nothing to do. */
	SVART_RESUME_FORWARD,  /**< With all operands bytes_done further on. */
	/** Like FORWARD; but with SVART_COMPLETION_BACKWARD with the same operands, bytes_done shorter. */
	SVART_RESUME_MEMMOVE,
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
	/** All operands are `length` bytes long; if there are none, length is ignored. */
	struct svart_operand operands[SVART_OP_MAX_OPERANDS];
	uint8_t nr_operands;
	uint8_t words;      /**< Bits of enum svart_op_word; the others must be 0. */
	uint8_t overlap;    /**< enum svart_op_overlap. */
	uint8_t resume;     /**< enum svart_op_resume. */
	uint8_t step_pages; /**< Pages that one step touches at once. */
	bool has_pattern;   /**< A pattern is in the place of src. */
	uint32_t flags;     /**< Bits of enum svart_op_flag that it takes. */
	uint32_t good;      /**< Bit n: the enum svart_status n is no failure. */
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

/** Whether an operation reads a source: if so, a fault may be of a read. */
bool svart_op_reads(const struct svart_op *op);

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
	SVART_OP_RULE_WORDS = 35,      /**< It uses some of the words x, y and z. */
	SVART_OP_RULE_DRIVER = 40,
};

/** What can be wrong with an operation. */
enum svart_op_wrong {
	SVART_OP_GOOD = 0,
	SVART_OP_WRONG_OPCODE, /**< The queue has no such operation. */
	SVART_OP_WRONG_BITS, /**< It has a flag that it does not take, or sets something that must be 0. */
	SVART_OP_WRONG_LENGTH,  /**< It is longer than one operation may be. */
	SVART_OP_WRONG_OVERLAP, /**< Its ranges overlap, and the device cannot do that. */
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

/** Checks the words that only some operations use. */
enum svart_op_wrong svart_op_check_words(const struct svart_op *op);

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
	if (svart_op_rule_has(*rule, SVART_OP_RULE_WORDS)) {
		if (svart_op_check_words(op) != SVART_OP_GOOD)
			return SVART_OP_WRONG_BITS;
	} else if ((op->x | op->y | op->z) != 0) {
		return SVART_OP_WRONG_BITS;
	}
	if (!svart_op_rule_has(*rule, SVART_OP_RULE_MOVES))
		return SVART_OP_GOOD;
	if (op->length > max_transfer_bytes)
		return SVART_OP_WRONG_LENGTH;
	if (svart_op_rule_has(*rule, SVART_OP_RULE_NO_OVERLAP) && op->length != 0 &&
		svart_ranges_overlap((uintptr_t)op->dst, (uintptr_t)op->src, op->length))
		return SVART_OP_WRONG_OVERLAP;
	return SVART_OP_GOOD;
}

#endif

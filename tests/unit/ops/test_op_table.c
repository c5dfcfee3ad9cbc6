/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dsa_ops.h"
#include "op_table.h"

#define ALL_OPS   UINT64_MAX
#define MAX_BYTES 4160 /* Of whole blocks, too: of 512 bytes with 8 more, and without. */

/* Operands that do not overlap, each with room for what a destination may be longer. */
#define ROOM 8192
static _Alignas(4096) uint8_t memory[5 * ROOM];

/** Sets the words that an operation uses to sound values. */
static void words_set(struct svart_op *op)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	if (op->opcode == SVART_OP_COMPARE || op->opcode == SVART_OP_CREATE_DELTA ||
		op->opcode == SVART_OP_DUALCAST)
		op->x = (uintptr_t)memory + 2 * ROOM;
	if ((row->traits & SVART_OP_HAS_DELTA) != 0) {
		op->delta = memory + 3 * ROOM;
		op->bounds.delta_max = 80;
	}
}

/** Bytes of the longest operation here: of whole blocks or words. */
static uint64_t longest(unsigned int opcode)
{
	return opcode == SVART_OP_DIF_INSERT || opcode == SVART_OP_DIX_GENERATE ? 8 * 512
										: MAX_BYTES;
}

static struct svart_op op_of(unsigned int opcode, uint64_t length)
{
	const struct svart_op_row *row = svart_op_row(opcode);
	struct svart_op op;
	unsigned int i;

	memset(&op, 0, sizeof(op));
	op.opcode = (uint8_t)opcode;
	op.length = length;
	if (row == NULL || (row->traits & SVART_OP_IS_PLAIN) != 0) {
		op.dst = memory;
		op.src = memory + ROOM + 1;
		return op;
	}
	for (i = 0; i < row->nr_operands; i++) {
		if (row->operands[i].offset == offsetof(struct svart_op, dst))
			op.dst = memory;
		if (row->operands[i].offset == offsetof(struct svart_op, src))
			op.src = memory + ROOM;
	}
	words_set(&op);
	return op;
}

static enum svart_op_wrong check(const struct svart_op *op, uint64_t ops, bool overlap)
{
	svart_op_rule_t rules[SVART_NR_OPCODES], rule;

	svart_op_rules(ops, overlap, rules);
	return svart_op_check(rules, op, MAX_BYTES, &rule);
}

static void test_op_table_every_row_is_whole(void **state)
{
	unsigned int i, k;

	(void)state;
	for (i = 0; i < SVART_NR_OPCODES; i++) {
		const struct svart_op_row *row = svart_op_row(i);
		bool read = false;

		assert_non_null(row);
		assert_non_null(row->name);
		assert_true(row->good & 1u << SVART_STATUS_OK);
		assert_true(row->nr_operands <= SVART_OP_MAX_OPERANDS);
		assert_true(row->step_pages >= row->nr_operands);
		assert_true(row->step_pages <= 16);
		assert_int_equal(row->nr_operands == 0, row->resume == SVART_RESUME_NONE);
		assert_true(row->flags & SVART_OP_NO_BLOCK && row->flags & SVART_OP_FENCE);
		assert_int_equal(row->results != 0, (row->flags & SVART_OP_CHECK_RESULT) != 0);
		for (k = 0; k < row->nr_operands; k++) {
			/* Holds of what is written must come first: held_queue.c. */
			assert_false(read && row->operands[k].write);
			read = !row->operands[k].write;
			assert_int_equal(row->operands[k].offset % sizeof(uint64_t), 0);
			assert_true(row->operands[k].offset < sizeof(struct svart_op));
		}
	}
	assert_null(svart_op_row(SVART_NR_OPCODES));
	assert_null(svart_op_row(UINT32_MAX));
}

static void test_op_table_good_operations_pass(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < SVART_NR_OPCODES; i++) {
		struct svart_op op = op_of(i, longest(i));

		assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_GOOD);
		op.flags = svart_op_row(i)->flags;
		if ((op.flags & SVART_OP_CHECK_RESULT) != 0)
			op.bounds.expected = 1;
		assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_GOOD);
		op.length = 0;
		assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_GOOD);
	}
}

static void test_op_table_says_what_is_wrong(void **state)
{
	struct svart_op op = op_of(SVART_OP_COPY, MAX_BYTES + 1);
	unsigned int opcode;

	(void)state;
	assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_WRONG_LENGTH);
	op.length = 8;
	op.src = memory + 7;
	assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_WRONG_OVERLAP);
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
	op.src = memory + 8;
	assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_GOOD);
	op.dst = (void *)(uintptr_t)UINT64_C(0xfffffffffffffff8);
	op.src = NULL;
	assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_GOOD);
	op.length = 9; /* The last byte is the first one of memory. */
	assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_WRONG_OVERLAP);
	assert_int_equal(check(&op, ~(UINT64_C(1) << SVART_OP_COPY), false), SVART_OP_WRONG_OPCODE);
	for (opcode = SVART_NR_OPCODES; opcode < 256; opcode++) {
		op.opcode = (uint8_t)opcode;
		assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_OPCODE);
	}
	/* What has no operands has no length either. */
	op = op_of(SVART_OP_NOOP, UINT64_MAX);
	assert_int_equal(check(&op, ALL_OPS, false), SVART_OP_GOOD);
}

/** The quick look never takes what the long one does not. */
static void test_op_table_common_operations_are_good(void **state)
{
	svart_op_rule_t rules[SVART_NR_OPCODES], rule = 0;
	struct svart_op op;
	unsigned int i, bit, common = 0;

	(void)state;
	svart_op_rules(ALL_OPS, true, rules);
	for (i = 0; i < SVART_NR_OPCODES + 2; i++) {
		for (bit = 0; bit < 8 * sizeof(op); bit++) {
			op = op_of(i, longest(i));
			((uint8_t *)&op)[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (!svart_op_is_common(rules, &op, MAX_BYTES, &rule))
				continue;
			common++;
			assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
			assert_int_equal(rule, rules[op.opcode]);
			assert_true(op.opcode == SVART_OP_COPY || op.opcode == SVART_OP_FILL);
		}
	}
	assert_in_range(common, 2 * 3 * 64, UINT32_MAX);
	op = op_of(SVART_OP_COPY, 0);
	assert_false(svart_op_is_common(rules, &op, MAX_BYTES, &rule));
	op.length = MAX_BYTES + 1;
	assert_false(svart_op_is_common(rules, &op, MAX_BYTES, &rule));
	op.length = 8;
	assert_true(svart_op_is_common(rules, &op, MAX_BYTES, &rule));
	svart_op_rules(ALL_OPS, false, rules);
	assert_false(svart_op_is_common(rules, &op, MAX_BYTES, &rule));
}

/** Bits of an operation that may be set: all of the fields that it uses. */
static bool may_be_set(const struct svart_op_row *row, unsigned int bit)
{
	static const struct {
		size_t offset;
		uint8_t word;
	} words[] = { { offsetof(struct svart_op, x), SVART_OP_WORD_X },
		{ offsetof(struct svart_op, y), SVART_OP_WORD_Y },
		{ offsetof(struct svart_op, z), SVART_OP_WORD_Z } };
	unsigned int i, byte = bit / 8;

	for (i = 0; i < row->nr_operands; i++)
		if (byte >= row->operands[i].offset && byte < row->operands[i].offset + 8u)
			return true;
	for (i = 0; i < 3; i++)
		if (byte >= words[i].offset && byte < words[i].offset + 8)
			return row->words & words[i].word;
	if (byte >= offsetof(struct svart_op, dst) && byte < offsetof(struct svart_op, length))
		return (row->traits & SVART_OP_IS_PLAIN) != 0;
	if (byte >= offsetof(struct svart_op, flags) && byte < offsetof(struct svart_op, cookie))
		return row->flags >> (bit - 8 * offsetof(struct svart_op, flags)) & 1;
	return byte >= offsetof(struct svart_op, cookie);
}

static void test_op_table_every_bit_that_must_be_0_is_looked_at(void **state)
{
	unsigned int i, bit;

	(void)state;
	for (i = 0; i < SVART_NR_OPCODES; i++) {
		for (bit = 8; bit < 8 * sizeof(struct svart_op); bit++) {
			struct svart_op op = op_of(i, 0);

			if (may_be_set(svart_op_row(i), bit))
				continue;
			((uint8_t *)&op)[bit / 8] |= (uint8_t)(1u << bit % 8);
			assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
		}
	}
}

static void test_op_table_resume_is_what_is_left(void **state)
{
	struct svart_op op = op_of(SVART_OP_COPY, 100), fill = op_of(SVART_OP_FILL, 100);

	(void)state;
	svart_op_resume(&op, 30, false);
	assert_ptr_equal(op.dst, memory + 30);
	assert_ptr_equal(op.src, memory + ROOM + 31);
	assert_int_equal(op.length, 70);
	svart_op_resume(&op, 30, true);
	assert_ptr_equal(op.dst, memory + 30);
	assert_int_equal(op.length, 40);
	fill.pattern = UINT64_C(0x0807060504030201);
	svart_op_resume(&fill, 11, false);
	assert_int_equal(fill.pattern, UINT64_C(0x0302010807060504));
	assert_int_equal(fill.length, 89);
	svart_op_resume(&fill, 16, false);
	assert_int_equal(fill.pattern, UINT64_C(0x0302010807060504));
	assert_false(svart_op_reads(&fill));
	assert_true(svart_op_reads(&op));
}

static void test_op_table_step_pages_are_of_the_largest(void **state)
{
	(void)state;
	assert_int_equal(svart_op_step_pages(0), 1);
	assert_int_equal(svart_op_step_pages(1u << SVART_OP_NOOP | 1u << SVART_OP_FILL), 1);
	assert_int_equal(svart_op_step_pages(1u << SVART_OP_COPY), 2);
}

static void test_op_table_dsa_opcodes_go_there_and_back(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < SVART_NR_OPCODES; i++) {
		assert_ptr_equal(svart_dsa_op_row(svart_dsa_opcode(i)), svart_op_row(i));
		assert_int_equal(svart_dsa_ops_of(UINT64_C(1) << svart_dsa_opcode(i)), 1u << i);
	}
	assert_null(svart_dsa_op_row(SVART_DSA_OP_BATCH));
	assert_null(svart_dsa_op_row(64));
	assert_null(svart_dsa_op_row(255));
}

/** What an operation asks for beside its words: each row is wrong in one way. */
static void test_op_table_rules_of_their_own(void **state)
{
	struct svart_op op = op_of(SVART_OP_CREATE_DELTA, 4096);

	(void)state;
	op.bounds.delta_max = 79;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_LENGTH);
	op.bounds.delta_max = 83; /* accel-config's is no multiple of an entry either. */
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
	op.length = 4092;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_LENGTH);
	op.length = 4096;
	op.src = memory + ROOM + 4;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_ALIGN);
	op.src = memory + 3 * ROOM + 72; /* It has the record's last bytes. */
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_OVERLAP);
	op = op_of(SVART_OP_CREATE_DELTA, 4096);
	op.src2 = op.src; /* What is only read may overlap. */
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
	op.flags = SVART_OP_CHECK_RESULT;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
	op.bounds.expected = 7;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
	op.bounds.expected = 8;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
	op.flags = 0;
	op.bounds.expected = 1;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
	op = op_of(SVART_OP_APPLY_DELTA, 4096);
	op.bounds.delta_max = 83;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_LENGTH);
	op = op_of(SVART_OP_DUALCAST, 100);
	op.dst2 = memory + 2 * ROOM + 1;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_ALIGN);
	op.dst2 = op.dst;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_OVERLAP);
	op = op_of(SVART_OP_CRC, 100);
	op.seed = UINT64_C(1) << 32;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
	op = op_of(SVART_OP_TRANSLATE, 100);
	op.stride = 4095;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
}

static void test_op_table_protected_blocks(void **state)
{
	struct svart_op op = op_of(SVART_OP_DIF_STRIP, 1041);
	const struct svart_op_row *row = svart_op_row(SVART_OP_DIF_STRIP);

	(void)state;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_LENGTH);
	op.length = 1040;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
	assert_int_equal(svart_op_len(&op, &row->operands[0]), 1024);
	assert_int_equal(svart_op_len(&op, &row->operands[1]), 1040);
	assert_int_equal(svart_op_cut(&op, &row->operands[0], 1023), 520);
	assert_int_equal(svart_op_cut(&op, &row->operands[1], 1039), 520);
	assert_int_equal(svart_op_cut(&op, &row->operands[1], 519), 0);
	op.dif.dst_flags = SVART_DIF_DST_REF_FIXED; /* It makes none. */
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
	op.dif.dst_flags = 0;
	op.dif.block = 4;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_BITS);
	op.dif.block = SVART_DIF_BLOCK_512;
	op.src = memory + 1023; /* The last byte of the destination. */
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_WRONG_OVERLAP);
	op.src = memory + 1024;
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
	op.src_tags = (struct svart_tags){ .ref = UINT32_MAX, .app = 7 };
	op.dif.src_flags = SVART_DIF_SRC_APP_INCREMENTS;
	svart_op_resume(&op, 1039, false); /* A part of a block is nothing. */
	assert_int_equal(op.length, 520);
	assert_ptr_equal(op.dst, memory + 512);
	assert_ptr_equal(op.src, memory + 1024 + 520);
	assert_int_equal(op.src_tags.ref, 0);
	assert_int_equal(op.src_tags.app, 8);
	op = op_of(SVART_OP_DIF_UPDATE, 1040);
	op.dif.dst_flags = SVART_DIF_DST_REF_FIXED | SVART_DIF_DST_GUARD_PASSES;
	op.dst_tags = (struct svart_tags){ .ref = 5, .app = UINT16_MAX };
	assert_int_equal(check(&op, ALL_OPS, true), SVART_OP_GOOD);
	svart_op_resume(&op, 520, false);
	assert_int_equal(op.dst_tags.ref, 5);
	assert_int_equal(op.dst_tags.app, UINT16_MAX);
	assert_int_equal(op.src_tags.ref, 1);
}

static void test_op_table_delta_begins_again(void **state)
{
	struct svart_op op = op_of(SVART_OP_CREATE_DELTA, 4096), as_it_was = op;

	(void)state;
	svart_op_resume(&op, 1024, false);
	assert_memory_equal(&op, &as_it_was, sizeof(op));
	assert_int_equal(svart_op_cut(&op, &svart_op_row(op.opcode)->operands[1], 1024), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_op_table_every_row_is_whole),
		cmocka_unit_test(test_op_table_good_operations_pass),
		cmocka_unit_test(test_op_table_says_what_is_wrong),
		cmocka_unit_test(test_op_table_every_bit_that_must_be_0_is_looked_at),
		cmocka_unit_test(test_op_table_resume_is_what_is_left),
		cmocka_unit_test(test_op_table_rules_of_their_own),
		cmocka_unit_test(test_op_table_common_operations_are_good),
		cmocka_unit_test(test_op_table_protected_blocks),
		cmocka_unit_test(test_op_table_delta_begins_again),
		cmocka_unit_test(test_op_table_step_pages_are_of_the_largest),
		cmocka_unit_test(test_op_table_dsa_opcodes_go_there_and_back),
	};

	return cmocka_run_group_tests_name("op_table", tests, NULL, NULL);
}

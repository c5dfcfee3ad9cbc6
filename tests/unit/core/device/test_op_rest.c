/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart_op_rest(): what is left of an operation that stopped.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <svart/svart.h>

/* Addresses, which nobody follows. */
#define AT(n) ((void *)(uintptr_t)(n))

static struct svart_op rest_of(struct svart_op op, struct svart_completion done)
{
	svart_op_rest(&op, &done);
	return op;
}

static void expect_same(struct svart_op op, struct svart_completion done)
{
	struct svart_op rest = rest_of(op, done);

	assert_memory_equal(&rest, &op, sizeof(op));
}

static void test_addresses_move_on(void **state)
{
	const struct svart_op op = { .opcode = SVART_OP_DUALCAST,
		.dst = AT(0x1000),
		.dst2 = AT(0x2000),
		.src = AT(0x3000),
		.length = 100,
		.flags = SVART_OP_FENCE,
		.cookie = 9 };
	struct svart_op rest = rest_of(op, (struct svart_completion){ .bytes_done = 33 });

	(void)state;
	assert_ptr_equal(rest.dst, AT(0x1000 + 33));
	assert_ptr_equal(rest.dst2, AT(0x2000 + 33));
	assert_ptr_equal(rest.src, AT(0x3000 + 33));
	assert_int_equal(rest.length, 67);
	assert_int_equal(rest.flags, SVART_OP_FENCE);
	assert_int_equal(rest.cookie, 9);
}

static void test_copy_that_ran_backwards_loses_its_end(void **state)
{
	const struct svart_op op = {
		.opcode = SVART_OP_COPY, .dst = AT(0x1010), .src = AT(0x1000), .length = 100
	};
	struct svart_op rest = rest_of(op,
		(struct svart_completion){ .bytes_done = 33, .flags = SVART_COMPLETION_BACKWARD });

	(void)state;
	assert_ptr_equal(rest.dst, op.dst);
	assert_ptr_equal(rest.src, op.src);
	assert_int_equal(rest.length, 67);
}

static void test_patterns_go_on_where_they_were(void **state)
{
	const uint64_t pattern = UINT64_C(0x0807060504030201), moved = UINT64_C(0x0302010807060504);
	const struct svart_op fill = {
		.opcode = SVART_OP_FILL, .dst = AT(0x1000), .pattern = pattern, .length = 100
	};
	const struct svart_op compare = {
		.opcode = SVART_OP_COMPARE_VALUE, .src = AT(0x1000), .value = pattern, .length = 100
	};
	const struct svart_completion done = { .bytes_done = 11 };

	(void)state;
	assert_int_equal(rest_of(fill, done).pattern, moved);
	assert_int_equal(rest_of(compare, done).value, moved);
	assert_ptr_equal(rest_of(compare, done).src, AT(0x100b));
}

static void test_checksum_is_the_seed_of_the_rest(void **state)
{
	const struct svart_op op = {
		.opcode = SVART_OP_CRC, .src = AT(0x1000), .length = 100, .seed = 5
	};

	(void)state;
	assert_int_equal(
		rest_of(op, (struct svart_completion){ .bytes_done = 8, .result = 0x89abcdef })
			.seed,
		0x89abcdef);
	/* Nothing was done: the result means nothing. */
	expect_same(op, (struct svart_completion){ .result = 7 });
}

static void test_blocks_and_tags_move_on_whole(void **state)
{
	const struct svart_op op = { .opcode = SVART_OP_DIF_STRIP,
		.dst = AT(0x1000),
		.src = AT(0x8000),
		.length = 10 * 520,
		.src_tags = { .ref = 0xffffffff, .app = 3 },
		.dif = { .src_flags = SVART_DIF_SRC_APP_INCREMENTS } };
	struct svart_op rest =
		rest_of(op, (struct svart_completion){ .bytes_done = 2 * 520 + 519 });

	(void)state;
	assert_ptr_equal(rest.src, AT(0x8000 + 2 * 520));
	assert_ptr_equal(rest.dst, AT(0x1000 + 2 * 512));
	assert_int_equal(rest.length, 8 * 520);
	assert_int_equal(rest.src_tags.ref, 1); /* It wraps. */
	assert_int_equal(rest.src_tags.app, 5);
}

static void test_delta_operations_begin_again(void **state)
{
	struct svart_op op = { .opcode = SVART_OP_CREATE_DELTA,
		.src = AT(0x1000),
		.src2 = AT(0x2000),
		.delta = AT(0x3000),
		.length = 800,
		.bounds = { .delta_max = 80 } };

	(void)state;
	expect_same(op, (struct svart_completion){ .bytes_done = 400, .delta_bytes = 20 });
	op.opcode = SVART_OP_APPLY_DELTA;
	op.x = 0;
	expect_same(op, (struct svart_completion){ .bytes_done = 40 });
}

static void test_nonsense_changes_nothing(void **state)
{
	struct svart_op op = {
		.opcode = SVART_OP_COPY, .dst = AT(0x1000), .src = AT(0x2000), .length = 100
	};

	(void)state;
	expect_same(op, (struct svart_completion){ .bytes_done = 101 });
	expect_same(op, (struct svart_completion){ .bytes_done = UINT64_MAX });
	op.opcode = 255;
	expect_same(op, (struct svart_completion){ .bytes_done = 50 });
	op.opcode = SVART_OP_NOOP;
	expect_same(op, (struct svart_completion){ .bytes_done = 50 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_move_on),
		cmocka_unit_test(test_copy_that_ran_backwards_loses_its_end),
		cmocka_unit_test(test_patterns_go_on_where_they_were),
		cmocka_unit_test(test_checksum_is_the_seed_of_the_rest),
		cmocka_unit_test(test_blocks_and_tags_move_on_whole),
		cmocka_unit_test(test_delta_operations_begin_again),
		cmocka_unit_test(test_nonsense_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

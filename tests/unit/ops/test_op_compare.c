/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "op_compare.h"
#include "ops.h"
#include "random.h"

#define BUF_BYTES 512
#define ROUNDS    20000
#define PATTERN   UINT64_C(0x0807060504030201)

static void test_compare_finds_the_first_byte_that_differs(void **state)
{
	unsigned char a[200] = { 0 }, b[200] = { 0 };

	(void)state;
	assert_int_equal(svart_op_compare(a, b, sizeof(a)), sizeof(a));
	assert_int_equal(svart_op_compare(a, b, 0), 0);
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x10;
		b[sizeof(b) - 1] ^= 1;
		assert_int_equal(svart_op_compare(a, b, sizeof(a)), i);
		assert_int_equal(svart_op_compare(b, a, sizeof(a)), i);
		b[i] ^= 0x10;
		b[sizeof(b) - 1] ^= 1;
	}
}

static void test_compare_of_any_alignment_and_length_equals_bytewise(void **state)
{
	uint64_t random = seed_from_env();
	unsigned char a[BUF_BYTES], b[BUF_BYTES];

	(void)state;
	random_bytes(&random, a, sizeof(a));
	for (int round = 0; round < ROUNDS; round++) {
		size_t len = random_upto(&random, BUF_BYTES / 2), want = 0;
		size_t from = random_upto(&random, BUF_BYTES - len);
		size_t to = random_upto(&random, BUF_BYTES - len);

		memcpy(b + to, a + from, len);
		for (size_t flips = random_upto(&random, 2); len > 0 && flips > 0; flips--)
			b[to + random_upto(&random, len - 1)] ^= (unsigned char)(1u << flips);
		while (want < len && a[from + want] == b[to + want])
			want++;
		assert_int_equal(svart_op_compare(a + from, b + to, len), want);
	}
}

static void test_compare_pattern_finds_the_first_byte_that_differs(void **state)
{
	unsigned char buf[100];

	(void)state;
	svart_op_fill(buf, sizeof(buf), PATTERN, 3);
	assert_int_equal(buf[0], 4);
	assert_int_equal(svart_op_compare_pattern(buf, sizeof(buf), PATTERN, 3), sizeof(buf));
	assert_int_equal(svart_op_compare_pattern(buf, sizeof(buf), PATTERN, 11), sizeof(buf));
	assert_int_equal(svart_op_compare_pattern(buf, sizeof(buf), PATTERN, 4), 0);
	assert_int_equal(svart_op_compare_pattern(buf, 0, PATTERN, 4), 0);
	for (size_t i = 0; i < sizeof(buf); i++) {
		buf[i] ^= 0x80;
		assert_int_equal(svart_op_compare_pattern(buf, sizeof(buf), PATTERN, 3), i);
		buf[i] ^= 0x80;
	}
}

static void test_compare_pattern_of_any_phase_equals_bytewise(void **state)
{
	uint64_t random = seed_from_env();
	unsigned char buf[BUF_BYTES];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t pattern = next_random(&random), phase = next_random(&random);
		size_t len = random_upto(&random, BUF_BYTES / 2), want = 0;
		unsigned char *src = buf + random_upto(&random, BUF_BYTES - len);

		svart_op_fill(src, len, pattern, phase);
		if (len > 0 && random_upto(&random, 1) == 1)
			src[random_upto(&random, len - 1)] ^= 4;
		while (want < len &&
			src[want] == (unsigned char)(pattern >> (phase + want) % 8 * 8))
			want++;
		assert_int_equal(svart_op_compare_pattern(src, len, pattern, phase), want);
	}
}

static void test_compare_in_parts_equals_compare_at_once(void **state)
{
	uint64_t random = seed_from_env(), pattern = next_random(&random);
	unsigned char a[BUF_BYTES], b[BUF_BYTES];

	(void)state;
	for (int round = 0; round < ROUNDS / 10; round++) {
		size_t at = 0, same = 0, part, got;

		svart_op_fill(a, sizeof(a), pattern, 0);
		memcpy(b, a, sizeof(b));
		a[random_upto(&random, BUF_BYTES - 1)] ^= 1;
		do {
			part = random_upto(&random, BUF_BYTES - at);
			got = svart_op_compare(a + at, b + at, part);
			assert_int_equal(svart_op_compare_pattern(a + at, part, pattern, at), got);
			same += got;
			at += part;
		} while (got == part);
		assert_int_equal(same, svart_op_compare(a, b, BUF_BYTES));
		assert_int_equal(same, svart_op_compare_pattern(a, BUF_BYTES, pattern, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare_finds_the_first_byte_that_differs),
		cmocka_unit_test(test_compare_of_any_alignment_and_length_equals_bytewise),
		cmocka_unit_test(test_compare_pattern_finds_the_first_byte_that_differs),
		cmocka_unit_test(test_compare_pattern_of_any_phase_equals_bytewise),
		cmocka_unit_test(test_compare_in_parts_equals_compare_at_once),
	};

	return cmocka_run_group_tests_name("op_compare", tests, NULL, NULL);
}

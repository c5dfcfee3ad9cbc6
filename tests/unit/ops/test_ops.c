/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops.h"
#include "random.h"

#define BUF_BYTES 512
#define ROUNDS    20000

/* Byte by byte, from the definition in ops.h. */
static void reference_fill16(
	unsigned char *dst, size_t len, uint64_t lo, uint64_t hi, uint64_t phase)
{
	for (size_t i = 0; i < len; i++) {
		uint64_t at = (phase + i) % 16;

		dst[i] = (unsigned char)((at < 8 ? lo : hi) >> (at % 8 * 8));
	}
}

static void test_copy_is_backward_if_dst_is_inside_src(void **state)
{
	(void)state;
	assert_true(svart_op_copy_is_backward(101, 100, 10));
	assert_true(svart_op_copy_is_backward(109, 100, 10));
}

static void test_copy_is_forward_if_dst_is_not_inside_src(void **state)
{
	(void)state;
	assert_false(svart_op_copy_is_backward(100, 100, 10));
	assert_false(svart_op_copy_is_backward(110, 100, 10));
	assert_false(svart_op_copy_is_backward(99, 100, 10));
	assert_false(svart_op_copy_is_backward(0, UINT64_MAX - 9, 10));
	assert_false(svart_op_copy_is_backward(100, 100, 0));
}

static void test_copy_of_overlapping_ranges_equals_bytewise(void **state)
{
	uint64_t random = seed_from_env();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned char buf[BUF_BYTES], want[BUF_BYTES], before[BUF_BYTES];
		size_t len = next_random(&random) % (BUF_BYTES / 2);
		size_t src = next_random(&random) % (BUF_BYTES - len);
		size_t dst = next_random(&random) % (BUF_BYTES - len);

		random_bytes(&random, buf, sizeof(buf));
		memcpy(before, buf, sizeof(buf));
		memcpy(want, buf, sizeof(buf));
		for (size_t i = 0; i < len; i++)
			want[dst + i] = before[src + i];
		svart_op_copy(buf + dst, buf + src, len);
		assert_memory_equal(buf, want, sizeof(buf));
	}
}

static void test_fill_of_any_phase_and_alignment_equals_bytewise(void **state)
{
	uint64_t random = seed_from_env();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned char buf[BUF_BYTES], want[BUF_BYTES];
		size_t len = next_random(&random) % (BUF_BYTES / 2);
		size_t dst = next_random(&random) % (BUF_BYTES - len);
		uint64_t lo = next_random(&random), hi = next_random(&random);
		uint64_t phase = next_random(&random);

		random_bytes(&random, buf, sizeof(buf));
		memcpy(want, buf, sizeof(buf));
		reference_fill16(want + dst, len, lo, hi, phase);
		svart_op_fill16(buf + dst, len, lo, hi, phase);
		assert_memory_equal(buf, want, sizeof(buf));

		reference_fill16(want + dst, len, lo, lo, phase);
		svart_op_fill(buf + dst, len, lo, phase);
		assert_memory_equal(buf, want, sizeof(buf));
	}
}

static void test_fill_in_parts_equals_fill_at_once(void **state)
{
	unsigned char once[100], parts[100];

	(void)state;
	svart_op_fill(once, sizeof(once), UINT64_C(0x0807060504030201), 0);
	for (size_t done = 0, part = 1; done < sizeof(parts); done += part, part += 2) {
		if (part > sizeof(parts) - done)
			part = sizeof(parts) - done;
		svart_op_fill(parts + done, part, UINT64_C(0x0807060504030201), done);
	}
	assert_memory_equal(once, parts, sizeof(once));
	assert_int_equal(once[0], 1);
	assert_int_equal(once[9], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_is_backward_if_dst_is_inside_src),
		cmocka_unit_test(test_copy_is_forward_if_dst_is_not_inside_src),
		cmocka_unit_test(test_copy_of_overlapping_ranges_equals_bytewise),
		cmocka_unit_test(test_fill_of_any_phase_and_alignment_equals_bytewise),
		cmocka_unit_test(test_fill_in_parts_equals_fill_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "bits.h"

static void test_mask_covers_the_bits_named(void **state)
{
	(void)state;
	assert_true(SVART_MASK(0, 0) == 1);
	assert_true(SVART_MASK(63, 0) == UINT64_MAX);
	assert_true(SVART_MASK(63, 63) == UINT64_C(1) << 63);
	assert_true(SVART_MASK(23, 16) == 0xff0000);
}

static void test_field_goes_in_and_out(void **state)
{
	uint64_t word = SVART_FIELD_PREP(SVART_MASK(23, 16), 0xab);

	(void)state;
	assert_true(word == 0xab0000);
	assert_int_equal(SVART_FIELD_GET(SVART_MASK(23, 16), word | 0xff0000ff), 0xab);
	assert_int_equal(SVART_FIELD_GET(SVART_MASK(23, 16), word), 0xab);
	assert_int_equal(SVART_FIELD_GET(SVART_MASK(63, 62), UINT64_C(2) << 62), 2);
	assert_true(SVART_FIELD_PREP(SVART_MASK(3, 0), 0xff) == 0xf); /* Never spills. */
}

static void test_pages_round_down_and_up(void **state)
{
	(void)state;
	assert_int_equal(svart_page_down(0x1fff), 0x1000);
	assert_int_equal(svart_page_down(0x1000), 0x1000);
	assert_int_equal(svart_page_up(0x1001), 0x2000);
	assert_int_equal(svart_page_up(0x1000), 0x1000);
}

static void test_powers_of_two_are_told(void **state)
{
	(void)state;
	assert_false(svart_is_pow2(0));
	assert_true(svart_is_pow2(1));
	assert_true(svart_is_pow2(UINT64_C(1) << 63));
	assert_false(svart_is_pow2(6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask_covers_the_bits_named),
		cmocka_unit_test(test_field_goes_in_and_out),
		cmocka_unit_test(test_pages_round_down_and_up),
		cmocka_unit_test(test_powers_of_two_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

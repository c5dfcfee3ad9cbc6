/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "number.h"

static void test_number_parse_of_a_number_in_range_takes_it(void **state)
{
	uint64_t number;

	(void)state;
	assert_true(app_number_parse("1", 1, 10, &number));
	assert_int_equal(number, 1);
	assert_true(app_number_parse("0010", 1, 10, &number));
	assert_int_equal(number, 10);
	assert_true(app_number_parse("18446744073709551615", 0, UINT64_MAX, &number));
	assert_true(number == UINT64_MAX);
}

static void test_number_parse_of_a_number_out_of_range_refuses_it(void **state)
{
	uint64_t number = 7;

	(void)state;
	assert_false(app_number_parse("0", 1, 10, &number));
	assert_false(app_number_parse("11", 1, 10, &number));
	assert_false(app_number_parse("18446744073709551616", 0, UINT64_MAX, &number));
	assert_int_equal(number, 7);
}

static void test_number_parse_of_anything_else_refuses_it(void **state)
{
	static const char *const texts[] = { "", " 1", "+1", "-1", "1 ", "1x", "x", "0x1", "1.0" };
	uint64_t number;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(app_number_parse(texts[i], 0, UINT64_MAX, &number));
}

static void test_number_read_returns_what_follows(void **state)
{
	uint64_t number;

	(void)state;
	assert_string_equal(app_number_read("64-1500", 1, 100, &number), "-1500");
	assert_int_equal(number, 64);
	assert_null(app_number_read("-1500", 1, 10000, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_parse_of_a_number_in_range_takes_it),
		cmocka_unit_test(test_number_parse_of_a_number_out_of_range_refuses_it),
		cmocka_unit_test(test_number_parse_of_anything_else_refuses_it),
		cmocka_unit_test(test_number_read_returns_what_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

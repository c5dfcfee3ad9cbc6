/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "histogram.h"

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_histogram_empty_has_quantiles_of_zero(void **state)
{
	static struct svart_histogram h;

	(void)state;
	assert_int_equal(svart_histogram_quantile(&h, 500), 0);
	assert_int_equal(svart_histogram_quantile(&h, 1000), 0);
}

static void test_histogram_small_numbers_are_exact(void **state)
{
	static struct svart_histogram h;
	uint64_t i;

	(void)state;
	for (i = 0; i < 32; i++)
		svart_histogram_add(&h, i);
	assert_int_equal(svart_histogram_quantile(&h, 500), 15);
	assert_int_equal(svart_histogram_quantile(&h, 1000), 31);
	assert_int_equal(svart_histogram_quantile(&h, 1), 0);
}

static void test_histogram_any_number_is_within_a_sixteenth(void **state)
{
	struct svart_histogram *h;
	uint64_t seed = fake_seed(), value, got, off;
	int i;

	(void)state;
	h = calloc(1, sizeof(*h));
	assert_non_null(h);
	for (i = 0; i < 2000; i++) {
		value = fake_random(&seed) >> (fake_random(&seed) % 64);
		if (i == 0)
			value = UINT64_MAX;
		memset(h, 0, sizeof(*h));
		svart_histogram_add(h, value);
		svart_histogram_add(h, UINT64_MAX); /* So that the largest does not correct it. */
		got = svart_histogram_quantile(h, 500);
		off = got > value ? got - value : value - got;
		assert_true(off <= value / 16);
	}
	free(h);
}

static void test_histogram_quantiles_are_within_a_sixteenth_of_the_sorted_ones(void **state)
{
	enum { NR = 10007 };
	static uint64_t values[NR];
	static struct svart_histogram h;
	static const unsigned int permilles[] = { 1, 10, 500, 900, 990, 999, 1000 };
	uint64_t seed = fake_seed(), truth, got, off;
	size_t i;

	(void)state;
	for (i = 0; i < NR; i++) {
		values[i] = fake_random(&seed) >> (20 + fake_random(&seed) % 30);
		svart_histogram_add(&h, values[i]);
	}
	qsort(values, NR, sizeof(values[0]), by_value);
	for (i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
		truth = values[((uint64_t)NR * permilles[i] + 999) / 1000 - 1];
		got = svart_histogram_quantile(&h, permilles[i]);
		off = got > truth ? got - truth : truth - got;
		assert_true(off <= truth / 16);
	}
	assert_int_equal(h.max, values[NR - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram_empty_has_quantiles_of_zero),
		cmocka_unit_test(test_histogram_small_numbers_are_exact),
		cmocka_unit_test(test_histogram_any_number_is_within_a_sixteenth),
		cmocka_unit_test(
			test_histogram_quantiles_are_within_a_sixteenth_of_the_sorted_ones),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seed.h"

#define DRAWS 1000

static void test_seed_of_the_same_value_draws_the_same(void **state)
{
	struct svart_seed a, b;
	unsigned int i;

	(void)state;
	svart_seed_init(&a, 7);
	svart_seed_init(&b, 7);
	for (i = 0; i < DRAWS; i++)
		assert_int_equal(svart_seed_draw(&a, UINT64_MAX), svart_seed_draw(&b, UINT64_MAX));
	svart_seed_fini(&a);
	svart_seed_fini(&b);
}

static void test_seed_draws_below_its_limit_and_all_of_it(void **state)
{
	unsigned int seen[5] = { 0 }, i;
	struct svart_seed seed;
	uint64_t drawn;

	(void)state;
	svart_seed_init(&seed, 0);
	for (i = 0; i < DRAWS; i++) {
		drawn = svart_seed_draw(&seed, 5);
		assert_true(drawn < 5);
		seen[drawn]++;
	}
	for (i = 0; i < 5; i++)
		assert_true(seen[i] > DRAWS / 10);
	svart_seed_fini(&seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_of_the_same_value_draws_the_same),
		cmocka_unit_test(test_seed_draws_below_its_limit_and_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

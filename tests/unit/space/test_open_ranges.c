/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdlib.h>

#include "fixture.h"
#include "open_ranges.h"

static bool overlaps(const struct svart_open_range *r, uint64_t first, uint64_t last)
{
	return r->first <= last && r->last >= first;
}

static void test_open_ranges_of_an_empty_set_find_nothing(void **state)
{
	struct svart_open_range alone = { .first = 0, .last = 4095 };
	struct svart_open_ranges set;
	uint64_t first, last;

	(void)state;
	svart_open_ranges_init(&set);
	assert_false(svart_open_ranges_find(&set, 0, UINT64_MAX, &first, &last));
	assert_false(svart_open_ranges_remove(&set, &alone));
	svart_open_ranges_fini(&set);
}

static void test_open_ranges_of_the_same_addresses_are_each_there(void **state)
{
	struct svart_open_range same[3] = { { .first = 4096, .last = 8191 },
		{ .first = 4096, .last = 8191 }, { .first = 4096, .last = 8191 } };
	struct svart_open_ranges set;
	uint64_t first, last;
	int i;

	(void)state;
	svart_open_ranges_init(&set);
	for (i = 0; i < 3; i++)
		svart_open_ranges_add(&set, &same[i]);
	for (i = 0; i < 3; i++) {
		assert_true(svart_open_ranges_find(&set, 8000, 9000, &first, &last));
		assert_int_equal(first, 4096);
		assert_int_equal(last, 8191);
		assert_true(svart_open_ranges_remove(&set, &same[i]));
		assert_false(svart_open_ranges_remove(&set, &same[i]));
	}
	assert_false(svart_open_ranges_find(&set, 0, UINT64_MAX, &first, &last));
	svart_open_ranges_fini(&set);
}

#define NR 3000

static void check_find(const struct svart_open_range *all, const bool *in,
	struct svart_open_ranges *set, uint64_t first, uint64_t last)
{
	uint64_t found_first = 0, found_last = 0;
	bool found = svart_open_ranges_find(set, first, last, &found_first, &found_last);
	bool must = false, is_one = false;
	unsigned int i;

	for (i = 0; i < NR; i++) {
		if (!in[i])
			continue;
		must |= overlaps(&all[i], first, last);
		is_one |= all[i].first == found_first && all[i].last == found_last;
	}
	assert_int_equal(found, must);
	if (found)
		assert_true(is_one && found_first <= last && found_last >= first);
}

/** Against a plain look through all of them. */
static void test_open_ranges_find_what_overlaps_and_nothing_else(void **state)
{
	struct svart_open_range *all = calloc(NR, sizeof(*all));
	static bool in[NR];
	uint64_t seed = test_seed(), first;
	struct svart_open_ranges set;
	unsigned int round, i;

	(void)state;
	svart_open_ranges_init(&set);
	for (round = 0; round < 30000; round++) {
		i = (unsigned int)test_random(&seed, NR);
		if (in[i]) {
			assert_true(svart_open_ranges_remove(&set, &all[i]));
		} else {
			all[i].first = test_random(&seed, 1u << 20);
			all[i].last =
				all[i].first + test_random(&seed, 1u << test_random(&seed, 16));
			svart_open_ranges_add(&set, &all[i]);
		}
		in[i] = !in[i];
		if (round % 16 == 0) {
			first = test_random(&seed, 1u << 20);
			check_find(all, in, &set, first, first + test_random(&seed, 500));
		}
	}
	svart_open_ranges_fini(&set);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_ranges_of_an_empty_set_find_nothing),
		cmocka_unit_test(test_open_ranges_of_the_same_addresses_are_each_there),
		cmocka_unit_test(test_open_ranges_find_what_overlaps_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <string.h>

#include "fixture.h"
#include "forgotten.h"

static struct svart_forgotten table;

static int setup(void **state)
{
	(void)state;
	svart_forgotten_init(&table);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	svart_forgotten_fini(&table);
	return 0;
}

/** Pages [first, end). */
static void add(uint64_t first, uint64_t end)
{
	svart_forgotten_add(&table, first * PAGE, end * PAGE - 1);
}

static void name(uint64_t first, uint64_t end)
{
	svart_forgotten_name(&table, first * PAGE, end * PAGE - 1);
}

static bool has(uint64_t page)
{
	struct svart_forgotten_range range;

	return svart_forgotten_find(&table, page * PAGE, page * PAGE + PAGE - 1, &range);
}

static unsigned int nr(void)
{
	return atomic_load(&table.nr);
}

static void test_forgotten_ranges_that_touch_or_overlap_are_one(void **state)
{
	(void)state;
	add(10, 20);
	add(30, 40);
	assert_int_equal(nr(), 2);
	add(20, 25);
	assert_int_equal(nr(), 2);
	add(24, 30);
	assert_int_equal(nr(), 1);
	add(0, 100);
	assert_int_equal(nr(), 1);
	assert_true(has(0) && has(99));
	assert_false(has(100));
}

static void test_forgotten_page_that_is_named_leaves_the_rest_where_it_is(void **state)
{
	(void)state;
	add(10, 20);
	name(15, 16);
	assert_int_equal(nr(), 2);
	assert_true(has(14) && has(16));
	assert_false(has(15));
	name(10, 11);
	name(19, 20);
	assert_false(has(10) || has(19));
	assert_true(has(11) && has(18));
	name(0, 100);
	assert_int_equal(nr(), 0);
}

static void test_forgotten_find_names_the_lowest_range(void **state)
{
	struct svart_forgotten_range range;

	(void)state;
	add(10, 20);
	add(30, 40);
	assert_true(svart_forgotten_find(&table, 15 * PAGE, 35 * PAGE, &range));
	assert_int_equal(range.first, 10 * PAGE);
	assert_int_equal(range.last, 20 * PAGE - 1);
	assert_false(svart_forgotten_find(&table, 20 * PAGE, 30 * PAGE - 1, &range));
}

static void test_forgotten_table_that_is_full_merges_the_nearest_and_drops_none(void **state)
{
	uint64_t i, at = 0;

	(void)state;
	/* Each is farther from the one before than those before it, but for two. */
	for (i = 0; i < SVART_NR_FORGOTTEN; i++, at += 10 + i)
		add(at, at + 1);
	add(at - 10 - (SVART_NR_FORGOTTEN - 1) + 3, at - 10 - (SVART_NR_FORGOTTEN - 1) + 4);
	assert_int_equal(nr(), SVART_NR_FORGOTTEN);
	for (i = 0, at = 0; i < SVART_NR_FORGOTTEN; i++, at += 10 + i)
		assert_true(has(at));
	assert_false(has(1));
	at -= 10 + (SVART_NR_FORGOTTEN - 1);
	assert_true(has(at + 1) && has(at + 2) && has(at + 3));
}

static void test_forgotten_ends_of_all_addresses_are_ranges_too(void **state)
{
	struct svart_forgotten_range range;

	(void)state;
	svart_forgotten_add(&table, 0, UINT64_MAX);
	svart_forgotten_name(&table, 0, PAGE - 1);
	svart_forgotten_name(&table, UINT64_MAX - PAGE + 1, UINT64_MAX);
	assert_true(svart_forgotten_find(&table, 0, UINT64_MAX, &range));
	assert_int_equal(range.first, PAGE);
	assert_int_equal(range.last, UINT64_MAX - PAGE);
}

#define PAGES 600

/** Against a plain list of flags. What was added and not named since must be there, always. */
static void test_forgotten_table_never_loses_a_page_that_was_not_named(void **state)
{
	static bool must[PAGES];
	uint64_t seed = test_seed(), first, end, i;
	unsigned int round;

	(void)state;
	memset(must, 0, sizeof(must));
	for (round = 0; round < 20000; round++) {
		first = test_random(&seed, PAGES);
		end = first + 1 + test_random(&seed, test_random(&seed, 10) == 0 ? 50 : 1);
		end = end < PAGES ? end : PAGES;
		if (test_random(&seed, 3) != 0) {
			add(first, end);
			for (i = first; i < end; i++)
				must[i] = true;
		} else {
			name(first, end);
			for (i = first; i < end; i++)
				must[i] = false;
		}
		for (i = 0; i < PAGES; i++)
			if (must[i] && !has(i))
				fail_msg("round %u: page %u was lost", round, (unsigned int)i);
		assert_true(nr() <= SVART_NR_FORGOTTEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_forgotten_ranges_that_touch_or_overlap_are_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_forgotten_page_that_is_named_leaves_the_rest_where_it_is, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_forgotten_find_names_the_lowest_range, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_forgotten_table_that_is_full_merges_the_nearest_and_drops_none, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_forgotten_ends_of_all_addresses_are_ranges_too, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_forgotten_table_never_loses_a_page_that_was_not_named, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

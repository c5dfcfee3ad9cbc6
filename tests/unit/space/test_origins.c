/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <string.h>

#include "fixture.h"
#include "origins.h"

static unsigned int nr_runs(const struct svart_origins *o)
{
	unsigned int i, nr = 0;

	for (i = 0; i < SVART_NR_ORIGINS; i++)
		nr += o->end[i] != 0;
	return nr;
}

/** Whether exactly the pages [first, end) of a chunk are known to be of another tag. */
static bool others_are(
	const struct svart_origins *o, uint64_t tag, unsigned int first, unsigned int end)
{
	struct svart_page_bits others = svart_origins_others(o, 0, SVART_CHUNK_PAGES, tag);
	struct svart_page_bits expected = svart_page_bits_range(first, end);

	return memcmp(&others, &expected, sizeof(others)) == 0;
}

static void test_origins_of_nothing_are_not_known(void **state)
{
	const struct svart_origins o = { .tag = { 0 } };

	(void)state;
	assert_true(others_are(&o, 0, 0, 0));
	assert_true(others_are(&o, 7, 0, 0));
}

static void test_origins_tell_the_pages_of_other_tags(void **state)
{
	struct svart_origins o = { .tag = { 0 } };
	struct svart_page_bits others;

	(void)state;
	svart_origins_note(&o, 10, 20, 7);
	svart_origins_note(&o, 30, SVART_CHUNK_PAGES, 0);
	assert_true(others_are(&o, 0, 10, 20));
	assert_true(others_are(&o, 7, 30, SVART_CHUNK_PAGES));
	others = svart_origins_others(&o, 15, 31, 8);
	assert_int_equal(svart_page_bits_count(&others), 5 + 1);
	assert_int_equal(svart_origins_tag(&o, 10), 7);
	assert_int_equal(svart_origins_tag(&o, SVART_CHUNK_PAGES - 1), 0);
}

static void test_origins_runs_of_one_tag_that_touch_are_one(void **state)
{
	struct svart_origins o = { .tag = { 0 } };

	(void)state;
	svart_origins_note(&o, 10, 20, 7);
	svart_origins_note(&o, 30, 40, 7);
	assert_int_equal(nr_runs(&o), 2);
	svart_origins_note(&o, 20, 30, 7);
	assert_int_equal(nr_runs(&o), 1);
	assert_true(others_are(&o, 8, 10, 40));
	svart_origins_note(&o, 12, 13, 7);
	assert_int_equal(nr_runs(&o), 1);
	assert_true(others_are(&o, 8, 10, 40));
}

static void test_origins_new_run_cuts_the_old_ones(void **state)
{
	struct svart_origins o = { .tag = { 0 } };

	(void)state;
	svart_origins_note(&o, 0, 100, 7);
	svart_origins_note(&o, 40, 60, 8);
	assert_int_equal(nr_runs(&o), 3);
	assert_true(others_are(&o, 7, 40, 60));
	svart_origins_note(&o, 50, 70, 9);
	assert_int_equal(svart_origins_tag(&o, 39), 7);
	assert_int_equal(svart_origins_tag(&o, 49), 8);
	assert_int_equal(svart_origins_tag(&o, 69), 9);
	assert_int_equal(svart_origins_tag(&o, 70), 7);
	svart_origins_note(&o, 0, SVART_CHUNK_PAGES, 5);
	assert_int_equal(nr_runs(&o), 1);
	assert_true(others_are(&o, 5, 0, 0));
}

static void test_origins_that_are_too_many_lose_the_first_ones(void **state)
{
	struct svart_origins o = { .tag = { 0 } };
	unsigned int i;

	(void)state;
	for (i = 0; i < SVART_NR_ORIGINS + 1; i++)
		svart_origins_note(&o, 10 * i, 10 * i + 5, i + 1);
	assert_int_equal(nr_runs(&o), SVART_NR_ORIGINS);
	assert_int_equal(svart_origins_tag(&o, 10), 2);
	assert_true(others_are(&o, 0, 0, 0) == false);
	/* One in the middle of another one takes the room of two. */
	svart_origins_note(&o, 12, 13, 99);
	assert_int_equal(nr_runs(&o), SVART_NR_ORIGINS);
	assert_int_equal(svart_origins_tag(&o, 12), 99);
}

/** What each page was noted as last; 0: never. A run that is forgotten may say nothing, never a lie. */
static void test_origins_never_tell_anything_but_what_was_noted_last(void **state)
{
	uint64_t random = test_seed(), tag, last[SVART_CHUNK_PAGES] = { 0 };
	struct svart_origins o = { .tag = { 0 } };
	struct svart_page_bits others;
	unsigned int i, page, first, end;

	(void)state;
	for (i = 0; i < 20000; i++) {
		first = (unsigned int)test_random(&random, SVART_CHUNK_PAGES);
		end = first + 1 + (unsigned int)test_random(&random, SVART_CHUNK_PAGES - first);
		tag = 1 + test_random(&random, 9);
		svart_origins_note(&o, first, end, tag);
		for (page = first; page < end; page++)
			last[page] = tag;
		others = svart_origins_others(&o, 0, SVART_CHUNK_PAGES, 0);
		for (page = 0; page < SVART_CHUNK_PAGES; page++) {
			if (svart_page_bits_test(&others, page))
				assert_int_equal(svart_origins_tag(&o, page), last[page]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_origins_of_nothing_are_not_known),
		cmocka_unit_test(test_origins_tell_the_pages_of_other_tags),
		cmocka_unit_test(test_origins_runs_of_one_tag_that_touch_are_one),
		cmocka_unit_test(test_origins_new_run_cuts_the_old_ones),
		cmocka_unit_test(test_origins_that_are_too_many_lose_the_first_ones),
		cmocka_unit_test(test_origins_never_tell_anything_but_what_was_noted_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

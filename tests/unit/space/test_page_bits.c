/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fixture.h"
#include "page_bits.h"

static void test_page_bits_range_across_words_has_exactly_its_pages(void **state)
{
	struct svart_page_bits b = svart_page_bits_range(60, 140);
	unsigned int i;

	(void)state;
	for (i = 0; i < SVART_CHUNK_PAGES; i++)
		assert_int_equal(svart_page_bits_test(&b, i), i >= 60 && i < 140);
	assert_int_equal(svart_page_bits_count(&b), 80);
}

static void test_page_bits_range_of_all_is_full(void **state)
{
	struct svart_page_bits b = svart_page_bits_range(0, SVART_CHUNK_PAGES);

	(void)state;
	assert_int_equal(svart_page_bits_count(&b), SVART_CHUNK_PAGES);
	assert_int_equal(svart_page_bits_next_clear(&b, 0, SVART_CHUNK_PAGES), SVART_CHUNK_PAGES);
}

static void test_page_bits_range_of_none_is_empty(void **state)
{
	struct svart_page_bits b = svart_page_bits_range(64, 64);

	(void)state;
	assert_true(svart_page_bits_empty(&b));
	assert_int_equal(svart_page_bits_next(&b, 0, SVART_CHUNK_PAGES), SVART_CHUNK_PAGES);
	assert_int_equal(svart_page_bits_last_end(&b, 3, SVART_CHUNK_PAGES), 3);
}

static void test_page_bits_clear_leaves_the_rest(void **state)
{
	struct svart_page_bits b = svart_page_bits_range(0, SVART_CHUNK_PAGES);

	(void)state;
	svart_page_bits_clear(&b, 63, 65);
	assert_int_equal(svart_page_bits_count(&b), SVART_CHUNK_PAGES - 2);
	assert_int_equal(svart_page_bits_next_clear(&b, 0, SVART_CHUNK_PAGES), 63);
	assert_int_equal(svart_page_bits_next_clear(&b, 64, SVART_CHUNK_PAGES), 64);
}

static void test_page_bits_next_stops_at_the_end(void **state)
{
	struct svart_page_bits b = svart_page_bits_range(200, 201);

	(void)state;
	assert_int_equal(svart_page_bits_next(&b, 0, SVART_CHUNK_PAGES), 200);
	assert_int_equal(svart_page_bits_next(&b, 0, 200), 200);
	assert_int_equal(svart_page_bits_next(&b, 0, 199), 199);
	assert_int_equal(svart_page_bits_next(&b, 201, SVART_CHUNK_PAGES), SVART_CHUNK_PAGES);
}

static void test_page_bits_last_end_finds_the_page_before(void **state)
{
	struct svart_page_bits b = svart_page_bits_range(127, 129);

	(void)state;
	assert_int_equal(svart_page_bits_last_end(&b, 0, SVART_CHUNK_PAGES), 129);
	assert_int_equal(svart_page_bits_last_end(&b, 0, 128), 128);
	assert_int_equal(svart_page_bits_last_end(&b, 0, 127), 0);
	assert_int_equal(svart_page_bits_last_end(&b, 5, 127), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_bits_range_across_words_has_exactly_its_pages),
		cmocka_unit_test(test_page_bits_range_of_all_is_full),
		cmocka_unit_test(test_page_bits_range_of_none_is_empty),
		cmocka_unit_test(test_page_bits_clear_leaves_the_rest),
		cmocka_unit_test(test_page_bits_next_stops_at_the_end),
		cmocka_unit_test(test_page_bits_last_end_finds_the_page_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "area.h"

#define PLACES 512
#define ROUNDS 20000

static void test_area_find_touching_ranges_do_not_overlap(void **state)
{
	struct svart_iova_area a = { .first = 100, .last = 199 }, b = { .first = 200, .last = 299 };
	struct svart_iova_area_tree tree = { 0 };

	(void)state;
	svart_iova_area_insert(&tree, &b);
	svart_iova_area_insert(&tree, &a);
	assert_null(svart_iova_area_find(&tree, 0, 99));
	assert_null(svart_iova_area_find(&tree, 300, UINT64_MAX));
	assert_ptr_equal(svart_iova_area_find(&tree, 199, 200), &a);
	assert_ptr_equal(svart_iova_area_find(&tree, 200, 200), &b);
	assert_ptr_equal(svart_iova_area_next(&tree, &a), &b);
	assert_null(svart_iova_area_next(&tree, &b));
}

static void test_area_next_after_the_last_address_is_none(void **state)
{
	struct svart_iova_area a = { .first = 0, .last = UINT64_MAX };
	struct svart_iova_area_tree tree = { 0 };

	(void)state;
	svart_iova_area_insert(&tree, &a);
	assert_null(svart_iova_area_next(&tree, &a));
	assert_ptr_equal(svart_iova_area_find(&tree, UINT64_MAX, UINT64_MAX), &a);
}

/** What a tree must say, from an array of which area covers each place. */
static struct svart_iova_area *naive_find(
	struct svart_iova_area **places, unsigned int from, unsigned int to)
{
	for (; from <= to; from++) {
		if (places[from] != NULL)
			return places[from];
	}
	return NULL;
}

static void test_area_random_operations_agree_with_an_array(void **state)
{
	const char *text = getenv("SVART_SEED");
	unsigned int seed = text != NULL ? (unsigned int)strtoul(text, NULL, 0) : 1;
	struct svart_iova_area *places[PLACES] = { 0 }, *found, *area;
	struct svart_iova_area_tree tree = { 0 };
	unsigned int round, from, to, i;

	(void)state;
	print_message("SVART_SEED=%u\n", seed);
	for (round = 0; round < ROUNDS; round++) {
		from = (unsigned int)rand_r(&seed) % PLACES;
		to = from + (unsigned int)rand_r(&seed) % 8;
		to = to < PLACES ? to : PLACES - 1;
		found = svart_iova_area_find(&tree, from, to);
		assert_ptr_equal(found, naive_find(places, from, to));
		if (found != NULL) {
			svart_iova_area_remove(&tree, found);
			for (i = (unsigned int)found->first; i <= found->last; i++)
				places[i] = NULL;
			free(found);
			continue;
		}
		area = calloc(1, sizeof(*area));
		assert_non_null(area);
		area->first = from;
		area->last = to;
		svart_iova_area_insert(&tree, area);
		for (i = from; i <= to; i++)
			places[i] = area;
	}
	while ((area = svart_iova_area_find(&tree, 0, UINT64_MAX)) != NULL) {
		svart_iova_area_remove(&tree, area);
		free(area);
	}
}

static unsigned int depth_of(const struct svart_iova_area *a)
{
	unsigned int left, right;

	if (a == NULL)
		return 0;
	left = depth_of(a->left);
	right = depth_of(a->right);
	return 1 + (left > right ? left : right);
}

static void test_area_ascending_inserts_stay_flat(void **state)
{
	static struct svart_iova_area areas[4096];
	struct svart_iova_area_tree tree = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 4096; i++) {
		areas[i].first = areas[i].last = i;
		svart_iova_area_insert(&tree, &areas[i]);
	}
	assert_true(depth_of(tree.root) < 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_area_find_touching_ranges_do_not_overlap),
		cmocka_unit_test(test_area_next_after_the_last_address_is_none),
		cmocka_unit_test(test_area_random_operations_agree_with_an_array),
		cmocka_unit_test(test_area_ascending_inserts_stay_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

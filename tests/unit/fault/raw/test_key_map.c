/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fake.h"
#include "key_map.h"

#define CAPACITY 64u
#define KEYS     100u
#define STEPS    200000

/** Keys with little in their low bits. */
static uint64_t key_of(unsigned int i)
{
	return UINT64_C(1) << 63 | (uint64_t)i << 21;
}

static void test_key_map_finds_what_was_added(void **state)
{
	struct svart_key_map *map;

	(void)state;
	assert_int_equal(svart_key_map_create(CAPACITY, &map), 0);
	assert_null(svart_key_map_find(map, key_of(1)));
	assert_int_equal(svart_key_map_add(map, key_of(1), 7), 0);
	assert_int_equal(*svart_key_map_find(map, key_of(1)), 7);
	*svart_key_map_find(map, key_of(1)) = 8;
	assert_int_equal(*svart_key_map_find(map, key_of(1)), 8);
	assert_true(svart_key_map_remove(map, key_of(1)));
	assert_false(svart_key_map_remove(map, key_of(1)));
	assert_null(svart_key_map_find(map, key_of(1)));
	svart_key_map_destroy(map);
}

static void test_key_map_full_takes_no_more_until_one_leaves(void **state)
{
	struct svart_key_map *map;
	unsigned int i;

	(void)state;
	assert_int_equal(svart_key_map_create(CAPACITY, &map), 0);
	for (i = 0; i < CAPACITY; i++)
		assert_int_equal(svart_key_map_add(map, key_of(i), i), 0);
	assert_int_equal(svart_key_map_add(map, key_of(i), i), -ENOSPC);
	assert_true(svart_key_map_remove(map, key_of(3)));
	assert_int_equal(svart_key_map_add(map, key_of(i), i), 0);
	svart_key_map_destroy(map);
}

static void test_key_map_agrees_with_an_array_at_random(void **state)
{
	const char *text = getenv("SVART_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 0) : (uint32_t)time(NULL);
	uint32_t values[KEYS] = { 0 }, nr = 0, i, step, *found;
	struct svart_key_map *map;

	(void)state;
	printf("SVART_SEED=%u\n", seed);
	assert_int_equal(svart_key_map_create(CAPACITY, &map), 0);
	for (step = 1; step < STEPS; step++) {
		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % KEYS;
		found = svart_key_map_find(map, key_of(i));
		assert_int_equal(found != NULL ? *found : 0, values[i]);
		if (values[i] != 0) {
			assert_true(svart_key_map_remove(map, key_of(i)));
			values[i] = 0;
			nr--;
		} else if (svart_key_map_add(map, key_of(i), step) == 0) {
			values[i] = step;
			nr++;
		} else {
			assert_int_equal(nr, CAPACITY);
		}
	}
	svart_key_map_destroy(map);
}

static bool is_odd(uint64_t key, uint32_t value, const void *arg)
{
	(void)key;
	(void)arg;
	return value % 2 == 1;
}

static void test_key_map_remove_if_removes_those_and_no_others(void **state)
{
	struct svart_key_map *map;
	unsigned int i, round;

	(void)state;
	assert_int_equal(svart_key_map_create(CAPACITY, &map), 0);
	/* Other keys each time, so that runs of slots begin anywhere, also at the end. */
	for (round = 0; round < 1000; round++) {
		for (i = 0; i < CAPACITY; i++)
			assert_int_equal(svart_key_map_add(map, key_of(round * 77 + i), i), 0);
		svart_key_map_remove_if(map, is_odd, NULL);
		for (i = 0; i < CAPACITY; i++)
			assert_int_equal(
				svart_key_map_remove(map, key_of(round * 77 + i)), i % 2 == 0);
	}
	svart_key_map_destroy(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_map_finds_what_was_added),
		cmocka_unit_test(test_key_map_full_takes_no_more_until_one_leaves),
		cmocka_unit_test(test_key_map_agrees_with_an_array_at_random),
		cmocka_unit_test(test_key_map_remove_if_removes_those_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

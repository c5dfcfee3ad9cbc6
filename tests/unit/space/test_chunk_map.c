/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "chunk_map.h"
#include "fixture.h"

/** Inserts a chunk with one mapped page, so that it stays. */
static struct svart_chunk *insert(struct svart_chunk_map *map, uint64_t number)
{
	struct svart_shard *shard = svart_chunk_map_shard(map, number);
	struct svart_chunk *c;

	pthread_mutex_lock(&shard->lock);
	c = svart_chunk_insert(map, shard, number);
	if (c != NULL) {
		svart_page_bits_set(&c->mapped, 0, 1);
		svart_page_bits_set(&c->area_start, 0, 1);
		svart_chunk_settle(map, shard, c);
	}
	pthread_mutex_unlock(&shard->lock);
	return c;
}

static struct svart_chunk *find(struct svart_chunk_map *map, uint64_t number)
{
	return svart_chunk_find(map, svart_chunk_map_shard(map, number), number);
}

static void empty(struct svart_chunk_map *map, uint64_t number)
{
	struct svart_shard *shard = svart_chunk_map_shard(map, number);
	struct svart_chunk *c;

	pthread_mutex_lock(&shard->lock);
	c = svart_chunk_find(map, shard, number);
	svart_page_bits_clear(&c->mapped, 0, SVART_CHUNK_PAGES);
	svart_chunk_settle(map, shard, c);
	pthread_mutex_unlock(&shard->lock);
}

static void test_chunk_map_finds_what_was_inserted(void **state)
{
	struct svart_chunk_map map;
	uint64_t i;

	(void)state;
	assert_int_equal(svart_chunk_map_init(&map, 1000), 0);
	for (i = 0; i < 1000; i++)
		assert_non_null(insert(&map, i * i * 7919));
	for (i = 0; i < 1000; i++)
		assert_int_equal(find(&map, i * i * 7919)->number, i * i * 7919);
	assert_null(find(&map, 3));
	svart_chunk_map_fini(&map);
}

static void test_chunk_map_of_one_chunk_holds_one(void **state)
{
	struct svart_chunk_map map;

	(void)state;
	assert_int_equal(svart_chunk_map_init(&map, 1), 0);
	assert_non_null(insert(&map, 5));
	assert_null(insert(&map, 6));
	empty(&map, 5);
	assert_null(find(&map, 5));
	assert_non_null(insert(&map, 6));
	svart_chunk_map_fini(&map);
}

static void test_chunk_map_neighbours_are_in_different_shards(void **state)
{
	struct svart_chunk_map map;
	unsigned int i, same = 0;

	(void)state;
	assert_int_equal(svart_chunk_map_init(&map, 1), 0);
	for (i = 0; i < 1000; i++)
		same += svart_chunk_map_shard(&map, 0x3fff0000 + i) ==
			svart_chunk_map_shard(&map, 0x3fff0000 + i + 1);
	assert_int_equal(same, 0);
	svart_chunk_map_fini(&map);
}

static void test_chunk_that_comes_back_is_empty(void **state)
{
	struct svart_chunk_map map;
	struct svart_shard *shard;
	struct svart_chunk *c;

	(void)state;
	assert_int_equal(svart_chunk_map_init(&map, 1), 0);
	c = insert(&map, 5);
	svart_page_bits_set(&c->writable, 0, 1);
	empty(&map, 5);
	shard = svart_chunk_map_shard(&map, 9);
	c = svart_chunk_insert(&map, shard, 9);
	assert_true(svart_page_bits_empty(&c->writable));
	assert_true(svart_page_bits_empty(&c->mapped));
	assert_true(svart_page_bits_empty(&c->area_start));
	svart_chunk_map_fini(&map);
}

static void test_chunk_areas_are_taken_whole(void **state)
{
	struct svart_chunk c = { .number = 1 };
	struct svart_page_bits got, want = svart_page_bits_range(10, 30);

	(void)state;
	/* Areas [10, 20), [20, 30), a hole, [40, 50). */
	svart_page_bits_set(&c.mapped, 10, 30);
	svart_page_bits_set(&c.mapped, 40, 50);
	svart_page_bits_set(&c.area_start, 10, 11);
	svart_page_bits_set(&c.area_start, 20, 21);
	svart_page_bits_set(&c.area_start, 40, 41);
	got = svart_chunk_areas(&c, 19, 21, false);
	assert_memory_equal(&got, &want, sizeof(got));
	want = svart_page_bits_range(10, 20);
	got = svart_chunk_areas(&c, 0, 11, false);
	assert_memory_equal(&got, &want, sizeof(got));
	want = svart_page_bits_range(40, 50);
	got = svart_chunk_areas(&c, 30, 41, false);
	assert_memory_equal(&got, &want, sizeof(got));
	got = svart_chunk_areas(&c, 30, 40, false);
	assert_true(svart_page_bits_empty(&got));
}

static void test_chunk_areas_tell_static_from_others(void **state)
{
	struct svart_chunk c = { .number = 1 };
	struct svart_page_bits got, want = svart_page_bits_range(4, 6);

	(void)state;
	svart_page_bits_set(&c.mapped, 0, 8);
	svart_page_bits_set(&c.fixed, 4, 6);
	svart_page_bits_set(&c.area_start, 0, 1);
	svart_page_bits_set(&c.area_start, 4, 5);
	svart_page_bits_set(&c.area_start, 6, 7);
	got = svart_chunk_areas(&c, 0, SVART_CHUNK_PAGES, true);
	assert_memory_equal(&got, &want, sizeof(got));
	got = svart_chunk_areas(&c, 0, SVART_CHUNK_PAGES, false);
	assert_int_equal(svart_page_bits_count(&got), 6);
	assert_false(svart_page_bits_test(&got, 5));
}

static void test_chunk_size_is_what_the_header_says(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct svart_chunk) + sizeof(struct svart_origins), 448);
}

/* --- the pool is lock-free: threads that take and give back must not lose or double a chunk ----- */

#define POOL_CHUNKS  64
#define POOL_THREADS 4
#define POOL_ROUNDS  5000

struct pool_user {
	struct svart_chunk_map *map;
	uint64_t base;
	unsigned int wrong;
	pthread_t thread;
};

static void *use_pool(void *arg)
{
	struct pool_user *u = arg;
	unsigned int round, i, have;

	for (round = 0; round < POOL_ROUNDS; round++) {
		for (have = 0; have < POOL_CHUNKS / POOL_THREADS; have++) {
			struct svart_chunk *c = insert(u->map, u->base + have);

			if (c == NULL || c->number != u->base + have)
				u->wrong++;
			if (c == NULL)
				break;
		}
		for (i = 0; i < have; i++)
			empty(u->map, u->base + i);
	}
	return NULL;
}

static void test_chunk_pool_used_by_threads_loses_nothing(void **state)
{
	struct pool_user users[POOL_THREADS];
	struct svart_chunk_map map;
	unsigned int i;

	(void)state;
	assert_int_equal(svart_chunk_map_init(&map, POOL_CHUNKS), 0);
	for (i = 0; i < POOL_THREADS; i++) {
		users[i] = (struct pool_user){ .map = &map, .base = (i + 1) * 1000 };
		pthread_create(&users[i].thread, NULL, use_pool, &users[i]);
	}
	for (i = 0; i < POOL_THREADS; i++)
		pthread_join(users[i].thread, NULL);
	for (i = 0; i < POOL_THREADS; i++)
		assert_int_equal(users[i].wrong, 0);
	for (i = 0; i < POOL_CHUNKS; i++)
		assert_non_null(insert(&map, i));
	assert_null(insert(&map, POOL_CHUNKS));
	svart_chunk_map_fini(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunk_map_finds_what_was_inserted),
		cmocka_unit_test(test_chunk_map_of_one_chunk_holds_one),
		cmocka_unit_test(test_chunk_map_neighbours_are_in_different_shards),
		cmocka_unit_test(test_chunk_that_comes_back_is_empty),
		cmocka_unit_test(test_chunk_areas_are_taken_whole),
		cmocka_unit_test(test_chunk_areas_tell_static_from_others),
		cmocka_unit_test(test_chunk_size_is_what_the_header_says),
		cmocka_unit_test(test_chunk_pool_used_by_threads_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

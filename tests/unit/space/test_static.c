/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>

#include "fixture.h"

static void test_static_memory_is_mapped_writable_and_exactly(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_map_static(fx.space, mem + PAGE, 2 * PAGE), 0);
	assert_true(fake_is_writable(fx.fake, mem + PAGE));
	assert_int_equal(fake_area_at(fx.fake, mem + PAGE).len, 2 * PAGE);
	assert_int_equal(stats_of(&fx).pinned_bytes, 2 * PAGE);
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, W), 0);
	assert_int_equal(fake_nr_maps(fx.fake), 1);
	svart_space_unmap_static(fx.space, mem + PAGE, 2 * PAGE);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_static_memory_over_chunks_is_unmapped_whole(void **state)
{
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_map_static(fx.space, mem + PAGE, 2 * CHUNK), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 3);
	assert_int_equal(fake_bytes(fx.fake), 2 * CHUNK);
	svart_space_unmap_static(fx.space, mem + PAGE, 2 * CHUNK);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 3);
}

static void test_static_memory_is_not_forgotten(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_map_static(fx.space, mem + 4 * PAGE, PAGE), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	assert_int_equal(svart_space_forget(fx.space, mem, CHUNK), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	assert_int_equal(fake_nr_areas(fx.fake), 1);
	svart_space_unmap_static(fx.space, mem + 4 * PAGE, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_static_memory_is_never_evicted(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 8 * PAGE };
	uint8_t *mem = chunks_new(4, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, &params);
	assert_int_equal(svart_space_map_static(fx.space, mem, PAGE), 0);
	for (i = 1; i < 100; i++)
		assert_int_equal(resolve(&fx, mem + (i % 4) * CHUNK + i * PAGE, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_true(stats_of(&fx).evictions > 0);
	svart_space_unmap_static(fx.space, mem, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 4);
}

static void test_static_memory_counts_against_the_limit(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 8 * PAGE };
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, &params);
	assert_int_equal(svart_space_map_static(fx.space, mem, 6 * PAGE), 0);
	assert_int_equal(resolve(&fx, mem + 6 * PAGE, 2 * PAGE, R), 0);
	/* What can never fit evicts nothing. */
	assert_int_equal(svart_space_map_static(fx.space, mem + 8 * PAGE, 3 * PAGE), -ENOMEM);
	assert_int_equal(resolve(&fx, mem + 6 * PAGE, 3 * PAGE, R), -ENOMEM);
	assert_int_equal(stats_of(&fx).evictions, 0);
	assert_true(fake_is_mapped(fx.fake, mem + 7 * PAGE));
	svart_space_unmap_static(fx.space, mem, 6 * PAGE);
	assert_int_equal(resolve(&fx, mem + 6 * PAGE, 3 * PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_static_memory_evicts_what_is_in_its_way(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 8 * PAGE };
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, &params);
	assert_int_equal(resolve(&fx, mem, 8 * PAGE, R), 0);
	assert_int_equal(svart_space_map_static(fx.space, mem + CHUNK, 4 * PAGE), 0);
	assert_int_equal(stats_of(&fx).evictions, 1);
	svart_space_unmap_static(fx.space, mem + CHUNK, 4 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_static_memory_that_a_window_has_mapped_is_taken_over(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 3 * PAGE));
	assert_int_equal(svart_space_map_static(fx.space, mem + 3 * PAGE, PAGE), 0);
	assert_int_equal(fake_area_at(fx.fake, mem + 3 * PAGE).len, PAGE);
	svart_space_unmap_static(fx.space, mem + 3 * PAGE, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_static_memory_twice_is_refused(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_map_static(fx.space, mem + CHUNK, PAGE), 0);
	/* The part before it is given back. */
	assert_int_equal(svart_space_map_static(fx.space, mem + CHUNK - PAGE, 2 * PAGE), -EEXIST);
	assert_int_equal(fake_nr_areas(fx.fake), 1);
	assert_true(fake_is_mapped(fx.fake, mem + CHUNK));
	svart_space_unmap_static(fx.space, mem + CHUNK, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_static_memory_that_cannot_be_pinned_is_an_error(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_map_static(fx.space, mem, PAGE), -EFAULT);
	assert_int_equal(stats_of(&fx).pinned_bytes, 0);
	assert_int_equal(svart_space_map_static(fx.space, mem + 1, PAGE), -EINVAL);
	assert_int_equal(svart_space_map_static(fx.space, mem, 0), -EINVAL);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_static_memory_is_unmapped_at_the_last_unbind(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_map_static(fx.space, mem, PAGE), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_static_memory_next_to_static_memory_is_apart(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_map_static(fx.space, mem, PAGE), 0);
	assert_int_equal(svart_space_map_static(fx.space, mem + PAGE, PAGE), 0);
	svart_space_unmap_static(fx.space, mem, PAGE);
	assert_true(fake_is_mapped(fx.fake, mem + PAGE));
	svart_space_unmap_static(fx.space, mem + PAGE, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_memory_is_mapped_writable_and_exactly),
		cmocka_unit_test(test_static_memory_over_chunks_is_unmapped_whole),
		cmocka_unit_test(test_static_memory_is_not_forgotten),
		cmocka_unit_test(test_static_memory_is_never_evicted),
		cmocka_unit_test(test_static_memory_counts_against_the_limit),
		cmocka_unit_test(test_static_memory_evicts_what_is_in_its_way),
		cmocka_unit_test(test_static_memory_that_a_window_has_mapped_is_taken_over),
		cmocka_unit_test(test_static_memory_twice_is_refused),
		cmocka_unit_test(test_static_memory_that_cannot_be_pinned_is_an_error),
		cmocka_unit_test(test_static_memory_is_unmapped_at_the_last_unbind),
		cmocka_unit_test(test_static_memory_next_to_static_memory_is_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

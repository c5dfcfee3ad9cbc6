/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "fixture.h"
#include "space_state.h"

static uint8_t *own(struct fixture *fx, size_t pages, unsigned int bits)
{
	void *p = NULL;

	assert_int_equal(svart_space_own_alloc(fx->space, pages * PAGE, bits, &p), 0);
	return p;
}

static void test_arena_memory_is_zeroed_mapped_and_never_evicted(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 4 * PAGE };
	uint8_t *mem = chunks_new(8, PROT_READ | PROT_WRITE), *p;
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, &params);
	p = own(&fx, 1, 0);
	assert_int_equal(p[0] | p[PAGE - 1], 0);
	p[0] = 1;
	for (i = 0; i < 8; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	assert_true(fake_is_writable(fx.fake, p));
	assert_int_equal(svart_space_forget(fx.space, p, PAGE), 0);
	assert_true(fake_is_mapped(fx.fake, p));
	svart_space_own_free(fx.space, p, PAGE);
	assert_false(fake_is_mapped(fx.fake, p));
	fixture_close(&fx);
	chunks_free(mem, 8);
}

static void test_arena_takes_no_more_chunks_than_it_needs(void **state)
{
	uint8_t *p[6];
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, NULL);
	for (i = 0; i < 6; i++) {
		p[i] = own(&fx, 1 + i % 3, 0);
		assert_int_equal((uintptr_t)p[i] / CHUNK, (uintptr_t)p[0] / CHUNK);
	}
	assert_int_equal(fx.space->demand.own_chunks, 1);
	assert_int_equal(fx.space->demand.own_pages, 12);
	for (i = 0; i < 6; i++)
		svart_space_own_free(fx.space, p[i], (1 + i % 3) * PAGE);
	assert_int_equal(fx.space->demand.own_chunks, 0);
	assert_int_equal(fx.space->demand.own_pages, 0);
	fixture_close(&fx);
}

static void test_arena_freed_memory_is_used_again_and_zeroed(void **state)
{
	struct fixture fx;
	uint8_t *p, *q;

	(void)state;
	fixture_open(&fx, NULL);
	p = own(&fx, 2, 0);
	p[0] = 1;
	svart_space_own_free(fx.space, p, 2 * PAGE);
	q = own(&fx, 2, 0);
	assert_ptr_equal(p, q);
	assert_int_equal(q[0], 0);
	svart_space_own_free(fx.space, q, 2 * PAGE);
	fixture_close(&fx);
}

static void test_arena_of_few_address_bits_is_low_and_apart(void **state)
{
	struct fixture fx;
	uint8_t *high, *low;

	(void)state;
	fixture_open(&fx, NULL);
	high = own(&fx, 1, 0);
	low = own(&fx, 1, 32);
	assert_true((uintptr_t)low + PAGE <= UINT64_C(1) << 32);
	assert_true((uintptr_t)high > UINT64_C(1) << 32);
	assert_int_equal(fx.space->demand.own_chunks, 2);
	/* Who reaches more takes what is there. */
	svart_space_own_free(fx.space, high, PAGE);
	svart_space_own_free(fx.space, low, PAGE);
	fixture_close(&fx);
}

static void test_arena_more_than_the_budget_is_refused_with_both_numbers(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 3 * PAGE };
	struct fixture fx;
	void *p = NULL;

	(void)state;
	fixture_open(&fx, &params);
	assert_int_equal(svart_space_own_alloc(fx.space, 4 * PAGE, 0, &p), -ENOSPC);
	assert_non_null(strstr(svart_fail_text(), "12288"));
	assert_non_null(strstr(svart_fail_text(), "16384"));
	assert_int_equal(svart_space_own_alloc(fx.space, CHUNK + PAGE, 0, &p), -EINVAL);
	assert_int_equal(svart_space_own_alloc(fx.space, 100, 0, &p), -EINVAL);
	assert_null(p);
	fixture_close(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_memory_is_zeroed_mapped_and_never_evicted),
		cmocka_unit_test(test_arena_takes_no_more_chunks_than_it_needs),
		cmocka_unit_test(test_arena_freed_memory_is_used_again_and_zeroed),
		cmocka_unit_test(test_arena_of_few_address_bits_is_low_and_apart),
		cmocka_unit_test(test_arena_more_than_the_budget_is_refused_with_both_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What is before what: fences between operations, and completions before what the program sees.
 */

#include "backend.h"

#include <stdlib.h>
#include <string.h>

#define NR_CHAINS 16u

static uint8_t *scrambled(size_t len, uint32_t seed)
{
	uint8_t *p = guarded_alloc(len);

	scramble(p, len, seed);
	return p;
}

static void put(struct backend *b, uint8_t *dst, const uint8_t *src, size_t len, unsigned int flags,
	uint64_t cookie)
{
	if (!enqueue_copy(b, dst, src, len, flags, cookie))
		fail_msg("operation %llu was not taken", (unsigned long long)cookie);
}

static void wait_for(struct backend *b, unsigned int nr)
{
	struct svart_completion done[4 * NR_CHAINS];
	unsigned int i;

	assert_true(nr <= 4 * NR_CHAINS);
	wait_all(b, done, nr);
	for (i = 0; i < nr; i++)
		assert_int_equal(done[i].status, SVART_STATUS_OK);
}

/** A -> B, fence, B -> C, many times: C is A only if each fence holds. */
static void check_chains(struct backend *b, size_t len, bool submit_each)
{
	uint8_t *a = scrambled(NR_CHAINS * len, (uint32_t)len);
	uint8_t *via = guarded_alloc(NR_CHAINS * len), *c = guarded_alloc(NR_CHAINS * len);
	const unsigned int submit = submit_each ? BACKEND_FLAG_SUBMIT : 0;
	unsigned int i;

	for (i = 0; i < NR_CHAINS; i++) {
		put(b, via + i * len, a + i * len, len, submit, i);
		put(b, c + i * len, via + i * len, len, submit | BACKEND_FLAG_FENCE, i);
	}
	wait_for(b, 2 * NR_CHAINS);
	assert_memory_equal(c, a, NR_CHAINS * len);
	guarded_free(b, a, NR_CHAINS * len);
	guarded_free(b, via, NR_CHAINS * len);
	guarded_free(b, c, NR_CHAINS * len);
}

static void test_a_fence_orders_two_copies(void **state)
{
	backend_need(*state, BACKEND_FENCE);
	check_chains(*state, 8, false);
	check_chains(*state, 4096, false);
	check_chains(*state, 100000, false);
}

static void test_a_fence_orders_what_was_submitted_before(void **state)
{
	backend_need(*state, BACKEND_FENCE);
	check_chains(*state, 8, true);
	check_chains(*state, 4096, true);
	check_chains(*state, 100000, true);
}

/** One long copy and then many short ones that each need its end. */
static void test_a_fence_waits_for_a_long_copy_of_cold_memory(void **state)
{
	struct backend *b = *state;
	const size_t len = 4 << 20;
	uint8_t *src = scrambled(len, 11), *via = guarded_alloc(len), *dst = guarded_alloc(PAGE);
	unsigned int i;

	backend_need(b, BACKEND_FENCE);
	put(b, via, src, len, BACKEND_FLAG_SUBMIT, 0); /* via was never touched. */
	for (i = 0; i < 16; i++)
		put(b, dst + i * 64, via + len - (i + 1) * 64, 64, i == 0 ? BACKEND_FLAG_FENCE : 0,
			i);
	wait_for(b, 17);
	for (i = 0; i < 16; i++)
		assert_memory_equal(dst + i * 64, src + len - (i + 1) * 64, 64);
	guarded_free(b, src, len);
	guarded_free(b, via, len);
	guarded_free(b, dst, PAGE);
}

/** All copies before a fence, not only the last one. */
static void test_a_fence_is_for_all_before_it(void **state)
{
	struct backend *b = *state;
	const size_t len = NR_CHAINS * PAGE;
	uint8_t *src = scrambled(len, 12), *via = guarded_alloc(len), *dst = guarded_alloc(len);
	unsigned int i;

	backend_need(b, BACKEND_FENCE);
	for (i = 0; i < NR_CHAINS; i++)
		put(b, via + i * PAGE, src + i * PAGE, PAGE, 0, i);
	put(b, dst, via, len, BACKEND_FLAG_FENCE, i);
	wait_for(b, NR_CHAINS + 1);
	assert_memory_equal(dst, src, len);
	guarded_free(b, src, len);
	guarded_free(b, via, len);
	guarded_free(b, dst, len);
}

/** What is after a fence is not before it either: the second write of one place wins. */
static void test_a_fence_orders_two_writes_of_one_place(void **state)
{
	struct backend *b = *state;
	const size_t len = 64 * 1024;
	uint8_t *first = scrambled(len, 13), *second = scrambled(len, 14);
	uint8_t *dst = guarded_alloc(len);
	unsigned int i;

	backend_need(b, BACKEND_FENCE);
	for (i = 0; i < 8; i++) {
		put(b, dst, first, len, BACKEND_FLAG_FENCE, 0);
		put(b, dst, second, len, BACKEND_FLAG_FENCE, 1);
		wait_for(b, 2);
		assert_memory_equal(dst, second, len);
	}
	guarded_free(b, first, len);
	guarded_free(b, second, len);
	guarded_free(b, dst, len);
}

/** A failed operation completes too, so a fence after it is not stuck. */
static void test_a_fence_after_a_failure_holds_nothing_up(void **state)
{
	struct backend *b = *state;
	uint8_t *src = scrambled(PAGE, 15), *dst = guarded_alloc(PAGE);
	struct svart_completion done[2];

	backend_need(b, BACKEND_FENCE | BACKEND_ERRORS);
	put(b, dst, NULL, PAGE, 0, 0);
	put(b, dst, src, PAGE, BACKEND_FLAG_FENCE, 1);
	wait_all(b, done, 2);
	assert_int_equal(done[0].status, SVART_STATUS_BAD_ADDRESS);
	if (done[1].status != SVART_STATUS_ABORTED) { /* DPDK allows NOT_ATTEMPTED. */
		assert_done(&done[1], PAGE);
		assert_memory_equal(dst, src, PAGE);
	}
	guarded_free(b, src, PAGE);
	guarded_free(b, dst, PAGE);
}

/** Short copies behind long ones: each is whole when it is reported, and reported in its place. */
static void test_what_is_complete_can_be_seen_at_once(void **state)
{
	struct backend *b = *state;
	const size_t len = 256 * 1024;
	uint8_t *src = scrambled(len, 16), *dst = guarded_alloc(16 * len);
	struct svart_completion done;
	unsigned int i;
	size_t bytes;

	for (i = 0; i < 16; i++)
		put(b, dst + i * len, src, i % 2 == 0 ? len : 100, 0, i);
	for (i = 0; i < 16; i++) {
		bytes = i % 2 == 0 ? len : 100;
		wait_all(b, &done, 1);
		assert_done(&done, bytes);
		assert_int_equal(done.cookie, i);
		assert_memory_equal(dst + i * len, src, bytes);
	}
	guarded_free(b, src, len);
	guarded_free(b, dst, 16 * len);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		backend_test(test_a_fence_orders_two_copies),
		backend_test(test_a_fence_orders_what_was_submitted_before),
		backend_test(test_a_fence_waits_for_a_long_copy_of_cold_memory),
		backend_test(test_a_fence_is_for_all_before_it),
		backend_test(test_a_fence_orders_two_writes_of_one_place),
		backend_test(test_a_fence_after_a_failure_holds_nothing_up),
		backend_test(test_what_is_complete_can_be_seen_at_once),
	};

	return backend_run(argc, argv, tests);
}

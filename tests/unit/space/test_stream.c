/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fixture.h"
#include "stream.h"

#define MIB (UINT64_C(1) << 20)
#define KIB UINT64_C(1024)

/** Faults at addr, maps the whole window. @return its size. */
static uint64_t fault(struct svart_streams *s, uint64_t addr)
{
	struct svart_stream_hit hit = svart_streams_window(s, addr);

	svart_streams_advance(s, &hit, (addr & ~(hit.window - 1)) + hit.window, hit.window);
	return hit.window;
}

static void test_stream_lone_fault_gets_a_sixteenth(void **state)
{
	struct svart_streams s;

	(void)state;
	svart_streams_init(&s, 2 * MIB);
	assert_int_equal(fault(&s, 64 * MIB), 128 * KIB);
	assert_int_equal(fault(&s, 256 * MIB), 128 * KIB);
}

static void test_stream_small_largest_gets_a_page(void **state)
{
	struct svart_streams s;

	(void)state;
	svart_streams_init(&s, PAGE);
	assert_int_equal(fault(&s, 64 * MIB), PAGE);
	assert_int_equal(fault(&s, 64 * MIB + PAGE), PAGE);
}

static void test_stream_sequential_faults_double_up_to_the_largest(void **state)
{
	struct svart_streams s;
	uint64_t at = 64 * MIB;

	(void)state;
	svart_streams_init(&s, 2 * MIB);
	assert_int_equal(fault(&s, at), 128 * KIB);
	assert_int_equal(fault(&s, at + 128 * KIB), 256 * KIB);
	assert_int_equal(fault(&s, at + 256 * KIB), 512 * KIB);
	assert_int_equal(fault(&s, at + 512 * KIB), MIB);
	assert_int_equal(fault(&s, at + MIB), 2 * MIB);
	assert_int_equal(fault(&s, at + 2 * MIB), 2 * MIB);
}

static void test_stream_source_and_destination_are_both_sequential(void **state)
{
	struct svart_streams s;
	uint64_t src = 64 * MIB, dst = 1024 * MIB;

	(void)state;
	svart_streams_init(&s, 2 * MIB);
	fault(&s, src);
	fault(&s, dst);
	assert_int_equal(fault(&s, src + 128 * KIB), 256 * KIB);
	assert_int_equal(fault(&s, dst + 128 * KIB), 256 * KIB);
	assert_int_equal(fault(&s, src + 256 * KIB), 512 * KIB);
	assert_int_equal(fault(&s, dst + 256 * KIB), 512 * KIB);
}

static void test_stream_gap_of_a_window_is_still_sequential(void **state)
{
	struct svart_streams s;

	(void)state;
	svart_streams_init(&s, 2 * MIB);
	fault(&s, 64 * MIB);
	assert_int_equal(fault(&s, 64 * MIB + 128 * KIB + 124 * KIB), 256 * KIB);
}

static void test_stream_larger_gap_is_a_new_stream(void **state)
{
	struct svart_streams s;

	(void)state;
	svart_streams_init(&s, 2 * MIB);
	fault(&s, 64 * MIB);
	assert_int_equal(fault(&s, 64 * MIB + 256 * KIB), 128 * KIB);
}

static void test_stream_window_that_failed_grows_anew(void **state)
{
	struct svart_streams s;
	struct svart_stream_hit hit;
	uint64_t at = 64 * MIB;

	(void)state;
	svart_streams_init(&s, 2 * MIB);
	fault(&s, at);
	hit = svart_streams_window(&s, at + 128 * KIB);
	svart_streams_advance(&s, &hit, at + 132 * KIB, PAGE);
	assert_int_equal(fault(&s, at + 132 * KIB), 2 * PAGE);
}

static void test_stream_oldest_is_given_up_for_a_new_one(void **state)
{
	struct svart_streams s;
	uint64_t i;

	(void)state;
	svart_streams_init(&s, 2 * MIB);
	for (i = 0; i <= SVART_NR_STREAMS; i++)
		fault(&s, 64 * MIB * (i + 1));
	assert_int_equal(fault(&s, 64 * MIB + 128 * KIB), 128 * KIB);
	assert_int_equal(fault(&s, 64 * MIB * SVART_NR_STREAMS + 128 * KIB), 256 * KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream_lone_fault_gets_a_sixteenth),
		cmocka_unit_test(test_stream_small_largest_gets_a_page),
		cmocka_unit_test(test_stream_sequential_faults_double_up_to_the_largest),
		cmocka_unit_test(test_stream_source_and_destination_are_both_sequential),
		cmocka_unit_test(test_stream_gap_of_a_window_is_still_sequential),
		cmocka_unit_test(test_stream_larger_gap_is_a_new_stream),
		cmocka_unit_test(test_stream_window_that_failed_grows_anew),
		cmocka_unit_test(test_stream_oldest_is_given_up_for_a_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

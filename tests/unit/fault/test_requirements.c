/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What the review of Linux's page fault handler asked for in 2021, S1 to S9 of doc/design/requirements,
 * each by the behaviour that shows it. The corner cases are in the tests of the parts.
 */

#include <errno.h>

#include "engine.h"
#include "fake.h"

static int setup(void **state)
{
	*state = fake_world_create_inline(256);
	return 0;
}

static uint64_t push(
	struct fake_source *s, uint32_t pasid, uint32_t group, unsigned int page, uint32_t flags)
{
	return fake_source_push(s, pasid, group, PAGE_AT(page), R, PASID | flags);
}

/** The pages that were asked for, in the order of asking; one page each where they do not adjoin. */
static void assert_call(const struct fake_world *w, unsigned int call, unsigned int page)
{
	assert_true(call < w->space.nr_calls);
	assert_int_equal(w->space.calls[call].start, PAGE_AT(page));
}

static void test_s1_requests_are_parked_until_the_last_gathers_them(void **state)
{
	struct fake_world *w = *state;
	uint64_t first = push(&w->source, 1, 7, 10, 0), last;

	push(&w->source, 1, 7, 20, 0);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(w->space.nr_calls, 0);
	last = push(&w->source, 1, 7, 30, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(w->space.nr_calls, 3);
	assert_call(w, 0, 10);
	assert_call(w, 2, 30);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(fake_source_answered(&w->source, first), 0);
}

static void test_s2_group_ids_are_a_devices_own(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;
	uint64_t last;

	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	push(&w->source, 1, 7, 10, 0);
	last = push(&other, 1, 7, 20, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(w->space.nr_calls, 1);
	assert_call(w, 0, 20);
	assert_int_equal(fake_source_code(&other, last), SUCCESS);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);
	svart_fault_service_remove(w->service, &other.base);
	fake_source_fini(&other);
}

static void test_s2_group_ids_are_a_pasids_own(void **state)
{
	struct fake_world *w = *state;

	push(&w->source, 1, 7, 10, 0);
	push(&w->source, 2, 7, 20, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(w->space.nr_calls, 1);
	assert_call(w, 0, 20);
}

static void test_s3_requests_can_be_handled_as_they_come(void **state)
{
	struct fake_world *w = *state;
	uint64_t last;

	svart_fault_service_set_mode(w->service, &w->source.base, SVART_FAULT_EAGER);
	push(&w->source, 1, 7, 10, 0);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_call(w, 0, 10);
	last = push(&w->source, 1, 7, 20, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
}

static void test_s4_flagged_request_is_answered_before_the_last_with_its_data(void **state)
{
	struct svart_page_request request = {
		.addr = PAGE_AT(10),
		.pasid = 1,
		.group_id = 7,
		.flags = PASID | OWN,
		.access = R,
		.token = 99,
		.private_data = { 0x1122334455667788, 0x99aabbccddeeff00 },
	};
	struct fake_world *w = *state;

	fake_source_push_request(&w->source, &request);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, 99), SUCCESS);
	assert_int_equal(w->source.answers[0].flags, PASID | OWN);
	assert_memory_equal(w->source.answers[0].private_data, request.private_data, 16);
}

static void test_s4_private_data_alone_asks_for_nothing(void **state)
{
	struct svart_page_request request = {
		.addr = PAGE_AT(10),
		.pasid = 1,
		.group_id = 7,
		.flags = PASID,
		.access = R,
		.private_data = { 1, 2 },
	};
	struct fake_world *w = *state;

	fake_source_push_request(&w->source, &request);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(w->space.nr_calls, 0);
}

static void test_s6_512_partial_requests_find_their_groups(void **state)
{
	struct svart_fault_params params = { .run = SVART_FAULT_RUN_INLINE, .max_requests = 1024 };
	struct fake_world *w = fake_world_create(&params);
	uint64_t tokens[64];
	unsigned int i;

	(void)state;
	for (i = 0; i < 512; i++)
		push(&w->source, 1, i % 64, 2 * i, 0);
	svart_fault_pump(w->service);
	for (i = 0; i < 64; i++)
		tokens[i] = push(&w->source, 1, i, 2 * (512 + i), LAST);
	assert_int_equal(svart_fault_pump(w->service), 64);
	for (i = 0; i < 64; i++)
		assert_int_equal(fake_source_code(&w->source, tokens[i]), SUCCESS);
	assert_int_equal(w->space.nr_calls, 576);
	fake_world_destroy(w);
}

static void test_s7_no_memory_leaves_no_partial_request_and_is_answered(void **state)
{
	struct fake_world *w = *state;
	struct svart_fault_lane *lane = svart_fault_lane_find(w->service, &w->source.base);
	struct svart_page_request r = { .addr = PAGE_AT(1), .access = R, .flags = PASID };
	unsigned int i;

	for (i = 0; i < 256; i++)
		assert_int_equal(svart_raw_report(w->service, lane, &r, 0), 0);
	r.flags |= LAST;
	r.token = 5;
	assert_int_equal(svart_raw_report(w->service, lane, &r, 0), -ENOMEM);
	svart_fault_flush(&w->service->worker);
	assert_int_equal(fake_source_code(&w->source, 5), INVALID);
	assert_int_equal(svart_group_pool_free(w->service->pool), 256);
}

static void test_s7_what_is_no_page_request_is_refused_and_answered(void **state)
{
	struct fake_world *w = *state;
	struct svart_fault_lane *lane = svart_fault_lane_find(w->service, &w->source.base);
	struct svart_page_request r = { .flags = LAST | BAD, .token = 5 };

	assert_int_equal(svart_raw_report(w->service, lane, &r, 0), -EOPNOTSUPP);
	svart_fault_ready_flush(w->service);
	assert_int_equal(fake_source_code(&w->source, 5), INVALID);
	assert_int_equal(w->space.nr_calls, 0);
}

static void test_s8_overflow_drops_partial_requests_and_counts(void **state)
{
	struct fake_world *w = *state;

	push(&w->source, 1, 7, 10, 0);
	svart_fault_pump(w->service);
	w->source.fetch_rc = -EOVERFLOW;
	push(&w->source, 1, 8, 11, 0);
	svart_fault_pump(w->service);
	w->source.fetch_rc = 0;
	assert_int_equal(fake_world_stats(w).overflows, 1);
	assert_int_equal(fake_world_stats(w).dropped, 1);
	push(&w->source, 1, 7, 20, LAST);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 1);
	assert_call(w, 0, 20);
}

static void test_s8_nothing_of_a_removed_source_reaches_the_next(void **state)
{
	struct fake_world *w = *state;

	push(&w->source, 1, 7, 10, 0);
	svart_fault_pump(w->service);
	svart_fault_service_remove(w->service, &w->source.base);
	assert_int_equal(svart_fault_service_add(w->service, &w->source.base, &w->space), 0);
	push(&w->source, 1, 7, 20, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(w->space.nr_calls, 1);
	assert_call(w, 0, 20);
}

#define t(name) cmocka_unit_test_setup_teardown(name, setup, fake_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_s1_requests_are_parked_until_the_last_gathers_them),
		t(test_s2_group_ids_are_a_devices_own),
		t(test_s2_group_ids_are_a_pasids_own),
		t(test_s3_requests_can_be_handled_as_they_come),
		t(test_s4_flagged_request_is_answered_before_the_last_with_its_data),
		t(test_s4_private_data_alone_asks_for_nothing),
		t(test_s6_512_partial_requests_find_their_groups),
		t(test_s7_no_memory_leaves_no_partial_request_and_is_answered),
		t(test_s7_what_is_no_page_request_is_refused_and_answered),
		t(test_s8_overflow_drops_partial_requests_and_counts),
		t(test_s8_nothing_of_a_removed_source_reaches_the_next),
	};

	return cmocka_run_group_tests_name("requirements", tests, NULL, NULL);
}

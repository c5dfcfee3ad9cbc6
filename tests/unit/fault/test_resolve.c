/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>

#include "fake.h"

static void assert_call(
	const struct fake_world *w, unsigned int i, uint64_t from, uint64_t to, unsigned int access)
{
	assert_true(i < w->space.nr_calls);
	assert_int_equal(w->space.calls[i].start, PAGE_AT(from));
	assert_int_equal(w->space.calls[i].end, PAGE_AT(to));
	assert_int_equal(w->space.calls[i].access, access);
}

/** Pages 100 and above do not exist; 50 to 99 cannot be written. */
static int rule_some(uint64_t page, unsigned int access)
{
	if (page >= PAGE_AT(100))
		return -EFAULT;
	return page >= PAGE_AT(50) && (access & W) ? -EFAULT : 0;
}

static int rule_no_memory(uint64_t page, unsigned int access)
{
	(void)access;
	return page == PAGE_AT(3) ? -ENOMEM : 0;
}

static void test_resolve_adjacent_pages_of_all_groups_are_one_range(void **state)
{
	struct fake_world *w = *state;

	fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID);
	fake_source_push(&w->source, 1, 2, PAGE_AT(2), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(0), R, PASID | LAST);
	fake_source_push(&w->source, 1, 2, PAGE_AT(1) + 123, R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(w->space.nr_calls, 1);
	assert_call(w, 0, 0, 4, R);
}

static void test_resolve_duplicate_pages_are_asked_for_once(void **state)
{
	struct fake_world *w = *state;

	fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);
	fake_source_push(&w->source, 1, 2, PAGE_AT(5), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(w->space.nr_calls, 1);
	assert_call(w, 0, 5, 6, R);
}

static void test_resolve_pages_with_a_gap_are_two_ranges(void **state)
{
	struct fake_world *w = *state;

	fake_source_push(&w->source, 1, 1, PAGE_AT(7), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 2);
	assert_call(w, 0, 5, 6, R);
	assert_call(w, 1, 7, 8, R);
}

static void test_resolve_exec_is_read_and_priv_is_nothing_of_its_own(void **state)
{
	struct fake_world *w = *state;

	fake_source_push(&w->source, 1, 1, PAGE_AT(5), X | SVART_ACCESS_PRIV, PASID | LAST);
	svart_fault_pump(w->service);
	assert_call(w, 0, 5, 6, R);
}

static void test_resolve_written_pages_are_no_range_with_read_ones(void **state)
{
	struct fake_world *w = *state;

	fake_source_push(&w->source, 1, 1, PAGE_AT(0), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), W, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(2), W, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 3);
	assert_call(w, 0, 0, 1, R);
	assert_call(w, 1, 1, 3, W);
	assert_call(w, 2, 3, 4, R);
}

static void test_resolve_reader_of_a_page_that_cannot_be_written_succeeds(void **state)
{
	struct fake_world *w = *state;
	uint64_t reader, writer;

	w->space.rule = rule_some;
	writer = fake_source_push(&w->source, 1, 1, PAGE_AT(50), W, PASID | LAST);
	reader = fake_source_push(&w->source, 1, 2, PAGE_AT(50), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, reader), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, writer), INVALID);
}

static void test_resolve_bad_group_in_a_merged_range_fails_alone(void **state)
{
	struct fake_world *w = *state;
	uint64_t tokens[4];
	int i;

	w->space.rule = rule_some;
	for (i = 0; i < 4; i++)
		tokens[i] =
			fake_source_push(&w->source, 1, 1 + i, PAGE_AT(97 + i), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(
			fake_source_code(&w->source, tokens[i]), i == 3 ? INVALID : SUCCESS);
	assert_call(w, 0, 97, 101, R);
}

static void test_resolve_one_bad_page_fails_its_whole_group(void **state)
{
	struct fake_world *w = *state;
	uint64_t token, other;

	w->space.rule = rule_some;
	fake_source_push(&w->source, 1, 1, PAGE_AT(100), R, PASID);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(99), R, PASID | LAST);
	other = fake_source_push(&w->source, 1, 2, PAGE_AT(99), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(fake_source_code(&w->source, other), SUCCESS);
}

static void test_resolve_failed_single_page_is_not_asked_for_again(void **state)
{
	struct fake_world *w = *state;

	w->space.rule = rule_some;
	fake_source_push(&w->source, 1, 1, PAGE_AT(100), R, PASID | LAST);
	fake_source_push(&w->source, 1, 2, PAGE_AT(100), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(fake_world_stats(w).answers_invalid, 2);
}

static void test_resolve_range_too_large_for_memory_is_tried_by_pages(void **state)
{
	struct fake_world *w = *state;
	uint64_t token;
	int i;

	w->space.range_limit = 2;
	for (i = 0; i < 7; i++)
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(7), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
}

static void test_resolve_page_without_memory_is_invalid(void **state)
{
	struct fake_world *w = *state;
	uint64_t token, other;

	w->space.rule = rule_no_memory;
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID | LAST);
	other = fake_source_push(&w->source, 1, 2, PAGE_AT(4), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(fake_source_code(&w->source, other), SUCCESS);
}

static void test_resolve_forgotten_range_is_tried_again(void **state)
{
	struct fake_world *w = *state;
	uint64_t token;

	w->space.again = 3;
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
}

/** SUCCESS makes the device ask again, when the page is there, or is not. */
static void test_resolve_range_forgotten_for_ever_is_left_to_the_device(void **state)
{
	struct fake_world *w = *state;
	uint64_t token;

	w->space.again = 1000000;
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_true(w->space.nr_calls < 100);
}

static void test_resolve_last_page_of_all_is_invalid(void **state)
{
	struct fake_world *w = *state;
	uint64_t token = fake_source_push(&w->source, 1, 1, UINT64_MAX - 5, R, PASID | LAST);

	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(w->space.nr_calls, 0);
}

static void test_resolve_malformed_group_is_invalid_without_a_look(void **state)
{
	struct fake_world *w = *state;
	uint64_t token, other;

	fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(4), R, PASID | LAST | BAD);
	other = fake_source_push(&w->source, 1, 2, PAGE_AT(5), R, PASID | LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(fake_source_code(&w->source, other), SUCCESS);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(fake_world_stats(w).dropped, 1);
}

static void test_resolve_spaces_are_merged_each_for_itself(void **state)
{
	struct fake_world *w = *state;
	struct svart_space space;
	struct fake_source source;
	uint64_t i;

	fake_space_init(&space);
	fake_source_init(&source, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &source.base, &space), 0);
	for (i = 3; i < 6; i++) {
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID | (i == 5 ? LAST : 0));
		fake_source_push(&source, 1, 1, PAGE_AT(i), R, PASID | (i == 5 ? LAST : 0));
	}
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(w->space.nr_calls, 1);
	assert_call(w, 0, 3, 6, R);
	assert_int_equal(space.nr_calls, 1);
	assert_int_equal(space.calls[0].start, PAGE_AT(3));
	assert_int_equal(space.calls[0].end, PAGE_AT(6));
	svart_fault_service_remove(w->service, &source.base);
	fake_source_fini(&source);
	fake_space_fini(&space);
}

/** Some pages are bad, some cannot be written. */
static int rule_scattered(uint64_t page, unsigned int access)
{
	uint64_t n = (page - PAGE_AT(0)) / PAGE;

	if (n % 11 == 3)
		return -EFAULT;
	return n % 5 == 2 && (access & W) ? -EFAULT : 0;
}

static void test_resolve_random_groups_are_each_decided_by_their_own_pages(void **state)
{
	static const uint32_t accesses[] = { R, W, RW, X, X | W };
	uint64_t seed = fake_seed(), page, token;
	struct fake_world *w = *state;
	unsigned int round, group, i, nr;
	uint64_t tokens[8];
	uint32_t access, codes[8];

	w->space.rule = rule_scattered;
	for (round = 0; round < 300; round++) {
		for (group = 0; group < 8; group++) {
			codes[group] = SUCCESS;
			nr = 1 + (unsigned int)(fake_random(&seed) % 6);
			for (i = 0; i < nr; i++) {
				page = PAGE_AT(fake_random(&seed) % 40);
				access = accesses[fake_random(&seed) % 5];
				if (rule_scattered(page, access & W) != 0)
					codes[group] = INVALID;
				token = fake_source_push(&w->source, 1, group, page, access,
					PASID | (i + 1 == nr ? LAST : 0));
			}
			tokens[group] = token;
		}
		assert_int_equal(svart_fault_pump(w->service), 8);
		for (group = 0; group < 8; group++)
			assert_int_equal(fake_source_code(&w->source, tokens[group]), codes[group]);
	}
}

#define t(name) cmocka_unit_test_setup_teardown(name, fake_world_setup, fake_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_resolve_adjacent_pages_of_all_groups_are_one_range),
		t(test_resolve_duplicate_pages_are_asked_for_once),
		t(test_resolve_pages_with_a_gap_are_two_ranges),
		t(test_resolve_exec_is_read_and_priv_is_nothing_of_its_own),
		t(test_resolve_written_pages_are_no_range_with_read_ones),
		t(test_resolve_reader_of_a_page_that_cannot_be_written_succeeds),
		t(test_resolve_bad_group_in_a_merged_range_fails_alone),
		t(test_resolve_one_bad_page_fails_its_whole_group),
		t(test_resolve_failed_single_page_is_not_asked_for_again),
		t(test_resolve_range_too_large_for_memory_is_tried_by_pages),
		t(test_resolve_page_without_memory_is_invalid),
		t(test_resolve_forgotten_range_is_tried_again),
		t(test_resolve_range_forgotten_for_ever_is_left_to_the_device),
		t(test_resolve_last_page_of_all_is_invalid),
		t(test_resolve_malformed_group_is_invalid_without_a_look),
		t(test_resolve_spaces_are_merged_each_for_itself),
		t(test_resolve_random_groups_are_each_decided_by_their_own_pages),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}

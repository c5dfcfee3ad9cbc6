/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Sources that deliver whole groups, which no table assembles, whatever pieces they are fetched in. */

#include <errno.h>

#include "engine.h"
#include "fake.h"

#define NODES 64

static int setup(void **state)
{
	struct svart_fault_params params = {
		.run = SVART_FAULT_RUN_INLINE,
		.max_requests = NODES,
	};

	*state = fake_world_create_whole(&params);
	return 0;
}

static uint64_t push(struct fake_world *w, uint32_t group, unsigned int page, uint32_t flags)
{
	return fake_source_push(&w->source, 1, group, PAGE_AT(page), R, PASID | flags);
}

/** Queues a group of nr records. @return its LAST's token. */
static uint64_t push_group(struct fake_world *w, uint32_t group, unsigned int page, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i + 1 < nr; i++)
		push(w, group, page + i, 0);
	return push(w, group, page + i, LAST);
}

static void pump_all(struct fake_world *w)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		svart_fault_pump(w->service);
}

static uint32_t nodes_free(const struct fake_world *w)
{
	return svart_group_pool_free(w->service->pool);
}

static void test_whole_lane_has_no_wing(void **state)
{
	struct fake_world *w = *state;

	assert_null(svart_fault_lane_find(w->service, &w->source.base)->wing);
}

static void test_whole_group_that_comes_in_pieces_is_handed_on_at_its_last(void **state)
{
	struct fake_world *w = *state;
	uint64_t last;

	push(w, 1, 1, 0);
	push(w, 1, 2, 0);
	assert_int_equal(svart_fault_pump(w->service), 0);
	push(w, 1, 3, 0);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(w->space.nr_calls, 0);
	last = push(w, 1, 4, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(w->space.calls[0].start, PAGE_AT(1));
	assert_int_equal(w->space.calls[0].end, PAGE_AT(5));
	assert_int_equal(nodes_free(w), NODES);
}

static void test_whole_groups_of_one_id_are_answered_each(void **state)
{
	struct fake_world *w = *state;
	uint64_t first = push_group(w, 1, 1, 3), second = push_group(w, 1, 9, 1),
		 third = push_group(w, 1, 20, 2);

	assert_int_equal(svart_fault_pump(w->service), 3);
	assert_int_equal(fake_source_code(&w->source, first), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, second), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, third), SUCCESS);
	assert_int_equal(fake_world_stats(w).groups, 3);
}

static void test_whole_group_may_take_every_node(void **state)
{
	struct fake_world *w = *state;
	uint64_t last = push_group(w, 1, 0, NODES);

	pump_all(w);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(fake_world_stats(w).dropped, 0);
	assert_int_equal(nodes_free(w), NODES);
}

static void test_whole_group_that_has_too_few_nodes_is_answered_invalid_at_its_last(void **state)
{
	struct fake_world *w = *state;
	uint64_t bad, good;
	unsigned int i;

	for (i = 0; i < 2 * NODES; i++)
		push(w, 1, i, 0);
	pump_all(w);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);
	assert_int_equal(nodes_free(w), NODES);
	bad = push(w, 1, i, LAST);
	good = push_group(w, 1, 300, 3);
	pump_all(w);
	assert_int_equal(fake_source_code(&w->source, bad), INVALID);
	assert_int_equal(fake_source_code(&w->source, good), SUCCESS);
	assert_int_equal(fake_source_nr_answers(&w->source), 2);
	assert_int_equal(fake_world_stats(w).groups, 2);
	assert_int_equal(fake_world_stats(w).dropped, 2 * NODES + 1);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(nodes_free(w), NODES);
}

static void test_whole_group_that_is_malformed_is_answered_invalid_and_counted(void **state)
{
	struct fake_world *w = *state;
	uint64_t bad = push(w, 1, 1, LAST | BAD), good = push_group(w, 1, 2, 2);

	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(fake_source_code(&w->source, bad), INVALID);
	assert_int_equal(fake_source_code(&w->source, good), SUCCESS);
	assert_int_equal(fake_world_stats(w).dropped, 1);
}

static void test_whole_source_that_is_lost_leaves_no_open_group(void **state)
{
	struct fake_world *w = *state;

	push(w, 1, 1, 0);
	push(w, 1, 2, 0);
	svart_fault_pump(w->service);
	assert_int_equal(nodes_free(w), NODES - 2);
	w->source.fetch_rc = -ENODEV;
	push(w, 1, 3, 0);
	pump_all(w);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_FETCH, ENODEV);
	assert_int_equal(nodes_free(w), NODES);
	assert_int_equal(fake_world_stats(w).dropped, 2);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);
}

static void test_whole_source_that_is_removed_leaves_no_open_group(void **state)
{
	struct fake_world *w = *state;

	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	fake_world_remove(w);
	assert_int_equal(nodes_free(w), NODES);
	assert_int_equal(fake_world_stats(w).dropped, 1);
}

static void test_whole_group_that_is_open_when_all_is_asked_again_is_answered_unseen(void **state)
{
	struct fake_world *w = *state;
	uint64_t last, next;

	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	push(w, 1, 2, 0);
	last = push(w, 1, 3, LAST);
	assert_int_equal(svart_fault_service_ask_again(w->service, &w->source.base), 0);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(w->space.nr_calls, 0);
	assert_int_equal(nodes_free(w), NODES);
	next = push_group(w, 1, 5, 2);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, next), SUCCESS);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(w->space.calls[0].start, PAGE_AT(5));
}

/** It is no raw queue: there is nothing that an overflow could have torn. */
static void test_whole_source_that_says_overflow_has_failed_for_now(void **state)
{
	struct fake_world *w = *state;
	uint64_t last;

	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	atomic_store(&w->m.clock_ns, 1000);
	w->source.fetch_rc = -EOVERFLOW;
	last = push(w, 1, 2, LAST);
	svart_fault_pump(w->service);
	w->source.fetch_rc = 0;
	atomic_store(&w->m.clock_ns, 1000 + 2 * SVART_FAULT_RETRY_NS);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(fake_world_stats(w).overflows, 0);
	assert_int_equal(w->space.calls[0].end - w->space.calls[0].start, 2 * PAGE);
}

/** Groups of any length, in any pieces, with threads: one answer to each. */
static void test_whole_groups_are_answered_once_each(void **state)
{
	enum { ROUNDS = 400, GROUPS = 7 };
	struct svart_fault_params params = { .resolvers = 2, .max_requests = NODES };
	struct fake_world *w = fake_world_create_whole(&params);
	unsigned int round, i, nr = 0, pages = 0;
	uint64_t seed = fake_seed(), tokens[GROUPS];

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < GROUPS; i++)
			tokens[i] = push_group(
				w, i % 3, 3 * pages++, 1 + (unsigned int)(fake_random(&seed) % 20));
		nr += GROUPS;
		fake_source_wait(&w->source, nr);
		for (i = 0; i < GROUPS; i++)
			assert_int_equal(fake_source_answered(&w->source, tokens[i]), 1);
	}
	assert_int_equal(fake_source_nr_answers(&w->source), nr);
	fake_world_remove(w);
	assert_int_equal(nodes_free(w), NODES);
	assert_int_equal(fake_world_stats(w).groups, nr);
	fake_world_destroy(w);
}

#define t(name) cmocka_unit_test_setup_teardown(name, setup, fake_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_whole_lane_has_no_wing),
		t(test_whole_group_that_comes_in_pieces_is_handed_on_at_its_last),
		t(test_whole_groups_of_one_id_are_answered_each),
		t(test_whole_group_may_take_every_node),
		t(test_whole_group_that_has_too_few_nodes_is_answered_invalid_at_its_last),
		t(test_whole_group_that_is_malformed_is_answered_invalid_and_counted),
		t(test_whole_source_that_is_lost_leaves_no_open_group),
		t(test_whole_source_that_is_removed_leaves_no_open_group),
		t(test_whole_group_that_is_open_when_all_is_asked_again_is_answered_unseen),
		t(test_whole_source_that_says_overflow_has_failed_for_now),
		cmocka_unit_test(test_whole_groups_are_answered_once_each),
	};

	return cmocka_run_group_tests_name("whole", tests, NULL, NULL);
}

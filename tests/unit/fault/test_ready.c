/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Groups whose pages are being invalidated: put aside, handed on again, ended.
 */

#include <errno.h>

#include "engine.h"
#include "fake.h"

/** Pages below are in an open invalidation. */
static _Atomic uint64_t open_below;

static int rule_open(uint64_t page, unsigned int access)
{
	(void)access;
	if (page >= PAGE_AT(1000))
		return -EFAULT;
	return page < atomic_load(&open_below) ? -EINPROGRESS : 0;
}

static struct fake_world *world(const struct svart_fault_params *params)
{
	struct fake_world *w =
		params != NULL ? fake_world_create(params) : fake_world_create_inline(64);

	atomic_store(&open_below, PAGE_AT(10));
	w->space.rule = rule_open;
	return w;
}

static void invalidation_end(struct fake_world *w)
{
	atomic_store(&open_below, 0);
	fake_space_end(&w->space);
}

static unsigned int nr_nodes_free(const struct fake_world *w)
{
	return svart_group_pool_free(w->service->pool);
}

static void test_ready_group_in_an_invalidation_is_answered_after_its_end(void **state)
{
	struct fake_world *w = world(NULL);
	uint64_t inside = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);
	uint64_t beside = fake_source_push(&w->source, 1, 2, PAGE_AT(20), R, PASID | LAST);
	unsigned int calls;

	(void)state;
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, beside), SUCCESS);
	calls = w->space.nr_calls;
	/* It is not tried again before something has ended. */
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(w->space.nr_calls, calls);
	invalidation_end(w);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, inside), SUCCESS);
	assert_int_equal(nr_nodes_free(w), 64);
	fake_world_destroy(w);
}

static void test_ready_end_of_another_invalidation_leaves_it_aside(void **state)
{
	struct fake_world *w = world(NULL);
	uint64_t token = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);

	(void)state;
	assert_int_equal(svart_fault_pump(w->service), 0);
	fake_space_end(&w->space);
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(fake_source_answered(&w->source, token), 0);
	invalidation_end(w);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	fake_world_destroy(w);
}

/** From within resolve: the invalidation ends when its page was found open, before the group rests. */
static struct fake_world *ending_world;

static int rule_end_at_once(uint64_t page, unsigned int access)
{
	int rc = rule_open(page, access);

	if (rc == -EINPROGRESS) {
		atomic_store(&open_below, 0);
		__atomic_fetch_add(&ending_world->space.ends, 1, __ATOMIC_RELEASE);
	}
	return rc;
}

static void test_ready_end_between_the_look_and_the_rest_is_not_missed(void **state)
{
	struct fake_world *w = world(NULL);
	uint64_t token = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);

	(void)state;
	ending_world = w;
	w->space.rule = rule_end_at_once;
	assert_int_equal(svart_fault_pump(w->service), 0);
	assert_int_equal(svart_fault_due_ns(w->service), 0);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	fake_world_destroy(w);
}

static void test_ready_group_with_a_bad_page_does_not_wait_for_another(void **state)
{
	struct fake_world *w = world(NULL);
	uint64_t token;

	(void)state;
	fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(1000), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(nr_nodes_free(w), 64);
	fake_world_destroy(w);
}

static void test_ready_remove_answers_what_is_aside(void **state)
{
	struct fake_world *w = world(NULL);
	uint64_t token = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);

	(void)state;
	assert_int_equal(svart_fault_pump(w->service), 0);
	fake_world_remove(w);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(nr_nodes_free(w), 64);
	fake_world_destroy(w);
}

static void test_ready_single_aside_holds_up_its_group_and_no_other(void **state)
{
	struct fake_world *w = world(NULL);
	uint64_t own, last, other;

	(void)state;
	own = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | OWN);
	last = fake_source_push(&w->source, 1, 1, PAGE_AT(30), R, PASID | LAST);
	other = fake_source_push(&w->source, 1, 2, PAGE_AT(31), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, other), SUCCESS);
	assert_int_equal(fake_source_answered(&w->source, own), 0);
	assert_int_equal(fake_source_answered(&w->source, last), 0);
	invalidation_end(w);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(fake_source_code(&w->source, own), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(nr_nodes_free(w), 64);
	fake_world_destroy(w);
}

static void test_ready_remove_ends_a_group_whose_single_is_aside(void **state)
{
	struct fake_world *w = world(NULL);
	uint64_t own, last;

	(void)state;
	own = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | OWN);
	last = fake_source_push(&w->source, 1, 1, PAGE_AT(30), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 0);
	fake_world_remove(w);
	assert_int_equal(fake_source_code(&w->source, own), INVALID);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
	assert_int_equal(nr_nodes_free(w), 64);
	fake_world_destroy(w);
}

/* --- with threads ---------------------------------------------------------------------------------- */

static void check_thread(uint32_t resolvers)
{
	const struct svart_fault_params params = { .resolvers = resolvers, .max_requests = 64 };
	struct fake_world *w = world(&params);
	uint64_t inside, beside;
	unsigned int round;

	for (round = 0; round < 20; round++) {
		atomic_store(&open_below, PAGE_AT(10));
		inside = fake_source_push(&w->source, 1, 2 * round, PAGE_AT(5), R, PASID | LAST);
		beside = fake_source_push(
			&w->source, 1, 2 * round + 1, PAGE_AT(20), R, PASID | LAST);
		fake_source_wait(&w->source, 2 * round + 1);
		assert_int_equal(fake_source_code(&w->source, beside), SUCCESS);
		invalidation_end(w);
		fake_source_wait(&w->source, 2 * round + 2);
		assert_int_equal(fake_source_code(&w->source, inside), SUCCESS);
	}
	fake_world_destroy(w);
}

static void test_ready_thread_is_waked_by_the_end(void **state)
{
	(void)state;
	check_thread(0);
}

static void test_ready_resolvers_get_it_again_after_the_end(void **state)
{
	(void)state;
	check_thread(2);
}

static void test_ready_deadline_ends_the_rest(void **state)
{
	const struct svart_fault_params params = {
		.resolvers = 1, .max_requests = 64, .deadline_ns = 500 * 1000000
	};
	struct fake_world *w = world(&params);
	uint64_t token = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);

	(void)state;
	fake_source_wait(&w->source, 1);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	fake_wait_until(fake_world_stats(w).deadlines == 1);
	invalidation_end(w);
	token = fake_source_push(&w->source, 1, 2, PAGE_AT(5), R, PASID | LAST);
	fake_source_wait(&w->source, 2);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	fake_world_remove(w);
	assert_int_equal(fake_source_nr_answers(&w->source), 2);
	assert_int_equal(nr_nodes_free(w), 64);
	fake_world_destroy(w);
}

static void *remover(void *arg)
{
	fake_world_remove(arg);
	return NULL;
}

/** The resolver finds the page open when its lane is on its way out: nobody else will answer. */
static void test_ready_group_put_aside_while_its_lane_goes_is_answered(void **state)
{
	const struct svart_fault_params params = { .resolvers = 1, .max_requests = 64 };
	struct fake_world *w = world(&params);
	uint64_t token;
	pthread_t thread;

	(void)state;
	fake_space_block(&w->space, true);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);
	fake_space_wait_inside(&w->space, 1);
	assert_int_equal(pthread_create(&thread, NULL, remover, w), 0);
	fake_wait_until(w->service->lanes[0].state == SVART_FAULT_LANE_REMOVING);
	fake_space_block(&w->space, false);
	pthread_join(thread, NULL);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(nr_nodes_free(w), 64);
	fake_world_destroy(w);
}

/* --- leases ---------------------------------------------------------------------------------------- */

static int rule_no_memory_ahead(uint64_t page, unsigned int access)
{
	(void)access;
	return page >= PAGE_AT(2) ? -ENOMEM : 0;
}

static int rule_no_memory(uint64_t page, unsigned int access)
{
	(void)page;
	(void)access;
	return -ENOMEM;
}

static void assert_call(
	const struct fake_world *w, unsigned int i, uint64_t from, uint64_t to, unsigned int access)
{
	assert_true(i < w->space.nr_calls);
	assert_int_equal(w->space.calls[i].start, PAGE_AT(from));
	assert_int_equal(w->space.calls[i].end, PAGE_AT(to));
	assert_int_equal(w->space.calls[i].access, access);
}

static struct svart_lessee *some_lessee(void)
{
	static int it;

	return (struct svart_lessee *)(void *)&it; /* The fake space never looks into it. */
}

static void test_ready_first_page_of_each_group_is_leased_in_order(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);

	(void)state;
	svart_fault_service_lease(w->service, &w->source.base, some_lessee(), 2);
	fake_source_push(&w->source, 1, 1, PAGE_AT(9), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(4), R, PASID | LAST);
	fake_source_push(&w->source, 1, 2, PAGE_AT(1), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(w->space.nr_leased, 0); /* Nothing was ever evicted. */
	w->space.tight = true;
	fake_source_push(&w->source, 1, 1, PAGE_AT(9), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(3), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(4), R, PASID | LAST);
	fake_source_push(&w->source, 1, 2, PAGE_AT(1), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(w->space.nr_leased, 2);
	assert_int_equal(w->space.leased[0], PAGE_AT(9));
	assert_int_equal(w->space.leased[1], PAGE_AT(1));
	/* What may be needed with the first is mapped last, after all that is asked for ahead. */
	assert_call(w, w->space.nr_calls - 3, 9, 10, R);
	assert_call(w, w->space.nr_calls - 2, 3, 4, R);
	assert_call(w, w->space.nr_calls - 1, 1, 2, R);
	fake_world_destroy(w);
}

static void test_ready_pages_asked_ahead_that_do_not_fit_are_no_failure(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	uint64_t token;
	unsigned int i;

	(void)state;
	svart_fault_service_lease(w->service, &w->source.base, some_lessee(), 2);
	w->space.rule = rule_no_memory_ahead;
	for (i = 0; i < 7; i++)
		fake_source_push(&w->source, 1, 1, PAGE_AT(i), R, PASID);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(7), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_int_equal(w->space.nr_leased, 1);
	fake_world_destroy(w);
}

/** What is asked for ahead comes as records of their own on raw queues: they must not take leases. */
static void test_ready_single_is_not_leased(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);

	(void)state;
	svart_fault_service_lease(w->service, &w->source.base, some_lessee(), 2);
	w->space.tight = true;
	fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | OWN);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(w->space.nr_leased, 0);
	fake_source_push(&w->source, 1, 1, PAGE_AT(6), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(w->space.nr_leased, 1);
	assert_int_equal(w->space.leased[0], PAGE_AT(5));
	fake_world_destroy(w);
}

static void test_ready_needed_page_that_does_not_fit_is_refused_and_noted(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	uint64_t token;

	(void)state;
	svart_fault_service_lease(w->service, &w->source.base, some_lessee(), 2);
	w->space.rule = rule_no_memory;
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(5), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(w->space.refused, PAGE_AT(5));
	fake_world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ready_group_in_an_invalidation_is_answered_after_its_end),
		cmocka_unit_test(test_ready_end_of_another_invalidation_leaves_it_aside),
		cmocka_unit_test(test_ready_end_between_the_look_and_the_rest_is_not_missed),
		cmocka_unit_test(test_ready_group_with_a_bad_page_does_not_wait_for_another),
		cmocka_unit_test(test_ready_remove_answers_what_is_aside),
		cmocka_unit_test(test_ready_single_aside_holds_up_its_group_and_no_other),
		cmocka_unit_test(test_ready_remove_ends_a_group_whose_single_is_aside),
		cmocka_unit_test(test_ready_thread_is_waked_by_the_end),
		cmocka_unit_test(test_ready_resolvers_get_it_again_after_the_end),
		cmocka_unit_test(test_ready_deadline_ends_the_rest),
		cmocka_unit_test(test_ready_group_put_aside_while_its_lane_goes_is_answered),
		cmocka_unit_test(test_ready_first_page_of_each_group_is_leased_in_order),
		cmocka_unit_test(test_ready_pages_asked_ahead_that_do_not_fit_are_no_failure),
		cmocka_unit_test(test_ready_single_is_not_leased),
		cmocka_unit_test(test_ready_needed_page_that_does_not_fit_is_refused_and_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Devices that are to ask again: whatever was asked for is answered SUCCESS once, and never mapped. */

#include <errno.h>
#include <unistd.h>

#include "engine.h"
#include "fake.h"

static uint64_t push(struct fake_world *w, uint32_t group, unsigned int page, uint32_t flags)
{
	return fake_source_push(&w->source, 1, group, PAGE_AT(page), R, PASID | flags);
}

static void ask_again(struct fake_world *w)
{
	assert_int_equal(svart_fault_service_ask_again(w->service, &w->source.base), 0);
}

static void assert_all_free(const struct fake_world *w)
{
	assert_int_equal(svart_group_pool_free(w->service->pool), w->service->params.max_requests);
}

/** However long it goes on, nothing is mapped, and nothing more is answered. */
static void assert_nothing_comes(struct fake_world *w, unsigned int nr_calls)
{
	unsigned int nr_answers = fake_source_nr_answers(&w->source);

	svart_fault_pump(w->service);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, nr_calls);
	assert_int_equal(fake_source_nr_answers(&w->source), nr_answers);
	assert_all_free(w);
}

/* --- where a request can be ----------------------------------------------------------------------- */

static void test_again_what_waits_in_the_source_is_answered_and_not_mapped(void **state)
{
	struct fake_world *w = *state;
	uint64_t first, second;

	push(w, 1, 1, 0);
	first = push(w, 1, 2, LAST);
	second = push(w, 2, 3, LAST);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, first), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, second), SUCCESS);
	assert_int_equal(fake_source_nr_answers(&w->source), 2);
	assert_int_equal(fake_world_stats(w).page_requests, 3);
	assert_int_equal(fake_world_stats(w).groups, 2);
	assert_nothing_comes(w, 0);
}

static void test_again_more_than_a_service_can_hold_is_answered(void **state)
{
	struct fake_world *w = *state;
	unsigned int i;

	for (i = 0; i < 1500; i++)
		push(w, i, i, i % 2 == 0 ? 0u : (unsigned int)LAST);
	ask_again(w);
	assert_int_equal(fake_world_stats(w).answers_success, 750);
	assert_int_equal(fake_world_stats(w).answers_invalid, 0);
	assert_nothing_comes(w, 0);
}

static void test_again_partial_group_joins_none_that_comes_later(void **state)
{
	struct fake_world *w = *state;
	uint64_t last;

	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	ask_again(w);
	assert_all_free(w);
	assert_int_equal(fake_world_stats(w).dropped, 1);
	last = push(w, 1, 7, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(w->space.calls[0].start, PAGE_AT(7));
	assert_int_equal(w->space.calls[0].end, PAGE_AT(8));
}

static void test_again_records_that_are_owed_an_answer_get_it(void **state)
{
	struct fake_world *w = *state;
	uint64_t own, last, lone;

	own = push(w, 1, 1, OWN);
	last = push(w, 1, 2, OWN | LAST);
	lone = push(w, 2, 3, OWN);
	push(w, 2, 4, 0);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, own), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, lone), SUCCESS);
	assert_int_equal(fake_world_stats(w).answers_own, 2);
	assert_nothing_comes(w, 0);
}

static void test_again_malformed_group_is_refused_and_a_stop_marker_left(void **state)
{
	struct fake_world *w = *state;
	uint64_t bad = push(w, 1, 1, BAD | LAST);

	fake_source_push(&w->source, 1, 2, PAGE_AT(2), 0, PASID | LAST);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, bad), INVALID);
	assert_int_equal(fake_source_nr_answers(&w->source), 1);
	assert_nothing_comes(w, 0);
}

static int rule_open(uint64_t page, unsigned int access)
{
	(void)page;
	(void)access;
	return -EINPROGRESS;
}

static void test_again_group_that_was_put_aside_does_not_come_back(void **state)
{
	struct fake_world *w = *state;
	uint64_t token = push(w, 1, 1, LAST);

	w->space.rule = rule_open;
	assert_int_equal(svart_fault_pump(w->service), 0);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	w->space.rule = NULL;
	fake_space_end(&w->space);
	assert_nothing_comes(w, 1);
}

static void test_again_group_that_waits_for_a_single_ends_with_it(void **state)
{
	struct fake_world *w = *state;
	uint64_t own = push(w, 1, 1, OWN), last = push(w, 1, 2, LAST);

	w->space.rule = rule_open;
	assert_int_equal(svart_fault_pump(w->service), 0);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, own), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	fake_space_end(&w->space);
	assert_nothing_comes(w, 1);
}

static void test_again_eager_pages_that_wait_are_mapped_no_more(void **state)
{
	struct fake_world *w = *state;

	assert_int_equal(
		svart_fault_service_set_mode(w->service, &w->source.base, SVART_FAULT_EAGER), 0);
	push(w, 1, 1, 0);
	w->space.rule = rule_open;
	svart_fault_pump(w->service);
	ask_again(w);
	w->space.rule = NULL;
	fake_space_end(&w->space);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);
	assert_nothing_comes(w, 1);
}

/* --- resolvers ------------------------------------------------------------------------------------- */

/** The resolver has the group, and is before the question whether it is wanted. */
static void test_again_resolver_maps_nothing_for_a_group_that_was_taken(void **state)
{
	const struct svart_fault_params params = { .resolvers = 1, .max_requests = 64 };
	struct fake_world *w = fake_world_create(&params);
	uint64_t claimed, queued, later;

	(void)state;
	fake_space_block(&w->space, true);
	claimed = push(w, 1, 1, LAST);
	fake_space_wait_inside(&w->space, 1);
	queued = push(w, 2, 5, LAST);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, claimed), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, queued), SUCCESS);
	fake_space_block(&w->space, false);
	/* The one resolver takes it after the others: when it is answered, it has looked at all of them. */
	later = push(w, 3, 6, LAST);
	fake_source_wait(&w->source, 3);
	assert_int_equal(fake_source_code(&w->source, later), SUCCESS);
	fake_world_remove(w);
	assert_int_equal(w->space.nr_calls, 2);
	assert_int_equal(w->space.calls[0].rc, -ECANCELED);
	assert_int_equal(w->space.calls[1].start, PAGE_AT(6));
	assert_int_equal(fake_source_nr_answers(&w->source), 3);
	assert_all_free(w);
	fake_world_destroy(w);
}

static void test_again_is_told_while_the_thread_that_fetches_maps(void **state)
{
	const struct svart_fault_params params = { .max_requests = 64 };
	struct fake_world *w = fake_world_create(&params);
	uint64_t token;

	(void)state;
	fake_space_block(&w->space, true);
	token = push(w, 1, 1, LAST);
	fake_space_wait_inside(&w->space, 1);
	assert_int_equal(svart_fault_service_ask_again(w->service, &w->source.base), -EBUSY);
	fake_space_block(&w->space, false);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	fake_world_destroy(w);
}

/* --- sources that do not do as told ----------------------------------------------------------------- */

static int nr_later;
static ssize_t (*fetch_now)(
	struct svart_fault_source *s, struct svart_page_request *out, size_t nr);

static ssize_t fetch_later(struct svart_fault_source *s, struct svart_page_request *out, size_t nr)
{
	return nr_later-- > 0 ? -EAGAIN : fetch_now(s, out, nr);
}

static struct fake_world *world_later(int nr)
{
	struct fake_world *w = fake_world_create_inline(64);

	nr_later = nr;
	fetch_now = w->source.ops.fetch;
	w->source.ops.fetch = fetch_later;
	return w;
}

static void test_again_source_that_says_later_is_asked_until_it_has_none(void **state)
{
	struct fake_world *w = world_later(20);
	uint64_t token = push(w, 1, 1, LAST);

	(void)state;
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_nothing_comes(w, 0);
	fake_world_destroy(w);
}

static void test_again_source_that_never_ends_saying_so_is_told(void **state)
{
	struct fake_world *w = world_later(1000000);

	(void)state;
	assert_int_equal(svart_fault_service_ask_again(w->service, &w->source.base), -EBUSY);
	fake_world_destroy(w);
}

static void test_again_lost_source_answers_what_waits_and_is_not_fetched(void **state)
{
	struct fake_world *w = *state;
	unsigned int nr;

	push(w, 1, 1, LAST);
	w->space.rule = rule_open;
	assert_int_equal(svart_fault_pump(w->service), 0);
	svart_fault_lose(&w->service->lanes[0], SVART_FAULT_LOSS_CHECK, EIO);
	nr = w->source.nr_fetches;
	ask_again(w);
	assert_int_equal(w->source.nr_fetches, nr);
	assert_int_equal(fake_source_nr_answers(&w->source), 1);
	assert_all_free(w);
}

static void test_again_source_that_is_not_served_is_none_of_it(void **state)
{
	struct fake_world *w = *state;

	fake_world_remove(w);
	ask_again(w);
}

/* --- others ------------------------------------------------------------------------------------------ */

/** Another attachment of another device keeps what it has asked for. */
static void test_again_concerns_no_other_source(void **state)
{
	struct fake_world *w = *state;
	struct fake_source other;
	uint64_t token;

	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	token = fake_source_push(&other, 1, 1, PAGE_AT(1), R, PASID | LAST);
	ask_again(w);
	assert_int_equal(fake_source_nr_answers(&other), 0);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&other, token), SUCCESS);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(svart_fault_service_remove(w->service, &other.base), 0);
	fake_source_fini(&other);
}

/** Sources of one raw queue: what an overflow holds back comes when both have told it. */
static bool told[2];
static struct fake_source *both[2];

static ssize_t fetch_overflowed(
	struct svart_fault_source *s, struct svart_page_request *out, size_t nr)
{
	unsigned int i = s == &both[1]->base;

	if (told[0] && told[1])
		return fetch_now(s, out, nr);
	if (told[i])
		return 0;
	told[i] = true;
	return -EOVERFLOW;
}

static void test_again_overflow_is_told_by_all_that_share_the_queue(void **state)
{
	struct fake_world *w = *state;
	struct fake_source second;
	uint64_t token;
	int fd;

	fake_source_init(&second, &w->m);
	fd = second.base.fd;
	second.base.fd = w->source.base.fd;
	told[0] = told[1] = false;
	both[0] = &w->source;
	both[1] = &second;
	fetch_now = w->source.ops.fetch;
	w->source.ops.fetch = second.ops.fetch = fetch_overflowed;
	assert_int_equal(svart_fault_service_add(w->service, &second.base, &w->space), 0);
	token = push(w, 1, 1, LAST);
	ask_again(w);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_int_equal(fake_world_stats(w).overflows, 2);
	assert_int_equal(w->space.nr_calls, 0);
	assert_int_equal(svart_fault_service_remove(w->service, &second.base), 0);
	second.base.fd = fd;
	fake_source_fini(&second);
}

#define t(f) cmocka_unit_test_setup_teardown(f, fake_world_setup, fake_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_again_what_waits_in_the_source_is_answered_and_not_mapped),
		t(test_again_more_than_a_service_can_hold_is_answered),
		t(test_again_partial_group_joins_none_that_comes_later),
		t(test_again_records_that_are_owed_an_answer_get_it),
		t(test_again_malformed_group_is_refused_and_a_stop_marker_left),
		t(test_again_group_that_was_put_aside_does_not_come_back),
		t(test_again_group_that_waits_for_a_single_ends_with_it),
		t(test_again_eager_pages_that_wait_are_mapped_no_more),
		cmocka_unit_test(test_again_resolver_maps_nothing_for_a_group_that_was_taken),
		cmocka_unit_test(test_again_is_told_while_the_thread_that_fetches_maps),
		cmocka_unit_test(test_again_source_that_says_later_is_asked_until_it_has_none),
		cmocka_unit_test(test_again_source_that_never_ends_saying_so_is_told),
		t(test_again_lost_source_answers_what_waits_and_is_not_fetched),
		t(test_again_source_that_is_not_served_is_none_of_it),
		t(test_again_concerns_no_other_source),
		t(test_again_overflow_is_told_by_all_that_share_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

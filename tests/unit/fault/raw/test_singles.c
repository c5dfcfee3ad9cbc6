/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Records that are handled before their group's LAST: with an answer of their own, or eagerly. */

#include <errno.h>
#include <unistd.h>

#include "engine.h"
#include "fake.h"

static void set_eager(struct fake_world *w)
{
	svart_fault_service_set_mode(w->service, &w->source.base, SVART_FAULT_EAGER);
}

static uint64_t push(struct fake_world *w, uint32_t group, unsigned int page, uint32_t flags)
{
	return fake_source_push(&w->source, 1, group, PAGE_AT(page), R, PASID | flags);
}

/** The place of the one answer to a token among all answers. */
static unsigned int answer_place(struct fake_world *w, uint64_t token)
{
	unsigned int i = 0;

	while (i < w->source.nr_answers && w->source.answers[i].token != token)
		i++;
	assert_true(i < w->source.nr_answers);
	return i;
}

static int rule_page_3(uint64_t page, unsigned int access)
{
	(void)access;
	return page == PAGE_AT(3) ? -EFAULT : 0;
}

/* --- deferred ------------------------------------------------------------------------------------- */

static void test_deferred_source_resolves_nothing_before_the_last(void **state)
{
	struct fake_world *w = *state;

	push(w, 1, 1, 0);
	push(w, 1, 2, 0);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 0);
	assert_int_equal(fake_world_stats(w).eager_pages, 0);
}

/* --- eager ---------------------------------------------------------------------------------------- */

static void test_eager_source_resolves_pages_before_the_last(void **state)
{
	struct fake_world *w = *state;

	set_eager(w);
	push(w, 1, 1, 0);
	push(w, 1, 2, 0);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 1);
	assert_int_equal(w->space.calls[0].start, PAGE_AT(1));
	assert_int_equal(w->space.calls[0].end, PAGE_AT(3));
	assert_int_equal(fake_world_stats(w).eager_pages, 2);
}

static void test_eager_group_is_answered_at_the_last_once(void **state)
{
	struct fake_world *w = *state;
	uint64_t last;

	set_eager(w);
	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);
	last = push(w, 1, 2, LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(fake_source_nr_answers(&w->source), 1);
}

static void test_eager_failure_is_remembered_until_the_last(void **state)
{
	struct fake_world *w = *state;
	uint64_t last;

	set_eager(w);
	w->space.rule = rule_page_3;
	push(w, 1, 3, 0);
	svart_fault_pump(w->service);
	w->space.rule = NULL;
	last = push(w, 1, 4, LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
}

static void test_eager_failure_is_its_own_groups_only(void **state)
{
	struct fake_world *w = *state;
	uint64_t bad, good;

	set_eager(w);
	w->space.rule = rule_page_3;
	push(w, 1, 3, 0);
	push(w, 2, 4, 0);
	bad = push(w, 1, 5, LAST);
	good = push(w, 2, 6, LAST);
	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(fake_source_code(&w->source, bad), INVALID);
	assert_int_equal(fake_source_code(&w->source, good), SUCCESS);
}

static void test_eager_failure_is_not_the_next_groups_in_the_same_node(void **state)
{
	struct fake_world *w = *state;
	uint64_t last;

	set_eager(w);
	w->space.rule = rule_page_3;
	push(w, 1, 3, 0);
	svart_fault_pump(w->service);
	w->source.fetch_rc = -EOVERFLOW; /* Drops the group; its node is the next one's. */
	push(w, 9, 9, 0);
	svart_fault_pump(w->service);
	w->source.fetch_rc = 0;
	push(w, 1, 4, 0);
	last = push(w, 1, 5, LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
}

static void test_eager_mode_can_be_left(void **state)
{
	struct fake_world *w = *state;

	set_eager(w);
	svart_fault_service_set_mode(w->service, &w->source.base, SVART_FAULT_DEFERRED);
	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 0);
}

static void test_eager_pages_never_take_the_node_of_a_last(void **state)
{
	struct fake_world *w = *state;
	unsigned int i;
	uint64_t last;

	set_eager(w);
	for (i = 0; i < 63; i++)
		push(w, 1, i, 0);
	last = push(w, 1, 63, LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(fake_world_stats(w).dropped, 0);
}

static void test_eager_source_of_whole_groups_is_as_deferred(void **state)
{
	struct svart_fault_params params = { .run = SVART_FAULT_RUN_INLINE, .max_requests = 64 };
	struct fake_world *w = fake_world_create_whole(&params);
	uint64_t last;

	(void)state;
	set_eager(w);
	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	assert_int_equal(w->space.nr_calls, 0);
	last = push(w, 1, 2, LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	assert_int_equal(fake_world_stats(w).eager_pages, 0);
	assert_int_equal(w->space.nr_calls, 1);
	fake_world_destroy(w);
}

/* --- answers of their own -------------------------------------------------------------------------- */

static void test_own_answer_comes_before_its_groups(void **state)
{
	struct fake_world *w = *state;
	uint64_t own = push(w, 1, 1, OWN), last = push(w, 1, 2, LAST);

	svart_fault_pump(w->service);
	assert_true(answer_place(w, own) < answer_place(w, last));
	assert_int_equal(fake_world_stats(w).answers_own, 1);
	assert_int_equal(fake_world_stats(w).answers_success, 2);
}

static void test_own_answer_does_not_wait_for_the_last(void **state)
{
	struct fake_world *w = *state;
	uint64_t own = push(w, 1, 1, OWN);

	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&w->source, own), SUCCESS);
}

static void test_own_answer_that_is_invalid_makes_its_group_invalid(void **state)
{
	struct fake_world *w = *state;
	uint64_t own, last;

	w->space.rule = rule_page_3;
	own = push(w, 1, 3, OWN);
	svart_fault_pump(w->service);
	w->space.rule = NULL;
	last = push(w, 1, 4, LAST);
	svart_fault_pump(w->service);
	assert_int_equal(fake_source_code(&w->source, own), INVALID);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
}

static void test_own_answer_of_a_malformed_record_makes_its_group_invalid(void **state)
{
	struct fake_world *w = *state;
	uint64_t own = push(w, 1, 1, OWN | BAD), last = push(w, 1, 2, LAST);

	assert_int_equal(svart_fault_pump(w->service), 2);
	assert_int_equal(fake_source_code(&w->source, own), INVALID);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
	assert_int_equal(w->space.nr_calls, 0);
}

static void set_fetch_rc(struct fake_world *w, int rc)
{
	pthread_mutex_lock(&w->source.lock);
	w->source.fetch_rc = rc;
	pthread_mutex_unlock(&w->source.lock);
}

/** Pages that do not come: those below. Guarded by the space's lock, like the rule below. */
static struct svart_space *held_space;
static uint64_t held_until;

static int rule_held(uint64_t page, unsigned int access)
{
	(void)access;
	while (page < held_until)
		pthread_cond_wait(&held_space->changed, &held_space->lock);
	return 0;
}

static void hold_below(struct fake_world *w, uint64_t page)
{
	pthread_mutex_lock(&w->space.lock);
	held_space = &w->space;
	held_until = page;
	w->space.rule = rule_held;
	pthread_cond_broadcast(&w->space.changed);
	pthread_mutex_unlock(&w->space.lock);
}

static unsigned int nr_calls(struct fake_world *w)
{
	unsigned int nr;

	pthread_mutex_lock(&w->space.lock);
	nr = w->space.nr_calls;
	pthread_mutex_unlock(&w->space.lock);
	return nr;
}

/** The next group of that id has the place of the first, and waits for its own records alone. */
static void test_own_answer_of_a_group_that_an_overflow_dropped_is_nothing_to_the_next(void **state)
{
	struct svart_fault_params params = { .resolvers = 3 };
	struct fake_world *w = fake_world_create(&params);
	uint64_t first, second, last;

	(void)state;
	hold_below(w, PAGE_AT(4));
	first = push(w, 1, 3, OWN);
	fake_wait_until(nr_calls(w) == 1);
	set_fetch_rc(w, -EOVERFLOW);
	second = push(w, 1, 2, OWN);
	fake_wait_until(fake_world_stats(w).overflows != 0);
	set_fetch_rc(w, 0);
	fake_wait_until(nr_calls(w) == 2);
	last = push(w, 1, 4, LAST);
	fake_wait_until(fake_world_stats(w).groups == 1);
	hold_below(w, PAGE_AT(3));
	fake_source_wait(&w->source, 1);
	assert_int_equal(fake_source_code(&w->source, first), SUCCESS);
	/* Long enough for a group that is handed on to be seen. */
	usleep(20000);
	assert_int_equal(nr_calls(w), 2);
	hold_below(w, 0);
	fake_source_wait(&w->source, 3);
	assert_int_equal(fake_source_code(&w->source, second), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, last), SUCCESS);
	fake_world_destroy(w);
}

/** With resolvers, the slow one has the record: the group must not overtake it. */
static void test_own_answer_is_not_overtaken_by_its_group(void **state)
{
	struct svart_fault_params params = { .resolvers = 4 };
	struct fake_world *w = fake_world_create(&params);
	uint64_t own, last;

	(void)state;
	fake_space_block(&w->space, true);
	own = push(w, 1, 1, OWN);
	fake_space_wait_inside(&w->space, 1);
	last = push(w, 1, 2, LAST);
	fake_wait_until(fake_world_stats(w).groups == 1);
	assert_int_equal(w->space.inside, 1);
	fake_space_block(&w->space, false);
	fake_source_wait(&w->source, 2);
	assert_true(answer_place(w, own) < answer_place(w, last));
	fake_world_destroy(w);
}

static void test_removal_ends_groups_that_wait_for_their_records(void **state)
{
	struct svart_fault_params params = { .resolvers = 2 };
	struct fake_world *w = fake_world_create(&params);
	uint64_t last;

	(void)state;
	fake_space_block(&w->space, true);
	push(w, 1, 1, OWN);
	fake_space_wait_inside(&w->space, 1);
	last = push(w, 1, 2, LAST);
	fake_wait_until(fake_world_stats(w).groups == 1);
	fake_space_block(&w->space, false);
	fake_world_remove(w);
	assert_int_equal(fake_source_answered(&w->source, last), 1);
	assert_int_equal(fake_source_nr_answers(&w->source), 2);
	fake_world_destroy(w);
}

/** The crew gives a record back after its lane was closed, and the lane's place is another source's. */
static void test_removal_before_the_crew_has_a_record_loses_no_node(void **state)
{
	struct svart_fault_params params = { .resolvers = 1, .max_requests = 64 };
	struct fake_world *w = fake_world_create(&params);
	struct fake_source other;
	struct svart_space space;
	uint64_t token;
	unsigned int i;

	(void)state;
	fake_space_init(&space);
	fake_source_init(&other, &w->m);
	fake_space_block(&w->space, true);
	push(w, 1, 1, LAST);
	fake_space_wait_inside(&w->space, 1);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &space), 0);
	fake_source_push(&other, 1, 2, PAGE_AT(1), R, PASID | OWN);
	fake_source_push(&other, 1, 2, PAGE_AT(2), R, PASID | LAST);
	fake_wait_until(fake_world_stats(w).groups == 2);
	assert_int_equal(svart_fault_service_remove(w->service, &other.base), 0);
	assert_int_equal(fake_source_nr_answers(&other), 2);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &space), 0);
	fake_space_block(&w->space, false);
	for (i = 1; i < params.max_requests; i++)
		fake_source_push(&other, 1, 3, PAGE_AT(i), R, PASID);
	token = fake_source_push(&other, 1, 3, PAGE_AT(i), R, PASID | LAST);
	fake_source_wait(&other, 3);
	assert_int_equal(fake_source_code(&other, token), SUCCESS);
	svart_fault_service_remove(w->service, &other.base);
	fake_world_destroy(w);
	fake_source_fini(&other);
	fake_space_fini(&space);
}

static void test_deadline_ends_a_group_that_waits_for_its_records(void **state)
{
	struct svart_fault_params params = { .resolvers = 1, .deadline_ns = 20000000 };
	struct fake_world *w = fake_world_create(&params);
	uint64_t own, last;

	(void)state;
	/* Time stands still until the resolver has the record, however late that is. */
	atomic_store(&w->m.clock_ns, 1);
	fake_space_block(&w->space, true);
	own = push(w, 1, 1, OWN);
	fake_space_wait_inside(&w->space, 1);
	last = push(w, 1, 2, LAST);
	fake_wait_until(fake_world_stats(w).groups == 1);
	atomic_fetch_add(&w->m.clock_ns, params.deadline_ns);
	fake_source_wait(&w->source, 2);
	assert_int_equal(fake_source_code(&w->source, own), INVALID);
	assert_int_equal(fake_source_code(&w->source, last), INVALID);
	assert_int_equal(fake_world_stats(w).deadlines, 2);
	fake_space_block(&w->space, false);
	fake_world_destroy(w);
}

/* --- counts of one source --------------------------------------------------------------------------- */

static void source_stats(struct fake_world *w, struct svart_fault_stats *stats)
{
	struct svart_fault_source *source = &w->source.base;

	svart_fault_service_sources_stats(w->service, &source, 1, stats);
}

static void test_source_counts_begin_anew_and_the_services_go_on(void **state)
{
	struct fake_world *w = *state;
	struct svart_fault_stats stats;

	push(w, 1, 1, LAST);
	svart_fault_pump(w->service);
	svart_fault_service_remove(w->service, &w->source.base);
	assert_int_equal(svart_fault_service_add(w->service, &w->source.base, &w->space), 0);
	source_stats(w, &stats);
	assert_int_equal(stats.groups, 0);
	assert_int_equal(stats.latency_max_ns, 0);
	assert_int_equal(fake_world_stats(w).groups, 1);
	push(w, 1, 2, LAST);
	svart_fault_pump(w->service);
	source_stats(w, &stats);
	assert_int_equal(stats.groups, 1);
	assert_int_equal(stats.answers_success, 1);
	assert_int_equal(fake_world_stats(w).groups, 2);
}

/** Quantiles do not add up: they must be those of all answers, not of one source's. */
static void test_sources_quantiles_are_those_of_all_their_answers(void **state)
{
	struct fake_world *w = *state;
	struct fake_source slow;
	struct svart_fault_source *both[] = { &w->source.base, &slow.base };
	struct svart_fault_lane *lane;
	struct svart_fault_stats stats;
	unsigned int i;

	fake_source_init(&slow, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &slow.base, &w->space), 0);
	lane = svart_fault_lane_find(w->service, &w->source.base);
	for (i = 0; i < 60; i++)
		svart_histogram_add(&svart_fault_counters(lane)->latency_ns, 1000);
	lane = svart_fault_lane_find(w->service, &slow.base);
	for (i = 0; i < 40; i++)
		svart_histogram_add(&svart_fault_counters(lane)->latency_ns, 900000);
	svart_fault_service_sources_stats(w->service, both, 2, &stats);
	assert_in_range(stats.latency_p50_ns, 1000 - 1000 / 16, 1000 + 1000 / 16);
	assert_in_range(stats.latency_p99_ns, 900000 - 900000 / 16, 900000);
	assert_int_equal(stats.latency_max_ns, 900000);
	svart_fault_service_sources_stats(w->service, both, 1, &stats);
	assert_in_range(stats.latency_p99_ns, 1000 - 1000 / 16, 1000);
	svart_fault_service_remove(w->service, &slow.base);
	fake_source_fini(&slow);
}

static void test_source_latencies_are_rows_of_its_answers(void **state)
{
	struct svart_histogram_row rows[SVART_HISTOGRAM_ROWS];
	struct fake_world *w = *state;
	struct svart_fault_source *source = &w->source.base;
	unsigned int i, n;
	uint64_t nr = 0;

	for (i = 0; i < 20; i++)
		push(w, i, i, LAST);
	svart_fault_pump(w->service);
	n = svart_fault_service_sources_latency(w->service, &source, 1, rows);
	for (i = 0; i < n; i++)
		nr += rows[i].nr;
	assert_int_equal(nr, 20);
}

static void test_overflow_is_counted(void **state)
{
	struct fake_world *w = *state;

	w->source.fetch_rc = -EOVERFLOW;
	push(w, 1, 1, 0);
	svart_fault_pump(w->service);
	w->source.fetch_rc = 0;
	assert_int_equal(fake_world_stats(w).overflows, 1);
}

static void test_malformed_request_is_dropped_once(void **state)
{
	struct fake_world *w = *state;

	push(w, 1, 1, BAD);
	push(w, 2, 2, LAST | BAD);
	svart_fault_pump(w->service);
	assert_int_equal(fake_world_stats(w).dropped, 1);
	w->source.fetch_rc = -EOVERFLOW;
	push(w, 9, 9, 0);
	svart_fault_pump(w->service);
	w->source.fetch_rc = 0;
	assert_int_equal(fake_world_stats(w).dropped, 2);
}

/** The codes of Linux's iommu_report_device_fault(); whatever the code, a LAST is answered. */
static void test_report_says_what_linux_said(void **state)
{
	struct fake_world *w = *state;
	struct svart_fault_service *s = w->service;
	struct svart_fault_lane *lane = svart_fault_lane_find(s, &w->source.base);
	struct svart_page_request r = { .addr = PAGE_AT(1), .pasid = 1, .access = R };
	unsigned int i;

	r.flags = PASID | LAST | BAD;
	assert_int_equal(svart_raw_report(s, lane, &r, 0), -EOPNOTSUPP);
	svart_fault_ready_flush(s);
	r.flags = PASID;
	for (i = 0; i < 64; i++) {
		r.group_id = i;
		assert_int_equal(svart_raw_report(s, lane, &r, 0), 0);
	}
	r.flags = PASID | LAST;
	r.group_id = 3;
	assert_int_equal(svart_raw_report(s, lane, &r, 0), -ENOMEM);
	/* Its partial requests went with it: the next group finds a node. */
	r.group_id = 100;
	assert_int_equal(svart_raw_report(s, lane, &r, 0), 0);
	svart_fault_flush(&s->worker);
	svart_fault_ready_flush(s);
	assert_int_equal(fake_source_nr_answers(&w->source), 3);
}

#define t(name) cmocka_unit_test_setup_teardown(name, fake_world_setup, fake_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_deferred_source_resolves_nothing_before_the_last),
		t(test_eager_source_resolves_pages_before_the_last),
		t(test_eager_group_is_answered_at_the_last_once),
		t(test_eager_failure_is_remembered_until_the_last),
		t(test_eager_failure_is_its_own_groups_only),
		t(test_eager_failure_is_not_the_next_groups_in_the_same_node),
		t(test_eager_mode_can_be_left),
		t(test_eager_pages_never_take_the_node_of_a_last),
		cmocka_unit_test(test_eager_source_of_whole_groups_is_as_deferred),
		t(test_own_answer_comes_before_its_groups),
		t(test_own_answer_does_not_wait_for_the_last),
		t(test_own_answer_that_is_invalid_makes_its_group_invalid),
		t(test_own_answer_of_a_malformed_record_makes_its_group_invalid),
		cmocka_unit_test(
			test_own_answer_of_a_group_that_an_overflow_dropped_is_nothing_to_the_next),
		cmocka_unit_test(test_own_answer_is_not_overtaken_by_its_group),
		cmocka_unit_test(test_removal_ends_groups_that_wait_for_their_records),
		cmocka_unit_test(test_removal_before_the_crew_has_a_record_loses_no_node),
		cmocka_unit_test(test_deadline_ends_a_group_that_waits_for_its_records),
		t(test_source_counts_begin_anew_and_the_services_go_on),
		t(test_sources_quantiles_are_those_of_all_their_answers),
		t(test_source_latencies_are_rows_of_its_answers),
		t(test_overflow_is_counted),
		t(test_malformed_request_is_dropped_once),
		t(test_report_says_what_linux_said),
	};

	return cmocka_run_group_tests_name("singles", tests, NULL, NULL);
}

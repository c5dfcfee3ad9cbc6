/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_service.h>

#include "fake.h"

#define NR_GROUPS 500
#define SECOND_NS UINT64_C(1000000000)

/** Pushes groups of three, with every seventh at an address that is refused. */
static void push_groups(struct fake_source *source, uint64_t *tokens)
{
	uint32_t i;

	for (i = 0; i < NR_GROUPS; i++) {
		fake_source_push(source, 1, i, PAGE_AT(4 * i), R, PASID);
		fake_source_push(source, 1, i, PAGE_AT(4 * i + 1), R, PASID);
		tokens[i] = fake_source_push(source, 1, i, PAGE_AT(4 * i + 2), R, PASID | LAST);
	}
}

static int rule_seventh(uint64_t page, unsigned int access)
{
	(void)access;
	return (page - PAGE_AT(0)) / PAGE / 4 % 7 == 6 ? -EFAULT : 0;
}

static void assert_groups(struct fake_source *source, const uint64_t *tokens)
{
	uint32_t i;

	for (i = 0; i < NR_GROUPS; i++)
		assert_int_equal(
			fake_source_code(source, tokens[i]), i % 7 == 6 ? INVALID : SUCCESS);
}

static void check_thread(uint32_t resolvers, uint32_t max_requests)
{
	struct svart_fault_params params = { .resolvers = resolvers, .max_requests = max_requests };
	struct fake_world *w = fake_world_create(&params);
	uint64_t tokens[NR_GROUPS];

	w->space.rule = rule_seventh;
	push_groups(&w->source, tokens);
	fake_source_wait(&w->source, NR_GROUPS);
	fake_world_remove(w);
	assert_groups(&w->source, tokens);
	assert_int_equal(fake_world_stats(w).groups, NR_GROUPS);
	assert_int_equal(fake_world_stats(w).dropped, 0);
	fake_world_destroy(w);
}

static void test_run_thread_answers_each_group_once(void **state)
{
	(void)state;
	check_thread(0, 0);
}

static void test_run_one_resolver_answers_each_group_once(void **state)
{
	(void)state;
	check_thread(1, 0);
}

static void test_run_four_resolvers_answer_each_group_once(void **state)
{
	(void)state;
	check_thread(4, 0);
}

static void test_run_few_nodes_are_waited_for(void **state)
{
	(void)state;
	check_thread(0, 64);
	check_thread(2, 64);
}

static void test_run_inline_answers_each_group_once(void **state)
{
	struct fake_world *w = fake_world_create_inline(0);
	uint64_t tokens[NR_GROUPS];
	unsigned int answered = 0, tries;

	(void)state;
	w->space.rule = rule_seventh;
	push_groups(&w->source, tokens);
	for (tries = 0; tries < 100; tries++)
		answered += svart_fault_pump(w->service);
	assert_int_equal(answered, NR_GROUPS);
	assert_groups(&w->source, tokens);
	fake_world_destroy(w);
}

static void check_dpdk(uint32_t resolvers)
{
	struct svart_fault_params params = { .run = SVART_FAULT_RUN_DPDK, .resolvers = resolvers };
	struct fake_world *w = calloc(1, sizeof(*w));
	uint64_t tokens[NR_GROUPS];
	uint32_t id;

	assert_non_null(w);
	fake_machine_init(&w->m);
	fake_space_init(&w->space);
	fake_source_init(&w->source, &w->m);
	assert_int_equal(svart_fault_service_init(&params, true, &w->service), 0);
	assert_int_equal(svart_fault_service_add(w->service, &w->source.base, &w->space), 0);
	assert_int_equal(svart_fault_service_dpdk_id(w->service, &id), 0);
	/* No service lcore here: the test calls it, as a program without one may. */
	assert_int_equal(rte_service_set_runstate_mapped_check(id, 0), 0);
	w->space.rule = rule_seventh;
	push_groups(&w->source, tokens);
	while (fake_source_nr_answers(&w->source) < NR_GROUPS)
		assert_int_equal(rte_service_run_iter_on_app_lcore(id, 1), 0);
	assert_int_equal(svart_fault_pump(w->service), 0);
	fake_world_remove(w);
	assert_groups(&w->source, tokens);
	fake_world_destroy(w);
}

static void test_run_dpdk_service_answers_each_group_once(void **state)
{
	(void)state;
	check_dpdk(0);
}

static void test_run_dpdk_service_with_resolvers_answers_each_group_once(void **state)
{
	(void)state;
	check_dpdk(2);
}

static void test_run_control_threads_of_eal_answer_each_group_once(void **state)
{
	struct svart_fault_params params = { .resolvers = 1 };
	struct svart_fault_service *service;
	struct fake_world *w = fake_world_create_inline(64);
	struct fake_source source;
	uint64_t token;

	(void)state;
	fake_source_init(&source, &w->m);
	assert_int_equal(svart_fault_service_init(&params, true, &service), 0);
	assert_int_equal(svart_fault_service_add(service, &source.base, &w->space), 0);
	token = fake_source_push(&source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_source_wait(&source, 1);
	assert_int_equal(fake_source_code(&source, token), SUCCESS);
	svart_fault_service_remove(service, &source.base);
	assert_int_equal(svart_fault_service_fini(service), 0);
	fake_source_fini(&source);
	fake_world_destroy(w);
}

static void test_run_thread_sleeps_while_there_is_nothing_to_do(void **state)
{
	struct fake_world *w = fake_world_create(NULL);
	unsigned int polls;

	(void)state;
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_source_wait(&w->source, 1);
	usleep(50000);
	polls = atomic_load(&w->m.polls);
	usleep(50000);
	assert_int_equal(atomic_load(&w->m.polls), polls);
	fake_world_destroy(w);
}

static void test_run_thread_does_not_spin_on_a_lost_source(void **state)
{
	struct fake_world *w = fake_world_create(NULL);
	unsigned int polls;

	(void)state;
	pthread_mutex_lock(&w->source.lock);
	w->source.fetch_rc = -ENODEV;
	pthread_mutex_unlock(&w->source.lock);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_wait_until(fake_world_stats(w).sources_lost == 1);
	usleep(20000);
	polls = atomic_load(&w->m.polls);
	usleep(50000);
	assert_int_equal(atomic_load(&w->m.polls), polls);
	fake_world_destroy(w);
}

/* --- descriptors that the program closes ----------------------------------------------------------- */

/** A thread that sleeps on a descriptor sleeps on when somebody closes it: it looks again by itself. */
static void test_run_fd_closed_while_the_thread_sleeps_on_it_is_found(void **state)
{
	struct fake_world *w = fake_world_create(NULL);
	struct fake_source other;
	uint64_t token;

	(void)state;
	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	usleep(50000);
	close(w->source.base.fd);
	fake_wait_until(atomic_load(&w->source.nr_lost) == 1);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_POLL, POLLNVAL);
	token = fake_source_push(&other, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_source_wait(&other, 1);
	assert_int_equal(fake_source_code(&other, token), SUCCESS);
	svart_fault_service_remove(w->service, &other.base);
	fake_source_fini(&other);
	w->source.base.fd = eventfd(0, EFD_CLOEXEC);
	fake_world_destroy(w);
}

/** The wake eventfd is the lowest number that was free when the source came. */
static void test_run_closed_wake_fd_stops_nobody_and_does_not_spin(void **state)
{
	struct fake_world *w = calloc(1, sizeof(*w));
	unsigned int polls;
	uint64_t token;
	int wake_fd;

	(void)state;
	assert_non_null(w);
	fake_machine_init(&w->m);
	fake_space_init(&w->space);
	fake_source_init(&w->source, &w->m);
	assert_int_equal(svart_fault_service_init(NULL, false, &w->service), 0);
	wake_fd = dup(w->source.base.fd);
	close(wake_fd);
	assert_int_equal(svart_fault_service_add(w->service, &w->source.base, &w->space), 0);
	usleep(50000);
	assert_int_equal(close(wake_fd), 0);
	/* The thread wakes, and meets the closed one when it polls again. */
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_source_wait(&w->source, 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	usleep(50000);
	polls = atomic_load(&w->m.polls);
	usleep(50000);
	assert_int_equal(atomic_load(&w->m.polls), polls);
	assert_int_equal(atomic_load(&w->source.nr_lost), 0);
	fake_world_destroy(w);
}

static void check_respond_loses(const struct svart_fault_params *params)
{
	struct fake_world *w = fake_world_create(params);

	pthread_mutex_lock(&w->source.lock);
	w->source.respond_rc = -EIO;
	pthread_mutex_unlock(&w->source.lock);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_wait_until(atomic_load(&w->source.nr_lost) == 1);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_RESPOND, EIO);
	fake_world_destroy(w);
}

static void test_run_loss_is_told_by_whoever_answers(void **state)
{
	const struct svart_fault_params resolvers = { .resolvers = 2 };

	(void)state;
	check_respond_loses(NULL);
	check_respond_loses(&resolvers);
}

static void test_run_dpdk_service_tells_a_loss_too(void **state)
{
	struct svart_fault_params params = { .run = SVART_FAULT_RUN_DPDK };
	struct fake_world *w = calloc(1, sizeof(*w));
	uint32_t id;

	(void)state;
	assert_non_null(w);
	fake_machine_init(&w->m);
	fake_space_init(&w->space);
	fake_source_init(&w->source, &w->m);
	assert_int_equal(svart_fault_service_init(&params, true, &w->service), 0);
	assert_int_equal(svart_fault_service_add(w->service, &w->source.base, &w->space), 0);
	assert_int_equal(svart_fault_service_dpdk_id(w->service, &id), 0);
	assert_int_equal(rte_service_set_runstate_mapped_check(id, 0), 0);
	w->source.fetch_rc = -ENODEV;
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	rte_service_run_iter_on_app_lcore(id, 1);
	fake_source_assert_lost(&w->source, SVART_FAULT_LOSS_FETCH, ENODEV);
	fake_world_destroy(w);
}

static void test_run_sleeping_thread_checks_sources_that_say_nothing(void **state)
{
	struct svart_fault_service *service;
	struct fake_world *w = fake_world_create_inline(64);
	struct fake_source source;

	(void)state;
	fake_source_init(&source, &w->m);
	source.ops.check = fake_source_check;
	assert_int_equal(svart_fault_service_init(NULL, false, &service), 0);
	assert_int_equal(svart_fault_service_add(service, &source.base, &w->space), 0);
	usleep(50000);
	atomic_store(&source.check_rc, -EIO);
	fake_wait_until(atomic_load(&source.nr_lost) == 1);
	fake_source_assert_lost(&source, SVART_FAULT_LOSS_CHECK, EIO);
	svart_fault_service_remove(service, &source.base);
	assert_int_equal(svart_fault_service_fini(service), 0);
	fake_source_fini(&source);
	fake_world_destroy(w);
}

/* --- with resolvers that take long --------------------------------------------------------------- */

/** A service with `resolvers` of them; its space blocks. */
static struct fake_world *world_blocked(uint32_t resolvers, uint64_t deadline_ns)
{
	struct svart_fault_params params = {
		.resolvers = resolvers, .max_requests = 64, .deadline_ns = deadline_ns
	};
	struct fake_world *w = fake_world_create(&params);

	fake_space_block(&w->space, true);
	return w;
}

static void test_run_group_whose_deadline_passes_is_invalid_and_its_late_resolver_silent(
	void **state)
{
	struct fake_world *w = world_blocked(1, 20 * 1000000);
	uint64_t token, second;

	(void)state;
	/* Time stands still but for the step below: threads may be late. */
	atomic_store(&w->m.clock_ns, 1);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_space_wait_inside(&w->space, 1);
	/* The second one waits in the ring behind the first. */
	second = fake_source_push(&w->source, 1, 2, PAGE_AT(2), R, PASID | LAST);
	fake_wait_until(fake_world_stats(w).groups == 2);
	atomic_fetch_add(&w->m.clock_ns, 20 * 1000000);
	fake_source_wait(&w->source, 2);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	assert_int_equal(fake_source_code(&w->source, second), INVALID);
	assert_int_equal(fake_world_stats(w).deadlines, 2);
	/* Counted when they are sent, a moment after the device has them. */
	fake_wait_until(fake_world_stats(w).answers_invalid == 2);
	fake_space_block(&w->space, false);
	token = fake_source_push(&w->source, 1, 3, PAGE_AT(3), R, PASID | LAST);
	fake_source_wait(&w->source, 3);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	fake_world_remove(w);
	assert_int_equal(fake_source_nr_answers(&w->source), 3);
	fake_world_destroy(w);
}

/** The operation has ended by then: the program may have forgotten the pages, and freed them. */
static void test_run_late_resolver_is_told_that_its_pages_are_not_wanted(void **state)
{
	struct fake_world *w = world_blocked(1, 20 * 1000000);
	uint64_t token;

	(void)state;
	/* Two pages in a row: each would be tried by itself when the range fails. */
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID);
	fake_source_push(&w->source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	fake_space_wait_inside(&w->space, 1);
	fake_source_wait(&w->source, 1);
	fake_space_block(&w->space, false);
	/* The one resolver is done with the late group when it comes to this one. */
	token = fake_source_push(&w->source, 1, 2, PAGE_AT(5), R, PASID | LAST);
	fake_source_wait(&w->source, 2);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_int_equal(w->space.nr_calls, 2);
	assert_int_equal(w->space.calls[0].start, PAGE_AT(1));
	assert_int_equal(w->space.calls[0].rc, -ECANCELED);
	assert_int_equal(w->space.calls[1].start, PAGE_AT(5));
	assert_int_equal(w->space.calls[1].rc, 0);
	fake_world_destroy(w);
}

static void test_run_nodes_of_late_resolvers_come_back(void **state)
{
	struct fake_world *w = world_blocked(1, 20 * 1000000);
	uint32_t round, i;

	(void)state;
	for (round = 0; round < 5; round++) {
		fake_space_block(&w->space, true);
		for (i = 0; i < 64; i++)
			fake_source_push(&w->source, 1, i, PAGE_AT(i), R, PASID | LAST);
		fake_source_wait(&w->source, 65 * round + 64);
		fake_space_block(&w->space, false);
		/* Needs a node that the resolver, let go now, gives back. */
		fake_source_push(&w->source, 1, i, PAGE_AT(i), R, PASID | LAST);
		fake_source_wait(&w->source, 65 * (round + 1));
	}
	assert_int_equal(fake_world_stats(w).groups, 325);
	assert_true(fake_world_stats(w).deadlines >= 64);
	fake_world_destroy(w);
}

static void test_run_resolver_that_hangs_with_all_nodes_does_not_keep_others_waiting(void **state)
{
	struct fake_world *w = world_blocked(1, 20 * 1000000);
	uint64_t token;
	uint32_t i;

	(void)state;
	/* Time stands still until the resolver hangs. */
	atomic_store(&w->m.clock_ns, 1);
	for (i = 0; i < 64; i++)
		fake_source_push(&w->source, 1, i, PAGE_AT(i), R, PASID | LAST);
	fake_space_wait_inside(&w->space, 1);
	atomic_store(&w->m.clock_ns, 0);
	token = fake_source_push(&w->source, 1, i, PAGE_AT(i), R, PASID | LAST);
	fake_source_wait(&w->source, 65);
	assert_int_equal(fake_source_code(&w->source, token), INVALID);
	fake_space_block(&w->space, false);
	fake_world_destroy(w);
}

static void test_run_deadline_does_not_hit_a_group_that_is_in_time(void **state)
{
	struct svart_fault_params params = { .resolvers = 2, .deadline_ns = 100 * SECOND_NS };
	struct fake_world *w = fake_world_create(&params);
	uint64_t tokens[NR_GROUPS];

	(void)state;
	push_groups(&w->source, tokens);
	fake_source_wait(&w->source, NR_GROUPS);
	fake_wait_until(fake_world_stats(w).answers_success == NR_GROUPS);
	assert_int_equal(fake_world_stats(w).deadlines, 0);
	fake_world_destroy(w);
}

/** Removes a world's source from a thread of its own. */
static void *remover(void *arg)
{
	fake_world_remove(arg);
	return NULL;
}

static void test_run_remove_waits_for_a_group_that_is_being_resolved(void **state)
{
	struct fake_world *w = world_blocked(1, 0);
	uint64_t token = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST), queued;
	pthread_t thread;

	(void)state;
	fake_space_wait_inside(&w->space, 1);
	queued = fake_source_push(&w->source, 1, 2, PAGE_AT(2), R, PASID | LAST);
	fake_source_push(&w->source, 1, 3, PAGE_AT(3), R, PASID);
	fake_wait_until(fake_world_stats(w).page_requests == 3);
	assert_int_equal(pthread_create(&thread, NULL, remover, w), 0);
	/* What no resolver has begun is answered at once. */
	fake_source_wait(&w->source, 1);
	assert_int_equal(fake_source_code(&w->source, queued), INVALID);
	assert_false(w->source.closed);
	fake_space_block(&w->space, false);
	pthread_join(thread, NULL);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	assert_int_equal(fake_source_nr_answers(&w->source), 2);
	assert_int_equal(fake_world_stats(w).dropped, 1);
	fake_world_destroy(w);
}

/** Two groups of one pass: the second must not wait for the page of the first. */
static void test_run_lost_source_is_answered_what_resolvers_have_of_it(void **state)
{
	struct fake_world *w = world_blocked(1, 0);
	uint64_t begun = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST), queued;

	(void)state;
	fake_space_wait_inside(&w->space, 1);
	queued = fake_source_push(&w->source, 1, 2, PAGE_AT(2), R, PASID | LAST);
	fake_wait_until(fake_world_stats(w).page_requests == 2);
	pthread_mutex_lock(&w->source.lock);
	w->source.fetch_rc = -ENODEV;
	pthread_mutex_unlock(&w->source.lock);
	fake_source_push(&w->source, 1, 3, PAGE_AT(3), R, PASID);
	fake_wait_until(fake_world_stats(w).sources_lost == 1);
	fake_space_block(&w->space, false);
	fake_source_wait(&w->source, 2);
	assert_int_equal(fake_source_code(&w->source, begun), SUCCESS);
	assert_int_equal(fake_source_code(&w->source, queued), SUCCESS);
	fake_world_destroy(w);
}

static void test_run_resolvers_share_the_groups_of_one_pass(void **state)
{
	struct fake_world *w = world_blocked(2, 0);

	(void)state;
	pthread_mutex_lock(&w->source.lock);
	w->source.fetch_rc = -EAGAIN;
	pthread_mutex_unlock(&w->source.lock);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_source_push(&w->source, 1, 2, PAGE_AT(100), R, PASID | LAST);
	pthread_mutex_lock(&w->source.lock);
	w->source.fetch_rc = 0;
	pthread_mutex_unlock(&w->source.lock);
	fake_space_wait_inside(&w->space, 2);
	fake_space_block(&w->space, false);
	fake_source_wait(&w->source, 2);
	fake_world_destroy(w);
}

static void test_run_remove_does_not_wait_for_another_sources_page(void **state)
{
	struct fake_world *w = world_blocked(1, 0);
	struct svart_space space;
	struct fake_source other;
	uint64_t token, queued;

	(void)state;
	fake_space_init(&space);
	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &space), 0);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_space_wait_inside(&w->space, 1);
	queued = fake_source_push(&other, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_wait_until(fake_world_stats(w).groups == 2);
	svart_fault_service_remove(w->service, &other.base);
	pthread_mutex_lock(&other.lock);
	other.closed = true;
	pthread_mutex_unlock(&other.lock);
	space.closed = true;
	assert_int_equal(fake_source_code(&other, queued), INVALID);
	fake_space_block(&w->space, false);
	fake_source_wait(&w->source, 1);
	assert_int_equal(fake_source_code(&w->source, token), SUCCESS);
	fake_world_destroy(w);
	fake_source_fini(&other);
	fake_space_fini(&space);
}

static void test_run_removed_lane_is_good_for_another_source_while_old_groups_are_queued(
	void **state)
{
	struct fake_world *w = world_blocked(1, 0);
	struct svart_space space;
	struct fake_source old, young;
	uint64_t token, queued;

	(void)state;
	fake_space_init(&space);
	fake_source_init(&old, &w->m);
	fake_source_init(&young, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &old.base, &space), 0);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_space_wait_inside(&w->space, 1);
	queued = fake_source_push(&old, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_wait_until(fake_world_stats(w).groups == 2);
	svart_fault_service_remove(w->service, &old.base);
	assert_int_equal(svart_fault_service_add(w->service, &young.base, &space), 0);
	token = fake_source_push(&young, 1, 1, PAGE_AT(2), R, PASID | LAST);
	fake_wait_until(fake_world_stats(w).groups == 3);
	fake_space_block(&w->space, false);
	fake_source_wait(&young, 1);
	assert_int_equal(fake_source_code(&young, token), SUCCESS);
	assert_int_equal(fake_source_code(&old, queued), INVALID);
	svart_fault_service_remove(w->service, &young.base);
	fake_world_destroy(w);
	fake_source_fini(&old);
	fake_source_fini(&young);
	fake_space_fini(&space);
}

static void test_run_other_sources_are_served_while_one_is_being_removed(void **state)
{
	struct fake_world *w = world_blocked(2, 0);
	struct svart_space space;
	struct fake_source other;
	pthread_t thread;
	uint64_t token;

	(void)state;
	fake_space_init(&space);
	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &space), 0);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_space_wait_inside(&w->space, 1);
	assert_int_equal(pthread_create(&thread, NULL, remover, w), 0);
	usleep(10000);
	token = fake_source_push(&other, 1, 1, PAGE_AT(1), R, PASID | LAST);
	fake_source_wait(&other, 1);
	assert_int_equal(fake_source_code(&other, token), SUCCESS);
	fake_space_block(&w->space, false);
	pthread_join(thread, NULL);
	svart_fault_service_remove(w->service, &other.base);
	fake_world_destroy(w);
	fake_source_fini(&other);
	fake_space_fini(&space);
}

static void *pumper(void *arg)
{
	struct fake_world *w = arg;

	svart_fault_pump(w->service);
	return NULL;
}

static void test_run_second_pump_returns_at_once(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	pthread_t thread;

	(void)state;
	fake_space_block(&w->space, true);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	assert_int_equal(pthread_create(&thread, NULL, pumper, w), 0);
	fake_space_wait_inside(&w->space, 1);
	assert_int_equal(svart_fault_pump(w->service), 0);
	svart_pause(&w->m.base, UINT64_MAX);
	fake_space_block(&w->space, false);
	pthread_join(thread, NULL);
	assert_int_equal(fake_source_nr_answers(&w->source), 1);
	fake_world_destroy(w);
}

static void test_run_remove_waits_for_a_pump_of_another_thread(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	pthread_t pump, remove;

	(void)state;
	fake_space_block(&w->space, true);
	fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	assert_int_equal(pthread_create(&pump, NULL, pumper, w), 0);
	fake_space_wait_inside(&w->space, 1);
	assert_int_equal(pthread_create(&remove, NULL, remover, w), 0);
	usleep(10000);
	fake_space_block(&w->space, false);
	pthread_join(pump, NULL);
	pthread_join(remove, NULL);
	assert_int_equal(fake_source_nr_answers(&w->source), 1);
	fake_world_destroy(w);
}

static int eal_start(void **state)
{
	char *args[] = { "test", "--no-huge", "-m", "16", "--no-pci", "--no-shconf",
		"--no-telemetry", "-l", "0", "--log-level", "4" };

	(void)state;
	return rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0 ? -1 : 0;
}

static int eal_stop(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_thread_answers_each_group_once),
		cmocka_unit_test(test_run_one_resolver_answers_each_group_once),
		cmocka_unit_test(test_run_four_resolvers_answer_each_group_once),
		cmocka_unit_test(test_run_few_nodes_are_waited_for),
		cmocka_unit_test(test_run_inline_answers_each_group_once),
		cmocka_unit_test(test_run_dpdk_service_answers_each_group_once),
		cmocka_unit_test(test_run_dpdk_service_with_resolvers_answers_each_group_once),
		cmocka_unit_test(test_run_control_threads_of_eal_answer_each_group_once),
		cmocka_unit_test(test_run_thread_sleeps_while_there_is_nothing_to_do),
		cmocka_unit_test(test_run_thread_does_not_spin_on_a_lost_source),
		cmocka_unit_test(test_run_fd_closed_while_the_thread_sleeps_on_it_is_found),
		cmocka_unit_test(test_run_closed_wake_fd_stops_nobody_and_does_not_spin),
		cmocka_unit_test(test_run_loss_is_told_by_whoever_answers),
		cmocka_unit_test(test_run_dpdk_service_tells_a_loss_too),
		cmocka_unit_test(test_run_sleeping_thread_checks_sources_that_say_nothing),
		cmocka_unit_test(
			test_run_group_whose_deadline_passes_is_invalid_and_its_late_resolver_silent),
		cmocka_unit_test(test_run_late_resolver_is_told_that_its_pages_are_not_wanted),
		cmocka_unit_test(test_run_nodes_of_late_resolvers_come_back),
		cmocka_unit_test(
			test_run_resolver_that_hangs_with_all_nodes_does_not_keep_others_waiting),
		cmocka_unit_test(test_run_deadline_does_not_hit_a_group_that_is_in_time),
		cmocka_unit_test(test_run_remove_waits_for_a_group_that_is_being_resolved),
		cmocka_unit_test(test_run_lost_source_is_answered_what_resolvers_have_of_it),
		cmocka_unit_test(test_run_resolvers_share_the_groups_of_one_pass),
		cmocka_unit_test(test_run_remove_does_not_wait_for_another_sources_page),
		cmocka_unit_test(
			test_run_removed_lane_is_good_for_another_source_while_old_groups_are_queued),
		cmocka_unit_test(test_run_other_sources_are_served_while_one_is_being_removed),
		cmocka_unit_test(test_run_second_pump_returns_at_once),
		cmocka_unit_test(test_run_remove_waits_for_a_pump_of_another_thread),
	};

	return cmocka_run_group_tests_name("run", tests, eal_start, eal_stop);
}

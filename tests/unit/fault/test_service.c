/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "fake.h"

static void assert_refused(struct svart_fault_params params, int rc, const char *word)
{
	struct svart_fault_service *s = NULL;

	assert_int_equal(svart_fault_service_init(&params, false, &s), rc);
	assert_null(s);
	assert_non_null(strstr(svart_fail_text(), word));
}

static void test_service_parameters_out_of_range_are_named(void **state)
{
	struct svart_fault_params run = { .run = (enum svart_fault_run)3 };
	struct svart_fault_params resolvers = { .resolvers = 17 };
	struct svart_fault_params few = { .max_requests = 32 };
	struct svart_fault_params many = { .max_requests = 131072 };
	struct svart_fault_params odd = { .max_requests = 100 };

	(void)state;
	assert_refused(run, -EINVAL, "run");
	assert_refused(resolvers, -EINVAL, "resolvers");
	assert_refused(few, -EINVAL, "max_requests");
	assert_refused(many, -EINVAL, "max_requests");
	assert_refused(odd, -EINVAL, "max_requests");
}

static void test_service_combinations_that_cannot_be_are_refused(void **state)
{
	struct svart_fault_params resolvers = { .run = SVART_FAULT_RUN_INLINE, .resolvers = 1 };
	struct svart_fault_params deadline = { .run = SVART_FAULT_RUN_INLINE, .deadline_ns = 1 };
	struct svart_fault_params alone = { .deadline_ns = 1 };
	struct svart_fault_params dpdk = { .run = SVART_FAULT_RUN_DPDK };

	(void)state;
	assert_refused(resolvers, -EINVAL, "inline");
	assert_refused(deadline, -EINVAL, "deadline_ns");
	assert_refused(alone, -EINVAL, "deadline_ns");
	assert_refused(dpdk, -ENOTSUP, "EAL");
}

static void test_service_defaults_are_a_thread_that_ends(void **state)
{
	struct svart_fault_service *s;
	uint32_t id;

	(void)state;
	assert_int_equal(svart_fault_service_init(NULL, false, &s), 0);
	assert_int_equal(svart_fault_pump(s), 0);
	assert_int_equal(svart_fault_service_dpdk_id(s, &id), -ENOTSUP);
	assert_int_equal(svart_fault_service_fini(s), 0);
}

static void test_service_with_a_source_is_busy(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);

	(void)state;
	assert_int_equal(svart_fault_service_fini(w->service), -EBUSY);
	fake_world_destroy(w);
}

static void test_service_takes_1024_sources_and_no_more(void **state)
{
	enum { NR = 1024 };
	struct fake_world *w = fake_world_create_inline(64);
	struct svart_fault_source_ops ops = w->source.ops;
	struct svart_fault_source *sources = calloc(NR, sizeof(*sources));
	int i;

	(void)state;
	assert_non_null(sources);
	for (i = 0; i < NR - 1; i++) {
		sources[i] = (struct svart_fault_source){ .ops = &ops, .m = &w->m.base, .fd = -1 };
		assert_int_equal(svart_fault_service_add(w->service, &sources[i], &w->space), 0);
	}
	sources[i] = sources[0];
	assert_int_equal(svart_fault_service_add(w->service, &sources[i], &w->space), -ENOSPC);
	for (i = 0; i < NR - 1; i++)
		svart_fault_service_remove(w->service, &sources[i]);
	fake_world_destroy(w);
	free(sources);
}

static void test_service_takes_no_source_whose_like_another_service_has(void **state)
{
	struct fake_world *w = fake_world_create_inline(64), *w2 = fake_world_create_inline(64);
	_Atomic(struct svart_fault_service *) service = NULL;
	struct fake_source a, b;

	(void)state;
	fake_source_init(&a, &w->m);
	fake_source_init(&b, &w->m);
	a.base.service = &service;
	b.base.service = &service;
	assert_int_equal(svart_fault_service_add(w->service, &a.base, &w->space), 0);
	assert_int_equal(svart_fault_service_add(w2->service, &b.base, &w2->space), -EINVAL);
	assert_non_null(strstr(svart_fail_text(), "one service for all"));
	assert_int_equal(svart_fault_service_add(w->service, &b.base, &w->space), 0);
	svart_fault_service_remove(w->service, &a.base);
	svart_fault_service_remove(w->service, &b.base);
	fake_source_fini(&a);
	fake_source_fini(&b);
	fake_world_destroy(w2);
	fake_world_destroy(w);
}

static void test_service_pause_pumps_an_inline_service(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	uint64_t token = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);

	(void)state;
	svart_pause(&w->m.base, UINT64_MAX);
	assert_int_equal(fake_source_code(&w->source, token), 0);
	fake_world_remove(w);
	/* Its source is gone, and so is the hook. */
	svart_pause(&w->m.base, UINT64_MAX);
	fake_world_destroy(w);
}

static void test_service_hook_stays_until_the_machines_last_source_goes(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	struct fake_source other;
	uint64_t token;

	(void)state;
	fake_source_init(&other, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &other.base, &w->space), 0);
	svart_fault_service_remove(w->service, &other.base);
	token = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	svart_pause(&w->m.base, UINT64_MAX);
	assert_int_equal(fake_source_code(&w->source, token), 0);
	fake_source_fini(&other);
	fake_world_destroy(w);
}

static void test_service_machine_with_no_room_for_a_hook_is_refused(void **state)
{
	struct svart_idle_hook hooks[SVART_MACHINE_MAX_IDLE_HOOKS];
	struct fake_world *w = fake_world_create_inline(64);
	struct fake_machine full;
	struct fake_source source;
	int i;

	(void)state;
	fake_machine_init(&full);
	for (i = 0; i < SVART_MACHINE_MAX_IDLE_HOOKS; i++)
		assert_int_equal(svart_machine_idle_add(&full.base, &hooks[i]), 0);
	fake_source_init(&source, &full);
	assert_int_equal(svart_fault_service_add(w->service, &source.base, &w->space), -ENOSPC);
	fake_source_fini(&source);
	fake_world_destroy(w);
}

static void test_service_sources_on_two_machines_are_both_served(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	struct fake_machine m2;
	struct fake_source source;
	uint64_t a, b;

	(void)state;
	fake_machine_init(&m2);
	fake_source_init(&source, &m2);
	assert_int_equal(svart_fault_service_add(w->service, &source.base, &w->space), 0);
	a = fake_source_push(&w->source, 1, 1, PAGE_AT(1), R, PASID | LAST);
	b = fake_source_push(&source, 1, 1, PAGE_AT(2), R, PASID | LAST);
	svart_pause(&m2.base, UINT64_MAX);
	assert_int_equal(fake_source_code(&w->source, a), 0);
	assert_int_equal(fake_source_code(&source, b), 0);
	svart_fault_service_remove(w->service, &source.base);
	fake_source_fini(&source);
	fake_world_destroy(w);
}

static void test_service_remove_drops_partial_groups_and_their_nodes(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	struct fake_source source;
	uint64_t token;
	uint32_t i;

	(void)state;
	for (i = 0; i < 64; i++)
		fake_source_push(&w->source, 1, i, PAGE_AT(i), R, PASID);
	svart_fault_pump(w->service);
	fake_world_remove(w);
	assert_int_equal(fake_world_stats(w).dropped, 64);
	assert_int_equal(fake_source_nr_answers(&w->source), 0);

	w->space.closed = false;
	fake_source_init(&source, &w->m);
	assert_int_equal(svart_fault_service_add(w->service, &source.base, &w->space), 0);
	/* The partial requests of the one before are not this one's. */
	token = fake_source_push(&source, 1, 0, PAGE_AT(99), R, PASID | LAST);
	assert_int_equal(svart_fault_pump(w->service), 1);
	assert_int_equal(fake_source_code(&source, token), 0);
	assert_int_equal(w->space.nr_calls, 1);
	svart_fault_service_remove(w->service, &source.base);
	fake_source_fini(&source);
	fake_world_destroy(w);
}

static void test_service_remove_of_a_stranger_does_nothing(void **state)
{
	struct fake_world *w = fake_world_create_inline(64);
	struct fake_source source;

	(void)state;
	fake_source_init(&source, &w->m);
	svart_fault_service_remove(w->service, &source.base);
	fake_source_fini(&source);
	fake_world_destroy(w);
}

static void test_service_in_a_forked_child_is_dead_and_can_be_ended(void **state)
{
	struct svart_fault_params params = { .resolvers = 2 };
	struct fake_world *w = fake_world_create(&params);
	struct fake_source other;
	int status;
	pid_t pid;

	(void)state;
	fake_source_init(&other, &w->m);
	pid = fork();
	if (pid == 0) {
		svart_fault_service_mark_dead(w->service);
		if (svart_fault_service_add(w->service, &other.base, &w->space) != -EPERM ||
			svart_fault_pump(w->service) != 0 ||
			svart_fault_service_fini(w->service) != -EBUSY)
			_exit(1);
		svart_fault_service_remove(w->service, &w->source.base);
		_exit(svart_fault_service_fini(w->service) == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fake_source_fini(&other);
	fake_world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_parameters_out_of_range_are_named),
		cmocka_unit_test(test_service_combinations_that_cannot_be_are_refused),
		cmocka_unit_test(test_service_defaults_are_a_thread_that_ends),
		cmocka_unit_test(test_service_with_a_source_is_busy),
		cmocka_unit_test(test_service_takes_1024_sources_and_no_more),
		cmocka_unit_test(test_service_takes_no_source_whose_like_another_service_has),
		cmocka_unit_test(test_service_pause_pumps_an_inline_service),
		cmocka_unit_test(test_service_hook_stays_until_the_machines_last_source_goes),
		cmocka_unit_test(test_service_machine_with_no_room_for_a_hook_is_refused),
		cmocka_unit_test(test_service_sources_on_two_machines_are_both_served),
		cmocka_unit_test(test_service_remove_drops_partial_groups_and_their_nodes),
		cmocka_unit_test(test_service_remove_of_a_stranger_does_nothing),
		cmocka_unit_test(test_service_in_a_forked_child_is_dead_and_can_be_ended),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}

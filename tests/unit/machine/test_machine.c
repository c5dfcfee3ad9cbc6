/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include "machine.h"

static atomic_uint pauses;

static void count_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	(void)m;
	(void)deadline_ns;
	atomic_fetch_add(&pauses, 1);
}

static const struct svart_machine_ops pause_only = { .name = "pause only", .pause = count_pause };

static void count_run(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

static void test_pause_runs_every_hook_then_pauses(void **state)
{
	struct svart_machine m = { .ops = &pause_only };
	atomic_uint runs[2] = { 0, 0 };
	struct svart_idle_hook hooks[2] = { { count_run, &runs[0] }, { count_run, &runs[1] } };

	(void)state;
	atomic_store(&pauses, 0);
	assert_int_equal(svart_machine_idle_add(&m, &hooks[0]), 0);
	assert_int_equal(svart_machine_idle_add(&m, &hooks[1]), 0);
	svart_pause(&m, 0);
	assert_int_equal(runs[0], 1);
	assert_int_equal(runs[1], 1);
	assert_int_equal(pauses, 1);
	svart_machine_idle_remove(&m, &hooks[0]);
	svart_pause(&m, 0);
	assert_int_equal(runs[0], 1);
	assert_int_equal(runs[1], 2);
}

static void test_hooks_are_bounded_and_places_are_reused(void **state)
{
	struct svart_machine m = { .ops = &pause_only };
	atomic_uint runs = 0;
	struct svart_idle_hook hooks[SVART_MACHINE_MAX_IDLE_HOOKS + 1];
	unsigned int i;

	(void)state;
	for (i = 0; i <= SVART_MACHINE_MAX_IDLE_HOOKS; i++) {
		hooks[i] = (struct svart_idle_hook){ count_run, &runs };
		assert_int_equal(svart_machine_idle_add(&m, &hooks[i]),
			i < SVART_MACHINE_MAX_IDLE_HOOKS ? 0 : -ENOSPC);
	}
	svart_machine_idle_remove(&m, &hooks[3]);
	assert_int_equal(svart_machine_idle_add(&m, &hooks[SVART_MACHINE_MAX_IDLE_HOOKS]), 0);
}

/** What the hook of the race test looks at: it must never run once removal has returned. */
struct guarded {
	atomic_bool removed;
	atomic_uint late;
};

static void note_if_late(void *arg)
{
	struct guarded *g = arg;

	if (atomic_load(&g->removed))
		atomic_fetch_add(&g->late, 1);
}

struct pauser {
	struct svart_machine *m;
	atomic_bool stop;
};

static void *pause_all_the_time(void *arg)
{
	struct pauser *p = arg;

	while (!atomic_load(&p->stop))
		svart_pause(p->m, 0);
	return NULL;
}

static void test_removed_hook_never_runs_again(void **state)
{
	struct svart_machine m = { .ops = &pause_only };
	struct pauser pauser = { .m = &m };
	struct guarded guarded = { 0 };
	struct svart_idle_hook hook = { note_if_late, &guarded };
	pthread_t thread;
	unsigned int i;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, pause_all_the_time, &pauser), 0);
	for (i = 0; i < 2000; i++) {
		atomic_store(&guarded.removed, false);
		assert_int_equal(svart_machine_idle_add(&m, &hook), 0);
		svart_machine_idle_remove(&m, &hook);
		atomic_store(&guarded.removed, true);
	}
	atomic_store(&pauser.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(guarded.late, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause_runs_every_hook_then_pauses),
		cmocka_unit_test(test_hooks_are_bounded_and_places_are_reused),
		cmocka_unit_test(test_removed_hook_never_runs_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

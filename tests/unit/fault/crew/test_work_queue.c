/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "work_queue.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#define NR_MAX    64u
#define NR_TAKERS 4
#define NR_PUTS   200000u

static int setup(void **state)
{
	return svart_work_queue_create(NR_MAX, (struct svart_work_queue **)state);
}

static int teardown(void **state)
{
	svart_work_queue_destroy(*state);
	return 0;
}

static void put(struct svart_work_queue *q, uint32_t first, uint32_t nr)
{
	uint32_t work[NR_MAX], i;

	for (i = 0; i < nr; i++)
		work[i] = first + i;
	svart_work_queue_put(q, work, nr);
}

static void test_queue_empty_gives_nothing(void **state)
{
	uint32_t work[4];

	assert_int_equal(svart_work_queue_take(*state, work, 4, 1), 0);
	assert_int_equal(svart_work_queue_waiting(*state), 0);
}

static void test_queue_gives_in_order_across_its_end(void **state)
{
	uint32_t work[NR_MAX], round, i;

	for (round = 0; round < 10; round++) {
		put(*state, round * 50, 50);
		assert_int_equal(svart_work_queue_waiting(*state), 50);
		assert_int_equal(svart_work_queue_take(*state, work, NR_MAX, 1), 50);
		for (i = 0; i < 50; i++)
			assert_int_equal(work[i], round * 50 + i);
	}
}

static void test_queue_share_is_rounded_up_and_bounded(void **state)
{
	uint32_t work[NR_MAX];

	put(*state, 0, 10);
	assert_int_equal(svart_work_queue_take(*state, work, NR_MAX, 4), 3);
	assert_int_equal(svart_work_queue_take(*state, work, 2, 1), 2);
	assert_int_equal(svart_work_queue_take(*state, work, NR_MAX, 16), 1);
	assert_int_equal(svart_work_queue_waiting(*state), 4);
}

struct many {
	struct svart_work_queue *q;
	atomic_uint out;   /* Put and not given back. */
	atomic_uint taken; /* So far. */
	atomic_bool seen[NR_PUTS];
	atomic_bool twice;
};

static void *taker_main(void *arg)
{
	struct many *m = arg;
	uint32_t work[8], n, i;

	while (atomic_load(&m->taken) < NR_PUTS) {
		n = svart_work_queue_take(m->q, work, 8, NR_TAKERS);
		for (i = 0; i < n; i++)
			if (atomic_exchange(&m->seen[work[i]], true))
				atomic_store(&m->twice, true);
		atomic_fetch_add(&m->taken, n);
		atomic_fetch_sub(&m->out, n);
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void test_queue_gives_each_number_to_one_of_many(void **state)
{
	static struct many m;
	pthread_t threads[NR_TAKERS];
	uint32_t i;

	m.q = *state;
	for (i = 0; i < NR_TAKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, taker_main, &m), 0);
	for (i = 0; i < NR_PUTS; i++) {
		while (atomic_load(&m.out) == NR_MAX)
			sched_yield();
		atomic_fetch_add(&m.out, 1);
		svart_work_queue_put(m.q, &i, 1);
	}
	for (i = 0; i < NR_TAKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&m.taken), NR_PUTS);
	assert_false(atomic_load(&m.twice));
}

#define t(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_queue_empty_gives_nothing),
		t(test_queue_gives_in_order_across_its_end),
		t(test_queue_share_is_rounded_up_and_bounded),
		t(test_queue_gives_each_number_to_one_of_many),
	};

	return cmocka_run_group_tests_name("work_queue", tests, NULL, NULL);
}

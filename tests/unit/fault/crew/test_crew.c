/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NR_MAX     64u
#define NR_MEMBERS 3u
#define NR_CLAIMS  4u
#define NR_ROUNDS  500u

/** Who has work: a number's claim is its remainder. */
struct owner {
	struct svart_crew *crew;
	struct svart_crew_claim claims[NR_CLAIMS];
	atomic_uint served[NR_MAX];
	atomic_bool held; /**< Members do not come back. */
	atomic_uint inside;
	atomic_uint woken;
	atomic_bool must_wake;
	atomic_uint wrong;
};

static struct svart_crew_claim *owner_claim(void *arg, uint32_t work)
{
	return &((struct owner *)arg)->claims[work % NR_CLAIMS];
}

static bool owner_serve(void *arg, uint32_t member, const uint32_t *work, uint32_t nr)
{
	struct owner *o = arg;
	uint32_t i;

	atomic_fetch_add(&o->inside, 1);
	for (i = 0; i < nr; i++) {
		if (member >= NR_MEMBERS || work[i] % NR_CLAIMS != work[0] % NR_CLAIMS ||
			atomic_load(&o->claims[work[i] % NR_CLAIMS].nr) == 0)
			atomic_fetch_add(&o->wrong, 1);
		atomic_fetch_add(&o->served[work[i]], 1);
	}
	while (atomic_load(&o->held))
		sched_yield();
	atomic_fetch_sub(&o->inside, 1);
	return atomic_load(&o->must_wake);
}

static void owner_wake(void *arg)
{
	atomic_fetch_add(&((struct owner *)arg)->woken, 1);
}

static struct owner owner;

static int setup(void **state)
{
	const struct svart_crew_job job = {
		.nr_members = NR_MEMBERS,
		.nr_max = NR_MAX,
		.arg = &owner,
		.claim = owner_claim,
		.serve = owner_serve,
		.wake = owner_wake,
	};

	memset(&owner, 0, sizeof(owner));
	*state = &owner;
	return svart_crew_create(&job, &owner.crew);
}

static int teardown(void **state)
{
	struct owner *o = *state;

	atomic_store(&o->held, false);
	svart_crew_destroy(o->crew, true);
	assert_int_equal(atomic_load(&o->wrong), 0);
	return 0;
}

/** Takes back until it has nr. */
static void take(struct owner *o, uint32_t nr)
{
	uint32_t work[NR_MAX], got = 0;

	while (got < nr) {
		got += svart_crew_take(o->crew, work, NR_MAX);
		sched_yield();
	}
	assert_int_equal(got, nr);
}

/** A time of CLOCK_MONOTONIC, from now. */
static struct timespec in_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void test_crew_serves_each_number_once_and_gives_it_back(void **state)
{
	struct owner *o = *state;
	uint32_t work[NR_MAX], round, i;

	for (i = 0; i < NR_MAX; i++)
		work[i] = i;
	for (round = 1; round <= NR_ROUNDS; round++) {
		svart_crew_hand(o->crew, work, NR_MAX);
		take(o, NR_MAX);
		for (i = 0; i < NR_MAX; i++)
			assert_int_equal(atomic_load(&o->served[i]), round);
	}
	assert_int_equal(atomic_load(&o->woken), 0);
}

static void test_crew_settles_when_the_claim_has_ended(void **state)
{
	struct owner *o = *state;
	struct timespec soon = in_ms(20), late = in_ms(10000);
	uint32_t work = 1;

	atomic_store(&o->held, true);
	svart_crew_hand(o->crew, &work, 1);
	while (atomic_load(&o->inside) == 0)
		sched_yield();
	assert_false(svart_crew_settle(o->crew, &o->claims[1], &soon));
	/* Another's claim is nothing to it. */
	assert_true(svart_crew_settle(o->crew, &o->claims[2], &soon));
	atomic_store(&o->held, false);
	assert_true(svart_crew_settle(o->crew, &o->claims[1], &late));
	assert_int_equal(svart_crew_take(o->crew, &work, 1), 1);
	assert_int_equal(work, 1);
}

static void test_crew_wakes_who_wants_what_it_has(void **state)
{
	struct owner *o = *state;
	uint32_t work = 1;

	atomic_store(&o->held, true);
	svart_crew_hand(o->crew, &work, 1);
	while (atomic_load(&o->inside) == 0)
		sched_yield();
	svart_crew_want(o->crew);
	assert_int_equal(svart_crew_take(o->crew, &work, 1), 0);
	atomic_store(&o->held, false);
	while (atomic_load(&o->woken) == 0)
		sched_yield();
	take(o, 1);
	/* Once: who wants more says so again. */
	svart_crew_hand(o->crew, &work, 1);
	take(o, 1);
	assert_int_equal(atomic_load(&o->woken), 1);
}

static void test_crew_wakes_when_the_work_says_so(void **state)
{
	struct owner *o = *state;
	uint32_t work = 1;

	atomic_store(&o->must_wake, true);
	svart_crew_hand(o->crew, &work, 1);
	while (atomic_load(&o->woken) == 0)
		sched_yield();
	take(o, 1);
}

#define t(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(test_crew_serves_each_number_once_and_gives_it_back),
		t(test_crew_settles_when_the_claim_has_ended),
		t(test_crew_wakes_who_wants_what_it_has),
		t(test_crew_wakes_when_the_work_says_so),
	};

	return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}

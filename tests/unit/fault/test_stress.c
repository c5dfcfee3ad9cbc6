/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Everything at once, at random: sources that come and go, groups of every size, pages that fail,
 * resolvers that are slow, deadlines that pass. What is checked is the one promise: a group that was
 * fetched whole is answered exactly once, and nothing is touched after it was removed.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine.h"
#include "fake.h"

#define NR_FEEDERS 3
#define NR_LIVES   8
#define NR_GROUPS  120

/** One thread that adds a source, feeds it, and removes it, again and again. */
struct feeder {
	struct fake_machine *m;
	struct svart_fault_service *service;
	uint64_t seed;
	bool pump;
	bool wait;        /**< Removes only when all is answered. */
	unsigned int bad; /**< Groups that were not answered as they should. */
};

static int rule_random(uint64_t page, unsigned int access)
{
	(void)access;
	if (page / PAGE % 61 == 0)
		usleep(200);
	return page / PAGE % 17 == 0 ? -EFAULT : page / PAGE % 23 == 0 ? -ENOMEM : 0;
}

/** Queues interleaved groups. @param tokens out: of the LASTs. */
static void feed(struct fake_source *source, uint64_t *seed, uint64_t *tokens)
{
	uint32_t i, ids[4], left[4], lane, next = 0;

	for (lane = 0; lane < 4; lane++)
		left[lane] = 0;
	for (i = 0; i < NR_GROUPS;) {
		lane = (uint32_t)(fake_random(seed) % 4);
		if (left[lane] == 0) {
			left[lane] = 1 + (uint32_t)(fake_random(seed) % 8);
			ids[lane] = next++;
		}
		left[lane]--;
		if (left[lane] != 0) {
			fake_source_push(source, lane, ids[lane], PAGE_AT(fake_random(seed) % 4096),
				R, PASID);
			continue;
		}
		tokens[i++] = fake_source_push(source, lane, ids[lane],
			PAGE_AT(fake_random(seed) % 4096), W, PASID | LAST);
	}
}

static bool all_answered(struct fake_source *source, const uint64_t *tokens)
{
	uint32_t i;

	if (fake_source_nr_answers(source) < NR_GROUPS)
		return false;
	for (i = 0; i < NR_GROUPS; i++)
		if (fake_source_answered(source, tokens[i]) == 0)
			return false;
	return true;
}

static void feeder_wait(struct feeder *f, struct fake_source *source, const uint64_t *tokens)
{
	unsigned int tries, rounds = f->wait ? 200000 : (unsigned int)(fake_random(&f->seed) % 30);

	for (tries = 0; tries < rounds && !all_answered(source, tokens); tries++) {
		if (f->pump)
			svart_pause(&f->m->base, UINT64_MAX);
		else
			fake_nap();
	}
}

static void feeder_live(struct feeder *f, struct fake_source *source, struct svart_space *space)
{
	uint64_t tokens[NR_GROUPS];
	unsigned int answers;
	uint32_t i;

	fake_space_init(space);
	space->rule = rule_random;
	fake_source_init(source, f->m);
	if (svart_fault_service_add(f->service, &source->base, space) != 0) {
		f->bad += 1000;
		return;
	}
	feed(source, &f->seed, tokens);
	feeder_wait(f, source, tokens);
	svart_fault_service_remove(f->service, &source->base);
	pthread_mutex_lock(&source->lock);
	source->closed = true;
	pthread_mutex_unlock(&source->lock);
	pthread_mutex_lock(&space->lock);
	space->closed = true;
	pthread_mutex_unlock(&space->lock);
	for (i = 0; i < NR_GROUPS; i++) {
		answers = fake_source_answered(source, tokens[i]);
		/* At most once; once, unless it may not even have been fetched. */
		f->bad += answers > 1 || (f->wait && answers != 1);
	}
	f->bad += fake_source_nr_answers(source) > NR_GROUPS;
}

static void *feeder_main(void *arg)
{
	struct fake_source *sources = calloc(NR_LIVES, sizeof(*sources));
	struct svart_space *spaces = calloc(NR_LIVES, sizeof(*spaces));
	struct feeder *f = arg;
	int life;

	/* None is freed before the end, so that a late touch finds `closed` set. */
	for (life = 0; sources != NULL && spaces != NULL && life < NR_LIVES; life++)
		feeder_live(f, &sources[life], &spaces[life]);
	usleep(10000);
	for (life = 0; sources != NULL && spaces != NULL && life < NR_LIVES; life++) {
		fake_source_fini(&sources[life]);
		fake_space_fini(&spaces[life]);
	}
	free(sources);
	free(spaces);
	return NULL;
}

static void stress(struct svart_fault_params params)
{
	struct feeder feeders[NR_FEEDERS];
	pthread_t threads[NR_FEEDERS];
	struct svart_fault_service *service;
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	uint64_t seed = fake_seed();
	struct fake_machine m;
	int i;

	fake_machine_init(&m);
	assert_int_equal(svart_fault_service_init(&params, false, &service), 0);
	for (i = 0; i < NR_FEEDERS; i++) {
		feeders[i] = (struct feeder){ .m = &m,
			.service = service,
			.wait = i != 0,
			.seed = fake_random(&seed) | 1,
			.pump = params.run == SVART_FAULT_RUN_INLINE };
		assert_int_equal(pthread_create(&threads[i], NULL, feeder_main, &feeders[i]), 0);
	}
	for (i = 0; i < NR_FEEDERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(feeders[i].bad, 0);
	}
	svart_fault_stats_get(service, &stats);
	assert_int_equal(stats.groups, stats.answers_success + stats.answers_invalid);
	assert_true(stats.groups >= (NR_FEEDERS - 1) * NR_LIVES * NR_GROUPS);
	assert_int_equal(stats.sources_lost, 0);
	assert_int_equal(svart_fault_service_fini(service), 0);
}

static void test_stress_thread_answers_each_group_once(void **state)
{
	(void)state;
	stress((struct svart_fault_params){ .max_requests = 256 });
}

static void test_stress_resolvers_answer_each_group_once(void **state)
{
	(void)state;
	stress((struct svart_fault_params){ .max_requests = 256, .resolvers = 4 });
}

static void test_stress_resolvers_with_deadlines_answer_each_group_once(void **state)
{
	(void)state;
	stress((struct svart_fault_params){
		.max_requests = 128, .resolvers = 3, .deadline_ns = 300000 });
}

static void test_stress_inline_answers_each_group_once(void **state)
{
	(void)state;
	stress((struct svart_fault_params){ .run = SVART_FAULT_RUN_INLINE, .max_requests = 256 });
}

/** Threads that add their first sources to one service at the same moment. */
struct adders {
	pthread_barrier_t begin;
	struct svart_fault_service *service;
	struct fake_source sources[NR_FEEDERS];
	struct svart_space space;
	atomic_uint next;
	atomic_uint bad;
};

static void *adder_main(void *arg)
{
	struct adders *a = arg;
	struct fake_source *source = &a->sources[atomic_fetch_add(&a->next, 1)];

	pthread_barrier_wait(&a->begin);
	if (svart_fault_service_add(a->service, &source->base, &a->space) != 0)
		atomic_fetch_add(&a->bad, 1);
	return NULL;
}

/* What the first source of its kind brings to the service was once brought twice, and the one thrown over. */
static void add_at_once(struct adders *a)
{
	struct svart_fault_params params = { .max_requests = 64 };
	pthread_t threads[NR_FEEDERS];
	int i;

	atomic_store(&a->next, 0);
	assert_int_equal(svart_fault_service_init(&params, false, &a->service), 0);
	for (i = 0; i < NR_FEEDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, adder_main, a), 0);
	for (i = 0; i < NR_FEEDERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < NR_FEEDERS; i++)
		svart_fault_service_remove(a->service, &a->sources[i].base);
	assert_int_equal(svart_fault_service_fini(a->service), 0);
}

static void test_stress_first_sources_come_at_once(void **state)
{
	struct adders *a = calloc(1, sizeof(*a));
	struct fake_machine m;
	int i;

	(void)state;
	assert_non_null(a);
	fake_machine_init(&m);
	fake_space_init(&a->space);
	for (i = 0; i < NR_FEEDERS; i++)
		fake_source_init(&a->sources[i], &m);
	assert_int_equal(pthread_barrier_init(&a->begin, NULL, NR_FEEDERS), 0);
	for (i = 0; i < 200; i++)
		add_at_once(a);
	assert_int_equal(a->bad, 0);
	pthread_barrier_destroy(&a->begin);
	for (i = 0; i < NR_FEEDERS; i++)
		fake_source_fini(&a->sources[i]);
	fake_space_fini(&a->space);
	free(a);
}

/** Resolves a group and puts it aside, again and again, until somebody else has answered it. */
static void *putter_main(void *arg)
{
	struct svart_fault_group *g = arg;

	while (svart_fault_group_move(g, SVART_FAULT_GROUP_QUEUED, SVART_FAULT_GROUP_RESOLVING) &&
		svart_fault_group_move(g, SVART_FAULT_GROUP_RESOLVING, SVART_FAULT_GROUP_QUEUED))
		;
	return NULL;
}

/* A deadline once found a group in neither state, for it was put aside between two looks. */
static void test_stress_group_is_taken_while_it_is_put_aside(void **state)
{
	struct svart_fault_group g = { 0 };
	pthread_t putter;
	int i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		atomic_init(&g.state, SVART_FAULT_GROUP_QUEUED);
		assert_int_equal(pthread_create(&putter, NULL, putter_main, &g), 0);
		while (i % 2 == 0 && atomic_load(&g.state) == SVART_FAULT_GROUP_QUEUED)
			;
		assert_true(svart_fault_group_take(&g));
		pthread_join(putter, NULL);
		assert_false(svart_fault_group_take(&g));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stress_thread_answers_each_group_once),
		cmocka_unit_test(test_stress_resolvers_answer_each_group_once),
		cmocka_unit_test(test_stress_resolvers_with_deadlines_answer_each_group_once),
		cmocka_unit_test(test_stress_inline_answers_each_group_once),
		cmocka_unit_test(test_stress_first_sources_come_at_once),
		cmocka_unit_test(test_stress_group_is_taken_while_it_is_put_aside),
	};

	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}

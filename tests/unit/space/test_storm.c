/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Threads that resolve against threads that forget, in the same few chunks. The fake's clock gives
 * each area a birth; after a forget no area may be left that was born before the forget began.
 * Meant to be run under ThreadSanitizer too.
 */

#include <errno.h>
#include <unistd.h>

#include "fixture.h"

#define NR_CHUNKS     4
#define NR_RESOLVERS  3
#define NR_FORGETTERS 2
#define STORM_US      400000

/** One thread. Owner: itself; the test reads after the join. */
struct worker {
	struct fixture *fx;
	uint8_t *mem;
	uint64_t rng;
	unsigned int stale, errors, again;
	int last_error;
	pthread_t thread;
	atomic_bool *end;
};

static uint8_t *pick_range(struct worker *w, size_t *len)
{
	size_t page = test_random(&w->rng, NR_CHUNKS * 512 - 64);

	*len = (1 + test_random(&w->rng, test_random(&w->rng, 8) == 0 ? 64 : 4)) * PAGE;
	return w->mem + page * PAGE;
}

static void *run_resolver(void *arg)
{
	struct worker *w = arg;
	uint8_t *addr;
	size_t len;
	int rc;

	while (!atomic_load_explicit(w->end, memory_order_relaxed)) {
		addr = pick_range(w, &len);
		rc = resolve(w->fx, addr, len, test_random(&w->rng, 2) ? W : R);
		if (rc == -EAGAIN) {
			w->again++;
		} else if (rc != 0) {
			w->errors++;
			w->last_error = rc;
		}
	}
	return NULL;
}

static void *run_forgetter(void *arg)
{
	struct worker *w = arg;
	unsigned long long before;
	uint8_t *addr;
	size_t len;
	int rc;

	while (!atomic_load_explicit(w->end, memory_order_relaxed)) {
		addr = pick_range(w, &len);
		if (test_random(&w->rng, 16) == 0) {
			addr = w->mem;
			len = NR_CHUNKS * CHUNK;
		}
		before = atomic_load(&w->fx->fake->clock);
		rc = svart_space_forget(w->fx->space, addr, len);
		if (rc != 0) {
			w->errors++;
			w->last_error = rc;
		}
		if (fake_oldest_birth(w->fx->fake, addr, len) < before)
			w->stale++;
		/* Else the mappers would be doomed each time, and there would be nothing to forget. */
		usleep((unsigned int)test_random(&w->rng, 200));
	}
	return NULL;
}

static void storm(struct fixture *fx, uint8_t *mem)
{
	struct worker workers[NR_RESOLVERS + NR_FORGETTERS];
	uint64_t seed = test_seed();
	unsigned int i, stale = 0, errors = 0, again = 0;
	atomic_bool end = false;

	fx->fake->slow_every = 7;
	for (i = 0; i < SVART_ARRAY_SIZE(workers); i++) {
		workers[i] = (struct worker){
			.fx = fx,
			.mem = mem,
			.rng = seed + i + 1,
			.end = &end,
		};
		pthread_create(&workers[i].thread, NULL,
			i < NR_RESOLVERS ? run_resolver : run_forgetter, &workers[i]);
	}
	usleep(STORM_US);
	atomic_store(&end, true);
	for (i = 0; i < SVART_ARRAY_SIZE(workers); i++) {
		pthread_join(workers[i].thread, NULL);
		stale += workers[i].stale;
		errors += workers[i].errors;
		again += workers[i].again;
		if (workers[i].last_error != 0)
			print_message("thread %u: last error %d\n", i, workers[i].last_error);
	}
	print_message("maps %u, unmaps %u, gave up %u\n", (unsigned int)stats_of(fx).maps,
		(unsigned int)stats_of(fx).unmaps, again);
	assert_int_equal(stale, 0);
	assert_int_equal(errors, 0);
	assert_int_equal(stats_of(fx).pinned_bytes, fake_bytes(fx->fake));
}

static void test_storm_of_faults_and_forgets_leaves_nothing_stale(void **state)
{
	const struct svart_space_params params = { .fault_around_bytes = 64 * PAGE };
	uint8_t *mem = chunks_new(NR_CHUNKS, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, &params);
	storm(&fx, mem);
	assert_int_equal(svart_space_forget(fx.space, mem, NR_CHUNKS * CHUNK), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, NR_CHUNKS);
}

static void test_storm_with_upgrades_leaves_nothing_stale(void **state)
{
	const struct svart_space_params params = { .fault_around_bytes = 64 * PAGE };
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)(NR_CHUNKS * CHUNK)), 0);
	mem = chunks_of_file(NR_CHUNKS, PROT_READ | PROT_WRITE, fd);
	fixture_open(&fx, &params);
	storm(&fx, mem);
	assert_true(stats_of(&fx).upgrades > 0);
	fixture_close(&fx);
	chunks_free(mem, NR_CHUNKS);
	close(fd);
}

static void test_storm_within_a_small_limit_stays_within_it(void **state)
{
	const struct svart_space_params params = {
		.pin_limit_bytes = 512 * PAGE,
		.fault_around_bytes = 64 * PAGE,
	};
	uint8_t *mem = chunks_new(NR_CHUNKS, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, &params);
	storm(&fx, mem);
	assert_true(stats_of(&fx).evictions > 0);
	assert_true(fx.fake->bytes_peak <= 512 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, NR_CHUNKS);
}

static void test_storm_with_few_chunks_is_served(void **state)
{
	const struct svart_space_params params = {
		.max_chunks = 3,
		.fault_around_bytes = 64 * PAGE,
	};
	uint8_t *mem = chunks_new(NR_CHUNKS, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, &params);
	storm(&fx, mem);
	assert_true(stats_of(&fx).evictions > 0);
	fixture_close(&fx);
	chunks_free(mem, NR_CHUNKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm_of_faults_and_forgets_leaves_nothing_stale),
		cmocka_unit_test(test_storm_with_upgrades_leaves_nothing_stale),
		cmocka_unit_test(test_storm_within_a_small_limit_stays_within_it),
		cmocka_unit_test(test_storm_with_few_chunks_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

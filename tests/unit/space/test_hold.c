/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "fixture.h"
#include "hold.h"

#define NR_PAGES     64
#define PIN_LIMIT    (NR_PAGES * PAGE)
#define NR_HOLDERS   4
#define STORM_ROUNDS 2000
#define STORM_TRIES  1000

static void open_for_holds(struct fixture *fx, uint64_t pin_limit)
{
	const struct svart_space_params params = { .fault_around_bytes = PAGE,
		.pin_limit_bytes = pin_limit };

	fixture_open(fx, &params);
	assert_int_equal(svart_space_enable_holds(fx->space), 0);
}

static int hold(struct fixture *fx, const void *addr, size_t len, unsigned int access)
{
	uint64_t bad;

	return svart_space_hold(fx->space, (uintptr_t)addr, (uintptr_t)addr + len, access, &bad);
}

static void release(struct fixture *fx, const void *addr, size_t len)
{
	svart_space_release(fx->space, (uintptr_t)addr, (uintptr_t)addr + len);
}

static void test_hold_maps_what_is_missing(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(hold(&fx, mem + PAGE, 3 * PAGE, W), 0);
	assert_true(fake_is_mapped(fx.fake, mem + PAGE));
	assert_true(fake_is_mapped(fx.fake, mem + 3 * PAGE));
	assert_int_equal(svart_space_held(fx.space), 3 * PAGE);
	release(&fx, mem + PAGE, 3 * PAGE);
	assert_int_equal(svart_space_held(fx.space), 0);
	assert_true(fake_is_mapped(fx.fake, mem + PAGE)); /* For the next one. */
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_hold_of_mapped_memory_makes_no_call(void **state)
{
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct fixture fx;
	unsigned int maps;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(resolve(&fx, mem, 3 * CHUNK, W), 0);
	maps = fake_nr_maps(fx.fake);
	assert_int_equal(hold(&fx, mem + PAGE, 2 * CHUNK, W), 0);
	assert_int_equal(fake_nr_maps(fx.fake), maps);
	release(&fx, mem + PAGE, 2 * CHUNK);
	assert_int_equal(fake_nr_unmaps(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 3);
}

static void test_hold_mapped_maps_nothing_and_names_the_first_missing_page(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	uint64_t start = (uintptr_t)mem, bad;
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(resolve(&fx, mem, 2 * PAGE, R), 0);
	assert_int_equal(
		svart_space_hold_mapped(fx.space, start, start + 4 * PAGE, R, &bad), -ENOENT);
	assert_int_equal(bad, start + 2 * PAGE);
	assert_false(fake_is_mapped(fx.fake, mem + 2 * PAGE));
	assert_int_equal(svart_space_held(fx.space), 0);
	assert_int_equal(svart_space_hold_mapped(fx.space, start, start + 2 * PAGE, R, &bad), 0);
	release(&fx, mem, 2 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_hold_of_a_bad_page_names_it_and_holds_nothing(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	uint64_t start = (uintptr_t)mem, bad = 0;
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(mprotect(mem + CHUNK + 5 * PAGE, PAGE, PROT_NONE), 0);
	assert_int_equal(svart_space_hold(fx.space, start, start + 2 * CHUNK, R, &bad), -EFAULT);
	assert_int_equal(bad, start + CHUNK + 5 * PAGE);
	assert_int_equal(svart_space_held(fx.space), 0);
	assert_int_equal(svart_space_forget(fx.space, mem, 2 * CHUNK), 0);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_hold_for_writing_of_read_only_memory_is_refused(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ);
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(hold(&fx, mem, PAGE, W), -EFAULT);
	assert_int_equal(hold(&fx, mem, PAGE, R), 0);
	release(&fx, mem, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_hold_of_static_memory_is_refused(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(svart_space_map_static(fx.space, mem, PAGE), 0);
	assert_int_equal(hold(&fx, mem, PAGE, R), -EFAULT);
	svart_space_unmap_static(fx.space, mem, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_hold_before_it_is_enabled_is_refused(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(hold(&fx, mem, PAGE, R), -EINVAL);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_hold_above_the_limit_waits_for_a_release(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t limit;

	(void)state;
	open_for_holds(&fx, PIN_LIMIT);
	limit = svart_space_hold_limit(fx.space);
	assert_int_equal(limit, PIN_LIMIT / 4);
	assert_int_equal(hold(&fx, mem, limit + PAGE, W), -E2BIG);
	assert_int_equal(hold(&fx, mem, limit, W), 0);
	assert_int_equal(hold(&fx, mem + limit, PAGE, W), -EAGAIN);
	release(&fx, mem, limit);
	assert_int_equal(hold(&fx, mem + limit, PAGE, W), 0);
	release(&fx, mem + limit, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_held_pages_are_not_evicted(void **state)
{
	uint8_t *mem = chunks_new(4, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	open_for_holds(&fx, PIN_LIMIT);
	assert_int_equal(hold(&fx, mem, 8 * PAGE, W), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(
			resolve(&fx, mem + CHUNK * (i % 3 + 1) + i / 3 * 48 * PAGE, 48 * PAGE, W),
			0);
	assert_true(stats_of(&fx).evictions > 0);
	for (i = 0; i < 8; i++)
		assert_true(fake_is_mapped(fx.fake, mem + i * PAGE));
	release(&fx, mem, 8 * PAGE);
	assert_int_equal(resolve(&fx, mem + CHUNK, PIN_LIMIT, W), 0);
	assert_false(fake_is_mapped(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 4);
}

static void test_upgrade_of_a_held_area_waits_for_its_release(void **state)
{
	int fd = memfd_create("hold", 0);
	struct fixture fx;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, CHUNK), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	open_for_holds(&fx, 0);
	assert_int_equal(hold(&fx, mem, 4 * PAGE, R), 0);
	assert_int_equal(hold(&fx, mem + PAGE, PAGE, W), -EAGAIN);
	assert_int_equal(fake_nr_unmaps(fx.fake), 0);
	release(&fx, mem, 4 * PAGE);
	assert_int_equal(hold(&fx, mem + PAGE, PAGE, W), 0);
	release(&fx, mem + PAGE, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

static void test_forget_of_a_held_range_gives_up_with_ebusy(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(hold(&fx, mem, PAGE, R), 0);
	assert_int_equal(hold(&fx, mem + 8 * PAGE, PAGE, R), 0);
	release(&fx, mem + 8 * PAGE, PAGE);
	assert_int_equal(svart_space_forget(fx.space, mem, CHUNK), -EBUSY);
	assert_non_null(strstr(svart_fail_text(), "in flight"));
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + 8 * PAGE)); /* It was not held. */
	assert_int_equal(hold(&fx, mem, PAGE, R), 0);          /* The forget is over. */
	release(&fx, mem, PAGE);
	release(&fx, mem, PAGE);
	assert_int_equal(svart_space_forget(fx.space, mem, CHUNK), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_next_to_a_held_area_does_not_wait(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(hold(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, R), 0);
	assert_int_equal(svart_space_forget(fx.space, mem + PAGE, PAGE), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + PAGE));
	release(&fx, mem, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_waits_for_the_last_release_and_takes_no_new_hold(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct forgetter g;
	struct fixture fx;

	(void)state;
	open_for_holds(&fx, 0);
	assert_int_equal(hold(&fx, mem, 4 * PAGE, W), 0);
	assert_int_equal(hold(&fx, mem, 2 * PAGE, R), 0);
	forgetter_start(&g, &fx, mem + 3 * PAGE, PAGE);
	while (hold(&fx, mem + PAGE, PAGE, R) == 0) /* Of the same area, not of the range. */
		release(&fx, mem + PAGE, PAGE);
	assert_int_equal(hold(&fx, mem + PAGE, PAGE, R), -EAGAIN);
	assert_int_equal(hold(&fx, mem + 3 * PAGE, PAGE, R), -EAGAIN);
	release(&fx, mem, 4 * PAGE);
	settle_down();
	assert_false(atomic_load(&g.done));
	release(&fx, mem, 2 * PAGE);
	assert_int_equal(forgetter_join(&g), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/* --- many at once ------------------------------------------------------------------------------ */

/** One thread that holds random ranges. Owner: the test. */
struct holder {
	pthread_t thread;
	struct fixture *fx;
	uint8_t *mem;
	uint64_t seed;
	bool lost; /**< Out: a held page was not mapped. */
};

static void *hold_and_release(void *arg)
{
	struct holder *h = arg;
	unsigned int i;

	for (i = 0; i < STORM_ROUNDS && !h->lost; i++) {
		size_t first = test_random(&h->seed, NR_PAGES), nr = test_random(&h->seed, 3) + 1;
		uint8_t *at = h->mem + CHUNK - NR_PAGES / 2 * PAGE + first * PAGE;

		if (hold(h->fx, at, nr * PAGE, test_random(&h->seed, 2) ? R : W) != 0) {
			sched_yield();
			continue;
		}
		h->lost = !fake_is_mapped(h->fx->fake, at) ||
			  !fake_is_mapped(h->fx->fake, at + (nr - 1) * PAGE);
		release(h->fx, at, nr * PAGE);
	}
	return NULL;
}

/** What others hold, and what is mapped around it, may be in the way for a moment, and no longer. */
static int resolve_in_the_storm(struct fixture *fx, uint8_t *mem, size_t len)
{
	unsigned int tries;
	int rc = -ENOMEM;

	for (tries = 0; rc == -ENOMEM && tries < STORM_TRIES; tries++) {
		rc = resolve(fx, mem, len, R);
		sched_yield();
	}
	return rc;
}

/** Around the border of two chunks, with a limit that evicts and a thread that forgets. */
static void test_held_pages_stay_mapped_in_a_storm(void **state)
{
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct holder holders[NR_HOLDERS];
	uint64_t seed = test_seed();
	struct fixture fx;
	unsigned int i;

	(void)state;
	open_for_holds(&fx, PIN_LIMIT);
	for (i = 0; i < NR_HOLDERS; i++) {
		holders[i] = (struct holder){ .fx = &fx, .mem = mem, .seed = seed + i };
		assert_int_equal(
			pthread_create(&holders[i].thread, NULL, hold_and_release, &holders[i]), 0);
	}
	for (i = 0; i < 100; i++) {
		assert_int_equal(resolve_in_the_storm(&fx, mem + CHUNK / 2, 40 * PAGE), 0);
		assert_int_equal(svart_space_forget(fx.space, mem + CHUNK - 4 * PAGE, 8 * PAGE), 0);
	}
	for (i = 0; i < NR_HOLDERS; i++) {
		pthread_join(holders[i].thread, NULL);
		assert_false(holders[i].lost);
	}
	assert_int_equal(svart_space_held(fx.space), 0);
	assert_int_equal(svart_space_forget(fx.space, mem, 3 * CHUNK), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold_maps_what_is_missing),
		cmocka_unit_test(test_hold_of_mapped_memory_makes_no_call),
		cmocka_unit_test(test_hold_mapped_maps_nothing_and_names_the_first_missing_page),
		cmocka_unit_test(test_hold_of_a_bad_page_names_it_and_holds_nothing),
		cmocka_unit_test(test_hold_for_writing_of_read_only_memory_is_refused),
		cmocka_unit_test(test_hold_of_static_memory_is_refused),
		cmocka_unit_test(test_hold_before_it_is_enabled_is_refused),
		cmocka_unit_test(test_hold_above_the_limit_waits_for_a_release),
		cmocka_unit_test(test_held_pages_are_not_evicted),
		cmocka_unit_test(test_upgrade_of_a_held_area_waits_for_its_release),
		cmocka_unit_test(test_forget_of_a_held_range_gives_up_with_ebusy),
		cmocka_unit_test(test_forget_next_to_a_held_area_does_not_wait),
		cmocka_unit_test(test_forget_waits_for_the_last_release_and_takes_no_new_hold),
		cmocka_unit_test(test_held_pages_stay_mapped_in_a_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <string.h>

#include <unistd.h>

#include "error.h"
#include "fixture.h"
#include "space_state.h"

#define LONE (128 * (size_t)1024) /* 2 MiB / 16 */

static int forget(struct fixture *fx, const void *addr, size_t len)
{
	return svart_space_forget(fx->space, addr, len);
}

static void test_forget_unmaps_the_range(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(forget(&fx, mem, CHUNK), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(stats_of(&fx).pinned_bytes, 0);
	assert_int_equal(stats_of(&fx).unmaps, 1);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_of_one_byte_takes_the_whole_area_and_no_other(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, 4 * PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, 4 * PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 8 * PAGE, 4 * PAGE, R), 0);
	assert_int_equal(forget(&fx, mem + 5 * PAGE + 17, 1), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 3 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 7 * PAGE));
	assert_true(fake_is_mapped(fx.fake, mem + 8 * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/** What a program is about to unmap must not come back with a fault beside it. */
static void test_forgotten_pages_are_left_out_of_windows_until_each_is_asked_for(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	assert_int_equal(forget(&fx, mem + 4 * PAGE, 4 * PAGE), 0);
	assert_int_equal(resolve(&fx, mem + 2 * PAGE, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 3 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	assert_int_equal(resolve(&fx, mem + 9 * PAGE, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 8 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 7 * PAGE));
	/* One page of them is wanted again: it alone is, the others may be about to go. */
	assert_int_equal(resolve(&fx, mem + 6 * PAGE, PAGE, R), 0);
	assert_false(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 5 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 7 * PAGE));
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, 4 * PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 7 * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forgotten_pages_that_are_asked_for_together_are_one_map(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(forget(&fx, mem, CHUNK), 0);
	assert_int_equal(resolve(&fx, mem + 8 * PAGE, 8 * PAGE, R), 0);
	assert_int_equal(fake_nr_maps(fx.fake), 1);
	assert_int_equal(fake_bytes(fx.fake), 8 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/** However many are forgotten before the first is unmapped, none comes back. */
static void test_forget_of_thousands_of_ranges_brings_none_back(void **state)
{
	uint8_t *mem = chunks_new(40, PROT_READ | PROT_WRITE);
	const size_t nr = 40 * CHUNK / PAGE;
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, NULL);
	for (i = 0; i < nr; i += 2)
		assert_int_equal(forget(&fx, mem + i * PAGE, PAGE), 0);
	for (i = 1; i < nr; i += 2)
		assert_int_equal(resolve(&fx, mem + i * PAGE, PAGE, R), 0);
	assert_int_equal(fake_bytes(fx.fake), nr / 2 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 40);
}

static void test_forget_unaligned_takes_both_end_pages(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open_exact(&fx);
	for (i = 0; i < 5; i++)
		assert_int_equal(resolve(&fx, mem + i * PAGE, PAGE, R), 0);
	assert_int_equal(forget(&fx, mem + 2 * PAGE - 1, PAGE + 2), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 2 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + 3 * PAGE));
	assert_true(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_of_nothing_makes_no_call(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(forget(&fx, mem, 0), 0);
	assert_int_equal(forget(&fx, mem + PAGE, CHUNK - PAGE), 0);
	assert_int_equal(fake_nr_unmaps(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_of_a_range_that_wraps_is_refused(void **state)
{
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(forget(&fx, (void *)(UINTPTR_MAX - 10), 12), -EINVAL);
	assert_non_null(strstr(svart_fail_text(), "wraps"));
	assert_int_equal(forget(&fx, (void *)(UINTPTR_MAX - 10), 11), 0);
	fixture_close(&fx);
}

static void test_forget_of_everything_takes_everything(void **state)
{
	uint8_t *mem = chunks_new(5, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, 5 * CHUNK, R), 0);
	assert_int_equal(forget(&fx, NULL, SIZE_MAX), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 5);
}

static void test_forget_of_a_chunk_of_many_areas_is_one_unmap(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open_exact(&fx);
	for (i = 0; i < 10; i++)
		assert_int_equal(resolve(&fx, mem + 2 * i * PAGE, PAGE, R), 0);
	assert_int_equal(forget(&fx, mem, CHUNK), 0);
	assert_int_equal(fake_nr_unmaps(fx.fake), 1);
	assert_int_equal(stats_of(&fx).unmaps, 10);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_then_resolve_maps_anew(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(forget(&fx, mem, PAGE), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_busy_unmap_is_retried(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fx.fake->unmap_script = (struct fake_script){ .error = -EBUSY, .count = 5 };
	assert_int_equal(forget(&fx, mem, PAGE), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(fake_nr_unmaps(fx.fake), 6);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_busy_for_ever_is_an_error(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fx.fake->unmap_script = (struct fake_script){ .error = -EBUSY, .count = 1000000 };
	assert_int_equal(forget(&fx, mem, PAGE), -EIO);
	fx.fake->unmap_script.count = 0;
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_refused_by_the_kernel_says_so_and_keeps_the_truth(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fx.fake->unmap_script = (struct fake_script){ .error = -EDEADLK, .count = 1 };
	assert_int_equal(forget(&fx, mem, PAGE), -EIO);
	assert_non_null(strstr(svart_fail_text(), "keep the memory"));
	assert_int_equal(stats_of(&fx).pinned_bytes, PAGE);
	assert_int_equal(forget(&fx, mem, PAGE), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_finds_out_which_areas_are_left_after_a_failure(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 2 * PAGE, PAGE, R), 0);
	/* The UNMAP of both fails, that of the first then too. */
	fx.fake->unmap_script = (struct fake_script){ .error = -EDEADLK, .count = 2 };
	assert_int_equal(forget(&fx, mem, CHUNK), -EIO);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + 2 * PAGE));
	assert_int_equal(stats_of(&fx).pinned_bytes, PAGE);
	assert_int_equal(resolve(&fx, mem + 2 * PAGE, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem + 2 * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/** Waits until a forget of this page is under way: its barrier stands. */
static void wait_for_barrier(struct fixture *fx, const void *addr)
{
	uint64_t page = (uintptr_t)addr;
	struct svart_shard *shard =
		svart_chunk_map_shard(&fx->space->map, page >> SVART_CHUNK_SHIFT);
	bool there = false;

	while (!there) {
		pthread_mutex_lock(&shard->lock);
		there = svart_shard_barrier(shard, page, page) != NULL;
		pthread_mutex_unlock(&shard->lock);
		if (!there)
			usleep(50);
	}
}

/* --- against maps under way ----------------------------------------------------------------------- */

static void test_forget_of_a_pending_page_waits_and_the_mapper_starts_again(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct forgetter g;
	struct resolver a;
	struct fixture fx;
	uint64_t birth;

	(void)state;
	fixture_open(&fx, NULL);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	birth = fake_area_at(fx.fake, mem).birth;
	forgetter_start(&g, &fx, mem + 3 * PAGE, PAGE); /* Only in the widened part. */
	wait_for_barrier(&fx, mem + 3 * PAGE);
	settle_down();
	assert_false(atomic_load(&g.done));
	fake_release(fx.fake);
	assert_int_equal(forgetter_join(&g), 0);
	assert_int_equal(resolver_join(&a), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_true(fake_area_at(fx.fake, mem).birth > birth);
	assert_int_equal(fake_nr_unmaps(fx.fake), 1);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_next_to_a_pending_page_does_not_wait(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct resolver a;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, R), 0);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	assert_int_equal(forget(&fx, mem + PAGE, CHUNK - PAGE), 0);
	assert_false(fake_is_mapped(fx.fake, mem + PAGE));
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_during_a_forget_waits_for_its_end(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct resolver a, b;
	struct forgetter g;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fake_hold_unmap(fx.fake, mem);
	forgetter_start(&g, &fx, mem, 2 * CHUNK);
	fake_wait_held(fx.fake, 1);
	/* Other pages of the range, in both chunks: they must not be mapped yet. */
	resolver_start(&a, &fx, mem + PAGE, PAGE, R);
	resolver_start(&b, &fx, mem + CHUNK, PAGE, R);
	settle_down();
	assert_false(atomic_load(&a.done));
	assert_false(atomic_load(&b.done));
	assert_int_equal(fake_nr_areas(fx.fake), 1);
	fake_release(fx.fake);
	assert_int_equal(forgetter_join(&g), 0);
	assert_int_equal(resolver_join(&a), 0);
	assert_int_equal(resolver_join(&b), 0);
	assert_true(fake_is_mapped(fx.fake, mem + PAGE));
	assert_true(fake_is_mapped(fx.fake, mem + CHUNK));
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_resolve_window_leaves_out_what_is_being_forgotten(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct forgetter g;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fake_hold_unmap(fx.fake, mem);
	forgetter_start(&g, &fx, mem + PAGE, LONE + PAGE); /* Into the window after the first. */
	fake_wait_held(fx.fake, 1);
	assert_int_equal(resolve(&fx, mem + LONE + 8 * PAGE, PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem + LONE + 8 * PAGE).iova,
		(uintptr_t)mem + LONE + 2 * PAGE);
	fake_release(fx.fake);
	assert_int_equal(forgetter_join(&g), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_forget_of_a_page_that_is_just_evicted_or_forgotten_waits(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct forgetter g, h;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fake_hold_unmap(fx.fake, mem);
	forgetter_start(&g, &fx, mem, PAGE);
	fake_wait_held(fx.fake, 1);
	forgetter_start(&h, &fx, mem + PAGE, PAGE);
	settle_down();
	assert_false(atomic_load(&h.done)); /* It is still mapped: "done" would be a lie. */
	fake_release(fx.fake);
	assert_int_equal(forgetter_join(&g), 0);
	assert_int_equal(forgetter_join(&h), 0);
	assert_int_equal(fake_nr_unmaps(fx.fake), 1);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_that_cannot_undo_its_map_tells_forget_the_truth(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct forgetter g;
	struct resolver a;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	fx.fake->unmap_script = (struct fake_script){ .error = -EDEADLK, .count = 2 };
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	forgetter_start(&g, &fx, mem, PAGE);
	wait_for_barrier(&fx, mem);
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), -EDEADLK);
	assert_int_equal(forgetter_join(&g), -EIO);
	assert_int_equal(stats_of(&fx).pinned_bytes, PAGE);
	assert_int_equal(forget(&fx, mem, PAGE), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/* --- forgotten again and again --------------------------------------------------------------------- */

/** From within MAP, before it begins: starts a forget that dooms this very MAP. */
struct doomer {
	struct fixture *fx;
	struct forgetter g;
	unsigned int nr, limit;
	bool running;
};

static void doom(void *arg, uint64_t iova, uint64_t len)
{
	struct doomer *d = arg;

	if (d->running)
		forgetter_join(&d->g);
	d->running = d->nr < d->limit;
	if (!d->running)
		return;
	d->nr++;
	forgetter_start(&d->g, d->fx, (void *)(uintptr_t)iova, len);
	wait_for_barrier(d->fx, (void *)(uintptr_t)iova);
}

static void test_resolve_forgotten_a_few_times_succeeds(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	struct doomer d = { .fx = &fx, .limit = 5 };

	(void)state;
	fixture_open_exact(&fx);
	fx.fake->before_map = doom;
	fx.fake->before_map_arg = &d;
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_int_equal(d.nr, 5);
	assert_int_equal(fake_nr_unmaps(fx.fake), 5);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_forgotten_for_ever_gives_up(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	struct doomer d = { .fx = &fx, .limit = 1000 };

	(void)state;
	fixture_open_exact(&fx);
	fx.fake->before_map = doom;
	fx.fake->before_map_arg = &d;
	assert_int_equal(resolve(&fx, mem, PAGE, R), -EAGAIN);
	assert_true(d.nr <= 64);
	forgetter_join(&d.g);
	assert_int_equal(fake_nr_areas(fx.fake), 0);
	assert_int_equal(stats_of(&fx).pinned_bytes, 0);
	fx.fake->before_map = NULL;
	fixture_close(&fx);
	chunks_free(mem, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forget_unmaps_the_range),
		cmocka_unit_test(test_forget_of_one_byte_takes_the_whole_area_and_no_other),
		cmocka_unit_test(
			test_forgotten_pages_are_left_out_of_windows_until_each_is_asked_for),
		cmocka_unit_test(test_forgotten_pages_that_are_asked_for_together_are_one_map),
		cmocka_unit_test(test_forget_of_thousands_of_ranges_brings_none_back),
		cmocka_unit_test(test_forget_unaligned_takes_both_end_pages),
		cmocka_unit_test(test_forget_of_nothing_makes_no_call),
		cmocka_unit_test(test_forget_of_a_range_that_wraps_is_refused),
		cmocka_unit_test(test_forget_of_everything_takes_everything),
		cmocka_unit_test(test_forget_of_a_chunk_of_many_areas_is_one_unmap),
		cmocka_unit_test(test_forget_then_resolve_maps_anew),
		cmocka_unit_test(test_forget_busy_unmap_is_retried),
		cmocka_unit_test(test_forget_busy_for_ever_is_an_error),
		cmocka_unit_test(test_forget_refused_by_the_kernel_says_so_and_keeps_the_truth),
		cmocka_unit_test(test_forget_finds_out_which_areas_are_left_after_a_failure),
		cmocka_unit_test(test_forget_of_a_pending_page_waits_and_the_mapper_starts_again),
		cmocka_unit_test(test_forget_next_to_a_pending_page_does_not_wait),
		cmocka_unit_test(test_resolve_during_a_forget_waits_for_its_end),
		cmocka_unit_test(test_resolve_window_leaves_out_what_is_being_forgotten),
		cmocka_unit_test(test_forget_of_a_page_that_is_just_evicted_or_forgotten_waits),
		cmocka_unit_test(test_resolve_that_cannot_undo_its_map_tells_forget_the_truth),
		cmocka_unit_test(test_resolve_forgotten_a_few_times_succeeds),
		cmocka_unit_test(test_resolve_forgotten_for_ever_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "error.h"
#include "fixture.h"
#include "space_state.h"

/** A space of `pages`, with a lessee of `leases`. */
static struct svart_lessee *open_with(struct fixture *fx, size_t pages, uint32_t leases)
{
	const struct svart_space_params params = { .pin_limit_bytes = pages * PAGE };
	struct svart_lessee *lessee = NULL;

	fixture_open(fx, &params);
	assert_int_equal(svart_lessee_create(fx->space, leases, &lessee), 0);
	return lessee;
}

static void close_with(struct fixture *fx, struct svart_lessee *lessee)
{
	svart_lessee_destroy(fx->space, lessee);
	fixture_close(fx);
}

static void lease(struct fixture *fx, struct svart_lessee *lessee, const void *addr)
{
	assert_int_equal(
		svart_space_resolve_leased(fx->space, lessee, (uintptr_t)addr, R, NULL, NULL), 0);
}

static void test_lease_page_is_not_evicted_before_as_many_others_were_leased(void **state)
{
	uint8_t *mem = chunks_new(8, PROT_READ | PROT_WRITE);
	struct svart_lessee *lessee;
	struct fixture fx;
	size_t i;

	(void)state;
	lessee = open_with(&fx, 4, 2);
	lease(&fx, lessee, mem);
	lease(&fx, lessee, mem + CHUNK);
	for (i = 2; i < 8; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_true(fake_is_mapped(fx.fake, mem + CHUNK));
	lease(&fx, lessee, mem + 2 * CHUNK);
	for (i = 3; i < 8; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	assert_false(fake_is_mapped(fx.fake, mem));
	assert_true(fake_is_mapped(fx.fake, mem + CHUNK));
	assert_true(fake_is_mapped(fx.fake, mem + 2 * CHUNK));
	close_with(&fx, lessee);
	chunks_free(mem, 8);
}

static void test_lease_of_all_pages_never_stands_in_the_way_of_another(void **state)
{
	uint8_t *mem = chunks_new(40, PROT_READ | PROT_WRITE);
	struct svart_lessee *lessee;
	struct fixture fx;
	size_t i;

	(void)state;
	/* Not a page more than there are leases. */
	lessee = open_with(&fx, 6, 6);
	for (i = 0; i < 400; i++) {
		lease(&fx, lessee, mem + i * 7 % 40 * CHUNK + i % 512 * PAGE);
		assert_true(fx.fake->bytes_peak <= 6 * PAGE);
	}
	close_with(&fx, lessee);
	chunks_free(mem, 40);
}

static void test_lease_page_that_was_lost_unused_gets_a_longer_one(void **state)
{
	uint8_t *mem = chunks_new(30, PROT_READ | PROT_WRITE);
	struct svart_lessee *lessee;
	struct fixture fx;
	size_t i, others, lost = 0;

	(void)state;
	lessee = open_with(&fx, 4, 4);
	/* Three times as many others come before the slow one looks; it asks again each time. */
	for (i = 0; i < 10; i++) {
		lease(&fx, lessee, mem);
		for (others = 0; others < 12; others++)
			lease(&fx, lessee, mem + (1 + (i * 12 + others) % 29) * CHUNK);
		if (fake_is_mapped(fx.fake, mem))
			break;
		lost++;
	}
	assert_true(lost >= 1);
	assert_true(lost <= 4);
	close_with(&fx, lessee);
	chunks_free(mem, 30);
}

/** Two pages that take all leases while another one's is being mapped. */
struct robbers {
	struct fixture *fx;
	struct svart_lessee *lessee;
	const uint8_t *mem;
	unsigned int times;
};

/** Asked with the lock of the page's shard, just before it is mapped. */
static bool rob(const void *arg)
{
	struct robbers *robbers = (struct robbers *)(uintptr_t)arg;
	int i;

	for (i = 0; i < 2 && robbers->times != 0; i++)
		svart_lease_take(&robbers->fx->space->leases, robbers->lessee,
			(uintptr_t)robbers->mem + (size_t)i * CHUNK);
	robbers->times -= robbers->times != 0;
	return true;
}

/** A page whose lease is taken so often while it is being mapped. @return what became of it. */
static int lease_robbed(unsigned int times)
{
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct robbers robbers = { .mem = mem, .times = times };
	struct fixture fx;
	int rc;

	robbers.fx = &fx;
	robbers.lessee = open_with(&fx, 2, 2);
	lease(&fx, robbers.lessee, mem);
	lease(&fx, robbers.lessee, mem + CHUNK);
	rc = svart_space_resolve_leased(
		fx.space, robbers.lessee, (uintptr_t)mem + 2 * CHUNK, R, rob, &robbers);
	assert_true(rc != 0 || fake_is_mapped(fx.fake, mem + 2 * CHUNK));
	close_with(&fx, robbers.lessee);
	chunks_free(mem, 3);
	return rc;
}

static void test_lease_that_others_take_meanwhile_is_no_want_of_memory(void **state)
{
	(void)state;
	assert_int_equal(lease_robbed(1), 0);
	assert_int_equal(lease_robbed(5), 0);
	assert_int_equal(lease_robbed(UINT_MAX), -EAGAIN);
}

static void test_lease_longer_ones_of_pages_not_used_any_more_end_too(void **state)
{
	uint8_t *mem = chunks_new(40, PROT_READ | PROT_WRITE);
	struct svart_lessee *lessee;
	struct fixture fx;
	size_t i;

	(void)state;
	lessee = open_with(&fx, 4, 2);
	for (i = 0; i < 200; i++)
		lease(&fx, lessee, mem + i % 3 * CHUNK);
	for (i = 0; i < 400; i++)
		lease(&fx, lessee, mem + (3 + i % 37) * CHUNK);
	assert_false(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + CHUNK));
	assert_false(fake_is_mapped(fx.fake, mem + 2 * CHUNK));
	close_with(&fx, lessee);
	chunks_free(mem, 40);
}

static void test_lease_many_make_areas_narrow(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct svart_lessee *lessee;
	struct fixture fx;

	(void)state;
	lessee = open_with(&fx, 64, 8);
	assert_int_equal(resolve(&fx, mem, 64 * PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem).len, 8 * PAGE);
	close_with(&fx, lessee);
	lessee = open_with(&fx, 4096, 8);
	assert_int_equal(resolve(&fx, mem, 64 * PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem).len, 64 * PAGE);
	close_with(&fx, lessee);
	chunks_free(mem, 2);
}

static void test_lease_of_an_area_of_before_does_not_keep_out_own_pins(void **state)
{
	const struct svart_demand own = { .own_pages = 3, .own_chunks = 1 };
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct svart_lessee *lessee;
	struct fixture fx;

	(void)state;
	/* Areas are of two pages now, and of one when there are own pins. */
	lessee = open_with(&fx, 6, 2);
	assert_int_equal(resolve(&fx, mem, 2 * PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, 2 * PAGE, R), 0);
	lease(&fx, lessee, mem);
	lease(&fx, lessee, mem + CHUNK);
	assert_int_equal(fake_area_at(fx.fake, mem).len, 2 * PAGE);
	assert_int_equal(svart_demand_add(fx.space, &own), 0);
	assert_int_equal(svart_space_map_static(fx.space, mem + 2 * CHUNK, 3 * PAGE), 0);
	lease(&fx, lessee, mem + PAGE);
	lease(&fx, lessee, mem + CHUNK + PAGE);
	lease(&fx, lessee, mem);
	svart_space_unmap_static(fx.space, mem + 2 * CHUNK, 3 * PAGE);
	svart_demand_remove(fx.space, &own);
	close_with(&fx, lessee);
	chunks_free(mem, 3);
}

static void test_lease_more_than_the_budget_is_refused_with_both_numbers(void **state)
{
	const struct svart_space_params few = { .max_chunks = 7 };
	struct svart_lessee *lessee, *more;
	struct fixture fx;

	(void)state;
	lessee = open_with(&fx, 10, 8);
	assert_int_equal(svart_lessee_create(fx.space, 3, &more), -ENOSPC);
	assert_non_null(strstr(svart_fail_text(), "40960"));
	assert_non_null(strstr(svart_fail_text(), "45056"));
	assert_int_equal(svart_lessee_create(fx.space, 2, &more), 0);
	svart_lessee_destroy(fx.space, more);
	close_with(&fx, lessee);
	fixture_open(&fx, &few);
	assert_int_equal(svart_lessee_create(fx.space, 8, &lessee), -ENOSPC);
	assert_non_null(strstr(svart_fail_text(), "7 chunks"));
	assert_int_equal(svart_lessee_create(fx.space, 7, &lessee), 0);
	close_with(&fx, lessee);
}

/** Engines of a device: each needs two pages at once, and asks for what is missing until both are there. */
#define ENGINES 4
#define STEPS   3000

struct engine {
	uint8_t *pages[2];
	unsigned int faults;
};

static void engine_draw(struct engine *e, uint8_t *mem, uint64_t *seed)
{
	e->pages[0] = mem + test_random(seed, 64) * CHUNK;
	e->pages[1] = mem + test_random(seed, 64) * CHUNK + PAGE;
	e->faults = 0;
}

/** With no page more than all engines need at once, each ends every step after some faults. */
static void test_lease_every_engine_goes_on_with_the_smallest_budget(void **state)
{
	uint8_t *mem = chunks_new(64, PROT_READ | PROT_WRITE);
	struct engine engines[ENGINES];
	uint64_t seed = test_seed();
	struct svart_lessee *lessee;
	unsigned int step, most = 0;
	struct fixture fx;
	struct engine *e;

	(void)state;
	lessee = open_with(&fx, 2 * ENGINES, 2 * ENGINES);
	for (e = engines; e < engines + ENGINES; e++)
		engine_draw(e, mem, &seed);
	for (step = 0; step < STEPS; step++) {
		/* The first engine is slow. */
		e = &engines[test_random(&seed, 8) == 0 ? 0 : 1 + test_random(&seed, ENGINES - 1)];
		if (fake_is_mapped(fx.fake, e->pages[0]) && fake_is_mapped(fx.fake, e->pages[1])) {
			most = e->faults > most ? e->faults : most;
			engine_draw(e, mem, &seed);
			continue;
		}
		e->faults++;
		if (!fake_is_mapped(fx.fake, e->pages[0]))
			lease(&fx, lessee, e->pages[0]);
		if (!fake_is_mapped(fx.fake, e->pages[1]))
			lease(&fx, lessee, e->pages[1]);
	}
	assert_true(most >= 1);
	assert_true(most <= 16);
	close_with(&fx, lessee);
	chunks_free(mem, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease_page_is_not_evicted_before_as_many_others_were_leased),
		cmocka_unit_test(test_lease_of_all_pages_never_stands_in_the_way_of_another),
		cmocka_unit_test(test_lease_page_that_was_lost_unused_gets_a_longer_one),
		cmocka_unit_test(test_lease_that_others_take_meanwhile_is_no_want_of_memory),
		cmocka_unit_test(test_lease_longer_ones_of_pages_not_used_any_more_end_too),
		cmocka_unit_test(test_lease_many_make_areas_narrow),
		cmocka_unit_test(test_lease_of_an_area_of_before_does_not_keep_out_own_pins),
		cmocka_unit_test(test_lease_more_than_the_budget_is_refused_with_both_numbers),
		cmocka_unit_test(test_lease_every_engine_goes_on_with_the_smallest_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

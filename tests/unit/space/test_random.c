/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Random calls on one thread, against a reference that keeps an array of pages. The layout has every
 * kind of memory; each step is checked whole.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

#define NR_CHUNKS  3
#define NR_PAGES   (NR_CHUNKS * 512)
#define MAX_RUNS   64
#define STEPS      1500
#define FILE_PAGES 100

enum kind { RW, RO, NONE, HOLE, FILE_RW, PAST_FILE_END, NR_KINDS };

/** The reference: what each page is, and what of it is static. */
struct world {
	struct fixture fx;
	uint8_t *mem;
	int fd;
	uint64_t rng;
	enum kind kind[NR_PAGES];
	unsigned int run[NR_PAGES]; /* Which VMA it is in. */
	bool fixed[NR_PAGES];
	unsigned int run_start[MAX_RUNS], nr_runs;
	unsigned int static_page;  /* Of the one static range. */
	unsigned int static_pages; /* 0: there is none. */
	bool without_static;       /* So few chunks that one must not be taken for good. */
};

static unsigned int rnd(struct world *w, unsigned int below)
{
	return (unsigned int)test_random(&w->rng, below);
}

static uint8_t *at(const struct world *w, unsigned int page)
{
	return w->mem + page * PAGE;
}

static unsigned int run_end(const struct world *w, unsigned int run)
{
	return run + 1 < w->nr_runs ? w->run_start[run + 1] : NR_PAGES;
}

static void map_fixed(
	const struct world *w, unsigned int first, unsigned int n, int prot, int flags, int fd)
{
	void *p = mmap(at(w, first), n * PAGE, prot, flags | MAP_FIXED, fd, 0);

	assert_ptr_equal(p, at(w, first));
}

/** Gives a run memory of a kind; a file ends somewhere in its run. */
static void make_run(struct world *w, unsigned int run, enum kind kind)
{
	unsigned int first = w->run_start[run], n = run_end(w, run) - first, i;

	switch (kind) {
	case RW:
		map_fixed(w, first, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		break;
	case RO:
		map_fixed(w, first, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		break;
	case NONE:
		map_fixed(w, first, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		break;
	case HOLE:
		assert_int_equal(munmap(at(w, first), n * PAGE), 0);
		break;
	default:
		map_fixed(w, first, n, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd);
		break;
	}
	for (i = 0; i < n; i++) {
		w->kind[first + i] = kind == FILE_RW && i >= FILE_PAGES ? PAST_FILE_END : kind;
		w->run[first + i] = run;
	}
}

static void make_world(struct world *w, const struct svart_space_params *params)
{
	unsigned int page = 0, run;

	w->rng = test_seed();
	w->fd = memfd_create("file", 0);
	assert_int_equal(ftruncate(w->fd, (off_t)(FILE_PAGES * PAGE)), 0);
	w->mem = chunks_new(NR_CHUNKS, PROT_READ | PROT_WRITE);
	while (page < NR_PAGES && w->nr_runs < MAX_RUNS) {
		w->run_start[w->nr_runs++] = page;
		page += 1 + rnd(w, rnd(w, 3) == 0 ? 400 : 40);
	}
	for (run = 0; run < w->nr_runs; run++)
		make_run(w, run, (enum kind)rnd(w, PAST_FILE_END));
	fixture_open(&w->fx, params);
}

static void end_world(struct world *w)
{
	fixture_close(&w->fx);
	munmap(w->mem, NR_CHUNKS * CHUNK); /* Holes and all. */
	close(w->fd);
}

static bool may_read(enum kind kind)
{
	return kind == RW || kind == RO || kind == FILE_RW;
}

static bool may_write(enum kind kind)
{
	return kind == RW || kind == FILE_RW;
}

/** Everything that must hold between two calls. */
static void check_world(struct world *w)
{
	unsigned int page;
	uint64_t bytes = 0;

	for (page = 0; page < NR_PAGES; page++) {
		struct fake_area a = fake_area_at(w->fx.fake, at(w, page));

		if (w->fixed[page])
			assert_true(a.len != 0 && a.writable);
		if (a.len == 0)
			continue;
		bytes += PAGE;
		assert_true(may_read(w->kind[page]));
		assert_true(!a.writable || may_write(w->kind[page]));
		if (page > 0 && a.iova < (uintptr_t)at(w, page))
			assert_true(w->kind[page] == w->kind[page - 1]);
	}
	assert_int_equal(bytes, fake_bytes(w->fx.fake));
	assert_int_equal(bytes, stats_of(&w->fx).pinned_bytes);
}

static void pick_range(struct world *w, unsigned int max, unsigned int *first, unsigned int *end)
{
	*first = rnd(w, NR_PAGES);
	*end = *first + 1 + rnd(w, rnd(w, 4) == 0 ? max : 4);
	if (*end > NR_PAGES)
		*end = NR_PAGES;
}

static void step_resolve(struct world *w, unsigned int max)
{
	unsigned int first, end, page;
	bool write = rnd(w, 2), allowed = true;
	int rc;

	pick_range(w, max, &first, &end);
	for (page = first; page < end; page++)
		allowed &= write ? may_write(w->kind[page]) : may_read(w->kind[page]);
	rc = resolve(&w->fx, at(w, first), (end - first) * PAGE, write ? W : R);
	assert_int_equal(rc, allowed ? 0 : -EFAULT);
	for (page = first; page < end && allowed; page++)
		assert_true(write ? fake_is_writable(w->fx.fake, at(w, page))
				  : fake_is_mapped(w->fx.fake, at(w, page)));
}

/** Exactly the areas that touch the range go. */
static void forget_and_check(struct world *w, unsigned int first, unsigned int end)
{
	uint64_t low = (uintptr_t)at(w, first), high = (uintptr_t)at(w, end);
	static bool stays[NR_PAGES];
	unsigned int page;

	for (page = 0; page < NR_PAGES; page++) {
		struct fake_area a = fake_area_at(w->fx.fake, at(w, page));

		stays[page] =
			a.len != 0 && (w->fixed[page] || a.iova >= high || a.iova + a.len <= low);
	}
	assert_int_equal(svart_space_forget(w->fx.space, at(w, first), (end - first) * PAGE), 0);
	for (page = 0; page < NR_PAGES; page++)
		assert_int_equal(fake_is_mapped(w->fx.fake, at(w, page)), stays[page]);
}

static void step_forget(struct world *w)
{
	unsigned int first, end;

	pick_range(w, 600, &first, &end);
	forget_and_check(w, first, end);
}

static void step_static(struct world *w)
{
	unsigned int run = rnd(w, w->nr_runs), n, i;

	if (w->static_pages != 0) {
		svart_space_unmap_static(
			w->fx.space, at(w, w->static_page), w->static_pages * PAGE);
		for (i = 0; i < w->static_pages; i++) {
			w->fixed[w->static_page + i] = false;
			assert_false(fake_is_mapped(w->fx.fake, at(w, w->static_page + i)));
		}
		w->static_pages = 0;
		return;
	}
	if (w->kind[w->run_start[run]] != RW || w->without_static)
		return;
	n = run_end(w, run) - w->run_start[run];
	n = n > 20 ? 20 : n;
	assert_int_equal(
		svart_space_map_static(w->fx.space, at(w, w->run_start[run]), n * PAGE), 0);
	for (i = 0; i < n; i++)
		w->fixed[w->run_start[run] + i] = true;
	w->static_page = w->run_start[run];
	w->static_pages = n;
}

/** As a program should: forgets, then frees and maps something else. */
static void step_remap(struct world *w)
{
	unsigned int run = rnd(w, w->nr_runs), page;

	for (page = w->run_start[run]; page < run_end(w, run); page++) {
		if (w->fixed[page])
			return;
	}
	forget_and_check(w, w->run_start[run], run_end(w, run));
	make_run(w, run, (enum kind)rnd(w, PAST_FILE_END));
}

static void run_world(
	const struct svart_space_params *params, unsigned int max, bool without_static)
{
	static struct world w;
	unsigned int i, what;

	memset(&w, 0, sizeof(w));
	w.without_static = without_static;
	make_world(&w, params);
	for (i = 0; i < STEPS; i++) {
		check_world(&w);
		what = rnd(&w, 20);
		if (what < 13)
			step_resolve(&w, max);
		else if (what < 17)
			step_forget(&w);
		else if (what < 19)
			step_remap(&w);
		else
			step_static(&w);
	}
	check_world(&w);
	if (params != NULL && params->pin_limit_bytes != 0)
		assert_true(w.fx.fake->bytes_peak <= params->pin_limit_bytes);
	end_world(&w);
}

static void test_space_random_calls_match_the_reference(void **state)
{
	(void)state;
	run_world(NULL, 700, false);
}

static void test_space_random_calls_with_exact_maps_match_the_reference(void **state)
{
	const struct svart_space_params params = { .fault_around_bytes = PAGE };

	(void)state;
	run_world(&params, 700, false);
}

static void test_space_random_calls_within_a_small_limit_match_the_reference(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 96 * PAGE };

	(void)state;
	run_world(&params, 60, false);
}

static void test_space_random_calls_with_few_chunks_match_the_reference(void **state)
{
	const struct svart_space_params params = { .max_chunks = 2 };

	(void)state;
	run_world(&params, 300, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_space_random_calls_match_the_reference),
		cmocka_unit_test(test_space_random_calls_with_exact_maps_match_the_reference),
		cmocka_unit_test(test_space_random_calls_within_a_small_limit_match_the_reference),
		cmocka_unit_test(test_space_random_calls_with_few_chunks_match_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

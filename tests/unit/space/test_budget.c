/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "fixture.h"

/** A space that maps single pages and may pin `pages` of them. */
static void open_with_limit(struct fixture *fx, size_t pages)
{
	const struct svart_space_params params = {
		.pin_limit_bytes = pages * PAGE,
		.fault_around_bytes = PAGE,
	};

	fixture_open(fx, &params);
}

static void test_budget_evicts_the_oldest_chunk_first(void **state)
{
	uint8_t *mem = chunks_new(5, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	open_with_limit(&fx, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	for (i = 3; i < 5; i++) {
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
		assert_false(fake_is_mapped(fx.fake, mem + (i - 3) * CHUNK));
		assert_true(fake_is_mapped(fx.fake, mem + (i - 2) * CHUNK));
	}
	assert_int_equal(stats_of(&fx).evictions, 2);
	fixture_close(&fx);
	chunks_free(mem, 5);
}

static void test_budget_is_never_exceeded(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 100 * PAGE };
	uint8_t *mem = chunks_new(8, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, &params);
	for (i = 0; i < 2000; i++)
		assert_int_equal(resolve(&fx, mem + (i * 7919 % 4096) * PAGE, PAGE, R), 0);
	assert_true(fx.fake->bytes_peak <= 100 * PAGE);
	assert_true(stats_of(&fx).pinned_bytes_peak <= 100 * PAGE);
	assert_int_equal(stats_of(&fx).pinned_bytes, fake_bytes(fx.fake));
	fixture_close(&fx);
	chunks_free(mem, 8);
}

static void test_budget_refaulted_chunk_is_passed_over_once(void **state)
{
	uint8_t *mem = chunks_new(6, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_with_limit(&fx, 3);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 2 * CHUNK, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 3 * CHUNK, PAGE, R), 0); /* Evicts 0. */
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);             /* Back soon; evicts 1. */
	assert_int_equal(resolve(&fx, mem + 4 * CHUNK, PAGE, R), 0); /* Evicts 2. */
	assert_int_equal(resolve(&fx, mem + 5 * CHUNK, PAGE, R), 0); /* Evicts 3. */
	/* Now 0 is the oldest; it has its second chance, and 4 goes. */
	assert_int_equal(resolve(&fx, mem + CHUNK + PAGE, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + 4 * CHUNK));
	fixture_close(&fx);
	chunks_free(mem, 6);
}

static void test_budget_chunk_refaulted_late_is_not_promoted(void **state)
{
	uint8_t *mem = chunks_new(40, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	open_with_limit(&fx, 2);
	for (i = 0; i < 30; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0); /* 28 evictions after its own. */
	assert_int_equal(resolve(&fx, mem + 30 * CHUNK, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 31 * CHUNK, PAGE, R), 0);
	assert_false(fake_is_mapped(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 40);
}

static void test_budget_spares_the_chunks_of_the_request(void **state)
{
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_with_limit(&fx, 4);
	assert_int_equal(resolve(&fx, mem, 2 * PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, 2 * PAGE, R), 0);
	/* The oldest is the one that is asked for: the other goes. */
	assert_int_equal(resolve(&fx, mem, 3 * PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_true(fake_is_mapped(fx.fake, mem + 2 * PAGE));
	assert_false(fake_is_mapped(fx.fake, mem + CHUNK));
	fixture_close(&fx);
	chunks_free(mem, 3);
}

static void test_budget_spares_a_finished_chunk_of_the_request_too(void **state)
{
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct fixture fx;
	uint64_t birth;

	(void)state;
	open_with_limit(&fx, 4);
	assert_int_equal(resolve(&fx, mem + CHUNK - PAGE, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 2 * CHUNK, 2 * PAGE, R), 0);
	birth = fake_area_at(fx.fake, mem + CHUNK - PAGE).birth;
	assert_int_equal(resolve(&fx, mem + CHUNK - PAGE, 3 * PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem + CHUNK - PAGE).birth, birth);
	assert_false(fake_is_mapped(fx.fake, mem + 2 * CHUNK));
	fixture_close(&fx);
	chunks_free(mem, 3);
}

static void test_budget_within_one_chunk_evicts_its_other_pages(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	open_with_limit(&fx, 4);
	for (i = 0; i < 12; i++) {
		assert_int_equal(resolve(&fx, mem + i * PAGE, PAGE, R), 0);
		assert_true(fake_is_mapped(fx.fake, mem + i * PAGE));
	}
	assert_true(fx.fake->bytes_peak <= 4 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_budget_request_that_evicts_itself_is_mapped_whole_in_the_end(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	open_with_limit(&fx, 16);
	assert_int_equal(resolve(&fx, mem, 16 * PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 8 * PAGE, 16 * PAGE, R), 0);
	for (i = 8; i < 24; i++)
		assert_true(fake_is_mapped(fx.fake, mem + i * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_budget_request_larger_than_the_limit_is_refused_at_once(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_with_limit(&fx, 4);
	assert_int_equal(resolve(&fx, mem + 8 * PAGE, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem, 5 * PAGE, R), -ENOMEM);
	assert_true(fake_is_mapped(fx.fake, mem + 8 * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_budget_window_is_an_eighth_of_the_limit_at_most(void **state)
{
	const struct svart_space_params params = { .pin_limit_bytes = 64 * PAGE };
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, &params);
	for (i = 0; i < 32; i++)
		assert_int_equal(resolve(&fx, mem + i * PAGE, PAGE, R), 0);
	for (i = 0; i < fx.fake->nr_calls; i++)
		assert_true(fx.fake->calls[i].len <= 8 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/** Two operands that move on page by page, with room for four: neither loses what it is at. */
static void test_budget_operands_do_not_evict_what_the_other_mapped_last(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE), *other = mem + CHUNK;
	struct fixture fx;
	size_t i, nr_maps;

	(void)state;
	open_with_limit(&fx, 4);
	for (i = 0; i < 32; i++) {
		assert_int_equal(resolve(&fx, mem + i * PAGE, PAGE, R), 0);
		assert_int_equal(resolve(&fx, other + i * PAGE, PAGE, R), 0);
		nr_maps = stats_of(&fx).maps;
		assert_int_equal(resolve(&fx, mem + i * PAGE, PAGE, R), 0);
		assert_int_equal(resolve(&fx, other + i * PAGE, PAGE, R), 0);
		assert_int_equal(stats_of(&fx).maps, nr_maps);
	}
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_budget_chunk_of_many_areas_is_evicted_by_one_call(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	open_with_limit(&fx, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(resolve(&fx, mem + 3 * i * PAGE, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), 0);
	assert_int_equal(fake_nr_unmaps(fx.fake), 1);
	assert_int_equal(stats_of(&fx).unmaps, 3); /* What was mapped last is spared. */
	assert_int_equal(stats_of(&fx).evictions, 1);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_budget_enomem_of_the_kernel_evicts_and_succeeds(void **state)
{
	uint8_t *mem = chunks_new(4, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open_exact(&fx); /* Without a limit of its own to speak of. */
	fx.fake->memlock = 3 * PAGE;
	for (i = 0; i < 4; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	assert_false(fake_is_mapped(fx.fake, mem));
	assert_true(fake_is_mapped(fx.fake, mem + 3 * CHUNK));
	assert_int_equal(stats_of(&fx).evictions, 1);
	fixture_close(&fx);
	chunks_free(mem, 4);
}

static void test_budget_enomem_with_nothing_to_evict_is_returned(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	fx.fake->memlock = 0;
	assert_int_equal(resolve(&fx, mem, PAGE, R), -ENOMEM);
	assert_true(fake_nr_maps(fx.fake) < 10);
	assert_int_equal(stats_of(&fx).pinned_bytes, 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_budget_eviction_that_fails_is_told(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	open_with_limit(&fx, 1);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fx.fake->unmap_script = (struct fake_script){ .error = -EDEADLK, .count = 1 };
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), -EDEADLK);
	assert_int_equal(stats_of(&fx).pinned_bytes, PAGE);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_budget_that_another_thread_holds_is_waited_for(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct resolver a, b;
	struct fixture fx;

	(void)state;
	open_with_limit(&fx, 1);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	resolver_start(&b, &fx, mem + CHUNK, PAGE, R);
	settle_down();
	assert_false(atomic_load(&b.done));
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	assert_int_equal(resolver_join(&b), 0);
	assert_true(fake_is_mapped(fx.fake, mem + CHUNK));
	assert_true(fx.fake->bytes_peak <= PAGE);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_budget_that_is_never_given_up_ends_in_enomem(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct resolver a;
	struct fixture fx;

	(void)state;
	open_with_limit(&fx, 1);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), -ENOMEM);
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_budget_pending_chunk_is_not_evicted(void **state)
{
	uint8_t *mem = chunks_new(4, PROT_READ | PROT_WRITE);
	struct resolver a;
	struct fixture fx;

	(void)state;
	open_with_limit(&fx, 3);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), 0);
	fake_hold_map(fx.fake, mem + PAGE);
	resolver_start(&a, &fx, mem + PAGE, PAGE, R);
	fake_wait_held(fx.fake, 1);
	/* The oldest has a pending page: the next one goes. */
	assert_int_equal(resolve(&fx, mem + 2 * CHUNK, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + CHUNK));
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	fixture_close(&fx);
	chunks_free(mem, 4);
}

static void test_budget_empty_pool_evicts_a_chunk(void **state)
{
	const struct svart_space_params params = { .max_chunks = 2 };
	uint8_t *mem = chunks_new(4, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, &params);
	for (i = 0; i < 4; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	assert_int_equal(stats_of(&fx).evictions, 2);
	assert_false(fake_is_mapped(fx.fake, mem + CHUNK));
	assert_true(fake_is_mapped(fx.fake, mem + 2 * CHUNK));
	fixture_close(&fx);
	chunks_free(mem, 4);
}

static void test_budget_pool_of_one_chunk_works(void **state)
{
	const struct svart_space_params params = { .max_chunks = 1 };
	uint8_t *mem = chunks_new(3, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t i;

	(void)state;
	fixture_open(&fx, &params);
	for (i = 0; i < 3; i++)
		assert_int_equal(resolve(&fx, mem + i * CHUNK, PAGE, R), 0);
	/* A request over two chunks cannot have both at once. */
	assert_int_equal(resolve(&fx, mem + CHUNK - PAGE, 2 * PAGE, R), -ENOMEM);
	fixture_close(&fx);
	chunks_free(mem, 3);
}

static void test_budget_pool_full_of_static_memory_is_enomem(void **state)
{
	const struct svart_space_params params = { .max_chunks = 1 };
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, &params);
	assert_int_equal(svart_space_map_static(fx.space, mem, PAGE), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), -ENOMEM);
	assert_int_equal(svart_space_map_static(fx.space, mem + CHUNK, PAGE), -ENOMEM);
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

/* --- the default limit ----------------------------------------------------------------------------- */

/** Binds a space without a limit of its own. @return what bind returned, and its limit. */
static int default_limit(const char *status, uint64_t rlimit, uint64_t *limit)
{
	char path[] = "/tmp/svart-status-XXXXXX";
	struct fake_iommufd *fake = fake_iommufd_create();
	struct svart_machine *m = &fake->machine;
	struct svart_space *space;
	int fd = mkstemp(path), iommufd, rc;
	uint8_t *mem;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, status, strlen(status)), strlen(status));
	close(fd);
	fake->status_path = path;
	fake->rlimit.rlim_cur = rlimit;
	iommufd = m->ops->open(m, "/dev/iommu", 0);
	assert_int_equal(svart_space_init(NULL, &space), 0);
	rc = svart_space_bind(space, m, iommufd);
	*limit = 0;
	if (rc == 0) {
		/* What is too large for the limit is refused: the largest that is not, is it. */
		mem = NULL;
		for (*limit = PAGE; *limit < UINT64_C(1) << 40; *limit *= 2) {
			if (svart_space_resolve(
				    space, (uintptr_t)mem, (uintptr_t)mem + *limit, R) == -ENOMEM)
				break;
		}
		svart_space_unbind(space);
	}
	svart_space_fini(space);
	m->ops->close(m, iommufd);
	assert_int_equal(fake->open_fds, 0);
	fake_iommufd_destroy(fake);
	unlink(path);
	return rc;
}

#define NOT_EXEMPT "Name:\ttest\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n"
#define EXEMPT     "Name:\ttest\nCapEff:\t0000000000004000\nCapBnd:\t0000000000000000\n"

static void test_budget_default_is_memlock_less_a_margin(void **state)
{
	uint64_t limit;

	(void)state;
	assert_int_equal(default_limit(NOT_EXEMPT, UINT64_C(8) << 20, &limit), 0);
	assert_int_equal(limit, UINT64_C(8) << 20); /* 4 MiB pass, 8 MiB do not. */
}

static void test_budget_default_with_the_capability_is_half_of_memory(void **state)
{
	uint64_t limit, memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * PAGE;

	(void)state;
	assert_int_equal(default_limit(EXEMPT, UINT64_C(8) << 20, &limit), 0);
	assert_true(limit > memory / 2 && limit / 2 <= memory / 2);
}

static void test_budget_default_without_any_limit_is_half_of_memory(void **state)
{
	uint64_t limit, memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * PAGE;

	(void)state;
	assert_int_equal(default_limit(NOT_EXEMPT, RLIM_INFINITY, &limit), 0);
	assert_true(limit > memory / 2 && limit / 2 <= memory / 2);
}

static void test_budget_default_of_next_to_nothing_says_what_to_raise(void **state)
{
	uint64_t limit;

	(void)state;
	assert_int_equal(default_limit(NOT_EXEMPT, 16 * PAGE, &limit), -ENOMEM);
	assert_non_null(strstr(svart_fail_text(), "RLIMIT_MEMLOCK is 65536"));
}

static void test_budget_status_that_cannot_be_read_means_not_exempt(void **state)
{
	uint64_t limit;

	(void)state;
	assert_int_equal(default_limit("", UINT64_C(8) << 20, &limit), 0);
	assert_int_equal(limit, UINT64_C(8) << 20);
	assert_int_equal(default_limit("\nCapEff:", UINT64_C(8) << 20, &limit), 0);
	assert_int_equal(limit, UINT64_C(8) << 20);
}

static void test_budget_status_that_is_cut_means_not_exempt(void **state)
{
	uint64_t limit;

	(void)state;
	assert_int_equal(
		default_limit("Name:\ttest\nCapEff:\t000000004000", UINT64_C(8) << 20, &limit), 0);
	assert_int_equal(limit, UINT64_C(8) << 20);
}

/** NGROUPS_MAX groups: the line of the capabilities comes after theirs. */
static void test_budget_status_of_many_groups_is_read_to_the_capabilities(void **state)
{
	const size_t nr_groups = 65536, each = strlen("4294967294 ");
	char *status = malloc(16 + nr_groups * each + sizeof(EXEMPT)), *at;
	uint64_t limit, memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * PAGE;
	size_t i;

	(void)state;
	at = stpcpy(status, "Groups:\t");
	for (i = 0; i < nr_groups; i++)
		at = stpcpy(at, "4294967294 ");
	strcpy(stpcpy(at, "\n"), EXEMPT);
	assert_int_equal(default_limit(status, UINT64_C(8) << 20, &limit), 0);
	assert_true(limit > memory / 2 && limit / 2 <= memory / 2);
	free(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget_evicts_the_oldest_chunk_first),
		cmocka_unit_test(test_budget_is_never_exceeded),
		cmocka_unit_test(test_budget_refaulted_chunk_is_passed_over_once),
		cmocka_unit_test(test_budget_chunk_refaulted_late_is_not_promoted),
		cmocka_unit_test(test_budget_spares_the_chunks_of_the_request),
		cmocka_unit_test(test_budget_spares_a_finished_chunk_of_the_request_too),
		cmocka_unit_test(test_budget_within_one_chunk_evicts_its_other_pages),
		cmocka_unit_test(test_budget_request_that_evicts_itself_is_mapped_whole_in_the_end),
		cmocka_unit_test(test_budget_request_larger_than_the_limit_is_refused_at_once),
		cmocka_unit_test(test_budget_window_is_an_eighth_of_the_limit_at_most),
		cmocka_unit_test(test_budget_operands_do_not_evict_what_the_other_mapped_last),
		cmocka_unit_test(test_budget_chunk_of_many_areas_is_evicted_by_one_call),
		cmocka_unit_test(test_budget_enomem_of_the_kernel_evicts_and_succeeds),
		cmocka_unit_test(test_budget_enomem_with_nothing_to_evict_is_returned),
		cmocka_unit_test(test_budget_eviction_that_fails_is_told),
		cmocka_unit_test(test_budget_that_another_thread_holds_is_waited_for),
		cmocka_unit_test(test_budget_that_is_never_given_up_ends_in_enomem),
		cmocka_unit_test(test_budget_pending_chunk_is_not_evicted),
		cmocka_unit_test(test_budget_empty_pool_evicts_a_chunk),
		cmocka_unit_test(test_budget_pool_of_one_chunk_works),
		cmocka_unit_test(test_budget_pool_full_of_static_memory_is_enomem),
		cmocka_unit_test(test_budget_default_is_memlock_less_a_margin),
		cmocka_unit_test(test_budget_default_with_the_capability_is_half_of_memory),
		cmocka_unit_test(test_budget_default_without_any_limit_is_half_of_memory),
		cmocka_unit_test(test_budget_default_of_next_to_nothing_says_what_to_raise),
		cmocka_unit_test(test_budget_status_that_cannot_be_read_means_not_exempt),
		cmocka_unit_test(test_budget_status_that_is_cut_means_not_exempt),
		cmocka_unit_test(test_budget_status_of_many_groups_is_read_to_the_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

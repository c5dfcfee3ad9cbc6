/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fixture.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13, asm-generic/mman-common.h */
#endif

#define KIB  ((size_t)1024)
#define LONE (128 * KIB) /* 2 MiB / 16 */

/* --- what is mapped ----------------------------------------------------------------------------- */

static void test_resolve_lone_fault_maps_an_aligned_window(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem + LONE + 5 * PAGE, PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem + LONE + 5 * PAGE).iova, (uintptr_t)mem + LONE);
	assert_int_equal(fake_bytes(fx.fake), LONE);
	assert_int_equal(stats_of(&fx).pinned_bytes, LONE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/** Says "wanted" so many times. */
static bool is_wanted(const void *arg)
{
	unsigned int *times = *(unsigned int *const *)arg;

	if (*times == 0)
		return false;
	(*times)--;
	return true;
}

static int resolve_while(struct fixture *fx, const uint8_t *at, size_t len, unsigned int times)
{
	unsigned int *arg = &times;
	uintptr_t start = (uintptr_t)at;

	return svart_space_resolve_while(fx->space, start, start + len, R, is_wanted, &arg);
}

static void test_resolve_of_what_is_not_wanted_any_more_maps_nothing(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve_while(&fx, mem, PAGE, 0), -ECANCELED);
	assert_int_equal(fake_nr_maps(fx.fake), 0);
	/* Interest that is lost between two chunks leaves the second one alone. */
	assert_int_equal(resolve_while(&fx, mem + CHUNK - PAGE, 2 * PAGE, 1), -ECANCELED);
	assert_int_equal(fake_nr_maps(fx.fake), 1);
	assert_int_equal(fake_area_at(fx.fake, mem + CHUNK - PAGE).len, PAGE);
	/* What is mapped needs no interest. */
	assert_int_equal(resolve_while(&fx, mem + CHUNK - PAGE, PAGE, 0), 0);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

/** A fault beside it maps what is around it, but never what was forgotten and not asked for since. */
static void test_resolve_of_what_is_not_wanted_any_more_leaves_it_forgotten(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(svart_space_forget(fx.space, mem + 4 * PAGE, PAGE), 0);
	assert_int_equal(resolve_while(&fx, mem + 4 * PAGE, PAGE, 0), -ECANCELED);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem).len, 4 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_mapped_page_makes_no_call(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + LONE - PAGE, PAGE, W), 0);
	assert_int_equal(fake_nr_maps(fx.fake), 1);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_sequential_faults_need_few_maps(void **state)
{
	uint8_t *mem = chunks_new(8, PROT_READ | PROT_WRITE);
	struct fixture fx;
	size_t off;

	(void)state;
	fixture_open(&fx, NULL);
	for (off = 0; off < 8 * CHUNK; off += PAGE)
		assert_int_equal(resolve(&fx, mem + off, PAGE, R), 0);
	/* 128K, then up to 256K, 512K, 1M, 2M: the first chunk; then one for each chunk. */
	assert_int_equal(fake_nr_maps(fx.fake), 5 + 7);
	fixture_close(&fx);
	chunks_free(mem, 8);
}

static void test_resolve_range_over_chunks_maps_each_chunk_apart(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem + CHUNK - 3 * PAGE, 8 * PAGE, R), 0);
	assert_int_equal(fake_nr_areas(fx.fake), 2);
	assert_int_equal(fake_area_at(fx.fake, mem + CHUNK - PAGE).len, 3 * PAGE);
	assert_int_equal(fake_area_at(fx.fake, mem + CHUNK).len, 5 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_resolve_range_fills_the_gaps_between_areas(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem + 2 * PAGE, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem, 8 * PAGE, R), 0);
	assert_int_equal(fake_nr_maps(fx.fake), 5);
	assert_int_equal(fake_bytes(fx.fake), 8 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_window_takes_only_absent_pages(void **state)
{
	const struct svart_space_params params = { .fault_around_bytes = 16 * 8 * PAGE };
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_invalidation inv;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, &params); /* A lone fault maps 8 pages. */
	assert_int_equal(resolve(&fx, mem, 16 * PAGE, R), 0);
	assert_int_equal(svart_space_invalidate_begin(fx.space, mem, 16 * PAGE, &inv), 0);
	assert_int_equal(svart_space_invalidate_end(fx.space, &inv), 0);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, 11 * PAGE, R), 0);
	assert_int_equal(fake_bytes(fx.fake), 16 * PAGE);
	assert_int_equal(svart_space_forget(fx.space, mem, 16 * PAGE), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_range_larger_than_the_window_is_one_map(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem + PAGE, 100 * PAGE, R), 0);
	assert_int_equal(fake_nr_maps(fx.fake), 1);
	assert_int_equal(fake_bytes(fx.fake), 100 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_bad_range_is_refused(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem + 1, PAGE, R), -EINVAL);
	assert_int_equal(resolve(&fx, mem, PAGE - 1, R), -EINVAL);
	assert_int_equal(resolve(&fx, mem, 0, R), -EINVAL);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/* --- permissions -------------------------------------------------------------------------------- */

static void test_resolve_read_of_anonymous_memory_maps_it_writable(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_writable(fx.fake, mem));
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	assert_int_equal(stats_of(&fx).upgrades, 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_exec_counts_as_read(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, SVART_ACCESS_EXEC), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_read_only_memory_is_mapped_read_only(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_writable(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_write_to_read_only_memory_is_a_fault(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, W), -EFAULT);
	assert_int_equal(resolve(&fx, mem, PAGE, R | W), -EFAULT);
	assert_int_equal(fake_nr_maps(fx.fake), 0);
	/* Also where it is mapped for reading: that mapping stays. */
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, W), -EFAULT);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_of_prot_none_is_a_fault(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_NONE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), -EFAULT);
	assert_int_equal(resolve(&fx, mem, PAGE, W), -EFAULT);
	assert_int_equal(fake_nr_maps(fx.fake), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_of_unmapped_memory_is_a_fault(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	chunks_free(mem, 1);
	assert_int_equal(resolve(&fx, mem, PAGE, R), -EFAULT);
	assert_int_equal(fake_nr_maps(fx.fake), 0);
	fixture_close(&fx);
}

static void test_resolve_read_of_a_file_maps_it_read_only_and_a_write_upgrades(void **state)
{
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)CHUNK), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_false(fake_is_writable(fx.fake, mem));
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, W), 0);
	assert_true(fake_is_writable(fx.fake, mem));
	assert_int_equal(stats_of(&fx).upgrades, 1);
	assert_int_equal(stats_of(&fx).pinned_bytes, LONE);
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

static void test_resolve_upgrade_leaves_other_areas_alone(void **state)
{
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint64_t birth;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)CHUNK), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, 4 * PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, 4 * PAGE, R), 0);
	birth = fake_area_at(fx.fake, mem + 4 * PAGE).birth;
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	assert_true(fake_is_writable(fx.fake, mem));
	assert_int_equal(fake_area_at(fx.fake, mem).len, 4 * PAGE);
	assert_false(fake_is_writable(fx.fake, mem + 4 * PAGE));
	assert_int_equal(fake_area_at(fx.fake, mem + 4 * PAGE).birth, birth);
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

static void test_resolve_upgrade_that_cannot_be_widened_maps_the_page(void **state)
{
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)CHUNK), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, 4 * PAGE, R), 0);
	assert_int_equal(mprotect(mem + 2 * PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	assert_true(fake_is_writable(fx.fake, mem));
	assert_false(fake_is_mapped(fx.fake, mem + 2 * PAGE));
	assert_int_equal(stats_of(&fx).pinned_bytes, fake_bytes(fx.fake));
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

static void test_resolve_write_range_upgrades_what_needs_it(void **state)
{
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint8_t *mem;
	size_t i;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)CHUNK), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem + PAGE, 2 * PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, PAGE, W), 0);
	assert_int_equal(resolve(&fx, mem, 6 * PAGE, W), 0);
	for (i = 0; i < 6; i++)
		assert_true(fake_is_writable(fx.fake, mem + i * PAGE));
	assert_int_equal(stats_of(&fx).upgrades, 1);
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

static void test_resolve_failed_unmap_of_an_upgrade_keeps_the_old_mapping(void **state)
{
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)CHUNK), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fx.fake->unmap_script = (struct fake_script){ .error = -EIO, .count = 1 };
	assert_int_equal(resolve(&fx, mem, PAGE, W), -EIO);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(stats_of(&fx).pinned_bytes, PAGE);
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

/* --- edges of VMAs, files, guard pages ---------------------------------------------------------- */

static void test_resolve_window_stays_in_the_vma(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_NONE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(mprotect(mem + 3 * PAGE, 5 * PAGE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem + 4 * PAGE).iova, (uintptr_t)mem + 3 * PAGE);
	assert_int_equal(fake_bytes(fx.fake), 5 * PAGE);
	assert_int_equal(stats_of(&fx).exact_retries, 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_range_over_two_vmas_gives_each_its_own(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(mprotect(mem, 4 * PAGE, PROT_READ), 0);
	assert_int_equal(resolve(&fx, mem + 2 * PAGE, 4 * PAGE, R), 0);
	assert_false(fake_is_writable(fx.fake, mem + 3 * PAGE));
	assert_true(fake_is_writable(fx.fake, mem + 4 * PAGE));
	assert_int_equal(fake_area_at(fx.fake, mem + 3 * PAGE).len, 4 * PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_range_over_a_hole_is_a_fault_and_its_ends_are_not(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	assert_int_equal(munmap(mem + 4 * PAGE, PAGE), 0);
	assert_int_equal(resolve(&fx, mem + 3 * PAGE, 3 * PAGE, R), -EFAULT);
	assert_int_equal(resolve(&fx, mem + 3 * PAGE, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, PAGE, R), -EFAULT);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	assert_false(fake_is_mapped(fx.fake, mem + 4 * PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_at_a_files_end_maps_the_page_exactly(void **state)
{
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)(5 * PAGE + 10)), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	assert_int_equal(fake_bytes(fx.fake), PAGE);
	assert_int_equal(stats_of(&fx).exact_retries, 1);
	assert_int_equal(stats_of(&fx).pinned_bytes, PAGE);
	assert_int_equal(resolve(&fx, mem + 6 * PAGE, PAGE, R), -EFAULT);
	assert_int_equal(stats_of(&fx).pinned_bytes, PAGE);
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

static void test_resolve_at_a_files_end_does_not_fail_for_each_page(void **state)
{
	int fd = memfd_create("file", 0);
	struct fixture fx;
	uint8_t *mem;
	size_t i;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)(300 * PAGE)), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open(&fx, NULL);
	for (i = 0; i < 300; i++)
		assert_int_equal(resolve(&fx, mem + i * PAGE, PAGE, R), 0);
	assert_true(stats_of(&fx).exact_retries < 10);
	assert_true(fake_nr_maps(fx.fake) < 40);
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

static void test_resolve_around_a_guard_page_maps_the_rest(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	if (madvise(mem + 4 * PAGE, PAGE, MADV_GUARD_INSTALL) != 0) {
		chunks_free(mem, 1);
		skip();
	}
	fixture_open(&fx, NULL);
	assert_int_equal(resolve(&fx, mem + 3 * PAGE, PAGE, R), 0);
	assert_int_equal(fake_bytes(fx.fake), PAGE);
	assert_int_equal(resolve(&fx, mem + 4 * PAGE, PAGE, R), -EFAULT);
	assert_int_equal(resolve(&fx, mem + 3 * PAGE, 2 * PAGE, R), -EFAULT);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_error_elsewhere_in_the_window_is_not_returned(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fx.fake->bad_start = (uintptr_t)mem + 9 * PAGE;
	fx.fake->bad_end = (uintptr_t)mem + 10 * PAGE;
	assert_int_equal(resolve(&fx, mem, 9 * PAGE, R), 0);
	assert_int_equal(fake_bytes(fx.fake), 9 * PAGE);
	assert_int_equal(resolve(&fx, mem, 10 * PAGE, R), -EFAULT);
	assert_int_equal(resolve(&fx, mem + 10 * PAGE, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/* --- what the kernel may answer ------------------------------------------------------------------ */

static void test_resolve_eexist_that_passes_is_retried(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	fx.fake->map_script = (struct fake_script){ .error = -EEXIST, .count = 3 };
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	assert_int_equal(fake_nr_maps(fx.fake), 4);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_eexist_that_stays_is_an_error_never_mapped(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	fx.fake->map_script = (struct fake_script){ .error = -EEXIST, .count = 1000 };
	assert_int_equal(resolve(&fx, mem, PAGE, R), -EEXIST);
	assert_true(fake_nr_maps(fx.fake) < 20);
	assert_int_equal(stats_of(&fx).pinned_bytes, 0);
	/* And it was not noted as mapped. */
	fx.fake->map_script.count = 0;
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_interrupted_map_is_retried(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	fx.fake->map_script = (struct fake_script){ .error = -EINTR, .count = 1 };
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_other_error_of_the_kernel_is_passed_on(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fx.fake->map_script = (struct fake_script){ .error = -ENODEV, .count = 2 };
	assert_int_equal(resolve(&fx, mem, PAGE, R), -ENODEV);
	assert_int_equal(stats_of(&fx).pinned_bytes, 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_window_without_memory_maps_exactly(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fx.fake->map_script =
		(struct fake_script){ .error = -ENOMEM, .count = 1000, .min_len = PAGE + 1 };
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(fake_bytes(fx.fake), PAGE);
	assert_int_equal(stats_of(&fx).exact_retries, 1);
	assert_int_equal(stats_of(&fx).evictions, 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

/* --- other threads -------------------------------------------------------------------------------- */

static void test_resolve_of_a_pending_page_joins_the_map(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct resolver a, b;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	resolver_start(&b, &fx, mem + 3 * PAGE, PAGE, W);
	settle_down();
	assert_false(atomic_load(&b.done));
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	assert_int_equal(resolver_join(&b), 0);
	assert_int_equal(fake_nr_maps(fx.fake), 1);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_next_to_a_pending_page_does_not_wait(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct resolver a;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	assert_int_equal(resolve(&fx, mem + PAGE, PAGE, R), 0);
	assert_true(fake_is_mapped(fx.fake, mem + PAGE));
	assert_false(fake_is_mapped(fx.fake, mem));
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_that_joined_a_failing_map_tries_itself(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct resolver a, b;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fx.fake->bad_start = (uintptr_t)mem;
	fx.fake->bad_end = (uintptr_t)mem + PAGE;
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	resolver_start(&b, &fx, mem + PAGE, PAGE, R);
	settle_down();
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), -EFAULT);
	assert_int_equal(resolver_join(&b), 0);
	assert_true(fake_is_mapped(fx.fake, mem + PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_during_an_upgrade_waits_for_it(void **state)
{
	int fd = memfd_create("file", 0);
	struct resolver a, b;
	struct fixture fx;
	uint8_t *mem;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)CHUNK), 0);
	mem = chunks_of_file(1, PROT_READ | PROT_WRITE, fd);
	fixture_open_exact(&fx);
	assert_int_equal(resolve(&fx, mem, 2 * PAGE, R), 0);
	fake_hold_unmap(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, W);
	fake_wait_held(fx.fake, 1);
	resolver_start(&b, &fx, mem + PAGE, PAGE, R);
	settle_down();
	assert_false(atomic_load(&b.done)); /* It is about to be unmapped: no success for that. */
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	assert_int_equal(resolver_join(&b), 0);
	assert_true(fake_is_writable(fx.fake, mem + PAGE));
	fixture_close(&fx);
	chunks_free(mem, 1);
	close(fd);
}

/** What cannot ask for VMAs: each time it is interrupted. */
static const struct svart_machine_ops *asks;

static int interrupted_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	return ((struct fake_iommufd *)m)->fd == fd ? asks->ioctl(m, fd, request, arg) : -EINTR;
}

static ssize_t interrupted_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	(void)m;
	(void)fd;
	(void)buf;
	(void)len;
	(void)off;
	return -EINTR;
}

static void test_resolve_while_vmas_cannot_be_told_is_eagain_and_no_fault(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_machine_ops interrupted;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	asks = fx.fake->machine.ops;
	interrupted = *asks;
	interrupted.ioctl = interrupted_ioctl;
	interrupted.pread = interrupted_pread;
	fx.fake->machine.ops = &interrupted;
	assert_int_equal(resolve(&fx, mem, PAGE, W), -EAGAIN);
	assert_int_equal(fake_nr_maps(fx.fake), 0);
	fx.fake->machine.ops = asks;
	assert_int_equal(resolve(&fx, mem, PAGE, W), 0);
	assert_true(fake_is_writable(fx.fake, mem));
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_resolve_in_two_spaces_is_independent(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	struct svart_space *other;
	struct resolver a;
	struct fixture fx;

	(void)state;
	fixture_open_exact(&fx);
	other = fixture_second_space(&fx);
	fake_hold_map(fx.fake, mem);
	resolver_start(&a, &fx, mem, PAGE, R);
	fake_wait_held(fx.fake, 1);
	/* Held in the first space; the second has nothing to do with that. */
	assert_int_equal(svart_space_forget(other, mem, PAGE), 0);
	assert_int_equal(svart_space_resolve(other, (uintptr_t)mem + 2 * SVART_CHUNK_SIZE,
				 (uintptr_t)mem + 2 * SVART_CHUNK_SIZE + PAGE, R),
		-EFAULT);
	fake_release(fx.fake);
	assert_int_equal(resolver_join(&a), 0);
	assert_int_equal(svart_space_resolve(other, (uintptr_t)mem, (uintptr_t)mem + PAGE, R), 0);
	assert_int_equal(svart_space_forget(other, mem, PAGE), 0);
	assert_true(fake_is_mapped(fx.fake, mem));
	svart_space_unbind(other);
	svart_space_fini(other);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve_lone_fault_maps_an_aligned_window),
		cmocka_unit_test(test_resolve_of_what_is_not_wanted_any_more_maps_nothing),
		cmocka_unit_test(test_resolve_of_what_is_not_wanted_any_more_leaves_it_forgotten),
		cmocka_unit_test(test_resolve_mapped_page_makes_no_call),
		cmocka_unit_test(test_resolve_sequential_faults_need_few_maps),
		cmocka_unit_test(test_resolve_range_over_chunks_maps_each_chunk_apart),
		cmocka_unit_test(test_resolve_range_fills_the_gaps_between_areas),
		cmocka_unit_test(test_resolve_window_takes_only_absent_pages),
		cmocka_unit_test(test_resolve_range_larger_than_the_window_is_one_map),
		cmocka_unit_test(test_resolve_bad_range_is_refused),
		cmocka_unit_test(test_resolve_read_of_anonymous_memory_maps_it_writable),
		cmocka_unit_test(test_resolve_exec_counts_as_read),
		cmocka_unit_test(test_resolve_read_only_memory_is_mapped_read_only),
		cmocka_unit_test(test_resolve_write_to_read_only_memory_is_a_fault),
		cmocka_unit_test(test_resolve_of_prot_none_is_a_fault),
		cmocka_unit_test(test_resolve_of_unmapped_memory_is_a_fault),
		cmocka_unit_test(
			test_resolve_read_of_a_file_maps_it_read_only_and_a_write_upgrades),
		cmocka_unit_test(test_resolve_upgrade_leaves_other_areas_alone),
		cmocka_unit_test(test_resolve_upgrade_that_cannot_be_widened_maps_the_page),
		cmocka_unit_test(test_resolve_write_range_upgrades_what_needs_it),
		cmocka_unit_test(test_resolve_failed_unmap_of_an_upgrade_keeps_the_old_mapping),
		cmocka_unit_test(test_resolve_window_stays_in_the_vma),
		cmocka_unit_test(test_resolve_range_over_two_vmas_gives_each_its_own),
		cmocka_unit_test(test_resolve_range_over_a_hole_is_a_fault_and_its_ends_are_not),
		cmocka_unit_test(test_resolve_at_a_files_end_maps_the_page_exactly),
		cmocka_unit_test(test_resolve_at_a_files_end_does_not_fail_for_each_page),
		cmocka_unit_test(test_resolve_around_a_guard_page_maps_the_rest),
		cmocka_unit_test(test_resolve_error_elsewhere_in_the_window_is_not_returned),
		cmocka_unit_test(test_resolve_eexist_that_passes_is_retried),
		cmocka_unit_test(test_resolve_eexist_that_stays_is_an_error_never_mapped),
		cmocka_unit_test(test_resolve_interrupted_map_is_retried),
		cmocka_unit_test(test_resolve_other_error_of_the_kernel_is_passed_on),
		cmocka_unit_test(test_resolve_window_without_memory_maps_exactly),
		cmocka_unit_test(test_resolve_of_a_pending_page_joins_the_map),
		cmocka_unit_test(test_resolve_next_to_a_pending_page_does_not_wait),
		cmocka_unit_test(test_resolve_that_joined_a_failing_map_tries_itself),
		cmocka_unit_test(test_resolve_during_an_upgrade_waits_for_it),
		cmocka_unit_test(test_resolve_while_vmas_cannot_be_told_is_eagain_and_no_fault),
		cmocka_unit_test(test_resolve_in_two_spaces_is_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

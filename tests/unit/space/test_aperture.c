/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aperture.h"
#include "error.h"
#include "fixture.h"

#define LAST_USER ((UINT64_C(1) << 47) - 1)

static void set_ranges(struct fixture *fx, const struct iommu_iova_range *ranges, uint32_t nr)
{
	memcpy(fx->fake->ranges, ranges, nr * sizeof(*ranges));
	fx->fake->nr_ranges = nr;
}

static void test_aperture_check_of_the_msi_window_passes(void **state)
{
	const struct iommu_iova_range ranges[] = {
		{ .start = 0, .last = 0xfedfffff },
		{ .start = 0xfef00000, .last = LAST_USER },
	};
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	set_ranges(&fx, ranges, 2);
	assert_int_equal(svart_space_check_aperture(fx.space), 0);
	assert_int_equal(svart_space_resolve(fx.space, 0xfee00000, 0xfee01000, R), -EFAULT);
	assert_int_equal(fake_nr_maps(fx.fake), 0);
	fixture_close(&fx);
}

static void test_aperture_check_of_39_bits_names_both_numbers(void **state)
{
	const struct iommu_iova_range range = { .start = 0, .last = (UINT64_C(1) << 39) - 1 };
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	set_ranges(&fx, &range, 1);
	assert_int_equal(svart_space_check_aperture(fx.space), -ERANGE);
	assert_non_null(strstr(svart_fail_text(), "0x8000000000"));
	assert_non_null(strstr(svart_fail_text(), "0x7f"));
	fixture_close(&fx);
}

static void test_aperture_check_with_a_large_hole_fails(void **state)
{
	const struct iommu_iova_range ranges[] = {
		{ .start = 0, .last = 0xfedfffff },
		{ .start = UINT64_C(0x1000000000), .last = LAST_USER },
	};
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	set_ranges(&fx, ranges, 2);
	assert_int_equal(svart_space_check_aperture(fx.space), -ERANGE);
	assert_non_null(strstr(svart_fail_text(), "0xfee00000"));
	assert_non_null(strstr(svart_fail_text(), "0x1000000000"));
	fixture_close(&fx);
}

static void test_aperture_without_any_range_fails(void **state)
{
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fx.fake->nr_ranges = 0;
	assert_int_equal(svart_space_check_aperture(fx.space), -ERANGE);
	fixture_close(&fx);
}

static void test_aperture_that_shrinks_is_read_again(void **state)
{
	uint8_t *mem = chunks_new(2, PROT_READ | PROT_WRITE);
	const struct iommu_iova_range ranges[] = {
		{ .start = 0, .last = (uintptr_t)mem + CHUNK - 1 },
		{ .start = (uintptr_t)mem + CHUNK + PAGE, .last = LAST_USER },
	};
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	set_ranges(&fx, ranges, 2);
	assert_int_equal(svart_space_check_aperture(fx.space), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK, PAGE, R), -EFAULT);
	assert_int_equal(resolve(&fx, mem + CHUNK - PAGE, PAGE, R), 0);
	assert_int_equal(resolve(&fx, mem + CHUNK + PAGE, PAGE, R), 0);
	fixture_close(&fx);
	chunks_free(mem, 2);
}

static void test_aperture_window_is_clipped_to_the_usable_range(void **state)
{
	uint8_t *mem = chunks_new(1, PROT_READ | PROT_WRITE);
	const struct iommu_iova_range ranges[] = {
		{ .start = 0, .last = (uintptr_t)mem + 3 * PAGE - 1 },
		{ .start = (uintptr_t)mem + 4 * PAGE, .last = LAST_USER },
	};
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	set_ranges(&fx, ranges, 2);
	assert_int_equal(svart_space_check_aperture(fx.space), 0);
	assert_int_equal(resolve(&fx, mem, PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem).len, 3 * PAGE);
	assert_int_equal(resolve(&fx, mem + 5 * PAGE, PAGE, R), 0);
	assert_int_equal(fake_area_at(fx.fake, mem + 5 * PAGE).iova, (uintptr_t)mem + 4 * PAGE);
	assert_int_equal(stats_of(&fx).exact_retries, 0);
	fixture_close(&fx);
	chunks_free(mem, 1);
}

static void test_aperture_of_many_ranges_is_read_whole(void **state)
{
	struct iommu_iova_range ranges[FAKE_MAX_RANGES];
	struct svart_aperture *a;
	struct fixture fx;
	uint32_t i;

	(void)state;
	fixture_open(&fx, NULL);
	for (i = 0; i < FAKE_MAX_RANGES; i++)
		ranges[i] = (struct iommu_iova_range){ .start = i * 0x10000,
			.last = i * 0x10000 + 0x7fff };
	set_ranges(&fx, ranges, FAKE_MAX_RANGES);
	assert_int_equal(svart_aperture_read(&fx.fake->machine, fx.iommufd, 1, &a), 0);
	assert_int_equal(a->nr, FAKE_MAX_RANGES);
	assert_null(svart_aperture_find(a, 0x8000));
	assert_non_null(svart_aperture_find(a, 0x70000));
	free(a);
	fixture_close(&fx);
}

static void test_aperture_drops_broken_pages_at_the_edges(void **state)
{
	const struct iommu_iova_range ranges[] = {
		{ .start = 0x1800, .last = 0x57ff },
		{ .start = 0x6100, .last = 0x6eff },
	};
	struct svart_aperture *a;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	set_ranges(&fx, ranges, 2);
	assert_int_equal(svart_aperture_read(&fx.fake->machine, fx.iommufd, 1, &a), 0);
	assert_int_equal(a->nr, 1);
	assert_int_equal(a->ranges[0].start, 0x2000);
	assert_int_equal(a->ranges[0].end, 0x5000);
	free(a);
	fixture_close(&fx);
}

static void test_aperture_with_ranges_out_of_order_is_refused(void **state)
{
	const struct iommu_iova_range ranges[] = {
		{ .start = 0x10000, .last = 0x1ffff },
		{ .start = 0x18000, .last = 0x2ffff },
	};
	struct svart_aperture *a;
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	set_ranges(&fx, ranges, 2);
	assert_int_equal(svart_aperture_read(&fx.fake->machine, fx.iommufd, 1, &a), -EIO);
	fixture_close(&fx);
}

static void test_aperture_with_large_iommu_pages_is_refused(void **state)
{
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fx.fake->alignment = 65536;
	assert_int_equal(svart_space_check_aperture(fx.space), -ENOTSUP);
	assert_non_null(strstr(svart_fail_text(), "65536"));
	fixture_close(&fx);
}

static void test_aperture_error_of_the_kernel_is_passed_on(void **state)
{
	struct fixture fx;

	(void)state;
	fixture_open(&fx, NULL);
	fx.fake->ranges_error = -ENOENT;
	assert_int_equal(svart_space_check_aperture(fx.space), -ENOENT);
	/* "Too small", of an answer that is not larger, must not go on for ever. */
	fx.fake->ranges_error = -EMSGSIZE;
	assert_int_equal(svart_space_check_aperture(fx.space), -EMSGSIZE);
	fixture_close(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aperture_check_of_the_msi_window_passes),
		cmocka_unit_test(test_aperture_check_of_39_bits_names_both_numbers),
		cmocka_unit_test(test_aperture_check_with_a_large_hole_fails),
		cmocka_unit_test(test_aperture_without_any_range_fails),
		cmocka_unit_test(test_aperture_that_shrinks_is_read_again),
		cmocka_unit_test(test_aperture_window_is_clipped_to_the_usable_range),
		cmocka_unit_test(test_aperture_of_many_ranges_is_read_whole),
		cmocka_unit_test(test_aperture_drops_broken_pages_at_the_edges),
		cmocka_unit_test(test_aperture_with_ranges_out_of_order_is_refused),
		cmocka_unit_test(test_aperture_with_large_iommu_pages_is_refused),
		cmocka_unit_test(test_aperture_error_of_the_kernel_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

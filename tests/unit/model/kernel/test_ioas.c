/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "ioas.h"

#define R IOMMU_IOAS_MAP_READABLE
#define W IOMMU_IOAS_MAP_WRITEABLE

static void test_map_is_seen_by_the_device_until_unmap(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	struct svart_ats_entry e;
	uint64_t bytes;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_false(rig_translate(&r, NO_PASID, mem).read);
	assert_int_equal(rig_map_rw(&r, mem, 4 * PAGE), 0);
	e = rig_translate(&r, NO_PASID, mem + PAGE);
	assert_true(e.read && e.write);
	assert_int_equal(e.translated, (uintptr_t)mem + PAGE);
	assert_int_equal(rig_stats(&r).pinned_bytes, 4 * PAGE);
	assert_int_equal(rig_unmap(&r, (uintptr_t)mem, 4 * PAGE, &bytes), 0);
	assert_int_equal(bytes, 4 * PAGE);
	assert_false(rig_translate(&r, NO_PASID, mem + PAGE).read);
	assert_int_equal(rig_stats(&r).pinned_bytes, 0);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_map_for_reading_only_gives_no_write(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	struct svart_ats_entry e;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map(&r, (uintptr_t)mem, mem, PAGE, R), 0);
	e = rig_translate(&r, NO_PASID, mem);
	assert_true(e.read);
	assert_false(e.write);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_map_over_an_area_gives_eexist(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem + PAGE, PAGE), 0);
	assert_int_equal(rig_map_rw(&r, mem + PAGE, PAGE), -EEXIST);
	assert_int_equal(rig_map_rw(&r, mem, 4 * PAGE), -EEXIST);
	assert_int_equal(rig_map_rw(&r, mem + 2 * PAGE, PAGE), 0);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_map_of_bad_ranges_gives_einval_or_eoverflow(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	uint64_t va = (uintptr_t)mem;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map(&r, va, mem, 0, R), -EINVAL);
	assert_int_equal(rig_map(&r, va, mem, 100, R), -EINVAL);
	assert_int_equal(rig_map(&r, va + 1, mem, PAGE, R), -EINVAL);
	assert_int_equal(rig_map(&r, va, mem + 1, PAGE, R), -EINVAL);
	assert_int_equal(rig_map(&r, va, mem, PAGE, 0), -EINVAL);
	assert_int_equal(rig_map(&r, UINT64_MAX, mem, PAGE, R), -EOVERFLOW);
	assert_int_equal(rig_map(&r, va, mem, UINT64_MAX, R), -EOVERFLOW);
	assert_int_equal(rig_map(&r, -PAGE, mem, 2 * PAGE, R), -EOVERFLOW);
	assert_int_equal(rig_map(&r, va, (void *)-PAGE, 2 * PAGE, R), -EOVERFLOW);
	assert_int_equal(rig_map(&r, SVART_IOAS_LAST_IOVA + 1, mem, PAGE, R), -EINVAL);
	assert_int_equal(rig_map(&r, SVART_IOAS_MSI_FIRST, mem, PAGE, R), -EINVAL);
	assert_int_equal(rig_map(&r, SVART_IOAS_MSI_FIRST - PAGE, mem, PAGE, R), 0);
	assert_int_equal(rig_map(&r, va, mem, PAGE, 1 << 3 | R), -EOPNOTSUPP);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_map_without_fixed_iova_finds_room(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	struct iommu_ioas_map args = {
		.size = sizeof(args), .flags = R, .user_va = (uintptr_t)mem, .length = 2 * PAGE
	};
	uint64_t first;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	args.ioas_id = r.ioas;
	assert_int_equal(r.m->ops->ioctl(r.m, r.iommufd, IOMMU_IOAS_MAP, &args), 0);
	first = args.iova;
	assert_true(first >= PAGE);
	assert_int_equal(r.m->ops->ioctl(r.m, r.iommufd, IOMMU_IOAS_MAP, &args), 0);
	assert_true(args.iova >= first + 2 * PAGE);
	assert_true(rig_translate(&r, NO_PASID, (void *)(uintptr_t)args.iova).read);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_unmap_of_a_part_of_an_area_gives_enoent(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	uint64_t va = (uintptr_t)mem;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, 4 * PAGE), 0);
	assert_int_equal(rig_unmap(&r, va, PAGE, NULL), -ENOENT);
	assert_int_equal(rig_unmap(&r, va + PAGE, 4 * PAGE, NULL), -ENOENT);
	assert_true(rig_translate(&r, NO_PASID, mem).read);
	assert_int_equal(rig_unmap(&r, va, 8 * PAGE, NULL), 0);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_unmap_with_a_cut_area_at_its_end_unmaps_those_before(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	uint64_t va = (uintptr_t)mem;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_int_equal(rig_map_rw(&r, mem + PAGE, 3 * PAGE), 0);
	assert_int_equal(rig_unmap(&r, va, 2 * PAGE, NULL), -ENOENT);
	assert_false(rig_translate(&r, NO_PASID, mem).read);
	assert_true(rig_translate(&r, NO_PASID, mem + PAGE).read);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_unmap_of_nothing_gives_enoent_but_all_is_fine(void **state)
{
	uint64_t bytes;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_unmap(&r, 0x1000, PAGE, NULL), -ENOENT);
	assert_int_equal(rig_unmap(&r, 0x1000, 0, NULL), -EINVAL);
	assert_int_equal(rig_unmap(&r, -PAGE, 2 * PAGE, NULL), -EOVERFLOW);
	assert_int_equal(rig_unmap(&r, PAGE, UINT64_MAX, NULL), -EOVERFLOW);
	assert_int_equal(rig_unmap(&r, 0, UINT64_MAX, &bytes), 0);
	assert_int_equal(bytes, 0);
	rig_destroy(&r);
}

static void test_unmap_of_all_returns_all_bytes(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	uint64_t bytes;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_int_equal(rig_map_rw(&r, mem + 2 * PAGE, 2 * PAGE), 0);
	assert_int_equal(rig_unmap(&r, 0, UINT64_MAX, &bytes), 0);
	assert_int_equal(bytes, 3 * PAGE);
	rig_destroy(&r);
	munmap(mem, 4 * PAGE);
}

static void test_unmap_invalidates_the_device(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_int_equal(r.probe->nr_invalidations, 0);
	assert_int_equal(rig_unmap(&r, (uintptr_t)mem, PAGE, NULL), 0);
	assert_int_equal(r.probe->nr_invalidations, 1);
	assert_int_equal(r.probe->invalidations[0].pasid, NO_PASID);
	assert_int_equal(r.probe->invalidations[0].va, (uintptr_t)mem);
	assert_int_equal(r.probe->invalidations[0].len, PAGE);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_map_without_hwpt_pins_only_when_one_comes(void **state)
{
	uint8_t *mem = rig_memory(2 * PAGE);
	uint32_t hwpt;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, 2 * PAGE), 0);
	assert_int_equal(rig_stats(&r).pinned_bytes, 0);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &hwpt), 0);
	assert_int_equal(rig_stats(&r).pinned_bytes, 2 * PAGE);
	assert_int_equal(rig_object_destroy(&r, hwpt), 0);
	assert_int_equal(rig_stats(&r).pinned_bytes, 0);
	rig_destroy(&r);
	munmap(mem, 2 * PAGE);
}

static void test_hwpt_of_an_ioas_with_a_missing_page_gives_efault(void **state)
{
	uint8_t *mem = rig_memory(2 * PAGE);
	uint32_t hwpt;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_int_equal(rig_map_rw(&r, mem + PAGE, PAGE), 0);
	munmap(mem + PAGE, PAGE);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &hwpt), -EFAULT);
	assert_int_equal(rig_stats(&r).pinned_bytes, 0);
	assert_int_equal(rig_unmap(&r, (uintptr_t)mem + PAGE, PAGE, NULL), 0);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &hwpt), 0);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_hwpt_of_an_ioas_with_odd_areas_gives_eaddrinuse(void **state)
{
	uint8_t *mem = rig_memory(2 * PAGE);
	uint32_t hwpt;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	/* Without a HWPT the alignment is 1. */
	assert_int_equal(rig_map(&r, 0x10001, mem + 1, 100, R), 0);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &hwpt), -EADDRINUSE);
	assert_int_equal(rig_unmap(&r, 0x10001, 100, NULL), 0);
	assert_int_equal(rig_map(&r, SVART_IOAS_LAST_IOVA + 1, mem, PAGE, R), 0);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &hwpt), -EADDRINUSE);
	rig_destroy(&r);
	munmap(mem, 2 * PAGE);
}

static void test_attach_with_an_area_in_the_msi_window_gives_eaddrinuse(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_map(&r, SVART_IOAS_MSI_FIRST, mem, PAGE, R), 0);
	assert_int_equal(rig_device_attach(&r, r.ioas), -EADDRINUSE);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void get_ranges(struct rig *r, uint32_t room, struct iommu_ioas_iova_ranges *args,
	int expected, struct iommu_iova_range *ranges)
{
	memset(args, 0, sizeof(*args));
	args->size = sizeof(*args);
	args->ioas_id = r->ioas;
	args->num_iovas = room;
	args->allowed_iovas = (uintptr_t)ranges;
	assert_int_equal(
		r->m->ops->ioctl(r->m, r->iommufd, IOMMU_IOAS_IOVA_RANGES, args), expected);
}

static void test_iova_ranges_narrow_with_hwpt_and_device(void **state)
{
	struct iommu_iova_range ranges[4];
	struct iommu_ioas_iova_ranges args;
	uint32_t hwpt;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	get_ranges(&r, 4, &args, 0, ranges);
	assert_int_equal(args.num_iovas, 1);
	assert_int_equal(args.out_iova_alignment, 1);
	assert_int_equal(ranges[0].last, UINT64_MAX);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &hwpt), 0);
	get_ranges(&r, 4, &args, 0, ranges);
	assert_int_equal(args.num_iovas, 1);
	assert_int_equal(args.out_iova_alignment, PAGE);
	assert_int_equal(ranges[0].last, SVART_IOAS_LAST_IOVA);
	assert_int_equal(rig_device_attach(&r, hwpt), 0);
	get_ranges(&r, 4, &args, 0, ranges);
	assert_int_equal(args.num_iovas, 2);
	assert_int_equal(ranges[0].start, 0);
	assert_int_equal(ranges[0].last, 0xfedfffff);
	assert_int_equal(ranges[1].start, 0xfef00000);
	assert_int_equal(ranges[1].last, 0x7fffffffffff);
	rig_destroy(&r);
}

static void test_iova_ranges_without_room_gives_emsgsize_and_the_number(void **state)
{
	struct iommu_iova_range ranges[4] = { { 1, 1 }, { 2, 2 } };
	struct iommu_ioas_iova_ranges args;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	get_ranges(&r, 1, &args, -EMSGSIZE, ranges);
	assert_int_equal(args.num_iovas, 2);
	assert_int_equal(ranges[0].last, 0xfedfffff);
	assert_int_equal(ranges[1].start, 2);
	get_ranges(&r, 0, &args, -EMSGSIZE, NULL);
	assert_int_equal(args.num_iovas, 2);
	rig_destroy(&r);
}

/** A MAP that blocks on a page that a userfaultfd has. */
struct blocked_map {
	struct rig *r;
	uint8_t *mem;
	int rc;
};

static void *map_blocking(void *arg)
{
	struct blocked_map *b = arg;

	b->rc = rig_map_rw(b->r, b->mem, PAGE);
	return NULL;
}

static int open_uffd(uint8_t *mem)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (uintptr_t)mem, PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &reg) != 0)
		return -1;
	return fd;
}

static void test_map_that_blocks_holds_its_area_but_not_the_others(void **state)
{
	uint8_t *mem = rig_memory(4 * PAGE);
	int uffd = open_uffd(mem);
	struct blocked_map b;
	struct uffdio_zeropage zero = { .range = { (uintptr_t)mem, PAGE } };
	struct uffd_msg event;
	struct rig r;
	pthread_t thread;

	(void)state;
	if (uffd < 0)
		skip();
	rig_attach(&r, "step=manual");
	b = (struct blocked_map){ .r = &r, .mem = mem };
	assert_int_equal(pthread_create(&thread, NULL, map_blocking, &b), 0);
	assert_int_equal(read(uffd, &event, sizeof(event)), sizeof(event));
	assert_int_equal(rig_map_rw(&r, mem, PAGE), -EEXIST);
	assert_int_equal(rig_unmap(&r, (uintptr_t)mem, PAGE, NULL), -EBUSY);
	assert_false(rig_translate(&r, NO_PASID, mem).read);
	assert_int_equal(rig_map_rw(&r, mem + PAGE, PAGE), 0);
	assert_int_equal(rig_unmap(&r, (uintptr_t)mem + PAGE, PAGE, NULL), 0);
	assert_int_equal(rig_object_destroy(&r, r.ioas), -EBUSY);
	assert_int_equal(ioctl(uffd, UFFDIO_ZEROPAGE, &zero), 0);
	pthread_join(thread, NULL);
	assert_int_equal(b.rc, 0);
	assert_true(rig_translate(&r, NO_PASID, mem).read);
	rig_destroy(&r);
	close(uffd);
	munmap(mem, 4 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_is_seen_by_the_device_until_unmap),
		cmocka_unit_test(test_map_for_reading_only_gives_no_write),
		cmocka_unit_test(test_map_over_an_area_gives_eexist),
		cmocka_unit_test(test_map_of_bad_ranges_gives_einval_or_eoverflow),
		cmocka_unit_test(test_map_without_fixed_iova_finds_room),
		cmocka_unit_test(test_unmap_of_a_part_of_an_area_gives_enoent),
		cmocka_unit_test(test_unmap_with_a_cut_area_at_its_end_unmaps_those_before),
		cmocka_unit_test(test_unmap_of_nothing_gives_enoent_but_all_is_fine),
		cmocka_unit_test(test_unmap_of_all_returns_all_bytes),
		cmocka_unit_test(test_unmap_invalidates_the_device),
		cmocka_unit_test(test_map_without_hwpt_pins_only_when_one_comes),
		cmocka_unit_test(test_hwpt_of_an_ioas_with_a_missing_page_gives_efault),
		cmocka_unit_test(test_hwpt_of_an_ioas_with_odd_areas_gives_eaddrinuse),
		cmocka_unit_test(test_attach_with_an_area_in_the_msi_window_gives_eaddrinuse),
		cmocka_unit_test(test_iova_ranges_narrow_with_hwpt_and_device),
		cmocka_unit_test(test_iova_ranges_without_room_gives_emsgsize_and_the_number),
		cmocka_unit_test(test_map_that_blocks_holds_its_area_but_not_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

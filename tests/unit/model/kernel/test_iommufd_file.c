/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/capability.h>

#include "caps.h"

static int call(struct rig *r, unsigned long request, void *args)
{
	return r->m->ops->ioctl(r->m, r->iommufd, request, args);
}

static void test_ioctl_that_is_unknown_gives_enotty(void **state)
{
	uint32_t args[16] = { sizeof(args) };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, _IO(IOMMUFD_TYPE, 0xf0), args), -ENOTTY);
	assert_int_equal(call(&r, IOMMU_HWPT_INVALIDATE, args), -ENOTTY);
	assert_int_equal(call(&r, VFIO_DEVICE_RESET, args), -ENOTTY);
	rig_destroy(&r);
}

static void test_ioctl_with_a_struct_that_is_too_small_gives_einval(void **state)
{
	struct iommu_ioas_alloc args = { .size = sizeof(args) - 1 };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, &args), -EINVAL);
	args.size = 0;
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, &args), -EINVAL);
	rig_destroy(&r);
}

static void test_ioctl_with_a_larger_struct_wants_zeros_behind(void **state)
{
	struct {
		struct iommu_ioas_alloc args;
		uint8_t tail[300];
	} big = { .args.size = sizeof(big) };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, &big), 0);
	big.tail[299] = 1;
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, &big), -E2BIG);
	rig_destroy(&r);
}

static void test_ioctl_with_an_older_struct_takes_the_rest_as_zero(void **state)
{
	/* HWPT_ALLOC's first version ended before data_type. */
	struct iommu_hwpt_alloc args = { .size = 24, .fault_id = 12345, .data_len = 7 };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	args.dev_id = r.dev_id;
	args.pt_id = r.ioas;
	assert_int_equal(call(&r, IOMMU_HWPT_ALLOC, &args), 0);
	assert_int_not_equal(args.out_hwpt_id, 0);
	assert_int_equal(args.data_len, 7);
	rig_destroy(&r);
}

static void test_ioctl_with_a_bad_pointer_gives_efault_and_makes_nothing(void **state)
{
	struct iommu_ioas_alloc *args =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, NULL), -EFAULT);
	args->size = sizeof(*args);
	mprotect(args, PAGE, PROT_READ);
	assert_int_equal(rig_stats(&r).objects, 2);
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, args), -EFAULT);
	assert_int_equal(rig_stats(&r).objects, 2);
	mprotect(args, PAGE, PROT_READ | PROT_WRITE);
	memset(args, 0, sizeof(struct iommu_fault_alloc));
	args->size = sizeof(struct iommu_fault_alloc);
	mprotect(args, PAGE, PROT_READ);
	assert_int_equal(call(&r, IOMMU_FAULT_QUEUE_ALLOC, args), -EFAULT);
	assert_int_equal(rig_stats(&r).objects, 2);
	assert_int_equal(rig_stats(&r).open_fds, 2);
	rig_destroy(&r);
	munmap(args, PAGE);
}

static void test_ioctl_with_unknown_flags_gives_eopnotsupp(void **state)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc), .flags = 1 };
	struct iommu_fault_alloc fault = { .size = sizeof(fault), .flags = 1 };
	struct iommu_ioas_map map = { .size = sizeof(map), .__reserved = 1 };
	struct iommu_ioas_iova_ranges ranges = { .size = sizeof(ranges), .__reserved = 1 };
	struct iommu_hw_info info = { .size = sizeof(info), .flags = 1 };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, &alloc), -EOPNOTSUPP);
	assert_int_equal(call(&r, IOMMU_FAULT_QUEUE_ALLOC, &fault), -EOPNOTSUPP);
	assert_int_equal(call(&r, IOMMU_IOAS_MAP, &map), -EOPNOTSUPP);
	assert_int_equal(call(&r, IOMMU_IOAS_IOVA_RANGES, &ranges), -EOPNOTSUPP);
	assert_int_equal(call(&r, IOMMU_GET_HW_INFO, &info), -EOPNOTSUPP);
	rig_destroy(&r);
}

static void test_ioctl_on_an_ioas_that_is_none_gives_enoent(void **state)
{
	struct iommu_ioas_iova_ranges ranges = { .size = sizeof(ranges) };
	uint8_t *mem = rig_memory(PAGE);
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	ranges.ioas_id = r.dev_id;
	assert_int_equal(call(&r, IOMMU_IOAS_IOVA_RANGES, &ranges), -ENOENT);
	assert_int_equal(rig_object_destroy(&r, 0), -ENOENT);
	assert_int_equal(rig_object_destroy(&r, UINT32_MAX), -ENOENT);
	r.ioas = 0;
	assert_int_equal(rig_map_rw(&r, mem, PAGE), -ENOENT);
	assert_int_equal(rig_unmap(&r, 0, PAGE, NULL), -ENOENT);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_object_ids_are_the_lowest_free_ones(void **state)
{
	uint32_t a, b, c;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(r.dev_id, 1);
	assert_int_equal(r.ioas, 2);
	assert_int_equal(rig_ioas_alloc(&r, &a), 0);
	assert_int_equal(rig_ioas_alloc(&r, &b), 0);
	assert_int_equal(rig_object_destroy(&r, a), 0);
	assert_int_equal(rig_ioas_alloc(&r, &c), 0);
	assert_int_equal(c, a);
	rig_destroy(&r);
}

static void test_hw_info_tells_of_vtd_with_page_requests(void **state)
{
	struct iommu_hw_info_vtd vtd[2];
	struct iommu_hw_info info = {
		.size = sizeof(info), .data_len = sizeof(vtd), .data_uptr = (uintptr_t)vtd
	};
	struct rig r;

	(void)state;
	memset(vtd, 0xff, sizeof(vtd));
	rig_bind(&r, "step=manual");
	info.dev_id = r.dev_id;
	assert_int_equal(call(&r, IOMMU_GET_HW_INFO, &info), 0);
	assert_int_equal(info.out_data_type, IOMMU_HW_INFO_TYPE_INTEL_VTD);
	assert_int_equal(info.data_len, sizeof(vtd[0]));
	assert_int_equal(info.out_max_pasid_log2, 20);
	assert_int_equal(info.out_capabilities, 0);
	assert_int_equal(vtd[0].ecap_reg >> 29 & 1, 1);
	assert_int_equal(vtd[1].ecap_reg, 0);
	info.data_len = 0;
	info.data_uptr = 0;
	assert_int_equal(call(&r, IOMMU_GET_HW_INFO, &info), 0);
	info.dev_id = r.ioas;
	assert_int_equal(call(&r, IOMMU_GET_HW_INFO, &info), -ENOENT);
	rig_destroy(&r);
}

static int option(struct rig *r, uint32_t id, uint16_t op, uint32_t object, uint64_t *value)
{
	struct iommu_option args = {
		.size = sizeof(args),
		.option_id = id,
		.op = op,
		.object_id = object,
		.val64 = *value,
	};
	int rc = call(r, IOMMU_OPTION, &args);

	*value = args.val64;
	return rc;
}

static void test_option_huge_pages_is_the_ioass(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	uint64_t value = 7, zero = 0, two = 2;
	uint16_t get = IOMMU_OPTION_OP_GET, set = IOMMU_OPTION_OP_SET;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(option(&r, IOMMU_OPTION_HUGE_PAGES, get, r.ioas, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(option(&r, IOMMU_OPTION_HUGE_PAGES, set, r.ioas, &two), -EINVAL);
	assert_int_equal(option(&r, IOMMU_OPTION_HUGE_PAGES, set, r.ioas, &zero), 0);
	assert_int_equal(option(&r, IOMMU_OPTION_HUGE_PAGES, get, r.ioas, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(option(&r, IOMMU_OPTION_HUGE_PAGES, 5, r.ioas, &value), -EOPNOTSUPP);
	assert_int_equal(option(&r, IOMMU_OPTION_HUGE_PAGES, get, 99, &value), -ENOENT);
	assert_int_equal(option(&r, 77, get, r.ioas, &value), -EOPNOTSUPP);
	assert_int_equal(rig_map(&r, 0x10001, mem + 1, 10, IOMMU_IOAS_MAP_READABLE), -EINVAL);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_option_rlimit_mode_is_set_before_any_object(void **state)
{
	uint64_t one = 1, value = 7;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(option(&r, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0, &one),
		svart_has_cap(CAP_SYS_RESOURCE) ? -EBUSY : -EPERM);
	assert_int_equal(option(&r, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET, 0, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(option(&r, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET, r.ioas, &value),
		-EOPNOTSUPP);
	rig_destroy(&r);
}

static void test_iommufd_close_keeps_what_a_bound_device_uses(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_int_equal(r.m->ops->close(r.m, r.iommufd), 0);
	r.iommufd = -1;
	assert_true(rig_translate(&r, NO_PASID, mem).read);
	assert_int_equal(rig_fault(&r, NO_PASID, 1, 0x1000, 1), 0);
	assert_int_equal(rig_stats(&r).page_requests_open, 1);
	assert_int_equal(r.m->ops->close(r.m, r.cdev), 0);
	r.cdev = -1;
	/* The fault fd alone still holds all of it. */
	assert_int_equal(rig_stats(&r).objects, 3);
	assert_int_equal(rig_stats(&r).pinned_bytes, PAGE);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_iommufd_read_and_write_give_einval(void **state)
{
	uint8_t buf[8] = { 0 };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(r.m->ops->read(r.m, r.iommufd, buf, 8), -EINVAL);
	assert_int_equal(r.m->ops->write(r.m, r.iommufd, buf, 8), -EINVAL);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ioctl_that_is_unknown_gives_enotty),
		cmocka_unit_test(test_ioctl_with_a_struct_that_is_too_small_gives_einval),
		cmocka_unit_test(test_ioctl_with_a_larger_struct_wants_zeros_behind),
		cmocka_unit_test(test_ioctl_with_an_older_struct_takes_the_rest_as_zero),
		cmocka_unit_test(test_ioctl_with_a_bad_pointer_gives_efault_and_makes_nothing),
		cmocka_unit_test(test_ioctl_with_unknown_flags_gives_eopnotsupp),
		cmocka_unit_test(test_ioctl_on_an_ioas_that_is_none_gives_enoent),
		cmocka_unit_test(test_object_ids_are_the_lowest_free_ones),
		cmocka_unit_test(test_hw_info_tells_of_vtd_with_page_requests),
		cmocka_unit_test(test_option_huge_pages_is_the_ioass),
		cmocka_unit_test(test_option_rlimit_mode_is_set_before_any_object),
		cmocka_unit_test(test_iommufd_close_keeps_what_a_bound_device_uses),
		cmocka_unit_test(test_iommufd_read_and_write_give_einval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "hwpt.h"

#define FAULT IOMMU_HWPT_FAULT_ID_VALID
#define PASID SVART_HWPT_ALLOC_PASID
#define VA    UINT64_C(0x7f0000000000)

static void test_hwpt_alloc_of_unsupported_kinds_gives_eopnotsupp(void **state)
{
	uint32_t id;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(
		rig_hwpt_alloc(&r, IOMMU_HWPT_ALLOC_NEST_PARENT, r.ioas, 0, &id), -EOPNOTSUPP);
	assert_int_equal(
		rig_hwpt_alloc(&r, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, r.ioas, 0, &id), -EOPNOTSUPP);
	assert_int_equal(rig_hwpt_alloc(&r, 1 << 4, r.ioas, 0, &id), -EOPNOTSUPP);
	rig_destroy(&r);
}

static void test_hwpt_alloc_with_bad_ids_gives_enoent_or_einval(void **state)
{
	uint32_t id, hwpt;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_hwpt_alloc(&r, FAULT, r.ioas, 999, &id), -ENOENT);
	assert_int_equal(rig_hwpt_alloc(&r, FAULT, r.ioas, r.ioas, &id), -ENOENT);
	assert_int_equal(rig_hwpt_alloc(&r, 0, 999, 0, &id), -EINVAL);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.dev_id, 0, &id), -EINVAL);
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &hwpt), 0);
	assert_int_equal(rig_hwpt_alloc(&r, 0, hwpt, 0, &id), -EINVAL);
	r.dev_id = 999;
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &id), -ENOENT);
	r.dev_id = r.ioas;
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &id), -ENOENT);
	rig_destroy(&r);
}

static void test_hwpt_alloc_with_data_is_refused(void **state)
{
	struct iommu_hwpt_alloc args = { .size = sizeof(args) };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	args.dev_id = r.dev_id;
	args.pt_id = r.ioas;
	args.data_len = 8;
	assert_int_equal(r.m->ops->ioctl(r.m, r.iommufd, IOMMU_HWPT_ALLOC, &args), -EINVAL);
	args.data_type = IOMMU_HWPT_DATA_VTD_S1;
	assert_int_equal(r.m->ops->ioctl(r.m, r.iommufd, IOMMU_HWPT_ALLOC, &args), -EOPNOTSUPP);
	args.data_len = 0;
	assert_int_equal(r.m->ops->ioctl(r.m, r.iommufd, IOMMU_HWPT_ALLOC, &args), -EINVAL);
	args.data_type = 0;
	args.__reserved = 1;
	assert_int_equal(r.m->ops->ioctl(r.m, r.iommufd, IOMMU_HWPT_ALLOC, &args), -EOPNOTSUPP);
	rig_destroy(&r);
}

static void test_destroy_of_used_objects_gives_ebusy(void **state)
{
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_object_destroy(&r, r.hwpt), -EBUSY);
	assert_int_equal(rig_object_destroy(&r, r.ioas), -EBUSY);
	assert_int_equal(rig_object_destroy(&r, r.dev_id), -EBUSY);
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(rig_object_destroy(&r, r.ioas), -EBUSY);
	assert_int_equal(rig_object_destroy(&r, r.hwpt), 0);
	assert_int_equal(rig_object_destroy(&r, r.ioas), 0);
	rig_destroy(&r);
}

static void test_attach_to_an_ioas_makes_a_hwpt_and_detach_ends_it(void **state)
{
	struct vfio_device_attach_iommufd_pt args = { .argsz = sizeof(args) };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_stats(&r).objects, 2);
	args.pt_id = r.ioas;
	assert_int_equal(r.m->ops->ioctl(r.m, r.cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args), 0);
	assert_int_not_equal(args.pt_id, r.ioas);
	assert_int_equal(rig_stats(&r).objects, 3);
	assert_int_equal(rig_object_destroy(&r, args.pt_id), -EBUSY);
	assert_int_equal(rig_device_attach(&r, r.ioas), 0);
	assert_int_equal(rig_stats(&r).objects, 3);
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(rig_stats(&r).objects, 2);
	rig_destroy(&r);
}

static void test_attach_to_an_ioas_answers_page_requests_invalid(void **state)
{
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	rig_command_set(&r, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(rig_device_attach(&r, r.ioas), 0);
	assert_int_equal(rig_fault(&r, NO_PASID, 1, VA, 2), 0);
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	rig_destroy(&r);
}

static void test_attach_of_bad_ids_gives_enoent_or_einval(void **state)
{
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_device_attach(&r, 999), -ENOENT);
	assert_int_equal(rig_device_attach(&r, r.fault_id), -EINVAL);
	assert_int_equal(rig_device_attach(&r, r.dev_id), -EINVAL);
	rig_destroy(&r);
}

static void test_attach_over_attach_replaces_and_invalidates(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	uint32_t first, second;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	first = r.ioas;
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_true(rig_translate(&r, NO_PASID, mem).read);
	assert_int_equal(rig_ioas_alloc(&r, &second), 0);
	assert_int_equal(rig_device_attach(&r, second), 0);
	assert_int_equal(r.probe->nr_invalidations, 1);
	assert_false(rig_translate(&r, NO_PASID, mem).read);
	r.ioas = second;
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_true(rig_translate(&r, NO_PASID, mem).read);
	r.ioas = first;
	assert_int_equal(rig_object_destroy(&r, r.hwpt), 0);
	assert_int_equal(rig_object_destroy(&r, first), 0);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_attach_again_to_the_same_does_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_fault(&r, NO_PASID, 1, VA, 1), 0);
	assert_int_equal(rig_device_attach(&r, r.hwpt), 0);
	assert_int_equal(r.probe->nr_answers, 0);
	assert_int_equal(r.probe->nr_invalidations, 0);
	rig_destroy(&r);
}

static void test_detach_without_attach_is_fine(void **state)
{
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(rig_device_detach_pasid(&r, 5), 0);
	rig_destroy(&r);
}

static void test_pasid_attach_needs_a_hwpt_for_pasids(void **state)
{
	uint32_t plain, with;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &plain), 0);
	assert_int_equal(rig_hwpt_alloc(&r, PASID, r.ioas, 0, &with), 0);
	assert_int_equal(rig_device_attach_pasid(&r, plain, 5), -EINVAL);
	assert_int_equal(rig_device_attach_pasid(&r, r.ioas, 5), -EINVAL);
	assert_int_equal(rig_device_attach_pasid(&r, with, 5), 0);
	assert_int_equal(rig_device_attach_pasid(&r, with, 0), -EINVAL);
	assert_int_equal(rig_device_attach_pasid(&r, with, 1 << 20), -EINVAL);
	assert_int_equal(rig_device_attach_pasid(&r, with, UINT32_MAX), -EINVAL);
	rig_destroy(&r);
}

static void test_pasid_attach_needs_the_device_to_have_one_for_pasids(void **state)
{
	uint32_t plain, with;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_hwpt_alloc(&r, 0, r.ioas, 0, &plain), 0);
	assert_int_equal(rig_hwpt_alloc(&r, PASID, r.ioas, 0, &with), 0);
	assert_int_equal(rig_device_attach(&r, plain), 0);
	assert_int_equal(rig_device_attach_pasid(&r, with, 5), -EINVAL);
	assert_int_equal(rig_device_attach(&r, with), 0);
	assert_int_equal(rig_device_attach_pasid(&r, with, 5), 0);
	assert_int_equal(rig_device_attach(&r, plain), -EINVAL);
	assert_int_equal(rig_device_detach_pasid(&r, 5), 0);
	assert_int_equal(rig_device_attach(&r, plain), 0);
	rig_destroy(&r);
}

static void test_pasids_have_translations_of_their_own(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	uint32_t first_hwpt, second_ioas, second_hwpt;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	rig_command_set(&r, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(rig_hwpt_alloc(&r, PASID, r.ioas, 0, &first_hwpt), 0);
	assert_int_equal(rig_ioas_alloc(&r, &second_ioas), 0);
	assert_int_equal(rig_hwpt_alloc(&r, PASID, second_ioas, 0, &second_hwpt), 0);
	assert_int_equal(rig_device_attach_pasid(&r, first_hwpt, 1), 0);
	assert_int_equal(rig_device_attach_pasid(&r, second_hwpt, 2), 0);
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_true(rig_translate(&r, 1, mem).read);
	assert_false(rig_translate(&r, 2, mem).read);
	assert_false(rig_translate(&r, NO_PASID, mem).read);
	assert_int_equal(rig_unmap(&r, (uintptr_t)mem, PAGE, NULL), 0);
	assert_int_equal(r.probe->nr_invalidations, 1);
	assert_int_equal(r.probe->invalidations[0].pasid, 1);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_pasid_detach_ends_only_its_own_groups(void **state)
{
	uint32_t hwpt;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	rig_command_set(&r, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(rig_fault_alloc(&r, &r.fault_id, &r.fault_fd), 0);
	assert_int_equal(rig_hwpt_alloc(&r, PASID | FAULT, r.ioas, r.fault_id, &hwpt), 0);
	assert_int_equal(rig_device_attach_pasid(&r, hwpt, 1), 0);
	assert_int_equal(rig_device_attach_pasid(&r, hwpt, 2), 0);
	assert_int_equal(rig_fault(&r, 1, 1, VA, 1), 0);
	assert_int_equal(rig_fault(&r, 2, 1, VA, 1), 0);
	assert_int_equal(rig_device_detach_pasid(&r, 1), 0);
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(r.probe->answers[0].pasid, 1);
	assert_int_equal(rig_stats(&r).page_requests_open, 1);
	rig_destroy(&r);
}

/** A device without page requests. */
static void test_attach_to_a_fault_hwpt_without_page_requests_gives_enodev(void **state)
{
	struct svart_device_model plain = probe_model;
	char address[16];
	struct rig r;

	(void)state;
	plain.pri = false;
	plain.pasid = false;
	rig_attach(&r, "step=manual");
	assert_int_equal(svart_model_add_device(r.m, &plain, "", address), 0);
	assert_int_equal(r.m->ops->close(r.m, r.cdev), 0);
	r.cdev = r.m->ops->open(r.m, "/dev/vfio/devices/vfio1", 2);
	assert_int_equal(rig_device_bind(&r, r.cdev, r.iommufd, &r.dev_id), 0);
	assert_int_equal(rig_device_attach(&r, r.hwpt), -ENODEV);
	assert_int_equal(rig_device_attach(&r, r.ioas), 0);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hwpt_alloc_of_unsupported_kinds_gives_eopnotsupp),
		cmocka_unit_test(test_hwpt_alloc_with_bad_ids_gives_enoent_or_einval),
		cmocka_unit_test(test_hwpt_alloc_with_data_is_refused),
		cmocka_unit_test(test_destroy_of_used_objects_gives_ebusy),
		cmocka_unit_test(test_attach_to_an_ioas_makes_a_hwpt_and_detach_ends_it),
		cmocka_unit_test(test_attach_to_an_ioas_answers_page_requests_invalid),
		cmocka_unit_test(test_attach_of_bad_ids_gives_enoent_or_einval),
		cmocka_unit_test(test_attach_over_attach_replaces_and_invalidates),
		cmocka_unit_test(test_attach_again_to_the_same_does_nothing),
		cmocka_unit_test(test_detach_without_attach_is_fine),
		cmocka_unit_test(test_pasid_attach_needs_a_hwpt_for_pasids),
		cmocka_unit_test(test_pasid_attach_needs_the_device_to_have_one_for_pasids),
		cmocka_unit_test(test_pasids_have_translations_of_their_own),
		cmocka_unit_test(test_pasid_detach_ends_only_its_own_groups),
		cmocka_unit_test(test_attach_to_a_fault_hwpt_without_page_requests_gives_enodev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

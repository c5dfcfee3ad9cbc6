/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Page tables, fault objects, and who may be attached to what. */

#include <linux/capability.h>

#include "parity.h"
#include "vfio.h"

#define PASID_A 5
#define PASID_B 6

/* HWPT_ALLOC as it comes. */
static int hwpt_alloc(
	struct parity *p, uint32_t pt_id, uint32_t flags, uint32_t fault_id, uint32_t *hwpt_id)
{
	return svart_iommufd_hwpt_alloc(
		p->m, p->fd, p->dev.dev_id, pt_id, flags, fault_id, hwpt_id);
}

static int destroy(struct parity *p, uint32_t id)
{
	return svart_iommufd_destroy(p->m, p->fd, id);
}

static void fault_queue_alloc_with_flags_is_not_supported(struct parity *p)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd), .flags = 1 };

	CHECK_EQ(p->run, p->m->ops->ioctl(p->m, p->fd, IOMMU_FAULT_QUEUE_ALLOC, &cmd), -EOPNOTSUPP);
}

static void hwpt_alloc_with_unknown_flags_is_not_supported(struct parity *p)
{
	uint32_t id;

	parity_open_device(p);
	CHECK_EQ(p->run, hwpt_alloc(p, p->ioas_id, 1u << 30, 0, &id), -EOPNOTSUPP);
}

static void hwpt_alloc_for_nesting_with_a_fault_object_is_not_supported(struct parity *p)
{
	struct parity_queue queue = parity_queue(p);
	uint32_t id;

	parity_open_device(p);
	CHECK_EQ(p->run,
		hwpt_alloc(p, p->ioas_id, IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_FAULT_ID_VALID,
			queue.id, &id),
		-EOPNOTSUPP);
}

static void hwpt_alloc_with_no_such_fault_object_is_enoent(struct parity *p)
{
	uint32_t id;

	parity_open_device(p);
	CHECK_EQ(p->run,
		hwpt_alloc(p, p->ioas_id, IOMMU_HWPT_FAULT_ID_VALID, p->ioas_id + 100, &id),
		-ENOENT);
	CHECK_EQ(p->run, hwpt_alloc(p, p->ioas_id, IOMMU_HWPT_FAULT_ID_VALID, p->ioas_id, &id),
		-ENOENT);
}

static void hwpt_alloc_of_no_ioas_is_invalid(struct parity *p)
{
	struct parity_queue queue = parity_queue(p);
	uint32_t id;

	parity_open_device(p);
	CHECK_EQ(p->run, hwpt_alloc(p, p->ioas_id + 100, 0, 0, &id), -EINVAL);
	CHECK_EQ(p->run, hwpt_alloc(p, queue.id, 0, 0, &id), -EINVAL);
}

static void hwpt_alloc_for_no_device_is_enoent(struct parity *p)
{
	uint32_t id;

	CHECK_EQ(p->run,
		svart_iommufd_hwpt_alloc(p->m, p->fd, p->ioas_id + 100, p->ioas_id, 0, 0, &id),
		-ENOENT);
}

static void attach_to_no_object_is_enoent(struct parity *p)
{
	parity_open_device(p);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, p->ioas_id + 100), -ENOENT);
}

static void attach_to_a_fault_object_is_invalid(struct parity *p)
{
	struct parity_queue queue = parity_queue(p);

	parity_open_device(p);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, queue.id), -EINVAL);
}

static void failed_replace_keeps_what_was(struct parity *p)
{
	void *va = parity_pages(p, 1);

	parity_open_device(p);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, p->ioas_id + 100), -ENOENT);
	CHECK_EQ(p->run, destroy(p, p->ioas_id), -EBUSY);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
}

static void replace_goes_to_and_from_a_hwpt(struct parity *p)
{
	uint32_t hwpt_id;

	parity_open_device(p);
	hwpt_id = parity_hwpt(p, NULL);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, hwpt_id), 0);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, hwpt_id), 0);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, p->ioas_id), 0);
	CHECK_EQ(p->run, destroy(p, hwpt_id), 0);
}

static void detach_twice_is_fine(struct parity *p)
{
	parity_needs(p, RIG_DETACH);
	parity_open_device(p);
	CHECK_EQ(p->run, parity_detach(p, RIG_NO_PASID), 0);
	CHECK_EQ(p->run, parity_detach(p, RIG_NO_PASID), 0);
	CHECK_EQ(p->run, parity_detach(p, PASID_A), 0);
}

static void bind_twice_is_invalid(struct parity *p)
{
	uint32_t dev_id;

	parity_needs(p, RIG_CDEV);
	parity_open_device(p);
	CHECK_EQ(p->run, svart_vfio_bind_iommufd(p->m, p->dev.fd, p->fd, &dev_id), -EINVAL);
}

static void destroy_while_in_use_is_busy(struct parity *p)
{
	uint32_t hwpt_id;

	parity_open_device(p);
	hwpt_id = parity_hwpt(p, NULL);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, hwpt_id), 0);
	CHECK_EQ(p->run, destroy(p, hwpt_id), -EBUSY);
	CHECK_EQ(p->run, destroy(p, p->ioas_id), -EBUSY);
	parity_close_device(p);
	CHECK_EQ(p->run, destroy(p, hwpt_id), 0);
	CHECK_EQ(p->run, destroy(p, p->ioas_id), 0);
}

static void destroy_of_a_fault_object_waits_for_its_descriptor_and_hwpt(struct parity *p)
{
	struct parity_queue queue = parity_queue(p);
	uint32_t hwpt_id;

	parity_open_device(p);
	hwpt_id = parity_hwpt(p, &queue);
	CHECK_EQ(p->run, destroy(p, queue.id), -EBUSY);
	parity_close_fd(p, queue.fd);
	CHECK_EQ(p->run, destroy(p, queue.id), -EBUSY);
	CHECK_EQ(p->run, destroy(p, hwpt_id), 0);
	CHECK_EQ(p->run, destroy(p, queue.id), 0);
	CHECK_EQ(p->run, destroy(p, queue.id), -ENOENT);
}

static void pasid_needs_a_hwpt_made_for_it(struct parity *p)
{
	uint32_t plain;

	parity_open_device(p);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, parity_hwpt(p, NULL)), 0);
	CHECK_EQ(p->run, hwpt_alloc(p, p->ioas_id, 0, 0, &plain), 0);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, plain), -EINVAL);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, p->ioas_id), -EINVAL);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, parity_hwpt(p, NULL)), 0);
}

static void pasid_needs_the_device_to_have_such_a_hwpt_too(struct parity *p)
{
	uint32_t hwpt_id;

	parity_open_device(p); /* to the IOAS: a table that is not for PASIDs */
	hwpt_id = parity_hwpt(p, NULL);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, hwpt_id), -EINVAL);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, hwpt_id), 0);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, hwpt_id), 0);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, p->ioas_id), -EINVAL);
	CHECK_EQ(p->run, parity_detach(p, PASID_A), 0);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, p->ioas_id), 0);
}

static void pasid_attaches_without_the_device(struct parity *p)
{
	uint32_t hwpt_id;

	parity_needs(p, RIG_DETACH);
	parity_open_device(p);
	hwpt_id = parity_hwpt(p, NULL);
	CHECK_EQ(p->run, parity_detach(p, RIG_NO_PASID), 0);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, hwpt_id), 0);
	CHECK_EQ(p->run, destroy(p, hwpt_id), -EBUSY);
	CHECK_EQ(p->run, parity_detach(p, PASID_A), 0);
	CHECK_EQ(p->run, destroy(p, hwpt_id), 0);
}

static void pasids_come_and_go_on_their_own(struct parity *p)
{
	uint32_t first, second;

	parity_open_device(p);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, parity_hwpt(p, NULL)), 0);
	first = parity_hwpt(p, NULL);
	second = parity_hwpt(p, NULL);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, first), 0);
	CHECK_EQ(p->run, parity_attach(p, PASID_B, first), 0);
	CHECK_EQ(p->run, parity_replace(p, PASID_A, second), 0);
	CHECK_EQ(p->run, destroy(p, first), -EBUSY);
	CHECK_EQ(p->run, parity_detach(p, PASID_B), 0);
	CHECK_EQ(p->run, destroy(p, first), 0);
	CHECK_EQ(p->run, destroy(p, second), -EBUSY);
}

static void close_of_the_device_detaches_its_pasids(struct parity *p)
{
	uint32_t hwpt_id;

	parity_needs(p, RIG_CDEV);
	parity_open_device(p);
	CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, parity_hwpt(p, NULL)), 0);
	hwpt_id = parity_hwpt(p, NULL);
	CHECK_EQ(p->run, parity_attach(p, PASID_A, hwpt_id), 0);
	parity_close_device(p);
	CHECK_EQ(p->run, destroy(p, hwpt_id), 0);
}

static void hw_info_with_unknown_flags_is_not_supported(struct parity *p)
{
	struct iommu_hw_info cmd = { .size = sizeof(cmd), .flags = 1u << 30 };

	parity_open_device(p);
	cmd.dev_id = p->dev.dev_id;
	CHECK_EQ(p->run, p->m->ops->ioctl(p->m, p->fd, IOMMU_GET_HW_INFO, &cmd), -EOPNOTSUPP);
}

static void hw_info_fills_what_it_does_not_know_with_zeros(struct parity *p)
{
	uint8_t data[256];
	uint32_t type;
	uint64_t capabilities;
	uint8_t pasid_log2;

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = 0xff;
	parity_open_device(p);
	CHECK_EQ(p->run,
		svart_iommufd_get_hw_info(p->m, p->fd, p->dev.dev_id, data, sizeof(data), &type,
			&capabilities, &pasid_log2),
		0);
	CHECK(p->run, type != IOMMU_HW_INFO_TYPE_NONE);
	CHECK_EQ(p->run, data[sizeof(data) - 1], 0);
}

static void option_set_of_an_unknown_option_is_not_supported(struct parity *p)
{
	CHECK_EQ(p->run, svart_iommufd_option_set(p->m, p->fd, 1000, 0, 1), -EOPNOTSUPP);
}

static void option_rlimit_mode_cannot_change_once_there_are_objects(struct parity *p)
{
	uint64_t value = 7;
	int fd;

	parity_needs_capability(p, CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE");
	CHECK_EQ(p->run, svart_iommufd_option_get(p->m, p->fd, IOMMU_OPTION_RLIMIT_MODE, 0, &value),
		0);
	CHECK_EQ(p->run, value, 0);
	CHECK_EQ(p->run, svart_iommufd_option_set(p->m, p->fd, IOMMU_OPTION_RLIMIT_MODE, 0, 1),
		-EBUSY);
	fd = svart_iommufd_open(p->m);
	CHECK(p->run, fd >= 0);
	p->fds[p->nr_fds++] = fd;
	CHECK_EQ(p->run, svart_iommufd_option_set(p->m, fd, IOMMU_OPTION_RLIMIT_MODE, 0, 2),
		-EINVAL);
	CHECK_EQ(p->run, svart_iommufd_option_set(p->m, fd, IOMMU_OPTION_RLIMIT_MODE, 0, 1), 0);
	CHECK_EQ(
		p->run, svart_iommufd_option_get(p->m, fd, IOMMU_OPTION_RLIMIT_MODE, 0, &value), 0);
	CHECK_EQ(p->run, value, 1);
}

static void option_rlimit_mode_needs_a_capability_to_be_set(struct parity *p)
{
	int rc;

	CHECK(p->run, parity_capability_set(CAP_SYS_RESOURCE, false));
	rc = svart_iommufd_option_set(p->m, p->fd, IOMMU_OPTION_RLIMIT_MODE, 0, 1);
	parity_capability_set(CAP_SYS_RESOURCE, true);
	CHECK_EQ(p->run, rc, -EPERM);
}

const struct parity_case parity_attach_cases[] = {
	PARITY_CASE(fault_queue_alloc_with_flags_is_not_supported),
	PARITY_CASE(hwpt_alloc_with_unknown_flags_is_not_supported),
	PARITY_CASE(hwpt_alloc_for_nesting_with_a_fault_object_is_not_supported),
	PARITY_CASE(hwpt_alloc_with_no_such_fault_object_is_enoent),
	PARITY_CASE(hwpt_alloc_of_no_ioas_is_invalid),
	PARITY_CASE(hwpt_alloc_for_no_device_is_enoent),
	PARITY_CASE(attach_to_no_object_is_enoent),
	PARITY_CASE(attach_to_a_fault_object_is_invalid),
	PARITY_CASE(failed_replace_keeps_what_was),
	PARITY_CASE(replace_goes_to_and_from_a_hwpt),
	PARITY_CASE(detach_twice_is_fine),
	PARITY_CASE(bind_twice_is_invalid),
	PARITY_CASE(destroy_while_in_use_is_busy),
	PARITY_CASE(destroy_of_a_fault_object_waits_for_its_descriptor_and_hwpt),
	PARITY_CASE(pasid_needs_a_hwpt_made_for_it),
	PARITY_CASE(pasid_needs_the_device_to_have_such_a_hwpt_too),
	PARITY_CASE(pasid_attaches_without_the_device),
	PARITY_CASE(pasids_come_and_go_on_their_own),
	PARITY_CASE(close_of_the_device_detaches_its_pasids),
	PARITY_CASE(hw_info_with_unknown_flags_is_not_supported),
	PARITY_CASE(hw_info_fills_what_it_does_not_know_with_zeros),
	PARITY_CASE(option_set_of_an_unknown_option_is_not_supported),
	PARITY_CASE(option_rlimit_mode_cannot_change_once_there_are_objects),
	PARITY_CASE(option_rlimit_mode_needs_a_capability_to_be_set),
};
const size_t parity_nr_attach_cases = sizeof(parity_attach_cases) / sizeof(parity_attach_cases[0]);

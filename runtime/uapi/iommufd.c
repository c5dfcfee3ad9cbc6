/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "iommufd.h"

#include <fcntl.h>

#include "svart_config.h"

#if SVART_HAVE_HWPT_PASID
_Static_assert((unsigned int)IOMMU_HWPT_ALLOC_PASID == SVART_HWPT_ALLOC_PASID, "same bit");
#endif

int svart_iommufd_open(struct svart_machine *m)
{
	return m->ops->open(m, "/dev/iommu", O_RDWR);
}

int svart_iommufd_destroy(struct svart_machine *m, int fd, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return m->ops->ioctl(m, fd, IOMMU_DESTROY, &cmd);
}

int svart_iommufd_ioas_alloc(struct svart_machine *m, int fd, uint32_t *ioas_id)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int rc = m->ops->ioctl(m, fd, IOMMU_IOAS_ALLOC, &cmd);

	if (rc == 0)
		*ioas_id = cmd.out_ioas_id;
	return rc;
}

int svart_iommufd_ioas_iova_ranges(struct svart_machine *m, int fd, uint32_t ioas_id,
	struct iommu_iova_range *ranges, uint32_t *nr_ranges, uint64_t *alignment)
{
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.num_iovas = *nr_ranges,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int rc = m->ops->ioctl(m, fd, IOMMU_IOAS_IOVA_RANGES, &cmd);

	*nr_ranges = cmd.num_iovas;
	if (rc == 0)
		*alignment = cmd.out_iova_alignment;
	return rc;
}

int svart_iommufd_ioas_map(struct svart_machine *m, int fd, uint32_t ioas_id, uint64_t iova,
	uint64_t va, uint64_t len, bool writable)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (writable ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = ioas_id,
		.user_va = va,
		.length = len,
		.iova = iova,
	};

	return m->ops->ioctl(m, fd, IOMMU_IOAS_MAP, &cmd);
}

int svart_iommufd_ioas_map_identity(
	struct svart_machine *m, int fd, uint32_t ioas_id, uint64_t va, uint64_t len, bool writable)
{
	return svart_iommufd_ioas_map(m, fd, ioas_id, va, va, len, writable);
}

int svart_iommufd_ioas_unmap(struct svart_machine *m, int fd, uint32_t ioas_id, uint64_t iova,
	uint64_t len, uint64_t *unmapped)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = len,
	};
	int rc = m->ops->ioctl(m, fd, IOMMU_IOAS_UNMAP, &cmd);

	if (rc == 0 && unmapped != NULL)
		*unmapped = cmd.length;
	return rc;
}

int svart_iommufd_hwpt_alloc(struct svart_machine *m, int fd, uint32_t dev_id, uint32_t pt_id,
	uint32_t flags, uint32_t fault_id, uint32_t *hwpt_id)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev_id,
		.pt_id = pt_id,
		.data_type = IOMMU_HWPT_DATA_NONE,
		.fault_id = fault_id,
	};
	int rc = m->ops->ioctl(m, fd, IOMMU_HWPT_ALLOC, &cmd);

	if (rc == 0)
		*hwpt_id = cmd.out_hwpt_id;
	return rc;
}

int svart_iommufd_fault_queue_alloc(
	struct svart_machine *m, int fd, uint32_t *fault_id, int *fault_fd)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	int rc = m->ops->ioctl(m, fd, IOMMU_FAULT_QUEUE_ALLOC, &cmd);

	if (rc == 0) {
		*fault_id = cmd.out_fault_id;
		*fault_fd = (int)cmd.out_fault_fd;
	}
	return rc;
}

int svart_iommufd_get_hw_info(struct svart_machine *m, int fd, uint32_t dev_id, void *data,
	uint32_t len, uint32_t *data_type, uint64_t *capabilities, uint8_t *max_pasid_log2)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
	};
	int rc = m->ops->ioctl(m, fd, IOMMU_GET_HW_INFO, &cmd);

	if (rc != 0)
		return rc;
	*data_type = cmd.out_data_type;
	*capabilities = cmd.out_capabilities;
	*max_pasid_log2 = cmd.out_max_pasid_log2; /* 0 before Linux 6.16 */
	return 0;
}

int svart_iommufd_option_set(
	struct svart_machine *m, int fd, uint32_t option, uint32_t object_id, uint64_t value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = object_id,
		.val64 = value,
	};

	return m->ops->ioctl(m, fd, IOMMU_OPTION, &cmd);
}

int svart_iommufd_option_get(
	struct svart_machine *m, int fd, uint32_t option, uint32_t object_id, uint64_t *value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = IOMMU_OPTION_OP_GET,
		.object_id = object_id,
	};
	int rc = m->ops->ioctl(m, fd, IOMMU_OPTION, &cmd);

	if (rc == 0)
		*value = cmd.val64;
	return rc;
}

ssize_t svart_iommufd_fault_read(
	struct svart_machine *m, int fault_fd, struct iommu_hwpt_pgfault *records, size_t nr)
{
	ssize_t n = m->ops->read(m, fault_fd, records, nr * sizeof(*records));

	return n < 0 ? n : n / (ssize_t)sizeof(*records);
}

ssize_t svart_iommufd_fault_write(struct svart_machine *m, int fault_fd,
	const struct iommu_hwpt_page_response *answers, size_t nr)
{
	ssize_t n = m->ops->write(m, fault_fd, answers, nr * sizeof(*answers));

	return n < 0 ? n : n / (ssize_t)sizeof(*answers);
}

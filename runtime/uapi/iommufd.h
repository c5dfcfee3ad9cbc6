/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_UAPI_IOMMUFD_H
#define SVART_UAPI_IOMMUFD_H

/**
 * @file
 * One thin function for each call of linux/iommufd.h. They return 0 or -errno as the kernel gave it
 * and decide nothing. `fd` is an open /dev/iommu. Any thread; each may block as its ioctl does.
 */

#include <stdint.h>
#include <sys/types.h>

#include <linux/iommufd.h>

#include "machine.h"

/**
 * IOMMU_HWPT_ALLOC_PASID of linux/iommufd.h since Linux 6.16, written down so that a program built
 * with older headers can ask a newer kernel: the page table may be attached by PASID.
 */
#define SVART_HWPT_ALLOC_PASID (1u << 3)

/** Opens /dev/iommu. @return the fd or -errno. */
int svart_iommufd_open(struct svart_machine *m);
int svart_iommufd_destroy(struct svart_machine *m, int fd, uint32_t id);

int svart_iommufd_ioas_alloc(struct svart_machine *m, int fd, uint32_t *ioas_id);
/**
 * Reads the usable ranges of an IOAS.
 * @param ranges out: array[*nr_ranges].
 * @param nr_ranges in: room; out: how many there are, also with -EMSGSIZE (the room is too small).
 */
int svart_iommufd_ioas_iova_ranges(struct svart_machine *m, int fd, uint32_t ioas_id,
	struct iommu_iova_range *ranges, uint32_t *nr_ranges, uint64_t *alignment);
/** Maps [va, va + len) at IOVA va. @param writable whether devices may write. */
int svart_iommufd_ioas_map_identity(struct svart_machine *m, int fd, uint32_t ioas_id, uint64_t va,
	uint64_t len, bool writable);
/** Maps [va, va + len) at iova. */
int svart_iommufd_ioas_map(struct svart_machine *m, int fd, uint32_t ioas_id, uint64_t iova,
	uint64_t va, uint64_t len, bool writable);
/** Unmaps [iova, iova + len). @param unmapped out: bytes unmapped, may be NULL. */
int svart_iommufd_ioas_unmap(struct svart_machine *m, int fd, uint32_t ioas_id, uint64_t iova,
	uint64_t len, uint64_t *unmapped);

/** @param flags IOMMU_HWPT_ALLOC_*; @param fault_id used with IOMMU_HWPT_FAULT_ID_VALID. */
int svart_iommufd_hwpt_alloc(struct svart_machine *m, int fd, uint32_t dev_id, uint32_t pt_id,
	uint32_t flags, uint32_t fault_id, uint32_t *hwpt_id);
int svart_iommufd_fault_queue_alloc(
	struct svart_machine *m, int fd, uint32_t *fault_id, int *fault_fd);
/** @param data out: len bytes of type-specific data, may be NULL with len 0. */
int svart_iommufd_get_hw_info(struct svart_machine *m, int fd, uint32_t dev_id, void *data,
	uint32_t len, uint32_t *data_type, uint64_t *capabilities, uint8_t *max_pasid_log2);
/** Sets the value of an option of the context or of an object (IOMMU_OPTION). */
int svart_iommufd_option_set(
	struct svart_machine *m, int fd, uint32_t option, uint32_t object_id, uint64_t value);
int svart_iommufd_option_get(
	struct svart_machine *m, int fd, uint32_t option, uint32_t object_id, uint64_t *value);

/** Reads whole groups of page requests. @return records read, or -errno. */
ssize_t svart_iommufd_fault_read(
	struct svart_machine *m, int fault_fd, struct iommu_hwpt_pgfault *records, size_t nr);
/** Writes answers. @return how many were taken, or -errno if none was. */
ssize_t svart_iommufd_fault_write(struct svart_machine *m, int fault_fd,
	const struct iommu_hwpt_page_response *answers, size_t nr);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_MOCK_H
#define SVART_TEST_MOCK_H

/**
 * @file
 * The kernel's mock IOMMU device (CONFIG_IOMMUFD_TEST). Its ioctl is not in the uAPI headers; the
 * layouts below were written down from drivers/iommu/iommufd/iommufd_test.h of Linux 7.2.
 *
 * All return 0 or -errno as the kernel gave it. `fd` is an open /dev/iommu.
 */

#include <stdint.h>

#include "machine.h"

/** What the mock's page tables can map. */
#define MOCK_APERTURE_FIRST (UINT64_C(1) << 24)
#define MOCK_APERTURE_LAST  ((UINT64_C(1) << 31) - 1)

/** A mock device that is bound and attached. Owner, lifetime: its creator. Locks: none. */
struct mock_device {
	uint32_t mock_id; /**< The mock object: detaching and unbinding is destroying it. */
	uint32_t hwpt_id; /**< What it is attached to, made by the kernel if an IOAS was named. */
	uint32_t dev_id;  /**< The iommufd device. */
};

/** Makes a device that can have PASIDs, binds it, and attaches it to an IOAS or HWPT. */
int mock_device_create(struct svart_machine *m, int fd, uint32_t pt_id, struct mock_device *dev);
int mock_device_destroy(struct svart_machine *m, int fd, const struct mock_device *dev);
/** Attaches to another IOAS or HWPT. */
int mock_replace(struct svart_machine *m, int fd, const struct mock_device *dev, uint32_t pt_id);
int mock_attach_pasid(struct svart_machine *m, int fd, const struct mock_device *dev,
	uint32_t pasid, uint32_t pt_id);
/** Attaches an attached PASID to another HWPT. */
int mock_replace_pasid(struct svart_machine *m, int fd, const struct mock_device *dev,
	uint32_t pasid, uint32_t pt_id);
int mock_detach_pasid(
	struct svart_machine *m, int fd, const struct mock_device *dev, uint32_t pasid);
/**
 * Reports a page request, always the last of its group. pasid 0 means none.
 * @return 0 also when nobody takes the request.
 */
int mock_trigger(struct svart_machine *m, int fd, const struct mock_device *dev, uint32_t pasid,
	uint32_t grpid, uint32_t perm, uint64_t addr);
/** @return 0 if the mock's page table of hwpt_id maps [iova, iova + len) to the pages of va. */
int mock_check_map(struct svart_machine *m, int fd, uint32_t hwpt_id, uint64_t iova, uint64_t len,
	const void *va);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_IOMMU_UNIT_H
#define SVART_IOMMU_UNIT_H

/**
 * @file
 * The file by which a machine gives a process the raw fault queues of the IOMMU before one device.
 *
 * No Linux has this: the kernel keeps the queues to itself, and opening the file gives ENOENT. It is
 * what a kernel that gave them away could look like, kept as close to VFIO as can be, and the software
 * machine has it. One unit serves one function, as the root complex of a DSA has a DRHD of its own.
 *
 *  - open("/dev/svart-iommu/0000:6a:01.0", O_RDWR): once at a time, else EBUSY. While it is open page
 *    requests of the device go to the queues and to no iommufd fault object.
 *  - ioctl(SVART_IOMMU_UNIT_GET_INFO, struct svart_iommu_unit_info *): EINVAL argsz too small.
 *  - mmap(offset 0, info.bytes): the registers (vtd_spec.h, smmu_spec.h), reached by the machine's
 *    register calls only.
 *  - The queues are memory of the process: registers that take an address take its VA, page-aligned.
 *  - poll(): POLLIN while an interrupt of the unit was raised and not read; read() of 8 bytes takes it
 *    back, EAGAIN if there is none.
 *  - close(): queues are disabled, as by reset; what the device still waits for is answered as a
 *    unit with no queue does it: INVALID (ABORT).
 */

#include <stdint.h>

#include <linux/ioctl.h>

#define SVART_IOMMU_UNIT_DIR "/dev/svart-iommu/"

/** What a unit is. */
enum svart_iommu_unit_kind {
	SVART_IOMMU_UNIT_VTD = 1,  /**< vtd_spec.h: page request queue, invalidation queue. */
	SVART_IOMMU_UNIT_SMMU = 2, /**< smmu_spec.h: event queue, PRI queue, command queue. */
};

/** Answer of SVART_IOMMU_UNIT_GET_INFO. */
struct svart_iommu_unit_info {
	uint32_t argsz; /**< In: size of this. */
	uint32_t kind;  /**< enum svart_iommu_unit_kind. */
	/** How the unit names the device: PCI RequesterID (bus << 8 | devfn), or StreamID: the same. */
	uint32_t requester_id;
	uint32_t reserved;
	uint64_t bytes; /**< Of the registers. */
};

#define SVART_IOMMU_UNIT_GET_INFO _IO('s', 0x56)

#endif

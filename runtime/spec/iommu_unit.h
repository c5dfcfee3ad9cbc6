/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_IOMMU_UNIT_H
#define SVART_IOMMU_UNIT_H

/**
 * @file
 * The file by which a machine gives a process the raw fault queues of the IOMMU before one device.
 *
 * No Linux has this file: the kernel keeps the queues to itself, and opening the file gives ENOENT. It shows
 * what a kernel that gave them away could look like, as close to VFIO as possible, and the software
 * machine has it. One unit serves one function, as the root complex of a DSA has a DRHD of its own.
 *
 *  - open("/dev/svart-iommu/0000:6a:01.0", O_RDWR): once at a time, else EBUSY. While it is open, page
 *    requests of the device go to the queues and not to an iommufd fault object.
 *  - ioctl(SVART_IOMMU_UNIT_GET_INFO, struct svart_iommu_unit_info *): EINVAL argsz too small.
 *  - mmap(offset 0, info.bytes): the registers (vtd_spec.h, smmu_spec.h), which only the machine's
 *    register calls reach.
 *  - The queues are memory of the process: registers that take an address take its VA, page-aligned.
 *  - poll(): POLLIN while an interrupt of the unit was raised and not read; read() of 8 bytes takes it
 *    back, or gives EAGAIN if there is none.
 *  - close(): queues are disabled, as by reset; requests that the device still waits for are answered as a
 *    unit with no queue answers them: INVALID (ABORT).
 */

#include <stdint.h>

#include <linux/ioctl.h>

#define SVART_IOMMU_UNIT_DIR "/dev/svart-iommu/"

/** The kinds of unit. */
enum svart_iommu_unit_kind {
	SVART_IOMMU_UNIT_VTD = 1,  /**< vtd_spec.h: page request queue, invalidation queue. */
	SVART_IOMMU_UNIT_SMMU = 2, /**< smmu_spec.h: event queue, PRI queue, command queue. */
};

/** Answer of SVART_IOMMU_UNIT_GET_INFO. */
struct svart_iommu_unit_info {
	uint32_t argsz; /**< In: size of this struct. */
	uint32_t kind;  /**< enum svart_iommu_unit_kind. */
	/**
	 * The unit's name of the device: the PCI RequesterID (bus << 8 | devfn); the StreamID is the same.
	 */
	uint32_t requester_id;
	uint32_t reserved;
	uint64_t bytes; /**< Bytes of the registers. */
};

#define SVART_IOMMU_UNIT_GET_INFO _IO('s', 0x56)

#endif

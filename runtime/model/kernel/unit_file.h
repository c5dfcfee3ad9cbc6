/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_UNIT_FILE_H
#define SVART_MODEL_UNIT_FILE_H

/**
 * @file
 * The file of a raw IOMMU unit (unit.h): open, info, mmap, interrupt, close. iommu_unit.h has its ABI.
 */

struct svart_kernel_device;

/**
 * Opens the unit's file. No lock held.
 * @return a descriptor, -EBUSY, -ENOENT the device has no unit, -errno.
 */
int svart_unit_file_open(struct svart_kernel_device *dev);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_ORIGIN_H
#define SVART_MODEL_ORIGIN_H

/**
 * @file
 * With vmas=checked this notes which memory the process had at an address when it was mapped for devices,
 * and tells whether the process still has it. The model accesses memory by its address, and cannot see by
 * itself that there is other memory now; a real device would go on using the old pages.
 *
 * The notes are kept page by page, by process address, in a tree like that of the translations, next to it.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct svart_iommu;
struct svart_iommu_device;
struct svart_iommu_tables;

/**
 * Notes the memory at [va, va + len), which was just pinned and whose area is busy.
 * @param writers the lock of the writers of the tables, which is not held.
 * @return how many bytes from va on are known: 0 without vmas=checked; less than len if the VMAs moved too
 *         much to tell, or memory is short. Pages that are not known are not checked.
 * @thread any. @blocks as svart_vma_find().
 */
uint64_t svart_origin_note(struct svart_iommu *iommu, struct svart_iommu_tables *tables,
	pthread_mutex_t *writers, uint64_t va, uint64_t len);

/**
 * Tells whether somewhere in [addr, addr + len) the process has other memory than when the range was mapped
 * for the device. If there is no memory at all, the access finds that out. It is used only with
 * vmas=checked. @thread the device's, which is locked. @blocks as svart_vma_find().
 */
bool svart_origin_is_stale(struct svart_iommu_device *dev, uint64_t addr, size_t len);

#endif

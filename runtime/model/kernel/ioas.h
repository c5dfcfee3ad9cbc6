/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_IOAS_H
#define SVART_MODEL_IOAS_H

/**
 * @file
 * An IO address space: what IOMMU_IOAS_MAP has mapped at which IOVA, with the rules of the kernel's
 * drivers/iommu/iommufd/io_pagetable.c. Without a HWPT it only remembers areas; the first HWPT has them
 * pinned and entered in the page table, as in the kernel.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/iommufd.h>

#include "area.h"
#include "iobj.h"
#include "iommu_device.h"

struct svart_kernel_device;

/** Last IOVA of a first-stage page table of 4 levels (VT-d: 48 bits less the sign). */
#define SVART_IOAS_LAST_IOVA UINT64_C(0x7fffffffffff)
/**
 * Addresses to which x86 devices send interrupts; nothing may be mapped there
 * (drivers/iommu/intel/iommu.h).
 */
#define SVART_IOAS_MSI_FIRST  UINT64_C(0xfee00000)
#define SVART_IOAS_MSI_LAST   UINT64_C(0xfeefffff)
#define SVART_IOAS_MAX_RANGES 3

/**
 * One IOAS.
 *
 * Owner: its context. Lifetime: IOAS_ALLOC to DESTROY. Locks: see kernel_state.h; hwpts also guards
 * the attaching of devices to automatic HWPTs.
 */
struct svart_ioas {
	struct svart_iobj obj;
	struct svart_kernel *kernel;
	pthread_mutex_t hwpts;
	pthread_rwlock_t domains;
	pthread_mutex_t areas;
	struct svart_iova_area_tree tree; /**< The lock areas guards it. */
	struct svart_iommu_tables tables;
	/** Number of HWPTs. domains guards it; it is changed with areas held too. */
	unsigned int nr_domains;
	unsigned int nr_devices; /**< Devices attached without PASID. areas guards it. */
	bool huge_pages;         /**< IOMMU_OPTION_HUGE_PAGES. areas guards it. */
	/** Id of the HWPT that attaching by IOAS made last. hwpts guards it. */
	uint32_t automatic_id;
};

/**
 * Makes an IOAS and adds it to ctx.
 * @return 0 or -ENOMEM. @param out out: the object, of which the caller has a use.
 */
int svart_ioas_create(struct svart_ictx *ctx, struct svart_ioas **out);

/**
 * Maps [va, va + len) at *iova, or, without IOMMU_IOAS_MAP_FIXED_IOVA, at an address with room.
 * @return 0; -EINVAL, -EOVERFLOW bad range; -EEXIST something is mapped there, or is being mapped; -ENOSPC;
 *         -EFAULT a page is not there, or devices may not have that access; -ENOMEM, also for
 *         RLIMIT_MEMLOCK.
 * @thread any. @blocks for as long as the pages take to come. Meanwhile only domains is held, shared.
 */
int svart_ioas_map(
	struct svart_ioas *ioas, uint64_t *iova, uint64_t va, uint64_t len, uint32_t flags);
/**
 * Unmaps the areas in [first, last], which must lie in the range as a whole. Devices have forgotten them
 * when this returns.
 * @param unmapped out: bytes, also with an error: areas that were unmapped before the error stay so.
 * @return 0; -ENOENT nothing there, or an area reaches beyond the range; -EBUSY one is being mapped.
 */
int svart_ioas_unmap(struct svart_ioas *ioas, uint64_t first, uint64_t last, uint64_t *unmapped);
/**
 * Tells the ranges that may be mapped now.
 * @param out out: array[SVART_IOAS_MAX_RANGES]. @return how many.
 */
unsigned int svart_ioas_ranges(
	struct svart_ioas *ioas, struct iommu_iova_range *out, uint64_t *alignment);
/** Does IOMMU_OPTION_HUGE_PAGES. @return 0, or -EADDRINUSE if an area is not made of whole pages. */
int svart_ioas_huge_pages_set(struct svart_ioas *ioas, bool on);
bool svart_ioas_huge_pages(struct svart_ioas *ioas);

/**
 * Counts one more HWPT; the first one pins and fills.
 * @return 0; -EADDRINUSE an area lies where a HWPT allows none; as svart_ioas_map().
 * @blocks as svart_ioas_map(), and while a MAP or UNMAP runs.
 */
int svart_ioas_domain_add(struct svart_ioas *ioas);
/** Counts one HWPT less; the last one unpins. No device is attached to it any more. */
void svart_ioas_domain_remove(struct svart_ioas *ioas);
/** Counts one more device that is attached without PASID. @return 0, or -EADDRINUSE for the MSI window. */
int svart_ioas_device_add(struct svart_ioas *ioas);
void svart_ioas_device_remove(struct svart_ioas *ioas);
/** Tells whether a device or one of its PASIDs is attached. No device lock held. */
bool svart_ioas_is_attached(const struct svart_ioas *ioas, struct svart_kernel_device *dev);

#endif

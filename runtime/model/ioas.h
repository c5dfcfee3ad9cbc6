/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_IOAS_H
#define SVART_MODEL_IOAS_H

/**
 * @file
 * An IO address space: what IOMMU_IOAS_MAP put at which IOVA, with the rules of the kernel's
 * drivers/iommu/iommufd/io_pagetable.c. Without a HWPT it only remembers areas; the first HWPT has
 * them pinned and entered in the page table, as in the kernel.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/iommufd.h>

#include "area.h"
#include "iobj.h"
#include "pagetable.h"

/** Last IOVA of a first-stage page table of 4 levels (VT-d: 48 bits less the sign). */
#define SVART_IOAS_LAST_IOVA UINT64_C(0x7fffffffffff)
/** Where x86 devices send interrupts: not for mappings (drivers/iommu/intel/iommu.h). */
#define SVART_IOAS_MSI_FIRST  UINT64_C(0xfee00000)
#define SVART_IOAS_MSI_LAST   UINT64_C(0xfeefffff)
#define SVART_IOAS_MAX_RANGES 3

/**
 * One IOAS.
 *
 * Owner: its context. Lifetime: IOAS_ALLOC to DESTROY. Locks: see model_state.h; hwpts also guards
 * the attaching of devices to automatic HWPTs.
 */
struct svart_ioas {
	struct svart_iobj obj;
	struct svart_model *model;
	pthread_mutex_t hwpts;
	pthread_rwlock_t domains;
	pthread_mutex_t areas;
	struct svart_iova_area_tree tree; /**< Under areas. */
	struct svart_pagetable pagetable;
	unsigned int nr_domains; /**< HWPTs. Under domains, and changed under areas too. */
	unsigned int nr_devices; /**< Attached without PASID. Under areas. */
	bool huge_pages;         /**< IOMMU_OPTION_HUGE_PAGES. Under areas. */
	uint32_t automatic_id;   /**< Of the HWPT that attaching by IOAS made last. Under hwpts. */
};

/** @return 0 or -ENOMEM. @param out out: the object, added to ctx; the caller uses it. */
int svart_ioas_create(struct svart_ictx *ctx, struct svart_ioas **out);

/**
 * Maps [va, va + len) at *iova, or, without IOMMU_IOAS_MAP_FIXED_IOVA, where there is room.
 * @return 0; -EINVAL, -EOVERFLOW bad range; -EEXIST something is or is being mapped there; -ENOSPC;
 *         -EFAULT a page is not there or devices may not have it so; -ENOMEM, also for
 *         RLIMIT_MEMLOCK.
 * @thread any. @blocks for as long as the pages take to come. Only domains is held meanwhile, shared.
 */
int svart_ioas_map(
	struct svart_ioas *ioas, uint64_t *iova, uint64_t va, uint64_t len, uint32_t flags);
/**
 * Unmaps the areas in [first, last], which must be there whole. Devices have forgotten them when this
 * returns.
 * @param unmapped out: bytes, also with an error: what came before it stays unmapped.
 * @return 0; -ENOENT nothing there, or an area reaches beyond the range; -EBUSY one is being mapped.
 */
int svart_ioas_unmap(struct svart_ioas *ioas, uint64_t first, uint64_t last, uint64_t *unmapped);
/** What may be mapped now. @param out out: array[SVART_IOAS_MAX_RANGES]. @return how many. */
unsigned int svart_ioas_ranges(
	struct svart_ioas *ioas, struct iommu_iova_range *out, uint64_t *alignment);
/** IOMMU_OPTION_HUGE_PAGES. @return 0, or -EADDRINUSE: an area is not made of whole pages. */
int svart_ioas_huge_pages_set(struct svart_ioas *ioas, bool on);
bool svart_ioas_huge_pages(struct svart_ioas *ioas);

/**
 * One more HWPT; the first pins and fills.
 * @return 0; -EADDRINUSE an area lies where a HWPT has none; as svart_ioas_map().
 * @blocks as svart_ioas_map(), and while a MAP or UNMAP runs.
 */
int svart_ioas_domain_add(struct svart_ioas *ioas);
/** One HWPT less; the last unpins. No device is attached to it any more. */
void svart_ioas_domain_remove(struct svart_ioas *ioas);
/** One more device attached without PASID. @return 0, or -EADDRINUSE for the MSI window. */
int svart_ioas_device_add(struct svart_ioas *ioas);
void svart_ioas_device_remove(struct svart_ioas *ioas);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_HWPT_H
#define SVART_MODEL_HWPT_H

/**
 * @file
 * Hardware page tables, which devices and PASIDs are attached to, with the rules of the kernel's
 * drivers/iommu/iommufd/{hw_pagetable,device}.c. Each device is an IOMMU group of its own.
 */

#include <stdbool.h>
#include <stdint.h>

#include "iobj.h"

struct svart_model_fault;
struct svart_ioas;
struct svart_kernel_device;

/** Flag of Linux 6.15 for use with PASIDs; linux/iommufd.h of 6.12 lacks it. */
#define SVART_HWPT_ALLOC_PASID (1U << 3)

/**
 * One HWPT. Its page table is the IOAS's, because all HWPTs of an IOAS hold the same.
 *
 * Owner: its context. Lifetime: HWPT_ALLOC, or attaching by IOAS, to DESTROY, or the last detach.
 * Locks: constant.
 */
struct svart_hwpt {
	struct svart_iobj obj;
	struct svart_ioas *ioas;
	/** Taker of page requests; NULL: they are answered INVALID. */
	struct svart_model_fault *fault;
	bool for_pasid;
	bool automatic; /**< It was made by attaching to the IOAS, and is destroyed with its last device. */
};

/** The device object that BIND makes: only an id for ioctls. Owner: the binding. Locks: constant. */
struct svart_iobj_device {
	struct svart_iobj obj;
	struct svart_kernel_device *dev;
};

/**
 * Makes a HWPT of an IOAS.
 * @param fault may be NULL; it gets a use. @param out out: the HWPT, of which the caller has a use.
 * @return 0, or as svart_ioas_domain_add().
 * @blocks as svart_ioas_domain_add().
 */
int svart_hwpt_create(struct svart_ioas *ioas, struct svart_model_fault *fault, bool for_pasid,
	bool automatic, struct svart_hwpt **out);

/**
 * Attaches a device or one of its PASIDs, in place of its present attachment.
 * @param pasid or SVART_BUS_NO_PASID. @param pt_id in: an IOAS or HWPT; out: the HWPT.
 * @return 0; -ENOENT no such object; -EINVAL wrong kind, or not for PASIDs; -ENODEV a fault object, but
 *         the device has no page requests; -EADDRINUSE; as svart_ioas_domain_add().
 * @thread holds the device's control lock.
 */
int svart_hwpt_attach(
	struct svart_ictx *ctx, struct svart_kernel_device *dev, uint32_t pasid, uint32_t *pt_id);
/** Detaches a device or one of its PASIDs; does nothing if it is not attached. As svart_hwpt_attach(). */
void svart_hwpt_detach(struct svart_kernel_device *dev, uint32_t pasid);
/** Detaches a device and all its PASIDs. As svart_hwpt_attach(). */
void svart_hwpt_detach_all(struct svart_kernel_device *dev);

#endif

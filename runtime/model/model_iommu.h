/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_IOMMU_H
#define SVART_MODEL_IOMMU_H

/**
 * @file
 * The IOMMU as a device meets it: which page table each of its PASIDs has, translation, access to
 * memory; page requests are model_prg.h's. It is the in-process bus of bus.h.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "model_prg.h"

struct svart_hwpt;
struct svart_ioas;
struct svart_model_device;

/** What a PASID is attached to. Owner: its port. Lifetime: attach to detach. Locks: device. */
struct svart_iommu_attachment {
	uint32_t pasid; /**< SVART_BUS_NO_PASID: the device itself. */
	struct svart_hwpt *hwpt;
	struct svart_iommu_attachment *next;
};

/**
 * A device's side of the IOMMU.
 *
 * Owner: its device. Lifetime: the device's. Locks: the device lock.
 */
struct svart_iommu_port {
	struct svart_iommu_attachment *attachments;
	uint32_t dev_id; /**< Of the iommufd object, while bound. */
	struct svart_prg_port requests;
};

extern const struct svart_bus_ops svart_iommu_bus_ops;

/** @return what the PASID is attached to, or NULL. The device lock is held. */
struct svart_iommu_attachment *svart_iommu_find(struct svart_model_device *dev, uint32_t pasid);
/**
 * Attaches a PASID to fresh->hwpt in place of what it has, or, with NULL, to nothing. Page requests
 * under the old one are answered INVALID, but for those on a raw queue, and the device forgets its translations before this returns.
 * @return the old attachment, which is the caller's now, or NULL. No lock held but control.
 */
struct svart_iommu_attachment *svart_iommu_switch(
	struct svart_model_device *dev, uint32_t pasid, struct svart_iommu_attachment *fresh);
/** Before a reset: ends every group and invalidates all translations. The device lock is held. */
void svart_iommu_flush(struct svart_model_device *dev);

/**
 * Has every device that is attached to the IOAS forget [iova, iova + len). No device reaches the
 * range when it returns, if its entries were cleared before. No device lock held.
 */
void svart_iommu_invalidate(struct svart_ioas *ioas, uint64_t iova, uint64_t len);

#endif

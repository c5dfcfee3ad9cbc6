/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_IOMMU_DEVICE_H
#define SVART_MODEL_IOMMU_DEVICE_H

/**
 * @file
 * A device as its IOMMU sees it: the tables of each of its PASIDs, translation, access to memory. It is the
 * in-process bus of bus.h; prg.h has the page requests.
 *
 * This room knows page tables and raw queues, but no kernel. The layer above fills the page tables, and
 * gives function tables for the taker of groups of page requests (struct svart_prg_sink) and for what may
 * go wrong on their way (struct svart_prg_way).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "model_engine.h"
#include "pagetable.h"
#include "prg.h"
#include "seed.h"

struct svart_unit;
struct svart_unit_ops;
struct svart_vma_reader;

/**
 * What the IOMMUs of a machine share.
 *
 * Owner: the machine. Lifetime: the machine's. Locks: atomics and constants; the seed has its own.
 */
struct svart_iommu {
	struct svart_seed *seed;
	struct svart_vma_reader *vmas;
	bool check_vmas; /**< vmas=checked is given: see origin.h. */
	/* Counters as in svart_model_stats. */
	_Atomic uint64_t stale_accesses;
	_Atomic uint64_t dmar_faults;
	_Atomic uint64_t bad_answers;
	_Atomic uint64_t late_answers;
};

/**
 * The page tables that a PASID sees. Owner: the structure that embeds it. Locks: writers hold a lock of the
 * owner; for walkers see pagetable.h.
 */
struct svart_iommu_tables {
	struct svart_pagetable pages;
	struct svart_pagetable origins; /**< Origins by process address: origin.h. */
};

/** What a PASID is attached to. Owner: its device. Lifetime: attach to detach. Locks: device. */
struct svart_iommu_attachment {
	uint32_t pasid; /**< SVART_BUS_NO_PASID: the device itself. */
	const struct svart_iommu_tables *tables;
	/** Taker of its groups; NULL: page requests are answered INVALID. */
	struct svart_prg_sink *sink;
	struct svart_iommu_attachment *next;
};

/**
 * A device.
 *
 * Owner: the structure that embeds it. Lifetime: the machine's. Locks: the first part is constant; the
 * device lock, which is the engine's, guards the rest; the two flags may be read without it.
 */
struct svart_iommu_device {
	struct svart_bus bus; /**< It is first, so that the device model's handle leads here. */
	const struct svart_device_model *type;
	void *priv; /**< The device model's. */
	struct svart_iommu *iommu;
	/** Takes an MSI-X message. The device lock is held. */
	void (*interrupt)(struct svart_iommu_device *dev, unsigned int vector);
	struct svart_prg_way *way; /**< NULL: nothing goes wrong. */

	const struct svart_unit_ops *unit_ops; /**< Kind of the IOMMU in front of it. */
	struct svart_unit *unit;               /**< NULL: the device has no page requests. */
	uint32_t requester_id;                 /**< Its id for the unit: bus << 8 | devfn. */
	unsigned int private_percent; /**< Percent of raw requests that have private data. */

	atomic_bool bus_master; /**< Command register: the device may act. */
	atomic_bool removed;    /**< It is unplugged: it does nothing and answers nothing. */
	struct svart_engine engine;
	struct svart_iommu_attachment *attachments;
	struct svart_prg_port requests;
};

/**
 * Makes the parts of a device. All of it is zero except type, iommu, interrupt, way, unit_ops,
 * requester_id, private_percent, and the engine, which was initialised.
 * @return 0 or -ENOMEM; the caller must call svart_iommu_device_fini() in any case.
 */
int svart_iommu_device_init(struct svart_iommu_device *dev);
void svart_iommu_device_fini(struct svart_iommu_device *dev);

/** @return the attachment of the PASID, or NULL. The device lock is held. */
struct svart_iommu_attachment *svart_iommu_find(struct svart_iommu_device *dev, uint32_t pasid);
/**
 * Replaces the attachment of a PASID by fresh, or detaches it if fresh is NULL. Page requests under the old
 * attachment are answered INVALID, except those on a raw queue, and the device forgets its translations
 * before this returns.
 * @return the old attachment, which the caller owns now, or NULL.
 * @thread one of the device at a time, without the device lock.
 */
struct svart_iommu_attachment *svart_iommu_switch(
	struct svart_iommu_device *dev, uint32_t pasid, struct svart_iommu_attachment *fresh);
/**
 * Has the device forget [iova, iova + len) of all PASIDs with these tables. When this returns the device
 * does not reach the range, if the entries were cleared before. No device lock held.
 */
void svart_iommu_invalidate(struct svart_iommu_device *dev, const struct svart_iommu_tables *tables,
	uint64_t iova, uint64_t len);
/**
 * Does a function level reset: page requests are answered INVALID, or forgotten if raw; translations and
 * the device's own state are forgotten. The device lock is held.
 */
void svart_iommu_device_reset(struct svart_iommu_device *dev);

static inline bool svart_iommu_device_is_removed(struct svart_iommu_device *dev)
{
	return atomic_load_explicit(&dev->removed, memory_order_relaxed);
}

#endif

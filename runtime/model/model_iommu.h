/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_IOMMU_H
#define SVART_MODEL_IOMMU_H

/**
 * @file
 * The IOMMU as a device meets it: which page table each of its PASIDs has, translation, page requests
 * and their answers, access to memory. It is the in-process bus of bus.h.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bus.h"
#include "fault_queue.h"

struct svart_hwpt;
struct svart_ioas;
struct svart_model_device;

/** PRG indices have 9 bits (PCIe 6.0, 10.4.1). */
#define SVART_IOMMU_NR_PRGI 512

/** One page request. Owner: its device's pool. Lifetime: until its group is answered. Locks: device. */
struct svart_prg_record {
	uint64_t addr;
	uint32_t perm; /**< enum iommu_hwpt_pgfault_perm. */
	struct svart_prg_record *next;
};

/** Where a group is. partial -> queued -> held -> idle; any -> idle. */
enum svart_prg_state {
	SVART_PRG_IDLE,    /**< In the pool. */
	SVART_PRG_PARTIAL, /**< No LAST yet. */
	SVART_PRG_QUEUED,  /**< On its fault object. */
	SVART_PRG_HELD,    /**< Read; its cookie is out. */
};

/**
 * A page request group.
 *
 * Owner: its device. Lifetime: first request to answer. Locks: the device lock. Once delivered, state,
 * cookie and deliver_link have the fault object's lock instead, fault changes under both, and the rest
 * is constant.
 */
struct svart_prg {
	struct svart_model_device *dev;
	uint32_t pasid; /**< Or SVART_BUS_NO_PASID. */
	uint16_t prgi;
	bool bad; /**< Holds a request that the IOMMU does not pass on. */
	enum svart_prg_state state;
	uint32_t dev_id; /**< The device object's id. */
	uint32_t nr_records;
	struct svart_prg_record *first, **end;
	struct svart_model_fault *fault; /**< NULL: not delivered. */
	uint32_t cookie;
	struct svart_prg *next_partial; /**< Same PRG index, other PASID. */
	TAILQ_ENTRY(svart_prg) open_link;
	TAILQ_ENTRY(svart_prg) deliver_link;
};

/** What a PASID is attached to. Owner: its port. Lifetime: attach to detach. Locks: device. */
struct svart_iommu_attachment {
	uint32_t pasid; /**< SVART_BUS_NO_PASID: the device itself. */
	struct svart_hwpt *hwpt;
	struct svart_iommu_attachment *next;
};

/**
 * A device's side of the IOMMU. The pools hold as many records and groups as the device may have page
 * requests outstanding, so that faulting allocates nothing.
 *
 * Owner: its device. Lifetime: the device's. Locks: the device lock.
 */
struct svart_iommu_port {
	struct svart_iommu_attachment *attachments;
	uint32_t dev_id;      /**< Of the iommufd object, while bound. */
	uint32_t outstanding; /**< Page requests that are not answered. */
	struct svart_prg_record *record_pool, *free_records;
	struct svart_prg *group_pool;
	struct svart_prg_list free_groups; /**< By open_link. */
	struct svart_prg_list open;        /**< All others. */
	struct svart_prg *partial[SVART_IOMMU_NR_PRGI];
};

extern const struct svart_bus_ops svart_iommu_bus_ops;

/** @return 0 or -ENOMEM. */
int svart_iommu_port_init(struct svart_model_device *dev);
void svart_iommu_port_fini(struct svart_model_device *dev);

/** @return what the PASID is attached to, or NULL. The device lock is held. */
struct svart_iommu_attachment *svart_iommu_find(struct svart_model_device *dev, uint32_t pasid);
/**
 * Attaches a PASID to fresh->hwpt in place of what it has, or, with NULL, to nothing. Page requests
 * under the old one are answered INVALID and the device forgets its translations before this returns.
 * @return the old attachment, which is the caller's now, or NULL. No lock held but control.
 */
struct svart_iommu_attachment *svart_iommu_switch(
	struct svart_model_device *dev, uint32_t pasid, struct svart_iommu_attachment *fresh);
/** Answers every group INVALID and invalidates all translations. The device lock is held. */
void svart_iommu_flush(struct svart_model_device *dev);
/** Answers a group that is on no fault object any more. The device lock is held. */
void svart_iommu_answer(struct svart_prg *group, enum svart_bus_prg_response code);

/**
 * Has every device that is attached to the IOAS forget [iova, iova + len). No device reaches the
 * range when it returns, if its entries were cleared before. No device lock held.
 */
void svart_iommu_invalidate(struct svart_ioas *ioas, uint64_t iova, uint64_t len);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_UNIT_H
#define SVART_MODEL_UNIT_H

/**
 * @file
 * A raw IOMMU unit: the fault queues of the IOMMU before one device, as registers and rings that the
 * process owns (iommu_unit.h has the file's ABI).
 *
 *     unit.c       the file: open, info, mmap, interrupt, close
 *     unit_vtd.c   VT-d: page request queue, invalidation queue (vtd_spec.h)
 *     unit_smmu.c  SMMUv3: event queue with stalls, PRI queue, command queue (smmu_spec.h)
 *
 * While the file is open the device's page requests come here, record by record, and not to a fault
 * object of iommufd; the port (model_prg.c) keeps the group, to match the answers that come back.
 * Rings are memory of the process, reached by guard.h only: an address that is not there disables the
 * queue and never crashes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "iommu_unit.h"

struct svart_model_device;
struct svart_unit;

/** What happens to a stalled transaction (SMMUv3 4.6.1). */
enum svart_unit_resume {
	SVART_UNIT_TERMINATE,
	SVART_UNIT_RETRY,
	SVART_UNIT_ABORT,
};

/** One request as a unit reports it. */
struct svart_unit_request {
	struct svart_bus_page_request page;
	bool has_private; /**< VT-d: with private data, so that it is owed an answer, with them. */
	uint64_t private_data[2];
	uint16_t stag; /**< SMMU with stalls: names the stalled transaction. */
};

/** What a kind of unit is. All calls with the device lock held, but create and destroy. */
struct svart_unit_ops {
	enum svart_iommu_unit_kind kind;
	uint64_t bytes; /**< Of its registers. */
	/** Every request is a transaction of its own that stalls, answered by its STAG. */
	bool stalls;
	/** @return 0 or -ENOMEM. Its registers are as after reset. */
	int (*create)(struct svart_model_device *dev, struct svart_unit **out);
	void (*destroy)(struct svart_unit *unit);
	/** Registers as after reset; queues forgotten. */
	void (*reset)(struct svart_unit *unit);
	/** size 4 or 8, aligned; what no register takes reads 0, writes nothing. */
	uint64_t (*read)(struct svart_unit *unit, uint64_t off, unsigned int size);
	void (*write)(struct svart_unit *unit, uint64_t off, unsigned int size, uint64_t value);
	/**
	 * Reports a request.
	 * @return 0: it is in the queue, or waits inside the unit for room in it. -ENODEV: software has
	 * enabled no queue: the port answers INVALID. -EOVERFLOW: dropped for want of room; if it is a
	 * LAST the port answers SUCCESS, so that the device asks again (VT-d 7.4.1, SMMUv3 8.1).
	 */
	int (*report)(struct svart_unit *unit, const struct svart_unit_request *request);
};

extern const struct svart_unit_ops svart_unit_vtd;
extern const struct svart_unit_ops svart_unit_smmu_stall;
extern const struct svart_unit_ops svart_unit_smmu_pri;

/**
 * The common part; kinds embed it first.
 *
 * Owner: its device. Lifetime: the device's. Locks: the device lock.
 */
struct svart_unit {
	const struct svart_unit_ops *ops;
	struct svart_model_device *dev;
	bool opened;   /**< A process has the file. */
	bool squeezed; /**< Injection: the queue takes the next request as if it were full. */
	int event_fd;  /**< Of that file; written by svart_unit_interrupt(). */
};

/* --- unit.c -------------------------------------------------------------------------------------- */

/** Makes dev->unit, if the device has page requests. @return 0 or -ENOMEM. */
int svart_unit_create(struct svart_model_device *dev);
/** Nothing of it is open. */
void svart_unit_destroy(struct svart_model_device *dev);
/** Opens the unit's file. No lock held. @return a descriptor, -EBUSY, -ENOENT the device has no unit, -errno. */
int svart_unit_open(struct svart_model_device *dev);
/** Raises the unit's interrupt: the file is readable until it is read. The device lock is held. */
void svart_unit_interrupt(struct svart_unit *unit);
/** The unit's name of the device: bus << 8 | devfn. */
uint32_t svart_unit_requester_id(const struct svart_unit *unit);

/* --- model_prg.c: what units tell the port. The device lock is held. -------------------------------- */

/**
 * Software answered a group of page requests.
 * @param last         the answer to the group, and to its LAST; else to one request of it.
 * @param private_data that comes back with the answer: what the request carried; NULL: none.
 * @return false: no such group or request waits for an answer. It is counted
 *         (svart_model_stats.bad_answers; late_answers if the device was reset since it asked) and
 *         otherwise ignored, as hardware does.
 */
bool svart_iommu_unit_answer(struct svart_model_device *dev, uint32_t pasid, uint16_t prgi,
	bool last, const uint64_t private_data[2], enum svart_bus_prg_response code);
/** Software resumed a stalled transaction. As above. */
bool svart_iommu_unit_resume(
	struct svart_model_device *dev, uint16_t stag, enum svart_unit_resume how);
/** Software answered what no device of this unit can have asked. Counted (bad_answers). */
void svart_iommu_unit_bad_answer(struct svart_model_device *dev);
/** Ring memory was not there. Counted (svart_model_stats.stale_accesses). */
void svart_iommu_unit_stale_access(struct svart_model_device *dev);

#endif

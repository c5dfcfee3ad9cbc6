/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_UNIT_H
#define SVART_MODEL_UNIT_H

/**
 * @file
 * A raw IOMMU unit: the fault queues of the IOMMU in front of one device, as registers and rings that the
 * process owns. iommu_unit.h has the ABI of their file; the layer above makes the file.
 *
 *     unit.c what all units have unit_vtd.c VT-d: page request queue, invalidation queue (vtd_spec.h)
 *     unit_smmu.c SMMUv3: event queue with stalls, PRI queue, command queue (smmu_spec.h)
 *
 * While the file is open the device's page requests come here, one record at a time, and not to a sink; the
 * port (prg.c) keeps the group, so that it can match the answers that come back. Rings are memory of the
 * process, and only guard.h accesses them: an address that is not there disables the queue and never
 * crashes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "iommu_unit.h"

struct svart_iommu_device;
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
	bool has_private; /**< VT-d: it has private data, so it is owed an answer with the same data. */
	uint64_t private_data[2];
	uint16_t stag; /**< SMMU with stalls: names the stalled transaction. */
};

/** A kind of unit. The device lock is held in all calls except create and destroy. */
struct svart_unit_ops {
	enum svart_iommu_unit_kind kind;
	uint64_t bytes; /**< Size of its registers. */
	/** Every request is a transaction of its own that stalls, answered by its STAG. */
	bool stalls;
	/** Makes a unit, whose registers are as after reset. @return 0 or -ENOMEM. */
	int (*create)(struct svart_iommu_device *dev, struct svart_unit **out);
	void (*destroy)(struct svart_unit *unit);
	/** Sets the registers as after reset, and forgets the queues. */
	void (*reset)(struct svart_unit *unit);
	/**
	 * Read and write a register; size is 4 or 8, and off is aligned. If there is no register, a read
	 * gives 0 and a write does nothing.
	 */
	uint64_t (*read)(struct svart_unit *unit, uint64_t off, unsigned int size);
	void (*write)(struct svart_unit *unit, uint64_t off, unsigned int size, uint64_t value);
	/**
	 * Reports a request.
	 * @return 0: it is in the queue, or waits inside the unit for room in it. -ENODEV: software has
	 * enabled no queue, and the port answers INVALID. -EOVERFLOW: it was dropped because there was no
	 * room; if it is a LAST the port answers SUCCESS, so that the device asks again (VT-d 7.4.1, SMMUv3
	 * 8.1).
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
	struct svart_iommu_device *dev;
	bool opened;   /**< A process has opened the file. */
	bool squeezed; /**< The queue takes the next request as if it were full. */
	int event_fd;  /**< Eventfd of that file; svart_unit_interrupt() writes it. */
};

/* --- unit.c -------------------------------------------------------------------------------------- */

/** Makes dev->unit, if the device has page requests. @return 0 or -ENOMEM. */
int svart_unit_create(struct svart_iommu_device *dev);
/** Frees dev->unit; nothing of it is open. */
void svart_unit_destroy(struct svart_iommu_device *dev);
/** Raises the unit's interrupt: the file is readable until it is read. The device lock is held. */
void svart_unit_interrupt(struct svart_unit *unit);

/* --- prg.c: calls from units to the port. The device lock is held. -------------------------------- */

/**
 * Takes an answer of software to a group of page requests.
 * @param last         whether it answers the group, and its LAST; if not, it answers one request of the
 *                     group.
 * @param private_data private data that comes back with the answer, the same as in the request; NULL: none.
 * @return false if no such group or request waits for an answer. It is counted
 *         (svart_model_stats.bad_answers; late_answers if the device was reset since it asked) and
 *         otherwise ignored, as hardware does.
 */
bool svart_iommu_unit_answer(struct svart_iommu_device *dev, uint32_t pasid, uint16_t prgi,
	bool last, const uint64_t private_data[2], enum svart_bus_prg_response code);
/** Takes software's resume of a stalled transaction. As above. */
bool svart_iommu_unit_resume(
	struct svart_iommu_device *dev, uint16_t stag, enum svart_unit_resume how);
/** Counts an answer to a request that no device of this unit can have sent (bad_answers). */
void svart_iommu_unit_bad_answer(struct svart_iommu_device *dev);
/** Counts an access to ring memory that was not there (svart_model_stats.stale_accesses). */
void svart_iommu_unit_stale_access(struct svart_iommu_device *dev);

#endif

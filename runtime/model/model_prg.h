/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_PRG_H
#define SVART_MODEL_PRG_H

/**
 * @file
 * Page requests: groups of them, on their way from a device to who answers, and back.
 *
 * A device sends requests and gets one response for each group (PCIe 6.0, 10.4). Between the two a
 * group goes one of these ways, which is fixed when it begins:
 *
 *     iommufd, VT-d        whole, once it has its LAST, to the fault object of its PASID
 *     iommufd, SMMU stall  each request is a stalled transaction, and a group of its own (its part)
 *                          on the fault object; the device is answered once all parts were
 *     iommufd, SMMU PRI    nowhere: Linux denies every request
 *     raw                  request by request to the unit (unit.h), which is answered by software
 *
 * What must come back before the device is answered are debts: of the group as a whole, of one request
 * with private data, of one stalled transaction. With the last debt paid, and the LAST seen, the device
 * gets the worst of the answers.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bus.h"
#include "fault_queue.h"

struct svart_model_device;

/** PRG indices have 9 bits (PCIe 6.0, 10.4.1). */
#define SVART_PRG_NR_INDICES 512

/** Pools of a device with injection: its requests, copies of them, and as much again given up twice. */
#define SVART_PRG_SPARE 4

/** What an answer from outside is for. */
enum svart_prg_debt_kind {
	SVART_PRG_DEBT_NONE,
	SVART_PRG_DEBT_GROUP,   /**< A raw group and its LAST, by PASID and index. */
	SVART_PRG_DEBT_PRIVATE, /**< One request of a raw group that is not its LAST. */
	SVART_PRG_DEBT_STALL,   /**< One stalled transaction, by its STAG. */
};

/** An answer that software of a raw unit owes. Owner: what embeds it. Locks: device. */
struct svart_prg_debt {
	enum svart_prg_debt_kind kind;
	uint32_t pasid;
	uint16_t id;              /**< PRG index or STAG. */
	bool has_private;         /**< Then the answer must have the same. */
	uint64_t private_data[2]; /**< 0 if there are none. */
};

/** One page request. Owner: its device's pool. Lifetime: until its group is answered. Locks: device. */
struct svart_prg_record {
	uint64_t addr;
	uint32_t perm; /**< enum iommu_hwpt_pgfault_perm. */
	struct svart_prg *group;
	struct svart_prg_debt debt;
	struct svart_prg_record *next;
};

/** Where a group is on its fault object. idle -> queued -> held -> idle; queued -> idle. */
enum svart_prg_state {
	SVART_PRG_IDLE,   /**< Not delivered. */
	SVART_PRG_QUEUED, /**< On its fault object. */
	SVART_PRG_HELD,   /**< Read; its cookie is out. */
};

/**
 * A page request group, or a part: one stalled request of a group, which is delivered alone.
 *
 * Owner: its device. Lifetime: first request to answer. Locks: the device lock. Once delivered, state,
 * cookie and deliver_link have the fault object's lock instead, fault changes under both, and what the
 * fault object reads is constant: dev, pasid, id, parent, dev_id and the records.
 */
struct svart_prg {
	struct svart_model_device *dev;
	uint32_t pasid;           /**< Or SVART_BUS_NO_PASID. */
	uint16_t id;              /**< PRG index; of a part its STAG. */
	struct svart_prg *parent; /**< Of a part; else NULL. */
	bool raw;
	bool bad;  /**< Holds a request that the kernel does not pass on. */
	bool last; /**< Has its LAST. */
	enum svart_prg_state state;
	uint32_t dev_id; /**< The device object's id. */
	uint32_t nr_records;
	uint32_t nr_uncounted;                 /**< Of these, that take no credit: see inject.h. */
	struct svart_prg_record *first, **end; /**< A part's is in its parent's list. */
	uint32_t nr_owed;                      /**< Answers that are to come. */
	enum svart_bus_prg_response code;      /**< The worst of those that came. */
	struct svart_model_fault *fault;       /**< NULL: not delivered. */
	uint32_t cookie;
	struct svart_prg *next_partial; /**< Same PRG index, other PASID. */
	TAILQ_ENTRY(svart_prg) open_link;
	TAILQ_ENTRY(svart_prg) deliver_link;
};

/**
 * The page requests of a device. The pools hold as many records and groups as the device may have page
 * requests outstanding, and with injection SVART_PRG_SPARE times that, so that faulting allocates
 * nothing.
 *
 * Owner: its device. Lifetime: the device's. Locks: the device lock.
 */
struct svart_prg_port {
	uint32_t outstanding; /**< Page requests that are not answered: credits in use. */
	struct svart_prg_record *record_pool, *free_records;
	struct svart_prg *group_pool;
	struct svart_prg_list free_groups; /**< By open_link. */
	struct svart_prg_list open;        /**< All others; parts after their parents. */
	struct svart_prg *partial[SVART_PRG_NR_INDICES];
	/** What is still owed to a device that was reset: the latest, the oldest first. */
	struct svart_prg_debt *forgotten;
	uint32_t nr_forgotten, room_forgotten;
};

/** @return 0 or -ENOMEM; svart_prg_fini() is due in any case. */
int svart_prg_init(struct svart_model_device *dev);
void svart_prg_fini(struct svart_model_device *dev);

/* All of these have the device lock held. */

/** page_request() of svart_bus_ops. */
int svart_prg_request(struct svart_bus *bus, const struct svart_bus_page_request *request);
/** A request arrives, for which there is a credit. */
void svart_prg_arrive(struct svart_model_device *dev, const struct svart_bus_page_request *request);
/** A copy of a request, which is no LAST, arrives; it takes no credit. */
void svart_prg_arrive_copy(
	struct svart_model_device *dev, const struct svart_bus_page_request *request);
/** The kernel's VT-d queue is full: partial groups and the request are dropped, its LAST answered. */
void svart_prg_overflow(
	struct svart_model_device *dev, const struct svart_bus_page_request *request);
/** A response reaches the device. */
void svart_prg_respond(struct svart_model_device *dev, uint32_t pasid, uint16_t prgi,
	enum svart_bus_prg_response code);
/** The device waits no longer: what it sent of a group stays partial, and its credits are free. */
void svart_prg_give_up(struct svart_model_device *dev, uint32_t pasid, uint16_t prgi);
/** The answer to a group, or part, that is on no fault object any more. */
void svart_prg_answer(struct svart_prg *group, enum svart_bus_prg_response code);
/**
 * A PASID was detached: partial groups are dropped, for their LAST will be answered when it comes, and
 * delivered ones are answered INVALID. Raw groups wait for software's answer; no kernel answers for it.
 */
void svart_prg_detach(struct svart_model_device *dev, uint32_t pasid);
/**
 * The device is about to be reset: as a detach of all. What software owes to raw groups is remembered,
 * for it is not wrong to answer them; the device takes no notice.
 */
void svart_prg_reset(struct svart_model_device *dev);
/** The unit's file was closed: raw groups are answered INVALID. */
void svart_prg_unit_closed(struct svart_model_device *dev);

#endif

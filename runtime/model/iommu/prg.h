/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_PRG_H
#define SVART_MODEL_PRG_H

/**
 * @file
 * Page requests: groups of them on their way from a device to the one that answers, and back.
 *
 * A device sends requests and gets one response for each group (PCIe 6.0, 10.4). In between a group goes
 * one of these ways, which is fixed when the group begins:
 *
 *     iommufd, VT-d        whole, once it has its LAST, to the sink of its PASID
 *     iommufd, SMMU stall  each request is a stalled transaction, and a group of its own (its part)
 *                          to the sink; the device is answered once all parts were
 *     iommufd, SMMU PRI    nowhere: Linux denies every request
 *     raw                  request by request to the unit (unit.h), which is answered by software
 *
 * The answers that must come back before the device is answered are debts: for the group as a whole, for
 * one request with private data, or for one stalled transaction. When the last debt is paid and the LAST
 * was seen, the device gets the worst of the answers.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bus.h"

struct svart_iommu_device;
struct svart_prg;

TAILQ_HEAD(svart_prg_list, svart_prg);

/** PRG indices have 9 bits (PCIe 6.0, 10.4.1). */
#define SVART_PRG_NR_INDICES 512

/**
 * Size of the pools of a device with a way, as a multiple: its requests, their copies, and twice as many
 * requests that were given up.
 */
#define SVART_PRG_SPARE 4

/** What an answer from outside answers. */
enum svart_prg_debt_kind {
	SVART_PRG_DEBT_NONE,
	SVART_PRG_DEBT_GROUP,   /**< A raw group and its LAST, found by PASID and index. */
	SVART_PRG_DEBT_PRIVATE, /**< One request of a raw group that is not its LAST. */
	SVART_PRG_DEBT_STALL,   /**< One stalled transaction, found by its STAG. */
};

/** An answer that software of a raw unit owes. Owner: the structure that embeds it. Locks: device. */
struct svart_prg_debt {
	enum svart_prg_debt_kind kind;
	uint32_t pasid;
	uint16_t id;              /**< PRG index or STAG. */
	bool has_private;         /**< If set, the answer must have the same data. */
	uint64_t private_data[2]; /**< 0 if there are none. */
};

/** One page request. Owner: its device's pool. Lifetime: until its group is answered. Locks: device. */
struct svart_prg_record {
	uint64_t addr;
	bool read, write, exec, priv;
	struct svart_prg *group;
	struct svart_prg_debt debt;
	struct svart_prg_record *next;
};

/** State of a group in its sink. idle -> queued -> held -> idle; queued -> idle. */
enum svart_prg_state {
	SVART_PRG_IDLE,   /**< Not delivered. */
	SVART_PRG_QUEUED, /**< It waits to be read. */
	SVART_PRG_HELD,   /**< It was read; the reader has its cookie. */
};

struct svart_prg_sink;

/** Functions of a sink. The device lock is held. */
struct svart_prg_sink_ops {
	/** Takes a whole group; the sink must call svart_prg_answer() for it. Does not fail or block. */
	void (*deliver)(struct svart_prg_sink *sink, struct svart_prg *group);
	/** Gives back a group that was delivered, in whatever state it is. */
	void (*withdraw)(struct svart_prg_sink *sink, struct svart_prg *group);
};

/** The taker of the groups of a PASID. Owner: the structure that embeds it. Locks: constant. */
struct svart_prg_sink {
	const struct svart_prg_sink_ops *ops;
};

struct svart_prg_way;

/** What may happen between a device and the port. The device lock is held. */
struct svart_prg_way_ops {
	/**
	 * Takes a request that a device has sent, and which has a credit.
	 * @return true if the way cares for it; false if it arrives now.
	 */
	bool (*request)(struct svart_prg_way *way, const struct svart_bus_page_request *request);
	/**
	 * Takes an answer that a device is about to get.
	 * @param nr_credits credits that the device gets back with the answer. @return true if the way
	 *                   cares for it.
	 */
	bool (*answer)(struct svart_prg_way *way, uint32_t pasid, uint16_t prgi,
		enum svart_bus_prg_response code, uint32_t nr_credits);
	/** Lets all requests on their way, of a PASID or of all, arrive before it returns. */
	void (*drain)(struct svart_prg_way *way, bool all, uint32_t pasid);
	/** As drain(), but answers arrive, too, and vain waiting of a device ends. */
	void (*flush)(struct svart_prg_way *way, bool all, uint32_t pasid);
	/** As flush() of all: the device is about to be reset. */
	void (*reset)(struct svart_prg_way *way);
};

/** What is between a device and the port. Owner: the structure that embeds it. Locks: constant. */
struct svart_prg_way {
	const struct svart_prg_way_ops *ops;
};

/**
 * A page request group, or a part: one stalled request of a group, which is delivered alone.
 *
 * Owner: its device. Lifetime: first request to answer. Locks: the device lock. Once it is delivered, the
 * sink's lock guards state, cookie and deliver_link instead, and the members that the sink reads are
 * constant: dev, pasid, id, parent and the records.
 */
struct svart_prg {
	struct svart_iommu_device *dev;
	uint32_t pasid;           /**< Or SVART_BUS_NO_PASID. */
	uint16_t id;              /**< PRG index; the STAG if it is a part. */
	struct svart_prg *parent; /**< The group of a part; else NULL. */
	bool raw;
	bool bad;  /**< It holds a request that the kernel does not pass on. */
	bool last; /**< Its LAST has come. */
	enum svart_prg_state state;
	uint32_t nr_records;
	/** Those of them that take no credit: copies, and requests that were given up. */
	uint32_t nr_uncounted;
	struct svart_prg_record *first, **end; /**< The record of a part is in its parent's list. */
	uint32_t nr_owed;                      /**< Answers that are to come. */
	enum svart_bus_prg_response code;      /**< The worst of those that came. */
	struct svart_prg_sink *sink;           /**< NULL: the group is not delivered. */
	uint32_t cookie;
	struct svart_prg *next_partial; /**< Same PRG index, other PASID. */
	TAILQ_ENTRY(svart_prg) open_link;
	TAILQ_ENTRY(svart_prg) deliver_link;
};

/**
 * The page requests of a device. The pools hold as many records and groups as the device may have page
 * requests outstanding, and SVART_PRG_SPARE times that if it has a way, so that faulting allocates nothing.
 *
 * Owner: its device. Lifetime: the device's. Locks: the device lock.
 */
struct svart_prg_port {
	uint32_t outstanding; /**< Page requests that are not answered: credits in use. */
	struct svart_prg_record *record_pool, *free_records;
	struct svart_prg *group_pool;
	struct svart_prg_list free_groups; /**< Linked by open_link. */
	struct svart_prg_list open;        /**< All others; parts after their parents. */
	struct svart_prg *partial[SVART_PRG_NR_INDICES];
	/** Debts to a device that was reset: the latest ones, in order of age, oldest first. */
	struct svart_prg_debt *forgotten;
	uint32_t nr_forgotten, room_forgotten;
};

/** @return 0 or -ENOMEM; the caller must call svart_prg_fini() in any case. */
int svart_prg_init(struct svart_iommu_device *dev);
void svart_prg_fini(struct svart_iommu_device *dev);

/* The caller of each of these holds the device lock. */

/** Sends a page request. It is page_request() of svart_bus_ops. */
int svart_prg_request(struct svart_bus *bus, const struct svart_bus_page_request *request);
/** Takes a request that arrives; there is a credit for it. */
void svart_prg_arrive(struct svart_iommu_device *dev, const struct svart_bus_page_request *request);
/** Takes a copy of a request that is no LAST; the copy takes no credit. */
void svart_prg_arrive_copy(
	struct svart_iommu_device *dev, const struct svart_bus_page_request *request);
/**
 * Acts for the kernel when its VT-d queue is full: partial groups and the request are dropped; if the
 * request is a LAST, it is answered.
 */
void svart_prg_overflow(
	struct svart_iommu_device *dev, const struct svart_bus_page_request *request);
/** Gives a response to the device. */
void svart_prg_respond(struct svart_iommu_device *dev, uint32_t pasid, uint16_t prgi,
	enum svart_bus_prg_response code);
/**
 * Ends the device's wait for a group: the requests that it sent stay a partial group, and their credits are
 * free.
 */
void svart_prg_give_up(struct svart_iommu_device *dev, uint32_t pasid, uint16_t prgi);
/**
 * Lets the requests on their way, of all PASIDs, arrive before it returns. A unit calls it when it is told
 * to drain.
 */
void svart_prg_drain(struct svart_iommu_device *dev);
/** Answers a group or a part that its sink has given up. */
void svart_prg_answer(struct svart_prg *group, enum svart_bus_prg_response code);
/**
 * Ends the groups of a PASID that was detached. Partial groups are dropped, because their LAST will be
 * answered when it comes, and delivered groups are answered INVALID. Raw groups wait for software's answer;
 * no kernel answers for software.
 */
void svart_prg_detach(struct svart_iommu_device *dev, uint32_t pasid);
/**
 * Ends all groups, as a detach of all does: the device is about to be reset. The debts of software to raw
 * groups are remembered, because it is not wrong to answer them; the device ignores the answers.
 */
void svart_prg_reset(struct svart_iommu_device *dev);
/** Answers raw groups INVALID: the unit's file was closed. */
void svart_prg_unit_closed(struct svart_iommu_device *dev);

#endif

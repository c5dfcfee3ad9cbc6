/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_SOURCE_RAW_INTERNAL_H
#define SVART_FAULT_SOURCE_RAW_INTERNAL_H

/**
 * @file
 * Raw fault queues, from the inside: rings, and the table of what the kinds of unit do differently.
 *
 *     source_raw.c     sources: sorting by PASID, what is owed an answer, overflow, flush
 *     source_raw_ring.c  memory of rings, the ring of answers
 *     source_vtd.c     VT-d: registers, records, descriptors
 *     source_smmu.c    SMMUv3: the same
 *
 * Whose a group is: of the source that had the PASID when the group's first record came into the ring.
 *
 * - What comes of it while that source is there is delivered to it.
 * - What comes of it while no source has the PASID, or the source is flushed, is refused: not delivered,
 *   counted, answered INVALID where an answer is owed. So is what was queued before its source.
 * - What comes of it, up to its LAST, when the next source has the PASID is asked for again: not
 *   delivered, counted, answered SUCCESS where an answer is owed. It may be the rest of the old group; or
 *   the old one's LAST never came (a reset, a detach in the middle), and it is a new group of the same
 *   id. Nothing tells the one from the other. SUCCESS maps nothing and fails nothing: who still needs the
 *   page asks for it in a new group, which is delivered.
 *
 * So no record that was queued for one owner of a PASID, and no group that began for it, reaches the
 * next one, and no operation of the next one fails for what its predecessor left open. How often it is
 * to ask again is bounded by the groups that the device was in the middle of: a device that is stopped
 * before its detach leaves none, and an overflow, which loses LASTs, has all open groups forgotten. What
 * is remembered is bounded, too: groups of PASIDs that nobody has make room for those of sources, and 16
 * sources (an id has 9 bits) fit. A group that is not remembered is delivered to who has its PASID.
 *
 * A record is handed on in one of four ways: delivered; delivered as MALFORMED, when it names one of the
 * sources but asks for what cannot be, so that its whole group is answered INVALID; asked for again;
 * refused.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "key_map.h"
#include "source.h"

/** Rings of requests: VT-d has one, an SMMU one of events and one of PRI. */
#define SVART_RAW_MAX_RINGS 2
/** Records and answers are that long at most. */
#define SVART_RAW_RECORD_WORDS 4
/** Refusals that are collected before they are sent. */
#define SVART_RAW_REFUSE_BURST 32
/** No ring has so many records: an index that is none. */
#define SVART_RAW_NO_INDEX UINT32_MAX

/**
 * One ring in memory that the unit reads or writes. Of a ring of requests head is ours and tail the
 * unit's; of the ring of answers it is the other way round.
 *
 * Owner: its raw queues. Lifetime: theirs. Locks: ring_lock for requests, answer_lock for answers.
 */
struct svart_raw_ring {
	uint8_t *mem; /**< NULL: there is no such ring. Aligned to its size. */
	void *area;   /**< The allocation that mem is in. */
	uint32_t record_bytes;
	uint32_t nr;         /**< Records, a power of two. */
	uint32_t index_mask; /**< nr - 1, or 2 * nr - 1: with a wrap bit above the index. */
	uint32_t room;       /**< Records it can hold: all, or all but one. */
	uint32_t head;
	uint32_t tail;
	uint64_t taken; /**< Of a ring of requests: records so far. */
	uint32_t ack;   /**< SMMU: the overflow flag that was last acknowledged. */
};

/** What a record turned out to be. */
enum svart_raw_verdict {
	SVART_RAW_DELIVER, /**< For the source of its PASID. */
	SVART_RAW_REFUSE,  /**< Not this device's, or nonsense that is owed an answer. */
	SVART_RAW_DROP,    /**< Nonsense that is owed none. Counted. */
};

/** An answer and to whom. */
struct svart_raw_answer {
	struct svart_page_response response; /**< token: the ring its request came from. */
	uint32_t requester_id;
};

struct svart_fault_raw;

/** What a kind of unit is. Indices are of records, with the wrap bit if the ring has one. */
struct svart_raw_kind {
	const char *name;
	/** Makes the rings and enables them. @return 0 or -errno, told; then disable was called. */
	int (*enable)(struct svart_fault_raw *raw);
	/** Disables what is enabled; the rings' memory stays. */
	void (*disable)(struct svart_fault_raw *raw);
	/** Before the tail is read, so that what is queued later raises the interrupt again. */
	void (*interrupt_take)(struct svart_fault_raw *raw);
	/** @return the index after the newest request; SVART_RAW_NO_INDEX: the register is nonsense. */
	uint32_t (*tail)(struct svart_fault_raw *raw, unsigned int ring);
	/** Gives the unit rings[ring].head. */
	void (*head_set)(struct svart_fault_raw *raw, unsigned int ring);
	/** Whether requests were lost. */
	bool (*overflowed)(struct svart_fault_raw *raw);
	/** Lets the unit go on after an overflow. */
	void (*overflow_end)(struct svart_fault_raw *raw);
	/** Reads a record, which is hostile. @param out all but token; zeroed before. */
	enum svart_raw_verdict (*decode)(const struct svart_fault_raw *raw, unsigned int ring,
		const uint64_t *record, struct svart_page_request *out, uint32_t *requester_id);
	/** Writes an answer's descriptor. @param out zeroed before. */
	void (*encode)(const struct svart_raw_answer *answer, uint64_t *out);
	/** @return index of the next answer that the unit will take, or SVART_RAW_NO_INDEX. */
	uint32_t (*answer_head)(struct svart_fault_raw *raw);
	/** Gives the unit answers.tail. */
	void (*answer_tail_set)(struct svart_fault_raw *raw);
	/** Whether the unit took offence at an answer and stopped. */
	bool (*answer_error)(struct svart_fault_raw *raw);
	/** Waits until requests on their way are in the ring. answer_lock is held. @return 0, -EIO. */
	int (*drain)(struct svart_fault_raw *raw);
};

extern const struct svart_raw_kind svart_raw_vtd;
extern const struct svart_raw_kind svart_raw_smmu;

struct svart_raw_source;
TAILQ_HEAD(svart_raw_sources, svart_raw_source);

/**
 * The raw queues of one device.
 *
 * Owner: the device. Lifetime: create to destroy. Locks: ring_lock for what the requests' side writes,
 * answer_lock for answers and owed; ring_lock is taken first. The fetch thread hardly ever waits for
 * ring_lock: only control takes it besides, to make and end sources.
 */
struct svart_fault_raw {
	struct svart_machine *m;
	struct svart_iommu_unit unit;
	const struct svart_raw_kind *kind;
	uint32_t capacity;  /**< Records of all rings of requests. */
	uint32_t *drained;  /**< VT-d: a word that the unit writes; a page of its own. */
	uint32_t nr_drains; /**< Under answer_lock. */
	_Atomic(struct svart_fault_service *)
		service;  /**< Of all its sources; NULL: none was added. */
	atomic_bool lost; /**< The unit does not do as told: every source is lost. */

	pthread_mutex_t ring_lock;
	struct svart_raw_ring rings[SVART_RAW_MAX_RINGS];
	struct svart_raw_sources sources;
	uint32_t serials; /**< Of sources so far. */
	/** Groups that have begun: the serial of whose they are, 0: nobody's. */
	struct svart_key_map *open;
	bool more;     /**< A ring was left before it was empty. */
	bool overflow; /**< Until every source has told it; nothing is taken. */
	struct svart_raw_answer refused[SVART_RAW_REFUSE_BURST];
	unsigned int nr_refused;

	pthread_mutex_t answer_lock;
	struct svart_raw_ring answers;
	struct svart_key_map *owed; /**< Answers that are owed: how many of one name. */
};

/* --- source_raw_ring.c ----------------------------------------------------------------------------- */

/** Allocates memory for the unit: whole pages, present, kept from forks. @return 0 or -errno. */
int svart_raw_memory_alloc(struct svart_fault_raw *raw, size_t bytes, void **out);
void svart_raw_memory_free(struct svart_fault_raw *raw, void *mem, size_t bytes);
/** Makes a ring. @param wraps whether indices have a wrap bit. @return 0 or -errno. */
int svart_raw_ring_create(struct svart_fault_raw *raw, struct svart_raw_ring *ring, uint32_t nr,
	uint32_t record_bytes, bool wraps);
void svart_raw_ring_destroy(struct svart_fault_raw *raw, struct svart_raw_ring *ring);
/**
 * How far a ring of requests is filled.
 * @return 0, or -EIO the unit says what cannot be. ring_lock is held.
 */
int svart_raw_ring_queued(struct svart_fault_raw *raw, unsigned int ring, uint32_t *nr);

/** Waits for `done`, some thousand tries. @return 0 or -EIO. */
int svart_raw_wait(struct svart_fault_raw *raw, bool (*done)(struct svart_fault_raw *raw));
/** Puts a descriptor into the ring of answers. answer_lock is held. @return 0, -EIO no room comes. */
int svart_raw_answer_put(struct svart_fault_raw *raw, const uint64_t *desc);
/** Tells the unit of what was put. answer_lock is held. @return 0, -EIO the unit has stopped. */
int svart_raw_answer_ring(struct svart_fault_raw *raw);

/* --- registers ------------------------------------------------------------------------------------- */

static inline volatile void *svart_raw_reg(const struct svart_fault_raw *raw, uint32_t off)
{
	return (uint8_t *)raw->unit.regs + off;
}

static inline uint32_t svart_raw_read32(const struct svart_fault_raw *raw, uint32_t off)
{
	return raw->m->ops->mmio_read32(raw->m, svart_raw_reg(raw, off));
}

static inline uint64_t svart_raw_read64(const struct svart_fault_raw *raw, uint32_t off)
{
	return raw->m->ops->mmio_read64(raw->m, svart_raw_reg(raw, off));
}

static inline void svart_raw_write32(
	const struct svart_fault_raw *raw, uint32_t off, uint64_t value)
{
	raw->m->ops->mmio_write32(raw->m, svart_raw_reg(raw, off), (uint32_t)value);
}

static inline void svart_raw_write64(
	const struct svart_fault_raw *raw, uint32_t off, uint64_t value)
{
	raw->m->ops->mmio_write64(raw->m, svart_raw_reg(raw, off), value);
}

/** A stop marker (PCIe 6.0, 10.4.1.2.1): belongs to no group, nobody waits for an answer. */
static inline bool svart_raw_stop_marker(const struct svart_page_request *request)
{
	return (request->flags & SVART_PAGE_REQUEST_LAST) &&
	       !(request->flags & SVART_PAGE_REQUEST_MALFORMED) &&
	       !(request->access & (SVART_ACCESS_READ | SVART_ACCESS_WRITE | SVART_ACCESS_EXEC));
}

#endif

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
 * A group belongs to the source that had the PASID when the group's first record came into the ring.
 *
 * - Its records that come while that source is there are delivered to that source.
 * - Its records that come while no source has the PASID, or while the source is flushed, are refused: they
 *   are not delivered, but counted, and answered INVALID if an answer is owed. Records that were queued before
 *   their source are refused too.
 * - Its records that come, up to its LAST, when the next source has the PASID are asked for again: they are
 *   not delivered, but counted, and answered SUCCESS if an answer is owed. They may be the rest of the old
 *   group; or the old group's LAST never came (a reset, a detach in the middle), and they are a new group of
 *   the same id. Nothing tells the one from the other. SUCCESS maps nothing and fails nothing: a device that
 *   still needs the page asks for it in a new group, which is delivered.
 *
 * So no record that was queued for one owner of a PASID, and no group that began for it, reaches the
 * next owner, and no operation of the next owner fails because of a group that the last one left open. A
 * device has to ask again at most for the groups that it had begun: a device that is stopped
 * before its detach leaves none, and after an overflow, which loses LASTs, all open groups are forgotten. The
 * memory for groups is bounded, too: groups of PASIDs without a source make room for those of sources, and 16
 * sources (an id has 9 bits) fit. A group that is not remembered is delivered to the source of its PASID.
 *
 * A record is handed on in one of four ways. It is delivered; or delivered as MALFORMED, if it names one of
 * the sources but asks for what cannot be, so that its whole group is answered INVALID; or asked for again;
 * or refused.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "key_map.h"
#include "source.h"

/** The most rings of requests: VT-d has one; an SMMU has one of events and one of PRI. */
#define SVART_RAW_MAX_RINGS 2
/** The most words of a record or an answer. */
#define SVART_RAW_RECORD_WORDS 4
/** Refusals that are collected before they are sent. */
#define SVART_RAW_REFUSE_BURST 32
/** No index: no ring has so many records. */
#define SVART_RAW_NO_INDEX UINT32_MAX

/**
 * One ring in memory that the unit reads or writes. In a ring of requests svart moves head and the unit moves
 * tail; in the ring of answers it is the other way round.
 *
 * Owner: its raw queues. Lifetime: theirs. Locks: ring_lock for requests, answer_lock for answers.
 */
struct svart_raw_ring {
	uint8_t *mem; /**< NULL: there is no such ring. Aligned to its size. */
	void *area;   /**< The allocation that mem is in. */
	uint32_t record_bytes;
	uint32_t nr;         /**< Records, a power of two. */
	uint32_t index_mask; /**< nr - 1, or 2 * nr - 1: with a wrap bit above the index. */
	uint32_t room;       /**< Records that it can hold: nr, or one less. */
	uint32_t head;
	uint32_t tail;
	uint64_t taken; /**< For a ring of requests: records taken so far. */
	uint32_t ack;   /**< SMMU: the overflow flag that was last acknowledged. */
	uint32_t seen;  /**< SMMU: the overflow flag that was read last, to be acknowledged next. */
};

/** What is done with a record. */
enum svart_raw_verdict {
	SVART_RAW_DELIVER, /**< It is for the source of its PASID. */
	SVART_RAW_REFUSE,  /**< It is not this device's, or is nonsense that is owed an answer. */
	SVART_RAW_DROP,    /**< It is nonsense that is owed no answer. It is counted. */
};

/** An answer, and the requester that it goes to. */
struct svart_raw_answer {
	struct svart_page_response response; /**< token: the ring its request came from. */
	uint32_t requester_id;
};

struct svart_fault_raw;

/** The functions of one kind of unit. Indices are of records, with the wrap bit if the ring has one. */
struct svart_raw_kind {
	const char *name;
	/** Makes the rings and enables them. @return 0 or -errno, told; in that case disable was called. */
	int (*enable)(struct svart_fault_raw *raw);
	/** Disables what is enabled; the rings' memory stays. */
	void (*disable)(struct svart_fault_raw *raw);
	/**
	 * Takes the interrupt back. Called before the tail is read, so that later requests raise it again.
	 */
	void (*interrupt_take)(struct svart_fault_raw *raw);
	/** @return the index after the newest request; SVART_RAW_NO_INDEX: the register is nonsense. */
	uint32_t (*tail)(struct svart_fault_raw *raw, unsigned int ring);
	/** Tells the unit rings[ring].head. */
	void (*head_set)(struct svart_fault_raw *raw, unsigned int ring);
	/** Whether requests were lost. */
	bool (*overflowed)(struct svart_fault_raw *raw);
	/** Lets the unit go on after the overflows that overflowed() saw last, but not after later ones. */
	void (*overflow_end)(struct svart_fault_raw *raw);
	/** Reads a record, which is hostile. @param out gets all but token; it was zeroed before. */
	enum svart_raw_verdict (*decode)(const struct svart_fault_raw *raw, unsigned int ring,
		const uint64_t *record, struct svart_page_request *out, uint32_t *requester_id);
	/** Writes an answer's descriptor. @param out was zeroed before. */
	void (*encode)(const struct svart_raw_answer *answer, uint64_t *out);
	/** @return index of the next answer that the unit will take, or SVART_RAW_NO_INDEX. */
	uint32_t (*answer_head)(struct svart_fault_raw *raw);
	/** Tells the unit answers.tail. */
	void (*answer_tail_set)(struct svart_fault_raw *raw);
	/** Whether the unit refused an answer and stopped. */
	bool (*answer_error)(struct svart_fault_raw *raw);
	/** Whether the registers answer: if no unit answers, they read as all ones. */
	bool (*answers)(struct svart_fault_raw *raw);
	/** Whether the rings are still those that enable made, enabled, and without an error. Any thread. */
	bool (*works)(struct svart_fault_raw *raw);
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
 * ring_lock: the only other user is control, to make and end sources.
 */
struct svart_fault_raw {
	struct svart_machine *m;
	struct svart_iommu_unit unit;
	const struct svart_raw_kind *kind;
	uint32_t capacity;  /**< Records of all rings of requests. */
	uint32_t *drained;  /**< VT-d: a word that the unit writes; it has a page of its own. */
	uint32_t nr_drains; /**< Under answer_lock. */
	_Atomic(struct svart_fault_service *)
		service; /**< The service of all its sources; NULL: no source was added. */
	/** The unit does not do what it is told: no request is taken any more, and every source is lost. */
	atomic_bool lost;

	pthread_mutex_t ring_lock;
	struct svart_raw_ring rings[SVART_RAW_MAX_RINGS];
	struct svart_raw_sources sources;
	uint32_t serials; /**< The number of sources so far, and the serial of the last one. */
	/** Groups that have begun, each with the serial of its source; 0: it has no source. */
	struct svart_key_map *open;
	bool more;     /**< A ring was left before it was empty. */
	bool overflow; /**< Some source has not reported an overflow yet; nothing is taken. */
	struct svart_raw_answer refused[SVART_RAW_REFUSE_BURST];
	unsigned int nr_refused;

	pthread_mutex_t answer_lock;
	struct svart_raw_ring answers;
	bool mute; /**< The unit takes no answers, and svart does not wait for it again. lost is set, too. */
	struct svart_key_map *owed; /**< Answers that are owed: how many with the same key. */
};

/* --- source_raw_ring.c ----------------------------------------------------------------------------- */

/** Allocates memory for the unit: whole pages, present, not inherited by forks. @return 0 or -errno. */
int svart_raw_memory_alloc(struct svart_fault_raw *raw, size_t bytes, void **out);
void svart_raw_memory_free(struct svart_fault_raw *raw, void *mem, size_t bytes);
/** Makes a ring. @param wraps whether indices have a wrap bit. @return 0 or -errno. */
int svart_raw_ring_create(struct svart_fault_raw *raw, struct svart_raw_ring *ring, uint32_t nr,
	uint32_t record_bytes, bool wraps);
void svart_raw_ring_destroy(struct svart_fault_raw *raw, struct svart_raw_ring *ring);
/**
 * Finds how many records are queued in a ring of requests. ring_lock is held.
 * @return 0, or -EIO what the unit says cannot be.
 */
int svart_raw_ring_queued(struct svart_fault_raw *raw, unsigned int ring, uint32_t *nr);

/**
 * Waits until `done` is true, some thousand tries. @return 0, -EIO it did not become true, or the unit does
 * not answer any more.
 */
int svart_raw_wait(struct svart_fault_raw *raw, bool (*done)(struct svart_fault_raw *raw));
/** Puts a descriptor into the ring of answers. answer_lock is held. @return 0, -EIO the ring stays full. */
int svart_raw_answer_put(struct svart_fault_raw *raw, const uint64_t *desc);
/**
 * Tells the unit of new descriptors in the ring. answer_lock is held. @return 0, -EIO the unit has stopped.
 */
int svart_raw_answer_ring(struct svart_fault_raw *raw);
/** Waits until the unit has taken all it was told of. answer_lock is held. @return 0, -EIO it does not. */
int svart_raw_answers_wait(struct svart_fault_raw *raw);

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

#endif

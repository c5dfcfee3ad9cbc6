/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DMADEV_VCHAN_H
#define SVART_DMADEV_VCHAN_H

/**
 * @file
 * A vchan: a ring of nb_desc operations in front of a svart queue, which may be smaller.
 *
 * An enqueued operation is written into the ring as a svart_op. The doorbell notes how far the program has
 * submitted, and posts: it hands as many operations to the queue as there is room for and fences allow. The
 * rest is the backlog, which goes on whenever completions are taken. Results are kept in the ring and
 * retired in order.
 *
 *     tail            posted           submitted        head
 *     | with the device,  |    backlog     |  enqueued    |      head - tail <= nb_desc
 *     | or finished       |                |              |
 *
 * The counters run free, in 64 bits; an operation's id is the low 16 bits of its number. The slot in the
 * ring is the low bits of the number.
 *
 * Most operations are one svart_op of their own. An operation that is longer than the device's largest
 * transfer, or has several segments, is split into parts. An operation that stopped at a page that can be
 * made present is resumed as a part. A part has a svart_op of its own.
 */

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include <svart/fault.h>
#include <svart/op.h>
#include <svart/queue.h>

#include <rte_common.h>
#include <rte_dmadev.h>

/** Vchans of a vdev: as many queues as svart allows in a device. */
#define SVART_DMADEV_VCHANS_MAX 64
/** Largest nb_desc: less than half of the ids, so that "before" and "after" are well defined. */
#define SVART_DMADEV_DESC_MAX 16384
#define SVART_DMADEV_DESC_MIN 1
/** Largest number of sources, and of destinations, of one scattered copy. */
#define SVART_DMADEV_SGES_MAX 32
/** Most pieces of one scattered copy: each ends where a source or a destination ends. */
#define SVART_DMADEV_SEGMENTS_MAX (2 * SVART_DMADEV_SGES_MAX - 1)
/** Largest depth of a queue: parts have 16-bit numbers, and an operation counts its parts in 16 bits. */
#define SVART_DMADEV_DEPTH_MAX 32768
/** Completions that are taken from a queue at a time. */
#define SVART_DMADEV_BURST 32
/** No part. */
#define SVART_DMADEV_NO_PART UINT16_MAX

/** Bits of svart_dmadev_entry.kind. */
enum svart_dmadev_kind {
	/** It is posted only when all operations before it are finished. */
	SVART_DMADEV_FENCE = 1 << 0,
	SVART_DMADEV_SPLIT = 1 << 1, /**< Its segments are in the lists. */
};

/** State of an operation beside its svart_op. */
struct svart_dmadev_entry {
	uint16_t
		parts; /**< Parts that are not finished, plus 1 until the last one is posted. 0: finished. */
	uint16_t status; /**< enum rte_dma_status_code, once it is finished. */
	uint8_t kind;    /**< Bits of enum svart_dmadev_kind; 0 once it is posted. */
	uint8_t reserved[3];
};

/** A piece of a split operation. */
struct svart_dmadev_segment {
	uint64_t src;
	uint64_t dst;
	uint64_t length;
};

struct svart_dmadev_list {
	uint32_t nr;
	uint8_t opcode;
	struct svart_dmadev_segment segments[SVART_DMADEV_SEGMENTS_MAX];
};

/** A part with the queue, waiting to be resumed, or free. */
struct svart_dmadev_part {
	struct svart_op op;
	uint16_t slot;
	uint16_t next; /**< Next part in its list, or SVART_DMADEV_NO_PART. */
	uint8_t tries; /**< Times it was resumed without progress. */
};

/** State of a vchan. A state other than RUNNING says why it takes nothing. */
enum svart_dmadev_state {
	SVART_DMADEV_STOPPED = 0,
	SVART_DMADEV_RUNNING,
	SVART_DMADEV_HALTED, /**< Its queue has failed. */
	SVART_DMADEV_FORKED, /**< This is a child made by fork(): the queue is the parent's. */
};

/** The facts that a vchan needs of its device. */
struct svart_dmadev_vchan_params {
	uint16_t nb_desc;
	uint32_t depth; /**< Depth of the queue; SVART_DMADEV_DEPTH_MAX at most. */
	uint64_t max_transfer_bytes;
	struct svart_fault_service *pump; /**< Inline service to pump when idle, else NULL. */
	bool is_dsa;                      /**< hw_status is of Intel DSA. */
};

/** Counts of a vchan, which its owner writes and others may read. */
struct svart_dmadev_counts {
	uint64_t head, submitted, posted, tail, errors, resumed;
	uint32_t in_flight, nr_waiting;
	enum svart_dmadev_state state;
};

/**
 * One vchan.
 *
 * Owner: the thread that uses it; control while it is stopped. Lifetime: setup to close or the next setup.
 * The queue lives from start to stop. Locks: none.
 */
struct svart_dmadev_vchan {
	/* Constant while it runs, except limit. */
	alignas(64) struct svart_op *ops;   /**< array[mask + 1]; cookie, flags are written once. */
	struct svart_dmadev_entry *entries; /**< array[mask + 1]. */
	struct svart_queue *q;              /**< NULL: stopped. */
	uint64_t mask;
	uint64_t limit; /**< nb_desc, or 0 while nothing is taken. */
	uint64_t max_transfer_bytes;
	struct svart_fault_service *pump;
	struct svart_dmadev_list *lists; /**< array[mask + 1]. */

	/* All functions write these. */
	alignas(64) uint64_t head;
	uint64_t tail;
	uint64_t submitted;
	uint64_t posted;
	uint32_t in_flight;  /**< svart_ops that the queue has. */
	uint32_t unhanded;   /**< Those of them that the queue has not handed over yet. */
	uint32_t nr_special; /**< Operations whose kind is not 0, from posted to head. */
	uint32_t nr_waiting; /**< Parts that wait to be resumed. */
	uint64_t errors;     /**< Operations retired that failed. */

	/* These are for split and resumed operations. */
	alignas(64) struct svart_dmadev_part *parts; /**< array[depth]. */
	uint16_t free_part;                          /**< First free part. */
	uint16_t waiting_first, waiting_last;        /**< FIFO of the parts to resume. */
	uint32_t segment; /**< Next segment of the operation being posted. */
	uint64_t offset;  /**< Offset in that segment. */
	uint64_t resumed; /**< Number of resumed operations. */

	/* Cold. */
	enum svart_dmadev_state state;
	uint16_t nb_desc;
	uint32_t depth;
	uint64_t page_bytes;
	bool is_dsa;
	struct rte_dma_stats base; /**< Counts at the last reset of the statistics. */
};

/* --- dmadev_vchan.c: control thread ----------------------------------------------------------- */

/** Makes a stopped vchan; svart_dmadev_vchan_destroy() ends it. @return 0 or -ENOMEM. */
int svart_dmadev_vchan_create(
	const struct svart_dmadev_vchan_params *params, struct svart_dmadev_vchan **out);
void svart_dmadev_vchan_destroy(struct svart_dmadev_vchan *v);

/** Empties the ring, sets ids and statistics to 0, and takes operations for q from now on. */
void svart_dmadev_vchan_start(struct svart_dmadev_vchan *v, struct svart_queue *q);

/** Takes no more operations; those that are not retired are dropped. The caller ends the queue. */
void svart_dmadev_vchan_stop(struct svart_dmadev_vchan *v);

/** Marks the vchan in a child of fork(). It only does stores. */
void svart_dmadev_vchan_mark_forked(struct svart_dmadev_vchan *v);

/**
 * Reads the counts of a vchan while its owner goes on: each count is a moment old.
 * @thread any, while the vchan is not destroyed.
 */
void svart_dmadev_vchan_counts_get(
	const struct svart_dmadev_vchan *v, struct svart_dmadev_counts *counts);

/* As above. */
void svart_dmadev_vchan_stats_get(const struct svart_dmadev_vchan *v, struct rte_dma_stats *stats);
void svart_dmadev_vchan_stats_reset(struct svart_dmadev_vchan *v);

/* --- dmadev_fast.c: the owner ----------------------------------------------------------------- */

/** Takes completions and goes on with the backlog. */
void svart_dmadev_vchan_advance(struct svart_dmadev_vchan *v);

/** Tells whether a submitted operation is not finished yet. */
static inline bool svart_dmadev_vchan_is_busy(const struct svart_dmadev_vchan *v)
{
	return v->in_flight != 0 || v->posted != v->submitted || v->nr_waiting != 0;
}

/* Members of struct rte_dma_fp_object: see rte_dmadev.h. dev_private is the array of vchans. */
int svart_dmadev_copy(void *dev_private, uint16_t vchan, rte_iova_t src, rte_iova_t dst,
	uint32_t length, uint64_t flags);
int svart_dmadev_copy_sg(void *dev_private, uint16_t vchan, const struct rte_dma_sge *src,
	const struct rte_dma_sge *dst, uint16_t nb_src, uint16_t nb_dst, uint64_t flags);
int svart_dmadev_fill(void *dev_private, uint16_t vchan, uint64_t pattern, rte_iova_t dst,
	uint32_t length, uint64_t flags);
int svart_dmadev_submit(void *dev_private, uint16_t vchan);
uint16_t svart_dmadev_completed(void *dev_private, uint16_t vchan, const uint16_t nb_cpls,
	uint16_t *last_idx, bool *has_error);
uint16_t svart_dmadev_completed_status(void *dev_private, uint16_t vchan, const uint16_t nb_cpls,
	uint16_t *last_idx, enum rte_dma_status_code *status);
uint16_t svart_dmadev_burst_capacity(const void *dev_private, uint16_t vchan);

/* --- dmadev_part.c: the owner ----------------------------------------------------------------- */

/** Cookies from this value on name a part; smaller ones name a slot. */
#define SVART_DMADEV_PART_COOKIE (UINT64_C(1) << 32)

/**
 * Goes on with a split operation.
 * @return whether the queue has all of it; if not, the queue is full.
 */
bool svart_dmadev_split_post(struct svart_dmadev_vchan *v, uint64_t slot);

/** Hands over the parts that wait. @return whether none waits any more. */
bool svart_dmadev_waiting_post(struct svart_dmadev_vchan *v);

/** Takes a completion that is of a part, or not OK. */
void svart_dmadev_part_complete(struct svart_dmadev_vchan *v, const struct svart_completion *done);

/** Puts every part on the free list. */
void svart_dmadev_parts_reset(struct svart_dmadev_vchan *v);

/* --- dmadev_status.c -------------------------------------------------------------------------- */

/** Tells DPDK's status for a failure. It is a pure function. */
enum rte_dma_status_code svart_dmadev_status_of(
	const struct svart_op *op, const struct svart_completion *done, bool is_dsa);

#endif

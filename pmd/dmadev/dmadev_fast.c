/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Enqueue, submit, completed. See dmadev_vchan.h for the ring.
 */

#include "dmadev_vchan.h"

#include <errno.h>

#include <rte_branch_prediction.h>

static inline struct svart_dmadev_vchan *vchan_of(const void *dev_private, uint16_t vchan)
{
	return ((struct svart_dmadev_vchan *const *)dev_private)[vchan];
}

/* --- posting ---------------------------------------------------------------------------------- */

/**
 * Looks whether a queue that takes nothing and has nothing has failed. If so, all submitted operations have
 * failed.
 */
static __attribute__((noinline)) void halt_if_failed(struct svart_dmadev_vchan *v)
{
	struct svart_dmadev_entry *entry;

	if (v->in_flight != 0 || svart_queue_state_get(v->q) != SVART_QUEUE_FAILED)
		return;
	v->state = SVART_DMADEV_HALTED;
	v->limit = 0;
	/* Parts that wait belong to operations that were posted, or are being posted. */
	while (v->nr_waiting != 0) {
		entry = &v->entries[v->parts[v->waiting_first].slot];
		entry->status = RTE_DMA_STATUS_ERROR_UNKNOWN;
		entry->parts--;
		v->waiting_first = v->parts[v->waiting_first].next;
		v->nr_waiting--;
	}
	for (; v->posted != v->submitted; v->posted++) {
		entry = &v->entries[v->posted & v->mask];
		entry->status = RTE_DMA_STATUS_ERROR_UNKNOWN;
		entry->parts = 0;
		entry->kind = 0;
	}
}

/** Counts the operations from posted on that need nothing special. */
static inline uint64_t plain_run(const struct svart_dmadev_vchan *v)
{
	uint64_t n = 0, most = v->submitted - v->posted;

	if (likely(v->nr_special == 0))
		return most;
	while (n < most && v->entries[(v->posted + n) & v->mask].kind == 0)
		n++;
	return n;
}

/** Posts nr operations, up to the end of the ring. @return false if the queue is full. */
static inline bool plain_post(struct svart_dmadev_vchan *v, uint64_t nr)
{
	uint64_t slot = v->posted & v->mask;
	uint16_t took;

	if (nr > v->mask + 1 - slot)
		nr = v->mask + 1 - slot;
	took = svart_queue_prep(v->q, &v->ops[slot], (uint16_t)nr);
	v->posted += took;
	v->in_flight += took;
	v->unhanded += took;
	return took == nr;
}

/** Posts the next operation, or makes it a plain one. @return false if it must wait. */
static __attribute__((noinline)) bool special_post(struct svart_dmadev_vchan *v)
{
	uint64_t slot = v->posted & v->mask;
	struct svart_dmadev_entry *entry = &v->entries[slot];

	/* The device runs its operations in any order, so with a fence it must have no others. Parts of the
	 * operation itself come afterwards. */
	if ((entry->kind & SVART_DMADEV_FENCE) != 0 && v->in_flight != 0)
		return false;
	entry->kind &= (uint8_t)~SVART_DMADEV_FENCE;
	if ((entry->kind & SVART_DMADEV_SPLIT) != 0) {
		if (!svart_dmadev_split_post(v, slot))
			return false;
		entry->kind = 0;
		v->posted++;
	}
	v->nr_special--;
	return true;
}

static inline void post(struct svart_dmadev_vchan *v)
{
	bool more = v->nr_waiting == 0 || svart_dmadev_waiting_post(v);
	uint64_t run;

	while (more && v->posted != v->submitted) {
		run = plain_run(v);
		more = run != 0 ? plain_post(v, run) : special_post(v);
	}
	if (v->unhanded != 0)
		v->unhanded -= svart_queue_submit(v->q);
	if (unlikely(!more && v->in_flight == 0))
		halt_if_failed(v);
}

/* --- completions ------------------------------------------------------------------------------ */

void svart_dmadev_vchan_advance(struct svart_dmadev_vchan *v)
{
	struct svart_completion done[SVART_DMADEV_BURST];
	uint16_t n, i;

	do {
		n = svart_queue_poll(v->q, done, SVART_DMADEV_BURST);
		v->in_flight -= n;
		for (i = 0; i < n; i++) {
			if (likely(done[i].status == SVART_STATUS_OK &&
				    done[i].cookie < SVART_DMADEV_PART_COOKIE))
				v->entries[done[i].cookie].parts--;
			else
				svart_dmadev_part_complete(v, &done[i]);
		}
	} while (n == SVART_DMADEV_BURST && v->in_flight != 0);
	if (n == 0 && v->pump != NULL)
		svart_fault_pump(v->pump);
	if (v->posted != v->submitted || v->nr_waiting != 0 || v->unhanded != 0)
		post(v);
}

uint16_t svart_dmadev_completed(void *dev_private, uint16_t vchan, const uint16_t nb_cpls,
	uint16_t *last_idx, bool *has_error)
{
	struct svart_dmadev_vchan *v = vchan_of(dev_private, vchan);
	struct svart_dmadev_entry *entry;
	uint64_t tail = v->tail;
	uint16_t n = 0;

	if (svart_dmadev_vchan_is_busy(v))
		svart_dmadev_vchan_advance(v);
	for (; n < nb_cpls; n++, tail++) {
		entry = &v->entries[tail & v->mask];
		if (entry->parts != 0)
			break;
		if (unlikely(entry->status != RTE_DMA_STATUS_SUCCESSFUL)) {
			*has_error = true;
			break;
		}
		entry->parts = 1;
	}
	v->tail = tail;
	*last_idx = (uint16_t)(tail - 1);
	return n;
}

uint16_t svart_dmadev_completed_status(void *dev_private, uint16_t vchan, const uint16_t nb_cpls,
	uint16_t *last_idx, enum rte_dma_status_code *status)
{
	struct svart_dmadev_vchan *v = vchan_of(dev_private, vchan);
	struct svart_dmadev_entry *entry;
	uint64_t tail = v->tail;
	uint16_t n = 0;

	if (svart_dmadev_vchan_is_busy(v))
		svart_dmadev_vchan_advance(v);
	for (; n < nb_cpls; n++, tail++) {
		entry = &v->entries[tail & v->mask];
		if (entry->parts != 0)
			break;
		status[n] = (enum rte_dma_status_code)entry->status;
		v->errors += entry->status != RTE_DMA_STATUS_SUCCESSFUL;
		entry->status = RTE_DMA_STATUS_SUCCESSFUL;
		entry->parts = 1;
	}
	v->tail = tail;
	*last_idx = (uint16_t)(tail - 1);
	return n;
}

/* --- enqueueing ------------------------------------------------------------------------------- */

static __attribute__((noinline)) int refuse(const struct svart_dmadev_vchan *v)
{
	switch (v->state) {
	case SVART_DMADEV_RUNNING:
		return -ENOSPC;
	case SVART_DMADEV_STOPPED:
		return -EINVAL;
	case SVART_DMADEV_FORKED:
		return -EPERM;
	default:
		return -EIO;
	}
}

static inline void doorbell(struct svart_dmadev_vchan *v)
{
	v->submitted = v->head;
	if (v->posted != v->submitted)
		post(v);
	/* The queue is full: this makes room, then goes on. */
	if (v->posted != v->submitted)
		svart_dmadev_vchan_advance(v);
}

static __attribute__((noinline)) void mark(
	struct svart_dmadev_vchan *v, uint64_t slot, enum svart_dmadev_kind kind)
{
	if (v->entries[slot].kind == 0)
		v->nr_special++;
	v->entries[slot].kind |= (uint8_t)kind;
}

/** Makes a list of one segment, which is the operation itself. */
static __attribute__((noinline)) void mark_long(struct svart_dmadev_vchan *v, uint64_t slot)
{
	const struct svart_op *op = &v->ops[slot];
	struct svart_dmadev_list *list = &v->lists[slot];

	list->nr = 1;
	list->opcode = op->opcode;
	list->segments[0].src = op->pattern; /* pattern and src are one word. */
	list->segments[0].dst = (uintptr_t)op->dst;
	list->segments[0].length = op->length;
	mark(v, slot, SVART_DMADEV_SPLIT);
}

/** Ends an enqueue: counts it, and does what the flags say. @return its id. */
static inline int enqueued(struct svart_dmadev_vchan *v, uint64_t slot, uint64_t flags)
{
	uint64_t head = v->head;

	v->head = head + 1;
	if (unlikely((flags & RTE_DMA_OP_FLAG_FENCE) != 0))
		mark(v, slot, SVART_DMADEV_FENCE);
	if ((flags & RTE_DMA_OP_FLAG_SUBMIT) != 0)
		doorbell(v);
	return (uint16_t)head;
}

static inline int enqueue(struct svart_dmadev_vchan *v, enum svart_opcode opcode, uint64_t dst,
	uint64_t src, uint64_t length, uint64_t flags)
{
	uint64_t slot = v->head & v->mask;
	struct svart_op *op = &v->ops[slot];

	if (unlikely(v->head - v->tail >= v->limit))
		return refuse(v);
	op->opcode = (uint8_t)opcode;
	op->dst = (void *)(uintptr_t)dst;
	op->pattern = src; /* pattern and src are one word. */
	op->length = length;
	if (unlikely(length > v->max_transfer_bytes))
		mark_long(v, slot);
	return enqueued(v, slot, flags);
}

int svart_dmadev_copy(void *dev_private, uint16_t vchan, rte_iova_t src, rte_iova_t dst,
	uint32_t length, uint64_t flags)
{
	return enqueue(vchan_of(dev_private, vchan), SVART_OP_COPY, dst, src, length, flags);
}

int svart_dmadev_fill(void *dev_private, uint16_t vchan, uint64_t pattern, rte_iova_t dst,
	uint32_t length, uint64_t flags)
{
	return enqueue(vchan_of(dev_private, vchan), SVART_OP_FILL, dst, pattern, length, flags);
}

int svart_dmadev_submit(void *dev_private, uint16_t vchan)
{
	doorbell(vchan_of(dev_private, vchan));
	return 0;
}

uint16_t svart_dmadev_burst_capacity(const void *dev_private, uint16_t vchan)
{
	const struct svart_dmadev_vchan *v = vchan_of(dev_private, vchan);
	uint64_t used = v->head - v->tail;

	return used < v->limit ? (uint16_t)(v->limit - used) : 0;
}

/* --- scattered copies ------------------------------------------------------------------------- */

static uint64_t sges_bytes(const struct rte_dma_sge *sges, uint16_t nr)
{
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < nr; i++)
		bytes += sges[i].length;
	return bytes;
}

/** Cuts both sides wherever one of them has an edge. Both have the same length. */
static uint32_t segments_make(const struct rte_dma_sge *src, const struct rte_dma_sge *dst,
	uint64_t bytes, struct svart_dmadev_segment *segments)
{
	uint64_t src_off = 0, dst_off = 0, length;
	uint32_t nr = 0;

	while (bytes != 0) {
		length = RTE_MIN(src->length - src_off, dst->length - dst_off);
		if (length != 0) {
			segments[nr].src = src->addr + src_off;
			segments[nr].dst = dst->addr + dst_off;
			segments[nr++].length = length;
		}
		bytes -= length;
		src_off += length;
		dst_off += length;
		if (src_off == src->length) {
			src++;
			src_off = 0;
		}
		if (dst_off == dst->length) {
			dst++;
			dst_off = 0;
		}
	}
	return nr;
}

int svart_dmadev_copy_sg(void *dev_private, uint16_t vchan, const struct rte_dma_sge *src,
	const struct rte_dma_sge *dst, uint16_t nb_src, uint16_t nb_dst, uint64_t flags)
{
	struct svart_dmadev_vchan *v = vchan_of(dev_private, vchan);
	uint64_t slot = v->head & v->mask;
	struct svart_dmadev_list *list;
	uint64_t bytes;

	if (v->head - v->tail >= v->limit)
		return refuse(v);
	if (nb_src == 0 || nb_dst == 0 || nb_src > SVART_DMADEV_SGES_MAX ||
		nb_dst > SVART_DMADEV_SGES_MAX)
		return -EINVAL;
	bytes = sges_bytes(src, nb_src);
	if (bytes != sges_bytes(dst, nb_dst))
		return -EINVAL;
	if (nb_src == 1 && nb_dst == 1)
		return enqueue(v, SVART_OP_COPY, dst->addr, src->addr, bytes, flags);
	list = &v->lists[slot];
	list->opcode = SVART_OP_COPY;
	list->nr = segments_make(src, dst, bytes, list->segments);
	mark(v, slot, SVART_DMADEV_SPLIT);
	return enqueued(v, slot, flags);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Operations that are more than one svart_op: split operations, and operations that go on after a page
 * fault.
 *
 * Nothing new is posted while a part waits. So there are never more parts, with the queue or waiting, than
 * the queue is deep.
 */

#include "dmadev_vchan.h"

#include <sys/mman.h>

#include "op_table.h"

/** How often a part is tried again at the same place, without a byte done in between. */
#define TRIES_MAX 4

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22 /* linux/mman-common.h, Linux 5.14. */
#define MADV_POPULATE_WRITE 23
#endif

void svart_dmadev_parts_reset(struct svart_dmadev_vchan *v)
{
	uint32_t i;

	for (i = 0; i < v->depth; i++) {
		v->parts[i].op.cookie = SVART_DMADEV_PART_COOKIE | i;
		v->parts[i].next = i + 1 < v->depth ? (uint16_t)(i + 1) : SVART_DMADEV_NO_PART;
	}
	v->free_part = 0;
	v->waiting_first = v->waiting_last = SVART_DMADEV_NO_PART;
	v->nr_waiting = 0;
	v->segment = 0;
	v->offset = 0;
}

/** Takes a free part. @return NULL if as many parts as the queue is deep are under way. */
static struct svart_dmadev_part *part_get(struct svart_dmadev_vchan *v, uint64_t slot)
{
	struct svart_dmadev_part *part;

	if (v->free_part == SVART_DMADEV_NO_PART)
		return NULL;
	part = &v->parts[v->free_part];
	v->free_part = part->next;
	part->next = SVART_DMADEV_NO_PART;
	part->slot = (uint16_t)slot;
	part->tries = 0;
	return part;
}

static void part_put(struct svart_dmadev_vchan *v, struct svart_dmadev_part *part)
{
	part->next = v->free_part;
	v->free_part = (uint16_t)(part - v->parts);
}

static bool part_prep(struct svart_dmadev_vchan *v, const struct svart_dmadev_part *part)
{
	if (svart_queue_prep(v->q, &part->op, 1) == 0)
		return false;
	v->in_flight++;
	v->unhanded++;
	return true;
}

/* --- splitting -------------------------------------------------------------------------------- */

static void part_of_segment(struct svart_dmadev_vchan *v, const struct svart_dmadev_list *list,
	struct svart_dmadev_part *part)
{
	const struct svart_dmadev_segment *segment = &list->segments[v->segment];

	part->op.opcode = list->opcode;
	part->op.dst = (void *)(uintptr_t)segment->dst;
	part->op.pattern = segment->src;
	part->op.length = segment->length;
	svart_op_resume(&part->op, v->offset, false);
	if (part->op.length > v->max_transfer_bytes)
		part->op.length = v->max_transfer_bytes;
}

bool svart_dmadev_split_post(struct svart_dmadev_vchan *v, uint64_t slot)
{
	const struct svart_dmadev_list *list = &v->lists[slot];
	struct svart_dmadev_part *part;

	while (v->segment < list->nr) {
		part = part_get(v, slot);
		if (part == NULL)
			return false;
		part_of_segment(v, list, part);
		if (!part_prep(v, part)) {
			part_put(v, part);
			return false;
		}
		v->entries[slot].parts++;
		v->offset += part->op.length;
		if (v->offset == list->segments[v->segment].length) {
			v->segment++;
			v->offset = 0;
		}
	}
	v->segment = 0;
	v->entries[slot].parts--;
	return true;
}

/* --- resuming --------------------------------------------------------------------------------- */

bool svart_dmadev_waiting_post(struct svart_dmadev_vchan *v)
{
	struct svart_dmadev_part *part;

	while (v->nr_waiting != 0) {
		part = &v->parts[v->waiting_first];
		if (!part_prep(v, part))
			return false;
		v->waiting_first = part->next;
		part->next = SVART_DMADEV_NO_PART;
		v->nr_waiting--;
	}
	return true;
}

static void part_wait(struct svart_dmadev_vchan *v, struct svart_dmadev_part *part)
{
	uint16_t i = (uint16_t)(part - v->parts);

	if (v->nr_waiting++ == 0)
		v->waiting_first = i;
	else
		v->parts[v->waiting_last].next = i;
	v->waiting_last = i;
	v->resumed++;
}

/**
 * Makes a page present, and tells whether the process itself may access it in this way. It changes no byte
 * of the page. This is the only system call of this path, after a fault that failed.
 */
static bool page_can_be_had(const struct svart_dmadev_vchan *v, uint64_t addr, bool is_write)
{
	void *page = (void *)(uintptr_t)(addr & ~(v->page_bytes - 1));

	return madvise(page, v->page_bytes, is_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) ==
	       0;
}

/**
 * Tells whether an operation can be resumed. A page may be missing only for a while: there was no memory to
 * pin, a deadline passed, or the device cannot wait.
 */
static bool can_resume(const struct svart_dmadev_vchan *v, const struct svart_op *op,
	const struct svart_completion *done, unsigned int tries)
{
	if (done->status != SVART_STATUS_BAD_ADDRESS && done->status != SVART_STATUS_PARTIAL &&
		done->status != SVART_STATUS_NO_MEMORY)
		return false;
	if ((done->flags & SVART_COMPLETION_FAULT_ADDR) == 0 || done->bytes_done >= op->length)
		return false;
	if (done->bytes_done == 0 && tries >= TRIES_MAX)
		return false;
	return page_can_be_had(v, done->fault_addr,
		!svart_op_reads(op) || (done->flags & SVART_COMPLETION_FAULT_WRITE) != 0);
}

/** Puts what is left of op into a part that waits. @param part the part of op, or NULL if op is of a slot. */
static bool resume(struct svart_dmadev_vchan *v, struct svart_dmadev_part *part, uint64_t slot,
	const struct svart_completion *done)
{
	const struct svart_op *op = part != NULL ? &part->op : &v->ops[slot];
	uint64_t cookie;

	if (!can_resume(v, op, done, part != NULL ? part->tries : 0))
		return false;
	if (part == NULL) {
		part = part_get(v, slot);
		if (part == NULL)
			return false;
		cookie = part->op.cookie;
		part->op = *op;
		part->op.cookie = cookie;
	}
	part->tries = done->bytes_done != 0 ? 0 : (uint8_t)(part->tries + 1);
	svart_op_resume(
		&part->op, done->bytes_done, (done->flags & SVART_COMPLETION_BACKWARD) != 0);
	part_wait(v, part);
	return true;
}

void svart_dmadev_part_complete(struct svart_dmadev_vchan *v, const struct svart_completion *done)
{
	struct svart_dmadev_part *part = NULL;
	struct svart_dmadev_entry *entry;
	uint64_t slot = done->cookie;

	if ((done->cookie & SVART_DMADEV_PART_COOKIE) != 0) {
		part = &v->parts[(uint32_t)done->cookie];
		slot = part->slot;
	}
	entry = &v->entries[slot];
	if (done->status == SVART_STATUS_QUEUE_FAILED) {
		v->state = SVART_DMADEV_HALTED;
		v->limit = 0;
	}
	if (done->status != SVART_STATUS_OK) {
		if (resume(v, part, slot, done))
			return;
		/* The first failure of a part becomes that of the operation. */
		if (entry->status == RTE_DMA_STATUS_SUCCESSFUL)
			entry->status = (uint16_t)svart_dmadev_status_of(
				part != NULL ? &part->op : &v->ops[slot], done, v->is_dsa);
	}
	if (part != NULL)
		part_put(v, part);
	entry->parts--;
}

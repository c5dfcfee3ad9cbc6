/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Queues with SVART_QUEUE_BATCHES: submit hands operations that lie one after the other over as one batch (DSA spec
 * 3.8, 8.3.2): one entry of the WQ, and one store to the portal. Their descriptors are in device memory, where the
 * device fetches them.
 *
 * Each operation has its own record, as without a batch. The batch has one, too, which the device writes after all
 * others. It belongs to the slot of the batch's last operation, and that one has ended only when both records are
 * there: so neither is used again before the device has written it. An operation without a record when its batch
 * has ended was not begun: a fence in the batch came after a failure.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "dsa_internal.h"
#include "error.h"
#include "trace.h"

/** The device takes no batch of one (DSA spec 8.3.2). */
#define BATCH_LEAST 2u
/** In place of the slot of a batch's last operation: the operation has no batch. */
#define NO_BATCH UINT32_MAX

int svart_pmd_dsa_batches_create(struct svart_dsa_queue *q, struct svart_dsa_record *records)
{
	size_t bytes = sizeof(*q->batches) + (q->mask + 1) * sizeof(q->batches->last[0]);

	bytes = (bytes + SVART_DSA_CACHE_LINE - 1) & ~(size_t)(SVART_DSA_CACHE_LINE - 1);
	q->batches = aligned_alloc(SVART_DSA_CACHE_LINE, bytes);
	if (q->batches == NULL)
		return svart_fail(-ENOMEM, "out of memory for a queue of %u operations", q->depth);
	memset(q->batches, 0, bytes);
	q->batches->records = records;
	return 0;
}

/* --- submit ------------------------------------------------------------------------------------- */

static void to_portal(struct svart_dsa_queue *q, const struct svart_dsa_desc *desc)
{
	q->portal.movdir64b(q->portal.ctx, q->portal_page + q->portal_off, desc, 1);
	q->portal_off = (q->portal_off + SVART_DSA_DESC_BYTES) & (SVART_DSA_PORTAL_BYTES - 1);
}

/** Writes the batch's own descriptor. */
static void batch_write(struct svart_dsa_queue *q, uint32_t first, uint32_t nr)
{
	struct svart_dsa_desc *desc = &q->batches->desc;

	desc->flags_opcode =
		(uint32_t)(SVART_FIELD_PREP(SVART_DSA_DESC_OPCODE, SVART_DSA_OP_BATCH) |
			   SVART_FIELD_PREP(SVART_DSA_DESC_FLAGS, q->plain_flags));
	desc->completion_addr = (uintptr_t)&q->batches->records[first + nr - 1];
	desc->desc_list_addr = (uintptr_t)&q->descs[first];
	desc->desc_count = nr;
	desc->int_handle = q->int_handle;
}

static bool is_fenced(const struct svart_dsa_queue *q, uint32_t slot)
{
	return (q->entries[slot].bits & SVART_DSA_ENTRY_FENCE) != 0;
}

/** Hands over the operations of slots that lie one after the other. Nothing holds the first one back. */
static void post_run(struct svart_dsa_queue *q, uint32_t first, uint32_t nr)
{
	uint32_t i, last = first + nr - 1;
	bool is_batch = nr >= BATCH_LEAST;

	for (i = first; i <= last; i++) {
		q->batches->last[i] = is_batch ? last : NO_BATCH;
		if (!is_fenced(q, i))
			continue;
		q->nr_fences--;
		if (i != first)
			q->descs[i].flags_opcode |= (uint32_t)SVART_DSA_FLAG_FENCE;
	}
	if (!is_batch) {
		svart_portal_fence();
		to_portal(q, &q->descs[first]);
		return;
	}
	__atomic_store_n(
		&q->batches->records[last].status, SVART_DSA_STATUS_NONE, __ATOMIC_RELAXED);
	q->entries[last].bits |= SVART_DSA_ENTRY_LAST;
	batch_write(q, first, nr);
	/* Orders the data, the descriptors and the cleared records before the batch; see dsa_fast.c. */
	svart_portal_fence();
	to_portal(q, &q->batches->desc);
}

/** Whether an operation must not be in a batch: a drain (DSA spec 8.3.3). */
static bool is_alone(const struct svart_dsa_queue *q, uint32_t slot)
{
	return SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, q->descs[slot].flags_opcode) ==
	       SVART_DSA_OP_DRAIN;
}

/** Counts the operations from slot i on that can be handed over at once. */
static uint32_t run_of(const struct svart_dsa_queue *q, uint32_t i, uint32_t nr)
{
	uint32_t n = 0, most = q->mask + 1 - i;

	if (nr < most)
		most = nr;
	if (q->batches->max < most)
		most = q->batches->max;
	if (q->entries[i].kind == SVART_DSA_ENTRY_DEVICE && is_alone(q, i))
		return 1;
	while (n < most && q->entries[i + n].kind == SVART_DSA_ENTRY_DEVICE && !is_alone(q, i + n))
		n++;
	return n;
}

/**
 * Cuts a run before its first fence behind an operation, unless all that was handed over has ended: the device keeps a
 * fence from the operations of its own batch only.
 */
static uint32_t run_before_fence(struct svart_dsa_queue *q, uint32_t i, uint32_t nr)
{
	uint32_t n = 1;

	if (nr == 0 || q->nr_fences == 0 || svart_pmd_dsa_all_settled(q))
		return nr;
	while (n < nr && !is_fenced(q, i + n))
		n++;
	return n;
}

static void post_all(struct svart_dsa_queue *q)
{
	uint32_t i, n;

	while (q->posted != q->head) {
		i = q->posted & q->mask;
		if (is_fenced(q, i) && !svart_pmd_dsa_all_settled(q))
			return;
		n = run_before_fence(q, i, run_of(q, i, q->head - q->posted));
		if (n == 0) {
			q->nr_fences -= is_fenced(q, i);
			n = 1;
		} else {
			post_run(q, i, n);
		}
		q->posted += n;
	}
}

uint16_t svart_pmd_dsa_submit_batches(struct svart_queue *fast)
{
	struct svart_dsa_queue *q = fast->priv;
	uint32_t before = q->posted;
	uint64_t cookie;
	uint16_t nr;

	if (before == q->head || svart_pmd_dsa_failed(q->failure))
		return 0;
	cookie = q->entries[before & q->mask].cookie;
	/* As in dsa_fast.c: it must not be left behind by half of all counts. */
	if (q->nr_fences == 0)
		q->settled = q->tail;
	post_all(q);
	nr = (uint16_t)(q->posted - before);
	if (nr != 0 && svart_trace_submit_on())
		svart_trace_submit(fast, nr, cookie);
	return nr;
}

/* --- poll --------------------------------------------------------------------------------------- */

/** The status of a slot's batch. Orders it before the records of its operations, which were written before. */
static uint8_t batch_status(const struct svart_dsa_queue *q, uint32_t slot)
{
	return __atomic_load_n(
		&q->batches->records[q->batches->last[slot]].status, __ATOMIC_ACQUIRE);
}

bool svart_pmd_dsa_batch_holds(const struct svart_dsa_queue *q, uint32_t slot)
{
	return batch_status(q, slot) == SVART_DSA_STATUS_NONE;
}

enum svart_status svart_pmd_dsa_batch_left(
	const struct svart_dsa_queue *q, uint32_t slot, uint8_t *hw_status)
{
	uint8_t batch;

	if (q->batches->last[slot] == NO_BATCH)
		return SVART_STATUS_OK;
	batch = batch_status(q, slot);
	if (batch == SVART_DSA_STATUS_NONE)
		return SVART_STATUS_OK;
	*hw_status = __atomic_load_n(&q->records[slot].status, __ATOMIC_ACQUIRE);
	if (*hw_status != SVART_DSA_STATUS_NONE)
		return SVART_STATUS_OK;
	*hw_status = batch;
	return SVART_FIELD_GET(SVART_DSA_STATUS_CODE, batch) == SVART_DSA_STATUS_BATCH_FAILED
		       ? SVART_STATUS_ABORTED
		       : SVART_STATUS_DEVICE_ERROR;
}

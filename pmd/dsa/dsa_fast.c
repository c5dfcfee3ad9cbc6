/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * prep, submit, poll.
 *
 * prep writes descriptors into private memory and clears their completion records; submit stores
 * what was prepared to the portal; poll looks at the records in order. A completion record is
 * untrusted: its status is loaded once, the rest is copied and checked before it is used.
 */

#include "dsa_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "dsa_ops.h"
#include "error.h"
#include "trace.h"

/*
 * Number of empty polls in a row, with work in flight, after which poll looks at the error registers. A
 * register read costs as much as many polls. So the number is several times that of the polls that the last
 * completion took: it is reached soon by callers that sleep between polls, and late by those that spin.
 * After each look the number grows. It is a count and not a time, because reading the clock costs too.
 */
#define STALL_POLLS_MIN   UINT64_C(512)
#define STALL_POLLS_MAX   UINT64_C(65536)
#define STALL_POLLS_TIMES 8

/* --- ring ------------------------------------------------------------------------------------- */

uint32_t svart_pmd_dsa_ring_entries(uint32_t depth)
{
	uint32_t entries = 1;

	while (entries < depth)
		entries *= 2;
	return entries;
}

/**
 * Allocates one block: the queue, then its descriptors, operations and entries. Each part ends at the end of a
 * cache line.
 */
static void *ring_alloc(size_t entries)
{
	size_t bytes = sizeof(struct svart_dsa_queue) +
		       entries * (sizeof(struct svart_dsa_desc) + sizeof(struct svart_op) +
					 sizeof(struct svart_dsa_entry));
	void *block;

	bytes = (bytes + SVART_DSA_CACHE_LINE - 1) & ~(size_t)(SVART_DSA_CACHE_LINE - 1);
	block = aligned_alloc(SVART_DSA_CACHE_LINE, bytes);
	if (block != NULL)
		memset(block, 0, bytes);
	return block;
}

size_t svart_pmd_dsa_ring_mem_bytes(uint32_t depth, bool batches)
{
	size_t each = sizeof(struct svart_dsa_record);

	if (batches)
		each += sizeof(struct svart_dsa_desc) + sizeof(struct svart_dsa_record);
	return svart_pmd_dsa_ring_entries(depth) * each;
}

/** Gives the ring its part of device memory. Descriptors come first: they are aligned to more. */
static int ring_mem_set(struct svart_dsa_queue *q, void *mem, bool batches)
{
	uint32_t entries = q->mask + 1;

	q->records = mem;
	if (!batches)
		return 0;
	q->descs = mem;
	q->records = (struct svart_dsa_record *)(q->descs + entries);
	return svart_pmd_dsa_batches_create(q, q->records + entries);
}

int svart_pmd_dsa_ring_create(uint32_t depth, void *mem, bool batches, struct svart_dsa_queue **out)
{
	uint32_t entries = svart_pmd_dsa_ring_entries(depth);
	struct svart_dsa_queue *q = ring_alloc(entries);
	uint32_t i;
	int rc;

	if (q == NULL)
		return svart_fail(-ENOMEM, "out of memory for a queue of %u operations", depth);
	q->descs = (struct svart_dsa_desc *)(q + 1);
	q->more = (struct svart_op *)(q->descs + entries);
	q->entries = (struct svart_dsa_entry *)(q->more + entries);
	q->depth = depth;
	q->mask = entries - 1;
	q->check_at = STALL_POLLS_MIN;
	rc = ring_mem_set(q, mem, batches);
	if (rc) {
		free(q);
		return rc;
	}
	/* Fields that are the same for every operation of a slot are written once. */
	for (i = 0; i < entries; i++)
		q->descs[i].completion_addr = (uint64_t)(uintptr_t)&q->records[i];
	*out = q;
	return 0;
}

void svart_pmd_dsa_ring_destroy(struct svart_dsa_queue *q)
{
	free(q->batches);
	free(q);
}

/** Whether the device has nothing to write any more for the operation of a slot that was handed over. */
static inline bool slot_settled(const struct svart_dsa_queue *q, uint32_t slot)
{
	/* Orders the status before what the program does next; pairs with the device, which writes it last. */
	uint8_t status = __atomic_load_n(&q->records[slot].status, __ATOMIC_ACQUIRE);

	if (q->entries[slot].kind != SVART_DSA_ENTRY_DEVICE)
		return true;
	if (q->batches == NULL)
		return status != SVART_DSA_STATUS_NONE;
	if (status != SVART_DSA_STATUS_NONE)
		return (q->entries[slot].bits & SVART_DSA_ENTRY_LAST) == 0 ||
		       !svart_pmd_dsa_batch_holds(q, slot);
	return svart_pmd_dsa_batch_left(q, slot, &status) != SVART_STATUS_OK ||
	       status != SVART_DSA_STATUS_NONE;
}

bool svart_pmd_dsa_ring_settled(const struct svart_dsa_queue *q)
{
	uint32_t i;

	for (i = q->tail; i != q->posted; i++)
		if (!slot_settled(q, i & q->mask))
			return false;
	return true;
}

/* --- prep ------------------------------------------------------------------------------------- */

void svart_pmd_dsa_rules_set(struct svart_dsa_queue *q, uint64_t ops, bool overlap)
{
	unsigned int i;

	svart_op_rules(ops, overlap, q->rules);
	for (i = 0; i < SVART_NR_OPCODES; i++)
		if (q->rules[i] != 0)
			q->rules[i] |= (uint64_t)svart_dsa_opcode(i) << SVART_OP_RULE_DRIVER;
}

static inline enum svart_dsa_entry_kind op_kind(
	const struct svart_dsa_queue *q, const struct svart_op *op, svart_op_rule_t *rule)
{
	if (svart_op_check(q->rules, op, q->max_transfer_bytes, rule) != SVART_OP_GOOD)
		return SVART_DSA_ENTRY_INVALID;
	if (svart_op_rule_has(*rule, SVART_OP_RULE_MOVES) && op->length == 0)
		return SVART_DSA_ENTRY_DONE;
	return SVART_DSA_ENTRY_DEVICE;
}

static inline uint32_t flags_opcode(svart_op_rule_t rule, uint64_t flags)
{
	return (uint32_t)(SVART_FIELD_PREP(SVART_DSA_DESC_OPCODE, rule >> SVART_OP_RULE_DRIVER) |
			  SVART_FIELD_PREP(SVART_DSA_DESC_FLAGS, flags));
}

/** Nobody else writes the record now. submit's fence orders this before the device's write. */
static inline void record_clear(struct svart_dsa_queue *q, uint32_t i)
{
	__atomic_store_n(&q->records[i].status, SVART_DSA_STATUS_NONE, __ATOMIC_RELAXED);
}

/**
 * Writes the descriptor of a noop or a drain: block-on-fault is reserved there, and so are the fields of operands.
 */
static inline void write_bare(struct svart_dsa_queue *q, uint32_t i, svart_op_rule_t rule)
{
	struct svart_dsa_desc *desc = &q->descs[i];

	desc->flags_opcode = flags_opcode(rule, q->any_flags);
	desc->src = 0;
	desc->dst = 0;
	desc->size = 0;
}

/** Writes the descriptor of a copy or a fill. @param flags of it. */
static inline void write_plain(struct svart_dsa_queue *q, uint32_t i, const struct svart_op *op,
	svart_op_rule_t rule, uint64_t flags)
{
	struct svart_dsa_desc *desc = &q->descs[i];

	q->entries[i].length = (uint32_t)op->length;
	desc->flags_opcode = flags_opcode(rule, flags);
	/*
	 * A fill has its pattern in the place of a copy's source, both in the operation and in the
	 * descriptor.
	 */
	desc->src = op->pattern;
	desc->dst = (uintptr_t)op->dst;
	desc->size = (uint32_t)op->length;
}

/** Writes the descriptor of an operation of dsa_more.c. @param flags as those of a copy. */
static void write_more(struct svart_dsa_queue *q, uint32_t i, const struct svart_op *op,
	svart_op_rule_t rule, uint64_t flags)
{
	flags |= svart_pmd_dsa_more_write(op, &q->descs[i]);
	q->descs[i].flags_opcode = flags_opcode(rule, flags);
	q->entries[i].length = (uint32_t)op->length;
	q->entries[i].bits |= SVART_DSA_ENTRY_WORDS;
}

/** Flags of a descriptor with operands. */
static uint64_t flags_of(const struct svart_dsa_queue *q, const struct svart_op *op)
{
	uint64_t flags = (op->flags & SVART_OP_NO_BLOCK) != 0 ? q->any_flags : q->plain_flags;

	return (op->flags & SVART_OP_TO_CACHE) != 0 ? flags | q->cache_flags : flags;
}

/** Sets the bits of an entry, and keeps what they stand for. */
static void bits_set(
	struct svart_dsa_queue *q, uint32_t i, const struct svart_op *op, svart_op_rule_t rule)
{
	struct svart_dsa_entry *entry = &q->entries[i];

	entry->bits &= SVART_DSA_ENTRY_WORDS;
	if ((op->flags & SVART_OP_FENCE) != 0) {
		entry->bits |= SVART_DSA_ENTRY_FENCE;
		q->nr_fences++;
	}
	if (svart_op_rule_has(rule, SVART_OP_RULE_MORE)) {
		entry->bits |= SVART_DSA_ENTRY_MORE;
		q->more[i] = *op;
	}
}

/** Prepares an operation that is not common: with flags, of dsa_more.c, without operands, or malformed. */
static __attribute__((noinline)) void entry_prep_any(
	struct svart_dsa_queue *q, uint32_t i, const struct svart_op *op)
{
	struct svart_dsa_entry *entry = &q->entries[i];
	svart_op_rule_t rule;

	entry->kind = (uint8_t)op_kind(q, op, &rule);
	entry->cookie = op->cookie;
	entry->length = 0;
	bits_set(q, i, op, rule);
	if (entry->kind != SVART_DSA_ENTRY_DEVICE)
		return;
	record_clear(q, i);
	if ((entry->bits & SVART_DSA_ENTRY_MORE) != 0) {
		write_more(q, i, op, rule, flags_of(q, op));
		return;
	}
	if ((entry->bits & SVART_DSA_ENTRY_WORDS) != 0)
		memset(q->descs[i].op_specific, 0, sizeof(q->descs[i].op_specific));
	entry->bits &= (uint8_t)~SVART_DSA_ENTRY_WORDS;
	if (svart_op_rule_has(rule, SVART_OP_RULE_MOVES))
		write_plain(q, i, op, rule, flags_of(q, op));
	else
		write_bare(q, i, rule);
}

static inline void entry_prep(struct svart_dsa_queue *q, uint32_t i, const struct svart_op *op)
{
	struct svart_dsa_entry *entry = &q->entries[i];
	svart_op_rule_t rule;

	if (!svart_op_is_common(q->rules, op, q->max_transfer_bytes, &rule) || entry->bits != 0) {
		entry_prep_any(q, i, op);
		return;
	}
	entry->kind = SVART_DSA_ENTRY_DEVICE;
	entry->cookie = op->cookie;
	record_clear(q, i);
	write_plain(q, i, op, rule, q->plain_flags);
}

uint16_t svart_pmd_dsa_prep(struct svart_queue *fast, const struct svart_op *ops, uint16_t nr)
{
	struct svart_dsa_queue *q = fast->priv;
	uint32_t head = q->head;
	uint32_t room = q->depth - (head - q->tail);
	uint16_t i;

	if (svart_pmd_dsa_failed(q->failure))
		return 0;
	if (nr > room)
		nr = (uint16_t)room;
	for (i = 0; i < nr; i++)
		entry_prep(q, (head + i) & q->mask, &ops[i]);
	q->head = head + nr;
	return nr;
}

/* --- submit ----------------------------------------------------------------------------------- */

/** Counts the operations from slot i on, nr at most, that lie one after the other and are the device's. */
static inline uint32_t device_run(const struct svart_dsa_queue *q, uint32_t i, uint32_t nr)
{
	uint32_t n = 0, most = q->mask + 1 - i;

	if (nr < most)
		most = nr;
	while (n < most && q->entries[i + n].kind == SVART_DSA_ENTRY_DEVICE)
		n++;
	return n;
}

/** Hands over what was prepared, up to `end`. */
static inline void post(struct svart_dsa_queue *q, uint32_t end)
{
	uint32_t posted = q->posted, off = q->portal_off, i, n;

	/* Orders the program's data and the cleared status bytes before the descriptors, once for
	 * the burst: MOVDIR64B is weakly ordered and could pass them. It does read the descriptor
	 * itself in program order. Pairs with the device's read of a descriptor. */
	svart_portal_fence();
	while (posted != end) {
		i = posted & q->mask;
		n = device_run(q, i, end - posted);
		if (n == 0) {
			posted++;
			continue;
		}
		/*
		 * Any 64 bytes of the page can be used; stores to different ones do not wait for each
		 * other.
		 */
		q->portal.movdir64b(q->portal.ctx, q->portal_page + off, &q->descs[i], n);
		off = (off + n * SVART_DSA_DESC_BYTES) & (SVART_DSA_PORTAL_BYTES - 1);
		posted += n;
	}
	q->posted = posted;
	q->portal_off = off;
}

bool svart_pmd_dsa_all_settled(struct svart_dsa_queue *q)
{
	if ((int32_t)(q->settled - q->tail) < 0)
		q->settled = q->tail;
	while (q->settled != q->posted && slot_settled(q, q->settled & q->mask))
		q->settled++;
	return q->settled == q->posted;
}

/** Finds the first operation that has a fence, from the second one that is prepared on; or the end. */
static uint32_t fence_find(const struct svart_dsa_queue *q)
{
	uint32_t i = q->posted + 1;

	while (i != q->head && (q->entries[i & q->mask].bits & SVART_DSA_ENTRY_FENCE) == 0)
		i++;
	return i;
}

/** Hands over what no fence holds back. */
static __attribute__((noinline)) void post_fenced(struct svart_dsa_queue *q)
{
	while (q->posted != q->head) {
		if ((q->entries[q->posted & q->mask].bits & SVART_DSA_ENTRY_FENCE) != 0) {
			if (!svart_pmd_dsa_all_settled(q))
				return;
			q->nr_fences--;
		}
		post(q, fence_find(q));
	}
}

/** Submits where fences may hold something back: what is handed over is known only afterwards. */
static __attribute__((noinline)) uint16_t submit_fenced(struct svart_queue *fast)
{
	struct svart_dsa_queue *q = fast->priv;
	uint32_t before = q->posted;
	uint64_t cookie = q->entries[before & q->mask].cookie;
	uint16_t nr;

	post_fenced(q);
	nr = (uint16_t)(q->posted - before);
	if (nr != 0 && svart_trace_submit_on())
		svart_trace_submit(fast, nr, cookie);
	return nr;
}

uint16_t svart_pmd_dsa_submit(struct svart_queue *fast)
{
	struct svart_dsa_queue *q = fast->priv;
	uint32_t posted = q->posted, head = q->head;
	uint16_t nr = (uint16_t)(head - posted);

	if (nr == 0 || svart_pmd_dsa_failed(q->failure))
		return 0;
	if (q->nr_fences != 0)
		return submit_fenced(fast);
	if (svart_trace_submit_on())
		svart_trace_submit(fast, nr, q->entries[posted & q->mask].cookie);
	post(q, head);
	/* It must not fall behind by half of the counters' range, or it would seem to be ahead. */
	q->settled = q->tail;
	return nr;
}

/* --- poll ------------------------------------------------------------------------------------- */

static void completion_set(struct svart_completion *done, const struct svart_dsa_entry *entry,
	enum svart_status status, uint8_t hw_status)
{
	*done = (struct svart_completion){ .cookie = entry->cookie,
		.bytes_done = status == SVART_STATUS_OK ? entry->length : 0,
		.status = (uint8_t)status,
		.hw_status = hw_status };
}

enum svart_status svart_pmd_dsa_status(unsigned int code)
{
	switch (code) {
	case SVART_DSA_STATUS_BAD_OPCODE:
	case SVART_DSA_STATUS_BAD_FLAGS:
	case SVART_DSA_STATUS_RESERVED_SET:
	case SVART_DSA_STATUS_BAD_SIZE:
	case SVART_DSA_STATUS_OVERLAP:
	case SVART_DSA_STATUS_BAD_DELTA_SIZE:
	case SVART_DSA_STATUS_DUALCAST_ALIGN:
	case SVART_DSA_STATUS_ADDRESS_ALIGN:
		return SVART_STATUS_INVALID;
	default:
		return SVART_STATUS_DEVICE_ERROR;
	}
}

bool svart_pmd_dsa_in_pages(uint64_t addr, uint64_t start, uint64_t len)
{
	return len != 0 && svart_page_down(addr) - svart_page_down(start) <=
				   svart_page_down(start + len - 1) - svart_page_down(start);
}

/**
 * Checks the fault address and the bytes done. Programs touch the fault address and skip the bytes done, so
 * both must be within the operation.
 */
static bool fault_is_sane(const struct svart_dsa_desc *desc, const struct svart_dsa_entry *entry,
	const struct svart_dsa_record *record)
{
	const struct svart_op_row *row = svart_dsa_op_row(
		(unsigned int)SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, desc->flags_opcode));
	bool reads = row != NULL && (row->traits & SVART_OP_HAS_PATTERN) == 0;

	if (entry->length == 0 || record->bytes_completed > entry->length)
		return false;
	return svart_pmd_dsa_in_pages(record->fault_addr, desc->dst, entry->length) ||
	       (reads && svart_pmd_dsa_in_pages(record->fault_addr, desc->src, entry->length));
}

/** Tells whether the address is bad, or its page was refused because memory was short: the service knows. */
static enum svart_status refused_status(const struct svart_dsa_queue *q, uint64_t addr)
{
	return q->pmd->dev->host->was_refused(q->pmd, addr) ? SVART_STATUS_NO_MEMORY
							    : SVART_STATUS_BAD_ADDRESS;
}

/** Says where an operation stopped, and why. The address is one of its own. */
static void fault_set(const struct svart_dsa_queue *q, const struct svart_dsa_record *record,
	struct svart_completion *done)
{
	if (SVART_FIELD_GET(SVART_DSA_STATUS_CODE, record->status) != SVART_DSA_STATUS_PAGE_FAULT)
		done->status = (uint8_t)refused_status(q, record->fault_addr);
	done->fault_addr = record->fault_addr;
	done->flags = SVART_COMPLETION_FAULT_ADDR;
	if (record->status & SVART_DSA_STATUS_WRITE)
		done->flags |= SVART_COMPLETION_FAULT_WRITE;
}

/** Completes an operation with a page fault: what was done, where it stopped, and how to go on. */
static void complete_fault(const struct svart_dsa_queue *q, const struct svart_dsa_entry *entry,
	const struct svart_dsa_desc *desc, const struct svart_dsa_record *record,
	struct svart_completion *done)
{
	if (!fault_is_sane(desc, entry, record)) {
		completion_set(done, entry, SVART_STATUS_DEVICE_ERROR, record->status);
		return;
	}
	completion_set(done, entry, SVART_STATUS_PARTIAL, record->status);
	done->bytes_done = record->bytes_completed;
	fault_set(q, record, done);
	if (record->result & 1)
		done->flags |= SVART_COMPLETION_BACKWARD;
}

/** Completes an operation of dsa_more.c. */
static void complete_more(const struct svart_dsa_queue *q, uint32_t i,
	const struct svart_dsa_record *record, struct svart_completion *done)
{
	enum svart_status status;

	completion_set(done, &q->entries[i], SVART_STATUS_PARTIAL, record->status);
	status = svart_pmd_dsa_more_complete(&q->more[i], record, done);
	if (status == SVART_STATUS_PARTIAL)
		fault_set(q, record, done);
	else if (status == SVART_STATUS_DEVICE_ERROR || status == SVART_STATUS_INVALID)
		completion_set(done, &q->entries[i], status, record->status);
	else
		done->status = (uint8_t)status;
}

/**
 * Completes an operation that did not simply succeed, or has a result, or a batch.
 * @return false if its batch has not ended.
 */
static __attribute__((noinline)) bool complete_unusual(const struct svart_dsa_queue *q, uint32_t i,
	uint8_t hw_status, struct svart_completion *done)
{
	const struct svart_dsa_entry *entry = &q->entries[i];
	unsigned int code = hw_status & SVART_DSA_STATUS_CODE;
	struct svart_dsa_record record;

	if ((entry->bits & SVART_DSA_ENTRY_LAST) != 0 && svart_pmd_dsa_batch_holds(q, i))
		return false;
	/* The device may go on writing: the data that is checked must be the data that is used. */
	memcpy(&record, &q->records[i], sizeof(record));
	record.status = hw_status;
	if ((entry->bits & SVART_DSA_ENTRY_MORE) != 0)
		complete_more(q, i, &record, done);
	else if (code == SVART_DSA_STATUS_PAGE_FAULT ||
		 code == SVART_DSA_STATUS_PAGE_FAULT_RESPONSE)
		complete_fault(q, entry, &q->descs[i], &record, done);
	else if (code == SVART_DSA_STATUS_SUCCESS)
		completion_set(done, entry, SVART_STATUS_OK, hw_status);
	else
		completion_set(done, entry, svart_pmd_dsa_status(code), hw_status);
	return true;
}

/** Completes an operation of no bytes: it never reached the device. */
static void complete_empty(
	const struct svart_dsa_queue *q, uint32_t i, struct svart_completion *done)
{
	completion_set(done, &q->entries[i], SVART_STATUS_OK, 0);
	if ((q->entries[i].bits & SVART_DSA_ENTRY_MORE) != 0)
		svart_pmd_dsa_more_empty(&q->more[i], done);
}

/** Completes an operation of a queue that hands over batches, which has no record. @return as complete(). */
static __attribute__((noinline)) bool complete_without(
	const struct svart_dsa_queue *q, uint32_t i, struct svart_completion *done)
{
	uint8_t hw_status = SVART_DSA_STATUS_NONE;
	enum svart_status left = svart_pmd_dsa_batch_left(q, i, &hw_status);

	if (left != SVART_STATUS_OK) {
		completion_set(done, &q->entries[i], left, hw_status);
		return true;
	}
	return hw_status != SVART_DSA_STATUS_NONE && complete_unusual(q, i, hw_status, done);
}

/** @return false if the device has not written the record yet. */
static inline bool complete_by_record(
	const struct svart_dsa_queue *q, uint32_t i, struct svart_completion *done)
{
	/* Orders the status before the record's other fields and the data the operation wrote;
	 * pairs with the device, which writes the status last. */
	uint8_t hw_status = __atomic_load_n(&q->records[i].status, __ATOMIC_ACQUIRE);

	if (hw_status == SVART_DSA_STATUS_NONE)
		return q->batches != NULL && complete_without(q, i, done);
	if ((hw_status & SVART_DSA_STATUS_CODE) != SVART_DSA_STATUS_SUCCESS ||
		q->entries[i].bits != 0)
		return complete_unusual(q, i, hw_status, done);
	/* bytes_completed means nothing here: the device did all of it. */
	completion_set(done, &q->entries[i], SVART_STATUS_OK, hw_status);
	return true;
}

/** Completes one operation. @return false if it is not done yet. */
static inline bool complete(
	const struct svart_dsa_queue *q, uint32_t i, struct svart_completion *done)
{
	switch (q->entries[i].kind) {
	case SVART_DSA_ENTRY_DEVICE:
		return complete_by_record(q, i, done);
	case SVART_DSA_ENTRY_DONE:
		complete_empty(q, i, done);
		return true;
	default:
		completion_set(done, &q->entries[i], SVART_STATUS_INVALID, 0);
		return true;
	}
}

/** Frees the oldest entries whose results were polled. */
static void taken_free(struct svart_dsa_queue *q)
{
	while (q->nr_taken != 0 && q->entries[q->tail & q->mask].kind == SVART_DSA_ENTRY_TAKEN) {
		q->tail++;
		q->nr_taken--;
	}
}

/**
 * Polls a failed queue: operations that the device has done get their own result, and all others have
 * failed with the queue.
 */
static uint16_t poll_failed(struct svart_queue *fast, struct svart_completion *done, uint16_t nr)
{
	struct svart_dsa_queue *q = fast->priv;
	uint16_t n = 0;

	for (; n < nr && q->tail != q->head; q->tail++) {
		if (q->entries[q->tail & q->mask].kind == SVART_DSA_ENTRY_TAKEN) {
			q->nr_taken--;
			continue;
		}
		if (!complete(q, q->tail & q->mask, &done[n]))
			completion_set(&done[n], &q->entries[q->tail & q->mask],
				SVART_STATUS_QUEUE_FAILED, 0);
		n++;
	}
	taken_free(q);
	/* Operations that were never submitted have ended, too: the next poll must not look for them. */
	if ((int32_t)(q->posted - q->tail) < 0)
		q->posted = q->tail;
	if (q->posted == q->head)
		q->nr_fences = 0;
	if (svart_trace_complete_on())
		svart_trace_complete(fast, done, n);
	return n;
}

/** Looks for a reason when nothing has completed. */
static __attribute__((noinline)) uint16_t poll_empty(
	struct svart_queue *fast, struct svart_completion *done, uint16_t nr)
{
	struct svart_dsa_queue *q = fast->priv;

	if (svart_pmd_dsa_failed(q->failure))
		return poll_failed(fast, done, nr);
	if (q->tail == q->posted || ++q->empty_polls < q->check_at)
		return 0;
	q->check_at += q->check_at < STALL_POLLS_MAX ? q->check_at : STALL_POLLS_MAX;
	svart_pmd_dsa_errors_check(q->device);
	return svart_pmd_dsa_failed(q->failure) ? poll_failed(fast, done, nr) : 0;
}

/** Learns from the time that a completion took; it learns nothing from one that was there already. */
static inline void poll_progressed(struct svart_dsa_queue *q)
{
	uint64_t check_at = q->empty_polls * STALL_POLLS_TIMES;

	if (q->empty_polls == 0)
		return;
	if (check_at < STALL_POLLS_MIN)
		check_at = STALL_POLLS_MIN;
	q->check_at = check_at < STALL_POLLS_MAX ? check_at : STALL_POLLS_MAX;
	q->empty_polls = 0;
}

uint16_t svart_pmd_dsa_poll_any(
	struct svart_queue *fast, struct svart_completion *done, uint16_t nr)
{
	struct svart_dsa_queue *q = fast->priv;
	uint16_t n = 0;
	uint32_t at;

	for (at = q->tail; n < nr && at != q->posted; at++) {
		struct svart_dsa_entry *entry = &q->entries[at & q->mask];

		if (entry->kind == SVART_DSA_ENTRY_TAKEN || !complete(q, at & q->mask, &done[n]))
			continue;
		entry->kind = SVART_DSA_ENTRY_TAKEN;
		q->nr_taken++;
		n++;
	}
	if (n == 0)
		return poll_empty(fast, done, nr);
	taken_free(q);
	poll_progressed(q);
	if (svart_trace_complete_on())
		svart_trace_complete(fast, done, n);
	return n;
}

uint16_t svart_pmd_dsa_poll(struct svart_queue *fast, struct svart_completion *done, uint16_t nr)
{
	struct svart_dsa_queue *q = fast->priv;
	uint32_t tail = q->tail, posted = q->posted;
	uint16_t n = 0;

	while (n < nr && tail != posted && complete(q, tail & q->mask, &done[n])) {
		tail++;
		n++;
	}
	if (n == 0)
		return poll_empty(fast, done, nr);
	q->tail = tail;
	poll_progressed(q);
	if (svart_trace_complete_on())
		svart_trace_complete(fast, done, n);
	return n;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "held_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "device_state.h"
#include "error.h"
#include "hold.h"
#include "max_transfer.h"
#include "op_table.h"
#include "ops.h"

/** A held range of pages; none if start == end. */
struct held_range {
	uint64_t start, end;
};

/** Who completes an operation, and how. */
enum entry_kind {
	ENTRY_DEVICE, /* The driver completes it. */
	/* The driver does the bytes before a bad address; then the operation ends with status. */
	ENTRY_CUT,
	ENTRY_LOCAL, /* This layer alone completes it: the operation ends with status. */
};

/** One operation. Owner: the queue's thread. Lifetime: prep to poll. */
struct entry {
	struct held_range operands[SVART_OP_MAX_OPERANDS];
	uint64_t cookie;
	uint64_t fault_addr;
	uint8_t kind;   /* enum entry_kind */
	uint8_t status; /* enum svart_status of ENTRY_CUT and ENTRY_LOCAL. */
	uint8_t flags;  /* enum svart_completion_flag of ENTRY_CUT and ENTRY_LOCAL. */
	uint8_t early;  /* With ENTRY_CUT: the result with which it ends before the cut; 0: none. */
	bool checked;   /* With ENTRY_CUT: whether that result is none of those expected. */
};

/**
 * One queue's layer. Positions count up and wrap at 2^32.
 *
 * Owner: the queue's thread. Lifetime: the queue's. Locks: none.
 */
struct svart_held_queue {
	struct svart_space *space;
	struct svart_queue driver; /* The driver's functions. */
	svart_op_rule_t rules[SVART_NR_OPCODES];
	uint64_t max_transfer_bytes;
	uint64_t end_addr; /* First address that the device cannot reach. */
	uint32_t depth, mask;
	uint32_t head, posted, tail; /* posted: what submit has counted. */
	struct entry entries[];
};

static struct svart_held_queue *held_of(const struct svart_queue *fast)
{
	return ((const struct svart_core_queue *)(const void *)fast)->held;
}

/* --- prep -------------------------------------------------------------------------------------- */

/** What prevents an operation. Owner: prep, on its stack. */
struct obstacle {
	uint64_t addr; /* The first byte that cannot be held. */
	uint64_t cut;  /* The length of the part that does not touch it. */
	bool write;
};

/** Holds an operand. @return 0; -EAGAIN; or another error: then at tells what is in the way. */
static int hold_operand(struct svart_held_queue *h, const struct svart_op *op,
	const struct svart_operand *operand, struct held_range *range, struct obstacle *at)
{
	uint64_t addr = svart_op_addr(op, operand), len = svart_op_len(op, operand), bad = addr;
	struct held_range r = { svart_page_down(addr), svart_page_up(addr + len) };
	unsigned int access = operand->write ? SVART_ACCESS_WRITE : SVART_ACCESS_READ;
	int rc;

	if (len == 0)
		return 0;
	if (addr >= h->end_addr || len > h->end_addr - addr) {
		rc = -EFAULT;
		bad = h->end_addr;
	} else if (op->flags & SVART_OP_NO_BLOCK) {
		rc = svart_space_hold_mapped(h->space, r.start, r.end, access, &bad);
	} else {
		rc = svart_space_hold(h->space, r.start, r.end, access, &bad);
	}
	if (rc == 0)
		*range = r;
	bad = bad > addr ? bad : addr;
	*at = (struct obstacle){
		.addr = bad, .cut = svart_op_cut(op, operand, bad - addr), .write = operand->write
	};
	return rc;
}

static void release_range(struct svart_held_queue *h, struct held_range *range)
{
	if (range->start != range->end)
		svart_space_release(h->space, range->start, range->end);
	range->end = range->start;
}

static void release(struct svart_held_queue *h, struct entry *e)
{
	unsigned int i;

	for (i = 0; i < SVART_OP_MAX_OPERANDS; i++)
		release_range(h, &e->operands[i]);
}

/**
 * Holds all operands, or nothing. Operands that are written come first, as in the
 * table: they may have to be mapped anew as writable, and a hold of a source next to them would prevent
 * that.
 */
static int hold_all(
	struct svart_held_queue *h, const struct svart_op *op, struct entry *e, struct obstacle *at)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	unsigned int i;
	int rc = 0;

	for (i = 0; i < row->nr_operands && rc == 0; i++)
		rc = hold_operand(h, op, &row->operands[i], &e->operands[i], at);
	if (rc != 0)
		release(h, e);
	/* Holds of other operations may be in the way: they will be released. */
	if (rc == -ENOMEM && svart_space_held(h->space) != 0)
		return -EAGAIN;
	return rc;
}

/** Tells the status of an operation for which a page cannot be held. */
static uint8_t status_of(int rc)
{
	switch (rc) {
	case -ENOENT:
		return SVART_STATUS_PARTIAL;
	case -ENOMEM:
		return SVART_STATUS_NO_MEMORY;
	default:
		return SVART_STATUS_BAD_ADDRESS;
	}
}

/** Whether the rest of an operation that stopped has tags, or a seed, that its completion tells. */
static bool goes_on_by_results(const struct svart_op *op)
{
	return (svart_op_row(op->opcode)->traits &
		       (SVART_OP_HAS_SEED | SVART_OP_CHECKS_TAGS | SVART_OP_MAKES_TAGS)) != 0;
}

/**
 * Holds as much of an operation as possible, and cuts it down to that. @return 0; -EAGAIN: not possible now.
 */
static int hold_op(struct svart_held_queue *h, struct svart_op *op, struct entry *e)
{
	struct obstacle at;
	int rc;

	for (; op->length > 0; op->length = at.cut) {
		rc = hold_all(h, op, e, &at);
		if (rc == 0 || rc == -EAGAIN)
			return rc;
		e->kind = ENTRY_CUT;
		e->status = status_of(rc);
		e->fault_addr = at.addr;
		e->flags =
			SVART_COMPLETION_FAULT_ADDR | (at.write ? SVART_COMPLETION_FAULT_WRITE : 0);
	}
	/* The driver knows how it goes on, even if nothing of it is done. */
	if (!goes_on_by_results(op))
		e->kind = ENTRY_LOCAL;
	return 0;
}

/**
 * Tells whether the queue has failed, for operations that the driver never sees. The driver itself refuses
 * the others.
 */
static bool has_failed(const struct svart_queue *fast)
{
	const struct svart_core_queue *q = (const struct svart_core_queue *)(const void *)fast;

	return q->dev->ops->queue_failed(&q->pmd);
}

/** What an operation's result means when a part of it is done: only one that ends it early says something. */
static void cut_result(const struct svart_op *op, struct svart_op *part, struct entry *e)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);

	if ((row->traits & SVART_OP_ENDS_EARLY) == 0)
		return;
	e->early = (uint8_t)(row->results - 1);
	e->checked = (op->flags & SVART_OP_CHECK_RESULT) != 0 &&
		     (op->bounds.expected >> e->early & 1) == 0;
	part->flags &= ~(uint32_t)SVART_OP_CHECK_RESULT;
	part->bounds.expected = 0;
}

/** @return whether the operation was taken. */
static bool prep_one(
	struct svart_held_queue *h, struct svart_queue *fast, const struct svart_op *op)
{
	struct entry *e = &h->entries[h->head & h->mask];
	struct svart_op part = *op;
	svart_op_rule_t rule;

	*e = (struct entry){ .kind = ENTRY_LOCAL, .cookie = op->cookie };
	if (svart_op_check(h->rules, op, h->max_transfer_bytes, &rule) != SVART_OP_GOOD) {
		e->status = SVART_STATUS_INVALID;
	} else if (svart_op_rule_has(rule, SVART_OP_RULE_MOVES) && op->length != 0) {
		e->kind = ENTRY_DEVICE;
		if (hold_op(h, &part, e) != 0)
			return false;
		/* All pages are mapped, so there is no page to wait for. */
		part.flags &= ~(uint32_t)SVART_OP_NO_BLOCK;
		if (e->kind == ENTRY_CUT)
			cut_result(op, &part, e);
	} else if (svart_op_rule_has(rule, SVART_OP_RULE_MORE)) {
		e->kind = ENTRY_DEVICE; /* The driver knows the result of nothing. */
	}
	if (e->kind == ENTRY_LOCAL && has_failed(fast))
		return false;
	if (e->kind != ENTRY_LOCAL && h->driver.prep(fast, &part, 1) != 1) {
		release(h, e);
		return false;
	}
	h->head++;
	return true;
}

static uint16_t held_prep(struct svart_queue *fast, const struct svart_op *ops, uint16_t nr)
{
	struct svart_held_queue *h = held_of(fast);
	uint16_t i;

	for (i = 0; i < nr && h->head - h->tail < h->depth; i++) {
		if (!prep_one(h, fast, &ops[i]))
			break;
	}
	return i;
}

/* --- submit, poll ------------------------------------------------------------------------------ */

/**
 * Submits.
 * @return how many: those that the driver handed over, and those between them that need no driver.
 */
static uint16_t held_submit(struct svart_queue *fast)
{
	struct svart_held_queue *h = held_of(fast);
	uint16_t left = h->driver.submit(fast), nr = 0;

	while (h->posted != h->head) {
		if (h->entries[h->posted & h->mask].kind != ENTRY_LOCAL && left-- == 0)
			break;
		h->posted++;
		nr++;
	}
	return nr;
}

static void complete_local(const struct entry *e, struct svart_completion *done)
{
	*done = (struct svart_completion){ .cookie = e->cookie,
		.fault_addr = e->fault_addr,
		.status = e->status,
		.flags = e->flags };
}

/** The driver has done the part that could be held. */
static void complete_cut(const struct entry *e, struct svart_completion *done)
{
	if (done->status != SVART_STATUS_OK)
		return;
	if (e->early != 0 && done->result == e->early) {
		done->status = e->checked ? SVART_STATUS_PREDICATE_FALSE : SVART_STATUS_OK;
		return;
	}
	done->status = e->status;
	done->flags = e->flags;
	done->fault_addr = e->fault_addr;
	done->hw_status = 0;
}

/** Counts the operations, from the oldest on, that the driver completes one after the other; nr at most. */
static uint16_t driver_run(const struct svart_held_queue *h, uint16_t nr)
{
	uint16_t n = 0;

	while (n < nr && h->tail + n != h->head &&
		h->entries[(h->tail + n) & h->mask].kind != ENTRY_LOCAL)
		n++;
	return n;
}

/** Moves posted on: a failed queue also completes operations that were never submitted. */
static void posted_follow(struct svart_held_queue *h)
{
	if ((int32_t)(h->posted - h->tail) < 0)
		h->posted = h->tail;
}

/** Ends the operations that the driver has completed. */
static void finish(struct svart_held_queue *h, struct svart_completion *done, uint16_t nr)
{
	struct entry *e;
	uint16_t i;

	for (i = 0; i < nr; i++) {
		e = &h->entries[h->tail++ & h->mask];
		release(h, e);
		if (e->kind == ENTRY_CUT)
			complete_cut(e, &done[i]);
	}
	posted_follow(h);
}

static uint16_t held_poll(struct svart_queue *fast, struct svart_completion *done, uint16_t nr)
{
	struct svart_held_queue *h = held_of(fast);
	uint16_t n = 0, run, got;

	while (n < nr && h->tail != h->head) {
		if (h->entries[h->tail & h->mask].kind == ENTRY_LOCAL) {
			if (h->tail == h->posted && !has_failed(fast))
				break;
			complete_local(&h->entries[h->tail++ & h->mask], &done[n++]);
			posted_follow(h);
			continue;
		}
		run = driver_run(h, (uint16_t)(nr - n));
		got = h->driver.poll(fast, done + n, run);
		finish(h, done + n, got);
		n = (uint16_t)(n + got);
		if (got < run)
			break;
	}
	return n;
}

/* --- life -------------------------------------------------------------------------------------- */

static uint64_t end_of_addresses(const struct svart_pmd_queue *q)
{
	unsigned int bits = q->dev->caps.address_bits;

	/* The last page of all stays unused, so that no end wraps to 0. */
	return bits != 0 && bits < 64 ? UINT64_C(1) << bits : ~SVART_PAGE_MASK;
}

int svart_held_queue_create(
	struct svart_pmd_queue *q, struct svart_space *space, struct svart_held_queue **out)
{
	struct svart_held_queue *h;
	uint32_t nr = 1;

	while (nr < q->depth)
		nr *= 2;
	h = calloc(1, sizeof(*h) + nr * sizeof(h->entries[0]));
	if (h == NULL)
		return svart_fail(-ENOMEM, "out of memory for a queue of %u operations", q->depth);
	h->space = space;
	h->driver = q->fast;
	svart_op_rules(q->dev->caps.ops, q->dev->caps.features & SVART_FEATURE_OVERLAP, h->rules);
	h->max_transfer_bytes = svart_max_transfer(q->dev, space);
	h->end_addr = end_of_addresses(q);
	h->depth = q->depth;
	h->mask = nr - 1;
	q->fast.prep = held_prep;
	q->fast.submit = held_submit;
	q->fast.poll = held_poll;
	*out = h;
	return 0;
}

void svart_held_queue_destroy(struct svart_held_queue *h)
{
	for (; h->tail != h->head; h->tail++)
		release(h, &h->entries[h->tail & h->mask]);
	free(h);
}

uint32_t svart_held_queue_in_flight(const struct svart_held_queue *h)
{
	return h->head - h->tail;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "held_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "core.h"
#include "error.h"
#include "hold.h"

/** Both operands, each with a page at either end of which it may need a byte. */
#define OPERANDS   2
#define EDGE_PAGES 2

/** A held range of pages; start == end: none. */
struct held_range {
	uint64_t start, end;
};

/** Who completes an operation, and how. */
enum entry_kind {
	ENTRY_DEVICE, /* The driver. */
	ENTRY_CUT,   /* The driver does what lies before a bad address; then it ends with status. */
	ENTRY_LOCAL, /* Nobody but this layer: it ends with status. */
};

/** One operation. Owner: the queue's thread. Lifetime: prep to poll. */
struct entry {
	struct held_range dst, src;
	uint64_t cookie;
	uint64_t fault_addr;
	uint8_t kind;   /* enum entry_kind */
	uint8_t status; /* enum svart_status of ENTRY_CUT and ENTRY_LOCAL. */
	uint8_t flags;  /* enum svart_completion_flag of these. */
};

/**
 * One queue's layer. Positions count up and wrap at 2^32.
 *
 * Owner: the queue's thread. Lifetime: the queue's. Locks: none.
 */
struct svart_held_queue {
	struct svart_space *space;
	struct svart_queue driver; /* The driver's functions. */
	uint64_t ops;              /* Bit n: enum svart_opcode n. */
	bool overlap;              /* SVART_FEATURE_OVERLAP */
	uint64_t max_transfer_bytes;
	uint64_t end_addr; /* First address that the device cannot reach. */
	uint32_t depth, mask;
	uint32_t head, posted, tail; /* posted: what submit has counted. */
	struct entry entries[];
};

uint64_t svart_held_max_transfer(const struct svart_space *space)
{
	uint64_t each = svart_space_hold_limit(space) / OPERANDS;

	return each > EDGE_PAGES * SVART_PAGE_SIZE ? each - EDGE_PAGES * SVART_PAGE_SIZE : 0;
}

static struct svart_held_queue *held_of(const struct svart_queue *fast)
{
	return ((const struct svart_core_queue *)(const void *)fast)->held;
}

/* --- prep -------------------------------------------------------------------------------------- */

/** What is in the way of an operation. Owner: prep, on its stack. */
struct obstacle {
	uint64_t off;  /* Bytes that lie before it. */
	uint64_t addr; /* The first byte that cannot be had. */
	bool write;
};

static bool is_copy(const struct svart_op *op)
{
	return op->opcode == SVART_OP_COPY;
}

/** Holds len > 0 bytes. @return 0; -EAGAIN; other: at tells what is in the way. */
static int hold_operand(struct svart_held_queue *h, const struct svart_op *op, bool write,
	uint64_t len, struct held_range *range, struct obstacle *at)
{
	uint64_t addr = (uintptr_t)(write ? op->dst : op->src), bad = addr;
	struct held_range r = { svart_page_down(addr), svart_page_up(addr + len) };
	unsigned int access = write ? SVART_ACCESS_WRITE : SVART_ACCESS_READ;
	int rc;

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
	*at = (struct obstacle){ .off = bad - addr, .addr = bad, .write = write };
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
	release_range(h, &e->dst);
	release_range(h, &e->src);
}

/**
 * Holds the first len bytes of both operands, or nothing. The destination comes first: it may have to
 * be mapped anew, writable, which a hold of the source next to it would prevent.
 */
static int hold_both(struct svart_held_queue *h, const struct svart_op *op, uint64_t len,
	struct entry *e, struct obstacle *at)
{
	int rc = hold_operand(h, op, true, len, &e->dst, at);

	if (rc == 0 && is_copy(op))
		rc = hold_operand(h, op, false, len, &e->src, at);
	if (rc != 0)
		release(h, e);
	/* Others' holds may be what is in the way: they will be released. */
	if (rc == -ENOMEM && svart_space_held(h->space) != 0)
		return -EAGAIN;
	return rc;
}

/** Whether doing the first bytes alone would overwrite what is still to be read. */
static bool runs_backwards(const struct svart_op *op)
{
	return is_copy(op) && (uintptr_t)op->dst > (uintptr_t)op->src &&
	       (uintptr_t)op->dst - (uintptr_t)op->src < op->length;
}

/**
 * Holds as much of an operation as can be had. @return 0, and in *len how much; -EAGAIN: not now.
 */
static int hold_op(
	struct svart_held_queue *h, const struct svart_op *op, struct entry *e, uint64_t *len)
{
	struct obstacle at;
	int rc;

	for (*len = op->length; *len > 0; *len = runs_backwards(op) ? 0 : at.off) {
		rc = hold_both(h, op, *len, e, &at);
		if (rc == 0 || rc == -EAGAIN)
			return rc;
		e->kind = ENTRY_CUT;
		e->status = rc == -ENOENT ? SVART_STATUS_PARTIAL : SVART_STATUS_BAD_ADDRESS;
		e->fault_addr = at.addr;
		e->flags =
			SVART_COMPLETION_FAULT_ADDR | (at.write ? SVART_COMPLETION_FAULT_WRITE : 0);
	}
	e->kind = ENTRY_LOCAL;
	return 0;
}

/** Whether an operation is one that this device has, and well-formed. */
static bool is_valid(const struct svart_held_queue *h, const struct svart_op *op)
{
	uint64_t dst = (uintptr_t)op->dst, src = (uintptr_t)op->src;
	uint8_t bad = op->flags & (uint8_t)~SVART_OP_NO_BLOCK;
	size_t i;

	for (i = 0; i < sizeof(op->reserved); i++)
		bad |= op->reserved[i];
	if (bad != 0 || op->opcode >= 64 || !(h->ops >> op->opcode & 1))
		return false;
	if (op->opcode == SVART_OP_NOOP)
		return true;
	return op->length <= h->max_transfer_bytes &&
	       (h->overlap || !is_copy(op) || dst - src >= op->length) &&
	       (h->overlap || !is_copy(op) || src - dst >= op->length);
}

/** @return whether the operation was taken. */
static bool prep_one(
	struct svart_held_queue *h, struct svart_queue *fast, const struct svart_op *op)
{
	struct entry *e = &h->entries[h->head & h->mask];
	struct svart_op part = *op;

	*e = (struct entry){ .kind = ENTRY_LOCAL, .cookie = op->cookie };
	if (!is_valid(h, op)) {
		e->status = SVART_STATUS_INVALID;
	} else if (op->opcode != SVART_OP_NOOP && op->length != 0) {
		e->kind = ENTRY_DEVICE;
		if (hold_op(h, op, e, &part.length) != 0)
			return false;
		part.flags = 0; /* All is mapped: there is nothing to wait for. */
	}
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

/** What the driver handed over, and what needed no handing over in between. */
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

static void complete_here(const struct entry *e, uint64_t bytes, struct svart_completion *done)
{
	*done = (struct svart_completion){ .cookie = e->cookie,
		.bytes_done = bytes,
		.fault_addr = e->fault_addr,
		.status = e->status,
		.flags = e->flags };
}

/** Operations from the oldest on that the driver completes, one after the other; nr at most. */
static uint16_t driver_run(const struct svart_held_queue *h, uint16_t nr)
{
	uint16_t n = 0;

	while (n < nr && h->tail + n != h->head &&
		h->entries[(h->tail + n) & h->mask].kind != ENTRY_LOCAL)
		n++;
	return n;
}

/** Ends what the driver has completed. */
static void finish(struct svart_held_queue *h, struct svart_completion *done, uint16_t nr)
{
	struct entry *e;
	uint16_t i;

	for (i = 0; i < nr; i++) {
		e = &h->entries[h->tail++ & h->mask];
		release(h, e);
		if (e->kind == ENTRY_CUT && done[i].status == SVART_STATUS_OK)
			complete_here(e, done[i].bytes_done, &done[i]);
	}
	/* A failed queue completes what was never submitted, too. */
	if ((int32_t)(h->posted - h->tail) < 0)
		h->posted = h->tail;
}

static uint16_t held_poll(struct svart_queue *fast, struct svart_completion *done, uint16_t nr)
{
	struct svart_held_queue *h = held_of(fast);
	uint16_t n = 0, run, got;

	while (n < nr && h->tail != h->head) {
		if (h->entries[h->tail & h->mask].kind == ENTRY_LOCAL) {
			if (h->tail == h->posted)
				break;
			complete_here(&h->entries[h->tail++ & h->mask], 0, &done[n++]);
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
	h->ops = q->dev->caps.ops;
	h->overlap = q->dev->caps.features & SVART_FEATURE_OVERLAP;
	h->max_transfer_bytes = svart_held_max_transfer(space);
	if (h->max_transfer_bytes > q->dev->caps.max_transfer_bytes)
		h->max_transfer_bytes = q->dev->caps.max_transfer_bytes;
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fake_queue.h"

#include <string.h>

#include <svart/fault.h>

#define PAGE UINT64_C(4096)

static struct fake_queue *of(const struct svart_queue *q)
{
	return (struct fake_queue *)(uintptr_t)q;
}

static uint16_t prep(struct svart_queue *q, const struct svart_op *ops, uint16_t nr)
{
	struct fake_queue *f = of(q);
	uint16_t n;

	for (n = 0; n < nr && !f->failed && f->head - f->tail < f->depth; n++, f->head++) {
		f->ops[f->head % FAKE_DEPTH_MAX] = ops[n];
		f->ran[f->head % FAKE_DEPTH_MAX] = false;
	}
	return n;
}

static uint16_t submit(struct svart_queue *q)
{
	struct fake_queue *f = of(q);
	uint16_t n = f->failed ? 0 : (uint16_t)(f->head - f->handed);

	f->handed += n;
	return n;
}

static uint16_t poll(struct svart_queue *q, struct svart_completion *done, uint16_t nr)
{
	struct fake_queue *f = of(q);
	uint32_t i;
	uint16_t n;

	for (n = 0; n < nr && f->tail != f->head; n++, f->tail++) {
		i = f->tail % FAKE_DEPTH_MAX;
		if (f->failed && !f->ran[i])
			f->done[i] = (struct svart_completion){ .cookie = f->ops[i].cookie,
				.status = SVART_STATUS_QUEUE_FAILED };
		else if (!f->ran[i])
			break;
		done[n] = f->done[i];
	}
	return n;
}

void fake_queue_init(struct fake_queue *f, uint32_t depth)
{
	*f = (struct fake_queue){
		.fast = { .prep = prep, .submit = submit, .poll = poll },
		.depth = depth,
		.fault = SVART_STATUS_BAD_ADDRESS,
	};
}

void fake_queue_fail(struct fake_queue *f)
{
	f->failed = true;
}

/** Bytes of [start, start + length) that can be done before the faulting page is met. */
static uint64_t bytes_before(const struct fake_queue *f, uint64_t start, uint64_t length)
{
	uint64_t end = start + length, page_end = f->fault_page + PAGE;

	if (f->fault_page == 0 || start >= page_end || end <= f->fault_page)
		return length;
	if (f->backward)
		return end > page_end ? end - page_end : 0;
	return start < f->fault_page ? f->fault_page - start : 0;
}

static void do_bytes(const struct svart_op *op, uint64_t from, uint64_t bytes)
{
	uint8_t *dst = (uint8_t *)op->dst + from;
	uint64_t i;

	if (op->opcode == SVART_OP_COPY)
		memmove(dst, (const uint8_t *)op->src + from, bytes);
	for (i = 0; op->opcode == SVART_OP_FILL && i < bytes; i++)
		dst[i] = (uint8_t)(op->pattern >> (from + i) % 8 * 8);
}

static void run_one(struct fake_queue *f, uint32_t i)
{
	const struct svart_op *op = &f->ops[i];
	struct svart_completion *done = &f->done[i];
	uint64_t by_dst = bytes_before(f, (uintptr_t)op->dst, op->length), by_src = op->length,
		 bytes;

	if (op->opcode == SVART_OP_COPY)
		by_src = bytes_before(f, (uintptr_t)op->src, op->length);
	bytes = by_dst < by_src ? by_dst : by_src;
	if (f->faults_left == 0)
		bytes = op->length;
	do_bytes(op, f->backward ? op->length - bytes : 0, bytes);
	*done = (struct svart_completion){ .cookie = op->cookie, .bytes_done = bytes };
	f->ran[i] = true;
	f->runs++;
	if (bytes == op->length)
		return;
	f->faults_left--;
	done->status = (uint8_t)f->fault;
	done->fault_addr = f->fault_page;
	done->flags = SVART_COMPLETION_FAULT_ADDR;
	if (by_dst < by_src)
		done->flags |= SVART_COMPLETION_FAULT_WRITE;
	if (f->backward)
		done->flags |= SVART_COMPLETION_BACKWARD;
}

unsigned int fake_queue_run(struct fake_queue *f)
{
	unsigned int before = f->runs;
	uint32_t i;

	for (i = f->handed; i != f->tail && !f->failed; i--)
		if (!f->ran[(i - 1) % FAKE_DEPTH_MAX])
			run_one(f, (i - 1) % FAKE_DEPTH_MAX);
	return f->runs - before;
}

/* What the driver calls beside the queue's functions. */

SVART_API enum svart_queue_state svart_queue_state_get(const struct svart_queue *q)
{
	return of(q)->failed ? SVART_QUEUE_FAILED : SVART_QUEUE_RUNNING;
}

/** The tests give the fake as the service. */
SVART_API unsigned int svart_fault_pump(struct svart_fault_service *faults)
{
	((struct fake_queue *)(void *)faults)->pumps++;
	return 0;
}

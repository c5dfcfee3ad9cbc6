/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The driver of QEMU's edu device, and the smallest complete one: doc/guides/edu.rst walks through it. The
 * device has a buffer of 4 KiB and moves bytes between it and memory, one transfer at a time.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/pci_regs.h>
#include <svart_pmd.h>

#include "edu_spec.h"
#include "error.h"
#include "machine.h"
#include "trace.h"

#define RING_ENTRIES 64u /* A power of two. */
#define MAX_TRANSFER (UINT64_C(1) << 30)
#define SETTLE_NS    UINT64_C(1000000000) /* A transfer takes 100 ms. */
#define DRAIN_NS     UINT64_C(2000000000)

/**
 * The device and its one queue. Positions count up and wrap at 2^32.
 *
 * Owner: control from open to close, the queue's thread from start to stop. Locks: none.
 */
struct edu {
	struct svart_pmd_device *dev;
	struct svart_machine *m;
	uint8_t *regs;
	struct svart_pmd_mem pattern; /* A fill loads it into the buffer. */
	uint32_t depth, head, posted, tail;
	enum { IDLE, LOADING, STORING } stage; /* Stage of the operation at tail. */
	uint64_t done, piece;                  /* Its bytes: stored; in the buffer. */
	_Atomic bool failed;                   /* Any thread may write it. */
	struct svart_op ops[RING_ENTRIES];
};

/* --- transfers -------------------------------------------------------------------------------- */

/** Says that the device is lost. A bus reads all ones where there is no device any more. */
static void device_lose(struct edu *e, uint32_t off)
{
	svart_pmd_lose(e->dev, SVART_PMD_LOSS_REGISTER, off);
	e->failed = true;
}

/** Tells whether a transfer runs. If no device answers, that is unknown, and e->failed is set. */
static bool dma_runs(struct edu *e)
{
	uint64_t cmd = e->m->ops->mmio_read64(e->m, e->regs + SVART_EDU_CMD_OFF);

	if (cmd == UINT64_MAX)
		device_lose(e, SVART_EDU_CMD_OFF);
	return cmd & SVART_EDU_CMD_RUN;
}

/** Tells whether the registers are still those of the transfer that ended: a reset clears them. */
static bool dma_was_ours(struct edu *e)
{
	if (e->m->ops->mmio_read64(e->m, e->regs + SVART_EDU_CNT_OFF) == e->piece)
		return true;
	e->failed = true;
	return false;
}

static void dma_start(struct edu *e, uint64_t dst, uint64_t src, uint64_t cmd)
{
	e->m->ops->mmio_write64(e->m, e->regs + SVART_EDU_SRC_OFF, src);
	e->m->ops->mmio_write64(e->m, e->regs + SVART_EDU_DST_OFF, dst);
	e->m->ops->mmio_write64(e->m, e->regs + SVART_EDU_CNT_OFF, e->piece);
	e->m->ops->mmio_write64(e->m, e->regs + SVART_EDU_CMD_OFF, cmd | SVART_EDU_CMD_RUN);
}

static void load_piece(struct edu *e, const struct svart_op *op)
{
	uint64_t left = op->length - e->done, *pattern = e->pattern.addr, i;

	e->stage = LOADING;
	e->piece = left < SVART_EDU_BUF_BYTES ? left : SVART_EDU_BUF_BYTES;
	for (i = 0; op->opcode == SVART_OP_FILL && i < SVART_EDU_BUF_BYTES / sizeof(*pattern); i++)
		pattern[i] = op->pattern;
	dma_start(e, SVART_EDU_BUF_ADDR,
		op->opcode == SVART_OP_FILL ? (uintptr_t)pattern : (uintptr_t)op->src + e->done, 0);
}

/* --- prep, submit, poll ----------------------------------------------------------------------- */

/** Advances the operation at tail, with two register reads at most. @return true if it has ended. */
static bool op_advance(struct edu *e)
{
	const struct svart_op *op = &e->ops[e->tail % RING_ENTRIES];

	if (e->stage != IDLE && (dma_runs(e) || !dma_was_ours(e)))
		return e->failed;
	if (e->stage == LOADING) {
		e->stage = STORING;
		dma_start(
			e, (uintptr_t)op->dst + e->done, SVART_EDU_BUF_ADDR, SVART_EDU_CMD_TO_RAM);
		return false;
	}
	if (e->stage == STORING)
		e->done += e->piece;
	if (e->done < op->length) {
		load_piece(e, op);
		return false;
	}
	e->stage = IDLE;
	e->done = 0;
	return true;
}

static uint16_t edu_prep(struct svart_queue *fast, const struct svart_op *ops, uint16_t nr)
{
	struct edu *e = fast->priv;
	uint16_t i;

	for (i = 0; i < nr && e->head - e->tail < e->depth && !e->failed; i++)
		e->ops[e->head++ % RING_ENTRIES] = ops[i];
	return i;
}

static uint16_t edu_submit(struct svart_queue *fast)
{
	struct edu *e = fast->priv;
	uint16_t nr = (uint16_t)(e->head - e->posted);

	if (e->failed)
		return 0;
	if (svart_trace_submit_on())
		svart_trace_submit(fast, nr, e->ops[e->posted % RING_ENTRIES].cookie);
	e->posted = e->head;
	if (nr != 0 && e->stage == IDLE)
		op_advance(e); /* poll starts the other operations, each in its turn. */
	return nr;
}

static uint16_t edu_poll(struct svart_queue *fast, struct svart_completion *done, uint16_t nr)
{
	struct edu *e = fast->priv;
	const struct svart_op *op;
	uint16_t n = 0;

	for (; n < nr && e->tail != (e->failed ? e->head : e->posted); n++, e->tail++) {
		if (!e->failed && !op_advance(e))
			break;
		op = &e->ops[e->tail % RING_ENTRIES];
		done[n] = (struct svart_completion){
			.cookie = op->cookie,
			.bytes_done = e->failed ? 0 : op->length,
			.status = e->failed ? SVART_STATUS_QUEUE_FAILED : SVART_STATUS_OK,
		};
	}
	if (svart_trace_complete_on())
		svart_trace_complete(fast, done, n);
	return n;
}

/* --- life ------------------------------------------------------------------------------------- */

static int bus_enable(struct svart_pmd_device *dev, unsigned int master)
{
	uint16_t command = 0;
	int rc = dev->host->config_read(dev, PCI_COMMAND, &command, sizeof(command));

	command = (uint16_t)((command & ~PCI_COMMAND_MASTER) | PCI_COMMAND_MEMORY | master);
	return rc ? rc : dev->host->config_write(dev, PCI_COMMAND, &command, sizeof(command));
}

static bool is_there(const struct edu *e)
{
	return e->m->ops->mmio_read32(e->m, e->regs + SVART_EDU_ID_OFF) != UINT32_MAX;
}

/** Waits for the end of the transfer that runs: nothing can stop it. @return whether it has ended. */
static bool dma_settle(struct edu *e)
{
	uint64_t deadline = e->m->ops->now_ns(e->m) + SETTLE_NS;
	bool runs;

	while ((runs = dma_runs(e)) && is_there(e) && e->m->ops->now_ns(e->m) < deadline)
		svart_pause(e->m, deadline);
	return !runs;
}

static int edu_queue_start(struct svart_pmd_queue *q)
{
	struct edu *e = q->dev->priv;
	int rc = q->dev->host->mem_alloc(q, SVART_EDU_BUF_BYTES, &e->pattern);

	e->depth = q->depth;
	q->fast = (struct svart_queue){ edu_prep, edu_submit, edu_poll, e };
	return rc;
}

static void edu_queue_stop(struct svart_pmd_queue *q)
{
	struct edu *e = q->dev->priv;
	uint64_t deadline = e->m->ops->now_ns(e->m) + DRAIN_NS;
	struct svart_completion lost;

	while (e->tail != e->posted && !e->failed && e->m->ops->now_ns(e->m) < deadline)
		if (edu_poll(&q->fast, &lost, 1) == 0)
			svart_pause(e->m, deadline);
	if (!dma_settle(e)) {
		e->failed = true;
		bus_enable(q->dev, 0); /* This keeps the transfer away from memory. */
	}
	e->stage = IDLE;
	e->done = e->head = e->posted = e->tail = 0;
	q->dev->host->mem_free(q, &e->pattern);
}

static bool is_edu(const struct edu *e)
{
	uint32_t id = e->m->ops->mmio_read32(e->m, e->regs + SVART_EDU_ID_OFF);

	return (id & SVART_EDU_ID_MASK) == SVART_EDU_ID;
}

static int edu_open(struct svart_pmd_device *dev)
{
	struct edu *e = calloc(1, sizeof(*e));
	uint64_t bits = SVART_EDU_MASK_BITS;
	int rc;

	if (e == NULL)
		return svart_fail(-ENOMEM, "%s: out of memory", dev->name);
	e->dev = dev;
	e->m = dev->machine;
	e->regs = dev->bars[0].addr;
	rc = dev->host->option_u64(dev, "dma_mask_bits", 16, 64, &bits);
	if (rc == 0)
		rc = bus_enable(dev, 0);
	if (rc == 0 && (dev->bars[0].bytes < SVART_EDU_REGS_BYTES || !is_edu(e)))
		rc = svart_fail(-EIO, "%s does not answer as an edu device", dev->name);
	if (rc == 0 && !dma_settle(e))
		rc = svart_fail(-ETIMEDOUT, "%s: a transfer does not end: reset it", dev->name);
	if (rc == 0)
		rc = bus_enable(dev, PCI_COMMAND_MASTER);
	if (rc != 0) {
		free(e);
		return rc;
	}
	dev->caps.nr_queues = 1;
	dev->caps.queue_depth = RING_ENTRIES;
	dev->caps.max_transfer_bytes = MAX_TRANSFER;
	dev->caps.ops = 1u << SVART_OP_NOOP | 1u << SVART_OP_COPY | 1u << SVART_OP_FILL;
	dev->caps.address_bits = (uint32_t)bits;
	dev->priv = e;
	return 0;
}

static void edu_close(struct svart_pmd_device *dev)
{
	bus_enable(dev, 0);
	free(dev->priv);
}

static void edu_queues_fail(struct svart_pmd_device *dev)
{
	((struct edu *)dev->priv)->failed = true;
}

static void edu_check(struct svart_pmd_device *dev)
{
	if (!is_there(dev->priv))
		device_lose(dev->priv, SVART_EDU_ID_OFF);
}

static uint32_t edu_queue_in_flight(const struct svart_pmd_queue *q)
{
	return ((const struct edu *)q->fast.priv)->head - ((const struct edu *)q->fast.priv)->tail;
}

static bool edu_queue_failed(const struct svart_pmd_queue *q)
{
	return ((const struct edu *)q->fast.priv)->failed;
}

static void edu_queue_error(const struct svart_pmd_queue *q, struct svart_queue_error *error)
{
	*error = (struct svart_queue_error){ 0 };
	if (!svart_pmd_is_lost(q->dev))
		snprintf(error->text, sizeof(error->text),
			"a transfer did not end, or the device was reset; close it and open it "
			"again");
}

static const struct svart_pmd_id edu_ids[] = {
	{ SVART_EDU_VENDOR_ID, SVART_EDU_DEVICE_ID, "QEMU edu" },
	{ 0, 0, NULL },
};

static const char *const edu_transports[] = { "vfio", NULL };
static const char *const edu_option_keys[] = { "dma_mask_bits", NULL };

extern const struct svart_pmd_ops svart_pmd_edu;

const struct svart_pmd_ops svart_pmd_edu = {
	.name = "edu",
	.transports = edu_transports,
	.ids = edu_ids,
	.option_keys = edu_option_keys,
	.bars = 1u << 0,
	.needs_page_requests = false,
	.open = edu_open,
	.close = edu_close,
	.queue_start = edu_queue_start,
	.queue_stop = edu_queue_stop,
	.queues_fail = edu_queues_fail,
	.check = edu_check,
	.queue_in_flight = edu_queue_in_flight,
	.queue_failed = edu_queue_failed,
	.queue_error = edu_queue_error,
};

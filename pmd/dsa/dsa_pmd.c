/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The driver of Intel's Data Streaming Accelerator: its ops table.
 *
 * The same code drives silicon and the software model. It uses dedicated work queues only, because on the
 * VFIO path no thread has the PASID that ENQCMD needs.
 */

#include "dsa_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dsa_ops.h"
#include "error.h"

static const struct svart_pmd_id dsa_ids[] = {
	{ SVART_DSA_VENDOR_ID, SVART_DSA_DEVICE_SPR, "Intel DSA 1.0" },
	{ SVART_DSA_VENDOR_ID, SVART_DSA_DEVICE_GNR, "Intel DSA (Granite Rapids D)" },
	{ SVART_DSA_VENDOR_ID, SVART_DSA_DEVICE_DMR, "Intel DSA (Diamond Rapids)" },
	{ 0, 0, NULL },
};

static const char *const dsa_transports[] = { "vfio", NULL };

/** queues=N: WQs to configure. max_xfer_shift=N: operations of 2^N bytes at most. */
static const char *const dsa_option_keys[] = { "queues", "max_xfer_shift", "queue_engines",
	"queue_groups", "traffic_class", NULL };
/** Traffic class of both selectors, unless it is given: the one that idxd and SPDK use on DSA 1 and 2. */
#define TRAFFIC_CLASS     1u
#define MAX_TRAFFIC_CLASS 7u

/* --- open, close ------------------------------------------------------------------------------ */

/** Reads how the queues share groups, and groups engines. By default as little as there are engines for. */
static int groups_read(struct svart_dsa_device *d)
{
	const struct svart_pmd_host *host = d->dev->host;
	uint64_t engines = 1, groups, class = TRAFFIC_CLASS, max = d->caps.nr_groups;
	int rc;

	rc = host->option_u64(d->dev, "queue_engines", 1, d->caps.nr_engines, &engines);
	if (rc)
		return rc;
	/* A group has a queue and its engines, or nothing. */
	if (max > d->nr_queues)
		max = d->nr_queues;
	if (max > d->caps.nr_engines / engines)
		max = d->caps.nr_engines / engines;
	groups = max;
	rc = host->option_u64(d->dev, "queue_groups", 1, max, &groups);
	if (rc)
		return rc;
	rc = host->option_u64(d->dev, "traffic_class", 0, MAX_TRAFFIC_CLASS, &class);
	d->nr_groups = (uint32_t)groups;
	d->group_engines = (uint32_t)engines;
	d->traffic_class = (uint32_t) class;
	return rc;
}

/** Reads the options, limited to what the device can do. */
static int options_read(struct svart_dsa_device *d)
{
	const struct svart_pmd_host *host = d->dev->host;
	uint64_t queues = 1, shift = d->caps.max_xfer_shift;
	uint32_t max_queues = d->caps.nr_wqs;
	int rc;

	if (max_queues > d->caps.total_size)
		max_queues = d->caps.total_size;
	rc = host->option_u64(d->dev, "queues", 1, max_queues, &queues);
	if (rc)
		return rc;
	rc = host->option_u64(d->dev, "max_xfer_shift", 12, d->caps.max_xfer_shift, &shift);
	if (rc)
		return rc;
	d->nr_queues = (uint32_t)queues;
	d->max_xfer_shift = (uint8_t)shift;
	d->wq_size = d->caps.total_size / d->nr_queues;
	if (d->wq_size > SVART_DSA_WQ_SIZE_MAX)
		d->wq_size = SVART_DSA_WQ_SIZE_MAX;
	return groups_read(d);
}

static int failures_alloc(struct svart_dsa_device *d)
{
	size_t bytes = d->nr_queues * sizeof(*d->failures);

	d->failures = aligned_alloc(alignof(struct svart_dsa_failure), bytes);
	if (d->failures == NULL)
		return svart_fail(-ENOMEM, "%s: out of memory", d->dev->name);
	memset(d->failures, 0, bytes);
	return 0;
}

static void caps_publish(const struct svart_dsa_device *d)
{
	struct svart_pmd_device *dev = d->dev;

	dev->caps.nr_queues = d->nr_queues;
	dev->caps.queue_depth = d->wq_size;
	dev->caps.max_transfer_bytes = UINT64_C(1) << d->max_xfer_shift;
	dev->caps.ops = svart_dsa_ops_of(d->caps.opcap[0]);
	dev->caps.engines = d->nr_groups * d->group_engines;
	dev->caps.step_pages = svart_op_step_pages(dev->caps.ops);
	dev->caps.features = 0;
	if (d->block_on_fault)
		dev->caps.features |= SVART_FEATURE_PAGE_REQUESTS;
	if (d->caps.overlap_copy)
		dev->caps.features |= SVART_FEATURE_OVERLAP;
	if (d->caps.msix_perms > 1)
		dev->caps.features |= SVART_FEATURE_EVENTS;
	if (d->caps.batches)
		dev->caps.features |= SVART_FEATURE_BATCHES;
	if (d->caps.priority)
		dev->caps.features |= SVART_FEATURE_PRIORITY;
}

/** Configures and enables a device that was reset. */
static int device_bring_up(struct svart_dsa_device *d)
{
	int rc;

	rc = svart_pmd_dsa_caps_read(d);
	if (rc)
		return rc;
	rc = options_read(d);
	if (rc)
		return rc;
	d->block_on_fault = d->caps.block_on_fault && d->dev->page_requests;
	if (d->dev->page_requests && !d->caps.block_on_fault)
		svart_log(SVART_LOG_WARN,
			"%s: the device cannot wait for pages (GENCAP): operations stop at a "
			"missing one",
			d->dev->name);
	rc = failures_alloc(d);
	if (rc)
		return rc;
	svart_pmd_dsa_groups_configure(d);
	return svart_pmd_dsa_enable(d);
}

static void device_free(struct svart_dsa_device *d)
{
	free(d->failures);
	free(d);
}

static int dsa_open(struct svart_pmd_device *dev)
{
	struct svart_dsa_device *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL)
		return svart_fail(-ENOMEM, "%s: out of memory", dev->name);
	d->dev = dev;
	d->m = dev->machine;
	d->regs = dev->bars[SVART_DSA_BAR_REGS].addr;
	atomic_flag_clear(&d->errors_busy);
	rc = svart_pmd_dsa_bars_check(d);
	if (rc)
		goto free_device;
	rc = svart_pmd_dsa_bus_enable(d, true);
	if (rc)
		goto free_device;
	rc = svart_pmd_dsa_reset(d);
	if (rc)
		goto disable_bus;
	rc = device_bring_up(d);
	if (rc)
		goto shut_down;
	caps_publish(d);
	dev->priv = d;
	return 0;

shut_down:
	svart_pmd_dsa_shutdown(d);
	goto free_device;
disable_bus:
	svart_pmd_dsa_bus_enable(d, false);
free_device:
	device_free(d);
	return rc;
}

static void dsa_close(struct svart_pmd_device *dev)
{
	struct svart_dsa_device *d = dev->priv;

	svart_pmd_dsa_shutdown(d);
	device_free(d);
	dev->priv = NULL;
}

/* --- queues ----------------------------------------------------------------------------------- */

/** Finds the WQ's portal: it is the unlimited one, because a dedicated WQ has no threshold. */
static int portal_find(struct svart_dsa_queue *dq, const struct svart_dsa_device *d)
{
	const struct svart_pmd_device *dev = d->dev;

	dq->portal_page = (uint8_t *)dev->bars[SVART_DSA_BAR_PORTALS].addr +
			  (size_t)dq->index * SVART_DSA_WQ_PORTAL_BYTES +
			  SVART_DSA_PORTAL_MSIX_UNLIMITED * SVART_DSA_PORTAL_BYTES;
	return d->m->ops->portal(d->m, dq->portal_page, dev->portal_flags, &dq->portal);
}

/** Sets what the fast path needs to know. */
static void queue_set_up(struct svart_dsa_queue *dq, struct svart_dsa_device *d, uint32_t index)
{
	dq->device = d;
	dq->index = index;
	dq->failure = &d->failures[index];
	dq->max_transfer_bytes = UINT64_C(1) << d->max_xfer_shift;
	svart_pmd_dsa_rules_set(dq, d->dev->caps.ops, d->caps.overlap_copy);
	if (dq->batches != NULL)
		dq->batches->max = UINT32_C(1) << d->caps.max_batch_shift;
	dq->any_flags = (uint16_t)(SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR);
	dq->plain_flags = dq->any_flags;
	if (d->block_on_fault)
		dq->plain_flags |= (uint16_t)SVART_DSA_FLAG_BOF;
	dq->cache_flags = d->caps.cache_control ? (uint32_t)SVART_DSA_FLAG_CC : 0;
}

static void queue_publish(struct svart_pmd_queue *q, struct svart_dsa_queue *dq)
{
	q->fast.priv = dq;
	q->fast.prep = svart_pmd_dsa_prep;
	q->fast.submit = dq->batches != NULL ? svart_pmd_dsa_submit_batches : svart_pmd_dsa_submit;
	q->fast.poll = (q->flags & SVART_QUEUE_UNORDERED) != 0 ? svart_pmd_dsa_poll_any
							       : svart_pmd_dsa_poll;
}

/**
 * Brings a device to life that has halted, or that was reset, by somebody or since it did not stop a queue. Nothing
 * of it is in use. @return 0; -EIO, -ETIMEDOUT; told.
 */
static int device_revive(struct svart_dsa_device *d)
{
	int rc;

	if (d->hung)
		return svart_fail(-EIO,
			"%s: the device could not be reset when it did not stop a queue: close it, "
			"open it again",
			d->dev->name);
	/* A reset by its function has taken the bus from it, too. */
	rc = svart_pmd_dsa_bus_enable(d, true);
	if (rc)
		return rc;
	rc = svart_pmd_dsa_reset(d);
	if (rc)
		return rc;
	svart_pmd_dsa_groups_configure(d);
	rc = svart_pmd_dsa_enable(d);
	if (rc == 0)
		svart_log(SVART_LOG_WARN,
			"%s: the device was halted or disabled: it is reset and configured anew",
			d->dev->name);
	return rc;
}

/** Whether a queue can be had of it. @return 0 or -EIO, told. */
static int device_check(struct svart_dsa_device *d)
{
	uint32_t status = svart_pmd_dsa_read32(d, SVART_DSA_GENSTS_OFF);
	bool halted = svart_pmd_dsa_is_halted(status);

	/* One that is gone is told of by whoever needs it first. */
	if (status == SVART_DSA_ALL_ONES32 ||
		(d->enabled &&
			SVART_FIELD_GET(SVART_DSA_GENSTS_STATE, status) == SVART_DSA_STATE_ENABLED))
		return 0;
	if (d->nr_running == 0)
		return device_revive(d);
	if (halted)
		return svart_fail(-EIO, "%s: %s", d->dev->name, svart_pmd_dsa_halt_text(status));
	return svart_fail(-EIO,
		"%s: the device was reset since it did not stop a queue: destroy its other queues "
		"first",
		d->dev->name);
}

static int dsa_queue_start(struct svart_pmd_queue *q)
{
	struct svart_dsa_device *d = q->dev->priv;
	const struct svart_pmd_host *host = q->dev->host;
	struct svart_pmd_mem mem = { 0 };
	bool batches = (q->flags & SVART_QUEUE_BATCHES) != 0;
	struct svart_dsa_queue *dq;
	int rc;

	rc = device_check(d);
	if (rc)
		return rc;
	rc = host->mem_alloc(q, svart_pmd_dsa_ring_mem_bytes(q->depth, batches), &mem);
	if (rc)
		return rc;
	rc = svart_pmd_dsa_ring_create(q->depth, mem.addr, batches, &dq);
	if (rc)
		goto free_mem;
	dq->record_mem = mem;
	dq->pmd = q;
	queue_set_up(dq, d, q->index);
	rc = portal_find(dq, d);
	if (rc)
		goto destroy_ring;
	svart_pmd_dsa_failure_clear(d, q->index);
	rc = svart_pmd_dsa_irq_start(d, q, dq);
	if (rc)
		goto destroy_ring;
	rc = svart_pmd_dsa_wq_enable(d, q);
	if (rc)
		goto stop_irq;
	queue_publish(q, dq);
	d->nr_running++;
	return 0;

stop_irq:
	svart_pmd_dsa_irq_stop(d, q, dq);
destroy_ring:
	svart_pmd_dsa_ring_destroy(dq);
free_mem:
	host->mem_free(q, &mem);
	return rc;
}

static void dsa_queue_stop(struct svart_pmd_queue *q)
{
	struct svart_dsa_queue *dq = q->fast.priv;

	dq->device->nr_running--;
	svart_pmd_dsa_wq_quiesce(dq->device, dq->index, dq);
	svart_pmd_dsa_irq_stop(dq->device, q, dq);
	q->fast.priv = NULL;
	q->dev->host->mem_free(q, &dq->record_mem);
	svart_pmd_dsa_ring_destroy(dq);
}

static void dsa_queues_fail(struct svart_pmd_device *dev)
{
	svart_pmd_dsa_fail_all(dev->priv, SVART_DSA_CAUSE_LOST, 0, 0);
}

static void dsa_check(struct svart_pmd_device *dev)
{
	svart_pmd_dsa_errors_check(dev->priv);
}

static uint32_t dsa_queue_in_flight(const struct svart_pmd_queue *q)
{
	const struct svart_dsa_queue *dq = q->fast.priv;

	return dq->head - dq->tail - dq->nr_taken;
}

static bool dsa_queue_failed(const struct svart_pmd_queue *q)
{
	const struct svart_dsa_queue *dq = q->fast.priv;

	return svart_pmd_dsa_failed(dq->failure);
}

static void dsa_queue_error(const struct svart_pmd_queue *q, struct svart_queue_error *error)
{
	const struct svart_dsa_queue *dq = q->fast.priv;

	svart_pmd_dsa_failure_describe(dq->failure, dq->index, error);
}

extern const struct svart_pmd_ops svart_pmd_dsa;

const struct svart_pmd_ops svart_pmd_dsa = {
	.name = "dsa",
	.transports = dsa_transports,
	.ids = dsa_ids,
	.option_keys = dsa_option_keys,
	.bars = 1u << SVART_DSA_BAR_REGS | 1u << SVART_DSA_BAR_PORTALS,
	.needs_page_requests = true,
	.needs_movdir64b = true,
	.open = dsa_open,
	.close = dsa_close,
	.queue_start = dsa_queue_start,
	.queue_stop = dsa_queue_stop,
	.queues_fail = dsa_queues_fail,
	.check = dsa_check,
	.queue_in_flight = dsa_queue_in_flight,
	.queue_failed = dsa_queue_failed,
	.queue_error = dsa_queue_error,
};

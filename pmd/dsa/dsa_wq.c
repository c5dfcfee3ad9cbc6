/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * One work queue: configure, enable, quiesce.
 */

#include "dsa_internal.h"

#include <errno.h>

#include "error.h"

/** Priority among the WQs of a group, 1 to 15 (DSA spec 9.2.18), unless the queue's program gave one. */
#define WQ_PRIORITY 1u

/** Fields of WQCFG dword 2 that the device must have taken as written. */
#define WQCFG2_MATTERS                                                        \
	(SVART_DSA_WQCFG2_DEDICATED | SVART_DSA_WQCFG2_BLOCK_ON_FAULT |       \
		SVART_DSA_WQCFG2_ATS_DISABLE | SVART_DSA_WQCFG2_PRS_DISABLE | \
		SVART_DSA_WQCFG2_PASID | SVART_DSA_WQCFG2_PASID_EN | SVART_DSA_WQCFG2_PRIV)

static uint32_t wqcfg_off(const struct svart_dsa_device *d, uint32_t index, unsigned int dword)
{
	return d->caps.wqcfg_off + index * d->caps.wqcfg_bytes + dword * 4;
}

static uint32_t wqcfg_read(const struct svart_dsa_device *d, uint32_t index, unsigned int dword)
{
	return svart_pmd_dsa_read32(d, wqcfg_off(d, index, dword));
}

static void wqcfg_write(
	const struct svart_dsa_device *d, uint32_t index, unsigned int dword, uint32_t value)
{
	svart_pmd_dsa_write32(d, wqcfg_off(d, index, dword), value);
}

/** A value beyond the real states: the register reads all ones. */
#define WQ_GONE ((enum svart_dsa_wq_state)UINT32_MAX)

static enum svart_dsa_wq_state wq_state(const struct svart_dsa_device *d, uint32_t index)
{
	uint32_t dword = wqcfg_read(d, index, 6);

	if (dword == SVART_DSA_ALL_ONES32)
		return WQ_GONE;
	return (enum svart_dsa_wq_state)SVART_FIELD_GET(SVART_DSA_WQCFG6_STATE, dword);
}

/** Makes the operand of commands that take a bitmap of WQs. */
static uint32_t wq_operand(uint32_t index)
{
	return (uint32_t)(SVART_FIELD_PREP(SVART_DSA_CMD_WQS_SET, index / 16) |
			  SVART_FIELD_PREP(SVART_DSA_CMD_WQS_MAP, UINT32_C(1) << (index % 16)));
}

/** Makes dword 2. ATS stays on: with ATS a miss becomes a page request, without it an error. */
static uint32_t wqcfg2_of(const struct svart_dsa_device *d, const struct svart_pmd_queue *q)
{
	uint64_t value =
		SVART_DSA_WQCFG2_DEDICATED | SVART_FIELD_PREP(SVART_DSA_WQCFG2_PRIORITY,
						     q->priority != 0 ? q->priority : WQ_PRIORITY);

	if (d->block_on_fault)
		value |= SVART_DSA_WQCFG2_BLOCK_ON_FAULT;
	if (!d->dev->page_requests && d->caps.prs_disable)
		value |= SVART_DSA_WQCFG2_PRS_DISABLE;
	if (q->pasid != SVART_PASID_NONE)
		value |= SVART_DSA_WQCFG2_PASID_EN |
			 SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, q->pasid);
	return (uint32_t)value;
}

static uint32_t wqcfg3_of(const struct svart_dsa_device *d)
{
	return (uint32_t)(SVART_FIELD_PREP(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, d->max_xfer_shift) |
			  SVART_FIELD_PREP(
				  SVART_DSA_WQCFG3_MAX_BATCH_SHIFT, d->caps.max_batch_shift));
}

static void wqcfg_configure(const struct svart_dsa_device *d, const struct svart_pmd_queue *q)
{
	unsigned int i;

	wqcfg_write(d, q->index, 0, (uint32_t)SVART_FIELD_PREP(SVART_DSA_WQCFG0_SIZE, d->wq_size));
	wqcfg_write(d, q->index, 1, 0);
	wqcfg_write(d, q->index, 2, wqcfg2_of(d, q));
	wqcfg_write(d, q->index, 3, wqcfg3_of(d));
	wqcfg_write(d, q->index, 4, 0);
	wqcfg_write(d, q->index, 5, 0);
	for (i = 0; d->caps.op_config && i < 2 * SVART_DSA_OPCAP_WORDS; i++)
		wqcfg_write(d, q->index, SVART_DSA_WQCFG_MIN_DWORDS + i,
			(uint32_t)(d->caps.opcap[i / 2] >> (i % 2 * 32)));
}

/** Tells that a dword of WQCFG, none of which has all bits set, reads all ones. */
static int wqcfg_gone(const struct svart_dsa_device *d, uint32_t index)
{
	return svart_fail(-EIO,
		"%s: WQCFG of WQ %u reads all ones, the device is gone: look into the kernel log, "
		"reset or rescan the PCI device",
		d->dev->name, index);
}

/** Reads back a dword of WQCFG. */
static int wqcfg_check(const struct svart_dsa_device *d, uint32_t index, unsigned int dword,
	uint64_t mask, uint32_t want)
{
	uint32_t got = wqcfg_read(d, index, dword);

	if (got == SVART_DSA_ALL_ONES32)
		return wqcfg_gone(d, index);
	if (((got ^ want) & mask) == 0)
		return 0;
	return svart_fail(-EIO,
		"%s: WQCFG dword %u of WQ %u has 0x%x after 0x%x was written: the device does not "
		"take this configuration",
		d->dev->name, dword, index, got, want);
}

static int wqcfg_verify(const struct svart_dsa_device *d, const struct svart_pmd_queue *q)
{
	int rc;

	rc = wqcfg_check(d, q->index, 0, SVART_DSA_WQCFG0_SIZE, d->wq_size);
	if (rc == 0)
		rc = wqcfg_check(d, q->index, 2, WQCFG2_MATTERS, wqcfg2_of(d, q));
	if (rc == 0)
		rc = wqcfg_check(d, q->index, 3, SVART_DSA_WQCFG3_MAX_XFER_SHIFT, wqcfg3_of(d));
	return rc;
}

/** Waits until the WQ is in the enabled state. */
static int wq_wait_enabled(struct svart_dsa_device *d, uint32_t index)
{
	uint64_t deadline = d->m->ops->now_ns(d->m) + SVART_DSA_COMMAND_NS;
	enum svart_dsa_wq_state state;
	bool late;

	for (;;) {
		late = d->m->ops->now_ns(d->m) >= deadline;
		state = wq_state(d, index);
		if (state == SVART_DSA_WQ_ENABLED)
			return 0;
		if (state == WQ_GONE)
			return wqcfg_gone(d, index);
		if (late)
			break;
		svart_pause(d->m, deadline);
	}
	return svart_fail(-ETIMEDOUT,
		"%s: WQCFG of WQ %u still shows state %u after ENABLE_WQ; reset the PCI device, "
		"then open it again",
		d->dev->name, index, state);
}

int svart_pmd_dsa_wq_enable(struct svart_dsa_device *d, const struct svart_pmd_queue *q)
{
	enum svart_dsa_wq_state state = wq_state(d, q->index);
	int rc;

	if (state == WQ_GONE)
		return wqcfg_gone(d, q->index);
	if (state != SVART_DSA_WQ_DISABLED)
		return svart_fail(-EIO,
			"%s: WQCFG of WQ %u shows state %u before it was enabled: reset the PCI "
			"device, then open it again",
			d->dev->name, q->index, state);
	wqcfg_configure(d, q);
	rc = wqcfg_verify(d, q);
	if (rc)
		return rc;
	rc = svart_pmd_dsa_command(d, SVART_DSA_CMD_ENABLE_WQ, q->index);
	if (rc == 0)
		rc = wq_wait_enabled(d, q->index);
	if (rc == -ETIMEDOUT)
		svart_pmd_dsa_wq_quiesce(d, q->index, NULL);
	return rc;
}

/**
 * Lets the device finish what it has. DRAIN_WQ alone would not be enough: no command can interrupt it, so
 * nothing could end a WQ whose page requests are not answered.
 * @return whether all records are written; false if that took too long, or the queue has failed.
 */
static bool queue_settle(struct svart_dsa_device *d, const struct svart_dsa_queue *queue)
{
	uint64_t deadline = d->m->ops->now_ns(d->m) + SVART_DSA_DRAIN_NS;
	bool late;

	for (;;) {
		late = d->m->ops->now_ns(d->m) >= deadline;
		/*
		 * Operations that were polled from a failed queue may still be running: a drain would wait
		 * for them.
		 */
		if (svart_pmd_dsa_failed(queue->failure))
			return false;
		if (svart_pmd_dsa_ring_settled(queue))
			return true;
		svart_pmd_dsa_errors_check(d);
		if (late || svart_pmd_dsa_failed(queue->failure))
			return false;
		svart_pause(d->m, deadline);
	}
}

/** Drains or aborts, then resets the WQ. @return 0, or -errno, told: the WQ may still be running. */
static int wq_stop(struct svart_dsa_device *d, uint32_t index, const struct svart_dsa_queue *queue)
{
	enum svart_dsa_cmd cmd = SVART_DSA_CMD_DRAIN_WQ;
	int rc;

	if (queue != NULL && !queue_settle(d, queue)) {
		if (!svart_pmd_dsa_failed(queue->failure))
			svart_log(SVART_LOG_WARN,
				"%s: WQ %u does not finish what it has: aborting it", d->dev->name,
				index);
		cmd = SVART_DSA_CMD_ABORT_WQ;
	}
	rc = svart_pmd_dsa_command(d, cmd, wq_operand(index));
	return rc ? rc : svart_pmd_dsa_command(d, SVART_DSA_CMD_RESET_WQ, wq_operand(index));
}

/** Takes bus mastering from the device, as the last resort: it reaches no memory then, whatever it does. */
static void device_give_up(struct svart_dsa_device *d)
{
	d->enabled = false;
	d->hung = true;
	if (svart_pmd_dsa_bus_enable(d, false) != 0)
		svart_log(SVART_LOG_ERR, "%s", svart_fail_text());
}

void svart_pmd_dsa_wq_quiesce(
	struct svart_dsa_device *d, uint32_t index, const struct svart_dsa_queue *queue)
{
	/* No WQ is enabled after a reset, and a WQ that ENABLE_WQ did not enable is not enabled either. */
	if (!d->enabled || wq_state(d, index) == SVART_DSA_WQ_DISABLED)
		return;
	/*
	 * The device may be there without answering, for instance with memory space off in its command
	 * register.
	 */
	if (!svart_pmd_dsa_answers(d)) {
		device_give_up(d);
		return;
	}
	if (wq_stop(d, index, queue) == 0)
		return;
	svart_log(SVART_LOG_WARN, "%s; resetting the device", svart_fail_text());
	svart_pmd_dsa_fail_all(d, SVART_DSA_CAUSE_RESET, 0, 0);
	if (svart_pmd_dsa_reset(d) == 0)
		return;
	svart_log(SVART_LOG_ERR, "%s; taking bus mastering from it", svart_fail_text());
	device_give_up(d);
}

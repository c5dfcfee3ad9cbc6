/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Errors that the device reports outside of completion records, and the queues that they concern.
 *
 * A failure is written once, by the thread that moves its state from RUNNING to FAILING, and read after the
 * state is FAILED. So a thread that polls one queue can leave an error for another queue.
 */

#include "dsa_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/** SWERR's third word. */
#define SWERR_ADDR_OFF (SVART_DSA_SWERR_OFF + 16)
#define SWERR_ACK      (SVART_DSA_SWERR0_VALID | SVART_DSA_SWERR0_OVERFLOW)
/** How long control sleeps at a time while a poller reads the error registers. */
#define BUSY_PAUSE_NS UINT64_C(100000)

void svart_pmd_dsa_fail_queue(struct svart_dsa_device *d, uint32_t index,
	enum svart_dsa_cause cause, uint64_t swerr0, uint64_t fault_addr)
{
	struct svart_dsa_failure *f = &d->failures[index];
	unsigned int expected = SVART_DSA_RUNNING;

	/* The first cause stays. No order is needed: only the winner writes, and releases below. */
	if (!atomic_compare_exchange_strong_explicit(&f->state, &expected, SVART_DSA_FAILING,
		    memory_order_relaxed, memory_order_relaxed))
		return;
	f->cause = cause;
	f->swerr0 = swerr0;
	f->fault_addr = fault_addr;
	/* Orders the cause before the state; pairs with the acquire in svart_pmd_dsa_failed(). */
	atomic_store_explicit(&f->state, SVART_DSA_FAILED, memory_order_release);
}

void svart_pmd_dsa_fail_all(struct svart_dsa_device *d, enum svart_dsa_cause cause, uint64_t swerr0,
	uint64_t fault_addr)
{
	uint32_t i;

	for (i = 0; i < d->nr_queues; i++)
		svart_pmd_dsa_fail_queue(d, i, cause, swerr0, fault_addr);
}

void svart_pmd_dsa_lose(struct svart_dsa_device *d, uint32_t off)
{
	svart_pmd_lose(d->dev, SVART_PMD_LOSS_REGISTER, off);
	svart_pmd_dsa_fail_all(d, SVART_DSA_CAUSE_LOST, 0, 0);
}

/**
 * Gives a valid SWERR to the queue that it names. An error that names no queue of ours fails all queues. So
 * does an error that was lost because SWERR was in use: the queue that it concerned would wait for a record
 * that never comes.
 */
static void swerr_assign(struct svart_dsa_device *d, uint64_t swerr0)
{
	uint64_t wq = SVART_FIELD_GET(SVART_DSA_SWERR0_WQ, swerr0);
	uint64_t addr = svart_pmd_dsa_read64(d, SWERR_ADDR_OFF);

	/*
	 * Only the bits that were seen are acknowledged: an overflow that comes now stays for the next
	 * look.
	 */
	svart_pmd_dsa_write64(d, SVART_DSA_SWERR_OFF, swerr0 & SWERR_ACK);
	if (swerr0 & SVART_DSA_SWERR0_VALID) {
		if (swerr0 & SVART_DSA_SWERR0_WQ_VALID && wq < d->nr_queues)
			svart_pmd_dsa_fail_queue(
				d, (uint32_t)wq, SVART_DSA_CAUSE_SWERR, swerr0, addr);
		else
			svart_pmd_dsa_fail_all(d, SVART_DSA_CAUSE_SWERR, swerr0, addr);
	}
	/* The first cause stays: the queue that was named keeps its own. */
	if (swerr0 & SVART_DSA_SWERR0_OVERFLOW)
		svart_pmd_dsa_fail_all(d, SVART_DSA_CAUSE_OVERFLOW, swerr0, addr);
}

/**
 * The device has halted. It writes an error before it halts for it, and may have done both since SWERR was read: the
 * error says more.
 */
static void halt_assign(struct svart_dsa_device *d, uint32_t status)
{
	uint64_t swerr0 = svart_pmd_dsa_read64(d, SVART_DSA_SWERR_OFF);

	if (swerr0 != SVART_DSA_ALL_ONES64 && (swerr0 & SWERR_ACK) != 0)
		swerr_assign(d, swerr0);
	svart_pmd_dsa_fail_all(d, SVART_DSA_CAUSE_HALTED, status, 0);
}

/** Fails all queues if the device does not run. A drain is started by control, and passes. */
static void state_check(struct svart_dsa_device *d)
{
	uint32_t status = svart_pmd_dsa_read32(d, SVART_DSA_GENSTS_OFF);
	uint64_t state = SVART_FIELD_GET(SVART_DSA_GENSTS_STATE, status);

	if (status == SVART_DSA_ALL_ONES32)
		svart_pmd_dsa_lose(d, SVART_DSA_GENSTS_OFF);
	else if (state == SVART_DSA_STATE_HALT)
		halt_assign(d, status);
	else if (state == SVART_DSA_STATE_DISABLED)
		svart_pmd_dsa_fail_all(d, SVART_DSA_CAUSE_RESET, 0, 0);
}

static void errors_read(struct svart_dsa_device *d)
{
	uint64_t swerr0 = svart_pmd_dsa_read64(d, SVART_DSA_SWERR_OFF);

	if (swerr0 == SVART_DSA_ALL_ONES64)
		svart_pmd_dsa_lose(d, SVART_DSA_SWERR_OFF);
	else if (swerr0 & SWERR_ACK)
		swerr_assign(d, swerr0);
	else
		state_check(d);
}

bool svart_pmd_dsa_errors_check(struct svart_dsa_device *d)
{
	/* SWERR is several words: two readers at once could mix and lose errors. The flag orders
	 * one's acknowledge before the next one's read. It is not a lock: a thread that finds it set goes
	 * on. */
	if (atomic_flag_test_and_set_explicit(&d->errors_busy, memory_order_acquire))
		return false;
	errors_read(d);
	atomic_flag_clear_explicit(&d->errors_busy, memory_order_release);
	return true;
}

void svart_pmd_dsa_failure_clear(struct svart_dsa_device *d, uint32_t index)
{
	/* An error of the queue's last life may still be pending, or on its way to the record. */
	while (!svart_pmd_dsa_errors_check(d))
		svart_pause(d->m, d->m->ops->now_ns(d->m) + BUSY_PAUSE_NS);
	/* The owner learns of the queue after this, through whatever hands it the queue. */
	atomic_store_explicit(&d->failures[index].state, SVART_DSA_RUNNING, memory_order_relaxed);
}

static void describe_swerr(
	const struct svart_dsa_failure *f, uint32_t index, struct svart_queue_error *error)
{
	int n;

	error->code = (uint8_t)SVART_FIELD_GET(SVART_DSA_SWERR0_ERROR, f->swerr0);
	if (f->swerr0 & SVART_DSA_SWERR0_DESC_VALID)
		error->operation = (uint8_t)SVART_FIELD_GET(SVART_DSA_SWERR0_OPCODE, f->swerr0);
	error->write = f->swerr0 & SVART_DSA_SWERR0_WRITE ? 1 : 0;
	error->fault_addr = f->fault_addr;
	n = snprintf(error->text, sizeof(error->text), "WQ %u%s: %s (0x%x)", index,
		f->swerr0 & SVART_DSA_SWERR0_OVERFLOW ? " (first of several errors)" : "",
		svart_dsa_swerr_name(error->code), error->code);
	/* Without a descriptor the error is the device's own, and a new queue does not help. */
	if (f->swerr0 & SVART_DSA_SWERR0_DESC_VALID)
		snprintf(error->text + n, sizeof(error->text) - (size_t)n,
			", operation 0x%x, %s 0x%" PRIx64, error->operation,
			error->write ? "write to" : "read from", error->fault_addr);
	else
		snprintf(error->text + n, sizeof(error->text) - (size_t)n,
			"; close it, open it again");
}

void svart_pmd_dsa_failure_describe(
	const struct svart_dsa_failure *f, uint32_t index, struct svart_queue_error *error)
{
	const char *text = NULL;

	memset(error, 0, sizeof(*error));
	switch (f->cause) {
	case SVART_DSA_CAUSE_SWERR:
		describe_swerr(f, index, error);
		return;
	case SVART_DSA_CAUSE_OVERFLOW:
		text = "SWERR lost an error that may have been of this queue: create the queue "
		       "anew";
		break;
	case SVART_DSA_CAUSE_HALTED:
		text = svart_pmd_dsa_halt_text((uint32_t)f->swerr0);
		break;
	case SVART_DSA_CAUSE_LOST:
		return;
	case SVART_DSA_CAUSE_RESET:
		text = "the device was reset; destroy its queues and create them again";
		break;
	}
	snprintf(error->text, sizeof(error->text), "WQ %u: %s", index,
		text != NULL ? text : "unknown cause");
}

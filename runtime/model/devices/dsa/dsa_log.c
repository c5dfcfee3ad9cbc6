/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The event log of DSA 2.0: a ring in memory, which the device writes by untranslated requests, since nobody
 * would serve a page of it. One entry stays free, so that head and tail are equal only if it is empty: Linux
 * reads from one to the other (drivers/dma/idxd/irq.c).
 *
 * What a full log does was found nowhere. EVLSTATUS cannot say that an entry was lost, and Linux has the records
 * of programs from entries, which would wait forever without. So nothing of an engine is lost: the engine
 * waits until software moves head. What no engine waits for (stores that were refused, a second command) goes to
 * SWERR, as does everything if the log's memory is out of reach.
 */

#include <errno.h>

#include "bits.h"
#include "dsa_model.h"

bool svart_dsa_log_is_on(const struct dsa *d)
{
	return (d->gencfg & SVART_DSA_GENCFG_EVL_EN) != 0 &&
	       (d->state == SVART_DSA_STATE_ENABLED || d->state == SVART_DSA_STATE_DRAIN);
}

static uint32_t log_size(const struct dsa *d)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_EVLCFG1_SIZE, d->evlcfg[1]);
}

static uint32_t log_head(const struct dsa *d)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_EVLSTATUS_HEAD, d->evlstatus);
}

static uint32_t log_tail(const struct dsa *d)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_EVLSTATUS_TAIL, d->evlstatus);
}

bool svart_dsa_log_config_is_good(const struct dsa *d)
{
	const uint64_t both = SVART_DSA_EVLCFG0_PASID_EN | SVART_DSA_EVLCFG0_PRIV;

	if ((d->gencfg & SVART_DSA_GENCFG_EVL_EN) == 0)
		return true;
	return log_size(d) >= SVART_DSA_LOG_MIN_ENTRIES &&
	       ((d->evlcfg[0] & both) != both || svart_dsa_may_be_privileged(d));
}

void svart_dsa_log_start(struct dsa *d)
{
	d->evlstatus = 0;
	d->nr_logged = 0;
	for (unsigned int i = 0; i < DSA_MAX_WQS; i++)
		d->wqs[i].log_mark = 0;
}

void svart_dsa_log_ack(struct dsa *d, uint64_t off, uint32_t value)
{
	uint64_t head = SVART_FIELD_GET(SVART_DSA_EVLSTATUS_HEAD, value);

	if (off != SVART_DSA_EVLSTATUS_OFF)
		d->evlstatus &= ~((uint64_t)value << 32 & SVART_DSA_EVLSTATUS_INT_PENDING);
	else if (head < log_size(d))
		d->evlstatus = (d->evlstatus & ~SVART_DSA_EVLSTATUS_HEAD) |
			       SVART_FIELD_PREP(SVART_DSA_EVLSTATUS_HEAD, head);
}

bool svart_dsa_log_is_unread(const struct dsa *d, const struct dsa_wq *wq)
{
	uint32_t unread;

	if (!svart_dsa_log_is_on(d))
		return false;
	unread = (log_tail(d) + log_size(d) - log_head(d)) % log_size(d);
	return d->nr_logged - wq->log_mark < unread;
}

/* --- Writing -------------------------------------------------------------------------------------- */

/* There is something to read: until software has seen that, it is told once. */
static void log_notify(struct dsa *d)
{
	if ((d->evlstatus & SVART_DSA_EVLSTATUS_INT_PENDING) != 0)
		return;
	d->evlstatus |= SVART_DSA_EVLSTATUS_INT_PENDING;
	if ((d->genctrl & SVART_DSA_GENCTRL_EVL_INT) != 0)
		svart_dsa_event(d, SVART_DSA_INTCAUSE_EVL);
}

static int log_store(struct dsa *d, uint32_t index, const struct dsa_report *report)
{
	const struct svart_dsa_log_entry entry = {
		.words = { report->word0 | report->log0, report->word1 | report->log1 },
		.fault_addr = report->fault_addr,
		.record = report->record,
	};
	uint32_t pasid = SVART_BUS_NO_PASID;

	if ((d->evlcfg[0] & SVART_DSA_EVLCFG0_PASID_EN) != 0)
		pasid = (uint32_t)SVART_FIELD_GET(SVART_DSA_EVLCFG1_PASID, d->evlcfg[1]);
	return d->bus->ops->dma_write(d->bus, pasid,
		(d->evlcfg[0] & SVART_DSA_EVLCFG0_BASE) + (uint64_t)index * sizeof(entry), &entry,
		sizeof(entry));
}

/* Returns 1, 0 if the log is full, or -errno: -ENODEV if there is none. */
static int log_add(struct dsa *d, const struct dsa_report *report)
{
	uint32_t tail = log_tail(d), next;
	int rc;

	if (!svart_dsa_log_is_on(d))
		return -ENODEV;
	next = (tail + 1) % log_size(d);
	if (next == log_head(d))
		return 0;
	rc = log_store(d, tail, report);
	if (rc < 0)
		return rc;
	d->evlstatus = (d->evlstatus & ~SVART_DSA_EVLSTATUS_TAIL) |
		       SVART_FIELD_PREP(SVART_DSA_EVLSTATUS_TAIL, (uint64_t)next);
	d->nr_logged++;
	if (report->is_record)
		d->wqs[SVART_FIELD_GET(SVART_DSA_SWERR0_WQ, report->word0)].log_mark = d->nr_logged;
	log_notify(d);
	return 1;
}

/* For what the log did not take. */
static void report_swerr(struct dsa *d, const struct dsa_report *report, int rc)
{
	svart_dsa_swerr(d, report);
	if (rc == -EPERM)
		svart_dsa_master_lost(d);
}

void svart_dsa_report(struct dsa *d, const struct dsa_report *report)
{
	int rc = log_add(d, report);

	if (rc <= 0)
		report_swerr(d, report, rc);
}

bool svart_dsa_log_engine(struct dsa *d, struct dsa_engine *e)
{
	bool is_record = e->report.is_record;
	int rc = log_add(d, &e->report);

	if (rc == 0)
		return false;
	if (rc < 0)
		report_swerr(d, &e->report, rc);
	/* The device has halted. */
	if (rc == -EPERM)
		return true;
	/* Only if nobody will ever see it, a record that was not written makes its batch fail. */
	e->batch.logged |= is_record && rc > 0;
	e->batch.failed |= is_record && rc < 0;
	svart_dsa_engine_end(d, e, !is_record || rc < 0);
	return true;
}

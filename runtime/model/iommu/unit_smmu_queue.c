/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The contents of the queues of a SMMUv3: events of stalled transactions, page requests, and the commands
 * that answer them. Section numbers are those of IHI 0070, issue H.a.
 *
 * An access to a ring that is not there is an external abort: it is counted as a stale access, the queue's
 * error in GERROR becomes active, and the queue is dead until software acknowledges the error in GERRORN.
 */

#include <errno.h>

#include "bits.h"
#include "guard.h"
#include "iommu_device.h"
#include "own_copy.h"
#include "smmu_spec.h"
#include "unit_smmu.h"

/* --- queues (3.5.1) ---------------------------------------------------------------------------- */

static uint32_t queue_size(const struct svart_smmu_queue *q)
{
	uint64_t log2 = SVART_FIELD_GET(SVART_SMMU_Q_BASE_LOG2, q->base);

	/* A size larger than that of IDR1 behaves like the size of IDR1 (6.3.26). */
	return 1U << (log2 < SVART_SMMU_QUEUE_LOG2 ? log2 : SVART_SMMU_QUEUE_LOG2);
}

/**
 * @return how many records are between CONS and PROD; more than the size if software has written such
 *         values.
 */
static uint32_t queue_used(const struct svart_smmu_queue *q)
{
	return (q->prod - q->cons) & (2 * queue_size(q) - 1);
}

static bool queue_is_full(const struct svart_smmu_queue *q)
{
	return queue_used(q) >= queue_size(q);
}

/** @return the place of PROD's or CONS's record, which is memory that may not be there. */
static void *queue_record(const struct svart_smmu_queue *q, uint32_t index, size_t bytes)
{
	uint64_t base = svart_page_down(q->base & SVART_SMMU_Q_BASE_ADDR);

	return (void *)(uintptr_t)(base + (index & (queue_size(q) - 1)) * bytes);
}

/** Moves PROD or CONS to the next record; bits above the wrap bit do not change. */
static void queue_advance(const struct svart_smmu_queue *q, uint32_t *index)
{
	uint32_t mask = 2 * queue_size(q) - 1;

	*index = (*index & ~mask) | ((*index + 1) & mask);
}

/* --- errors (7.5) ------------------------------------------------------------------------------ */

static bool is_active(const struct svart_smmu *s, uint64_t error)
{
	return ((s->gerror ^ s->gerrorn) & error) != 0;
}

static void activate(struct svart_smmu *s, uint64_t error)
{
	if (is_active(s, error))
		return;
	s->gerror ^= (uint32_t)error;
	if ((s->irq_ctrl & SVART_SMMU_IRQ_CTRL_GERROR) != 0)
		svart_unit_interrupt(&s->unit);
}

/**
 * Writes a record; there is room for it.
 * @param error bit that becomes active if the ring is not there. @return 0 or -EFAULT.
 */
static int produce(struct svart_smmu *s, struct svart_smmu_queue *q, const void *record,
	size_t bytes, uint64_t error, uint64_t irq)
{
	bool was_empty = queue_used(q) == 0;

	if (svart_guard_copy(queue_record(q, q->prod, bytes), record, bytes) != 0) {
		svart_iommu_unit_stale_access(s->unit.dev);
		activate(s, error);
		return -EFAULT;
	}
	queue_advance(q, &q->prod);
	/* 3.18: the interrupt tells that the queue has become non-empty. */
	if (was_empty && (s->irq_ctrl & irq) != 0)
		svart_unit_interrupt(&s->unit);
	return 0;
}

/* --- stalls ------------------------------------------------------------------------------------ */

/** Makes F_TRANSLATION of a transaction that stalls (7.3.13). */
static struct svart_smmu_event event_of(
	const struct svart_unit *unit, const struct svart_unit_request *request)
{
	const struct svart_bus_page_request *page = &request->page;
	bool has_pasid = page->pasid != SVART_BUS_NO_PASID;
	struct svart_smmu_event e = { 0 };

	e.dw[0] = SVART_FIELD_PREP(SVART_SMMU_EVT_ID, SVART_SMMU_EVT_TRANSLATION) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_SSV, has_pasid) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_SSID, has_pasid ? page->pasid : 0) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_SID, unit->dev->requester_id);
	e.dw[1] = SVART_FIELD_PREP(SVART_SMMU_EVT_STAG, request->stag) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_STALL, 1) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_PNU, page->priv) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_IND, page->exec) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_RNW, !page->write) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_CLASS, SVART_SMMU_EVT_CLASS_IN);
	e.dw[2] = page->addr;
	return e;
}

static bool evtq_is_writable(const struct svart_smmu *s)
{
	return (s->cr0 & SVART_SMMU_CR0_EVTQEN) != 0 && !queue_is_full(&s->evtq) &&
	       !is_active(s, SVART_SMMU_GERROR_EVTQ_ABT);
}

/* 7.2.1: stalls that find no room wait for it. */
void svart_smmu_drain(struct svart_smmu *s)
{
	struct svart_smmu_event e;
	uint32_t nr = 0;

	while (nr < s->nr_waiting && evtq_is_writable(s)) {
		e = event_of(&s->unit, &s->waiting[nr]);
		if (produce(s, &s->evtq, &e, sizeof(e), SVART_SMMU_GERROR_EVTQ_ABT,
			    SVART_SMMU_IRQ_CTRL_EVTQ) != 0)
			break;
		nr++;
	}
	s->nr_waiting -= nr;
	if (nr > 0)
		svart_own_copy(s->waiting, s->waiting + nr, s->nr_waiting * sizeof(s->waiting[0]));
}

/** @return the place where the record of a transaction waits, or nr_waiting. */
static uint32_t find_waiting(const struct svart_smmu *s, uint16_t stag)
{
	uint32_t i = 0;

	while (i < s->nr_waiting && s->waiting[i].stag != stag)
		i++;
	return i;
}

int svart_smmu_report_stall(struct svart_unit *unit, const struct svart_unit_request *request)
{
	struct svart_smmu *s = (struct svart_smmu *)unit;
	uint32_t i = find_waiting(s, request->stag);

	if ((s->cr0 & SVART_SMMU_CR0_EVTQEN) == 0)
		return -ENODEV;
	/* Its STAG was given to a new transaction: a detach has ended the old one meanwhile. */
	if (i < s->nr_waiting) {
		s->nr_waiting--;
		svart_own_copy(s->waiting + i, s->waiting + i + 1,
			(s->nr_waiting - i) * sizeof(s->waiting[0]));
	}
	if (s->nr_waiting == s->max_waiting)
		return -EOVERFLOW;
	s->waiting[s->nr_waiting++] = *request;
	svart_smmu_drain(s);
	return 0;
}

/* --- page requests ----------------------------------------------------------------------------- */

static struct svart_smmu_pri pri_of(
	const struct svart_unit *unit, const struct svart_bus_page_request *page)
{
	bool has_pasid = page->pasid != SVART_BUS_NO_PASID;
	struct svart_smmu_pri p;

	p.dw[0] = SVART_FIELD_PREP(SVART_SMMU_PRI_SID, unit->dev->requester_id) |
		  SVART_FIELD_PREP(SVART_SMMU_PRI_SSID, has_pasid ? page->pasid : 0) |
		  SVART_FIELD_PREP(SVART_SMMU_PRI_PRIV, page->priv) |
		  SVART_FIELD_PREP(SVART_SMMU_PRI_EXEC, page->exec) |
		  SVART_FIELD_PREP(SVART_SMMU_PRI_READ, page->read) |
		  SVART_FIELD_PREP(SVART_SMMU_PRI_WRITE, page->write) |
		  SVART_FIELD_PREP(SVART_SMMU_PRI_LAST, page->last) |
		  SVART_FIELD_PREP(SVART_SMMU_PRI_SSV, has_pasid);
	p.dw[1] = SVART_FIELD_PREP(SVART_SMMU_PRI_PRGI, page->prgi) |
		  (page->addr & SVART_SMMU_PRI_ADDR);
	return p;
}

static bool priq_is_overflown(const struct svart_smmu *s)
{
	return ((s->priq.prod ^ s->priq.cons) & SVART_SMMU_Q_OVERFLOW) != 0;
}

/**
 * Sets the overflow. It also interrupts: otherwise software that has just looked at a full queue would stay
 * asleep.
 */
static void overflow(struct svart_smmu *s)
{
	s->priq.prod ^= (uint32_t)SVART_SMMU_Q_OVERFLOW;
	if ((s->irq_ctrl & SVART_SMMU_IRQ_CTRL_PRIQ) != 0)
		svart_unit_interrupt(&s->unit);
}

int svart_smmu_report_page_request(
	struct svart_unit *unit, const struct svart_unit_request *request)
{
	struct svart_smmu *s = (struct svart_smmu *)unit;
	struct svart_smmu_pri p = pri_of(unit, &request->page);

	if ((s->cr0 & SVART_SMMU_CR0_PRIQEN) == 0 || is_active(s, SVART_SMMU_GERROR_PRIQ_ABT))
		return -ENODEV;
	/* 8.1: an overflow that is not acknowledged keeps everything out, even if there is room. */
	if (!priq_is_overflown(s) && (queue_is_full(&s->priq) || unit->squeezed))
		overflow(s);
	if (priq_is_overflown(s))
		return -EOVERFLOW;
	/* 8.2: the SMMU answers a request that could not be written. */
	return produce(s, &s->priq, &p, sizeof(p), SVART_SMMU_GERROR_PRIQ_ABT,
		       SVART_SMMU_IRQ_CTRL_PRIQ) == 0
		       ? 0
		       : -ENODEV;
}

/* --- commands (4) ------------------------------------------------------------------------------ */

static bool is_own_stream(const struct svart_smmu *s, const struct svart_smmu_cmd *cmd)
{
	uint32_t sid = (uint32_t)SVART_FIELD_GET(SVART_SMMU_CMD_SID, cmd->dw[0]);

	return sid == s->unit.dev->requester_id;
}

/** Executes CMD_RESUME (4.7.1). Ac is bit 12, Ab bit 13; a retry ignores Ab. */
static bool do_resume(struct svart_smmu *s, const struct svart_smmu_cmd *cmd)
{
	uint16_t stag = (uint16_t)SVART_FIELD_GET(SVART_SMMU_RESUME_STAG, cmd->dw[1]);
	uint64_t resp = SVART_FIELD_GET(SVART_SMMU_RESUME_RESP, cmd->dw[0]);
	enum svart_unit_resume how = SVART_UNIT_TERMINATE;

	if (!s->unit.ops->stalls)
		return false;
	if ((resp & SVART_SMMU_RESUME_RETRY) != 0)
		how = SVART_UNIT_RETRY;
	else if (resp == SVART_SMMU_RESUME_ABORT)
		how = SVART_UNIT_ABORT;
	/* Transactions of other devices stay as they are, and so does one that software cannot know yet. */
	if (is_own_stream(s, cmd) && find_waiting(s, stag) == s->nr_waiting)
		svart_iommu_unit_resume(s->unit.dev, stag, how);
	else
		svart_iommu_unit_bad_answer(s->unit.dev);
	return true;
}

/** Executes CMD_PRI_RESP (4.7.4 and 8.3). */
static bool do_pri_resp(struct svart_smmu *s, const struct svart_smmu_cmd *cmd)
{
	static const enum svart_bus_prg_response codes[] = {
		[SVART_SMMU_PRI_RESP_DENY] = SVART_BUS_PRG_FAILURE,
		[SVART_SMMU_PRI_RESP_FAIL] = SVART_BUS_PRG_INVALID,
		[SVART_SMMU_PRI_RESP_SUCCESS] = SVART_BUS_PRG_SUCCESS,
	};
	bool has_pasid = SVART_FIELD_GET(SVART_SMMU_CMD_SSV, cmd->dw[0]) != 0;
	uint32_t pasid = (uint32_t)SVART_FIELD_GET(SVART_SMMU_CMD_SSID, cmd->dw[0]);
	uint16_t prgi = (uint16_t)SVART_FIELD_GET(SVART_SMMU_PRI_RESP_PRGI, cmd->dw[1]);
	uint64_t code = SVART_FIELD_GET(SVART_SMMU_PRI_RESP_CODE, cmd->dw[1]);

	if (s->unit.ops->stalls || code >= SVART_ARRAY_SIZE(codes))
		return false;
	if (is_own_stream(s, cmd))
		svart_iommu_unit_answer(s->unit.dev, has_pasid ? pasid : SVART_BUS_NO_PASID, prgi,
			true, NULL, codes[code]);
	else
		svart_iommu_unit_bad_answer(s->unit.dev);
	return true;
}

/** @return false if it is illegal. */
static bool execute(struct svart_smmu *s, const struct svart_smmu_cmd *cmd)
{
	switch (SVART_FIELD_GET(SVART_SMMU_CMD_OP, cmd->dw[0])) {
	case SVART_SMMU_CMD_RESUME:
		return do_resume(s, cmd);
	case SVART_SMMU_CMD_PRI_RESP:
		return do_pri_resp(s, cmd);
	case SVART_SMMU_CMD_SYNC:
		/*
		 * All commands before it have completed, because each completes before the next one is
		 * read.
		 */
		return SVART_FIELD_GET(SVART_SMMU_SYNC_CS, cmd->dw[0]) != 3;
	default:
		return false;
	}
}

static void stop_commands(struct svart_smmu *s, uint64_t reason)
{
	s->cmdq.cons &= (uint32_t)~SVART_SMMU_CMDQ_CONS_ERR;
	s->cmdq.cons |= (uint32_t)SVART_FIELD_PREP(SVART_SMMU_CMDQ_CONS_ERR, reason);
	activate(s, SVART_SMMU_GERROR_CMDQ);
}

static bool may_consume(const struct svart_smmu *s)
{
	/* A PROD that is further ahead than the ring's length is ignored. */
	return (s->cr0 & SVART_SMMU_CR0_CMDQEN) != 0 && !is_active(s, SVART_SMMU_GERROR_CMDQ) &&
	       queue_used(&s->cmdq) != 0 && queue_used(&s->cmdq) <= queue_size(&s->cmdq);
}

/**
 * Consumes commands in order. CONS stays at a bad command, which is read again when software has
 * acknowledged the error (7.1).
 */
void svart_smmu_consume(struct svart_smmu *s)
{
	struct svart_smmu_cmd cmd;

	while (may_consume(s)) {
		if (svart_guard_copy(&cmd, queue_record(&s->cmdq, s->cmdq.cons, sizeof(cmd)),
			    sizeof(cmd)) != 0) {
			svart_iommu_unit_stale_access(s->unit.dev);
			stop_commands(s, SVART_SMMU_CERROR_ABT);
		} else if (!execute(s, &cmd)) {
			stop_commands(s, SVART_SMMU_CERROR_ILL);
		} else {
			queue_advance(&s->cmdq, &s->cmdq.cons);
		}
	}
}

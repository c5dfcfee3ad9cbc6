/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stddef.h>

#include "bits.h"
#include "error.h"
#include "smmu_spec.h"
#include "source_raw_internal.h"

/** Rings of requests. */
enum { EVTQ, PRIQ };

/** Sizes of the rings: 2048 requests and 512 commands, or as many as the unit can have. */
#define MAX_REQUESTS_LOG2 11
#define MAX_COMMANDS_LOG2 9

/** Where the registers of a ring of requests are. */
struct ring_regs {
	uint32_t base, prod, cons;
};

static const struct ring_regs ring_regs[] = {
	[EVTQ] = { SVART_SMMU_EVTQ_BASE_OFF, SVART_SMMU_EVTQ_PROD_OFF, SVART_SMMU_EVTQ_CONS_OFF },
	[PRIQ] = { SVART_SMMU_PRIQ_BASE_OFF, SVART_SMMU_PRIQ_PROD_OFF, SVART_SMMU_PRIQ_CONS_OFF },
};

_Static_assert(SVART_ARRAY_SIZE(ring_regs) == SVART_RAW_MAX_RINGS, "one for each ring");

/* --- registers ------------------------------------------------------------------------------------- */

static bool cr0_acked(struct svart_fault_raw *raw)
{
	return svart_raw_read32(raw, SVART_SMMU_CR0_OFF) ==
	       svart_raw_read32(raw, SVART_SMMU_CR0ACK_OFF);
}

static bool irq_acked(struct svart_fault_raw *raw)
{
	return svart_raw_read32(raw, SVART_SMMU_IRQ_CTRL_OFF) ==
	       svart_raw_read32(raw, SVART_SMMU_IRQ_CTRLACK_OFF);
}

/** Sets and clears bits of CR0. @return 0, or -EIO the unit does not acknowledge it. */
static int cr0_change(struct svart_fault_raw *raw, uint64_t set, uint64_t clear)
{
	uint64_t old = svart_raw_read32(raw, SVART_SMMU_CR0_OFF);

	svart_raw_write32(raw, SVART_SMMU_CR0_OFF, (old & ~clear) | set);
	if (svart_raw_wait(raw, cr0_acked) != 0)
		return -EIO;
	return (svart_raw_read32(raw, SVART_SMMU_CR0_OFF) & set) == set ? 0 : -EIO;
}

static int irq_set(struct svart_fault_raw *raw, uint64_t value)
{
	svart_raw_write32(raw, SVART_SMMU_IRQ_CTRL_OFF, value);
	return svart_raw_wait(raw, irq_acked);
}

static void smmu_disable(struct svart_fault_raw *raw)
{
	irq_set(raw, 0);
	cr0_change(raw, 0, SVART_SMMU_CR0_PRIQEN | SVART_SMMU_CR0_EVTQEN | SVART_SMMU_CR0_CMDQEN);
}

static uint32_t smmu_tail(struct svart_fault_raw *raw, unsigned int ring)
{
	uint64_t prod = svart_raw_read32(raw, ring_regs[ring].prod) & ~SVART_SMMU_Q_OVERFLOW;

	return prod <= raw->rings[ring].index_mask ? (uint32_t)prod : SVART_RAW_NO_INDEX;
}

static void smmu_head_set(struct svart_fault_raw *raw, unsigned int ring)
{
	svart_raw_write32(raw, ring_regs[ring].cons, raw->rings[ring].head | raw->rings[ring].ack);
}

/** Does nothing: the interrupt is an edge, raised when the unit queues into an empty ring. */
static void smmu_interrupt_take(struct svart_fault_raw *raw)
{
	(void)raw;
}

static bool smmu_overflowed(struct svart_fault_raw *raw)
{
	struct svart_raw_ring *ring;
	bool overflowed = false;
	uint32_t prod;
	unsigned int i;

	for (i = 0; i < SVART_RAW_MAX_RINGS; i++) {
		ring = &raw->rings[i];
		if (ring->mem == NULL)
			continue;
		prod = svart_raw_read32(raw, ring_regs[i].prod);
		ring->seen = (uint32_t)(prod & SVART_SMMU_Q_OVERFLOW);
		overflowed |= ring->seen != ring->ack;
	}
	return overflowed;
}

static void smmu_overflow_end(struct svart_fault_raw *raw)
{
	unsigned int i;

	for (i = 0; i < SVART_RAW_MAX_RINGS; i++) {
		if (raw->rings[i].mem == NULL)
			continue;
		raw->rings[i].ack = raw->rings[i].seen;
		smmu_head_set(raw, i);
	}
}

static uint32_t smmu_answer_head(struct svart_fault_raw *raw)
{
	uint64_t cons = svart_raw_read32(raw, SVART_SMMU_CMDQ_CONS_OFF) & ~SVART_SMMU_CMDQ_CONS_ERR;

	return cons <= raw->answers.index_mask ? (uint32_t)cons : SVART_RAW_NO_INDEX;
}

static void smmu_answer_tail_set(struct svart_fault_raw *raw)
{
	svart_raw_write32(raw, SVART_SMMU_CMDQ_PROD_OFF, raw->answers.tail);
}

static bool smmu_answer_error(struct svart_fault_raw *raw)
{
	uint32_t active = svart_raw_read32(raw, SVART_SMMU_GERROR_OFF) ^
			  svart_raw_read32(raw, SVART_SMMU_GERRORN_OFF);

	return (active & SVART_SMMU_GERROR_CMDQ) != 0;
}

static bool smmu_answers(struct svart_fault_raw *raw)
{
	return svart_raw_read32(raw, SVART_SMMU_CR0_OFF) != UINT32_MAX;
}

static bool smmu_works(struct svart_fault_raw *raw)
{
	uint64_t queues = SVART_SMMU_CR0_CMDQEN | SVART_SMMU_CR0_EVTQEN;

	if (raw->rings[PRIQ].mem != NULL)
		queues |= SVART_SMMU_CR0_PRIQEN;
	return smmu_answers(raw) &&
	       (svart_raw_read32(raw, SVART_SMMU_CR0ACK_OFF) & queues) == queues &&
	       !smmu_answer_error(raw);
}

static uint32_t size_of(uint64_t unit_log2, uint32_t max_log2)
{
	return 1u << (unit_log2 < max_log2 ? unit_log2 : max_log2);
}

static int rings_create(struct svart_fault_raw *raw, bool pri)
{
	uint32_t idr1 = svart_raw_read32(raw, SVART_SMMU_IDR1_OFF);
	int rc = svart_raw_ring_create(raw, &raw->answers,
		size_of(SVART_FIELD_GET(SVART_SMMU_IDR1_CMDQS, idr1), MAX_COMMANDS_LOG2),
		sizeof(struct svart_smmu_cmd), true);

	if (rc == 0)
		rc = svart_raw_ring_create(raw, &raw->rings[EVTQ],
			size_of(SVART_FIELD_GET(SVART_SMMU_IDR1_EVTQS, idr1), MAX_REQUESTS_LOG2),
			sizeof(struct svart_smmu_event), true);
	if (rc == 0 && pri)
		rc = svart_raw_ring_create(raw, &raw->rings[PRIQ],
			size_of(SVART_FIELD_GET(SVART_SMMU_IDR1_PRIQS, idr1), MAX_REQUESTS_LOG2),
			sizeof(struct svart_smmu_pri), true);
	return rc;
}

static uint64_t base_of(const struct svart_raw_ring *ring)
{
	return ((uintptr_t)ring->mem & SVART_SMMU_Q_BASE_ADDR) |
	       SVART_FIELD_PREP(SVART_SMMU_Q_BASE_LOG2, __builtin_ctz(ring->nr));
}

/** Enables the queue of commands first: a request could come as soon as its own queue is enabled. */
static int queues_enable(struct svart_fault_raw *raw)
{
	uint64_t queues = SVART_SMMU_CR0_EVTQEN, irqs = SVART_SMMU_IRQ_CTRL_EVTQ;
	unsigned int i;

	svart_raw_write64(raw, SVART_SMMU_CMDQ_BASE_OFF, base_of(&raw->answers));
	svart_raw_write32(raw, SVART_SMMU_CMDQ_PROD_OFF, 0);
	svart_raw_write32(raw, SVART_SMMU_CMDQ_CONS_OFF, 0);
	for (i = 0; i < SVART_RAW_MAX_RINGS; i++) {
		if (raw->rings[i].mem == NULL)
			continue;
		svart_raw_write64(raw, ring_regs[i].base, base_of(&raw->rings[i]));
		svart_raw_write32(raw, ring_regs[i].prod, 0);
		svart_raw_write32(raw, ring_regs[i].cons, 0);
	}
	if (raw->rings[PRIQ].mem != NULL) {
		queues |= SVART_SMMU_CR0_PRIQEN;
		irqs |= SVART_SMMU_IRQ_CTRL_PRIQ;
	}
	if (cr0_change(raw, SVART_SMMU_CR0_CMDQEN, 0) != 0 || irq_set(raw, irqs) != 0 ||
		cr0_change(raw, queues, 0) != 0)
		return -EIO;
	/*
	 * The unit may have kept an overflow flag from an earlier user of the queue: that one is not
	 * reported.
	 */
	if (smmu_overflowed(raw))
		smmu_overflow_end(raw);
	return smmu_answer_head(raw) == 0 && !smmu_answer_error(raw) ? 0 : -EIO;
}

static int smmu_enable(struct svart_fault_raw *raw)
{
	uint32_t idr0 = svart_raw_read32(raw, SVART_SMMU_IDR0_OFF);
	bool pri = (idr0 & SVART_SMMU_IDR0_PRI) != 0;
	int rc;

	if (idr0 == UINT32_MAX || (!pri && SVART_FIELD_GET(SVART_SMMU_IDR0_STALL_MODEL, idr0) ==
						   SVART_SMMU_STALL_NONE))
		return svart_fail(-EIO,
			"the SMMU has neither stalls nor PRI (IDR0 %#x): use faults=iommufd", idr0);
	rc = rings_create(raw, pri);
	if (rc != 0)
		return svart_fail(rc, "no memory for the SMMU's queues");
	if (queues_enable(raw) == 0)
		return 0;
	rc = svart_fail(-EIO,
		"the SMMU does not enable its queues (CR0 %#x, CR0ACK %#x, CMDQ_CONS %#x): use "
		"faults=iommufd",
		svart_raw_read32(raw, SVART_SMMU_CR0_OFF),
		svart_raw_read32(raw, SVART_SMMU_CR0ACK_OFF),
		svart_raw_read32(raw, SVART_SMMU_CMDQ_CONS_OFF));
	smmu_disable(raw);
	return rc;
}

/* --- records and commands -------------------------------------------------------------------------- */

static bool event_is_fault(uint64_t id)
{
	return id == SVART_SMMU_EVT_TRANSLATION || id == SVART_SMMU_EVT_ADDR_SIZE ||
	       id == SVART_SMMU_EVT_ACCESS || id == SVART_SMMU_EVT_PERMISSION;
}

static uint32_t event_access(uint64_t dw1)
{
	uint32_t access = dw1 & SVART_SMMU_EVT_RNW ? SVART_ACCESS_READ : SVART_ACCESS_WRITE;

	if (dw1 & SVART_SMMU_EVT_IND)
		access |= SVART_ACCESS_EXEC;
	if (dw1 & SVART_SMMU_EVT_PNU)
		access |= SVART_ACCESS_PRIV;
	return access;
}

/**
 * Reads an event. A stalled transaction is a group of its own: it waits under its STAG, and for nothing else.
 */
static enum svart_raw_verdict event_decode(const struct svart_fault_raw *raw, const uint64_t *dw,
	struct svart_page_request *r, uint32_t *requester_id)
{
	if (!(dw[1] & SVART_SMMU_EVT_STALL))
		return SVART_RAW_DROP;
	*requester_id = (uint32_t)SVART_FIELD_GET(SVART_SMMU_EVT_SID, dw[0]);
	r->addr = dw[2];
	r->group_id = (uint32_t)SVART_FIELD_GET(SVART_SMMU_EVT_STAG, dw[1]);
	r->flags = SVART_PAGE_REQUEST_LAST;
	r->access = event_access(dw[1]);
	if (dw[0] & SVART_SMMU_EVT_SSV) {
		r->flags |= SVART_PAGE_REQUEST_PASID;
		r->pasid = (uint32_t)SVART_FIELD_GET(SVART_SMMU_EVT_SSID, dw[0]);
	}
	if (*requester_id != raw->unit.requester_id ||
		!event_is_fault(SVART_FIELD_GET(SVART_SMMU_EVT_ID, dw[0])))
		return SVART_RAW_REFUSE;
	return SVART_RAW_DELIVER;
}

/**
 * The access of a PRI request. Privileged requests are served like others, as for stalls: both may access
 * what iommufd maps.
 */
static uint32_t pri_access(uint64_t dw0)
{
	uint32_t access = 0;

	if (dw0 & SVART_SMMU_PRI_READ)
		access |= SVART_ACCESS_READ;
	if (dw0 & SVART_SMMU_PRI_WRITE)
		access |= SVART_ACCESS_WRITE;
	if (dw0 & SVART_SMMU_PRI_EXEC)
		access |= SVART_ACCESS_EXEC;
	if (dw0 & SVART_SMMU_PRI_PRIV)
		access |= SVART_ACCESS_PRIV;
	return access;
}

static enum svart_raw_verdict pri_decode(const struct svart_fault_raw *raw, const uint64_t *dw,
	struct svart_page_request *r, uint32_t *requester_id)
{
	*requester_id = (uint32_t)SVART_FIELD_GET(SVART_SMMU_PRI_SID, dw[0]);
	r->addr = dw[1] & SVART_SMMU_PRI_ADDR;
	r->group_id = (uint32_t)SVART_FIELD_GET(SVART_SMMU_PRI_PRGI, dw[1]);
	r->access = pri_access(dw[0]);
	if (dw[0] & SVART_SMMU_PRI_LAST)
		r->flags |= SVART_PAGE_REQUEST_LAST;
	if (dw[0] & SVART_SMMU_PRI_SSV) {
		r->flags |= SVART_PAGE_REQUEST_PASID;
		r->pasid = (uint32_t)SVART_FIELD_GET(SVART_SMMU_PRI_SSID, dw[0]);
	}
	if ((dw[0] & SVART_SMMU_PRI_LAST) &&
		!(r->access & (SVART_ACCESS_READ | SVART_ACCESS_WRITE)))
		r->access = 0; /* A stop marker, whatever else it says. */
	return *requester_id == raw->unit.requester_id ? SVART_RAW_DELIVER : SVART_RAW_REFUSE;
}

static enum svart_raw_verdict smmu_decode(const struct svart_fault_raw *raw, unsigned int ring,
	const uint64_t *record, struct svart_page_request *r, uint32_t *requester_id)
{
	return ring == EVTQ ? event_decode(raw, record, r, requester_id)
			    : pri_decode(raw, record, r, requester_id);
}

static void smmu_encode(const struct svart_raw_answer *answer, uint64_t *dw)
{
	const struct svart_page_response *a = &answer->response;
	bool success = a->code == SVART_PAGE_RESPONSE_SUCCESS;

	dw[0] = SVART_FIELD_PREP(SVART_SMMU_CMD_SID, answer->requester_id);
	if (a->token == EVTQ) {
		dw[0] |= SVART_FIELD_PREP(SVART_SMMU_CMD_OP, SVART_SMMU_CMD_RESUME) |
			 SVART_FIELD_PREP(SVART_SMMU_RESUME_RESP,
				 success ? SVART_SMMU_RESUME_RETRY : SVART_SMMU_RESUME_ABORT);
		dw[1] = SVART_FIELD_PREP(SVART_SMMU_RESUME_STAG, a->group_id);
		return;
	}
	dw[0] |= SVART_FIELD_PREP(SVART_SMMU_CMD_OP, SVART_SMMU_CMD_PRI_RESP);
	if (a->flags & SVART_PAGE_REQUEST_PASID)
		dw[0] |= SVART_SMMU_CMD_SSV | SVART_FIELD_PREP(SVART_SMMU_CMD_SSID, a->pasid);
	dw[1] = SVART_FIELD_PREP(SVART_SMMU_PRI_RESP_PRGI, a->group_id) |
		SVART_FIELD_PREP(SVART_SMMU_PRI_RESP_CODE,
			success ? SVART_SMMU_PRI_RESP_SUCCESS : SVART_SMMU_PRI_RESP_FAIL);
}

/** Waits for all commands: when those of a detach are done, all requests of its stream were reported. */
static int smmu_drain(struct svart_fault_raw *raw)
{
	uint64_t sync[SVART_RAW_RECORD_WORDS] = { SVART_FIELD_PREP(
		SVART_SMMU_CMD_OP, SVART_SMMU_CMD_SYNC) };

	if (svart_raw_answer_put(raw, sync) != 0 || svart_raw_answer_ring(raw) != 0)
		return -EIO;
	return svart_raw_answers_wait(raw);
}

const struct svart_raw_kind svart_raw_smmu = {
	.name = "SMMUv3",
	.enable = smmu_enable,
	.disable = smmu_disable,
	.interrupt_take = smmu_interrupt_take,
	.tail = smmu_tail,
	.head_set = smmu_head_set,
	.overflowed = smmu_overflowed,
	.overflow_end = smmu_overflow_end,
	.decode = smmu_decode,
	.encode = smmu_encode,
	.answer_head = smmu_answer_head,
	.answer_tail_set = smmu_answer_tail_set,
	.answer_error = smmu_answer_error,
	.answers = smmu_answers,
	.works = smmu_works,
	.drain = smmu_drain,
};

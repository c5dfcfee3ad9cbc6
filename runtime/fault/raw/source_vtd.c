/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stddef.h>

#include "bits.h"
#include "error.h"
#include "source_raw_internal.h"
#include "vtd_spec.h"

/** Room for 2048 requests, four times what a DSA has outstanding (as in Linux, drivers/iommu/intel/prq.c). */
#define PRQ_SIZE_LOG2 4
#define PRQ_RECORDS   (128u << PRQ_SIZE_LOG2)
/** Room for 512 descriptors. */
#define IQ_SIZE_LOG2   2
#define IQ_DESCRIPTORS (128u << IQ_SIZE_LOG2)

#define RECORD_BYTES sizeof(struct svart_vtd_page_request)
#define DESC_BYTES   sizeof(struct svart_vtd_qi_desc)

/** Address bits of five levels of page tables; the bits above are copies of the highest one. */
#define ADDRESS_BITS 57

#define NEEDED_ECAP (SVART_VTD_ECAP_QI | SVART_VTD_ECAP_PRS | SVART_VTD_ECAP_PDS)

/* --- registers ------------------------------------------------------------------------------------- */

static bool invalidation_enabled(struct svart_fault_raw *raw)
{
	return (svart_raw_read32(raw, SVART_VTD_GSTS_OFF) & SVART_VTD_GCMD_QIE) != 0;
}

static bool invalidation_disabled(struct svart_fault_raw *raw)
{
	return !invalidation_enabled(raw);
}

/**
 * Turns queued invalidation on or off. GCMD takes the whole state, which GSTS shows (11.4.4). @return 0 or
 * -EIO.
 */
static int invalidation_switch(struct svart_fault_raw *raw, bool on)
{
	uint64_t others = svart_raw_read32(raw, SVART_VTD_GSTS_OFF) & ~SVART_VTD_GCMD_QIE;

	svart_raw_write32(raw, SVART_VTD_GCMD_OFF, others | (on ? SVART_VTD_GCMD_QIE : 0));
	return svart_raw_wait(raw, on ? invalidation_enabled : invalidation_disabled);
}

static void vtd_disable(struct svart_fault_raw *raw)
{
	svart_raw_write32(raw, SVART_VTD_PECTL_OFF, SVART_VTD_PECTL_IM);
	svart_raw_write64(raw, SVART_VTD_PQA_OFF, 0);
	invalidation_switch(raw, false);
}

static uint32_t index_of(uint64_t offset, size_t record_bytes, const struct svart_raw_ring *ring)
{
	if (offset % record_bytes != 0 || offset / record_bytes >= ring->nr)
		return SVART_RAW_NO_INDEX;
	return (uint32_t)(offset / record_bytes);
}

static uint32_t vtd_tail(struct svart_fault_raw *raw, unsigned int ring)
{
	return index_of(svart_raw_read64(raw, SVART_VTD_PQT_OFF), RECORD_BYTES, &raw->rings[ring]);
}

static void vtd_head_set(struct svart_fault_raw *raw, unsigned int ring)
{
	svart_raw_write64(raw, SVART_VTD_PQH_OFF, raw->rings[ring].head * RECORD_BYTES);
}

static uint32_t vtd_answer_head(struct svart_fault_raw *raw)
{
	return index_of(svart_raw_read64(raw, SVART_VTD_IQH_OFF), DESC_BYTES, &raw->answers);
}

static void vtd_answer_tail_set(struct svart_fault_raw *raw)
{
	svart_raw_write64(raw, SVART_VTD_IQT_OFF, raw->answers.tail * DESC_BYTES);
}

static bool vtd_answer_error(struct svart_fault_raw *raw)
{
	return (svart_raw_read32(raw, SVART_VTD_FSTS_OFF) & SVART_VTD_FSTS_IQE) != 0;
}

static void vtd_interrupt_take(struct svart_fault_raw *raw)
{
	svart_raw_write32(raw, SVART_VTD_PRS_OFF, SVART_VTD_PRS_PPR);
}

static bool vtd_overflowed(struct svart_fault_raw *raw)
{
	return (svart_raw_read32(raw, SVART_VTD_PRS_OFF) & SVART_VTD_PRS_PRO) != 0;
}

static void vtd_overflow_end(struct svart_fault_raw *raw)
{
	svart_raw_write32(raw, SVART_VTD_PRS_OFF, SVART_VTD_PRS_PRO);
}

static bool vtd_answers(struct svart_fault_raw *raw)
{
	return svart_raw_read32(raw, SVART_VTD_GSTS_OFF) != UINT32_MAX;
}

static bool ring_is_at(struct svart_fault_raw *raw, uint32_t off, const struct svart_raw_ring *ring)
{
	/* IQA and PQA have their address in the same place. */
	return (svart_raw_read64(raw, off) & SVART_VTD_PQA_BASE) == (uintptr_t)ring->mem;
}

static bool vtd_works(struct svart_fault_raw *raw)
{
	return vtd_answers(raw) && invalidation_enabled(raw) &&
	       ring_is_at(raw, SVART_VTD_IQA_OFF, &raw->answers) &&
	       ring_is_at(raw, SVART_VTD_PQA_OFF, &raw->rings[0]) && !vtd_answer_error(raw);
}

/** Enables the queue of answers first: a request could come as soon as its own queue is enabled. */
static int queues_enable(struct svart_fault_raw *raw)
{
	svart_raw_write64(raw, SVART_VTD_IQT_OFF, 0);
	svart_raw_write64(raw, SVART_VTD_IQA_OFF,
		(uintptr_t)raw->answers.mem | SVART_VTD_IQA_DW |
			SVART_FIELD_PREP(SVART_VTD_IQA_QS, IQ_SIZE_LOG2));
	if (invalidation_switch(raw, true) != 0)
		return -EIO;
	svart_raw_write64(raw, SVART_VTD_PQH_OFF, 0);
	svart_raw_write64(raw, SVART_VTD_PQT_OFF, 0);
	svart_raw_write64(raw, SVART_VTD_PQA_OFF,
		(uintptr_t)raw->rings[0].mem | SVART_FIELD_PREP(SVART_VTD_PQA_PQS, PRQ_SIZE_LOG2));
	svart_raw_write32(raw, SVART_VTD_PRS_OFF, SVART_VTD_PRS_PPR | SVART_VTD_PRS_PRO);
	svart_raw_write32(raw, SVART_VTD_PECTL_OFF, 0);
	if (vtd_tail(raw, 0) != 0 || vtd_answer_head(raw) != 0 || vtd_answer_error(raw))
		return -EIO;
	return 0;
}

static int rings_create(struct svart_fault_raw *raw)
{
	void *drained;
	int rc = svart_raw_ring_create(raw, &raw->rings[0], PRQ_RECORDS, RECORD_BYTES, false);

	if (rc == 0)
		rc = svart_raw_ring_create(raw, &raw->answers, IQ_DESCRIPTORS, DESC_BYTES, false);
	if (rc != 0)
		return rc;
	rc = svart_raw_memory_alloc(raw, sizeof(*raw->drained), &drained);
	if (rc == 0)
		raw->drained = drained;
	return rc;
}

static int vtd_enable(struct svart_fault_raw *raw)
{
	uint64_t ecap = svart_raw_read64(raw, SVART_VTD_ECAP_OFF);
	int rc;

	if (ecap == UINT64_MAX || (ecap & NEEDED_ECAP) != NEEDED_ECAP)
		return svart_fail(-EIO,
			"the VT-d unit lacks page requests, their drain or queued invalidation "
			"(ECAP %#llx): use faults=iommufd",
			(unsigned long long)ecap);
	rc = rings_create(raw);
	if (rc != 0)
		return svart_fail(rc, "no memory for the VT-d unit's queues");
	if (queues_enable(raw) == 0)
		return 0;
	rc = svart_fail(-EIO,
		"the VT-d unit does not enable its queues (GSTS %#x, FSTS %#x, IQH %#llx, PQT "
		"%#llx): use faults=iommufd",
		svart_raw_read32(raw, SVART_VTD_GSTS_OFF),
		svart_raw_read32(raw, SVART_VTD_FSTS_OFF),
		(unsigned long long)svart_raw_read64(raw, SVART_VTD_IQH_OFF),
		(unsigned long long)svart_raw_read64(raw, SVART_VTD_PQT_OFF));
	vtd_disable(raw);
	return rc;
}

/* --- records and descriptors ----------------------------------------------------------------------- */

static bool is_canonical(uint64_t addr)
{
	uint64_t high = addr >> (ADDRESS_BITS - 1);

	return high == 0 || high == UINT64_MAX >> (ADDRESS_BITS - 1);
}

static uint32_t record_access(const uint64_t *qw)
{
	uint32_t access = 0;

	if (SVART_FIELD_GET(SVART_VTD_PRQ_READ, qw[1]))
		access |= SVART_ACCESS_READ;
	if (SVART_FIELD_GET(SVART_VTD_PRQ_WRITE, qw[1]))
		access |= SVART_ACCESS_WRITE;
	if (SVART_FIELD_GET(SVART_VTD_PRQ_EXEC, qw[0]))
		access |= SVART_ACCESS_EXEC;
	if (SVART_FIELD_GET(SVART_VTD_PRQ_PRIV_MODE, qw[0]))
		access |= SVART_ACCESS_PRIV;
	return access;
}

static uint32_t record_flags(const uint64_t *qw)
{
	uint32_t flags = 0;

	if (SVART_FIELD_GET(SVART_VTD_PRQ_PASID_PRESENT, qw[0]))
		flags |= SVART_PAGE_REQUEST_PASID;
	if (SVART_FIELD_GET(SVART_VTD_PRQ_LPIG, qw[1]))
		flags |= SVART_PAGE_REQUEST_LAST;
	if (SVART_FIELD_GET(SVART_VTD_PRQ_PRIV_PRESENT, qw[0]))
		flags |= SVART_PAGE_REQUEST_NEEDS_RESPONSE;
	return flags;
}

/**
 * Whether svart serves a record. As in Linux (prq.c, prq_event_thread()), it does not serve execution,
 * addresses that no page table has, and supervisor mode: a PASID of a process is never enabled for that,
 * whatever is mapped.
 */
static bool record_possible(const struct svart_page_request *r)
{
	const uint32_t exec_read = SVART_ACCESS_EXEC | SVART_ACCESS_READ;

	return is_canonical(r->addr) && !(r->access & SVART_ACCESS_PRIV) &&
	       (r->access & exec_read) != exec_read;
}

static enum svart_raw_verdict vtd_decode(const struct svart_fault_raw *raw, unsigned int ring,
	const uint64_t *qw, struct svart_page_request *r, uint32_t *requester_id)
{
	(void)ring;
	if (SVART_FIELD_GET(SVART_VTD_PRQ_TYPE, qw[0]) != SVART_VTD_PRQ_TYPE_REQUEST)
		return SVART_RAW_DROP;
	*requester_id = (uint32_t)SVART_FIELD_GET(SVART_VTD_PRQ_RID, qw[0]);
	r->addr = qw[1] & SVART_VTD_PRQ_ADDR;
	r->pasid = (uint32_t)SVART_FIELD_GET(SVART_VTD_PRQ_PASID, qw[0]);
	r->group_id = (uint32_t)SVART_FIELD_GET(SVART_VTD_PRQ_PRGI, qw[1]);
	r->flags = record_flags(qw);
	r->access = record_access(qw);
	if (r->flags & SVART_PAGE_REQUEST_NEEDS_RESPONSE) {
		r->private_data[0] = qw[2];
		r->private_data[1] = qw[3];
	}
	if ((r->flags & SVART_PAGE_REQUEST_LAST) &&
		!(r->access & (SVART_ACCESS_READ | SVART_ACCESS_WRITE))) {
		/* A stop marker, whatever else it says. */
		r->access = 0;
		r->flags &= ~(uint32_t)SVART_PAGE_REQUEST_NEEDS_RESPONSE;
	} else if (!record_possible(r)) {
		r->flags |= SVART_PAGE_REQUEST_MALFORMED;
	}
	return *requester_id == raw->unit.requester_id ? SVART_RAW_DELIVER : SVART_RAW_REFUSE;
}

static void vtd_encode(const struct svart_raw_answer *answer, uint64_t *qw)
{
	const struct svart_page_response *a = &answer->response;
	uint64_t code = a->code == SVART_PAGE_RESPONSE_SUCCESS ? SVART_VTD_PGR_CODE_SUCCESS
							       : SVART_VTD_PGR_CODE_INVALID;

	qw[0] = SVART_FIELD_PREP(SVART_VTD_QI_TYPE, SVART_VTD_QI_PAGE_GROUP_RESPONSE) |
		SVART_FIELD_PREP(SVART_VTD_PGR_CODE, code) |
		SVART_FIELD_PREP(SVART_VTD_PGR_RID, answer->requester_id);
	if (a->flags & SVART_PAGE_REQUEST_PASID)
		qw[0] |= SVART_VTD_PGR_PASID_PRESENT |
			 SVART_FIELD_PREP(SVART_VTD_PGR_PASID, a->pasid);
	qw[1] = SVART_FIELD_PREP(SVART_VTD_PGR_PRGI, a->group_id);
	if (a->flags & SVART_PAGE_REQUEST_LAST)
		qw[1] |= SVART_VTD_PGR_LPIG;
	if (a->flags & SVART_PAGE_REQUEST_NEEDS_RESPONSE) {
		qw[0] |= SVART_VTD_PGR_PRIV_PRESENT;
		qw[2] = a->private_data[0];
		qw[3] = a->private_data[1];
	}
}

static bool is_drained(struct svart_fault_raw *raw)
{
	/* Orders the unit's write before svart's reads of the ring; pairs with the unit. */
	return __atomic_load_n(raw->drained, __ATOMIC_ACQUIRE) == raw->nr_drains;
}

static int vtd_drain(struct svart_fault_raw *raw)
{
	uint64_t desc[SVART_RAW_RECORD_WORDS] = { 0 };

	raw->nr_drains++;
	desc[0] = SVART_FIELD_PREP(SVART_VTD_QI_TYPE, SVART_VTD_QI_WAIT) |
		  SVART_VTD_WAIT_STATUS_WRITE | SVART_VTD_WAIT_FENCE | SVART_VTD_WAIT_PRQ_DRAIN |
		  SVART_FIELD_PREP(SVART_VTD_WAIT_STATUS_DATA, raw->nr_drains);
	desc[1] = (uintptr_t)raw->drained;
	if (svart_raw_answer_put(raw, desc) != 0 || svart_raw_answer_ring(raw) != 0)
		return -EIO;
	return svart_raw_wait(raw, is_drained);
}

const struct svart_raw_kind svart_raw_vtd = {
	.name = "VT-d",
	.enable = vtd_enable,
	.disable = vtd_disable,
	.interrupt_take = vtd_interrupt_take,
	.tail = vtd_tail,
	.head_set = vtd_head_set,
	.overflowed = vtd_overflowed,
	.overflow_end = vtd_overflow_end,
	.decode = vtd_decode,
	.encode = vtd_encode,
	.answer_head = vtd_answer_head,
	.answer_tail_set = vtd_answer_tail_set,
	.answer_error = vtd_answer_error,
	.answers = vtd_answers,
	.works = vtd_works,
	.drain = vtd_drain,
};

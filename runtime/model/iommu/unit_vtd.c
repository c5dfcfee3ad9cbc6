/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The VT-d kind of unit: a page request queue, and an invalidation queue as far as it carries answers.
 * Section numbers are of the VT-d specification (vtd_spec.h). Not implemented are queued invalidation of
 * anything (the model's IOMMU invalidates by itself), the interrupt of a wait descriptor, and the message
 * registers of the page request event (the unit's file replaces them).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "guard.h"
#include "iommu_device.h"
#include "unit.h"
#include "vtd_spec.h"

/** Both rings have records of this size. */
#define RECORD_BYTES sizeof(struct svart_vtd_page_request)

/** Offsets of records in the largest ring, which has 2^7 pages. */
#define OFFSET_MASK SVART_MASK(18, 5)

#define LOW_HALF  SVART_MASK(31, 0)
#define HIGH_HALF SVART_MASK(63, 32)

/* These are registers of 4 bytes in the upper half of 8 aligned bytes. */
static_assert(SVART_VTD_GSTS_OFF == SVART_VTD_GCMD_OFF + 4, "GSTS is above GCMD");
static_assert(SVART_VTD_FSTS_OFF % 8 == 4 && SVART_VTD_PRS_OFF % 8 == 4, "upper halves");
static_assert(SVART_VTD_GCMD_OFF % 8 == 0 && SVART_VTD_PECTL_OFF % 8 == 0, "lower halves");
static_assert(sizeof(struct svart_vtd_qi_desc) == RECORD_BYTES, "rings are alike");

/**
 * The unit.
 *
 * Owner: its device. Lifetime: the device's. Locks: the device lock.
 */
struct vtd {
	struct svart_unit unit;
	bool qi_enabled, qi_error; /**< GSTS.QIES, FSTS.IQE. */
	uint64_t iqa, iqh, iqt;    /**< iqh is in the ring; iqt is as software wrote it. */
	uint64_t pqa, pqh, pqt;    /**< pqt is in the ring; pqh may be beyond it. */
	uint32_t prs, pectl;
};

static struct vtd *vtd_of(struct svart_unit *unit)
{
	return (struct vtd *)unit;
}

/** Tells the size of a ring, whose size field is in the lowest bits of its address register. */
static uint64_t ring_bytes(uint64_t address)
{
	static_assert(SVART_VTD_IQA_QS == SVART_VTD_PQA_PQS, "one size field");
	return SVART_PAGE_SIZE << SVART_FIELD_GET(SVART_VTD_PQA_PQS, address);
}

static void *at(uint64_t addr)
{
	/* Software writes addresses of this process into the registers; only guard.h uses them. */
	return (void *)(uintptr_t)addr;
}

/* --- life ------------------------------------------------------------------------------------- */

static void vtd_reset(struct svart_unit *unit)
{
	struct vtd *v = vtd_of(unit);

	v->qi_enabled = false;
	v->qi_error = false;
	v->iqa = 0;
	v->iqh = 0;
	v->iqt = 0;
	v->pqa = 0;
	v->pqh = 0;
	v->pqt = 0;
	v->prs = 0;
	v->pectl = SVART_VTD_PECTL_IM;
}

static int vtd_create(struct svart_iommu_device *dev, struct svart_unit **out)
{
	struct vtd *v = calloc(1, sizeof(*v));

	(void)dev;
	if (v == NULL)
		return -ENOMEM;
	vtd_reset(&v->unit);
	*out = &v->unit;
	return 0;
}

static void vtd_destroy(struct svart_unit *unit)
{
	free(vtd_of(unit));
}

/* --- the page request queue (7.4) ---------------------------------------------------------------- */

/**
 * Sets a status, which raises the interrupt if it is new, or leaves it pending while masked. The overflow
 * raises it, too: otherwise software that has just looked at a full queue would stay asleep.
 */
static void set_status(struct vtd *v, uint32_t bit)
{
	if ((v->prs & bit) != 0)
		return;
	v->prs |= bit;
	if ((v->pectl & SVART_VTD_PECTL_IM) != 0)
		v->pectl |= SVART_VTD_PECTL_IP;
	else
		svart_unit_interrupt(&v->unit);
}

static void clear_status(struct vtd *v, uint32_t bits)
{
	v->prs &= ~bits;
	/* Software has handled the pending interrupt (11.4, PECTL). */
	if (v->prs == 0)
		v->pectl &= ~(uint32_t)SVART_VTD_PECTL_IP;
}

static void write_pectl(struct vtd *v, uint32_t value)
{
	bool pending = (v->pectl & SVART_VTD_PECTL_IP) != 0;

	if ((value & SVART_VTD_PECTL_IM) != 0) {
		v->pectl |= SVART_VTD_PECTL_IM;
		return;
	}
	v->pectl = 0;
	if (pending)
		svart_unit_interrupt(&v->unit);
}

/** Sets the queue up. A tail that is left from a larger queue is kept inside the new one. */
static void write_pqa(struct vtd *v, uint64_t value)
{
	v->pqa = value & (SVART_VTD_PQA_BASE | SVART_VTD_PQA_PQS);
	v->pqt &= ring_bytes(v->pqa) - 1;
}

static struct svart_vtd_page_request make_record(
	const struct vtd *v, const struct svart_unit_request *request)
{
	const struct svart_bus_page_request *p = &request->page;
	struct svart_vtd_page_request record = { { 0 } };

	record.qw[0] = SVART_FIELD_PREP(SVART_VTD_PRQ_TYPE, SVART_VTD_PRQ_TYPE_REQUEST) |
		       SVART_FIELD_PREP(SVART_VTD_PRQ_PRIV_PRESENT, request->has_private) |
		       SVART_FIELD_PREP(SVART_VTD_PRQ_RID, v->unit.dev->requester_id) |
		       SVART_FIELD_PREP(SVART_VTD_PRQ_EXEC, p->exec) |
		       SVART_FIELD_PREP(SVART_VTD_PRQ_PRIV_MODE, p->priv);
	if (p->pasid != SVART_BUS_NO_PASID)
		record.qw[0] |= SVART_VTD_PRQ_PASID_PRESENT |
				SVART_FIELD_PREP(SVART_VTD_PRQ_PASID, p->pasid);
	record.qw[1] = SVART_FIELD_PREP(SVART_VTD_PRQ_READ, p->read) |
		       SVART_FIELD_PREP(SVART_VTD_PRQ_WRITE, p->write) |
		       SVART_FIELD_PREP(SVART_VTD_PRQ_LPIG, p->last) |
		       SVART_FIELD_PREP(SVART_VTD_PRQ_PRGI, p->prgi) |
		       (p->addr & SVART_VTD_PRQ_ADDR);
	if (request->has_private)
		memcpy(&record.qw[2], request->private_data, sizeof(request->private_data));
	return record;
}

static int vtd_report(struct svart_unit *unit, const struct svart_unit_request *request)
{
	struct vtd *v = vtd_of(unit);
	uint64_t base = v->pqa & SVART_VTD_PQA_BASE, mask = ring_bytes(v->pqa) - 1;
	struct svart_vtd_page_request record = make_record(v, request);
	uint64_t next = (v->pqt + RECORD_BYTES) & mask;

	if (base == 0)
		return -ENODEV;
	if ((v->prs & SVART_VTD_PRS_PRO) != 0)
		return -EOVERFLOW;
	if (next == (v->pqh & mask) || unit->squeezed) {
		set_status(v, SVART_VTD_PRS_PRO);
		return -EOVERFLOW;
	}
	if (svart_guard_copy(at(base + v->pqt), &record, sizeof(record)) != 0) {
		svart_iommu_unit_stale_access(unit->dev);
		v->pqa = 0;
		return -ENODEV;
	}
	v->pqt = next;
	set_status(v, SVART_VTD_PRS_PPR);
	return 0;
}

/* --- the invalidation queue (6.5.2) --------------------------------------------------------------- */

#define KNOWN_PGR_QW0                                                                   \
	(SVART_VTD_QI_TYPE | SVART_VTD_PGR_PASID_PRESENT | SVART_VTD_PGR_PRIV_PRESENT | \
		SVART_VTD_PGR_CODE | SVART_VTD_PGR_RID | SVART_VTD_PGR_PASID)
#define KNOWN_PGR_QW1 (SVART_VTD_PGR_LPIG | SVART_VTD_PGR_PRGI)
#define KNOWN_WAIT_QW0                                                            \
	(SVART_VTD_QI_TYPE | SVART_VTD_WAIT_STATUS_WRITE | SVART_VTD_WAIT_FENCE | \
		SVART_VTD_WAIT_PRQ_DRAIN | SVART_VTD_WAIT_STATUS_DATA)

/** Reads a response code. Undefined codes count as failure (PCIe 6.0, 10.4.2.1). */
static enum svart_bus_prg_response code_of(uint64_t qw0)
{
	switch (SVART_FIELD_GET(SVART_VTD_PGR_CODE, qw0)) {
	case SVART_VTD_PGR_CODE_SUCCESS:
		return SVART_BUS_PRG_SUCCESS;
	case SVART_VTD_PGR_CODE_INVALID:
		return SVART_BUS_PRG_INVALID;
	default:
		return SVART_BUS_PRG_FAILURE;
	}
}

/**
 * Executes a page group response (7.7.1). With LPIG it answers the group and its LAST; without LPIG it
 * answers one request, and has the private data of that request. A response with neither answers nothing.
 */
static bool respond(struct vtd *v, const struct svart_vtd_qi_desc *d)
{
	bool last = (d->qw[1] & SVART_VTD_PGR_LPIG) != 0;
	bool own = (d->qw[0] & SVART_VTD_PGR_PRIV_PRESENT) != 0;
	uint32_t pasid = SVART_BUS_NO_PASID;

	if ((d->qw[0] & ~KNOWN_PGR_QW0) != 0 || (d->qw[1] & ~KNOWN_PGR_QW1) != 0 ||
		(!own && (d->qw[2] | d->qw[3]) != 0))
		return false;
	if ((d->qw[0] & SVART_VTD_PGR_PASID_PRESENT) != 0)
		pasid = (uint32_t)SVART_FIELD_GET(SVART_VTD_PGR_PASID, d->qw[0]);
	if ((!last && !own) ||
		SVART_FIELD_GET(SVART_VTD_PGR_RID, d->qw[0]) != v->unit.dev->requester_id)
		svart_iommu_unit_bad_answer(v->unit.dev);
	else
		svart_iommu_unit_answer(v->unit.dev, pasid,
			(uint16_t)SVART_FIELD_GET(SVART_VTD_PGR_PRGI, d->qw[1]), last,
			own ? &d->qw[2] : NULL, code_of(d->qw[0]));
	return true;
}

/**
 * Executes an invalidation wait (6.5.2.8). All descriptors before it are done, so a fence has nothing to
 * wait for. A drain waits for the requests on their way, here of all PASIDs.
 */
static bool do_wait(struct vtd *v, const struct svart_vtd_qi_desc *d)
{
	uint32_t data = (uint32_t)SVART_FIELD_GET(SVART_VTD_WAIT_STATUS_DATA, d->qw[0]);
	bool writes = (d->qw[0] & SVART_VTD_WAIT_STATUS_WRITE) != 0;

	if ((d->qw[0] & ~KNOWN_WAIT_QW0) != 0 || (d->qw[1] & ~SVART_VTD_WAIT_STATUS_ADDRESS) != 0 ||
		(d->qw[2] | d->qw[3]) != 0)
		return false;
	if ((d->qw[0] & SVART_VTD_WAIT_PRQ_DRAIN) != 0)
		svart_prg_drain(v->unit.dev);
	if (writes && svart_guard_publish(at(d->qw[1]), &data, sizeof(data)) != 0)
		svart_iommu_unit_stale_access(v->unit.dev);
	return true;
}

/** @return false if the descriptor is bad. */
static bool execute(struct vtd *v, const struct svart_vtd_qi_desc *d)
{
	switch (SVART_FIELD_GET(SVART_VTD_QI_TYPE, d->qw[0])) {
	case SVART_VTD_QI_PAGE_GROUP_RESPONSE:
		return respond(v, d);
	case SVART_VTD_QI_WAIT:
		return do_wait(v, d);
	default:
		return false;
	}
}

/** Takes descriptors until the queue is empty or its head is at a bad one. */
static void run_queue(struct vtd *v)
{
	uint64_t base = v->iqa & SVART_VTD_IQA_BASE, bytes = ring_bytes(v->iqa);
	struct svart_vtd_qi_desc d;

	while (v->qi_enabled && !v->qi_error && v->iqh != v->iqt) {
		if ((v->iqa & SVART_VTD_IQA_DW) == 0 || v->iqt >= bytes ||
			v->iqt % RECORD_BYTES != 0) {
			v->qi_error = true;
		} else if (svart_guard_copy(&d, at(base + v->iqh), sizeof(d)) != 0) {
			svart_iommu_unit_stale_access(v->unit.dev);
			v->qi_enabled = false;
		} else if (!execute(v, &d)) {
			v->qi_error = true;
		} else {
			v->iqh = (v->iqh + RECORD_BYTES) & (bytes - 1);
		}
	}
}

/** Writes GCMD. While the queue is disabled its head is 0 (11.4, IQH). */
static void write_gcmd(struct vtd *v, uint32_t value)
{
	v->qi_enabled = (value & SVART_VTD_GCMD_QIE) != 0;
	if (!v->qi_enabled)
		v->iqh = 0;
	run_queue(v);
}

static void write_fsts(struct vtd *v, uint32_t value)
{
	if ((value & SVART_VTD_FSTS_IQE) == 0)
		return;
	v->qi_error = false;
	run_queue(v);
}

/* --- registers (11.4) ----------------------------------------------------------------------------- */

/** Reads 8 aligned bytes. */
static uint64_t read_whole(const struct vtd *v, uint64_t off)
{
	switch (off) {
	case SVART_VTD_VER_OFF:
		return SVART_VTD_VER_6_0;
	case SVART_VTD_ECAP_OFF:
		return SVART_VTD_ECAP_QI | SVART_VTD_ECAP_PRS | SVART_VTD_ECAP_PDS |
		       SVART_VTD_ECAP_SMTS;
	case SVART_VTD_GCMD_OFF:
		return v->qi_enabled ? SVART_VTD_GCMD_QIE << 32 : 0;
	case SVART_VTD_FSTS_OFF - 4:
		return v->qi_error ? SVART_VTD_FSTS_IQE << 32 : 0;
	case SVART_VTD_IQH_OFF:
		return v->iqh;
	case SVART_VTD_IQT_OFF:
		return v->iqt;
	case SVART_VTD_IQA_OFF:
		return v->iqa;
	case SVART_VTD_PQH_OFF:
		return v->pqh;
	case SVART_VTD_PQT_OFF:
		return v->pqt;
	case SVART_VTD_PQA_OFF:
		return v->pqa;
	case SVART_VTD_PRS_OFF - 4:
		return (uint64_t)v->prs << 32;
	case SVART_VTD_PECTL_OFF:
		return v->pectl;
	default:
		return 0;
	}
}

static uint64_t vtd_read(struct svart_unit *unit, uint64_t off, unsigned int size)
{
	uint64_t whole = read_whole(vtd_of(unit), off & ~UINT64_C(7));

	if (size == 8)
		return whole;
	return off % 8 == 4 ? whole >> 32 : whole & LOW_HALF;
}

/** Writes a register of 8 bytes. The rings' addresses are fixed while their queues are enabled. */
static void write_long(struct vtd *v, uint64_t off, uint64_t value)
{
	switch (off) {
	case SVART_VTD_IQT_OFF:
		v->iqt = value & SVART_MASK(18, 0);
		run_queue(v);
		break;
	case SVART_VTD_IQA_OFF:
		if (!v->qi_enabled)
			v->iqa = value & (SVART_VTD_IQA_BASE | SVART_VTD_IQA_DW | SVART_VTD_IQA_QS);
		break;
	case SVART_VTD_PQH_OFF:
		v->pqh = value & OFFSET_MASK;
		break;
	case SVART_VTD_PQT_OFF:
		if ((v->pqa & SVART_VTD_PQA_BASE) == 0)
			v->pqt = value & OFFSET_MASK;
		break;
	case SVART_VTD_PQA_OFF:
		write_pqa(v, value);
		break;
	default:
		break;
	}
}

/** Writes those of 8 aligned bytes that are in mask. */
static void write_whole(struct vtd *v, uint64_t off, uint64_t value, uint64_t mask)
{
	uint32_t high = (uint32_t)((value & mask) >> 32);

	switch (off) {
	case SVART_VTD_GCMD_OFF:
		if ((mask & LOW_HALF) != 0)
			write_gcmd(v, (uint32_t)value);
		break;
	case SVART_VTD_PECTL_OFF:
		if ((mask & LOW_HALF) != 0)
			write_pectl(v, (uint32_t)value);
		break;
	case SVART_VTD_FSTS_OFF - 4:
		write_fsts(v, high);
		break;
	case SVART_VTD_PRS_OFF - 4:
		clear_status(v, high & (uint32_t)(SVART_VTD_PRS_PPR | SVART_VTD_PRS_PRO));
		break;
	default:
		write_long(v, off, (read_whole(v, off) & ~mask) | (value & mask));
		break;
	}
}

static void vtd_write(struct svart_unit *unit, uint64_t off, unsigned int size, uint64_t value)
{
	struct vtd *v = vtd_of(unit);
	uint64_t whole = off & ~UINT64_C(7);

	if (size == 8)
		write_whole(v, whole, value, UINT64_MAX);
	else if (off % 8 == 4)
		write_whole(v, whole, value << 32, HIGH_HALF);
	else
		write_whole(v, whole, value, LOW_HALF);
}

const struct svart_unit_ops svart_unit_vtd = {
	.kind = SVART_IOMMU_UNIT_VTD,
	.bytes = SVART_VTD_REGS_BYTES,
	.create = vtd_create,
	.destroy = vtd_destroy,
	.reset = vtd_reset,
	.read = vtd_read,
	.write = vtd_write,
	.report = vtd_report,
};

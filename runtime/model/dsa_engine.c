/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Engines: take a descriptor, check it, do it piece by piece, write its completion record
 * (DSA spec 3.2, 5, 8).
 */

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "dsa_internal.h"
#include "ops.h"

#define FLAGS_ANY                                                                               \
	(SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_RCI | SVART_DSA_FLAG_CRSTS | \
		SVART_DSA_FLAG_CR_TCS)
#define FLAGS_DATA                                                                       \
	(FLAGS_ANY | SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR1_TCS | \
		SVART_DSA_FLAG_ADDR2_TCS | SVART_DSA_FLAG_STORD | SVART_DSA_FLAG_DRDBK | \
		SVART_DSA_FLAG_DSTS)

/* What asks for a record, or for more than that. */
#define FLAGS_NOTICE (SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_RCI)

uint32_t svart_dsa_wq_pasid(const struct dsa_wq *wq)
{
	if ((wq->cfg[2] & SVART_DSA_WQCFG2_PASID_EN) == 0)
		return SVART_BUS_NO_PASID;
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_WQCFG2_PASID, wq->cfg[2]);
}

static uint32_t engine_opcode(const struct dsa_engine *e)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, e->desc.flags_opcode);
}

static bool engine_flag(const struct dsa_engine *e, uint64_t flag)
{
	return (e->desc.flags_opcode & flag) != 0;
}

/* The handle is an index of the MSI-X table; its permission is of the WQ's PASID. */
static bool int_handle_is_good(const struct dsa *d, const struct dsa_engine *e)
{
	uint32_t perm, pasid = SVART_BUS_NO_PASID;

	if (!engine_flag(e, SVART_DSA_FLAG_RCI))
		return true;
	if (e->desc.int_handle == 0 || e->desc.int_handle >= SVART_DSA_NR_VECTORS)
		return false;
	perm = d->msix_perm[e->desc.int_handle];
	if ((perm & SVART_DSA_MSIX_PERM_IGNORE) != 0)
		return true;
	if ((perm & SVART_DSA_MSIX_PERM_PASID_EN) != 0)
		pasid = (uint32_t)SVART_FIELD_GET(SVART_DSA_MSIX_PERM_PASID, perm);
	return pasid == e->pasid;
}

/* --- Completion ------------------------------------------------------------------------------- */

/* Tells by SWERR what no completion record can tell. */
static void engine_swerr(struct dsa *d, const struct dsa_engine *e, unsigned int status,
	uint32_t invalid_flags, uint64_t fault_addr)
{
	const struct dsa_origin origin = svart_dsa_engine_origin(d, e);

	svart_dsa_origin_swerr(d, &origin, status, invalid_flags, fault_addr);
}

/* Ends the operation: record, or SWERR; interrupt; idle. */
static void engine_complete(
	struct dsa *d, struct dsa_engine *e, const struct svart_dsa_record *record)
{
	bool failed = record->status != SVART_DSA_STATUS_SUCCESS;

	if (engine_flag(e, SVART_DSA_FLAG_CRAV) && (failed || engine_flag(e, SVART_DSA_FLAG_RCR))) {
		if (!svart_dsa_record_write(d, e, record))
			return;
	} else if (failed) {
		engine_swerr(d, e, record->status, record->invalid_flags, record->fault_addr);
	}
	/* Also an operation that failed before its handle was looked at. */
	if (engine_flag(e, SVART_DSA_FLAG_RCI) && int_handle_is_good(d, e))
		d->bus->ops->interrupt(d->bus, e->desc.int_handle);
	e->state = DSA_ENGINE_IDLE;
}

/* Whether its record may wait for others: nobody looks at it for more than that it is there. */
static bool record_can_wait(const struct dsa_engine *e)
{
	/* Who waits for an interrupt looks at the record then; a drain's says that others are there. */
	return (e->desc.flags_opcode & FLAGS_NOTICE) ==
		       (SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR) &&
	       engine_opcode(e) != SVART_DSA_OP_DRAIN;
}

static void engine_success(struct dsa *d, struct dsa_engine *e)
{
	static const struct svart_dsa_record record = { .status = SVART_DSA_STATUS_SUCCESS };

	if (record_can_wait(e) && svart_dsa_record_later(d, e))
		e->state = DSA_ENGINE_IDLE;
	else
		engine_complete(d, e, &record);
}

static void engine_error(
	struct dsa *d, struct dsa_engine *e, unsigned int status, uint32_t invalid_flags)
{
	struct svart_dsa_record record = {
		.status = (uint8_t)status,
		.result = e->backward,
		.bytes_completed = e->done,
		.invalid_flags = invalid_flags,
	};

	engine_complete(d, e, &record);
}

void svart_dsa_engine_fault(
	struct dsa *d, struct dsa_engine *e, unsigned int status, uint64_t addr, bool write)
{
	struct svart_dsa_record record = {
		.status = (uint8_t)(status | SVART_FIELD_PREP(SVART_DSA_STATUS_WRITE, write)),
		.result = e->backward,
		.bytes_completed = e->done,
		.fault_addr = addr,
	};

	engine_complete(d, e, &record);
}

/* An error of the bus that is no page fault. */
static void engine_bus_error(struct dsa *d, struct dsa_engine *e, int rc)
{
	if (rc == -EPERM)
		svart_dsa_halt(d);
	else
		engine_error(d, e, SVART_DSA_STATUS_HW_ERROR, 0);
}

/* --- Checks ----------------------------------------------------------------------------------- */

static uint64_t flags_allowed(const struct dsa_engine *e)
{
	switch (engine_opcode(e)) {
	case SVART_DSA_OP_MEMMOVE:
	case SVART_DSA_OP_FILL:
		if ((e->wq->cfg[2] & SVART_DSA_WQCFG2_BLOCK_ON_FAULT) == 0)
			return FLAGS_DATA & ~SVART_DSA_FLAG_BOF;
		return FLAGS_DATA;
	default:
		return FLAGS_ANY;
	}
}

/* Flags that are wrong: not of this operation, or a record that has no address. */
static uint32_t check_flags(const struct dsa_engine *e)
{
	uint32_t flags = (uint32_t)SVART_FIELD_GET(SVART_DSA_DESC_FLAGS, e->desc.flags_opcode);
	uint32_t wrong = flags & ~(uint32_t)flags_allowed(e);

	if (!engine_flag(e, SVART_DSA_FLAG_CRAV))
		wrong |= flags & (uint32_t)SVART_DSA_FLAG_RCR;
	return wrong;
}

static bool reserved_are_zero(const struct dsa_engine *e)
{
	const struct svart_dsa_desc *desc = &e->desc;
	uint64_t set = (desc->pasid_priv & DSA_PASID_PRIV_RESERVED) | desc->reserved |
		       desc->op_specific[0] | desc->op_specific[1] | desc->op_specific[2];

	if (engine_opcode(e) == SVART_DSA_OP_NOOP || engine_opcode(e) == SVART_DSA_OP_DRAIN)
		set |= desc->src | desc->dst | desc->size;
	return set == 0;
}

static bool size_is_good(const struct dsa_engine *e)
{
	uint64_t shift = SVART_FIELD_GET(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, e->wq->cfg[3]);

	if (engine_opcode(e) != SVART_DSA_OP_MEMMOVE && engine_opcode(e) != SVART_DSA_OP_FILL)
		return true;
	return e->desc.size != 0 && e->desc.size <= UINT64_C(1) << shift;
}

static bool opcode_is_known(const struct dsa_engine *e)
{
	uint32_t opcode = engine_opcode(e);

	return opcode < 64 && (DSA_OPCAP >> opcode & 1) != 0;
}

/* Ends an operation with something wrong. Returns whether it is good. */
static bool engine_check(struct dsa *d, struct dsa_engine *e)
{
	uint32_t flags = 0;
	unsigned int status = SVART_DSA_STATUS_SUCCESS;

	if (engine_flag(e, SVART_DSA_FLAG_CRAV) &&
		e->desc.completion_addr % SVART_DSA_RECORD_BYTES != 0) {
		/* Nowhere to write a record to. */
		engine_swerr(d, e, SVART_DSA_STATUS_RECORD_ALIGN, 0, e->desc.completion_addr);
		e->state = DSA_ENGINE_IDLE;
		return false;
	}
	if (!opcode_is_known(e))
		status = SVART_DSA_STATUS_BAD_OPCODE;
	else if ((flags = check_flags(e)) != 0)
		status = SVART_DSA_STATUS_BAD_FLAGS;
	else if (!reserved_are_zero(e))
		status = SVART_DSA_STATUS_RESERVED_SET;
	else if (!size_is_good(e))
		status = SVART_DSA_STATUS_BAD_SIZE;
	else if (!int_handle_is_good(d, e))
		status = SVART_DSA_STATUS_BAD_INT_HANDLE;
	if (status == SVART_DSA_STATUS_SUCCESS)
		return true;
	engine_error(d, e, status, flags);
	return false;
}

/* --- Data ------------------------------------------------------------------------------------- */

/* An operand that starts at addr, from what is done on. */
static struct dsa_span operand_span(struct dsa_engine *e, uint64_t addr, bool write)
{
	uint32_t left = e->desc.size - e->done;

	return (struct dsa_span){
		.addr = e->backward ? addr + left : addr + e->done,
		.ahead = left,
		.write = write,
		.backward = e->backward,
		.recent = &e->recent[write ? DSA_RECENT_DST : DSA_RECENT_SRC],
	};
}

static struct dsa_miss span_miss(const struct dsa_span *span)
{
	return (struct dsa_miss){
		.addr = span->backward ? span->addr - 1 : span->addr,
		.bytes = span->ahead,
		.write = span->write,
	};
}

/* Bytes to the end of the page that the span's next byte is in. */
static uint64_t span_in_page(const struct dsa_span *span)
{
	return span->backward ? ((span->addr - 1) & SVART_PAGE_MASK) + 1
			      : SVART_PAGE_SIZE - (span->addr & SVART_PAGE_MASK);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Lowest address of the next len bytes. */
static uint64_t span_low(const struct dsa_span *span, uint64_t len)
{
	return span->backward ? span->addr - len : span->addr;
}

/* Ends the operation if an untranslated access failed. Returns whether it did not. */
static bool untranslated_ok(
	struct dsa *d, struct dsa_engine *e, const struct dsa_span *span, int rc)
{
	if (rc == 0)
		return true;
	if (rc == -EFAULT)
		svart_dsa_engine_fault(
			d, e, SVART_DSA_STATUS_TRANSLATION, span_miss(span).addr, span->write);
	else
		engine_bus_error(d, e, rc);
	return false;
}

/*
 * One piece by untranslated requests, within one page of each operand, so that bytes_completed is exact.
 * Returns its bytes; 0: the engine's state has changed.
 */
static uint64_t piece_untranslated(
	struct dsa *d, struct dsa_engine *e, const struct dsa_span *src, const struct dsa_span *dst)
{
	const struct svart_bus_ops *ops = d->bus->ops;
	uint64_t len = least(least(dst->ahead, span_in_page(dst)), sizeof(d->bounce));
	int rc;

	if (src != NULL) {
		len = least(len, span_in_page(src));
		rc = ops->dma_read(d->bus, e->pasid, span_low(src, len), d->bounce, len);
		if (!untranslated_ok(d, e, src, rc))
			return 0;
	} else {
		svart_op_fill(d->bounce, len, e->desc.pattern, e->done);
	}
	rc = ops->dma_write(d->bus, e->pasid, span_low(dst, len), d->bounce, len);
	return untranslated_ok(d, e, dst, rc) ? len : 0;
}

/* Does the piece that both operands are translated for. As piece_untranslated(). */
static uint64_t piece_translated(struct dsa *d, struct dsa_engine *e, const struct dsa_span *src,
	const struct dsa_span *dst, uint64_t max)
{
	const struct svart_bus_ops *ops = d->bus->ops;
	struct dsa_miss misses[2];
	unsigned int nr = 0;
	uint64_t from = 0, to, len;
	int64_t src_run = (int64_t)max, dst_run;
	int rc;

	if (src != NULL)
		src_run = svart_dsa_atc_run(d, e->pasid, src, max, &from);
	dst_run = src_run < 0 ? src_run : svart_dsa_atc_run(d, e->pasid, dst, max, &to);
	if (dst_run == -EOPNOTSUPP) {
		e->untranslated = true;
		return piece_untranslated(d, e, src, dst);
	}
	if (dst_run < 0) {
		engine_bus_error(d, e, (int)dst_run);
		return 0;
	}
	if (src != NULL && src_run == 0)
		misses[nr++] = span_miss(src);
	if (dst_run == 0)
		misses[nr++] = span_miss(dst);
	if (nr > 0) {
		svart_dsa_fault_raise(d, e, misses, nr);
		return 0;
	}

	len = least((uint64_t)src_run, (uint64_t)dst_run);
	if (e->backward) {
		from += (uint64_t)src_run - len;
		to += (uint64_t)dst_run - len;
	}
	if (src != NULL)
		rc = ops->copy(d->bus, to, from, len);
	else
		rc = ops->fill(d->bus, to, len, e->desc.pattern, e->desc.pattern, e->done);
	if (rc == 0)
		return len;
	engine_bus_error(d, e, rc);
	return 0;
}

/* Moves data until the slice is used up, the operation ends, or a page is missing. */
static void engine_move(struct dsa *d, struct dsa_engine *e)
{
	bool copies = engine_opcode(e) == SVART_DSA_OP_MEMMOVE;
	uint64_t slice = DSA_STEP_BYTES;

	while (slice > 0 && e->done < e->desc.size) {
		struct dsa_span src = operand_span(e, e->desc.src, false);
		struct dsa_span dst = operand_span(e, e->desc.dst, true);
		uint64_t len;

		if (e->untranslated)
			len = piece_untranslated(d, e, copies ? &src : NULL, &dst);
		else
			len = piece_translated(
				d, e, copies ? &src : NULL, &dst, least(slice, dst.ahead));
		if (len == 0)
			return;
		e->done += (uint32_t)len;
		e->fault_tries = 0;
		slice -= least(slice, len);
	}
	if (e->done == e->desc.size)
		engine_success(d, e);
}

/* --- The state machine ------------------------------------------------------------------------ */

static bool engine_busy(const struct dsa_engine *e)
{
	return e->state != DSA_ENGINE_IDLE && e->state != DSA_ENGINE_CLOSE;
}

bool svart_dsa_engines_busy(const struct dsa *d, const struct dsa_wq *wq, uint32_t position)
{
	for (unsigned int i = 0; i < d->options.nr_engines; i++) {
		const struct dsa_engine *e = &d->engines[i];

		if (engine_busy(e) && e->wq == wq && (int32_t)(e->position - position) < 0)
			return true;
	}
	return false;
}

void svart_dsa_engine_abort(struct dsa *d, struct dsa_engine *e, const struct dsa_wq *wq)
{
	if (engine_busy(e) && e->wq == wq)
		svart_dsa_fault_orphan(d, e);
}

/* WQs of the engine's group, as bits. */
static uint64_t engine_wqs(const struct dsa *d, const struct dsa_engine *e)
{
	for (unsigned int i = 0; i < d->options.nr_groups; i++) {
		if ((d->groups[i].engines >> e->index & 1) != 0)
			return d->groups[i].wqs[0];
	}
	return 0;
}

/* WQs as bits, the next one in turn moved to bit 0. */
static uint64_t wqs_from(const struct dsa *d, const struct dsa_engine *e, uint64_t wqs)
{
	wqs &= (UINT64_C(1) << d->options.nr_wqs) - 1;
	wqs = wqs >> e->next_wq | wqs << (DSA_MAX_WQS - e->next_wq);
	return wqs & ((UINT64_C(1) << DSA_MAX_WQS) - 1);
}

/*
 * Takes the next descriptor of the group's WQs, in turn; quick ones, as many as there are, are done at
 * once. Returns how many it took; e->wq is set if the last one is still to be done.
 */
static uint32_t engine_take(struct dsa *d, struct dsa_engine *e, uint32_t most, uint64_t *bytes)
{
	uint64_t wqs = wqs_from(d, e, engine_wqs(d, e));

	e->wq = NULL;
	for (; wqs != 0; wqs &= wqs - 1) {
		unsigned int at = (e->next_wq + (unsigned int)__builtin_ctzll(wqs)) % DSA_MAX_WQS;
		struct dsa_wq *wq = &d->wqs[at];
		uint32_t nr;

		if (wq->state == SVART_DSA_WQ_DISABLED)
			continue;
		nr = svart_dsa_quick(d, e, wq, most, bytes);
		if (nr == 0 && svart_dsa_ring_take(&wq->ring, &e->desc, &e->position)) {
			e->wq = wq;
			nr = 1;
		}
		if (nr == 0)
			continue;
		e->next_wq = (uint8_t)((at + 1) % DSA_MAX_WQS);
		return nr;
	}
	return 0;
}

static void engine_start(struct dsa *d, struct dsa_engine *e)
{
	e->state = DSA_ENGINE_RUN;
	e->pasid = svart_dsa_wq_pasid(e->wq);
	e->done = 0;
	e->backward = false;
	e->untranslated = (e->wq->cfg[2] & SVART_DSA_WQCFG2_ATS_DISABLE) != 0;
	e->ask_one = false;
	e->fault_tries = 0;
	e->rest = 0;
	e->prg.refused = false;
	if (!engine_check(d, e))
		return;
	if (engine_opcode(e) == SVART_DSA_OP_MEMMOVE)
		e->backward = svart_op_copy_is_backward(e->desc.dst, e->desc.src, e->desc.size);
}

/* The group was refused. Returns false if that ends the operation. */
static bool engine_refused(struct dsa *d, struct dsa_engine *e)
{
	e->prg.refused = false;
	if (e->prg.nr > 1) {
		e->ask_one = true;
		return true;
	}
	svart_dsa_engine_fault(d, e, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, e->prg.fault_addr,
		(e->prg.write & 1) != 0);
	return false;
}

/* Returns whether it moved. */
static bool engine_run(struct dsa *d, struct dsa_engine *e)
{
	if (e->prg.refused && !engine_refused(d, e))
		return true;
	switch (engine_opcode(e)) {
	case SVART_DSA_OP_MEMMOVE:
	case SVART_DSA_OP_FILL:
		engine_move(d, e);
		return true;
	case SVART_DSA_OP_DRAIN:
		if (svart_dsa_engines_busy(d, e->wq, e->position))
			return false;
		break;
	default:
		break;
	}
	engine_success(d, e);
	return true;
}

/*
 * Takes descriptors until one waits, they are a step's worth of data, or there are no more. Their records
 * are written together at the end: a program that polls takes the cache line of each from the device.
 */
static bool engine_burst(struct dsa *d, struct dsa_engine *e)
{
	uint64_t bytes = 0;
	uint32_t nr = 0, taken;

	while (nr < d->options.burst && bytes < DSA_STEP_BYTES && e->state == DSA_ENGINE_IDLE) {
		taken = engine_take(d, e, d->options.burst - nr, &bytes);
		if (taken == 0)
			break;
		nr += taken;
		if (e->wq == NULL)
			continue;
		engine_start(d, e);
		if (e->state == DSA_ENGINE_RUN)
			engine_run(d, e);
		bytes += e->desc.size;
	}
	return nr > 0;
}

static bool engine_move_on(struct dsa *d, struct dsa_engine *e)
{
	switch (e->state) {
	case DSA_ENGINE_IDLE:
		return engine_burst(d, e);
	case DSA_ENGINE_RUN:
		return engine_run(d, e);
	case DSA_ENGINE_SEND:
	case DSA_ENGINE_CLOSE:
		return svart_dsa_fault_send(d, e);
	default:
		return false;
	}
}

bool svart_dsa_engine_step(struct dsa *d, struct dsa_engine *e)
{
	bool moved = engine_move_on(d, e);

	svart_dsa_records_flush(d);
	return moved;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Engines: take a descriptor, and do it piece by piece (DSA spec 3.2, 5, 8). */

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "dsa_model.h"
#include "dsa_ops.h"
#include "dsa_work.h"
#include "ops.h"

uint32_t svart_dsa_wq_pasid(const struct dsa_wq *wq)
{
	if ((wq->cfg[2] & SVART_DSA_WQCFG2_PASID_EN) == 0)
		return SVART_BUS_NO_PASID;
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_WQCFG2_PASID, wq->cfg[2]);
}

bool svart_dsa_wq_priv(const struct dsa_wq *wq)
{
	const uint32_t both = (uint32_t)(SVART_DSA_WQCFG2_PASID_EN | SVART_DSA_WQCFG2_PRIV);

	return (wq->cfg[2] & both) == both;
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
		svart_dsa_engine_bus_error(d, e, rc);
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
		svart_dsa_engine_bus_error(d, e, (int)dst_run);
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
	svart_dsa_engine_bus_error(d, e, rc);
	return 0;
}

/* Moves data until the slice is used up, the operation ends, or a page is missing. */
static void engine_move(struct dsa *d, struct dsa_engine *e)
{
	bool copies = (e->row->traits & SVART_OP_HAS_PATTERN) == 0;
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
		svart_dsa_engine_success(d, e);
}

/* --- The state machine ------------------------------------------------------------------------ */

static bool engine_busy(const struct dsa_engine *e)
{
	return e->state != DSA_ENGINE_IDLE && e->state != DSA_ENGINE_CLOSE;
}

static bool engine_is_of(const struct dsa_engine *e, const struct dsa_wq *wq, uint32_t pasid)
{
	return engine_busy(e) && e->wq == wq && (pasid == DSA_ANY_PASID || e->pasid == pasid);
}

bool svart_dsa_engines_busy(
	const struct dsa *d, const struct dsa_wq *wq, uint32_t position, uint32_t pasid)
{
	for (unsigned int i = 0; i < d->options.nr_engines; i++) {
		const struct dsa_engine *e = &d->engines[i];

		if (engine_is_of(e, wq, pasid) && (int32_t)(e->position - position) < 0)
			return true;
	}
	return false;
}

void svart_dsa_engine_abort(
	struct dsa *d, struct dsa_engine *e, const struct dsa_wq *wq, uint32_t pasid)
{
	if (!engine_is_of(e, wq, pasid))
		return;
	e->batch.count = 0;
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

/* Whose requests the engine's will be. */
static void engine_identify(struct dsa_engine *e)
{
	if (svart_dsa_wq_is_shared(e->wq)) {
		e->pasid = (uint32_t)SVART_FIELD_GET(SVART_DSA_DESC_PASID, e->desc.pasid_priv);
		e->priv = (e->desc.pasid_priv & SVART_DSA_DESC_PRIV) != 0;
	} else {
		e->pasid = svart_dsa_wq_pasid(e->wq);
		e->priv = svart_dsa_wq_priv(e->wq);
	}
}

static void engine_start(struct dsa *d, struct dsa_engine *e)
{
	unsigned int opcode = svart_dsa_engine_opcode(e);

	e->state = DSA_ENGINE_RUN;
	e->op = svart_dsa_has_op(d, opcode) ? svart_dsa_op(opcode) : NULL;
	e->row = svart_dsa_has_op(d, opcode) && (DSA_OPS_IN_PLACE >> opcode & 1) != 0
			 ? svart_dsa_op_row(opcode)
			 : NULL;
	if (!svart_dsa_engine_in_batch(e)) {
		engine_identify(e);
		e->batch.logged = false;
	}
	e->done = 0;
	e->backward = false;
	e->untranslated = (e->wq->cfg[2] & SVART_DSA_WQCFG2_ATS_DISABLE) != 0;
	e->ask_one = false;
	e->fault_tries = 0;
	e->rest = 0;
	e->prg.refused = false;
	e->reach = DSA_REACH_DATA;
	if (!svart_dsa_engine_check(d, e))
		return;
	if (e->op != NULL) {
		e->work = (struct dsa_work){ 0 };
		if (e->op->begin != NULL)
			e->op->begin(e);
	} else if (svart_dsa_has_operands(e) && e->row->overlap == SVART_OVERLAP_MEMMOVE) {
		e->backward = svart_op_copy_is_backward(e->desc.dst, e->desc.src, e->desc.size);
	}
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
	if (e->reach == DSA_REACH_RECORD) {
		svart_dsa_record_write(d, e);
		return true;
	}
	if (e->reach == DSA_REACH_LIST) {
		e->state = DSA_ENGINE_BATCH;
		return true;
	}
	if (svart_dsa_engine_opcode(e) == SVART_DSA_OP_BATCH) {
		svart_dsa_batch_begin(e);
		e->batch.id = d->next_batch_id++;
		return true;
	}
	if (e->op != NULL) {
		svart_dsa_work(d, e);
		return true;
	}
	if (svart_dsa_has_operands(e)) {
		engine_move(d, e);
		return true;
	}
	if (svart_dsa_engine_opcode(e) == SVART_DSA_OP_DRAIN &&
		svart_dsa_engines_busy(d, e->wq, e->position, e->pasid))
		return false;
	svart_dsa_engine_success(d, e);
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

/* Does descriptors of the batch, as engine_burst() does those of WQs. */
static bool engine_batch(struct dsa *d, struct dsa_engine *e)
{
	uint64_t bytes = 0;

	for (uint32_t nr = 0; nr < d->options.burst && bytes < DSA_STEP_BYTES; nr++) {
		if (e->state != DSA_ENGINE_BATCH || !svart_dsa_batch_next(d, e))
			break;
		engine_start(d, e);
		if (e->state == DSA_ENGINE_RUN)
			engine_run(d, e);
		bytes += e->desc.size;
	}
	return true;
}

static bool engine_move_on(struct dsa *d, struct dsa_engine *e)
{
	switch (e->state) {
	case DSA_ENGINE_IDLE:
		return engine_burst(d, e);
	case DSA_ENGINE_BATCH:
		return engine_batch(d, e);
	case DSA_ENGINE_RUN:
		return engine_run(d, e);
	case DSA_ENGINE_SEND:
	case DSA_ENGINE_CLOSE:
		return svart_dsa_fault_send(d, e);
	case DSA_ENGINE_LOG:
		return svart_dsa_log_engine(d, e);
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What almost every descriptor is: a copy with nothing unusual about it, all of whose pages are in the
 * cache. It is done where it lies in the ring, with each check of dsa_engine.c, and without the state of
 * an engine. Whatever fails a check here is left where it is, for the engine to find out what is wrong.
 */

#include "bits.h"
#include "dsa_model.h"
#include "dsa_ops.h"
#include "ops.h"

#define FLAGS_RECORD (SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR)

/* What is the same for all descriptors of a WQ. */
struct quick {
	struct dsa *d;
	struct dsa_engine *e;
	struct dsa_wq *wq;
	uint64_t max_bytes;
	uint32_t pasid;
	uint32_t flags_opcode; /* Of a copy, with the record that it tells of. */
	uint32_t flags_free;   /* Flags that may be set or not. */
};

/* Bytes of a copy that is done here at most; a device that copies with more rules has none. */
static uint64_t quick_bytes(const struct dsa *d, const struct dsa_wq *wq)
{
	uint64_t shift = SVART_FIELD_GET(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, wq->cfg[3]);

	if (d->options.overlap == 0 || !svart_dsa_has_op(d, SVART_DSA_OP_MEMMOVE))
		return 0;
	return shift < DSA_STEP_SHIFT ? UINT64_C(1) << shift : DSA_STEP_BYTES;
}

static struct quick quick_of(struct dsa *d, struct dsa_engine *e, struct dsa_wq *wq)
{
	return (struct quick){
		.d = d,
		.e = e,
		.wq = wq,
		.max_bytes = quick_bytes(d, wq),
		.pasid = svart_dsa_wq_pasid(wq),
		.flags_opcode = (uint32_t)(SVART_FIELD_PREP(SVART_DSA_DESC_OPCODE,
						   svart_dsa_opcode(SVART_OP_COPY)) |
					   FLAGS_RECORD),
		.flags_free = (wq->cfg[2] & SVART_DSA_WQCFG2_BLOCK_ON_FAULT) != 0
				      ? (uint32_t)SVART_DSA_FLAG_BOF
				      : 0,
	};
}

/* Whether the engine's checks would all pass, and nothing has to be done but to copy upwards. */
static bool quick_fits(const struct quick *quick, const struct svart_dsa_desc *desc)
{
	uint64_t reserved = (desc->pasid_priv & DSA_PASID_PRIV_RESERVED) | desc->reserved |
			    desc->op_specific[0] | desc->op_specific[1] | desc->op_specific[2];

	return (desc->flags_opcode & ~quick->flags_free) == quick->flags_opcode &&
	       (reserved | desc->completion_addr % SVART_DSA_RECORD_BYTES) == 0 &&
	       desc->size - UINT64_C(1) < quick->max_bytes &&
	       !svart_op_copy_is_backward(desc->dst, desc->src, desc->size);
}

/* Where len bytes from va on are, if they lie in one piece and may be accessed so. */
static bool quick_translate(const struct quick *quick, uint64_t va, uint64_t len, bool write,
	enum dsa_recent recent, uint64_t *translated)
{
	const struct dsa_span span = {
		.addr = va,
		.ahead = len,
		.write = write,
		.recent = &quick->e->recent[recent],
	};

	if (svart_dsa_atc_is_recent(&span, quick->pasid, len)) {
		*translated = svart_dsa_atc_recent(&span);
		return true;
	}
	return svart_dsa_atc_run(quick->d, quick->pasid, &span, len, translated) == (int64_t)len;
}

/* Does one descriptor. Returns false if it is nothing for this, and nothing was done that matters. */
static bool quick_do(const struct quick *quick, const struct svart_dsa_desc *desc)
{
	struct dsa *d = quick->d;
	struct dsa_late *late = &d->late[d->nr_late];
	uint64_t from, to;

	if (!quick_fits(quick, desc) ||
		!quick_translate(quick, desc->src, desc->size, false, DSA_RECENT_SRC, &from) ||
		!quick_translate(quick, desc->dst, desc->size, true, DSA_RECENT_DST, &to) ||
		!quick_translate(quick, desc->completion_addr, SVART_DSA_RECORD_BYTES, true,
			DSA_RECENT_RECORD, &late->translated) ||
		d->bus->ops->copy(d->bus, to, from, desc->size) != 0)
		return false;
	late->completion_addr = desc->completion_addr;
	late->origin = (struct dsa_origin){
		.pasid = quick->pasid,
		.flags = desc->flags_opcode,
		.int_handle = desc->int_handle,
		.wq = (uint8_t)(quick->wq - d->wqs),
		.opcode = svart_dsa_opcode(SVART_OP_COPY),
		.priv = svart_dsa_wq_priv(quick->wq),
	};
	d->nr_late++;
	return true;
}

uint32_t svart_dsa_quick(
	struct dsa *d, struct dsa_engine *e, struct dsa_wq *wq, uint32_t most, uint64_t *bytes)
{
	const struct quick quick = quick_of(d, e, wq);
	const struct svart_dsa_desc *desc;
	uint32_t position = 0, nr = 0, ready = svart_dsa_ring_ready(&wq->ring, &position);

	if ((wq->cfg[2] & SVART_DSA_WQCFG2_ATS_DISABLE) != 0 || svart_dsa_wq_is_shared(wq))
		return 0;
	if (most > ready)
		most = ready;
	while (nr < most && *bytes < DSA_STEP_BYTES && d->nr_late < DSA_MAX_BURST) {
		if (nr + DSA_FETCH_AHEAD < ready)
			__builtin_prefetch(
				svart_dsa_ring_at(&wq->ring, position + nr + DSA_FETCH_AHEAD));
		desc = svart_dsa_ring_at(&wq->ring, position + nr);
		if (!quick_do(&quick, desc))
			break;
		*bytes += desc->size;
		nr++;
	}
	if (nr > 0)
		svart_dsa_ring_pass(&wq->ring, nr);
	return nr;
}

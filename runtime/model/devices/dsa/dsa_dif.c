/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Protection information (DSA spec 8.3.14 to 8.3.17, and DIX of 2.0): block by block, each whole. */

#include "bits.h"
#include "dsa_work.h"
#include "op_dif.h"

#define FLAGS_CHECK (uint32_t)(SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_ADDR1_TCS)
#define FLAGS_COPY                                                                               \
	(FLAGS_CHECK |                                                                           \
		(uint32_t)(SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR2_TCS | SVART_DSA_FLAG_STORD | \
			   SVART_DSA_FLAG_DRDBK | SVART_DSA_FLAG_DSTS))

/* op_specific: flags of the source, of the destination, of both; then tags of each. */
#define SRC_FLAGS SVART_MASK(7, 0)
#define DST_FLAGS SVART_MASK(15, 8)
#define DIF_FLAGS SVART_MASK(19, 16)
/* Bits of DST_FLAGS that mean something without a tuple to pass on, and with one. */
#define DST_FLAGS_INSERT (SVART_MASK(12, 12) | SVART_MASK(15, 15))
#define DST_FLAGS_UPDATE SVART_MASK(15, 11)
/* Tags, in words 1 and 2. */
#define TAG_REF      SVART_MASK(31, 0)
#define TAG_APP_MASK SVART_MASK(47, 32)
#define TAG_APP      SVART_MASK(63, 48)

_Static_assert(DSA_UNIT_BYTES >= 4104 + SVART_DIF_TUPLE_BYTES, "the largest block");

static enum svart_dif_kind dif_kind(const struct dsa_engine *e)
{
	switch (svart_dsa_engine_opcode(e)) {
	case SVART_DSA_OP_DIF_CHECK:
		return SVART_DIF_CHECK;
	case SVART_DSA_OP_DIF_INSERT:
		return SVART_DIF_INSERT;
	case SVART_DSA_OP_DIF_STRIP:
		return SVART_DIF_STRIP;
	case SVART_DSA_OP_DIX_GENERATE:
		return SVART_DIF_DIX_GENERATE;
	default:
		return SVART_DIF_UPDATE;
	}
}

static unsigned int dif_flags(const struct dsa_engine *e)
{
	return (unsigned int)SVART_FIELD_GET(DIF_FLAGS, e->desc.op_specific[0]);
}

static uint32_t src_block(const struct dsa_engine *e)
{
	return svart_op_dif_src_bytes(dif_kind(e), dif_flags(e));
}

static uint32_t dst_block(const struct dsa_engine *e)
{
	return svart_op_dif_dst_bytes(dif_kind(e), dif_flags(e));
}

/* The size is of the source. */
static unsigned int check_dif(const struct dsa_engine *e)
{
	uint32_t src = src_block(e), dst = dst_block(e);
	uint64_t dst_bytes = (uint64_t)(e->desc.size / src) * dst;

	if (e->desc.size % src != 0)
		return SVART_DSA_STATUS_BAD_SIZE;
	if (dst != 0 && svart_dsa_overlap(e->desc.src, e->desc.size, e->desc.dst, dst_bytes))
		return SVART_DSA_STATUS_OVERLAP;
	return SVART_DSA_STATUS_SUCCESS;
}

static struct svart_tags tags_of(uint64_t word)
{
	return (struct svart_tags){
		.ref = (uint32_t)SVART_FIELD_GET(TAG_REF, word),
		.app_mask = (uint16_t)SVART_FIELD_GET(TAG_APP_MASK, word),
		.app = (uint16_t)SVART_FIELD_GET(TAG_APP, word),
	};
}

static uint64_t word_of(const struct svart_tags *tags)
{
	return SVART_FIELD_PREP(TAG_REF, tags->ref) |
	       SVART_FIELD_PREP(TAG_APP_MASK, tags->app_mask) |
	       SVART_FIELD_PREP(TAG_APP, tags->app);
}

static void begin_dif(struct dsa_engine *e)
{
	const uint64_t *words = e->desc.op_specific;

	e->work.dif = (struct svart_op_dif){
		.flags = (uint8_t)dif_flags(e),
		.src_flags = (uint8_t)SVART_FIELD_GET(SRC_FLAGS, words[0]),
		.dst_flags = (uint8_t)SVART_FIELD_GET(DST_FLAGS, words[0]),
		.src = tags_of(words[1]),
		.dst = tags_of(words[2]),
	};
}

static void plan_dif(const struct dsa_engine *e, struct dsa_unit *unit)
{
	uint32_t blocks = e->work.dif.blocks, left = e->desc.size / src_block(e) - blocks;
	uint32_t src = src_block(e), dst = dst_block(e);

	svart_dsa_place(unit, e->desc.src + (uint64_t)blocks * src, (uint64_t)left * src, src,
		DSA_WAY_READ);
	if (dst != 0)
		svart_dsa_place(unit, e->desc.dst + (uint64_t)blocks * dst, (uint64_t)left * dst,
			dst, DSA_WAY_WRITE);
}

/* Of a block that is wrong nothing is written. */
static void work_dif(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	struct dsa_place *src = &unit->places[0], *dst = &unit->places[1];
	bool writes = unit->nr > 1;

	if (!svart_op_dif(&work->dif, dif_kind(e), src->bytes, src->len, writes ? dst->bytes : NULL,
		    writes ? dst->len : 0)) {
		work->result = work->dif.error;
		work->status = SVART_DSA_STATUS_DIF_ERROR;
		work->over = true;
		dst->len = 0;
		return;
	}
	unit->done = src->len;
	work->over = e->done + unit->done == e->desc.size;
}

static void tell_dif(const struct dsa_engine *e, struct svart_dsa_record *record)
{
	enum svart_dif_kind kind = dif_kind(e);

	record->result = e->work.result;
	if ((kind & SVART_DIF_READS_TUPLES) != 0)
		record->op_specific[0] = word_of(&e->work.dif.src);
	if ((kind & SVART_DIF_WRITES_TUPLES) != 0)
		record->op_specific[1] = word_of(&e->work.dif.dst);
}

const struct dsa_op svart_dsa_op_dif_check = {
	.flags = FLAGS_CHECK,
	.words = { SRC_FLAGS | DIF_FLAGS, UINT64_MAX },
	.no_dst = true,
	.check = check_dif,
	.begin = begin_dif,
	.plan = plan_dif,
	.work = work_dif,
	.tell = tell_dif,
};

const struct dsa_op svart_dsa_op_dif_insert = {
	.flags = FLAGS_COPY,
	.words = { DST_FLAGS_INSERT | DIF_FLAGS, 0, UINT64_MAX },
	.check = check_dif,
	.begin = begin_dif,
	.plan = plan_dif,
	.work = work_dif,
	.tell = tell_dif,
};

const struct dsa_op svart_dsa_op_dif_strip = {
	.flags = FLAGS_COPY,
	.words = { SRC_FLAGS | DIF_FLAGS, UINT64_MAX },
	.check = check_dif,
	.begin = begin_dif,
	.plan = plan_dif,
	.work = work_dif,
	.tell = tell_dif,
};

const struct dsa_op svart_dsa_op_dif_update = {
	.flags = FLAGS_COPY,
	.words = { SRC_FLAGS | DST_FLAGS_UPDATE | DIF_FLAGS, UINT64_MAX, UINT64_MAX },
	.check = check_dif,
	.begin = begin_dif,
	.plan = plan_dif,
	.work = work_dif,
	.tell = tell_dif,
};

const struct dsa_op svart_dsa_op_dix_generate = {
	.flags = FLAGS_COPY,
	.words = { DST_FLAGS_INSERT | DIF_FLAGS, 0, UINT64_MAX },
	.check = check_dif,
	.begin = begin_dif,
	.plan = plan_dif,
	.work = work_dif,
	.tell = tell_dif,
};

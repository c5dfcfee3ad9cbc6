/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Delta records (DSA spec 8.3.7, 8.3.8). Offsets in a record count from where the whole operation begins. */

#include "bits.h"
#include "dsa_work.h"
#include "op_delta.h"

#define FLAGS                                                                               \
	(uint32_t)(SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR1_TCS |      \
		   SVART_DSA_FLAG_ADDR2_TCS | SVART_DSA_FLAG_STORD | SVART_DSA_FLAG_DRDBK | \
		   SVART_DSA_FLAG_DSTS)

/* op_specific of "create": the record's address; its room; of word 2, a byte: the results that are good. */
#define CREATE_MAX      SVART_MASK(31, 0)
#define CREATE_EXPECTED SVART_MASK(2, 0)
/* Of "apply": the record's bytes. */
#define APPLY_BYTES SVART_MASK(31, 0)

/* A record has room for this at least (DSA spec 8.3.7). It need not be whole entries: accel-config's is not. */
#define CREATE_LEAST 80
/* Sources that are compared in one unit: the entries of all words must fit its room. */
#define CREATE_UNIT 2048
_Static_assert(CREATE_UNIT / SVART_DELTA_WORD_BYTES * SVART_DELTA_ENTRY_BYTES <= DSA_UNIT_BYTES,
	"a unit's entries");

static bool words_are_good(const struct dsa_engine *e)
{
	return e->desc.size % SVART_DELTA_WORD_BYTES == 0 && e->desc.size <= SVART_DELTA_MAX_BYTES;
}

/* --- Create --------------------------------------------------------------------------------------- */

static uint32_t create_max(const struct dsa_engine *e)
{
	return (uint32_t)SVART_FIELD_GET(CREATE_MAX, e->desc.op_specific[1]);
}

static unsigned int check_create(const struct dsa_engine *e)
{
	const struct svart_dsa_desc *desc = &e->desc;
	uint32_t max = create_max(e);

	if (!words_are_good(e))
		return SVART_DSA_STATUS_BAD_SIZE;
	if ((desc->src | desc->dst | desc->op_specific[0]) % SVART_DELTA_WORD_BYTES != 0)
		return SVART_DSA_STATUS_ADDRESS_ALIGN;
	if (max < CREATE_LEAST)
		return SVART_DSA_STATUS_BAD_DELTA_SIZE;
	if (svart_dsa_overlap(desc->src, desc->size, desc->op_specific[0], max) ||
		svart_dsa_overlap(desc->dst, desc->size, desc->op_specific[0], max))
		return SVART_DSA_STATUS_OVERLAP;
	return SVART_DSA_STATUS_SUCCESS;
}

static void begin_create(struct dsa_engine *e)
{
	e->work.create.max_bytes = create_max(e);
}

static void plan_create(const struct dsa_engine *e, struct dsa_unit *unit)
{
	uint32_t left = e->desc.size - e->done;
	uint32_t len = left < CREATE_UNIT ? left : CREATE_UNIT;

	len = svart_dsa_in_page(e->desc.src + e->done, len);
	len = svart_dsa_in_page(e->desc.dst + e->done, len);
	svart_dsa_place(unit, e->desc.src + e->done, left, len, DSA_WAY_READ);
	svart_dsa_place(unit, e->desc.dst + e->done, left, len, DSA_WAY_READ);
}

static void create_over(const struct dsa_engine *e, struct dsa_work *work)
{
	uint64_t expected = SVART_FIELD_GET(CREATE_EXPECTED, e->desc.op_specific[2]);

	work->over = true;
	work->result = (uint8_t)svart_op_delta_result(&work->create);
	if (svart_dsa_engine_flag(e, SVART_DSA_FLAG_CHECK_RESULT) &&
		(expected >> work->result & 1) == 0)
		work->status = SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE;
}

/* The record's pages are asked for only if something is written there. */
static void work_create(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	const struct dsa_place *a = &unit->places[0], *b = &unit->places[1];
	struct svart_op_delta_create *create = &work->create;
	uint32_t before = create->record_bytes, src_before = create->src_bytes;
	uint8_t *entries = unit->room[unit->nr];

	svart_op_delta_create(create, a->bytes, b->bytes, a->len, entries, DSA_UNIT_BYTES);
	unit->done = create->src_bytes - src_before;
	if (create->record_bytes != before)
		svart_dsa_place(unit, e->desc.op_specific[0] + before, create->max_bytes - before,
			create->record_bytes - before, DSA_WAY_WRITE);
	if (create->too_small || create->src_bytes == e->desc.size)
		create_over(e, work);
}

static void tell_create(const struct dsa_engine *e, struct svart_dsa_record *record)
{
	record->result = e->work.result;
	record->op_specific[0] = e->work.create.record_bytes;
}

const struct dsa_op svart_dsa_op_create_delta = {
	.flags = FLAGS | (uint32_t)(SVART_DSA_FLAG_CHECK_RESULT | SVART_DSA_FLAG_ADDR3_TCS),
	.words = { UINT64_MAX, CREATE_MAX, CREATE_EXPECTED },
	.check = check_create,
	.begin = begin_create,
	.plan = plan_create,
	.work = work_create,
	.tell = tell_create,
};

/* --- Apply ---------------------------------------------------------------------------------------- */

static uint32_t apply_bytes(const struct dsa_engine *e)
{
	return (uint32_t)SVART_FIELD_GET(APPLY_BYTES, e->desc.op_specific[0]);
}

static unsigned int check_apply(const struct dsa_engine *e)
{
	const struct svart_dsa_desc *desc = &e->desc;
	uint32_t bytes = apply_bytes(e);

	if (!words_are_good(e))
		return SVART_DSA_STATUS_BAD_SIZE;
	if ((desc->src | desc->dst) % SVART_DELTA_WORD_BYTES != 0)
		return SVART_DSA_STATUS_ADDRESS_ALIGN;
	if (bytes == 0 || bytes % SVART_DELTA_ENTRY_BYTES != 0)
		return SVART_DSA_STATUS_BAD_DELTA_SIZE;
	if (svart_dsa_overlap(desc->src, bytes, desc->dst, desc->size))
		return SVART_DSA_STATUS_OVERLAP;
	return SVART_DSA_STATUS_SUCCESS;
}

static void begin_apply(struct dsa_engine *e)
{
	e->work.apply.dst_bytes = e->desc.size;
}

/* An entry: where it goes is known only when it was read. */
static void plan_apply(const struct dsa_engine *e, struct dsa_unit *unit)
{
	svart_dsa_place(unit, e->desc.src + e->done, apply_bytes(e) - e->done,
		SVART_DELTA_ENTRY_BYTES, DSA_WAY_READ);
}

static unsigned int apply_status(enum svart_delta_apply ended)
{
	return ended == SVART_DELTA_NOT_INCREASING ? SVART_DSA_STATUS_DELTA_OFFSET_ORDER
						   : SVART_DSA_STATUS_DELTA_OFFSET_RANGE;
}

static void work_apply(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	struct svart_op_delta_apply *apply = &work->apply;
	struct svart_delta_window window = { 0 };
	struct dsa_place *to;
	enum svart_delta_apply ended = svart_op_delta_apply(
		apply, unit->places[0].bytes, SVART_DELTA_ENTRY_BYTES, &window);

	if (ended != SVART_DELTA_OUTSIDE) {
		work->status = (uint8_t)apply_status(ended);
		work->over = true;
		return;
	}
	to = svart_dsa_place(unit, e->desc.dst + apply->offset, e->desc.size - apply->offset,
		SVART_DELTA_WORD_BYTES, DSA_WAY_WRITE);
	window = (struct svart_delta_window){
		.bytes = to->bytes, .offset = apply->offset, .len = SVART_DELTA_WORD_BYTES
	};
	svart_op_delta_apply(apply, unit->places[0].bytes, 0, &window);
	unit->done = SVART_DELTA_ENTRY_BYTES;
	work->over = e->done + unit->done == apply_bytes(e);
}

const struct dsa_op svart_dsa_op_apply_delta = {
	.flags = FLAGS,
	.words = { APPLY_BYTES },
	.check = check_apply,
	.begin = begin_apply,
	.plan = plan_apply,
	.work = work_apply,
};

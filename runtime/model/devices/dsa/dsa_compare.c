/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Compare, compare with a pattern; dualcast, cache flush, translation fetch (DSA spec 8.3). */

#include "bits.h"
#include "dsa_work.h"
#include "op_compare.h"

#define FLAGS_COMPARE                                                                     \
	(uint32_t)(SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CHECK_RESULT | SVART_DSA_FLAG_CC | \
		   SVART_DSA_FLAG_ADDR1_TCS | SVART_DSA_FLAG_ADDR2_TCS)
#define FLAGS_WRITE                                                                         \
	(uint32_t)(SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR1_TCS |      \
		   SVART_DSA_FLAG_ADDR2_TCS | SVART_DSA_FLAG_STORD | SVART_DSA_FLAG_DRDBK | \
		   SVART_DSA_FLAG_DSTS)

/* Expected result: bit 0 of a byte of its own. */
#define EXPECTED UINT64_C(1)
/* The two destinations lie alike in their pages (DSA spec 8.3.9). */
#define DUALCAST_LOW SVART_MASK(11, 0)

/* --- Compare -------------------------------------------------------------------------------------- */

/* Bytes of the next unit: within a page of each source. */
static uint32_t unit_bytes(const struct dsa_engine *e, bool two)
{
	uint32_t len = svart_dsa_in_page(e->desc.src + e->done, e->desc.size - e->done);

	return two ? svart_dsa_in_page(e->desc.dst + e->done, len) : len;
}

static void plan_compare(const struct dsa_engine *e, struct dsa_unit *unit)
{
	uint32_t left = e->desc.size - e->done, len = unit_bytes(e, true);

	svart_dsa_place(unit, e->desc.src + e->done, left, len, DSA_WAY_READ);
	svart_dsa_place(unit, e->desc.dst + e->done, left, len, DSA_WAY_READ);
}

static void plan_compare_pattern(const struct dsa_engine *e, struct dsa_unit *unit)
{
	svart_dsa_place(unit, e->desc.src + e->done, e->desc.size - e->done, unit_bytes(e, false),
		DSA_WAY_READ);
}

/* So many bytes of the unit are equal. */
static void compared(
	const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit, size_t equal)
{
	unit->done = (uint32_t)equal;
	work->result = equal != unit->places[0].len;
	work->over = work->result != 0 || e->done + unit->done == e->desc.size;
	if (work->over && svart_dsa_engine_flag(e, SVART_DSA_FLAG_CHECK_RESULT) &&
		work->result != (e->desc.op_specific[0] & EXPECTED))
		work->status = SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE;
}

static void work_compare(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	const struct dsa_place *a = &unit->places[0], *b = &unit->places[1];

	compared(e, work, unit, svart_op_compare(a->bytes, b->bytes, a->len));
}

static void work_compare_pattern(
	const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	const struct dsa_place *a = &unit->places[0];

	compared(e, work, unit, svart_op_compare_pattern(a->bytes, a->len, e->desc.dst, e->done));
}

static void tell_result(const struct dsa_engine *e, struct svart_dsa_record *record)
{
	record->result = e->work.result;
}

const struct dsa_op svart_dsa_op_compare = {
	.flags = FLAGS_COMPARE,
	.words = { EXPECTED },
	.plan = plan_compare,
	.work = work_compare,
	.tell = tell_result,
};

const struct dsa_op svart_dsa_op_compare_pattern = {
	.flags = FLAGS_COMPARE,
	.words = { EXPECTED },
	.plan = plan_compare_pattern,
	.work = work_compare_pattern,
	.tell = tell_result,
};

/* --- Dualcast ------------------------------------------------------------------------------------- */

static unsigned int check_dualcast(const struct dsa_engine *e)
{
	const struct svart_dsa_desc *desc = &e->desc;
	uint64_t dst2 = desc->op_specific[0], len = desc->size;

	if (((desc->dst ^ dst2) & DUALCAST_LOW) != 0)
		return SVART_DSA_STATUS_DUALCAST_ALIGN;
	if (svart_dsa_overlap(desc->dst, len, dst2, len) ||
		svart_dsa_overlap(desc->src, len, desc->dst, len) ||
		svart_dsa_overlap(desc->src, len, dst2, len))
		return SVART_DSA_STATUS_OVERLAP;
	return SVART_DSA_STATUS_SUCCESS;
}

static void plan_dualcast(const struct dsa_engine *e, struct dsa_unit *unit)
{
	uint32_t left = e->desc.size - e->done, len = unit_bytes(e, true);

	svart_dsa_place(unit, e->desc.src + e->done, left, len, DSA_WAY_READ);
	svart_dsa_place(unit, e->desc.dst + e->done, left, len, DSA_WAY_WRITE)->bytes =
		unit->room[0];
	svart_dsa_place(unit, e->desc.op_specific[0] + e->done, left, len, DSA_WAY_WRITE)->bytes =
		unit->room[0];
}

static void work_all(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	unit->done = unit->places[0].len;
	work->over = e->done + unit->done == e->desc.size;
}

const struct dsa_op svart_dsa_op_dualcast = {
	.flags = FLAGS_WRITE | (uint32_t)SVART_DSA_FLAG_ADDR3_TCS,
	.words = { UINT64_MAX },
	.check = check_dualcast,
	.plan = plan_dualcast,
	.work = work_all,
};

/* --- Cache flush ---------------------------------------------------------------------------------- */

/* The model has no cache: it looks only whether the memory is there. */
static void plan_cache_flush(const struct dsa_engine *e, struct dsa_unit *unit)
{
	uint32_t left = e->desc.size - e->done;
	uint64_t addr = e->desc.dst + e->done;

	svart_dsa_place(unit, addr, left, svart_dsa_in_page(addr, left), DSA_WAY_TOUCH);
}

const struct dsa_op svart_dsa_op_cache_flush = {
	.flags = (uint32_t)(SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR2_TCS),
	.no_src = true,
	.plan = plan_cache_flush,
	.work = work_all,
};

/* --- Translation fetch, of DSA 2.0 ---------------------------------------------------------------- */

/* op_specific[1]: bytes from one address to the next, in pages. */
#define STRIDE SVART_MASK(63, 12)

static uint64_t stride_of(const struct dsa_engine *e)
{
	return e->desc.op_specific[1] != 0 ? e->desc.op_specific[1] : SVART_PAGE_SIZE;
}

static void plan_fetch(const struct dsa_engine *e, struct dsa_unit *unit)
{
	/* What comes next is asked for ahead only where the strides leave no page out. */
	uint64_t left = stride_of(e) == SVART_PAGE_SIZE ? e->desc.size - e->done : 1;

	svart_dsa_place(unit, e->desc.src + e->done, left, 1, DSA_WAY_TOUCH);
}

static void work_fetch(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit)
{
	uint32_t left = e->desc.size - e->done;

	unit->done = stride_of(e) < left ? (uint32_t)stride_of(e) : left;
	work->over = unit->done == left;
}

const struct dsa_op svart_dsa_op_translation_fetch = {
	.flags = (uint32_t)(SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_ADDR1_TCS),
	.words = { 0, STRIDE },
	.no_dst = true,
	.plan = plan_fetch,
	.work = work_fetch,
};

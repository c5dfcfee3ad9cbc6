/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Operations unit by unit: see dsa_work.h. */

#include "dsa_work.h"

#include <errno.h>

#include "bits.h"

/* What can be in one place of a unit, and so in its misses. */
_Static_assert(DSA_MAX_PLACES <= DSA_MAX_MISSES, "each place may miss a page");

static const struct dsa_op *const ops[64] = {
	[SVART_DSA_OP_COMPARE] = &svart_dsa_op_compare,
	[SVART_DSA_OP_COMPARE_PATTERN] = &svart_dsa_op_compare_pattern,
	[SVART_DSA_OP_CREATE_DELTA] = &svart_dsa_op_create_delta,
	[SVART_DSA_OP_APPLY_DELTA] = &svart_dsa_op_apply_delta,
	[SVART_DSA_OP_DUALCAST] = &svart_dsa_op_dualcast,
	[SVART_DSA_OP_TRANSLATION_FETCH] = &svart_dsa_op_translation_fetch,
	[SVART_DSA_OP_CRC] = &svart_dsa_op_crc,
	[SVART_DSA_OP_COPY_CRC] = &svart_dsa_op_copy_crc,
	[SVART_DSA_OP_DIF_CHECK] = &svart_dsa_op_dif_check,
	[SVART_DSA_OP_DIF_INSERT] = &svart_dsa_op_dif_insert,
	[SVART_DSA_OP_DIF_STRIP] = &svart_dsa_op_dif_strip,
	[SVART_DSA_OP_DIF_UPDATE] = &svart_dsa_op_dif_update,
	[SVART_DSA_OP_DIX_GENERATE] = &svart_dsa_op_dix_generate,
	[SVART_DSA_OP_CACHE_FLUSH] = &svart_dsa_op_cache_flush,
};

const struct dsa_op *svart_dsa_op(unsigned int opcode)
{
	return opcode < SVART_ARRAY_SIZE(ops) ? ops[opcode] : NULL;
}

uint64_t svart_dsa_ops_mask(void)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < SVART_ARRAY_SIZE(ops); i++)
		mask |= (uint64_t)(ops[i] != NULL) << i;
	return mask;
}

struct dsa_place *svart_dsa_place(
	struct dsa_unit *unit, uint64_t addr, uint64_t ahead, uint32_t len, enum dsa_way way)
{
	struct dsa_place *place = &unit->places[unit->nr];

	*place = (struct dsa_place){
		.addr = addr,
		.ahead = ahead,
		.len = len,
		.way = (uint8_t)way,
		.bytes = unit->room[unit->nr],
	};
	unit->nr++;
	return place;
}

/* --- Places --------------------------------------------------------------------------------------- */

static struct dsa_span place_span(struct dsa_engine *e, const struct dsa_place *place, uint32_t at)
{
	bool write = place->way == DSA_WAY_WRITE;

	return (struct dsa_span){
		.addr = place->addr + at,
		.ahead = place->ahead - at,
		.write = write,
		.recent = &e->recent[write ? DSA_RECENT_DST : DSA_RECENT_SRC],
	};
}

/* Translates all of a place. Returns 1, 0 with the miss, or -errno. */
static int place_reach(
	struct dsa *d, struct dsa_engine *e, struct dsa_place *place, struct dsa_miss *miss)
{
	place->nr_runs = 0;
	for (uint32_t at = 0; at < place->len;) {
		struct dsa_span span = place_span(e, place, at);
		uint64_t translated;
		int64_t run = svart_dsa_atc_run(d, e->pasid, &span, place->len - at, &translated);

		if (run < 0)
			return (int)run;
		if (run == 0) {
			*miss = (struct dsa_miss){
				.addr = span.addr, .bytes = span.ahead, .write = span.write
			};
			return 0;
		}
		place->runs[place->nr_runs].translated = translated;
		place->runs[place->nr_runs].len = (uint32_t)run;
		place->nr_runs++;
		at += (uint32_t)run;
	}
	return 1;
}

/* Reads or writes a place by translated requests; what was reached stays so until the step ends. */
static int place_move(struct dsa *d, const struct dsa_place *place)
{
	const struct svart_bus_ops *bus = d->bus->ops;
	int rc = 0;

	for (uint32_t at = 0, i = 0, n; at < place->len && rc == 0; at += n, i++) {
		uint64_t translated = place->runs[i].translated;
		uint32_t left = place->len - at;

		n = place->runs[i].len < left ? place->runs[i].len : left;
		if (place->way == DSA_WAY_READ)
			rc = bus->read(d->bus, translated, place->bytes + at, n);
		else
			rc = bus->write(d->bus, translated, place->bytes + at, n);
	}
	return rc;
}

/* The same by untranslated requests, page by page; *bad is the byte that could not be reached. */
static int place_move_untranslated(
	struct dsa *d, struct dsa_engine *e, const struct dsa_place *place, uint64_t *bad)
{
	const struct svart_bus_ops *bus = d->bus->ops;
	uint8_t ignored;
	int rc = 0;

	for (uint32_t at = 0, n; at < place->len && rc == 0; at += n) {
		uint64_t addr = place->addr + at;

		*bad = addr;
		n = svart_dsa_in_page(addr, place->len - at);
		if (place->way == DSA_WAY_READ)
			rc = bus->dma_read(d->bus, e->pasid, addr, place->bytes + at, n);
		else if (place->way == DSA_WAY_WRITE)
			rc = bus->dma_write(d->bus, e->pasid, addr, place->bytes + at, n);
		else
			rc = bus->dma_read(d->bus, e->pasid, addr, &ignored, 1);
	}
	return rc;
}

/* --- Units ---------------------------------------------------------------------------------------- */

/* Translates the places from `first` on, or asks for what is missing. Returns whether all are. */
static bool unit_reach(
	struct dsa *d, struct dsa_engine *e, struct dsa_unit *unit, unsigned int first)
{
	struct dsa_miss misses[DSA_MAX_MISSES];
	unsigned int nr = 0;

	for (unsigned int i = first; i < unit->nr && !e->untranslated; i++) {
		int rc = place_reach(d, e, &unit->places[i], &misses[nr]);

		if (rc == -EOPNOTSUPP) {
			e->untranslated = true;
			return true;
		}
		if (rc < 0) {
			svart_dsa_engine_bus_error(d, e, rc);
			return false;
		}
		nr += rc == 0;
	}
	if (nr > 0)
		svart_dsa_fault_raise(d, e, misses, nr);
	return nr == 0;
}

/* Moves the bytes of the places of one way. Returns false if that ended the operation. */
static bool unit_move(
	struct dsa *d, struct dsa_engine *e, const struct dsa_unit *unit, enum dsa_way way)
{
	for (unsigned int i = 0; i < unit->nr; i++) {
		const struct dsa_place *place = &unit->places[i];
		uint64_t bad = place->addr;
		int rc = 0;

		if (place->way != way)
			continue;
		if (e->untranslated)
			rc = place_move_untranslated(d, e, place, &bad);
		else if (way != DSA_WAY_TOUCH)
			rc = place_move(d, place);
		if (rc == -EFAULT)
			svart_dsa_engine_fault(
				d, e, SVART_DSA_STATUS_TRANSLATION, bad, way == DSA_WAY_WRITE);
		else if (rc < 0)
			svart_dsa_engine_bus_error(d, e, rc);
		if (rc < 0)
			return false;
	}
	return true;
}

/* Does the next unit. Returns false if the engine's state has changed. */
static bool unit_do(struct dsa *d, struct dsa_engine *e, uint64_t *moved)
{
	struct dsa_unit unit = { .room = d->room };
	struct dsa_work work = e->work;
	unsigned int planned;

	e->op->plan(e, &unit);
	planned = unit.nr;
	if (!unit_reach(d, e, &unit, 0) || !unit_move(d, e, &unit, DSA_WAY_TOUCH) ||
		!unit_move(d, e, &unit, DSA_WAY_READ))
		return false;
	e->op->work(e, &work, &unit);
	if (!unit_reach(d, e, &unit, planned) || !unit_move(d, e, &unit, DSA_WAY_WRITE))
		return false;
	e->work = work;
	e->done += unit.done;
	e->fault_tries = 0;
	for (unsigned int i = 0; i < unit.nr; i++)
		*moved += unit.places[i].len;
	return true;
}

static void work_end(struct dsa *d, struct dsa_engine *e)
{
	struct svart_dsa_record record = {
		.status = e->work.status != 0 ? e->work.status : SVART_DSA_STATUS_SUCCESS,
		.bytes_completed = e->done,
	};

	if (e->op->tell != NULL)
		e->op->tell(e, &record);
	svart_dsa_engine_complete(d, e, &record);
}

void svart_dsa_work(struct dsa *d, struct dsa_engine *e)
{
	uint64_t moved = 0;

	while (!e->work.over && moved < DSA_STEP_BYTES) {
		if (!unit_do(d, e, &moved))
			return;
	}
	if (e->work.over)
		work_end(d, e);
}

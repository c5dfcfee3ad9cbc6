/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Draws operations, and makes the memory of some of them say something: what random bytes hardly ever are, equal,
 * protected or a delta record.
 */

#include <string.h>

#include "meaning.h"
#include "world.h"

/** Draws of operands until what is written overlaps nothing; after that it may. */
#define MAX_TRIES 4
/** Entries of a delta record: some pages. */
#define MAX_ENTRIES 1200u
#define ENTRY_BYTES 10u
#define WORD_BYTES  8u
#define TUPLE_BYTES 8u

static bool chance(struct sim_world *w, uint32_t permille)
{
	return sim_chance(&w->random, permille);
}

static uint64_t draw_length(struct sim_world *w)
{
	switch (sim_below(&w->random, 8)) {
	case 0:
	case 1:
		return sim_between(&w->random, 0, 64);
	case 2:
	case 3:
		return sim_between(&w->random, 1, SIM_PAGE);
	case 4:
		return SIM_PAGE * sim_between(&w->random, 1, 4);
	case 5:
	case 6:
		return sim_between(&w->random, 1, 5 * SIM_PAGE);
	default:
		return sim_between(&w->random, 0, 20 * SIM_PAGE);
	}
}

/** Addresses at which nothing of the process can be. */
static uint64_t draw_wild(struct sim_world *w)
{
	static const uint64_t some[] = { 0, 0x10, SIM_ARENA, SIM_ARENA + SIM_SLOT_BYTES / 2 - 100,
		SIM_ARENA + SIM_ARENA_BYTES - 5 * SIM_PAGE, UINT64_C(0x800000000000),
		UINT64_C(0xffff800000000000), UINT64_MAX - 4095, UINT64_MAX - 10 };

	return some[sim_below(&w->random, sizeof(some) / sizeof(some[0]))];
}

/** An operand of an operation that this queue has in flight: a fence lets one use it. @return whether it has. */
static bool draw_before(
	struct sim_world *w, const struct sim_queue *q, uint64_t *addr, uint64_t *len)
{
	struct sim_operand o[SIM_MAX_OPERANDS];
	uint32_t i, at = sim_below(&w->random, SIM_MAX_OPS), nr;

	for (i = 0; i < SIM_MAX_OPS; i++, at = (at + 1) % SIM_MAX_OPS) {
		if (w->ops[at].queue != q || w->ops[at].failed || w->ops[at].malformed)
			continue;
		nr = sim_operands(&w->ops[at].op, o);
		if (nr == 0)
			continue;
		at = sim_below(&w->random, nr);
		*addr = o[at].addr;
		*len = *len < o[at].len ? *len : o[at].len;
		return true;
	}
	return false;
}

/** Mostly within a region; else across its ends, or somewhere else. */
static uint64_t draw_operand(
	struct sim_world *w, const struct sim_queue *q, const struct svart_op *op, uint64_t *len)
{
	struct sim_region *g = &w->memory.regions[sim_below(&w->random, SIM_NR_REGIONS)];
	uint64_t bytes = (uint64_t)g->nr_pages * SIM_PAGE, start = (uintptr_t)g->base;

	if ((op->flags & SVART_OP_FENCE) != 0 && chance(w, 600) && draw_before(w, q, &start, len))
		return start;
	if (chance(w, 20))
		return draw_wild(w);
	if (chance(w, 60))
		return start + sim_below(&w->random, (uint32_t)bytes);
	if (chance(w, 20))
		return start - sim_below(&w->random, SIM_PAGE);
	if (*len > bytes)
		*len = bytes;
	start += sim_below(&w->random, (uint32_t)(bytes - *len) + 1);
	if (chance(w, 300))
		start &= ~(uint64_t)(SIM_PAGE - 1);
	return start;
}

/** Sets something that must be 0, or is out of range. */
static void spoil(struct sim_world *w, struct svart_op *op)
{
	switch (sim_below(&w->random, 10)) {
	case 0:
		op->hint = 1;
		break;
	case 1:
		op->reserved = 0x100;
		break;
	case 2:
		op->flags |= UINT32_C(1) << 31;
		break;
	case 3:
		op->x ^= 1;
		break;
	case 4:
		op->y ^= UINT64_C(1) << 40;
		break;
	case 5:
		op->z ^= UINT64_C(1) << 63;
		break;
	case 6:
		op->flags ^= SVART_OP_CHECK_RESULT << sim_below(&w->random, 4);
		break;
	case 7:
		op->length += sim_between(&w->random, 1, 9);
		break;
	case 8:
		op->bounds.delta_max ^= 1u << sim_below(&w->random, 8);
		break;
	default:
		op->dif.dst_flags ^= (uint8_t)(1u << sim_below(&w->random, 8));
	}
}

/* --- one of each ----------------------------------------------------------------------------------- */

static uint8_t draw_opcode(struct sim_world *w, const struct sim_queue *q)
{
	uint32_t draw = sim_below(&w->random, 1000);
	uint8_t opcode = (uint8_t)sim_between(&w->random, SVART_OP_COMPARE, SVART_OP_TRANSLATE);

	if (draw < 340)
		return SVART_OP_COPY;
	if (draw < 480)
		return SVART_OP_FILL;
	if (draw < 540)
		return SVART_OP_NOOP;
	if (draw < 560)
		opcode = SVART_OP_DRAIN;
	/* What a device does not have it must refuse. */
	return (q->dev->info.ops >> opcode & 1) != 0 || chance(w, 30) ? opcode : SVART_OP_COPY;
}

static uint32_t draw_flags(struct sim_world *w, const struct svart_op *op)
{
	uint32_t flags = chance(w, 120) ? SVART_OP_NO_BLOCK : 0;

	flags |= chance(w, 120) ? SVART_OP_FENCE : 0;
	switch (op->opcode) {
	case SVART_OP_NOOP:
	case SVART_OP_DRAIN:
		return flags & SVART_OP_FENCE;
	case SVART_OP_COMPARE:
	case SVART_OP_COMPARE_VALUE:
		return flags | (chance(w, 400) ? SVART_OP_CHECK_RESULT : 0);
	case SVART_OP_CREATE_DELTA:
		flags |= chance(w, 400) ? SVART_OP_CHECK_RESULT : 0;
		break;
	case SVART_OP_CRC:
	case SVART_OP_COPY_CRC:
		flags |= chance(w, 300) ? SVART_OP_BYPASS_CRC : 0;
		flags |= chance(w, 300) ? SVART_OP_BYPASS_DATA : 0;
		return flags;
	case SVART_OP_DIF_CHECK:
	case SVART_OP_TRANSLATE:
		return flags;
	default:
		break;
	}
	return flags | (chance(w, 200) ? SVART_OP_TO_CACHE : 0);
}

static struct svart_tags draw_tags(struct sim_world *w)
{
	uint64_t draw = sim_random(&w->random);
	struct svart_tags tags = { .ref = (uint32_t)draw, .app = (uint16_t)(draw >> 48) };

	/* What counts up goes around at times. */
	if (chance(w, 300))
		tags.ref |= 0xfffffff8;
	if (chance(w, 300))
		tags.app |= 0xfff8;
	if (chance(w, 300))
		tags.app_mask = (uint16_t)(draw >> 32);
	return tags;
}

/** Half of the bits that may be set. */
static uint8_t draw_bits(struct sim_world *w, uint32_t allowed)
{
	return chance(w, 400) ? 0 : (uint8_t)(sim_random(&w->random) & allowed);
}

/** Blocks; length is what is left of it by whole ones. */
static void draw_blocks(struct sim_world *w, struct svart_op *op, uint64_t *len)
{
	uint32_t makes = SVART_DIF_DST_APP_INCREMENTS | SVART_DIF_DST_REF_FIXED;
	bool checks = op->opcode != SVART_OP_DIF_INSERT && op->opcode != SVART_OP_DIX_GENERATE;
	uint64_t unit;

	if (op->opcode == SVART_OP_DIF_UPDATE)
		makes |= SVART_DIF_DST_APP_PASSES | SVART_DIF_DST_GUARD_PASSES |
			 SVART_DIF_DST_REF_PASSES;
	op->dif.block = (uint8_t)(sim_below(&w->random, 8) * 2 / 5);
	op->dif.flags = draw_bits(w, SVART_DIF_INVERT_SEED | SVART_DIF_INVERT_RESULT);
	if (checks) {
		op->dif.src_flags = draw_bits(w, 0xff);
		op->src_tags = draw_tags(w);
	}
	if (op->opcode != SVART_OP_DIF_CHECK && op->opcode != SVART_OP_DIF_STRIP) {
		op->dif.dst_flags = draw_bits(w, makes);
		op->dst_tags = draw_tags(w);
	}
	unit = sim_op_unit(op);
	*len = *len < unit ? unit : *len - *len % unit;
}

static uint32_t draw_expected(struct sim_world *w, const struct svart_op *op, uint32_t results)
{
	if ((op->flags & SVART_OP_CHECK_RESULT) == 0)
		return 0;
	return sim_between(&w->random, 1, (1u << results) - 1);
}

static void *draw_pointer(
	struct sim_world *w, const struct sim_queue *q, const struct svart_op *op, uint64_t *len)
{
	uint64_t addr = draw_operand(w, q, op, len);

	if (op->opcode == SVART_OP_CREATE_DELTA || op->opcode == SVART_OP_APPLY_DELTA)
		addr &= ~(uint64_t)(WORD_BYTES - 1);
	return (void *)(uintptr_t)addr;
}

/** A delta record: where, and how long. */
static void draw_record(struct sim_world *w, const struct sim_queue *q, struct svart_op *op)
{
	uint64_t words = op->length / WORD_BYTES, most = words < MAX_ENTRIES ? words : MAX_ENTRIES;
	uint64_t len = ENTRY_BYTES * sim_between(&w->random, 1, (uint32_t)most + 1);

	if (op->opcode == SVART_OP_CREATE_DELTA)
		len = chance(w, 400) ? sim_between(&w->random, 80, 120) : len + 80;
	op->bounds.delta_max = (uint32_t)len;
	op->delta = draw_pointer(w, q, op, &len);
}

/** A second source, or destination, close to the first: ranges that overlap. */
static const void *draw_source(
	struct sim_world *w, const struct sim_queue *q, struct svart_op *op, uint64_t *len)
{
	if (op->opcode == SVART_OP_COPY && chance(w, 80) &&
		sim_memory_region(&w->memory, (uintptr_t)op->dst) != NULL)
		return (const uint8_t *)op->dst + sim_below(&w->random, 2 * SIM_PAGE) - SIM_PAGE;
	return draw_pointer(w, q, op, len);
}

static void draw_operands(
	struct sim_world *w, const struct sim_queue *q, struct svart_op *op, uint64_t len)
{
	uint64_t low;

	switch (op->opcode) {
	case SVART_OP_FILL:
	case SVART_OP_CACHE_FLUSH:
		op->dst = draw_pointer(w, q, op, &len);
		break;
	case SVART_OP_COMPARE:
	case SVART_OP_CREATE_DELTA:
		op->src = draw_pointer(w, q, op, &len);
		op->src2 = draw_pointer(w, q, op, &len);
		break;
	case SVART_OP_COMPARE_VALUE:
	case SVART_OP_CRC:
	case SVART_OP_DIF_CHECK:
	case SVART_OP_TRANSLATE:
		op->src = draw_pointer(w, q, op, &len);
		break;
	case SVART_OP_APPLY_DELTA:
		op->dst = draw_pointer(w, q, op, &len);
		break;
	default:
		op->dst = draw_pointer(w, q, op, &len);
		op->src = draw_source(w, q, op, &len);
	}
	if (op->opcode == SVART_OP_DUALCAST) {
		low = draw_operand(w, q, op, &len) & ~(uint64_t)(SIM_PAGE - 1);
		op->dst2 = (void *)(uintptr_t)(low | ((uintptr_t)op->dst & (SIM_PAGE - 1)));
	}
	len -= len % sim_op_unit(op);
	if (sim_op_begins_anew(op))
		len &= ~(uint64_t)(WORD_BYTES - 1);
	op->length = len;
	if (sim_op_begins_anew(op))
		draw_record(w, q, op);
}

void sim_op_draw(struct sim_world *w, const struct sim_queue *q, struct svart_op *op)
{
	const struct svart_device_info *info = &q->dev->info;
	uint64_t len = draw_length(w);
	struct svart_op bare;
	uint32_t i;

	memset(op, 0, sizeof(*op));
	op->opcode = draw_opcode(w, q);
	op->cookie = w->next_cookie++;
	op->flags = draw_flags(w, op);
	if (op->opcode == SVART_OP_NOOP || op->opcode == SVART_OP_DRAIN)
		return;
	if (op->opcode >= SVART_OP_DIF_CHECK && op->opcode <= SVART_OP_DIX_GENERATE)
		draw_blocks(w, op, &len);
	else if (op->opcode == SVART_OP_FILL)
		op->pattern = sim_random(&w->random);
	else if (op->opcode == SVART_OP_COMPARE_VALUE)
		op->value = sim_random(&w->random);
	else if (op->opcode == SVART_OP_CRC || op->opcode == SVART_OP_COPY_CRC)
		op->seed = chance(w, 400) ? 0 : (uint32_t)sim_random(&w->random);
	else if (op->opcode == SVART_OP_TRANSLATE)
		op->stride = SIM_PAGE * sim_below(&w->random, 4);
	if (op->opcode <= SVART_OP_COMPARE_VALUE)
		op->bounds.expected = draw_expected(w, op, 2);
	else if (op->opcode == SVART_OP_CREATE_DELTA)
		op->bounds.expected = draw_expected(w, op, 3);
	bare = *op;
	for (i = 0; i < MAX_TRIES; i++) {
		*op = bare;
		draw_operands(w, q, op, len);
		if (!sim_op_malformed(op, info->ops, UINT64_MAX, true))
			break;
	}
	if (chance(w, 10))
		spoil(w, op);
	if (chance(w, 5))
		op->opcode = 77;
}

/* --- a chain ------------------------------------------------------------------------------------- */

/** A range that may be written, if a few draws find one. */
static bool draw_good(struct sim_world *w, uint64_t len, uint64_t *addr)
{
	uint32_t i, at;

	for (i = 0; i < 2 * MAX_TRIES; i++) {
		const struct sim_region *g =
			&w->memory.regions[sim_below(&w->random, SIM_NR_REGIONS)];

		at = sim_below(&w->random, g->nr_pages * SIM_PAGE);
		*addr = (uintptr_t)g->base + at;
		if (sim_memory_range_allows(&w->memory, *addr, len, true))
			return true;
	}
	return false;
}

static void make_copy(struct sim_world *w, struct svart_op *op, const uint64_t *to,
	const uint64_t *from, uint64_t len)
{
	memset(op, 0, sizeof(*op));
	op->opcode = from != NULL ? SVART_OP_COPY : SVART_OP_FILL;
	op->cookie = w->next_cookie++;
	op->dst = (void *)(uintptr_t)*to;
	op->pattern = from != NULL ? *from : sim_random(&w->random);
	op->length = len;
}

bool sim_chain_draw(struct sim_world *w, struct svart_op ops[2])
{
	uint64_t len = sim_between(&w->random, 1, SIM_PAGE), at[3];
	uint32_t i;

	for (i = 0; i < 3; i++) {
		if (!draw_good(w, len, &at[i]))
			return false;
	}
	make_copy(w, &ops[0], &at[1], &at[0], len);
	switch (sim_below(&w->random, 4)) {
	case 0: /* Writes what the first one writes; */
		make_copy(w, &ops[1], &at[1], NULL, len);
		break;
	case 1: /* or what it reads. */
		make_copy(w, &ops[1], &at[0], NULL, len);
		break;
	default: /* Reads what it writes. */
		make_copy(w, &ops[1], &at[2], &at[1], len);
	}
	ops[1].flags = SVART_OP_FENCE;
	return true;
}

/* --- memory that says something ------------------------------------------------------------------ */

/** Whether the program may write a range now. */
static bool is_free(struct sim_world *w, const void *at, uint64_t len)
{
	uint64_t addr = (uintptr_t)at;

	return len != 0 && len <= SIM_MEANING_PAGES * SIM_PAGE &&
	       sim_memory_range_allows(&w->memory, addr, len, true) && !sim_ops_touch(w, addr, len);
}

/** Whether it may read it. */
static bool is_known(struct sim_world *w, const void *at, uint64_t len)
{
	uint64_t addr = (uintptr_t)at;

	return sim_memory_range_allows(&w->memory, addr, len, false) &&
	       !sim_ops_write(w, addr, len);
}

/** Changes a byte, or some. */
static void flip(struct sim_world *w, uint8_t *bytes, uint64_t len, uint32_t most)
{
	uint32_t nr = sim_below(&w->random, most + 1), at;

	while (nr-- > 0) {
		at = sim_below(&w->random, (uint32_t)len);
		bytes[at] ^= (uint8_t)sim_between(&w->random, 1, 255);
	}
}

static void make_equal(struct sim_world *w, const struct svart_op *op, uint32_t most)
{
	static uint8_t bytes[SIM_MEANING_PAGES * SIM_PAGE];

	if (!is_free(w, op->src2, op->length) || !is_known(w, op->src, op->length))
		return;
	memcpy(bytes, op->src, op->length);
	flip(w, bytes, op->length, most);
	sim_memory_put(&w->memory, (uintptr_t)op->src2, op->length, bytes);
}

static void make_value(struct sim_world *w, const struct svart_op *op)
{
	static uint8_t bytes[SIM_MEANING_PAGES * SIM_PAGE];
	uint64_t i;

	if (!is_free(w, op->src, op->length))
		return;
	for (i = 0; i < op->length; i++)
		bytes[i] = (uint8_t)(op->value >> i % 8 * 8);
	flip(w, bytes, op->length, 1);
	sim_memory_put(&w->memory, (uintptr_t)op->src, op->length, bytes);
}

/** A record whose offsets increase, but for one at times. */
static void make_record(struct sim_world *w, const struct svart_op *op)
{
	static uint8_t bytes[(MAX_ENTRIES + 1) * ENTRY_BYTES];
	uint32_t nr = op->bounds.delta_max / ENTRY_BYTES,
		 words = (uint32_t)(op->length / WORD_BYTES);
	uint32_t i, at = 0, gap = words / nr;
	uint64_t data;

	if (!is_free(w, op->delta, op->bounds.delta_max) || op->bounds.delta_max > sizeof(bytes))
		return;
	for (i = 0; i < nr; i++) {
		at += i == 0 ? 0 : gap != 0 ? sim_between(&w->random, 1, gap) : 1;
		data = sim_random(&w->random);
		bytes[i * ENTRY_BYTES] = (uint8_t)at;
		bytes[i * ENTRY_BYTES + 1] = (uint8_t)(at >> 8);
		memcpy(&bytes[i * ENTRY_BYTES + 2], &data, sizeof(data));
	}
	if (chance(w, 200)) {
		i = sim_below(&w->random, nr);
		bytes[i * ENTRY_BYTES] = (uint8_t)sim_below(&w->random, 256);
	}
	sim_memory_put(&w->memory, (uintptr_t)op->delta, (uint64_t)nr * ENTRY_BYTES, bytes);
}

/** Blocks that are right, but for one at times; or escape. */
static void make_protected(struct sim_world *w, const struct svart_op *op)
{
	static uint8_t bytes[SIM_MEANING_PAGES * SIM_PAGE];
	uint64_t unit = sim_op_unit(op), data = sim_block_bytes(op), nr = op->length / unit, i;
	uint32_t odd = chance(w, 500) ? sim_below(&w->random, (uint32_t)nr + 1) : UINT32_MAX;

	if (!is_free(w, op->src, op->length))
		return;
	memcpy(bytes, op->src, op->length);
	for (i = 0; i < nr; i++) {
		sim_block_protect(op, i, bytes + i * unit, bytes + i * unit + data);
		if (i != odd)
			continue;
		if (chance(w, 500))
			memset(bytes + i * unit + data + 2 * sim_below(&w->random, 3), 0xff, 4);
		else
			flip(w, bytes + i * unit + data - 8, TUPLE_BYTES + 8, 2);
		if (chance(w, 250))
			memset(bytes + i * unit + data, 0xff, TUPLE_BYTES);
	}
	sim_memory_put(&w->memory, (uintptr_t)op->src, op->length, bytes);
}

void sim_op_dress(struct sim_world *w, const struct svart_op *op)
{
	bool dress = chance(w, 750);

	if (!dress || op->length == 0)
		return;
	switch (op->opcode) {
	case SVART_OP_COMPARE:
		make_equal(w, op, 1);
		break;
	case SVART_OP_CREATE_DELTA:
		make_equal(w, op, 40);
		break;
	case SVART_OP_COMPARE_VALUE:
		make_value(w, op);
		break;
	case SVART_OP_APPLY_DELTA:
		make_record(w, op);
		break;
	case SVART_OP_DIF_CHECK:
	case SVART_OP_DIF_STRIP:
	case SVART_OP_DIF_UPDATE:
		make_protected(w, op);
		break;
	default:
		break;
	}
}

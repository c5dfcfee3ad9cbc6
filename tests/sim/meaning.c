/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "meaning.h"

#include <string.h>

#define TUPLE_BYTES 8u
#define ENTRY_BYTES 10u
#define WORD_BYTES  8u
/** CRC32C (RFC 3720, 12.1), bit 31 the highest power of x; CRC-16/T10-DIF (T10 SBC-4, 4.22.4). */
#define CRC32C_POLY UINT32_C(0x1edc6f41)
#define T10DIF_POLY 0x8bb7u

/* --- checksums ----------------------------------------------------------------------------------- */

/** What the highest byte of a register becomes. Owner: the process. */
static struct {
	bool made;
	uint32_t crc32c[256];
	uint16_t t10dif[256];
} tables;

static void tables_make(void)
{
	uint32_t byte, bit, crc, guard;

	for (byte = 0; byte < 256; byte++) {
		crc = byte << 24;
		guard = byte << 8;
		for (bit = 0; bit < 8; bit++) {
			crc = crc << 1 ^ (crc >> 31 != 0 ? CRC32C_POLY : 0);
			guard = guard << 1 ^ (guard >> 15 & 1 ? T10DIF_POLY : 0);
		}
		tables.crc32c[byte] = crc;
		tables.t10dif[byte] = (uint16_t)guard;
	}
	tables.made = true;
}

/** The lowest bits, in the other order. */
static uint32_t reverse(uint32_t value, uint32_t bits)
{
	uint32_t i, out = 0;

	for (i = 0; i < bits; i++)
		out |= (value >> i & 1) << (bits - 1 - i);
	return out;
}

static uint32_t crc_of(const struct svart_op *op, const uint8_t *bytes, uint64_t len)
{
	bool bare = (op->flags & SVART_OP_BYPASS_CRC) != 0;
	uint32_t crc = bare ? (uint32_t)op->seed : reverse(~(uint32_t)op->seed, 32);
	uint8_t turned[256];
	uint64_t i;

	for (i = 0; i < 256; i++)
		turned[i] = (uint8_t)((op->flags & SVART_OP_BYPASS_DATA) != 0
					      ? i
					      : reverse((uint32_t)i, 8));
	for (i = 0; i < len; i++)
		crc = crc << 8 ^ tables.crc32c[(crc >> 24 ^ turned[bytes[i]]) & 255];
	return bare ? crc : ~reverse(crc, 32);
}

static uint16_t guard_of(const struct svart_op *op, const uint8_t *data)
{
	uint32_t crc = (op->dif.flags & SVART_DIF_INVERT_SEED) != 0 ? 0xffff : 0;
	uint64_t i;

	if (!tables.made)
		tables_make();
	for (i = 0; i < sim_block_bytes(op); i++)
		crc = (crc << 8 & 0xffff) ^ tables.t10dif[crc >> 8 ^ data[i]];
	return (uint16_t)((op->dif.flags & SVART_DIF_INVERT_RESULT) != 0 ? ~crc : crc);
}

/* --- protection information ---------------------------------------------------------------------- */

/** Tags after so many blocks. */
static struct svart_tags tags_at(
	const struct svart_tags *first, bool fixed, bool increments, uint64_t blocks)
{
	struct svart_tags tags = *first;

	tags.ref += fixed ? 0 : (uint32_t)blocks;
	tags.app = (uint16_t)(tags.app + (increments ? blocks : 0));
	return tags;
}

static struct svart_tags src_tags_at(const struct svart_op *op, uint64_t blocks)
{
	return tags_at(&op->src_tags, op->dif.src_flags & SVART_DIF_SRC_REF_FIXED,
		op->dif.src_flags & SVART_DIF_SRC_APP_INCREMENTS, blocks);
}

static struct svart_tags dst_tags_at(const struct svart_op *op, uint64_t blocks)
{
	return tags_at(&op->dst_tags, op->dif.dst_flags & SVART_DIF_DST_REF_FIXED,
		op->dif.dst_flags & SVART_DIF_DST_APP_INCREMENTS, blocks);
}

static void tuple_put(uint8_t *tuple, uint16_t guard, uint16_t app, uint32_t ref)
{
	const uint8_t bytes[TUPLE_BYTES] = { (uint8_t)(guard >> 8), (uint8_t)guard,
		(uint8_t)(app >> 8), (uint8_t)app, (uint8_t)(ref >> 24), (uint8_t)(ref >> 16),
		(uint8_t)(ref >> 8), (uint8_t)ref };

	memcpy(tuple, bytes, TUPLE_BYTES);
}

void sim_block_protect(
	const struct svart_op *op, uint64_t number, const uint8_t *data, uint8_t tuple[8])
{
	struct svart_tags tags = src_tags_at(op, number);

	tuple_put(tuple, guard_of(op, data), tags.app, tags.ref);
}

static bool are_ones(const uint8_t *bytes, uint32_t nr)
{
	while (nr > 0 && bytes[nr - 1] == 0xff)
		nr--;
	return nr == 0;
}

/** What is wrong with the block of this number: bits of enum svart_dif_error. */
static uint64_t block_check(
	const struct svart_op *op, uint64_t number, const uint8_t *data, const uint8_t *tuple)
{
	const struct svart_tags must = src_tags_at(op, number);
	uint32_t flags = op->dif.src_flags, app = (uint32_t)(tuple[2] << 8 | tuple[3]), i;
	bool app_f = are_ones(tuple + 2, 2), ref_f = are_ones(tuple + 4, 4);
	bool all_f = app_f && ref_f && are_ones(tuple, 2);
	uint64_t error = 0, ref = 0;

	for (i = 4; i < 8; i++)
		ref = ref << 8 | tuple[i];
	if ((flags & SVART_DIF_SRC_ALL_F) != 0 && all_f)
		return flags & SVART_DIF_SRC_ALL_F_ERROR ? SVART_DIF_ERROR_ALL_F : 0;
	if (((flags & SVART_DIF_SRC_APP_F) != 0 && app_f) ||
		((flags & SVART_DIF_SRC_APP_REF_F) != 0 && app_f && ref_f))
		return 0;
	if ((flags & SVART_DIF_SRC_NO_GUARD_CHECK) == 0 &&
		guard_of(op, data) != (tuple[0] << 8 | tuple[1]))
		error |= SVART_DIF_ERROR_GUARD;
	if ((app | must.app_mask) != (uint32_t)(must.app | must.app_mask))
		error |= SVART_DIF_ERROR_APP;
	if ((flags & SVART_DIF_SRC_NO_REF_CHECK) == 0 && ref != must.ref)
		error |= SVART_DIF_ERROR_REF;
	return error;
}

/** What follows the block of this number in the destination; `from` is what it had in the source, if it had. */
static void block_make(const struct svart_op *op, uint64_t number, const uint8_t *data,
	const uint8_t *from, uint8_t *tuple)
{
	const struct svart_tags tags = dst_tags_at(op, number);
	uint32_t flags = op->dif.dst_flags;

	tuple_put(tuple, guard_of(op, data), tags.app & (uint16_t)~tags.app_mask, tags.ref);
	if ((flags & SVART_DIF_DST_GUARD_PASSES) != 0)
		memcpy(tuple, from, 2);
	if ((flags & SVART_DIF_DST_APP_PASSES) != 0)
		memcpy(tuple + 2, from + 2, 2);
	if ((flags & SVART_DIF_DST_REF_PASSES) != 0)
		memcpy(tuple + 4, from + 4, 4);
}

static bool has_crc(const struct svart_op *op)
{
	return op->opcode == SVART_OP_CRC || op->opcode == SVART_OP_COPY_CRC;
}

/* --- doing --------------------------------------------------------------------------------------- */

/** One operation that is being done. Owner: the stack. */
struct doing {
	struct sim_memory *mem;
	const struct svart_op *op;
	uint64_t bytes; /**< To be done. */
	bool any;
	struct sim_meaning *m;
	struct sim_writes *writes;
};

/** What was read. Owner: the process, during a call. */
static uint8_t first[SIM_MEANING_PAGES * SIM_PAGE], second[SIM_MEANING_PAGES * SIM_PAGE];

static bool may(struct doing *d, uint64_t addr, bool write)
{
	return d->any ? sim_memory_region(d->mem, addr) != NULL
		      : sim_memory_allows(d->mem, addr, write);
}

static void stop_at(struct doing *d, uint64_t addr)
{
	d->m->reached = false;
	d->m->bad_addr = addr;
}

/** Reads as much of a range as may be. @return how much. */
static uint64_t take(struct doing *d, const void *from, uint64_t len, uint8_t *to)
{
	uint64_t at = (uintptr_t)from, done = 0, part;

	if (len > sizeof(first))
		len = sizeof(first);
	while (done < len && may(d, at + done, false)) {
		part = SIM_PAGE - (at + done) % SIM_PAGE;
		part = part < len - done ? part : len - done;
		memcpy(to + done, sim_memory_shadow(d->mem, at + done), part);
		done += part;
	}
	return done;
}

/** Reads a range, all of which it needs. */
static bool take_all(struct doing *d, const void *from, uint64_t len, uint8_t *to)
{
	uint64_t got = take(d, from, len, to);

	if (got != len)
		stop_at(d, (uintptr_t)from + got);
	return got == len;
}

/** Writes a range. */
static void give(struct doing *d, uint64_t to, const uint8_t *bytes, uint64_t len)
{
	struct sim_writes *w = d->writes;
	uint64_t at;

	for (at = 0; at < len; at += SIM_PAGE - (to + at) % SIM_PAGE) {
		if (!may(d, to + at, true)) {
			stop_at(d, to + at);
			return;
		}
	}
	if (len == 0 || w->nr == SIM_MAX_WRITES || w->used + len > sizeof(w->bytes))
		return;
	w->ranges[w->nr].addr = to;
	w->ranges[w->nr].len = (uint32_t)len;
	w->ranges[w->nr++].at = w->used;
	memcpy(w->bytes + w->used, bytes, len);
	w->used += (uint32_t)len;
}

/** All of it is done, with success, if its result counts as such. */
static void end(struct doing *d, uint64_t bytes)
{
	const struct svart_op *op = d->op;

	d->m->ended = true;
	d->m->bytes = bytes;
	d->m->status = SVART_STATUS_OK;
	if ((op->flags & SVART_OP_CHECK_RESULT) != 0 &&
		(op->bounds.expected >> d->m->result & 1) == 0)
		d->m->status = SVART_STATUS_PREDICATE_FALSE;
}

/** So many bytes are done: is that all? */
static void done_so_far(struct doing *d, uint64_t bytes)
{
	d->m->bytes = bytes;
	if (bytes == sim_op_whole(d->op))
		end(d, bytes);
}

static void do_copy(struct doing *d, uint64_t skip)
{
	const struct svart_op *op = d->op;

	if (!take_all(d, (const uint8_t *)op->src + skip, d->bytes, first))
		return;
	give(d, (uintptr_t)op->dst + skip, first, d->bytes);
	if (op->opcode == SVART_OP_DUALCAST)
		give(d, (uintptr_t)op->dst2, first, d->bytes);
	if (has_crc(op))
		d->m->result = crc_of(op, first, d->bytes);
	done_so_far(d, d->bytes);
}

static void do_crc(struct doing *d)
{
	if (!take_all(d, d->op->src, d->bytes, first))
		return;
	d->m->result = crc_of(d->op, first, d->bytes);
	done_so_far(d, d->bytes);
}

static void do_fill(struct doing *d)
{
	uint64_t i;

	for (i = 0; i < d->bytes && i < sizeof(first); i++)
		first[i] = (uint8_t)(d->op->pattern >> i % 8 * 8);
	give(d, (uintptr_t)d->op->dst, first, d->bytes);
	done_so_far(d, d->bytes);
}

static void do_compare(struct doing *d)
{
	const struct svart_op *op = d->op;
	uint64_t one = take(d, op->src, d->bytes, first), other = d->bytes, i;

	if (op->opcode == SVART_OP_COMPARE)
		other = take(d, op->src2, d->bytes, second);
	for (i = 0; i < one && i < other; i++) {
		if (op->opcode == SVART_OP_COMPARE_VALUE)
			second[i] = (uint8_t)(op->value >> i % 8 * 8);
		if (first[i] == second[i])
			continue;
		d->m->result = 1;
		end(d, i);
		return;
	}
	if (i == d->bytes)
		done_so_far(d, i);
	else
		stop_at(d, (i == one ? (uintptr_t)op->src : (uintptr_t)op->src2) + i);
}

static void do_create(struct doing *d)
{
	const struct svart_op *op = d->op;
	uint64_t one = take(d, op->src, d->bytes, first), at;
	uint64_t other = take(d, op->src2, d->bytes, second);
	static uint8_t record[SIM_MEANING_PAGES * SIM_PAGE];
	uint32_t used = 0;

	for (at = 0; at < one && at < other; at += WORD_BYTES) {
		if (memcmp(first + at, second + at, WORD_BYTES) == 0)
			continue;
		if (used + ENTRY_BYTES > op->bounds.delta_max)
			break;
		record[used] = (uint8_t)(at / WORD_BYTES);
		record[used + 1] = (uint8_t)(at / WORD_BYTES >> 8);
		memcpy(record + used + 2, second + at, WORD_BYTES);
		used += ENTRY_BYTES;
	}
	give(d, (uintptr_t)op->delta, record, used);
	d->m->delta_bytes = used;
	if (at < one && at < other) {
		d->m->result = SVART_DELTA_TOO_SMALL;
		end(d, at);
	} else if (at < d->bytes) {
		stop_at(d, (at == one ? (uintptr_t)op->src : (uintptr_t)op->src2) + at);
	} else {
		d->m->result = used != 0 ? SVART_DELTA_DIFFERS : SVART_DELTA_EQUAL;
		done_so_far(d, at);
	}
}

static void do_apply(struct doing *d)
{
	const struct svart_op *op = d->op;
	uint64_t got = take(d, op->delta, d->bytes, first), at, least = 0, offset;

	for (at = 0; at + ENTRY_BYTES <= got; at += ENTRY_BYTES) {
		offset = (uint64_t)(first[at] | first[at + 1] << 8) * WORD_BYTES;
		if (offset < least || offset + WORD_BYTES > op->length) {
			d->m->ended = true;
			d->m->status = SVART_STATUS_DELTA_ERROR;
			d->m->bytes = at;
			return;
		}
		give(d, (uintptr_t)op->dst + offset, first + at + 2, WORD_BYTES);
		least = offset + WORD_BYTES;
	}
	if (got != d->bytes)
		stop_at(d, (uintptr_t)op->delta + got);
	else
		done_so_far(d, got);
}

/** A block is wrong: it is not done. */
static void end_by_block(struct doing *d, uint64_t bytes, uint64_t error)
{
	d->m->ended = true;
	d->m->status = SVART_STATUS_DIF_ERROR;
	d->m->bytes = bytes;
	d->m->result = error;
}

/** @return whether the block is good. */
static bool do_block(struct doing *d, uint64_t number)
{
	const struct svart_op *op = d->op;
	uint64_t unit = sim_op_unit(op), data = sim_block_bytes(op), error = 0;
	uint64_t to = (uintptr_t)op->dst + number * sim_op_dst_step(op);
	uint8_t tuple[TUPLE_BYTES];

	if (!take_all(d, (const uint8_t *)op->src + number * unit, unit, first))
		return false;
	if (sim_op_checks_tags(op))
		error = block_check(op, number, first, first + data);
	if (error != 0) {
		end_by_block(d, number * unit, error);
		return false;
	}
	if (op->opcode != SVART_OP_DIF_CHECK && op->opcode != SVART_OP_DIX_GENERATE) {
		give(d, to, first, data);
		to += data;
	}
	if (sim_op_makes_tags(op)) {
		block_make(op, number, first, first + data, tuple);
		give(d, to, tuple, sizeof(tuple));
	}
	return true;
}

static void do_blocks(struct doing *d)
{
	const struct svart_op *op = d->op;
	uint64_t number = 0, unit = sim_op_unit(op);

	while (number < d->bytes / unit && do_block(d, number))
		number++;
	if (sim_op_checks_tags(op))
		d->m->src_tags = src_tags_at(op, number);
	if (sim_op_makes_tags(op))
		d->m->dst_tags = dst_tags_at(op, number);
	if (!d->m->ended && d->m->reached)
		done_so_far(d, number * unit);
}

/** It reads every page of a range, or none that has no byte of it. */
static void do_flush(struct doing *d)
{
	uint64_t at, addr = (uintptr_t)d->op->dst;

	for (at = 0; at < d->bytes; at += SIM_PAGE - (addr + at) % SIM_PAGE) {
		if (!may(d, addr + at, false)) {
			stop_at(d, addr + at);
			return;
		}
	}
	done_so_far(d, d->bytes);
}

/** One address of every stride. */
static void do_translate(struct doing *d)
{
	uint64_t at, addr = (uintptr_t)d->op->src;
	uint64_t stride = d->op->stride != 0 ? d->op->stride : SIM_PAGE;

	for (at = 0; at < d->bytes; at += stride) {
		if (!may(d, addr + at, false)) {
			stop_at(d, addr + at);
			return;
		}
	}
	done_so_far(d, d->bytes);
}

void sim_op_mean(struct sim_memory *mem, const struct svart_op *op, uint64_t bytes, bool back,
	bool any, struct sim_meaning *m, struct sim_writes *writes)
{
	struct doing d = { mem, op, bytes, any, m, writes };

	if (!tables.made)
		tables_make();
	*m = (struct sim_meaning){ .reached = true };
	writes->nr = writes->used = 0;
	switch (op->opcode) {
	case SVART_OP_COPY:
	case SVART_OP_DUALCAST:
	case SVART_OP_COPY_CRC:
		do_copy(&d, back ? op->length - bytes : 0);
		break;
	case SVART_OP_FILL:
		do_fill(&d);
		break;
	case SVART_OP_COMPARE:
	case SVART_OP_COMPARE_VALUE:
		do_compare(&d);
		break;
	case SVART_OP_CREATE_DELTA:
		do_create(&d);
		break;
	case SVART_OP_APPLY_DELTA:
		do_apply(&d);
		break;
	case SVART_OP_CRC:
		do_crc(&d);
		break;
	case SVART_OP_DIF_CHECK:
	case SVART_OP_DIF_INSERT:
	case SVART_OP_DIF_STRIP:
	case SVART_OP_DIF_UPDATE:
	case SVART_OP_DIX_GENERATE:
		do_blocks(&d);
		break;
	case SVART_OP_CACHE_FLUSH:
		do_flush(&d);
		break;
	case SVART_OP_TRANSLATE:
		do_translate(&d);
		break;
	default:
		end(&d, 0);
	}
}

void sim_writes_apply(struct sim_memory *mem, const struct sim_writes *w)
{
	uint32_t i, done, part;

	for (i = 0; i < w->nr; i++) {
		for (done = 0; done < w->ranges[i].len; done += part) {
			part = SIM_PAGE - (uint32_t)((w->ranges[i].addr + done) % SIM_PAGE);
			part = part < w->ranges[i].len - done ? part : w->ranges[i].len - done;
			memcpy(sim_memory_shadow(mem, w->ranges[i].addr + done),
				w->bytes + w->ranges[i].at + done, part);
		}
	}
}

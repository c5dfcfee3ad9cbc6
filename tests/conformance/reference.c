/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "reference.h"

/* --- checksums ---------------------------------------------------------------------------------- */

/** One bit enters a register of so many bits, whose highest is the highest power of x. */
static uint32_t crc_bit(uint32_t reg, unsigned int bits, uint32_t polynomial, unsigned int bit)
{
	uint32_t top = UINT32_C(1) << (bits - 1), mask = top | (top - 1);
	bool out = ((reg & top) != 0) != (bit != 0);

	reg = reg << 1 & mask;
	return out ? reg ^ polynomial : reg;
}

static uint32_t reversed(uint32_t value)
{
	uint32_t result = 0;
	unsigned int i;

	for (i = 0; i < 32; i++)
		result |= (value >> i & 1) << (31 - i);
	return result;
}

/** CRC32C: polynomial 0x11edc6f41 (RFC 3720, 12.1). */
static uint32_t crc32c(const uint8_t *src, uint64_t len, uint32_t seed, uint32_t flags)
{
	bool bypass = (flags & SVART_OP_BYPASS_CRC) != 0;
	bool high_first = (flags & SVART_OP_BYPASS_DATA) != 0;
	uint32_t reg = bypass ? seed : reversed(~seed);
	unsigned int bit;
	uint64_t i;

	for (i = 0; i < len; i++)
		for (bit = 0; bit < 8; bit++)
			reg = crc_bit(
				reg, 32, 0x1edc6f41, src[i] >> (high_first ? 7 - bit : bit) & 1);
	return bypass ? reg : ~reversed(reg);
}

/** CRC-16/T10-DIF: polynomial 0x18bb7, bit 7 first (T10 SBC-4, 4.22.4). */
static uint16_t crc16(const uint8_t *src, uint64_t len, uint16_t seed)
{
	uint32_t reg = seed;
	unsigned int bit;
	uint64_t i;

	for (i = 0; i < len; i++)
		for (bit = 0; bit < 8; bit++)
			reg = crc_bit(reg, 16, 0x8bb7, src[i] >> (7 - bit) & 1);
	return (uint16_t)reg;
}

uint32_t reference_crc32c(const void *src, size_t len)
{
	return crc32c(src, len, 0, 0);
}

uint16_t reference_crc16(const void *src, size_t len)
{
	return crc16(src, len, 0);
}

/* --- protection information --------------------------------------------------------------------- */

/** The 8 bytes behind a block: big endian. */
struct tuple {
	uint16_t guard, app;
	uint32_t ref;
};

static struct tuple tuple_get(const uint8_t *p)
{
	return (struct tuple){ .guard = (uint16_t)(p[0] << 8 | p[1]),
		.app = (uint16_t)(p[2] << 8 | p[3]),
		.ref = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7] };
}

static void tuple_put(uint8_t *p, struct tuple t)
{
	const uint8_t bytes[8] = { (uint8_t)(t.guard >> 8), (uint8_t)t.guard, (uint8_t)(t.app >> 8),
		(uint8_t)t.app, (uint8_t)(t.ref >> 24), (uint8_t)(t.ref >> 16),
		(uint8_t)(t.ref >> 8), (uint8_t)t.ref };

	memcpy(p, bytes, sizeof(bytes));
}

uint32_t reference_block(const struct svart_op *op)
{
	static const uint32_t bytes[] = { 512, 520, 4096, 4104 };

	return bytes[op->dif.block];
}

static uint16_t guard_of(const struct svart_op *op, const uint8_t *block)
{
	uint16_t seed = (op->dif.flags & SVART_DIF_INVERT_SEED) != 0 ? 0xffff : 0;
	uint16_t guard = crc16(block, reference_block(op), seed);

	return (op->dif.flags & SVART_DIF_INVERT_RESULT) != 0 ? (uint16_t)~guard : guard;
}

static bool has(const struct svart_op *op, unsigned int flag)
{
	return (op->dif.src_flags & flag) != 0;
}

/** What is wrong with a block. */
static unsigned int wrong_of(
	const struct svart_op *op, struct tuple t, uint16_t guard, struct svart_tags tags)
{
	bool app_f = t.app == 0xffff, ref_f = t.ref == UINT32_MAX;
	bool all_f = app_f && ref_f && t.guard == 0xffff;
	unsigned int wrong = 0;

	if (all_f && has(op, SVART_DIF_SRC_ALL_F))
		return has(op, SVART_DIF_SRC_ALL_F_ERROR) ? SVART_DIF_ERROR_ALL_F : 0;
	if ((app_f && has(op, SVART_DIF_SRC_APP_F)) ||
		(app_f && ref_f && has(op, SVART_DIF_SRC_APP_REF_F)))
		return 0;
	if (t.guard != guard && !has(op, SVART_DIF_SRC_NO_GUARD_CHECK))
		wrong |= SVART_DIF_ERROR_GUARD;
	if ((t.app | tags.app_mask) != (tags.app | tags.app_mask))
		wrong |= SVART_DIF_ERROR_APP;
	if (t.ref != tags.ref && !has(op, SVART_DIF_SRC_NO_REF_CHECK))
		wrong |= SVART_DIF_ERROR_REF;
	return wrong;
}

static struct tuple make(
	const struct svart_op *op, struct tuple old, uint16_t guard, struct svart_tags tags)
{
	struct tuple t = { guard, (uint16_t)(tags.app & ~tags.app_mask), tags.ref };

	if ((op->dif.dst_flags & SVART_DIF_DST_GUARD_PASSES) != 0)
		t.guard = old.guard;
	if ((op->dif.dst_flags & SVART_DIF_DST_APP_PASSES) != 0)
		t.app = old.app;
	if ((op->dif.dst_flags & SVART_DIF_DST_REF_PASSES) != 0)
		t.ref = old.ref;
	return t;
}

static void next(struct svart_tags *tags, bool ref_fixed, bool app_increments)
{
	tags->ref += ref_fixed ? 0 : 1;
	tags->app = (uint16_t)(tags->app + (app_increments ? 1 : 0));
}

static void dif(const struct svart_op *op, struct svart_completion *done)
{
	bool checks = op->opcode == SVART_OP_DIF_CHECK || op->opcode == SVART_OP_DIF_STRIP ||
		      op->opcode == SVART_OP_DIF_UPDATE;
	bool copies = op->opcode != SVART_OP_DIF_CHECK && op->opcode != SVART_OP_DIX_GENERATE;
	bool makes = op->opcode != SVART_OP_DIF_CHECK && op->opcode != SVART_OP_DIF_STRIP;
	uint32_t block = reference_block(op), step = block + (checks ? 8 : 0);
	struct svart_tags src = op->src_tags, dst = op->dst_tags;
	const uint8_t *from = op->src;
	uint8_t *to = op->dst;
	struct tuple old = { 0 };
	uint16_t guard;

	for (; done->bytes_done < op->length; done->bytes_done += step, from += step) {
		guard = guard_of(op, from);
		if (checks) {
			old = tuple_get(from + block);
			done->result = wrong_of(op, old, guard, src);
		}
		if (done->result != 0) {
			done->status = SVART_STATUS_DIF_ERROR;
			break;
		}
		if (copies) {
			memcpy(to, from, block);
			to += block;
		}
		if (makes) {
			tuple_put(to, make(op, old, guard, dst));
			to += 8;
		}
		next(&src, has(op, SVART_DIF_SRC_REF_FIXED), has(op, SVART_DIF_SRC_APP_INCREMENTS));
		next(&dst, (op->dif.dst_flags & SVART_DIF_DST_REF_FIXED) != 0,
			(op->dif.dst_flags & SVART_DIF_DST_APP_INCREMENTS) != 0);
	}
	if (checks)
		done->src_tags = src;
	if (makes)
		done->dst_tags = dst;
}

/* --- the others --------------------------------------------------------------------------------- */

static uint8_t pattern_byte(uint64_t pattern, uint64_t i)
{
	return (uint8_t)(pattern >> i % 8 * 8);
}

static void compare(const struct svart_op *op, struct svart_completion *done)
{
	const uint8_t *a = op->src, *b = op->src2;
	uint64_t i = 0;

	while (i < op->length &&
		a[i] == (op->opcode == SVART_OP_COMPARE ? b[i] : pattern_byte(op->value, i)))
		i++;
	done->bytes_done = i;
	done->result = i < op->length;
}

/** Entries of 10 bytes: where, in words of 8 bytes; and what comes there. */
static void create_delta(const struct svart_op *op, struct svart_completion *done)
{
	const uint8_t *a = op->src, *b = op->src2;
	uint8_t *to = op->delta;
	uint64_t i;

	for (i = 0; i < op->length; i += 8) {
		if (memcmp(a + i, b + i, 8) == 0)
			continue;
		if (done->delta_bytes + 10 > op->bounds.delta_max) {
			done->result = SVART_DELTA_TOO_SMALL;
			break;
		}
		to[0] = (uint8_t)(i / 8);
		to[1] = (uint8_t)(i / 8 >> 8);
		memcpy(to + 2, b + i, 8);
		to += 10;
		done->delta_bytes += 10;
		done->result = SVART_DELTA_DIFFERS;
	}
	done->bytes_done = i;
}

static void apply_delta(const struct svart_op *op, struct svart_completion *done)
{
	const uint8_t *from = op->delta;
	uint8_t *to = op->dst;
	int64_t last = -1, at;

	for (; done->bytes_done < op->bounds.delta_max; done->bytes_done += 10, from += 10) {
		at = (from[0] | from[1] << 8) * INT64_C(8);
		if (at <= last || at + 8 > (int64_t)op->length) {
			done->status = SVART_STATUS_DELTA_ERROR;
			return;
		}
		memcpy(to + at, from + 2, 8);
		last = at;
	}
}

static void copy(const struct svart_op *op)
{
	memmove(op->dst, op->src, op->length);
	if (op->opcode == SVART_OP_DUALCAST)
		memmove(op->dst2, op->src, op->length);
}

static void fill(const struct svart_op *op)
{
	uint8_t *to = op->dst;
	uint64_t i;

	for (i = 0; i < op->length; i++)
		to[i] = pattern_byte(op->pattern, i);
}

static void predicate(const struct svart_op *op, struct svart_completion *done)
{
	if ((op->flags & SVART_OP_CHECK_RESULT) != 0 &&
		(op->bounds.expected >> done->result & 1) == 0)
		done->status = SVART_STATUS_PREDICATE_FALSE;
}

void reference(const struct svart_op *op, struct svart_completion *done)
{
	*done = (struct svart_completion){ .status = SVART_STATUS_OK };
	switch (op->opcode) {
	case SVART_OP_NOOP:
	case SVART_OP_DRAIN:
		return;
	case SVART_OP_COMPARE:
	case SVART_OP_COMPARE_VALUE:
		compare(op, done);
		predicate(op, done);
		return;
	case SVART_OP_CREATE_DELTA:
		create_delta(op, done);
		predicate(op, done);
		return;
	case SVART_OP_APPLY_DELTA:
		apply_delta(op, done);
		return;
	case SVART_OP_DIF_CHECK:
	case SVART_OP_DIF_INSERT:
	case SVART_OP_DIF_STRIP:
	case SVART_OP_DIF_UPDATE:
	case SVART_OP_DIX_GENERATE:
		dif(op, done);
		return;
	case SVART_OP_FILL:
		fill(op);
		break;
	case SVART_OP_CRC:
	case SVART_OP_COPY_CRC:
		done->result = crc32c(op->src, op->length, (uint32_t)op->seed, op->flags);
		break;
	default:
		break;
	}
	if (op->opcode == SVART_OP_COPY || op->opcode == SVART_OP_DUALCAST ||
		op->opcode == SVART_OP_COPY_CRC)
		copy(op);
	done->bytes_done = op->length;
}

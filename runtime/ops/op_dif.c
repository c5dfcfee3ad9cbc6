/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <isa-l/crc.h>

#include "op_dif.h"
#include "op_isal.h"
#include "own_copy.h"

#define TUPLE_BYTES SVART_DIF_TUPLE_BYTES
#define BLOCK_SIZE  3u /* Bits of enum svart_dif_flag. */

/* A part of an operation: what is left of its source and of its room. */
struct dif_part {
	enum svart_dif_kind kind;
	uint32_t block_bytes;
	const uint8_t *src;
	size_t src_len;
	uint8_t *dst;
	size_t dst_len;
};

/* --- Sizes ------------------------------------------------------------------------------------- */

uint32_t svart_op_dif_block_bytes(unsigned int flags)
{
	static const uint16_t bytes[] = { 512, 520, 4096, 4104 };

	return bytes[flags & BLOCK_SIZE];
}

uint32_t svart_op_dif_src_bytes(enum svart_dif_kind kind, unsigned int flags)
{
	return svart_op_dif_block_bytes(flags) +
	       ((kind & SVART_DIF_READS_TUPLES) != 0 ? TUPLE_BYTES : 0);
}

uint32_t svart_op_dif_dst_bytes(enum svart_dif_kind kind, unsigned int flags)
{
	return ((kind & SVART_DIF_WRITES_DATA) != 0 ? svart_op_dif_block_bytes(flags) : 0) +
	       ((kind & SVART_DIF_WRITES_TUPLES) != 0 ? TUPLE_BYTES : 0);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void src_advance(struct svart_op_dif *dif, struct dif_part *part, size_t len)
{
	part->src += len;
	part->src_len -= len;
	dif->src_bytes += len;
}

static void dst_advance(struct svart_op_dif *dif, struct dif_part *part, size_t len)
{
	part->dst += len;
	part->dst_len -= len;
	dif->dst_bytes += len;
}

/* --- Tuples ------------------------------------------------------------------------------------ */

static uint16_t be16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static uint32_t be32(const uint8_t *from)
{
	return (uint32_t)be16(from) << 16 | be16(from + 2);
}

static void put_be16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put_be32(uint8_t *to, uint32_t value)
{
	put_be16(to, (uint16_t)(value >> 16));
	put_be16(to + 2, (uint16_t)value);
}

/* Copies of a tuple what there is, which is nearly always all. */
static void tuple_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len == TUPLE_BYTES)
		*(svart_any_word *)(void *)to = *(const svart_any_word *)(const void *)from;
	else
		svart_own_copy(to, from, len);
}

/* Where the fields of a tuple are. */
#define APP_OFF 2
#define REF_OFF 4

static uint16_t guard(const struct svart_op_dif *dif)
{
	return (dif->flags & SVART_DIF_INVERT_RESULT) != 0 ? (uint16_t)~dif->crc : dif->crc;
}

static bool all_ones(const struct svart_op_dif *dif)
{
	return be32(dif->read) == UINT32_MAX && be32(dif->read + REF_OFF) == UINT32_MAX;
}

/* Whether the tuple says that its block is not to be checked. */
static bool tuple_escapes(const struct svart_op_dif *dif)
{
	bool app = be16(dif->read + APP_OFF) == UINT16_MAX;
	bool ref = be32(dif->read + REF_OFF) == UINT32_MAX;

	return ((dif->src_flags & SVART_DIF_SRC_ALL_F) != 0 && all_ones(dif)) ||
	       ((dif->src_flags & SVART_DIF_SRC_APP_F) != 0 && app) ||
	       ((dif->src_flags & SVART_DIF_SRC_APP_REF_F) != 0 && app && ref);
}

/* What is wrong with the tuple that was read: bits of enum svart_dif_error. */
static uint8_t tuple_check(const struct svart_op_dif *dif)
{
	const unsigned int all_f_error = SVART_DIF_SRC_ALL_F | SVART_DIF_SRC_ALL_F_ERROR;
	uint8_t error = 0;

	if ((dif->src_flags & all_f_error) == all_f_error && all_ones(dif))
		return SVART_DIF_ERROR_ALL_F;
	if (tuple_escapes(dif))
		return 0;
	if ((dif->src_flags & SVART_DIF_SRC_NO_GUARD_CHECK) == 0 && be16(dif->read) != guard(dif))
		error |= SVART_DIF_ERROR_GUARD;
	if (((be16(dif->read + APP_OFF) ^ dif->src.app) & ~(unsigned int)dif->src.app_mask &
		    UINT16_MAX) != 0)
		error |= SVART_DIF_ERROR_APP;
	if ((dif->src_flags & SVART_DIF_SRC_NO_REF_CHECK) == 0 &&
		be32(dif->read + REF_OFF) != dif->src.ref)
		error |= SVART_DIF_ERROR_REF;
	return error;
}

/* Reads what there is of the tuple. Returns whether it is whole, and right. */
static bool tuple_read(struct svart_op_dif *dif, struct dif_part *part)
{
	size_t len = least(TUPLE_BYTES - dif->read_bytes, part->src_len);

	if (len == 0)
		return dif->read_bytes == TUPLE_BYTES;
	tuple_copy(dif->read + dif->read_bytes, part->src, len);
	dif->read_bytes = (uint8_t)(dif->read_bytes + len);
	src_advance(dif, part, len);
	if (dif->read_bytes < TUPLE_BYTES)
		return false;
	dif->error = tuple_check(dif);
	return dif->error == 0;
}

/* Makes the tuple of the destination. What passes is of the source's, which only update has read. */
static void tuple_make(struct svart_op_dif *dif, enum svart_dif_kind kind)
{
	unsigned int passes = (kind & SVART_DIF_READS_TUPLES) != 0 ? dif->dst_flags : 0;

	tuple_copy(dif->write, dif->read, TUPLE_BYTES);
	if ((passes & SVART_DIF_DST_GUARD_PASSES) == 0)
		put_be16(dif->write, guard(dif));
	if ((passes & SVART_DIF_DST_APP_PASSES) == 0)
		put_be16(dif->write + APP_OFF, dif->dst.app & (uint16_t)~dif->dst.app_mask);
	if ((passes & SVART_DIF_DST_REF_PASSES) == 0)
		put_be32(dif->write + REF_OFF, dif->dst.ref);
}

/* Writes what there is room for. Returns whether the tuple is whole. */
static bool tuple_write(struct svart_op_dif *dif, struct dif_part *part)
{
	size_t len = least(TUPLE_BYTES - dif->write_bytes, part->dst_len);

	if (len == 0)
		return false;
	if (dif->write_bytes == 0)
		tuple_make(dif, part->kind);
	tuple_copy(part->dst, dif->write + dif->write_bytes, len);
	dif->write_bytes = (uint8_t)(dif->write_bytes + len);
	dst_advance(dif, part, len);
	return dif->write_bytes == TUPLE_BYTES;
}

/* --- Blocks ------------------------------------------------------------------------------------ */

/* Whether somebody wants to know the guard. */
static bool guard_needed(const struct svart_op_dif *dif, enum svart_dif_kind kind)
{
	if ((kind & SVART_DIF_READS_TUPLES) == 0)
		return true;
	if ((dif->src_flags & SVART_DIF_SRC_NO_GUARD_CHECK) == 0)
		return true;
	return (kind & SVART_DIF_WRITES_TUPLES) != 0 &&
	       (dif->dst_flags & SVART_DIF_DST_GUARD_PASSES) == 0;
}

/*
 * The guard is of what was copied, even if the source changes meanwhile. crc16_t10dif_copy(), which does both at
 * once, was slower than one after the other (ISA-L 2.30 with AVX-512: 17 and 22 GB/s).
 */
static void data_move(struct svart_op_dif *dif, const struct dif_part *part, size_t len)
{
	const uint8_t *data = part->src;

	if ((part->kind & SVART_DIF_WRITES_DATA) != 0) {
		svart_own_copy(part->dst, part->src, len);
		data = part->dst;
	}
	if (!guard_needed(dif, part->kind))
		return;
	dif->crc = crc16_t10dif(dif->crc, data, len);
	svart_isal_done();
}

/* Does what it can of the block's data. Returns whether that was all. */
static bool data_do(struct svart_op_dif *dif, struct dif_part *part)
{
	bool writes = (part->kind & SVART_DIF_WRITES_DATA) != 0;
	size_t len = least(part->block_bytes - dif->data_bytes, part->src_len);

	if (writes)
		len = least(len, part->dst_len);
	if (len == 0)
		return dif->data_bytes == part->block_bytes;
	if (dif->data_bytes == 0)
		dif->crc = (dif->flags & SVART_DIF_INVERT_SEED) != 0 ? UINT16_MAX : 0;
	data_move(dif, part, len);
	dif->data_bytes = (uint16_t)(dif->data_bytes + len);
	src_advance(dif, part, len);
	if (writes)
		dst_advance(dif, part, len);
	return dif->data_bytes == part->block_bytes;
}

static void block_end(struct svart_op_dif *dif)
{
	dif->blocks++;
	dif->data_bytes = 0;
	dif->read_bytes = 0;
	dif->write_bytes = 0;
	if ((dif->src_flags & SVART_DIF_SRC_REF_FIXED) == 0)
		dif->src.ref++;
	if ((dif->src_flags & SVART_DIF_SRC_APP_INCREMENTS) != 0)
		dif->src.app++;
	if ((dif->dst_flags & SVART_DIF_DST_REF_FIXED) == 0)
		dif->dst.ref++;
	if ((dif->dst_flags & SVART_DIF_DST_APP_INCREMENTS) != 0)
		dif->dst.app++;
}

/* Does what it can of a block. Returns whether that was all, and right. */
static bool block_do(struct svart_op_dif *dif, struct dif_part *part)
{
	if (!data_do(dif, part))
		return false;
	if ((part->kind & SVART_DIF_READS_TUPLES) != 0 && !tuple_read(dif, part))
		return false;
	return (part->kind & SVART_DIF_WRITES_TUPLES) == 0 || tuple_write(dif, part);
}

bool svart_op_dif(struct svart_op_dif *dif, enum svart_dif_kind kind, const void *src,
	size_t src_len, void *dst, size_t dst_len)
{
	struct dif_part part = {
		.kind = kind,
		.block_bytes = svart_op_dif_block_bytes(dif->flags),
		.src = src,
		.src_len = src_len,
		.dst = dst,
		.dst_len = dst_len,
	};

	while (dif->error == 0 && block_do(dif, &part))
		block_end(dif);
	return dif->error == 0;
}

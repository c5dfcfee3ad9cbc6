/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "ops_kinds.h"

#include <stddef.h>
#include <string.h>

#include <isa-l/crc.h>

#include "op_compare.h"
#include "op_crc.h"
#include "op_delta.h"
#include "op_dif.h"
#include "ops.h"

#define PATTERN UINT64_C(0x0123456789abcdef)
/** Of the words of two sources, one in so many differs. */
#define DELTA_EVERY 100
#define BLOCK       512u
#define TUPLE       SVART_DIF_TUPLE_BYTES

/* --- operations --------------------------------------------------------------------------------- */

static void begin(struct svart_op *op, unsigned int opcode, uint32_t size)
{
	memset(op, 0, sizeof(*op));
	op->opcode = (uint8_t)opcode;
	op->length = size;
}

static void scramble(uint8_t *p, uint32_t size)
{
	uint32_t i;

	for (i = 0; i < size; i++)
		p[i] = (uint8_t)(i * 2654435761u >> 24);
}

/** Whole words, one at least. */
static uint32_t words_in(uint32_t size)
{
	return size < 8 ? 8 : size / 8 * 8;
}

static void make_copy(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	begin(op, SVART_OP_COPY, size);
	op->dst = m->dst;
	op->src = m->src;
	scramble(m->src, size);
}

static void make_fill(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	begin(op, SVART_OP_FILL, words_in(size));
	op->dst = m->dst;
	op->pattern = PATTERN;
}

static void make_compare(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	begin(op, SVART_OP_COMPARE, size);
	op->src = m->src;
	op->src2 = m->src2;
	scramble(m->src, size);
	scramble(m->src2, size);
}

static void make_compare_value(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	begin(op, SVART_OP_COMPARE_VALUE, words_in(size));
	op->src = m->src;
	op->value = PATTERN;
	svart_op_fill(m->src, op->length, PATTERN, 0);
}

static uint32_t delta_size(uint32_t size)
{
	return size > SVART_DELTA_MAX_BYTES ? SVART_DELTA_MAX_BYTES : words_in(size);
}

static void make_create_delta(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	uint32_t i;

	begin(op, SVART_OP_CREATE_DELTA, delta_size(size));
	op->src = m->src;
	op->src2 = m->src2;
	op->delta = m->delta;
	op->bounds.delta_max =
		80 + (uint32_t)op->length / 8 / DELTA_EVERY * SVART_DELTA_ENTRY_BYTES;
	scramble(m->src, (uint32_t)op->length);
	scramble(m->src2, (uint32_t)op->length);
	for (i = 0; i < op->length / 8; i += DELTA_EVERY)
		m->src2[i * 8] ^= 1;
}

static void cpu_create_delta(const struct svart_op *op, struct perf_ops_outcome *out);

static void make_apply_delta(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	struct perf_ops_outcome record;
	struct svart_op create;

	make_create_delta(m, size, &create);
	cpu_create_delta(&create, &record);
	begin(op, SVART_OP_APPLY_DELTA, (uint32_t)create.length);
	op->dst = m->dst;
	op->delta = m->delta;
	op->bounds.delta_max = record.delta_bytes;
	memcpy(m->dst, m->src, create.length);
}

static void make_dualcast(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_copy(m, size, op);
	op->opcode = SVART_OP_DUALCAST;
	op->dst2 = m->dst2;
}

static void make_crc(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_copy(m, size, op);
	op->opcode = SVART_OP_CRC;
	op->dst = NULL;
}

static void make_copy_crc(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_copy(m, size, op);
	op->opcode = SVART_OP_COPY_CRC;
}

/** Whole blocks, one at least. */
static uint32_t blocks_in(uint32_t size, uint32_t block)
{
	return size < block ? 1 : size / block;
}

static void make_bare(
	const struct perf_ops_memory *m, uint32_t size, unsigned int opcode, struct svart_op *op)
{
	begin(op, opcode, blocks_in(size, BLOCK) * BLOCK);
	op->src = m->src;
	op->dst = m->dst;
	op->dif.block = SVART_DIF_BLOCK_512;
	op->dst_tags = (struct svart_tags){ .ref = 100, .app = 7 };
	scramble(m->src, (uint32_t)op->length);
}

static void make_insert(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_bare(m, size, SVART_OP_DIF_INSERT, op);
}

static void make_dix(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_bare(m, size, SVART_OP_DIX_GENERATE, op);
}

static void cpu_dif(const struct svart_op *op, struct perf_ops_outcome *out);

/** The source is what insert makes of other blocks. */
static void make_protected(
	const struct perf_ops_memory *m, uint32_t size, unsigned int opcode, struct svart_op *op)
{
	struct perf_ops_outcome none;
	struct svart_op insert;

	make_bare(m, size, SVART_OP_DIF_INSERT, &insert);
	memcpy(m->src2, m->src, insert.length);
	insert.src = m->src2;
	insert.dst = m->src;
	cpu_dif(&insert, &none);
	begin(op, opcode, blocks_in(size, BLOCK) * (BLOCK + TUPLE));
	op->src = m->src;
	op->dst = opcode == SVART_OP_DIF_CHECK ? NULL : m->dst;
	op->dif.block = SVART_DIF_BLOCK_512;
	op->src_tags = insert.dst_tags;
	if (opcode == SVART_OP_DIF_UPDATE)
		op->dst_tags = (struct svart_tags){ .ref = 5000, .app = 9 };
}

static void make_check(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_protected(m, size, SVART_OP_DIF_CHECK, op);
}

static void make_strip(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_protected(m, size, SVART_OP_DIF_STRIP, op);
}

static void make_update(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	make_protected(m, size, SVART_OP_DIF_UPDATE, op);
}

static void make_cache_flush(const struct perf_ops_memory *m, uint32_t size, struct svart_op *op)
{
	begin(op, SVART_OP_CACHE_FLUSH, size);
	op->dst = m->dst;
}

/* --- by runtime/ops ----------------------------------------------------------------------------- */

static void cpu_copy(const struct svart_op *op, struct perf_ops_outcome *out)
{
	(void)out;
	svart_op_copy(op->dst, op->src, op->length);
}

static void cpu_fill(const struct svart_op *op, struct perf_ops_outcome *out)
{
	(void)out;
	svart_op_fill(op->dst, op->length, op->pattern, 0);
}

static void cpu_compare(const struct svart_op *op, struct perf_ops_outcome *out)
{
	out->result = svart_op_compare(op->src, op->src2, op->length) != op->length;
}

static void cpu_compare_value(const struct svart_op *op, struct perf_ops_outcome *out)
{
	out->result = svart_op_compare_pattern(op->src, op->length, op->value, 0) != op->length;
}

static void cpu_create_delta(const struct svart_op *op, struct perf_ops_outcome *out)
{
	struct svart_op_delta_create create = { .max_bytes = op->bounds.delta_max };

	svart_op_delta_create(
		&create, op->src, op->src2, op->length, op->delta, op->bounds.delta_max);
	out->result = svart_op_delta_result(&create);
	out->delta_bytes = create.record_bytes;
}

static void cpu_apply_delta(const struct svart_op *op, struct perf_ops_outcome *out)
{
	struct svart_op_delta_apply apply = { .dst_bytes = (uint32_t)op->length };
	const struct svart_delta_window window = { .bytes = op->dst, .len = op->length };

	out->result = svart_op_delta_apply(&apply, op->delta, op->bounds.delta_max, &window) !=
		      SVART_DELTA_APPLIED;
}

static void cpu_dualcast(const struct svart_op *op, struct perf_ops_outcome *out)
{
	cpu_copy(op, out);
	svart_op_copy(op->dst2, op->src, op->length);
}

static void cpu_crc(const struct svart_op *op, struct perf_ops_outcome *out)
{
	out->result = svart_op_crc32c((uint32_t)op->seed, op->src, op->length, 0);
}

static void cpu_copy_crc(const struct svart_op *op, struct perf_ops_outcome *out)
{
	out->result = svart_op_copy_crc32c(op->dst, op->src, op->length, (uint32_t)op->seed, 0);
}

static enum svart_dif_kind dif_kind(unsigned int opcode)
{
	switch (opcode) {
	case SVART_OP_DIF_CHECK:
		return SVART_DIF_CHECK;
	case SVART_OP_DIF_INSERT:
		return SVART_DIF_INSERT;
	case SVART_OP_DIF_STRIP:
		return SVART_DIF_STRIP;
	case SVART_OP_DIF_UPDATE:
		return SVART_DIF_UPDATE;
	default:
		return SVART_DIF_DIX_GENERATE;
	}
}

static void cpu_dif(const struct svart_op *op, struct perf_ops_outcome *out)
{
	struct svart_op_dif dif = {
		.flags = op->dif.block, .src = op->src_tags, .dst = op->dst_tags
	};

	svart_op_dif(&dif, dif_kind(op->opcode), op->src, op->length, op->dst,
		op->dst == NULL ? 0 : SVART_PERF_OPS_BYTES);
	out->result = dif.error;
}

/* --- by libraries ------------------------------------------------------------------------------- */

static void library_copy(const struct svart_op *op, struct perf_ops_outcome *out)
{
	(void)out;
	memmove(op->dst, op->src, op->length);
}

static void library_fill(const struct svart_op *op, struct perf_ops_outcome *out)
{
	uint64_t *to = op->dst, i;

	(void)out;
	for (i = 0; i < op->length / 8; i++)
		to[i] = op->pattern;
}

static void library_compare(const struct svart_op *op, struct perf_ops_outcome *out)
{
	out->result = memcmp(op->src, op->src2, op->length) != 0;
}

static void library_compare_value(const struct svart_op *op, struct perf_ops_outcome *out)
{
	const uint64_t *from = op->src;
	uint64_t differ = 0, i;

	for (i = 0; i < op->length / 8; i++)
		differ |= from[i] ^ op->value;
	out->result = differ != 0;
}

static void library_create_delta(const struct svart_op *op, struct perf_ops_outcome *out)
{
	const uint64_t *a = op->src, *b = op->src2;
	uint8_t *to = op->delta;
	uint16_t at;
	uint32_t i;

	out->delta_bytes = 0;
	for (i = 0; i < op->length / 8; i++) {
		if (a[i] == b[i])
			continue;
		at = (uint16_t)i;
		memcpy(to + out->delta_bytes, &at, sizeof(at));
		memcpy(to + out->delta_bytes + sizeof(at), &b[i], sizeof(b[i]));
		out->delta_bytes += SVART_DELTA_ENTRY_BYTES;
	}
	out->result = out->delta_bytes != 0;
}

static void library_apply_delta(const struct svart_op *op, struct perf_ops_outcome *out)
{
	const uint8_t *entry = op->delta;
	uint8_t *to = op->dst;
	uint32_t done;
	uint16_t at;

	(void)out;
	for (done = 0; done < op->bounds.delta_max; done += SVART_DELTA_ENTRY_BYTES) {
		memcpy(&at, entry + done, sizeof(at));
		memcpy(to + (size_t)at * 8, entry + done + sizeof(at), 8);
	}
}

static void library_dualcast(const struct svart_op *op, struct perf_ops_outcome *out)
{
	(void)out;
	memcpy(op->dst, op->src, op->length);
	memcpy(op->dst2, op->src, op->length);
}

static void library_crc(const struct svart_op *op, struct perf_ops_outcome *out)
{
	out->result =
		~crc32_iscsi((unsigned char *)(uintptr_t)op->src, (int)op->length, UINT32_MAX);
}

static void library_copy_crc(const struct svart_op *op, struct perf_ops_outcome *out)
{
	memcpy(op->dst, op->src, op->length);
	library_crc(op, out);
}

/** The 8 bytes behind a block, big endian, as one number of the machine's order. */
static uint64_t tuple_of(uint16_t guard, struct svart_tags tags, uint32_t block)
{
	return __builtin_bswap64(
		(uint64_t)guard << 48 | (uint64_t)tags.app << 32 | (tags.ref + block));
}

/** Checks, copies and makes tuples, block by block, as the operation asks for it. */
static void library_dif(const struct svart_op *op, struct perf_ops_outcome *out)
{
	unsigned int kind = dif_kind(op->opcode);
	const uint8_t *from = op->src, *end = from + op->length;
	uint64_t tuple, wrong = 0;
	uint8_t *to = op->dst;
	uint32_t block;
	uint16_t guard;

	for (block = 0; from != end; block++) {
		if ((kind & SVART_DIF_WRITES_DATA) != 0) {
			guard = crc16_t10dif_copy(0, to, (uint8_t *)(uintptr_t)from, BLOCK);
			to += BLOCK;
		} else {
			guard = crc16_t10dif(0, from, BLOCK);
		}
		from += BLOCK;
		if ((kind & SVART_DIF_READS_TUPLES) != 0) {
			memcpy(&tuple, from, TUPLE);
			wrong |= tuple ^ tuple_of(guard, op->src_tags, block);
			from += TUPLE;
		}
		if ((kind & SVART_DIF_WRITES_TUPLES) != 0) {
			tuple = tuple_of(guard, op->dst_tags, block);
			memcpy(to, &tuple, TUPLE);
			to += TUPLE;
		}
	}
	out->result = wrong != 0;
}

const struct perf_ops_kind svart_perf_ops_kinds[] = {
	{ "memmove", SVART_OP_COPY, make_copy, cpu_copy, library_copy },
	{ "fill", SVART_OP_FILL, make_fill, cpu_fill, library_fill },
	{ "compare", SVART_OP_COMPARE, make_compare, cpu_compare, library_compare },
	{ "compval", SVART_OP_COMPARE_VALUE, make_compare_value, cpu_compare_value,
		library_compare_value },
	{ "cr_delta", SVART_OP_CREATE_DELTA, make_create_delta, cpu_create_delta,
		library_create_delta },
	{ "ap_delta", SVART_OP_APPLY_DELTA, make_apply_delta, cpu_apply_delta,
		library_apply_delta },
	{ "dualcast", SVART_OP_DUALCAST, make_dualcast, cpu_dualcast, library_dualcast },
	{ "crcgen", SVART_OP_CRC, make_crc, cpu_crc, library_crc },
	{ "copy_crc", SVART_OP_COPY_CRC, make_copy_crc, cpu_copy_crc, library_copy_crc },
	{ "dif_check", SVART_OP_DIF_CHECK, make_check, cpu_dif, library_dif },
	{ "dif_insert", SVART_OP_DIF_INSERT, make_insert, cpu_dif, library_dif },
	{ "dif_strip", SVART_OP_DIF_STRIP, make_strip, cpu_dif, library_dif },
	{ "dif_update", SVART_OP_DIF_UPDATE, make_update, cpu_dif, library_dif },
	{ "dix_gen", SVART_OP_DIX_GENERATE, make_dix, cpu_dif, library_dif },
	{ "cache_flush", SVART_OP_CACHE_FLUSH, make_cache_flush, NULL, NULL },
	{ .name = NULL },
};

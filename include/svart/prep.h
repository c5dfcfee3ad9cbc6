/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PREP_H
#define SVART_PREP_H

/**
 * @file
 * One call to prepare each operation: svart_queue_prep() with the fields that enum svart_opcode names.
 *
 * All of them: flags are bits of enum svart_op_flag; the cookie is returned with the completion; structures that
 * are pointed to are copied. They return 1, or 0 when the ring is full or the queue has failed. An operation that
 * breaks a rule of enum svart_opcode, or that the device does not have, completes with SVART_STATUS_INVALID.
 * @thread the queue's owner. @blocks as svart_queue_prep(). svart_queue_prep_copy() and svart_queue_prep_fill()
 * are in queue.h.
 */

#include <stdint.h>
#include <string.h>

#include <svart/op.h>
#include <svart/queue.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Does nothing. */
static inline uint16_t svart_queue_prep_noop(struct svart_queue *q, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_NOOP;
	op.flags = flags;
	op.cookie = cookie;
	return svart_queue_prep(q, &op, 1);
}

/** Completes when all operations before it have. */
static inline uint16_t svart_queue_prep_drain(
	struct svart_queue *q, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_DRAIN;
	op.flags = flags;
	op.cookie = cookie;
	return svart_queue_prep(q, &op, 1);
}

/** Compares two ranges. @param expected with SVART_OP_CHECK_RESULT: bit n: result n is success; else 0. */
static inline uint16_t svart_queue_prep_compare(struct svart_queue *q, const void *src,
	const void *src2, uint64_t length, uint32_t expected, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_COMPARE;
	op.flags = flags;
	op.cookie = cookie;
	op.src = src;
	op.src2 = src2;
	op.length = length;
	op.bounds.expected = expected;
	return svart_queue_prep(q, &op, 1);
}

/** Compares a range with 8 bytes, repeated. @param expected as svart_queue_prep_compare(). */
static inline uint16_t svart_queue_prep_compare_value(struct svart_queue *q, const void *src,
	uint64_t value, uint64_t length, uint32_t expected, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_COMPARE_VALUE;
	op.flags = flags;
	op.cookie = cookie;
	op.src = src;
	op.value = value;
	op.length = length;
	op.bounds.expected = expected;
	return svart_queue_prep(q, &op, 1);
}

/** Writes what makes src2 of src to a delta record. @param delta_max bytes it may have, 80 or more.
 * @param expected as svart_queue_prep_compare(), of enum svart_delta_result. */
static inline uint16_t svart_queue_prep_create_delta(struct svart_queue *q, void *delta,
	uint32_t delta_max, const void *src, const void *src2, uint64_t length, uint32_t expected,
	uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_CREATE_DELTA;
	op.flags = flags;
	op.cookie = cookie;
	op.delta = delta;
	op.bounds.delta_max = delta_max;
	op.src = src;
	op.src2 = src2;
	op.length = length;
	op.bounds.expected = expected;
	return svart_queue_prep(q, &op, 1);
}

/** Changes dst by a delta record. @param delta_bytes svart_completion.delta_bytes of CREATE_DELTA. */
static inline uint16_t svart_queue_prep_apply_delta(struct svart_queue *q, void *dst,
	uint64_t length, const void *delta, uint32_t delta_bytes, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_APPLY_DELTA;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.length = length;
	op.y = (uint64_t)(uintptr_t)delta;
	op.bounds.delta_max = delta_bytes;
	return svart_queue_prep(q, &op, 1);
}

/** Copies to two destinations, whose low 12 bits are the same. */
static inline uint16_t svart_queue_prep_dualcast(struct svart_queue *q, void *dst, void *dst2,
	const void *src, uint64_t length, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_DUALCAST;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.dst2 = dst2;
	op.src = src;
	op.length = length;
	return svart_queue_prep(q, &op, 1);
}

/** Computes a CRC32C. @param seed 0, or the result of the part before. */
static inline uint16_t svart_queue_prep_crc(struct svart_queue *q, const void *src, uint64_t length,
	uint32_t seed, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_CRC;
	op.flags = flags;
	op.cookie = cookie;
	op.src = src;
	op.length = length;
	op.seed = seed;
	return svart_queue_prep(q, &op, 1);
}

/** Copies, and computes the CRC32C of what it copies. */
static inline uint16_t svart_queue_prep_copy_crc(struct svart_queue *q, void *dst, const void *src,
	uint64_t length, uint32_t seed, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_COPY_CRC;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.src = src;
	op.length = length;
	op.seed = seed;
	return svart_queue_prep(q, &op, 1);
}

/** Checks protected blocks. @param length bytes of the source, with protection information. */
static inline uint16_t svart_queue_prep_dif_check(struct svart_queue *q, const void *src,
	uint64_t length, const struct svart_dif *dif, const struct svart_tags *src_tags,
	uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_DIF_CHECK;
	op.flags = flags;
	op.cookie = cookie;
	op.src = src;
	op.length = length;
	op.dif = *dif;
	op.src_tags = *src_tags;
	return svart_queue_prep(q, &op, 1);
}

/** Copies blocks, and protects them. @param length bytes of the source. */
static inline uint16_t svart_queue_prep_dif_insert(struct svart_queue *q, void *dst,
	const void *src, uint64_t length, const struct svart_dif *dif,
	const struct svart_tags *dst_tags, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_DIF_INSERT;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.src = src;
	op.length = length;
	op.dif = *dif;
	op.dst_tags = *dst_tags;
	return svart_queue_prep(q, &op, 1);
}

/** Checks protected blocks, and copies them bare. @param length bytes of the source. */
static inline uint16_t svart_queue_prep_dif_strip(struct svart_queue *q, void *dst, const void *src,
	uint64_t length, const struct svart_dif *dif, const struct svart_tags *src_tags,
	uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_DIF_STRIP;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.src = src;
	op.length = length;
	op.dif = *dif;
	op.src_tags = *src_tags;
	return svart_queue_prep(q, &op, 1);
}

/** Checks protected blocks, and copies them with new protection. @param length bytes of the source. */
static inline uint16_t svart_queue_prep_dif_update(struct svart_queue *q, void *dst,
	const void *src, uint64_t length, const struct svart_dif *dif,
	const struct svart_tags *src_tags, const struct svart_tags *dst_tags, uint32_t flags,
	uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_DIF_UPDATE;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.src = src;
	op.length = length;
	op.dif = *dif;
	op.src_tags = *src_tags;
	op.dst_tags = *dst_tags;
	return svart_queue_prep(q, &op, 1);
}

/** Writes the protection information of blocks, 8 bytes each. @param length bytes of the source. */
static inline uint16_t svart_queue_prep_dix_generate(struct svart_queue *q, void *dst,
	const void *src, uint64_t length, const struct svart_dif *dif,
	const struct svart_tags *dst_tags, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_DIX_GENERATE;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.src = src;
	op.length = length;
	op.dif = *dif;
	op.dst_tags = *dst_tags;
	return svart_queue_prep(q, &op, 1);
}

/** Writes a range back from the caches. */
static inline uint16_t svart_queue_prep_cache_flush(
	struct svart_queue *q, void *dst, uint64_t length, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_CACHE_FLUSH;
	op.flags = flags;
	op.cookie = cookie;
	op.dst = dst;
	op.length = length;
	return svart_queue_prep(q, &op, 1);
}

/** Gets translations ahead. @param stride 0, or a multiple of 4096. */
static inline uint16_t svart_queue_prep_translate(struct svart_queue *q, const void *src,
	uint64_t length, uint64_t stride, uint32_t flags, uint64_t cookie)
{
	struct svart_op op;

	memset(&op, 0, sizeof(op));
	op.opcode = SVART_OP_TRANSLATE;
	op.flags = flags;
	op.cookie = cookie;
	op.src = src;
	op.length = length;
	op.stride = stride;
	return svart_queue_prep(q, &op, 1);
}

#ifdef __cplusplus
}
#endif

#endif

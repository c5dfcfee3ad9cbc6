/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OP_DIF_H
#define SVART_OP_DIF_H

/**
 * @file
 * Protected blocks (T10 DIF, DIX), in software, as Intel DSA's operations treat them.
 *
 * A block of data is followed by a tuple of 8 bytes, all big endian (T10 SBC, protection information): the
 * guard, which is the CRC-16/T10-DIF of the data (ISA-L; polynomial 0x18bb7), the application tag (16 bits)
 * and the reference tag (32 bits).
 *
 *   check    reads blocks with tuples, and looks whether the tuples are right
 *   insert   copies blocks without tuples, and puts tuples between them
 *   strip    checks, and copies the blocks without the tuples
 *   update   checks, and copies the blocks with new tuples
 *   dix      reads blocks without tuples, and writes only the tuples
 *
 * All can be done in parts, which may end anywhere, in a tuple too; source and destination can end at different
 * places. What goes from part to part is in a structure of the caller's. To start an operation, set the
 * fields marked "in"; all others are 0. A part ends where its source or its room ends, or at an error. The
 * operation is over when src_bytes and dst_bytes are what it has (svart_op_dif_src_bytes(),
 * svart_op_dif_dst_bytes()), or with an error. Source and destination must not overlap.
 *
 * A block whose tuple is wrong ends the operation. Its data may be in the destination already; no tuple of it
 * is. svart_op_dif_done_src_bytes() does not count it.
 *
 * Pure functions on memory. They allocate nothing, keep nothing else, may be called by any thread, and never
 * block. They read and write nothing beside their ranges. A part that was broken off (by a signal handler that
 * does not return) leaves its structure in the middle: go on with a copy from before the part.
 *
 * Flags (svart/op.h) have the bits that a DSA's descriptor has in bytes 40, 41 and 42, where the lowest two bits
 * of byte 42 are the block's code; errors those of its completion record's byte 1. They agree with the Data Mover Library and, as far as it has them, with SPDK's idxd_spec.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svart/op.h>

/** Bytes of a tuple. */
#define SVART_DIF_TUPLE_BYTES 8

/** An operation on protected blocks. Owner: the caller. Lifetime: the operation's. Locks: none. */
struct svart_op_dif {
	uint8_t flags;         /**< In: an enum svart_dif_block, and bits of enum svart_dif_flag. */
	uint8_t src_flags;     /**< In, where tuples are checked: enum svart_dif_src_flag. */
	uint8_t dst_flags;     /**< In, where tuples are made: enum svart_dif_dst_flag. */
	uint8_t error;         /**< Bits of enum svart_dif_error: of the block after `blocks`. */
	struct svart_tags src; /**< In: of the first block. Then of the one after `blocks`. */
	struct svart_tags dst; /**< The same, of what is made. */
	uint32_t blocks;       /**< Done: read, checked and written, each to its end. */
	uint64_t src_bytes;    /**< Read: where the next part's source goes on. */
	uint64_t dst_bytes;    /**< Written: where the next part's destination goes on. */
	/* The block that is being done. */
	uint16_t crc;        /**< Of its data so far. */
	uint16_t data_bytes; /**< Of its data, done. */
	uint8_t read_bytes;  /**< Of its tuple in the source. */
	uint8_t write_bytes; /**< Of its tuple in the destination. */
	uint8_t read[SVART_DIF_TUPLE_BYTES];
	uint8_t write[SVART_DIF_TUPLE_BYTES];
};

/** What an operation does; the bits of each are the parts that it is made of. */
enum svart_dif_kind {
	SVART_DIF_READS_TUPLES = 1 << 0,
	SVART_DIF_WRITES_DATA = 1 << 1,
	SVART_DIF_WRITES_TUPLES = 1 << 2,

	SVART_DIF_CHECK = SVART_DIF_READS_TUPLES,
	SVART_DIF_INSERT = SVART_DIF_WRITES_DATA | SVART_DIF_WRITES_TUPLES,
	SVART_DIF_STRIP = SVART_DIF_READS_TUPLES | SVART_DIF_WRITES_DATA,
	SVART_DIF_UPDATE = SVART_DIF_READS_TUPLES | SVART_DIF_WRITES_DATA | SVART_DIF_WRITES_TUPLES,
	SVART_DIF_DIX_GENERATE = SVART_DIF_WRITES_TUPLES,
};

/** Bytes of a block's data: 512, 520, 4096 or 4104. @param flags as struct svart_op_dif has them. */
uint32_t svart_op_dif_block_bytes(unsigned int flags);

/** Bytes of a block in the source. */
uint32_t svart_op_dif_src_bytes(enum svart_dif_kind kind, unsigned int flags);

/** Bytes that a block writes to the destination. */
uint32_t svart_op_dif_dst_bytes(enum svart_dif_kind kind, unsigned int flags);

/**
 * Does a part of any of the operations.
 * @param dif the operation, the same kind in each part. After an error nothing more is done.
 * @param src the source from dif->src_bytes on. @param src_len its bytes in this part.
 * @param dst the destination from dif->dst_bytes on; NULL for SVART_DIF_CHECK. It must not overlap the source.
 * @param dst_len its room in this part.
 * @return whether no error was found: dif->error is 0.
 */
bool svart_op_dif(struct svart_op_dif *dif, enum svart_dif_kind kind, const void *src,
	size_t src_len, void *dst, size_t dst_len);

/** Bytes of the source whose blocks are done. For kinds that read no tuples, of data only. */
static inline uint64_t svart_op_dif_done_src_bytes(
	const struct svart_op_dif *dif, enum svart_dif_kind kind)
{
	return (uint64_t)dif->blocks * svart_op_dif_src_bytes(kind, dif->flags);
}

/** Bytes of the destination whose blocks are done. */
static inline uint64_t svart_op_dif_done_dst_bytes(
	const struct svart_op_dif *dif, enum svart_dif_kind kind)
{
	return (uint64_t)dif->blocks * svart_op_dif_dst_bytes(kind, dif->flags);
}

/** svart_op_dif() of blocks with tuples: checks them. */
static inline bool svart_op_dif_check(struct svart_op_dif *dif, const void *src, size_t src_len)
{
	return svart_op_dif(dif, SVART_DIF_CHECK, src, src_len, NULL, 0);
}

/** svart_op_dif() of blocks without tuples: copies them, and inserts tuples. It finds no error. */
static inline void svart_op_dif_insert(
	struct svart_op_dif *dif, const void *src, size_t src_len, void *dst, size_t dst_len)
{
	svart_op_dif(dif, SVART_DIF_INSERT, src, src_len, dst, dst_len);
}

/** svart_op_dif() of blocks with tuples: checks them, and copies them without. */
static inline bool svart_op_dif_strip(
	struct svart_op_dif *dif, const void *src, size_t src_len, void *dst, size_t dst_len)
{
	return svart_op_dif(dif, SVART_DIF_STRIP, src, src_len, dst, dst_len);
}

/** svart_op_dif() of blocks with tuples: checks them, and copies them with new ones. */
static inline bool svart_op_dif_update(
	struct svart_op_dif *dif, const void *src, size_t src_len, void *dst, size_t dst_len)
{
	return svart_op_dif(dif, SVART_DIF_UPDATE, src, src_len, dst, dst_len);
}

/** svart_op_dif() of blocks without tuples: writes their tuples, and nothing else. It finds no error. */
static inline void svart_op_dif_dix_generate(
	struct svart_op_dif *dif, const void *src, size_t src_len, void *dst, size_t dst_len)
{
	svart_op_dif(dif, SVART_DIF_DIX_GENERATE, src, src_len, dst, dst_len);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OP_DELTA_H
#define SVART_OP_DELTA_H

/**
 * @file
 * Delta records, in software: what of one range must be changed to make it another.
 *
 * A record is entries of 10 bytes, which follow each other without a gap: where, in units of 8 bytes (16
 * bits), and the 8 bytes that come there; both are little endian. Its offsets increase. The layout is of Intel
 * DSA (DSA specification, Create Delta Record and Apply Delta Record).
 *
 * Both operations can be done in parts, which may end anywhere, even inside an entry: what goes from part to
 * part is in a structure of the caller's. After each part it says where the next one goes on. Offsets stay
 * those of the whole operation. To start an operation, set the fields marked "in"; all others are 0.
 *
 * Pure functions on memory. They allocate nothing, keep nothing else, may be called by any thread, and
 * never block. A part that was broken off (by a signal handler that does not return) leaves its structure in
 * the middle: go on with a copy from before the part.
 */

#include <stddef.h>
#include <stdint.h>

#include <svart/op.h>

/** An entry (DSA specification, Create Delta Record: a 2-byte offset and 8 bytes of data). */
#define SVART_DELTA_ENTRY_BYTES 10
/** Sources and destinations are compared and changed by words of these bytes (the same). */
#define SVART_DELTA_WORD_BYTES 8
/**
 * A record that is being made. Owner: the caller. Lifetime: the operation's. Locks: none.
 *
 * The operation is over if src_bytes are all and entry_left is 0, or with too_small.
 */
struct svart_op_delta_create {
	uint32_t
		max_bytes; /**< In: the record's room. Entries that do not fit whole are not begun. */
	uint32_t src_bytes;    /**< Compared of each source: where the next part goes on. */
	uint32_t record_bytes; /**< Written of the record: where the next part goes on. */
	uint8_t too_small;     /**< The word at src_bytes differs, and the record is full. */
	uint8_t entry_left;    /**< The last bytes of `entry` that are not written yet. */
	uint8_t entry[SVART_DELTA_ENTRY_BYTES];
};

/**
 * Does a part of "create delta record": compares words of two sources, and writes an entry, with the word of
 * the second source, for each that differs. It ends where a source, the room or the record ends; to write
 * entry_left call it with len 0.
 * @param create the operation; src_bytes, record_bytes and the rest say afterwards how far it is.
 * @param src1, src2 what is to be compared from src_bytes on. Any alignment; they may overlap each other.
 * @param len    bytes of each source; a multiple of SVART_DELTA_WORD_BYTES. With all parts before not more than
 *               SVART_DELTA_MAX_BYTES.
 * @param record where the record goes on, at record_bytes. It must not overlap a source.
 * @param room   bytes that may be written there in this part.
 */
void svart_op_delta_create(struct svart_op_delta_create *create, const void *src1, const void *src2,
	size_t len, void *record, size_t room);

/** How it ended, once the operation is over. */
enum svart_delta_result svart_op_delta_result(const struct svart_op_delta_create *create);

/** Bytes of whole entries: of a record that breaks off, what is worth something. */
uint32_t svart_op_delta_whole_bytes(const struct svart_op_delta_create *create);

/** Bytes of each source that these whole entries tell of: where an operation that broke off goes on. */
uint32_t svart_op_delta_done_bytes(const struct svart_op_delta_create *create);

/** How a part of applying a record ended. */
enum svart_delta_apply {
	SVART_DELTA_APPLIED = 0, /**< The part of the record is used up. */
	/** The next entry, of the word at `offset`, is outside the window: call again with one that has it. */
	SVART_DELTA_OUTSIDE,
	/** The next entry's offset is not above the one before: DSA status 0x07. Nothing more is done. */
	SVART_DELTA_NOT_INCREASING,
	/** The next entry is beyond the destination: DSA status 0x08. Nothing more is done. */
	SVART_DELTA_OUT_OF_RANGE,
};

/** A record that is being applied. Owner: the caller. Lifetime: the operation's. Locks: none. */
struct svart_op_delta_apply {
	uint32_t dst_bytes;    /**< In: of the destination, from its start on. */
	uint32_t record_bytes; /**< Read of the record: where the next part goes on. */
	uint32_t least;        /**< The next entry's offset must not be below this. */
	uint32_t offset;       /**< Of the last whole entry that was read. Bytes. */
	uint8_t entry_bytes;   /**< Bytes of `entry`, which is not applied yet. */
	uint8_t entry[SVART_DELTA_ENTRY_BYTES];
};

/** A part of a destination: its bytes from `offset` on. */
struct svart_delta_window {
	void *bytes;     /**< Any alignment. */
	uint64_t offset; /**< In the destination; a multiple of SVART_DELTA_WORD_BYTES. */
	uint64_t len;
};

/**
 * Does a part of "apply delta record". Offsets are of the whole destination; a window may be any part of it.
 * @param apply  the operation; record_bytes and the rest say afterwards how far it is.
 * @param record the record from record_bytes on. It must not overlap the destination.
 * @param len    its bytes in this part. At the end of the record entry_bytes is 0, or the record was no
 *               multiple of SVART_DELTA_ENTRY_BYTES.
 * @return an enum svart_delta_apply. Entries before the one that it tells of are applied.
 */
enum svart_delta_apply svart_op_delta_apply(struct svart_op_delta_apply *apply, const void *record,
	size_t len, const struct svart_delta_window *window);

/** Bytes of the record whose entries are applied: where an operation that broke off goes on. */
static inline uint32_t svart_op_delta_applied_bytes(const struct svart_op_delta_apply *apply)
{
	return apply->record_bytes - apply->entry_bytes;
}

#endif

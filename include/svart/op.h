/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OP_H
#define SVART_OP_H

/**
 * @file
 * Operations and their completions, as every device understands them.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What an operation does, and which fields of struct svart_op it uses beside opcode, flags and cookie.
 *
 * svart_device_info.ops says which of them a device has. What an operation writes must not overlap anything
 * else that it reads or writes, except where it says so.
 */
enum svart_opcode {
	/** Does nothing and completes. It uses no field; dst, src and length are not looked at. */
	SVART_OP_NOOP = 0,
	/**
	 * dst[0..length) = src[0..length); the ranges may overlap, as in memmove(), if the device can do
	 * that.
	 */
	SVART_OP_COPY = 1,
	/** dst[0..length) = pattern, its 8 bytes repeated from dst on, low first. */
	SVART_OP_FILL = 2,
	/**
	 * Compares src[0..length) with src2[0..length). Result: 0 they are equal, 1 they differ; bytes_done is
	 * the offset of the first byte that differs. With SVART_OP_CHECK_RESULT it uses bounds.expected.
	 */
	SVART_OP_COMPARE = 3,
	/** Compares src[0..length) with value, its 8 bytes repeated, low first. The rest as COMPARE. */
	SVART_OP_COMPARE_VALUE = 4,
	/**
	 * Writes to delta what of src[0..length) must be changed to make it src2[0..length): a delta record of
	 * bounds.delta_max bytes at most, which is 80 or more. All addresses are multiples of 8; so is length,
	 * which is SVART_DELTA_MAX_BYTES at most. Result: enum svart_delta_result; delta_bytes is the record's
	 * length. With SVART_OP_CHECK_RESULT it uses bounds.expected. An operation that stopped early is to be
	 * done again from the start.
	 */
	SVART_OP_CREATE_DELTA = 5,
	/**
	 * Changes dst[0..length) by the record delta, of bounds.delta_max bytes. Addresses and length are as for
	 * CREATE_DELTA. bytes_done is bytes of the record. One that stopped early may be done again from the
	 * start.
	 */
	SVART_OP_APPLY_DELTA = 6,
	/** dst[0..length) = dst2[0..length) = src[0..length). The low 12 bits of dst and dst2 are the same. */
	SVART_OP_DUALCAST = 7,
	/**
	 * The CRC32C of src[0..length) (RFC 3720, 12.1), with seed, of 32 bits: 0, or the result of the part
	 * before. Result: the CRC. SVART_OP_BYPASS_CRC and _DATA are other conventions.
	 */
	SVART_OP_CRC = 8,
	/** dst[0..length) = src[0..length), and their CRC, as SVART_OP_CRC. */
	SVART_OP_COPY_CRC = 9,
	/**
	 * Checks src[0..length), blocks that are followed by protection information each, by dif and src_tags.
	 * length is a multiple of a block with its 8 bytes. Status SVART_STATUS_DIF_ERROR: the block at
	 * bytes_done is wrong, and result is bits of enum svart_dif_error. The completion's tags are those that
	 * the next block should have.
	 */
	SVART_OP_DIF_CHECK = 10,
	/**
	 * Copies the blocks src[0..length), which have no protection information, to dst, each followed by what
	 * dif and dst_tags make of it. length is a multiple of a block.
	 */
	SVART_OP_DIF_INSERT = 11,
	/** Checks, as SVART_OP_DIF_CHECK, and copies the blocks to dst without protection information. */
	SVART_OP_DIF_STRIP = 12,
	/** Checks, as SVART_OP_DIF_CHECK, and copies the blocks to dst with what dif and dst_tags make. */
	SVART_OP_DIF_UPDATE = 13,
	/** Like SVART_OP_DIF_INSERT, but writes to dst the protection information only, 8 bytes a block. */
	SVART_OP_DIX_GENERATE = 14,
	/** Writes dst[0..length) back from the caches, and drops it from them. */
	SVART_OP_CACHE_FLUSH = 15,
	/**
	 * Gets the translation of one address in every `stride` bytes of src[0..length), so that later operations
	 * need not wait for pages. stride is 0, for 4096, or a multiple of 4096. It reads no data.
	 */
	SVART_OP_TRANSLATE = 16,
	/** Completes when all operations of the queue before it have. It uses no field. */
	SVART_OP_DRAIN = 17,
};

/** Bits of svart_op.flags. An operation takes NO_BLOCK, FENCE and those that name it. */
enum svart_op_flag {
	/**
	 * The operation does not wait for pages: it completes with SVART_STATUS_PARTIAL at the first byte
	 * whose page the device lacks.
	 */
	SVART_OP_NO_BLOCK = 1 << 0,
	/**
	 * The operation begins when all operations of the queue before it have ended, however they did.
	 * svart_queue_submit() stops before it until then: call it again after a poll.
	 */
	SVART_OP_FENCE = 1 << 1,
	/**
	 * COMPARE, COMPARE_VALUE, CREATE_DELTA: with a result that is not of bounds.expected it ends with
	 * SVART_STATUS_PREDICATE_FALSE.
	 */
	SVART_OP_CHECK_RESULT = 1 << 2,
	/**
	 * COPY, FILL, DUALCAST, COPY_CRC, APPLY_DELTA, CREATE_DELTA, DIF_INSERT, _STRIP, _UPDATE, DIX_GENERATE:
	 * what it writes shall be in the cache afterwards, if the device can do that; it is a hint. Without it
	 * data goes to memory. CACHE_FLUSH: the memory stays in the cache, too.
	 */
	SVART_OP_TO_CACHE = 1 << 3,
	/** CRC, COPY_CRC: seed and result are the bare register: not inverted, bit 31 the highest power of x. */
	SVART_OP_BYPASS_CRC = 1 << 4,
	/** CRC, COPY_CRC: bit 7 of each byte enters first, not bit 0. */
	SVART_OP_BYPASS_DATA = 1 << 5,
};

/** The longest range of a delta record: its offsets have 16 bits, of 8 bytes (DSA spec 8.3.7). */
#define SVART_DELTA_MAX_BYTES 0x80000

/** How creating a delta record ended. */
enum svart_delta_result {
	SVART_DELTA_EQUAL = 0,     /**< The sources are equal, the record is empty. */
	SVART_DELTA_DIFFERS = 1,   /**< The record is whole. */
	SVART_DELTA_TOO_SMALL = 2, /**< The record does not hold all; what it holds is right. */
};

/**
 * Reference and application tag of protection information (T10 SBC-4, 4.22). Only operations that make or
 * check it use them.
 */
struct svart_tags {
	uint32_t ref;      /**< Reference tag of the first block. */
	uint16_t app_mask; /**< Bits of app that are not compared, and are written as 0. */
	uint16_t app;      /**< Application tag of the first block. */
};

/** svart_dif.block: bytes of a block, without its protection information. */
enum svart_dif_block {
	SVART_DIF_BLOCK_512 = 0,
	SVART_DIF_BLOCK_520 = 1,
	SVART_DIF_BLOCK_4096 = 2,
	SVART_DIF_BLOCK_4104 = 3,
};

/** Bits of svart_dif.flags. */
enum svart_dif_flag {
	SVART_DIF_INVERT_SEED = 1 << 2,   /**< The guard's CRC begins with 0xffff, not with 0. */
	SVART_DIF_INVERT_RESULT = 1 << 3, /**< The guard is the inverse of its CRC. */
};

/** Bits of svart_dif.src_flags: how blocks are checked. "Escapes" turn all checks of a block off. */
enum svart_dif_src_flag {
	/** With ALL_F: protection information of only ones is an error. */
	SVART_DIF_SRC_ALL_F_ERROR = 1 << 0,
	SVART_DIF_SRC_ALL_F = 1 << 1,          /**< Protection information of only ones escapes. */
	SVART_DIF_SRC_APP_F = 1 << 2,          /**< An application tag of only ones escapes. */
	SVART_DIF_SRC_APP_REF_F = 1 << 3,      /**< Both tags of only ones escape. */
	SVART_DIF_SRC_APP_INCREMENTS = 1 << 4, /**< From block to block; else it stays the same. */
	SVART_DIF_SRC_NO_GUARD_CHECK = 1 << 5,
	SVART_DIF_SRC_NO_REF_CHECK = 1 << 6,
	SVART_DIF_SRC_REF_FIXED = 1 << 7, /**< It stays the same; else it increments. */
};

/** Bits of svart_dif.dst_flags: what is made. "Passing" is DIF_UPDATE's: the source's field is kept. */
enum svart_dif_dst_flag {
	SVART_DIF_DST_APP_PASSES = 1 << 3,
	SVART_DIF_DST_APP_INCREMENTS = 1 << 4,
	SVART_DIF_DST_GUARD_PASSES = 1 << 5,
	SVART_DIF_DST_REF_PASSES = 1 << 6,
	SVART_DIF_DST_REF_FIXED = 1 << 7,
};

/** What is wrong with a block: several bits, but for ALL_F, which comes alone. */
enum svart_dif_error {
	SVART_DIF_ERROR_GUARD = 1 << 0,
	SVART_DIF_ERROR_APP = 1 << 1,
	SVART_DIF_ERROR_REF = 1 << 2,
	SVART_DIF_ERROR_ALL_F = 1 << 3,
};

/**
 * How protection information is laid out, made and checked. Only operations that make or check it use this.
 */
struct svart_dif {
	uint8_t block;       /**< enum svart_dif_block. */
	uint8_t flags;       /**< Bits of enum svart_dif_flag. */
	uint8_t src_flags;   /**< Bits of enum svart_dif_src_flag, where blocks are checked. */
	uint8_t dst_flags;   /**< Bits of enum svart_dif_dst_flag, where it is made. */
	uint8_t reserved[4]; /**< Must be 0. */
};

/** Limits of operations with delta records, and what the result of an operation is compared with. */
struct svart_bounds {
	uint32_t delta_max; /**< Bytes that the delta record may have, or that it has. */
	/** With SVART_OP_CHECK_RESULT: bit n: the result n counts as success. One bit or more. */
	uint32_t expected;
};

/**
 * One operation: one cache line. Addresses are the program's own pointers; the memory must stay valid until
 * the completion was polled. Fields that the operation does not use must be 0, otherwise it ends with
 * SVART_STATUS_INVALID; so set the whole structure to 0 first. Each opcode says which fields it uses.
 *
 * The layout is fixed. Later versions give a meaning to fields that must be 0 today.
 */
struct svart_op {
	uint8_t opcode;    /**< enum svart_opcode. */
	uint8_t hint;      /**< Must be 0. */
	uint16_t reserved; /**< Must be 0. */
	uint32_t flags;    /**< Bits of enum svart_op_flag; others must be 0. */
	uint64_t cookie;   /**< Returned with the completion; the device never sees it. */
	void *dst;         /**< Destination. */
	union {
		const void *src;  /**< Source. */
		uint64_t pattern; /**< The pattern, or its first 8 bytes. */
	};
	/** Bytes, 0 to svart_queue_max_transfer_bytes(). An operation of 0 bytes completes with success. */
	uint64_t length;
	union {
		uint64_t x;          /**< The whole word, whatever it means. */
		void *dst2;          /**< Second destination. */
		const void *src2;    /**< Second source. */
		uint64_t pattern_hi; /**< The pattern's bytes from the ninth on. */
		uint64_t value;      /**< What to compare with. */
		uint64_t seed;       /**< Start value of a checksum. */
		uint64_t stride;     /**< Bytes from one address to the next. */
		struct svart_dif dif;
	};
	union {
		uint64_t y;                 /**< The whole word. */
		void *delta;                /**< Memory of the delta record. */
		struct svart_tags src_tags; /**< Tags of the source. */
	};
	union {
		uint64_t z; /**< The whole word. */
		struct svart_bounds bounds;
		struct svart_tags dst_tags; /**< Tags of the destination. */
	};
};

/** How an operation ended. */
enum svart_status {
	SVART_STATUS_OK = 0, /**< The whole operation was done. */
	/**
	 * An address is not mapped in the process, or the access to it is not allowed. bytes_done and
	 * fault_addr are valid. Correct the address, then submit what is left.
	 */
	SVART_STATUS_BAD_ADDRESS = 1,
	/**
	 * The device lacks a page, and the operation has SVART_OP_NO_BLOCK. bytes_done and fault_addr are
	 * valid. Submit what is left without the flag, or do it in another way.
	 */
	SVART_STATUS_PARTIAL = 2,
	/** The opcode, a flag or the length is malformed, or this device does not support the operation. */
	SVART_STATUS_INVALID = 3,
	/** The device reports an error of its own; svart_completion.hw_status has the error's code. */
	SVART_STATUS_DEVICE_ERROR = 4,
	/** The queue was stopped or reset before the operation ended. Some bytes may have been written. */
	SVART_STATUS_ABORTED = 5,
	/**
	 * The queue has failed; svart_queue_error_get() has the cause. Some bytes may have been written,
	 * and the device may still be writing: the operation's memory is the program's again when
	 * svart_queue_destroy() has returned 0.
	 */
	SVART_STATUS_QUEUE_FAILED = 6,
	/**
	 * There was no memory for a page that may be accessed: the kernel had none, or operations of
	 * devices without page requests hold all that the space may pin. bytes_done and fault_addr are
	 * valid. Poll other queues, free memory or raise the limits, then submit what is left.
	 */
	SVART_STATUS_NO_MEMORY = 7,
	/** The whole operation was done; its result is not one of bounds.expected. It is no failure. */
	SVART_STATUS_PREDICATE_FALSE = 8,
	/** The protection information of the block at bytes_done is wrong; result says what of it. */
	SVART_STATUS_DIF_ERROR = 9,
	/**
	 * The delta record is malformed at its byte bytes_done: an offset is not above the one before, or is
	 * beyond the destination. What is before it was applied.
	 */
	SVART_STATUS_DELTA_ERROR = 10,
};

/** Bits of svart_completion.flags. */
enum svart_completion_flag {
	SVART_COMPLETION_FAULT_ADDR = 1 << 0,  /**< fault_addr is valid. */
	SVART_COMPLETION_FAULT_WRITE = 1 << 1, /**< The faulting access was a write. */
	/** The device copied backwards (overlap): bytes_done counts from the ranges' ends. */
	SVART_COMPLETION_BACKWARD = 1 << 2,
};

/** The end of one operation: one cache line. The layout is fixed, like that of struct svart_op. */
struct svart_completion {
	uint64_t cookie; /**< Cookie of the operation. */
	/** Bytes that were done; the whole length with SVART_STATUS_OK, but where an opcode says otherwise. */
	uint64_t bytes_done;
	uint64_t fault_addr; /**< The address that could not be used, if flags say so, else 0. */
	uint64_t result;     /**< Result of the operation, if it has one, else 0. */
	/** Tags that the next block of the source should have, if the operation checks them, else 0. */
	struct svart_tags src_tags;
	/** Tags that the next block of the destination would have, if the operation makes them, else 0. */
	struct svart_tags dst_tags;
	uint8_t status;       /**< enum svart_status. */
	uint8_t flags;        /**< Bits of enum svart_completion_flag. */
	uint8_t hw_status;    /**< The device's own status byte, 0 if the device was never asked. */
	uint8_t engine;       /**< Which engine did it; 0 is the device of the queue. */
	uint32_t delta_bytes; /**< CREATE_DELTA: bytes of the record, else 0. */
	uint8_t reserved[8];  /**< Always 0. */
};

/**
 * Names a status.
 *
 * @param status enum svart_status, or any other number.
 * @return a short English text; static.
 * @thread any. @blocks never.
 */
const char *svart_status_name(unsigned int status) __attribute__((visibility("default")));

/**
 * Changes an operation to what is left of it, so that it can be submitted again: after SVART_STATUS_PARTIAL,
 * once its page is there, or BAD_ADDRESS or NO_MEMORY, once that is mended. Addresses move on by bytes_done,
 * tags and seed are carried on; delta operations begin again.
 *
 * @param op   the operation as it was prepared; changed.
 * @param done its completion. If bytes_done is more than its length, op is left as it is.
 * @thread any. @blocks never.
 */
void svart_op_rest(struct svart_op *op, const struct svart_completion *done)
	__attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif

#endif

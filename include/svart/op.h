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

/** What an operation does, and which fields of struct svart_op it uses beside opcode, flags and cookie. */
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
};

/** Bits of svart_op.flags. */
enum svart_op_flag {
	/**
	 * The operation does not wait for pages: it completes with SVART_STATUS_PARTIAL at the first byte
	 * whose page the device lacks.
	 */
	SVART_OP_NO_BLOCK = 1 << 0,
};

/**
 * Reference and application tag of protection information (T10 SBC-4, 4.22). Only operations that make or
 * check it use them.
 */
struct svart_tags {
	uint32_t ref;      /**< Reference tag of the first block. */
	uint16_t app_mask; /**< Bits of app that are not compared. */
	uint16_t app;      /**< Application tag of every block. */
};

/**
 * How protection information is laid out, made and checked. Only operations that make or check it use this.
 */
struct svart_dif {
	uint8_t block;       /**< Block size, as a code. */
	uint8_t flags;       /**< Flags for both sides. */
	uint8_t src_flags;   /**< What is checked in the source. */
	uint8_t dst_flags;   /**< What is made in the destination. */
	uint8_t reserved[4]; /**< Must be 0. */
};

/** What the outcome of an operation is compared with. Only operations that compare use this. */
struct svart_bounds {
	uint32_t delta_max; /**< Bytes that the delta record may have. */
	uint32_t expected;  /**< The result that counts as success. */
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
	uint64_t cookie;     /**< Cookie of the operation. */
	uint64_t bytes_done; /**< Bytes that were done; the whole length with SVART_STATUS_OK. */
	uint64_t fault_addr; /**< The address that could not be used, if flags say so, else 0. */
	uint64_t result;     /**< Result of the operation, if it has one, else 0. */
	/** Tags of the source, if the operation checks them, else 0. */
	struct svart_tags src_tags;
	/** Tags of the destination, if the operation makes them, else 0. */
	struct svart_tags dst_tags;
	uint8_t status;       /**< enum svart_status. */
	uint8_t flags;        /**< Bits of enum svart_completion_flag. */
	uint8_t hw_status;    /**< The device's own status byte, 0 if the device was never asked. */
	uint8_t engine;       /**< Which engine did it; 0 is the device of the queue. */
	uint8_t reserved[12]; /**< Always 0. */
};

/**
 * Names a status.
 *
 * @param status enum svart_status, or any other number.
 * @return a short English text; static.
 * @thread any. @blocks never.
 */
const char *svart_status_name(unsigned int status) __attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif

#endif

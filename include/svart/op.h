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

/** What an operation does. */
enum svart_opcode {
	SVART_OP_NOOP = 0, /**< Nothing; completes. */
	SVART_OP_COPY =
		1, /**< dst[0..length) = src[0..length), ranges may overlap as in memmove(). */
	SVART_OP_FILL =
		2, /**< dst[0..length) = pattern, its 8 bytes repeated from dst on, low first. */
};

/** Bits of svart_op.flags. */
enum svart_op_flag {
	/**
	 * Do not wait for pages: at the first byte whose page the device lacks, complete with
	 * SVART_STATUS_PARTIAL.
	 */
	SVART_OP_NO_BLOCK = 1 << 0,
};

/**
 * One operation. Addresses are the program's own pointers; the memory must stay valid until the
 * completion was polled.
 */
struct svart_op {
	uint8_t opcode;      /**< enum svart_opcode. */
	uint8_t flags;       /**< Bits of enum svart_op_flag; others must be 0. */
	uint8_t reserved[6]; /**< Must be 0. */
	uint64_t cookie;     /**< Returned with the completion; the device never sees it. */
	void *dst;           /**< Destination; not for NOOP. */
	union {
		const void *src;  /**< COPY: source. */
		uint64_t pattern; /**< FILL: the pattern. */
	};
	/** Bytes, 0 to svart_device_info.max_transfer_bytes. 0 completes with success. */
	uint64_t length;
};

/** How an operation ended. */
enum svart_status {
	SVART_STATUS_OK = 0, /**< All of it was done. */
	/**
	 * An address is not mapped in the process or may not be accessed so. bytes_done and
	 * fault_addr are valid. Mend the address, then submit what is left.
	 */
	SVART_STATUS_BAD_ADDRESS = 1,
	/**
	 * SVART_OP_NO_BLOCK: the device lacks a page. bytes_done and fault_addr are valid: submit what
	 * is left without the flag, or do it elsewhere.
	 */
	SVART_STATUS_PARTIAL = 2,
	/** The operation is malformed: opcode, flag, length, or not supported by this device. */
	SVART_STATUS_INVALID = 3,
	/** The device reports an error of its own; svart_completion.hw_status has its code. */
	SVART_STATUS_DEVICE_ERROR = 4,
	/** The queue was stopped or reset first. Some bytes may have been written. */
	SVART_STATUS_ABORTED = 5,
	/** The queue has failed; svart_queue_error_get() has the cause. Some bytes may be written. */
	SVART_STATUS_QUEUE_FAILED = 6,
};

/** Bits of svart_completion.flags. */
enum svart_completion_flag {
	SVART_COMPLETION_FAULT_ADDR = 1 << 0,  /**< fault_addr is valid. */
	SVART_COMPLETION_FAULT_WRITE = 1 << 1, /**< The faulting access was a write. */
	/** The device copied backwards (overlap): bytes_done counts from the ranges' ends. */
	SVART_COMPLETION_BACKWARD = 1 << 2,
};

/** The end of one operation. */
struct svart_completion {
	uint64_t cookie;     /**< Of the operation. */
	uint64_t bytes_done; /**< Bytes that were done; the whole length with SVART_STATUS_OK. */
	uint64_t fault_addr; /**< The address that could not be used, if flags say so, else 0. */
	uint8_t status;      /**< enum svart_status. */
	uint8_t flags;       /**< Bits of enum svart_completion_flag. */
	uint8_t hw_status;   /**< The device's own status byte, 0 if it was never asked. */
	uint8_t reserved[5]; /**< 0. */
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

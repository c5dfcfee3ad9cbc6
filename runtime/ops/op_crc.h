/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OP_CRC_H
#define SVART_OP_CRC_H

/**
 * @file
 * CRC32C, in software, by ISA-L: of a range, and while copying. Pure functions on memory. They allocate
 * nothing, keep nothing and cannot fail; they may be called by any thread, and never block. They never read
 * beyond len.
 *
 * The polynomial is 0x11edc6f41 (RFC 3720, 12.1, "CRC32C"). What the flags of Intel DSA's CRC operations
 * mean is defined here by a shift register of 32 bits, whose bit 31 is the highest power of x:
 *
 *   1. The register becomes the seed. Without BYPASS_CRC the seed is inverted, and its bits reversed.
 *   2. For each byte, in order: its bits enter one by one. Without BYPASS_DATA bit 0 is the first; with it,
 *      bit 7. Nothing is added at the end: a length need not be a multiple of 4.
 *   3. The result is the register. Without BYPASS_CRC its bits are reversed, and it is inverted.
 *
 * So without flags and with the seed 0 it is the usual CRC32C, which for "123456789" is 0xe3069283. DSA's own
 * software references (the Data Mover Library's, dsa-perf-micros') compute the same for every combination.
 *
 * In parts: the result of a part is the seed of the next one, whatever the flags.
 */

#include <stddef.h>
#include <stdint.h>

/** Flags; a DSA has them at bits 17 and 18 of a descriptor's flags. */
enum svart_crc_flag {
	SVART_CRC_BYPASS_CRC = 1 << 0,  /**< "Bypass CRC inversion and reflection". */
	SVART_CRC_BYPASS_DATA = 1 << 1, /**< "Bypass data reflection". */
};

/**
 * The CRC32C of a range.
 * @param flags bits of enum svart_crc_flag. @param seed 0, or the result of the part before.
 */
uint32_t svart_op_crc32c(uint32_t seed, const void *src, size_t len, unsigned int flags);

/**
 * Copies, and computes the CRC32C of what it has copied: of the destination, so that they agree even if the
 * source changes meanwhile. dst and src must not overlap. @return as svart_op_crc32c().
 */
uint32_t svart_op_copy_crc32c(
	void *dst, const void *src, size_t len, uint32_t seed, unsigned int flags);

/**
 * The bare register, as most software keeps it: bit 0 is the highest power of x, nothing is inverted, and the
 * lowest bit of each byte enters first. It starts as ~0, and its inverse is the usual CRC32C.
 */
uint32_t svart_op_crc32c_raw(uint32_t reg, const void *src, size_t len);

#endif

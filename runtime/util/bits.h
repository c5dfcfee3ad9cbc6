/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_BITS_H
#define SVART_BITS_H

/**
 * @file
 * Fields of registers and pages of addresses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The page size that IOMMUs and ATS use for a page request (PCIe 6.0, 10.4.1). */
#define SVART_PAGE_SHIFT 12
#define SVART_PAGE_SIZE  (UINT64_C(1) << SVART_PAGE_SHIFT)
#define SVART_PAGE_MASK  (SVART_PAGE_SIZE - 1)

/** A mask of bits lo to hi of a 64-bit word. */
#define SVART_MASK(hi, lo) (((~UINT64_C(0)) >> (63 - (hi))) & ((~UINT64_C(0)) << (lo)))
/** Reads the field that mask covers. */
#define SVART_FIELD_GET(mask, word) (((uint64_t)(word) & (mask)) / ((mask) & ~((mask) << 1)))
/** Places value in the field that mask covers. */
#define SVART_FIELD_PREP(mask, value) (((uint64_t)(value) * ((mask) & ~((mask) << 1))) & (mask))

#define SVART_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline uint64_t svart_page_down(uint64_t addr)
{
	return addr & ~SVART_PAGE_MASK;
}

static inline uint64_t svart_page_up(uint64_t addr)
{
	return (addr + SVART_PAGE_MASK) & ~SVART_PAGE_MASK;
}

static inline bool svart_is_pow2(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

#endif

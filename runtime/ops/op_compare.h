/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OP_COMPARE_H
#define SVART_OP_COMPARE_H

/**
 * @file
 * Comparing, in software: two ranges, or a range with a pattern. Pure functions on memory. They allocate
 * nothing, keep nothing and cannot fail; they may be called by any thread, and never block.
 *
 * In parts: call them for each part, in order, until one returns less than the bytes of its part.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * Compares two ranges. They may overlap: both are only read, at any alignment, and never beyond len.
 * @return the offset of the first byte that differs, or len: none does.
 */
size_t svart_op_compare(const void *a, const void *b, size_t len);

/**
 * Compares a range with a pattern of 8 bytes, low byte first, repeated as svart_op_fill() writes it.
 * @param phase the bytes of the pattern that are before this part: what was compared before it.
 * @return the offset, in this part, of the first byte that differs, or len: none does.
 */
size_t svart_op_compare_pattern(const void *src, size_t len, uint64_t pattern, uint64_t phase);

#endif

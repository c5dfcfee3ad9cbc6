/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OPS_H
#define SVART_OPS_H

/**
 * @file
 * What every operation means, in software: the one reference that device models, tests and
 * fallbacks share. They are pure functions on memory, without allocation and without state.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Whether a copy of overlapping ranges must run from the end, so that every byte is read before it is
 * overwritten: dst is inside (src, src + len).
 */
bool svart_op_copy_is_backward(uint64_t dst, uint64_t src, uint64_t len);

/** dst[0..len) = src[0..len), as memmove(). */
void svart_op_copy(void *dst, const void *src, size_t len);

/**
 * Does a part of a fill: dst[0..len) gets the 8-byte pattern (low byte first) from byte `phase` of the
 * whole operation on; phase is the number of bytes already done.
 */
void svart_op_fill(void *dst, size_t len, uint64_t pattern, uint64_t phase);

/** As svart_op_fill() with a pattern of 16 bytes, of which pattern_lo comes first. */
void svart_op_fill16(
	void *dst, size_t len, uint64_t pattern_lo, uint64_t pattern_hi, uint64_t phase);

#endif

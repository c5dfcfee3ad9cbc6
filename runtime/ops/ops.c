/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <endian.h>

#include "ops.h"
#include "own_copy.h"

bool svart_op_copy_is_backward(uint64_t dst, uint64_t src, uint64_t len)
{
	/* The numbers are unsigned: if dst is below src, the difference wraps around to a large one. */
	return dst != src && dst - src < len;
}

void svart_op_copy(void *dst, const void *src, size_t len)
{
	svart_own_copy(dst, src, len);
}

void svart_op_fill(void *dst, size_t len, uint64_t pattern, uint64_t phase)
{
	svart_op_fill16(dst, len, pattern, pattern, phase);
}

void svart_op_fill16(
	void *dst, size_t len, uint64_t pattern_lo, uint64_t pattern_hi, uint64_t phase)
{
	const uint64_t lo = htole64(pattern_lo), hi = htole64(pattern_hi);
	/* The 16 bytes from any of the bytes 0 to 15 on are the pattern, rotated. */
	const uint64_t twice[4] = { lo, hi, lo, hi };
	const svart_any_word *at = (const void *)((const uint8_t *)twice + phase % 16);
	const uint64_t turned[2] = { at[0], at[1] };
	svart_any_word *to = dst;
	size_t i;

	for (i = 0; i + sizeof(turned) <= len; i += sizeof(turned)) {
		*to++ = turned[0];
		*to++ = turned[1];
	}
	svart_own_copy(to, turned, len - i);
}

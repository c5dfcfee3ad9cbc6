/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <endian.h>
#include <string.h>

#include "ops.h"

bool svart_op_copy_is_backward(uint64_t dst, uint64_t src, uint64_t len)
{
	/* Unsigned: what wraps around is far away, not inside. */
	return dst != src && dst - src < len;
}

void svart_op_copy(void *dst, const void *src, size_t len)
{
	memmove(dst, src, len);
}

void svart_op_fill(void *dst, size_t len, uint64_t pattern, uint64_t phase)
{
	svart_op_fill16(dst, len, pattern, pattern, phase);
}

void svart_op_fill16(
	void *dst, size_t len, uint64_t pattern_lo, uint64_t pattern_hi, uint64_t phase)
{
	const uint64_t words[2] = { htole64(pattern_lo), htole64(pattern_hi) };
	unsigned char twice[32]; /* Any 16 bytes of it from 0 to 16 are the pattern, turned. */
	unsigned char *to = dst;
	uint64_t turned[2];
	size_t i;

	memcpy(twice, words, sizeof(words));
	memcpy(twice + sizeof(words), words, sizeof(words));
	memcpy(turned, twice + phase % sizeof(words), sizeof(turned));

	/* A memcpy() of constant size is one store of any alignment. */
	for (i = 0; i + sizeof(turned) <= len; i += sizeof(turned)) {
		memcpy(to + i, &turned[0], sizeof(turned[0]));
		memcpy(to + i + sizeof(turned[0]), &turned[1], sizeof(turned[1]));
	}
	if (i < len)
		memcpy(to + i, turned, len - i);
}

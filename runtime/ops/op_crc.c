/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <isa-l/crc.h>

#include "op_crc.h"
#include "op_isal.h"
#include "own_copy.h"

/* crc32_iscsi() takes an int: so much at once. */
#define MOST_BYTES ((size_t)1 << 30)
/* What is copied is read again while it is in the first cache. */
#define COPY_BYTES ((size_t)4096)
/* Of bytes whose bits are reversed, on the stack. */
#define BOUNCE_BYTES ((size_t)512)

/* Reverses the bits of each byte. */
static uint64_t bytes_reflect(uint64_t word)
{
	word = (word & UINT64_C(0x5555555555555555)) << 1 |
	       (word >> 1 & UINT64_C(0x5555555555555555));
	word = (word & UINT64_C(0x3333333333333333)) << 2 |
	       (word >> 2 & UINT64_C(0x3333333333333333));
	return (word & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4 |
	       (word >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f));
}

static uint32_t reflect(uint32_t value)
{
	return (uint32_t)bytes_reflect(__builtin_bswap32(value));
}

uint32_t svart_op_crc32c_raw(uint32_t reg, const void *src, size_t len)
{
	unsigned char *from = (unsigned char *)(uintptr_t)src; /* ISA-L does not write to it. */

	for (; len > MOST_BYTES; len -= MOST_BYTES, from += MOST_BYTES)
		reg = crc32_iscsi(from, (int)MOST_BYTES, reg);
	reg = crc32_iscsi(from, (int)len, reg);
	svart_isal_done();
	return reg;
}

static void bounce_reflected(uint8_t *to, const uint8_t *from, size_t len)
{
	size_t i;

	for (i = 0; len - i >= sizeof(uint64_t); i += sizeof(uint64_t))
		*(svart_any_word *)(void *)(to + i) =
			bytes_reflect(*(const svart_any_word *)(const void *)(from + i));
	for (; i < len; i++)
		to[i] = (uint8_t)bytes_reflect(from[i]);
}

/* The register in the order of svart_op_crc32c_raw(), over bytes of which bit 7 enters first. */
static uint32_t raw_reflected(uint32_t reg, const uint8_t *src, size_t len)
{
	uint8_t bounce[BOUNCE_BYTES];

	while (len > 0) {
		size_t part = len < sizeof(bounce) ? len : sizeof(bounce);

		bounce_reflected(bounce, src, part);
		reg = svart_op_crc32c_raw(reg, bounce, part);
		src += part;
		len -= part;
	}
	return reg;
}

/*
 * From a seed to the register in the order of svart_op_crc32c_raw(), and from there to a result: that order is
 * the one of the definition, reversed, so that only what bypasses has to be reversed here.
 */
static uint32_t convert(uint32_t value, unsigned int flags)
{
	return (flags & SVART_CRC_BYPASS_CRC) != 0 ? reflect(value) : ~value;
}

static uint32_t raw_by_flags(uint32_t reg, const void *src, size_t len, unsigned int flags)
{
	if ((flags & SVART_CRC_BYPASS_DATA) != 0)
		return raw_reflected(reg, src, len);
	return svart_op_crc32c_raw(reg, src, len);
}

uint32_t svart_op_crc32c(uint32_t seed, const void *src, size_t len, unsigned int flags)
{
	return convert(raw_by_flags(convert(seed, flags), src, len, flags), flags);
}

uint32_t svart_op_copy_crc32c(
	void *dst, const void *src, size_t len, uint32_t seed, unsigned int flags)
{
	uint32_t reg = convert(seed, flags);
	const uint8_t *from = src;
	uint8_t *to = dst;

	while (len > 0) {
		size_t part = len < COPY_BYTES ? len : COPY_BYTES;

		svart_own_copy(to, from, part);
		reg = raw_by_flags(reg, to, part, flags);
		from += part;
		to += part;
		len -= part;
	}
	return convert(reg, flags);
}

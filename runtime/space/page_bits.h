/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PAGE_BITS_H
#define SVART_PAGE_BITS_H

/**
 * @file
 * One bit for each page of a chunk. Ranges are [first, end) in pages of the chunk.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bits.h"
#include "space.h"

#define SVART_CHUNK_PAGES ((unsigned int)(SVART_CHUNK_SIZE / SVART_PAGE_SIZE))
#define SVART_CHUNK_WORDS (SVART_CHUNK_PAGES / 64)

/** A set of pages of one chunk. Owner, lifetime and locks: those of what holds it. */
struct svart_page_bits {
	uint64_t word[SVART_CHUNK_WORDS];
};

/** The bits of word `i` that [first, end) covers. */
static inline uint64_t svart_page_bits_mask(unsigned int i, unsigned int first, unsigned int end)
{
	unsigned int low = i * 64, high = low + 64;
	uint64_t mask = ~UINT64_C(0);

	if (end <= low || first >= high || first >= end)
		return 0;
	if (first > low)
		mask &= ~UINT64_C(0) << (first - low);
	if (end < high)
		mask &= ~UINT64_C(0) >> (high - end);
	return mask;
}

static inline bool svart_page_bits_test(const struct svart_page_bits *b, unsigned int page)
{
	return (b->word[page / 64] >> (page % 64)) & 1;
}

static inline void svart_page_bits_set(
	struct svart_page_bits *b, unsigned int first, unsigned int end)
{
	unsigned int i;

	for (i = first / 64; i < SVART_CHUNK_WORDS && i * 64 < end; i++)
		b->word[i] |= svart_page_bits_mask(i, first, end);
}

static inline void svart_page_bits_clear(
	struct svart_page_bits *b, unsigned int first, unsigned int end)
{
	unsigned int i;

	for (i = first / 64; i < SVART_CHUNK_WORDS && i * 64 < end; i++)
		b->word[i] &= ~svart_page_bits_mask(i, first, end);
}

static inline struct svart_page_bits svart_page_bits_range(unsigned int first, unsigned int end)
{
	struct svart_page_bits b = { { 0 } };

	svart_page_bits_set(&b, first, end);
	return b;
}

static inline bool svart_page_bits_empty(const struct svart_page_bits *b)
{
	uint64_t any = 0;
	unsigned int i;

	for (i = 0; i < SVART_CHUNK_WORDS; i++)
		any |= b->word[i];
	return any == 0;
}

static inline unsigned int svart_page_bits_count(const struct svart_page_bits *b)
{
	unsigned int i, n = 0;

	for (i = 0; i < SVART_CHUNK_WORDS; i++)
		n += (unsigned int)__builtin_popcountll(b->word[i]);
	return n;
}

static inline struct svart_page_bits svart_page_bits_and(
	const struct svart_page_bits *a, const struct svart_page_bits *b)
{
	struct svart_page_bits out;
	unsigned int i;

	for (i = 0; i < SVART_CHUNK_WORDS; i++)
		out.word[i] = a->word[i] & b->word[i];
	return out;
}

static inline struct svart_page_bits svart_page_bits_or(
	const struct svart_page_bits *a, const struct svart_page_bits *b)
{
	struct svart_page_bits out;
	unsigned int i;

	for (i = 0; i < SVART_CHUNK_WORDS; i++)
		out.word[i] = a->word[i] | b->word[i];
	return out;
}

static inline struct svart_page_bits svart_page_bits_and_not(
	const struct svart_page_bits *a, const struct svart_page_bits *b)
{
	struct svart_page_bits out;
	unsigned int i;

	for (i = 0; i < SVART_CHUNK_WORDS; i++)
		out.word[i] = a->word[i] & ~b->word[i];
	return out;
}

/** @return the first page of [from, end) that is in b, or end. */
static inline unsigned int svart_page_bits_next(
	const struct svart_page_bits *b, unsigned int from, unsigned int end)
{
	uint64_t w;
	unsigned int i;

	for (i = from / 64; i < SVART_CHUNK_WORDS && i * 64 < end; i++) {
		w = b->word[i] & svart_page_bits_mask(i, from, end);
		if (w != 0)
			return i * 64 + (unsigned int)__builtin_ctzll(w);
	}
	return end;
}

/** @return the first page of [from, end) that is not in b, or end. */
static inline unsigned int svart_page_bits_next_clear(
	const struct svart_page_bits *b, unsigned int from, unsigned int end)
{
	uint64_t w;
	unsigned int i;

	for (i = from / 64; i < SVART_CHUNK_WORDS && i * 64 < end; i++) {
		w = ~b->word[i] & svart_page_bits_mask(i, from, end);
		if (w != 0)
			return i * 64 + (unsigned int)__builtin_ctzll(w);
	}
	return end;
}

/** @return one past the last page of [low, end) that is in b, or low if none is. */
static inline unsigned int svart_page_bits_last_end(
	const struct svart_page_bits *b, unsigned int low, unsigned int end)
{
	uint64_t w;
	unsigned int i;

	if (low >= end)
		return low;
	for (i = (end - 1) / 64 + 1; i-- > low / 64;) {
		w = b->word[i] & svart_page_bits_mask(i, low, end);
		if (w != 0)
			return i * 64 + 64 - (unsigned int)__builtin_clzll(w);
	}
	return low;
}

#endif

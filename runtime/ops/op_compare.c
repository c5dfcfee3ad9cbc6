/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <endian.h>

#include "op_compare.h"
#include "own_copy.h"

#define WORD_BYTES  sizeof(svart_any_word)
#define BLOCK_WORDS 8 /* A cache line of 64 bytes: one branch for each. */

/* The first byte that is not 0, of a word as it was read from memory. */
static size_t first_byte(uint64_t differences)
{
	return (size_t)__builtin_ctzll(le64toh(differences)) / 8;
}

/* The bytes of whole blocks that are equal. */
static size_t equal_blocks(const svart_any_word *a, const svart_any_word *b, size_t len)
{
	size_t blocks = len / (BLOCK_WORDS * WORD_BYTES), i;

	for (i = 0; i < blocks; i++) {
		uint64_t differences = 0;

		for (unsigned int word = 0; word < BLOCK_WORDS; word++)
			differences |= a[i * BLOCK_WORDS + word] ^ b[i * BLOCK_WORDS + word];
		if (differences != 0)
			break;
	}
	return i * BLOCK_WORDS * WORD_BYTES;
}

size_t svart_op_compare(const void *a, const void *b, size_t len)
{
	const uint8_t *one = a, *other = b;
	size_t at = equal_blocks(a, b, len);

	for (; len - at >= WORD_BYTES; at += WORD_BYTES) {
		const svart_any_word *x = (const void *)(one + at);
		const svart_any_word *y = (const void *)(other + at);

		if (*x != *y)
			return at + first_byte(*x ^ *y);
	}
	while (at < len && one[at] == other[at])
		at++;
	return at;
}

/* The bytes of whole words that are equal to `word`, or all that are before the first that differs. */
static size_t equal_words(const svart_any_word *src, size_t words, uint64_t word)
{
	size_t i = 0;

	while (i < words && src[i] == word)
		i++;
	return i * WORD_BYTES + (i < words ? first_byte(src[i] ^ word) : 0);
}

size_t svart_op_compare_pattern(const void *src, size_t len, uint64_t pattern, uint64_t phase)
{
	const uint8_t *bytes = src;
	const uint64_t word = htole64(pattern);
	/* The 8 bytes from any of the bytes 0 to 7 on are the pattern, rotated. */
	const uint64_t twice[2] = { word, word };
	const uint8_t *turned = (const uint8_t *)twice + phase % WORD_BYTES;
	size_t whole = len - len % WORD_BYTES;
	size_t at =
		equal_words(src, whole / WORD_BYTES, *(const svart_any_word *)(const void *)turned);

	if (at < whole)
		return at;
	while (at < len && bytes[at] == turned[at - whole])
		at++;
	return at;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OWN_COPY_H
#define SVART_OWN_COPY_H

/**
 * @file
 * Copying without memcpy() and memmove(). A program, or a library preloaded into it, can replace these two
 * by its own, which hand a copy to a device and wait for it. That wait needs svart's threads, so code on
 * these threads must not call the two functions, whatever the length.
 */

#include <stddef.h>
#include <stdint.h>

/** A word of anything, at any address. */
typedef uint64_t svart_any_word __attribute__((may_alias, aligned(1)));

/** Keeps the compiler from putting a call of memcpy() or memmove() in a loop's place. */
#define SVART_OWN_COPY_OPAQUE() __asm__ volatile("" ::: "memory")

/*
 * It is not inline: else the compiler, which cannot see through SVART_OWN_COPY_OPAQUE(), warns of accesses that
 * a short copy never makes.
 */
static __attribute__((noinline, unused)) void svart_own_copy_up(
	uint8_t *dst, const uint8_t *src, size_t len)
{
	const svart_any_word *from;
	svart_any_word *to;
	uint64_t word[4];

	for (; len >= sizeof(word); len -= sizeof(word)) {
		from = (const svart_any_word *)(const void *)src;
		to = (svart_any_word *)(void *)dst;
		word[0] = from[0];
		word[1] = from[1];
		word[2] = from[2];
		word[3] = from[3];
		to[0] = word[0];
		to[1] = word[1];
		to[2] = word[2];
		to[3] = word[3];
		src += sizeof(word);
		dst += sizeof(word);
		SVART_OWN_COPY_OPAQUE();
	}
	for (; len > 0; len--) {
		*dst++ = *src++;
		SVART_OWN_COPY_OPAQUE();
	}
}

/** Copies from the end on. */
static __attribute__((noinline, unused)) void svart_own_copy_down(
	uint8_t *dst, const uint8_t *src, size_t len)
{
	const svart_any_word *from;
	svart_any_word *to;
	uint64_t word[4];

	for (; len >= sizeof(word); len -= sizeof(word)) {
		from = (const svart_any_word *)(const void *)(src + len - sizeof(word));
		to = (svart_any_word *)(void *)(dst + len - sizeof(word));
		word[0] = from[0];
		word[1] = from[1];
		word[2] = from[2];
		word[3] = from[3];
		to[0] = word[0];
		to[1] = word[1];
		to[2] = word[2];
		to[3] = word[3];
		SVART_OWN_COPY_OPAQUE();
	}
	for (; len > 0; len--) {
		dst[len - 1] = src[len - 1];
		SVART_OWN_COPY_OPAQUE();
	}
}

/** Does what memmove() does. @thread any. @blocks never. */
static inline void svart_own_copy(void *dst, const void *src, size_t len)
{
	/* The numbers are unsigned: if dst is below src, the difference wraps around to a large one. */
	if ((uintptr_t)dst - (uintptr_t)src >= len)
		svart_own_copy_up(dst, src, len);
	else
		svart_own_copy_down(dst, src, len);
}

#endif

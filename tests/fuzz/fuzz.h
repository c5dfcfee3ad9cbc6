/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FUZZ_H
#define SVART_FUZZ_H

/**
 * @file
 * What fuzz targets share. A target is one function, fuzz_one(), which reads an input to its end and
 * checks what it knows; FUZZ_CHECK() ends the program where that does not hold. Each target is linked
 * twice: with libFuzzer, and with replay.c, which runs files.
 */

#include <stddef.h>
#include <stdint.h>

/** An input. Owner: the target. Lifetime: one fuzz_one(). Locks: none. */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

/** Little endian numbers of an input; what is missing at its end is 0. */
uint8_t fuzz_u8(struct fuzz_input *in);
uint16_t fuzz_u16(struct fuzz_input *in);
uint32_t fuzz_u32(struct fuzz_input *in);
uint64_t fuzz_u64(struct fuzz_input *in);
/** Copies nr bytes; zeroes stand for what is missing. */
void fuzz_bytes(struct fuzz_input *in, void *out, size_t nr);

/** Runs one input from a clean state to a clean state. */
void fuzz_one(struct fuzz_input *in);

/** What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Says which condition does not hold, with numbers, and aborts. */
_Noreturn void fuzz_fail(const char *file, int line, const char *condition, uint64_t a, uint64_t b);

/**
 * Keeps a function of a target's own book-keeping out of libFuzzer's sight: its loops are no behaviour of
 * svart's, and inputs that differ in them alone would fill the corpus.
 */
#if defined(__clang__)
#define FUZZ_UNSEEN __attribute__((no_sanitize("coverage")))
#else
#define FUZZ_UNSEEN
#endif

/** @param a,b numbers to tell. */
#define FUZZ_CHECK(condition, a, b)                                                              \
	do {                                                                                     \
		if (!(condition))                                                                \
			fuzz_fail(__FILE__, __LINE__, #condition, (uint64_t)(a), (uint64_t)(b)); \
	} while (0)

#endif

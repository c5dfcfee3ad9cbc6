/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef TEST_OPS_RANDOM_H
#define TEST_OPS_RANDOM_H

/** @file Random numbers for the tests of operations. After cmocka.h. */

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/** xorshift64*: the same numbers from the same seed everywhere. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/** SVART_SEED, or the time; printed. */
static inline uint64_t seed_from_env(void)
{
	const char *text = getenv("SVART_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	print_message("SVART_SEED=%llu\n", (unsigned long long)seed);
	return seed | UINT64_C(1) << 63;
}

static inline void random_bytes(uint64_t *state, void *buf, size_t len)
{
	unsigned char *bytes = buf;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(next_random(state) >> 56);
}

/** From 0 to most. */
static inline size_t random_upto(uint64_t *state, size_t most)
{
	return (size_t)((next_random(state) >> 16) % (most + 1));
}

#endif

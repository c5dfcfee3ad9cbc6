/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_RANDOM_H
#define SVART_PERF_RANDOM_H

/**
 * @file
 * Random numbers that a seed repeats.
 */

#include <stdint.h>

/**
 * Draws a number, by SplitMix64.
 * @param state the seed at first; any number will do. @return the next of 64 bits.
 */
static inline uint64_t svart_perf_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_RANDOM_H
#define SVART_SIM_RANDOM_H

/**
 * @file
 * The one source of chance: everything that a run does follows from its seed.
 */

#include <stdbool.h>
#include <stdint.h>

/** Owner: who draws from it. Lifetime: a run. Locks: none. */
struct sim_random {
	uint64_t state;
};

/** 64 bits: SplitMix64 (Steele, Lea, Flood, 2014), which takes any seed. */
static inline uint64_t sim_random(struct sim_random *r)
{
	uint64_t x = r->state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/** A number below limit, which is not 0. */
static inline uint32_t sim_below(struct sim_random *r, uint32_t limit)
{
	return (uint32_t)((sim_random(r) >> 32) * limit >> 32);
}

/** A number from low to high, both possible. */
static inline uint32_t sim_between(struct sim_random *r, uint32_t low, uint32_t high)
{
	return low + sim_below(r, high - low + 1);
}

/** Whether something happens that does so in permille of 1000 cases. */
static inline bool sim_chance(struct sim_random *r, uint32_t permille)
{
	return sim_below(r, 1000) < permille;
}

#endif

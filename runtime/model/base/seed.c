/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "seed.h"

void svart_seed_init(struct svart_seed *seed, uint64_t value)
{
	pthread_mutex_init(&seed->lock, NULL);
	seed->state = value;
}

void svart_seed_fini(struct svart_seed *seed)
{
	pthread_mutex_destroy(&seed->lock);
}

uint64_t svart_seed_draw(struct svart_seed *seed, uint64_t limit)
{
	uint64_t x;

	/* SplitMix64 (Steele, Lea, Flood, 2014): any seed will do, 0 too. */
	pthread_mutex_lock(&seed->lock);
	seed->state += UINT64_C(0x9e3779b97f4a7c15);
	x = seed->state;
	pthread_mutex_unlock(&seed->lock);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (x ^ (x >> 31)) % limit;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_SEED_H
#define SVART_MODEL_SEED_H

/**
 * @file
 * Numbers that look random and follow from a seed, so that a run can be repeated.
 */

#include <pthread.h>
#include <stdint.h>

/** A sequence of numbers. Owner: the structure that embeds it. Locks: lock, a leaf. */
struct svart_seed {
	pthread_mutex_t lock;
	uint64_t state;
};

void svart_seed_init(struct svart_seed *seed, uint64_t value);
void svart_seed_fini(struct svart_seed *seed);
/** @return the next number, below limit. Any thread, any lock. */
uint64_t svart_seed_draw(struct svart_seed *seed, uint64_t limit);

#endif

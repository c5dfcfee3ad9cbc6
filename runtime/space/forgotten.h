/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FORGOTTEN_H
#define SVART_FORGOTTEN_H

/**
 * @file
 * What was forgotten lately. Between a forget and the munmap() after it the memory is still there, and a
 * fault beside it would map it again as part of a window: the device would keep the old pages. So windows
 * leave out what was forgotten until a device asks for it by name, which by the rule of the coherence
 * contract happens only when it is memory to be used again.
 *
 * The last SVART_NR_FORGOTTEN ranges are remembered: more threads than that would have to be between
 * their forget and their munmap() at once.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SVART_NR_FORGOTTEN 64

/** Bytes [first, last], whole pages; first > last: empty. */
struct svart_forgotten_range {
	uint64_t first, last;
};

/**
 * The ranges of one space.
 *
 * Owner: the space. Lifetime: the space's. Locks: lock, a leaf; used may be read without it.
 */
struct svart_forgotten {
	pthread_mutex_t lock;
	atomic_uint used;  /**< Places in use; 0: nobody need look. */
	unsigned int hand; /**< The place that the next range takes. */
	struct svart_forgotten_range ranges[SVART_NR_FORGOTTEN];
};

void svart_forgotten_init(struct svart_forgotten *f);
void svart_forgotten_fini(struct svart_forgotten *f);

/** A range is being forgotten: called while its barriers stand. @thread any. @blocks never. */
void svart_forgotten_add(struct svart_forgotten *f, uint64_t first, uint64_t last);

/** A device asks for the page at addr: ranges that it is in are remembered no longer. @thread any. */
void svart_forgotten_name(struct svart_forgotten *f, uint64_t addr);

/** Finds a range that overlaps [first, last]. @param range out. @thread any. */
bool svart_forgotten_find(struct svart_forgotten *f, uint64_t first, uint64_t last,
	struct svart_forgotten_range *range);

#endif

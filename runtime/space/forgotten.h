/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FORGOTTEN_H
#define SVART_FORGOTTEN_H

/**
 * @file
 * The pages that svart_space_forget() took and that no device has named since. Between a forget and the
 * munmap() after it the memory is still there, and a fault beside it would map it again as part of a window:
 * the device would keep the old pages. So windows leave these pages out. When a device asks for a page by
 * name, only that page leaves the table: by the rule of the coherence contract it is memory to be used again.
 *
 * The table has room for SVART_NR_FORGOTTEN ranges that lie apart. When it is full, the two ranges that
 * are nearest to each other become one, with what is between them. So no range is ever dropped, and the pages
 * between them are only left out of windows until they are named.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SVART_NR_FORGOTTEN 256u

/** Bytes [first, last], whole pages. */
struct svart_forgotten_range {
	uint64_t first, last;
};

/**
 * The ranges of one space.
 *
 * Owner: the space. Lifetime: the space's. Locks: lock, a leaf; nr may be read without it.
 */
struct svart_forgotten {
	pthread_mutex_t lock;
	atomic_uint nr; /**< Ranges; if 0, no thread needs to look. */
	/**
	 * In rising order, with at least a page between two. The last place is used only while one is added.
	 */
	struct svart_forgotten_range ranges[SVART_NR_FORGOTTEN + 1];
};

void svart_forgotten_init(struct svart_forgotten *f);
void svart_forgotten_fini(struct svart_forgotten *f);

/**
 * Adds a range that is being forgotten. To be called while its barriers stand. @thread any. @blocks never.
 */
void svart_forgotten_add(struct svart_forgotten *f, uint64_t first, uint64_t last);

/** Takes the pages [first, last] out of the table, because a device asks for them. @thread any. */
void svart_forgotten_name(struct svart_forgotten *f, uint64_t first, uint64_t last);

/** Finds a range that overlaps [first, last]. @param range out. @thread any. */
bool svart_forgotten_find(struct svart_forgotten *f, uint64_t first, uint64_t last,
	struct svart_forgotten_range *range);

#endif

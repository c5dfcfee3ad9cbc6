/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_REFUSED_H
#define SVART_REFUSED_H

/**
 * @file
 * Pages that were refused for want of memory. A page request is answered INVALID then, as for an address
 * that is not mapped, because there is no other answer. So a driver whose record says "bad address" asks here
 * which of the two it was. The table is small: a new entry takes the place of the oldest. Drivers look at it
 * only after such a record.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SVART_NR_REFUSED 64u

/** The pages of one space. Owner: the space. Lifetime: the space's. Locks: lock, a leaf. */
struct svart_refused {
	pthread_mutex_t lock;
	_Atomic uint32_t nr; /**< Entries in use; if 0, no thread needs to look. */
	uint32_t hand;
	uint64_t pages[SVART_NR_REFUSED];
};

void svart_refused_init(struct svart_refused *r);
void svart_refused_fini(struct svart_refused *r);
/** Notes a page. @thread any. */
void svart_refused_add(struct svart_refused *r, uint64_t page);
/** Takes a page out. @return whether it was there. @thread any. */
bool svart_refused_remove(struct svart_refused *r, uint64_t page);

#endif

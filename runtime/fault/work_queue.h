/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_WORK_QUEUE_H
#define SVART_WORK_QUEUE_H

/**
 * @file
 * Numbers from one thread to many, first in, first out, each to one of them.
 *
 * Lock-free: a taker that is preempted stops nobody. In a DPDK ring the others would wait for it,
 * whichever way of many consumers the ring has, and with them other devices' page requests.
 */

#include <stdint.h>

/**
 * One queue.
 *
 * Owner: who creates it. Lifetime: create to destroy. Locks: none.
 */
struct svart_work_queue;

/**
 * @param nr_max numbers that are ever put and not yet given back to the one who puts (taken and done
 *               with) at the same time; a power of two up to 2^30. @return 0 or -ENOMEM.
 */
int svart_work_queue_create(uint32_t nr_max, struct svart_work_queue **out);
void svart_work_queue_destroy(struct svart_work_queue *q);

/** Puts nr numbers, for which there is room (see create). @thread the one that puts. @blocks never. */
void svart_work_queue_put(struct svart_work_queue *q, const uint32_t *work, uint32_t nr);
/**
 * Takes one of `shares` equal shares of what waits, rounded up, but nr at most.
 * @return how many; 0: nothing waits. @thread any. @blocks never.
 */
uint32_t svart_work_queue_take(
	struct svart_work_queue *q, uint32_t *work, uint32_t nr, uint32_t shares);
/** How many wait. @thread any; a snapshot. */
uint32_t svart_work_queue_waiting(const struct svart_work_queue *q);

#endif

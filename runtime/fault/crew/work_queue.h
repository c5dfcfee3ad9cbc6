/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_WORK_QUEUE_H
#define SVART_WORK_QUEUE_H

/**
 * @file
 * A queue of numbers from one thread to many, first in, first out. Each number goes to one of them.
 *
 * It is lock-free: a taker that is preempted stops no other thread. With a DPDK ring the other takers would
 * wait for it, in every mode of many consumers, and so would the page requests of other devices.
 */

#include <stdint.h>

/**
 * One queue.
 *
 * Owner: its creator. Lifetime: create to destroy. Locks: none.
 */
struct svart_work_queue;

/**
 * @param nr_max the most numbers at one time that were put and not yet given back to the thread that puts
 *               (taken and done with); a power of two up to 2^30. @return 0 or -ENOMEM.
 */
int svart_work_queue_create(uint32_t nr_max, struct svart_work_queue **out);
void svart_work_queue_destroy(struct svart_work_queue *q);

/** Puts nr numbers, for which there is room (see create). @thread the one that puts. @blocks never. */
void svart_work_queue_put(struct svart_work_queue *q, const uint32_t *work, uint32_t nr);
/**
 * Takes one of `shares` equal shares of the numbers that wait, rounded up, but nr at most.
 * @return how many; 0: nothing waits. @thread any. @blocks never.
 */
uint32_t svart_work_queue_take(
	struct svart_work_queue *q, uint32_t *work, uint32_t nr, uint32_t shares);
/** How many numbers wait. @thread any; the number may change at once. */
uint32_t svart_work_queue_waiting(const struct svart_work_queue *q);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "work_queue.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CACHE_LINE 64

/*
 * Both counters only grow; the numbers that wait are in the slots [head, tail). A taker copies slots first
 * and makes them its own by moving head; if another taker was faster, it discards what it copied.
 *
 * There are twice as many slots as numbers, so a slot is used again only after its number was taken and given
 * back: head has then moved past it, and no taker can still get it.
 */
struct svart_work_queue {
	alignas(CACHE_LINE) _Atomic uint64_t tail; /**< Written by the thread that puts. */
	uint32_t mask;
	alignas(CACHE_LINE) _Atomic uint64_t head; /**< Written by takers. */
	alignas(CACHE_LINE) _Atomic uint32_t slots[];
};

int svart_work_queue_create(uint32_t nr_max, struct svart_work_queue **out)
{
	uint32_t nr_slots = 2 * nr_max, i;
	size_t bytes = sizeof(struct svart_work_queue) + nr_slots * sizeof(uint32_t);
	struct svart_work_queue *q;

	q = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
	if (q == NULL)
		return -ENOMEM;
	atomic_init(&q->tail, 0);
	atomic_init(&q->head, 0);
	q->mask = nr_slots - 1;
	for (i = 0; i < nr_slots; i++)
		atomic_init(&q->slots[i], 0);
	*out = q;
	return 0;
}

void svart_work_queue_destroy(struct svart_work_queue *q)
{
	free(q);
}

void svart_work_queue_put(struct svart_work_queue *q, const uint32_t *work, uint32_t nr)
{
	uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	uint32_t i;

	for (i = 0; i < nr; i++)
		atomic_store_explicit(
			&q->slots[(tail + i) & q->mask], work[i], memory_order_relaxed);
	/* Orders the slots, and what the numbers stand for, before tail; pairs with the load of takers. */
	atomic_store_explicit(&q->tail, tail + nr, memory_order_release);
}

uint32_t svart_work_queue_take(
	struct svart_work_queue *q, uint32_t *work, uint32_t nr, uint32_t shares)
{
	uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed), waiting;
	uint32_t n, i;

	do {
		waiting = atomic_load_explicit(&q->tail, memory_order_acquire) - head;
		n = waiting < (uint64_t)nr * shares ? (uint32_t)((waiting + shares - 1) / shares)
						    : nr;
		for (i = 0; i < n; i++)
			work[i] = atomic_load_explicit(
				&q->slots[(head + i) & q->mask], memory_order_relaxed);
		/* The release orders the loads of the slots before it. */
	} while (n != 0 && !atomic_compare_exchange_weak_explicit(&q->head, &head, head + n,
				   memory_order_acq_rel, memory_order_relaxed));
	return n;
}

uint32_t svart_work_queue_waiting(const struct svart_work_queue *q)
{
	/* Head is read first: it never passes a tail that is read after it. */
	uint64_t head = atomic_load(&q->head);

	return (uint32_t)(atomic_load(&q->tail) - head);
}

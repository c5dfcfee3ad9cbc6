/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_QUEUE_INLINE_H
#define SVART_QUEUE_INLINE_H

/**
 * @file
 * The head of a queue, which the inline calls of queue.h go through. Programs must not touch it.
 */

#include <stdint.h>

#include <svart/op.h>

#ifdef __cplusplus
extern "C" {
#endif

struct svart_queue;

/**
 * First cache line of every queue.
 *
 * Owner: the queue's thread. Lifetime: the queue's. Locks: none. While the queue runs the functions are the
 * driver's; otherwise they are stubs that do nothing and return 0.
 */
struct svart_queue {
	/** @private */
	uint16_t (*prep)(struct svart_queue *q, const struct svart_op *ops, uint16_t nr);
	/** @private */
	uint16_t (*submit)(struct svart_queue *q);
	/** @private */
	uint16_t (*poll)(struct svart_queue *q, struct svart_completion *done, uint16_t nr);
	/** @private The driver's own data. */
	void *priv;
} __attribute__((aligned(64)));

#ifdef __cplusplus
}
#endif

#endif

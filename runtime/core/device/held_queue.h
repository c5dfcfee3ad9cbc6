/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_HELD_QUEUE_H
#define SVART_HELD_QUEUE_H

/**
 * @file
 * Map-on-submit: it gives the queues of devices without page requests the same programming model.
 *
 * It sits between the program and the driver. prep maps and holds an operation's operands (hold.h)
 * before the driver sees it, poll releases them when the driver has completed it.
 *
 * - If an operand cannot be mapped, the bytes before it are done as an operation of its own, and the
 *   completion says BAD_ADDRESS with the bytes done. A copy that would have to run backwards (overlap) is
 *   not begun: 0 bytes.
 * - With SVART_OP_NO_BLOCK nothing is mapped: the operation ends before the first page that is not
 *   mapped yet, with PARTIAL.
 * - When holds have used up what may be held, prep takes fewer operations: poll, then go on. It never takes
 *   fewer while nothing is held and no thread is mapping or forgetting: then a page that cannot be held is
 *   BAD_ADDRESS, or NO_MEMORY.
 * - An operation larger than svart_max_transfer() is INVALID, and so is one that the device does
 *   not have. The driver sees neither these nor copies, fills and noops that move no byte.
 */

#include <svart_pmd.h>

#include "space.h"

struct svart_held_queue;

/**
 * Puts itself in front of a queue that the driver has just started.
 * @param space the space that the device sees; svart_space_enable_holds() was called for it.
 * @return 0 or -ENOMEM, told. @thread control.
 */
int svart_held_queue_create(
	struct svart_pmd_queue *q, struct svart_space *space, struct svart_held_queue **out);
/** Releases what is still held. The driver has stopped the queue. @thread the queue's owner. */
void svart_held_queue_destroy(struct svart_held_queue *h);

/** Counts the operations that are prepared and not polled. @thread the queue's owner. */
uint32_t svart_held_queue_in_flight(const struct svart_held_queue *h);

#endif

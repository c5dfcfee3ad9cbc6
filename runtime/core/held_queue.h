/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_HELD_QUEUE_H
#define SVART_HELD_QUEUE_H

/**
 * @file
 * Map-on-submit: what gives the queues of devices without page requests the same programming model.
 *
 * It sits between the program and the driver. prep maps and holds an operation's operands (hold.h)
 * before the driver sees it, poll releases them when the driver has completed it.
 *
 * - Where an operand cannot be mapped, what lies before is done as an operation of its own, and the
 *   completion says BAD_ADDRESS with the bytes done. A copy that would have to run backwards
 *   (overlap) is not begun: 0 bytes.
 * - With SVART_OP_NO_BLOCK nothing is mapped: the operation ends before the first page that is not
 *   mapped yet, with PARTIAL.
 * - When holds have used up what may be held, prep takes fewer operations: poll, then go on. It never
 *   takes fewer while nothing is held and nobody is just mapping or forgetting: then what cannot be
 *   had is BAD_ADDRESS.
 * - An operation larger than svart_held_max_transfer() is INVALID, and so is one that the device does
 *   not have. Neither these nor what moves no byte (NOOP, length 0) gets to the driver.
 */

#include <svart_pmd.h>

#include "space.h"

struct svart_held_queue;

/** The largest operation of a space's queues: both its operands fit the hold limit. 0: none does. */
uint64_t svart_held_max_transfer(const struct svart_space *space);

/**
 * Puts itself in front of a queue that the driver has just started.
 * @param space what the device sees; svart_space_enable_holds() was called.
 * @return 0 or -ENOMEM, told. @thread control.
 */
int svart_held_queue_create(
	struct svart_pmd_queue *q, struct svart_space *space, struct svart_held_queue **out);
/** Releases what is still held. The driver has stopped the queue. @thread the queue's owner. */
void svart_held_queue_destroy(struct svart_held_queue *h);

/** Operations prepared and not polled. @thread the queue's owner. */
uint32_t svart_held_queue_in_flight(const struct svart_held_queue *h);

#endif

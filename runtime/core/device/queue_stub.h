/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_QUEUE_STUB_H
#define SVART_QUEUE_STUB_H

/**
 * @file
 * A queue that does not run: its functions take nothing and return nothing.
 */

#include <svart/queue.h>

/** Puts the stubs into a queue. It only does stores. */
void svart_queue_disarm(struct svart_queue *q);

#endif

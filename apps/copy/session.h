/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_SESSION_H
#define SVART_COPY_SESSION_H

/**
 * @file
 * The parts of svart that the copy needs: the runtime, a space, a fault service, a device, a queue.
 */

#include <svart/svart.h>

#include "options.h"

/**
 * The stack, in the order in which it is made; NULL: not made.
 *
 * Owner: main(). Lifetime: open to close. Locks: none.
 */
struct copy_session {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
	uint32_t depth; /**< Operations in flight. */
	uint64_t chunk; /**< Bytes of one operation. */
};

/**
 * Makes all of it. --depth and --chunk are checked against what the device can do; if they were not given,
 * they are chosen to fit the device.
 *
 * @return 0 or -errno, told; nothing is left then.
 */
int svart_copy_session_open(const struct copy_options *options, struct copy_session *s);

/** Stops the queue: when it returns no operation is in flight and none will touch memory. */
void svart_copy_session_stop(struct copy_session *s);

/** Ends all of it, in the opposite order. @return 0 or -errno, told. */
int svart_copy_session_close(struct copy_session *s);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_GATE_H
#define SVART_FAULT_GATE_H

/**
 * @file
 * The gate lets one thread at a time run a pass or change the table of sources, and control calls first.
 *
 * A mutex alone is not enough: a pump that finds another thread at work must go away instead of
 * waiting, and a control call must get in although the service's thread comes back again and again.
 */

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

/**
 * Owner: the service. Lifetime: the service's. Locks: mutex, held for a few instructions only, never while a
 * pass runs.
 */
struct svart_gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool busy;            /**< A thread is inside. */
	unsigned int control; /**< Control calls that wait. */
};

void svart_gate_init(struct svart_gate *gate);
void svart_gate_fini(struct svart_gate *gate);

/** Goes in if no thread is inside and no control call waits. @return whether it is inside. @blocks never. */
bool svart_gate_try(struct svart_gate *gate);

/**
 * Goes in for a control call, before any pass that has not begun.
 * @param kick     called once, under the mutex, if somebody is inside: makes them come out soon.
 * @param deadline of CLOCK_MONOTONIC. @return whether it is inside.
 * @blocks until the pass under way ends, and not beyond the deadline.
 */
bool svart_gate_enter_control(struct svart_gate *gate, void (*kick)(void *arg), void *arg,
	const struct timespec *deadline);

/**
 * Goes in for a pass of the service's own thread.
 * @param ready called under the mutex: whether there is a reason to go in.
 * @param stop  read under the mutex.
 * @return true: it is inside. false: *stop is set.
 * @blocks until one of the two is so.
 */
bool svart_gate_enter_thread(
	struct svart_gate *gate, bool (*ready)(const void *arg), const void *arg, const bool *stop);

/** Comes out. */
void svart_gate_leave(struct svart_gate *gate);

/** Sets *stop under the mutex and wakes the thread that waits in svart_gate_enter_thread(). */
void svart_gate_stop(struct svart_gate *gate, bool *stop);

#endif

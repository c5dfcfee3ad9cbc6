/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_GATE_H
#define SVART_FAULT_GATE_H

/**
 * @file
 * Who may run a pass or change the table of sources: one at a time, control calls first.
 *
 * A mutex would do, but for two things: a pump that finds another at work must go away instead of
 * waiting, and a control call must get in although the service's thread comes back again and again.
 */

#include <pthread.h>
#include <stdbool.h>

/**
 * Owner: the service. Lifetime: its. Locks: mutex, held for a few instructions only, never while a
 * pass runs.
 */
struct svart_gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool busy;            /**< Somebody is inside. */
	unsigned int control; /**< Control calls that wait. */
};

void svart_gate_init(struct svart_gate *gate);
void svart_gate_fini(struct svart_gate *gate);

/** Goes in if nobody is, and no control call waits. @return whether. @blocks never. */
bool svart_gate_try(struct svart_gate *gate);

/**
 * Goes in for a control call, before any pass that has not begun.
 * @param kick called once, under the mutex, if somebody is inside: makes him come out soon.
 * @blocks until the pass under way ends.
 */
void svart_gate_enter_control(struct svart_gate *gate, void (*kick)(void *arg), void *arg);

/**
 * Goes in for a pass of the service's own thread.
 * @param ready called under the mutex: whether there is anything to go in for.
 * @param stop  read under the mutex.
 * @return true: inside. false: *stop is set.
 * @blocks until then.
 */
bool svart_gate_enter_thread(
	struct svart_gate *gate, bool (*ready)(const void *arg), const void *arg, const bool *stop);

/** Comes out. */
void svart_gate_leave(struct svart_gate *gate);

/** Sets *stop under the mutex and wakes who waits in svart_gate_enter_thread(). */
void svart_gate_stop(struct svart_gate *gate, bool *stop);

#endif

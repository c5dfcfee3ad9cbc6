/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_ENGINE_H
#define SVART_MODEL_ENGINE_H

/**
 * @file
 * Runs a device's step, either in a thread of its own (step=thread) or in the thread that steps the machine
 * or pauses (step=manual). It also has the device lock that both take.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

/**
 * The engine of one device.
 *
 * Owner: its device. Lifetime: the device's; the thread from the first open on. Locks: atomics and
 * constants, except running, which the lock of the opening thread guards.
 *
 * Sleep and wake: an engine that has found nothing to do for a while sets sleeping, then looks once more. A
 * thread that has work for it stores the work, then wake() looks at sleeping. Both sides have a fence
 * between the two steps, so one of them sees the other's store.
 */
struct svart_engine {
	/* wake() looks at these; they are not written while the engine is busy. */
	alignas(64) atomic_bool sleeping;
	bool fence_to_wake; /**< wake() needs a fence of its own; constant. */
	bool threaded;      /**< It has a thread once it is opened; constant. */
	atomic_bool opened; /**< Somebody has opened the device: it may step. */
	/** Does a bounded piece of work, with the lock held. @return true if anything moved. Constant. */
	bool (*step)(void *arg);
	void *arg; /**< Argument of step; constant. */

	alignas(64) pthread_mutex_t lock; /**< The device lock. */
	atomic_uint
		/** Threads that wait for the lock: the engine lets them take it before its next step. */
		waiting;
	atomic_bool stop;
	bool running; /**< There is a thread. */
	pthread_t thread;
	sem_t alarm; /**< Posted to wake the sleeping engine. */
};

/** @param threaded whether a thread steps the engine; if not, svart_engine_step() does. */
void svart_engine_init(
	struct svart_engine *engine, bool threaded, bool (*step)(void *arg), void *arg);
/** Ends the thread. When it returns no step is under way, and none will begin. */
void svart_engine_stop(struct svart_engine *engine);
/** Frees the rest of the engine, after svart_engine_stop(). */
void svart_engine_fini(struct svart_engine *engine);
/**
 * Lets the device step from now on.
 * @return 0, or -errno if the thread could not be made. @thread one at a time.
 */
int svart_engine_open(struct svart_engine *engine);

/** Takes the device lock, ahead of the engine's next step. */
void svart_engine_lock(struct svart_engine *engine);
void svart_engine_unlock(struct svart_engine *engine);

/**
 * Says that step() has work to do. It is cheap while the engine is busy, and makes a system call only if
 * the engine sleeps. Any thread, any locks.
 */
void svart_engine_wake(struct svart_engine *engine);
/** Steps once. @return whether anything moved. No lock held. */
bool svart_engine_step(struct svart_engine *engine);

#endif

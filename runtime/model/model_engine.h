/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_ENGINE_H
#define SVART_MODEL_ENGINE_H

/**
 * @file
 * Who runs a device's step(): a thread of its own (step=thread), or whoever steps the machine or
 * pauses (step=manual); and the device lock that both take.
 */

#include <pthread.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

struct svart_model_device;

/**
 * The engine of one device.
 *
 * Owner: its device. Lifetime: the device's; the thread from the first open on. Locks: atomics, but
 * running, which has the device's control lock.
 *
 * Sleep and wake: an engine that found nothing to do for a while says sleeping, then looks once more;
 * who has something to do for it stores that, then wake() looks at sleeping. With a fence between the
 * two on both sides one of them sees the other's store.
 */
struct svart_engine {
	/* What wake() looks at: not written while the engine is busy. */
	alignas(64) atomic_bool sleeping;
	bool fence_to_wake; /**< wake() needs a fence of its own; constant. */
	atomic_bool opened; /**< Somebody opened the device: it may step. */

	alignas(64) pthread_mutex_t lock; /**< The device lock. */
	atomic_uint
		waiting; /**< Others that want it: the engine lets them in before its next step. */
	atomic_bool stop;
	bool running; /**< There is a thread. */
	pthread_t thread;
	sem_t alarm; /**< Posted when a sleeper is to wake. */
};

void svart_engine_init(struct svart_engine *engine);
/** Ends the thread. No step is under way when it returns, and none will be. */
void svart_engine_stop(struct svart_engine *engine);
/** After stop. */
void svart_engine_fini(struct svart_engine *engine);
/** Lets the device step from now on. @return 0, or -errno of making the thread. @thread control. */
int svart_engine_open(struct svart_model_device *dev);

/** Takes the device lock, ahead of the engine's next step. */
void svart_model_device_lock(struct svart_model_device *dev);
void svart_model_device_unlock(struct svart_model_device *dev);

/** Says that step() has work to do. Cheap while the engine is busy. Any thread, any locks. A system call only if the engine sleeps. */
void svart_engine_wake(struct svart_engine *engine);
/** Steps once. @return whether anything moved. No lock held. */
bool svart_model_device_step(struct svart_model_device *dev);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_THREADS_H
#define SVART_SIM_THREADS_H

/**
 * @file
 * Threads of a simulated program: their order is drawn from the seed, and only one runs at a time.
 *
 * The linker puts threads.c in the place of pthread_create(), pthread_join(), mutexes, conditions, rwlocks,
 * semaphores and sched_yield() of the library (meson.build, --wrap). While threads are simulated, a thread
 * that is created is a coroutine with a stack of its own, and who would sleep gives its turn to another.
 * While they are not, which is so in worlds whose service is inline, all of that is libc's, and costs a look
 * at a flag.
 *
 * Where a turn can end, by chance: at each of these calls (before a lock is taken, after it is given back),
 * and at each call of the machine, before it and after it (sim_threads_point()). Where it must end: where a
 * thread would sleep, in a lock, a wait, a join, a poll or a pause. What is between sim_threads_hold() and
 * sim_threads_release() is one step: a call of the kernel takes effect at one moment. Threads are not alike:
 * each world draws how often turns change, and for each thread how much of the turns it gets, so that
 * in some worlds one of them hardly gets on.
 *
 * If all sleep, devices go on, and then time. If they sleep for ever it is a deadlock: the run fails, and says
 * who waits for what, and who holds it.
 *
 * Coroutines are of one real thread, so all is as deterministic as one thread is, and lock-free code
 * between two points is one step. They share their thread-local variables; the library has an error text there,
 * and a jump buffer that is used between two points only. To AddressSanitizer and ThreadSanitizer each is
 * a fiber.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "trace.h"

/** Threads of a run at once, the first one included. */
#define SIM_MAX_THREADS 8

/** What threads wait for outside of the process. Called while all stand still. */
struct sim_threads_world {
	void *arg;
	/** Devices go on; if none can, time does. @return whether one could. */
	bool (*step)(void *arg);
	/** As poll(2), without sleeping. @return how many are ready, or -errno. */
	int (*poll)(void *arg, struct pollfd *fds, unsigned int nr);
	uint64_t (*now_ns)(void *arg);
};

/** Once for a process, and good for those that are forked from it. */
void sim_threads_prepare(void);
/** From now on threads are simulated; the caller is "main". @param seed of their order. */
void sim_threads_start(
	const struct sim_threads_world *world, struct sim_trace *trace, uint64_t seed);
/** No longer. Fails if there is a thread that nobody has joined. */
void sim_threads_stop(void);
/** Whether threads are simulated. */
bool sim_threads_on(void);
/** Number of the running thread, 0 for main; below SIM_MAX_THREADS. */
uint32_t sim_threads_current(void);

/** A turn may end here. */
void sim_threads_point(void);
/** The turn ends here, if another thread can run. @return whether one could. */
bool sim_threads_yield(void);
/** Lets all others run until each of them sleeps. */
void sim_threads_quiesce(void);
/** What follows is one step, up to the release; both can be nested. */
void sim_threads_hold(void);
void sim_threads_release(void);
/** As poll(2): others run until something is ready, or the time is over. @return as poll, or -errno. */
int sim_threads_poll(struct pollfd *fds, unsigned int nr, uint64_t timeout_ns);

#endif

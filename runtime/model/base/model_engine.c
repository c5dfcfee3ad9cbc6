/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_engine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/membarrier.h>

/** Looks for work without a pause in between: they last until the next store of a burst has come. */
#define SPIN_ROUNDS 100
/**
 * Looks for work with naps between them before an engine goes to sleep, a millisecond or two in all.
 * Nobody has to wake an engine that naps, so a burst of stores arrives as a whole. An engine that the first
 * store wakes may take the CPU of the thread that stores, do only this descriptor, and look in vain for the
 * next.
 */
#define NAPS   100
#define NAP_NS 10000
/** Steps made under one lock, if nobody else wants it. */
#define STEPS_PER_LOCK 32

static void relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

/**
 * Prepares a fence in every thread of the process, so that threads that wake the engine need no fence: they
 * store, then look at sleeping. Otherwise each store into a portal would wait for all stores before it.
 */
static bool fence_everywhere_init(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

static void fence_everywhere(const struct svart_engine *engine)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!engine->fence_to_wake)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

void svart_engine_init(
	struct svart_engine *engine, bool threaded, bool (*step)(void *arg), void *arg)
{
	engine->threaded = threaded;
	engine->step = step;
	engine->arg = arg;
	pthread_mutex_init(&engine->lock, NULL);
	sem_init(&engine->alarm, 0, 0);
	engine->fence_to_wake = !fence_everywhere_init();
}

void svart_engine_stop(struct svart_engine *engine)
{
	if (!engine->running)
		return;
	atomic_store(&engine->stop, true);
	svart_engine_wake(engine);
	pthread_join(engine->thread, NULL);
	engine->running = false;
}

void svart_engine_fini(struct svart_engine *engine)
{
	sem_destroy(&engine->alarm);
	pthread_mutex_destroy(&engine->lock);
}

void svart_engine_lock(struct svart_engine *engine)
{
	atomic_fetch_add_explicit(&engine->waiting, 1, memory_order_relaxed);
	pthread_mutex_lock(&engine->lock);
	atomic_fetch_sub_explicit(&engine->waiting, 1, memory_order_relaxed);
}

void svart_engine_unlock(struct svart_engine *engine)
{
	pthread_mutex_unlock(&engine->lock);
}

void svart_engine_wake(struct svart_engine *engine)
{
	/* The fence of go_to_sleep() pairs with this one. */
	if (engine->fence_to_wake)
		atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&engine->sleeping, memory_order_relaxed) &&
		atomic_exchange(&engine->sleeping, false))
		sem_post(&engine->alarm);
}

/** Steps up to max times; it stops when nothing moves or another thread wants the lock. */
static bool steps(struct svart_engine *engine, unsigned int max)
{
	bool moved, any = false;

	/* Mutexes are not fair: a busy engine would take the lock again and again. */
	while (atomic_load_explicit(&engine->waiting, memory_order_relaxed) != 0)
		sched_yield();
	pthread_mutex_lock(&engine->lock);
	do {
		moved = engine->step(engine->arg);
		any |= moved;
	} while (moved && --max > 0 &&
		 atomic_load_explicit(&engine->waiting, memory_order_relaxed) == 0);
	pthread_mutex_unlock(&engine->lock);
	return any;
}

bool svart_engine_step(struct svart_engine *engine)
{
	return steps(engine, 1);
}

/** Sleeps until somebody calls wake(), unless there is something to do. */
static void go_to_sleep(struct svart_engine *engine)
{
	atomic_store(&engine->sleeping, true);
	/* Orders sleeping before the look at what there is to do; pairs with wake(). */
	fence_everywhere(engine);
	/* The thread that clears sleeping posts the alarm; if this thread cleared it, nobody posts. */
	if ((steps(engine, STEPS_PER_LOCK) || atomic_load(&engine->stop)) &&
		atomic_exchange(&engine->sleeping, false))
		return;
	while (sem_wait(&engine->alarm) != 0)
		;
}

/** @param idle how many looks in a row found nothing to do. */
static void wait_for_work(struct svart_engine *engine, unsigned int idle)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	if (idle < SPIN_ROUNDS)
		relax();
	else if (idle < SPIN_ROUNDS + NAPS)
		nanosleep(&nap, NULL);
	else
		go_to_sleep(engine);
}

static void *run(void *arg)
{
	struct svart_engine *engine = arg;
	unsigned int idle = 0;

	/* This is for this thread only: its naps end in time, and not 50 us later. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	while (!atomic_load(&engine->stop)) {
		if (steps(engine, STEPS_PER_LOCK)) {
			idle = 0;
			continue;
		}
		wait_for_work(engine, idle);
		idle = idle < SPIN_ROUNDS + NAPS ? idle + 1 : 0;
	}
	return NULL;
}

int svart_engine_open(struct svart_engine *engine)
{
	sigset_t all, old;
	int rc = 0;

	atomic_store(&engine->opened, true);
	if (!engine->threaded || engine->running)
		return 0;
	/* This thread takes no signals of the program, only its own faults: see guard.h. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = -pthread_create(&engine->thread, NULL, run, engine);
	if (rc == 0)
		pthread_setname_np(engine->thread, "svart-engine");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	engine->running = rc == 0;
	return rc;
}

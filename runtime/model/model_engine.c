/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_engine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

#include "model_device.h"
#include "model_state.h"

/** Looks for work before an engine goes to sleep: about as long as waking it would take. */
#define SPIN_ROUNDS 500

static void relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

void svart_engine_init(struct svart_engine *engine)
{
	pthread_mutex_init(&engine->lock, NULL);
	sem_init(&engine->alarm, 0, 0);
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

void svart_model_device_lock(struct svart_model_device *dev)
{
	atomic_fetch_add_explicit(&dev->engine.waiting, 1, memory_order_relaxed);
	pthread_mutex_lock(&dev->engine.lock);
	atomic_fetch_sub_explicit(&dev->engine.waiting, 1, memory_order_relaxed);
}

void svart_model_device_unlock(struct svart_model_device *dev)
{
	pthread_mutex_unlock(&dev->engine.lock);
}

void svart_engine_wake(struct svart_engine *engine)
{
	atomic_store(&engine->work, true);
	if (atomic_load(&engine->sleeping) && atomic_exchange(&engine->sleeping, false))
		sem_post(&engine->alarm);
}

bool svart_model_device_step(struct svart_model_device *dev)
{
	bool moved;

	/* Mutexes are not fair, and an engine that is busy would take it again and again. */
	while (atomic_load_explicit(&dev->engine.waiting, memory_order_relaxed) != 0)
		sched_yield();
	pthread_mutex_lock(&dev->engine.lock);
	moved = dev->type->step(dev->priv);
	pthread_mutex_unlock(&dev->engine.lock);
	return moved;
}

static bool has_news(struct svart_engine *engine)
{
	return atomic_load(&engine->work) || atomic_load(&engine->stop);
}

static void wait_for_work(struct svart_engine *engine)
{
	unsigned int i;

	for (i = 0; i < SPIN_ROUNDS; i++) {
		if (has_news(engine))
			return;
		relax();
	}
	atomic_store(&engine->sleeping, true);
	/* Whoever clears sleeping posts; if that was us, nobody does. */
	if (has_news(engine) && atomic_exchange(&engine->sleeping, false))
		return;
	while (sem_wait(&engine->alarm) != 0)
		;
}

static void *run(void *arg)
{
	struct svart_model_device *dev = arg;
	struct svart_engine *engine = &dev->engine;

	while (!atomic_load(&engine->stop)) {
		atomic_store(&engine->work, false);
		if (!svart_model_device_step(dev))
			wait_for_work(engine);
	}
	return NULL;
}

int svart_engine_open(struct svart_model_device *dev)
{
	struct svart_engine *engine = &dev->engine;
	sigset_t all, old;
	int rc = 0;

	atomic_store(&engine->opened, true);
	if (dev->model->manual || engine->running)
		return 0;
	/* The program's signals are not for this thread. Faults of its own are: see guard.h. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = -pthread_create(&engine->thread, NULL, run, dev);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	engine->running = rc == 0;
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What a process has once, however many runtimes it has: the list of runtimes, and the numbers of devices.
 * fork handlers and telemetry get no argument, so they begin their search here.
 *
 * The lock is a leaf: it is taken with a runtime's lock held, never the other way round. So neither fork()
 * nor svart_init() waits for a control call that takes long.
 */

#include "process.h"

#include <pthread.h>

#include "runtime.h"

/**
 * Owner: the process. Locks: lock, which is held over a fork, so that the lists are complete in the child.
 */
static struct {
	pthread_mutex_t lock;
	LIST_HEAD(, svart) runtimes;
	LIST_HEAD(, svart_number) numbers; /**< Numbers of devices, in rising order. */
} process = { .lock = PTHREAD_MUTEX_INITIALIZER };

void svart_process_lock(void)
{
	pthread_mutex_lock(&process.lock);
}

void svart_process_unlock(void)
{
	pthread_mutex_unlock(&process.lock);
}

void svart_process_forked(void (*visit)(struct svart *rt))
{
	struct svart *rt;

	LIST_FOREACH(rt, &process.runtimes, all)
		visit(rt);
	LIST_INIT(&process.numbers); /* The numbers are the parent's; the child begins anew. */
}

void svart_process_add(struct svart *rt)
{
	pthread_cond_init(&rt->no_readers, NULL);
	svart_process_lock();
	LIST_INSERT_HEAD(&process.runtimes, rt, all);
	svart_process_unlock();
}

void svart_process_remove(struct svart *rt)
{
	svart_process_lock();
	LIST_REMOVE(rt, all);
	while (rt->nr_readers != 0)
		pthread_cond_wait(&rt->no_readers, &process.lock);
	svart_process_unlock();
	pthread_cond_destroy(&rt->no_readers);
}

void svart_number_take(struct svart_number *number, struct svart *rt)
{
	struct svart_number *next, *last = NULL;
	uint32_t id = 0;

	svart_process_lock();
	LIST_FOREACH(next, &process.numbers, link) {
		if (next->id != id)
			break;
		last = next;
		id++;
	}
	*number = (struct svart_number){ .rt = rt, .id = id };
	if (last != NULL)
		LIST_INSERT_AFTER(last, number, link);
	else
		LIST_INSERT_HEAD(&process.numbers, number, link);
	svart_process_unlock();
}

void svart_number_show(struct svart_number *number)
{
	svart_process_lock();
	number->shown = true;
	svart_process_unlock();
}

void svart_number_hide(struct svart_number *number)
{
	svart_process_lock();
	number->shown = false;
	svart_process_unlock();
}

void svart_number_drop(struct svart_number *number)
{
	svart_process_lock();
	LIST_REMOVE(number, link);
	svart_process_unlock();
}

unsigned int svart_process_numbers(uint32_t *ids, unsigned int nr)
{
	const struct svart_number *number;
	unsigned int used = 0;

	svart_process_lock();
	LIST_FOREACH(number, &process.numbers, link) {
		if (used == nr)
			break;
		if (number->shown)
			ids[used++] = number->id;
	}
	svart_process_unlock();
	return used;
}

struct svart *svart_process_hold(uint32_t id)
{
	struct svart *rt = NULL;
	const struct svart_number *number;

	svart_process_lock();
	LIST_FOREACH(number, &process.numbers, link) {
		if (number->id == id && number->shown)
			rt = number->rt;
	}
	if (rt != NULL)
		rt->nr_readers++;
	svart_process_unlock();
	return rt;
}

void svart_process_release(struct svart *rt)
{
	svart_process_lock();
	if (--rt->nr_readers == 0)
		pthread_cond_broadcast(&rt->no_readers);
	svart_process_unlock();
}

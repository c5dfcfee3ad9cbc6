/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What a process has once, whatever number of runtimes: the list of them, and the numbers of devices.
 * fork handlers and telemetry get no argument, so they start here.
 *
 * The lock is a leaf: it is taken with a runtime's lock held, never the other way round. So a control
 * call that takes long keeps neither fork() nor svart_init() waiting.
 */

#include "core.h"

/** Owner: the process. Locks: lock, which is held over a fork, so that the child finds the lists whole. */
static struct {
	pthread_mutex_t lock;
	LIST_HEAD(, svart) runtimes;
	LIST_HEAD(, svart_device) devices; /**< By rising id. */
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
	LIST_INIT(&process.devices); /* The parent's; numbers begin anew. */
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

void svart_device_id_take(struct svart_device *dev)
{
	struct svart_device *next, *last = NULL;
	uint32_t id = 0;

	svart_process_lock();
	LIST_FOREACH(next, &process.devices, all) {
		if (next->id != id)
			break;
		last = next;
		id++;
	}
	dev->id = id;
	if (last != NULL)
		LIST_INSERT_AFTER(last, dev, all);
	else
		LIST_INSERT_HEAD(&process.devices, dev, all);
	svart_process_unlock();
}

void svart_device_id_show(struct svart_device *dev)
{
	svart_process_lock();
	dev->shown = true;
	svart_process_unlock();
}

void svart_device_id_drop(struct svart_device *dev)
{
	svart_process_lock();
	LIST_REMOVE(dev, all);
	svart_process_unlock();
}

unsigned int svart_process_device_ids(uint32_t *ids, unsigned int nr)
{
	struct svart_device *dev;
	unsigned int used = 0;

	svart_process_lock();
	LIST_FOREACH(dev, &process.devices, all) {
		if (used == nr)
			break;
		if (dev->shown)
			ids[used++] = dev->id;
	}
	svart_process_unlock();
	return used;
}

/** @return the runtime of a device, kept alive by a count of its readers; or NULL. */
static struct svart *runtime_hold(uint32_t id)
{
	struct svart *rt = NULL;
	struct svart_device *dev;

	svart_process_lock();
	LIST_FOREACH(dev, &process.devices, all) {
		if (dev->id == id && dev->shown)
			rt = dev->rt;
	}
	if (rt != NULL)
		rt->nr_readers++;
	svart_process_unlock();
	return rt;
}

static void runtime_release(struct svart *rt)
{
	svart_process_lock();
	if (--rt->nr_readers == 0)
		pthread_cond_broadcast(&rt->no_readers);
	svart_process_unlock();
}

struct svart_device *svart_process_device_get(uint32_t id)
{
	struct svart *rt = runtime_hold(id);
	struct svart_device *dev;

	if (rt == NULL)
		return NULL;
	pthread_mutex_lock(&rt->lock);
	/* It may have been closed while we waited for the lock. */
	LIST_FOREACH(dev, &rt->devices, link) {
		if (dev->id == id)
			return dev;
	}
	pthread_mutex_unlock(&rt->lock);
	runtime_release(rt);
	return NULL;
}

void svart_process_device_put(struct svart_device *dev)
{
	struct svart *rt = dev->rt;

	pthread_mutex_unlock(&rt->lock);
	runtime_release(rt);
}

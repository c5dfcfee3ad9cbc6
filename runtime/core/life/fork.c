/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What a fork does: devices, pins and threads stay the parent's. In the child every runtime is dead, and
 * calls say so.
 */

#include "fork.h"

#include <pthread.h>

#include "device_state.h"
#include "eal.h"
#include "error.h"
#include "process.h"
#include "queue_stub.h"
#include "runtime.h"
#include "service.h"
#include "space.h"

static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;
static int handlers_rc;

static void before_fork(void)
{
	svart_process_lock();
}

static void after_fork_parent(void)
{
	svart_process_unlock();
}

/**
 * Marks a runtime as dead. It only does stores, because the child of a threaded program may do little more
 * (pthread_atfork(3)). It reads the lists without the runtimes' locks: a control call that was under way at
 * the fork has no thread in the child that would end it. So at worst an object that was being added or
 * removed at the fork is not marked.
 */
static void mark_dead(struct svart *rt)
{
	struct svart_child *child;
	struct svart_device *dev;
	unsigned int i;

	atomic_store(&rt->dead, true);
	LIST_FOREACH(child, &rt->spaces, link)
		svart_space_mark_dead(child->object);
	LIST_FOREACH(child, &rt->services, link)
		svart_fault_service_mark_dead(child->object);
	LIST_FOREACH(dev, &rt->devices, link) {
		for (i = 0; i < SVART_MAX_QUEUES; i++) {
			if (dev->queues[i] != NULL)
				svart_queue_disarm(&dev->queues[i]->pmd.fast);
		}
	}
}

static void after_fork_child(void)
{
	svart_eal_forked();
	svart_process_forked(mark_dead);
	svart_process_unlock();
}

static void install_handlers(void)
{
	handlers_rc = -pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

int svart_fork_prepare(void)
{
	pthread_once(&handlers_once, install_handlers);
	if (handlers_rc != 0)
		return svart_fail(handlers_rc, "no memory for the fork handlers");
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_RUNTIME_H
#define SVART_RUNTIME_H

/**
 * @file
 * A runtime: what svart_init() makes, and what hangs on it.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

struct svart_device;
struct svart_machine;
struct svart_machine_class;
struct svart_spec_bus;

/** See machines.c. */
#define SVART_NR_MACHINES 2
/** See buses.c. */
#define SVART_NR_TRANSPORTS 1

/**
 * A machine in use.
 *
 * Owner: the runtime. Lifetime: first device opened on it to svart_fini(). Locks: the runtime's.
 */
struct svart_machine_slot {
	const struct svart_machine_class *class;
	struct svart_machine *m;           /**< NULL: no device was opened on it yet. */
	void *shared[SVART_NR_TRANSPORTS]; /**< svart_transport_place.shared. */
};

/** A space or a service that the program made. Owner: the runtime. Locks: the runtime's children_lock. */
struct svart_child {
	LIST_ENTRY(svart_child) link;
	struct svart *rt;
	void *object;
};
LIST_HEAD(svart_child_list, svart_child);
LIST_HEAD(svart_device_list, svart_device);

/**
 * One runtime.
 *
 * Owner: the program. Lifetime: svart_init() to svart_fini(). Locks: lock, for every control call and every
 * member except dead and those that have a lock of their own.
 */
struct svart {
	pthread_mutex_t lock;
	bool eal;         /**< EAL runs. */
	atomic_bool dead; /**< This is a child made by fork(). */
	struct svart_machine_slot machines[SVART_NR_MACHINES];
	const struct svart_spec_bus *buses; /**< These are svart_spec_buses; tests have others. */
	/**
	 * Guards the two lists below. It is taken with or without lock held, and only for some stores:
	 * nobody waits long.
	 */
	pthread_mutex_t children_lock;
	struct svart_child_list spaces;
	struct svart_child_list services;
	struct svart_device_list devices;
	struct svart_device_list
		closing; /**< Devices whose close has begun, and whose caller was told to call it again. */
	/* The lock of process.c guards these three. */
	LIST_ENTRY(svart) all;
	/** Telemetry threads that use the runtime, or wait for its lock. */
	unsigned int nr_readers;
	pthread_cond_t no_readers; /**< Says that nr_readers became 0. */
};

/** @return 0, or -EPERM in a child made by fork(), told. */
int svart_check_alive(const struct svart *rt);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DEVICE_STATE_H
#define SVART_DEVICE_STATE_H

/**
 * @file
 * The structures of this folder: devices, their attachments and their queues.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <svart/svart.h>
#include <svart_pmd.h>

#include <rte_kvargs.h>

#include "process.h"
#include "runtime.h"
#include "transport.h"

struct svart_held_queue;
struct svart_lessee;

/** Spaces one device can be attached to: as many as a DSA has work queues, and some. */
#define SVART_MAX_ATTACHMENTS 16
/** Queues of one device; a driver offers no more. */
#define SVART_MAX_QUEUES 64
/** Length of BUS:NAME. */
#define SVART_NAME_BYTES 64

/** A device's hold on a space. Owner: its device. Lifetime: attach to detach. Locks: the runtime's. */
struct svart_attachment {
	/** The transport's part. NULL: this place is free. */
	struct svart_transport_attachment *part;
	struct svart_space *space; /**< NULL: the device uses the process's page table. */
	uint32_t pasid;            /**< Or SVART_PASID_NONE. */
	unsigned int nr_queues;
	struct svart_fault_source
		*source; /**< The source of part; NULL if there are no page requests to serve. */
	/** Set if there is a source, once the device's engines are known. */
	struct svart_lessee *lessee;
	bool holds;   /**< svart_space_holder_add() has counted it. */
	bool leaving; /**< The device is detached; the rest of the attachment is being undone. */
	bool waiting; /**< A thread waits until the fault service has stopped serving it. */
};

/**
 * A queue, core and driver together.
 *
 * Owner: the queue's thread; the control thread creates and destroys it. Lifetime: create to destroy. pmd
 * is the first member, and its first member is what the program holds.
 */
struct svart_core_queue {
	struct svart_pmd_queue pmd;
	struct svart_device *dev;
	struct svart_attachment *attachment;
	struct svart_held_queue *held; /**< NULL: the device has page requests. */
	bool stopped;                  /**< The driver has freed its part: a destroy has begun. */
	bool asks_late;                /**< Its last page requests may be on their way. */
	/*
	 * The owner's: the time at which a wait that finds nothing looks at the device; 0: the wait has not
	 * begun to.
	 */
	uint64_t look_ns;      /**< Time of the next look at its registers. */
	uint64_t look_deep_ns; /**< Time of the next look that takes system calls. */
};

/**
 * One device.
 *
 * Owner: the runtime. Lifetime: open to close. Locks: the runtime's; watch_lock;
 * lost_lock, a leaf, also inside watch_lock.
 */
struct svart_device {
	struct svart_pmd_device pmd; /**< This is first: host functions are given it. */
	pthread_mutex_t watch_lock;  /**< Keeps the device running while its watch looks. */
	pthread_mutex_t lost_lock;   /**< Around the driver's queues_fail(). */
	/** It is between the driver's open() and close(). Both locks guard it. */
	bool running;
	atomic_bool lost_told; /**< The loss is logged. */
	struct svart *rt;
	const struct svart_pmd_ops *ops;
	struct svart_transport_device *transport;
	struct svart_fault_service *faults;
	bool faults_raw;                          /**< faults=raw. */
	_Atomic enum svart_fault_mode fault_mode; /**< Any thread reads. */
	struct rte_kvargs *options;  /**< Options of the spec; may be empty, never NULL. */
	char name[SVART_NAME_BYTES]; /**< BUS:NAME. */
	struct svart_attachment attachments[SVART_MAX_ATTACHMENTS]; /**< [0]: the one of open. */
	struct svart_core_queue *queues[SVART_MAX_QUEUES];
	/* Any thread may read these two: see svart_device_info_get(). */
	atomic_uint nr_queues; /**< Number of queues. */
	/** Length that every queue of the device takes: max_transfer.h. */
	_Atomic uint64_t max_transfer_bytes;
	LIST_ENTRY(svart_device) link;
	bool closing; /**< It is in the runtime's closing list, and disabled. */
	struct svart_number number;
};

#endif

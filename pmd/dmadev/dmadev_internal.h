/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DMADEV_INTERNAL_H
#define SVART_DMADEV_INTERNAL_H

/**
 * @file
 * svart queues as DPDK dmadevs: the declarations that the files of librte_dma_svart.so share.
 *
 * A vdev (struct svart_dmadev) is one dmadev. It names a device, which it shares with the other vdevs
 * of the process that name it (struct svart_dmadev_device), and each of its vchans is a queue of that
 * device (struct svart_dmadev_vchan).
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

#include <svart/svart.h>

#include <rte_dev.h>
#include <rte_dmadev.h>
#include <rte_log.h>

#include "dmadev_vchan.h"

/** Length of a device's name and of its options, as text. */
#define SVART_DMADEV_SPEC_BYTES 256
/** Length of a kept sentence of svart_error_text(). */
#define SVART_DMADEV_TEXT_BYTES 512

extern int svart_dmadev_logtype;

#define DMADEV_LOG(level, ...)                                          \
	rte_log(RTE_LOG_##level, svart_dmadev_logtype,                  \
		RTE_FMT("dma_svart: " RTE_FMT_HEAD(__VA_ARGS__, ) "\n", \
			RTE_FMT_TAIL(__VA_ARGS__, )))

/* --- dmadev_args.c ---------------------------------------------------------------------------- */

/** The arguments of a vdev. */
struct svart_dmadev_args {
	char device[SVART_DMADEV_SPEC_BYTES];  /**< BUS:NAME. */
	char machine[SVART_DMADEV_SPEC_BYTES]; /**< machine=, or "" if it was not given. */
	char options[SVART_DMADEV_SPEC_BYTES]; /**< KEY=VALUE,... of the device; may be "". */
	bool run_is_given;                     /**< fault_service= was given. */
	enum svart_fault_run run;
	uint32_t depth;      /**< Depth of each queue; 0: the largest. */
	uint16_t max_vchans; /**< 0: as many as the device has queues. */
};

/**
 * Reads a vdev's arguments. Arguments that the driver does not know are the device's.
 * @param text "KEY=VALUE,..."; may be NULL.
 * @return 0, or -EINVAL, logged.
 */
int svart_dmadev_args_parse(const char *name, const char *text, struct svart_dmadev_args *args);

/** Names a way to run: "thread", "service" or "inline". */
const char *svart_dmadev_run_name(enum svart_fault_run run);

/* --- dmadev_device.c -------------------------------------------------------------------------- */

/**
 * What the devices of one bus on one machine share: a runtime, a space and a fault service. With one space,
 * memory is pinned once however many devices use it, and one limit holds for all.
 *
 * Owner: its devices. Lifetime: from the first to the last of them. Locks: the registry's; its list_lock
 * guards link and users. Users also keep the host alive.
 */
struct svart_dmadev_host {
	LIST_ENTRY(svart_dmadev_host) link;
	char bus[SVART_DMADEV_SPEC_BYTES];
	char machine[SVART_DMADEV_SPEC_BYTES]; /**< As in the arguments. */
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	enum svart_fault_run run;
	uint32_t service_id; /**< Valid with SVART_FAULT_RUN_DPDK. */
	unsigned int refs;
	unsigned int users; /**< Threads that take memory from its space. */
};

/**
 * An open device.
 *
 * Owner: the vdevs that name it. Lifetime: from the first to the last of them. Locks: the registry's, for
 * link, refs and closing; the rest is constant.
 */
struct svart_dmadev_device {
	LIST_ENTRY(svart_dmadev_device) link;
	/** Together these are the name that the vdevs give it, as written. */
	char device[SVART_DMADEV_SPEC_BYTES], machine[SVART_DMADEV_SPEC_BYTES];
	char options[SVART_DMADEV_SPEC_BYTES];
	struct svart_dmadev_host *host;
	struct svart_device *dev;
	struct svart_device_info info; /**< Description at the time it was opened. */
	unsigned int refs;
	bool closing; /**< Its close has begun, and must be called again. */
};

/**
 * Opens a device, or shares it with the vdevs that have it open. Later vdevs must omit its options and the
 * fault service, or give the same ones.
 *
 * @param out the device; svart_dmadev_device_put() ends it.
 * @return 0 or -errno, logged.
 * @thread any. @blocks as svart_device_open().
 */
int svart_dmadev_device_get(const struct svart_dmadev_args *args, struct svart_dmadev_device **out);

/**
 * Closes the device if this was its last user; the queues are destroyed.
 * @return 0 or -errno, logged: the device is still there and the caller still uses it. -EBUSY: a page of
 *         the process that does not come is being mapped for it; call again when the page has come.
 */
int svart_dmadev_device_put(struct svart_dmadev_device *device);

/**
 * Locks, before a fork, what must be complete in the child. @blocks for some stores of other threads, never
 * while a device is opened or closed or memory is taken back.
 */
void svart_dmadev_devices_lock(void);
/** Unlocks it after the fork, in the parent. */
void svart_dmadev_devices_unlock(void);
/**
 * Resets it after the fork, in the child: the devices are the parent's, and the child has no other thread.
 */
void svart_dmadev_devices_forked(void);

/** Takes memory that is about to be freed from all devices. @return 0 or -errno, logged. */
int svart_dmadev_forget(const void *addr, size_t len);

/**
 * Tells whether anything runs the fault service: the service itself, the program's polls, or a service
 * core.
 */
bool svart_dmadev_host_is_served(const struct svart_dmadev_host *host);

/** Runs the fault service once, if it does not run by itself. The driver calls it where it waits. */
void svart_dmadev_host_pump(const struct svart_dmadev_host *host);

/* --- dmadev_pmd.c ----------------------------------------------------------------------------- */

/**
 * One vdev.
 *
 * Owner: the program's control thread; each vchan belongs to the thread that uses it. Lifetime: probe
 * to close. Locks: the list of all vdevs has one. lock guards the set of vchans and their queues, which the
 * telemetry thread reads (dump, statistics) while the control thread changes them. It can be held for
 * seconds, and no fork waits for it: so vchans is valid for a child at any moment. The struct is in memory
 * of which a child of fork() gets a copy.
 */
struct svart_dmadev {
	/** Argument of the fast path; a vchan that is not set up is absent. */
	struct svart_dmadev_vchan *vchans[SVART_DMADEV_VCHANS_MAX];
	/** A vchan that is never started, so it refuses everything. */
	struct svart_dmadev_vchan *absent;
	pthread_mutex_t lock;
	LIST_ENTRY(svart_dmadev) link;
	struct svart_dmadev_args args;
	struct svart_dmadev_device *device;
	char name[RTE_DEV_NAME_MAX_LEN];
	uint16_t nr_vchans; /**< Number that was configured. */
	bool started;
	bool forked; /**< This is a child made by fork(): the vdev is the parent's. */
};

#endif

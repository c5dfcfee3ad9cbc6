/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DMADEV_INTERNAL_H
#define SVART_DMADEV_INTERNAL_H

/**
 * @file
 * svart queues as DPDK dmadevs: what the files of librte_dma_svart.so share.
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
/** Length of a sentence of svart_error_text() that is kept. */
#define SVART_DMADEV_TEXT_BYTES 512

extern int svart_dmadev_logtype;

#define DMADEV_LOG(level, ...)                                          \
	rte_log(RTE_LOG_##level, svart_dmadev_logtype,                  \
		RTE_FMT("dma_svart: " RTE_FMT_HEAD(__VA_ARGS__, ) "\n", \
			RTE_FMT_TAIL(__VA_ARGS__, )))

/* --- dmadev_args.c ---------------------------------------------------------------------------- */

/** What a vdev was told. */
struct svart_dmadev_args {
	char device[SVART_DMADEV_SPEC_BYTES];  /**< BUS:NAME. */
	char options[SVART_DMADEV_SPEC_BYTES]; /**< KEY=VALUE,... of the device; may be "". */
	bool run_is_given;                     /**< fault_service= was there. */
	enum svart_fault_run run;
	uint32_t depth;      /**< Of each queue; 0: the largest. */
	uint16_t max_vchans; /**< 0: as many as the device has queues. */
};

/**
 * Reads a vdev's arguments. Those that the driver does not know are the device's.
 * @param text "KEY=VALUE,..."; may be NULL.
 * @return 0, or -EINVAL, logged.
 */
int svart_dmadev_args_parse(const char *name, const char *text, struct svart_dmadev_args *args);

/** "thread", "service" or "inline". */
const char *svart_dmadev_run_name(enum svart_fault_run run);

/* --- dmadev_device.c -------------------------------------------------------------------------- */

/**
 * What the devices of one bus share: a runtime, a space, so that memory is pinned once whatever
 * devices use it and one limit holds for all, and a fault service.
 *
 * Owner: its devices. Lifetime: first to last of them. Locks: the registry's.
 */
struct svart_dmadev_host {
	LIST_ENTRY(svart_dmadev_host) link;
	char bus[SVART_DMADEV_SPEC_BYTES];
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	enum svart_fault_run run;
	uint32_t service_id; /**< With SVART_FAULT_RUN_DPDK. */
	unsigned int refs;
};

/**
 * An open device.
 *
 * Owner: the vdevs that name it. Lifetime: first to last of them. Locks: the registry's, for link and
 * refs; the rest is constant.
 */
struct svart_dmadev_device {
	LIST_ENTRY(svart_dmadev_device) link;
	char options[SVART_DMADEV_SPEC_BYTES];
	struct svart_dmadev_host *host;
	struct svart_device *dev;
	struct svart_device_info info; /**< As it was opened. */
	unsigned int refs;
};

/**
 * Opens a device, or shares it with the vdevs that have it open. Later ones leave its options and the
 * fault service out, or say the same.
 *
 * @param out the device; ended by svart_dmadev_device_put().
 * @return 0 or -errno, logged.
 * @thread any. @blocks as svart_device_open().
 */
int svart_dmadev_device_get(const struct svart_dmadev_args *args, struct svart_dmadev_device **out);

/** Closes the device if this was its last user; the queues are destroyed. */
void svart_dmadev_device_put(struct svart_dmadev_device *device);

/** Takes memory that is about to be freed from all devices. @return 0 or -errno, logged. */
int svart_dmadev_forget(const void *addr, size_t len);

/** Whether somebody runs the fault service: it, the program's polls, or a service core. */
bool svart_dmadev_host_is_served(const struct svart_dmadev_host *host);

/** Runs the fault service once, if it does not run by itself. Where the driver waits. */
void svart_dmadev_host_pump(const struct svart_dmadev_host *host);

/* --- dmadev_pmd.c ----------------------------------------------------------------------------- */

/**
 * One vdev.
 *
 * Owner: the program's control thread; each vchan belongs to the thread that uses it. Lifetime: probe
 * to close. Locks: the list of all vdevs has one; lock is for what vchans there are and their queues,
 * which the telemetry thread looks at (dump, statistics) while the control thread changes them. In
 * memory that a child of fork() gets a copy of.
 */
struct svart_dmadev {
	/** What the fast path is given; absent where not set up. */
	struct svart_dmadev_vchan *vchans[SVART_DMADEV_VCHANS_MAX];
	struct svart_dmadev_vchan *absent; /**< One that is never started, and so refuses all. */
	pthread_mutex_t lock;
	LIST_ENTRY(svart_dmadev) link;
	struct svart_dmadev_args args;
	struct svart_dmadev_device *device;
	char name[RTE_DEV_NAME_MAX_LEN];
	uint16_t nr_vchans; /**< As configured. */
	bool started;
};

#endif

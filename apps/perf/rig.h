/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_RIG_H
#define SVART_PERF_RIG_H

/**
 * @file
 * A software machine with requesters (requester.h), a space and a fault service: the whole path of a
 * page request, from the device through a fault queue of iommufd and back.
 */

#include <stdbool.h>
#include <stdint.h>

#include "map_timer.h"
#include "requester.h"
#include "service.h"

/** Most requesters of a machine. */
#define SVART_PERF_RIG_DEVICES 64

/** Parameters of a rig. */
struct perf_rig_params {
	uint32_t nr_devices;
	/**
	 * Resolvers. 0: the service is inline, and the thread that measures pumps it; the machine has no
	 * threads.
	 */
	uint32_t resolvers;
	struct svart_space_params space;
};

/** One requester and its attachment. Owner: its rig. Lifetime: the rig's. Locks: none. */
struct perf_rig_device {
	struct perf_requester requester;
	int cdev;
	uint32_t dev_id;
	uint32_t fault_id;
	int fault_fd;
	uint32_t hwpt_id;
	struct svart_fault_source *source;
};

/**
 * Owner: one thread. Lifetime: create to destroy. Locks: none.
 */
struct perf_rig {
	struct perf_rig_params params;
	struct svart_machine *m;
	struct perf_map_timer timer;
	struct svart_space *space;
	struct svart_fault_service *faults;
	int iommufd;
	uint32_t nr_devices; /**< Devices, each of which is attached. */
	struct perf_rig_device devices[SVART_PERF_RIG_DEVICES];
};

/** Makes a rig. @return 0 or -errno, told. */
int svart_perf_rig_create(const struct perf_rig_params *params, struct perf_rig **out);
void svart_perf_rig_destroy(struct perf_rig *rig);

/**
 * Runs jobs[i] on requester i, until all are done.
 * @param jobs array[nr]. @param ns out: time that it took.
 * @return 0; -EIO if a page request was refused; -ETIMEDOUT if no answer came for a minute; told.
 */
int svart_perf_rig_run(
	struct perf_rig *rig, const struct perf_requester_job *jobs, uint32_t nr, uint64_t *ns);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_REQUESTER_H
#define SVART_PERF_REQUESTER_H

/**
 * @file
 * A device that only asks for pages: it sends groups of page requests, and has a number of them under way
 * at once. It sends the next group from within the answer to one, so no thread has to wake up for it.
 *
 * The process that it is in gives it its work. The device model's create gets the address of the struct as
 * its options (svart_perf_requester_options()).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "map_timer.h"

/** Most page requests that it may have outstanding, all groups together. */
#define SVART_PERF_REQUESTER_CREDITS 512
/** Most groups under way. */
#define SVART_PERF_REQUESTER_GROUPS 64

/**
 * What the device must ask for, once.
 *
 * Owner: the caller that starts it; it must not change while it runs. Lifetime: until it has run. Locks:
 * none.
 */
struct perf_requester_job {
	const uint64_t *addrs; /**< array[nr_groups]: the first page of each group. */
	uint32_t nr_groups;
	uint32_t group_size; /**< Pages of a group, which follow each other. */
	uint32_t in_flight;  /**< Groups under way. */
	bool write;
	uint64_t *latency_ns; /**< out: array[nr_groups]: time from page request to answer. */
	uint64_t *own_ns; /**< out: array[nr_groups]: the part of it without any MAP under way. */
};

/** A group under way. Owner: its requester. Lifetime: until its answer. Locks: the device's. */
struct perf_requester_group {
	uint64_t sent_ns;
	uint64_t map_ns; /**< Value of the timer when it was sent. */
};

/**
 * The device.
 *
 * Owner: the bench; the machine calls it until it ends. Lifetime: longer than the machine. Locks: the
 * device's, for all that is not atomic.
 */
struct perf_requester {
	struct svart_bus *bus;
	struct perf_map_timer *timer;
	struct perf_requester_job job;
	struct perf_requester_group groups[SVART_PERF_REQUESTER_GROUPS];
	uint32_t sent;
	atomic_bool start;
	atomic_uint answered; /**< Groups answered so far. */
	atomic_bool failed;   /**< A group was refused, and the device has stopped. */
};

extern const struct svart_device_model svart_perf_requester_model;

/** Room for svart_perf_requester_options(). */
#define SVART_PERF_REQUESTER_OPTIONS 32
/** Writes the options for making the device. */
void svart_perf_requester_options(
	const struct perf_requester *r, char options[SVART_PERF_REQUESTER_OPTIONS]);

/**
 * Starts a job; the device is idle. It begins at its next step.
 * @param job the job; in_flight groups of it fit into the credits.
 */
void svart_perf_requester_start(struct perf_requester *r, const struct perf_requester_job *job);
/** @return whether all groups were answered or the device has stopped. @thread any. */
bool svart_perf_requester_done(const struct perf_requester *r);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_REQUESTER_H
#define SVART_PERF_REQUESTER_H

/**
 * @file
 * A device that does nothing but ask for pages: groups of page requests, so many under way at once.
 * The next group is sent from within the answer to one, so that no thread need wake up for it.
 *
 * It is given its work by the process it is in. The device model's create gets the address of the
 * struct as its options (svart_perf_requester_options()).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "map_timer.h"

/** Page requests that it may have outstanding, all groups together. */
#define SVART_PERF_REQUESTER_CREDITS 512
/** Groups under way at most. */
#define SVART_PERF_REQUESTER_GROUPS 64

/**
 * What it is to ask for, once.
 *
 * Owner: who starts it; stays as it is while it runs. Lifetime: as that. Locks: none.
 */
struct perf_requester_job {
	const uint64_t *addrs; /**< array[nr_groups]: the first page of each group. */
	uint32_t nr_groups;
	uint32_t group_size; /**< Pages of a group, one after the other. */
	uint32_t in_flight;  /**< Groups under way. */
	bool write;
	uint64_t *latency_ns; /**< out: array[nr_groups]: from page request to answer. */
	uint64_t *own_ns;     /**< out: array[nr_groups]: of that, without any MAP under way. */
};

/** A group under way. Owner: its requester. Lifetime: until its answer. Locks: the device's. */
struct perf_requester_group {
	uint64_t sent_ns;
	uint64_t map_ns; /**< Of the timer, when it was sent. */
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
	atomic_uint answered; /**< Groups, so far. */
	atomic_bool failed;   /**< A group was refused: it has stopped. */
};

extern const struct svart_device_model svart_perf_requester_model;

/** Room for svart_perf_requester_options(). */
#define SVART_PERF_REQUESTER_OPTIONS 32
/** The options to make the device with. */
void svart_perf_requester_options(
	const struct perf_requester *r, char options[SVART_PERF_REQUESTER_OPTIONS]);

/**
 * Starts a job; the device is idle. It begins at its next step.
 * @param job in_flight groups of it fit into the credits.
 */
void svart_perf_requester_start(struct perf_requester *r, const struct perf_requester_job *job);
/** @return whether there is nothing more to come. @thread any. */
bool svart_perf_requester_done(const struct perf_requester *r);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_MAP_TIMER_H
#define SVART_PERF_MAP_TIMER_H

/**
 * @file
 * Times the IOMMU_IOAS_MAP calls of a machine, so that the work of a fault service itself can be told from
 * what the kernel does for it.
 *
 * It replaces the machine's table of functions by a copy with an ioctl of its own.
 */

#include <pthread.h>
#include <stdint.h>

#include "machine.h"

/**
 * Owner: the caller that made the machine. Lifetime: until the machine ends. Locks: lock, for the last four
 * members.
 */
struct perf_map_timer {
	struct svart_machine_ops ops; /**< It is first, so that a machine's table leads here. */
	const struct svart_machine_ops *inner;
	/**
	 * IOAS_MAP and IOAS_UNMAP of these addresses succeed and do nothing. The range is empty at first;
	 * it is set before several threads use the machine.
	 */
	uint64_t pretend_start, pretend_end;
	pthread_mutex_t lock;
	unsigned int active;
	uint64_t since_ns; /**< Time since which some MAP has been under way, if active is not 0. */
	uint64_t busy_ns;
	uint64_t maps;
};

void svart_perf_map_timer_init(struct perf_map_timer *t, struct svart_machine *m);
/** Ends the timer. The machine must only be destroyed afterwards. */
void svart_perf_map_timer_fini(struct perf_map_timer *t, struct svart_machine *m);

/** Tells the nanoseconds until `now` in which at least one MAP was under way. @thread any. */
uint64_t svart_perf_map_timer_busy(struct perf_map_timer *t, uint64_t now);
/** Tells the number of MAPs so far. @thread any. */
uint64_t svart_perf_map_timer_maps(struct perf_map_timer *t);

#endif

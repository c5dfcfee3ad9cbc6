/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_MAP_TIMER_H
#define SVART_PERF_MAP_TIMER_H

/**
 * @file
 * Times the IOMMU_IOAS_MAP calls of a machine, so that what a fault service does itself can be told
 * from what the kernel does for it.
 *
 * It takes the place of the machine's table of functions: a copy of it, whose ioctl is its own.
 */

#include <pthread.h>
#include <stdint.h>

#include "machine.h"

/**
 * Owner: who made the machine. Lifetime: until the machine ends. Locks: lock, for the four last.
 */
struct perf_map_timer {
	struct svart_machine_ops ops; /**< First: a machine's table leads here. */
	const struct svart_machine_ops *inner;
	/**
	 * IOAS_MAP and IOAS_UNMAP of these addresses succeed and do nothing. Empty at first; set
	 * before the machine is used by several threads.
	 */
	uint64_t pretend_start, pretend_end;
	pthread_mutex_t lock;
	unsigned int active;
	uint64_t since_ns; /**< Some MAP has been under way since then, if active is not 0. */
	uint64_t busy_ns;
	uint64_t maps;
};

void svart_perf_map_timer_init(struct perf_map_timer *t, struct svart_machine *m);
/** The machine must not be used any more but to be destroyed. */
void svart_perf_map_timer_fini(struct perf_map_timer *t, struct svart_machine *m);

/** Nanoseconds until `now` in which at least one MAP was under way. @thread any. */
uint64_t svart_perf_map_timer_busy(struct perf_map_timer *t, uint64_t now);
/** MAPs so far. @thread any. */
uint64_t svart_perf_map_timer_maps(struct perf_map_timer *t);

#endif

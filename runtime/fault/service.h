/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_SERVICE_INTERNAL_H
#define SVART_FAULT_SERVICE_INTERNAL_H

/**
 * @file
 * The fault service, from the inside: what the core calls.
 */

#include <svart/fault.h>

#include "histogram.h"
#include "source.h"
#include "space.h"

/** @param eal whether EAL runs: threads are then DPDK control threads. As svart_fault_service_create(). */
int svart_fault_service_init(
	const struct svart_fault_params *params, bool eal, struct svart_fault_service **out);
/** @return 0, or -EBUSY while a source is attached. */
int svart_fault_service_fini(struct svart_fault_service *service);

/**
 * Starts serving a source: its requests are resolved in `space`.
 *
 * @param source stays the caller's until svart_fault_service_remove().
 * @return 0, -ENOSPC too many sources (1024), -ENOMEM, -EINVAL another service has sources that go with
 *         this one (svart_fault_source.service).
 * @thread control.
 */
int svart_fault_service_add(struct svart_fault_service *service, struct svart_fault_source *source,
	struct svart_space *space);

/**
 * Stops serving a source: partial groups are dropped and counted, groups being resolved are finished
 * and answered (or found gone). When it returns nothing of the service touches source or space any
 * more.
 * @thread control, not from within the service. @blocks until resolvers are done with it.
 */
void svart_fault_service_remove(
	struct svart_fault_service *service, struct svart_fault_source *source);

/** Eager or deferred, from the next record on. @thread control. @blocks until the pass ends. */
void svart_fault_service_set_mode(struct svart_fault_service *service,
	const struct svart_fault_source *source, enum svart_fault_mode mode);

/**
 * What sources have counted since they were added, summed; quantiles are those of all answers together.
 * A source that is not served counts nothing.
 * @param sources array[nr]. @thread control.
 */
void svart_fault_service_sources_stats(struct svart_fault_service *service,
	struct svart_fault_source *const *sources, unsigned int nr,
	struct svart_fault_stats *stats);

/**
 * Their latencies, in nanoseconds, by powers of two.
 * @param rows out: array[SVART_HISTOGRAM_ROWS]. @return how many. @thread control.
 */
unsigned int svart_fault_service_sources_latency(struct svart_fault_service *service,
	struct svart_fault_source *const *sources, unsigned int nr,
	struct svart_histogram_row *rows);

/** A pointer that the core keeps with the service: who made it. */
void svart_fault_service_set_owner(struct svart_fault_service *service, void *owner);
void *svart_fault_service_owner(const struct svart_fault_service *service);

/** After fork, in the child: the service is dead; its threads do not exist here. */
void svart_fault_service_mark_dead(struct svart_fault_service *service);

#endif

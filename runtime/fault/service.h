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

/** As svart_fault_service_create(). @param eal whether EAL runs: if so, threads are DPDK control threads. */
int svart_fault_service_init(
	const struct svart_fault_params *params, bool eal, struct svart_fault_service **out);
/** @return 0, or -EBUSY while a source is attached. */
int svart_fault_service_fini(struct svart_fault_service *service);

/**
 * Starts serving a source: its requests are resolved in `space`.
 *
 * @param source stays the caller's until svart_fault_service_remove().
 * @return 0, -ENOSPC too many sources (1024), -ENOMEM, -EINVAL another service has sources that belong
 *         together with this one (svart_fault_source.service), -EBUSY its thread waits for a page that does
 *         not come.
 * @thread control. @blocks until the pass under way ends, for two seconds at most.
 */
int svart_fault_service_add(struct svart_fault_service *service, struct svart_fault_source *source,
	struct svart_space *space);

/**
 * Stops serving a source: partial groups are dropped and counted, groups being resolved are finished
 * and answered (or found gone). When it returns 0, no thread of the service touches source or space any
 * more, but the source's place is still taken: svart_fault_service_remove() frees it.
 *
 * @return 0, or -EBUSY, told: a page of the process has not come for two seconds. A worker is mapping it for
 *         this source, or, if the fetch thread maps, for any source of the service. The source is not
 *         fetched from any more, if a pass has ended since. The caller calls again when the page has come.
 * @thread one for each source, not from within the service; needs no lock of the core's.
 * @blocks until then, for two seconds at most.
 */
int svart_fault_service_release(
	struct svart_fault_service *service, struct svart_fault_source *source);

/**
 * Releases a source, unless that was done already, and frees its place.
 * @return 0, or -EBUSY as above. @thread control, not from within the service. @blocks as above.
 */
int svart_fault_service_remove(
	struct svart_fault_service *service, struct svart_fault_source *source);

/**
 * Sets the lessee of a source's attachment. The first page of each of its groups is leased when it is
 * resolved, and the first step_pages are mapped last, because devices ask first for what they need now. The
 * device must not send page requests before this call.
 * @return 0, or -EBUSY as above. @thread control. @blocks until the pass ends, for two seconds at most.
 */
int svart_fault_service_lease(struct svart_fault_service *service,
	const struct svart_fault_source *source, struct svart_lessee *lessee, uint32_t step_pages);

/**
 * Makes the device behind a source ask again for all it has asked for so far, whether that waits in the
 * kernel, in the service or with a resolver: every group is answered SUCCESS, and no page of it is mapped. An
 * engine that still needs a page asks again; one that was stopped does not. So when this has returned 0 and
 * then svart_space_forget() has taken the pages away, nothing is mapped any more for operations of a queue
 * that was stopped before the call.
 *
 * With iommufd a request counts as asked for once the kernel has queued it for the process.
 *
 * @return 0, also if the source is not served; or -EBUSY as above, also if its page requests cannot be read
 *         for so long.
 * @thread control, not from within the service. @blocks until the pass ends, for two seconds at most; then
 *         for two seconds at most more, if the source cannot be read. It maps nothing.
 */
int svart_fault_service_ask_again(
	struct svart_fault_service *service, const struct svart_fault_source *source);

/**
 * Sets eager or deferred mode from the next record on. For a source of whole groups both are the same.
 * @return 0, or -EBUSY as above. @thread control. @blocks until the pass ends, for two seconds at most.
 */
int svart_fault_service_set_mode(struct svart_fault_service *service,
	const struct svart_fault_source *source, enum svart_fault_mode mode);

/**
 * Sums what sources have counted since they were added; quantiles are those of all answers together.
 * A source that is not served adds nothing.
 * @param sources array[nr]. @thread control.
 */
void svart_fault_service_sources_stats(struct svart_fault_service *service,
	struct svart_fault_source *const *sources, unsigned int nr,
	struct svart_fault_stats *stats);

/**
 * Gives the latencies of sources, in nanoseconds, by powers of two.
 * @param rows out: array[SVART_HISTOGRAM_ROWS]. @return how many. @thread control.
 */
unsigned int svart_fault_service_sources_latency(struct svart_fault_service *service,
	struct svart_fault_source *const *sources, unsigned int nr,
	struct svart_histogram_row *rows);

/** Keeps a pointer of the core with the service: to what made the service. */
void svart_fault_service_set_owner(struct svart_fault_service *service, void *owner);
void *svart_fault_service_owner(const struct svart_fault_service *service);

/** To be called in the child after a fork: the service is dead, because its threads do not exist here. */
void svart_fault_service_mark_dead(struct svart_fault_service *service);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TRACE_H
#define SVART_TRACE_H

/**
 * @file
 * Trace points: what happens to page requests and operations, as DPDK traces (CTF, to be read with
 * babeltrace2). Names, fields and their meaning are an interface for programs that read traces:
 * doc/guides/tracing.
 *
 * Without EAL, or when a point is off, a call costs a load and a branch. Points of the fault path are
 * called once for each record, group or answer. Points about a page request are in
 * runtime/fault/request_trace.h, which knows what a page request is.
 *
 * All functions: any thread. A thread's first event allocates its buffer; nothing else blocks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "trace_points.h"

/** Whether a point is on: rte_trace_point_is_enabled() without a call. */
static inline bool svart_trace_is_on(const rte_trace_point_t *point)
{
	/* The point's setting orders nothing else. */
	return __builtin_expect(
		(__atomic_load_n(point, __ATOMIC_RELAXED) & __RTE_TRACE_FIELD_ENABLE_MASK) != 0, 0);
}

/* --- svart.fault.*: device is svart's number of the device; PASID UINT32_MAX: none ---------------- */

/** Whether svart.fault.resolve is on: only then the caller reads a clock. */
static inline bool svart_trace_resolve_on(void)
{
	return svart_trace_is_on(&__svart_point_resolve);
}

/** Pages [start, end) were made present, or not. result: 0 or -errno; ns: how long it took. */
static inline void svart_trace_resolve(
	uint64_t start, uint64_t end, uint32_t access, uint64_t ns, int result)
{
	svart_point_resolve(start, end, access, ns, result);
}

/**
 * An answer was sent: that of a group, or a record's own. flags: those of the answer; code: enum
 * svart_page_response_code; gone: a detach had answered; ns: time since the fetch.
 */
static inline void svart_trace_page_response(uint32_t device, uint32_t pasid, uint32_t group_id,
	uint64_t token, uint32_t flags, uint32_t code, bool gone, uint64_t ns)
{
	svart_point_page_response(device, pasid, group_id, token, flags, code, gone, ns);
}

/** Requests were lost, so partial groups were dropped. nr: how many requests they had. */
static inline void svart_trace_overflow(uint32_t device, uint64_t nr)
{
	svart_point_overflow(device, nr);
}

/* --- svart.queue.*: submit and poll of a driver ask once a burst, and call only if a point is on --- */

struct svart_completion;
struct svart_queue;

/** Whether svart.queue.submit is on. */
static inline bool svart_trace_submit_on(void)
{
	return svart_trace_is_on(&__svart_point_submit);
}

/** Whether svart.queue.complete is on. */
static inline bool svart_trace_complete_on(void)
{
	return svart_trace_is_on(&__svart_point_complete);
}

/**
 * A burst goes to the device. The caller calls this before the device may see the first operation.
 *
 * @param fast   what submit was called with: the `fast` of a struct svart_pmd_queue.
 * @param nr     how many operations; 0 makes no event.
 * @param cookie of the first operation.
 */
void svart_trace_submit(const struct svart_queue *fast, uint32_t nr, uint64_t cookie);

/**
 * Operations have completed; each makes one event.
 *
 * @param fast what poll was called with.
 * @param done array[nr], what poll is about to return.
 */
void svart_trace_complete(
	const struct svart_queue *fast, const struct svart_completion *done, uint32_t nr);

#endif

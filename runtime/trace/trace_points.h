/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TRACE_POINTS_H
#define SVART_TRACE_POINTS_H

/**
 * @file
 * The trace points themselves, for trace.h and trace.c only: each is an inline function, svart_point_X
 * for svart.fault.X or svart.queue.X. DPDK takes the names of the fields, as a trace shows them, from
 * the text of the arguments.
 *
 * All points use RTE_TRACE_POINT and not RTE_TRACE_POINT_FP, those of queues too. A point that is off costs
 * the same in both: a load and a branch. _FP only adds that rte_build_config.h can remove the point, and that
 * file of distributions does so.
 */

#include <stdint.h>

#include <rte_trace_point.h>

#ifndef ALLOW_EXPERIMENTAL_API
#error "without ALLOW_EXPERIMENTAL_API every trace point is empty: depend on trace_dep"
#endif

/* The points are the library's own, so they are reached without the global offset table. */
#pragma GCC visibility push(hidden)

/* clang-format off */
RTE_TRACE_POINT(svart_point_page_request,
	RTE_TRACE_POINT_ARGS(uint32_t device, uint32_t pasid, uint32_t group_id, uint64_t token,
		uint64_t addr, uint32_t access, uint32_t flags),
	rte_trace_point_emit_u32(device);
	rte_trace_point_emit_u32(pasid);
	rte_trace_point_emit_u32(group_id);
	rte_trace_point_emit_u64(token);
	rte_trace_point_emit_u64(addr);
	rte_trace_point_emit_u32(access);
	rte_trace_point_emit_u32(flags);
)

RTE_TRACE_POINT(svart_point_group_ready,
	RTE_TRACE_POINT_ARGS(uint32_t device, uint32_t pasid, uint32_t group_id, uint64_t token,
		uint32_t nr),
	rte_trace_point_emit_u32(device);
	rte_trace_point_emit_u32(pasid);
	rte_trace_point_emit_u32(group_id);
	rte_trace_point_emit_u64(token);
	rte_trace_point_emit_u32(nr);
)

RTE_TRACE_POINT(svart_point_resolve,
	RTE_TRACE_POINT_ARGS(uint64_t start, uint64_t end, uint32_t access, uint64_t ns,
		int32_t result),
	rte_trace_point_emit_u64(start);
	rte_trace_point_emit_u64(end);
	rte_trace_point_emit_u32(access);
	rte_trace_point_emit_u64(ns);
	rte_trace_point_emit_i32(result);
)

RTE_TRACE_POINT(svart_point_page_response,
	RTE_TRACE_POINT_ARGS(uint32_t device, uint32_t pasid, uint32_t group_id, uint64_t token,
		uint32_t flags, uint32_t code, uint8_t gone, uint64_t ns),
	rte_trace_point_emit_u32(device);
	rte_trace_point_emit_u32(pasid);
	rte_trace_point_emit_u32(group_id);
	rte_trace_point_emit_u64(token);
	rte_trace_point_emit_u32(flags);
	rte_trace_point_emit_u32(code);
	rte_trace_point_emit_u8(gone);
	rte_trace_point_emit_u64(ns);
)

RTE_TRACE_POINT(svart_point_overflow,
	RTE_TRACE_POINT_ARGS(uint32_t device, uint64_t nr),
	rte_trace_point_emit_u32(device);
	rte_trace_point_emit_u64(nr);
)

RTE_TRACE_POINT(svart_point_deadline,
	RTE_TRACE_POINT_ARGS(uint32_t device, uint32_t pasid, uint32_t group_id, uint64_t token,
		uint64_t ns),
	rte_trace_point_emit_u32(device);
	rte_trace_point_emit_u32(pasid);
	rte_trace_point_emit_u32(group_id);
	rte_trace_point_emit_u64(token);
	rte_trace_point_emit_u64(ns);
)

RTE_TRACE_POINT(svart_point_submit,
	RTE_TRACE_POINT_ARGS(uint32_t device, uint32_t queue, uint32_t nr, uint64_t cookie),
	rte_trace_point_emit_u32(device);
	rte_trace_point_emit_u32(queue);
	rte_trace_point_emit_u32(nr);
	rte_trace_point_emit_u64(cookie);
)

RTE_TRACE_POINT(svart_point_complete,
	RTE_TRACE_POINT_ARGS(uint32_t device, uint32_t queue, uint64_t cookie, uint8_t status,
		uint64_t bytes),
	rte_trace_point_emit_u32(device);
	rte_trace_point_emit_u32(queue);
	rte_trace_point_emit_u64(cookie);
	rte_trace_point_emit_u8(status);
	rte_trace_point_emit_u64(bytes);
)
/* clang-format on */

#pragma GCC visibility pop

#endif

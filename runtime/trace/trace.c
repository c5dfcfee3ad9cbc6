/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Registers the points with EAL, before main(). They are all in this one file, so that a program that
 * is linked to the static library and uses one of them has all of them.
 *
 * If rte_trace_point_register.h comes first, trace_points.h describes the points instead of emitting them.
 */

#include <rte_trace_point_register.h>

#include "trace_points.h"

RTE_TRACE_POINT_REGISTER(svart_point_page_request, svart.fault.page_request)
RTE_TRACE_POINT_REGISTER(svart_point_group_ready, svart.fault.group_ready)
RTE_TRACE_POINT_REGISTER(svart_point_resolve, svart.fault.resolve)
RTE_TRACE_POINT_REGISTER(svart_point_page_response, svart.fault.page_response)
RTE_TRACE_POINT_REGISTER(svart_point_overflow, svart.fault.overflow)
RTE_TRACE_POINT_REGISTER(svart_point_deadline, svart.fault.deadline)

RTE_TRACE_POINT_REGISTER(svart_point_submit, svart.queue.submit)
RTE_TRACE_POINT_REGISTER(svart_point_complete, svart.queue.complete)

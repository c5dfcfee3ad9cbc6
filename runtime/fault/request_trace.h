/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_REQUEST_TRACE_H
#define SVART_REQUEST_TRACE_H

/**
 * @file
 * The trace points that are about a page request; the other points of svart.fault.* are in trace.h.
 */

#include "page_request.h"
#include "trace.h"

/** @return the PASID as traces show it. */
static inline uint32_t svart_trace_pasid(const struct svart_page_request *request)
{
	return request->flags & SVART_PAGE_REQUEST_PASID ? request->pasid : UINT32_MAX;
}

/** A record was fetched. */
static inline void svart_trace_page_request(
	uint32_t device, const struct svart_page_request *request)
{
	svart_point_page_request(device, svart_trace_pasid(request), request->group_id,
		request->token, request->addr, request->access, request->flags);
}

/** A group's LAST was fetched. nr: how many requests the group has. */
static inline void svart_trace_group_ready(
	uint32_t device, const struct svart_page_request *last, uint32_t nr)
{
	svart_point_group_ready(device, svart_trace_pasid(last), last->group_id, last->token, nr);
}

/** A group was answered INVALID because its deadline passed. ns: time since the fetch. */
static inline void svart_trace_deadline(
	uint32_t device, const struct svart_page_request *last, uint64_t ns)
{
	svart_point_deadline(device, svart_trace_pasid(last), last->group_id, last->token, ns);
}

#endif

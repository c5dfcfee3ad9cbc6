/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_RAW_WING_H
#define SVART_FAULT_RAW_WING_H

/**
 * @file
 * What the sources on raw queues and the wing (raw_lane.h) know of each other.
 */

#include <stdbool.h>

#include "page_request.h"
#include "wing.h"

/** The wing that makes groups of the records of raw queues. */
extern const struct svart_fault_wing svart_raw_wing;

/**
 * Whether a record is a stop marker (PCIe 6.0, 10.4.1.2.1): it is in no group, and no device waits for its
 * answer.
 */
static inline bool svart_raw_stop_marker(const struct svart_page_request *request)
{
	return (request->flags & SVART_PAGE_REQUEST_LAST) &&
	       !(request->flags & SVART_PAGE_REQUEST_MALFORMED) &&
	       !(request->access & (SVART_ACCESS_READ | SVART_ACCESS_WRITE | SVART_ACCESS_EXEC));
}

#endif

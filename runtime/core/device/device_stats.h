/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DEVICE_STATS_H
#define SVART_DEVICE_STATS_H

/**
 * @file
 * The fault counters of a device. The caller of each function holds the runtime's lock.
 */

#include <svart/fault.h>

#include "histogram.h"

struct svart_attachment;
struct svart_device;

/** Reads the counters. @param only one attachment of the device, or NULL for the sum over all. */
void svart_device_stats_read(struct svart_device *dev, const struct svart_attachment *only,
	struct svart_fault_stats *stats);
/** Reads the latencies, likewise. @param rows out: array[SVART_HISTOGRAM_ROWS]. @return how many. */
unsigned int svart_device_latency_read(struct svart_device *dev,
	const struct svart_attachment *only, struct svart_histogram_row *rows);

#endif

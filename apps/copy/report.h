/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_REPORT_H
#define SVART_COPY_REPORT_H

/**
 * @file
 * What is printed when the copy is complete.
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/fault.h>
#include <svart/space.h>

#include "job.h"
#include "options.h"

/** The numbers of one copy. */
struct copy_report {
	bool complete;  /**< DST has its new contents, even if a later step fails. */
	uint64_t bytes; /**< Size of the file. */
	uint64_t
		time_ns; /**< Time from the first operation until the copy was complete, but not verified. */
	uint32_t depth;
	uint64_t chunk;
	struct copy_totals totals;
	struct svart_fault_stats faults;
	struct svart_space_stats space;
};

/**
 * Prints the report, as the options want it.
 * @return 0; -ENOMEM, -EIO, told: no memory, or standard output does not take all of it.
 */
int svart_copy_report_print(const struct copy_options *options, const struct copy_report *r);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_INFO_TRIAL_H
#define SVART_INFO_TRIAL_H

/**
 * @file
 * --probe: one harmless operation, and whether its page request arrives.
 */

#include <svart/svart.h>

/**
 * Result of the trial.
 *
 * Owner: main(). Lifetime: the program's. Locks: none.
 */
struct info_trial {
	const char *spec;
	bool ok;                /**< All went as it should. */
	bool ended;             /**< The operation has ended, well or not. */
	uint64_t page_requests; /**< Page requests that arrived. */
	uint64_t answers;       /**< Groups of them that were answered SUCCESS. */
	/** Time from submission to completion, or until the trial was given up. */
	uint64_t time_ns;
	uint64_t answer_ns; /**< Longest time from the fetch of a group to its answer. */
	char result[640];   /**< Result in words. */
};

/**
 * Has a device copy one byte from a page that nobody has touched.
 *
 * @param trial out: filled in whole, also if something failed. spec stays the caller's.
 */
void svart_info_trial_run(
	struct svart *rt, const char *spec, uint64_t timeout_ns, struct info_trial *trial);

#endif

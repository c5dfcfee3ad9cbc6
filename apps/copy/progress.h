/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_PROGRESS_H
#define SVART_COPY_PROGRESS_H

/**
 * @file
 * One line on standard error that says how far the copy is; only if that is a terminal.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * The line.
 *
 * Owner: the copying thread. Lifetime: start to end. Locks: none.
 */
struct copy_progress {
	bool on;
	const char *doing; /**< "copied", "verified". */
	uint64_t total;    /**< Bytes. */
	uint64_t start_ns;
	uint64_t next_ns; /**< Time before which it is not written again. */
};

/** Reads CLOCK_MONOTONIC, in nanoseconds. */
uint64_t svart_copy_now_ns(void);

/** Starts the line. @param wanted whether the user wants to see it. */
void svart_copy_progress_start(
	struct copy_progress *p, bool wanted, const char *doing, uint64_t total);

/** Shows that `done` bytes are copied. It writes at most ten times a second. */
void svart_copy_progress_update(struct copy_progress *p, uint64_t done);

/** Clears the line. */
void svart_copy_progress_end(struct copy_progress *p);

#endif

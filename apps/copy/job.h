/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_JOB_H
#define SVART_COPY_JOB_H

/**
 * @file
 * The copy itself: keeps --depth operations in flight until all data is copied.
 */

#include <stdatomic.h>

#include "output.h"
#include "progress.h"
#include "session.h"
#include "source.h"

/** What the copy works with; all of it stays the caller's. */
struct copy_job_params {
	const struct copy_session *session;
	struct copy_source *source;
	struct copy_output *output;
	struct copy_progress *progress;
	const atomic_int *stop; /**< Not 0: a signal has come, and the copy must end. */
};

/** What the copy did. */
struct copy_totals {
	uint64_t ops;        /**< Operations that the device completed. */
	uint64_t data_bytes; /**< Bytes that the device copied; the rest are holes. */
};

/**
 * Copies all data of the source to the same places of the output.
 *
 * @return 0; -errno, told; -EINTR, not told: *stop was set. After an error operations can still be in
 *         flight: stop the queue before anything else.
 * @blocks until it is done.
 */
int svart_copy_job_run(const struct copy_job_params *params, struct copy_totals *totals);

#endif

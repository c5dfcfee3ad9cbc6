/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_VERIFY_H
#define SVART_COPY_VERIFY_H

/**
 * @file
 * Compares the copy with its source, by the CPU.
 */

#include <stdatomic.h>

#include "output.h"
#include "progress.h"
#include "source.h"

/**
 * Reads both files, except holes of both, and compares them. It uses pread() and no mapping: a file that
 * was cut short then gives a short read and no SIGBUS.
 *
 * @return 0 equal; -EILSEQ they differ, told with the first offset; -errno, told; -EINTR, not told:
 *         *stop was set.
 */
int svart_copy_verify(const struct copy_source *src, const struct copy_output *out,
	struct copy_progress *progress, const atomic_int *stop);

#endif

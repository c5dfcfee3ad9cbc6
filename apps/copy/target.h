/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_TARGET_H
#define SVART_COPY_TARGET_H

/**
 * @file
 * DST: the file that exists before the copy, and what may be done to it.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "source.h"

/**
 * DST.
 *
 * Owner: the copying thread. Lifetime: open to close. Locks: none.
 */
struct copy_target {
	char *path; /**< DST, or DST/SRC's name, with symbolic links resolved. */
	char *name; /**< Its last component, in dir_fd. */
	int dir_fd; /**< Its folder; -1 if there is none that can be reached. */
	bool exists;
	/** Its state at first; this and the members below are valid only if it exists. */
	struct stat old;
	int write_fd;  /**< -1: the file is being run. */
	bool readable; /**< write_fd is also open for reading. */
	int read_fd;   /**< -1: the file cannot be read with an owner's rights. */
};

/**
 * Finds DST, and opens the file that is there: it can be written, as cp would do.
 *
 * @param path DST; if it is a directory, the file is in it, under the name of SRC.
 * @param src  gives its name, and must not be DST itself.
 * @return 0 or -errno, told; the caller must call svart_copy_target_close() in any case.
 */
int svart_copy_target_open(
	const char *path, const struct copy_source *src, struct copy_target *target);

/**
 * Tells whether another file can take the name of the old one, so that only the contents change. For that
 * the old one must have only one name, in its own folder and not as a mount, it may be removed from there,
 * and it has no permission that a write takes away.
 */
bool svart_copy_target_replaceable(const struct copy_target *target);

/**
 * Checks that the name is still the old file's own, or nobody's.
 * @return 0 or -errno, told.
 */
int svart_copy_target_check(const struct copy_target *target);

/** Closes write_fd: a program that somebody may want to run must not be open for writing. */
void svart_copy_target_end_writing(struct copy_target *target);

void svart_copy_target_close(struct copy_target *target);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_UNFINISHED_H
#define SVART_COPY_UNFINISHED_H

/**
 * @file
 * The file in which a copy grows until it is complete.
 *
 * It has no name (O_TMPFILE), so nothing is left of it however the program ends. If the file system knows
 * no such files, its name is .svart-copy-PID-N, in the folder of the output.
 */

#include <stdbool.h>
#include <sys/types.h>

/**
 * The file.
 *
 * Owner: the copying thread. Lifetime: create to remove. Locks: none.
 */
struct copy_unfinished {
	int dir_fd;    /**< Its folder; the caller's. */
	int fd;        /**< -1: there is none. */
	char name[48]; /**< Its present name, in dir_fd; "": it has none. */
};

/**
 * Makes an empty file.
 *
 * @param mode permissions; the kernel applies the umask, or the folder's default ACL.
 * @return 0, or -errno of the folder's refusal, not told.
 */
int svart_copy_unfinished_create(int dir_fd, mode_t mode, struct copy_unfinished *u);

/**
 * Writes out a file's data as far as close() would, without closing it: network file systems report only at
 * close() what they could not write.
 * @return 0 or -errno, not told.
 */
int svart_copy_unfinished_write_out(int fd);

/**
 * Gives the file its name, in one step, and in place of a file that has this name.
 *
 * @param replace whether a file with this name may exist.
 * @return 0; -EEXIST: there is one, and there may not be; -errno. Not told. Its data is written out before,
 *         as svart_copy_unfinished_write_out() does.
 */
int svart_copy_unfinished_publish(struct copy_unfinished *u, const char *name, bool replace);

/** Ends it; a file that has no name yet is deleted. @return 0; -errno, not told: u->name is left over. */
int svart_copy_unfinished_remove(struct copy_unfinished *u);

#endif

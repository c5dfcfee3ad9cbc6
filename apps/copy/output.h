/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_OUTPUT_H
#define SVART_COPY_OUTPUT_H

/**
 * @file
 * The file that is written.
 *
 * The copy grows under a name for now, .svart-copy-PID-N in the same directory, and is renamed to
 * its own name by svart_copy_output_commit(). So there is never a file that looks complete and is
 * not, and an old file stays until there is a new one. A file without a name (a memfd, by
 * /proc/self/fd/N) cannot be renamed to: it is written in place, and emptied if the copy fails.
 *
 * The device writes into the mapped file where Linux can pin its pages, else into a ring of
 * buffers, one for each operation in flight, that are written out by pwrite().
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mapping.h"
#include "source.h"

/**
 * The output.
 *
 * Owner: the copying thread. Lifetime: open to close. Locks: none.
 */
struct copy_output {
	char *path;    /**< What it will be called: DST, or DST/SRC's name. */
	char *name;    /**< Its last component, in dir_fd. */
	char temp[48]; /**< What it is called now, in dir_fd; "" once renamed. */
	int dir_fd;    /**< -1 with in_place. */
	int fd;        /**< -1 once closed. */
	bool in_place;
	bool touched;  /**< Written in place: no longer as it was. */
	bool replaces; /**< There is an old file; `old` describes it. */
	bool mapped;   /**< The device writes into the file itself. */
	struct stat old;
	uint64_t buffer_bytes;   /**< Of one buffer of the ring. */
	struct copy_mapping map; /**< The file, or the ring. */
};

/**
 * Checks the name and makes an empty file under its name for now.
 *
 * @param path DST; a directory means: in it, under the name of SRC.
 * @param src  for its name, its mode, and to tell that it is not DST itself.
 * @return 0 or -errno, told.
 */
int svart_copy_output_open(
	const char *path, const struct copy_source *src, struct copy_output *out);

/**
 * Gives the file its size and makes the memory that the device writes to.
 *
 * @param bytes size of the file; 0: no memory is made.
 * @param depth operations in flight; @param chunk bytes of one.
 * @return 0 or -errno, told.
 */
int svart_copy_output_prepare(
	struct copy_output *out, uint64_t bytes, uint32_t depth, uint64_t chunk);

/**
 * Takes room for a run of data, where the device will write to the file itself: later there would
 * only be a fault without a reason.
 * @return 0 or -errno, told; -EINTR not told: a signal came.
 */
int svart_copy_output_reserve(struct copy_output *out, const struct copy_extent *extent);

/** Where the device writes what belongs at `off`, with buffer `slot` below depth. */
void *svart_copy_output_place(const struct copy_output *out, uint32_t slot, uint64_t off);

/**
 * Takes over what the device wrote at svart_copy_output_place(): the buffer can be used again.
 * @return 0 or -errno, told.
 */
int svart_copy_output_retire(struct copy_output *out, uint32_t slot, uint64_t off, uint64_t len);

/** All below `off` is retired: takes memory back behind it. @return 0 or -errno, told. */
int svart_copy_output_release(struct copy_output *out, struct svart_space *space, uint64_t off);

/** Takes all memory back. No operation is in flight. @return 0 or -errno, told. */
int svart_copy_output_unmap(struct copy_output *out, struct svart_space *space);

/** Gives the complete file its mode and its name. Memory is unmapped. @return 0 or -errno, told. */
int svart_copy_output_commit(struct copy_output *out);

/** Ends it; what was not committed is removed, or emptied where written in place. */
void svart_copy_output_close(struct copy_output *out);

#endif

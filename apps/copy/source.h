/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_SOURCE_H
#define SVART_COPY_SOURCE_H

/**
 * @file
 * The file that is copied.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "mapping.h"

/**
 * The source.
 *
 * Owner: the copying thread. Lifetime: open to close. Locks: none.
 */
struct copy_source {
	const char *path;
	int fd;
	struct stat stat; /**< State when it was opened; st_size bytes are copied. */
	struct copy_mapping map;
};

/** A run of data between holes, [start, end). */
struct copy_extent {
	uint64_t start;
	uint64_t end;
};

/**
 * Opens and maps a regular file.
 * @return 0 or -errno, told.
 */
int svart_copy_source_open(const char *path, struct copy_source *src);

/** Closes the source. `space` and the result are as in svart_copy_mapping_close(). */
int svart_copy_source_close(struct copy_source *src, struct svart_space *space);

/** Tells the bytes to copy. */
uint64_t svart_copy_source_bytes(const struct copy_source *src);

/**
 * Finds the first run of data at or after `from`. If the file system does not say where its holes are, all
 * is data.
 * @return true if *extent is the run; false if there are only holes up to the end.
 */
bool svart_copy_source_next_extent(
	const struct copy_source *src, uint64_t from, struct copy_extent *extent);

/**
 * Checks that the file was not cut short since it was opened.
 * @return 0 or -errno, told: -ENODATA if it was cut short.
 */
int svart_copy_source_check(const struct copy_source *src);

#endif

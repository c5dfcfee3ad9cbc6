/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_OUTPUT_H
#define SVART_COPY_OUTPUT_H

/**
 * @file
 * The file that is written.
 *
 * The copy grows in a file of its own (unfinished.h), which gets the name by
 * svart_copy_output_commit(). So there is never a file that looks complete and is not, and an old file
 * stays until there is a new one that is like it in everything except contents. If that is not possible,
 * the old file is written in place, as cp does, and emptied if the copy fails.
 *
 * The device writes into the mapped file if Linux can pin its pages. If not, it writes into a ring of
 * buffers, one for each operation in flight, and pwrite() writes them to the file.
 */

#include <stdbool.h>
#include <stdint.h>

#include "mapping.h"
#include "source.h"
#include "target.h"
#include "unfinished.h"

/**
 * The output.
 *
 * Owner: the copying thread. Lifetime: open to close. Locks: none.
 */
struct copy_output {
	struct copy_target target; /**< DST. */
	/** If in_place is not set: the file in which the copy grows. */
	struct copy_unfinished unfinished;
	int fd;                  /**< Descriptor of the file that is written, the new one or DST. */
	bool in_place;           /**< The old file itself is written. */
	bool touched;            /**< It was written in place, and has changed already. */
	bool done;               /**< It is committed: the output is as it has to be. */
	bool mapped;             /**< The device writes into the file itself. */
	uint64_t buffer_bytes;   /**< Bytes of one buffer of the ring. */
	struct copy_mapping map; /**< The file, or the ring. */
};

/**
 * Finds DST, chooses between a new file and the old one in place, and opens it. Nothing is written.
 *
 * @param path      DST; if it is a directory, the output is in it, under the name of SRC.
 * @param src       gives its name and its mode, and must not be DST itself.
 * @param read_back whether the copy will be read (verify.h).
 * @return 0 or -errno, told.
 */
int svart_copy_output_open(
	const char *path, const struct copy_source *src, bool read_back, struct copy_output *out);

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
 * Takes room for a run of data, if the device will write to the file itself: without it, a full disk would
 * later be a fault without a reason.
 * @return 0 or -errno, told; -EINTR, not told: a signal came.
 */
int svart_copy_output_reserve(struct copy_output *out, const struct copy_extent *extent);

/** Tells where the device writes the data for `off`, with buffer `slot` below depth. */
void *svart_copy_output_place(const struct copy_output *out, uint32_t slot, uint64_t off);

/**
 * Takes over what the device wrote at svart_copy_output_place(): the buffer can be used again.
 * @return 0 or -errno, told.
 */
int svart_copy_output_retire(struct copy_output *out, uint32_t slot, uint64_t off, uint64_t len);

/**
 * Checks, when the device failed, that nobody has cut short the file that it writes to itself.
 * @param bytes size of the complete file. @return 0 or -errno, told; -ENODATA if somebody has.
 */
int svart_copy_output_check(const struct copy_output *out, uint64_t bytes);

/** Takes back memory behind the copy: all below `off` is retired. @return 0 or -errno, told. */
int svart_copy_output_release(struct copy_output *out, struct svart_space *space, uint64_t off);

/** Takes all memory back. No operation is in flight. @return 0 or -errno, told. */
int svart_copy_output_unmap(struct copy_output *out, struct svart_space *space);

/** Makes the complete file DST. Memory is unmapped. @return 0 or -errno, told. */
int svart_copy_output_commit(struct copy_output *out);

/**
 * Gives up a copy that is not committed: removes it, or empties DST if it was written in place.
 * @return what happened to DST, as in "DST is left empty".
 */
const char *svart_copy_output_undo(struct copy_output *out);

/** Ends the output; gives up a copy that is not committed. */
void svart_copy_output_close(struct copy_output *out);

#endif

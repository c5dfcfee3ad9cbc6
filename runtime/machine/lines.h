/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_LINES_H
#define SVART_LINES_H

/**
 * @file
 * A text file of the kernel's, line by line, from its start to its end.
 *
 * The kernel makes the text of a file of /proc while it is read, a buffer at a time. So the text is
 * consistent only for one reader that reads on where it stopped (fs/seq_file.c):
 *
 * - A read makes whole lines, as many as fit, and the kernel holds the lock of what they describe
 *   meanwhile (for areas of memory newer kernels lock one after the other, and look for gaps between).
 *   If a line does not fit, the next read gives its rest out of the kernel's buffer.
 * - A read at another offset than where the last one ended makes the text anew from its start and
 *   counts bytes. A change before that place moves all text that follows: lines tear, or are missed.
 *
 * Hence the one rule: a descriptor has one reader at a time. Things change between two reads all the
 * same, and a text that is not a kernel's can have any form, so each line says whether it came whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "machine.h"

/** How many bytes are kept of a line that is split between two reads, with the terminator. */
#define SVART_LINE_HEAD 128

/** An offset for svart_lines_init(): it reads on from where the descriptor is. */
#define SVART_LINES_READ_ON ((off_t)-1)

/**
 * One reading of a file. Nothing is allocated.
 *
 * Owner: its reader, on the stack. Lifetime: one reading. Locks: none; see above.
 */
struct svart_lines {
	struct svart_machine *m;
	int fd;
	off_t offset;               /* Offset of the next read, or SVART_LINES_READ_ON. */
	size_t at, have;            /* Bytes of buf that are taken, and that it has. */
	char head[SVART_LINE_HEAD]; /* A line that is split. */
	/* Linux makes a page of text in one read, except for a line that is longer (fs/seq_file.c). */
	char buf[4096];
};

/** One line. Owner: the struct svart_lines, until its next call. */
struct svart_line {
	/**
	 * The line without its newline, terminated. If split, it has SVART_LINE_HEAD - 1 characters at most.
	 */
	const char *text;
	bool split; /**< It came in more than one read. */
	bool ended; /**< A newline ended it, not the end of the file. */
};

/**
 * Begins at the start of the file.
 * @param offset 0: it reads by pread(), so that a descriptor can be read many times;
 *        SVART_LINES_READ_ON: it reads by read(), for a descriptor that was just opened.
 */
void svart_lines_init(struct svart_lines *lines, struct svart_machine *m, int fd, off_t offset);

/** @return 1 and a line, 0 at the end, or -errno of the read. @blocks as the file's read does. */
int svart_lines_next(struct svart_lines *lines, struct svart_line *line);

/** As svart_lines_next(), for lines of any length: @return 1 and a byte, 0 at the end, or -errno. */
int svart_lines_byte(struct svart_lines *lines, char *byte);

#endif

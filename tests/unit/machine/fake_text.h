/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAKE_TEXT_H
#define SVART_FAKE_TEXT_H

/**
 * @file
 * A machine of a few text files, whose text can be another in each reading, and can move while it is
 * read. It has no ioctls.
 */

#include "machine.h"

#define FAKE_TEXT_FILES 2
#define FAKE_TEXT_FDS   16

/**
 * One file. A reading begins with a read at its start.
 *
 * Owner: the test, which sets the first members; the others say what was done.
 */
struct fake_text_file {
	const char *path;
	const char *const
		*texts; /**< Of the first reading, the second..., the last for all later. */
	unsigned int nr_texts;
	bool per_read; /**< The texts are of the first read, the second... */
	size_t piece;  /**< Bytes that a read gives at most; 0: 4096. */
	int open_error, read_error;
	unsigned int fail_at; /**< Which read fails with read_error, from 1; 0: each. */

	unsigned int readings, reads, opens;
};

/** Owner: the test. Lifetime: fake_text_init() on; the test sees that nothing is left open. */
struct fake_text {
	struct svart_machine machine;
	struct fake_text_file files[FAKE_TEXT_FILES];
	struct {
		struct fake_text_file *file; /**< NULL: closed. */
		size_t at;
	} fds[FAKE_TEXT_FDS];
	unsigned int nr_open;
};

void fake_text_init(struct fake_text *t);
/** The texts, in the order of the readings, NULL after the last. They must last as long as t. */
void fake_text_set(struct fake_text_file *f, const char *path, const char *const *texts);

#endif

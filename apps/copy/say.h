/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_SAY_H
#define SVART_COPY_SAY_H

/**
 * @file
 * Messages for a person, on standard error. Each error is said once, where it is found.
 */

#include <stdint.h>

/** Says one line: "svart-copy: TEXT". It replaces a progress line. */
void svart_copy_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Says that something could not be done to a file, why, and what to do about it.
 *
 * @param what as in "cannot WHAT 'PATH'".
 * @param rc   the negative errno.
 * @return rc, so that a caller can say and return in one line.
 */
int svart_copy_say_file(const char *what, const char *path, int rc);

/** As above, for a file that is open and whose bytes cannot be mapped. */
int svart_copy_say_map(int fd, const char *path, uint64_t bytes, int rc);

#endif

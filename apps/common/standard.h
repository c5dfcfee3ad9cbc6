/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_STANDARD_H
#define APP_STANDARD_H

/**
 * @file
 * The standard descriptors.
 */

/**
 * Occupies the numbers of standard descriptors that are closed, so that no file or device gets them, and
 * with them the program's output. Call it first.
 *
 * They stay unusable in their own direction: reading 0 and writing 1 or 2 gives EBADF, as before. So output
 * that goes nowhere is still an error (app_flush_output(), message.h).
 *
 * @return 0; -errno of open(), told, if standard error is open: end the program.
 */
int app_standard_open(void);

#endif

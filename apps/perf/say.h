/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_SAY_H
#define SVART_PERF_SAY_H

/**
 * @file
 * Messages about calls that failed.
 */

/** Says that a call of svart could not do something, with svart's text. @return rc. */
int svart_perf_say_failed(const char *what, int rc);

/** Forgets svart's text of an earlier failure, before calls of svart's internals, which may leave no text. */
void svart_perf_say_forget(void);

/** Says that something else could not be done, with the errno's text. @return rc. */
int svart_perf_say_errno(const char *what, int rc);

#endif

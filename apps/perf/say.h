/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_SAY_H
#define SVART_PERF_SAY_H

/**
 * @file
 * Messages for a person, on standard error.
 */

/** Says one line: "svart-perf: TEXT". */
void svart_perf_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Says that something could not be done, with svart's text. @return rc. */
int svart_perf_say_failed(const char *what, int rc);

#endif

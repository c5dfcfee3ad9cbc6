/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_SAY_H
#define SVART_PERF_SAY_H

/**
 * @file
 * Messages about what svart did not do.
 */

/** Says that something could not be done, with svart's text. @return rc. */
int svart_perf_say_failed(const char *what, int rc);

#endif

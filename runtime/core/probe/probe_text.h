/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROBE_TEXT_H
#define SVART_PROBE_TEXT_H

/**
 * @file
 * These functions make all text that leaves a probe; it is printable ASCII.
 */

#include <stdbool.h>
#include <stddef.h>

#include <svart/probe.h>

/** Formats into buf; text that does not fit is cut. */
void svart_probe_print(char *buf, size_t len, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** Says what a path lacks. @return false, so that a check can say and return in one line. */
bool svart_probe_miss(struct svart_probe_path *path, enum svart_probe_code code, const char *format,
	...) __attribute__((format(printf, 3, 4)));
/** Adds a sentence to a path's note. */
void svart_probe_note(struct svart_probe_path *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Writes what to do: path->fix. */
#define svart_probe_fix(path, ...) svart_probe_print((path)->fix, sizeof((path)->fix), __VA_ARGS__)

#endif

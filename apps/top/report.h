/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_REPORT_H
#define SVART_TOP_REPORT_H

/**
 * @file
 * A sample as text and as JSON.
 */

#include <limits.h>
#include <stdio.h>

#include "sample.h"

/** No limit of columns or rows. */
#define TOP_NO_LIMIT INT_MAX

/** Longest text of svart_top_time_text() and svart_top_bytes_text(), with its end. */
#define TOP_UNIT_BYTES 16

/** "831ns", "12.3us", "4.56ms", "78.9s". */
void svart_top_time_text(uint64_t ns, char text[TOP_UNIT_BYTES]);
/** "512B", "64.0K", "1.25G": powers of 1024. */
void svart_top_bytes_text(uint64_t bytes, char text[TOP_UNIT_BYTES]);

/**
 * Prints a headline and a table.
 *
 * @param columns, rows what there is room for: what is beyond is cut, or told of. TOP_NO_LIMIT.
 * @param eol what ends a line but the last: "\n", or with what a terminal wants before it. The last
 *            has none.
 */
void svart_top_print_text(FILE *file, const struct top_client *client,
	const struct top_sample *sample, int columns, int rows, const char *eol);

/**
 * Prints one line of JSON to standard output.
 * @param seconds since the sample before, TOP_NO_RATE for the first. @return 0; -ENOMEM, told.
 */
int svart_top_print_json(
	const struct top_client *client, const struct top_sample *sample, double seconds);

#endif

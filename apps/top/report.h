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

/** Writes a time: "831ns", "12.3us", "4.56ms", "78.9s". */
void svart_top_time_text(uint64_t ns, char text[TOP_UNIT_BYTES]);
/** Writes a size in powers of 1024: "512B", "64.0K", "1.25G". */
void svart_top_bytes_text(uint64_t bytes, char text[TOP_UNIT_BYTES]);

/**
 * Prints a headline and a table.
 *
 * @param columns, rows room there is: text beyond it is cut, or a line says so. May be TOP_NO_LIMIT.
 * @param eol end of each line except the last: "
 *            ", or a terminal's sequence and "
 *            ". The last line has none.
 */
void svart_top_print_text(FILE *file, const struct top_client *client,
	const struct top_sample *sample, int columns, int rows, const char *eol);

/**
 * Prints one line of JSON to standard output.
 * @param seconds time since the sample before, TOP_NO_RATE for the first. @return 0; -ENOMEM, told.
 */
int svart_top_print_json(
	const struct top_client *client, const struct top_sample *sample, double seconds);

#endif

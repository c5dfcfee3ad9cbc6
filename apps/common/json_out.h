/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_JSON_OUT_H
#define APP_JSON_OUT_H

/**
 * @file
 * What a program needs beside jansson to print one JSON object.
 *
 * Values are NULL where there was no memory for them. All that takes a value takes NULL, too, as
 * json_pack() does by "o"; so only app_json_print() has to look:
 *
 *     app_json_print(json_pack("{s:o, s:o}", "rows", rows(), "ratio", app_json_real(ratio)), 0);
 */

#include <jansson.h>

/** Flags of app_json_print(): seconds are exact to the nanosecond, up to eleven days. */
#define APP_JSON_SECONDS JSON_REAL_PRECISION(15)

/** @return a string: the text, but '?' for what is no printable ASCII. NULL: no memory. */
json_t *app_json_text(const char *text);

/** @return the number; null where it is none, as 0 by 0 is. NULL: no memory. */
json_t *app_json_real(double number);

/** As app_json_real(), rounded to an integer. */
json_t *app_json_whole(double number);

/**
 * Appends a value to an array, and takes both.
 * @return the array; NULL: no memory, then they are gone.
 */
json_t *app_json_append(json_t *array, json_t *value);

/**
 * Prints an object and a newline to standard output, all or nothing, and takes it.
 *
 * @param object NULL: no memory.
 * @param flags  json_dumps()'s.
 * @return 0; -ENOMEM, told. Whether it could be written app_flush_output() (message.h) says.
 */
int app_json_print(json_t *object, size_t flags);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_JSON_OUT_H
#define APP_JSON_OUT_H

/**
 * @file
 * What a program needs beside jansson to print one JSON object.
 *
 * A value is NULL if there was no memory for it. All functions that take a value also take NULL, as
 * json_pack() does by "o"; so only app_json_print() has to check:
 *
 *     app_json_print(json_pack("{s:o, s:o}", "rows", rows(), "ratio", app_json_real(ratio)), 0);
 */

#include <jansson.h>

/** Flags of app_json_print(): seconds are exact to the nanosecond, up to eleven days. */
#define APP_JSON_SECONDS JSON_REAL_PRECISION(15)

/**
 * @return a string: the text, with '?' in place of bytes that are no printable ASCII; NULL if memory is
 *         short.
 */
json_t *app_json_text(const char *text);

/** @return the number; null if it is no number, such as 0 by 0; NULL if memory is short. */
json_t *app_json_real(double number);

/** As app_json_real(), rounded to an integer. */
json_t *app_json_whole(double number);

/**
 * Appends a value to an array, and takes ownership of both.
 * @return the array, or NULL if memory is short: both are freed then.
 */
json_t *app_json_append(json_t *array, json_t *value);

/**
 * Prints an object and a newline to standard output, all or nothing, and takes ownership of the object.
 *
 * @param object NULL: memory was short.
 * @param flags  flags of json_dumps().
 * @return 0; -ENOMEM, told. app_flush_output() (message.h) says whether it could be written.
 */
int app_json_print(json_t *object, size_t flags);

#endif

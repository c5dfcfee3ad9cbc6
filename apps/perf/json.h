/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_JSON_H
#define SVART_PERF_JSON_H

/**
 * @file
 * JSON (RFC 8259) on standard output. Values are written as they come; commas are seen to here.
 *
 * In an object each value has a key; in an array, and at the top, the key is NULL.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * Where the text stands.
 *
 * Owner: who prints, all zero at the start. Lifetime: one text. Locks: none.
 */
struct perf_json {
	unsigned int depth;
	bool follows; /**< A value stands before, in the same object or array. */
};

void svart_perf_json_object(struct perf_json *j, const char *key);
void svart_perf_json_object_end(struct perf_json *j);
void svart_perf_json_array(struct perf_json *j, const char *key);
void svart_perf_json_array_end(struct perf_json *j);
void svart_perf_json_string(struct perf_json *j, const char *key, const char *value);
void svart_perf_json_bool(struct perf_json *j, const char *key, bool value);
void svart_perf_json_uint(struct perf_json *j, const char *key, uint64_t value);
/** @param digits behind the point. Not finite becomes null. */
void svart_perf_json_real(struct perf_json *j, const char *key, double value, int digits);

#endif

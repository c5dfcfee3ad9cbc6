/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/** A JSON string; what is no ASCII (of a CPU's name) becomes '?'. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else
			putchar(c >= ' ' && c <= '~' ? c : '?');
	}
	putchar('"');
}

/** What stands before a value. The first two levels get a line for each value. */
static void begin(struct perf_json *j, const char *key)
{
	if (j->follows)
		putchar(',');
	if (j->depth > 0 && j->depth <= 2)
		printf("\n%*s", (int)j->depth, "");
	else if (j->follows)
		putchar(' ');
	if (key != NULL) {
		print_string(key);
		fputs(": ", stdout);
	}
	j->follows = true;
}

static void open_bracket(struct perf_json *j, const char *key, char bracket)
{
	begin(j, key);
	putchar(bracket);
	j->depth++;
	j->follows = false;
}

static void close_bracket(struct perf_json *j, char bracket)
{
	putchar(bracket);
	j->depth--;
	j->follows = true;
	if (j->depth == 0)
		putchar('\n');
}

void svart_perf_json_object(struct perf_json *j, const char *key)
{
	open_bracket(j, key, '{');
}

void svart_perf_json_object_end(struct perf_json *j)
{
	close_bracket(j, '}');
}

void svart_perf_json_array(struct perf_json *j, const char *key)
{
	open_bracket(j, key, '[');
}

void svart_perf_json_array_end(struct perf_json *j)
{
	close_bracket(j, ']');
}

void svart_perf_json_string(struct perf_json *j, const char *key, const char *value)
{
	begin(j, key);
	print_string(value);
}

void svart_perf_json_bool(struct perf_json *j, const char *key, bool value)
{
	begin(j, key);
	fputs(value ? "true" : "false", stdout);
}

void svart_perf_json_uint(struct perf_json *j, const char *key, uint64_t value)
{
	begin(j, key);
	printf("%" PRIu64, value);
}

void svart_perf_json_real(struct perf_json *j, const char *key, double value, int digits)
{
	begin(j, key);
	if (isfinite(value))
		printf("%.*f", digits, value);
	else
		fputs("null", stdout);
}

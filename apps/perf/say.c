/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <svart/init.h>

void svart_perf_say(const char *format, ...)
{
	va_list args;

	fputs("svart-perf: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int svart_perf_say_failed(const char *what, int rc)
{
	const char *text = svart_error_text();

	svart_perf_say("cannot %s: %s", what, text[0] != '\0' ? text : strerror(-rc));
	return rc;
}

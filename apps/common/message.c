/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void app_vsay(const char *format, va_list args)
{
	fputs(APP_NAME ": ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void app_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	app_vsay(format, args);
	va_end(args);
}

int app_flush_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	app_say("cannot print to standard output: %s", strerror(errno));
	return -EIO;
}

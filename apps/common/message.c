/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/**
 * Closes a copy of a descriptor: network file systems and quotas report at close() what they could not
 * write.
 */
static int close_a_copy(int fd)
{
	int copy = dup(fd);

	return copy >= 0 && close(copy) != 0 ? -errno : 0;
}

int app_flush_output(void)
{
	int rc = fflush(stdout) != 0 ? -errno : 0;

	/* It failed before, when its buffer was full; the reason is not known any more. */
	if (rc == 0 && ferror(stdout)) {
		app_say("cannot print all to standard output");
		return -EIO;
	}
	if (rc == 0)
		rc = close_a_copy(STDOUT_FILENO);
	if (rc == 0)
		return 0;
	app_say("cannot print to standard output: %s", strerror(-rc));
	return -EIO;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"

void svart_copy_say(const char *format, ...)
{
	va_list args;

	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	va_start(args, format);
	app_vsay(format, args);
	va_end(args);
}

/* What a person can do about an error of a file system call. */
static const char *advice(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return "; check the name";
	case EACCES:
	case EPERM:
		return "; ask its owner, or choose another place";
	case ENOSPC:
		return "; free some space, or choose another place";
	case EDQUOT:
		return "; free some of your quota, or choose another place";
	case EFBIG:
		return "; the file system or your RLIMIT_FSIZE (ulimit -f) forbids a file of this "
		       "size";
	case EROFS:
		return "; choose another place";
	case ENODEV:
		return "; its file system cannot map files into memory, use cp";
	case ENOMEM:
		return "; lower --depth or --chunk, or raise RLIMIT_AS (ulimit -v)";
	default:
		return "";
	}
}

int svart_copy_say_file(const char *what, const char *path, int rc)
{
	svart_copy_say("cannot %s '%s': %s%s", what, path, strerror(-rc), advice(-rc));
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

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

/* Advises what a person can do about an error of any file system call. */
static const char *advice(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return "; check the name";
	case EACCES:
		return "; ask its owner, or choose another place";
	case EPERM:
		return "; see who owns it and its directory, and what lsattr says of them";
	case ENOSPC:
		return "; free some space, or choose another place";
	case EDQUOT:
		return "; free some of your quota, or choose another place";
	case EFBIG:
		return "; the file system or your RLIMIT_FSIZE (ulimit -f) forbids a file of this "
		       "size";
	case EROFS:
		return "; choose another place";
	case EMFILE:
		return "; raise RLIMIT_NOFILE (ulimit -n)";
	default:
		return "";
	}
}

/* Advises about too little memory, or too little allowed memory. */
static const char *memory_advice(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return "; end other programs";
	return "; end other programs, or raise RLIMIT_AS (ulimit -v)";
}

int svart_copy_say_file(const char *what, const char *path, int rc)
{
	svart_copy_say("cannot %s '%s': %s%s", what, path, strerror(-rc),
		rc == -ENOMEM ? memory_advice() : advice(-rc));
	return rc;
}

/* Says what a mapping of a file needs and does not have; the file's contents are not the problem. */
static void say_no_room(int fd, const char *path, uint64_t bytes)
{
	struct rlimit limit;
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC)
		svart_copy_say("cannot map '%s': there are no %" PRIu64
			       " bytes of free huge pages for it (vm.nr_hugepages)",
			path, bytes);
	else if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		svart_copy_say("cannot map '%s': its %" PRIu64
			       " bytes take as much address space, of which the process may "
			       "have %" PRIu64 " bytes; raise RLIMIT_AS (ulimit -v), or use cp",
			path, bytes, (uint64_t)limit.rlim_cur);
	else
		svart_copy_say("cannot map '%s': there is no address space for its %" PRIu64
			       " bytes; use cp",
			path, bytes);
}

int svart_copy_say_map(int fd, const char *path, uint64_t bytes, int rc)
{
	if (rc == -ENOMEM)
		say_no_room(fd, path, bytes);
	else
		svart_copy_say("cannot map '%s': %s; use cp", path,
			rc == -ENODEV ? "its file system cannot map files into memory"
				      : strerror(-rc));
	return rc;
}

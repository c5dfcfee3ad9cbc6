/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Most names that are tried; other runs with the same PID may have left some. */
#define MAX_NAMES 100
/* Length of "/proc/self/fd/N". */
#define PROC_BYTES 32

static void proc_path(const struct copy_unfinished *u, char path[PROC_BYTES])
{
	snprintf(path, PROC_BYTES, "/proc/self/fd/%d", u->fd);
}

/* Tells whether a file without a name can get one: a process without privilege names it by /proc. */
static bool can_be_named(const struct copy_unfinished *u)
{
	char path[PROC_BYTES];
	struct stat file, named;

	proc_path(u, path);
	return fstat(u->fd, &file) == 0 && stat(path, &named) == 0 && file.st_dev == named.st_dev &&
	       file.st_ino == named.st_ino;
}

/* Does something with one temporary name after the other, until one is free. */
static int with_free_name(
	struct copy_unfinished *u, mode_t mode, int (*make)(struct copy_unfinished *u, mode_t mode))
{
	int rc = -EEXIST;

	for (unsigned int i = 0; i < MAX_NAMES && rc == -EEXIST; i++) {
		snprintf(u->name, sizeof(u->name), ".svart-copy-%ld-%u", (long)getpid(), i);
		rc = make(u, mode);
	}
	if (rc != 0)
		u->name[0] = '\0';
	return rc;
}

static int create_named(struct copy_unfinished *u, mode_t mode)
{
	u->fd = openat(u->dir_fd, u->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	return u->fd < 0 ? -errno : 0;
}

int svart_copy_unfinished_create(int dir_fd, mode_t mode, struct copy_unfinished *u)
{
	*u = (struct copy_unfinished){ .dir_fd = dir_fd };
	u->fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
	if (u->fd >= 0 && can_be_named(u))
		return 0;
	if (u->fd >= 0)
		close(u->fd);
	return with_free_name(u, mode, create_named);
}

int svart_copy_unfinished_write_out(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return -errno;
	return close(copy) != 0 ? -errno : 0;
}

static int link_to(const struct copy_unfinished *u, const char *name)
{
	char path[PROC_BYTES];

	proc_path(u, path);
	return linkat(AT_FDCWD, path, u->dir_fd, name, AT_SYMLINK_FOLLOW) != 0 ? -errno : 0;
}

static int link_named(struct copy_unfinished *u, mode_t mode)
{
	(void)mode;
	return link_to(u, u->name);
}

/* Renames, if nobody has the name. If a file system cannot promise that, this looks for the name before. */
static int rename_new(const struct copy_unfinished *u, const char *name)
{
	struct stat st;

	if (renameat2(u->dir_fd, u->name, u->dir_fd, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (fstatat(u->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(u->dir_fd, u->name, u->dir_fd, name) != 0 ? -errno : 0;
}

int svart_copy_unfinished_publish(struct copy_unfinished *u, const char *name, bool replace)
{
	bool nameless = u->name[0] == '\0';
	int rc = svart_copy_unfinished_write_out(u->fd);

	if (rc == 0 && nameless && !replace)
		return link_to(u, name);
	/* linkat() replaces nothing: the file needs a name for the moment until it is renamed. */
	if (rc == 0 && nameless)
		rc = with_free_name(u, 0, link_named);
	if (rc == 0 && !replace)
		rc = rename_new(u, name);
	else if (rc == 0 && renameat(u->dir_fd, u->name, u->dir_fd, name) != 0)
		rc = -errno;
	if (rc == 0)
		u->name[0] = '\0';
	return rc;
}

int svart_copy_unfinished_remove(struct copy_unfinished *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	if (u->name[0] != '\0' && unlinkat(u->dir_fd, u->name, 0) != 0)
		return -errno;
	u->name[0] = '\0';
	return 0;
}

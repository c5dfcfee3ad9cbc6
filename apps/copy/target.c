/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Chooses DST, or DST/NAME if DST is a directory. */
static int choose_path(const char *path, const struct copy_source *src, char **chosen)
{
	const char *parted = path[strlen(path) - 1] == '/' ? "" : "/";
	struct stat st;
	int rc;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		rc = asprintf(chosen, "%s%s%s", path, parted, last_component(src->path));
	else
		rc = asprintf(chosen, "%s", path);
	if (rc < 0) {
		*chosen = NULL;
		return svart_copy_say_file("copy to", path, -ENOMEM);
	}
	return 0;
}

/* --- what is there ---------------------------------------------------------------------------- */

static bool is_open_as(int fd, const struct stat *file)
{
	struct stat open;

	return fstat(fd, &open) == 0 && same_file(file, &open);
}

static int check_kind(const struct copy_target *t, const struct copy_source *src)
{
	if (same_file(&t->old, &src->stat)) {
		svart_copy_say("'%s' and '%s' are the same file", src->path, t->path);
		return -EINVAL;
	}
	if (S_ISDIR(t->old.st_mode)) {
		svart_copy_say("'%s' is a directory; give the copy another name", t->path);
		return -EISDIR;
	}
	if (!S_ISREG(t->old.st_mode)) {
		svart_copy_say(
			"'%s' is not a regular file: svart-copy writes regular files only; copy "
			"to a file first",
			t->path);
		return -EINVAL;
	}
	if (is_open_as(STDOUT_FILENO, &t->old)) {
		svart_copy_say("'%s' is the standard output, where the summary goes; name another "
			       "file",
			t->path);
		return -EINVAL;
	}
	if (is_open_as(STDERR_FILENO, &t->old)) {
		svart_copy_say("'%s' is the standard error, where messages go; name another file",
			t->path);
		return -EINVAL;
	}
	return 0;
}

/* Says what prevents even root from writing, and what helps; NULL if it is nothing of the file itself. */
static const char *lock_of(const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_TYPE, &st) != 0)
		return NULL;
	if ((st.stx_attributes & STATX_ATTR_IMMUTABLE) != 0)
		return "immutable; chattr -i lets it be written";
	if ((st.stx_attributes & STATX_ATTR_APPEND) != 0)
		return "append-only; chattr -a lets it be written";
	if ((st.stx_attributes & STATX_ATTR_VERITY) != 0)
		return "sealed by fs-verity; remove it first";
	return NULL;
}

static int say_not_writable(const struct copy_target *t, int rc)
{
	const char *lock = rc == -EPERM ? lock_of(t->path) : NULL;

	if (lock == NULL)
		return svart_copy_say_file("write to", t->path, rc);
	svart_copy_say("cannot write to '%s': it is %s", t->path, lock);
	return rc;
}

/* Opens the old file for writing, and for reading if that is allowed. */
static int open_to_write(struct copy_target *t)
{
	t->write_fd = open(t->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
	t->readable = t->write_fd >= 0;
	if (t->write_fd < 0 && errno == EACCES)
		t->write_fd = open(t->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (t->write_fd < 0)
		return -errno;
	return 0;
}

/* Opens the old file. It may be replaced only if cp would write into it, or if it is being run. */
static int open_old(struct copy_target *t, const struct copy_source *src)
{
	struct stat now;
	int rc = open_to_write(t);

	if (rc != 0 && rc != -ETXTBSY)
		return say_not_writable(t, rc);
	/* The opened file counts: the name may be another file's by now. */
	if (rc == 0 && fstat(t->write_fd, &t->old) != 0)
		return svart_copy_say_file("look at", t->path, -errno);
	/*
	 * Only an owner, or a process with an owner's rights, may open it so (open(2)); these may also give
	 * it away.
	 */
	t->read_fd = open(t->path, O_RDONLY | O_NOATIME | O_CLOEXEC | O_NOCTTY);
	if (t->read_fd >= 0 && (fstat(t->read_fd, &now) != 0 || !same_file(&t->old, &now))) {
		close(t->read_fd);
		t->read_fd = -1;
	}
	return check_kind(t, src);
}

/* Finds the name that symbolic links lead to; some files have none, such as one that was removed. */
static void resolve(struct copy_target *t)
{
	char *real = realpath(t->path, NULL);

	if (real == NULL)
		return;
	free(t->path);
	t->path = real;
}

/* Finds out whether there is an old file, and opens it. */
static int find_old(struct copy_target *t, const struct copy_source *src)
{
	struct stat link;
	int rc;

	if (stat(t->path, &t->old) != 0) {
		if (errno != ENOENT)
			return svart_copy_say_file("write to", t->path, -errno);
		if (lstat(t->path, &link) != 0 || !S_ISLNK(link.st_mode))
			return 0;
		svart_copy_say("'%s' is a symbolic link to nothing; remove it first", t->path);
		return -ENOENT;
	}
	t->exists = true;
	rc = check_kind(t, src);
	if (rc == 0)
		rc = open_old(t, src);
	if (rc == 0)
		resolve(t);
	return rc;
}

/* --- where it is ------------------------------------------------------------------------------ */

/* Opens the folder; t->name becomes the last component. @return 0 or -errno, not told. */
static int open_folder(struct copy_target *t)
{
	const char *name = last_component(t->path);
	size_t dir_len = (size_t)(name - t->path);
	char *dir = dir_len != 0 ? strndup(t->path, dir_len) : strdup(".");
	int rc = -ENOMEM;

	t->name = strdup(name);
	if (dir != NULL && t->name != NULL) {
		t->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		rc = t->dir_fd < 0 ? -errno : 0;
	}
	free(dir);
	return rc;
}

/* Finds the folder. A new name needs its folder; an old file can be written without it. */
static int find_folder(struct copy_target *t)
{
	int rc = open_folder(t);

	if (rc != 0 && t->exists && t->name != NULL)
		return 0;
	if (rc != 0)
		return svart_copy_say_file("open the directory of", t->path, rc);
	if (*t->name == '\0') {
		svart_copy_say("'%s' is no directory; make it first", t->path);
		return -ENOENT;
	}
	if (strlen(t->name) > NAME_MAX)
		return svart_copy_say_file("write to", t->path, -ENAMETOOLONG);
	return 0;
}

int svart_copy_target_open(
	const char *path, const struct copy_source *src, struct copy_target *target)
{
	int rc;

	*target = (struct copy_target){ .dir_fd = -1, .write_fd = -1, .read_fd = -1 };
	rc = choose_path(path, src, &target->path);
	if (rc == 0)
		rc = find_old(target, src);
	if (rc == 0)
		rc = find_folder(target);
	return rc;
}

/* --- whether it can be replaced --------------------------------------------------------------- */

/*
 * Tells whether a name is of the folder's own file system, and may be taken from it. No file can be renamed
 * to a file that is a mount of its own (mount --bind); if Linux does not say (before 5.8), it may be one.
 */
static bool folder_gives_name(const struct copy_target *t)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
	struct statx dir, file;

	if (statx(t->dir_fd, "", flags | AT_EMPTY_PATH, STATX_MNT_ID, &dir) != 0 ||
		statx(t->dir_fd, t->name, flags, STATX_MNT_ID, &file) != 0)
		return false;
	return (dir.stx_mask & file.stx_mask & STATX_MNT_ID) != 0 &&
	       dir.stx_mnt_id == file.stx_mnt_id && (dir.stx_attributes & STATX_ATTR_APPEND) == 0;
}

/* Tells whether the name is the old file's: a magic link of /proc can lead to another one. */
static bool has_name(const struct copy_target *t)
{
	struct stat st;

	return fstatat(t->dir_fd, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       same_file(&t->old, &st);
}

bool svart_copy_target_replaceable(const struct copy_target *t)
{
	return t->read_fd >= 0 && t->dir_fd >= 0 && t->old.st_nlink == 1 &&
	       (t->old.st_mode & 07000) == 0 && has_name(t) && folder_gives_name(t);
}

int svart_copy_target_check(const struct copy_target *t)
{
	struct stat now;

	if (fstatat(t->dir_fd, t->name, &now, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : svart_copy_say_file("find", t->path, -errno);
	if (!same_file(&t->old, &now)) {
		svart_copy_say(
			"'%s' has become another file while it was copied; copy again", t->path);
		return -EEXIST;
	}
	if (now.st_nlink != 1) {
		svart_copy_say("'%s' has got a second name (a hard link) while it was copied; copy "
			       "again",
			t->path);
		return -EMLINK;
	}
	return 0;
}

void svart_copy_target_end_writing(struct copy_target *t)
{
	if (t->write_fd >= 0)
		close(t->write_fd);
	t->write_fd = -1;
}

void svart_copy_target_close(struct copy_target *t)
{
	svart_copy_target_end_writing(t);
	if (t->read_fd >= 0)
		close(t->read_fd);
	if (t->dir_fd >= 0)
		close(t->dir_fd);
	free(t->name);
	free(t->path);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "say.h"

/* Names that are tried for the unfinished file; other runs of the same PID can have left some. */
#define TEMP_NAMES 100

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* DST, or DST/NAME where DST is a directory. */
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

/* An existing DST may be replaced where cp would write into it, and nowhere else. */
static int check_old(const struct copy_output *out, const struct copy_source *src)
{
	struct stat standard_output;

	if (same_file(&out->old, &src->stat)) {
		svart_copy_say("'%s' and '%s' are the same file", src->path, out->path);
		return -EINVAL;
	}
	if (S_ISDIR(out->old.st_mode)) {
		svart_copy_say("'%s' is a directory; give the copy another name", out->path);
		return -EISDIR;
	}
	if (!S_ISREG(out->old.st_mode)) {
		svart_copy_say(
			"'%s' is not a regular file: svart-copy writes regular files only; copy "
			"to a file first",
			out->path);
		return -EINVAL;
	}
	if (fstat(STDOUT_FILENO, &standard_output) == 0 && same_file(&out->old, &standard_output)) {
		svart_copy_say("'%s' is the standard output, where the summary goes; name another "
			       "file",
			out->path);
		return -EINVAL;
	}
	if (faccessat(AT_FDCWD, out->path, W_OK, AT_EACCESS) != 0)
		return svart_copy_say_file("write to", out->path, -errno);
	return 0;
}

/* Finds out whether there is an old file, and follows symbolic links to it. */
static int find_old(struct copy_output *out, const struct copy_source *src)
{
	struct stat link;
	char *real;
	int rc;

	if (stat(out->path, &out->old) != 0) {
		if (errno != ENOENT)
			return svart_copy_say_file("write to", out->path, -errno);
		if (lstat(out->path, &link) != 0)
			return 0;
		svart_copy_say("'%s' is a symbolic link to nothing; remove it first", out->path);
		return -ENOENT;
	}
	rc = check_old(out, src);
	if (rc != 0)
		return rc;
	out->replaces = true;
	out->in_place = out->old.st_nlink == 0;
	if (out->in_place)
		return 0;
	real = realpath(out->path, NULL);
	if (real == NULL)
		return svart_copy_say_file("follow", out->path, -errno);
	free(out->path);
	out->path = real;
	return 0;
}

/* Opens the directory of the output; its last component goes to out->name. */
static int open_directory(struct copy_output *out)
{
	const char *name = last_component(out->path);
	size_t dir_len = (size_t)(name - out->path);
	char *dir = dir_len != 0 ? strndup(out->path, dir_len) : strdup(".");
	int rc = 0;

	out->name = strdup(name);
	if (dir == NULL || out->name == NULL)
		rc = svart_copy_say_file("copy to", out->path, -ENOMEM);
	else if (strlen(name) > NAME_MAX)
		rc = svart_copy_say_file("write to", out->path, -ENAMETOOLONG);
	else {
		out->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (out->dir_fd < 0)
			rc = svart_copy_say_file("open directory", dir, -errno);
		else if (*name == '\0') {
			svart_copy_say("'%s' is no directory; make it first", out->path);
			rc = -ENOENT;
		}
	}
	free(dir);
	return rc;
}

/* Makes the unfinished file. The kernel applies the umask or the directory's default ACL. */
static int create_temp(struct copy_output *out, mode_t mode)
{
	for (unsigned int i = 0; i < TEMP_NAMES; i++) {
		snprintf(out->temp, sizeof(out->temp), ".svart-copy-%ld-%u", (long)getpid(), i);
		out->fd = openat(
			out->dir_fd, out->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
		if (out->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	out->temp[0] = '\0';
	return svart_copy_say_file("create", out->path, -errno);
}

static int open_in_place(struct copy_output *out)
{
	out->fd = open(out->path, O_RDWR | O_CLOEXEC);
	return out->fd < 0 ? svart_copy_say_file("write to", out->path, -errno) : 0;
}

int svart_copy_output_open(const char *path, const struct copy_source *src, struct copy_output *out)
{
	int rc;

	*out = (struct copy_output){ .fd = -1, .dir_fd = -1 };
	rc = choose_path(path, src, &out->path);
	if (rc == 0)
		rc = find_old(out, src);
	if (rc == 0 && out->in_place)
		rc = open_in_place(out);
	else if (rc == 0) {
		rc = open_directory(out);
		if (rc == 0)
			rc = create_temp(out, src->stat.st_mode);
	}
	if (rc != 0)
		svart_copy_output_close(out);
	return rc;
}

static int map_ring(struct copy_output *out, uint32_t depth, uint64_t chunk)
{
	int rc;

	/* Both are bounded (options.c): the product is below 2^48. */
	out->buffer_bytes = chunk;
	rc = svart_copy_mapping_open(-1, chunk * depth, PROT_READ | PROT_WRITE, &out->map);
	if (rc != 0)
		svart_copy_say("cannot get %llu bytes for buffers: %s; lower --depth or --chunk",
			(unsigned long long)(chunk * depth), strerror(-rc));
	return rc;
}

/* An empty file of the right size: what was in a file that is written in place goes first. */
static int set_size(struct copy_output *out, uint64_t bytes)
{
	out->touched = true;
	if (out->in_place && ftruncate(out->fd, 0) != 0)
		return svart_copy_say_file("empty", out->path, -errno);
	if (ftruncate(out->fd, (off_t)bytes) == 0)
		return 0;
	if (errno == EINVAL) {
		svart_copy_say(
			"'%s' cannot have %llu bytes: hugetlbfs holds whole huge pages only; "
			"choose another place",
			out->path, (unsigned long long)bytes);
		return -EINVAL;
	}
	return svart_copy_say_file("give its size to", out->path, -errno);
}

int svart_copy_output_prepare(
	struct copy_output *out, uint64_t bytes, uint32_t depth, uint64_t chunk)
{
	int rc = set_size(out, bytes);

	if (rc != 0 || bytes == 0)
		return rc;
	out->mapped = svart_copy_mapping_device_writable(out->fd);
	if (!out->mapped)
		return map_ring(out, depth, chunk);
	rc = svart_copy_mapping_open(out->fd, bytes, PROT_READ | PROT_WRITE, &out->map);
	return rc != 0 ? svart_copy_say_file("map", out->path, rc) : 0;
}

int svart_copy_output_reserve(struct copy_output *out, const struct copy_extent *extent)
{
	off_t len = (off_t)(extent->end - extent->start);

	if (!out->mapped || fallocate(out->fd, 0, (off_t)extent->start, len) == 0)
		return 0;
	if (errno == EINTR)
		return -EINTR;
	return svart_copy_say_file("get room for", out->path, -errno);
}

void *svart_copy_output_place(const struct copy_output *out, uint32_t slot, uint64_t off)
{
	return out->map.addr + (out->mapped ? off : slot * out->buffer_bytes);
}

int svart_copy_output_retire(struct copy_output *out, uint32_t slot, uint64_t off, uint64_t len)
{
	const uint8_t *data = svart_copy_output_place(out, slot, off);

	if (out->mapped)
		return 0;
	while (len > 0) {
		ssize_t written = pwrite(out->fd, data, len, (off_t)off);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return svart_copy_say_file(
				"write to", out->path, written < 0 ? -errno : -EIO);
		data += written;
		off += (uint64_t)written;
		len -= (uint64_t)written;
	}
	return 0;
}

int svart_copy_output_release(struct copy_output *out, struct svart_space *space, uint64_t off)
{
	return out->mapped ? svart_copy_mapping_release(&out->map, space, off) : 0;
}

int svart_copy_output_unmap(struct copy_output *out, struct svart_space *space)
{
	return svart_copy_mapping_close(&out->map, space);
}

/* The owner and mode that cp would leave: an old file's, where there is one. */
static int set_owner_and_mode(struct copy_output *out)
{
	if (!out->replaces || out->in_place)
		return 0;
	/* Only root can give files away; for others the copy is theirs, as a new file would be. */
	if (fchown(out->fd, out->old.st_uid, out->old.st_gid) != 0 && errno != EPERM)
		return svart_copy_say_file("set the owner of", out->path, -errno);
	if (fchmod(out->fd, out->old.st_mode & 0777) != 0)
		return svart_copy_say_file("set the mode of", out->path, -errno);
	return 0;
}

int svart_copy_output_commit(struct copy_output *out)
{
	int fd = out->fd, rc;

	rc = set_owner_and_mode(out);
	if (rc != 0)
		return rc;
	/* Network file systems report at close() what they could not write. */
	out->fd = -1;
	if (close(fd) != 0)
		return svart_copy_say_file("write to", out->path, -errno);
	if (!out->in_place && renameat(out->dir_fd, out->temp, out->dir_fd, out->name) != 0)
		return svart_copy_say_file("give its name to", out->path, -errno);
	out->temp[0] = '\0';
	return 0;
}

void svart_copy_output_close(struct copy_output *out)
{
	if (out->fd >= 0 && out->in_place && out->touched && ftruncate(out->fd, 0) != 0)
		svart_copy_say(
			"'%s' is incomplete and cannot be emptied: %s", out->path, strerror(errno));
	if (out->fd >= 0)
		close(out->fd);
	if (out->temp[0] != '\0' && unlinkat(out->dir_fd, out->temp, 0) != 0)
		svart_copy_say("cannot remove the incomplete '%s' beside '%s': %s", out->temp,
			out->path, strerror(errno));
	if (out->dir_fd >= 0)
		close(out->dir_fd);
	free(out->name);
	free(out->path);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "say.h"

/* Most looks at a file in which holes are being punched: after these the rest is read as data. */
#define MAX_LOOKS 16

static int check_kind(const struct copy_source *src)
{
	char byte;

	if (S_ISDIR(src->stat.st_mode)) {
		svart_copy_say("'%s' is a directory; name a file", src->path);
		return -EISDIR;
	}
	if (!S_ISREG(src->stat.st_mode)) {
		svart_copy_say("'%s' is not a regular file: it cannot be mapped; use cat or dd",
			src->path);
		return -EINVAL;
	}
	/* Files of /proc say that they are empty, but are not; a copy would look complete. */
	if (src->stat.st_size == 0 && pread(src->fd, &byte, 1, 0) > 0) {
		svart_copy_say(
			"'%s' has contents but no size: it cannot be mapped; use cat", src->path);
		return -EINVAL;
	}
	return 0;
}

int svart_copy_source_open(const char *path, struct copy_source *src)
{
	int rc;

	*src = (struct copy_source){ .path = path };
	/* With O_NONBLOCK, opening a FIFO by mistake does not wait for a writer. */
	src->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (src->fd < 0)
		return svart_copy_say_file("open", path, -errno);
	if (fstat(src->fd, &src->stat) != 0) {
		rc = svart_copy_say_file("read the size of", path, -errno);
		goto close_fd;
	}
	rc = check_kind(src);
	if (rc != 0)
		goto close_fd;
	if (src->stat.st_size == 0)
		return 0;
	rc = svart_copy_mapping_open(src->fd, svart_copy_source_bytes(src), PROT_READ, &src->map);
	if (rc != 0) {
		svart_copy_say_map(src->fd, path, svart_copy_source_bytes(src), rc);
		goto close_fd;
	}
	return 0;

close_fd:
	close(src->fd);
	return rc;
}

int svart_copy_source_close(struct copy_source *src, struct svart_space *space)
{
	int rc = svart_copy_mapping_close(&src->map, space);

	close(src->fd);
	return rc;
}

uint64_t svart_copy_source_bytes(const struct copy_source *src)
{
	return (uint64_t)src->stat.st_size;
}

/*
 * Finds the first run of data at or after `from`: [*start, *end).
 *
 * It is always correct to treat everything as data. So that is done if a file system refuses to say where
 * its holes are, by any errno, or says something impossible.
 * @return false if there is none up to the end.
 */
static bool find_data(const struct copy_source *src, off_t from, off_t *start, off_t *end)
{
	unsigned int look;

	/* If a hole is punched between the two calls, there is nothing left: it looks again. */
	for (look = 0; look < MAX_LOOKS; look++) {
		*start = lseek(src->fd, from, SEEK_DATA);
		if (*start < 0 && errno == ENXIO)
			return false; /* Or the file was cut short; that is found at the end. */
		if (*start < from)
			break;
		*end = lseek(src->fd, *start, SEEK_HOLE);
		if (*end > *start)
			return true;
		if (*end < *start)
			break;
	}
	*start = from;
	*end = src->stat.st_size;
	return true;
}

bool svart_copy_source_next_extent(
	const struct copy_source *src, uint64_t from, struct copy_extent *extent)
{
	off_t size = src->stat.st_size, start, end;

	if (from >= (uint64_t)size || !find_data(src, (off_t)from, &start, &end))
		return false;
	/* The file may have grown: bytes that were not there at the start are left out. */
	if (start >= size)
		return false;
	extent->start = (uint64_t)start;
	extent->end = (uint64_t)(end < size ? end : size);
	return true;
}

int svart_copy_source_check(const struct copy_source *src)
{
	struct stat now;

	if (fstat(src->fd, &now) != 0)
		return svart_copy_say_file("read the size of", src->path, -errno);
	if (now.st_size >= src->stat.st_size)
		return 0;
	svart_copy_say("'%s' was cut short while it was copied: it had %lld bytes and has %lld; "
		       "copy again when nobody writes to it",
		src->path, (long long)src->stat.st_size, (long long)now.st_size);
	return -ENODATA;
}

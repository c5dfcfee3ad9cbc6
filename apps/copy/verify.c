/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

#define BLOCK_BYTES (UINT64_C(1) << 20)

/* Reads exactly len bytes. @return 0 or -errno, told. */
static int read_block(int fd, const char *path, uint8_t *buf, uint64_t len, uint64_t off)
{
	while (len > 0) {
		ssize_t got = pread(fd, buf, len, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return svart_copy_say_file("read back", path, -errno);
		if (got == 0) {
			svart_copy_say("'%s' was cut short at offset %" PRIu64
				       " before it could be verified; copy again when nobody "
				       "writes to it",
				path, off);
			return -ENODATA;
		}
		buf += got;
		off += (uint64_t)got;
		len -= (uint64_t)got;
	}
	return 0;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t len)
{
	uint64_t i = 0;

	while (i < len && a[i] == b[i])
		i++;
	return i;
}

static int compare_block(const struct copy_source *src, const struct copy_output *out,
	uint8_t *blocks, uint64_t len, uint64_t off)
{
	uint8_t *a = blocks, *b = blocks + BLOCK_BYTES;
	int rc;

	rc = read_block(src->fd, src->path, a, len, off);
	if (rc == 0)
		rc = read_block(out->fd, out->target.path, b, len, off);
	if (rc != 0 || memcmp(a, b, len) == 0)
		return rc;
	svart_copy_say("the copy differs from '%s' at offset %" PRIu64
		       ": somebody wrote to it meanwhile, or the device is broken",
		src->path, off + first_difference(a, b, len));
	return -EILSEQ;
}

/* @return the first data of a file at or after off; `end` if there is none. */
static uint64_t data_behind(int fd, uint64_t off, uint64_t end)
{
	off_t data = lseek(fd, (off_t)off, SEEK_DATA);

	if (data < 0 && errno == ENXIO)
		return end;
	/* After a refusal or nonsense, the range is read. */
	return data >= (off_t)off ? (uint64_t)data : off;
}

/* Skips ranges where both files have a hole: there is nothing to compare. */
static uint64_t skip_holes(
	const struct copy_source *src, const struct copy_output *out, uint64_t off, uint64_t end)
{
	uint64_t a = data_behind(src->fd, off, end), b = data_behind(out->fd, off, end);

	return a < b ? a : b;
}

int svart_copy_verify(const struct copy_source *src, const struct copy_output *out,
	struct copy_progress *progress, const atomic_int *stop)
{
	uint64_t bytes = svart_copy_source_bytes(src), off = 0;
	uint8_t *blocks = malloc(2 * BLOCK_BYTES);
	int rc = 0;

	if (blocks == NULL)
		return svart_copy_say_file("verify", out->target.path, -ENOMEM);
	while (rc == 0 && (off = skip_holes(src, out, off, bytes)) < bytes) {
		uint64_t len = bytes - off < BLOCK_BYTES ? bytes - off : BLOCK_BYTES;

		rc = *stop != 0 ? -EINTR : compare_block(src, out, blocks, len, off);
		off += len;
		svart_copy_progress_update(progress, off);
	}
	free(blocks);
	return rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "inode.h"
#include "say.h"

/* --- a new file, or the old one in place ------------------------------------------------------- */

/* @return a seal (fcntl(2)) that prevents writes to a memfd; NULL if there is none. */
static const char *seal_of(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0) /* Files on disks have no seals. */
		return NULL;
	if ((seals & F_SEAL_WRITE) != 0)
		return "F_SEAL_WRITE";
	if ((seals & F_SEAL_FUTURE_WRITE) != 0)
		return "F_SEAL_FUTURE_WRITE";
	if ((seals & F_SEAL_SHRINK) != 0)
		return "F_SEAL_SHRINK";
	return (seals & F_SEAL_GROW) != 0 ? "F_SEAL_GROW" : NULL;
}

static int choose_in_place(struct copy_output *out, bool read_back)
{
	const struct copy_target *target = &out->target;
	const char *seal;

	out->in_place = true;
	out->fd = target->write_fd;
	if (out->fd < 0) {
		svart_copy_say("'%s' is being run, so it cannot be written, and no other file can "
			       "take its place; choose another name",
			target->path);
		return -ETXTBSY;
	}
	seal = seal_of(out->fd);
	if (seal != NULL) {
		svart_copy_say("'%s' is sealed with %s, so it cannot be overwritten; copy to one "
			       "without seals",
			target->path, seal);
		return -EPERM;
	}
	if (read_back && !target->readable) {
		svart_copy_say(
			"'%s' may be written and not read; leave --verify out", target->path);
		return -EACCES;
	}
	return 0;
}

/* Tells errors that do not say whether a file may be made there: there is only not enough of something. */
static bool is_shortage(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT || rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE ||
	       rc == -EIO || rc == -EINTR;
}

static void remove_unfinished(struct copy_output *out)
{
	int rc = svart_copy_unfinished_remove(&out->unfinished);

	if (rc != 0)
		svart_copy_say("cannot remove the incomplete '%s' beside '%s': %s",
			out->unfinished.name, out->target.path, strerror(-rc));
	out->unfinished.name[0] = '\0'; /* This is done once only. */
	out->fd = -1;
}

/*
 * Chooses a new file, if possible.
 * @return 0 if the copy grows in a new file; 1 if nothing can take the old one's place; -errno, told.
 */
static int choose_new(struct copy_output *out, const struct copy_source *src)
{
	struct copy_target *target = &out->target;
	mode_t mode = target->exists ? 0600 : src->stat.st_mode & 0777;
	int rc;

	if (target->exists && !svart_copy_target_replaceable(target))
		return 1;
	rc = svart_copy_unfinished_create(target->dir_fd, mode, &out->unfinished);
	if (rc != 0 && (!target->exists || is_shortage(rc)))
		return svart_copy_say_file("create", target->path, rc);
	if (rc != 0)
		return 1;
	out->fd = out->unfinished.fd;
	rc = target->exists ? svart_copy_inode_adopt(target->read_fd, out->fd) : 0;
	if (rc == 0) {
		svart_copy_target_end_writing(target);
		return 0;
	}
	remove_unfinished(out);
	return is_shortage(rc) ? svart_copy_say_file("create a file like", target->path, rc) : 1;
}

int svart_copy_output_open(
	const char *path, const struct copy_source *src, bool read_back, struct copy_output *out)
{
	int rc;

	*out = (struct copy_output){ .fd = -1, .unfinished.fd = -1 };
	rc = svart_copy_target_open(path, src, &out->target);
	if (rc == 0)
		rc = choose_new(out, src);
	if (rc == 1)
		rc = choose_in_place(out, read_back);
	if (rc != 0)
		svart_copy_output_close(out);
	return rc;
}

/* --- the memory that the device writes to ------------------------------------------------------ */

static int map_ring(struct copy_output *out, uint32_t depth, uint64_t chunk)
{
	int rc;

	/* Both are bounded (options.c): the product is below 2^48. */
	out->buffer_bytes = chunk;
	rc = svart_copy_mapping_open(-1, chunk * depth, PROT_READ | PROT_WRITE, &out->map);
	if (rc != 0)
		svart_copy_say("cannot get %llu bytes for buffers, --depth times --chunk: %s; "
			       "lower one of them",
			(unsigned long long)(chunk * depth), strerror(-rc));
	return rc;
}

static int say_size(const struct copy_output *out, uint64_t bytes, int rc)
{
	struct statfs fs;

	if (rc != -EINVAL || fstatfs(out->fd, &fs) != 0 || fs.f_type != HUGETLBFS_MAGIC)
		return svart_copy_say_file("give its size to", out->target.path, rc);
	svart_copy_say("'%s' cannot have %llu bytes: hugetlbfs holds whole huge pages only; choose "
		       "another place",
		out->target.path, (unsigned long long)bytes);
	return rc;
}

/* Empties a file that is written in place, but not before it is known that the new size is possible. */
static int empty(struct copy_output *out, uint64_t bytes)
{
	if (bytes > (uint64_t)out->target.old.st_size) {
		if (ftruncate(out->fd, (off_t)bytes) != 0)
			return say_size(out, bytes, -errno);
		out->touched = true;
	}
	if (ftruncate(out->fd, 0) != 0)
		return svart_copy_say_file("empty", out->target.path, -errno);
	out->touched = true;
	return 0;
}

/* Makes an empty file of the right size. */
static int set_size(struct copy_output *out, uint64_t bytes)
{
	int rc = out->in_place ? empty(out, bytes) : 0;

	if (rc == 0 && ftruncate(out->fd, (off_t)bytes) != 0)
		rc = say_size(out, bytes, -errno);
	return rc;
}

int svart_copy_output_prepare(
	struct copy_output *out, uint64_t bytes, uint32_t depth, uint64_t chunk)
{
	int rc = set_size(out, bytes);

	if (rc != 0 || bytes == 0)
		return rc;
	/* A file that is mapped must be open for reading, too. */
	out->mapped = (!out->in_place || out->target.readable) &&
		      svart_copy_mapping_device_writable(out->fd);
	if (!out->mapped)
		return map_ring(out, depth, chunk);
	rc = svart_copy_mapping_open(out->fd, bytes, PROT_READ | PROT_WRITE, &out->map);
	return rc != 0 ? svart_copy_say_map(out->fd, out->target.path, bytes, rc) : 0;
}

int svart_copy_output_reserve(struct copy_output *out, const struct copy_extent *extent)
{
	off_t len = (off_t)(extent->end - extent->start);

	if (!out->mapped || fallocate(out->fd, 0, (off_t)extent->start, len) == 0)
		return 0;
	if (errno == EINTR)
		return -EINTR;
	return svart_copy_say_file("get room for", out->target.path, -errno);
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
				"write to", out->target.path, written < 0 ? -errno : -EIO);
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

/* --- the end ----------------------------------------------------------------------------------- */

/*
 * Makes the new file like the old one again: the old one may have changed meanwhile, and the name may
 * belong to another file.
 */
static int take_over(struct copy_output *out)
{
	const struct copy_target *target = &out->target;
	int rc;

	if (!target->exists)
		return 0;
	rc = svart_copy_target_check(target);
	if (rc != 0)
		return rc;
	rc = svart_copy_inode_adopt(target->read_fd, out->fd);
	if (rc != 0)
		svart_copy_say("owner, permissions or attributes of '%s' were changed while it was "
			       "copied, and the copy cannot have them: %s; copy again",
			target->path, strerror(-rc));
	return rc;
}

static int say_publish(const struct copy_output *out, int rc)
{
	if (rc != -EEXIST)
		return svart_copy_say_file("give its name to", out->target.path, rc);
	svart_copy_say("'%s' was made by somebody while the copy was; remove it or choose another "
		       "name, and copy again",
		out->target.path);
	return rc;
}

int svart_copy_output_commit(struct copy_output *out)
{
	int rc;

	if (out->in_place) {
		rc = svart_copy_unfinished_write_out(out->fd);
		if (rc != 0)
			return svart_copy_say_file("write to", out->target.path, rc);
	} else {
		rc = take_over(out);
		if (rc != 0)
			return rc;
		rc = svart_copy_unfinished_publish(
			&out->unfinished, out->target.name, out->target.exists);
		if (rc != 0)
			return say_publish(out, rc);
	}
	out->done = true;
	return 0;
}

/* @return what happened to the old file. */
static const char *undo_in_place(struct copy_output *out)
{
	if (!out->touched)
		return "is as it was before";
	out->touched = false; /* This is done once only. */
	if (ftruncate(out->fd, 0) == 0)
		return "is left empty";
	svart_copy_say("cannot empty '%s': %s", out->target.path, strerror(errno));
	return "is left incomplete";
}

const char *svart_copy_output_undo(struct copy_output *out)
{
	if (out->in_place)
		return undo_in_place(out);
	remove_unfinished(out);
	return out->target.exists ? "is as it was before" : "was not made";
}

int svart_copy_output_check(const struct copy_output *out, uint64_t bytes)
{
	struct stat now;

	if (!out->mapped || fstat(out->fd, &now) != 0 || (uint64_t)now.st_size >= bytes)
		return 0;
	svart_copy_say("'%s' was cut short while it was written; copy again when nobody else "
		       "writes to it",
		out->target.path);
	return -ENODATA;
}

void svart_copy_output_close(struct copy_output *out)
{
	if (!out->done)
		svart_copy_output_undo(out);
	else if (!out->in_place)
		remove_unfinished(out);
	svart_copy_target_close(&out->target);
}

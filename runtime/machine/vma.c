/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vma.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "bits.h"
#include "error.h"
#include "svart_config.h"

#if SVART_HAVE_PROCMAP_QUERY
#include <linux/fs.h>
#endif

/** File systems remembered; more are looked up again each time. */
#define MAX_KNOWN_DEVS 64

/** One line of /proc/self/maps or mountinfo; paths longer than this are cut, which does no harm. */
#define LINE_BYTES 512

/** What is known of one file system. */
struct known_dev {
	uint32_t major;
	uint32_t minor;
	bool writeback;
};

/** See vma.h. */
struct svart_vma_reader {
	struct svart_machine *m;
	int maps_fd;
	atomic_bool no_query; /* The kernel has no PROCMAP_QUERY. */
	pthread_mutex_t lock; /* Guards known and nr_known. */
	unsigned int nr_known;
	struct known_dev known[MAX_KNOWN_DEVS];
};

/** What the kernel tells of a VMA, before it is judged. */
struct raw_vma {
	uint64_t start, end, inode;
	uint32_t prot;
	uint32_t major, minor;
	bool shared;
};

/** Reads a file of text line by line, without allocating. Owner: its caller. */
struct line_reader {
	struct svart_machine *m;
	int fd;
	off_t off;
	size_t used, have;
	char buf[4096];
};

/** @return 1 a line was read (cut to len - 1 bytes), 0 end of file, or -errno. */
static int next_line(struct line_reader *r, char *line, size_t len)
{
	size_t n = 0;
	ssize_t got;
	char c;

	for (;;) {
		if (r->used == r->have) {
			got = r->m->ops->pread(r->m, r->fd, r->buf, sizeof(r->buf), r->off);
			if (got < 0)
				return (int)got;
			if (got == 0) {
				line[n] = '\0';
				return n != 0;
			}
			r->off += got;
			r->have = (size_t)got;
			r->used = 0;
		}
		c = r->buf[r->used++];
		if (c == '\n') {
			line[n] = '\0';
			return 1;
		}
		if (n + 1 < len)
			line[n++] = c;
	}
}

/**
 * Whether pages of a file system are written back to a store: then Linux refuses long-term write pins
 * of its shared mappings (mm/gup.c, since 6.5).
 */
static bool type_has_writeback(const char *type)
{
	static const char *const memory_only[] = { "tmpfs", "devtmpfs", "hugetlbfs", "ramfs" };
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(memory_only); i++) {
		if (strcmp(type, memory_only[i]) == 0)
			return false;
	}
	return true;
}

/**
 * Parses a line of mountinfo (proc(5)): "ID PARENT MAJOR:MINOR ROOT MOUNT OPTIONS ... - TYPE ...".
 * @return whether it is of this device; type then holds the file system's type.
 */
static bool mount_matches(const char *line, uint32_t major, uint32_t minor, char type[32])
{
	const char *dash = strstr(line, " - ");
	unsigned int maj, min;

	if (dash == NULL || sscanf(line, "%*d %*d %u:%u ", &maj, &min) != 2)
		return false;
	return maj == major && min == minor && sscanf(dash, " - %31s", type) == 1;
}

/**
 * A device that no mount has is one of the kernel's own (memfd, shared anonymous): memory only. These have
 * major 0; another one is a disk whose mount a chroot hides.
 */
static bool read_writeback(struct svart_machine *m, uint32_t major, uint32_t minor)
{
	struct line_reader r = { .m = m };
	char line[LINE_BYTES], type[32];
	bool writeback = major != 0;

	r.fd = m->ops->open(m, "/proc/self/mountinfo", O_RDONLY);
	if (r.fd < 0)
		return true; /* Cannot tell: the safe side is to offer reads only. */
	while (next_line(&r, line, sizeof(line)) > 0) {
		if (mount_matches(line, major, minor, type)) {
			writeback = type_has_writeback(type);
			break;
		}
	}
	m->ops->close(m, r.fd);
	return writeback;
}

static const struct known_dev *find_known(
	const struct svart_vma_reader *r, uint32_t major, uint32_t minor)
{
	unsigned int i;

	for (i = 0; i < r->nr_known; i++) {
		if (r->known[i].major == major && r->known[i].minor == minor)
			return &r->known[i];
	}
	return NULL;
}

static bool dev_has_writeback(struct svart_vma_reader *r, uint32_t major, uint32_t minor)
{
	const struct known_dev *known;
	bool writeback;

	pthread_mutex_lock(&r->lock);
	known = find_known(r, major, minor);
	writeback = known != NULL && known->writeback;
	pthread_mutex_unlock(&r->lock);
	if (known != NULL)
		return writeback;

	writeback = read_writeback(r->m, major, minor);
	pthread_mutex_lock(&r->lock);
	if (find_known(r, major, minor) == NULL && r->nr_known < MAX_KNOWN_DEVS)
		r->known[r->nr_known++] = (struct known_dev){ major, minor, writeback };
	pthread_mutex_unlock(&r->lock);
	return writeback;
}

#if SVART_HAVE_PROCMAP_QUERY
/** @return 0, -ENOENT no VMA there, -ENOTTY the kernel has no such query, or another -errno. */
static int query_vma(struct svart_vma_reader *r, uint64_t addr, struct raw_vma *raw)
{
	struct procmap_query q = { .size = sizeof(q), .query_addr = addr };
	int rc = r->m->ops->ioctl(r->m, r->maps_fd, PROCMAP_QUERY, &q);

	if (rc < 0)
		return rc;
	*raw = (struct raw_vma){
		.start = q.vma_start,
		.end = q.vma_end,
		.inode = q.inode,
		.major = q.dev_major,
		.minor = q.dev_minor,
		.shared = q.vma_flags & PROCMAP_QUERY_VMA_SHARED,
		.prot = (q.vma_flags & PROCMAP_QUERY_VMA_READABLE ? SVART_ACCESS_READ : 0) |
			(q.vma_flags & PROCMAP_QUERY_VMA_WRITABLE ? SVART_ACCESS_WRITE : 0) |
			(q.vma_flags & PROCMAP_QUERY_VMA_EXECUTABLE ? SVART_ACCESS_EXEC : 0),
	};
	return 0;
}
#else
static int query_vma(struct svart_vma_reader *r, uint64_t addr, struct raw_vma *raw)
{
	(void)r;
	(void)addr;
	(void)raw;
	return -ENOTTY;
}
#endif

/** Parses a line of /proc/self/maps (proc(5)). */
static bool parse_maps_line(const char *line, struct raw_vma *raw)
{
	char perms[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64, &raw->start, &raw->end,
		    perms, &raw->major, &raw->minor, &raw->inode) != 6)
		return false;
	raw->prot = (perms[0] == 'r' ? SVART_ACCESS_READ : 0) |
		    (perms[1] == 'w' ? SVART_ACCESS_WRITE : 0) |
		    (perms[2] == 'x' ? SVART_ACCESS_EXEC : 0);
	raw->shared = perms[3] == 's';
	return true;
}

static int scan_maps(struct svart_vma_reader *r, uint64_t addr, struct raw_vma *raw)
{
	struct line_reader lines = { .m = r->m, .fd = r->maps_fd };
	char line[LINE_BYTES];
	int rc;

	while ((rc = next_line(&lines, line, sizeof(line))) > 0) {
		if (!parse_maps_line(line, raw))
			return -EBADMSG;
		if (addr < raw->start)
			return -ENOENT;
		if (addr < raw->end)
			return 0;
	}
	return rc < 0 ? rc : -ENOENT;
}

static int read_raw(struct svart_vma_reader *r, uint64_t addr, struct raw_vma *raw)
{
	int rc = -ENOTTY;

	if (!atomic_load_explicit(&r->no_query, memory_order_relaxed))
		rc = query_vma(r, addr, raw);
	if (rc != -ENOTTY)
		return rc;
	atomic_store_explicit(&r->no_query, true, memory_order_relaxed);
	return scan_maps(r, addr, raw);
}

int svart_vma_reader_create(struct svart_machine *m, struct svart_vma_reader **out)
{
	struct svart_vma_reader *r = calloc(1, sizeof(*r));
	int fd;

	if (r == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	fd = m->ops->open(m, "/proc/self/maps", O_RDONLY);
	if (fd < 0) {
		free(r);
		return svart_fail(
			fd, "cannot open /proc/self/maps (%s): mount proc", strerror(-fd));
	}
	r->m = m;
	r->maps_fd = fd;
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void svart_vma_reader_destroy(struct svart_vma_reader *r)
{
	if (r == NULL)
		return;
	r->m->ops->close(r->m, r->maps_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int svart_vma_find(struct svart_vma_reader *r, uint64_t addr, struct svart_vma *vma)
{
	struct raw_vma raw;
	int rc = read_raw(r, addr, &raw);

	if (rc < 0)
		return rc;
	*vma = (struct svart_vma){
		.start = raw.start,
		.end = raw.end,
		.prot = raw.prot,
		.device_prot = raw.prot,
		.shared = raw.shared,
		.file_backed = raw.inode != 0,
	};
	if (raw.shared && raw.inode != 0 && (raw.prot & SVART_ACCESS_WRITE) &&
		dev_has_writeback(r, raw.major, raw.minor))
		vma->device_prot &= ~(uint32_t)SVART_ACCESS_WRITE;
	return 0;
}

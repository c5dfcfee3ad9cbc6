/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vma.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "error.h"
#include "maps.h"
#include "mounts.h"
#include "svart_config.h"

#if SVART_HAVE_PROCMAP_QUERY
#include <linux/fs.h>
#endif

/** The most file systems that are remembered; further ones are looked up each time. */
#define MAX_KNOWN_DEVS 64

/** What is known of one file system. */
struct known_dev {
	uint32_t major;
	uint32_t minor;
	bool writeback;
};

/** See vma.h. */
struct svart_vma_reader {
	struct svart_machine *m;
	struct svart_maps *maps;
	atomic_bool no_query; /* The kernel has no PROCMAP_QUERY. */
	pthread_mutex_t lock; /* Guards known and nr_known. */
	unsigned int nr_known;
	struct known_dev known[MAX_KNOWN_DEVS];
};

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

static void remember(struct svart_vma_reader *r, uint32_t major, uint32_t minor, bool writeback)
{
	pthread_mutex_lock(&r->lock);
	if (find_known(r, major, minor) == NULL && r->nr_known < MAX_KNOWN_DEVS)
		r->known[r->nr_known++] = (struct known_dev){ major, minor, writeback };
	pthread_mutex_unlock(&r->lock);
}

/**
 * Whether a device has write-back. If that is not known (yet), it says yes: then devices may only read, which
 * is safe.
 */
static bool dev_has_writeback(struct svart_vma_reader *r, uint32_t major, uint32_t minor)
{
	const struct known_dev *known;
	bool writeback;
	int rc;

	pthread_mutex_lock(&r->lock);
	known = find_known(r, major, minor);
	writeback = known != NULL && known->writeback;
	pthread_mutex_unlock(&r->lock);
	if (known != NULL)
		return writeback;

	rc = svart_mounts_writeback(r->m, major, minor);
	if (rc >= 0)
		remember(r, major, minor, rc != 0);
	return rc != 0;
}

#if SVART_HAVE_PROCMAP_QUERY
/**
 * Asks PROCMAP_QUERY. @return 0, -ENOENT no VMA there, -ENOTTY the kernel has no such query, or another
 * -errno.
 */
static int query_area(struct svart_vma_reader *r, uint64_t addr, struct svart_maps_area *area)
{
	struct procmap_query q = { .size = sizeof(q), .query_addr = addr };
	int rc = r->m->ops->ioctl(r->m, svart_maps_fd(r->maps), PROCMAP_QUERY, &q);

	if (rc < 0)
		return rc;
	if (addr < q.vma_start || addr >= q.vma_end)
		return -EBADMSG;
	*area = (struct svart_maps_area){
		.start = q.vma_start,
		.end = q.vma_end,
		.offset = q.vma_offset,
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
static int query_area(struct svart_vma_reader *r, uint64_t addr, struct svart_maps_area *area)
{
	(void)r;
	(void)addr;
	(void)area;
	return -ENOTTY;
}
#endif

/** Whether an errno says that there is no such query here: before Linux 6.11, emulated, or filtered. */
static bool is_refusal(int rc)
{
	return rc == -ENOTTY || rc == -ENOSYS || rc == -EPERM || rc == -EACCES;
}

static int find_area(struct svart_vma_reader *r, uint64_t addr, struct svart_maps_area *area)
{
	int rc;

	if (!atomic_load_explicit(&r->no_query, memory_order_relaxed)) {
		rc = query_area(r, addr, area);
		if (!is_refusal(rc))
			return rc == -EINTR ? -EAGAIN : rc;
		atomic_store_explicit(&r->no_query, true, memory_order_relaxed);
	}
	return svart_maps_find(r->maps, addr, area);
}

/**
 * Opens more readers: without the query the text is read for each VMA, and several threads need it at once.
 */
static int open_readers(struct svart_vma_reader *r)
{
	struct svart_maps_area area;
	int rc = svart_maps_create(r->m, &r->maps);

	if (rc != 0)
		return rc;
	if (!is_refusal(query_area(r, (uintptr_t)&area, &area)))
		return 0;
	atomic_store_explicit(&r->no_query, true, memory_order_relaxed);
	rc = svart_maps_add_readers(r->maps);
	if (rc != 0)
		svart_maps_destroy(r->maps);
	return rc;
}

int svart_vma_reader_create(struct svart_machine *m, struct svart_vma_reader **out)
{
	struct svart_vma_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	r->m = m;
	rc = open_readers(r);
	if (rc != 0) {
		free(r);
		return rc;
	}
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void svart_vma_reader_destroy(struct svart_vma_reader *r)
{
	if (r == NULL)
		return;
	svart_maps_destroy(r->maps);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/**
 * The identity of an area. The kernel has no lasting number for memory without a file: all of it is alike.
 */
static struct svart_vma_identity identity_of(const struct svart_maps_area *area)
{
	if (area->inode == 0)
		return (struct svart_vma_identity){ .inode = 0 };
	return (struct svart_vma_identity){
		.inode = area->inode,
		.offset = area->offset - area->start,
		.major = area->major,
		.minor = area->minor,
		.shared = area->shared,
	};
}

/**
 * The finalizer of SplitMix64 (Steele, Lea, Flood, 2014): each bit of the result depends on each bit of x.
 */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t svart_vma_identity_tag(const struct svart_vma_identity *id)
{
	uint64_t hash;

	if (id->inode == 0)
		return SVART_VMA_TAG_ANONYMOUS;
	hash = mix(id->inode) ^ ((uint64_t)id->major << 32 | id->minor);
	hash = mix(hash) ^ id->offset;
	/* The lowest bit of the hash is set, so that no file has the tag of anonymous memory. */
	hash = mix(hash ^ id->shared) | UINT64_C(1) << 32;
	return (hash & ~UINT64_C(0xffffffff)) | (uint32_t)id->inode;
}

int svart_vma_find(struct svart_vma_reader *r, uint64_t addr, struct svart_vma *vma)
{
	struct svart_maps_area area;
	int rc = find_area(r, addr, &area);

	if (rc < 0)
		return rc;
	*vma = (struct svart_vma){
		.start = area.start,
		.end = area.end,
		.prot = area.prot,
		.device_prot = area.prot,
		.shared = area.shared,
		.file_backed = area.inode != 0,
		.identity = identity_of(&area),
	};
	if (area.shared && area.inode != 0 && (area.prot & SVART_ACCESS_WRITE) &&
		dev_has_writeback(r, area.major, area.minor))
		vma->device_prot &= ~(uint32_t)SVART_ACCESS_WRITE;
	return 0;
}

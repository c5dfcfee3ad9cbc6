/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "mapping.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "say.h"

/*
 * The step is large enough to make the cost of a forget small (an unmap and an invalidation of the device's
 * TLB), and is small compared with memory.
 */
#define RELEASE_STEP (UINT64_C(16) << 20)

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* The unit of mmap() and munmap(): the page, and on hugetlbfs the huge page. */
static int mapping_unit(int fd, uint64_t *unit)
{
	struct statfs fs;

	*unit = (uint64_t)sysconf(_SC_PAGESIZE);
	if (fd < 0)
		return 0;
	if (fstatfs(fd, &fs) != 0)
		return -errno;
	if (fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0)
		*unit = (uint64_t)fs.f_bsize;
	return 0;
}

int svart_copy_mapping_open(int fd, uint64_t bytes, int prot, struct copy_mapping *map)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint64_t unit;
	void *addr;
	int rc;

	rc = mapping_unit(fd, &unit);
	if (rc != 0)
		return rc;
	if (bytes > SIZE_MAX - unit)
		return -ENOMEM;
	bytes = round_up(bytes, unit);
	addr = mmap(NULL, bytes, prot, flags, fd, 0);
	if (addr == MAP_FAILED)
		return -errno;
	/*
	 * This reads ahead for the device's page requests. It is only advice, so a refusal does not matter.
	 */
	if (fd >= 0)
		madvise(addr, bytes, MADV_SEQUENTIAL);
	*map = (struct copy_mapping){
		.addr = addr,
		.bytes = bytes,
		.step = round_up(RELEASE_STEP, unit),
	};
	return 0;
}

bool svart_copy_mapping_device_writable(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return false;
	return fs.f_type == TMPFS_MAGIC || fs.f_type == HUGETLBFS_MAGIC;
}

/*
 * Releases memory. A pin does not follow the page tables, so memory that a device may reach is unmapped
 * through its space.
 */
static int release(struct copy_mapping *map, struct svart_space *space, size_t upto)
{
	uint8_t *start = map->addr + map->released;
	size_t len = upto - map->released;
	int rc = 0;

	if (len == 0)
		return 0;
	if (space != NULL)
		rc = svart_space_munmap(space, start, len);
	else if (munmap(start, len) != 0)
		return svart_copy_say_file("unmap", "copied memory", -errno);
	if (rc != 0) {
		svart_copy_say("cannot take memory back from the device: %s", svart_error_text());
		return rc;
	}
	map->released = upto;
	return 0;
}

int svart_copy_mapping_release(struct copy_mapping *map, struct svart_space *space, uint64_t bytes)
{
	uint64_t upto = bytes / map->step * map->step;

	return upto > map->released ? release(map, space, upto) : 0;
}

int svart_copy_mapping_close(struct copy_mapping *map, struct svart_space *space)
{
	int rc = 0;

	if (map->addr != NULL)
		rc = release(map, space, map->bytes);
	map->addr = NULL;
	return rc;
}

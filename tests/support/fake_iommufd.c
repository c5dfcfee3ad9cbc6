/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fake_iommufd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22 /* Linux 5.14, asm-generic/mman-common.h */
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE  UINT64_C(4096)
#define CHUNK (UINT64_C(2) << 20)

static struct fake_iommufd *of(struct svart_machine *m)
{
	return (struct fake_iommufd *)m; /* It is the first member. */
}

/* --- the kernel's side, with the lock held unless said otherwise -------------------------------- */

static bool overlaps(const struct fake_area *a, uint64_t iova, uint64_t last)
{
	return a->iova <= last && iova <= a->iova + (a->len - 1);
}

static bool is_usable(const struct fake_iommufd *f, uint64_t iova, uint64_t last)
{
	uint32_t i;

	for (i = 0; i < f->nr_ranges; i++) {
		if (iova >= f->ranges[i].start && last <= f->ranges[i].last)
			return true;
	}
	return false;
}

static int scripted(struct fake_script *s, uint64_t len)
{
	if (s->count == 0 || len < s->min_len)
		return 0;
	if (s->skip > 0) {
		s->skip--;
		return 0;
	}
	s->count--;
	return s->error;
}

/** Without the lock. */
static int pin(const struct fake_iommufd *f, uint64_t va, uint64_t len, bool writable)
{
	if (f->bad_start < va + len && va < f->bad_end)
		return -EFAULT;
	if (madvise((void *)(uintptr_t)va, len,
		    writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) != 0)
		return -EFAULT;
	return 0;
}

static void wait_held(struct fake_iommufd *f, const uint64_t *hold, uint64_t iova, uint64_t len)
{
	if (*hold < iova || *hold >= iova + len)
		return;
	f->held++;
	pthread_cond_broadcast(&f->changed);
	while (*hold >= iova && *hold < iova + len)
		pthread_cond_wait(&f->changed, &f->lock);
	f->held--;
}

/** Gives the lock up for a moment, as the kernel does while it pins, unpins and invalidates. */
static void take_time(struct fake_iommufd *f)
{
	bool slow = f->slow_every != 0 && f->nr_calls % f->slow_every == 0;

	pthread_mutex_unlock(&f->lock);
	if (slow)
		usleep(50);
	pthread_mutex_lock(&f->lock);
}

static void note(
	struct fake_iommufd *f, bool is_map, bool writable, uint64_t iova, uint64_t len, int rc)
{
	if (f->nr_calls < FAKE_MAX_CALLS)
		f->calls[f->nr_calls] = (struct fake_call){ is_map, writable, iova, len, rc };
	f->nr_calls++;
}

static void remove_area(struct fake_iommufd *f, struct fake_area *area)
{
	struct fake_area **link = &f->areas;

	while (*link != area)
		link = &(*link)->next;
	*link = area->next;
	f->bytes -= area->len;
	free(area);
}

static int check_map(struct fake_iommufd *f, const struct iommu_ioas_map *cmd)
{
	const struct fake_area *a;
	uint64_t last = cmd->iova + (cmd->length - 1);

	if (cmd->size != sizeof(*cmd) || cmd->length == 0 || last < cmd->iova ||
		!(cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA) || ((cmd->iova | cmd->length) % PAGE))
		return -EINVAL;
	if (cmd->user_va != cmd->iova)
		f->not_identity++;
	if (cmd->iova / CHUNK != last / CHUNK)
		f->crossing++;
	if (!is_usable(f, cmd->iova, last))
		return -EINVAL;
	for (a = f->areas; a != NULL; a = a->next) {
		if (a->ioas == cmd->ioas_id && overlaps(a, cmd->iova, last)) {
			f->eexist++;
			return -EEXIST;
		}
	}
	if (f->bytes + cmd->length > f->memlock)
		return -ENOMEM;
	return 0;
}

static int enter_area(struct fake_iommufd *f, const struct iommu_ioas_map *cmd)
{
	struct fake_area *a;
	int rc = scripted(&f->map_script, cmd->length);

	if (rc == 0)
		rc = check_map(f, cmd);
	if (rc != 0)
		return rc;
	a = calloc(1, sizeof(*a));
	*a = (struct fake_area){
		.next = f->areas,
		.ioas = cmd->ioas_id,
		.iova = cmd->iova,
		.len = cmd->length,
		.writable = cmd->flags & IOMMU_IOAS_MAP_WRITEABLE,
		.busy = true,
		.birth = atomic_fetch_add(&f->clock, 1),
	};
	f->areas = a;
	f->bytes += a->len;
	if (f->bytes > f->bytes_peak)
		f->bytes_peak = f->bytes;
	return 0;
}

static int do_map(struct fake_iommufd *f, const struct iommu_ioas_map *cmd)
{
	bool writable = cmd->flags & IOMMU_IOAS_MAP_WRITEABLE;
	struct fake_area *a;
	int rc;

	if (f->before_map != NULL)
		f->before_map(f->before_map_arg, cmd->iova, cmd->length);
	pthread_mutex_lock(&f->lock);
	rc = enter_area(f, cmd);
	if (rc == 0) {
		/* Areas enter at the head, and only who entered one removes it while it is busy. */
		for (a = f->areas; a->iova != cmd->iova || a->ioas != cmd->ioas_id; a = a->next)
			;
		wait_held(f, &f->hold_map, cmd->iova, cmd->length);
		take_time(f);
		pthread_mutex_unlock(&f->lock);
		rc = pin(f, cmd->user_va, cmd->length, writable);
		pthread_mutex_lock(&f->lock);
		if (rc == 0)
			a->busy = false;
		else
			remove_area(f, a);
	}
	note(f, true, writable, cmd->iova, cmd->length, rc);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static struct fake_area *find_touching(
	struct fake_iommufd *f, uint32_t ioas, uint64_t iova, uint64_t last)
{
	struct fake_area *a = f->areas;

	while (a != NULL && !(a->ioas == ioas && overlaps(a, iova, last)))
		a = a->next;
	return a;
}

static int unmap_areas(struct fake_iommufd *f, struct iommu_ioas_unmap *cmd)
{
	uint64_t last = cmd->iova + (cmd->length - 1), bytes = 0;
	struct fake_area *a;

	while ((a = find_touching(f, cmd->ioas_id, cmd->iova, last)) != NULL) {
		if (a->busy) {
			f->ebusy++;
			return -EBUSY;
		}
		if (a->iova < cmd->iova || a->iova + (a->len - 1) > last) {
			f->enoent++;
			return -ENOENT;
		}
		bytes += a->len;
		a->busy = true;
		take_time(f);
		remove_area(f, a);
	}
	if (bytes == 0) {
		f->enoent++;
		return -ENOENT;
	}
	cmd->length = bytes;
	return 0;
}

static int do_unmap(struct fake_iommufd *f, struct iommu_ioas_unmap *cmd)
{
	uint64_t len = cmd->length;
	int rc;

	pthread_mutex_lock(&f->lock);
	wait_held(f, &f->hold_unmap, cmd->iova, cmd->length);
	rc = scripted(&f->unmap_script, cmd->length);
	if (rc == 0)
		rc = unmap_areas(f, cmd);
	note(f, false, false, cmd->iova, len, rc);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static int do_ranges(struct fake_iommufd *f, struct iommu_ioas_iova_ranges *cmd)
{
	uint32_t room = cmd->num_iovas, n;
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	n = f->nr_ranges < room ? f->nr_ranges : room;
	memcpy((void *)(uintptr_t)cmd->allowed_iovas, f->ranges, n * sizeof(f->ranges[0]));
	cmd->num_iovas = f->nr_ranges;
	cmd->out_iova_alignment = f->alignment;
	if (f->ranges_error != 0)
		rc = f->ranges_error;
	else if (f->nr_ranges > room)
		rc = -EMSGSIZE;
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static int do_alloc(struct fake_iommufd *f, struct iommu_ioas_alloc *cmd)
{
	pthread_mutex_lock(&f->lock);
	cmd->out_ioas_id = f->next_id++;
	f->nr_ioas++;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static int do_destroy(struct fake_iommufd *f, const struct iommu_destroy *cmd)
{
	struct fake_area *a;

	pthread_mutex_lock(&f->lock);
	while ((a = find_touching(f, cmd->id, 0, UINT64_MAX)) != NULL) {
		f->destroyed_with_areas++;
		remove_area(f, a);
	}
	f->nr_ioas--;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* --- the table --------------------------------------------------------------------------------- */

static int fake_open(struct svart_machine *m, const char *path, int flags)
{
	struct fake_iommufd *f = of(m);
	int fd;

	if (strcmp(path, "/dev/iommu") == 0)
		fd = f->fd = eventfd(0, EFD_CLOEXEC);
	else if (strcmp(path, "/proc/self/status") == 0 && f->status_path != NULL)
		fd = open(f->status_path, flags | O_CLOEXEC);
	else
		fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	pthread_mutex_lock(&f->lock);
	f->open_fds++;
	pthread_mutex_unlock(&f->lock);
	return fd;
}

static int fake_close(struct svart_machine *m, int fd)
{
	struct fake_iommufd *f = of(m);

	pthread_mutex_lock(&f->lock);
	f->open_fds--;
	pthread_mutex_unlock(&f->lock);
	return close(fd) != 0 ? -errno : 0;
}

static int fake_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct fake_iommufd *f = of(m);
	int rc;

	if (fd != f->fd) {
		rc = ioctl(fd, request, arg);
		return rc < 0 ? -errno : rc;
	}
	switch (request) {
	case IOMMU_IOAS_ALLOC:
		return do_alloc(f, arg);
	case IOMMU_IOAS_IOVA_RANGES:
		return do_ranges(f, arg);
	case IOMMU_IOAS_MAP:
		return do_map(f, arg);
	case IOMMU_IOAS_UNMAP:
		return do_unmap(f, arg);
	case IOMMU_DESTROY:
		return do_destroy(f, arg);
	default:
		return -ENOTTY;
	}
}

static ssize_t fake_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	(void)m;
	return n < 0 ? -errno : n;
}

static ssize_t fake_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	ssize_t n = pread(fd, buf, len, off);

	(void)m;
	return n < 0 ? -errno : n;
}

static int fake_getrlimit(struct svart_machine *m, int resource, struct rlimit *limit)
{
	(void)resource;
	*limit = of(m)->rlimit;
	return 0;
}

static uint64_t fake_now_ns(struct svart_machine *m)
{
	struct timespec ts;

	(void)m;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static void fake_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	(void)m;
	(void)deadline_ns;
	usleep(20);
}

/* What is not here the space does not call; a call ends the test. */
static int fake_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	(void)m;
	*out = mmap(addr, len, prot, flags, fd, off);
	return *out != MAP_FAILED ? 0 : -errno;
}

static int fake_munmap(struct svart_machine *m, void *addr, size_t len)
{
	(void)m;
	return munmap(addr, len) == 0 ? 0 : -errno;
}

static int fake_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	(void)m;
	return madvise(addr, len, advice) == 0 ? 0 : -errno;
}

static const struct svart_machine_ops fake_ops = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.ioctl = fake_ioctl,
	.read = fake_read,
	.pread = fake_pread,
	.mmap = fake_mmap,
	.munmap = fake_munmap,
	.madvise = fake_madvise,
	.getrlimit = fake_getrlimit,
	.now_ns = fake_now_ns,
	.pause = fake_pause,
};

struct fake_iommufd *fake_iommufd_create(void)
{
	struct fake_iommufd *f = calloc(1, sizeof(*f));

	f->machine.ops = &fake_ops;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->ranges[0] = (struct iommu_iova_range){ .start = 0, .last = UINT64_MAX };
	f->nr_ranges = 1;
	f->alignment = 1;
	f->memlock = UINT64_MAX;
	f->rlimit = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	f->fd = -1;
	f->next_id = 1;
	atomic_store(&f->clock, 1);
	return f;
}

void fake_iommufd_destroy(struct fake_iommufd *f)
{
	while (f->areas != NULL)
		remove_area(f, f->areas);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* --- for tests --------------------------------------------------------------------------------- */

static void set_hold(struct fake_iommufd *f, uint64_t map, uint64_t unmap)
{
	pthread_mutex_lock(&f->lock);
	f->hold_map = map;
	f->hold_unmap = unmap;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void fake_hold_map(struct fake_iommufd *f, const void *addr)
{
	set_hold(f, (uintptr_t)addr, 0);
}

void fake_hold_unmap(struct fake_iommufd *f, const void *addr)
{
	set_hold(f, 0, (uintptr_t)addr);
}

void fake_release(struct fake_iommufd *f)
{
	set_hold(f, 0, 0);
}

void fake_wait_held(struct fake_iommufd *f, unsigned int nr)
{
	pthread_mutex_lock(&f->lock);
	while (f->held < nr)
		pthread_cond_wait(&f->changed, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

struct fake_area fake_area_at(struct fake_iommufd *f, const void *addr)
{
	struct fake_area found = { 0 };
	const struct fake_area *a;

	pthread_mutex_lock(&f->lock);
	for (a = f->areas; a != NULL; a = a->next) {
		if (overlaps(a, (uintptr_t)addr, (uintptr_t)addr))
			found = *a;
	}
	pthread_mutex_unlock(&f->lock);
	return found;
}

bool fake_is_mapped(struct fake_iommufd *f, const void *addr)
{
	struct fake_area a = fake_area_at(f, addr);

	return a.len != 0 && !a.busy;
}

bool fake_is_writable(struct fake_iommufd *f, const void *addr)
{
	return fake_is_mapped(f, addr) && fake_area_at(f, addr).writable;
}

unsigned int fake_nr_areas(struct fake_iommufd *f)
{
	const struct fake_area *a;
	unsigned int n = 0;

	pthread_mutex_lock(&f->lock);
	for (a = f->areas; a != NULL; a = a->next)
		n++;
	pthread_mutex_unlock(&f->lock);
	return n;
}

uint64_t fake_bytes(struct fake_iommufd *f)
{
	uint64_t bytes;

	pthread_mutex_lock(&f->lock);
	bytes = f->bytes;
	pthread_mutex_unlock(&f->lock);
	return bytes;
}

uint64_t fake_oldest_birth(struct fake_iommufd *f, const void *addr, size_t len)
{
	uint64_t birth = UINT64_MAX;
	const struct fake_area *a;

	pthread_mutex_lock(&f->lock);
	for (a = f->areas; a != NULL; a = a->next) {
		if (overlaps(a, (uintptr_t)addr, (uintptr_t)addr + len - 1) && a->birth < birth)
			birth = a->birth;
	}
	pthread_mutex_unlock(&f->lock);
	return birth;
}

static unsigned int count_calls(struct fake_iommufd *f, bool is_map)
{
	unsigned int i, n = 0;

	pthread_mutex_lock(&f->lock);
	for (i = 0; i < f->nr_calls && i < FAKE_MAX_CALLS; i++)
		n += f->calls[i].is_map == is_map;
	pthread_mutex_unlock(&f->lock);
	return n;
}

unsigned int fake_nr_maps(struct fake_iommufd *f)
{
	return count_calls(f, true);
}

unsigned int fake_nr_unmaps(struct fake_iommufd *f)
{
	return count_calls(f, false);
}

void fake_clear_calls(struct fake_iommufd *f)
{
	pthread_mutex_lock(&f->lock);
	f->nr_calls = 0;
	pthread_mutex_unlock(&f->lock);
}

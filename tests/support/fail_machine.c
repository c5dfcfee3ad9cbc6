/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "fail_machine.h"

#include <stdio.h>
#include <string.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

static struct fail_machine *of(struct svart_machine *m)
{
	return (struct fail_machine *)m; /* It is the first member. */
}

/** Counts a call. @return whether it is the one to fail. */
static bool strikes(struct svart_machine *m, const char *what, unsigned long detail)
{
	struct fail_machine *f = of(m);

	if (atomic_fetch_add(&f->calls, 1) + 1 != f->fail_at)
		return false;
	snprintf(f->failed, sizeof(f->failed), "%s %#lx", what, detail);
	return true;
}

static bool is_ending(unsigned long request)
{
	return request == IOMMU_DESTROY || request == IOMMU_IOAS_UNMAP ||
	       request == VFIO_DEVICE_DETACH_IOMMUFD_PT;
}

static int fail_open(struct svart_machine *m, const char *path, int flags)
{
	if (strikes(m, "open", 0))
		return of(m)->error;
	return of(m)->inner->ops->open(of(m)->inner, path, flags);
}

static int fail_close(struct svart_machine *m, int fd)
{
	return of(m)->inner->ops->close(of(m)->inner, fd);
}

static int fail_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	if (!is_ending(request) && strikes(m, "ioctl", request))
		return of(m)->error;
	return of(m)->inner->ops->ioctl(of(m)->inner, fd, request, arg);
}

static ssize_t fail_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	if (strikes(m, "read", len))
		return of(m)->error;
	return of(m)->inner->ops->read(of(m)->inner, fd, buf, len);
}

static ssize_t fail_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	if (strikes(m, "write", len))
		return of(m)->error;
	return of(m)->inner->ops->write(of(m)->inner, fd, buf, len);
}

static ssize_t fail_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	if (strikes(m, "pread", len))
		return of(m)->error;
	return of(m)->inner->ops->pread(of(m)->inner, fd, buf, len, off);
}

static ssize_t fail_pwrite(struct svart_machine *m, int fd, const void *buf, size_t len, off_t off)
{
	if (strikes(m, "pwrite", len))
		return of(m)->error;
	return of(m)->inner->ops->pwrite(of(m)->inner, fd, buf, len, off);
}

static int fail_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	if (strikes(m, "mmap", len))
		return of(m)->error;
	return of(m)->inner->ops->mmap(of(m)->inner, addr, len, prot, flags, fd, off, out);
}

static int fail_munmap(struct svart_machine *m, void *addr, size_t len)
{
	return of(m)->inner->ops->munmap(of(m)->inner, addr, len);
}

static int fail_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	if (strikes(m, "madvise", (unsigned long)advice))
		return of(m)->error;
	return of(m)->inner->ops->madvise(of(m)->inner, addr, len, advice);
}

static int fail_poll(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	if (strikes(m, "poll", nr))
		return of(m)->error;
	return of(m)->inner->ops->poll(of(m)->inner, fds, nr, timeout_ns);
}

static int fail_eventfd(struct svart_machine *m, unsigned int initial, int flags)
{
	if (strikes(m, "eventfd", 0))
		return of(m)->error;
	return of(m)->inner->ops->eventfd(of(m)->inner, initial, flags);
}

static ssize_t fail_readlink(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	if (strikes(m, "readlink", 0))
		return of(m)->error;
	return of(m)->inner->ops->readlink(of(m)->inner, path, buf, len);
}

static int fail_getrlimit(struct svart_machine *m, int resource, struct rlimit *limit)
{
	if (strikes(m, "getrlimit", (unsigned long)resource))
		return of(m)->error;
	return of(m)->inner->ops->getrlimit(of(m)->inner, resource, limit);
}

static int fail_listdir(struct svart_machine *m, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	if (strikes(m, "listdir", 0))
		return of(m)->error;
	return of(m)->inner->ops->listdir(of(m)->inner, path, entry, arg);
}

static uint32_t fail_mmio_read32(struct svart_machine *m, const volatile void *addr)
{
	return of(m)->inner->ops->mmio_read32(of(m)->inner, addr);
}

static uint64_t fail_mmio_read64(struct svart_machine *m, const volatile void *addr)
{
	return of(m)->inner->ops->mmio_read64(of(m)->inner, addr);
}

static void fail_mmio_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	of(m)->inner->ops->mmio_write32(of(m)->inner, addr, value);
}

static void fail_mmio_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	of(m)->inner->ops->mmio_write64(of(m)->inner, addr, value);
}

static int fail_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	if (strikes(m, "portal", flags))
		return of(m)->error;
	return of(m)->inner->ops->portal(of(m)->inner, addr, flags, out);
}

static uint64_t fail_now_ns(struct svart_machine *m)
{
	return of(m)->inner->ops->now_ns(of(m)->inner);
}

static void fail_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	of(m)->inner->ops->pause(of(m)->inner, deadline_ns);
}

static const struct svart_machine_ops fail_ops = {
	.name = "fail the n-th",
	.open = fail_open,
	.close = fail_close,
	.ioctl = fail_ioctl,
	.read = fail_read,
	.write = fail_write,
	.pread = fail_pread,
	.pwrite = fail_pwrite,
	.mmap = fail_mmap,
	.munmap = fail_munmap,
	.madvise = fail_madvise,
	.poll = fail_poll,
	.eventfd = fail_eventfd,
	.readlink = fail_readlink,
	.getrlimit = fail_getrlimit,
	.listdir = fail_listdir,
	.mmio_read32 = fail_mmio_read32,
	.mmio_read64 = fail_mmio_read64,
	.mmio_write32 = fail_mmio_write32,
	.mmio_write64 = fail_mmio_write64,
	.portal = fail_portal,
	.now_ns = fail_now_ns,
	.pause = fail_pause,
};

void fail_machine_init(struct fail_machine *f, struct svart_machine *inner)
{
	memset(f, 0, sizeof(*f));
	f->base.ops = &fail_ops;
	f->inner = inner;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The real machine: each function calls libc or executes the instruction.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

#include "error.h"
#include "machine.h"
#include "pci_address.h"

#define NS_PER_S UINT64_C(1000000000)

/** Longest sleep of one pause: short compared with a page fault, long compared with a poll of memory. */
#define PAUSE_NS UINT64_C(20000)

static int linux_open(struct svart_machine *m, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	(void)m;
	return fd < 0 ? -errno : fd;
}

static int linux_close(struct svart_machine *m, int fd)
{
	(void)m;
	return close(fd) != 0 ? -errno : 0;
}

static int linux_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	int rc = ioctl(fd, request, arg);

	(void)m;
	return rc < 0 ? -errno : rc;
}

static ssize_t linux_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	(void)m;
	return n < 0 ? -errno : n;
}

static ssize_t linux_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	(void)m;
	return n < 0 ? -errno : n;
}

static ssize_t linux_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	ssize_t n = pread(fd, buf, len, off);

	(void)m;
	return n < 0 ? -errno : n;
}

static ssize_t linux_pwrite(struct svart_machine *m, int fd, const void *buf, size_t len, off_t off)
{
	ssize_t n = pwrite(fd, buf, len, off);

	(void)m;
	return n < 0 ? -errno : n;
}

static int linux_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	void *p = mmap(addr, len, prot, flags, fd, off);

	(void)m;
	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

static int linux_munmap(struct svart_machine *m, void *addr, size_t len)
{
	(void)m;
	return munmap(addr, len) != 0 ? -errno : 0;
}

static int linux_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	(void)m;
	return madvise(addr, len, advice) != 0 ? -errno : 0;
}

static struct timespec timespec_of_ns(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S) };
}

static int linux_poll(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	struct timespec ts = timespec_of_ns(timeout_ns);
	int rc = ppoll(fds, nr, timeout_ns == UINT64_MAX ? NULL : &ts, NULL);

	(void)m;
	return rc < 0 ? -errno : rc;
}

static int linux_eventfd(struct svart_machine *m, unsigned int initial, int flags)
{
	int fd = eventfd(initial, flags);

	(void)m;
	return fd < 0 ? -errno : fd;
}

static ssize_t linux_readlink(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	ssize_t n = readlink(path, buf, len);

	(void)m;
	return n < 0 ? -errno : n;
}

static int linux_getrlimit(struct svart_machine *m, int resource, struct rlimit *limit)
{
	(void)m;
	return getrlimit((__rlimit_resource_t)resource, limit) != 0 ? -errno : 0;
}

static int linux_listdir(struct svart_machine *m, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	int rc = 0;

	(void)m;
	if (dir == NULL)
		return -errno;
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = entry(arg, d->d_name);
	}
	closedir(dir);
	return rc;
}

static uint32_t linux_mmio_read32(struct svart_machine *m, const volatile void *addr)
{
	(void)m;
	return *(const volatile uint32_t *)addr;
}

static uint64_t linux_mmio_read64(struct svart_machine *m, const volatile void *addr)
{
	(void)m;
	return *(const volatile uint64_t *)addr;
}

static void linux_mmio_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	(void)m;
	/* Orders the program's stores to memory before the register write they belong to. */
	atomic_thread_fence(memory_order_release);
	*(volatile uint32_t *)addr = value;
}

static void linux_mmio_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	(void)m;
	/* As in linux_mmio_write32(). */
	atomic_thread_fence(memory_order_release);
	*(volatile uint64_t *)addr = value;
}

/** Stores to the portal of an emulated device, which takes the descriptor when the eighth word has come. */
static void split_stores(void *ctx, void *portal, const void *descs, uint32_t nr)
{
	const uint64_t *from = descs;
	volatile uint64_t *to;
	unsigned int i;

	(void)ctx;
	for (; nr > 0; nr--, portal = svart_portal_next(portal)) {
		to = portal;
		for (i = 0; i < SVART_PORTAL_BYTES / sizeof(*to); i++)
			to[i] = *from++;
	}
}

/**
 * Replaces ENQCMD for a portal that cannot take it. It says that the portal is full, so no descriptor is
 * lost.
 */
static bool no_enqcmd(void *ctx, void *portal, const void *desc)
{
	(void)ctx;
	(void)portal;
	(void)desc;
	return false;
}

#ifdef __x86_64__

/** CPUID.(EAX=7,ECX=0):ECX bit 28: MOVDIR64B; bit 29: ENQCMD (Intel SDM vol. 2, CPUID). */
#define CPUID_MOVDIR64B (1u << 28)
#define CPUID_ENQCMD    (1u << 29)

static uint32_t cpuid_features(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		return 0;
	return ecx;
}

__attribute__((target("movdir64b"))) static void movdir64b_stores(
	void *ctx, void *portal, const void *descs, uint32_t nr)
{
	const uint8_t *desc = descs;

	(void)ctx;
	for (; nr > 0; nr--, desc += SVART_PORTAL_BYTES) {
		_movdir64b(portal, desc);
		portal = svart_portal_next(portal);
	}
}

__attribute__((target("enqcmd"))) static bool enqcmd_store(
	void *ctx, void *portal, const void *desc)
{
	(void)ctx;
	return _enqcmd(portal, desc) == 0;
}

static int portal_native(unsigned int flags, struct svart_portal *out)
{
	uint32_t features = cpuid_features();

	if (flags & SVART_PORTAL_NATIVE)
		features = CPUID_MOVDIR64B | CPUID_ENQCMD;
	if (!(features & CPUID_MOVDIR64B))
		return svart_fail(-ENOTSUP,
			"this CPU has no MOVDIR64B, which the device's portal needs; "
			"for an emulated device add portal=split to its name");
	out->movdir64b = movdir64b_stores;
	out->enqcmd = features & CPUID_ENQCMD ? enqcmd_store : no_enqcmd;
	return 0;
}

#else

static int portal_native(unsigned int flags, struct svart_portal *out)
{
	(void)flags;
	(void)out;
	return svart_fail(-ENOTSUP,
		"this CPU cannot store 64 bytes at once, which the device's portal "
		"needs; for an emulated device add portal=split to its name");
}

#endif

static int linux_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	(void)m;
	if (addr == NULL)
		return svart_fail(-EINVAL, "the portal is not mapped");
	*out = (struct svart_portal){ .movdir64b = split_stores, .enqcmd = no_enqcmd };
	return flags & SVART_PORTAL_SPLIT ? 0 : portal_native(flags, out);
}

static uint64_t linux_now_ns(struct svart_machine *m)
{
	struct timespec ts;

	(void)m;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void linux_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	uint64_t now = linux_now_ns(m);
	struct timespec ts;

	if (now >= deadline_ns)
		return;
	ts = timespec_of_ns(deadline_ns - now < PAUSE_NS ? deadline_ns - now : PAUSE_NS);
	nanosleep(&ts, NULL);
}

static const struct svart_machine_ops linux_ops = {
	.name = "linux",
	.open = linux_open,
	.close = linux_close,
	.ioctl = linux_ioctl,
	.read = linux_read,
	.write = linux_write,
	.pread = linux_pread,
	.pwrite = linux_pwrite,
	.mmap = linux_mmap,
	.munmap = linux_munmap,
	.madvise = linux_madvise,
	.poll = linux_poll,
	.eventfd = linux_eventfd,
	.readlink = linux_readlink,
	.getrlimit = linux_getrlimit,
	.listdir = linux_listdir,
	.mmio_read32 = linux_mmio_read32,
	.mmio_read64 = linux_mmio_read64,
	.mmio_write32 = linux_mmio_write32,
	.mmio_write64 = linux_mmio_write64,
	.portal = linux_portal,
	.now_ns = linux_now_ns,
	.pause = linux_pause,
};

static const char *const linux_option_keys[] = { NULL };

static int linux_create(const char *options, struct svart_machine **out)
{
	struct svart_machine *m = calloc(1, sizeof(*m));

	(void)options; /* This machine has no option keys, so there are no options. */
	if (m == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	m->ops = &linux_ops;
	*out = m;
	return 0;
}

static void linux_destroy(struct svart_machine *m)
{
	free(m);
}

static int linux_locate(
	struct svart_machine *m, const char *name, const char *options, char address[16])
{
	(void)m;
	(void)options;
	if (svart_pci_address_check(name) != 0)
		return svart_fail(
			-EINVAL, "\"%s\" is no PCI address; write it as in pci:0000:6a:01.0", name);
	strcpy(address, name);
	return 0;
}

static bool linux_kind(unsigned int index, struct svart_machine_kind *kind)
{
	(void)index;
	(void)kind;
	return false;
}

const struct svart_machine_class svart_machine_linux = {
	.name = "linux",
	.option_keys = linux_option_keys,
	.create = linux_create,
	.destroy = linux_destroy,
	.locate = linux_locate,
	.kind = linux_kind,
};

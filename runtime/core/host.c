/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What the core does for drivers: the host table of svart_pmd.h.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "core.h"
#include "error.h"

static struct svart_device *device_of(struct svart_pmd_device *pmd)
{
	return (struct svart_device *)pmd; /* It is the first member. */
}

static int map_for_device(struct svart_core_queue *q, void *addr, size_t bytes)
{
	struct svart_machine *m = q->dev->slot->m;
	int rc = m->ops->madvise(m, addr, bytes, MADV_DONTFORK);

	if (rc != 0)
		return svart_fail(rc, "cannot keep device memory from forks: %s", strerror(-rc));
	rc = svart_space_map_static(q->attachment->space, addr, bytes);
	if (rc != 0)
		return svart_fail(rc,
			"cannot pin %zu bytes of device memory for %s: %s; raise "
			"RLIMIT_MEMLOCK (ulimit -l)",
			bytes, q->dev->name, strerror(-rc));
	return 0;
}

/** Where to look for addresses that a device of few address bits reaches, and how far apart. */
#define LOW_STEP  (UINT64_C(1) << 20)
#define LOW_TRIES 4096

/** Takes memory that ends below 2^bits, from the top down. @return 0, -ENOMEM: nothing is free. */
static int mmap_below(struct svart_machine *m, unsigned int bits, size_t bytes, void **addr)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	uint64_t at = UINT64_C(1) << bits;
	unsigned int i;

	for (i = 0; i < LOW_TRIES && at >= LOW_STEP + bytes; i++, at -= LOW_STEP) {
		if (m->ops->mmap(m, (void *)(uintptr_t)(at - bytes), bytes, PROT_READ | PROT_WRITE,
			    flags, -1, 0, addr) == 0)
			return 0;
	}
	return -ENOMEM;
}

static int mmap_for(const struct svart_pmd_device *dev, size_t bytes, void **addr)
{
	struct svart_machine *m = dev->machine;

	/* Above that there is no memory unless it is asked for. */
	if (dev->caps.address_bits != 0 && dev->caps.address_bits < 47)
		return mmap_below(m, dev->caps.address_bits, bytes, addr);
	return m->ops->mmap(
		m, NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, addr);
}

static int host_mem_alloc(struct svart_pmd_queue *pmd, size_t bytes, struct svart_pmd_mem *mem)
{
	struct svart_core_queue *q = (struct svart_core_queue *)pmd;
	struct svart_machine *m = q->dev->slot->m;
	size_t whole = svart_page_up(bytes);
	void *addr;
	int rc = mmap_for(pmd->dev, whole, &addr);

	if (rc != 0)
		return svart_fail(rc, "no memory: %zu bytes for %s", whole, q->dev->name);
	rc = map_for_device(q, addr, whole);
	if (rc != 0) {
		m->ops->munmap(m, addr, whole);
		return rc;
	}
	*mem = (struct svart_pmd_mem){ .addr = addr, .bytes = whole };
	return 0;
}

static void host_mem_free(struct svart_pmd_queue *pmd, struct svart_pmd_mem *mem)
{
	struct svart_core_queue *q = (struct svart_core_queue *)pmd;
	struct svart_machine *m = q->dev->slot->m;

	if (mem->addr == NULL)
		return;
	svart_space_unmap_static(q->attachment->space, mem->addr, mem->bytes);
	/* A fault nearby may just have mapped the pages with its own. */
	svart_space_forget(q->attachment->space, mem->addr, mem->bytes);
	m->ops->munmap(m, mem->addr, mem->bytes);
	mem->addr = NULL;
}

static int check_config(const struct svart_device *dev, unsigned int off, size_t len)
{
	if (off + len > dev->config_bytes)
		return svart_fail(
			-EINVAL, "configuration space of %s ends before %#x", dev->name, off);
	return 0;
}

static int tell_config(
	const struct svart_device *dev, const char *what, unsigned int off, ssize_t n)
{
	return svart_fail(n < 0 ? (int)n : -EIO, "cannot %s configuration space of %s at %#x", what,
		dev->name, off);
}

static int host_config_read(struct svart_pmd_device *pmd, unsigned int off, void *buf, size_t len)
{
	struct svart_device *dev = device_of(pmd);
	struct svart_machine *m = dev->slot->m;
	int rc = check_config(dev, off, len);
	ssize_t n;

	if (rc != 0)
		return rc;
	n = m->ops->pread(m, dev->fd, buf, len, (off_t)(dev->config_off + off));
	return n == (ssize_t)len ? 0 : tell_config(dev, "read", off, n);
}

static int host_config_write(
	struct svart_pmd_device *pmd, unsigned int off, const void *buf, size_t len)
{
	struct svart_device *dev = device_of(pmd);
	struct svart_machine *m = dev->slot->m;
	int rc = check_config(dev, off, len);
	ssize_t n;

	if (rc != 0)
		return rc;
	n = m->ops->pwrite(m, dev->fd, buf, len, (off_t)(dev->config_off + off));
	return n == (ssize_t)len ? 0 : tell_config(dev, "write", off, n);
}

static int host_option_u64(const struct svart_pmd_device *pmd, const char *key, uint64_t min,
	uint64_t max, uint64_t *value)
{
	const struct svart_device *dev = (const struct svart_device *)pmd;

	return svart_option_u64(dev->options, key, min, max, value);
}

const struct svart_pmd_host svart_host = {
	.mem_alloc = host_mem_alloc,
	.mem_free = host_mem_free,
	.config_read = host_config_read,
	.config_write = host_config_write,
	.option_u64 = host_option_u64,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What VFIO shows of a function: configuration space and the BARs.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "error.h"
#include "vfio.h"
#include "vfio_function.h"

int svart_vfio_config_find(struct svart_vfio_function *f)
{
	struct vfio_region_info info;
	int rc = svart_vfio_region_info(f->base.m, f->fd, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (rc != 0)
		return svart_fail(rc, "VFIO shows no configuration space of %s: %s", f->pci.address,
			strerror(-rc));
	f->config_off = info.offset;
	f->config_bytes = info.size;
	return 0;
}

static int check_config(const struct svart_vfio_function *f, unsigned int off, size_t len)
{
	if (off + len > f->config_bytes)
		return svart_fail(
			-EINVAL, "configuration space of %s ends before %#x", f->base.name, off);
	return 0;
}

static int tell_config(
	const struct svart_vfio_function *f, const char *what, unsigned int off, ssize_t n)
{
	return svart_fail(n < 0 ? (int)n : -EIO, "cannot %s configuration space of %s at %#x", what,
		f->base.name, off);
}

int svart_vfio_config_read(
	struct svart_transport_device *t, unsigned int off, void *buf, size_t len)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);
	int rc = check_config(f, off, len);
	ssize_t n;

	if (rc != 0)
		return rc;
	n = t->m->ops->pread(t->m, f->fd, buf, len, (off_t)(f->config_off + off));
	return n == (ssize_t)len ? 0 : tell_config(f, "read", off, n);
}

int svart_vfio_config_write(
	struct svart_transport_device *t, unsigned int off, const void *buf, size_t len)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);
	int rc = check_config(f, off, len);
	ssize_t n;

	if (rc != 0)
		return rc;
	n = t->m->ops->pwrite(t->m, f->fd, buf, len, (off_t)(f->config_off + off));
	return n == (ssize_t)len ? 0 : tell_config(f, "write", off, n);
}

static int find_bar(struct svart_vfio_function *f, unsigned int bar, struct vfio_region_info *info)
{
	int rc = svart_vfio_region_info(f->base.m, f->fd, bar, info);

	if (rc != 0)
		return svart_fail(
			rc, "VFIO shows no BAR %u of %s: %s", bar, f->pci.address, strerror(-rc));
	if (info->size == 0 || !(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return svart_fail(-EIO,
			"BAR %u of %s cannot be mapped (%llu bytes, VFIO flags %#x)", bar,
			f->pci.address, (unsigned long long)info->size, info->flags);
	return 0;
}

int svart_vfio_region_map(
	struct svart_transport_device *t, unsigned int bar, void **addr, size_t *bytes)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);
	struct svart_machine *m = t->m;
	struct vfio_region_info info;
	void *mapped;
	int rc = find_bar(f, bar, &info);

	if (rc != 0)
		return rc;
	rc = m->ops->mmap(m, NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd,
		(off_t)info.offset, &mapped);
	if (rc != 0)
		return svart_fail(
			rc, "cannot map BAR %u of %s: %s", bar, f->pci.address, strerror(-rc));
	/* A child that wrote to the registers would disturb the parent's device. */
	rc = m->ops->madvise(m, mapped, info.size, MADV_DONTFORK);
	if (rc != 0) {
		m->ops->munmap(m, mapped, info.size);
		return svart_fail(rc, "cannot keep BAR %u of %s from forks: %s", bar,
			f->pci.address, strerror(-rc));
	}
	*addr = mapped;
	*bytes = info.size;
	return 0;
}

void svart_vfio_region_unmap(struct svart_transport_device *t, void *addr, size_t bytes)
{
	t->m->ops->munmap(t->m, addr, bytes);
}

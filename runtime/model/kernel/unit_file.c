/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "unit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "guard.h"
#include "kernel_device.h"
#include "mmio.h"
#include "kernel_state.h"
#include "unit.h"

static int get_info(const struct svart_unit *unit, void *user)
{
	struct svart_iommu_unit_info info;
	uint32_t argsz;
	int rc = svart_guard_copy(&argsz, user, sizeof(argsz));

	if (rc != 0)
		return rc;
	if (argsz < sizeof(info))
		return -EINVAL;
	info = (struct svart_iommu_unit_info){
		.argsz = sizeof(info),
		.kind = unit->ops->kind,
		.requester_id = unit->dev->requester_id,
		.bytes = unit->ops->bytes,
	};
	return svart_guard_copy(user, &info, sizeof(info));
}

static int unit_ioctl(struct svart_model_file *f, unsigned long request, void *arg)
{
	return request == SVART_IOMMU_UNIT_GET_INFO ? get_info(f->object, arg) : -ENOTTY;
}

static ssize_t unit_read(struct svart_model_file *f, void *buf, size_t len)
{
	struct svart_unit *unit = f->object;
	struct svart_machine *host = svart_kernel_device_of(unit->dev)->kernel->host;

	return host->ops->read(host, unit->event_fd, buf, len);
}

static int unit_mmap(struct svart_model_file *f, void *addr, size_t len, int prot, int flags,
	off_t off, void **out)
{
	struct svart_unit *unit = f->object;
	uint64_t start = (uint64_t)off;

	(void)prot; /* The model's accessors can read and write anyway. */
	if (off < 0 || (start & SVART_PAGE_MASK) != 0 || len == 0 ||
		(flags & MAP_TYPE) == MAP_PRIVATE)
		return -EINVAL;
	if (start >= unit->ops->bytes || len > unit->ops->bytes - start)
		return -EINVAL;
	return svart_mmio_map(f, svart_kernel_device_of(unit->dev), SVART_MMIO_UNIT, start, addr,
		svart_page_up(len), flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), out);
}

static void unit_release(struct svart_model_file *f)
{
	struct svart_unit *unit = f->object;
	struct svart_iommu_device *dev = unit->dev;

	svart_engine_lock(&dev->engine);
	unit->ops->reset(unit);
	unit->opened = false;
	if (unit->event_fd >= 0)
		close(unit->event_fd);
	unit->event_fd = -1;
	svart_prg_unit_closed(dev);
	svart_engine_unlock(&dev->engine);
}

static const struct svart_model_file_ops unit_file_ops = {
	.read = unit_read,
	.ioctl = unit_ioctl,
	.mmap = unit_mmap,
	.release = unit_release,
};

/** Takes the unit for one opener. @return 0 or -EBUSY. */
static int claim(struct svart_unit *unit)
{
	int rc = 0;

	svart_engine_lock(&unit->dev->engine);
	if (unit->opened)
		rc = -EBUSY;
	unit->opened = true;
	svart_engine_unlock(&unit->dev->engine);
	return rc;
}

static void unclaim(struct svart_unit *unit)
{
	svart_engine_lock(&unit->dev->engine);
	unit->opened = false;
	svart_prg_unit_closed(unit->dev);
	svart_engine_unlock(&unit->dev->engine);
}

int svart_unit_file_open(struct svart_kernel_device *dev)
{
	struct svart_unit *unit = dev->hw.unit;
	int fd, copy, rc;

	if (unit == NULL)
		return -ENOENT;
	rc = claim(unit);
	if (rc != 0)
		return rc;
	fd = svart_model_file_open(&dev->kernel->files, &unit_file_ops, unit);
	if (fd < 0) {
		unclaim(unit);
		return fd;
	}
	/* This is a duplicate, because the program may close its own, and the number may be reused then. */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		rc = -errno;
		svart_model_file_close(&dev->kernel->files, fd);
		return rc;
	}
	svart_engine_lock(&dev->hw.engine);
	unit->event_fd = copy;
	svart_engine_unlock(&dev->hw.engine);
	return fd;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "guard.h"
#include "model_device.h"
#include "model_mmio.h"
#include "model_state.h"

/* --- life ------------------------------------------------------------------------------------- */

int svart_unit_create(struct svart_model_device *dev)
{
	int rc;

	if (!dev->type->pri)
		return 0;
	rc = dev->unit_ops->create(dev, &dev->unit);
	if (rc != 0)
		return rc;
	dev->unit->ops = dev->unit_ops;
	dev->unit->dev = dev;
	dev->unit->opened = false;
	dev->unit->event_fd = -1;
	return 0;
}

void svart_unit_destroy(struct svart_model_device *dev)
{
	if (dev->unit != NULL)
		dev->unit_ops->destroy(dev->unit);
}

void svart_unit_interrupt(struct svart_unit *unit)
{
	uint64_t one = 1;

	/* An eventfd takes 2^64 - 2 of these before it refuses one; then it is readable anyway. */
	if (unit->event_fd >= 0 && write(unit->event_fd, &one, sizeof(one)) < 0)
		return;
}

uint32_t svart_unit_requester_id(const struct svart_unit *unit)
{
	/* The address is the model's own: 0000:BB:DD.F. */
	const char *address = unit->dev->address;
	uint32_t bus = (uint32_t)strtoul(address + 5, NULL, 16);
	uint32_t device = (uint32_t)strtoul(address + 8, NULL, 16);
	uint32_t function = (uint32_t)strtoul(address + 11, NULL, 16);

	return bus << 8 | device << 3 | function;
}

/* --- the file --------------------------------------------------------------------------------- */

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
		.requester_id = svart_unit_requester_id(unit),
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
	struct svart_machine *host = f->model->host;

	return host->ops->read(host, unit->event_fd, buf, len);
}

static int unit_mmap(struct svart_model_file *f, void *addr, size_t len, int prot, int flags,
	off_t off, void **out)
{
	struct svart_unit *unit = f->object;
	uint64_t start = (uint64_t)off;

	(void)prot; /* What the program asks for, the model's accessors have anyway. */
	if (off < 0 || (start & SVART_PAGE_MASK) != 0 || len == 0 ||
		(flags & MAP_TYPE) == MAP_PRIVATE)
		return -EINVAL;
	if (start >= unit->ops->bytes || len > unit->ops->bytes - start)
		return -EINVAL;
	return svart_mmio_map(f, unit->dev, SVART_MMIO_UNIT, start, addr, svart_page_up(len),
		flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), out);
}

static void unit_release(struct svart_model_file *f)
{
	struct svart_unit *unit = f->object;
	struct svart_model_device *dev = unit->dev;

	svart_model_device_lock(dev);
	unit->ops->reset(unit);
	unit->opened = false;
	if (unit->event_fd >= 0)
		close(unit->event_fd);
	unit->event_fd = -1;
	svart_prg_unit_closed(dev);
	svart_model_device_unlock(dev);
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

	svart_model_device_lock(unit->dev);
	if (unit->opened)
		rc = -EBUSY;
	unit->opened = true;
	svart_model_device_unlock(unit->dev);
	return rc;
}

static void unclaim(struct svart_unit *unit)
{
	svart_model_device_lock(unit->dev);
	unit->opened = false;
	svart_prg_unit_closed(unit->dev);
	svart_model_device_unlock(unit->dev);
}

int svart_unit_open(struct svart_model_device *dev)
{
	struct svart_unit *unit = dev->unit;
	int fd, copy, rc;

	if (unit == NULL)
		return -ENOENT;
	rc = claim(unit);
	if (rc != 0)
		return rc;
	fd = svart_model_file_open(dev->model, &unit_file_ops, unit, NULL);
	if (fd < 0) {
		unclaim(unit);
		return fd;
	}
	/* A duplicate, for the program may close its own, and the number may be reused then. */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		rc = -errno;
		svart_model_file_close(dev->model, fd);
		return rc;
	}
	svart_model_device_lock(dev);
	unit->event_fd = copy;
	svart_model_device_unlock(dev);
	return fd;
}

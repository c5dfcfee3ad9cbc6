/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The one /dev/iommu that the functions of a runtime share on a machine.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "iommufd.h"
#include "vfio_function.h"

static int tell_no_iommufd(int rc)
{
	switch (rc) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return svart_fail(-ENOENT,
			"no /dev/iommu: the kernel has no iommufd; load it (modprobe "
			"iommufd), or boot Linux 6.11 or newer with CONFIG_IOMMUFD "
			"and CONFIG_VFIO_DEVICE_CDEV");
	case -EACCES:
	case -EPERM:
		return svart_fail(rc,
			"no permission to open /dev/iommu: run as root, or give this user "
			"access to it and to /dev/vfio/devices");
	default:
		return svart_fail(rc, "cannot open /dev/iommu: %s", strerror(-rc));
	}
}

/** Opens /dev/iommu, or takes the given one. @return 0 or -errno, told. */
static int iommufd_create(struct svart_machine *m, int given, struct svart_vfio_iommufd **out)
{
	struct svart_vfio_iommufd *iommufd = calloc(1, sizeof(*iommufd));
	int fd;

	if (iommufd == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	fd = given >= 0 ? given : svart_iommufd_open(m);
	if (fd < 0) {
		free(iommufd);
		return tell_no_iommufd(fd);
	}
	*iommufd = (struct svart_vfio_iommufd){ .m = m, .fd = fd, .is_given = given >= 0 };
	*out = iommufd;
	return 0;
}

/**
 * Checks that the device uses the /dev/iommu in use: spaces have their IOAS there, so a device of another
 * one could not be attached to them.
 */
static int check_same(const struct svart_vfio_function *f, const struct svart_vfio_iommufd *iommufd)
{
	if (f->given_iommufd < 0 || f->given_iommufd == iommufd->fd)
		return 0;
	return svart_fail(-EINVAL,
		"iommufd_fd=%d: a runtime has one /dev/iommu, and the devices that are open use "
		"descriptor %d, which %s; give that one, or open this device first",
		f->given_iommufd, iommufd->fd,
		iommufd->is_given ? "another spec gave" : "svart opened itself");
}

int svart_vfio_iommufd_get(struct svart_vfio_function *f)
{
	struct svart_vfio_iommufd *iommufd = *f->shared;
	int rc = iommufd == NULL ? iommufd_create(f->base.m, f->given_iommufd, &iommufd)
				 : check_same(f, iommufd);

	if (rc != 0)
		return rc;
	iommufd->nr_devices++;
	*f->shared = f->iommufd = iommufd;
	return 0;
}

void svart_vfio_iommufd_put(struct svart_vfio_function *f)
{
	struct svart_vfio_iommufd *iommufd = f->iommufd;

	if (--iommufd->nr_devices != 0)
		return;
	if (!iommufd->is_given)
		iommufd->m->ops->close(iommufd->m, iommufd->fd);
	*f->shared = NULL;
	free(iommufd);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Binds a PCI function to iommufd. Each thing that can be missing has an error text of its own. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "error.h"
#include "vfio.h"
#include "vfio_function.h"

#define DENYLIST_PARAMETER "/sys/module/vfio_pci/parameters/disable_denylist"

/** vfio-pci refuses some accelerators unless told otherwise (vfio_pci.c, its denylist). */
static const char *denylist_hint(struct svart_machine *m)
{
	char text[8];

	if (svart_sysfs_read(m, DENYLIST_PARAMETER, text, sizeof(text)) == 0 && text[0] == 'Y')
		return "";
	return "; vfio-pci refuses Intel accelerators unless it is loaded with disable_denylist=1";
}

static int check_bound(const struct svart_vfio_function *f)
{
	const struct svart_pci_device *pci = &f->pci;

	if (strcmp(pci->driver, "vfio-pci") != 0)
		return svart_fail(-ENOENT,
			"%s is bound to %s, not to vfio-pci: run driverctl "
			"set-override %s vfio-pci%s",
			pci->address, pci->driver[0] != '\0' ? pci->driver : "no driver",
			pci->address, denylist_hint(f->base.m));
	if (pci->vfio_cdev[0] == '\0')
		return svart_fail(-ENOENT,
			"the kernel offers no VFIO cdev for %s: it must be built with "
			"CONFIG_VFIO_DEVICE_CDEV",
			pci->address);
	return 0;
}

static int tell_open_failed(const struct svart_vfio_function *f, int rc)
{
	switch (rc) {
	case -EBUSY:
		return svart_fail(rc, "%s (%s) is in use by another program", f->pci.vfio_cdev,
			f->pci.address);
	case -EACCES:
	case -EPERM:
		return svart_fail(rc,
			"no permission to open %s: run as root, or give this user access "
			"to it",
			f->pci.vfio_cdev);
	default:
		return svart_fail(rc, "cannot open %s: %s", f->pci.vfio_cdev, strerror(-rc));
	}
}

static int tell_bind_failed(const struct svart_vfio_function *f, int rc)
{
	/* The kernel says by EINVAL that the device is bound already (vfio_main.c). */
	if (rc == -EINVAL || rc == -EBUSY)
		return svart_fail(-EBUSY,
			"cannot bind %s to iommufd (%s): it is open already, here or in another "
			"program, or another device of its IOMMU group is not bound to vfio-pci",
			f->pci.address, strerror(-rc));
	return svart_fail(rc, "cannot bind %s to iommufd: %s", f->pci.address, strerror(-rc));
}

/**
 * Opens the cdev or takes the given one. A given one may be of another driver of VFIO, and sysfs may not
 * show its file here.
 */
static int cdev_get(struct svart_vfio_function *f)
{
	struct svart_machine *m = f->base.m;
	int rc;

	f->fd = f->given_fd;
	if (f->fd >= 0)
		return 0;
	rc = check_bound(f);
	if (rc != 0)
		return rc;
	f->fd = m->ops->open(m, f->pci.vfio_cdev, O_RDWR);
	return f->fd >= 0 ? 0 : tell_open_failed(f, f->fd);
}

static void cdev_put(struct svart_vfio_function *f)
{
	if (f->given_fd < 0)
		f->base.m->ops->close(f->base.m, f->fd);
}

static int bind(struct svart_vfio_function *f)
{
	int rc = svart_vfio_bind_iommufd(f->base.m, f->fd, f->iommufd->fd, &f->iommufd_id);

	if (rc == 0)
		return 0;
	return f->given_fd < 0 ? tell_bind_failed(f, rc) : svart_vfio_given_tell(f, rc);
}

int svart_vfio_open(struct svart_transport_device *t)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);
	int rc = cdev_get(f);

	if (rc != 0)
		return rc;
	rc = bind(f);
	if (rc == 0)
		rc = svart_vfio_config_find(f);
	if (rc == 0 && f->given_fd >= 0)
		rc = svart_vfio_given_check(f);
	if (rc != 0)
		cdev_put(f);
	return rc;
}

void svart_vfio_close(struct svart_transport_device *t)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);

	svart_vfio_irqs_end(f);
	svart_vfio_rid_detach(f);
	cdev_put(f);
}

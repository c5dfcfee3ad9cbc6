/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Descriptors that somebody else opened, for programs that may not open them: iommufd_fd= and device_fd=.
 * svart uses them by their numbers; they stay the program's. The kernel says what they are, and that is
 * compared with the spec.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "error.h"
#include "option.h"
#include "vfio.h"
#include "vfio_function.h"

/**
 * Checks that both are open. The kernel would also report a closed descriptor, but not which of the two it
 * is.
 */
static int check_open(const struct svart_vfio_function *f)
{
	struct pollfd fds[] = { { .fd = f->given_iommufd }, { .fd = f->given_fd } };
	static const char *const names[] = { "iommufd_fd", "device_fd" };
	unsigned int i;
	int rc = f->base.m->ops->poll(f->base.m, fds, 2, 0);

	if (rc < 0)
		return svart_fail(rc, "cannot look at iommufd_fd=%d and device_fd=%d: %s",
			f->given_iommufd, f->given_fd, strerror(-rc));
	for (i = 0; i < 2; i++) {
		if (fds[i].revents & POLLNVAL)
			return svart_fail(-EBADF,
				"%s=%d is not open: open it before svart_device_open(), and keep "
				"it open until every device is closed",
				names[i], fds[i].fd);
	}
	return 0;
}

int svart_vfio_given_read(struct svart_vfio_function *f, const struct rte_kvargs *options)
{
	uint64_t iommufd = UINT64_MAX, fd = UINT64_MAX;
	int rc = svart_option_u64(options, "iommufd_fd", 0, INT_MAX, &iommufd);

	if (rc == 0)
		rc = svart_option_u64(options, "device_fd", 0, INT_MAX, &fd);
	if (rc != 0)
		return rc;
	f->given_iommufd = iommufd != UINT64_MAX ? (int)iommufd : -1;
	f->given_fd = fd != UINT64_MAX ? (int)fd : -1;
	if (f->given_iommufd < 0 && f->given_fd < 0)
		return 0;
	if (f->given_iommufd < 0 || f->given_fd < 0)
		return svart_fail(-EINVAL,
			"%s: options iommufd_fd= and device_fd= go together, and one is missing",
			f->base.name);
	return check_open(f);
}

int svart_vfio_given_tell(const struct svart_vfio_function *f, int rc)
{
	switch (rc) {
	case -EBADFD:
		return svart_fail(-EBADF, "iommufd_fd=%d is no /dev/iommu", f->given_iommufd);
	case -ENOTTY:
		return svart_fail(-EBADF,
			"device_fd=%d is no VFIO device file: open the one of %s in "
			"/dev/vfio/devices",
			f->given_fd, f->pci.address);
	case -EINVAL:
	case -EBUSY:
		return svart_fail(-EBUSY,
			"cannot bind device_fd=%d to iommufd (%s): it, or another file of %s, is "
			"bound already; a descriptor serves for one svart_device_open(), also if "
			"that fails. Or another device of its IOMMU group is not bound to vfio-pci",
			f->given_fd, strerror(-rc), f->pci.address);
	default:
		return svart_fail(
			rc, "cannot bind device_fd=%d to iommufd: %s", f->given_fd, strerror(-rc));
	}
}

/** Checks the PCI ids. It cannot tell two devices of the same kind apart, and no call of VFIO can. */
static int check_ids(struct svart_vfio_function *f)
{
	uint16_t ids[2];
	int rc = svart_vfio_config_read(&f->base, PCI_VENDOR_ID, ids, sizeof(ids));

	if (rc != 0 || (ids[0] == f->pci.vendor && ids[1] == f->pci.device))
		return rc;
	return svart_fail(-EINVAL, "device_fd=%d is a %04x:%04x, and %s is a %04x:%04x",
		f->given_fd, ids[0], ids[1], f->pci.address, f->pci.vendor, f->pci.device);
}

int svart_vfio_given_check(struct svart_vfio_function *f)
{
	struct vfio_device_info info;
	int rc = svart_vfio_device_info(f->base.m, f->fd, &info);

	if (rc != 0)
		return svart_fail(rc, "VFIO does not say what device_fd=%d is: %s", f->given_fd,
			strerror(-rc));
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI))
		return svart_fail(-EINVAL, "device_fd=%d is no PCI device (VFIO flags %#x)",
			f->given_fd, info.flags);
	return check_ids(f);
}

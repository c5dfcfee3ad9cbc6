/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * From a PCI address to a bound VFIO device with its BARs mapped. Each thing that can be missing has
 * a sentence of its own.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core.h"
#include "error.h"
#include "pmd_list.h"
#include "vfio.h"

#define DENYLIST_PARAMETER "/sys/module/vfio_pci/parameters/disable_denylist"

static const struct svart_pmd_id *find_id(
	const struct svart_pmd_ops *ops, uint16_t vendor, uint16_t device)
{
	const struct svart_pmd_id *id;

	for (id = ops->ids; id->vendor != 0; id++) {
		if (id->vendor == vendor && id->device == device)
			return id;
	}
	return NULL;
}

static int find_driver(struct svart_device *dev)
{
	size_t i;

	for (i = 0; i < sizeof(svart_pmd_list) / sizeof(svart_pmd_list[0]); i++) {
		dev->pmd.id = find_id(svart_pmd_list[i], dev->pci.vendor, dev->pci.device);
		if (dev->pmd.id != NULL) {
			dev->ops = svart_pmd_list[i];
			return 0;
		}
	}
	return svart_fail(-ENODEV, "svart has no driver for %s (%04x:%04x)", dev->pci.address,
		dev->pci.vendor, dev->pci.device);
}

int svart_bind_identify(struct svart_device *dev, const char *address)
{
	int rc = svart_pci_address_check(address);

	if (rc != 0)
		return svart_fail(
			rc, "\"%s\" is no PCI address; write it as in 0000:6a:01.0", address);
	rc = svart_pci_read(dev->slot->m, address, &dev->pci);
	if (rc == -ENODEV)
		return svart_fail(rc, "no PCI device %s: lspci -D lists them", address);
	if (rc != 0)
		return svart_fail(
			rc, "cannot read PCI device %s in sysfs: %s", address, strerror(-rc));
	return find_driver(dev);
}

/** vfio-pci refuses some accelerators unless told otherwise (vfio_pci.c, its denylist). */
static const char *denylist_hint(struct svart_machine *m)
{
	char text[8];

	if (svart_sysfs_read(m, DENYLIST_PARAMETER, text, sizeof(text)) == 0 && text[0] == 'Y')
		return "";
	return "; vfio-pci refuses Intel accelerators unless it is loaded with disable_denylist=1";
}

static int check_bound(const struct svart_device *dev)
{
	const struct svart_pci_device *pci = &dev->pci;

	if (strcmp(pci->driver, "vfio-pci") != 0)
		return svart_fail(-ENOENT,
			"%s is bound to %s, not to vfio-pci: run driverctl "
			"set-override %s vfio-pci%s",
			pci->address, pci->driver[0] != '\0' ? pci->driver : "no driver",
			pci->address, denylist_hint(dev->slot->m));
	if (pci->vfio_cdev[0] == '\0')
		return svart_fail(-ENOENT,
			"the kernel offers no VFIO cdev for %s: it must be built with "
			"CONFIG_VFIO_DEVICE_CDEV",
			pci->address);
	return 0;
}

static int tell_open_failed(const struct svart_device *dev, int rc)
{
	switch (rc) {
	case -EBUSY:
		return svart_fail(rc, "%s (%s) is in use by another program", dev->pci.vfio_cdev,
			dev->pci.address);
	case -EACCES:
	case -EPERM:
		return svart_fail(rc,
			"no permission to open %s: run as root, or give this user access "
			"to it",
			dev->pci.vfio_cdev);
	default:
		return svart_fail(rc, "cannot open %s: %s", dev->pci.vfio_cdev, strerror(-rc));
	}
}

static int tell_bind_failed(const struct svart_device *dev, int rc)
{
	/* EINVAL is how the kernel says that it is bound already (vfio_main.c). */
	if (rc == -EINVAL || rc == -EBUSY)
		return svart_fail(-EBUSY,
			"cannot bind %s to iommufd (%s): it is open already, here or in another "
			"program, or another device of its IOMMU group is not bound to vfio-pci",
			dev->pci.address, strerror(-rc));
	return svart_fail(rc, "cannot bind %s to iommufd: %s", dev->pci.address, strerror(-rc));
}

int svart_bind(struct svart_device *dev)
{
	struct svart_machine *m = dev->slot->m;
	int rc = check_bound(dev);

	if (rc != 0)
		return rc;
	dev->fd = m->ops->open(m, dev->pci.vfio_cdev, O_RDWR);
	if (dev->fd < 0)
		return tell_open_failed(dev, dev->fd);
	rc = svart_vfio_bind_iommufd(m, dev->fd, dev->slot->iommufd, &dev->iommufd_id);
	if (rc != 0) {
		m->ops->close(m, dev->fd);
		return tell_bind_failed(dev, rc);
	}
	return 0;
}

void svart_unbind(struct svart_device *dev)
{
	dev->slot->m->ops->close(dev->slot->m, dev->fd);
}

static int find_config(struct svart_device *dev)
{
	struct vfio_region_info info;
	int rc = svart_vfio_region_info(dev->slot->m, dev->fd, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (rc != 0)
		return svart_fail(rc, "VFIO shows no configuration space of %s: %s",
			dev->pci.address, strerror(-rc));
	dev->config_off = info.offset;
	dev->config_bytes = info.size;
	return 0;
}

static int map_bar(struct svart_device *dev, unsigned int bar)
{
	struct svart_machine *m = dev->slot->m;
	struct vfio_region_info info;
	void *addr = NULL;
	int rc = svart_vfio_region_info(m, dev->fd, bar, &info);

	if (rc != 0)
		return svart_fail(
			rc, "VFIO shows no BAR %u of %s: %s", bar, dev->pci.address, strerror(-rc));
	if (info.size == 0 || !(info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return svart_fail(-EIO,
			"BAR %u of %s cannot be mapped (%llu bytes, VFIO flags %#x)", bar,
			dev->pci.address, (unsigned long long)info.size, info.flags);
	rc = m->ops->mmap(m, NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		(off_t)info.offset, &addr);
	if (rc != 0)
		return svart_fail(
			rc, "cannot map BAR %u of %s: %s", bar, dev->pci.address, strerror(-rc));
	dev->pmd.bars[bar].addr = addr;
	dev->pmd.bars[bar].bytes = info.size;
	/* A child that wrote registers would disturb the parent's device. */
	rc = m->ops->madvise(m, addr, info.size, MADV_DONTFORK);
	return rc == 0 ? 0
		       : svart_fail(rc, "cannot keep BAR %u of %s from forks: %s", bar,
				 dev->pci.address, strerror(-rc));
}

int svart_bars_map(struct svart_device *dev)
{
	unsigned int bar;
	int rc = find_config(dev);

	for (bar = 0; rc == 0 && bar < SVART_PMD_NR_BARS; bar++) {
		if (dev->ops->bars & (1u << bar))
			rc = map_bar(dev, bar);
	}
	if (rc != 0)
		svart_bars_unmap(dev);
	return rc;
}

void svart_bars_unmap(struct svart_device *dev)
{
	struct svart_machine *m = dev->slot->m;
	unsigned int bar;

	for (bar = 0; bar < SVART_PMD_NR_BARS; bar++) {
		if (dev->pmd.bars[bar].addr != NULL)
			m->ops->munmap(m, dev->pmd.bars[bar].addr, dev->pmd.bars[bar].bytes);
		dev->pmd.bars[bar].addr = NULL;
	}
}

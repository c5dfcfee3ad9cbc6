/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <string.h>

#include "core.h"
#include "error.h"
#include "iommufd.h"
#include "model.h"

/** The one place that names the machines. */
static const struct svart_machine_class *const classes[SVART_NR_BUSES] = {
	&svart_machine_linux,
	&svart_machine_model,
};

void svart_machines_init(struct svart *rt)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_BUSES; i++)
		rt->machines[i] = (struct svart_machine_slot){ .class = classes[i], .iommufd = -1 };
}

void svart_machines_fini(struct svart *rt)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_BUSES; i++) {
		if (rt->machines[i].m != NULL)
			svart_machine_put(&rt->machines[i]);
	}
}

struct svart_machine_slot *svart_machines_find(struct svart *rt, const char *bus)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_BUSES; i++) {
		if (strcmp(rt->machines[i].class->bus, bus) == 0)
			return &rt->machines[i];
	}
	svart_fail(-EINVAL, "no bus \"%s\": a device is named model:dsa0 or pci:0000:6a:01.0", bus);
	return NULL;
}

int svart_machine_get(struct svart_machine_slot *slot, const char *options)
{
	if (slot->m != NULL)
		return 0;
	return slot->class->create(options, &slot->m);
}

void svart_machine_put(struct svart_machine_slot *slot)
{
	slot->class->destroy(slot->m);
	slot->m = NULL;
}

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

int svart_machine_iommufd_get(struct svart_machine_slot *slot)
{
	if (slot->iommufd < 0) {
		int fd = svart_iommufd_open(slot->m);

		if (fd < 0)
			return tell_no_iommufd(fd);
		slot->iommufd = fd;
	}
	slot->nr_devices++;
	return 0;
}

void svart_machine_iommufd_put(struct svart_machine_slot *slot)
{
	if (--slot->nr_devices != 0)
		return;
	slot->m->ops->close(slot->m, slot->iommufd);
	slot->iommufd = -1;
}

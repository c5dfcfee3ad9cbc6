/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig_vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "iommufd.h"
#include "pci.h"
#include "requester.h"
#include "vfio.h"

/** PCI 3.0, 6.2.2: the command register; memory space and bus master. */
#define RIG_PCI_COMMAND    4
#define RIG_PCI_COMMAND_ON 6
/** How long a device may take to send a request. */
#define RIG_SEND_NS UINT64_C(2000000000)

/** What is looked for in sysfs. Owner: its call. Lifetime: the call. Locks: none. */
struct rig_search {
	struct svart_machine *m;
	uint16_t vendor, device;
	struct svart_pci_device found;
};

static int rig_is_it(void *arg, const char *name)
{
	struct rig_search *search = arg;

	return svart_pci_read(search->m, name, &search->found) == 0 &&
	       search->found.vendor == search->vendor && search->found.device == search->device;
}

int rig_vfio_find(struct rig *rig, uint16_t vendor, uint16_t device)
{
	struct rig_search search = { .m = rig->m, .vendor = vendor, .device = device };

	if (rig->m->ops->listdir(rig->m, "/sys/bus/pci/devices", rig_is_it, &search) != 1 ||
		search.found.vfio_cdev[0] == '\0')
		return -ENODEV;
	memcpy(rig->cdev, search.found.vfio_cdev, sizeof(rig->cdev));
	return 0;
}

/* Lets the device act, and maps its registers. */
static int rig_vfio_start(struct rig *rig, struct rig_device *dev)
{
	struct vfio_region_info config = { .argsz = sizeof(config) };
	struct vfio_region_info bar = { .argsz = sizeof(bar) };
	uint16_t command = RIG_PCI_COMMAND_ON;
	void *mapping;
	int rc;

	rc = svart_vfio_region_info(rig->m, dev->fd, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	if (rc == 0)
		rc = svart_vfio_region_info(rig->m, dev->fd, VFIO_PCI_BAR0_REGION_INDEX, &bar);
	if (rc != 0)
		return rc;
	if (rig->m->ops->pwrite(rig->m, dev->fd, &command, sizeof(command),
		    (off_t)config.offset + RIG_PCI_COMMAND) != (ssize_t)sizeof(command))
		return -EIO;
	rc = rig->m->ops->mmap(rig->m, NULL, REQUESTER_BAR_BYTES, PROT_READ | PROT_WRITE,
		MAP_SHARED, dev->fd, (off_t)bar.offset, &mapping);
	if (rc == 0)
		dev->bar = mapping;
	return rc;
}

int rig_vfio_device_open(struct rig *rig, int iommufd, uint32_t pt_id, struct rig_device *dev)
{
	int rc;

	*dev = (struct rig_device){ .iommufd = iommufd };
	dev->fd = rig->m->ops->open(rig->m, rig->cdev, O_RDWR);
	if (dev->fd < 0)
		return dev->fd;
	rc = svart_vfio_bind_iommufd(rig->m, dev->fd, iommufd, &dev->dev_id);
	if (rc == 0)
		rc = svart_vfio_attach(rig->m, dev->fd, pt_id);
	if (rc == 0 && rig->ops->lacks[RIG_FAULTS] == NULL)
		rc = rig_vfio_start(rig, dev);
	if (rc != 0)
		rig->m->ops->close(rig->m, dev->fd);
	return rc;
}

void rig_vfio_device_close(struct rig *rig, struct rig_device *dev)
{
	if (dev->bar != NULL)
		rig->m->ops->munmap(rig->m, dev->bar, REQUESTER_BAR_BYTES);
	rig->m->ops->close(rig->m, dev->fd);
}

int rig_vfio_attach(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint32_t pt_id)
{
	return pasid == RIG_NO_PASID ? svart_vfio_attach(rig->m, dev->fd, pt_id)
				     : svart_vfio_attach_pasid(rig->m, dev->fd, pt_id, pasid);
}

int rig_vfio_detach(struct rig *rig, struct rig_device *dev, uint32_t pasid)
{
	return pasid == RIG_NO_PASID ? svart_vfio_detach(rig->m, dev->fd)
				     : svart_vfio_detach_pasid(rig->m, dev->fd, pasid);
}

static uint64_t rig_get(struct rig *rig, struct rig_device *dev, uint64_t reg)
{
	return rig->m->ops->mmio_read64(rig->m, dev->bar + reg);
}

static void rig_set(struct rig *rig, struct rig_device *dev, uint64_t reg, uint64_t value)
{
	rig->m->ops->mmio_write64(rig->m, dev->bar + reg, value);
}

int rig_vfio_request(struct rig *rig, struct rig_device *dev, const struct rig_request *request)
{
	uint64_t send = (request->perm & 0xf) | (request->last ? REQUESTER_SEND_LAST : 0) |
			(uint64_t)request->prgi << REQUESTER_SEND_PRGI_SHIFT;
	uint64_t deadline = rig->m->ops->now_ns(rig->m) + RIG_SEND_NS;
	uint64_t sent = rig_get(rig, dev, REQUESTER_SENT);
	uint64_t failed = rig_get(rig, dev, REQUESTER_FAILED);

	rig_set(rig, dev, REQUESTER_ANSWER + UINT64_C(8) * request->prgi, 0);
	rig_set(rig, dev, REQUESTER_ADDR, request->addr);
	rig_set(rig, dev, REQUESTER_PASID, request->pasid);
	rig_set(rig, dev, REQUESTER_SEND, send);
	while (rig_get(rig, dev, REQUESTER_SENT) == sent) {
		if (rig_get(rig, dev, REQUESTER_FAILED) != failed)
			return -EIO;
		if (rig->m->ops->now_ns(rig->m) > deadline)
			return -ETIMEDOUT;
		svart_pause(rig->m, deadline);
	}
	return 0;
}

int rig_vfio_answer(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint16_t prgi)
{
	uint64_t answer = rig_get(rig, dev, REQUESTER_ANSWER + UINT64_C(8) * prgi);

	(void)pasid;
	return answer == 0 ? -EAGAIN : (int)answer - 1;
}

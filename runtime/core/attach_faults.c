/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Where an attachment's page requests come from: a fault object of iommufd for each attachment, or one
 * pair of raw queues for all attachments of the device. A device without page requests has neither.
 */

#include <errno.h>
#include <string.h>

#include "core.h"
#include "error.h"
#include "iommufd.h"

/** Records of one group to expect; the source grows when a larger one comes. */
#define MAX_GROUP 512

static int fault_object_get(struct svart_device *dev, struct svart_attachment *a)
{
	int rc = svart_iommufd_fault_queue_alloc(
		dev->slot->m, dev->slot->iommufd, &a->fault_id, &a->fault_fd);

	if (rc == -ENOTTY || rc == -EOPNOTSUPP)
		return svart_fail(-ENOTSUP,
			"this kernel's iommufd has no fault queue: boot Linux 6.11 "
			"or newer");
	if (rc != 0)
		return svart_fail(rc, "cannot allocate a fault queue: %s", strerror(-rc));
	return 0;
}

static void fault_object_put(struct svart_device *dev, struct svart_attachment *a)
{
	struct svart_machine *m = dev->slot->m;

	m->ops->close(m, a->fault_fd);
	svart_iommufd_destroy(m, dev->slot->iommufd, a->fault_id);
}

static int tell_unit_failed(const struct svart_device *dev, int rc)
{
	switch (rc) {
	case -ENOENT:
		return svart_fail(-ENOTSUP,
			"nobody gives away the fault queues of the IOMMU before %s: Linux keeps "
			"them to itself; use faults=iommufd",
			dev->pci.address);
	case -EBUSY:
		return svart_fail(rc,
			"the fault queues of the IOMMU before %s are in use by another program",
			dev->pci.address);
	default:
		return svart_fail(rc, "cannot open the fault queues of the IOMMU before %s: %s",
			dev->pci.address, strerror(-rc));
	}
}

/** The first attachment opens the unit and makes its queues. */
static int raw_get(struct svart_device *dev)
{
	struct svart_machine *m = dev->slot->m;
	int rc;

	if (dev->nr_raw != 0) {
		dev->nr_raw++;
		return 0;
	}
	rc = svart_iommu_unit_open(m, dev->pci.address, &dev->unit);
	if (rc != 0)
		return tell_unit_failed(dev, rc);
	rc = svart_fault_raw_create(m, &dev->unit, &dev->raw);
	if (rc != 0) {
		svart_iommu_unit_close(m, &dev->unit);
		return rc;
	}
	dev->nr_raw = 1;
	return 0;
}

static void raw_put(struct svart_device *dev)
{
	if (--dev->nr_raw != 0)
		return;
	svart_fault_raw_destroy(dev->raw);
	dev->raw = NULL;
	svart_iommu_unit_close(dev->slot->m, &dev->unit);
}

int svart_attach_queue_get(struct svart_device *dev, struct svart_attachment *a)
{
	if (!dev->pmd.page_requests)
		return 0;
	return dev->faults_raw ? raw_get(dev) : fault_object_get(dev, a);
}

void svart_attach_queue_put(struct svart_device *dev, struct svart_attachment *a)
{
	if (!dev->pmd.page_requests)
		return;
	if (dev->faults_raw)
		raw_put(dev);
	else
		fault_object_put(dev, a);
}

static int source_create(struct svart_device *dev, struct svart_attachment *a)
{
	int rc = dev->faults_raw ? svart_fault_source_raw_create(dev->raw, a->pasid, &a->source)
				 : svart_fault_source_iommufd_create(dev->slot->m, a->fault_fd,
					   dev->iommufd_id, MAX_GROUP, &a->source);

	return rc == 0 ? 0 : svart_fail(rc, "no memory for the fault source of %s", dev->name);
}

int svart_attach_serve(struct svart_device *dev, struct svart_attachment *a)
{
	int rc;

	if (!dev->pmd.page_requests)
		return 0;
	rc = source_create(dev, a);
	if (rc != 0)
		return rc;
	a->source->device = dev->id;
	rc = svart_fault_service_add(dev->faults, a->source, a->space);
	if (rc != 0) {
		a->source->ops->destroy(a->source);
		return rc;
	}
	svart_fault_service_set_mode(dev->faults, a->source, svart_device_fault_mode_get(dev));
	return 0;
}

void svart_attach_unserve(struct svart_device *dev, struct svart_attachment *a)
{
	if (!dev->pmd.page_requests)
		return;
	svart_fault_service_remove(dev->faults, a->source);
	a->source->ops->destroy(a->source);
}

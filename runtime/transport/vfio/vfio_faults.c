/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Where an attachment's page requests come from: a fault object of iommufd for each attachment, or one
 * pair of raw queues for all attachments of the device. A device without page requests has neither.
 */

#include <errno.h>
#include <string.h>

#include "error.h"
#include "iommufd.h"
#include "vfio_function.h"

/** Expected records of one group; the source grows when a larger group comes. */
#define MAX_GROUP 512

static int fault_object_get(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	int rc = svart_iommufd_fault_queue_alloc(
		f->base.m, f->iommufd->fd, &a->fault_id, &a->fault_fd);

	if (rc == -ENOTTY || rc == -EOPNOTSUPP)
		return svart_fail(-ENOTSUP,
			"this kernel's iommufd has no fault queue: boot Linux 6.11 "
			"or newer");
	if (rc != 0)
		return svart_fail(rc, "cannot allocate a fault queue: %s", strerror(-rc));
	return 0;
}

static void fault_object_put(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	struct svart_machine *m = f->base.m;

	m->ops->close(m, a->fault_fd);
	svart_iommufd_destroy(m, f->iommufd->fd, a->fault_id);
}

static int tell_unit_failed(const struct svart_vfio_function *f, int rc)
{
	switch (rc) {
	case -ENOENT:
		return svart_fail(-ENOTSUP,
			"nobody gives away the fault queues of the IOMMU before %s: Linux keeps "
			"them to itself; use faults=iommufd",
			f->pci.address);
	case -EBUSY:
		return svart_fail(rc,
			"the fault queues of the IOMMU before %s are in use by another program",
			f->pci.address);
	default:
		return svart_fail(rc, "cannot open the fault queues of the IOMMU before %s: %s",
			f->pci.address, strerror(-rc));
	}
}

/** The first attachment opens the unit and makes its queues. */
static int raw_get(struct svart_vfio_function *f)
{
	struct svart_machine *m = f->base.m;
	int rc;

	if (f->nr_raw != 0) {
		f->nr_raw++;
		return 0;
	}
	rc = svart_iommu_unit_open(m, f->pci.address, &f->unit);
	if (rc != 0)
		return tell_unit_failed(f, rc);
	rc = svart_fault_raw_create(m, &f->unit, &f->raw);
	if (rc != 0) {
		svart_iommu_unit_close(m, &f->unit);
		return rc;
	}
	f->nr_raw = 1;
	return 0;
}

static void raw_put(struct svart_vfio_function *f)
{
	if (--f->nr_raw != 0)
		return;
	svart_fault_raw_destroy(f->raw);
	f->raw = NULL;
	svart_iommu_unit_close(f->base.m, &f->unit);
}

int svart_vfio_faults_get(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	if (f->base.faults == SVART_TRANSPORT_FAULTS_OFF)
		return 0;
	return f->base.faults == SVART_TRANSPORT_FAULTS_RAW ? raw_get(f) : fault_object_get(f, a);
}

void svart_vfio_faults_put(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	if (f->base.faults == SVART_TRANSPORT_FAULTS_OFF)
		return;
	if (f->base.faults == SVART_TRANSPORT_FAULTS_RAW)
		raw_put(f);
	else
		fault_object_put(f, a);
}

int svart_vfio_source_create(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	int rc = 0;

	if (f->base.faults == SVART_TRANSPORT_FAULTS_RAW)
		rc = svart_fault_source_raw_create(f->raw, a->base.pasid, &a->base.source);
	else if (f->base.faults == SVART_TRANSPORT_FAULTS_KERNEL)
		rc = svart_fault_source_iommufd_create(
			f->base.m, a->fault_fd, f->iommufd_id, MAX_GROUP, &a->base.source);
	return rc == 0 ? 0 : svart_fail(rc, "no memory for the fault source of %s", f->base.name);
}

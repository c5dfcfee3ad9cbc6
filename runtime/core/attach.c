/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Attaching a device to a space: an HWPT of the device's own on the space's IOAS, whose page requests
 * (attach_faults.c) are served before the device can fault.
 */

#include <errno.h>
#include <string.h>

#include "core.h"
#include "error.h"
#include "hold.h"
#include "iommufd.h"
#include "vfio.h"

static bool has_pasid(const struct svart_attachment *a)
{
	return a->pasid != SVART_PASID_NONE;
}

static int alloc_hwpt(struct svart_device *dev, struct svart_attachment *a)
{
	bool has_fault_id = dev->pmd.page_requests && !dev->faults_raw;
	uint32_t flags = has_fault_id ? IOMMU_HWPT_FAULT_ID_VALID : 0;
	int rc;

	if (has_pasid(a))
		flags |= SVART_HWPT_ALLOC_PASID;
	rc = svart_iommufd_hwpt_alloc(dev->slot->m, dev->slot->iommufd, dev->iommufd_id,
		svart_space_ioas(a->space), flags, a->fault_id, &a->hwpt_id);
	if (rc == -EOPNOTSUPP && has_fault_id)
		return svart_fail(-ENODEV,
			"the IOMMU of %s cannot deliver page requests: on Intel it "
			"needs scalable mode (intel_iommu=on,sm_on)",
			dev->pci.address);
	if (rc != 0)
		return svart_fail(rc, "cannot allocate a page table for %s: %s", dev->pci.address,
			strerror(-rc));
	return 0;
}

static int tell_attach_failed(
	const struct svart_device *dev, const struct svart_attachment *a, int rc)
{
	if (has_pasid(a) && (rc == -ENOTTY || rc == -EINVAL || rc == -EOPNOTSUPP))
		return svart_fail(-ENOTSUP,
			"cannot attach %s by PASID %u (%s): it takes Linux 6.16, and "
			"PASID and ATS enabled on the device",
			dev->pci.address, a->pasid, strerror(-rc));
	if (dev->pmd.page_requests && (rc == -ENODEV || rc == -EINVAL))
		return svart_fail(-ENODEV,
			"%s sends no page requests here (%s): it needs ATS and PRI, "
			"an IOMMU with page request support, and not to be a VF",
			dev->pci.address, strerror(-rc));
	return svart_fail(rc, "cannot attach %s to the space: %s", dev->pci.address, strerror(-rc));
}

static int attach_hwpt(struct svart_device *dev, struct svart_attachment *a)
{
	int rc = has_pasid(a) ? svart_vfio_attach_pasid(dev->slot->m, dev->fd, a->hwpt_id, a->pasid)
			      : svart_vfio_attach(dev->slot->m, dev->fd, a->hwpt_id);

	return rc == 0 ? 0 : tell_attach_failed(dev, a, rc);
}

static void detach_hwpt(struct svart_device *dev, struct svart_attachment *a)
{
	if (has_pasid(a))
		svart_vfio_detach_pasid(dev->slot->m, dev->fd, a->pasid);
	else
		svart_vfio_detach(dev->slot->m, dev->fd);
}

static struct svart_attachment *find_free(struct svart_device *dev)
{
	unsigned int i;

	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].space == NULL)
			return &dev->attachments[i];
	}
	svart_fail(
		-ENOSPC, "%s is attached to %d spaces already", dev->name, SVART_MAX_ATTACHMENTS);
	return NULL;
}

struct svart_attachment *svart_attachment_find(
	struct svart_device *dev, const struct svart_space *space)
{
	unsigned int i;

	if (space == NULL)
		return &dev->attachments[0];
	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].space == space)
			return &dev->attachments[i];
	}
	return NULL;
}

/** Everything between the page table and the device; the source is served first. */
static int connect_hwpt(struct svart_device *dev, struct svart_attachment *a)
{
	int rc = svart_attach_serve(dev, a);

	if (rc != 0)
		return rc;
	rc = attach_hwpt(dev, a);
	if (rc != 0)
		goto unserve_faults;
	rc = svart_space_check_aperture(a->space);
	if (rc != 0)
		goto detach;
	return 0;

detach:
	detach_hwpt(dev, a);
unserve_faults:
	svart_attach_unserve(dev, a);
	return rc;
}

/** Binds the space, and readies it for holds if the device needs them. */
static int bind_space(struct svart_device *dev, struct svart_space *space)
{
	if (!dev->pmd.page_requests && svart_space_enable_holds(space) != 0)
		return svart_fail(-ENOMEM, "out of memory for the hold counts of a space");
	return svart_space_bind(space, dev->slot->m, dev->slot->iommufd);
}

int svart_attach(struct svart_device *dev, struct svart_space *space, uint32_t pasid,
	struct svart_attachment **out)
{
	struct svart_attachment *a = find_free(dev);
	int rc;

	if (a == NULL)
		return -ENOSPC;
	rc = bind_space(dev, space);
	if (rc != 0)
		return rc;
	*a = (struct svart_attachment){ .space = space, .pasid = pasid };
	rc = svart_attach_queue_get(dev, a);
	if (rc != 0)
		goto unbind_space;
	rc = alloc_hwpt(dev, a);
	if (rc != 0)
		goto put_fault_queue;
	rc = connect_hwpt(dev, a);
	if (rc != 0)
		goto destroy_hwpt;
	*out = a;
	return 0;

destroy_hwpt:
	svart_iommufd_destroy(dev->slot->m, dev->slot->iommufd, a->hwpt_id);
put_fault_queue:
	svart_attach_queue_put(dev, a);
unbind_space:
	svart_space_unbind(space);
	a->space = NULL;
	return rc;
}

/**
 * The page table goes first. With iommufd that answers what is still open with INVALID, on raw queues it
 * ends new requests; then the service lets go, which on raw queues answers the rest.
 */
void svart_detach(struct svart_device *dev, struct svart_attachment *a)
{
	detach_hwpt(dev, a);
	svart_attach_unserve(dev, a);
	svart_iommufd_destroy(dev->slot->m, dev->slot->iommufd, a->hwpt_id);
	svart_attach_queue_put(dev, a);
	svart_space_unbind(a->space);
	a->space = NULL;
}

int svart_attach_rid(struct svart_device *dev)
{
	struct svart_machine *m = dev->slot->m;
	int fd = dev->slot->iommufd;
	int rc = svart_iommufd_ioas_alloc(m, fd, &dev->rid_ioas_id);

	if (rc != 0)
		goto fail;
	rc = svart_iommufd_hwpt_alloc(m, fd, dev->iommufd_id, dev->rid_ioas_id,
		SVART_HWPT_ALLOC_PASID, 0, &dev->rid_hwpt_id);
	if (rc != 0)
		goto destroy_ioas;
	rc = svart_vfio_attach(m, dev->fd, dev->rid_hwpt_id);
	if (rc != 0)
		goto destroy_hwpt;
	return 0;

destroy_hwpt:
	svart_iommufd_destroy(m, fd, dev->rid_hwpt_id);
	dev->rid_hwpt_id = 0;
destroy_ioas:
	svart_iommufd_destroy(m, fd, dev->rid_ioas_id);
fail:
	return svart_fail(
		rc, "cannot give %s an empty page table: %s", dev->pci.address, strerror(-rc));
}

void svart_detach_rid(struct svart_device *dev)
{
	struct svart_machine *m = dev->slot->m;

	if (dev->rid_hwpt_id == 0)
		return;
	svart_vfio_detach(m, dev->fd);
	svart_iommufd_destroy(m, dev->slot->iommufd, dev->rid_hwpt_id);
	svart_iommufd_destroy(m, dev->slot->iommufd, dev->rid_ioas_id);
	dev->rid_hwpt_id = 0;
}

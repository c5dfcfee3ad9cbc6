/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Attaching a function to a space: the function gets an HWPT of its own on the space's IOAS. The source of
 * its page requests (vfio_faults.c) is made before the page table that names it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "iommufd.h"
#include "vfio.h"
#include "vfio_function.h"

static bool has_pasid(const struct svart_vfio_attachment *a)
{
	return a->base.pasid != SVART_PASID_NONE;
}

static int alloc_hwpt(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	bool has_fault_id = f->base.faults == SVART_TRANSPORT_FAULTS_KERNEL;
	uint32_t flags = has_fault_id ? IOMMU_HWPT_FAULT_ID_VALID : 0;
	int rc;

	if (has_pasid(a))
		flags |= SVART_HWPT_ALLOC_PASID;
	rc = svart_iommufd_hwpt_alloc(f->base.m, f->iommufd->fd, f->iommufd_id,
		svart_space_ioas(a->base.space), flags, a->fault_id, &a->hwpt_id);
	if (rc == -EOPNOTSUPP && has_fault_id)
		return svart_fail(-ENODEV,
			"the IOMMU of %s cannot deliver page requests: on Intel it "
			"needs scalable mode (intel_iommu=on,sm_on)",
			f->pci.address);
	if (rc != 0)
		return svart_fail(rc, "cannot allocate a page table for %s: %s", f->pci.address,
			strerror(-rc));
	return 0;
}

static int tell_attach_failed(
	const struct svart_vfio_function *f, const struct svart_vfio_attachment *a, int rc)
{
	if (has_pasid(a) && (rc == -ENOTTY || rc == -EINVAL || rc == -EOPNOTSUPP))
		return svart_fail(-ENOTSUP,
			"cannot attach %s by PASID %u (%s): it takes Linux 6.16, and "
			"PASID and ATS enabled on the device",
			f->pci.address, a->base.pasid, strerror(-rc));
	if (f->base.faults != SVART_TRANSPORT_FAULTS_OFF && (rc == -ENODEV || rc == -EINVAL))
		return svart_fail(-ENODEV,
			"%s sends no page requests here (%s): it needs ATS and PRI, "
			"an IOMMU with page request support, and not to be a VF",
			f->pci.address, strerror(-rc));
	return svart_fail(rc, "cannot attach %s to the space: %s", f->pci.address, strerror(-rc));
}

static int attach_hwpt(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	int rc = has_pasid(a) ? svart_vfio_attach_pasid(f->base.m, f->fd, a->hwpt_id, a->base.pasid)
			      : svart_vfio_attach(f->base.m, f->fd, a->hwpt_id);

	return rc == 0 ? 0 : tell_attach_failed(f, a, rc);
}

static void detach_hwpt(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	if (has_pasid(a))
		svart_vfio_detach_pasid(f->base.m, f->fd, a->base.pasid);
	else
		svart_vfio_detach(f->base.m, f->fd);
}

/**
 * Gives a function that is used by PASID an empty page table for requests without one: those requests reach
 * nothing, as before. QEMU's VT-d (11.1) needs it: it translates no PASID of a function that has no such
 * table.
 */
static int rid_attach(struct svart_vfio_function *f)
{
	struct svart_machine *m = f->base.m;
	int fd = f->iommufd->fd;
	int rc;

	if (f->rid_hwpt_id != 0)
		return 0;
	rc = svart_iommufd_ioas_alloc(m, fd, &f->rid_ioas_id);
	if (rc != 0)
		goto fail;
	rc = svart_iommufd_hwpt_alloc(
		m, fd, f->iommufd_id, f->rid_ioas_id, SVART_HWPT_ALLOC_PASID, 0, &f->rid_hwpt_id);
	if (rc != 0)
		goto destroy_ioas;
	rc = svart_vfio_attach(m, f->fd, f->rid_hwpt_id);
	if (rc != 0)
		goto destroy_hwpt;
	return 0;

destroy_hwpt:
	svart_iommufd_destroy(m, fd, f->rid_hwpt_id);
	f->rid_hwpt_id = 0;
destroy_ioas:
	svart_iommufd_destroy(m, fd, f->rid_ioas_id);
fail:
	return svart_fail(
		rc, "cannot give %s an empty page table: %s", f->pci.address, strerror(-rc));
}

void svart_vfio_rid_detach(struct svart_vfio_function *f)
{
	struct svart_machine *m = f->base.m;

	if (f->rid_hwpt_id == 0)
		return;
	svart_vfio_detach(m, f->fd);
	svart_iommufd_destroy(m, f->iommufd->fd, f->rid_hwpt_id);
	svart_iommufd_destroy(m, f->iommufd->fd, f->rid_ioas_id);
	f->rid_hwpt_id = 0;
}

static struct svart_vfio_attachment *attachment_of(struct svart_transport_attachment *base)
{
	return (struct svart_vfio_attachment *)base; /* It is the first member. */
}

/** Makes the page table of a bound space, and the source of its page requests. */
static int attachment_fill(struct svart_vfio_function *f, struct svart_vfio_attachment *a)
{
	int rc = svart_vfio_faults_get(f, a);

	if (rc != 0)
		return rc;
	rc = alloc_hwpt(f, a);
	if (rc != 0)
		goto put_faults;
	rc = svart_vfio_source_create(f, a);
	if (rc != 0)
		goto destroy_hwpt;
	return 0;

destroy_hwpt:
	svart_iommufd_destroy(f->base.m, f->iommufd->fd, a->hwpt_id);
put_faults:
	svart_vfio_faults_put(f, a);
	return rc;
}

int svart_vfio_attachment_create(struct svart_transport_device *t, struct svart_space *space,
	uint32_t pasid, struct svart_transport_attachment **out)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);
	struct svart_vfio_attachment *a = calloc(1, sizeof(*a));
	int rc;

	if (a == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	a->base = (struct svart_transport_attachment){ .dev = t, .space = space, .pasid = pasid };
	a->fault_fd = -1;
	rc = svart_space_bind(space, t->m, f->iommufd->fd);
	if (rc != 0)
		goto free_attachment;
	rc = attachment_fill(f, a);
	if (rc != 0)
		goto unbind_space;
	*out = &a->base;
	return 0;

unbind_space:
	svart_space_unbind(space);
free_attachment:
	free(a);
	return rc;
}

void svart_vfio_attachment_destroy(struct svart_transport_attachment *base)
{
	struct svart_vfio_function *f = svart_vfio_function_of(base->dev);
	struct svart_vfio_attachment *a = attachment_of(base);

	if (base->source != NULL)
		base->source->ops->destroy(base->source);
	svart_iommufd_destroy(f->base.m, f->iommufd->fd, a->hwpt_id);
	svart_vfio_faults_put(f, a);
	svart_space_unbind(base->space);
	free(a);
}

int svart_vfio_attachment_attach(struct svart_transport_attachment *base)
{
	struct svart_vfio_function *f = svart_vfio_function_of(base->dev);
	struct svart_vfio_attachment *a = attachment_of(base);
	int rc = attach_hwpt(f, a);

	if (rc != 0)
		return rc;
	rc = svart_space_check_aperture(base->space);
	if (rc == 0 && has_pasid(a))
		rc = rid_attach(f);
	if (rc != 0)
		detach_hwpt(f, a);
	return rc;
}

/**
 * Detaches the device. With iommufd this answers INVALID to requests that are still open. On raw queues it
 * only stops new requests, and the source's flush answers the rest.
 */
void svart_vfio_attachment_detach(struct svart_transport_attachment *base)
{
	detach_hwpt(svart_vfio_function_of(base->dev), attachment_of(base));
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Attaching a device to a space. The transport makes an attachment; the fault service begins to serve its
 * page requests before the device can fault, and stops after the device cannot fault any more.
 */

#include "attach.h"

#include <errno.h>

#include "device_state.h"
#include "error.h"
#include "hold.h"
#include "loss.h"
#include "service.h"

static struct svart_attachment *find_free(struct svart_device *dev)
{
	unsigned int i;

	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].part == NULL)
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
		return dev->attachments[0].leaving ? NULL : &dev->attachments[0];
	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].space == space && !dev->attachments[i].leaving)
			return &dev->attachments[i];
	}
	return NULL;
}

/* --- page requests ------------------------------------------------------------------------------- */

/**
 * Ends what serve() began; the device is detached.
 * @return 0, or -EBUSY as svart_fault_service_remove(), told.
 */
static int unserve(struct svart_device *dev, struct svart_attachment *a)
{
	return a->source != NULL ? svart_fault_service_remove(dev->faults, a->source) : 0;
}

static void unserve_at_last(struct svart_device *dev, struct svart_attachment *a)
{
	while (unserve(dev, a) != 0)
		; /* Each call waits. */
}

/**
 * Has the fault service serve the source of the attachment's page requests, if there is one.
 * @return 0 or -errno, told.
 */
static int serve(struct svart_device *dev, struct svart_attachment *a)
{
	int rc;

	if (a->source == NULL)
		return 0;
	a->source->device = dev->number.id;
	a->source->lost = svart_device_source_lost;
	a->source->watch = svart_device_watch;
	a->source->owner = dev;
	rc = svart_fault_service_add(dev->faults, a->source, a->space);
	if (rc != 0)
		return rc;
	/* A source begins deferred. */
	if (atomic_load(&dev->fault_mode) == SVART_FAULT_EAGER)
		rc = svart_fault_service_set_mode(dev->faults, a->source, SVART_FAULT_EAGER);
	if (rc != 0)
		unserve_at_last(dev, a);
	return rc;
}

/* --- attaching ----------------------------------------------------------------------------------- */

/** Has the source served, then attaches: the source is served before the device sees anything. */
static int serve_and_attach(struct svart_device *dev, struct svart_attachment *a)
{
	int rc = serve(dev, a);

	if (rc != 0)
		return rc;
	rc = dev->transport->ops->attach(a->part);
	if (rc != 0)
		unserve_at_last(dev, a);
	return rc;
}

static void place_free(struct svart_device *dev, struct svart_attachment *a)
{
	dev->transport->ops->attachment_destroy(a->part);
	a->part = NULL;
	a->source = NULL;
	a->space = NULL;
}

int svart_attach(struct svart_device *dev, struct svart_space *space, uint32_t pasid,
	struct svart_attachment **out)
{
	struct svart_attachment *a = find_free(dev);
	struct svart_transport_attachment *part;
	int rc;

	if (a == NULL)
		return -ENOSPC;
	if (!dev->pmd.page_requests && svart_space_enable_holds(space) != 0)
		return svart_fail(-ENOMEM, "out of memory for the hold counts of a space");
	rc = dev->transport->ops->attachment_create(dev->transport, space, pasid, &part);
	if (rc != 0)
		return rc;
	*a = (struct svart_attachment){
		.part = part,
		.space = space,
		.pasid = pasid,
		.source = part->source,
	};
	rc = serve_and_attach(dev, a);
	if (rc != 0) {
		place_free(dev, a);
		return rc;
	}
	*out = a;
	return 0;
}

int svart_attach_reserve(struct svart_device *dev, struct svart_attachment *a)
{
	uint32_t leases = dev->pmd.caps.engines * dev->pmd.caps.step_pages;
	int rc;

	if (!dev->pmd.page_requests) {
		rc = svart_space_holder_add(a->space);
		a->holds = rc == 0;
		return rc;
	}
	if (a->source == NULL)
		return 0; /* The kernel takes care of that. */
	rc = svart_lessee_create(a->space, leases, &a->lessee);
	if (rc != 0)
		return rc;
	rc = svart_fault_service_lease(dev->faults, a->source, a->lessee, dev->pmd.caps.step_pages);
	if (rc != 0) {
		svart_lessee_destroy(a->space, a->lessee);
		a->lessee = NULL;
	}
	return rc;
}

/** Ends what svart_attach_reserve() began. No page request is served any more. */
static void unreserve(struct svart_attachment *a)
{
	if (a->holds)
		svart_space_holder_remove(a->space);
	if (a->lessee != NULL)
		svart_lessee_destroy(a->space, a->lessee);
}

/* --- detaching ----------------------------------------------------------------------------------- */

/** The device is detached first: then no new request comes, and the service gives up those that it has. */
void svart_detach_begin(struct svart_device *dev, struct svart_attachment *a)
{
	if (!a->leaving)
		dev->transport->ops->detach(a->part);
	a->leaving = true;
}

int svart_detach_wait(struct svart_device *dev, struct svart_attachment *a)
{
	int rc = 0;

	if (a->source != NULL)
		rc = svart_fault_service_release(dev->faults, a->source);
	return rc == 0 ? 0 : svart_fail_prefix(rc, "%s is not taken back yet: ", dev->name);
}

int svart_detach_end(struct svart_device *dev, struct svart_attachment *a)
{
	int rc = unserve(dev, a);

	if (rc != 0)
		return rc;
	unreserve(a);
	place_free(dev, a);
	return 0;
}

void svart_detach(struct svart_device *dev, struct svart_attachment *a)
{
	svart_detach_begin(dev, a);
	while (svart_detach_end(dev, a) != 0)
		; /* Each call waits. */
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "hwpt.h"

#include <errno.h>
#include <stdlib.h>

#include "fault_queue.h"
#include "ioas.h"
#include "kernel_device.h"
#include "unit.h"

/** An attachment, and the HWPT that it leads to. Owner, lifetime, locks: as svart_iommu_attachment. */
struct attachment {
	struct svart_iommu_attachment base; /* First. */
	struct svart_hwpt *hwpt;
};

static struct svart_hwpt *hwpt_of(const struct svart_iommu_attachment *a)
{
	return ((const struct attachment *)a)->hwpt;
}

static void hwpt_destroy(struct svart_iobj *obj)
{
	struct svart_hwpt *hwpt = (struct svart_hwpt *)obj;

	svart_ioas_domain_remove(hwpt->ioas);
	if (hwpt->fault != NULL)
		svart_iobj_put(&hwpt->fault->obj);
	svart_iobj_put(&hwpt->ioas->obj);
	free(hwpt);
}

int svart_hwpt_create(struct svart_ioas *ioas, struct svart_model_fault *fault, bool for_pasid,
	bool automatic, struct svart_hwpt **out)
{
	struct svart_hwpt *hwpt = calloc(1, sizeof(*hwpt));
	int rc;

	if (hwpt == NULL)
		return -ENOMEM;
	rc = svart_ioas_domain_add(ioas);
	if (rc != 0) {
		free(hwpt);
		return rc;
	}
	hwpt->obj.type = SVART_IOBJ_HWPT;
	hwpt->obj.destroy = hwpt_destroy;
	hwpt->ioas = ioas;
	hwpt->fault = fault;
	hwpt->for_pasid = for_pasid;
	hwpt->automatic = automatic;
	svart_iobj_hold(&ioas->obj);
	if (fault != NULL)
		svart_iobj_hold(&fault->obj);
	rc = svart_iobj_add(ioas->obj.ctx, &hwpt->obj);
	if (rc != 0) {
		hwpt_destroy(&hwpt->obj);
		return rc;
	}
	*out = hwpt;
	return 0;
}

/** Drops a use of a HWPT; an automatic HWPT is destroyed with its last use. */
static void put_attached(struct svart_hwpt *hwpt)
{
	if (hwpt->automatic)
		svart_iobj_put_and_destroy(&hwpt->obj);
	else
		svart_iobj_put(&hwpt->obj);
}

/** Checks the rules of iommufd_hwpt_pasid_compat(). Control is held, so attachments stay. */
static int check_pasid(
	const struct svart_kernel_device *dev, const struct svart_hwpt *hwpt, uint32_t pasid)
{
	const struct svart_iommu_attachment *a;

	if (pasid != SVART_BUS_NO_PASID && (!dev->hw.type->pasid || !hwpt->for_pasid))
		return -EINVAL;
	if (pasid != SVART_BUS_NO_PASID && (pasid == 0 || pasid >> SVART_MODEL_PASID_BITS != 0))
		return -EINVAL;
	for (a = dev->hw.attachments; a != NULL; a = a->next) {
		if (pasid == SVART_BUS_NO_PASID && a->pasid != pasid && !hwpt->for_pasid)
			return -EINVAL;
		if (pasid != SVART_BUS_NO_PASID && a->pasid == SVART_BUS_NO_PASID &&
			!hwpt_of(a)->for_pasid)
			return -EINVAL;
	}
	return 0;
}

/** Counts a device on an IOAS: the device itself (not its PASIDs) narrows what the IOAS may map. */
static int reserve(const struct svart_hwpt *hwpt, uint32_t pasid)
{
	return pasid == SVART_BUS_NO_PASID ? svart_ioas_device_add(hwpt->ioas) : 0;
}

static void unreserve(const struct svart_hwpt *hwpt, uint32_t pasid)
{
	if (pasid == SVART_BUS_NO_PASID)
		svart_ioas_device_remove(hwpt->ioas);
}

/** Frees an attachment that the port does not use any more. */
static void drop(struct svart_iommu_attachment *a)
{
	if (a == NULL)
		return;
	unreserve(hwpt_of(a), a->pasid);
	put_attached(hwpt_of(a));
	free(a);
}

/**
 * Tells whether the kernel attaches the device to a HWPT with a fault object. intel_iommu_enable_iopf()
 * demands page requests; arm_smmu_enable_iopf() demands nothing, though no fault may ever come then.
 */
static bool may_fault(const struct svart_kernel_device *dev)
{
	return dev->hw.unit_ops->kind == SVART_IOMMU_UNIT_SMMU ||
	       (dev->hw.type->ats && dev->hw.type->pri);
}

/** Attaches to a HWPT that the caller uses; a new attachment uses it, too. */
static int attach(struct svart_kernel_device *dev, struct svart_hwpt *hwpt, uint32_t pasid,
	struct svart_iommu_attachment **old)
{
	struct svart_iommu_attachment *now = svart_iommu_find(&dev->hw, pasid);
	struct attachment *fresh;
	int rc;

	*old = NULL;
	if (now != NULL && hwpt_of(now) == hwpt)
		return 0;
	rc = check_pasid(dev, hwpt, pasid);
	if (rc != 0)
		return rc;
	if (hwpt->fault != NULL && !may_fault(dev))
		return -ENODEV;
	fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL)
		return -ENOMEM;
	rc = reserve(hwpt, pasid);
	if (rc != 0) {
		free(fresh);
		return rc;
	}
	svart_iobj_hold(&hwpt->obj);
	fresh->hwpt = hwpt;
	fresh->base.tables = &hwpt->ioas->tables;
	fresh->base.sink = hwpt->fault != NULL ? &hwpt->fault->sink : NULL;
	*old = svart_iommu_switch(&dev->hw, pasid, &fresh->base);
	return 0;
}

/** Finds or makes the automatic HWPT of an IOAS, and uses it. hwpts is held. */
static int get_automatic(struct svart_ioas *ioas, struct svart_hwpt **out)
{
	struct svart_iobj *obj = svart_iobj_get(ioas->obj.ctx, ioas->automatic_id, SVART_IOBJ_HWPT);
	struct svart_hwpt *hwpt = (struct svart_hwpt *)obj;
	int rc;

	/* The last automatic HWPT may be gone, and its id may belong to another object. */
	if (obj != NULL && hwpt->automatic && hwpt->ioas == ioas) {
		*out = hwpt;
		return 0;
	}
	if (obj != NULL)
		svart_iobj_put(obj);
	rc = svart_hwpt_create(ioas, NULL, false, true, out);
	if (rc == 0)
		ioas->automatic_id = (*out)->obj.id;
	return rc;
}

static int attach_ioas(struct svart_kernel_device *dev, struct svart_ioas *ioas, uint32_t pasid,
	uint32_t *pt_id, struct svart_iommu_attachment **old)
{
	struct svart_hwpt *hwpt;
	int rc;

	pthread_mutex_lock(&ioas->hwpts);
	rc = get_automatic(ioas, &hwpt);
	if (rc == 0) {
		rc = attach(dev, hwpt, pasid, old);
		*pt_id = hwpt->obj.id;
		put_attached(hwpt);
	}
	pthread_mutex_unlock(&ioas->hwpts);
	return rc;
}

int svart_hwpt_attach(
	struct svart_ictx *ctx, struct svart_kernel_device *dev, uint32_t pasid, uint32_t *pt_id)
{
	struct svart_iobj *obj = svart_iobj_get(ctx, *pt_id, SVART_IOBJ_ANY);
	struct svart_iommu_attachment *old = NULL;
	int rc;

	if (obj == NULL)
		return -ENOENT;
	if (obj->type == SVART_IOBJ_HWPT)
		rc = attach(dev, (struct svart_hwpt *)obj, pasid, &old);
	else if (obj->type == SVART_IOBJ_IOAS)
		rc = attach_ioas(dev, (struct svart_ioas *)obj, pasid, pt_id, &old);
	else
		rc = -EINVAL;
	svart_iobj_put(obj);
	drop(old);
	return rc;
}

void svart_hwpt_detach(struct svart_kernel_device *dev, uint32_t pasid)
{
	drop(svart_iommu_switch(&dev->hw, pasid, NULL));
}

void svart_hwpt_detach_all(struct svart_kernel_device *dev)
{
	while (dev->hw.attachments != NULL)
		svart_hwpt_detach(dev, dev->hw.attachments->pasid);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "hwpt.h"

#include <errno.h>
#include <stdlib.h>

#include "ioas.h"
#include "model_device.h"
#include "unit.h"

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

/** Drops a use of a HWPT; an automatic one goes with its last. */
static void put_attached(struct svart_hwpt *hwpt)
{
	if (hwpt->automatic)
		svart_iobj_put_and_destroy(&hwpt->obj);
	else
		svart_iobj_put(&hwpt->obj);
}

/** The rules of iommufd_hwpt_pasid_compat(). Control is held, so attachments stay. */
static int check_pasid(
	const struct svart_model_device *dev, const struct svart_hwpt *hwpt, uint32_t pasid)
{
	const struct svart_iommu_attachment *a;

	if (pasid != SVART_BUS_NO_PASID && (!dev->type->pasid || !hwpt->for_pasid))
		return -EINVAL;
	if (pasid != SVART_BUS_NO_PASID && (pasid == 0 || pasid >> SVART_MODEL_PASID_BITS != 0))
		return -EINVAL;
	for (a = dev->iommu.attachments; a != NULL; a = a->next) {
		if (pasid == SVART_BUS_NO_PASID && a->pasid != pasid && !hwpt->for_pasid)
			return -EINVAL;
		if (pasid != SVART_BUS_NO_PASID && a->pasid == SVART_BUS_NO_PASID &&
			!a->hwpt->for_pasid)
			return -EINVAL;
	}
	return 0;
}

/** The device itself (not its PASIDs) narrows what an IOAS may map. */
static int reserve(const struct svart_hwpt *hwpt, uint32_t pasid)
{
	return pasid == SVART_BUS_NO_PASID ? svart_ioas_device_add(hwpt->ioas) : 0;
}

static void unreserve(const struct svart_hwpt *hwpt, uint32_t pasid)
{
	if (pasid == SVART_BUS_NO_PASID)
		svart_ioas_device_remove(hwpt->ioas);
}

/** Frees an attachment that is the port's no more. */
static void drop(struct svart_iommu_attachment *a)
{
	if (a == NULL)
		return;
	unreserve(a->hwpt, a->pasid);
	put_attached(a->hwpt);
	free(a);
}

/**
 * Whether the kernel attaches the device to a HWPT with a fault object: intel_iommu_enable_iopf()
 * wants page requests, arm_smmu_enable_iopf() nothing, though then no fault may ever come.
 */
static bool may_fault(const struct svart_model_device *dev)
{
	return dev->unit_ops->kind == SVART_IOMMU_UNIT_SMMU || (dev->type->ats && dev->type->pri);
}

/** Attaches to a HWPT that the caller uses; a new attachment uses it, too. */
static int attach(struct svart_model_device *dev, struct svart_hwpt *hwpt, uint32_t pasid,
	struct svart_iommu_attachment **old)
{
	struct svart_iommu_attachment *now = svart_iommu_find(dev, pasid), *fresh;
	int rc;

	*old = NULL;
	if (now != NULL && now->hwpt == hwpt)
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
	*old = svart_iommu_switch(dev, pasid, fresh);
	return 0;
}

/** Finds or makes the automatic HWPT of an IOAS, and uses it. hwpts is held. */
static int get_automatic(struct svart_ioas *ioas, struct svart_hwpt **out)
{
	struct svart_iobj *obj = svart_iobj_get(ioas->obj.ctx, ioas->automatic_id, SVART_IOBJ_HWPT);
	struct svart_hwpt *hwpt = (struct svart_hwpt *)obj;
	int rc;

	/* The last one may be gone, and its id another's. */
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

static int attach_ioas(struct svart_model_device *dev, struct svart_ioas *ioas, uint32_t pasid,
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
	struct svart_ictx *ctx, struct svart_model_device *dev, uint32_t pasid, uint32_t *pt_id)
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

void svart_hwpt_detach(struct svart_model_device *dev, uint32_t pasid)
{
	drop(svart_iommu_switch(dev, pasid, NULL));
}

void svart_hwpt_detach_all(struct svart_model_device *dev)
{
	while (dev->iommu.attachments != NULL)
		svart_hwpt_detach(dev, dev->iommu.attachments->pasid);
}

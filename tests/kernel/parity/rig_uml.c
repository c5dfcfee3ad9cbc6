/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The rig in a UML kernel: its mock device, driven by ioctls of /dev/iommu. */

#include <errno.h>

#include "iommufd.h"
#include "mock.h"
#include "rig.h"

static int uml_create(struct rig *rig)
{
	return svart_machine_linux.create("", &rig->m);
}

static void uml_destroy(struct rig *rig)
{
	svart_machine_linux.destroy(rig->m);
}

static struct mock_device uml_mock(const struct rig_device *dev)
{
	return (struct mock_device){ .mock_id = dev->mock_id, .dev_id = dev->dev_id };
}

static int uml_device_open(struct rig *rig, int iommufd, uint32_t pt_id, struct rig_device *dev)
{
	struct mock_device mock;
	int rc = mock_device_create(rig->m, iommufd, pt_id, &mock);

	if (rc == 0)
		*dev = (struct rig_device){
			.iommufd = iommufd, .fd = -1, .dev_id = mock.dev_id, .mock_id = mock.mock_id
		};
	return rc;
}

/* Changes one entry of the PASIDs that are attached. @return false if none holds `from`. */
static bool uml_pasid_change(struct rig_device *dev, uint32_t from, uint32_t to)
{
	for (unsigned int i = 0; i < RIG_MAX_PASIDS; i++)
		if (dev->pasids[i] == from) {
			dev->pasids[i] = to;
			return true;
		}
	return false;
}

/* The mock device must have lost its PASIDs when it goes; a VFIO device drops them itself. */
static void uml_device_close(struct rig *rig, struct rig_device *dev)
{
	struct mock_device mock = uml_mock(dev);

	for (unsigned int i = 0; i < RIG_MAX_PASIDS; i++)
		if (dev->pasids[i] != RIG_NO_PASID)
			mock_detach_pasid(rig->m, dev->iommufd, &mock, dev->pasids[i]);
	mock_device_destroy(rig->m, dev->iommufd, &mock);
}

static int uml_attach(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint32_t pt_id)
{
	struct mock_device mock = uml_mock(dev);
	int rc;

	/* The device itself is attached from the start. */
	if (pasid == RIG_NO_PASID)
		return mock_replace(rig->m, dev->iommufd, &mock, pt_id);
	rc = mock_attach_pasid(rig->m, dev->iommufd, &mock, pasid, pt_id);
	if (rc == 0 && !uml_pasid_change(dev, RIG_NO_PASID, pasid)) {
		mock_detach_pasid(rig->m, dev->iommufd, &mock, pasid);
		return -ENOSPC;
	}
	return rc;
}

static int uml_replace(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint32_t pt_id)
{
	struct mock_device mock = uml_mock(dev);

	return pasid == RIG_NO_PASID
		       ? mock_replace(rig->m, dev->iommufd, &mock, pt_id)
		       : mock_replace_pasid(rig->m, dev->iommufd, &mock, pasid, pt_id);
}

static int uml_detach(struct rig *rig, struct rig_device *dev, uint32_t pasid)
{
	struct mock_device mock = uml_mock(dev);

	if (pasid == RIG_NO_PASID)
		return -EOPNOTSUPP;
	uml_pasid_change(dev, pasid, RIG_NO_PASID);
	return mock_detach_pasid(rig->m, dev->iommufd, &mock, pasid);
}

static int uml_request(struct rig *rig, struct rig_device *dev, const struct rig_request *request)
{
	struct mock_device mock = uml_mock(dev);

	return mock_trigger(rig->m, dev->iommufd, &mock, request->pasid, request->prgi,
		request->perm, request->addr);
}

static int uml_answer(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint16_t prgi)
{
	(void)rig, (void)dev, (void)pasid, (void)prgi;
	return -EOPNOTSUPP;
}

const struct rig_ops rig_uml = {
	.name = "uml",
	.lacks = {
		[RIG_GROUPS] = "every request of the mock device is the last of its group",
		[RIG_ANSWERS] = "the mock device drops answers",
		[RIG_DETACH] = "the mock device is always attached",
		[RIG_CDEV] = "the mock device is no VFIO device",
	},
	.fault_pasid = RIG_NO_PASID,
	.create = uml_create,
	.destroy = uml_destroy,
	.device_open = uml_device_open,
	.device_close = uml_device_close,
	.attach = uml_attach,
	.replace = uml_replace,
	.detach = uml_detach,
	.request = uml_request,
	.answer = uml_answer,
	.left_behind = rig_linux_left_behind,
};

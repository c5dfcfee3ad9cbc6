/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The rig in QEMU: Linux's VT-d driver and vfio-pci, with the requester as a PCI device. */

#include "requester.h"
#include "rig_vfio.h"

/** QEMU's VT-d refuses page requests without a PASID. Any will do. */
#define RIG_QEMU_PASID 5

static int qemu_create(struct rig *rig)
{
	int rc = svart_machine_linux.create("", &rig->m);

	if (rc != 0)
		return rc;
	rc = rig_vfio_find(rig, REQUESTER_VENDOR, REQUESTER_DEVICE);
	if (rc != 0)
		svart_machine_linux.destroy(rig->m);
	return rc;
}

static void qemu_destroy(struct rig *rig)
{
	svart_machine_linux.destroy(rig->m);
}

const struct rig_ops rig_qemu = {
	.name = "qemu",
	.fault_pasid = RIG_QEMU_PASID,
	.create = qemu_create,
	.destroy = qemu_destroy,
	.device_open = rig_vfio_device_open,
	.device_close = rig_vfio_device_close,
	.attach = rig_vfio_attach,
	.replace = rig_vfio_attach,
	.detach = rig_vfio_detach,
	.request = rig_vfio_request,
	.answer = rig_vfio_answer,
	.left_behind = rig_linux_left_behind,
};

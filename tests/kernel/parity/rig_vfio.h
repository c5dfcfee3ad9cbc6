/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_RIG_VFIO_H
#define SVART_TEST_RIG_VFIO_H

/**
 * @file
 * What the rigs with a VFIO device share: the model and QEMU. The device is requester.h's, or one
 * that never faults. See rig.h for each function.
 */

#include "rig.h"

/** Finds the cdev of the PCI device with these ids. @return 0, or -ENODEV: none, or not vfio-pci's. */
int rig_vfio_find(struct rig *rig, uint16_t vendor, uint16_t device);

int rig_vfio_device_open(struct rig *rig, int iommufd, uint32_t pt_id, struct rig_device *dev);
void rig_vfio_device_close(struct rig *rig, struct rig_device *dev);
int rig_vfio_attach(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint32_t pt_id);
int rig_vfio_detach(struct rig *rig, struct rig_device *dev, uint32_t pasid);
int rig_vfio_request(struct rig *rig, struct rig_device *dev, const struct rig_request *request);
int rig_vfio_answer(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint16_t prgi);

#endif

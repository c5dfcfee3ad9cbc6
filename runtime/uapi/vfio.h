/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_UAPI_VFIO_H
#define SVART_UAPI_VFIO_H

/**
 * @file
 * One thin function for each call of linux/vfio.h on a device's cdev (/dev/vfio/devices/vfioN). They
 * return 0 or -errno as the kernel gave it and decide nothing.
 */

#include <stdint.h>
#include <sys/types.h>

#include <linux/vfio.h>

#include "machine.h"

int svart_vfio_bind_iommufd(struct svart_machine *m, int device_fd, int iommufd, uint32_t *dev_id);
/** Attaches a device to a page table. @param pt_id an IOAS or HWPT. */
int svart_vfio_attach(struct svart_machine *m, int device_fd, uint32_t pt_id);
int svart_vfio_detach(struct svart_machine *m, int device_fd);
/**
 * Attaches a PASID to a page table. @return also -ENOTSUP: svart was built with headers, or runs on a kernel,
 * without this call (it is in Linux 6.16).
 */
int svart_vfio_attach_pasid(struct svart_machine *m, int device_fd, uint32_t pt_id, uint32_t pasid);
int svart_vfio_detach_pasid(struct svart_machine *m, int device_fd, uint32_t pasid);
int svart_vfio_device_info(struct svart_machine *m, int device_fd, struct vfio_device_info *info);
int svart_vfio_region_info(
	struct svart_machine *m, int device_fd, uint32_t index, struct vfio_region_info *info);

#endif

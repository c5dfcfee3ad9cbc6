/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_VFIO_CDEV_H
#define SVART_MODEL_VFIO_CDEV_H

/**
 * @file
 * A device's character device, /dev/vfio/devices/vfioN, as vfio-pci has it: binding to an iommufd,
 * attaching, regions, interrupts, reset (drivers/vfio/{device_cdev,vfio_main}.c, pci/).
 */

#include <stdatomic.h>
#include <stdint.h>

#include "file_table.h"

struct svart_ictx;
struct svart_iobj_device;
struct svart_kernel_device;

/**
 * struct vfio_device_attach_iommufd_pt and vfio_device_detach_iommufd_pt since Linux 6.16
 * (include/uapi/linux/vfio.h): pasid counts if the flag is set. linux/vfio.h of 6.12 lacks both.
 */
struct svart_cdev_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
	uint32_t pasid;
};

struct svart_cdev_detach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid;
};

#define SVART_CDEV_ATTACH_PASID (1U << 0)
#define SVART_CDEV_DETACH_PASID (1U << 0)

/** A region begins in the file at the offset that has its index in these bits (vfio_pci_core.h). */
#define SVART_CDEV_REGION_SHIFT 40

/**
 * An open cdev.
 *
 * Owner: its file. Lifetime: open to the last close or munmap. Locks: the device's control lock;
 * bound is stored with release after the rest is set, and then all is constant.
 */
struct svart_cdev {
	struct svart_kernel_device *dev;
	struct svart_ictx *ctx;           /**< Set once it is bound. */
	struct svart_iobj_device *object; /**< Set once it is bound. */
	atomic_bool bound;
};

/** Does open("/dev/vfio/devices/vfioN"). @return the descriptor or -errno. */
int svart_model_open_cdev(struct svart_kernel_device *dev);

#endif

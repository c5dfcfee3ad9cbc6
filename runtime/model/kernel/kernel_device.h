/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_KERNEL_DEVICE_H
#define SVART_MODEL_KERNEL_DEVICE_H

/**
 * @file
 * A device as Linux has it: a PCI function that is bound to vfio-pci.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "iommu_device.h"
#include "config_space.h"

struct svart_cdev;
struct svart_ioas;
struct svart_kernel;
struct svart_kernel_errors;

/** Interrupts beside MSI-X that vfio-pci has: errors and requests to give the device back. */
#define SVART_MODEL_EXTRA_IRQS 2

/** Errors that calls may fail with by chance, as those of any kernel may. */
struct svart_kernel_errors_ops {
	/** @return 0, or the error with which an IOMMU_IOAS_MAP must fail. No device lock held. */
	int (*map)(struct svart_kernel_errors *errors, const struct svart_ioas *ioas);
	/**
	 * @return 0, or the error with which the read of a group from a fault object must fail; -ENODEV
	 * breaks the object. A fault object's lock is held.
	 */
	int (*read)(struct svart_kernel_errors *errors);
};

/** What goes wrong for a device. Owner: the structure that embeds it. Locks: constant. */
struct svart_kernel_errors {
	const struct svart_kernel_errors_ops *ops;
};

/**
 * A device.
 *
 * Owner: the structure that embeds it. Lifetime: until the machine ends. Locks: the first part is constant;
 * control guards bound and dev_id, the device lock (hw.engine.lock) config, irq_fds and the device model's
 * own state.
 */
struct svart_kernel_device {
	struct svart_iommu_device hw; /**< It is first, so that the IOMMU's device leads here. */
	struct svart_kernel *kernel;
	struct svart_kernel_errors *errors; /**< NULL: nothing goes wrong. */
	unsigned int index;                 /**< N of vfioN. */
	char address[16];

	pthread_mutex_t control;
	struct svart_cdev *bound; /**< The open file that did BIND_IOMMUFD, or NULL. */
	uint32_t dev_id;          /**< Id of the iommufd object, while bound. */

	struct svart_model_config config;
	int *irq_fds; /**< nr_vectors + SVART_MODEL_EXTRA_IRQS; -1: none. */
	bool msix_enabled;
};

static inline struct svart_kernel_device *svart_kernel_device_of(struct svart_iommu_device *dev)
{
	return (struct svart_kernel_device *)dev;
}

static inline unsigned int svart_kernel_device_nr_irqs(const struct svart_kernel_device *dev)
{
	return dev->hw.type->nr_vectors + SVART_MODEL_EXTRA_IRQS;
}

/**
 * Sets up a device at a PCI address. All of it is zero except hw.type.
 * @return 0 or -ENOMEM; the caller must call svart_kernel_device_fini() in any case.
 */
int svart_kernel_device_init(
	struct svart_kernel_device *dev, struct svart_kernel *kernel, const char *address);
/** Ends it. Nothing is open any more. */
void svart_kernel_device_fini(struct svart_kernel_device *dev);
/**
 * Adds a device to the list, which has room. The device can be found from now on. Only one caller at a
 * time.
 */
void svart_kernel_device_add(struct svart_kernel_device *dev);
/** @return the device at a PCI address, or NULL. */
struct svart_kernel_device *svart_kernel_device_find(
	struct svart_kernel *kernel, const char *address);

/**
 * As svart_iommu_device_reset(); configuration space stays as vfio-pci restores it. No lock is held except
 * control.
 */
void svart_kernel_device_reset(struct svart_kernel_device *dev);
/**
 * Surprise removal: somebody pulls the device out. From now on its registers read all ones, writes to them
 * or to its portals are lost, and it neither reads nor writes memory. Linux leaves everything else as it is
 * until the program closes the device (vfio_unregister_group_dev() waits for that): its page table stays
 * attached, its fault fd says nothing, and page requests that are open stay so. The device lock is held.
 */
void svart_kernel_device_remove(struct svart_kernel_device *dev);
/** Raises interrupt nr of irq_fds, if an eventfd is bound to it. The device lock is held. */
void svart_kernel_device_raise(struct svart_kernel_device *dev, unsigned int nr);

#endif

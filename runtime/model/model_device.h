/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_DEVICE_H
#define SVART_MODEL_DEVICE_H

/**
 * @file
 * One device of the machine: the device model, and what the model of the machine has around it.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "inject.h"
#include "model_config.h"
#include "model_engine.h"
#include "model_iommu.h"

struct svart_cdev;
struct svart_model;
struct svart_model_device_options;
struct svart_unit;
struct svart_unit_ops;

/** Interrupts beside MSI-X that vfio-pci has: errors and requests to give the device back. */
#define SVART_MODEL_EXTRA_IRQS 2

/**
 * A device.
 *
 * Owner: the machine. Lifetime: until the machine ends. Locks: the first part is constant; control
 * guards bound, the device lock (engine.lock) config, the unit, iommu, irq_fds and the device model's own state.
 */
struct svart_model_device {
	struct svart_bus bus; /**< First, so that the device model's handle leads here. */
	struct svart_model *model;
	const struct svart_device_model *type;
	void *priv;         /**< The device model's. */
	unsigned int index; /**< N of vfioN. */
	char address[16];
	char *options; /**< As it was made with. */

	const struct svart_unit_ops *unit_ops; /**< What kind of IOMMU is before it. */
	struct svart_unit *unit;               /**< NULL: it has no page requests. */
	unsigned int private_percent;          /**< Of raw requests, with private data. */

	pthread_mutex_t control;
	struct svart_cdev *bound; /**< The open file that did BIND_IOMMUFD, or NULL. */

	struct svart_engine engine;
	struct svart_model_config config;
	struct svart_iommu_port iommu;
	struct svart_inject_port inject;
	int *irq_fds; /**< nr_vectors + SVART_MODEL_EXTRA_IRQS; -1: none. */
	bool msix_enabled;
};

static inline struct svart_model_device *svart_model_device_of(struct svart_bus *bus)
{
	return (struct svart_model_device *)bus;
}

static inline unsigned int svart_model_device_nr_irqs(const struct svart_model_device *dev)
{
	return dev->type->nr_vectors + SVART_MODEL_EXTRA_IRQS;
}

/**
 * Makes a device and adds it to the machine. devices_lock is held.
 * @return 0; -ENOSPC; -ENOMEM; what the device model's create returned.
 */
int svart_model_device_add(struct svart_model *model, const struct svart_device_model *type,
	const char *address, const struct svart_model_device_options *options,
	struct svart_model_device **out);
/** Ends a device. Nothing is open any more. */
void svart_model_device_destroy(struct svart_model_device *dev);
/** @return the device at a PCI address, or NULL. */
struct svart_model_device *svart_model_device_find(struct svart_model *model, const char *address);

/**
 * Function level reset: page requests are answered INVALID, or forgotten if raw, translations and the device's own state
 * forgotten; configuration space stays as vfio-pci restores it. No lock held but control.
 */
void svart_model_device_reset(struct svart_model_device *dev);
/** The same with the device lock held. */
void svart_model_device_reset_locked(struct svart_model_device *dev);
/** Raises interrupt nr of irq_fds, if an eventfd is bound to it. The device lock is held. */
void svart_model_device_raise(struct svart_model_device *dev, unsigned int nr);

#endif

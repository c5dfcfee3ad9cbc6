/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "kernel_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel_state.h"

void svart_kernel_init(struct svart_kernel *kernel)
{
	pthread_rwlock_init(&kernel->mappings_lock, NULL);
	svart_model_files_init(&kernel->files);
}

void svart_kernel_fini(struct svart_kernel *kernel)
{
	svart_model_files_fini(&kernel->files);
	pthread_rwlock_destroy(&kernel->mappings_lock);
}

static void interrupt(struct svart_iommu_device *dev, unsigned int vector)
{
	svart_kernel_device_raise(svart_kernel_device_of(dev), vector);
}

/** Tells the id that a device has for its IOMMU. The address is the model's own: 0000:BB:DD.F. */
static uint32_t requester_id(const char *address)
{
	uint32_t bus = (uint32_t)strtoul(address + 5, NULL, 16);
	uint32_t device = (uint32_t)strtoul(address + 8, NULL, 16);
	uint32_t function = (uint32_t)strtoul(address + 11, NULL, 16);

	return bus << 8 | device << 3 | function;
}

int svart_kernel_device_init(
	struct svart_kernel_device *dev, struct svart_kernel *kernel, const char *address)
{
	unsigned int i;

	dev->kernel = kernel;
	snprintf(dev->address, sizeof(dev->address), "%s", address);
	dev->hw.iommu = kernel->iommu;
	dev->hw.interrupt = interrupt;
	dev->hw.requester_id = requester_id(address);
	pthread_mutex_init(&dev->control, NULL);
	svart_model_config_init(&dev->config, dev->hw.type, &dev->hw.bus_master);
	dev->irq_fds = calloc(svart_kernel_device_nr_irqs(dev), sizeof(dev->irq_fds[0]));
	if (dev->irq_fds == NULL)
		return -ENOMEM;
	for (i = 0; i < svart_kernel_device_nr_irqs(dev); i++)
		dev->irq_fds[i] = -1;
	return 0;
}

void svart_kernel_device_fini(struct svart_kernel_device *dev)
{
	unsigned int i;

	for (i = 0; dev->irq_fds != NULL && i < svart_kernel_device_nr_irqs(dev); i++) {
		if (dev->irq_fds[i] >= 0)
			close(dev->irq_fds[i]);
	}
	pthread_mutex_destroy(&dev->control);
	free(dev->irq_fds);
}

void svart_kernel_device_add(struct svart_kernel_device *dev)
{
	struct svart_kernel *kernel = dev->kernel;
	unsigned int nr = svart_kernel_nr_devices(kernel);

	dev->index = nr;
	kernel->devices[nr] = dev;
	/* Orders the entry before the count; pairs with svart_kernel_nr_devices(). */
	atomic_store_explicit(&kernel->nr_devices, nr + 1, memory_order_release);
}

struct svart_kernel_device *svart_kernel_device_find(
	struct svart_kernel *kernel, const char *address)
{
	unsigned int i;

	for (i = 0; i < svart_kernel_nr_devices(kernel); i++) {
		if (strcmp(kernel->devices[i]->address, address) == 0)
			return kernel->devices[i];
	}
	return NULL;
}

void svart_kernel_device_reset(struct svart_kernel_device *dev)
{
	svart_engine_lock(&dev->hw.engine);
	svart_iommu_device_reset(&dev->hw);
	svart_engine_unlock(&dev->hw.engine);
}

void svart_kernel_device_remove(struct svart_kernel_device *dev)
{
	atomic_store_explicit(&dev->hw.removed, true, memory_order_relaxed);
	svart_model_config_remove(&dev->config);
}

void svart_kernel_device_raise(struct svart_kernel_device *dev, unsigned int nr)
{
	uint64_t one = 1;

	/* An eventfd takes 2^64 - 2 of these before it refuses one; then it is readable anyway. */
	if (dev->irq_fds[nr] >= 0 && write(dev->irq_fds[nr], &one, sizeof(one)) < 0)
		return;
}

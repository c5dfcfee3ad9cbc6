/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model_options.h"
#include "model_state.h"
#include "unit.h"

static void free_device(struct svart_model_device *dev)
{
	svart_prg_fini(dev);
	svart_unit_destroy(dev);
	svart_inject_fini(dev);
	svart_engine_fini(&dev->engine);
	pthread_mutex_destroy(&dev->control);
	free(dev->irq_fds);
	free(dev->options);
	free(dev);
}

/** Makes all but the device model's own part. */
static struct svart_model_device *alloc_device(struct svart_model *model,
	const struct svart_device_model *type, const char *address,
	const struct svart_model_device_options *options)
{
	struct svart_model_device *dev =
		aligned_alloc(alignof(struct svart_model_device), sizeof(*dev));
	unsigned int i;

	if (dev == NULL)
		return NULL;
	memset(dev, 0, sizeof(*dev));
	dev->bus.ops = &svart_iommu_bus_ops;
	dev->model = model;
	dev->type = type;
	snprintf(dev->address, sizeof(dev->address), "%s", address);
	pthread_mutex_init(&dev->control, NULL);
	svart_engine_init(&dev->engine);
	svart_model_config_init(&dev->config, type);
	dev->options = strdup(options->text);
	dev->unit_ops = options->unit_ops;
	dev->private_percent = options->private_percent;
	dev->irq_fds = calloc(svart_model_device_nr_irqs(dev), sizeof(dev->irq_fds[0]));
	if (svart_inject_init(dev, &options->inject) != 0 || svart_unit_create(dev) != 0 ||
		svart_prg_init(dev) != 0 || dev->options == NULL || dev->irq_fds == NULL) {
		free_device(dev);
		return NULL;
	}
	for (i = 0; i < svart_model_device_nr_irqs(dev); i++)
		dev->irq_fds[i] = -1;
	return dev;
}

int svart_model_device_add(struct svart_model *model, const struct svart_device_model *type,
	const char *address, const struct svart_model_device_options *options,
	struct svart_model_device **out)
{
	unsigned int nr = svart_model_nr_devices(model);
	struct svart_model_device *dev;
	int rc;

	if (nr == SVART_MODEL_MAX_DEVICES)
		return -ENOSPC;
	dev = alloc_device(model, type, address, options);
	if (dev == NULL)
		return -ENOMEM;
	rc = type->create(&dev->bus, options->own, &dev->priv);
	if (rc != 0) {
		free_device(dev);
		return rc;
	}
	dev->index = nr;
	model->devices[nr] = dev;
	/* Orders the entry before the count; pairs with svart_model_nr_devices(). */
	atomic_store_explicit(&model->nr_devices, nr + 1, memory_order_release);
	*out = dev;
	return 0;
}

void svart_model_device_destroy(struct svart_model_device *dev)
{
	unsigned int i;

	/* The engine first: it must not step a device model that is gone. */
	svart_engine_stop(&dev->engine);
	dev->type->destroy(dev->priv);
	for (i = 0; i < svart_model_device_nr_irqs(dev); i++) {
		if (dev->irq_fds[i] >= 0)
			close(dev->irq_fds[i]);
	}
	free_device(dev);
}

struct svart_model_device *svart_model_device_find(struct svart_model *model, const char *address)
{
	unsigned int i;

	for (i = 0; i < svart_model_nr_devices(model); i++) {
		if (strcmp(model->devices[i]->address, address) == 0)
			return model->devices[i];
	}
	return NULL;
}

void svart_model_device_reset(struct svart_model_device *dev)
{
	svart_model_device_lock(dev);
	svart_model_device_reset_locked(dev);
	svart_model_device_unlock(dev);
}

void svart_model_device_reset_locked(struct svart_model_device *dev)
{
	svart_iommu_flush(dev);
	dev->type->reset(dev->priv);
	svart_engine_wake(&dev->engine);
}

void svart_model_device_raise(struct svart_model_device *dev, unsigned int nr)
{
	uint64_t one = 1;

	/* An eventfd takes 2^64 - 2 of these before it refuses one; then it is readable anyway. */
	if (dev->irq_fds[nr] >= 0 && write(dev->irq_fds[nr], &one, sizeof(one)) < 0)
		return;
}

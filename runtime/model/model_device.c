/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_options.h"
#include "model_state.h"

static void free_device(struct svart_model_device *dev)
{
	svart_iommu_device_fini(&dev->kernel.hw);
	svart_inject_fini(&dev->inject);
	svart_engine_fini(&dev->kernel.hw.engine);
	svart_kernel_device_fini(&dev->kernel);
	free(dev->options);
	free(dev);
}

/** Does a step of the device, for the engine. */
static bool step(void *arg)
{
	struct svart_model_device *dev = arg;
	struct svart_iommu_device *hw = &dev->kernel.hw;
	bool moved;

	if (svart_iommu_device_is_removed(hw))
		return false;
	moved = hw->type->step(hw->priv);
	return svart_inject_step(&dev->inject) || moved;
}

/** Makes everything except the device model's own part. */
static struct svart_model_device *alloc_device(struct svart_model *model,
	const struct svart_device_model *type, const char *address,
	const struct svart_model_device_options *options)
{
	struct svart_model_device *dev =
		aligned_alloc(alignof(struct svart_model_device), sizeof(*dev));
	struct svart_iommu_device *hw;

	if (dev == NULL)
		return NULL;
	memset(dev, 0, sizeof(*dev));
	hw = &dev->kernel.hw;
	hw->type = type;
	hw->unit_ops = options->unit_ops;
	hw->private_percent = options->private_percent;
	svart_engine_init(&hw->engine, !model->manual, step, dev);
	dev->options = strdup(options->text);
	if (svart_kernel_device_init(&dev->kernel, &model->kernel, address) != 0 ||
		svart_inject_init(&dev->inject, &dev->kernel, &options->inject) != 0 ||
		svart_iommu_device_init(hw) != 0 || dev->options == NULL) {
		free_device(dev);
		return NULL;
	}
	return dev;
}

int svart_model_device_add(struct svart_model *model, const struct svart_device_model *type,
	const char *address, const struct svart_model_device_options *options)
{
	struct svart_model_device *dev;
	int rc;

	if (svart_kernel_nr_devices(&model->kernel) == SVART_MODEL_MAX_DEVICES)
		return -ENOSPC;
	dev = alloc_device(model, type, address, options);
	if (dev == NULL)
		return -ENOMEM;
	rc = type->create(&dev->kernel.hw.bus, options->own, &dev->kernel.hw.priv);
	if (rc != 0) {
		free_device(dev);
		return rc;
	}
	svart_kernel_device_add(&dev->kernel);
	return 0;
}

void svart_model_device_destroy(struct svart_model_device *dev)
{
	struct svart_iommu_device *hw = &dev->kernel.hw;

	/* The engine is stopped first: it must not step a device model that is gone. */
	svart_engine_stop(&hw->engine);
	hw->type->destroy(hw->priv);
	free_device(dev);
}

struct svart_model_device *svart_model_device_find(struct svart_model *model, const char *address)
{
	return (struct svart_model_device *)svart_kernel_device_find(&model->kernel, address);
}

struct svart_model_device *svart_model_device_at(struct svart_model *model, unsigned int i)
{
	return (struct svart_model_device *)model->kernel.devices[i];
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_DEVICE_H
#define SVART_MODEL_DEVICE_H

/**
 * @file
 * One device of the machine: as Linux has it, with its engine and its injections.
 */

#include "inject.h"
#include "kernel_device.h"

struct svart_model;
struct svart_model_device_options;

/**
 * A device.
 *
 * Owner: the machine. Lifetime: until the machine ends. Locks: it is constant, except the parts, which have
 * locks of their own.
 */
struct svart_model_device {
	/** It is first, so that the kernel's list leads here. */
	struct svart_kernel_device kernel;
	struct svart_inject_port inject;
	char *options; /**< Options that it was made with. */
};

/**
 * Makes a device and adds it to the machine. devices_lock is held.
 * @return 0; -ENOSPC; -ENOMEM; or the error that the device model's create returned.
 */
int svart_model_device_add(struct svart_model *model, const struct svart_device_model *type,
	const char *address, const struct svart_model_device_options *options);
/** Ends a device. Nothing is open any more. */
void svart_model_device_destroy(struct svart_model_device *dev);
/** @return the device at a PCI address, or NULL. */
struct svart_model_device *svart_model_device_find(struct svart_model *model, const char *address);
/** @param i below svart_kernel_nr_devices(). */
struct svart_model_device *svart_model_device_at(struct svart_model *model, unsigned int i);

#endif

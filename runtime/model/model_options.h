/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_OPTIONS_H
#define SVART_MODEL_OPTIONS_H

/**
 * @file
 * The text "key=value,key=value" behind a device's name, split between machine, IOMMU and device.
 */

#include <stdbool.h>
#include <stdint.h>

#include "inject.h"

struct svart_unit_ops;

/** Room for a device's part of the options. */
#define SVART_MODEL_OPTIONS_BYTES 256

/** The machine's own options. */
struct svart_model_options {
	bool has_step, manual;
	bool has_vmas, check_vmas;
	bool has_seed;
	uint64_t seed;
	char device[SVART_MODEL_OPTIONS_BYTES]; /**< All others, as they were written. */
};

/** A device's options, and among them those of the IOMMU in front of it. */
struct svart_model_device_options {
	const char *text; /**< All options; the text is the caller's. */
	const struct svart_unit_ops *unit_ops;
	unsigned int private_percent;
	struct svart_inject_rates inject;
	char own[SVART_MODEL_OPTIONS_BYTES]; /**< All others, which are the device model's. */
};

/**
 * Splits and checks options.
 * @param text may be NULL or empty. @return 0, or -EINVAL with an error text.
 */
int svart_model_options_parse(const char *text, struct svart_model_options *out);
/**
 * Splits a device's options and checks those of the IOMMU.
 * @param text not NULL; must outlive out. @return 0, or -EINVAL with an error text.
 */
int svart_model_options_split(const char *text, struct svart_model_device_options *out);
/**
 * Checks the keys.
 * @return 0, or -EINVAL with an error text if a key is not in keys (NULL-terminated, or NULL).
 */
int svart_model_options_check(const char *text, const char *const *keys, const char *whose);

#endif

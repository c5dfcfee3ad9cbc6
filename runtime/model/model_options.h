/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_OPTIONS_H
#define SVART_MODEL_OPTIONS_H

/**
 * @file
 * The text "key=value,key=value" behind a device's name, split between machine and device.
 */

#include <stdbool.h>
#include <stdint.h>

/** Room for a device's part of the options. */
#define SVART_MODEL_OPTIONS_BYTES 256

/** The machine's own options. */
struct svart_model_options {
	bool has_step, manual;
	bool has_seed;
	uint64_t seed;
	char device[SVART_MODEL_OPTIONS_BYTES]; /**< All others, as they stood. */
};

/**
 * Splits and checks options.
 * @param text may be NULL or empty. @return 0, or -EINVAL with an error text.
 */
int svart_model_options_parse(const char *text, struct svart_model_options *out);
/** @return 0, or -EINVAL with an error text: a key that is not in keys (NULL-terminated, or NULL). */
int svart_model_options_check(const char *text, const char *const *keys, const char *whose);

#endif

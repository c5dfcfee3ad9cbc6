/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_TYPES_H
#define SVART_MODEL_TYPES_H

/**
 * @file
 * The kinds of device that the machine can have, and the options of all of them. A device model is
 * added by one line in each table of model_types.c.
 */

#include <stdint.h>

#include "bus.h"

/**
 * One kind. Device N of it is called nameN and has PCI address 0000:BUS:(N + 1).0, so each name has one
 * address.
 */
struct svart_model_type {
	const struct svart_device_model *model;
	const char *name; /**< "dsa" of "dsa0". */
	uint8_t bus;
	unsigned int max; /**< Most devices of it. At most 31, because a bus has 32 places. */
};

/** The table of kinds, which ends with an entry without model. */
extern const struct svart_model_type svart_model_types[];

/** The machine's own option keys and those of every kind of device, ending with NULL. */
extern const char *const svart_model_option_keys[];

#endif

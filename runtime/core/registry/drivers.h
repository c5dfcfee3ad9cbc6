/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DRIVERS_H
#define SVART_DRIVERS_H

/**
 * @file
 * Which driver takes a device.
 */

#include <stdint.h>

#include <svart_pmd.h>

/** Finds the driver of a device with these PCI ids and that transport, or NULL. @param id out: its entry. */
const struct svart_pmd_ops *svart_driver_find(
	const char *transport, uint16_t vendor, uint16_t device, const struct svart_pmd_id **id);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Which driver takes a device.
 */

#include "drivers.h"

#include <string.h>

#include "bits.h"
#include "pmd_list.h"

static bool is_reached_by(const struct svart_pmd_ops *ops, const char *transport)
{
	const char *const *name;

	for (name = ops->transports; *name != NULL; name++) {
		if (strcmp(*name, transport) == 0)
			return true;
	}
	return false;
}

static const struct svart_pmd_id *find_id(
	const struct svart_pmd_ops *ops, uint16_t vendor, uint16_t device)
{
	const struct svart_pmd_id *id;

	for (id = ops->ids; id->vendor != 0; id++) {
		if (id->vendor == vendor && id->device == device)
			return id;
	}
	return NULL;
}

const struct svart_pmd_ops *svart_driver_find(
	const char *transport, uint16_t vendor, uint16_t device, const struct svart_pmd_id **id)
{
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(svart_pmd_list); i++) {
		if (!is_reached_by(svart_pmd_list[i], transport))
			continue;
		*id = find_id(svart_pmd_list[i], vendor, device);
		if (*id != NULL)
			return svart_pmd_list[i];
	}
	return NULL;
}

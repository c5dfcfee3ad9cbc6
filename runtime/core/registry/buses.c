/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The buses: what stands before the colon of a spec. This is the only place that names transports, except
 * the probe, which looks for what each of them needs.
 */

#include "buses.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "runtime.h"
#include "vfio_transport.h"

/** Places in svart_machine_slot.shared. */
enum { SHARED_VFIO, NR_SHARED };
_Static_assert(NR_SHARED <= SVART_NR_TRANSPORTS, "a place for each transport");

const struct svart_spec_bus svart_spec_buses[] = {
	{ .name = "pci", .transport = &svart_transport_vfio, .shared = SHARED_VFIO },
	{ .name = "model",
		.transport = &svart_transport_vfio,
		.shared = SHARED_VFIO,
		.machine = "model" },
	{ .name = NULL },
};

const struct svart_spec_bus *svart_spec_bus_find(const struct svart *rt, const char *name)
{
	const struct svart_spec_bus *bus;

	for (bus = rt->buses; bus->name != NULL; bus++) {
		if (strcmp(bus->name, name) == 0)
			return bus;
	}
	svart_fail(
		-EINVAL, "no bus \"%s\": a device is named model:dsa0 or pci:0000:6a:01.0", name);
	return NULL;
}

const char *svart_spec_bus_name_on(
	const struct svart *rt, const struct svart_spec_bus *bus, const char *machine)
{
	const struct svart_spec_bus *other;

	for (other = rt->buses; other->name != NULL; other++) {
		if (other->transport == bus->transport && other->machine != NULL &&
			strcmp(other->machine, machine) == 0)
			return other->name;
	}
	return bus->name;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_BUSES_H
#define SVART_BUSES_H

/**
 * @file
 * Buses: how a device is reached, as specs name it.
 */

struct svart;
struct svart_transport_ops;

/** What stands before the colon of a spec: how a device is reached. Constant. */
struct svart_spec_bus {
	const char *name; /**< NULL: the end of the table. */
	const struct svart_transport_ops *transport;
	unsigned int shared; /**< The transport's place in svart_machine_slot.shared. */
	const char
		/**
		 * The bus is short for the same transport with this machine=; NULL: the bus is no short
		 * form.
		 */
		*machine;
};

extern const struct svart_spec_bus svart_spec_buses[];

/** @return the bus, or NULL (-EINVAL, told) if there is none of that name. */
const struct svart_spec_bus *svart_spec_bus_find(const struct svart *rt, const char *name);
/** Tells the name of a bus on a machine, for the names of devices: it is the short form if there is one. */
const char *svart_spec_bus_name_on(
	const struct svart *rt, const struct svart_spec_bus *bus, const char *machine);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MACHINES_H
#define SVART_MACHINES_H

/**
 * @file
 * The machines that a runtime has, and which of them a spec means.
 */

#include "machine.h"
#include "runtime.h"

struct svart_spec;
struct svart_spec_bus;

/** Empties rt->machines. */
void svart_machines_init(struct svart *rt);
/** Ends all machines. */
void svart_machines_fini(struct svart *rt);
/** @return the place for a machine, "linux" or "model", or NULL. */
struct svart_machine_slot *svart_machines_find(struct svart *rt, const char *name);
/**
 * Chooses the machine of a spec: the one of its bus, or the one that option machine= says, or the one that
 * SVART_MACHINE says, or linux.
 * @return its place, or NULL (-EINVAL, told) if there is none of that name, or bus and option contradict
 *         each other.
 */
struct svart_machine_slot *svart_machines_choose(
	struct svart *rt, const struct svart_spec_bus *bus, const struct svart_spec *spec);
/** Makes the machine, unless it exists. @param options for the class. @return 0 or -errno, told. */
int svart_machine_get(struct svart_machine_slot *slot, const char *options);
/** Ends a machine that nobody uses. */
void svart_machine_put(struct svart_machine_slot *slot);

#endif

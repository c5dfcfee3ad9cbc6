/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The machines, and which of them a spec means. This is the only place that names machines. */

#include "machines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buses.h"
#include "error.h"
#include "model.h"
#include "spec.h"

/** The first is used by a spec that names no machine. */
static const struct svart_machine_class *const classes[SVART_NR_MACHINES] = {
	&svart_machine_linux,
	&svart_machine_model,
};

void svart_machines_init(struct svart *rt)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_MACHINES; i++)
		rt->machines[i] = (struct svart_machine_slot){ .class = classes[i] };
}

void svart_machines_fini(struct svart *rt)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_MACHINES; i++) {
		if (rt->machines[i].m != NULL)
			svart_machine_put(&rt->machines[i]);
	}
}

struct svart_machine_slot *svart_machines_find(struct svart *rt, const char *name)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_MACHINES; i++) {
		if (strcmp(rt->machines[i].class->name, name) == 0)
			return &rt->machines[i];
	}
	return NULL;
}

static struct svart_machine_slot *find_named(struct svart *rt, const char *what, const char *name)
{
	struct svart_machine_slot *slot = svart_machines_find(rt, name);

	if (slot == NULL)
		svart_fail(-EINVAL, "%s=%s: the machines are linux and model", what, name);
	return slot;
}

/** Chooses by option machine=. A bus that is short for a machine accepts that machine and no other. */
static struct svart_machine_slot *choose_by_option(struct svart *rt,
	const struct svart_spec_bus *bus, const struct svart_spec *spec, const char *option)
{
	struct svart_machine_slot *slot = find_named(rt, "option machine", option);

	if (slot == NULL || bus->machine == NULL || strcmp(bus->machine, option) == 0)
		return slot;
	svart_fail(-EINVAL,
		"%s:%s is short for machine=%s: leave machine=%s out, or name a device of that "
		"machine by another bus",
		bus->name, spec->name, bus->machine, option);
	return NULL;
}

struct svart_machine_slot *svart_machines_choose(
	struct svart *rt, const struct svart_spec_bus *bus, const struct svart_spec *spec)
{
	const char *option = rte_kvargs_get(spec->options, "machine");
	const char *variable = secure_getenv("SVART_MACHINE");

	if (option != NULL)
		return choose_by_option(rt, bus, spec, option);
	if (bus->machine != NULL)
		return svart_machines_find(rt, bus->machine);
	if (variable != NULL && variable[0] != '\0')
		return find_named(rt, "the environment's SVART_MACHINE", variable);
	return &rt->machines[0];
}

int svart_machine_get(struct svart_machine_slot *slot, const char *options)
{
	if (slot->m != NULL)
		return 0;
	return slot->class->create(options, &slot->m);
}

void svart_machine_put(struct svart_machine_slot *slot)
{
	slot->class->destroy(slot->m);
	slot->m = NULL;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Looking for accelerators: the public calls, and the set of devices.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "error.h"
#include "probe_check.h"

/**
 * What svart_probe_create() found.
 *
 * Owner: the program. Lifetime: create to destroy. Locks: none, it does not change.
 */
struct svart_probe {
	struct svart_probe_system system;
	struct svart_probe_list list;
};

struct svart_probe_device *svart_probe_list_add(
	struct svart_probe_list *list, const char *path, int *rc)
{
	struct svart_probe_device *dev, *larger;

	*rc = 0;
	if (list->nr == SVART_PROBE_MAX_DEVICES) {
		list->nr_left_out++;
		return NULL;
	}
	larger = realloc(list->devices, (list->nr + 1) * sizeof(*larger));
	if (larger == NULL) {
		*rc = svart_fail(-ENOMEM, "out of memory");
		return NULL;
	}
	list->devices = larger;
	dev = &larger[list->nr++];
	*dev = (struct svart_probe_device){ .numa_node = -1, .nr_paths = 1 };
	svart_probe_print(dev->paths[0].path, sizeof(dev->paths[0].path), "%s", path);
	return dev;
}

/** By name; numbers in it by value, so that wq0.2 comes before wq0.10. */
static int compare(const void *a, const void *b)
{
	const struct svart_probe_device *one = a, *other = b;

	return strverscmp(one->name, other->name);
}

void svart_probe_list_sort(struct svart_probe_list *list, uint32_t from)
{
	if (list->nr > from)
		qsort(list->devices + from, list->nr - from, sizeof(*list->devices), compare);
}

/** One device of each kind that a machine makes by itself; it needs nothing of the system. */
static int add_kind(struct svart_probe_list *list, const struct svart_machine_class *class,
	const struct svart_machine_kind *kind)
{
	const struct svart_pmd_id *id;
	struct svart_probe_device *dev;
	int rc;

	if (svart_probe_driver(kind->vendor, kind->device, &id) == NULL)
		return 0;
	dev = svart_probe_list_add(list, class->bus, &rc);
	if (dev == NULL)
		return rc;
	svart_probe_print(dev->name, sizeof(dev->name), "%s:%s0", class->bus, kind->name);
	svart_probe_print(dev->model, sizeof(dev->model), "%s", id->model);
	dev->software = true;
	dev->paths[0].ready = true;
	svart_probe_print(
		dev->paths[0].spec, sizeof(dev->paths[0].spec), "%s:%s0", class->bus, kind->name);
	svart_probe_note(&dev->paths[0], "in this process, by software; %s0 to %s%u are alike",
		kind->name, kind->name, kind->nr - 1);
	return 0;
}

static int add_kinds(struct svart *rt, struct svart_probe_list *list)
{
	struct svart_machine_kind kind;
	unsigned int bus, i;
	int rc = 0;

	for (bus = 0; bus < SVART_NR_BUSES; bus++) {
		for (i = 0; rc == 0 && rt->machines[bus].class->kind(i, &kind); i++)
			rc = add_kind(list, rt->machines[bus].class, &kind);
	}
	return rc;
}

static void fill_system(struct svart_probe *probe, const struct svart_probe_host *host)
{
	int rc = host->iommufd_rc;

	probe->system = (struct svart_probe_system){
		.movdir64b = host->movdir64b,
		.iommufd = rc == 0 || rc == -EACCES || rc == -EPERM,
		.iommufd_permitted = rc == 0,
		.nr_iommus = host->nr_iommus,
		.pin_limit_bytes = host->pin_limit_bytes,
		.nr_unreadable = probe->list.nr_unreadable,
		.nr_left_out = probe->list.nr_left_out,
	};
	svart_probe_print(probe->system.kernel, sizeof(probe->system.kernel), "%s", host->release);
}

static int look(struct svart *rt, struct svart_probe *probe)
{
	struct svart_machine_slot *slot = svart_machines_find(rt, "pci");
	struct svart_probe_host host;
	int rc = svart_machine_get(slot, "");

	if (rc != 0)
		return rc;
	svart_probe_host_read(slot->m, &host);
	rc = add_kinds(rt, &probe->list);
	if (rc == 0)
		rc = svart_probe_pci(&host, &probe->list);
	if (rc == 0)
		rc = svart_probe_idxd(&host, &probe->list);
	if (rc == 0)
		rc = svart_probe_uacce(&host, &probe->list);
	fill_system(probe, &host);
	return rc;
}

int svart_probe_create(struct svart *rt, struct svart_probe **out)
{
	struct svart_probe *probe;
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	probe = calloc(1, sizeof(*probe));
	if (probe == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	pthread_mutex_lock(&rt->lock);
	rc = look(rt, probe);
	pthread_mutex_unlock(&rt->lock);
	if (rc != 0) {
		svart_probe_destroy(probe);
		return rc;
	}
	*out = probe;
	return 0;
}

void svart_probe_destroy(struct svart_probe *probe)
{
	if (probe == NULL)
		return;
	free(probe->list.devices);
	free(probe);
}

void svart_probe_system_get(const struct svart_probe *probe, struct svart_probe_system *system)
{
	*system = probe->system;
}

uint32_t svart_probe_nr_devices(const struct svart_probe *probe)
{
	return probe->list.nr;
}

int svart_probe_device_get(
	const struct svart_probe *probe, uint32_t index, struct svart_probe_device *dev)
{
	if (index >= probe->list.nr)
		return svart_fail(-ENOENT, "the probe found %u devices, there is no number %u",
			probe->list.nr, index);
	*dev = probe->list.devices[index];
	return 0;
}

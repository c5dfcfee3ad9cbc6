/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Looking for accelerators: the public calls.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "eal_look.h"
#include "error.h"
#include "machines.h"
#include "probe_check.h"
#include "probe_host.h"
#include "probe_list.h"
#include "probe_text.h"
#include "runtime.h"
#include "sized.h"
#include "vfio_transport.h"

static const struct svart_sized system_sized =
	SVART_SIZED(svart_probe_system, telemetry_missing, SVART_PROBE_SYSTEM_INIT);
static const struct svart_sized device_sized =
	SVART_SIZED(svart_probe_device, kernel_driver, SVART_PROBE_DEVICE_INIT);
static const struct svart_sized path_sized =
	SVART_SIZED(svart_probe_path, note, SVART_PROBE_PATH_INIT);

/**
 * What svart_probe_create() found.
 *
 * Owner: the program. Lifetime: create to destroy. Locks: none, it does not change.
 */
struct svart_probe {
	struct svart_probe_system system;
	struct svart_probe_list list;
};

/** Adds one device of a kind that a machine makes by itself; it needs almost nothing of the system. */
static int add_kind(const struct svart_probe_host *host, struct svart_probe_list *list,
	const struct svart_machine_class *class, const struct svart_machine_kind *kind)
{
	const struct svart_pmd_id *id;
	struct svart_probe_found *found;
	struct svart_probe_device *dev;
	struct svart_probe_path *path;
	int rc;

	if (svart_driver_find(svart_transport_vfio.name, kind->vendor, kind->device, &id) == NULL)
		return 0;
	found = svart_probe_list_add(list, class->name, &rc);
	if (found == NULL)
		return rc;
	dev = &found->dev;
	path = &found->paths[0];
	svart_probe_print(dev->name, sizeof(dev->name), "%s:%s0", class->name, kind->name);
	svart_probe_print(dev->model, sizeof(dev->model), "%s", id->model);
	dev->software = true;
	path->ready = svart_probe_check_maps(host, path);
	if (path->ready)
		svart_probe_print(
			path->spec, sizeof(path->spec), "%s:%s0", class->name, kind->name);
	svart_probe_note(path, "in this process, by software; %s0 to %s%u are alike", kind->name,
		kind->name, kind->nr - 1);
	return 0;
}

static int add_kinds(
	struct svart *rt, const struct svart_probe_host *host, struct svart_probe_list *list)
{
	struct svart_machine_kind kind;
	unsigned int machine, i;
	int rc = 0;

	for (machine = 0; machine < SVART_NR_MACHINES; machine++) {
		for (i = 0; rc == 0 && rt->machines[machine].class->kind(i, &kind); i++)
			rc = add_kind(host, list, rt->machines[machine].class, &kind);
	}
	return rc;
}

/** Finds the telemetry socket of programs that leave EAL's arguments to svart_init(). */
static void fill_telemetry(struct svart_probe_system *system)
{
	char text[256];
	cpu_set_t cpus;

	if (svart_eal_cpus(&cpus) == 0)
		svart_probe_print(system->telemetry_missing, sizeof(system->telemetry_missing),
			"EAL does not start: /sys shows none of this process's CPUs");
	else if (svart_eal_has_telemetry(SVART_EAL_PREFIX, text, sizeof(text)))
		svart_probe_print(system->telemetry, sizeof(system->telemetry), "%s", text);
	else
		svart_probe_print(
			system->telemetry_missing, sizeof(system->telemetry_missing), "%s", text);
}

static void fill_system(struct svart_probe *probe, const struct svart_probe_host *host)
{
	int rc = host->iommufd_rc;

	probe->system = (struct svart_probe_system){
		.movdir64b = host->movdir64b,
		.iommufd = rc == 0 || rc == -EACCES || rc == -EPERM,
		.iommufd_permitted = rc == 0,
		.sysfs = host->sysfs,
		.nr_iommus = host->nr_iommus,
		.pin_limit_bytes = host->pin_limit_bytes,
		.nr_unreadable = probe->list.nr_unreadable,
		.nr_left_out = probe->list.nr_left_out,
	};
	svart_probe_print(probe->system.kernel, sizeof(probe->system.kernel), "%s", host->release);
	fill_telemetry(&probe->system);
}

static int look(struct svart *rt, struct svart_probe *probe)
{
	struct svart_machine_slot *slot = svart_machines_find(rt, "linux");
	struct svart_probe_host host;
	int rc = svart_machine_get(slot, "");

	if (rc != 0)
		return rc;
	svart_probe_host_read(slot->m, &host);
	rc = add_kinds(rt, &host, &probe->list);
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

int(svart_probe_system_get)(const struct svart_probe *probe, struct svart_probe_system *system)
{
	return svart_sized_out(&system_sized, system, &probe->system);
}

uint32_t svart_probe_nr_devices(const struct svart_probe *probe)
{
	return probe->list.nr;
}

/** Finds one of the devices. @return the device, or NULL if there is none of that number, told. */
static const struct svart_probe_found *find(const struct svart_probe *probe, uint32_t index)
{
	if (index < probe->list.nr)
		return &probe->list.devices[index];
	svart_fail(-ENOENT, "the probe found %u devices, there is no number %u", probe->list.nr,
		index);
	return NULL;
}

int(svart_probe_device_get)(
	const struct svart_probe *probe, uint32_t index, struct svart_probe_device *dev)
{
	const struct svart_probe_found *found;
	int rc = svart_sized_check(&device_sized, dev);

	if (rc != 0)
		return rc;
	found = find(probe, index);
	return found != NULL ? svart_sized_out(&device_sized, dev, &found->dev) : -ENOENT;
}

int(svart_probe_path_get)(const struct svart_probe *probe, uint32_t device, uint32_t index,
	struct svart_probe_path *path)
{
	const struct svart_probe_found *found;
	int rc = svart_sized_check(&path_sized, path);

	if (rc != 0)
		return rc;
	found = find(probe, device);
	if (found == NULL)
		return -ENOENT;
	if (index >= found->dev.nr_paths)
		return svart_fail(-ENOENT, "%s can be bound in %u ways, there is no number %u",
			found->dev.name, found->dev.nr_paths, index);
	return svart_sized_out(&path_sized, path, &found->paths[index]);
}

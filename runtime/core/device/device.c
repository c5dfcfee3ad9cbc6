/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "buses.h"
#include "device_state.h"
#include "drivers.h"
#include "error.h"
#include "loss.h"
#include "machines.h"
#include "max_transfer.h"
#include "option.h"
#include "pmd_host.h"
#include "service.h"
#include "sized.h"
#include "spec.h"

#define OPTIONS_BYTES 512

static const struct svart_sized info_sized =
	SVART_SIZED(svart_device_info, step_pages, SVART_DEVICE_INFO_INIT);

/** Tells whether the device asks for pages and svart answers. */
static bool is_served(const struct svart_device *dev)
{
	return dev->pmd.page_requests && !dev->transport->ops->shares_page_table;
}

/** Chooses where the page requests go of a device that has a page table of its own. */
static int choose_faults(struct svart_device *dev, bool off)
{
	if (dev->faults_raw && !dev->ops->needs_page_requests)
		return svart_fail(
			-ENODEV, "%s sends no page requests: leave faults=raw out", dev->name);
	dev->pmd.page_requests = dev->ops->needs_page_requests && !off;
	if (!dev->pmd.page_requests)
		return 0;
	dev->transport->faults =
		dev->faults_raw ? SVART_TRANSPORT_FAULTS_RAW : SVART_TRANSPORT_FAULTS_KERNEL;
	if (dev->faults == NULL)
		return svart_fail(-EINVAL,
			"%s has page requests: svart_device_open needs a fault service, or "
			"faults=off",
			dev->name);
	return 0;
}

/** Reads option faults=, which says where page requests come from. */
static int read_faults(struct svart_device *dev)
{
	const char *faults = rte_kvargs_get(dev->options, "faults");
	bool off = faults != NULL && strcmp(faults, "off") == 0;

	dev->faults_raw = faults != NULL && strcmp(faults, "raw") == 0;
	if (faults != NULL && !off && !dev->faults_raw && strcmp(faults, "iommufd") != 0)
		return svart_fail(
			-EINVAL, "option faults=%s: the values are iommufd, raw and off", faults);
	if (!dev->transport->ops->shares_page_table)
		return choose_faults(dev, off);
	if (faults != NULL)
		return svart_fail(-EINVAL,
			"option faults=%s: the kernel answers the page requests of %s, leave it "
			"out",
			faults, dev->name);
	dev->pmd.page_requests = true;
	return 0;
}

/** Reads option fault_mode=. */
static int read_fault_mode(struct svart_device *dev)
{
	const char *mode = rte_kvargs_get(dev->options, "fault_mode");
	bool eager = mode != NULL && strcmp(mode, "eager") == 0;

	if (mode != NULL && !eager && strcmp(mode, "deferred") != 0)
		return svart_fail(
			-EINVAL, "option fault_mode=%s: the values are deferred and eager", mode);
	if (eager && is_served(dev))
		atomic_store(&dev->fault_mode, SVART_FAULT_EAGER);
	return 0;
}

static int read_portal(struct svart_device *dev)
{
	const char *portal = rte_kvargs_get(dev->options, "portal");

	dev->pmd.portal_flags = 0;
	if (portal == NULL)
		return 0;
	if (strcmp(portal, "split") == 0)
		dev->pmd.portal_flags = SVART_PORTAL_SPLIT;
	else if (strcmp(portal, "native") == 0)
		dev->pmd.portal_flags = SVART_PORTAL_NATIVE;
	else
		return svart_fail(
			-EINVAL, "option portal=%s: the values are split and native", portal);
	return 0;
}

/** Reads the options that every device takes: pasid=, portal=, faults= and fault_mode=. */
static int read_common_options(struct svart_device *dev, uint32_t *pasid)
{
	uint64_t number = SVART_PASID_NONE;
	int rc = svart_option_u64(dev->options, "pasid", 1, SVART_PASID_MAX, &number);

	if (rc != 0)
		return rc;
	*pasid = (uint32_t)number;
	rc = read_portal(dev);
	if (rc == 0)
		rc = read_faults(dev);
	return rc == 0 ? read_fault_mode(dev) : rc;
}

/** Checks what a driver says of its device against the limits. This is the only place that does so. */
static int check_caps(const struct svart_device *dev)
{
	if (dev->pmd.caps.nr_queues == 0 || dev->pmd.caps.nr_queues > SVART_MAX_QUEUES ||
		dev->pmd.caps.queue_depth == 0)
		return svart_fail(-EIO, "driver %s found %u queues of depth %u on %s",
			dev->ops->name, dev->pmd.caps.nr_queues, dev->pmd.caps.queue_depth,
			dev->name);
	if (dev->pmd.page_requests &&
		(dev->pmd.caps.engines == 0 || dev->pmd.caps.engines > SVART_PMD_MAX_ENGINES ||
			dev->pmd.caps.step_pages == 0 ||
			dev->pmd.caps.step_pages > SVART_PMD_MAX_STEP_PAGES))
		return svart_fail(-EIO, "driver %s found %u engines of %u pages a step on %s",
			dev->ops->name, dev->pmd.caps.engines, dev->pmd.caps.step_pages, dev->name);
	return 0;
}

static void bars_unmap(struct svart_device *dev)
{
	unsigned int bar;

	for (bar = 0; bar < SVART_PMD_NR_BARS; bar++) {
		if (dev->pmd.bars[bar].addr != NULL)
			dev->transport->ops->region_unmap(
				dev->transport, dev->pmd.bars[bar].addr, dev->pmd.bars[bar].bytes);
		dev->pmd.bars[bar].addr = NULL;
	}
}

/** Maps the BARs that the driver asks for. */
static int bars_map(struct svart_device *dev)
{
	unsigned int bar;
	int rc = 0;

	for (bar = 0; rc == 0 && bar < SVART_PMD_NR_BARS; bar++) {
		if (dev->ops->bars & (1u << bar))
			rc = dev->transport->ops->region_map(dev->transport, bar,
				&dev->pmd.bars[bar].addr, &dev->pmd.bars[bar].bytes);
	}
	if (rc != 0)
		bars_unmap(dev);
	return rc;
}

/**
 * Attaches and enables a bound device. The space is attached first, so that every fault finds somebody who
 * answers.
 */
static int start(struct svart_device *dev, struct svart_space *space, uint32_t pasid)
{
	struct svart_attachment *attachment;
	int rc = svart_attach(dev, space, pasid, &attachment);

	if (rc != 0)
		return rc;
	rc = bars_map(dev);
	if (rc != 0)
		goto detach;
	rc = dev->ops->open(&dev->pmd);
	if (rc != 0)
		goto unmap_bars;
	rc = check_caps(dev);
	if (rc == 0)
		rc = svart_attach_reserve(dev, attachment);
	if (rc == 0 && !svart_device_run(dev, true))
		rc = svart_device_check_there(dev);
	if (rc != 0)
		goto close_driver;
	svart_max_transfer_update(dev);
	return 0;

close_driver:
	svart_device_run(dev, false);
	dev->ops->close(&dev->pmd);
unmap_bars:
	bars_unmap(dev);
detach:
	svart_detach(dev, attachment);
	return rc;
}

static int find_driver(struct svart_device *dev)
{
	const struct svart_transport_device *t = dev->transport;

	dev->ops = svart_driver_find(t->ops->name, t->vendor, t->device, &dev->pmd.id);
	if (dev->ops != NULL)
		return 0;
	return svart_fail(-ENODEV, "svart has no driver for %s (%04x:%04x)", t->address, t->vendor,
		t->device);
}

/** Opens and starts a device that was located. */
static int open_located(struct svart_device *dev, const struct svart_spec *spec,
	const struct svart_machine_slot *slot, struct svart_space *space)
{
	uint32_t pasid;
	int rc = find_driver(dev);

	if (rc == 0)
		rc = svart_spec_check(spec, slot->class->option_keys,
			dev->transport->ops->option_keys, dev->ops->option_keys);
	if (rc == 0)
		rc = read_common_options(dev, &pasid);
	if (rc == 0)
		rc = dev->transport->ops->open(dev->transport);
	if (rc != 0)
		return rc;
	rc = start(dev, space, pasid);
	if (rc != 0)
		dev->transport->ops->close(dev->transport);
	return rc;
}

/** Locates, opens and starts a device, given a machine and a name. */
static int open_on_machine(struct svart_device *dev, const struct svart_spec *spec,
	const struct svart_spec_bus *bus, struct svart_machine_slot *slot,
	struct svart_space *space, const char *options)
{
	const struct svart_transport_place place = {
		.m = slot->m,
		.class = slot->class,
		.name = spec->name,
		.device_name = dev->name,
		.machine_options = options,
		.options = spec->options,
		.shared = &slot->shared[bus->shared],
	};
	int rc = bus->transport->locate(&place, &dev->transport);

	if (rc != 0)
		return rc;
	dev->transport->lost = svart_device_lose;
	dev->transport->owner = dev;
	rc = open_located(dev, spec, slot, space);
	if (rc != 0)
		dev->transport->ops->release(dev->transport);
	return rc;
}

static int open_spec(
	struct svart_device *dev, const struct svart_spec *spec, struct svart_space *space)
{
	const struct svart_spec_bus *bus = svart_spec_bus_find(dev->rt, spec->bus);
	struct svart_machine_slot *slot;
	char options[OPTIONS_BYTES];
	bool is_new;
	int rc;

	if (bus == NULL)
		return -EINVAL;
	if (bus->transport->shares_page_table)
		space = NULL; /* The device sees the process's own page table and needs no other. */
	else if (space == NULL)
		return svart_fail(-EINVAL, "svart_device_open needs a space");
	slot = svart_machines_choose(dev->rt, bus, spec);
	if (slot == NULL)
		return -EINVAL;
	snprintf(dev->name, sizeof(dev->name), "%s:%s",
		svart_spec_bus_name_on(dev->rt, bus, slot->class->name), spec->name);
	is_new = slot->m == NULL;
	rc = svart_spec_select(spec, slot->class->option_keys, options, sizeof(options));
	if (rc == 0)
		rc = svart_machine_get(slot, options);
	if (rc != 0)
		return rc;
	dev->pmd.machine = slot->m;
	dev->pmd.host = &svart_host;
	dev->pmd.name = dev->name;
	dev->pmd.number = dev->number.id;
	dev->options = spec->options;
	rc = open_on_machine(dev, spec, bus, slot, space, options);
	if (rc != 0 && is_new)
		svart_machine_put(slot); /* Later specs may have other machine options. */
	return rc;
}

static void device_free(struct svart_device *dev)
{
	pthread_mutex_destroy(&dev->lost_lock);
	pthread_mutex_destroy(&dev->watch_lock);
	free(dev);
}

int svart_device_open(struct svart *rt, const char *text, struct svart_space *space,
	struct svart_fault_service *faults, struct svart_device **out)
{
	struct svart_spec spec;
	struct svart_device *dev;
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	rc = svart_spec_parse(text, &spec);
	if (rc != 0)
		return rc;
	dev = calloc(1, sizeof(*dev));
	if (dev == NULL) {
		rc = svart_fail(-ENOMEM, "out of memory");
		goto free_spec;
	}
	pthread_mutex_init(&dev->watch_lock, NULL);
	pthread_mutex_init(&dev->lost_lock, NULL);
	dev->rt = rt;
	dev->faults = faults;
	svart_number_take(&dev->number, rt);
	pthread_mutex_lock(&rt->lock);
	rc = open_spec(dev, &spec, space);
	if (rc == 0) {
		LIST_INSERT_HEAD(&rt->devices, dev, link);
		svart_number_show(&dev->number);
	}
	pthread_mutex_unlock(&rt->lock);
	if (rc != 0)
		goto drop_number;
	*out = dev;
	return 0;

drop_number:
	svart_number_drop(&dev->number);
	device_free(dev);
free_spec:
	svart_spec_fini(&spec);
	return rc;
}

static bool has_queues(const struct svart_device *dev)
{
	unsigned int i;

	for (i = 0; i < SVART_MAX_QUEUES; i++) {
		if (dev->queues[i] != NULL)
			return true;
	}
	return false;
}

/** Disables the device and detaches it, unless that is done. Nobody can find the device from now on. */
static void close_begin(struct svart_device *dev)
{
	unsigned int i;

	if (dev->closing)
		return;
	svart_device_tell_lost(dev);
	svart_device_run(dev, false);
	dev->ops->close(&dev->pmd);
	bars_unmap(dev);
	for (i = SVART_MAX_ATTACHMENTS; i-- > 0;) {
		if (dev->attachments[i].part != NULL)
			svart_detach_begin(dev, &dev->attachments[i]);
	}
	svart_number_hide(&dev->number);
	LIST_REMOVE(dev, link);
	LIST_INSERT_HEAD(&dev->rt->closing, dev, link);
	dev->closing = true;
}

/**
 * Waits for the threads that map pages for the device. The lock is not held, because the next page may take
 * long to come.
 */
static int close_wait(struct svart_device *dev)
{
	unsigned int i;
	int rc = 0;

	for (i = SVART_MAX_ATTACHMENTS; i-- > 0 && rc == 0;) {
		if (dev->attachments[i].part != NULL)
			rc = svart_detach_wait(dev, &dev->attachments[i]);
	}
	return rc;
}

/** Undoes what is left. @return 0, or -EBUSY, told: the next call does the rest. */
static int close_end(struct svart_device *dev)
{
	unsigned int i;
	int rc = 0;

	for (i = SVART_MAX_ATTACHMENTS; i-- > 0 && rc == 0;) {
		if (dev->attachments[i].part != NULL)
			rc = svart_detach_end(dev, &dev->attachments[i]);
	}
	if (rc != 0)
		return rc;
	dev->transport->ops->close(dev->transport);
	dev->transport->ops->release(dev->transport);
	LIST_REMOVE(dev, link);
	svart_number_drop(&dev->number);
	return 0;
}

int svart_device_close(struct svart_device *dev)
{
	struct svart *rt = dev->rt;
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&rt->lock);
	if (has_queues(dev))
		rc = svart_fail(-EBUSY, "%s still has a queue: destroy it first", dev->name);
	else
		close_begin(dev);
	pthread_mutex_unlock(&rt->lock);
	if (rc == 0)
		rc = close_wait(dev);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&rt->lock);
	rc = close_end(dev);
	pthread_mutex_unlock(&rt->lock);
	if (rc != 0)
		return rc;
	rte_kvargs_free(dev->options);
	device_free(dev);
	return 0;
}

static int attach_more(struct svart_device *dev, struct svart_space *space, uint32_t pasid)
{
	struct svart_attachment *attachment;
	unsigned int i;
	int rc;

	if (dev->closing)
		return svart_fail(-EBUSY,
			"%s is being closed: its close returned -EBUSY, call it again", dev->name);
	if (dev->transport->ops->shares_page_table)
		return svart_fail(-ENOTSUP,
			"%s sees the process's own page table: it needs no space", dev->name);
	if (dev->attachments[0].pasid == SVART_PASID_NONE)
		return svart_fail(-EINVAL,
			"%s was opened without pasid=N: its queues cannot be told "
			"apart; open it with one",
			dev->name);
	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].part == NULL)
			continue;
		if (dev->attachments[i].space == space || dev->attachments[i].pasid == pasid)
			return svart_fail(-EEXIST,
				"%s is attached to this space or by PASID %u already", dev->name,
				pasid);
	}
	rc = svart_attach(dev, space, pasid, &attachment);
	if (rc != 0)
		return rc;
	rc = svart_attach_reserve(dev, attachment);
	if (rc != 0)
		svart_detach(dev, attachment);
	svart_max_transfer_update(dev);
	return rc;
}

int svart_device_attach(struct svart_device *dev, struct svart_space *space, uint32_t pasid)
{
	int rc = svart_check_alive(dev->rt);

	if (rc != 0)
		return rc;
	if (space == NULL || pasid == 0 || pasid > SVART_PASID_MAX)
		return svart_fail(-EINVAL,
			"svart_device_attach needs a space and a PASID from 1 to %u, "
			"not %u",
			SVART_PASID_MAX, pasid);
	pthread_mutex_lock(&dev->rt->lock);
	rc = svart_device_check_there(dev);
	if (rc == 0)
		rc = attach_more(dev, space, pasid);
	pthread_mutex_unlock(&dev->rt->lock);
	return rc;
}

/** Finds the attachment that svart_device_attach() made, also if it is leaving. @return 0 or -errno, told. */
static int find_detachable(
	struct svart_device *dev, const struct svart_space *space, struct svart_attachment **out)
{
	unsigned int i = 1;

	while (i < SVART_MAX_ATTACHMENTS && dev->attachments[i].space != space)
		i++;
	if (space == NULL || i == SVART_MAX_ATTACHMENTS)
		return svart_fail(-ENOENT,
			"%s is not attached to this space by svart_device_attach()", dev->name);
	*out = &dev->attachments[i];
	if ((*out)->nr_queues != 0)
		return svart_fail(
			-EBUSY, "a queue of %s uses the space: destroy it first", dev->name);
	if ((*out)->waiting)
		return svart_fail(-EBUSY, "another thread is just detaching %s: let it", dev->name);
	return 0;
}

int svart_device_detach(struct svart_device *dev, struct svart_space *space)
{
	struct svart_attachment *attachment = NULL;
	int rc = svart_check_alive(dev->rt);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&dev->rt->lock);
	rc = find_detachable(dev, space, &attachment);
	if (rc == 0) {
		svart_detach_begin(dev, attachment);
		attachment->waiting = true;
	}
	pthread_mutex_unlock(&dev->rt->lock);
	if (rc != 0)
		return rc;
	rc = svart_detach_wait(dev, attachment);
	pthread_mutex_lock(&dev->rt->lock);
	attachment->waiting = false;
	if (rc == 0)
		rc = svart_detach_end(dev, attachment);
	svart_max_transfer_update(dev);
	pthread_mutex_unlock(&dev->rt->lock);
	return rc;
}

static int set_modes(struct svart_device *dev, enum svart_fault_mode mode)
{
	struct svart_attachment *a;
	unsigned int i;
	int rc = 0;

	atomic_store(&dev->fault_mode, mode);
	for (i = 0; i < SVART_MAX_ATTACHMENTS && rc == 0; i++) {
		a = &dev->attachments[i];
		if (a->part != NULL && !a->leaving)
			rc = svart_fault_service_set_mode(dev->faults, a->source, mode);
	}
	return rc;
}

int svart_device_fault_mode_set(struct svart_device *dev, enum svart_fault_mode mode)
{
	int rc = svart_check_alive(dev->rt);

	if (rc != 0)
		return rc;
	if (mode != SVART_FAULT_DEFERRED && mode != SVART_FAULT_EAGER)
		return svart_fail(-EINVAL, "there is no fault mode %d", (int)mode);
	if (!is_served(dev))
		return svart_fail(-ENODEV, "%s has no page requests%s, so no fault mode", dev->name,
			dev->pmd.page_requests ? " that svart answers" : "");
	pthread_mutex_lock(&dev->rt->lock);
	rc = set_modes(dev, mode);
	pthread_mutex_unlock(&dev->rt->lock);
	return rc;
}

enum svart_fault_mode svart_device_fault_mode_get(const struct svart_device *dev)
{
	return atomic_load(&dev->fault_mode);
}

/**
 * Takes no lock: the free queues and the largest length, which can change while the device is open, are
 * atomic.
 */
static void info_fill(const struct svart_device *dev, struct svart_device_info *info)
{
	*info = (struct svart_device_info){
		.id = dev->number.id,
		.pasid = dev->attachments[0].pasid,
		.numa_node = dev->transport->numa_node,
		.features = dev->pmd.caps.features & ~(uint32_t)SVART_FEATURE_PAGE_REQUESTS,
		.nr_queues = dev->pmd.caps.nr_queues,
		.nr_queues_free = dev->pmd.caps.nr_queues - atomic_load(&dev->nr_queues),
		.queue_depth = dev->pmd.caps.queue_depth,
		.max_transfer_bytes = atomic_load(&dev->max_transfer_bytes),
		.ops = dev->pmd.caps.ops,
	};
	if (dev->pmd.page_requests) {
		info->features |= SVART_FEATURE_PAGE_REQUESTS;
		info->engines = dev->pmd.caps.engines;
		info->step_pages = dev->pmd.caps.step_pages;
	}
	if (info->pasid != SVART_PASID_NONE)
		info->features |= SVART_FEATURE_PASID;
	snprintf(info->name, sizeof(info->name), "%s", dev->name);
	snprintf(info->address, sizeof(info->address), "%s", dev->transport->address);
	snprintf(info->driver, sizeof(info->driver), "%s", dev->ops->name);
}

int(svart_device_info_get)(const struct svart_device *dev, struct svart_device_info *given)
{
	struct svart_device_info info;

	info_fill(dev, &info);
	return svart_sized_out(&info_sized, given, &info);
}

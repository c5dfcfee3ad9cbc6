/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "error.h"

#define OPTIONS_BYTES 512

/** Option faults=: where page requests come from. */
static int read_faults(struct svart_device *dev)
{
	const char *faults = rte_kvargs_get(dev->options, "faults");
	bool off = faults != NULL && strcmp(faults, "off") == 0;

	dev->faults_raw = faults != NULL && strcmp(faults, "raw") == 0;
	if (faults != NULL && !off && !dev->faults_raw && strcmp(faults, "iommufd") != 0)
		return svart_fail(
			-EINVAL, "option faults=%s: the values are iommufd, raw and off", faults);
	if (dev->faults_raw && !dev->ops->needs_page_requests)
		return svart_fail(
			-ENODEV, "%s sends no page requests: leave faults=raw out", dev->name);
	dev->pmd.page_requests = dev->ops->needs_page_requests && !off;
	if (dev->pmd.page_requests && dev->faults == NULL)
		return svart_fail(-EINVAL,
			"%s has page requests: svart_device_open needs a fault service, or "
			"faults=off",
			dev->name);
	return 0;
}

/** Option fault_mode=. */
static int read_fault_mode(struct svart_device *dev)
{
	const char *mode = rte_kvargs_get(dev->options, "fault_mode");
	bool eager = mode != NULL && strcmp(mode, "eager") == 0;

	if (mode != NULL && !eager && strcmp(mode, "deferred") != 0)
		return svart_fail(
			-EINVAL, "option fault_mode=%s: the values are deferred and eager", mode);
	if (eager && dev->pmd.page_requests)
		atomic_store(&dev->fault_mode, SVART_FAULT_EAGER);
	return 0;
}

/** Reads the options that every device takes: pasid=, portal=, faults= and fault_mode=. */
static int read_common_options(struct svart_device *dev, uint32_t *pasid)
{
	const char *portal = rte_kvargs_get(dev->options, "portal");
	uint64_t number = SVART_PASID_NONE;
	int rc = svart_option_u64(dev->options, "pasid", 1, SVART_PASID_MAX, &number);

	if (rc != 0)
		return rc;
	*pasid = (uint32_t)number;
	if (portal != NULL && strcmp(portal, "split") != 0)
		return svart_fail(-EINVAL, "option portal=%s: the one value is split", portal);
	dev->pmd.portal_split = portal != NULL;
	rc = read_faults(dev);
	return rc == 0 ? read_fault_mode(dev) : rc;
}

/** What a driver says of its device is bounded here, once. */
static int check_caps(const struct svart_device *dev)
{
	if (dev->pmd.caps.nr_queues == 0 || dev->pmd.caps.nr_queues > SVART_MAX_QUEUES ||
		dev->pmd.caps.queue_depth == 0)
		return svart_fail(-EIO, "driver %s found %u queues of depth %u on %s",
			dev->ops->name, dev->pmd.caps.nr_queues, dev->pmd.caps.queue_depth,
			dev->name);
	return 0;
}

/** Without page requests both operands of an operation must be held at once. */
static int limit_transfer(struct svart_device *dev, const struct svart_space *space)
{
	uint64_t limit = svart_held_max_transfer(space);

	if (limit == 0)
		return svart_fail(-ENOMEM,
			"the space's pin limit is too small for %s, which has no page requests: "
			"give "
			"it 128 KiB or more",
			dev->name);
	if (dev->pmd.caps.max_transfer_bytes > limit)
		dev->pmd.caps.max_transfer_bytes = limit;
	return 0;
}

/** From bound to enabled. The page table is attached first, so that no fault finds nobody. */
static int start(struct svart_device *dev, struct svart_space *space, uint32_t pasid)
{
	struct svart_attachment *attachment;
	int rc = svart_attach(dev, space, pasid, &attachment);

	if (rc != 0)
		return rc;
	rc = pasid != SVART_PASID_NONE ? svart_attach_rid(dev) : 0;
	if (rc != 0)
		goto detach;
	rc = svart_bars_map(dev);
	if (rc != 0)
		goto detach_rid;
	rc = dev->ops->open(&dev->pmd);
	if (rc != 0)
		goto unmap_bars;
	rc = check_caps(dev);
	if (rc == 0 && !dev->pmd.page_requests)
		rc = limit_transfer(dev, space);
	if (rc != 0)
		goto close_driver;
	return 0;

close_driver:
	dev->ops->close(&dev->pmd);
unmap_bars:
	svart_bars_unmap(dev);
detach_rid:
	svart_detach_rid(dev);
detach:
	svart_detach(dev, attachment);
	return rc;
}

/** From a machine and a name to a running device. */
static int open_on_machine(struct svart_device *dev, const struct svart_spec *spec,
	struct svart_space *space, const char *options)
{
	char address[SVART_PCI_ADDRESS_LEN];
	uint32_t pasid;
	int rc = svart_machine_iommufd_get(dev->slot);

	if (rc != 0)
		return rc;
	rc = dev->slot->class->locate(dev->slot->m, spec->name, options, address);
	if (rc == 0)
		rc = svart_bind_identify(dev, address);
	if (rc == 0)
		rc = svart_spec_check(spec, dev->slot->class->option_keys, dev->ops->option_keys);
	if (rc == 0)
		rc = read_common_options(dev, &pasid);
	if (rc == 0)
		rc = svart_bind(dev);
	if (rc != 0)
		goto put_iommufd;
	rc = start(dev, space, pasid);
	if (rc != 0)
		goto unbind;
	return 0;

unbind:
	svart_unbind(dev);
put_iommufd:
	svart_machine_iommufd_put(dev->slot);
	return rc;
}

static int open_spec(
	struct svart_device *dev, const struct svart_spec *spec, struct svart_space *space)
{
	char options[OPTIONS_BYTES];
	bool is_new;
	int rc;

	dev->slot = svart_machines_find(dev->rt, spec->bus);
	if (dev->slot == NULL)
		return -EINVAL;
	is_new = dev->slot->m == NULL;
	rc = svart_spec_select(spec, dev->slot->class->option_keys, options, sizeof(options));
	if (rc == 0)
		rc = svart_machine_get(dev->slot, options);
	if (rc != 0)
		return rc;
	dev->pmd.machine = dev->slot->m;
	dev->pmd.host = &svart_host;
	dev->pmd.name = dev->name;
	dev->pmd.number = dev->id;
	dev->options = spec->options;
	rc = open_on_machine(dev, spec, space, options);
	if (rc != 0 && is_new)
		svart_machine_put(dev->slot); /* Later specs need not agree with this one. */
	return rc;
}

int svart_device_open(struct svart *rt, const char *text, struct svart_space *space,
	struct svart_fault_service *faults, struct svart_device **out)
{
	struct svart_spec spec;
	struct svart_device *dev;
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	if (space == NULL)
		return svart_fail(-EINVAL, "svart_device_open needs a space");
	rc = svart_spec_parse(text, &spec);
	if (rc != 0)
		return rc;
	dev = calloc(1, sizeof(*dev));
	if (dev == NULL) {
		rc = svart_fail(-ENOMEM, "out of memory");
		goto free_spec;
	}
	dev->rt = rt;
	dev->faults = faults;
	snprintf(dev->name, sizeof(dev->name), "%s:%s", spec.bus, spec.name);
	svart_device_id_take(dev);
	pthread_mutex_lock(&rt->lock);
	rc = open_spec(dev, &spec, space);
	if (rc == 0) {
		LIST_INSERT_HEAD(&rt->devices, dev, link);
		svart_device_id_show(dev);
	}
	pthread_mutex_unlock(&rt->lock);
	if (rc != 0)
		goto drop_id;
	*out = dev;
	return 0;

drop_id:
	svart_device_id_drop(dev);
	free(dev);
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

static void stop(struct svart_device *dev)
{
	unsigned int i;

	dev->ops->close(&dev->pmd);
	svart_bars_unmap(dev);
	for (i = SVART_MAX_ATTACHMENTS; i-- > 0;) {
		if (dev->attachments[i].space != NULL)
			svart_detach(dev, &dev->attachments[i]);
	}
	svart_detach_rid(dev);
	svart_unbind(dev);
	svart_machine_iommufd_put(dev->slot);
}

int svart_device_close(struct svart_device *dev)
{
	struct svart *rt = dev->rt;
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&rt->lock);
	if (has_queues(dev)) {
		rc = svart_fail(-EBUSY, "%s still has a queue: destroy it first", dev->name);
	} else {
		stop(dev);
		LIST_REMOVE(dev, link);
		svart_device_id_drop(dev);
	}
	pthread_mutex_unlock(&rt->lock);
	if (rc != 0)
		return rc;
	rte_kvargs_free(dev->options);
	free(dev);
	return 0;
}

static int attach_more(struct svart_device *dev, struct svart_space *space, uint32_t pasid)
{
	struct svart_attachment *attachment;
	unsigned int i;

	if (dev->attachments[0].pasid == SVART_PASID_NONE)
		return svart_fail(-EINVAL,
			"%s was opened without pasid=N: its queues cannot be told "
			"apart; open it with one",
			dev->name);
	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].space == NULL)
			continue;
		if (dev->attachments[i].space == space || dev->attachments[i].pasid == pasid)
			return svart_fail(-EEXIST,
				"%s is attached to this space or by PASID %u already", dev->name,
				pasid);
	}
	return svart_attach(dev, space, pasid, &attachment);
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
	rc = attach_more(dev, space, pasid);
	pthread_mutex_unlock(&dev->rt->lock);
	return rc;
}

int svart_device_detach(struct svart_device *dev, struct svart_space *space)
{
	struct svart_attachment *attachment;
	int rc = svart_check_alive(dev->rt);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&dev->rt->lock);
	attachment = space != NULL ? svart_attachment_find(dev, space) : NULL;
	if (attachment == NULL || attachment == &dev->attachments[0])
		rc = svart_fail(-ENOENT,
			"%s is not attached to this space by svart_device_attach()", dev->name);
	else if (attachment->nr_queues != 0)
		rc = svart_fail(
			-EBUSY, "a queue of %s uses the space: destroy it first", dev->name);
	else
		svart_detach(dev, attachment);
	pthread_mutex_unlock(&dev->rt->lock);
	return rc;
}

static void set_modes(struct svart_device *dev, enum svart_fault_mode mode)
{
	unsigned int i;

	atomic_store(&dev->fault_mode, mode);
	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].space != NULL)
			svart_fault_service_set_mode(dev->faults, dev->attachments[i].source, mode);
	}
}

int svart_device_fault_mode_set(struct svart_device *dev, enum svart_fault_mode mode)
{
	int rc = svart_check_alive(dev->rt);

	if (rc != 0)
		return rc;
	if (mode != SVART_FAULT_DEFERRED && mode != SVART_FAULT_EAGER)
		return svart_fail(-EINVAL, "there is no fault mode %d", (int)mode);
	if (!dev->pmd.page_requests)
		return svart_fail(-ENODEV, "%s has no page requests, so no fault mode", dev->name);
	pthread_mutex_lock(&dev->rt->lock);
	set_modes(dev, mode);
	pthread_mutex_unlock(&dev->rt->lock);
	return 0;
}

enum svart_fault_mode svart_device_fault_mode_get(const struct svart_device *dev)
{
	return atomic_load(&dev->fault_mode);
}

/** All but the queues that are free, which needs the runtime's lock. */
static void describe(const struct svart_device *dev, struct svart_device_info *info)
{
	*info = (struct svart_device_info){
		.id = dev->id,
		.pasid = dev->attachments[0].pasid,
		.numa_node = dev->pci.numa_node,
		.features = dev->pmd.caps.features & ~(uint32_t)SVART_FEATURE_PAGE_REQUESTS,
		.nr_queues = dev->pmd.caps.nr_queues,
		.nr_queues_free = dev->pmd.caps.nr_queues,
		.queue_depth = dev->pmd.caps.queue_depth,
		.max_transfer_bytes = dev->pmd.caps.max_transfer_bytes,
		.ops = dev->pmd.caps.ops,
	};
	if (dev->pmd.page_requests)
		info->features |= SVART_FEATURE_PAGE_REQUESTS;
	if (info->pasid != SVART_PASID_NONE)
		info->features |= SVART_FEATURE_PASID;
	snprintf(info->name, sizeof(info->name), "%s", dev->name);
	snprintf(info->address, sizeof(info->address), "%s", dev->pci.address);
	snprintf(info->driver, sizeof(info->driver), "%s", dev->ops->name);
}

void svart_device_info_read(const struct svart_device *dev, struct svart_device_info *info)
{
	unsigned int i;

	describe(dev, info);
	for (i = 0; i < dev->pmd.caps.nr_queues; i++)
		info->nr_queues_free -= dev->queues[i] != NULL;
}

void svart_device_info_get(const struct svart_device *dev, struct svart_device_info *info)
{
	struct svart *rt = dev->rt;

	/* In a forked child the lock may be held by a thread that does not exist here. */
	if (svart_check_alive(rt) != 0) {
		describe(dev, info);
		return;
	}
	pthread_mutex_lock(&rt->lock);
	svart_device_info_read(dev, info);
	pthread_mutex_unlock(&rt->lock);
}

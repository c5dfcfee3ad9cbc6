/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <linux/pci_regs.h>

#include "clock.h"
#include "iommufd.h"
#include "message.h"
#include "model.h"
#include "say.h"
#include "vfio.h"

/** Time that the measuring thread sleeps between looks while others serve. */
#define LOOK_NS 50000
/** Time after which a run is given up. */
#define GIVE_UP_NS UINT64_C(60000000000)

/** Lets a device send page requests. @return 0 or -errno. */
static int bus_master_on(struct svart_machine *m, int cdev)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct vfio_region_info config = { 0 };
	ssize_t n;
	int rc = svart_vfio_region_info(m, cdev, VFIO_PCI_CONFIG_REGION_INDEX, &config);

	if (rc != 0)
		return rc;
	n = m->ops->pwrite(m, cdev, &command, sizeof(command), (off_t)config.offset + PCI_COMMAND);
	if (n < 0)
		return (int)n;
	return n == (ssize_t)sizeof(command) ? 0 : -EIO;
}

/** Attaches an open device and has its page requests served. */
static int device_attach(struct perf_rig *rig, struct perf_rig_device *dev)
{
	struct svart_machine *m = rig->m;
	int rc = svart_vfio_bind_iommufd(m, dev->cdev, rig->iommufd, &dev->dev_id);

	if (rc != 0)
		return rc;
	rc = svart_iommufd_fault_queue_alloc(m, rig->iommufd, &dev->fault_id, &dev->fault_fd);
	if (rc != 0)
		return rc;
	rc = svart_iommufd_hwpt_alloc(m, rig->iommufd, dev->dev_id, svart_space_ioas(rig->space),
		IOMMU_HWPT_FAULT_ID_VALID, dev->fault_id, &dev->hwpt_id);
	if (rc != 0)
		goto close_fault;
	rc = svart_fault_source_iommufd_create(m, dev->fault_fd, dev->dev_id, 0, &dev->source);
	if (rc != 0)
		goto destroy_hwpt;
	rc = svart_fault_service_add(rig->faults, dev->source, rig->space);
	if (rc != 0)
		goto destroy_source;
	rc = svart_vfio_attach(m, dev->cdev, dev->hwpt_id);
	if (rc != 0)
		goto remove_source;
	rc = bus_master_on(m, dev->cdev);
	if (rc == 0)
		return 0;
	svart_vfio_detach(m, dev->cdev);
remove_source:
	svart_fault_service_remove(rig->faults, dev->source);
destroy_source:
	dev->source->ops->destroy(dev->source);
destroy_hwpt:
	svart_iommufd_destroy(m, rig->iommufd, dev->hwpt_id);
close_fault:
	m->ops->close(m, dev->fault_fd);
	svart_iommufd_destroy(m, rig->iommufd, dev->fault_id);
	return rc;
}

static void device_detach(struct perf_rig *rig, struct perf_rig_device *dev)
{
	struct svart_machine *m = rig->m;

	svart_vfio_detach(m, dev->cdev);
	svart_fault_service_remove(rig->faults, dev->source);
	dev->source->ops->destroy(dev->source);
	svart_iommufd_destroy(m, rig->iommufd, dev->hwpt_id);
	m->ops->close(m, dev->fault_fd);
	svart_iommufd_destroy(m, rig->iommufd, dev->fault_id);
	m->ops->close(m, dev->cdev);
}

/** Adds the next requester to the machine. It is the only kind, so its number is the file's. */
static int device_add(struct perf_rig *rig)
{
	struct perf_rig_device *dev = &rig->devices[rig->nr_devices];
	char options[SVART_PERF_REQUESTER_OPTIONS], address[16], path[64];
	int rc;

	dev->requester.timer = &rig->timer;
	svart_perf_requester_options(&dev->requester, options);
	rc = svart_model_add_device(rig->m, &svart_perf_requester_model, options, address);
	if (rc != 0)
		return rc;
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%u", rig->nr_devices);
	dev->cdev = rig->m->ops->open(rig->m, path, O_RDWR);
	if (dev->cdev < 0)
		return dev->cdev;
	rc = device_attach(rig, dev);
	if (rc != 0)
		rig->m->ops->close(rig->m, dev->cdev);
	else
		rig->nr_devices++;
	return rc;
}

static int rig_build(struct perf_rig *rig)
{
	const struct perf_rig_params *p = &rig->params;
	struct svart_fault_params faults = {
		.run = p->resolvers == 0 ? SVART_FAULT_RUN_INLINE : SVART_FAULT_RUN_THREAD,
		.resolvers = p->resolvers,
	};
	uint32_t i;
	int rc;

	/* Stepped by hand, the machine has no threads beside the one that measures. */
	rc = svart_model_create(p->resolvers == 0 ? "step=manual" : "step=thread", &rig->m);
	if (rc != 0)
		return rc;
	svart_perf_map_timer_init(&rig->timer, rig->m);
	rig->iommufd = svart_iommufd_open(rig->m);
	if (rig->iommufd < 0)
		return rig->iommufd;
	rc = svart_space_init(&p->space, &rig->space);
	if (rc != 0)
		return rc;
	rc = svart_space_bind(rig->space, rig->m, rig->iommufd);
	if (rc != 0)
		return rc;
	rc = svart_fault_service_init(&faults, false, &rig->faults);
	for (i = 0; i < p->nr_devices && rc == 0; i++)
		rc = device_add(rig);
	return rc;
}

int svart_perf_rig_create(const struct perf_rig_params *params, struct perf_rig **out)
{
	struct perf_rig *rig = calloc(1, sizeof(*rig));
	int rc;

	if (rig == NULL)
		return svart_perf_say_errno("make a machine", -ENOMEM);
	rig->params = *params;
	rig->iommufd = -1;
	svart_perf_say_forget();
	rc = rig_build(rig);
	if (rc != 0) {
		svart_perf_say_failed("make a machine with a fault service", rc);
		svart_perf_rig_destroy(rig);
		return rc;
	}
	*out = rig;
	return 0;
}

void svart_perf_rig_destroy(struct perf_rig *rig)
{
	uint32_t i;

	for (i = 0; i < rig->nr_devices; i++)
		device_detach(rig, &rig->devices[i]);
	if (rig->faults != NULL)
		svart_fault_service_fini(rig->faults);
	if (rig->space != NULL && svart_space_bound(rig->space) != 0)
		svart_space_unbind(rig->space);
	if (rig->space != NULL)
		svart_space_fini(rig->space);
	if (rig->iommufd >= 0)
		rig->m->ops->close(rig->m, rig->iommufd);
	if (rig->m != NULL) {
		svart_perf_map_timer_fini(&rig->timer, rig->m);
		svart_model_destroy(rig->m);
	}
	free(rig);
}

/**
 * Lets devices that are stepped by hand begin, by their steps: all of them begin before the first is
 * served.
 */
static void begin_all(struct perf_rig *rig, uint32_t nr)
{
	uint32_t i;

	if (rig->params.resolvers != 0)
		return;
	for (i = 0; i < nr; i++)
		while (atomic_load(&rig->devices[i].requester.start))
			svart_model_step(rig->m);
}

/** Lets an inline service and the machine, or time, go on. */
static void go_on(struct perf_rig *rig)
{
	const struct timespec look = { .tv_nsec = LOOK_NS };

	if (rig->params.resolvers != 0)
		nanosleep(&look, NULL);
	else if (svart_fault_pump(rig->faults) == 0)
		svart_model_step(rig->m);
}

static bool all_done(const struct perf_rig *rig, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++)
		if (!svart_perf_requester_done(&rig->devices[i].requester))
			return false;
	return true;
}

int svart_perf_rig_run(
	struct perf_rig *rig, const struct perf_requester_job *jobs, uint32_t nr, uint64_t *ns)
{
	uint64_t begin = svart_perf_now_ns();
	uint32_t i;

	for (i = 0; i < nr; i++)
		svart_perf_requester_start(&rig->devices[i].requester, &jobs[i]);
	begin_all(rig, nr);
	do {
		go_on(rig);
		*ns = svart_perf_now_ns() - begin;
	} while (!all_done(rig, nr) && *ns < GIVE_UP_NS);
	for (i = 0; i < nr; i++) {
		if (atomic_load(&rig->devices[i].requester.failed)) {
			app_say("a page request was refused");
			return -EIO;
		}
	}
	if (*ns < GIVE_UP_NS)
		return 0;
	app_say("page requests were not answered for a minute");
	return -ETIMEDOUT;
}

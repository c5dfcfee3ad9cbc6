/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The vdev driver dma_svart, and the control side of its dmadevs.
 */

#include "dmadev_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bus_vdev_driver.h>
#include <rte_dmadev_pmd.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>

/** How long stop waits for operations that the device has; svart then aborts them. */
#define STOP_NS UINT64_C(2000000000)
/** How long it waits at a time, between two runs of the fault service. */
#define STOP_STEP_NS UINT64_C(100000)

RTE_LOG_REGISTER(svart_dmadev_logtype, pmd.dma.svart, INFO);

/** Private data that rte_dma_pmd_allocate() makes: it points to the vdev. */
struct dmadev_private {
	struct svart_dmadev *d;
};

/*
 * There is one list in a process, because handlers of fork() get no argument. Locks: lock, for some stores,
 * and over a fork, so that the list is complete in the child.
 */
static struct {
	pthread_mutex_t lock;
	LIST_HEAD(, svart_dmadev) dmadevs;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct svart_dmadev *dmadev_of(const struct rte_dma_dev *dev)
{
	return ((const struct dmadev_private *)dev->data->dev_private)->d;
}

/**
 * Refuses calls in a child. dmadev's data of a device is shared with children made by fork(): a child that
 * stopped or closed its device would stop or close the parent's. @return 0, or -EPERM in a child, logged.
 */
static int check_alive(const struct svart_dmadev *d)
{
	if (!d->forked)
		return 0;
	DMADEV_LOG(ERR,
		"%s: it is the parent process's, which made this one by fork(): use it there",
		d->name);
	return -EPERM;
}

/* --- information ------------------------------------------------------------------------------ */

static uint16_t max_vchans(const struct svart_dmadev *d)
{
	if (d->args.max_vchans != 0)
		return d->args.max_vchans;
	return (uint16_t)RTE_MIN(d->device->info.nr_queues, (uint32_t)SVART_DMADEV_VCHANS_MAX);
}

static int info_get(const struct rte_dma_dev *dev, struct rte_dma_info *info, uint32_t size)
{
	const struct svart_dmadev *d = dmadev_of(dev);
	uint64_t ops = d->device->info.ops;

	(void)size;
	info->dev_capa = RTE_DMA_CAPA_MEM_TO_MEM | RTE_DMA_CAPA_SVA | RTE_DMA_CAPA_HANDLES_ERRORS;
	if ((ops & UINT64_C(1) << SVART_OP_COPY) != 0)
		info->dev_capa |= RTE_DMA_CAPA_OPS_COPY | RTE_DMA_CAPA_OPS_COPY_SG;
	if ((ops & UINT64_C(1) << SVART_OP_FILL) != 0)
		info->dev_capa |= RTE_DMA_CAPA_OPS_FILL;
	info->max_vchans = max_vchans(d);
	info->max_desc = SVART_DMADEV_DESC_MAX;
	info->min_desc = SVART_DMADEV_DESC_MIN;
	info->max_sges = SVART_DMADEV_SGES_MAX;
	return 0;
}

static int stats_get(
	const struct rte_dma_dev *dev, uint16_t vchan, struct rte_dma_stats *stats, uint32_t size)
{
	struct svart_dmadev *d = dmadev_of(dev);
	struct rte_dma_stats one;
	uint16_t i;

	(void)size;
	pthread_mutex_lock(&d->lock);
	for (i = 0; i < d->nr_vchans; i++) {
		if (vchan != RTE_DMA_ALL_VCHAN && vchan != i)
			continue;
		svart_dmadev_vchan_stats_get(d->vchans[i], &one);
		stats->submitted += one.submitted;
		stats->completed += one.completed;
		stats->errors += one.errors;
	}
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static int stats_reset(struct rte_dma_dev *dev, uint16_t vchan)
{
	struct svart_dmadev *d = dmadev_of(dev);
	uint16_t i;

	pthread_mutex_lock(&d->lock);
	for (i = 0; i < d->nr_vchans; i++) {
		if (vchan == RTE_DMA_ALL_VCHAN || vchan == i)
			svart_dmadev_vchan_stats_reset(d->vchans[i]);
	}
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/**
 * Tells the status of a vchan. It also goes on with the backlog: a program may wait for IDLE before it asks
 * for completions.
 */
static int vchan_status(
	const struct rte_dma_dev *dev, uint16_t vchan, enum rte_dma_vchan_status *status)
{
	const struct svart_dmadev *d = dmadev_of(dev);
	struct svart_dmadev_vchan *v = d->vchans[vchan];

	if (v == d->absent)
		return -EINVAL;
	if (svart_dmadev_vchan_is_busy(v))
		svart_dmadev_vchan_advance(v);
	if (svart_dmadev_vchan_is_busy(v))
		*status = RTE_DMA_VCHAN_ACTIVE;
	else if (v->state == SVART_DMADEV_STOPPED ||
		 (v->state == SVART_DMADEV_RUNNING &&
			 svart_queue_state_get(v->q) == SVART_QUEUE_RUNNING))
		*status = RTE_DMA_VCHAN_IDLE;
	else
		*status = RTE_DMA_VCHAN_HALTED_ERROR;
	return 0;
}

static void dump_vchan(const struct svart_dmadev_vchan *v, uint16_t i, FILE *f)
{
	static const char *const states[] = {
		[SVART_DMADEV_STOPPED] = "stopped",
		[SVART_DMADEV_RUNNING] = "running",
		[SVART_DMADEV_HALTED] = "halted",
		[SVART_DMADEV_FORKED] = "the parent's",
	};
	struct svart_dmadev_counts c;
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();

	svart_dmadev_vchan_counts_get(v, &c);
	fprintf(f, "  vchan %u: %s, nb_desc %u, queue depth %u\n", i, states[c.state], v->nb_desc,
		v->depth);
	fprintf(f,
		"    enqueued %" PRIu64 " submitted %" PRIu64 " posted %" PRIu64 " retired %" PRIu64
		"\n    with the device %u, to resume %u, resumed %" PRIu64 ", errors %" PRIu64 "\n",
		c.head, c.submitted, c.posted, c.tail, c.in_flight, c.nr_waiting, c.resumed,
		c.errors);
	if (v->q != NULL && svart_queue_state_get(v->q) == SVART_QUEUE_FAILED &&
		svart_queue_error_get(v->q, &error) == 0)
		fprintf(f, "    the queue has failed: %s\n", error.text);
}

/** Says in words who answers the device's page requests. */
static const char *fault_service_of(const struct svart_dmadev_device *device)
{
	return (device->info.features & SVART_FEATURE_PAGE_REQUESTS) != 0
		       ? svart_dmadev_run_name(device->host->run)
		       : "none, no page requests";
}

static void dump_device(const struct svart_dmadev_device *device, FILE *f)
{
	struct svart_fault_stats faults = SVART_FAULT_STATS_INIT();

	fprintf(f, "  device %s%s%s, driver %s, %u queues of depth %u, fault service: %s\n",
		device->info.name, device->options[0] != '\0' ? "," : "", device->options,
		device->info.driver, device->info.nr_queues, device->info.queue_depth,
		fault_service_of(device));
	svart_fault_stats_get(device->host->faults, &faults);
	fprintf(f,
		"  page requests of all devices of the bus %" PRIu64 ", answers: success %" PRIu64
		", invalid %" PRIu64 "\n",
		faults.page_requests, faults.answers_success, faults.answers_invalid);
}

static int dump(const struct rte_dma_dev *dev, FILE *f)
{
	struct svart_dmadev *d = dmadev_of(dev);
	uint16_t i;

	dump_device(d->device, f);
	pthread_mutex_lock(&d->lock);
	for (i = 0; i < d->nr_vchans; i++) {
		if (d->vchans[i] == d->absent)
			fprintf(f, "  vchan %u: not set up\n", i);
		else
			dump_vchan(d->vchans[i], i, f);
	}
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* --- configure, start, stop, close ------------------------------------------------------------ */

/** Frees a vchan. The order matters: a child made by fork() in between must not see freed memory. */
static void vchan_free(struct svart_dmadev *d, uint16_t i)
{
	struct svart_dmadev_vchan *v = d->vchans[i];

	__atomic_store_n(&d->vchans[i], d->absent, __ATOMIC_SEQ_CST);
	if (v != d->absent)
		svart_dmadev_vchan_destroy(v);
}

/** Configures the device. All vchans must be set up anew afterwards. */
static int configure(struct rte_dma_dev *dev, const struct rte_dma_conf *conf, uint32_t size)
{
	struct svart_dmadev *d = dmadev_of(dev);
	int rc = check_alive(d);
	uint16_t i;

	(void)size;
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&d->lock);
	for (i = 0; i < SVART_DMADEV_VCHANS_MAX; i++)
		vchan_free(d, i);
	d->nr_vchans = conf->nb_vchans;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static int vchan_setup(struct rte_dma_dev *dev, uint16_t vchan,
	const struct rte_dma_vchan_conf *conf, uint32_t size)
{
	struct svart_dmadev *d = dmadev_of(dev);
	const struct svart_dmadev_device *device = d->device;
	struct svart_dmadev_vchan_params params = {
		.nb_desc = conf->nb_desc,
		.depth = d->args.depth != 0 ? d->args.depth : device->info.queue_depth,
		.max_transfer_bytes = device->info.max_transfer_bytes,
		.pump = device->host->run == SVART_FAULT_RUN_INLINE ? device->host->faults : NULL,
		.is_dsa = strcmp(device->info.driver, "dsa") == 0,
	};
	struct svart_dmadev_vchan *v;
	int rc = check_alive(d);

	(void)size;
	if (rc != 0)
		return rc;
	if (svart_dmadev_vchan_create(&params, &v) != 0) {
		DMADEV_LOG(ERR, "%s: out of memory for vchan %u of %u descriptors", d->name, vchan,
			conf->nb_desc);
		return -ENOMEM;
	}
	pthread_mutex_lock(&d->lock);
	vchan_free(d, vchan);
	d->vchans[vchan] = v;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static int vchan_start(struct svart_dmadev *d, uint16_t i)
{
	struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT();
	struct svart_queue *q;
	int rc;

	if (d->vchans[i] == d->absent) {
		DMADEV_LOG(ERR, "%s: vchan %u is not set up: call rte_dma_vchan_setup() first",
			d->name, i);
		return -EINVAL;
	}
	params.depth = d->vchans[i]->depth;
	rc = svart_queue_create(d->device->dev, &params, &q);
	if (rc != 0)
		DMADEV_LOG(ERR, "%s: vchan %u: %s%s", d->name, i, svart_error_text(),
			rc == -EIO      ? "; if it was reset, remove its vdevs and add them again"
			: rc == -ENODEV ? ": that is, remove its vdevs and add them again"
					: "");
	else
		svart_dmadev_vchan_start(d->vchans[i], q);
	return rc;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/**
 * Lets the device end its operations, and ends the queue. Perhaps nobody else runs the fault service now:
 * its service core may be stopped, and only completed(), which is not called any more, pumps an inline one.
 */
static int vchan_stop(struct svart_dmadev *d, uint16_t i)
{
	struct svart_dmadev_vchan *v = d->vchans[i];
	struct svart_queue *q = v->q;
	struct svart_completion done[SVART_DMADEV_BURST];
	uint64_t deadline = now_ns() + STOP_NS;
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();
	int rc;

	while (svart_queue_in_flight(q) != 0 && svart_queue_state_get(q) == SVART_QUEUE_RUNNING &&
		v->state != SVART_DMADEV_FORKED && now_ns() < deadline) {
		svart_queue_wait(q, done, SVART_DMADEV_BURST, STOP_STEP_NS);
		svart_dmadev_host_pump(d->device->host);
	}
	if (svart_queue_state_get(q) == SVART_QUEUE_FAILED && svart_queue_error_get(q, &error) == 0)
		DMADEV_LOG(ERR, "%s: vchan %u: the queue has failed: %s", d->name, i, error.text);
	rc = svart_queue_destroy(q);
	if (rc != 0) {
		DMADEV_LOG(ERR, "%s: vchan %u: %s", d->name, i, svart_error_text());
		return rc;
	}
	svart_dmadev_vchan_stop(v);
	return 0;
}

static int vchans_stop(struct svart_dmadev *d)
{
	uint16_t i;
	int rc;

	for (i = 0; i < d->nr_vchans; i++) {
		rc = d->vchans[i]->q != NULL ? vchan_stop(d, i) : 0;
		if (rc != 0)
			return rc;
	}
	d->started = false;
	return 0;
}

/**
 * Warns if nothing runs the fault service. The program may still map a service core; until then operations
 * that need a page stand still.
 */
static void warn_if_not_served(const struct svart_dmadev *d)
{
	const struct svart_dmadev_device *device = d->device;

	if ((device->info.features & SVART_FEATURE_PAGE_REQUESTS) != 0 &&
		!svart_dmadev_host_is_served(device->host))
		DMADEV_LOG(WARNING,
			"%s: no service core runs svart_fault, and so nobody answers page "
			"requests: "
			"give EAL one (-s), or call rte_service_map_lcore_set()",
			d->name);
}

static int vchans_start(struct svart_dmadev *d)
{
	uint16_t i;
	int rc;

	for (i = 0; i < d->nr_vchans; i++) {
		rc = vchan_start(d, i);
		if (rc != 0) {
			vchans_stop(d);
			return rc;
		}
	}
	d->started = true;
	warn_if_not_served(d);
	return 0;
}

static int stop(struct rte_dma_dev *dev)
{
	struct svart_dmadev *d = dmadev_of(dev);
	int rc = check_alive(d);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&d->lock);
	rc = vchans_stop(d);
	pthread_mutex_unlock(&d->lock);
	return rc;
}

static int start(struct rte_dma_dev *dev)
{
	struct svart_dmadev *d = dmadev_of(dev);
	int rc = check_alive(d);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&d->lock);
	rc = vchans_start(d);
	pthread_mutex_unlock(&d->lock);
	return rc;
}

/** Frees what dmadev_alloc() made. */
static void dmadev_free(struct svart_dmadev *d)
{
	pthread_mutex_destroy(&d->lock);
	svart_dmadev_vchan_destroy(d->absent);
	free(d);
}

/** Destroys a vdev. @return 0, or -errno, logged: the vdev is still there then. */
static int dmadev_destroy(struct svart_dmadev *d)
{
	int rc = svart_dmadev_device_put(d->device);
	uint16_t i;

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&all.lock);
	LIST_REMOVE(d, link);
	pthread_mutex_unlock(&all.lock);
	for (i = 0; i < SVART_DMADEV_VCHANS_MAX; i++)
		vchan_free(d, i);
	dmadev_free(d);
	return 0;
}

static int close_dev(struct rte_dma_dev *dev)
{
	struct svart_dmadev *d = dmadev_of(dev);
	int rc = check_alive(d);

	return rc == 0 ? dmadev_destroy(d) : rc;
}

static const struct rte_dma_dev_ops dmadev_ops = {
	.dev_info_get = info_get,
	.dev_configure = configure,
	.dev_start = start,
	.dev_stop = stop,
	.dev_close = close_dev,
	.vchan_setup = vchan_setup,
	.stats_get = stats_get,
	.stats_reset = stats_reset,
	.vchan_status = vchan_status,
	.dev_dump = dump,
};

/* --- memory that goes, processes that fork ---------------------------------------------------- */

/** Takes memory from devices before EAL gives its hugepages back. */
static void memory_event(
	enum rte_mem_event event, const void *addr, size_t len, void *arg __rte_unused)
{
	if (event == RTE_MEM_EVENT_FREE)
		svart_dmadev_forget(addr, len);
}

static void before_fork(void)
{
	pthread_mutex_lock(&all.lock);
	svart_dmadev_devices_lock();
}

static void after_fork_parent(void)
{
	svart_dmadev_devices_unlock();
	pthread_mutex_unlock(&all.lock);
}

static void after_fork_child(void)
{
	struct svart_dmadev *d;
	unsigned int i;

	svart_dmadev_devices_forked();
	LIST_FOREACH(d, &all.dmadevs, link) {
		d->forked = true;
		/* A thread that does not exist in the child may have held it. */
		pthread_mutex_init(&d->lock, NULL);
		for (i = 0; i < SVART_DMADEV_VCHANS_MAX; i++)
			svart_dmadev_vchan_mark_forked(d->vchans[i]);
	}
	pthread_mutex_unlock(&all.lock);
}

static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;
static int handlers_rc;

static void handlers_install(void)
{
	handlers_rc = -pthread_atfork(before_fork, after_fork_parent, after_fork_child);
	/* It is -ENOTSUP if EAL's memory is never freed (--no-huge, --legacy-mem). */
	if (handlers_rc == 0)
		rte_mem_event_callback_register("dma_svart", memory_event, NULL);
}

/* --- probe and remove ------------------------------------------------------------------------- */

/** Makes a vdev with no device, and no vchan set up. dmadev_free() ends it. */
static struct svart_dmadev *dmadev_alloc(const char *name)
{
	const struct svart_dmadev_vchan_params none = { .nb_desc = 1, .depth = 1 };
	struct svart_dmadev *d = calloc(1, sizeof(*d));
	unsigned int i;

	if (d == NULL)
		return NULL;
	if (svart_dmadev_vchan_create(&none, &d->absent) != 0) {
		free(d);
		return NULL;
	}
	for (i = 0; i < SVART_DMADEV_VCHANS_MAX; i++)
		d->vchans[i] = d->absent;
	pthread_mutex_init(&d->lock, NULL);
	snprintf(d->name, sizeof(d->name), "%s", name);
	return d;
}

/** Checks the arguments that can be judged only with the device open. */
static int args_check(const struct svart_dmadev *d)
{
	const struct svart_device_info *info = &d->device->info;

	if (d->args.depth > info->queue_depth) {
		DMADEV_LOG(ERR, "%s: depth=%u: queues of %s have 1 to %u", d->name, d->args.depth,
			info->name, info->queue_depth);
		return -EINVAL;
	}
	if (d->args.max_vchans > info->nr_queues) {
		DMADEV_LOG(ERR,
			"%s: vchans=%u: %s has %u queues: open it with queues=%u, or say less",
			d->name, d->args.max_vchans, info->name, info->nr_queues,
			d->args.max_vchans);
		return -EINVAL;
	}
	return 0;
}

static int dmadev_open(struct svart_dmadev *d, const char *text)
{
	int rc = svart_dmadev_args_parse(d->name, text, &d->args);

	if (rc != 0)
		return rc;
	/* No lock is held: fork() holds one of its own while it calls the handlers. */
	pthread_once(&handlers_once, handlers_install);
	if (handlers_rc != 0) {
		DMADEV_LOG(ERR, "%s: no memory for the fork handlers", d->name);
		return handlers_rc;
	}
	rc = svart_dmadev_device_get(&d->args, &d->device);
	if (rc != 0)
		return rc;
	rc = args_check(d);
	if (rc != 0)
		svart_dmadev_device_put(d->device);
	return rc;
}

static int dmadev_create(const char *name, const char *text, struct svart_dmadev **out)
{
	struct svart_dmadev *d = dmadev_alloc(name);
	int rc;

	if (d == NULL)
		return -ENOMEM;
	rc = dmadev_open(d, text);
	if (rc != 0) {
		dmadev_free(d);
		return rc;
	}
	pthread_mutex_lock(&all.lock);
	LIST_INSERT_HEAD(&all.dmadevs, d, link);
	pthread_mutex_unlock(&all.lock);
	*out = d;
	return 0;
}

static void dmadev_register(
	struct rte_dma_dev *dev, struct rte_vdev_device *vdev, struct svart_dmadev *d)
{
	((struct dmadev_private *)dev->data->dev_private)->d = d;
	vdev->device.numa_node = d->device->info.numa_node;
	dev->device = &vdev->device;
	dev->dev_ops = &dmadev_ops;
	dev->fp_obj->dev_private = d->vchans;
	dev->fp_obj->copy = svart_dmadev_copy;
	dev->fp_obj->copy_sg = svart_dmadev_copy_sg;
	dev->fp_obj->fill = svart_dmadev_fill;
	dev->fp_obj->submit = svart_dmadev_submit;
	dev->fp_obj->completed = svart_dmadev_completed;
	dev->fp_obj->completed_status = svart_dmadev_completed_status;
	dev->fp_obj->burst_capacity = svart_dmadev_burst_capacity;
	dev->state = RTE_DMA_DEV_READY;
}

static int probe(struct rte_vdev_device *vdev)
{
	const char *name = rte_vdev_device_name(vdev);
	struct svart_dmadev *d;
	struct rte_dma_dev *dev;
	int rc;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		DMADEV_LOG(ERR,
			"%s: a device is one process's: use it in the primary process, there is "
			"none in a secondary one",
			name);
		return -ENOTSUP;
	}
	rc = dmadev_create(name, rte_vdev_device_args(vdev), &d);
	if (rc != 0)
		return rc;
	dev = rte_dma_pmd_allocate(name, d->device->info.numa_node, sizeof(struct dmadev_private));
	if (dev == NULL) {
		DMADEV_LOG(ERR, "%s: the dmadev library has no place for it", name);
		dmadev_destroy(d);
		return -ENOMEM;
	}
	dmadev_register(dev, vdev, d);
	DMADEV_LOG(INFO, "%s: %s, %u queues of depth %u, fault service: %s", name,
		d->device->info.name, d->device->info.nr_queues, d->device->info.queue_depth,
		fault_service_of(d->device));
	return 0;
}

/** Removes the vdev. A program may end without having stopped its devices, or may have closed them before. */
static int remove_dev(struct rte_vdev_device *vdev)
{
	const char *name = rte_vdev_device_name(vdev);
	int id = rte_dma_get_dev_id_by_name(name);
	struct svart_dmadev *d;
	int rc = 0;

	if (id < 0)
		return 0;
	/* fp_obj's pointer is the vdev's first member. */
	d = rte_dma_fp_objs[id].dev_private;
	if (d->started)
		rc = rte_dma_stop((int16_t)id);
	return rc != 0 ? rc : rte_dma_pmd_release(name);
}
static_assert(offsetof(struct svart_dmadev, vchans) == 0, "fp_obj's pointer is the vdev's");

/** Sets rte_errno, as rte_dev_dma_map() and its opposite promise. */
static int tell_errno(int rc)
{
	if (rc == 0)
		return 0;
	rte_errno = -rc;
	return -1;
}

/** Maps nothing: pages come when the device asks for them. */
static int dma_map(struct rte_vdev_device *vdev, void *addr, uint64_t iova, size_t len)
{
	(void)vdev;
	(void)len;
	return tell_errno(iova == (uintptr_t)addr ? 0 : -EINVAL);
}

static int dma_unmap(struct rte_vdev_device *vdev, void *addr, uint64_t iova, size_t len)
{
	(void)vdev;
	(void)iova;
	return tell_errno(svart_dmadev_forget(addr, len));
}

static struct rte_vdev_driver driver = {
	.probe = probe,
	.remove = remove_dev,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
	.drv_flags = RTE_VDEV_DRV_NEED_IOVA_AS_VA,
};

RTE_PMD_REGISTER_VDEV(dma_svart, driver);
RTE_PMD_REGISTER_PARAM_STRING(dma_svart,
	"device=<bus:name> fault_service=<thread|service|inline> depth=<int> vchans=<int> "
	"<key>=<value of the device>");

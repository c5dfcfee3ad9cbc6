/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Devices, and what they share. A device is opened only once in a process, however many vdevs name it.
 */

#include "dmadev_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_service.h>
#include <rte_version.h>

/*
 * There is one registry in a process: vdevs are probed one by one, and this is all that they have in
 * common. Locks: lock guards all of it, and is also held while a device is opened or closed. A change of
 * the lists takes list_lock too. list_lock alone is held to walk through the hosts where EAL holds locks of
 * its memory, for which an opening may wait. list_lock is held only for some stores, and over a fork, so
 * that the lists are complete in the child.
 */
static struct {
	pthread_mutex_t lock;
	pthread_mutex_t list_lock;
	pthread_cond_t unused; /**< Says that a host's users became 0. */
	LIST_HEAD(, svart_dmadev_host) hosts;
	LIST_HEAD(, svart_dmadev_device) devices;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.list_lock = PTHREAD_MUTEX_INITIALIZER,
	.unused = PTHREAD_COND_INITIALIZER };

/* --- hosts ------------------------------------------------------------------------------------ */

/** Copies the BUS of BUS:NAME. */
static void bus_of(const char *spec, char bus[SVART_DMADEV_SPEC_BYTES])
{
	size_t len = strcspn(spec, ":");

	memcpy(bus, spec, len);
	bus[len] = '\0';
}

static void host_destroy(struct svart_dmadev_host *host)
{
	if (host->faults != NULL)
		svart_fault_service_destroy(host->faults);
	if (host->space != NULL)
		svart_space_destroy(host->space);
	if (host->rt != NULL)
		svart_fini(host->rt);
	free(host);
}

static int host_fill(struct svart_dmadev_host *host)
{
	struct svart_fault_params params = SVART_FAULT_PARAMS_INIT(.run = host->run);
	int rc = svart_init(NULL, &host->rt);

	if (rc == 0)
		rc = svart_space_create(host->rt, NULL, &host->space);
	if (rc == 0)
		rc = svart_fault_service_create(host->rt, &params, &host->faults);
	if (rc == 0 && host->run == SVART_FAULT_RUN_DPDK)
		rc = svart_fault_service_dpdk_id(host->faults, &host->service_id);
	return rc;
}

static int host_create(const struct svart_dmadev_args *args, struct svart_dmadev_host **out)
{
	struct svart_dmadev_host *host = calloc(1, sizeof(*host));
	int rc;

	if (host == NULL)
		return -ENOMEM;
	bus_of(args->device, host->bus);
	memcpy(host->machine, args->machine, sizeof(host->machine));
	host->run = args->run;
	rc = host_fill(host);
	if (rc != 0) {
		DMADEV_LOG(ERR, "%s: %s", args->device, svart_error_text());
		host_destroy(host);
		return rc;
	}
	pthread_mutex_lock(&registry.list_lock);
	LIST_INSERT_HEAD(&registry.hosts, host, link);
	pthread_mutex_unlock(&registry.list_lock);
	*out = host;
	return 0;
}

static int host_get(const struct svart_dmadev_args *args, struct svart_dmadev_host **out)
{
	struct svart_dmadev_host *host;
	char bus[SVART_DMADEV_SPEC_BYTES];
	int rc;

	bus_of(args->device, bus);
	LIST_FOREACH(host, &registry.hosts, link) {
		if (strcmp(host->bus, bus) == 0 && strcmp(host->machine, args->machine) == 0)
			break;
	}
	if (host != NULL && args->run_is_given && args->run != host->run) {
		DMADEV_LOG(ERR,
			"%s: fault_service=%s, but %s is in use with fault_service=%s: say the "
			"same "
			"for all devices of a bus, or say it once",
			args->device, svart_dmadev_run_name(args->run), bus,
			svart_dmadev_run_name(host->run));
		return -EINVAL;
	}
	if (host == NULL) {
		rc = host_create(args, &host);
		if (rc != 0)
			return rc;
	}
	host->refs++;
	*out = host;
	return 0;
}

static void host_put(struct svart_dmadev_host *host)
{
	if (--host->refs != 0)
		return;
	pthread_mutex_lock(&registry.list_lock);
	while (host->users != 0)
		pthread_cond_wait(&registry.unused, &registry.list_lock);
	LIST_REMOVE(host, link);
	pthread_mutex_unlock(&registry.list_lock);
	host_destroy(host);
}

bool svart_dmadev_host_is_served(const struct svart_dmadev_host *host)
{
	return host->run != SVART_FAULT_RUN_DPDK || rte_service_runstate_get(host->service_id) == 1;
}

void svart_dmadev_host_pump(const struct svart_dmadev_host *host)
{
	if (host->run == SVART_FAULT_RUN_INLINE)
		svart_fault_pump(host->faults);
	else if (host->run == SVART_FAULT_RUN_DPDK)
		/* With -EBUSY its service core is running it now. */
		rte_service_run_iter_on_app_lcore(host->service_id, 1);
}

/* --- devices ---------------------------------------------------------------------------------- */

static int device_open(const struct svart_dmadev_args *args, struct svart_dmadev_device *device)
{
	char spec[3 * SVART_DMADEV_SPEC_BYTES + sizeof(",machine=,")];
	int rc;

	rc = host_get(args, &device->host);
	if (rc != 0)
		return rc;
	snprintf(spec, sizeof(spec), "%s%s%s%s%s", args->device,
		args->machine[0] != '\0' ? ",machine=" : "", args->machine,
		args->options[0] != '\0' ? "," : "", args->options);
	rc = svart_device_open(
		device->host->rt, spec, device->host->space, device->host->faults, &device->dev);
	if (rc != 0) {
		DMADEV_LOG(ERR, "%s: %s", spec, svart_error_text());
		host_put(device->host);
		return rc;
	}
	memcpy(device->device, args->device, sizeof(device->device));
	memcpy(device->machine, args->machine, sizeof(device->machine));
	memcpy(device->options, args->options, sizeof(device->options));
	device->info = (struct svart_device_info)SVART_DEVICE_INFO_INIT();
	svart_device_info_get(device->dev, &device->info);
	return 0;
}

static int device_create(const struct svart_dmadev_args *args, struct svart_dmadev_device **out)
{
	struct svart_dmadev_device *device = calloc(1, sizeof(*device));
	int rc;

	if (device == NULL)
		return -ENOMEM;
	rc = device_open(args, device);
	if (rc != 0) {
		free(device);
		return rc;
	}
	pthread_mutex_lock(&registry.list_lock);
	LIST_INSERT_HEAD(&registry.devices, device, link);
	pthread_mutex_unlock(&registry.list_lock);
	*out = device;
	return 0;
}

/** Checks that a device that is open was opened as this vdev wants it. */
static int device_check(
	const struct svart_dmadev_args *args, const struct svart_dmadev_device *device)
{
	if (device->closing) {
		DMADEV_LOG(ERR, "%s is just being closed: close or remove its last vdev again",
			args->device);
		return -EBUSY;
	}
	if (args->options[0] != '\0' && strcmp(args->options, device->options) != 0) {
		DMADEV_LOG(ERR,
			"%s is open with the options '%s', not '%s': say the same for all vdevs of "
			"a "
			"device, or say them for the first only",
			args->device, device->options, args->options);
		return -EINVAL;
	}
	if (args->run_is_given && args->run != device->host->run) {
		DMADEV_LOG(ERR, "%s is open with fault_service=%s: say the same, or say it once",
			args->device, svart_dmadev_run_name(device->host->run));
		return -EINVAL;
	}
	return 0;
}

static int device_get(const struct svart_dmadev_args *args, struct svart_dmadev_device **out)
{
	struct svart_dmadev_device *device;
	int rc;

	LIST_FOREACH(device, &registry.devices, link) {
		if (strcmp(device->device, args->device) == 0 &&
			strcmp(device->machine, args->machine) == 0)
			break;
	}
	rc = device != NULL ? device_check(args, device) : device_create(args, &device);
	if (rc != 0)
		return rc;
	device->refs++;
	*out = device;
	return 0;
}

/** Arguments and result of the opening thread. */
struct opening {
	const struct svart_dmadev_args *args;
	struct svart_dmadev_device *device;
	int rc;
};

/**
 * If the lcores leave no CPU, EAL puts control threads on the main lcore, the worst place for threads that
 * work while it polls. This lets them float over all lcores then.
 */
static void leave_main_lcore(void)
{
	rte_cpuset_t cpus, main_cpus = rte_lcore_cpuset(rte_get_main_lcore()), more;
	unsigned int lcore;

	if (pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus) != 0)
		return;
	CPU_AND(&more, &cpus, &main_cpus);
	if (CPU_COUNT(&more) == 0)
		return;
	RTE_LCORE_FOREACH(lcore) {
		more = rte_lcore_cpuset(lcore);
		CPU_OR(&cpus, &cpus, &more);
	}
	/* If this is refused, the threads are only slower. */
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

static void opening_run(struct opening *opening)
{
	leave_main_lcore();
	pthread_mutex_lock(&registry.lock);
	opening->rc = device_get(opening->args, &opening->device);
	pthread_mutex_unlock(&registry.lock);
}

#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
static uint32_t opening_thread(void *opening)
{
	opening_run(opening);
	return 0;
}

static int opening_run_aside(struct opening *opening)
{
	rte_thread_t thread;
	int rc = rte_thread_create_control(&thread, "svart-open", opening_thread, opening);

	return rc != 0 ? rc : rte_thread_join(thread, NULL);
}
#else
static void *opening_thread(void *opening)
{
	opening_run(opening);
	return NULL;
}

static int opening_run_aside(struct opening *opening)
{
	pthread_t thread;
	int rc = rte_ctrl_thread_create(&thread, "svart-open", NULL, opening_thread, opening);

	return rc != 0 ? rc : -pthread_join(thread, NULL);
}
#endif

int svart_dmadev_device_get(const struct svart_dmadev_args *args, struct svart_dmadev_device **out)
{
	struct opening opening = { .args = args, .rc = -EAGAIN };
	int rc;

	/*
	 * Threads that are started now, those of the fault service and of the model, inherit the CPUs of
	 * the thread that starts them. A vdev is probed on the main lcore, where they would disturb its
	 * polling. So a control thread starts them, which EAL puts on CPUs other than the lcores' if it
	 * can.
	 */
	rc = opening_run_aside(&opening);
	if (rc != 0) {
		DMADEV_LOG(ERR, "%s: no thread to open it (%d)", args->device, rc);
		return rc;
	}
	*out = opening.device;
	return opening.rc;
}

static int device_close(struct svart_dmadev_device *device)
{
	int rc = svart_device_close(device->dev);

	if (rc != 0) {
		DMADEV_LOG(ERR, "%s: %s", device->info.name, svart_error_text());
		device->closing = true;
		return rc;
	}
	pthread_mutex_lock(&registry.list_lock);
	LIST_REMOVE(device, link);
	pthread_mutex_unlock(&registry.list_lock);
	host_put(device->host);
	free(device);
	return 0;
}

int svart_dmadev_device_put(struct svart_dmadev_device *device)
{
	int rc = 0;

	pthread_mutex_lock(&registry.lock);
	if (device->refs == 1)
		rc = device_close(device);
	else
		device->refs--;
	pthread_mutex_unlock(&registry.lock);
	return rc;
}

/**
 * Takes memory from a host's space, which can take long. The caller holds list_lock; it is released
 * meanwhile.
 */
static int host_forget(struct svart_dmadev_host *host, const void *addr, size_t len)
{
	int rc;

	host->users++;
	pthread_mutex_unlock(&registry.list_lock);
	rc = svart_space_forget(host->space, addr, len);
	if (rc != 0)
		DMADEV_LOG(ERR, "%s: %s", host->bus, svart_error_text());
	pthread_mutex_lock(&registry.list_lock);
	if (--host->users == 0)
		pthread_cond_broadcast(&registry.unused);
	return rc;
}

int svart_dmadev_forget(const void *addr, size_t len)
{
	struct svart_dmadev_host *host;
	int rc, first = 0;

	pthread_mutex_lock(&registry.list_lock);
	/* A host with users stays in the list. */
	LIST_FOREACH(host, &registry.hosts, link) {
		rc = host_forget(host, addr, len);
		if (first == 0)
			first = rc;
	}
	pthread_mutex_unlock(&registry.list_lock);
	return first;
}

/* --- fork ------------------------------------------------------------------------------------- */

void svart_dmadev_devices_lock(void)
{
	pthread_mutex_lock(&registry.list_lock);
}

void svart_dmadev_devices_unlock(void)
{
	pthread_mutex_unlock(&registry.list_lock);
}

void svart_dmadev_devices_forked(void)
{
	struct svart_dmadev_host *host;

	LIST_FOREACH(host, &registry.hosts, link)
		host->users = 0;
	pthread_cond_init(&registry.unused, NULL);
	/* A thread that does not exist in the child may have held it. */
	pthread_mutex_init(&registry.lock, NULL);
	pthread_mutex_unlock(&registry.list_lock);
}

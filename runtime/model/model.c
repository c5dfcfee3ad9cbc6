/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "guard.h"
#include "iommu_unit.h"
#include "model_device.h"
#include "iommufd_file.h"
#include "mmio.h"
#include "model_options.h"
#include "model_state.h"
#include "sysfs.h"
#include "model_types.h"
#include "vfio_cdev.h"
#include "unit_file.h"
#include "vma.h"

/** PCI bus of devices that tests add. */
#define ADDED_BUS 0xe7

/** Under step=manual, a poll() without end gives up after this many steps that find nothing to do. */
#define IDLE_ROUNDS 64

/* --- paths ----------------------------------------------------------------------------------- */

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

static bool is_own_process(const char *path)
{
	return begins(path, "/proc/self/");
}

static int open_cdev(struct svart_model *model, const char *name)
{
	unsigned int i;
	char cdev[16];

	for (i = 0; i < svart_kernel_nr_devices(&model->kernel); i++) {
		snprintf(cdev, sizeof(cdev), "vfio%u", i);
		if (strcmp(name, cdev) == 0)
			return svart_model_open_cdev(model->kernel.devices[i]);
	}
	return -ENOENT;
}

static int open_unit(struct svart_model *model, const char *address)
{
	struct svart_kernel_device *dev = svart_kernel_device_find(&model->kernel, address);

	return dev != NULL ? svart_unit_file_open(dev) : -ENOENT;
}

static int model_open(struct svart_machine *m, const char *path, int flags)
{
	static const char cdevs[] = "/dev/vfio/devices/", units[] = SVART_IOMMU_UNIT_DIR;
	struct svart_model *model = svart_model_of(m);

	if (is_own_process(path))
		return model->host->ops->open(model->host, path, flags);
	if (strcmp(path, "/dev/iommu") == 0)
		return svart_model_open_iommufd(&model->kernel);
	if (begins(path, cdevs))
		return open_cdev(model, path + sizeof(cdevs) - 1);
	if (begins(path, units))
		return open_unit(model, path + sizeof(units) - 1);
	return svart_model_sysfs_open(&model->kernel, path, flags);
}

static ssize_t model_readlink(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	struct svart_model *model = svart_model_of(m);

	if (is_own_process(path))
		return model->host->ops->readlink(model->host, path, buf, len);
	return svart_model_sysfs_readlink(&model->kernel, path, buf, len);
}

static int model_listdir(struct svart_machine *m, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	struct svart_model *model = svart_model_of(m);

	if (is_own_process(path))
		return model->host->ops->listdir(model->host, path, entry, arg);
	return svart_model_sysfs_listdir(&model->kernel, path, entry, arg);
}

/* --- files ----------------------------------------------------------------------------------- */

/*
 * Each of these asks the table what is behind a descriptor. Descriptors that are not the model's go to the
 * real machine, and so do files of /sys, which have no calls of their own.
 */

static struct svart_model_file *get_file(struct svart_machine *m, int fd)
{
	struct svart_model_file *f = svart_model_file_get(&svart_model_of(m)->kernel.files, fd);

	if (f == NULL || !svart_model_sysfs_is_file(f))
		return f;
	svart_model_file_put(f);
	return NULL;
}

static int model_close(struct svart_machine *m, int fd)
{
	struct svart_model *model = svart_model_of(m);

	if (svart_model_file_close(&model->kernel.files, fd) == 0)
		return 0;
	return model->host->ops->close(model->host, fd);
}

static int model_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct svart_model *model = svart_model_of(m);
	struct svart_model_file *f = get_file(m, fd);
	int rc;

	if (f == NULL)
		return model->host->ops->ioctl(model->host, fd, request, arg);
	rc = f->ops->ioctl != NULL ? f->ops->ioctl(f, request, arg) : -ENOTTY;
	svart_model_file_put(f);
	return rc;
}

static ssize_t model_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct svart_model *model = svart_model_of(m);
	struct svart_model_file *f = get_file(m, fd);
	ssize_t n;

	if (f == NULL)
		return model->host->ops->read(model->host, fd, buf, len);
	n = f->ops->read != NULL ? f->ops->read(f, buf, len) : -EINVAL;
	svart_model_file_put(f);
	return n;
}

static ssize_t model_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	struct svart_model *model = svart_model_of(m);
	struct svart_model_file *f = get_file(m, fd);
	ssize_t n;

	if (f == NULL)
		return model->host->ops->write(model->host, fd, buf, len);
	n = f->ops->write != NULL ? f->ops->write(f, buf, len) : -EINVAL;
	svart_model_file_put(f);
	return n;
}

static ssize_t model_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	struct svart_model *model = svart_model_of(m);
	struct svart_model_file *f = get_file(m, fd);
	ssize_t n;

	if (f == NULL)
		return model->host->ops->pread(model->host, fd, buf, len, off);
	n = f->ops->pread != NULL ? f->ops->pread(f, buf, len, off) : -EINVAL;
	svart_model_file_put(f);
	return n;
}

static ssize_t model_pwrite(struct svart_machine *m, int fd, const void *buf, size_t len, off_t off)
{
	struct svart_model *model = svart_model_of(m);
	struct svart_model_file *f = get_file(m, fd);
	ssize_t n;

	if (f == NULL)
		return model->host->ops->pwrite(model->host, fd, buf, len, off);
	n = f->ops->pwrite != NULL ? f->ops->pwrite(f, buf, len, off) : -EINVAL;
	svart_model_file_put(f);
	return n;
}

static int model_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	struct svart_model *model = svart_model_of(m);
	struct svart_model_file *f = get_file(m, fd);
	int rc;

	if (f == NULL)
		return model->host->ops->mmap(model->host, addr, len, prot, flags, fd, off, out);
	rc = f->ops->mmap != NULL ? f->ops->mmap(f, addr, len, prot, flags, off, out) : -ENODEV;
	svart_model_file_put(f);
	return rc;
}

static int model_munmap(struct svart_machine *m, void *addr, size_t len)
{
	struct svart_model *model = svart_model_of(m);
	int rc = svart_mmio_unmap(&model->kernel, addr, len);

	return rc != -ENOENT ? rc : model->host->ops->munmap(model->host, addr, len);
}

static int model_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	struct svart_model *model = svart_model_of(m);

	return model->host->ops->madvise(model->host, addr, len, advice);
}

static int model_eventfd(struct svart_machine *m, unsigned int initial, int flags)
{
	struct svart_model *model = svart_model_of(m);

	return model->host->ops->eventfd(model->host, initial, flags);
}

static int model_getrlimit(struct svart_machine *m, int resource, struct rlimit *limit)
{
	struct svart_model *model = svart_model_of(m);

	return model->host->ops->getrlimit(model->host, resource, limit);
}

/* --- time ------------------------------------------------------------------------------------ */

static uint64_t model_now_ns(struct svart_machine *m)
{
	struct svart_model *model = svart_model_of(m);

	if (!model->manual)
		return model->host->ops->now_ns(model->host);
	return atomic_load_explicit(&model->clock_ns, memory_order_relaxed);
}

bool svart_model_step(struct svart_machine *m)
{
	struct svart_model *model = svart_model_of(m);
	unsigned int i, first, nr = svart_kernel_nr_devices(&model->kernel);
	struct svart_engine *engine;

	atomic_fetch_add_explicit(&model->clock_ns, SVART_MODEL_STEP_NS, memory_order_relaxed);
	if (nr == 0)
		return false;
	first = (unsigned int)svart_seed_draw(&model->seed, nr);
	for (i = 0; i < nr; i++) {
		engine = &model->kernel.devices[(first + i) % nr]->hw.engine;
		if (atomic_load(&engine->opened) && svart_engine_step(engine))
			return true;
	}
	return false;
}

static void model_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	/* A step is far shorter than any real deadline, and so is a turn of other threads. */
	(void)deadline_ns;
	if (svart_model_of(m)->manual)
		svart_model_step(m);
	else
		sched_yield();
}

/**
 * Polls under step=manual. Nothing would happen during a sleep, so this steps until something has happened.
 */
static int poll_manually(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	struct svart_machine *host = svart_model_of(m)->host;
	uint64_t start = model_now_ns(m);
	unsigned int idle = 0;
	int rc = host->ops->poll(host, fds, nr, 0);

	while (rc == 0 && model_now_ns(m) - start < timeout_ns) {
		idle = svart_model_step(m) ? 0 : idle + 1;
		rc = host->ops->poll(host, fds, nr, 0);
		if (timeout_ns == UINT64_MAX && idle == IDLE_ROUNDS)
			break;
	}
	return rc;
}

static int model_poll(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	struct svart_model *model = svart_model_of(m);

	if (model->manual)
		return poll_manually(m, fds, nr, timeout_ns);
	return model->host->ops->poll(model->host, fds, nr, timeout_ns);
}

/* --- registers ------------------------------------------------------------------------------- */

static uint32_t model_mmio_read32(struct svart_machine *m, const volatile void *addr)
{
	return svart_mmio_read32(&svart_model_of(m)->kernel, addr);
}

static uint64_t model_mmio_read64(struct svart_machine *m, const volatile void *addr)
{
	return svart_mmio_read64(&svart_model_of(m)->kernel, addr);
}

static void model_mmio_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	svart_mmio_write32(&svart_model_of(m)->kernel, addr, value);
}

static void model_mmio_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	svart_mmio_write64(&svart_model_of(m)->kernel, addr, value);
}

static int model_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	return svart_mmio_portal(&svart_model_of(m)->kernel, addr, flags, out);
}

static const struct svart_machine_ops model_ops = {
	.name = "model",
	.open = model_open,
	.close = model_close,
	.ioctl = model_ioctl,
	.read = model_read,
	.write = model_write,
	.pread = model_pread,
	.pwrite = model_pwrite,
	.mmap = model_mmap,
	.munmap = model_munmap,
	.madvise = model_madvise,
	.poll = model_poll,
	.eventfd = model_eventfd,
	.readlink = model_readlink,
	.getrlimit = model_getrlimit,
	.listdir = model_listdir,
	.mmio_read32 = model_mmio_read32,
	.mmio_read64 = model_mmio_read64,
	.mmio_write32 = model_mmio_write32,
	.mmio_write64 = model_mmio_write64,
	.portal = model_portal,
	.now_ns = model_now_ns,
	.pause = model_pause,
};

/* --- life ------------------------------------------------------------------------------------ */

static struct svart_model *alloc_model(const struct svart_model_options *options)
{
	struct svart_model *model = calloc(1, sizeof(*model));

	if (model == NULL)
		return NULL;
	model->base.ops = &model_ops;
	model->manual = options->manual;
	model->iommu.check_vmas = options->check_vmas;
	model->seed_option = options->seed;
	svart_seed_init(&model->seed, options->seed);
	model->iommu.seed = &model->seed;
	pthread_mutex_init(&model->devices_lock, NULL);
	model->kernel.iommu = &model->iommu;
	svart_kernel_init(&model->kernel);
	return model;
}

static void free_model(struct svart_model *model)
{
	svart_kernel_fini(&model->kernel);
	pthread_mutex_destroy(&model->devices_lock);
	svart_seed_fini(&model->seed);
	free(model);
}

int svart_model_create(const char *options, struct svart_machine **out)
{
	struct svart_model_options parsed;
	struct svart_model *model;
	int rc = svart_model_options_parse(options, &parsed);

	if (rc == 0)
		rc = svart_model_options_check(parsed.device, svart_model_option_keys, "the model");
	if (rc != 0)
		return rc;
	model = alloc_model(&parsed);
	if (model == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	rc = svart_machine_linux.create("", &model->host);
	if (rc != 0)
		goto free;
	model->kernel.host = model->host;
	rc = svart_vma_reader_create(model->host, &model->iommu.vmas);
	if (rc != 0)
		goto destroy_host;
	rc = svart_guard_init();
	if (rc != 0) {
		svart_fail(rc, "the model cannot handle SIGSEGV and SIGBUS");
		goto destroy_vmas;
	}
	*out = &model->base;
	return 0;

destroy_vmas:
	svart_vma_reader_destroy(model->iommu.vmas);
destroy_host:
	svart_machine_linux.destroy(model->host);
free:
	free_model(model);
	return rc;
}

void svart_model_destroy(struct svart_machine *m)
{
	struct svart_model *model = svart_model_of(m);
	unsigned int i;

	/* A mapping holds its file, and a file holds its device's binding: so they end in this order. */
	svart_mmio_fini(&model->kernel);
	svart_model_files_close(&model->kernel.files);
	for (i = 0; i < svart_kernel_nr_devices(&model->kernel); i++)
		svart_model_device_destroy(svart_model_device_at(model, i));
	svart_guard_fini();
	svart_vma_reader_destroy(model->iommu.vmas);
	svart_machine_linux.destroy(model->host);
	free_model(model);
}

void svart_model_stats_get(struct svart_machine *m, struct svart_model_stats *stats)
{
	struct svart_model *model = svart_model_of(m);
	struct svart_iommu_device *hw;
	unsigned int i;

	memset(stats, 0, sizeof(*stats));
	pthread_mutex_lock(&model->kernel.files.lock);
	stats->open_fds = model->kernel.files.nr_open;
	pthread_mutex_unlock(&model->kernel.files.lock);
	pthread_rwlock_rdlock(&model->kernel.mappings_lock);
	stats->mappings = model->kernel.nr_mappings;
	pthread_rwlock_unlock(&model->kernel.mappings_lock);
	for (i = 0; i < svart_kernel_nr_devices(&model->kernel); i++) {
		hw = &model->kernel.devices[i]->hw;
		svart_engine_lock(&hw->engine);
		stats->page_requests_open += hw->requests.outstanding;
		svart_engine_unlock(&hw->engine);
	}
	stats->objects = atomic_load(&model->kernel.nr_objects);
	stats->pinned_bytes = atomic_load(&model->kernel.pinned_bytes);
	stats->stale_accesses = atomic_load(&model->iommu.stale_accesses);
	stats->dmar_faults = atomic_load(&model->iommu.dmar_faults);
	stats->bad_answers = atomic_load(&model->iommu.bad_answers);
	stats->late_answers = atomic_load(&model->iommu.late_answers);
}

int svart_model_remove(struct svart_machine *m, const char *address)
{
	struct svart_kernel_device *dev =
		svart_kernel_device_find(&svart_model_of(m)->kernel, address);

	if (dev == NULL)
		return -ENOENT;
	svart_engine_lock(&dev->hw.engine);
	svart_kernel_device_remove(dev);
	svart_engine_unlock(&dev->hw.engine);
	return 0;
}

uint64_t svart_model_injected(struct svart_machine *m, const char *address, const char *name)
{
	struct svart_model_device *dev = svart_model_device_find(svart_model_of(m), address);
	enum svart_inject which = svart_inject_find(name);

	if (dev == NULL || which == SVART_INJECT_NR)
		return 0;
	return atomic_load_explicit(&dev->inject.struck[which], memory_order_relaxed);
}

/* --- devices --------------------------------------------------------------------------------- */

int svart_model_add_device(struct svart_machine *m, const struct svart_device_model *type,
	const char *options, char address[16])
{
	struct svart_model *model = svart_model_of(m);
	struct svart_model_device_options parsed;
	int rc = svart_model_options_split(options, &parsed);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&model->devices_lock);
	snprintf(address, 16, "0000:%02x:%02x.0", ADDED_BUS,
		svart_kernel_nr_devices(&model->kernel) & 0x1f);
	rc = svart_model_device_add(model, type, address, &parsed);
	pthread_mutex_unlock(&model->devices_lock);
	return rc;
}

/** Finds the kind of device that a name means, and its number. */
static const struct svart_model_type *find_type(const char *name, unsigned int *number)
{
	const struct svart_model_type *t;
	const char *digits;

	for (t = svart_model_types; t->model != NULL; t++) {
		if (!begins(name, t->name))
			continue;
		digits = name + strlen(t->name);
		*number = (unsigned int)(digits[0] - '0');
		if (digits[0] >= '0' && digits[0] <= '9' && digits[1] == '\0' && *number < t->max)
			return t;
	}
	svart_fail(
		-ENODEV, "the model has no device \"%s\": it has dsa0 to dsa7, edu0 to edu3", name);
	return NULL;
}

/** Checks whether options of a later spec agree with the machine, which the first spec made. */
static int check_machine_options(
	const struct svart_model *model, const struct svart_model_options *options)
{
	if (options->has_step && options->manual != model->manual)
		return svart_fail(-EINVAL, "step=%s, but the model runs with step=%s",
			options->manual ? "manual" : "thread", model->manual ? "manual" : "thread");
	if (options->has_vmas && options->check_vmas != model->iommu.check_vmas)
		return svart_fail(-EINVAL, "vmas=%s, but the model runs with vmas=%s",
			options->check_vmas ? "checked" : "trusted",
			model->iommu.check_vmas ? "checked" : "trusted");
	if (options->has_seed && options->seed != model->seed_option)
		return svart_fail(-EINVAL, "seed=%llu, but the model runs with seed=%llu",
			(unsigned long long)options->seed, (unsigned long long)model->seed_option);
	return 0;
}

/** Tells why a device could not be made; device models have no error texts of their own. */
static int tell_not_added(int rc, const char *name, const char *options)
{
	if (rc == -EINVAL)
		return svart_fail(rc, "%s takes no such values: \"%s\"", name, options);
	if (rc == -ENOSPC)
		return svart_fail(rc,
			"the model has %u devices already, so there is no room for %s",
			SVART_MODEL_MAX_DEVICES, name);
	return svart_fail(rc, "%s could not be made", name);
}

/** Finds the device at an address, or makes it with its first spec's options. */
static int find_or_add(struct svart_model *model, const struct svart_model_type *t,
	const char *name, const struct svart_model_device_options *options, const char *address)
{
	struct svart_model_device *dev;
	int rc = 0;

	pthread_mutex_lock(&model->devices_lock);
	dev = svart_model_device_find(model, address);
	if (dev == NULL) {
		rc = svart_model_device_add(model, t->model, address, options);
		if (rc != 0)
			tell_not_added(rc, name, options->own);
	} else if (options->text[0] != '\0' && strcmp(dev->options, options->text) != 0) {
		rc = svart_fail(-EINVAL, "%s was made with the options \"%s\", not \"%s\"", name,
			dev->options, options->text);
	}
	pthread_mutex_unlock(&model->devices_lock);
	return rc;
}

static int model_locate(
	struct svart_machine *m, const char *name, const char *options, char address[16])
{
	const struct svart_model_type *t;
	struct svart_model_device_options device;
	struct svart_model_options parsed;
	unsigned int number;
	int rc;

	t = find_type(name, &number);
	if (t == NULL)
		return -ENODEV;
	rc = svart_model_options_parse(options, &parsed);
	if (rc == 0)
		rc = check_machine_options(svart_model_of(m), &parsed);
	if (rc == 0)
		rc = svart_model_options_split(parsed.device, &device);
	if (rc == 0)
		rc = svart_model_options_check(device.own, t->model->option_keys, name);
	if (rc != 0)
		return rc;
	snprintf(address, 16, "0000:%02x:%02x.0", t->bus, number + 1);
	return find_or_add(svart_model_of(m), t, name, &device, address);
}

static bool model_kind(unsigned int index, struct svart_machine_kind *kind)
{
	const struct svart_model_type *t = svart_model_types;

	while (t->model != NULL && index > 0) {
		t++;
		index--;
	}
	if (t->model == NULL)
		return false;
	*kind = (struct svart_machine_kind){
		.name = t->name,
		.nr = t->max,
		.vendor = t->model->vendor,
		.device = t->model->device,
	};
	return true;
}

const struct svart_machine_class svart_machine_model = {
	.name = "model",
	.option_keys = svart_model_option_keys,
	.create = svart_model_create,
	.destroy = svart_model_destroy,
	.locate = model_locate,
	.kind = model_kind,
};

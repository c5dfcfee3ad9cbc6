/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/pci_regs.h>

#include "model_options.h"
#include "vfio_cdev.h"

static struct probe *last_probe;

static int probe_create(struct svart_bus *bus, const char *options, void **dev)
{
	struct probe *p = calloc(1, sizeof(*p));

	(void)options;
	if (p == NULL)
		return -1;
	p->bus = bus;
	last_probe = p;
	*dev = p;
	return 0;
}

static uint64_t probe_mmio_read(void *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	struct probe *p = dev;
	uint64_t value = bar == 0 && off < sizeof(p->regs) ? p->regs[off / 8] : 0;

	return size == 4 && off % 8 == 4 ? value >> 32 : size == 4 ? (uint32_t)value : value;
}

static void probe_mmio_write(
	void *dev, unsigned int bar, uint64_t off, unsigned int size, uint64_t value)
{
	struct probe *p = dev;

	if (bar == 0 && off < sizeof(p->regs))
		memcpy((uint8_t *)p->regs + off, &value, size);
}

static void probe_portal64(
	void *dev, unsigned int bar, uint64_t off, const void *descs, uint32_t nr)
{
	struct probe *p = dev;

	if (bar != 2)
		return;
	p->portal_off = off;
	memcpy(p->portal, descs, sizeof(p->portal));
	atomic_fetch_add(&p->nr_portal, nr);
	p->bus->ops->wake(p->bus);
}

static bool probe_enqueue64(void *dev, unsigned int bar, uint64_t off, const void *desc)
{
	probe_portal64(dev, bar, off, desc, 1);
	return ((struct probe *)dev)->takes_enqueues;
}

static void probe_halt(void *dev, bool flr)
{
	struct probe *p = dev;

	p->nr_halts += !flr;
	p->nr_flr_halts += flr;
}

static void probe_invalidate(void *dev, uint32_t pasid, uint64_t va, uint64_t len)
{
	struct probe *p = dev;

	if (p->nr_invalidations < MAX_ANSWERS)
		p->invalidations[p->nr_invalidations++] =
			(struct invalidation){ .pasid = pasid, .va = va, .len = len };
}

static void probe_page_response(
	void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	struct probe *p = dev;
	const struct svart_bus_page_request *next = p->follow_up;

	if (p->nr_answers < MAX_ANSWERS)
		p->answers[p->nr_answers++] =
			(struct answer){ .pasid = pasid, .prgi = prgi, .code = code };
	p->follow_up = NULL;
	if (next != NULL)
		p->bus->ops->page_request(p->bus, next);
}

static void probe_reset(void *dev)
{
	struct probe *p = dev;

	p->nr_resets++;
	p->nr_answers_at_reset = p->nr_answers;
}

static bool probe_step(void *dev)
{
	struct probe *p = dev;
	void (*script)(struct probe * p, void *arg) = p->script;

	atomic_fetch_add(&p->steps, 1);
	if (script == NULL)
		return p->busy;
	script(p, p->arg);
	/* Afterwards: whichever thread steps, the test goes on when it is done. */
	p->script = NULL;
	return true;
}

const struct svart_device_model probe_model = {
	.name = "probe",
	.vendor = 0x1d1d,
	.device = 0x7357,
	.revision = 3,
	.class_code = 0x088000,
	.bar_bytes = { 0x10000, 0, 0x20000 },
	.nr_vectors = 4,
	.pasid = true,
	.ats = true,
	.pri = true,
	.pri_capacity = CAPACITY,
	.create = probe_create,
	.destroy = free,
	.mmio_read = probe_mmio_read,
	.mmio_write = probe_mmio_write,
	.portal64 = probe_portal64,
	.enqueue64 = probe_enqueue64,
	.invalidate = probe_invalidate,
	.page_response = probe_page_response,
	.reset = probe_reset,
	.halt = probe_halt,
	.step = probe_step,
};

struct probe *rig_last_probe(void)
{
	return last_probe;
}

void rig_create(struct rig *r, const char *options)
{
	struct svart_model_options parsed;

	memset(r, 0, sizeof(*r));
	r->iommufd = -1;
	r->cdev = -1;
	r->fault_fd = -1;
	assert_int_equal(svart_model_create(options, &r->m), 0);
	assert_int_equal(svart_model_options_parse(options, &parsed), 0);
	assert_int_equal(svart_model_add_device(r->m, &probe_model, parsed.device, r->address), 0);
	r->probe = last_probe;
}

int rig_open_cdev(struct rig *r)
{
	return r->m->ops->open(r->m, "/dev/vfio/devices/vfio0", O_RDWR);
}

void rig_bind(struct rig *r, const char *options)
{
	rig_create(r, options);
	r->iommufd = r->m->ops->open(r->m, "/dev/iommu", O_RDWR);
	assert_true(r->iommufd >= 0);
	r->cdev = rig_open_cdev(r);
	assert_true(r->cdev >= 0);
	assert_int_equal(rig_device_bind(r, r->cdev, r->iommufd, &r->dev_id), 0);
	assert_int_equal(rig_ioas_alloc(r, &r->ioas), 0);
}

void rig_attach(struct rig *r, const char *options)
{
	rig_bind(r, options);
	assert_int_equal(rig_fault_alloc(r, &r->fault_id, &r->fault_fd), 0);
	assert_int_equal(
		rig_hwpt_alloc(r, IOMMU_HWPT_FAULT_ID_VALID, r->ioas, r->fault_id, &r->hwpt), 0);
	assert_int_equal(rig_device_attach(r, r->hwpt), 0);
	rig_command_set(r, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void rig_destroy(struct rig *r)
{
	struct svart_model_stats stats;

	if (r->fault_fd >= 0)
		assert_int_equal(r->m->ops->close(r->m, r->fault_fd), 0);
	if (r->cdev >= 0)
		assert_int_equal(r->m->ops->close(r->m, r->cdev), 0);
	if (r->iommufd >= 0)
		assert_int_equal(r->m->ops->close(r->m, r->iommufd), 0);
	stats = rig_stats(r);
	assert_int_equal(stats.open_fds, 0);
	assert_int_equal(stats.mappings, 0);
	assert_int_equal(stats.objects, 0);
	assert_int_equal(stats.pinned_bytes, 0);
	assert_int_equal(stats.page_requests_open, 0);
	svart_model_destroy(r->m);
}

struct svart_model_stats rig_stats(const struct rig *r)
{
	struct svart_model_stats stats;

	svart_model_stats_get(r->m, &stats);
	return stats;
}

void rig_run(struct rig *r, void (*script)(struct probe *p, void *arg), void *arg)
{
	r->probe->arg = arg;
	r->probe->script = script;
	while (r->probe->script != NULL)
		svart_model_step(r->m);
}

static int iommufd_ioctl(struct rig *r, unsigned long request, void *args)
{
	return r->m->ops->ioctl(r->m, r->iommufd, request, args);
}

int rig_ioas_alloc(struct rig *r, uint32_t *id)
{
	struct iommu_ioas_alloc args = { .size = sizeof(args) };
	int rc = iommufd_ioctl(r, IOMMU_IOAS_ALLOC, &args);

	*id = args.out_ioas_id;
	return rc;
}

int rig_fault_alloc(struct rig *r, uint32_t *id, int *fd)
{
	struct iommu_fault_alloc args = { .size = sizeof(args) };
	int rc = iommufd_ioctl(r, IOMMU_FAULT_QUEUE_ALLOC, &args);

	*id = args.out_fault_id;
	*fd = (int)args.out_fault_fd;
	return rc;
}

int rig_hwpt_alloc(struct rig *r, uint32_t flags, uint32_t pt, uint32_t fault, uint32_t *id)
{
	struct iommu_hwpt_alloc args = {
		.size = sizeof(args),
		.flags = flags,
		.dev_id = r->dev_id,
		.pt_id = pt,
		.fault_id = fault,
	};
	int rc = iommufd_ioctl(r, IOMMU_HWPT_ALLOC, &args);

	*id = args.out_hwpt_id;
	return rc;
}

int rig_object_destroy(struct rig *r, uint32_t id)
{
	struct iommu_destroy args = { .size = sizeof(args), .id = id };

	return iommufd_ioctl(r, IOMMU_DESTROY, &args);
}

int rig_map(struct rig *r, uint64_t iova, const void *va, uint64_t len, uint32_t flags)
{
	struct iommu_ioas_map args = {
		.size = sizeof(args),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = r->ioas,
		.user_va = (uintptr_t)va,
		.length = len,
		.iova = iova,
	};

	return iommufd_ioctl(r, IOMMU_IOAS_MAP, &args);
}

int rig_map_rw(struct rig *r, const void *va, uint64_t len)
{
	return rig_map(
		r, (uintptr_t)va, va, len, IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE);
}

int rig_unmap(struct rig *r, uint64_t iova, uint64_t len, uint64_t *unmapped)
{
	struct iommu_ioas_unmap args = {
		.size = sizeof(args), .ioas_id = r->ioas, .iova = iova, .length = len
	};
	int rc = iommufd_ioctl(r, IOMMU_IOAS_UNMAP, &args);

	if (unmapped != NULL)
		*unmapped = args.length;
	return rc;
}

int rig_device_bind(struct rig *r, int cdev, int iommufd, uint32_t *id)
{
	struct vfio_device_bind_iommufd args = { .argsz = sizeof(args), .iommufd = iommufd };
	int rc = r->m->ops->ioctl(r->m, cdev, VFIO_DEVICE_BIND_IOMMUFD, &args);

	*id = args.out_devid;
	return rc;
}

int rig_device_attach(struct rig *r, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt args = { .argsz = sizeof(args), .pt_id = pt };

	return r->m->ops->ioctl(r->m, r->cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args);
}

int rig_device_attach_pasid(struct rig *r, uint32_t pt, uint32_t pasid)
{
	struct svart_cdev_attach args = {
		.argsz = sizeof(args),
		.flags = SVART_CDEV_ATTACH_PASID,
		.pt_id = pt,
		.pasid = pasid,
	};

	return r->m->ops->ioctl(r->m, r->cdev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args);
}

int rig_device_detach(struct rig *r)
{
	struct vfio_device_detach_iommufd_pt args = { .argsz = sizeof(args) };

	return r->m->ops->ioctl(r->m, r->cdev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &args);
}

int rig_device_detach_pasid(struct rig *r, uint32_t pasid)
{
	struct svart_cdev_detach args = {
		.argsz = sizeof(args), .flags = SVART_CDEV_DETACH_PASID, .pasid = pasid
	};

	return r->m->ops->ioctl(r->m, r->cdev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &args);
}

void rig_command_set(struct rig *r, uint16_t value)
{
	off_t off = ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << SVART_CDEV_REGION_SHIFT) + PCI_COMMAND;

	assert_int_equal(
		r->m->ops->pwrite(r->m, r->cdev, &value, sizeof(value), off), sizeof(value));
}

/** A call of page_request(), from within a step. */
struct request_call {
	struct svart_bus_page_request request;
	unsigned int nr;
	int rc;
};

static void send_requests(struct probe *p, void *arg)
{
	struct request_call *call = arg;
	struct svart_bus_page_request request = call->request;
	unsigned int i;

	for (i = 0; i < call->nr; i++) {
		request.last = call->request.last && i + 1 == call->nr;
		call->rc = p->bus->ops->page_request(p->bus, &request);
		request.addr += PAGE;
	}
}

int rig_request(struct rig *r, struct svart_bus_page_request request)
{
	struct request_call call = { .request = request, .nr = 1 };

	rig_run(r, send_requests, &call);
	return call.rc;
}

int rig_fault(struct rig *r, uint32_t pasid, uint16_t prgi, uint64_t va, unsigned int nr)
{
	struct request_call call = {
		.request = { .pasid = pasid, .addr = va, .prgi = prgi, .read = true, .last = true },
		.nr = nr,
	};

	rig_run(r, send_requests, &call);
	return call.rc;
}

/** A call of ats_translate(), from within a step. */
struct translate_call {
	uint32_t pasid;
	uint64_t va;
	struct svart_ats_entry entry;
};

static void translate(struct probe *p, void *arg)
{
	struct translate_call *call = arg;

	assert_int_equal(
		p->bus->ops->ats_translate(p->bus, call->pasid, call->va, 1, true, &call->entry),
		0);
}

struct svart_ats_entry rig_translate(struct rig *r, uint32_t pasid, const void *va)
{
	struct translate_call call = { .pasid = pasid, .va = (uintptr_t)va };

	rig_run(r, translate, &call);
	return call.entry;
}

void *rig_memory(size_t len)
{
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

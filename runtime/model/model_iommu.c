/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "model_iommu.h"

#include <errno.h>
#include <stdlib.h>

#include <linux/iommufd.h>

#include "bits.h"
#include "guard.h"
#include "hwpt.h"
#include "ioas.h"
#include "model_device.h"
#include "model_state.h"

/** Entries looked up at a time. */
#define WALK_BATCH 64

int svart_iommu_port_init(struct svart_model_device *dev)
{
	struct svart_iommu_port *port = &dev->iommu;
	uint32_t i, nr = dev->type->pri ? dev->type->pri_capacity : 0;

	TAILQ_INIT(&port->free_groups);
	TAILQ_INIT(&port->open);
	if (nr == 0)
		return 0;
	port->record_pool = calloc(nr, sizeof(port->record_pool[0]));
	port->group_pool = calloc(nr, sizeof(port->group_pool[0]));
	if (port->record_pool == NULL || port->group_pool == NULL)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		port->record_pool[i].next = port->free_records;
		port->free_records = &port->record_pool[i];
		port->group_pool[i].dev = dev;
		TAILQ_INSERT_TAIL(&port->free_groups, &port->group_pool[i], open_link);
	}
	return 0;
}

void svart_iommu_port_fini(struct svart_model_device *dev)
{
	free(dev->iommu.record_pool);
	free(dev->iommu.group_pool);
}

struct svart_iommu_attachment *svart_iommu_find(struct svart_model_device *dev, uint32_t pasid)
{
	struct svart_iommu_attachment *a = dev->iommu.attachments;

	while (a != NULL && a->pasid != pasid)
		a = a->next;
	return a;
}

/* --- page requests --------------------------------------------------------------------------- */

/** @return the place in the table of partial groups where this one is, or where its chain ends. */
static struct svart_prg **find_partial(struct svart_iommu_port *port, uint32_t pasid, uint16_t prgi)
{
	struct svart_prg **place = &port->partial[prgi];

	while (*place != NULL && (*place)->pasid != pasid)
		place = &(*place)->next_partial;
	return place;
}

/** There is a free group, for each open one holds at least one of the outstanding requests. */
static struct svart_prg *start_group(struct svart_iommu_port *port, uint32_t pasid, uint16_t prgi)
{
	struct svart_prg *group = TAILQ_FIRST(&port->free_groups);

	TAILQ_REMOVE(&port->free_groups, group, open_link);
	TAILQ_INSERT_TAIL(&port->open, group, open_link);
	group->pasid = pasid;
	group->prgi = prgi;
	group->bad = false;
	group->state = SVART_PRG_PARTIAL;
	group->dev_id = port->dev_id;
	group->nr_records = 0;
	group->first = NULL;
	group->end = &group->first;
	group->next_partial = NULL;
	return group;
}

static void add_record(
	struct svart_iommu_port *port, struct svart_prg *group, uint64_t addr, uint32_t perm)
{
	struct svart_prg_record *r = port->free_records;

	port->free_records = r->next;
	port->outstanding++;
	r->addr = addr;
	r->perm = perm;
	r->next = NULL;
	*group->end = r;
	group->end = &r->next;
	group->nr_records++;
}

/** Gives a group, which is on neither list of the port, and its records back. */
static void recycle(struct svart_iommu_port *port, struct svart_prg *group)
{
	*group->end = port->free_records;
	port->free_records = group->first;
	port->outstanding -= group->nr_records;
	group->state = SVART_PRG_IDLE;
	TAILQ_INSERT_TAIL(&port->free_groups, group, open_link);
}

/** Answers a group that is on neither list of the port. */
static void answer(struct svart_prg *group, enum svart_bus_prg_response code)
{
	struct svart_model_device *dev = group->dev;
	uint32_t pasid = group->pasid;
	uint16_t prgi = group->prgi;

	/* First recycled: the device may send a page request from within its page_response(). */
	recycle(&dev->iommu, group);
	dev->type->page_response(dev->priv, pasid, prgi, code);
	svart_engine_wake(&dev->engine);
}

void svart_iommu_answer(struct svart_prg *group, enum svart_bus_prg_response code)
{
	TAILQ_REMOVE(&group->dev->iommu.open, group, open_link);
	answer(group, code);
}

/**
 * What the kernel's VT-d driver refuses without asking anybody (drivers/iommu/intel/prq.c): addresses
 * that are not canonical, privileged requests, and requests to execute and read.
 */
static bool is_bad(const struct svart_bus_page_request *r)
{
	int64_t top = (int64_t)r->addr >> (SVART_PAGETABLE_BITS - 1);

	return (top != 0 && top != -1) || r->priv || (r->exec && r->read);
}

static uint32_t perm_of(const struct svart_bus_page_request *r)
{
	return (r->read ? IOMMU_PGFAULT_PERM_READ : 0) | (r->write ? IOMMU_PGFAULT_PERM_WRITE : 0) |
	       (r->exec ? IOMMU_PGFAULT_PERM_EXEC : 0) | (r->priv ? IOMMU_PGFAULT_PERM_PRIV : 0);
}

/** Sends a group, which has its LAST now, where its PASID is attached. */
static void finish_group(struct svart_model_device *dev, struct svart_prg *group)
{
	struct svart_iommu_attachment *a = svart_iommu_find(dev, group->pasid);

	if (a == NULL || a->hwpt->fault == NULL || group->bad)
		svart_iommu_answer(group, SVART_BUS_PRG_INVALID);
	else
		svart_model_fault_deliver(a->hwpt->fault, group);
}

static bool is_bus_master(struct svart_model_device *dev)
{
	return atomic_load_explicit(&dev->config.bus_master, memory_order_relaxed);
}

static int bus_page_request(struct svart_bus *bus, const struct svart_bus_page_request *request)
{
	struct svart_model_device *dev = svart_model_device_of(bus);
	struct svart_iommu_port *port = &dev->iommu;
	uint16_t prgi = request->prgi % SVART_IOMMU_NR_PRGI;
	struct svart_prg **place, *group;

	if (!dev->type->pri)
		return -EOPNOTSUPP;
	if (!is_bus_master(dev))
		return -EPERM;
	/* A stop marker (PCIe 6.0, 10.4.1.2) asks for nothing and gets no answer. */
	if (request->last && !request->read && !request->write && !request->exec)
		return 0;
	if (port->outstanding >= dev->type->pri_capacity)
		return -EBUSY;
	place = find_partial(port, request->pasid, prgi);
	if (*place == NULL)
		*place = start_group(port, request->pasid, prgi);
	group = *place;
	add_record(port, group, svart_page_down(request->addr), perm_of(request));
	group->bad |= is_bad(request);
	if (request->last) {
		*place = group->next_partial;
		finish_group(dev, group);
	}
	return 0;
}

static uint32_t bus_pri_allocation(struct svart_bus *bus)
{
	/* The kernel allocates what the device can do (pci_enable_pri()). */
	return svart_model_device_of(bus)->type->pri_capacity;
}

/**
 * Ends every group of a PASID, or of all: partial ones are dropped, for their LAST will be answered
 * when it comes, and delivered ones are answered INVALID.
 */
static void end_groups(struct svart_model_device *dev, bool all, uint32_t pasid)
{
	struct svart_prg_list owed = TAILQ_HEAD_INITIALIZER(owed);
	struct svart_iommu_port *port = &dev->iommu;
	struct svart_prg *group, *next;

	for (group = TAILQ_FIRST(&port->open); group != NULL; group = next) {
		next = TAILQ_NEXT(group, open_link);
		if (!all && group->pasid != pasid)
			continue;
		TAILQ_REMOVE(&port->open, group, open_link);
		/* Not by its state, which a reader of the fault object may be changing. */
		if (group->fault == NULL) {
			*find_partial(port, group->pasid, group->prgi) = group->next_partial;
			recycle(port, group);
		} else {
			svart_model_fault_withdraw(group->fault, group);
			TAILQ_INSERT_TAIL(&owed, group, open_link);
		}
	}
	/* New groups that the device sends from within these answers are not of this list. */
	while ((group = TAILQ_FIRST(&owed)) != NULL) {
		TAILQ_REMOVE(&owed, group, open_link);
		answer(group, SVART_BUS_PRG_INVALID);
	}
}

/* --- attachments ----------------------------------------------------------------------------- */

struct svart_iommu_attachment *svart_iommu_switch(
	struct svart_model_device *dev, uint32_t pasid, struct svart_iommu_attachment *fresh)
{
	struct svart_iommu_attachment **place = &dev->iommu.attachments, *old;

	svart_model_device_lock(dev);
	while (*place != NULL && (*place)->pasid != pasid)
		place = &(*place)->next;
	old = *place;
	if (old != NULL)
		*place = old->next;
	if (fresh != NULL) {
		fresh->pasid = pasid;
		fresh->next = dev->iommu.attachments;
		dev->iommu.attachments = fresh;
	}
	if (old != NULL) {
		end_groups(dev, false, pasid);
		dev->type->invalidate(dev->priv, pasid, 0, UINT64_MAX);
	}
	svart_model_device_unlock(dev);
	return old;
}

void svart_iommu_flush(struct svart_model_device *dev)
{
	struct svart_iommu_attachment *a;

	end_groups(dev, true, 0);
	for (a = dev->iommu.attachments; a != NULL; a = a->next)
		dev->type->invalidate(dev->priv, a->pasid, 0, UINT64_MAX);
}

void svart_iommu_invalidate(struct svart_ioas *ioas, uint64_t iova, uint64_t len)
{
	struct svart_model *model = ioas->model;
	struct svart_iommu_attachment *a;
	struct svart_model_device *dev;
	unsigned int i;

	for (i = 0; i < svart_model_nr_devices(model); i++) {
		dev = model->devices[i];
		svart_model_device_lock(dev);
		for (a = dev->iommu.attachments; a != NULL; a = a->next) {
			if (a->hwpt->ioas == ioas)
				dev->type->invalidate(dev->priv, a->pasid, iova, len);
		}
		svart_model_device_unlock(dev);
	}
}

/* --- access ---------------------------------------------------------------------------------- */

static bool bus_bus_master(struct svart_bus *bus)
{
	return is_bus_master(svart_model_device_of(bus));
}

static int bus_ats_translate(struct svart_bus *bus, uint32_t pasid, uint64_t va, unsigned int nr,
	bool write, struct svart_ats_entry *out)
{
	struct svart_model_device *dev = svart_model_device_of(bus);
	uint64_t pte[WALK_BATCH] = { 0 };
	struct svart_iommu_attachment *a;
	unsigned int i, batch;

	(void)write; /* Completions say what is allowed, whatever was asked (PCIe 6.0, 10.2.3). */
	if (!dev->type->ats)
		return -EOPNOTSUPP;
	if (!is_bus_master(dev))
		return -EPERM;
	a = svart_iommu_find(dev, pasid);
	for (; nr > 0; nr -= batch, out += batch, va += batch * SVART_PAGE_SIZE) {
		batch = nr < WALK_BATCH ? nr : WALK_BATCH;
		if (a != NULL)
			svart_pagetable_walk(&a->hwpt->ioas->pagetable, va, batch, pte);
		for (i = 0; i < batch; i++) {
			out[i].translated = svart_page_down(pte[i]);
			out[i].read = (pte[i] & SVART_PTE_READ) != 0;
			out[i].write = (pte[i] & SVART_PTE_WRITE) != 0;
		}
	}
	return 0;
}

/** Counts an access that found its memory gone. */
static int accessed(struct svart_model_device *dev, int rc)
{
	if (rc == 0)
		return 0;
	atomic_fetch_add_explicit(&dev->model->stale_accesses, 1, memory_order_relaxed);
	return -EIO;
}

static void *at(uint64_t translated)
{
	/* What the model's IOMMU translates to are addresses of this process. */
	return (void *)(uintptr_t)translated;
}

static int bus_copy(struct svart_bus *bus, uint64_t dst, uint64_t src, size_t len)
{
	struct svart_model_device *dev = svart_model_device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	return accessed(dev, svart_guard_copy(at(dst), at(src), len));
}

static int bus_read(struct svart_bus *bus, uint64_t addr, void *buf, size_t len)
{
	struct svart_model_device *dev = svart_model_device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	return accessed(dev, svart_guard_copy(buf, at(addr), len));
}

static int bus_write(struct svart_bus *bus, uint64_t addr, const void *buf, size_t len)
{
	struct svart_model_device *dev = svart_model_device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	return accessed(dev, svart_guard_copy(at(addr), buf, len));
}

static int bus_fill(struct svart_bus *bus, uint64_t dst, size_t len, uint64_t pattern_lo,
	uint64_t pattern_hi, uint64_t phase)
{
	struct svart_model_device *dev = svart_model_device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	return accessed(dev, svart_guard_fill(at(dst), len, pattern_lo, pattern_hi, phase));
}

static int bus_write_record(struct svart_bus *bus, uint64_t addr, const void *record, size_t len)
{
	struct svart_model_device *dev = svart_model_device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	return len == 0 ? 0 : accessed(dev, svart_guard_publish(at(addr), record, len));
}

/** One untranslated access, page by page. bit is what the entries must allow. */
static int dma(struct svart_model_device *dev, uint32_t pasid, uint64_t va, uint8_t *buf,
	size_t len, uint64_t bit)
{
	struct svart_iommu_attachment *a = svart_iommu_find(dev, pasid);
	uint64_t pte, addr;
	size_t part;
	int rc = 0;

	if (!is_bus_master(dev))
		return -EPERM;
	for (; len > 0 && rc == 0; len -= part, va += part, buf += part) {
		part = SVART_PAGE_SIZE - (va & SVART_PAGE_MASK);
		part = len < part ? len : part;
		pte = 0;
		if (a != NULL)
			svart_pagetable_walk(
				&a->hwpt->ioas->pagetable, svart_page_down(va), 1, &pte);
		if ((pte & bit) == 0) {
			atomic_fetch_add_explicit(
				&dev->model->dmar_faults, 1, memory_order_relaxed);
			return -EFAULT;
		}
		addr = svart_page_down(pte) + (va & SVART_PAGE_MASK);
		rc = bit == SVART_PTE_READ ? svart_guard_copy(buf, at(addr), part)
					   : svart_guard_copy(at(addr), buf, part);
	}
	return accessed(dev, rc);
}

static int bus_dma_read(struct svart_bus *bus, uint32_t pasid, uint64_t va, void *buf, size_t len)
{
	return dma(svart_model_device_of(bus), pasid, va, buf, len, SVART_PTE_READ);
}

static int bus_dma_write(
	struct svart_bus *bus, uint32_t pasid, uint64_t va, const void *buf, size_t len)
{
	/* Only read through, with this bit. */
	return dma(svart_model_device_of(bus), pasid, va, (uint8_t *)(uintptr_t)buf, len,
		SVART_PTE_WRITE);
}

static void bus_interrupt(struct svart_bus *bus, unsigned int vector)
{
	struct svart_model_device *dev = svart_model_device_of(bus);

	/* An MSI-X message is a write to memory, so it needs the bus master bit, too. */
	if (vector < dev->type->nr_vectors && is_bus_master(dev))
		svart_model_device_raise(dev, vector);
}

static void bus_wake(struct svart_bus *bus)
{
	svart_engine_wake(&svart_model_device_of(bus)->engine);
}

const struct svart_bus_ops svart_iommu_bus_ops = {
	.bus_master = bus_bus_master,
	.ats_translate = bus_ats_translate,
	.page_request = bus_page_request,
	.pri_allocation = bus_pri_allocation,
	.copy = bus_copy,
	.read = bus_read,
	.write = bus_write,
	.fill = bus_fill,
	.write_record = bus_write_record,
	.dma_read = bus_dma_read,
	.dma_write = bus_dma_write,
	.interrupt = bus_interrupt,
	.wake = bus_wake,
};

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

struct svart_iommu_attachment *svart_iommu_find(struct svart_model_device *dev, uint32_t pasid)
{
	struct svart_iommu_attachment *a = dev->iommu.attachments;

	while (a != NULL && a->pasid != pasid)
		a = a->next;
	return a;
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
		svart_prg_detach(dev, pasid);
		dev->type->invalidate(dev->priv, pasid, 0, UINT64_MAX);
	}
	svart_model_device_unlock(dev);
	return old;
}

void svart_iommu_flush(struct svart_model_device *dev)
{
	struct svart_iommu_attachment *a;

	svart_prg_reset(dev);
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

static bool is_bus_master(struct svart_model_device *dev)
{
	return atomic_load_explicit(&dev->config.bus_master, memory_order_relaxed);
}

static uint32_t bus_pri_allocation(struct svart_bus *bus)
{
	/* The kernel allocates what the device can do (pci_enable_pri()). */
	return svart_model_device_of(bus)->type->pri_capacity;
}

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
	.page_request = svart_prg_request,
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

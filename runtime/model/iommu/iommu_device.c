/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "iommu_device.h"

#include <errno.h>

#include "bits.h"
#include "guard.h"
#include "origin.h"
#include "unit.h"

/** Entries looked up at a time. */
#define WALK_BATCH 64

static struct svart_iommu_device *device_of(struct svart_bus *bus)
{
	return (struct svart_iommu_device *)bus;
}

struct svart_iommu_attachment *svart_iommu_find(struct svart_iommu_device *dev, uint32_t pasid)
{
	struct svart_iommu_attachment *a = dev->attachments;

	while (a != NULL && a->pasid != pasid)
		a = a->next;
	return a;
}

/* --- attachments ----------------------------------------------------------------------------- */

struct svart_iommu_attachment *svart_iommu_switch(
	struct svart_iommu_device *dev, uint32_t pasid, struct svart_iommu_attachment *fresh)
{
	struct svart_iommu_attachment **place = &dev->attachments, *old;

	svart_engine_lock(&dev->engine);
	while (*place != NULL && (*place)->pasid != pasid)
		place = &(*place)->next;
	old = *place;
	if (old != NULL)
		*place = old->next;
	if (fresh != NULL) {
		fresh->pasid = pasid;
		fresh->next = dev->attachments;
		dev->attachments = fresh;
	}
	if (old != NULL) {
		svart_prg_detach(dev, pasid);
		dev->type->invalidate(dev->priv, pasid, 0, UINT64_MAX);
	}
	svart_engine_unlock(&dev->engine);
	return old;
}

void svart_iommu_invalidate(struct svart_iommu_device *dev, const struct svart_iommu_tables *tables,
	uint64_t iova, uint64_t len)
{
	struct svart_iommu_attachment *a;

	svart_engine_lock(&dev->engine);
	for (a = dev->attachments; a != NULL; a = a->next) {
		if (a->tables == tables)
			dev->type->invalidate(dev->priv, a->pasid, iova, len);
	}
	svart_engine_unlock(&dev->engine);
}

void svart_iommu_device_reset(struct svart_iommu_device *dev)
{
	struct svart_iommu_attachment *a;

	svart_prg_reset(dev);
	for (a = dev->attachments; a != NULL; a = a->next)
		dev->type->invalidate(dev->priv, a->pasid, 0, UINT64_MAX);
	dev->type->reset(dev->priv);
	svart_engine_wake(&dev->engine);
}

/* --- access ---------------------------------------------------------------------------------- */

static bool is_bus_master(struct svart_iommu_device *dev)
{
	return atomic_load_explicit(&dev->bus_master, memory_order_relaxed);
}

static uint32_t bus_pri_allocation(struct svart_bus *bus)
{
	/* The kernel allocates as many as the device can have (pci_enable_pri()). */
	return device_of(bus)->type->pri_capacity;
}

static bool bus_stalls(struct svart_bus *bus)
{
	return device_of(bus)->unit_ops->stalls;
}

static bool bus_bus_master(struct svart_bus *bus)
{
	return is_bus_master(device_of(bus));
}

static bool bus_privileged(struct svart_bus *bus)
{
	/* Linux enables what the device has (intel_iommu_enable_pasid(), pci_enable_pasid()). */
	return device_of(bus)->type->pasid_priv;
}

static int bus_ats_translate(struct svart_bus *bus, uint32_t pasid, uint64_t va, unsigned int nr,
	bool write, struct svart_ats_entry *out)
{
	struct svart_iommu_device *dev = device_of(bus);
	uint64_t pte[WALK_BATCH] = { 0 };
	struct svart_iommu_attachment *a;
	unsigned int i, batch;

	/* A completion says which accesses are allowed, whichever was asked for (PCIe 6.0, 10.2.3). */
	(void)write;
	if (!dev->type->ats)
		return -EOPNOTSUPP;
	if (!is_bus_master(dev))
		return -EPERM;
	a = svart_iommu_find(dev, pasid);
	for (; nr > 0; nr -= batch, out += batch, va += batch * SVART_PAGE_SIZE) {
		batch = nr < WALK_BATCH ? nr : WALK_BATCH;
		if (a != NULL)
			svart_pagetable_walk(&a->tables->pages, va, batch, pte);
		for (i = 0; i < batch; i++) {
			out[i].translated = svart_page_down(pte[i]);
			out[i].read = (pte[i] & SVART_PTE_READ) != 0;
			out[i].write = (pte[i] & SVART_PTE_WRITE) != 0;
		}
	}
	return 0;
}

/** Tells whether an access is stale. Without vmas=checked only the first test is made. */
static inline bool is_stale(struct svart_iommu_device *dev, uint64_t addr, size_t len)
{
	return dev->iommu->check_vmas && svart_origin_is_stale(dev, addr, len);
}

/** Counts an access whose memory was gone or replaced. */
static int accessed(struct svart_iommu_device *dev, int rc)
{
	if (rc == 0)
		return 0;
	atomic_fetch_add_explicit(&dev->iommu->stale_accesses, 1, memory_order_relaxed);
	return -EIO;
}

static void *at(uint64_t translated)
{
	/* The model's IOMMU translates to addresses of this process. */
	return (void *)(uintptr_t)translated;
}

static int bus_copy(struct svart_bus *bus, uint64_t dst, uint64_t src, size_t len)
{
	struct svart_iommu_device *dev = device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	if (is_stale(dev, src, len) || is_stale(dev, dst, len))
		return accessed(dev, -EFAULT);
	return accessed(dev, svart_guard_copy(at(dst), at(src), len));
}

static int bus_read(struct svart_bus *bus, uint64_t addr, void *buf, size_t len)
{
	struct svart_iommu_device *dev = device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	if (is_stale(dev, addr, len))
		return accessed(dev, -EFAULT);
	return accessed(dev, svart_guard_copy(buf, at(addr), len));
}

static int bus_write(struct svart_bus *bus, uint64_t addr, const void *buf, size_t len)
{
	struct svart_iommu_device *dev = device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	if (is_stale(dev, addr, len))
		return accessed(dev, -EFAULT);
	return accessed(dev, svart_guard_copy(at(addr), buf, len));
}

static int bus_fill(struct svart_bus *bus, uint64_t dst, size_t len, uint64_t pattern_lo,
	uint64_t pattern_hi, uint64_t phase)
{
	struct svart_iommu_device *dev = device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	if (is_stale(dev, dst, len))
		return accessed(dev, -EFAULT);
	return accessed(dev, svart_guard_fill(at(dst), len, pattern_lo, pattern_hi, phase));
}

static int bus_write_record(struct svart_bus *bus, uint64_t addr, const void *record, size_t len)
{
	struct svart_iommu_device *dev = device_of(bus);

	if (!is_bus_master(dev))
		return -EPERM;
	if (is_stale(dev, addr, len))
		return accessed(dev, -EFAULT);
	return len == 0 ? 0 : accessed(dev, svart_guard_publish(at(addr), record, len));
}

/** Does one untranslated access, page by page. The entries must have bit. */
static int dma(struct svart_iommu_device *dev, uint32_t pasid, uint64_t va, uint8_t *buf,
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
			svart_pagetable_walk(&a->tables->pages, svart_page_down(va), 1, &pte);
		if ((pte & bit) == 0) {
			atomic_fetch_add_explicit(
				&dev->iommu->dmar_faults, 1, memory_order_relaxed);
			return -EFAULT;
		}
		addr = svart_page_down(pte) + (va & SVART_PAGE_MASK);
		if (is_stale(dev, addr, part))
			rc = -EFAULT;
		else if (bit == SVART_PTE_READ)
			rc = svart_guard_copy(buf, at(addr), part);
		else
			rc = svart_guard_copy(at(addr), buf, part);
	}
	return accessed(dev, rc);
}

static int bus_dma_read(struct svart_bus *bus, uint32_t pasid, uint64_t va, void *buf, size_t len)
{
	return dma(device_of(bus), pasid, va, buf, len, SVART_PTE_READ);
}

static int bus_dma_write(
	struct svart_bus *bus, uint32_t pasid, uint64_t va, const void *buf, size_t len)
{
	/* With this bit the buffer is only read. */
	return dma(device_of(bus), pasid, va, (uint8_t *)(uintptr_t)buf, len, SVART_PTE_WRITE);
}

static void bus_interrupt(struct svart_bus *bus, unsigned int vector)
{
	struct svart_iommu_device *dev = device_of(bus);

	/* An MSI-X message is a write to memory, so it needs the bus master bit, too. */
	if (vector < dev->type->nr_vectors && is_bus_master(dev))
		dev->interrupt(dev, vector);
}

static void bus_wake(struct svart_bus *bus)
{
	svart_engine_wake(&device_of(bus)->engine);
}

static const struct svart_bus_ops bus_ops = {
	.bus_master = bus_bus_master,
	.privileged = bus_privileged,
	.ats_translate = bus_ats_translate,
	.page_request = svart_prg_request,
	.pri_allocation = bus_pri_allocation,
	.stalls = bus_stalls,
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

/* --- life ------------------------------------------------------------------------------------- */

int svart_iommu_device_init(struct svart_iommu_device *dev)
{
	int rc;

	dev->bus.ops = &bus_ops;
	rc = svart_unit_create(dev);
	return rc != 0 ? rc : svart_prg_init(dev);
}

void svart_iommu_device_fini(struct svart_iommu_device *dev)
{
	svart_prg_fini(dev);
	svart_unit_destroy(dev);
}

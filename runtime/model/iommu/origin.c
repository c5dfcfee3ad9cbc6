/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "origin.h"

#include "bits.h"
#include "iommu_device.h"
#include "vma.h"

/**
 * Makes the mark of a VMA for an entry. An odd factor loses nothing of the tag, and the page table keeps
 * all but the lowest bits of the mark.
 */
static uint64_t mark_of(const struct svart_vma *vma)
{
	return svart_page_down(
		svart_vma_identity_tag(&vma->identity) * UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/**
 * Notes [at, at + len), which lies in one VMA. The page table counts entries up, so each entry is the mark
 * plus the page's address.
 */
static int fill(struct svart_iommu_tables *tables, pthread_mutex_t *writers, uint64_t at,
	uint64_t len, uint64_t mark)
{
	int rc;

	pthread_mutex_lock(writers);
	rc = svart_pagetable_fill(&tables->origins, at, mark + at, len, SVART_PTE_PRESENT);
	pthread_mutex_unlock(writers);
	return rc;
}

uint64_t svart_origin_note(struct svart_iommu *iommu, struct svart_iommu_tables *tables,
	pthread_mutex_t *writers, uint64_t va, uint64_t len)
{
	uint64_t known = 0, part;
	struct svart_vma vma;

	while (iommu->check_vmas && known < len &&
		svart_vma_find(iommu->vmas, va + known, &vma) == 0) {
		part = least(vma.end - (va + known), len - known);
		if (fill(tables, writers, va + known, part, mark_of(&vma)) != 0)
			break;
		known += part;
	}
	return known;
}

/** Tells whether tables of a device know a page, and all that know it have another mark. */
static bool is_other(struct svart_iommu_device *dev, uint64_t page, uint64_t mark)
{
	struct svart_iommu_attachment *a;
	bool known = false;
	uint64_t entry;

	for (a = dev->attachments; a != NULL; a = a->next) {
		svart_pagetable_walk(&a->tables->origins, page, 1, &entry);
		if (entry != 0 && svart_page_down(entry) - page == mark)
			return false;
		known |= entry != 0;
	}
	return known;
}

bool svart_origin_is_stale(struct svart_iommu_device *dev, uint64_t addr, size_t len)
{
	uint64_t page = svart_page_down(addr), end = addr + len;
	struct svart_vma vma = { .end = 0 };

	for (; page < end; page += SVART_PAGE_SIZE) {
		if (page >= vma.end && svart_vma_find(dev->iommu->vmas, page, &vma) != 0)
			return false;
		if (is_other(dev, page, mark_of(&vma)))
			return true;
	}
	return false;
}

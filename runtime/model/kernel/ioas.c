/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "ioas.h"

#include <errno.h>
#include <stdlib.h>

#include "bits.h"
#include "kernel_device.h"
#include "kernel_state.h"
#include "origin.h"
#include "pin.h"

static void ioas_destroy(struct svart_iobj *obj)
{
	struct svart_ioas *ioas = (struct svart_ioas *)obj;
	uint64_t unmapped;

	svart_ioas_unmap(ioas, 0, UINT64_MAX, &unmapped);
	svart_pagetable_fini(&ioas->tables.pages);
	svart_pagetable_fini(&ioas->tables.origins);
	pthread_mutex_destroy(&ioas->hwpts);
	pthread_rwlock_destroy(&ioas->domains);
	pthread_mutex_destroy(&ioas->areas);
	free(ioas);
}

static void init_locks(struct svart_ioas *ioas)
{
	pthread_rwlockattr_t attr;

	pthread_mutex_init(&ioas->hwpts, NULL);
	pthread_mutex_init(&ioas->areas, NULL);
	/* It works as the kernel's rwsem: a reader that comes after a waiting writer waits behind it. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&ioas->domains, &attr);
	pthread_rwlockattr_destroy(&attr);
}

int svart_ioas_create(struct svart_ictx *ctx, struct svart_ioas **out)
{
	struct svart_ioas *ioas = calloc(1, sizeof(*ioas));
	int rc;

	if (ioas == NULL)
		return -ENOMEM;
	ioas->obj.type = SVART_IOBJ_IOAS;
	ioas->obj.destroy = ioas_destroy;
	ioas->kernel = ctx->kernel;
	ioas->huge_pages = true;
	init_locks(ioas);
	rc = svart_pagetable_init(&ioas->tables.pages);
	if (rc == 0)
		rc = svart_pagetable_init(&ioas->tables.origins);
	if (rc != 0) {
		ioas_destroy(&ioas->obj);
		return rc;
	}
	rc = svart_iobj_add(ctx, &ioas->obj);
	if (rc != 0) {
		ioas_destroy(&ioas->obj);
		return rc;
	}
	*out = ioas;
	return 0;
}

/** Tells the number of which IOVAs and lengths must be multiples. areas is held. */
static uint64_t alignment_of(const struct svart_ioas *ioas)
{
	return ioas->nr_domains > 0 || !ioas->huge_pages ? SVART_PAGE_SIZE : 1;
}

/** Tells whether every area is made of whole pages. areas is held. */
static bool is_aligned(const struct svart_ioas *ioas)
{
	struct svart_iova_area *a = svart_iova_area_find(&ioas->tree, 0, UINT64_MAX);

	for (; a != NULL; a = svart_iova_area_next(&ioas->tree, a)) {
		if (((a->first | a->va | svart_iova_area_len(a)) & SVART_PAGE_MASK) != 0)
			return false;
	}
	return true;
}

static bool overlaps_msi(uint64_t first, uint64_t last)
{
	return first <= SVART_IOAS_MSI_LAST && last >= SVART_IOAS_MSI_FIRST;
}

/** Tells whether devices or HWPTs forbid a part of the range. areas is held. */
static bool is_reserved(const struct svart_ioas *ioas, uint64_t first, uint64_t last)
{
	if (ioas->nr_domains > 0 && last > SVART_IOAS_LAST_IOVA)
		return true;
	return ioas->nr_devices > 0 && overlaps_msi(first, last);
}

static uint64_t round_up_pow2(uint64_t value)
{
	return value <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(value - 1));
}

/** Finds room, aligned like the memory, so that large pages would fit. areas is held. */
static int find_iova(struct svart_ioas *ioas, uint64_t va, uint64_t len, uint64_t *iova)
{
	uint64_t align = round_up_pow2(len), at = SVART_PAGE_SIZE;
	uint64_t end = ioas->nr_domains > 0 ? SVART_IOAS_LAST_IOVA : UINT64_MAX - SVART_PAGE_SIZE;
	const struct svart_iova_area *a;

	if (len >= UINT64_MAX / 2)
		return -EOVERFLOW;
	if (va != 0 && (va & -va) < align)
		align = va & -va;
	if (align < alignment_of(ioas))
		return -EINVAL;
	for (;;) {
		at = ((at + align - 1) & ~(align - 1)) | (va & SVART_PAGE_MASK);
		if (at > end || end - at < len - 1)
			return -ENOSPC;
		a = svart_iova_area_find(&ioas->tree, at, at + len - 1);
		if (a != NULL && a->last >= end)
			return -ENOSPC;
		if (a != NULL)
			at = a->last + 1;
		else if (is_reserved(ioas, at, at + len - 1))
			at = SVART_IOAS_MSI_LAST + 1;
		else
			break;
	}
	*iova = at;
	return 0;
}

/** Does the checks of iopt_check_iova(). areas is held. */
static int check_iova(const struct svart_ioas *ioas, uint64_t iova, uint64_t len)
{
	if ((iova & (alignment_of(ioas) - 1)) != 0)
		return -EINVAL;
	if (iova + (len - 1) < iova)
		return -EOVERFLOW;
	if (is_reserved(ioas, iova, iova + (len - 1)))
		return -EINVAL;
	return svart_iova_area_find(&ioas->tree, iova, iova + (len - 1)) != NULL ? -EEXIST : 0;
}

/** Enters an area as busy, before its pages are touched. */
static int enter(struct svart_ioas *ioas, struct svart_iova_area *area, uint64_t *iova, uint64_t va,
	uint64_t len, uint32_t flags)
{
	int rc;

	pthread_mutex_lock(&ioas->areas);
	if ((len & (alignment_of(ioas) - 1)) != 0)
		rc = -EINVAL;
	else if ((flags & IOMMU_IOAS_MAP_FIXED_IOVA) == 0)
		rc = find_iova(ioas, va, len, iova);
	else
		rc = check_iova(ioas, *iova, len);
	if (rc == 0 && (va & SVART_PAGE_MASK & (alignment_of(ioas) - 1)) != 0)
		rc = -EINVAL;
	if (rc == 0) {
		area->first = *iova;
		area->last = *iova + (len - 1);
		area->va = va;
		area->readable = (flags & IOMMU_IOAS_MAP_READABLE) != 0;
		area->writable = (flags & IOMMU_IOAS_MAP_WRITEABLE) != 0;
		area->busy = true;
		svart_iova_area_insert(&ioas->tree, area);
	}
	pthread_mutex_unlock(&ioas->areas);
	return rc;
}

/**
 * Has every device forget a range. No device reaches it then, if its entries were cleared before. No device
 * lock is held.
 */
static void invalidate(struct svart_ioas *ioas, uint64_t iova, uint64_t len)
{
	struct svart_kernel *kernel = ioas->kernel;
	unsigned int i;

	for (i = 0; i < svart_kernel_nr_devices(kernel); i++)
		svart_iommu_invalidate(&kernel->devices[i]->hw, &ioas->tables, iova, len);
}

/** Clears an area's entries and releases its pages when no device reaches them. areas is not held. */
static void unfill(struct svart_ioas *ioas, struct svart_iova_area *area)
{
	uint64_t len = svart_iova_area_len(area);
	struct svart_pagetable_node *empty, *unknown;

	if (!area->pinned)
		return;
	pthread_mutex_lock(&ioas->areas);
	empty = svart_pagetable_clear(&ioas->tables.pages, area->first, len);
	unknown = svart_pagetable_clear(&ioas->tables.origins, area->va, area->known_bytes);
	pthread_mutex_unlock(&ioas->areas);
	invalidate(ioas, area->first, len);
	svart_pagetable_free(empty);
	svart_pagetable_free(unknown);
	svart_unpin(ioas->kernel, len, area->locked_bytes);
	area->pinned = false;
}

/** Pins an area's pages and enters them. domains is held, areas is not. */
static int fill(struct svart_ioas *ioas, struct svart_iova_area *area)
{
	uint64_t len = svart_iova_area_len(area), bits = SVART_PTE_PRESENT;
	int rc = svart_pin(ioas->kernel, area->va, len, area->writable, &area->locked_bytes);

	if (rc != 0)
		return rc;
	bits |= area->readable ? SVART_PTE_READ : 0;
	bits |= area->writable ? SVART_PTE_WRITE : 0;
	pthread_mutex_lock(&ioas->areas);
	rc = svart_pagetable_fill(&ioas->tables.pages, area->first, area->va, len, bits);
	pthread_mutex_unlock(&ioas->areas);
	if (rc != 0) {
		invalidate(ioas, area->first, len);
		svart_unpin(ioas->kernel, len, area->locked_bytes);
		return rc;
	}
	area->known_bytes =
		svart_origin_note(ioas->kernel->iommu, &ioas->tables, &ioas->areas, area->va, len);
	area->pinned = true;
	return 0;
}

/** Takes an area that its caller made busy out of the tree, and frees it. */
static void drop(struct svart_ioas *ioas, struct svart_iova_area *area)
{
	pthread_mutex_lock(&ioas->areas);
	svart_iova_area_remove(&ioas->tree, area);
	pthread_mutex_unlock(&ioas->areas);
	free(area);
}

int svart_ioas_map(
	struct svart_ioas *ioas, uint64_t *iova, uint64_t va, uint64_t len, uint32_t flags)
{
	struct svart_iova_area *area;
	int rc;

	if (len == 0 || len > SIZE_MAX - SVART_PAGE_SIZE)
		return -EINVAL;
	if (va + (len - 1) < va)
		return -EOVERFLOW;
	area = calloc(1, sizeof(*area));
	if (area == NULL)
		return -ENOMEM;
	rc = enter(ioas, area, iova, va, len, flags);
	if (rc != 0) {
		free(area);
		return rc;
	}
	pthread_rwlock_rdlock(&ioas->domains);
	if (ioas->nr_domains > 0)
		rc = fill(ioas, area);
	if (rc == 0) {
		pthread_mutex_lock(&ioas->areas);
		area->busy = false;
		pthread_mutex_unlock(&ioas->areas);
	} else {
		drop(ioas, area);
	}
	pthread_rwlock_unlock(&ioas->domains);
	return rc;
}

/** Finds the next area of a range to unmap and makes it busy. @return 1, 0 if there is none, or -errno. */
static int claim(
	struct svart_ioas *ioas, uint64_t first, uint64_t last, struct svart_iova_area **out)
{
	struct svart_iova_area *area;
	int rc = 1;

	pthread_mutex_lock(&ioas->areas);
	area = svart_iova_area_find(&ioas->tree, first, last);
	if (area == NULL)
		rc = 0;
	else if (area->busy)
		rc = -EBUSY;
	else if (area->first < first || area->last > last)
		rc = -ENOENT;
	else
		area->busy = true;
	pthread_mutex_unlock(&ioas->areas);
	*out = area;
	return rc;
}

int svart_ioas_unmap(struct svart_ioas *ioas, uint64_t first, uint64_t last, uint64_t *unmapped)
{
	struct svart_iova_area *area;
	int rc;

	*unmapped = 0;
	pthread_rwlock_rdlock(&ioas->domains);
	while ((rc = claim(ioas, first, last, &area)) > 0) {
		unfill(ioas, area);
		*unmapped += svart_iova_area_len(area);
		drop(ioas, area);
	}
	pthread_rwlock_unlock(&ioas->domains);
	return rc == 0 && *unmapped == 0 ? -ENOENT : rc;
}

unsigned int svart_ioas_ranges(
	struct svart_ioas *ioas, struct iommu_iova_range *out, uint64_t *alignment)
{
	unsigned int nr = 0;

	pthread_mutex_lock(&ioas->areas);
	*alignment = alignment_of(ioas);
	out[nr].start = 0;
	if (ioas->nr_devices > 0) {
		out[nr++].last = SVART_IOAS_MSI_FIRST - 1;
		out[nr].start = SVART_IOAS_MSI_LAST + 1;
	}
	out[nr++].last = ioas->nr_domains > 0 ? SVART_IOAS_LAST_IOVA : UINT64_MAX;
	pthread_mutex_unlock(&ioas->areas);
	return nr;
}

int svart_ioas_huge_pages_set(struct svart_ioas *ioas, bool on)
{
	int rc = 0;

	pthread_rwlock_wrlock(&ioas->domains);
	pthread_mutex_lock(&ioas->areas);
	if (!on && ioas->huge_pages) {
		if (ioas->nr_domains > 0 && ioas->tree.root != NULL)
			rc = -EINVAL;
		else if (!is_aligned(ioas))
			rc = -EADDRINUSE;
	}
	if (rc == 0)
		ioas->huge_pages = on;
	pthread_mutex_unlock(&ioas->areas);
	pthread_rwlock_unlock(&ioas->domains);
	return rc;
}

bool svart_ioas_huge_pages(struct svart_ioas *ioas)
{
	bool on;

	pthread_mutex_lock(&ioas->areas);
	on = ioas->huge_pages;
	pthread_mutex_unlock(&ioas->areas);
	return on;
}

/**
 * Finds the next area after this one (NULL: the first) that no MAP is busy with. A MAP that is busy will
 * see the HWPT, because it takes domains after it has entered its area. domains is held exclusively, so
 * areas may be added, but none is removed.
 */
static struct svart_iova_area *next_settled(struct svart_ioas *ioas, struct svart_iova_area *area)
{
	pthread_mutex_lock(&ioas->areas);
	do {
		area = area == NULL ? svart_iova_area_find(&ioas->tree, 0, UINT64_MAX)
				    : svart_iova_area_next(&ioas->tree, area);
	} while (area != NULL && area->busy);
	pthread_mutex_unlock(&ioas->areas);
	return area;
}

static void unfill_all(struct svart_ioas *ioas)
{
	struct svart_iova_area *area = NULL;

	while ((area = next_settled(ioas, area)) != NULL)
		unfill(ioas, area);
}

static int fill_all(struct svart_ioas *ioas)
{
	struct svart_iova_area *area = NULL;
	int rc;

	while ((area = next_settled(ioas, area)) != NULL) {
		rc = fill(ioas, area);
		if (rc != 0) {
			unfill_all(ioas);
			return rc;
		}
	}
	return 0;
}

/** Counts a HWPT, if the areas that are mapped fit it. */
static int count_domain(struct svart_ioas *ioas)
{
	int rc = 0;

	pthread_mutex_lock(&ioas->areas);
	if (!is_aligned(ioas) ||
		svart_iova_area_find(&ioas->tree, SVART_IOAS_LAST_IOVA + 1, UINT64_MAX) != NULL)
		rc = -EADDRINUSE;
	else
		ioas->nr_domains++;
	pthread_mutex_unlock(&ioas->areas);
	return rc;
}

static void uncount_domain(struct svart_ioas *ioas)
{
	pthread_mutex_lock(&ioas->areas);
	ioas->nr_domains--;
	pthread_mutex_unlock(&ioas->areas);
}

int svart_ioas_domain_add(struct svart_ioas *ioas)
{
	int rc;

	pthread_rwlock_wrlock(&ioas->domains);
	rc = count_domain(ioas);
	if (rc == 0 && ioas->nr_domains == 1) {
		rc = fill_all(ioas);
		if (rc != 0)
			uncount_domain(ioas);
	}
	pthread_rwlock_unlock(&ioas->domains);
	return rc;
}

void svart_ioas_domain_remove(struct svart_ioas *ioas)
{
	pthread_rwlock_wrlock(&ioas->domains);
	uncount_domain(ioas);
	if (ioas->nr_domains == 0)
		unfill_all(ioas);
	pthread_rwlock_unlock(&ioas->domains);
}

int svart_ioas_device_add(struct svart_ioas *ioas)
{
	int rc = 0;

	pthread_mutex_lock(&ioas->areas);
	if (ioas->nr_devices == 0 && svart_iova_area_find(&ioas->tree, SVART_IOAS_MSI_FIRST,
					     SVART_IOAS_MSI_LAST) != NULL)
		rc = -EADDRINUSE;
	else
		ioas->nr_devices++;
	pthread_mutex_unlock(&ioas->areas);
	return rc;
}

void svart_ioas_device_remove(struct svart_ioas *ioas)
{
	pthread_mutex_lock(&ioas->areas);
	ioas->nr_devices--;
	pthread_mutex_unlock(&ioas->areas);
}

bool svart_ioas_is_attached(const struct svart_ioas *ioas, struct svart_kernel_device *dev)
{
	struct svart_iommu_attachment *a;
	bool found = false;

	svart_engine_lock(&dev->hw.engine);
	for (a = dev->hw.attachments; a != NULL; a = a->next)
		found |= a->tables == &ioas->tables;
	svart_engine_unlock(&dev->hw.engine);
	return found;
}

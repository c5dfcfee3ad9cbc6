/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "aperture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "error.h"
#include "iommufd.h"
#include "maps.h"

/** More ranges than any IOMMU has; it limits how much a kernel's answer can make svart allocate. */
#define MAX_RANGES 4096
/** Room for ranges at the first try: x86 has two or three. */
#define FEW_RANGES 16

/** No process maps anything below this (vm.mmap_min_addr is at least a page). */
#define USER_START UINT64_C(0x1000)
/** One past the last address that a process gets without asking for more. */
#ifdef __aarch64__
#define USER_END (UINT64_C(1) << 48)
#else
#define USER_END (UINT64_C(1) << 47) /* x86-64; above are vsyscall and 5-level hints. */
#endif

/** A hole this large is not a window for MSIs (x86: 1 MiB at 0xfee00000) but a narrow IOMMU. */
#define LARGE_HOLE (UINT64_C(1) << 30)

/** @return the ranges as the kernel tells them, for the caller to free(), or NULL with *rc set. */
static struct iommu_iova_range *read_ranges(struct svart_machine *m, int iommufd, uint32_t ioas,
	uint32_t *nr, uint64_t *alignment, int *rc)
{
	struct iommu_iova_range *ranges = NULL;
	uint32_t room = FEW_RANGES, have;
	void *larger;

	for (;;) {
		larger = realloc(ranges, room * sizeof(*ranges));
		*rc = -ENOMEM;
		if (larger == NULL)
			break;
		ranges = larger;
		have = room;
		*rc = svart_iommufd_ioas_iova_ranges(m, iommufd, ioas, ranges, &have, alignment);
		if (*rc != -EMSGSIZE || have <= room || have > MAX_RANGES)
			break;
		room = have; /* The number can grow again between two calls. */
	}
	if (*rc == 0 && have <= room) {
		*nr = have;
		return ranges;
	}
	if (*rc == 0)
		*rc = -EIO;
	free(ranges);
	return NULL;
}

/** Adds the whole pages of a range. @return false if what the kernel said cannot be. */
static bool add_range(struct svart_aperture *a, const struct iommu_iova_range *range,
	const struct iommu_iova_range *before)
{
	uint64_t start = svart_page_up(range->start);
	/* The last page of all stays unused, so that no end wraps to 0. */
	uint64_t end = svart_page_down(range->last == UINT64_MAX ? UINT64_MAX : range->last + 1);

	if (range->last < range->start || (before != NULL && range->start <= before->last))
		return false;
	if (start >= range->start && start < end)
		a->ranges[a->nr++] = (struct svart_usable){ start, end };
	return true;
}

static int convert(const struct iommu_iova_range *ranges, uint32_t nr, struct svart_aperture **out)
{
	struct svart_aperture *a = calloc(1, sizeof(*a) + nr * sizeof(a->ranges[0]));
	uint32_t i;

	if (a == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	for (i = 0; i < nr; i++) {
		if (!add_range(a, &ranges[i], i == 0 ? NULL : &ranges[i - 1])) {
			free(a);
			return svart_fail(-EIO,
				"the kernel names the usable IOVA range [%#" PRIx64 ", %#" PRIx64
				"], which cannot be: report this kernel",
				(uint64_t)ranges[i].start, (uint64_t)ranges[i].last);
		}
	}
	*out = a;
	return 0;
}

int svart_aperture_read(
	struct svart_machine *m, int iommufd, uint32_t ioas, struct svart_aperture **out)
{
	struct iommu_iova_range *ranges;
	uint64_t alignment = 1;
	uint32_t nr = 0;
	int rc;

	ranges = read_ranges(m, iommufd, ioas, &nr, &alignment, &rc);
	if (ranges == NULL)
		return svart_fail(rc, "cannot read the usable IOVA ranges: %s", strerror(-rc));
	if (alignment > SVART_PAGE_SIZE)
		rc = svart_fail(-ENOTSUP,
			"the IOMMU maps units of %" PRIu64 " bytes, svart needs %" PRIu64
			": run a kernel with pages of that size",
			alignment, SVART_PAGE_SIZE);
	else
		rc = convert(ranges, nr, out);
	free(ranges);
	return rc;
}

bool svart_aperture_equal(const struct svart_aperture *a, const struct svart_aperture *b)
{
	uint32_t i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++) {
		if (a->ranges[i].start != b->ranges[i].start ||
			a->ranges[i].end != b->ranges[i].end)
			return false;
	}
	return true;
}

const struct svart_usable *svart_aperture_find(const struct svart_aperture *a, uint64_t addr)
{
	uint32_t i;

	for (i = 0; i < a->nr; i++) {
		if (addr >= a->ranges[i].start && addr < a->ranges[i].end)
			return &a->ranges[i];
	}
	return NULL;
}

int svart_aperture_check(const struct svart_aperture *a, struct svart_machine *m)
{
	uint64_t at = USER_START, top, start;
	uint32_t i;
	/* The process's highest memory ends at `top`: it is the stack, as a rule. */
	int rc = svart_maps_top(m, USER_END, &top);

	if (rc != 0)
		return rc;
	for (i = 0; i < a->nr && a->ranges[i].start < top; i++) {
		start = a->ranges[i].start;
		if (start > at && start - at > LARGE_HOLE)
			return svart_fail(-ERANGE,
				"the IOMMU cannot map addresses from %#" PRIx64 " to %#" PRIx64
				", and the process may have memory there: use another IOMMU setup",
				at, start);
		at = a->ranges[i].end;
	}
	if (at < top)
		return svart_fail(-ERANGE,
			"the IOMMU maps addresses up to %#" PRIx64
			" and the process has memory up to %#" PRIx64
			": use an IOMMU with a wider aperture (48 bits)",
			at, top);
	return 0;
}

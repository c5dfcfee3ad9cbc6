/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The I/O address space: areas, and which ones can be made and unmade. */

#include "parity.h"

static int raw_map(struct parity *p, uint32_t flags, uint64_t iova, uint64_t va, uint64_t len)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = p->ioas_id,
		.user_va = va,
		.length = len,
		.iova = iova,
	};

	return p->m->ops->ioctl(p->m, p->fd, IOMMU_IOAS_MAP, &cmd);
}

static int unmap_counted(struct parity *p, uint64_t iova, uint64_t len, uint64_t *unmapped)
{
	return svart_iommufd_ioas_unmap(p->m, p->fd, p->ioas_id, iova, len, unmapped);
}

static void *page_at(void *va, unsigned int nr)
{
	return (char *)va + nr * PARITY_PAGE;
}

#define MAP_FIXED_RW \
	(IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static void ioas_alloc_with_flags_is_not_supported(struct parity *p)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd), .flags = 1 };

	CHECK_EQ(p->run, p->m->ops->ioctl(p->m, p->fd, IOMMU_IOAS_ALLOC, &cmd), -EOPNOTSUPP);
}

static void ioctl_with_a_short_size_is_invalid(struct parity *p)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) - 4 };

	CHECK_EQ(p->run, p->m->ops->ioctl(p->m, p->fd, IOMMU_IOAS_ALLOC, &cmd), -EINVAL);
}

static void ioctl_with_an_unknown_tail_is_too_big_unless_zero(struct parity *p)
{
	struct {
		struct iommu_ioas_alloc cmd;
		uint64_t tail;
	} longer = { .cmd = { .size = sizeof(longer) }, .tail = 1 };

	CHECK_EQ(p->run, p->m->ops->ioctl(p->m, p->fd, IOMMU_IOAS_ALLOC, &longer), -E2BIG);
	longer.tail = 0;
	CHECK_EQ(p->run, p->m->ops->ioctl(p->m, p->fd, IOMMU_IOAS_ALLOC, &longer), 0);
}

static void unknown_ioctl_is_refused(struct parity *p)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	CHECK_EQ(p->run,
		p->m->ops->ioctl(p->m, p->fd, _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 0x3f), &cmd),
		-ENOTTY);
}

static void destroy_of_no_object_is_enoent(struct parity *p)
{
	CHECK_EQ(p->run, svart_iommufd_destroy(p->m, p->fd, p->ioas_id + 100), -ENOENT);
}

static void destroy_of_an_ioas_unmaps_it(struct parity *p)
{
	void *va = parity_pages(p, 4);

	CHECK_EQ(p->run, parity_map(p, va, 4, true), 0);
	CHECK_EQ(p->run, svart_iommufd_destroy(p->m, p->fd, p->ioas_id), 0);
	CHECK_EQ(p->run, parity_map(p, va, 4, true), -ENOENT);
}

static void iova_ranges_with_no_room_tells_how_many(struct parity *p)
{
	uint32_t nr = 0;
	uint64_t alignment;

	CHECK_EQ(p->run,
		svart_iommufd_ioas_iova_ranges(p->m, p->fd, p->ioas_id, NULL, &nr, &alignment),
		-EMSGSIZE);
	CHECK_EQ(p->run, nr, 1);
}

static void iova_ranges_without_a_device_is_everything_at_any_byte(struct parity *p)
{
	struct iommu_iova_range range;
	uint32_t nr = 1;
	uint64_t alignment;

	CHECK_EQ(p->run,
		svart_iommufd_ioas_iova_ranges(p->m, p->fd, p->ioas_id, &range, &nr, &alignment),
		0);
	CHECK_EQ(p->run, nr, 1);
	CHECK_EQ(p->run, range.start, 0);
	CHECK_EQ(p->run, range.last, UINT64_MAX);
	CHECK_EQ(p->run, alignment, 1);
}

static void iova_ranges_with_a_device_holds_the_test_memory(struct parity *p)
{
	struct iommu_iova_range ranges[8];
	uint32_t nr = 8, i;
	uint64_t alignment;
	bool held = false;

	parity_open_device(p);
	CHECK_EQ(p->run,
		svart_iommufd_ioas_iova_ranges(p->m, p->fd, p->ioas_id, ranges, &nr, &alignment),
		0);
	for (i = 0; i < nr; i++)
		held = held || (ranges[i].start <= PARITY_VA &&
				       ranges[i].last >= PARITY_VA + PARITY_VA_BYTES);
	CHECK(p->run, held);
	CHECK(p->run, alignment <= PARITY_PAGE && alignment > 1);
}

static void map_outside_the_ranges_is_invalid(struct parity *p)
{
	struct iommu_iova_range ranges[8];
	uint32_t nr = 8;
	uint64_t alignment;
	void *va = parity_pages(p, 1);

	parity_open_device(p);
	CHECK_EQ(p->run,
		svart_iommufd_ioas_iova_ranges(p->m, p->fd, p->ioas_id, ranges, &nr, &alignment),
		0);
	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, ranges[0].last + 1, (uintptr_t)va, PARITY_PAGE),
		-EINVAL);
}

static void attach_over_areas_outside_the_ranges_is_refused(struct parity *p)
{
	void *va = parity_pages(p, 1);

	/* Reserved everywhere: above the mock's aperture, and where interrupts are written. */
	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, 0xfee00000, (uintptr_t)va, PARITY_PAGE), 0);
	CHECK_EQ(p->run, p->rig->ops->device_open(p->rig, p->fd, p->ioas_id, &p->dev), -EADDRINUSE);
}

static void map_over_mapped_is_eexist(struct parity *p)
{
	void *va = parity_pages(p, 8);

	CHECK_EQ(p->run, parity_map(p, page_at(va, 2), 4, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 2), 4, true), -EEXIST);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 3), 1, true), -EEXIST);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 1), 2, true), -EEXIST);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 5), 2, true), -EEXIST);
	CHECK_EQ(p->run, parity_map(p, va, 8, true), -EEXIST);
}

static void map_next_to_mapped_is_fine(struct parity *p)
{
	void *va = parity_pages(p, 4);

	CHECK_EQ(p->run, parity_map(p, page_at(va, 1), 2, true), 0);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 3), 1, true), 0);
}

static void map_of_read_for_write_again_is_eexist(struct parity *p)
{
	void *va = parity_pages(p, 1);

	parity_open_device(p);
	CHECK_EQ(p->run, parity_map(p, va, 1, false), 0);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), -EEXIST);
	CHECK_EQ(p->run, parity_unmap(p, va, 1), 0);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
}

static void map_of_nothing_is_invalid(struct parity *p)
{
	CHECK_EQ(p->run, parity_map(p, parity_pages(p, 1), 0, true), -EINVAL);
}

static void map_without_access_is_invalid(struct parity *p)
{
	uint64_t va = (uintptr_t)parity_pages(p, 1);

	CHECK_EQ(p->run, raw_map(p, IOMMU_IOAS_MAP_FIXED_IOVA, va, va, PARITY_PAGE), -EINVAL);
}

static void map_with_unknown_flags_is_not_supported(struct parity *p)
{
	uint64_t va = (uintptr_t)parity_pages(p, 1);

	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW | 1u << 20, va, va, PARITY_PAGE), -EOPNOTSUPP);
}

static void map_of_a_part_of_a_page_is_invalid_with_a_device(struct parity *p)
{
	uint64_t va = (uintptr_t)parity_pages(p, 2);

	parity_open_device(p);
	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, va, va, 100), -EINVAL);
	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, va + 1, va, PARITY_PAGE), -EINVAL);
	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, va, va + 1, PARITY_PAGE), -EINVAL);
}

static void map_that_wraps_is_an_overflow(struct parity *p)
{
	uint64_t va = (uintptr_t)parity_pages(p, 2);

	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, -PARITY_PAGE, va, 2 * PARITY_PAGE), -EOVERFLOW);
	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, va, va, UINT64_MAX), -EOVERFLOW);
	CHECK_EQ(p->run, raw_map(p, MAP_FIXED_RW, va, -PARITY_PAGE, 2 * PARITY_PAGE), -EOVERFLOW);
}

static void map_into_no_ioas_is_enoent(struct parity *p)
{
	struct parity_queue queue = parity_queue(p);
	void *va = parity_pages(p, 1);

	CHECK_EQ(p->run,
		svart_iommufd_ioas_map_identity(
			p->m, p->fd, p->ioas_id + 100, (uintptr_t)va, PARITY_PAGE, true),
		-ENOENT);
	CHECK_EQ(p->run,
		svart_iommufd_ioas_map_identity(
			p->m, p->fd, queue.id, (uintptr_t)va, PARITY_PAGE, true),
		-ENOENT);
}

static void map_at_any_iova_finds_one(struct parity *p)
{
	uint64_t va = (uintptr_t)parity_pages(p, 1);
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE,
		.ioas_id = p->ioas_id,
		.user_va = va,
		.length = PARITY_PAGE,
	};

	parity_open_device(p);
	CHECK_EQ(p->run, p->m->ops->ioctl(p->m, p->fd, IOMMU_IOAS_MAP, &cmd), 0);
	CHECK_EQ(p->run, cmd.iova % PARITY_PAGE, 0);
	CHECK_EQ(p->run, unmap_counted(p, cmd.iova, PARITY_PAGE, NULL), 0);
}

static void unmap_of_nothing_is_enoent(struct parity *p)
{
	CHECK_EQ(p->run, parity_unmap(p, parity_pages(p, 1), 1), -ENOENT);
}

static void unmap_of_a_part_is_enoent_and_leaves_it(struct parity *p)
{
	void *va = parity_pages(p, 4);

	CHECK_EQ(p->run, parity_map(p, va, 4, true), 0);
	CHECK_EQ(p->run, parity_unmap(p, va, 1), -ENOENT);
	CHECK_EQ(p->run, parity_unmap(p, page_at(va, 3), 1), -ENOENT);
	CHECK_EQ(p->run, parity_unmap(p, page_at(va, 1), 2), -ENOENT);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), -EEXIST);
	CHECK_EQ(p->run, parity_unmap(p, va, 4), 0);
}

static void unmap_of_several_areas_and_gaps_counts_the_bytes(struct parity *p)
{
	void *va = parity_pages(p, 8);
	uint64_t unmapped = 0;

	CHECK_EQ(p->run, parity_map(p, page_at(va, 1), 2, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 3), 1, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 6), 1, true), 0);
	CHECK_EQ(p->run, unmap_counted(p, (uintptr_t)va, 8 * PARITY_PAGE, &unmapped), 0);
	CHECK_EQ(p->run, unmapped, 4 * PARITY_PAGE);
	CHECK_EQ(p->run, parity_map(p, va, 8, true), 0);
}

static void unmap_that_ends_in_an_area_unmaps_those_before(struct parity *p)
{
	void *va = parity_pages(p, 4);

	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 1), 3, true), 0);
	CHECK_EQ(p->run, parity_unmap(p, va, 2), -ENOENT);
	CHECK_EQ(p->run, parity_map(p, va, 1, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 1), 1, true), -EEXIST);
}

static void unmap_of_everything_counts_the_bytes(struct parity *p)
{
	void *va = parity_pages(p, 4);
	uint64_t unmapped = 1;

	CHECK_EQ(p->run, unmap_counted(p, 0, UINT64_MAX, &unmapped), 0);
	CHECK_EQ(p->run, unmapped, 0);
	CHECK_EQ(p->run, parity_map(p, va, 2, true), 0);
	CHECK_EQ(p->run, parity_map(p, page_at(va, 3), 1, true), 0);
	CHECK_EQ(p->run, unmap_counted(p, 0, UINT64_MAX, &unmapped), 0);
	CHECK_EQ(p->run, unmapped, 3 * PARITY_PAGE);
}

static void unmap_that_wraps_is_an_overflow(struct parity *p)
{
	CHECK_EQ(p->run, unmap_counted(p, PARITY_VA, UINT64_MAX, NULL), -EOVERFLOW);
}

static void unmap_of_no_bytes_is_invalid(struct parity *p)
{
	CHECK_EQ(p->run, unmap_counted(p, PARITY_VA, 0, NULL), -EINVAL);
}

const struct parity_case parity_ioas_cases[] = {
	PARITY_CASE(ioas_alloc_with_flags_is_not_supported),
	PARITY_CASE(ioctl_with_a_short_size_is_invalid),
	PARITY_CASE(ioctl_with_an_unknown_tail_is_too_big_unless_zero),
	PARITY_CASE(unknown_ioctl_is_refused),
	PARITY_CASE(destroy_of_no_object_is_enoent),
	PARITY_CASE(destroy_of_an_ioas_unmaps_it),
	PARITY_CASE(iova_ranges_with_no_room_tells_how_many),
	PARITY_CASE(iova_ranges_without_a_device_is_everything_at_any_byte),
	PARITY_CASE(iova_ranges_with_a_device_holds_the_test_memory),
	PARITY_CASE(map_outside_the_ranges_is_invalid),
	PARITY_CASE(attach_over_areas_outside_the_ranges_is_refused),
	PARITY_CASE(map_over_mapped_is_eexist),
	PARITY_CASE(map_next_to_mapped_is_fine),
	PARITY_CASE(map_of_read_for_write_again_is_eexist),
	PARITY_CASE(map_of_nothing_is_invalid),
	PARITY_CASE(map_without_access_is_invalid),
	PARITY_CASE(map_with_unknown_flags_is_not_supported),
	PARITY_CASE(map_of_a_part_of_a_page_is_invalid_with_a_device),
	PARITY_CASE(map_that_wraps_is_an_overflow),
	PARITY_CASE(map_into_no_ioas_is_enoent),
	PARITY_CASE(map_at_any_iova_finds_one),
	PARITY_CASE(unmap_of_nothing_is_enoent),
	PARITY_CASE(unmap_of_a_part_is_enoent_and_leaves_it),
	PARITY_CASE(unmap_of_several_areas_and_gaps_counts_the_bytes),
	PARITY_CASE(unmap_that_ends_in_an_area_unmaps_those_before),
	PARITY_CASE(unmap_of_everything_counts_the_bytes),
	PARITY_CASE(unmap_that_wraps_is_an_overflow),
	PARITY_CASE(unmap_of_no_bytes_is_invalid),
};
const size_t parity_nr_ioas_cases = sizeof(parity_ioas_cases) / sizeof(parity_ioas_cases[0]);

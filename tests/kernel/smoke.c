/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The first thing to run on a kernel: svart's wrappers of iommufd and VFIO, one call after the other,
 * on the kernel's mock device (uml) or on QEMU's edu bound to vfio-pci (qemu).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "case.h"
#include "iommufd.h"
#include "mock.h"
#include "pci.h"
#include "vfio.h"

/** Below 2 GiB, where the mock device's page tables reach; a quarter GiB is free in any program. */
#define SMOKE_VA         UINT64_C(0x20000000)
#define SMOKE_BYTES      UINT64_C(0x10000)
#define SMOKE_PAGE       UINT64_C(0x1000)
#define SMOKE_EDU_VENDOR 0x1234
#define SMOKE_EDU_DEVICE 0x11e8
#define SMOKE_NO_ID      0

/** Owner: main(). Lifetime: one case; its files end with it. Locks: none. */
struct smoke {
	struct svart_machine *m;
	bool uml;
	int fd;        /* /dev/iommu */
	int device_fd; /* the VFIO device, or -1 */
	int fault_fd;  /* or -1 */
	uint32_t ioas_id;
};

/* --- iommufd alone ---------------------------------------------------------------------------- */

static void smoke_ioas(struct case_run *run, struct smoke *s)
{
	s->fd = svart_iommufd_open(s->m);
	CHECK(run, s->fd >= 0);
	CHECK_EQ(run, svart_iommufd_ioas_alloc(s->m, s->fd, &s->ioas_id), 0);
	CHECK(run, s->ioas_id != SMOKE_NO_ID);
}

static void ioas_alloc_gives_an_id(struct case_run *run, void *arg)
{
	smoke_ioas(run, arg);
}

static void iova_ranges_of_an_empty_ioas_is_everything(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	struct iommu_iova_range range;
	uint32_t nr = 1;
	uint64_t alignment;

	smoke_ioas(run, s);
	CHECK_EQ(run,
		svart_iommufd_ioas_iova_ranges(s->m, s->fd, s->ioas_id, &range, &nr, &alignment),
		0);
	CHECK_EQ(run, nr, 1);
	CHECK_EQ(run, range.start, 0);
	CHECK_EQ(run, range.last, UINT64_MAX);
}

static void map_then_unmap_counts_the_bytes(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	uint64_t unmapped = 0;

	smoke_ioas(run, s);
	CHECK_EQ(run,
		svart_iommufd_ioas_map_identity(
			s->m, s->fd, s->ioas_id, SMOKE_VA, SMOKE_BYTES, true),
		0);
	CHECK_EQ(run,
		svart_iommufd_ioas_map_identity(
			s->m, s->fd, s->ioas_id, SMOKE_VA, SMOKE_PAGE, true),
		-EEXIST);
	CHECK_EQ(run,
		svart_iommufd_ioas_unmap(s->m, s->fd, s->ioas_id, SMOKE_VA, SMOKE_BYTES, &unmapped),
		0);
	CHECK_EQ(run, unmapped, SMOKE_BYTES);
}

static void fault_queue_alloc_gives_a_pollable_fd(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	struct pollfd poll_fd = { .events = POLLIN | POLLOUT };
	uint32_t fault_id;

	smoke_ioas(run, s);
	CHECK_EQ(run, svart_iommufd_fault_queue_alloc(s->m, s->fd, &fault_id, &s->fault_fd), 0);
	poll_fd.fd = s->fault_fd;
	CHECK_EQ(run, s->m->ops->poll(s->m, &poll_fd, 1, 0), 1);
	CHECK_EQ(run, poll_fd.revents, POLLOUT);
}

/* --- the mock device --------------------------------------------------------------------------- */

static void mock_fault_is_read_mapped_and_answered(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	struct mock_device dev;
	struct iommu_hwpt_pgfault record;
	struct iommu_hwpt_page_response answer = { .code = IOMMUFD_PAGE_RESP_SUCCESS };
	uint32_t fault_id, hwpt_id;

	if (!s->uml)
		case_skip(run, "the mock device is tested on UML; VT-d has devices of its own");
	smoke_ioas(run, s);
	CHECK_EQ(run, mock_device_create(s->m, s->fd, s->ioas_id, &dev), 0);
	CHECK_EQ(run, svart_iommufd_fault_queue_alloc(s->m, s->fd, &fault_id, &s->fault_fd), 0);
	CHECK_EQ(run,
		svart_iommufd_hwpt_alloc(s->m, s->fd, dev.dev_id, s->ioas_id,
			IOMMU_HWPT_FAULT_ID_VALID, fault_id, &hwpt_id),
		0);
	CHECK_EQ(run, mock_replace(s->m, s->fd, &dev, hwpt_id), 0);
	CHECK_EQ(run, svart_iommufd_fault_read(s->m, s->fault_fd, &record, 1), 0);
	CHECK_EQ(run, mock_trigger(s->m, s->fd, &dev, 0, 7, IOMMU_PGFAULT_PERM_READ, SMOKE_VA), 0);
	CHECK_EQ(run, svart_iommufd_fault_read(s->m, s->fault_fd, &record, 1), 1);
	CHECK_EQ(run, record.addr, SMOKE_VA);
	CHECK_EQ(run, record.grpid, 7);
	CHECK_EQ(run, record.dev_id, dev.dev_id);
	CHECK_EQ(run, record.perm, IOMMU_PGFAULT_PERM_READ);
	CHECK_EQ(run,
		svart_iommufd_ioas_map_identity(
			s->m, s->fd, s->ioas_id, SMOKE_VA, SMOKE_PAGE, true),
		0);
	CHECK_EQ(run, mock_check_map(s->m, s->fd, hwpt_id, SMOKE_VA, SMOKE_PAGE, (void *)SMOKE_VA),
		0);
	answer.cookie = record.cookie;
	CHECK_EQ(run, svart_iommufd_fault_write(s->m, s->fault_fd, &answer, 1), 1);
	CHECK_EQ(run, svart_iommufd_fault_write(s->m, s->fault_fd, &answer, 1), -EINVAL);
}

/* --- a VFIO device ----------------------------------------------------------------------------- */

/** A sysfs entry is edu if its ids are. @return 1 to end the search with the cdev's name in arg. */
struct smoke_search {
	struct svart_machine *m;
	struct svart_pci_device found;
};

static int smoke_is_edu(void *arg, const char *name)
{
	struct smoke_search *search = arg;

	return svart_pci_read(search->m, name, &search->found) == 0 &&
	       search->found.vendor == SMOKE_EDU_VENDOR && search->found.device == SMOKE_EDU_DEVICE;
}

/* Opens and binds edu. */
static uint32_t smoke_edu(struct case_run *run, struct smoke *s)
{
	struct smoke_search search = { .m = s->m };
	uint32_t dev_id;

	if (s->uml)
		case_skip(run, "UML has no PCI");
	smoke_ioas(run, s);
	CHECK_EQ(run, s->m->ops->listdir(s->m, "/sys/bus/pci/devices", smoke_is_edu, &search), 1);
	if (strcmp(search.found.driver, "vfio-pci") != 0)
		case_fail(run, "edu is bound to '%s', not to vfio-pci", search.found.driver);
	s->device_fd = s->m->ops->open(s->m, search.found.vfio_cdev, O_RDWR);
	CHECK(run, s->device_fd >= 0);
	CHECK_EQ(run, svart_vfio_bind_iommufd(s->m, s->device_fd, s->fd, &dev_id), 0);
	return dev_id;
}

static void edu_is_bound_once(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	uint32_t dev_id;

	smoke_edu(run, s);
	CHECK_EQ(run, svart_vfio_bind_iommufd(s->m, s->device_fd, s->fd, &dev_id), -EINVAL);
}

static void edu_hw_info_is_vtd(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	struct iommu_hw_info_vtd vtd = { 0 };
	uint32_t type, dev_id = smoke_edu(run, s);
	uint64_t capabilities;
	uint8_t pasid_log2;

	CHECK_EQ(run,
		svart_iommufd_get_hw_info(
			s->m, s->fd, dev_id, &vtd, sizeof(vtd), &type, &capabilities, &pasid_log2),
		0);
	CHECK_EQ(run, type, IOMMU_HW_INFO_TYPE_INTEL_VTD);
	CHECK(run, (vtd.ecap_reg & (UINT64_C(1) << 43)) != 0); /* scalable mode (VT-d 11.4.3) */
}

static void edu_attached_maps_and_unmaps(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	struct iommu_iova_range ranges[8];
	uint32_t nr = 8;
	uint64_t alignment;

	smoke_edu(run, s);
	CHECK_EQ(run, svart_vfio_attach(s->m, s->device_fd, s->ioas_id), 0);
	CHECK_EQ(run,
		svart_iommufd_ioas_iova_ranges(s->m, s->fd, s->ioas_id, ranges, &nr, &alignment),
		0);
	CHECK(run, nr >= 2); /* below and above the interrupt window at 0xfee00000 */
	CHECK_EQ(run, ranges[0].last, 0xfedfffff);
	CHECK_EQ(run,
		svart_iommufd_ioas_map_identity(
			s->m, s->fd, s->ioas_id, SMOKE_VA, SMOKE_BYTES, true),
		0);
	CHECK_EQ(run,
		svart_iommufd_ioas_unmap(s->m, s->fd, s->ioas_id, SMOKE_VA, SMOKE_BYTES, NULL), 0);
	CHECK_EQ(run, svart_vfio_detach(s->m, s->device_fd), 0);
}

static void edu_refuses_a_fault_hwpt(struct case_run *run, void *arg)
{
	struct smoke *s = arg;
	uint32_t fault_id, hwpt_id, dev_id = smoke_edu(run, s);

	CHECK_EQ(run, svart_iommufd_fault_queue_alloc(s->m, s->fd, &fault_id, &s->fault_fd), 0);
	CHECK_EQ(run,
		svart_iommufd_hwpt_alloc(s->m, s->fd, dev_id, s->ioas_id, IOMMU_HWPT_FAULT_ID_VALID,
			fault_id, &hwpt_id),
		0);
	CHECK_EQ(run, svart_vfio_attach(s->m, s->device_fd, hwpt_id), -ENODEV); /* it has no PRI */
}

/* --- all of them ------------------------------------------------------------------------------- */

static const struct smoke_case {
	const char *name;
	void (*fn)(struct case_run *run, void *arg);
} smoke_cases[] = {
	{ "ioas_alloc_gives_an_id", ioas_alloc_gives_an_id },
	{ "iova_ranges_of_an_empty_ioas_is_everything",
		iova_ranges_of_an_empty_ioas_is_everything },
	{ "map_then_unmap_counts_the_bytes", map_then_unmap_counts_the_bytes },
	{ "fault_queue_alloc_gives_a_pollable_fd", fault_queue_alloc_gives_a_pollable_fd },
	{ "mock_fault_is_read_mapped_and_answered", mock_fault_is_read_mapped_and_answered },
	{ "edu_is_bound_once", edu_is_bound_once },
	{ "edu_hw_info_is_vtd", edu_hw_info_is_vtd },
	{ "edu_attached_maps_and_unmaps", edu_attached_maps_and_unmaps },
	{ "edu_refuses_a_fault_hwpt", edu_refuses_a_fault_hwpt },
};

static void smoke_close(struct smoke *s)
{
	const int fds[] = { s->fault_fd, s->device_fd, s->fd };

	for (unsigned int i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			s->m->ops->close(s->m, fds[i]);
}

int main(int argc, char **argv)
{
	struct case_run run = { .only = argc > 2 ? argv[2] : "" };
	struct svart_machine *m;
	void *memory = mmap((void *)SMOKE_VA, SMOKE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (argc < 2 || memory == MAP_FAILED || svart_machine_linux.create("", &m) != 0) {
		fprintf(stderr, "usage: smoke uml|qemu [REGEX]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(smoke_cases) / sizeof(smoke_cases[0]); i++) {
		struct smoke s = { .m = m,
			.uml = strcmp(argv[1], "uml") == 0,
			.fd = -1,
			.device_fd = -1,
			.fault_fd = -1 };

		case_run(&run, smoke_cases[i].name, smoke_cases[i].fn, &s);
		smoke_close(&s);
	}
	svart_machine_linux.destroy(m);
	munmap(memory, SMOKE_BYTES);
	return case_exit_status(&run);
}

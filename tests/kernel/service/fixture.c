/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service.h"

/** PASIDs of the lanes that have one only because of the lane. */
#define FIRST_PASID 16
/** Fault-around of the spaces: small, so that there is always something left to fault. */
#define FAULT_AROUND (16 * SERVICE_PAGE)

/* --- attaching ----------------------------------------------------------------------------------- */

static int lane_plug(struct service *s, struct service_lane *lane)
{
	int rc;

	if (lane->attached)
		return 0;
	rc = s->rig->ops->attach(s->rig, &s->dev, lane->pasid, lane->hwpt_id);
	lane->attached = rc == 0;
	return rc;
}

static int lane_serve(struct service *s, struct service_lane *lane)
{
	int rc = 0;

	if (lane->source == NULL)
		rc = svart_fault_source_iommufd_create(
			s->m, lane->fault_fd, s->dev.dev_id, 0, &lane->source);
	if (rc != 0 || lane->served)
		return rc;
	rc = svart_fault_service_add(s->faults, lane->source, lane->space);
	lane->served = rc == 0;
	return rc;
}

/* The fault object and the page table. */
static int lane_objects(struct service *s, struct service_lane *lane)
{
	int rc = 0;

	if (lane->fault_id == 0) {
		rc = svart_iommufd_fault_queue_alloc(s->m, s->fd, &lane->fault_id, &lane->fault_fd);
		if (rc == 0 && !ledger_watch(s->ledger, lane->fault_fd))
			rc = -ENOSPC;
	}
	if (rc == 0 && lane->hwpt_id == 0)
		rc = svart_iommufd_hwpt_alloc(s->m, s->fd, s->dev.dev_id,
			svart_space_ioas(lane->space),
			IOMMU_HWPT_FAULT_ID_VALID | SVART_HWPT_ALLOC_PASID, lane->fault_id,
			&lane->hwpt_id);
	return rc;
}

static uint32_t lane_pasid(const struct service *s, unsigned int lane)
{
	return lane == SERVICE_MAIN ? s->rig->ops->fault_pasid : FIRST_PASID + lane;
}

int service_try_attach(struct service *s, unsigned int index, unsigned int space)
{
	struct service_lane *lane = &s->lanes[index];
	int rc;

	lane->pasid = lane_pasid(s, index);
	if (lane->space == NULL) {
		rc = svart_space_bind(s->spaces[space], s->m, s->fd);
		if (rc != 0)
			return rc;
		lane->space = s->spaces[space];
	}
	rc = lane_objects(s, lane);
	if (rc == 0)
		rc = lane_serve(s, lane);
	if (rc == 0)
		rc = lane_plug(s, lane);
	if (rc != 0)
		return rc;
	rc = svart_space_check_aperture(lane->space);
	/* The mock device reaches little, which is remembered; the cases' memory lies there. */
	return rc == -ERANGE ? 0 : rc;
}

void service_attach(struct service *s, unsigned int lane, unsigned int space)
{
	if (s->rig->ops->lacks[RIG_FAULTS] != NULL)
		case_skip(s->run, "%s", s->rig->ops->lacks[RIG_FAULTS]);
	CHECK_EQ(s->run, service_try_attach(s, lane, space), 0);
}

int service_unplug(struct service *s, unsigned int index)
{
	struct service_lane *lane = &s->lanes[index];
	int rc = 0;

	if (!lane->attached)
		return 0;
	if (lane->pasid == RIG_NO_PASID)
		rc = s->rig->ops->attach(s->rig, &s->dev, RIG_NO_PASID, s->parked_id);
	else
		rc = s->rig->ops->detach(s->rig, &s->dev, lane->pasid);
	lane->attached = rc != 0;
	return rc;
}

/* What the fault object holds must have been answered; the objects must be free to go. */
static int lane_destroy(struct service *s, struct service_lane *lane)
{
	struct iommu_hwpt_pgfault record;
	int rc = 0;

	if (lane->hwpt_id != 0) {
		rc = svart_iommufd_destroy(s->m, s->fd, lane->hwpt_id);
		if (rc != 0)
			return rc;
		lane->hwpt_id = 0;
	}
	if (lane->fault_id == 0)
		return 0;
	if (svart_iommufd_fault_read(s->rig->m, lane->fault_fd, &record, 1) != 0 ||
		ledger_unwatch(s->ledger, lane->fault_fd) != 0)
		rc = -ENOTEMPTY;
	s->m->ops->close(s->m, lane->fault_fd);
	if (rc == 0)
		rc = svart_iommufd_destroy(s->m, s->fd, lane->fault_id);
	lane->fault_id = 0;
	return rc;
}

/* The last one that leaves a space destroys its IOAS. */
static int lane_unbind(struct service *s, struct service_lane *lane)
{
	uint32_t ioas = svart_space_ioas(lane->space);
	bool last = svart_space_bound(lane->space) == 1;

	svart_space_unbind(lane->space);
	lane->space = NULL;
	if (last && svart_iommufd_destroy(s->rig->m, s->fd, ioas) != -ENOENT)
		return -EBUSY;
	return 0;
}

int service_try_detach(struct service *s, unsigned int index)
{
	struct service_lane *lane = &s->lanes[index];
	int rc = service_unplug(s, index);

	if (rc != 0)
		return rc;
	if (lane->served)
		svart_fault_service_remove(s->faults, lane->source);
	lane->served = false;
	if (lane->source != NULL)
		lane->source->ops->destroy(lane->source);
	lane->source = NULL;
	rc = lane_destroy(s, lane);
	if (rc == 0 && lane->space != NULL)
		rc = lane_unbind(s, lane);
	return rc;
}

/* --- opening and closing -------------------------------------------------------------------------- */

void service_open(struct service *s)
{
	const struct svart_space_params params = { .fault_around_bytes = FAULT_AROUND };

	s->fd = svart_iommufd_open(s->rig->m);
	CHECK(s->run, s->fd >= 0);
	CHECK_EQ(s->run, svart_iommufd_ioas_alloc(s->rig->m, s->fd, &s->blank_id), 0);
	CHECK_EQ(s->run, s->rig->ops->device_open(s->rig, s->fd, s->blank_id, &s->dev), 0);
	s->device_open = true;
	/* A device with PASIDs needs a table that allows them for itself too. */
	CHECK_EQ(s->run,
		svart_iommufd_hwpt_alloc(s->rig->m, s->fd, s->dev.dev_id, s->blank_id,
			SVART_HWPT_ALLOC_PASID, 0, &s->parked_id),
		0);
	CHECK_EQ(s->run, s->rig->ops->replace(s->rig, &s->dev, RIG_NO_PASID, s->parked_id), 0);
	CHECK_EQ(s->run, svart_fault_service_init(&s->params, false, &s->faults), 0);
	for (unsigned int i = 0; i < SERVICE_NR_SPACES; i++)
		CHECK_EQ(s->run, svart_space_init(&params, &s->spaces[i]), 0);
}

/* A group that waits for its memory gets it from the kernel when nobody else supplies it. */
static void uffd_close(struct service *s)
{
	if (s->uffd >= 0)
		close(s->uffd);
	s->uffd = -1;
}

/* @return 0, or what the first step that failed returned. */
static int take_down(struct service *s)
{
	int rc = 0, err;

	uffd_close(s);
	for (unsigned int i = 0; i < SERVICE_NR_LANES; i++) {
		err = service_try_detach(s, i);
		rc = rc == 0 ? err : rc;
	}
	if (s->faults != NULL) {
		err = svart_fault_service_fini(s->faults);
		rc = rc == 0 ? err : rc;
	}
	s->faults = NULL;
	for (unsigned int i = 0; i < SERVICE_NR_SPACES; i++) {
		if (s->spaces[i] != NULL)
			svart_space_fini(s->spaces[i]);
		s->spaces[i] = NULL;
	}
	if (s->device_open)
		s->rig->ops->device_close(s->rig, &s->dev);
	s->device_open = false;
	if (s->fd >= 0)
		s->rig->m->ops->close(s->rig->m, s->fd);
	s->fd = -1;
	return rc;
}

void service_close(struct service *s, bool check)
{
	int rc = take_down(s);
	struct ledger_counts counts = ledger_counts(s->ledger);

	ledger_clear(s->ledger);
	memset(s->lanes, 0, sizeof(s->lanes));
	s->sent = 0;
	/* Back to a reservation, so that nothing else gets these addresses. */
	mmap((void *)SERVICE_VA, SERVICE_VA_BYTES, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	s->va = SERVICE_VA;
	if (!check)
		return;
	CHECK_EQ(s->run, rc, 0);
	CHECK_EQ(s->run, counts.strays, 0);
	CHECK_EQ(s->run, counts.twice, 0);
	CHECK_EQ(s->run, counts.success + counts.invalid + counts.gone, counts.groups);
	CHECK_EQ(s->run, s->rig->ops->left_behind(s->rig), 0);
}

/* --- memory ------------------------------------------------------------------------------------- */

char *service_memory(struct service *s, unsigned int nr, int prot, int flags, int fd)
{
	void *va =
		mmap((void *)(uintptr_t)s->va, nr * SERVICE_PAGE, prot, flags | MAP_FIXED, fd, 0);

	CHECK(s->run, va != MAP_FAILED);
	s->va += nr * SERVICE_PAGE;
	CHECK_EQ(s->run, munmap((void *)(uintptr_t)s->va, SERVICE_PAGE), 0);
	s->va += SERVICE_PAGE;
	CHECK(s->run, s->va < SERVICE_VA + SERVICE_VA_BYTES);
	return va;
}

char *service_pages(struct service *s, unsigned int nr)
{
	return service_memory(s, nr, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

void service_uffd(struct service *s, void *va, unsigned int nr)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { .start = (uintptr_t)va, .len = nr * SERVICE_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	/* The kernel asks from kernel mode; the model, being a program, from user mode. */
	s->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (s->uffd < 0)
		s->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (s->uffd < 0)
		case_skip(s->run, "userfaultfd is not allowed here");
	CHECK_EQ(s->run, ioctl(s->uffd, UFFDIO_API, &api), 0);
	CHECK_EQ(s->run, ioctl(s->uffd, UFFDIO_REGISTER, &area), 0);
}

void service_uffd_wait(struct service *s)
{
	struct pollfd fd = { .fd = s->uffd, .events = POLLIN };
	struct uffd_msg message;

	CHECK_EQ(s->run, poll(&fd, 1, (int)(SERVICE_SOON_NS / 1000000)), 1);
	CHECK_EQ(s->run, read(s->uffd, &message, sizeof(message)), sizeof(message));
	CHECK_EQ(s->run, message.event, UFFD_EVENT_PAGEFAULT);
}

void service_uffd_supply(struct service *s, void *va)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)va, .len = SERVICE_PAGE },
	};

	CHECK_EQ(s->run, ioctl(s->uffd, UFFDIO_ZEROPAGE, &zero), 0);
}

/* --- requests ------------------------------------------------------------------------------------- */

uint16_t service_request(struct service *s, unsigned int lane, uint32_t perm, const void *addr)
{
	const struct rig_request request = {
		.pasid = s->lanes[lane].pasid,
		.prgi = s->prgi,
		.perm = perm,
		.addr = (uintptr_t)addr,
		.last = true,
	};

	s->prgi = (uint16_t)((s->prgi + 1) % SERVICE_GROUPS);
	CHECK_EQ(s->run, s->rig->ops->request(s->rig, &s->dev, &request), 0);
	s->sent++;
	return request.prgi;
}

bool service_wait(struct service *s, uint64_t answers)
{
	uint64_t deadline = s->m->ops->now_ns(s->m) + SERVICE_SOON_NS;

	/* Every wait pumps an inline service. */
	while (ledger_answers(s->ledger) < answers) {
		if (s->m->ops->now_ns(s->m) > deadline)
			return false;
		svart_pause(s->m, deadline);
	}
	return true;
}

int service_fault(struct service *s, unsigned int lane, uint32_t perm, const void *addr)
{
	uint64_t before = ledger_answers(s->ledger), deadline;
	uint16_t prgi = service_request(s, lane, perm, addr);
	int code, seen;

	CHECK(s->run, service_wait(s, before + 1));
	code = (int)s->ledger->last_code;
	if (s->rig->ops->lacks[RIG_ANSWERS] != NULL)
		return code;
	deadline = s->m->ops->now_ns(s->m) + SERVICE_SOON_NS;
	do {
		seen = s->rig->ops->answer(s->rig, &s->dev, s->lanes[lane].pasid, prgi);
		svart_pause(s->m, deadline);
	} while (seen == -EAGAIN && s->m->ops->now_ns(s->m) < deadline);
	CHECK_EQ(s->run, seen, code);
	return code;
}

bool service_mapped(struct service *s, unsigned int space, const void *addr)
{
	uint32_t ioas = svart_space_ioas(s->spaces[space]);
	uint64_t va = (uintptr_t)addr & ~(SERVICE_PAGE - 1);
	int rc = svart_iommufd_ioas_map_identity(s->rig->m, s->fd, ioas, va, SERVICE_PAGE, false);

	if (rc == 0)
		svart_iommufd_ioas_unmap(s->rig->m, s->fd, ioas, va, SERVICE_PAGE, NULL);
	return rc == -EEXIST;
}

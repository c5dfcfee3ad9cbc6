/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "parity.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- the fixture ------------------------------------------------------------------------------- */

void parity_needs(struct parity *p, enum rig_ability ability)
{
	const char *lack = p->rig->ops->lacks[ability];

	if (lack != NULL)
		case_skip(p->run, "%s", lack);
}

void parity_needs_capability(struct parity *p, unsigned int capability, const char *name)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	CHECK_EQ(p->run, syscall(SYS_capget, &header, data), 0);
	if ((data[capability / 32].effective & (1u << capability % 32)) == 0)
		case_skip(p->run, "this process has no %s", name);
}

bool parity_capability_set(unsigned int capability, bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint32_t bit = 1u << capability % 32;

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	if (on)
		data[capability / 32].effective |= data[capability / 32].permitted & bit;
	else
		data[capability / 32].effective &= ~bit;
	return syscall(SYS_capset, &header, data) == 0;
}

void parity_open_device(struct parity *p)
{
	CHECK_EQ(p->run, p->rig->ops->device_open(p->rig, p->fd, p->ioas_id, &p->dev), 0);
	p->device_open = true;
}

void parity_close_device(struct parity *p)
{
	p->rig->ops->device_close(p->rig, &p->dev);
	p->device_open = false;
}

struct parity_queue parity_queue(struct parity *p)
{
	struct parity_queue queue;

	CHECK(p->run, p->nr_fds < PARITY_MAX_FDS);
	CHECK_EQ(p->run, svart_iommufd_fault_queue_alloc(p->m, p->fd, &queue.id, &queue.fd), 0);
	p->fds[p->nr_fds++] = queue.fd;
	return queue;
}

void parity_close_fd(struct parity *p, int fd)
{
	for (unsigned int i = 0; i < p->nr_fds; i++)
		if (p->fds[i] == fd) {
			p->fds[i] = -1;
			p->m->ops->close(p->m, fd);
		}
}

uint32_t parity_hwpt(struct parity *p, const struct parity_queue *queue)
{
	uint32_t flags = SVART_HWPT_ALLOC_PASID, hwpt_id;

	if (queue != NULL)
		flags |= IOMMU_HWPT_FAULT_ID_VALID;
	CHECK_EQ(p->run,
		svart_iommufd_hwpt_alloc(p->m, p->fd, p->dev.dev_id, p->ioas_id, flags,
			queue == NULL ? 0 : queue->id, &hwpt_id),
		0);
	return hwpt_id;
}

void parity_start_faulting(struct parity *p)
{
	parity_needs(p, RIG_FAULTS);
	parity_open_device(p);
	p->pasid = p->rig->ops->fault_pasid;
	p->queue = parity_queue(p);
	p->hwpt_id = parity_hwpt(p, &p->queue);
	/* A device with PASIDs needs a table that allows them for itself too. */
	if (p->pasid != RIG_NO_PASID)
		CHECK_EQ(p->run, parity_replace(p, RIG_NO_PASID, parity_hwpt(p, NULL)), 0);
	CHECK_EQ(p->run, parity_attach(p, p->pasid, p->hwpt_id), 0);
}

int parity_attach(struct parity *p, uint32_t pasid, uint32_t pt_id)
{
	return p->rig->ops->attach(p->rig, &p->dev, pasid, pt_id);
}

int parity_replace(struct parity *p, uint32_t pasid, uint32_t pt_id)
{
	return p->rig->ops->replace(p->rig, &p->dev, pasid, pt_id);
}

int parity_detach(struct parity *p, uint32_t pasid)
{
	return p->rig->ops->detach(p->rig, &p->dev, pasid);
}

/* --- memory ------------------------------------------------------------------------------------ */

void *parity_memory(struct parity *p, unsigned int nr, int prot, int flags, int fd)
{
	void *va = mmap((void *)(uintptr_t)p->va, nr * PARITY_PAGE, prot, flags | MAP_FIXED, fd, 0);

	CHECK(p->run, va != MAP_FAILED);
	p->va += (nr + 1) * PARITY_PAGE; /* and one that stays unmapped */
	CHECK(p->run, p->va < PARITY_VA + PARITY_VA_BYTES);
	return va;
}

void *parity_pages(struct parity *p, unsigned int nr)
{
	return parity_memory(p, nr, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

int parity_map(struct parity *p, const void *va, unsigned int nr, bool writable)
{
	return svart_iommufd_ioas_map_identity(
		p->m, p->fd, p->ioas_id, (uintptr_t)va, nr * PARITY_PAGE, writable);
}

int parity_unmap(struct parity *p, const void *va, unsigned int nr)
{
	return svart_iommufd_ioas_unmap(
		p->m, p->fd, p->ioas_id, (uintptr_t)va, nr * PARITY_PAGE, NULL);
}

/* --- page requests ----------------------------------------------------------------------------- */

void parity_request(struct parity *p, uint16_t prgi, uint64_t addr, bool last)
{
	const struct rig_request request = {
		.pasid = p->pasid,
		.prgi = prgi,
		.perm = IOMMU_PGFAULT_PERM_READ,
		.addr = addr,
		.last = last,
	};

	CHECK_EQ(p->run, p->rig->ops->request(p->rig, &p->dev, &request), 0);
}

static bool parity_readable(struct parity *p, const struct parity_queue *queue, uint64_t for_ns)
{
	struct pollfd fd = { .fd = queue->fd, .events = POLLIN };

	return p->m->ops->poll(p->m, &fd, 1, for_ns) == 1 && (fd.revents & POLLIN) != 0;
}

void parity_wait_readable(struct parity *p, const struct parity_queue *queue)
{
	CHECK(p->run, parity_readable(p, queue, PARITY_SOON_NS));
}

void parity_wait_arrived(struct parity *p)
{
	p->m->ops->poll(p->m, NULL, 0, PARITY_QUIET_NS);
}

void parity_check_quiet(struct parity *p, const struct parity_queue *queue)
{
	struct iommu_hwpt_pgfault record;

	CHECK(p->run, !parity_readable(p, queue, PARITY_QUIET_NS));
	CHECK_EQ(p->run, svart_iommufd_fault_read(p->m, queue->fd, &record, 1), 0);
}

size_t parity_read(struct parity *p, const struct parity_queue *queue,
	struct iommu_hwpt_pgfault *records, size_t nr)
{
	ssize_t got;

	parity_wait_readable(p, queue);
	got = svart_iommufd_fault_read(p->m, queue->fd, records, nr);
	if (got <= 0)
		case_check_equal(p->run, __FILE__, __LINE__, "reading requests", got, (int64_t)nr);
	return (size_t)got;
}

struct iommu_hwpt_pgfault parity_fault(struct parity *p, uint16_t prgi, uint64_t addr)
{
	struct iommu_hwpt_pgfault record;

	parity_request(p, prgi, addr, true);
	parity_read(p, &p->queue, &record, 1);
	return record;
}

ssize_t parity_answer(
	struct parity *p, const struct parity_queue *queue, uint32_t cookie, uint32_t code)
{
	const struct iommu_hwpt_page_response answer = { .cookie = cookie, .code = code };

	return svart_iommufd_fault_write(p->m, queue->fd, &answer, 1);
}

void parity_check_answer(struct parity *p, uint16_t prgi, uint32_t code)
{
	uint64_t deadline = p->m->ops->now_ns(p->m) + PARITY_SOON_NS;
	int answer;

	if (p->rig->ops->lacks[RIG_ANSWERS] != NULL)
		return;
	while ((answer = p->rig->ops->answer(p->rig, &p->dev, p->pasid, prgi)) == -EAGAIN &&
		p->m->ops->now_ns(p->m) < deadline)
		svart_pause(p->m, deadline);
	CHECK_EQ(p->run, answer, code);
}

/* --- running them ------------------------------------------------------------------------------ */

static void parity_init(struct parity *p, struct case_run *run, struct rig *rig)
{
	*p = (struct parity){ .run = run, .rig = rig, .m = rig->m, .fd = -1, .va = PARITY_VA };
}

/* Closes what the case left open, the device first, as a process's end would in any order. */
static void parity_fini(struct parity *p)
{
	if (p->device_open)
		parity_close_device(p);
	for (unsigned int i = 0; i < p->nr_fds; i++)
		if (p->fds[i] >= 0)
			p->m->ops->close(p->m, p->fds[i]);
	if (p->fd >= 0)
		p->m->ops->close(p->m, p->fd);
	/* Back to a reservation, so that nothing else gets these addresses. */
	mmap((void *)PARITY_VA, PARITY_VA_BYTES, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/** What one case is started with. */
struct parity_start {
	struct parity *p;
	const struct parity_case *which;
};

static void parity_case_run(struct case_run *run, void *arg)
{
	const struct parity_start *start = arg;
	struct parity *p = start->p;

	p->fd = svart_iommufd_open(p->m);
	CHECK(run, p->fd >= 0);
	CHECK_EQ(run, svart_iommufd_ioas_alloc(p->m, p->fd, &p->ioas_id), 0);
	start->which->fn(p);
}

static void parity_run_list(
	struct case_run *run, struct rig *rig, const struct parity_case *cases, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct parity p;
		struct parity_start start = { &p, &cases[i] };

		parity_init(&p, run, rig);
		case_run(run, cases[i].name, parity_case_run, &start);
		parity_fini(&p);
	}
}

/* After all cases: every file is closed, so nothing may be pinned or open. */
static void nothing_is_left_behind(struct case_run *run, void *arg)
{
	struct rig *rig = arg;

	CHECK_EQ(run, rig->ops->left_behind(rig), 0);
}

int main(int argc, char **argv)
{
	struct case_run run = { .only = argc > 2 ? argv[2] : "" };
	struct rig rig = { .ops = argc > 1 ? rig_find(argv[1]) : NULL };
	int rc;

	if (rig.ops == NULL) {
		fprintf(stderr, "usage: parity model|uml|qemu [REGEX]\n");
		return 2;
	}
	if (mmap((void *)PARITY_VA, PARITY_VA_BYTES, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
		    0) == MAP_FAILED) {
		fprintf(stderr, "parity: the addresses from 0x%llx on are not free\n",
			(unsigned long long)PARITY_VA);
		return 2;
	}
	rc = rig.ops->create(&rig);
	if (rc != 0) {
		fprintf(stderr, "parity: cannot set up %s: %s\n", rig.ops->name, strerror(-rc));
		return 2;
	}
	parity_run_list(&run, &rig, parity_ioas_cases, parity_nr_ioas_cases);
	parity_run_list(&run, &rig, parity_memory_cases, parity_nr_memory_cases);
	parity_run_list(&run, &rig, parity_attach_cases, parity_nr_attach_cases);
	parity_run_list(&run, &rig, parity_fault_cases, parity_nr_fault_cases);
	case_run(&run, "nothing_is_left_behind", nothing_is_left_behind, &rig);
	rig.ops->destroy(&rig);
	return case_exit_status(&run);
}

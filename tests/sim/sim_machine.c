/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "sim_machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "model.h"
#include "model_device.h"
#include "model_state.h"

/** By how much time goes on when no device can move: waits end after some hundred pauses. */
#define IDLE_NS UINT64_C(10000000)

typedef unsigned long long ull;

static struct sim_machine *of(struct svart_machine *m)
{
	return (struct sim_machine *)m; /* It is the first member. */
}

/* --- what devices can reach ------------------------------------------------------------------ */

static bool is_own(const struct sim_machine *s, uint64_t page)
{
	uint32_t i;

	for (i = 0; i < s->nr_own; i++) {
		if (page >= s->own[i].start && page < s->own[i].end)
			return true;
	}
	return false;
}

/** Whether a device may reach a page: the program's, or the runtime's own. */
static bool allows(const struct sim_machine *s, uint64_t page, bool write)
{
	return sim_memory_allows(s->memory, page, write) || is_own(s, page);
}

static bool is_mapped(const struct sim_machine *s, uint32_t ioas, uint64_t page, bool write)
{
	uint32_t i;

	for (i = 0; i < s->nr_areas; i++) {
		if (s->areas[i].ioas == ioas && page >= s->areas[i].start && page < s->areas[i].end)
			return s->areas[i].write || !write;
	}
	return false;
}

static void check_area(const struct sim_machine *s, const struct sim_area *a, const char *when)
{
	uint64_t page;

	for (page = a->start; page < a->end; page += SIM_PAGE) {
		if (!allows(s, page, a->write))
			sim_fail(s->trace,
				"%s: page %#llx is mapped for devices (%s, IOAS %u, in [%#llx, "
				"%#llx)), "
				"and the process does not allow that",
				when, (ull)page, a->write ? "writable" : "read-only", a->ioas,
				(ull)a->start, (ull)a->end);
	}
}

void sim_machine_check_areas(const struct sim_machine *s, const char *when)
{
	uint32_t i;

	for (i = 0; i < s->nr_areas; i++)
		check_area(s, &s->areas[i], when);
}

uint64_t sim_machine_pinned(const struct sim_machine *s, uint32_t ioas)
{
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < s->nr_areas; i++) {
		if (s->areas[i].ioas == ioas)
			bytes += s->areas[i].end - s->areas[i].start;
	}
	return bytes;
}

void sim_machine_check_gone(
	const struct sim_machine *s, uint32_t ioas, uint64_t addr, uint64_t len, const char *when)
{
	uint32_t i;

	for (i = 0; i < s->nr_areas; i++) {
		const struct sim_area *a = &s->areas[i];

		if (a->ioas == ioas && a->start < addr + len && a->end > addr)
			sim_fail(s->trace,
				"%s: [%#llx, %#llx) is still mapped for devices (IOAS %u, after a "
				"forget of [%#llx, %#llx))",
				when, (ull)a->start, (ull)a->end, ioas, (ull)addr,
				(ull)(addr + len));
	}
}

static void area_added(struct sim_machine *s, const struct iommu_ioas_map *cmd)
{
	struct sim_area a = {
		.ioas = cmd->ioas_id,
		.write = (cmd->flags & IOMMU_IOAS_MAP_WRITEABLE) != 0,
		.start = cmd->iova,
		.end = cmd->iova + cmd->length,
	};

	if (cmd->user_va != cmd->iova)
		sim_fail(s->trace, "IOAS_MAP of %#llx at %#llx: not the same address",
			(ull)cmd->user_va, (ull)cmd->iova);
	if (s->nr_areas == SIM_MAX_AREAS)
		sim_fail(s->trace, "the simulation itself: too many areas");
	check_area(s, &a, "IOAS_MAP");
	s->areas[s->nr_areas++] = a;
}

static void areas_removed(struct sim_machine *s, uint32_t ioas, uint64_t start, uint64_t end)
{
	uint32_t i = 0;

	while (i < s->nr_areas) {
		if (s->areas[i].ioas == ioas && s->areas[i].start < end && s->areas[i].end > start)
			s->areas[i] = s->areas[--s->nr_areas];
		else
			i++;
	}
}

/* --- groups and answers ---------------------------------------------------------------------- */

static struct sim_owed *owed_find(struct sim_machine *s, int fd, uint32_t cookie)
{
	uint32_t i;

	for (i = 0; i < s->nr_owed; i++) {
		if (s->owed[i].fd == fd && s->owed[i].cookie == cookie)
			return &s->owed[i];
	}
	return NULL;
}

static void owed_remove(struct sim_machine *s, struct sim_owed *o)
{
	*o = s->owed[--s->nr_owed];
}

static void owed_drop_fd(struct sim_machine *s, int fd)
{
	uint32_t i = 0;

	while (i < s->nr_owed) {
		if (s->owed[i].fd == fd)
			owed_remove(s, &s->owed[i]);
		else
			i++;
	}
}

/** What is held may now have been answered by the kernel. */
static void may_be_gone(struct sim_machine *s)
{
	uint32_t i;

	for (i = 0; i < s->nr_owed; i++)
		s->owed[i].may_be_gone = true;
}

void sim_machine_located(struct sim_machine *s, const char address[16])
{
	uint32_t i = 0;

	memcpy(s->last_address, address, sizeof(s->last_address));
	while (i < s->nr_addresses && strcmp(s->addresses[i], address) != 0)
		i++;
	if (i < s->nr_addresses)
		return;
	if (i == SIM_MAX_CDEVS)
		sim_fail(s->trace, "the simulation itself: too many devices");
	memcpy(s->addresses[s->nr_addresses++], address, sizeof(s->addresses[0]));
}

uint64_t sim_machine_injected(const struct sim_machine *s, const char *name)
{
	uint64_t nr = 0;
	uint32_t i;

	for (i = 0; i < s->nr_addresses; i++)
		nr += svart_model_injected(s->inner, s->addresses[i], name);
	return nr;
}

/** Whether a device is about to be reset: it has struck, and its next step will do it. */
static bool reset_is_due(const struct sim_machine *s)
{
	uint32_t i;

	for (i = 0; i < s->nr_addresses; i++) {
		if (svart_model_device_find(svart_model_of(s->inner), s->addresses[i])
				->inject.reset_due)
			return true;
	}
	return false;
}

/** What is held may have been answered by a reset that was injected. */
static void notice_resets(struct sim_machine *s)
{
	uint64_t resets = sim_machine_injected(s, "reset");

	if (resets == s->resets)
		return;
	may_be_gone(s);
	/* What is read until then may be gone afterwards, too. */
	if (!reset_is_due(s))
		s->resets = resets;
}

static struct sim_fault *fault_of(struct sim_machine *s, int fd)
{
	uint32_t i;

	for (i = 0; i < SIM_MAX_FAULTS; i++) {
		if (s->faults[i].fd == fd)
			return &s->faults[i];
	}
	return NULL;
}

void sim_machine_check_answered(struct sim_machine *s, const char *when)
{
	uint32_t i;

	notice_resets(s);
	for (i = 0; i < s->nr_owed; i++) {
		if (!s->owed[i].may_be_gone)
			sim_fail(s->trace, "%s: the group with cookie %u was never answered", when,
				s->owed[i].cookie);
	}
}

/** A record was read. */
static void record_read(
	struct sim_machine *s, const struct sim_fault *f, const struct iommu_hwpt_pgfault *r)
{
	struct sim_owed *o = owed_find(s, f->fd, r->cookie);

	/* The kernel gives a cookie anew once a detach has answered its group. */
	if (o != NULL && o->may_be_gone) {
		owed_remove(s, o);
		o = NULL;
	}
	if (o == NULL) {
		if (s->nr_owed == SIM_MAX_OWED)
			sim_fail(s->trace, "the simulation itself: too many groups are owed");
		o = &s->owed[s->nr_owed++];
		o->fd = f->fd;
		o->cookie = r->cookie;
		o->ioas = f->ioas;
		o->may_be_gone = false;
		o->unmaps = s->unmaps;
		o->failures = s->failures;
		o->nr = 0;
	}
	if (o->nr < SIM_GROUP_PAGES)
		o->pages[o->nr++] = r->addr | (r->perm & IOMMU_PGFAULT_PERM_WRITE ? 1 : 0);
	sim_event(s->trace, "  request cookie %u group %u pasid %u page %#llx %s%s", r->cookie,
		r->grpid, r->pasid, (ull)r->addr,
		r->perm & IOMMU_PGFAULT_PERM_WRITE ? "write" : "read",
		r->flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE ? " LAST" : "");
}

/** Fails if a group is told that all is there, and it is not. */
static void check_success(const struct sim_machine *s, const struct sim_owed *o)
{
	uint64_t page;
	bool write;
	uint32_t i;

	for (i = 0; i < o->nr; i++) {
		page = o->pages[i] & ~UINT64_C(1);
		write = o->pages[i] & 1;
		if (!s->may_put_off && !allows(s, page, write))
			sim_fail(s->trace,
				"cookie %u was answered SUCCESS, and page %#llx may not be %s",
				o->cookie, (ull)page, write ? "written" : "read");
		/* What was unmapped meanwhile may have been this page. */
		if (o->unmaps == s->unmaps && !s->may_put_off &&
			!is_mapped(s, o->ioas, page, write))
			sim_fail(s->trace,
				"cookie %u was answered SUCCESS, and page %#llx is not mapped to "
				"be %s",
				o->cookie, (ull)page, write ? "written" : "read");
	}
}

/** Fails if a group is refused without a reason. */
static void check_refusal(const struct sim_machine *s, const struct sim_owed *o)
{
	uint32_t i;

	if (s->may_refuse || o->failures != s->failures)
		return;
	/* What devices gave up may hold all nodes of the service. */
	if (sim_machine_injected(s, "lose_last") != 0)
		return;
	for (i = 0; i < o->nr; i++) {
		if (!allows(s, o->pages[i] & ~UINT64_C(1), o->pages[i] & 1))
			return;
	}
	sim_fail(s->trace, "cookie %u was answered INVALID, and each of its %u pages can be had",
		o->cookie, o->nr);
}

/** An answer is about to be written. */
static void check_answer(
	struct sim_machine *s, int fd, const struct iommu_hwpt_page_response *answer)
{
	struct sim_owed *o = owed_find(s, fd, answer->cookie);

	sim_event(s->trace, "  answer cookie %u code %u", answer->cookie, answer->code);
	if (o == NULL)
		sim_fail(s->trace, "cookie %u is answered, and is not owed an answer",
			answer->cookie);
	if (o->may_be_gone)
		return;
	if (answer->code == IOMMUFD_PAGE_RESP_SUCCESS)
		check_success(s, o);
	else
		check_refusal(s, o);
}

/* --- weather --------------------------------------------------------------------------------- */

static bool strikes(struct sim_machine *s, uint32_t permille)
{
	return !s->calm && permille != 0 && sim_chance(s->random, permille);
}

/** What goes on in the world while a call is on its way. */
static void weather(struct sim_machine *s)
{
	uint32_t nr;

	if (strikes(s, s->weather.step)) {
		for (nr = sim_between(s->random, 1, 6); nr > 0; nr--)
			svart_model_step(s->inner);
	}
	if (strikes(s, s->weather.surprise))
		s->surprise(s->arg);
}

bool sim_machine_step(struct sim_machine *s)
{
	bool moved = svart_model_step(s->inner);

	if (!moved)
		s->skew_ns += IDLE_NS;
	return moved;
}

void sim_machine_reset(struct sim_machine *s, uint32_t cdev)
{
	if (cdev >= SIM_MAX_CDEVS || s->cdevs[cdev] < 0)
		return;
	sim_event(s->trace, "RESET of vfio%u by somebody else", cdev);
	may_be_gone(s);
	s->inner->ops->ioctl(s->inner, s->cdevs[cdev], VFIO_DEVICE_RESET, NULL);
}

/* --- calls ----------------------------------------------------------------------------------- */

/** A map that failed by injection counts as one that failed by the weather. */
static void notice_enomem(struct sim_machine *s, int rc)
{
	uint64_t enomems = sim_machine_injected(s, "enomem");

	if (rc == -ENOMEM && enomems != s->enomems)
		s->failures++;
	s->enomems = enomems;
}

/** The kernel refuses what the process may not access; the runtime must not even ask for it. */
static void check_refused(const struct sim_machine *s, const struct iommu_ioas_map *cmd)
{
	bool write = (cmd->flags & IOMMU_IOAS_MAP_WRITEABLE) != 0;
	uint64_t at;
	enum sim_page page;

	for (at = cmd->iova; at < cmd->iova + cmd->length; at += SIM_PAGE) {
		page = sim_memory_page(s->memory, at);
		if (page == SIM_PAGE_NONE || (page == SIM_PAGE_READ && write))
			sim_fail(s->trace, "IOAS_MAP of page %#llx, which may not be %s", (ull)at,
				write ? "written" : "read");
	}
}

static int do_map(struct sim_machine *s, int fd, struct iommu_ioas_map *cmd)
{
	static const int errors[] = { -ENOMEM, -ENOMEM, -EINTR };
	int rc;

	weather(s);
	if (strikes(s, s->weather.fail_map)) {
		s->failures++;
		rc = errors[sim_below(s->random, 3)];
	} else {
		rc = s->inner->ops->ioctl(s->inner, fd, IOMMU_IOAS_MAP, cmd);
		notice_enomem(s, rc);
		if (rc == -EFAULT)
			check_refused(s, cmd);
	}
	sim_event(s->trace, "  map ioas %u [%#llx, +%#llx) %s: %d", cmd->ioas_id, (ull)cmd->iova,
		(ull)cmd->length, cmd->flags & IOMMU_IOAS_MAP_WRITEABLE ? "rw" : "r", rc);
	if (rc == 0)
		area_added(s, cmd);
	weather(s);
	return rc;
}

static int do_unmap(struct sim_machine *s, int fd, struct iommu_ioas_unmap *cmd)
{
	uint64_t start = cmd->iova, end = cmd->iova + cmd->length;
	int rc;

	weather(s);
	if (strikes(s, s->weather.busy))
		rc = sim_chance(s->random, 500) ? -EBUSY : -EINTR;
	else
		rc = s->inner->ops->ioctl(s->inner, fd, IOMMU_IOAS_UNMAP, cmd);
	sim_event(s->trace, "  unmap ioas %u [%#llx, +%#llx): %d", cmd->ioas_id, (ull)start,
		(ull)(end - start), rc);
	if (rc == 0) {
		s->unmaps++;
		areas_removed(s, cmd->ioas_id, start, end);
	}
	return rc;
}

static int do_fault_alloc(struct sim_machine *s, int fd, struct iommu_fault_alloc *cmd)
{
	int rc = s->inner->ops->ioctl(s->inner, fd, IOMMU_FAULT_QUEUE_ALLOC, cmd);
	struct sim_fault *f = fault_of(s, -1);

	if (rc != 0)
		return rc;
	if (f == NULL)
		sim_fail(s->trace, "the simulation itself: too many fault objects");
	*f = (struct sim_fault){ .fd = (int)cmd->out_fault_fd, .id = cmd->out_fault_id };
	return 0;
}

static int do_hwpt_alloc(struct sim_machine *s, int fd, struct iommu_hwpt_alloc *cmd)
{
	int rc = s->inner->ops->ioctl(s->inner, fd, IOMMU_HWPT_ALLOC, cmd);
	uint32_t i;

	for (i = 0; rc == 0 && i < SIM_MAX_FAULTS; i++) {
		if ((cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) && s->faults[i].fd >= 0 &&
			s->faults[i].id == cmd->fault_id)
			s->faults[i].ioas = cmd->pt_id;
	}
	return rc;
}

static int sim_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct sim_machine *s = of(m);

	switch (request) {
	case IOMMU_IOAS_MAP:
		return do_map(s, fd, arg);
	case IOMMU_IOAS_UNMAP:
		return do_unmap(s, fd, arg);
	case IOMMU_FAULT_QUEUE_ALLOC:
		return do_fault_alloc(s, fd, arg);
	case IOMMU_HWPT_ALLOC:
		return do_hwpt_alloc(s, fd, arg);
	case IOMMU_DESTROY:
		areas_removed(s, ((struct iommu_destroy *)arg)->id, 0, UINT64_MAX);
		break;
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
	case VFIO_DEVICE_RESET:
		weather(s);
		may_be_gone(s);
		break;
	default:
		weather(s);
		break;
	}
	return s->inner->ops->ioctl(s->inner, fd, request, arg);
}

/** Reads page requests. */
static ssize_t fault_read(struct sim_machine *s, struct sim_fault *f, void *buf, size_t len)
{
	const struct iommu_hwpt_pgfault *records = buf;
	ssize_t n, i;

	weather(s);
	if (strikes(s, s->weather.busy))
		return sim_chance(s->random, 500) ? -EINTR : -EAGAIN;
	if (strikes(s, s->weather.partial) && len > SIM_GROUP_PAGES * sizeof(*records))
		len = SIM_GROUP_PAGES * sizeof(*records);
	notice_resets(s);
	n = s->inner->ops->read(s->inner, f->fd, buf, len);
	for (i = 0; i < n / (ssize_t)sizeof(*records); i++)
		record_read(s, f, &records[i]);
	return n;
}

/** The kernel took nr answers, and if `refused` not the one after. */
static void answers_taken(struct sim_machine *s, int fd,
	const struct iommu_hwpt_page_response *answers, size_t nr, bool refused)
{
	struct sim_owed *o;
	size_t i;

	for (i = 0; i < nr + refused; i++) {
		o = owed_find(s, fd, answers[i].cookie);
		if (i == nr && o != NULL && !o->may_be_gone)
			sim_fail(s->trace, "the machine does not know cookie %u, which is owed",
				answers[i].cookie);
		if (o != NULL)
			owed_remove(s, o);
	}
	s->answers += nr;
}

/** Writes answers. */
static ssize_t fault_write(struct sim_machine *s, struct sim_fault *f, const void *buf, size_t len)
{
	const struct iommu_hwpt_page_response *answers = buf;
	size_t nr = len / sizeof(*answers), i;
	ssize_t n;

	weather(s);
	if (strikes(s, s->weather.busy))
		return sim_chance(s->random, 500) ? -EINTR : -EAGAIN;
	if (strikes(s, s->weather.partial))
		nr = sim_between(s->random, 1, (uint32_t)nr);
	notice_resets(s);
	for (i = 0; i < nr; i++)
		check_answer(s, f->fd, &answers[i]);
	n = s->inner->ops->write(s->inner, f->fd, buf, nr * sizeof(*answers));
	i = n > 0 ? (size_t)n / sizeof(*answers) : 0;
	notice_resets(s);
	answers_taken(s, f->fd, answers, i, n == -EINVAL);
	return n;
}

static ssize_t sim_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct sim_machine *s = of(m);
	struct sim_fault *f = fault_of(s, fd);

	return f != NULL ? fault_read(s, f, buf, len) : s->inner->ops->read(s->inner, fd, buf, len);
}

static ssize_t sim_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	struct sim_machine *s = of(m);
	struct sim_fault *f = fault_of(s, fd);

	return f != NULL ? fault_write(s, f, buf, len)
			 : s->inner->ops->write(s->inner, fd, buf, len);
}

static int sim_open(struct svart_machine *m, const char *path, int flags)
{
	struct sim_machine *s = of(m);
	int fd = s->inner->ops->open(s->inner, path, flags);
	unsigned int nr;

	if (fd >= 0 && sscanf(path, "/dev/vfio/devices/vfio%u", &nr) == 1 && nr < SIM_MAX_CDEVS) {
		s->cdevs[nr] = fd;
		s->last_cdev = nr;
	}
	return fd;
}

static int sim_close(struct svart_machine *m, int fd)
{
	struct sim_machine *s = of(m);
	struct sim_fault *f = fault_of(s, fd);
	uint32_t i;

	for (i = 0; i < SIM_MAX_CDEVS; i++) {
		if (s->cdevs[i] == fd) {
			s->cdevs[i] = -1;
			may_be_gone(s);
		}
	}
	if (f != NULL) {
		sim_machine_check_answered(s, "a fault queue is closed");
		owed_drop_fd(s, fd);
		f->fd = -1;
	}
	return s->inner->ops->close(s->inner, fd);
}

static int sim_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	struct sim_machine *s = of(m);
	int rc = s->inner->ops->mmap(s->inner, addr, len, prot, flags, fd, off, out);

	if (rc != 0)
		return rc;
	if (s->nr_own == SIM_MAX_OWN)
		sim_fail(s->trace, "the simulation itself: too many mappings");
	s->own[s->nr_own].start = (uintptr_t)*out;
	s->own[s->nr_own++].end = (uintptr_t)*out + len;
	return 0;
}

static int sim_munmap(struct svart_machine *m, void *addr, size_t len)
{
	struct sim_machine *s = of(m);
	uint64_t start = (uintptr_t)addr;
	uint32_t i;

	for (i = 0; i < s->nr_areas; i++) {
		if (s->areas[i].start < start + len && s->areas[i].end > start)
			sim_fail(s->trace,
				"the runtime unmaps [%#llx, +%#zx), and devices reach it",
				(ull)start, len);
	}
	for (i = 0; i < s->nr_own; i++) {
		if (s->own[i].start == start) {
			s->own[i] = s->own[--s->nr_own];
			break;
		}
	}
	return s->inner->ops->munmap(s->inner, addr, len);
}

/* --- calls that pass through ----------------------------------------------------------------- */

static ssize_t sim_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	return of(m)->inner->ops->pread(of(m)->inner, fd, buf, len, off);
}

static ssize_t sim_pwrite(struct svart_machine *m, int fd, const void *buf, size_t len, off_t off)
{
	return of(m)->inner->ops->pwrite(of(m)->inner, fd, buf, len, off);
}

static int sim_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	return of(m)->inner->ops->madvise(of(m)->inner, addr, len, advice);
}

static int sim_poll(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	return of(m)->inner->ops->poll(of(m)->inner, fds, nr, timeout_ns);
}

static int sim_eventfd(struct svart_machine *m, unsigned int initial, int flags)
{
	return of(m)->inner->ops->eventfd(of(m)->inner, initial, flags);
}

static int sim_userfaultfd(struct svart_machine *m, int flags)
{
	return of(m)->inner->ops->userfaultfd(of(m)->inner, flags);
}

static ssize_t sim_readlink(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	return of(m)->inner->ops->readlink(of(m)->inner, path, buf, len);
}

static int sim_getrlimit(struct svart_machine *m, int resource, struct rlimit *limit)
{
	return of(m)->inner->ops->getrlimit(of(m)->inner, resource, limit);
}

static int sim_listdir(struct svart_machine *m, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	return of(m)->inner->ops->listdir(of(m)->inner, path, entry, arg);
}

static uint32_t sim_mmio_read32(struct svart_machine *m, const volatile void *addr)
{
	return of(m)->inner->ops->mmio_read32(of(m)->inner, addr);
}

static uint64_t sim_mmio_read64(struct svart_machine *m, const volatile void *addr)
{
	return of(m)->inner->ops->mmio_read64(of(m)->inner, addr);
}

static void sim_mmio_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	of(m)->inner->ops->mmio_write32(of(m)->inner, addr, value);
}

static void sim_mmio_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	of(m)->inner->ops->mmio_write64(of(m)->inner, addr, value);
}

static int sim_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	return of(m)->inner->ops->portal(of(m)->inner, addr, flags, out);
}

static uint64_t sim_now_ns(struct svart_machine *m)
{
	return of(m)->inner->ops->now_ns(of(m)->inner) + of(m)->skew_ns;
}

static void sim_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	(void)deadline_ns;
	sim_machine_step(of(m));
}

static const struct svart_machine_ops sim_ops = {
	.name = "simulation",
	.open = sim_open,
	.close = sim_close,
	.ioctl = sim_ioctl,
	.read = sim_read,
	.write = sim_write,
	.pread = sim_pread,
	.pwrite = sim_pwrite,
	.mmap = sim_mmap,
	.munmap = sim_munmap,
	.madvise = sim_madvise,
	.poll = sim_poll,
	.eventfd = sim_eventfd,
	.userfaultfd = sim_userfaultfd,
	.readlink = sim_readlink,
	.getrlimit = sim_getrlimit,
	.listdir = sim_listdir,
	.mmio_read32 = sim_mmio_read32,
	.mmio_read64 = sim_mmio_read64,
	.mmio_write32 = sim_mmio_write32,
	.mmio_write64 = sim_mmio_write64,
	.portal = sim_portal,
	.now_ns = sim_now_ns,
	.pause = sim_pause,
};

void sim_machine_init(struct sim_machine *s, struct svart_machine *inner, struct sim_trace *trace,
	struct sim_random *random, struct sim_memory *memory)
{
	uint32_t i;

	s->base.ops = &sim_ops;
	s->inner = inner;
	s->trace = trace;
	s->random = random;
	s->memory = memory;
	for (i = 0; i < SIM_MAX_FAULTS; i++)
		s->faults[i].fd = -1;
	for (i = 0; i < SIM_MAX_CDEVS; i++)
		s->cdevs[i] = -1;
}

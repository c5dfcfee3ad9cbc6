/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "sim_machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "dsa_model.h"
#include "model.h"
#include "model_device.h"
#include "model_state.h"

/** By how much time goes on when no device can move: waits end after some hundred pauses. */
#define IDLE_NS UINT64_C(10000000)
/**
 * Pauses in a row, without any other call, after which each takes longer: devices may move for ever, as one
 * does that is told to ask again, and a second of their steps is a million.
 */
#define SHORT_PAUSES  10000
#define LONG_PAUSE_NS UINT64_C(100000)

typedef unsigned long long ull;

static struct sim_machine *of(struct svart_machine *m)
{
	return (struct sim_machine *)m; /* It is the first member. */
}

/* --- what devices can reach ------------------------------------------------------------------ */

/** Whether a device may reach a page: the program's, or the runtime's own. */
static bool allows(const struct sim_machine *s, uint64_t page, bool write)
{
	return sim_memory_allows(s->memory, page, write) || sim_layout_is_own(&s->layout, page);
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

/** Whether all of a mapped area is memory of the runtime, which no forget takes away. */
static bool is_static(const struct sim_machine *s, const struct sim_area *a)
{
	uint64_t page = a->start;

	while (page < a->end && sim_layout_is_own(&s->layout, page))
		page += SIM_PAGE;
	return page >= a->end;
}

void sim_machine_check_gone(
	const struct sim_machine *s, uint32_t ioas, uint64_t addr, uint64_t len, const char *when)
{
	uint32_t i;

	for (i = 0; i < s->nr_areas; i++) {
		const struct sim_area *a = &s->areas[i];

		if (a->ioas == ioas && a->start < addr + len && a->end > addr && !is_static(s, a))
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
	if (s->covered(s->arg, a.start, a.end - a.start))
		sim_fail(s->trace, "IOAS_MAP of [%#llx, %#llx), of which some is being invalidated",
			(ull)a.start, (ull)a.end);
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

	sim_threads_hold();
	for (i = 0; i < s->nr_addresses; i++)
		nr += svart_model_injected(s->inner, s->addresses[i], name);
	sim_threads_release();
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

/** @param fd of these, or -1: of all fault queues. */
static void check_answered(struct sim_machine *s, int fd, const char *when)
{
	uint32_t i;

	notice_resets(s);
	for (i = 0; i < s->nr_owed; i++) {
		if (!s->owed[i].may_be_gone && (fd < 0 || s->owed[i].fd == fd))
			sim_fail(s->trace, "%s: the group with cookie %u was never answered", when,
				s->owed[i].cookie);
	}
}

void sim_machine_check_answered(struct sim_machine *s, const char *when)
{
	check_answered(s, -1, when);
}

/** How many answers the service gave because their time was over. */
static uint64_t expired(const struct sim_machine *s)
{
	return s->expired != NULL ? s->expired(s->arg) : 0;
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
		o->expired = expired(s);
		o->changes = s->memory->changes;
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

	if (sim_asks_again())
		return;
	/* The first is needed; others may be asked for ahead, and left out for want of room. */
	for (i = 0; i < o->nr && i < 1 && !s->stalls; i++) {
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

	if (o->failures != s->failures || o->expired != expired(s))
		return;
	/* It may have been decided before the program changed the pages. */
	if (sim_threads_on() && o->changes != s->memory->changes)
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

static uint64_t mix(uint64_t hash, uint64_t value)
{
	/* A multiplicative hash (Knuth, 6.4). */
	return (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t dsa_progress(const struct dsa *d, uint64_t hash)
{
	const struct dsa_engine *e = d->engines;

	for (; e != d->engines + d->options.nr_engines; e++) {
		hash = mix(hash, e->state == DSA_ENGINE_IDLE);
		hash = mix(hash, e->position);
		hash = mix(hash, e->done);
	}
	return hash;
}

uint64_t sim_machine_progress(const struct sim_machine *s)
{
	const struct svart_model_device *dev;
	uint64_t hash = 0;
	uint32_t i;

	for (i = 0; i < s->nr_addresses; i++) {
		dev = svart_model_device_find(svart_model_of(s->inner), s->addresses[i]);
		if (dev->kernel.hw.type == &svart_dsa_model)
			hash = dsa_progress(dev->kernel.hw.priv, hash);
	}
	return hash;
}

bool sim_machine_step_alone(struct sim_machine *s)
{
	bool moved;

	sim_threads_hold();
	moved = svart_model_step(s->inner);
	sim_threads_release();
	if (!moved)
		s->skew_ns += IDLE_NS;
	return moved;
}

bool sim_machine_step(struct sim_machine *s)
{
	bool moved;

	sim_threads_hold();
	moved = svart_model_step(s->inner);
	sim_threads_release();
	/* Time does not jump while somebody has something to do. */
	if (!moved && !sim_threads_yield())
		s->skew_ns += IDLE_NS;
	sim_threads_point();
	return moved;
}

void sim_machine_reset(struct sim_machine *s, uint32_t cdev)
{
	if (cdev >= SIM_MAX_CDEVS || s->cdevs[cdev] < 0)
		return;
	sim_event(s->trace, "RESET of vfio%u by somebody else", cdev);
	may_be_gone(s);
	sim_threads_hold();
	s->inner->ops->ioctl(s->inner, s->cdevs[cdev], VFIO_DEVICE_RESET, NULL);
	sim_threads_release();
}

/* --- portals --------------------------------------------------------------------------------- */

static void post(void *ctx, void *portal, const void *descs, uint32_t nr)
{
	const struct sim_portal *p = ctx;

	sim_threads_point();
	sim_threads_hold();
	p->inner.movdir64b(p->inner.ctx, portal, descs, nr);
	sim_threads_release();
}

static bool enqueue(void *ctx, void *portal, const void *desc)
{
	const struct sim_portal *p = ctx;
	bool taken;

	sim_threads_point();
	sim_threads_hold();
	taken = p->inner.enqcmd(p->inner.ctx, portal, desc);
	sim_threads_release();
	return taken;
}

/** Keeps what the model's portal does behind what is simulated of it. */
static void wrap_portal(struct sim_machine *s, const void *addr, struct svart_portal *out)
{
	struct sim_portal *p = s->portals;

	while (p < s->portals + SIM_MAX_PORTALS && p->addr != NULL && p->addr != addr)
		p++;
	if (p == s->portals + SIM_MAX_PORTALS)
		sim_fail(s->trace, "the simulation itself: too many portals");
	p->addr = addr;
	p->inner = *out;
	*out = (struct svart_portal){ .movdir64b = post, .enqcmd = enqueue, .ctx = p };
}

/** Forgets the portals of a mapping. */
static void drop_portals(struct sim_machine *s, const void *addr, size_t len)
{
	struct sim_portal *p;

	for (p = s->portals; p < s->portals + SIM_MAX_PORTALS; p++) {
		if ((uintptr_t)p->addr - (uintptr_t)addr < len)
			p->addr = NULL;
	}
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
		/* Unless it was changed since this thread looked. */
		if (rc == -EFAULT && s->looked[sim_threads_current()] == s->memory->changes)
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

/** One look at /proc/self/maps is one call to the weather, whether it is a query or read as text. */
static int do_maps(struct sim_machine *s, unsigned long request, void *arg)
{
	int rc = sim_maps_ioctl(&s->maps, request, arg);

	s->looked[sim_threads_current()] = s->memory->changes;
	if (rc != -ENOTTY)
		weather(s);
	return rc;
}

static int do_ioctl(struct sim_machine *s, int fd, unsigned long request, void *arg)
{
	if (sim_maps_is(&s->maps, fd))
		return do_maps(s, request, arg);
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

static ssize_t do_read(struct sim_machine *s, int fd, void *buf, size_t len)
{
	struct sim_fault *f = fault_of(s, fd);

	if (sim_maps_is(&s->maps, fd))
		return sim_maps_read(&s->maps, fd, buf, len);
	return f != NULL ? fault_read(s, f, buf, len) : s->inner->ops->read(s->inner, fd, buf, len);
}

static ssize_t do_write(struct sim_machine *s, int fd, const void *buf, size_t len)
{
	struct sim_fault *f = fault_of(s, fd);

	return f != NULL ? fault_write(s, f, buf, len)
			 : s->inner->ops->write(s->inner, fd, buf, len);
}

static int do_open(struct sim_machine *s, const char *path, int flags)
{
	int fd = s->inner->ops->open(s->inner, path, flags);
	unsigned int nr;

	if (fd >= 0 && sscanf(path, "/dev/vfio/devices/vfio%u", &nr) == 1 && nr < SIM_MAX_CDEVS) {
		s->cdevs[nr] = fd;
		s->last_cdev = nr;
	}
	if (fd >= 0 && strcmp(path, SIM_MAPS_PATH) == 0)
		sim_maps_opened(&s->maps, fd);
	return fd;
}

static int do_close(struct sim_machine *s, int fd)
{
	struct sim_fault *f = fault_of(s, fd);
	uint32_t i;

	for (i = 0; i < SIM_MAX_CDEVS; i++) {
		if (s->cdevs[i] == fd) {
			s->cdevs[i] = -1;
			may_be_gone(s);
		}
	}
	if (f != NULL) {
		/* Threads may be about to answer those of other queues. */
		check_answered(s, sim_threads_on() ? fd : -1, "a fault queue is closed");
		owed_drop_fd(s, fd);
		f->fd = -1;
	}
	sim_maps_closed(&s->maps, fd);
	return s->inner->ops->close(s->inner, fd);
}

/** Fails if devices reach some of [start, end), which the runtime maps anew or gives back. */
static void check_unreached(const struct sim_machine *s, uint64_t start, uint64_t end)
{
	uint32_t i;

	for (i = 0; i < s->nr_areas; i++) {
		if (s->areas[i].start < end && s->areas[i].end > start)
			sim_fail(s->trace,
				"the runtime unmaps [%#llx, %#llx), and devices reach it",
				(ull)start, (ull)end);
	}
}

static int do_mmap(struct sim_machine *s, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	bool chosen = !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE));
	int rc;

	/* Where the real kernel puts things is no part of a world. */
	if (chosen) {
		addr = (void *)(uintptr_t)sim_layout_place(&s->layout, len);
		flags |= MAP_FIXED_NOREPLACE;
	}
	rc = s->inner->ops->mmap(s->inner, addr, len, prot, flags, fd, off, out);
	if (rc == -EEXIST && chosen)
		sim_fail(s->trace, "the simulation itself: something else is at %p", addr);
	if (rc != 0)
		return rc;
	check_unreached(s, (uintptr_t)*out, (uintptr_t)*out + len);
	sim_layout_remove(&s->layout, (uintptr_t)*out, len);
	sim_layout_add(&s->layout, (uintptr_t)*out, len, fd < 0 ? prot : PROT_NONE);
	sim_event(s->trace, "  mmap %#zx bytes at %#llx", len, (ull)(uintptr_t)*out);
	return 0;
}

static int do_munmap(struct sim_machine *s, void *addr, size_t len)
{
	check_unreached(s, (uintptr_t)addr, (uintptr_t)addr + len);
	sim_layout_remove(&s->layout, (uintptr_t)addr, len);
	drop_portals(s, addr, len);
	return s->inner->ops->munmap(s->inner, addr, len);
}

static ssize_t do_pread(struct sim_machine *s, int fd, void *buf, size_t len, off_t off)
{
	if (!sim_maps_is(&s->maps, fd))
		return s->inner->ops->pread(s->inner, fd, buf, len, off);
	if (off == 0) { /* See do_maps(). */
		s->looked[sim_threads_current()] = s->memory->changes;
		weather(s);
	}
	return sim_maps_pread(&s->maps, buf, len, (uint64_t)off);
}

/* --- the table ------------------------------------------------------------------------------- */

/* To the threads of the program each call is one step; others run before it and after it. */

static struct sim_machine *begin(struct svart_machine *m)
{
	sim_threads_point();
	sim_threads_hold();
	of(m)->pauses = 0;
	return of(m);
}

static void end(void)
{
	sim_threads_release();
	sim_threads_point();
}

static int sim_open(struct svart_machine *m, const char *path, int flags)
{
	struct sim_machine *s = begin(m);
	int rc = do_open(s, path, flags);

	end();
	return rc;
}

static int sim_close(struct svart_machine *m, int fd)
{
	struct sim_machine *s = begin(m);
	int rc = do_close(s, fd);

	end();
	return rc;
}

static int sim_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	struct sim_machine *s = begin(m);
	int rc = do_ioctl(s, fd, request, arg);

	end();
	return rc;
}

static ssize_t sim_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	struct sim_machine *s = begin(m);
	ssize_t n = do_read(s, fd, buf, len);

	end();
	return n;
}

static ssize_t sim_write(struct svart_machine *m, int fd, const void *buf, size_t len)
{
	struct sim_machine *s = begin(m);
	ssize_t n = do_write(s, fd, buf, len);

	end();
	return n;
}

static ssize_t sim_pread(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	struct sim_machine *s = begin(m);
	ssize_t n = do_pread(s, fd, buf, len, off);

	end();
	return n;
}

static ssize_t sim_pwrite(struct svart_machine *m, int fd, const void *buf, size_t len, off_t off)
{
	struct sim_machine *s = begin(m);
	ssize_t n = s->inner->ops->pwrite(s->inner, fd, buf, len, off);

	end();
	return n;
}

static int sim_mmap(struct svart_machine *m, void *addr, size_t len, int prot, int flags, int fd,
	off_t off, void **out)
{
	struct sim_machine *s = begin(m);
	int rc = do_mmap(s, addr, len, prot, flags, fd, off, out);

	end();
	return rc;
}

static int sim_munmap(struct svart_machine *m, void *addr, size_t len)
{
	struct sim_machine *s = begin(m);
	int rc = do_munmap(s, addr, len);

	end();
	return rc;
}

static int sim_madvise(struct svart_machine *m, void *addr, size_t len, int advice)
{
	struct sim_machine *s = begin(m);
	int rc = s->inner->ops->madvise(s->inner, addr, len, advice);

	end();
	return rc;
}

static int sim_eventfd(struct svart_machine *m, unsigned int initial, int flags)
{
	struct sim_machine *s = begin(m);
	int rc = s->inner->ops->eventfd(s->inner, initial, flags);

	end();
	return rc;
}

static ssize_t sim_readlink(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	struct sim_machine *s = begin(m);
	ssize_t n = s->inner->ops->readlink(s->inner, path, buf, len);

	end();
	return n;
}

static int sim_listdir(struct svart_machine *m, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	struct sim_machine *s = begin(m);
	int rc = s->inner->ops->listdir(s->inner, path, entry, arg);

	end();
	return rc;
}

static uint32_t sim_mmio_read32(struct svart_machine *m, const volatile void *addr)
{
	struct sim_machine *s = begin(m);
	uint32_t value = s->inner->ops->mmio_read32(s->inner, addr);

	end();
	return value;
}

static uint64_t sim_mmio_read64(struct svart_machine *m, const volatile void *addr)
{
	struct sim_machine *s = begin(m);
	uint64_t value = s->inner->ops->mmio_read64(s->inner, addr);

	end();
	return value;
}

static void sim_mmio_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	struct sim_machine *s = begin(m);

	s->inner->ops->mmio_write32(s->inner, addr, value);
	end();
}

static void sim_mmio_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	struct sim_machine *s = begin(m);

	s->inner->ops->mmio_write64(s->inner, addr, value);
	end();
}

static int sim_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out)
{
	struct sim_machine *s = begin(m);
	int rc = s->inner->ops->portal(s->inner, addr, flags, out);

	if (rc == 0)
		wrap_portal(s, addr, out);
	end();
	return rc;
}

static int sim_poll(
	struct svart_machine *m, struct pollfd *fds, unsigned int nr, uint64_t timeout_ns)
{
	struct sim_machine *s = of(m);

	if (sim_threads_on())
		return sim_threads_poll(fds, nr, timeout_ns);
	return s->inner->ops->poll(s->inner, fds, nr, timeout_ns);
}

/** The process's own limits are no part of a world. */
static int sim_getrlimit(struct svart_machine *m, int resource, struct rlimit *limit)
{
	(void)m;
	(void)resource;
	limit->rlim_cur = limit->rlim_max = RLIM_INFINITY;
	return 0;
}

static uint64_t sim_now_ns(struct svart_machine *m)
{
	return of(m)->inner->ops->now_ns(of(m)->inner) + of(m)->skew_ns;
}

static void sim_pause(struct svart_machine *m, uint64_t deadline_ns)
{
	struct sim_machine *s = of(m);

	(void)deadline_ns;
	if (s->pauses++ >= SHORT_PAUSES)
		s->skew_ns += LONG_PAUSE_NS;
	sim_machine_step(s);
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
	sim_layout_init(&s->layout, trace, random, memory);
	sim_maps_init(&s->maps, &s->layout);
	for (i = 0; i < SIM_MAX_FAULTS; i++)
		s->faults[i].fd = -1;
	for (i = 0; i < SIM_MAX_CDEVS; i++)
		s->cdevs[i] = -1;
}

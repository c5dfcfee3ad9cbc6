/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/pci_regs.h>

#include "vfio_cdev.h"

#define PAGES  32
#define ROUNDS 200

/**
 * A device that faults by itself: it asks for one page after the other, until each is there, writes to
 * it, and begins again when its page was taken away.
 *
 * Owner: the machine. Locks: the device lock, but for the atomics.
 */
struct worker {
	struct svart_bus *bus;
	uint64_t base; /**< Set before start. */
	atomic_bool start;
	unsigned int page, round;
	uint64_t translated[PAGES]; /**< Its ATC; 0: not there. */
	bool waiting;
	atomic_uint done; /**< Pages written. */
	atomic_uint bad;  /**< Answers that were no success. */
};

static struct worker *the_worker;

static int worker_create(struct svart_bus *bus, const char *options, void **dev)
{
	struct worker *w = calloc(1, sizeof(*w));

	(void)options;
	w->bus = bus;
	the_worker = w;
	*dev = w;
	return 0;
}

static uint64_t worker_mmio_read(void *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	(void)dev;
	(void)bar;
	(void)off;
	(void)size;
	return 0;
}

static void worker_mmio_write(
	void *dev, unsigned int bar, uint64_t off, unsigned int size, uint64_t value)
{
	(void)dev;
	(void)bar;
	(void)off;
	(void)size;
	(void)value;
}

static void worker_portal64(
	void *dev, unsigned int bar, uint64_t off, const void *descs, uint32_t nr)
{
	struct worker *w = dev;

	(void)bar;
	(void)off;
	(void)descs;
	(void)nr;
	atomic_store(&w->start, true);
	w->bus->ops->wake(w->bus);
}

static void worker_invalidate(void *dev, uint32_t pasid, uint64_t va, uint64_t len)
{
	struct worker *w = dev;
	unsigned int i;

	(void)pasid;
	for (i = 0; i < PAGES; i++) {
		if (w->base + i * PAGE >= va && w->base + i * PAGE - va < len)
			w->translated[i] = 0;
	}
}

static void worker_page_response(
	void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	struct worker *w = dev;

	(void)pasid;
	(void)prgi;
	w->waiting = false;
	if (code != SVART_BUS_PRG_SUCCESS)
		atomic_fetch_add(&w->bad, 1);
}

static void worker_reset(void *dev)
{
	struct worker *w = dev;

	memset(w->translated, 0, sizeof(w->translated));
	w->waiting = false;
}

static bool worker_step(void *dev)
{
	struct worker *w = dev;
	struct svart_bus_page_request request = {
		.pasid = NO_PASID, .write = true, .read = true, .last = true, .prgi = 3
	};
	uint64_t va = w->base + w->page * PAGE;
	struct svart_ats_entry entry;

	if (!atomic_load(&w->start) || w->waiting || w->round == ROUNDS)
		return false;
	if (w->translated[w->page] == 0) {
		if (w->bus->ops->ats_translate(w->bus, NO_PASID, va, 1, true, &entry) != 0)
			return false;
		if (!entry.write) {
			request.addr = va;
			w->waiting = true;
			if (w->bus->ops->page_request(w->bus, &request) != 0)
				w->waiting = false;
			return true;
		}
		w->translated[w->page] = entry.translated;
	}
	if (w->bus->ops->write(w->bus, w->translated[w->page], &w->round, sizeof(w->round)) != 0)
		return false;
	w->page = (w->page + 1) % PAGES;
	w->round += w->page == 0;
	atomic_fetch_add(&w->done, 1);
	return true;
}

static const struct svart_device_model worker_model = {
	.name = "worker",
	.bar_bytes = { 0x1000 },
	.ats = true,
	.pri = true,
	.pri_capacity = 4,
	.create = worker_create,
	.destroy = free,
	.mmio_read = worker_mmio_read,
	.mmio_write = worker_mmio_write,
	.portal64 = worker_portal64,
	.invalidate = worker_invalidate,
	.page_response = worker_page_response,
	.reset = worker_reset,
	.step = worker_step,
};

/** Answers every page request by mapping its page, on a thread of its own. */
struct server {
	struct rig *r;
	atomic_bool stop;
	atomic_uint failed;
};

static void serve_one(struct server *s, const struct iommu_hwpt_pgfault *rec)
{
	struct iommu_hwpt_page_response answer = { .cookie = rec->cookie };
	int rc = rig_map_rw(s->r, (void *)(uintptr_t)rec->addr, PAGE);

	if (rc != 0 && rc != -EEXIST)
		atomic_fetch_add(&s->failed, 1);
	/* A group that was answered by detach or reset meanwhile is no error. */
	rc = (int)s->r->m->ops->write(s->r->m, s->r->fault_fd, &answer, sizeof(answer));
	if (rc != (int)sizeof(answer) && rc != -EINVAL)
		atomic_fetch_add(&s->failed, 1);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	struct iommu_hwpt_pgfault recs[4];
	struct pollfd fd = { .fd = s->r->fault_fd, .events = POLLIN };
	ssize_t n, i;

	while (!atomic_load(&s->stop)) {
		if (s->r->m->ops->poll(s->r->m, &fd, 1, 1000000) <= 0)
			continue;
		n = s->r->m->ops->read(s->r->m, s->r->fault_fd, recs, sizeof(recs));
		for (i = 0; i < n / (ssize_t)sizeof(recs[0]); i++)
			serve_one(s, &recs[i]);
	}
	return NULL;
}

/** A rig whose device is the worker, with a portal to start it. */
static void attach_worker(struct rig *r, uint8_t *mem, struct svart_portal *portal, void **bar)
{
	char address[16];

	rig_attach(r, "step=thread");
	assert_int_equal(svart_model_add_device(r->m, &worker_model, "", address), 0);
	the_worker->base = (uintptr_t)mem;
	assert_int_equal(r->m->ops->close(r->m, r->cdev), 0);
	r->cdev = r->m->ops->open(r->m, "/dev/vfio/devices/vfio1", 2);
	assert_int_equal(rig_device_bind(r, r->cdev, r->iommufd, &r->dev_id), 0);
	assert_int_equal(rig_device_attach(r, r->hwpt), 0);
	rig_command_set(r, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(r->m->ops->mmap(r->m, NULL, PAGE, 3, MAP_SHARED, r->cdev, 0, bar), 0);
	assert_int_equal(r->m->ops->portal(r->m, *bar, 0, portal), 0);
}

static bool wait_for(struct rig *r, atomic_uint *counter, unsigned int value)
{
	uint64_t deadline = r->m->ops->now_ns(r->m) + UINT64_C(20000000000);

	while (atomic_load(counter) < value) {
		if (r->m->ops->now_ns(r->m) > deadline)
			return false;
		r->m->ops->pause(r->m, deadline);
	}
	return true;
}

static void test_engine_thread_faults_and_finishes(void **state)
{
	uint8_t desc[64] __attribute__((aligned(64))) = { 0 }, *mem = rig_memory(PAGES * PAGE);
	struct server s = { 0 };
	struct svart_portal portal;
	pthread_t thread;
	void *bar;
	struct rig r;

	(void)state;
	attach_worker(&r, mem, &portal, &bar);
	s.r = &r;
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	portal.movdir64b(portal.ctx, bar, desc, 1);
	assert_true(wait_for(&r, &the_worker->done, PAGES * ROUNDS));
	atomic_store(&s.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&s.failed), 0);
	assert_int_equal(atomic_load(&the_worker->bad), 0);
	assert_int_equal(r.m->ops->munmap(r.m, bar, PAGE), 0);
	rig_destroy(&r);
	munmap(mem, PAGES * PAGE);
}

static void test_engine_survives_unmaps_detaches_and_resets_while_it_runs(void **state)
{
	const char *text = getenv("SVART_SEED");
	unsigned int i, seed = text != NULL ? (unsigned int)strtoul(text, NULL, 0) : 1;
	uint8_t desc[64] __attribute__((aligned(64))) = { 0 }, *mem = rig_memory(PAGES * PAGE);
	struct server s = { 0 };
	struct svart_portal portal;
	pthread_t thread;
	void *bar;
	struct rig r;

	(void)state;
	print_message("SVART_SEED=%u\n", seed);
	attach_worker(&r, mem, &portal, &bar);
	s.r = &r;
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	portal.movdir64b(portal.ctx, bar, desc, 1);
	for (i = 0; i < 300; i++) {
		uint64_t va = (uintptr_t)mem + (uint64_t)rand_r(&seed) % PAGES * PAGE;

		rig_unmap(&r, va, PAGE, NULL);
		if (i % 50 == 10) {
			assert_int_equal(rig_device_detach(&r), 0);
			assert_int_equal(rig_device_attach(&r, r.hwpt), 0);
		}
		if (i % 50 == 30)
			assert_int_equal(r.m->ops->ioctl(r.m, r.cdev, VFIO_DEVICE_RESET, NULL), 0);
		sched_yield();
	}
	assert_true(wait_for(&r, &the_worker->done, PAGES));
	atomic_store(&s.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&s.failed), 0);
	assert_int_equal(rig_stats(&r).stale_accesses, 0);
	assert_int_equal(r.m->ops->munmap(r.m, bar, PAGE), 0);
	rig_destroy(&r);
	munmap(mem, PAGES * PAGE);
}

static void test_engine_that_sleeps_wakes_for_a_store(void **state)
{
	uint8_t desc[64] __attribute__((aligned(64))) = { 0 }, *bar;
	struct timespec nap = { .tv_nsec = 3000000 };
	struct svart_portal portal;
	unsigned int steps, i;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=thread");
	assert_int_equal(r.m->ops->mmap(r.m, NULL, PAGE, 3, MAP_SHARED, r.cdev,
				 (off_t)2 << SVART_CDEV_REGION_SHIFT, (void **)&bar),
		0);
	assert_int_equal(r.m->ops->portal(r.m, bar, 0, &portal), 0);
	for (i = 0; i < 20; i++) {
		nanosleep(&nap, NULL);
		steps = atomic_load(&r.probe->steps);
		portal.movdir64b(portal.ctx, bar, desc, 1);
		assert_true(wait_for(&r, &r.probe->steps, steps + 1));
	}
	assert_int_equal(r.m->ops->munmap(r.m, bar, PAGE), 0);
	rig_destroy(&r);
}

/** On a busy machine it takes its time to look for work, 200 times, before it sleeps. */
static void test_engine_that_has_nothing_to_do_sleeps(void **state)
{
	struct timespec nap = { .tv_nsec = 20000000 };
	unsigned int steps, still = 0;
	uint64_t deadline;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=thread");
	deadline = r.m->ops->now_ns(r.m) + UINT64_C(20000000000);
	while (still < 2 && r.m->ops->now_ns(r.m) < deadline) {
		steps = atomic_load(&r.probe->steps);
		nanosleep(&nap, NULL);
		still = atomic_load(&r.probe->steps) == steps ? still + 1 : 0;
	}
	assert_int_equal(still, 2);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine_thread_faults_and_finishes),
		cmocka_unit_test(test_engine_survives_unmaps_detaches_and_resets_while_it_runs),
		cmocka_unit_test(test_engine_that_sleeps_wakes_for_a_store),
		cmocka_unit_test(test_engine_that_has_nothing_to_do_sleeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

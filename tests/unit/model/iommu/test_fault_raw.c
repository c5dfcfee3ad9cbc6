/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The fault service on raw VT-d queues of the model: what the hardware is owed when a group does not end
 * as groups do. Every request of the device carries private data, so each has an answer to come.
 */

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <svart/device.h>

#include "rig.h"

#include "iommu_unit_file.h"
#include "service.h"
#include "vtd_spec.h"

#define VA UINT64_C(0x7f0000000000)

/** Pages come when the test lets them. */
struct svart_space {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool blocked;
	unsigned int inside; /**< Threads that wait for a page. */
};

struct world {
	struct rig r;
	struct svart_iommu_unit unit;
	struct svart_fault_raw *raw;
	struct svart_fault_source *source;
	struct svart_fault_service *service;
	struct svart_space space;
};

int svart_space_resolve_while(struct svart_space *space, uint64_t start, uint64_t end,
	unsigned int access, bool (*wanted)(const void *arg), const void *arg)
{
	(void)start;
	(void)end;
	(void)access;
	(void)wanted;
	(void)arg;
	pthread_mutex_lock(&space->lock);
	space->inside++;
	pthread_cond_broadcast(&space->changed);
	while (space->blocked)
		pthread_cond_wait(&space->changed, &space->lock);
	space->inside--;
	pthread_mutex_unlock(&space->lock);
	return 0;
}

static void space_block(struct svart_space *space, bool blocked)
{
	pthread_mutex_lock(&space->lock);
	space->blocked = blocked;
	pthread_cond_broadcast(&space->changed);
	pthread_mutex_unlock(&space->lock);
}

static void space_wait_inside(struct svart_space *space)
{
	pthread_mutex_lock(&space->lock);
	while (space->inside == 0)
		pthread_cond_wait(&space->changed, &space->lock);
	pthread_mutex_unlock(&space->lock);
}

static void world_start(struct world *w, uint32_t resolvers, enum svart_fault_mode mode)
{
	struct svart_fault_params params = {
		.run = resolvers == 0 ? SVART_FAULT_RUN_INLINE : SVART_FAULT_RUN_THREAD,
		.resolvers = resolvers,
		.max_requests = 64,
	};

	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->space.lock, NULL);
	pthread_cond_init(&w->space.changed, NULL);
	rig_attach(&w->r, "step=manual,private=100");
	assert_int_equal(svart_iommu_unit_open(w->r.m, w->r.address, &w->unit), 0);
	assert_int_equal(svart_fault_raw_create(w->r.m, &w->unit, &w->raw), 0);
	assert_int_equal(svart_fault_source_raw_create(w->raw, SVART_PASID_NONE, &w->source), 0);
	assert_int_equal(svart_fault_service_init(&params, false, &w->service), 0);
	assert_int_equal(svart_fault_service_add(w->service, w->source, &w->space), 0);
	svart_fault_service_set_mode(w->service, w->source, mode);
}

/** Ends what svart has of the attachment, which was detached. */
static void world_remove(struct world *w)
{
	svart_fault_service_remove(w->service, w->source);
	w->source->ops->destroy(w->source);
	w->source = NULL;
}

/** Ends all; the device is owed nothing, and was told nothing that it did not ask. */
static void world_end(struct world *w)
{
	assert_int_equal(rig_stats(&w->r).page_requests_open, 0);
	assert_int_equal(rig_stats(&w->r).bad_answers, 0);
	assert_int_equal(rig_stats(&w->r).late_answers, 0);
	if (w->source != NULL)
		world_remove(w);
	assert_int_equal(svart_fault_service_fini(w->service), 0);
	svart_fault_raw_destroy(w->raw);
	svart_iommu_unit_close(w->r.m, &w->unit);
	rig_destroy(&w->r);
	pthread_cond_destroy(&w->space.changed);
	pthread_mutex_destroy(&w->space.lock);
}

static void send(struct world *w, uint16_t prgi, bool last)
{
	const struct svart_bus_page_request request = {
		.pasid = NO_PASID, .addr = VA, .prgi = prgi, .read = true, .last = last
	};

	assert_int_equal(rig_request(&w->r, request), 0);
}

/** Makes the unit see a full queue, until svart tells it otherwise. */
static void queue_fill(struct world *w)
{
	const struct svart_machine_ops *ops = w->r.m->ops;
	uint8_t *regs = w->unit.regs;
	uint64_t tail = ops->mmio_read64(w->r.m, regs + SVART_VTD_PQT_OFF);

	ops->mmio_write64(w->r.m, regs + SVART_VTD_PQH_OFF, tail + 32);
}

static struct svart_fault_stats stats_of(const struct world *w)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();

	svart_fault_stats_get(w->service, &stats);
	return stats;
}

/** Pumps, or waits for the threads, until the device has nr answers. */
static void wait_answers(struct world *w, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < 100000 && rig_stats(&w->r).page_requests_open != 0; i++)
		if (svart_fault_pump(w->service) == 0)
			usleep(100);
	assert_int_equal(w->r.probe->nr_answers, nr);
}

static void overflow_in_a_group(enum svart_fault_mode mode)
{
	struct world w;
	unsigned int i;

	world_start(&w, 0, mode);
	send(&w, 7, false);
	send(&w, 7, false);
	queue_fill(&w);
	send(&w, 7, true);
	assert_int_equal(w.r.probe->nr_answers, 0);
	wait_answers(&w, 1);
	assert_int_equal(w.r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	for (i = 0; i < 4; i++)
		svart_fault_pump(w.service);
	assert_int_equal(stats_of(&w).overflows, 1);
	assert_int_equal(stats_of(&w).page_requests, 2);
	assert_int_equal(stats_of(&w).answers_own, 2);
	assert_int_equal(stats_of(&w).dropped, 2);
	/* The device asks again, with the same id. */
	send(&w, 7, false);
	send(&w, 7, true);
	wait_answers(&w, 2);
	assert_int_equal(w.r.probe->answers[1].code, SVART_BUS_PRG_SUCCESS);
	world_end(&w);
}

static void test_overflow_in_a_group_answers_its_requests_with_private_data(void **state)
{
	(void)state;
	overflow_in_a_group(SVART_FAULT_DEFERRED);
}

static void test_overflow_in_an_eager_group_answers_its_requests_with_private_data(void **state)
{
	(void)state;
	overflow_in_a_group(SVART_FAULT_EAGER);
}

static void test_overflow_while_pages_are_resolved_answers_what_has_private_data(void **state)
{
	struct world w;
	unsigned int i;

	(void)state;
	world_start(&w, 2, SVART_FAULT_EAGER);
	space_block(&w.space, true);
	send(&w, 7, false);
	space_wait_inside(&w.space);
	queue_fill(&w);
	send(&w, 7, true);
	for (i = 0; i < 100000 && stats_of(&w).overflows == 0; i++)
		usleep(100);
	assert_int_equal(w.r.probe->nr_answers, 0);
	space_block(&w.space, false);
	wait_answers(&w, 1);
	assert_int_equal(w.r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	world_end(&w);
}

static void test_detach_in_a_group_answers_what_was_fetched_and_what_was_not(void **state)
{
	struct world w;

	(void)state;
	world_start(&w, 0, SVART_FAULT_DEFERRED);
	send(&w, 7, false);
	svart_fault_pump(w.service);
	assert_int_equal(stats_of(&w).answers_own, 1);
	send(&w, 7, false);
	assert_int_equal(rig_device_detach(&w.r), 0);
	/* Nobody has it any more: the unit answers it. */
	send(&w, 7, true);
	assert_int_equal(w.r.probe->nr_answers, 0);
	world_remove(&w);
	assert_int_equal(w.r.probe->nr_answers, 1);
	assert_int_equal(w.r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	world_end(&w);
}

static void *unblock_later(void *arg)
{
	struct world *w = arg;

	usleep(20000);
	space_block(&w->space, false);
	return NULL;
}

static void test_detach_while_pages_are_resolved_answers_all(void **state)
{
	pthread_t thread;
	struct world w;

	(void)state;
	world_start(&w, 1, SVART_FAULT_EAGER);
	space_block(&w.space, true);
	send(&w, 7, false);
	space_wait_inside(&w.space);
	/* One is resolved, one waits for the resolver, one is of a group that is complete. */
	send(&w, 7, false);
	send(&w, 8, true);
	assert_int_equal(rig_device_detach(&w.r), 0);
	send(&w, 7, true);
	assert_int_equal(pthread_create(&thread, NULL, unblock_later, &w), 0);
	world_remove(&w);
	pthread_join(thread, NULL);
	assert_int_equal(w.r.probe->nr_answers, 2);
	world_end(&w);
}

/* The next owner of the queue takes the id that the last one left open: it must not fail. */
static void test_group_that_a_detach_cut_fails_none_of_the_next_attachment(void **state)
{
	unsigned int i, nr;
	struct world w;

	(void)state;
	world_start(&w, 0, SVART_FAULT_DEFERRED);
	send(&w, 7, false);
	svart_fault_pump(w.service);
	assert_int_equal(rig_device_detach(&w.r), 0);
	send(&w, 7, true);
	world_remove(&w);
	nr = w.r.probe->nr_answers;
	assert_int_equal(rig_device_attach(&w.r, w.r.hwpt), 0);
	assert_int_equal(svart_fault_source_raw_create(w.raw, SVART_PASID_NONE, &w.source), 0);
	assert_int_equal(svart_fault_service_add(w.service, w.source, &w.space), 0);
	for (i = 1; i <= 2; i++) {
		send(&w, 7, false);
		send(&w, 7, true);
		wait_answers(&w, nr + i);
		assert_int_equal(w.r.probe->answers[nr + i - 1].code, SVART_BUS_PRG_SUCCESS);
	}
	/* The first was told to ask again, the second was resolved. */
	assert_int_equal(stats_of(&w).groups, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overflow_in_a_group_answers_its_requests_with_private_data),
		cmocka_unit_test(
			test_overflow_in_an_eager_group_answers_its_requests_with_private_data),
		cmocka_unit_test(
			test_overflow_while_pages_are_resolved_answers_what_has_private_data),
		cmocka_unit_test(test_detach_in_a_group_answers_what_was_fetched_and_what_was_not),
		cmocka_unit_test(test_detach_while_pages_are_resolved_answers_all),
		cmocka_unit_test(test_group_that_a_detach_cut_fails_none_of_the_next_attachment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

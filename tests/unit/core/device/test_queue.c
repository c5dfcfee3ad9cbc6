/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Queues at their end: when a queue is destroyed the memory of its operations is the program's again, also
 * where their page requests were still on their way. And ways to have a queue: unordered, with a priority, and
 * several waited for at once.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <rte_service.h>

#include <svart/svart.h>

#include "device_state.h"
#include "machine.h"
#include "machines.h"
#include "service.h"
#include "model.h"
#include "vfio_function.h"

#define PAGE       4096u
#define BYTES      (16 * PAGE)
#define SECOND_NS  UINT64_C(1000000000)
#define TIMEOUT_NS (20 * SECOND_NS)

/**
 * A device whose page requests nobody fetches before serve(): the service is one of DPDK's that no lcore runs.
 *
 * Owner: one test. Locks: none.
 */
struct rig {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	uint32_t dpdk_id;
	struct svart_device *dev;
	struct svart_queue *q;
	uint8_t *pages;
	uint64_t pinned; /**< svart's own, with the queue. */
};

static uint64_t pinned(const struct rig *r)
{
	struct svart_space_stats stats = SVART_SPACE_STATS_INIT();

	svart_space_stats_get(r->space, &stats);
	return stats.pinned_bytes;
}

static void rig_open(struct rig *r, const char *spec)
{
	static const struct svart_init_params init = SVART_INIT_PARAMS_INIT(
			.eal_args = "--no-huge -m 16 --no-pci --no-shconf --no-telemetry "
				    "--iova-mode=va --log-level=svart:critical --lcores=0@0");
	const struct svart_fault_params params =
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_DPDK);

	assert_int_equal(svart_init(&init, &r->rt), 0);
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_fault_service_create(r->rt, &params, &r->faults), 0);
	assert_int_equal(svart_fault_service_dpdk_id(r->faults, &r->dpdk_id), 0);
	rte_service_set_runstate_mapped_check(r->dpdk_id, 0);
	if (svart_device_open(r->rt, spec, r->space, r->faults, &r->dev) != 0)
		fail_msg("%s", svart_error_text());
	assert_int_equal(svart_queue_create(r->dev, NULL, &r->q), 0);
	r->pinned = pinned(r);
	r->pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(r->pages, MAP_FAILED);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_device_close(r->dev), 0);
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
	munmap(r->pages, BYTES);
}

/** The service does whatever it has to do. */
static void serve(struct rig *r)
{
	unsigned int i;

	for (i = 0; i < 20; i++)
		rte_service_run_iter_on_app_lcore(r->dpdk_id, 1);
}

static void begin_fill(struct rig *r)
{
	struct svart_completion done;

	assert_int_equal(svart_queue_prep_fill(r->q, r->pages, 7, BYTES, 0, 1), 1);
	assert_int_equal(svart_queue_submit(r->q), 1);
	/* It asks for its first page meanwhile. */
	assert_int_equal(svart_queue_wait(r->q, &done, 1, SECOND_NS / 20), 0);
}

static void reset(struct rig *r)
{
	struct svart_machine *m = svart_machines_find(r->rt, "model")->m;

	assert_int_equal(m->ops->ioctl(m, svart_vfio_function_of(r->dev->transport)->fd,
				 VFIO_DEVICE_RESET, NULL),
		0);
}

/** Its memory was forgotten: nothing of it comes back, and the machine has answered all. */
static void assert_stays_forgotten(struct rig *r)
{
	uint64_t own;

	assert_int_equal(svart_queue_destroy(r->q), 0);
	assert_int_equal(svart_space_forget(r->space, r->pages, BYTES), 0);
	own = pinned(r);
	assert_in_range(own, 0, r->pinned);
	serve(r);
	assert_int_equal(pinned(r), own);
}

static void check_reset(const char *spec)
{
	struct svart_completion done;
	struct rig r;

	rig_open(&r, spec);
	begin_fill(&r);
	reset(&r);
	assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	assert_stays_forgotten(&r);
	rig_close(&r);
}

static void test_queue_of_a_reset_device_leaves_no_request_behind(void **state)
{
	(void)state;
	check_reset("model:dsa0,faults=raw");
	check_reset("model:dsa0,faults=raw,private=100");
	check_reset("model:dsa0,faults=raw,iommu=smmu");
	check_reset("model:dsa0,faults=raw,iommu=smmu,pri=on");
	check_reset("model:dsa0");
}

/** Nobody resets it; the operation is aborted, since its page does not come. */
static void test_queue_destroyed_in_the_middle_leaves_no_request_behind(void **state)
{
	static const char *const specs[] = { "model:dsa0", "model:dsa0,faults=raw" };
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_open(&r, specs[i]);
		begin_fill(&r);
		assert_stays_forgotten(&r);
		rig_close(&r);
	}
}

/** Engines of other queues ask again, and go on. */
static void test_queue_destroyed_in_the_middle_harms_no_other_queue(void **state)
{
	struct svart_completion done;
	struct svart_queue *second;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,queues=2,engines=2,groups=2");
	assert_int_equal(svart_queue_create(r.dev, NULL, &second), 0);
	begin_fill(&r);
	assert_int_equal(svart_queue_prep_fill(second, r.pages, 9, BYTES, 0, 2), 1);
	assert_int_equal(svart_queue_submit(second), 1);
	assert_int_equal(svart_queue_wait(second, &done, 1, SECOND_NS / 20), 0);
	assert_int_equal(svart_queue_destroy(r.q), 0);
	while (svart_queue_wait(second, &done, 1, SECOND_NS / 1000) == 0)
		serve(&r);
	assert_int_equal(done.status, SVART_STATUS_OK);
	assert_int_equal(r.pages[BYTES - 8], 9);
	assert_int_equal(svart_queue_destroy(second), 0);
	assert_int_equal(svart_space_forget(r.space, r.pages, BYTES), 0);
	rig_close(&r);
}

/** A page that is brought with no other: the service looks ahead in what is mapped at once. */
static uint8_t *lone_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

/** Ends what began with lone_page(). The queues are destroyed. */
static void rig_close_with(struct rig *r, uint8_t *lone)
{
	assert_int_equal(svart_space_forget(r->space, lone, PAGE), 0);
	munmap(lone, PAGE);
	assert_int_equal(svart_space_forget(r->space, r->pages, BYTES), 0);
	rig_close(r);
}

/** Puts the pages into the device's reach. */
static void bring(struct rig *r, struct svart_queue *q)
{
	struct svart_completion done;

	assert_int_equal(svart_queue_prep_fill(q, r->pages, 1, BYTES, 0, 0), 1);
	while (svart_queue_wait(q, &done, 1, SECOND_NS / 1000) == 0)
		serve(r);
	assert_int_equal(done.status, SVART_STATUS_OK);
}

/** The first waits for a page; the second is done by another engine meanwhile. */
static void test_queue_that_is_unordered_tells_what_has_ended(void **state)
{
	const struct svart_queue_params params =
		SVART_QUEUE_PARAMS_INIT(.flags = SVART_QUEUE_UNORDERED);
	uint8_t *lone = lone_page();
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,queue_engines=2");
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_queue_create(r.dev, &params, &r.q), 0);
	bring(&r, r.q);
	assert_int_equal(svart_queue_prep_fill(r.q, lone, 2, 8, 0, 2), 1);
	assert_int_equal(svart_queue_prep_fill(r.q, r.pages + PAGE, 3, 8, 0, 3), 1);
	assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.cookie, 3);
	assert_int_equal(svart_queue_in_flight(r.q), 1);
	while (svart_queue_wait(r.q, &done, 1, SECOND_NS / 1000) == 0)
		serve(&r);
	assert_int_equal(done.cookie, 2);
	assert_int_equal(svart_queue_in_flight(r.q), 0);
	assert_int_equal(svart_queue_destroy(r.q), 0);
	rig_close_with(&r, lone);
}

/** Fills a word by a queue, with what the queue is to be told by. */
static void fill_one(struct rig *r, struct svart_queue *q, uint64_t cookie)
{
	assert_int_equal(svart_queue_prep_fill(q, r->pages + PAGE, 3, 8, 0, cookie), 1);
}

static void test_queues_are_waited_for_at_once(void **state)
{
	struct svart_completion done;
	struct svart_queue *queues[3];
	uint32_t which = UINT32_MAX, i;
	uint8_t *lone = lone_page();
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,queues=3,step=thread");
	queues[0] = r.q;
	assert_int_equal(svart_queue_create(r.dev, NULL, &queues[1]), 0);
	assert_int_equal(svart_queue_create(r.dev, NULL, &queues[2]), 0);
	/* Nothing is in flight. */
	assert_int_equal(svart_queues_wait(queues, 3, &which, &done, 1, TIMEOUT_NS), 0);
	assert_int_equal(which, UINT32_MAX);
	bring(&r, queues[1]);
	/* One waits for its page: it does not hold up the others, each of which gets its turn. */
	assert_int_equal(svart_queue_prep_fill(queues[0], lone, 2, 8, 0, 100), 1);
	for (i = 0; i < 20; i++) {
		fill_one(&r, queues[1], 101);
		fill_one(&r, queues[2], 102);
	}
	for (i = 0; i < 40; i++) {
		assert_int_equal(svart_queues_wait(queues, 3, &which, &done, 1, TIMEOUT_NS), 1);
		assert_in_range(which, 1, 2);
		assert_int_equal(done.cookie, 100 + which);
	}
	assert_int_equal(svart_queues_wait(queues, 3, &which, &done, 1, SECOND_NS / 20), 0);
	while (svart_queues_wait(queues, 3, &which, &done, 1, SECOND_NS / 1000) == 0)
		serve(&r);
	assert_int_equal(which, 0);
	assert_int_equal(done.cookie, 100);
	assert_int_equal(svart_queues_wait(queues, 0, &which, &done, 1, TIMEOUT_NS), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(svart_queue_destroy(queues[i]), 0);
	rig_close_with(&r, lone);
}

/** A chain of copies, each of what the one before it has written, on an empty queue and on a busy one. */
static void check_batches(const char *spec, uint32_t flags)
{
	struct svart_queue_params params =
		SVART_QUEUE_PARAMS_INIT(.flags = SVART_QUEUE_BATCHES | flags);
	struct svart_completion done[16];
	struct rig r;
	uint32_t i, round, got;

	rig_open(&r, spec);
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_queue_create(r.dev, &params, &r.q), 0);
	for (round = 1; round <= 20; round++) {
		memset(r.pages, (int)round, PAGE);
		for (i = 0; i < 15; i++)
			assert_int_equal(svart_queue_prep_copy(r.q, r.pages + (i + 1) * PAGE,
						 r.pages + i * PAGE, PAGE, SVART_OP_FENCE, i),
				1);
		/* A fence at the ring's end waits for what is before it. */
		assert_in_range(svart_queue_submit(r.q), 1, 15);
		for (got = 0; got < 15;) {
			i = svart_queue_wait(r.q, done, 16, SECOND_NS / 1000);
			if (i == 0)
				serve(&r);
			for (got += i; i > 0; i--)
				assert_int_equal(done[i - 1].status, SVART_STATUS_OK);
		}
		assert_int_equal(r.pages[BYTES - 1], round);
	}
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_space_forget(r.space, r.pages, BYTES), 0);
	rig_close(&r);
}

static void test_queue_hands_over_batches(void **state)
{
	(void)state;
	check_batches("model:dsa0", 0);
	check_batches("model:dsa0,queue_engines=4", SVART_QUEUE_UNORDERED);
	check_batches("model:dsa0,pasid=5", SVART_QUEUE_EVENTS);
	check_batches("model:dsa0,faults=off", 0);
}

/** The device knows only its own batch: an operation that was handed over before is on another engine. */
static void test_fence_in_a_batch_waits_for_what_is_before_the_batch(void **state)
{
	const struct svart_queue_params params =
		SVART_QUEUE_PARAMS_INIT(.flags = SVART_QUEUE_BATCHES | SVART_QUEUE_UNORDERED);
	struct svart_completion done;
	struct rig r;
	uint64_t i;

	(void)state;
	rig_open(&r, "model:dsa0,queue_engines=2");
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_queue_create(r.dev, &params, &r.q), 0);
	assert_int_equal(svart_queue_prep_fill(r.q, r.pages, 2, 8, 0, 0), 1);
	assert_int_equal(svart_queue_submit(r.q), 1);
	for (i = 1; i <= 2; i++)
		assert_int_equal(svart_queue_prep_noop(r.q, 0, i), 1);
	assert_int_equal(svart_queue_prep_noop(r.q, SVART_OP_FENCE, 3), 1);
	/* Those before the fence end, while the first operation waits for its page. */
	for (i = 1; i <= 2; i++) {
		assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
		assert_int_equal(done.cookie, i);
	}
	assert_int_equal(svart_queue_wait(r.q, &done, 1, SECOND_NS / 20), 0);
	while (svart_queue_wait(r.q, &done, 1, SECOND_NS / 1000) == 0)
		serve(&r);
	assert_int_equal(done.cookie, 0);
	assert_int_equal(svart_queue_wait(r.q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.cookie, 3);
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_space_forget(r.space, r.pages, BYTES), 0);
	rig_close(&r);
}

/** A program sleeps until its completion is there, as often as it likes. */
static void check_events(const char *spec)
{
	const struct svart_queue_params params =
		SVART_QUEUE_PARAMS_INIT(.flags = SVART_QUEUE_EVENTS);
	struct svart_completion done;
	struct pollfd wait = { .events = POLLIN };
	uint64_t count, i;
	struct rig r;

	rig_open(&r, spec);
	assert_int_equal(svart_queue_event_fd(r.q), -ENOTSUP);
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_queue_create(r.dev, &params, &r.q), 0);
	bring(&r, r.q);
	wait.fd = svart_queue_event_fd(r.q);
	assert_true(wait.fd >= 0);
	assert_int_equal(read(wait.fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(poll(&wait, 1, 0), 0);
	for (i = 0; i < 3; i++) {
		fill_one(&r, r.q, i);
		assert_int_equal(svart_queue_submit(r.q), 1);
		assert_int_equal(poll(&wait, 1, (int)(TIMEOUT_NS / 1000000)), 1);
		assert_int_equal(read(wait.fd, &count, sizeof(count)), sizeof(count));
		assert_int_equal(count, 1);
		/* The interrupt comes after the record. */
		assert_int_equal(svart_queue_poll(r.q, &done, 1), 1);
		assert_int_equal(done.cookie, i);
		assert_int_equal(done.status, SVART_STATUS_OK);
	}
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_space_forget(r.space, r.pages, BYTES), 0);
	rig_close(&r);
}

static void test_queue_raises_its_eventfd(void **state)
{
	(void)state;
	check_events("model:dsa0,queues=2");
	check_events("model:dsa0,pasid=5");
	check_events("model:dsa0,faults=off");
}

static void expect_create_fails(
	struct rig *r, const struct svart_queue_params *params, const char *word)
{
	struct svart_queue *q;

	assert_int_equal(svart_queue_create(r->dev, params, &q), -EINVAL);
	if (strstr(svart_error_text(), word) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", svart_error_text(), word);
}

static void test_queue_params_out_of_range_are_refused(void **state)
{
	const struct svart_queue_params flags = SVART_QUEUE_PARAMS_INIT(.flags = 1u << 31),
					priority = SVART_QUEUE_PARAMS_INIT(.priority = 16),
					events =
						SVART_QUEUE_PARAMS_INIT(.flags =
										SVART_QUEUE_EVENTS),
					good = SVART_QUEUE_PARAMS_INIT(.priority = 15);
	struct svart_queue *q;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,queues=2");
	expect_create_fails(&r, &flags, "0x80000000");
	expect_create_fails(&r, &priority, "16");
	assert_int_equal(svart_queue_create(r.dev, &good, &q), 0);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_queue_destroy(r.q), 0);
	rig_close(&r);
	/* A device that has neither. */
	rig_open(&r, "model:edu0,dma_mask_bits=64");
	assert_int_equal(svart_queue_destroy(r.q), 0);
	assert_int_equal(svart_queue_create(r.dev, &good, &q), -ENOTSUP);
	assert_int_equal(svart_queue_create(r.dev, &events, &q), -ENOTSUP);
	assert_non_null(strstr(svart_error_text(), "interrupts"));
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_of_a_reset_device_leaves_no_request_behind),
		cmocka_unit_test(test_queue_destroyed_in_the_middle_leaves_no_request_behind),
		cmocka_unit_test(test_queue_destroyed_in_the_middle_harms_no_other_queue),
		cmocka_unit_test(test_queue_that_is_unordered_tells_what_has_ended),
		cmocka_unit_test(test_queues_are_waited_for_at_once),
		cmocka_unit_test(test_queue_hands_over_batches),
		cmocka_unit_test(test_fence_in_a_batch_waits_for_what_is_before_the_batch),
		cmocka_unit_test(test_queue_raises_its_eventfd),
		cmocka_unit_test(test_queue_params_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

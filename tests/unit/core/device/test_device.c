/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What devices and their queues say of themselves, on the model: how long an operation may be, and
 * which calls wait for nobody.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <svart/svart.h>

#include "runtime.h"

#define MIB        (UINT64_C(1) << 20)
#define PAGE       4096u
#define TIMEOUT_NS UINT64_C(5000000000)
/** Seconds that a call which never blocks may take on a busy machine. */
#define SOON_S 5

/** Two spaces, and a device that is attached to the first. Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *spaces[2];
	struct svart_fault_service *faults;
	struct svart_device *dev;
};

static struct svart_space *space_new(struct svart *rt, uint64_t pin_limit)
{
	const struct svart_space_params params =
		SVART_SPACE_PARAMS_INIT(.pin_limit_bytes = pin_limit);
	struct svart_space *space;

	assert_int_equal(svart_space_create(rt, &params, &space), 0);
	return space;
}

static void rig_open(struct rig *r, const char *spec, uint64_t first_limit, uint64_t second_limit)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);

	assert_int_equal(svart_init(&init, &r->rt), 0);
	r->spaces[0] = space_new(r->rt, first_limit);
	r->spaces[1] = space_new(r->rt, second_limit);
	assert_int_equal(svart_fault_service_create(r->rt, NULL, &r->faults), 0);
	assert_int_equal(svart_device_open(r->rt, spec, r->spaces[0], r->faults, &r->dev), 0);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_device_close(r->dev), 0);
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->spaces[1]), 0);
	assert_int_equal(svart_space_destroy(r->spaces[0]), 0);
	assert_int_equal(svart_fini(r->rt), 0);
}

static struct svart_device_info info_of(const struct rig *r)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(r->dev, &info);
	return info;
}

static struct svart_queue *queue_new(struct rig *r, unsigned int space)
{
	const struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT(.space = r->spaces[space]);
	struct svart_queue *q;

	assert_int_equal(svart_queue_create(r->dev, &params, &q), 0);
	return q;
}

/** How an operation of so many bytes ends: a fill, for both operands of a copy make the memory twice. */
static enum svart_status fill(
	struct rig *r, struct svart_queue *q, unsigned int space, uint64_t len)
{
	struct svart_completion done;
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_int_equal(svart_queue_prep_fill(q, mem, 0x55, len, 0, 1), 1);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(svart_space_forget(r->spaces[space], mem, len), 0);
	munmap(mem, len);
	return done.status;
}

/** What a queue says is what it takes: so many bytes, and not one more. */
static void assert_takes(struct rig *r, unsigned int space, uint64_t bytes)
{
	struct svart_queue *q = queue_new(r, space);

	assert_int_equal(svart_queue_max_transfer_bytes(q), bytes);
	assert_int_equal(fill(r, q, space, bytes), SVART_STATUS_OK);
	assert_int_equal(fill(r, q, space, bytes + 1), SVART_STATUS_INVALID);
	assert_int_equal(svart_queue_destroy(q), 0);
}

static void test_queue_of_each_space_says_how_much_it_takes(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,faults=off,pasid=5,queues=2", 4 * MIB, MIB);
	assert_int_equal(svart_device_attach(r.dev, r.spaces[1], 6), 0);
	assert_takes(&r, 0, 4 * MIB / 8 - 2 * PAGE);
	assert_takes(&r, 1, MIB / 8 - 2 * PAGE);
	rig_close(&r);
}

static void test_second_space_may_have_more_than_the_first(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,faults=off,pasid=5,queues=2", MIB, 4 * MIB);
	assert_int_equal(svart_device_attach(r.dev, r.spaces[1], 6), 0);
	assert_takes(&r, 0, MIB / 8 - 2 * PAGE);
	assert_takes(&r, 1, 4 * MIB / 8 - 2 * PAGE);
	rig_close(&r);
}

static void test_device_says_what_every_queue_of_it_takes(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,faults=off,pasid=5,queues=2", 4 * MIB, MIB);
	assert_int_equal(info_of(&r).max_transfer_bytes, 4 * MIB / 8 - 2 * PAGE);
	assert_int_equal(svart_device_attach(r.dev, r.spaces[1], 6), 0);
	assert_int_equal(info_of(&r).max_transfer_bytes, MIB / 8 - 2 * PAGE);
	assert_int_equal(svart_device_detach(r.dev, r.spaces[1]), 0);
	assert_int_equal(info_of(&r).max_transfer_bytes, 4 * MIB / 8 - 2 * PAGE);
	rig_close(&r);
}

static void test_device_with_page_requests_takes_what_it_can_in_every_space(void **state)
{
	struct svart_queue *q;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,pasid=5,queues=2,max_xfer_shift=20", 64 * MIB, 32 * MIB);
	assert_int_equal(svart_device_attach(r.dev, r.spaces[1], 6), 0);
	assert_int_equal(info_of(&r).max_transfer_bytes, MIB);
	q = queue_new(&r, 1);
	assert_int_equal(svart_queue_max_transfer_bytes(q), MIB);
	assert_int_equal(fill(&r, q, 1, MIB), SVART_STATUS_OK);
	assert_int_equal(svart_queue_destroy(q), 0);
	rig_close(&r);
}

static void test_space_in_which_no_operation_fits_is_not_attached(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,faults=off,pasid=5", 4 * MIB, 5 * PAGE);
	assert_int_equal(svart_device_attach(r.dev, r.spaces[1], 6), -ENOSPC);
	assert_non_null(strstr(svart_error_text(), "20480 bytes"));
	assert_non_null(strstr(svart_error_text(), "24576"));
	assert_int_equal(svart_device_detach(r.dev, r.spaces[1]), -ENOENT);
	assert_int_equal(info_of(&r).max_transfer_bytes, 4 * MIB / 8 - 2 * PAGE);
	rig_close(&r);
}

static void test_device_counts_the_queues_that_are_free(void **state)
{
	struct svart_queue *q;
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0,queues=3", 0, 0);
	assert_int_equal(info_of(&r).nr_queues_free, 3);
	q = queue_new(&r, 0);
	assert_int_equal(info_of(&r).nr_queues_free, 2);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(info_of(&r).nr_queues_free, 3);
	rig_close(&r);
}

/* --- calls that do not wait --------------------------------------------------------------------- */

/** Runs a call while a control call is under way. @return whether it came back. */
static bool returns_beside_a_control_call(struct rig *r, void *(*call)(void *))
{
	struct timespec deadline;
	pthread_t thread;
	int rc;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += SOON_S;
	pthread_mutex_lock(
		&r->rt->lock); /* As svart_device_open() for seconds, on a device that hangs. */
	assert_int_equal(pthread_create(&thread, NULL, call, r), 0);
	rc = pthread_timedjoin_np(thread, NULL, &deadline);
	pthread_mutex_unlock(&r->rt->lock);
	if (rc != 0)
		pthread_join(thread, NULL);
	return rc == 0;
}

static void *call_info_get(void *rig)
{
	const struct rig *r = rig;
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(r->dev, &info);
	return NULL;
}

static void *call_space_create(void *rig)
{
	struct rig *r = rig;

	r->spaces[1] = space_new(r->rt, MIB);
	return NULL;
}

static void *call_getters(void *rig)
{
	const struct rig *r = rig;
	struct svart_space_stats space = SVART_SPACE_STATS_INIT();
	struct svart_fault_stats faults = SVART_FAULT_STATS_INIT();

	svart_device_fault_mode_get(r->dev);
	svart_space_stats_get(r->spaces[0], &space);
	svart_fault_stats_get(r->faults, &faults);
	return NULL;
}

static void test_device_info_waits_for_no_control_call(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0", 0, 0);
	assert_true(returns_beside_a_control_call(&r, call_info_get));
	rig_close(&r);
}

static void test_making_a_space_waits_for_no_control_call(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0", 0, 0);
	assert_int_equal(svart_space_destroy(r.spaces[1]), 0);
	assert_true(returns_beside_a_control_call(&r, call_space_create));
	rig_close(&r);
}

static void test_counters_wait_for_no_control_call(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "model:dsa0", 0, 0);
	assert_true(returns_beside_a_control_call(&r, call_getters));
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_of_each_space_says_how_much_it_takes),
		cmocka_unit_test(test_second_space_may_have_more_than_the_first),
		cmocka_unit_test(test_device_says_what_every_queue_of_it_takes),
		cmocka_unit_test(test_device_with_page_requests_takes_what_it_can_in_every_space),
		cmocka_unit_test(test_space_in_which_no_operation_fits_is_not_attached),
		cmocka_unit_test(test_device_counts_the_queues_that_are_free),
		cmocka_unit_test(test_device_info_waits_for_no_control_call),
		cmocka_unit_test(test_making_a_space_waits_for_no_control_call),
		cmocka_unit_test(test_counters_wait_for_no_control_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Numbers and fault counters of devices, on the model.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <svart/svart.h>

#include "device_state.h"

#define BYTES      65536u
#define TIMEOUT_NS UINT64_C(5000000000)

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *space, *second;
	struct svart_fault_service *faults;
	struct svart_device *dev;
};

static void rig_open(struct rig *r)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);

	assert_int_equal(svart_init(&init, &r->rt), 0);
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_space_create(r->rt, NULL, &r->second), 0);
	assert_int_equal(svart_fault_service_create(r->rt, NULL, &r->faults), 0);
}

static struct svart_device *device_open(struct rig *r, const char *spec)
{
	struct svart_device *dev;

	assert_int_equal(svart_device_open(r->rt, spec, r->space, r->faults, &dev), 0);
	return dev;
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->second), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
}

static uint32_t id_of(const struct svart_device *dev)
{
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();

	svart_device_info_get(dev, &info);
	return info.id;
}

/** Copies fresh memory in the first space. */
static void copy(struct rig *r, struct svart_device *dev)
{
	struct svart_completion done;
	struct svart_queue *q;
	char *p = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(svart_queue_create(dev, NULL, &q), 0);
	assert_int_equal(svart_queue_prep_copy(q, p, p + BYTES, BYTES, 0, 1), 1);
	svart_queue_submit(q);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.status, SVART_STATUS_OK);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_space_forget(r->space, p, 2 * BYTES), 0);
	munmap(p, 2 * BYTES);
}

/** Counters move a moment after the operation: waits until all groups are answered. */
static struct svart_fault_stats settled(struct svart_device *dev, const struct svart_space *space)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		assert_int_equal(svart_device_fault_stats_get(dev, space, &stats), 0);
		if (stats.groups != 0 && stats.groups == stats.answers_success)
			break;
		usleep(1000);
	}
	return stats;
}

static void test_device_id_is_the_lowest_free_in_the_process(void **state)
{
	struct svart_device *one, *other, *third;
	struct rig a, b;

	(void)state;
	rig_open(&a);
	rig_open(&b);
	one = device_open(&a, "model:dsa0");
	other = device_open(&b, "model:dsa0");
	assert_int_equal(id_of(one), 0);
	assert_int_equal(id_of(other), 1);
	assert_int_equal(other->pmd.number, 1);
	assert_int_equal(svart_device_close(one), 0);
	third = device_open(&b, "model:edu0");
	assert_int_equal(id_of(third), 0);
	assert_int_equal(svart_device_close(other), 0);
	assert_int_equal(svart_device_close(third), 0);
	rig_close(&a);
	rig_close(&b);
}

static void test_device_id_of_failed_open_is_free_again(void **state)
{
	struct svart_device *dev;
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_not_equal(svart_device_open(r.rt, "model:none0", r.space, r.faults, &dev), 0);
	dev = device_open(&r, "model:dsa0");
	assert_int_equal(id_of(dev), 0);
	assert_int_equal(svart_device_close(dev), 0);
	rig_close(&r);
}

/** In a child: no thread is started, which sanitizers do not allow there. @return the exit status. */
static int open_in_child(void)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart_device *dev;
	struct svart_space *space;
	struct svart *rt;

	if (svart_init(&init, &rt) != 0 || svart_space_create(rt, NULL, &space) != 0 ||
		svart_device_open(rt, "model:edu0,step=manual", space, NULL, &dev) != 0)
		return 2;
	return id_of(dev) == 0 ? 0 : 1;
}

static void test_device_id_in_forked_child_begins_anew(void **state)
{
	struct svart_device *dev;
	struct rig r;
	int status;
	pid_t pid;

	(void)state;
	rig_open(&r);
	dev = device_open(&r, "model:dsa0");
	pid = fork();
	if (pid == 0)
		_exit(open_in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(svart_device_close(dev), 0);
	rig_close(&r);
}

static void test_stats_of_device_are_those_of_its_faults(void **state)
{
	struct svart_fault_stats all = SVART_FAULT_STATS_INIT(), stats;
	struct svart_device *dev, *idle;
	struct rig r;

	(void)state;
	rig_open(&r);
	dev = device_open(&r, "model:dsa0");
	idle = device_open(&r, "model:dsa1");
	copy(&r, dev);
	stats = settled(dev, NULL);
	assert_true(stats.page_requests >= stats.groups);
	assert_true(stats.groups > 0);
	assert_int_equal(stats.answers_success, stats.groups);
	assert_true(stats.latency_max_ns > 0);
	svart_fault_stats_get(r.faults, &all);
	assert_int_equal(all.page_requests, stats.page_requests);
	assert_int_equal(svart_device_fault_stats_get(idle, NULL, &stats), 0);
	assert_int_equal(stats.page_requests, 0);
	assert_int_equal(svart_device_close(dev), 0);
	assert_int_equal(svart_device_close(idle), 0);
	rig_close(&r);
}

static void test_stats_of_space_are_those_of_its_attachment(void **state)
{
	struct svart_fault_stats second = SVART_FAULT_STATS_INIT(), sum = SVART_FAULT_STATS_INIT();
	struct svart_fault_stats first;
	struct svart_device *dev;
	struct rig r;

	(void)state;
	rig_open(&r);
	dev = device_open(&r, "model:dsa0,pasid=1");
	assert_int_equal(svart_device_attach(dev, r.second, 2), 0);
	copy(&r, dev);
	first = settled(dev, r.space);
	assert_int_equal(svart_device_fault_stats_get(dev, r.second, &second), 0);
	assert_int_equal(svart_device_fault_stats_get(dev, NULL, &sum), 0);
	assert_true(first.groups > 0);
	assert_int_equal(second.groups, 0);
	assert_memory_equal(&sum, &first, sizeof(sum));
	assert_int_equal(svart_device_detach(dev, r.second), 0);
	assert_int_equal(svart_device_fault_stats_get(dev, r.second, &second), -ENOENT);
	assert_int_equal(svart_device_close(dev), 0);
	rig_close(&r);
}

static void test_stats_without_page_requests_are_zero(void **state)
{
	struct svart_fault_stats stats, zero = SVART_FAULT_STATS_INIT();
	struct svart_device *dev;
	struct rig r;

	(void)state;
	rig_open(&r);
	dev = device_open(&r, "model:edu0");
	memset(&stats, 0xff, sizeof(stats));
	stats.size = sizeof(stats);
	assert_int_equal(svart_device_fault_stats_get(dev, NULL, &stats), 0);
	assert_memory_equal(&stats, &zero, sizeof(stats));
	assert_int_equal(svart_device_close(dev), 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_id_is_the_lowest_free_in_the_process),
		cmocka_unit_test(test_device_id_of_failed_open_is_free_again),
		cmocka_unit_test(test_device_id_in_forked_child_begins_anew),
		cmocka_unit_test(test_stats_of_device_are_those_of_its_faults),
		cmocka_unit_test(test_stats_of_space_are_those_of_its_attachment),
		cmocka_unit_test(test_stats_without_page_requests_are_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

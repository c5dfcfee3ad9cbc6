/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Taking devices back while the kernel maps a page that does not come: its userfaultfd handler is gone,
 * its file server does not answer. Whoever waits is told after some seconds, other control calls go on
 * meanwhile, and when the page has come the same call ends what it began.
 *
 * The machine maps no page of the memory that is called slow, until it is let.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include <svart/svart.h>

#include "machine.h"
#include "machines.h"
#include "fail_machine.h"
#include "model.h"

#define BYTES      (16 * 4096u)
#define TIMEOUT_NS UINT64_C(20000000000)
/** Seconds for which a call may wait before it says so, on a busy machine. */
#define BOUND_S 20

/* --- a machine on which a page does not come ------------------------------------------------------ */

static struct {
	struct fail_machine base; /**< First: it passes on what is not here. */
	struct svart_machine_ops ops;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uintptr_t slow; /**< Memory of BYTES; 0: none. */
	bool let;
	unsigned int nr_waiting;
} machine;

static bool is_slow(const struct iommu_ioas_map *cmd)
{
	return machine.slow != 0 && cmd->user_va < machine.slow + BYTES &&
	       machine.slow < cmd->user_va + cmd->length;
}

static int slow_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	(void)m;
	if (request == IOMMU_IOAS_MAP) {
		pthread_mutex_lock(&machine.lock);
		if (is_slow(arg)) {
			machine.nr_waiting++;
			pthread_cond_broadcast(&machine.changed);
			while (!machine.let)
				pthread_cond_wait(&machine.changed, &machine.lock);
		}
		pthread_mutex_unlock(&machine.lock);
	}
	return machine.base.inner->ops->ioctl(machine.base.inner, fd, request, arg);
}

static void machine_init(void)
{
	struct svart_machine *model;

	assert_int_equal(svart_model_create("", &model), 0);
	memset(&machine, 0, sizeof(machine));
	pthread_mutex_init(&machine.lock, NULL);
	pthread_cond_init(&machine.changed, NULL);
	fail_machine_init(&machine.base, model);
	machine.ops = *machine.base.base.ops;
	machine.ops.ioctl = slow_ioctl;
	machine.base.base.ops = &machine.ops;
}

static void wait_until_stuck(void)
{
	pthread_mutex_lock(&machine.lock);
	while (machine.nr_waiting == 0)
		pthread_cond_wait(&machine.changed, &machine.lock);
	pthread_mutex_unlock(&machine.lock);
}

/** The page comes. */
static void let(void)
{
	pthread_mutex_lock(&machine.lock);
	machine.let = true;
	pthread_cond_broadcast(&machine.changed);
	pthread_mutex_unlock(&machine.lock);
}

/* --- a runtime on it ------------------------------------------------------------------------------ */

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *space, *second;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *stuck; /**< Could not be destroyed yet; or NULL. */
};

static struct svart_machine_class class;

static int locate(struct svart_machine *m, const char *name, const char *options, char address[16])
{
	(void)m;
	return svart_machine_model.locate(machine.base.inner, name, options, address);
}

static void keep(struct svart_machine *m)
{
	(void)m; /* The test ends the model itself. */
}

static void rig_open(struct rig *r, uint32_t resolvers)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	const struct svart_fault_params fault = SVART_FAULT_PARAMS_INIT(.resolvers = resolvers);
	struct svart_machine_slot *slot;

	machine_init();
	assert_int_equal(svart_init(&init, &r->rt), 0);
	slot = svart_machines_find(r->rt, "model");
	class = *slot->class;
	class.locate = locate;
	class.destroy = keep;
	slot->class = &class;
	slot->m = &machine.base.base;
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_space_create(r->rt, NULL, &r->second), 0);
	assert_int_equal(svart_fault_service_create(r->rt, &fault, &r->faults), 0);
	assert_int_equal(svart_device_open(r->rt, "model:dsa0,pasid=5,queues=3", r->space,
				 r->faults, &r->dev),
		0);
}

/** All is closed: nothing is left on the machine. */
static void rig_close(struct rig *r)
{
	struct svart_model_stats left;

	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->second), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
	svart_model_stats_get(machine.base.inner, &left);
	assert_int_equal(left.open_fds + left.mappings + left.objects, 0);
	assert_int_equal(left.pinned_bytes + left.page_requests_open, 0);
	svart_model_destroy(machine.base.inner);
	pthread_cond_destroy(&machine.changed);
	pthread_mutex_destroy(&machine.lock);
	munmap((void *)machine.slow, BYTES);
}

/** Memory beside which there is none: a window around its pages takes no others with it. */
static uint8_t *memory_new(void)
{
	uint8_t *memory = mmap(NULL, 3 * BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + BYTES, BYTES, PROT_READ | PROT_WRITE), 0);
	return memory + BYTES;
}

/** An operation needs a page that does not come, and its queue is given up. */
static void get_stuck(struct rig *r, struct svart_space *space)
{
	const struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT(.space = space);
	struct svart_queue *q;

	machine.slow = (uintptr_t)memory_new();
	assert_int_equal(svart_queue_create(r->dev, &params, &q), 0);
	assert_int_equal(svart_queue_prep_fill(q, (void *)machine.slow, 1, BYTES, 0, 1), 1);
	assert_int_equal(svart_queue_submit(q), 1);
	wait_until_stuck();
	/* Who fetches must be asked what is on its way, and maps where there are no resolvers. */
	r->stuck = svart_queue_destroy(q) == 0 ? NULL : q;
}

static void copy_elsewhere(struct rig *r)
{
	uint8_t *memory = memory_new();
	struct svart_completion done;
	struct svart_queue *q;

	assert_int_equal(svart_queue_create(r->dev, NULL, &q), 0);
	assert_int_equal(svart_queue_prep_fill(q, memory, 7, BYTES, 0, 1), 1);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.status, SVART_STATUS_OK);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_space_forget(r->space, memory, BYTES), 0);
	munmap(memory, BYTES);
}

/* --- calls that may wait -------------------------------------------------------------------------- */

/** A call on a thread of its own. */
struct call {
	int (*function)(struct rig *r);
	struct rig *r;
	pthread_t thread;
	int rc;
	char text[256];
};

static void *call_main(void *arg)
{
	struct call *c = arg;

	c->rc = c->function(c->r);
	snprintf(c->text, sizeof(c->text), "%s", svart_error_text());
	return NULL;
}

static void call_start(struct call *c, struct rig *r, int (*function)(struct rig *r))
{
	*c = (struct call){ .function = function, .r = r };
	assert_int_equal(pthread_create(&c->thread, NULL, call_main, c), 0);
}

/** @return whether it came back in time; if not, it is let come back. */
static bool call_ends(struct call *c, int seconds)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	if (pthread_timedjoin_np(c->thread, NULL, &deadline) == 0)
		return true;
	let();
	pthread_join(c->thread, NULL);
	return false;
}

static int call_destroy(struct rig *r)
{
	return svart_queue_destroy(r->stuck);
}

static int call_close(struct rig *r)
{
	return svart_device_close(r->dev);
}

static int call_detach(struct rig *r)
{
	return svart_device_detach(r->dev, r->second);
}

static int call_set_mode(struct rig *r)
{
	return svart_device_fault_mode_set(r->dev, SVART_FAULT_EAGER);
}

static int call_open_another(struct rig *r)
{
	struct svart_device *dev;
	int rc = svart_device_open(r->rt, "model:dsa1", r->space, r->faults, &dev);

	if (rc == 0)
		svart_device_close(dev);
	return rc;
}

/** Control calls that have nothing to do with the page. */
static int call_others(struct rig *r)
{
	struct svart_fault_service *faults;
	struct svart_device *edu;
	struct svart_probe *probe;
	int rc = svart_fault_service_create(r->rt, NULL, &faults);

	if (rc == 0)
		rc = svart_fault_service_destroy(faults);
	if (rc == 0)
		rc = svart_probe_create(r->rt, &probe);
	if (rc == 0) {
		svart_probe_destroy(probe);
		rc = svart_device_open(r->rt, "model:edu0", r->second, NULL, &edu);
	}
	return rc == 0 ? svart_device_close(edu) : rc;
}

/** Runs a call that waits, and others beside it. @return whether these ended while it waited. */
static bool others_go_on(struct rig *r, struct call *waiting, int (*function)(struct rig *r))
{
	struct call others;
	int rc;

	call_start(waiting, r, function);
	usleep(200000);
	call_start(&others, r, call_others);
	assert_true(call_ends(&others, BOUND_S));
	assert_int_equal(others.rc, 0);
	rc = pthread_tryjoin_np(waiting->thread, NULL);
	if (rc != 0)
		assert_true(call_ends(waiting, BOUND_S));
	return rc == EBUSY;
}

/** The call says that it waited for nothing, and what to do. A busy machine is given several tries. */
static void assert_told(struct rig *r, int (*function)(struct rig *r))
{
	struct call waiting;
	int tries = 5;
	bool went_on;

	do {
		went_on = others_go_on(r, &waiting, function);
		assert_int_equal(waiting.rc, -EBUSY);
		assert_non_null(strstr(waiting.text, "page"));
		assert_non_null(strstr(waiting.text, "call again"));
	} while (!went_on && --tries > 0);
	assert_true(went_on);
}

static void close_at_last(struct rig *r)
{
	let();
	if (r->stuck != NULL)
		assert_int_equal(svart_queue_destroy(r->stuck), 0);
	assert_int_equal(svart_device_close(r->dev), 0);
	rig_close(r);
}

static void swap(struct svart_device **a, struct svart_device **b)
{
	struct svart_device *dev = *a;

	*a = *b;
	*b = dev;
}

/* --- tests ---------------------------------------------------------------------------------------- */

static void test_close_is_told_that_a_resolver_maps_a_page_that_does_not_come(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 2);
	get_stuck(&r, NULL);
	assert_null(r.stuck);
	assert_told(&r, call_close);
	close_at_last(&r);
}

static void test_close_is_told_that_the_service_maps_a_page_that_does_not_come(void **state)
{
	struct svart_device *other;
	struct rig r;

	(void)state;
	rig_open(&r, 0);
	assert_int_equal(svart_device_open(r.rt, "model:dsa1", r.second, r.faults, &other), 0);
	get_stuck(&r, NULL);
	swap(&r.dev, &other);
	assert_told(&r, call_close);
	let();
	assert_int_equal(svart_device_close(r.dev), 0);
	swap(&r.dev, &other);
	close_at_last(&r);
}

/** It has stopped; only what it asked for is not found yet. */
static void test_destroy_is_told_that_the_service_maps_a_page_that_does_not_come(void **state)
{
	struct svart_completion done;
	struct rig r;

	(void)state;
	rig_open(&r, 0);
	get_stuck(&r, NULL);
	assert_non_null(r.stuck);
	assert_told(&r, call_destroy);
	assert_int_equal(svart_queue_in_flight(r.stuck), 0);
	assert_int_equal(svart_queue_state_get(r.stuck), SVART_QUEUE_FAILED);
	assert_int_equal(svart_queue_wait(r.stuck, &done, 1, TIMEOUT_NS), 0);
	assert_int_equal(svart_device_close(r.dev), -EBUSY);
	close_at_last(&r);
}

static void test_close_can_be_tried_again_and_again(void **state)
{
	struct svart_queue *q;
	struct rig r;
	int i;

	(void)state;
	rig_open(&r, 1);
	get_stuck(&r, NULL);
	for (i = 0; i < 2; i++)
		assert_int_equal(svart_device_close(r.dev), -EBUSY);
	/* Nothing else is to be had of it. */
	assert_int_equal(svart_queue_create(r.dev, NULL, &q), -ENOENT);
	assert_int_equal(svart_device_attach(r.dev, r.second, 6), -EBUSY);
	/* What it stands on stays. */
	assert_int_equal(svart_fault_service_destroy(r.faults), -EBUSY);
	assert_int_equal(svart_space_destroy(r.space), -EBUSY);
	assert_int_equal(svart_fini(r.rt), -EBUSY);
	close_at_last(&r);
}

static void test_detach_is_told_and_the_other_space_goes_on(void **state)
{
	struct svart_queue_params gone;
	struct svart_queue *q;
	struct rig r;

	(void)state;
	rig_open(&r, 2);
	assert_int_equal(svart_device_attach(r.dev, r.second, 6), 0);
	get_stuck(&r, r.second);
	assert_told(&r, call_detach);
	copy_elsewhere(&r);
	/* It is on its way out, and nothing comes in there any more. */
	gone = (struct svart_queue_params)SVART_QUEUE_PARAMS_INIT(.space = r.second);
	assert_int_equal(svart_queue_create(r.dev, &gone, &q), -ENOENT);
	assert_int_equal(svart_device_attach(r.dev, r.second, 7), -EEXIST);
	let();
	assert_int_equal(svart_device_detach(r.dev, r.second), 0);
	assert_int_equal(svart_device_attach(r.dev, r.second, 7), 0);
	close_at_last(&r);
}

static void test_close_ends_a_detach_that_was_told(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, 1);
	assert_int_equal(svart_device_attach(r.dev, r.second, 6), 0);
	get_stuck(&r, r.second);
	assert_int_equal(svart_device_detach(r.dev, r.second), -EBUSY);
	close_at_last(&r);
}

/** Where the thread that fetches maps, too, nothing of its service can change meanwhile. */
static void test_changes_of_a_service_that_maps_such_a_page_are_told(void **state)
{
	int (*const calls[])(struct rig *) = { call_open_another, call_set_mode };
	struct call c;
	struct rig r;
	size_t i;

	(void)state;
	rig_open(&r, 0);
	get_stuck(&r, NULL);
	for (i = 0; i < 2; i++) {
		call_start(&c, &r, calls[i]);
		assert_true(call_ends(&c, BOUND_S));
		assert_int_equal(c.rc, -EBUSY);
		assert_non_null(strstr(c.text, "page"));
	}
	let();
	assert_int_equal(call_open_another(&r), 0);
	close_at_last(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close_is_told_that_a_resolver_maps_a_page_that_does_not_come),
		cmocka_unit_test(
			test_close_is_told_that_the_service_maps_a_page_that_does_not_come),
		cmocka_unit_test(
			test_destroy_is_told_that_the_service_maps_a_page_that_does_not_come),
		cmocka_unit_test(test_close_can_be_tried_again_and_again),
		cmocka_unit_test(test_detach_is_told_and_the_other_space_goes_on),
		cmocka_unit_test(test_close_ends_a_detach_that_was_told),
		cmocka_unit_test(test_changes_of_a_service_that_maps_such_a_page_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * One life of a program (open, copy, close) is run again and again, each time with one more of its
 * system calls failing. Whatever fails, the program gets an error or its copy, every operation
 * completes, and nothing is left behind.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <svart/svart.h>

#include "machine.h"
#include "machines.h"
#include "fail_machine.h"
#include "model.h"

#define LEN        (64u * 1024)
#define TIMEOUT_NS UINT64_C(5000000000)
/** More calls than a life has; a sweep that gets here does not end. */
#define MAX_CALLS 2000

static struct fail_machine machine;

static int locate(struct svart_machine *m, const char *name, const char *options, char address[16])
{
	return svart_machine_model.locate(
		((struct fail_machine *)m)->inner, name, options, address);
}

static void keep(struct svart_machine *m)
{
	(void)m; /* The test ends the model itself, after a look at what is left in it. */
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int nr = 0;

	while (readdir(dir) != NULL)
		nr++;
	closedir(dir);
	return nr;
}

/** Puts the failing machine in the model's place. */
static void replace_machine(struct svart *rt, struct svart_machine_class *class)
{
	struct svart_machine_slot *slot = svart_machines_find(rt, "model");

	*class = *slot->class;
	class->locate = locate;
	class->destroy = keep;
	slot->class = class;
	slot->m = &machine.base;
}

/** Copies once. @return 0, or -EIO if the completion says that it failed. */
static int copy_once(struct svart_space *space, struct svart_queue *q)
{
	uint8_t *src = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *dst = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct svart_completion done;
	int rc = 0;

	memset(src, 0x77, LEN);
	assert_int_equal(svart_queue_prep_copy(q, dst, src, LEN, 0, 1), 1);
	if (svart_queue_wait(q, &done, 1, TIMEOUT_NS) != 1)
		fail_msg("the copy never completed");
	if (done.status == SVART_STATUS_OK)
		assert_memory_equal(dst, src, LEN);
	else
		rc = -EIO;
	assert_int_equal(svart_space_forget(space, src, LEN), 0);
	assert_int_equal(svart_space_forget(space, dst, LEN), 0);
	munmap(src, LEN);
	munmap(dst, LEN);
	return rc;
}

static int with_device(struct svart *rt, struct svart_space *space,
	struct svart_fault_service *faults, const char *spec)
{
	struct svart_device *dev;
	struct svart_queue *q;
	int rc = svart_device_open(rt, spec, space, faults, &dev);

	if (rc != 0)
		return rc;
	rc = svart_queue_create(dev, NULL, &q);
	if (rc == 0) {
		rc = copy_once(space, q);
		assert_int_equal(svart_queue_destroy(q), 0);
	}
	assert_int_equal(svart_device_close(dev), 0);
	return rc;
}

/** One life. @return its first error. */
static int live(const char *spec)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	const struct svart_fault_params fault =
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE);
	struct svart_machine_class class;
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	int rc;

	assert_int_equal(svart_init(&init, &rt), 0);
	replace_machine(rt, &class);
	assert_int_equal(svart_space_create(rt, NULL, &space), 0);
	rc = svart_fault_service_create(rt, &fault, &faults);
	if (rc == 0) {
		rc = with_device(rt, space, faults, spec);
		assert_int_equal(svart_fault_service_destroy(faults), 0);
	}
	assert_int_equal(svart_space_destroy(space), 0);
	assert_int_equal(svart_fini(rt), 0);
	return rc;
}

static void assert_nothing_left(struct svart_machine *m)
{
	struct svart_model_stats left;

	svart_model_stats_get(m, &left);
	if (left.open_fds != 0 || left.mappings != 0 || left.objects != 0 ||
		left.pinned_bytes != 0 || left.page_requests_open != 0)
		fail_msg("left after failing call %u (%s): %u fds, %u mappings, %u objects, %llu "
			 "bytes pinned, %llu page requests",
			machine.fail_at, machine.failed, left.open_fds, left.mappings, left.objects,
			(unsigned long long)left.pinned_bytes,
			(unsigned long long)left.page_requests_open);
}

/** Descriptors that the program opened itself, on the machine that does not fail. Owner: one step. */
struct given {
	int iommufd, fd;
	char spec[64];
};

static void given_open(struct svart_machine *m, struct given *given)
{
	char address[16];

	assert_int_equal(svart_machine_model.locate(m, "dsa0", "", address), 0);
	given->iommufd = m->ops->open(m, "/dev/iommu", O_RDWR);
	given->fd = m->ops->open(m, "/dev/vfio/devices/vfio0", O_RDWR);
	snprintf(given->spec, sizeof(given->spec), "model:dsa0,iommufd_fd=%d,device_fd=%d",
		given->iommufd, given->fd);
}

/** They are still open, whatever failed. */
static void given_close(struct svart_machine *m, const struct given *given)
{
	assert_int_equal(m->ops->close(m, given->fd), 0);
	assert_int_equal(m->ops->close(m, given->iommufd), 0);
}

/**
 * Runs one life with the n-th call failing.
 * @param spec NULL: with given descriptors. @return whether so many calls were made.
 */
static bool sweep_step(const char *spec, unsigned int n, int error, int *rc)
{
	struct svart_machine *inner;
	unsigned int fds = count_fds();
	struct given given;

	assert_int_equal(svart_model_create("step=manual,seed=3", &inner), 0);
	if (spec == NULL)
		given_open(inner, &given);
	fail_machine_init(&machine, inner);
	machine.fail_at = n;
	machine.error = error;
	*rc = live(spec != NULL ? spec : given.spec);
	if (spec == NULL)
		given_close(inner, &given);
	assert_nothing_left(inner);
	svart_model_destroy(inner);
	assert_int_equal(count_fds(), fds);
	return machine.failed[0] != '\0';
}

static void sweep(const char *spec, int error)
{
	unsigned int n, failed = 0;
	int rc;

	assert_false(sweep_step(spec, 0, error, &rc));
	assert_int_equal(rc, 0);
	for (n = 1; n < MAX_CALLS; n++) {
		if (!sweep_step(spec, n, error, &rc))
			break;
		failed += rc != 0;
		if (rc != 0)
			assert_true(strlen(svart_error_text()) > 0 || rc == -EIO);
	}
	assert_in_range(n, 20, MAX_CALLS - 1);
	printf("%s: %u calls, %u of them fatal\n", spec != NULL ? spec : "given", n - 1, failed);
}

static void test_every_call_may_run_out_of_memory(void **state)
{
	(void)state;
	sweep("model:dsa0", -ENOMEM);
}

static void test_every_call_may_fail_with_eio(void **state)
{
	(void)state;
	sweep("model:dsa0", -EIO);
}

static void test_every_call_may_be_interrupted(void **state)
{
	(void)state;
	sweep("model:dsa0", -EINTR);
}

static void test_every_call_may_fail_with_a_pasid(void **state)
{
	(void)state;
	sweep("model:dsa0,pasid=5,queues=2", -ENOMEM);
}

static void test_every_call_may_fail_with_given_descriptors(void **state)
{
	(void)state;
	sweep(NULL, -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call_may_run_out_of_memory),
		cmocka_unit_test(test_every_call_may_fail_with_eio),
		cmocka_unit_test(test_every_call_may_be_interrupted),
		cmocka_unit_test(test_every_call_may_fail_with_a_pasid),
		cmocka_unit_test(test_every_call_may_fail_with_given_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Devices by descriptors that the program opened: iommufd_fd= and device_fd=. On the model they are numbers
 * that the machine knows, as on Linux they are ones that the kernel knows.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <svart/svart.h>

#include "machine.h"
#include "machines.h"
#include "model.h"

#define LEN        4096u
#define TIMEOUT_NS UINT64_C(5000000000)

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_machine *m;
	struct svart_space *space;
	struct svart_fault_service *faults;
};

static void rig_open(struct rig *r)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct svart_machine_slot *slot;

	assert_int_equal(svart_init(&init, &r->rt), 0);
	slot = svart_machines_find(r->rt, "model");
	assert_int_equal(svart_machine_get(slot, ""), 0);
	r->m = slot->m;
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_fault_service_create(r->rt, NULL, &r->faults), 0);
}

/** Nothing is open on the machine any more. */
static void rig_close(struct rig *r)
{
	struct svart_model_stats left;

	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	svart_model_stats_get(r->m, &left);
	assert_int_equal(left.open_fds + left.mappings + left.objects, 0);
	assert_int_equal(svart_fini(r->rt), 0);
}

static int open_iommufd(struct rig *r)
{
	int fd = r->m->ops->open(r->m, "/dev/iommu", O_RDWR);

	assert_true(fd >= 0);
	return fd;
}

/** @param number of the machine's devices, in the order of their making; `name` makes it. */
static int open_cdev(struct rig *r, const char *name, unsigned int number)
{
	char address[16], path[64];
	int fd;

	assert_int_equal(svart_machine_model.locate(r->m, name, "", address), 0);
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%u", number);
	fd = r->m->ops->open(r->m, path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

static void shut(struct rig *r, int fd)
{
	/* It is still open, or this is EBADF. */
	assert_int_equal(r->m->ops->close(r->m, fd), 0);
}

static int device_open(
	struct rig *r, const char *name, int iommufd, int fd, struct svart_device **dev)
{
	char spec[96];

	snprintf(spec, sizeof(spec), "%s,iommufd_fd=%d,device_fd=%d", name, iommufd, fd);
	return svart_device_open(r->rt, spec, r->space, r->faults, dev);
}

static void expect_refused(struct rig *r, int iommufd, int fd, int error, const char *why)
{
	struct svart_device *dev;

	assert_int_equal(device_open(r, "model:dsa0", iommufd, fd, &dev), error);
	if (strstr(svart_error_text(), why) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", svart_error_text(), why);
}

static void expect_works(struct rig *r, struct svart_device *dev)
{
	static uint8_t src[LEN], dst[LEN];
	struct svart_completion done;
	struct svart_queue *q;

	memset(src, 0x5a, LEN);
	memset(dst, 0, LEN);
	assert_int_equal(svart_queue_create(dev, NULL, &q), 0);
	assert_int_equal(svart_queue_prep_copy(q, dst, src, LEN, 0, 1), 1);
	assert_int_equal(svart_queue_wait(q, &done, 1, TIMEOUT_NS), 1);
	assert_int_equal(done.status, SVART_STATUS_OK);
	assert_memory_equal(dst, src, LEN);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_space_forget(r->space, src, LEN), 0);
	assert_int_equal(svart_space_forget(r->space, dst, LEN), 0);
}

static void test_given_descriptors_serve_and_stay_open(void **state)
{
	struct svart_device *dev;
	int iommufd, fd;
	struct rig r;

	(void)state;
	rig_open(&r);
	iommufd = open_iommufd(&r);
	fd = open_cdev(&r, "dsa0", 0);
	assert_int_equal(device_open(&r, "model:dsa0,pasid=5", iommufd, fd, &dev), 0);
	expect_works(&r, dev);
	assert_int_equal(svart_device_close(dev), 0);
	shut(&r, fd);
	shut(&r, iommufd);
	rig_close(&r);
}

/** The long form of the spec takes them, too. */
static void test_given_descriptors_can_be_opened_anew_and_serve_again(void **state)
{
	struct svart_device *dev;
	int iommufd, fd, i;
	struct rig r;

	(void)state;
	rig_open(&r);
	iommufd = open_iommufd(&r);
	for (i = 0; i < 2; i++) {
		fd = open_cdev(&r, "dsa0", 0);
		assert_int_equal(device_open(&r, "pci:dsa0,machine=model", iommufd, fd, &dev), 0);
		expect_works(&r, dev);
		assert_int_equal(svart_device_close(dev), 0);
		shut(&r, fd);
	}
	shut(&r, iommufd);
	rig_close(&r);
}

static void test_given_device_that_is_bound_is_refused(void **state)
{
	struct svart_device *dev;
	int iommufd, fd, second;
	struct rig r;

	(void)state;
	rig_open(&r);
	iommufd = open_iommufd(&r);
	fd = open_cdev(&r, "dsa0", 0);
	second = open_cdev(&r, "dsa0", 0);
	assert_int_equal(device_open(&r, "model:dsa0", iommufd, fd, &dev), 0);
	expect_refused(&r, iommufd, fd, -EBUSY, "bound already");
	expect_refused(&r, iommufd, second, -EBUSY, "bound already");
	expect_works(&r, dev);
	assert_int_equal(svart_device_close(dev), 0);
	/* VFIO ends a binding with its file, and with nothing else. */
	expect_refused(&r, iommufd, fd, -EBUSY, "serves for one svart_device_open()");
	shut(&r, fd);
	assert_int_equal(device_open(&r, "model:dsa0", iommufd, second, &dev), 0);
	assert_int_equal(svart_device_close(dev), 0);
	shut(&r, second);
	shut(&r, iommufd);
	rig_close(&r);
}

static void test_one_descriptor_without_the_other_is_refused(void **state)
{
	static const char *const specs[] = { "model:dsa0,iommufd_fd=3", "model:dsa0,device_fd=3" };
	struct svart_device *dev;
	struct rig r;
	size_t i;

	(void)state;
	rig_open(&r);
	for (i = 0; i < 2; i++) {
		assert_int_equal(
			svart_device_open(r.rt, specs[i], r.space, r.faults, &dev), -EINVAL);
		assert_non_null(strstr(svart_error_text(), "go together"));
	}
	rig_close(&r);
}

static void test_descriptors_that_are_none_are_refused_by_their_names(void **state)
{
	int iommufd, fd, other;
	struct rig r;

	(void)state;
	rig_open(&r);
	iommufd = open_iommufd(&r);
	fd = open_cdev(&r, "dsa0", 0);
	other = eventfd(0, EFD_CLOEXEC);
	expect_refused(&r, 1000, fd, -EBADF, "iommufd_fd=1000 is not open");
	expect_refused(&r, iommufd, 1000, -EBADF, "device_fd=1000 is not open");
	expect_refused(&r, other, fd, -EBADF, "is no /dev/iommu");
	expect_refused(&r, fd, fd, -EBADF, "is no /dev/iommu");
	expect_refused(&r, iommufd, other, -EBADF, "is no VFIO device file");
	expect_refused(&r, iommufd, iommufd, -EBADF, "is no VFIO device file");
	expect_refused(&r, -1, fd, -EINVAL, "iommufd_fd=-1: not a number");
	close(other);
	shut(&r, fd);
	shut(&r, iommufd);
	rig_close(&r);
}

static void test_given_device_of_another_kind_than_the_spec_names_is_refused(void **state)
{
	int iommufd, fd;
	struct rig r;

	(void)state;
	rig_open(&r);
	iommufd = open_iommufd(&r);
	fd = open_cdev(&r, "edu0", 0);
	expect_refused(&r, iommufd, fd, -EINVAL, "is a 1234:11e8, and 0000:6a:01.0 is a 8086:0b25");
	shut(&r, fd);
	shut(&r, iommufd);
	rig_close(&r);
}

/** A space's page tables are in one /dev/iommu. */
static void test_devices_of_a_runtime_have_one_iommufd(void **state)
{
	struct svart_device *dev, *plain, *third;
	int iommufd, other, fd, fd2;
	struct rig r;

	(void)state;
	rig_open(&r);
	iommufd = open_iommufd(&r);
	other = open_iommufd(&r);
	fd = open_cdev(&r, "dsa0", 0);
	fd2 = open_cdev(&r, "dsa1", 1);
	assert_int_equal(device_open(&r, "model:dsa0", iommufd, fd, &dev), 0);
	assert_int_equal(device_open(&r, "model:dsa1", other, fd2, &third), -EINVAL);
	assert_non_null(strstr(svart_error_text(), "which another spec gave"));
	assert_int_equal(device_open(&r, "model:dsa1", iommufd, fd2, &third), 0);
	/* One that does not say joins them, and its own file is svart's. */
	assert_int_equal(svart_device_open(r.rt, "model:dsa2", r.space, r.faults, &plain), 0);
	assert_int_equal(svart_device_close(dev), 0);
	expect_works(&r, third);
	expect_works(&r, plain);
	assert_int_equal(svart_device_close(third), 0);
	assert_int_equal(svart_device_close(plain), 0);
	shut(&r, fd);
	shut(&r, fd2);
	shut(&r, other);
	shut(&r, iommufd);
	rig_close(&r);
}

static void test_given_iommufd_is_refused_after_one_that_svart_opened(void **state)
{
	struct svart_device *dev, *second;
	int iommufd, fd;
	struct rig r;

	(void)state;
	rig_open(&r);
	iommufd = open_iommufd(&r);
	fd = open_cdev(&r, "dsa0", 0);
	assert_int_equal(svart_device_open(r.rt, "model:dsa1", r.space, r.faults, &dev), 0);
	expect_refused(&r, iommufd, fd, -EINVAL, "which svart opened itself");
	assert_int_equal(svart_device_close(dev), 0);
	assert_int_equal(device_open(&r, "model:dsa0", iommufd, fd, &second), 0);
	assert_int_equal(svart_device_close(second), 0);
	shut(&r, fd);
	shut(&r, iommufd);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_descriptors_serve_and_stay_open),
		cmocka_unit_test(test_given_descriptors_can_be_opened_anew_and_serve_again),
		cmocka_unit_test(test_given_device_that_is_bound_is_refused),
		cmocka_unit_test(test_one_descriptor_without_the_other_is_refused),
		cmocka_unit_test(test_descriptors_that_are_none_are_refused_by_their_names),
		cmocka_unit_test(test_given_device_of_another_kind_than_the_spec_names_is_refused),
		cmocka_unit_test(test_devices_of_a_runtime_have_one_iommufd),
		cmocka_unit_test(test_given_iommufd_is_refused_after_one_that_svart_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

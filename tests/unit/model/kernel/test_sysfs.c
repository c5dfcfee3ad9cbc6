/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define DEVICE "/sys/bus/pci/devices/0000:e7:00.0"

static void expect_text(struct rig *r, const char *path, const char *text)
{
	int fd = r->m->ops->open(r->m, path, O_RDONLY);
	char buf[64];
	ssize_t n;

	assert_true(fd >= 0);
	n = r->m->ops->read(r->m, fd, buf, sizeof(buf));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, (size_t)n);
	assert_int_equal(r->m->ops->read(r->m, fd, buf, sizeof(buf)), 0);
	assert_int_equal(r->m->ops->close(r->m, fd), 0);
}

static void test_sysfs_files_describe_the_device(void **state)
{
	struct rig r;

	(void)state;
	rig_create(&r, NULL);
	assert_string_equal(r.address, "0000:e7:00.0");
	expect_text(&r, DEVICE "/vendor", "0x1d1d\n");
	expect_text(&r, DEVICE "/device", "0x7357\n");
	expect_text(&r, DEVICE "/class", "0x088000\n");
	expect_text(&r, DEVICE "/revision", "0x03\n");
	expect_text(&r, DEVICE "/numa_node", "-1\n");
	expect_text(&r, "/sys/module/vfio_pci/parameters/disable_denylist", "Y\n");
	rig_destroy(&r);
}

static void test_sysfs_driver_link_leads_to_vfio_pci(void **state)
{
	char target[64];
	ssize_t n;
	struct rig r;

	(void)state;
	rig_create(&r, NULL);
	n = r.m->ops->readlink(r.m, DEVICE "/driver", target, sizeof(target));
	assert_true(n > 9);
	assert_memory_equal(target + n - 9, "/vfio-pci", 9);
	assert_int_equal(r.m->ops->readlink(r.m, DEVICE "/driver", target, 5), 5);
	assert_int_equal(r.m->ops->readlink(r.m, DEVICE "/vendor", target, 64), -EINVAL);
	assert_int_equal(r.m->ops->readlink(r.m, "/sys/none", target, 64), -ENOENT);
	rig_destroy(&r);
}

/** What a listing gave, in one text. */
static int append(void *arg, const char *name)
{
	char *names = arg;

	strcat(names, name);
	strcat(names, " ");
	return 0;
}

static int stop(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 42;
}

static void expect_names(struct rig *r, const char *path, const char *expected)
{
	char names[256] = "";

	assert_int_equal(r->m->ops->listdir(r->m, path, append, names), 0);
	assert_string_equal(names, expected);
}

static void test_sysfs_folders_list_what_is_there(void **state)
{
	struct rig r;

	(void)state;
	rig_create(&r, NULL);
	expect_names(&r, "/sys/bus/pci/devices", "0000:e7:00.0 ");
	expect_names(&r, "/sys/bus/pci/devices/", "0000:e7:00.0 ");
	expect_names(&r, "/dev/vfio/devices", "vfio0 ");
	expect_names(&r, DEVICE "/vfio-dev", "vfio0 ");
	expect_names(&r, DEVICE "/vfio-dev/vfio0", "");
	expect_names(&r, DEVICE, "vendor device class revision numa_node driver vfio-dev ");
	assert_int_equal(r.m->ops->listdir(r.m, DEVICE, stop, NULL), 42);
	assert_int_equal(r.m->ops->listdir(r.m, DEVICE "/vendor", stop, NULL), -ENOTDIR);
	assert_int_equal(r.m->ops->listdir(r.m, "/sys/class", stop, NULL), -ENOENT);
	rig_destroy(&r);
}

static void test_open_of_other_paths_gives_enoent(void **state)
{
	static const char *const paths[] = { "/etc/passwd", "/dev/null", "/proc/cpuinfo",
		"/dev/vfio/devices/vfio1", "/dev/vfio/devices/vfio00", "/dev/vfio/devices/",
		"/sys/bus/pci/devices/0000:e7:00.1/vendor", DEVICE "/vendor/x", DEVICE "/none",
		DEVICE "/vfio-dev/vfio1", "/sys/bus/pci/devices/a-name-that-is-much-too-long" };
	size_t i;
	struct rig r;

	(void)state;
	rig_create(&r, NULL);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(r.m->ops->open(r.m, paths[i], O_RDONLY), -ENOENT);
	assert_int_equal(r.m->ops->open(r.m, DEVICE, O_RDONLY), -EISDIR);
	assert_int_equal(r.m->ops->open(r.m, DEVICE "/vendor", O_RDWR), -EACCES);
	rig_destroy(&r);
}

static void test_files_of_the_process_pass_through(void **state)
{
	char buf[16];
	struct rig r;
	int fd;

	(void)state;
	rig_create(&r, NULL);
	fd = r.m->ops->open(r.m, "/proc/self/stat", O_RDONLY);
	assert_true(fd >= 0);
	assert_true(r.m->ops->read(r.m, fd, buf, sizeof(buf)) > 0);
	assert_int_equal(rig_stats(&r).open_fds, 0);
	assert_int_equal(r.m->ops->close(r.m, fd), 0);
	assert_int_equal(r.m->ops->close(r.m, fd), -EBADF);
	assert_true(r.m->ops->readlink(r.m, "/proc/self/exe", buf, sizeof(buf)) > 0);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysfs_files_describe_the_device),
		cmocka_unit_test(test_sysfs_driver_link_leads_to_vfio_pci),
		cmocka_unit_test(test_sysfs_folders_list_what_is_there),
		cmocka_unit_test(test_open_of_other_paths_gives_enoent),
		cmocka_unit_test(test_files_of_the_process_pass_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

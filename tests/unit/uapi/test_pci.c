/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "pci.h"

#define DIR_PATH "/sys/bus/pci/devices/0000:6a:01.0"

/** A sysfs of a few files; an fd is an index. Owner: its test. */
struct fake {
	struct svart_machine m;
	const char *vendor, *device, *revision, *numa_node;
	const char *driver_link;
	const char *vfio_name;
};

static const char *content_of(const struct fake *f, const char *path)
{
	const char *file = path + strlen(DIR_PATH "/");

	if (strncmp(path, DIR_PATH "/", strlen(DIR_PATH "/")) != 0)
		return NULL;
	return strcmp(file, "vendor") == 0      ? f->vendor
	       : strcmp(file, "device") == 0    ? f->device
	       : strcmp(file, "revision") == 0  ? f->revision
	       : strcmp(file, "numa_node") == 0 ? f->numa_node
						: NULL;
}

static const char *open_content; /* One file is open at a time. */

static int fake_open(struct svart_machine *m, const char *path, int flags)
{
	(void)flags;
	open_content = content_of((struct fake *)m, path);
	return open_content == NULL ? -ENOENT : 3;
}

static int fake_close(struct svart_machine *m, int fd)
{
	(void)m;
	(void)fd;
	return 0;
}

static ssize_t fake_read(struct svart_machine *m, int fd, void *buf, size_t len)
{
	size_t n = strlen(open_content);

	(void)m;
	(void)fd;
	n = n < len ? n : len;
	memcpy(buf, open_content, n);
	return (ssize_t)n;
}

static ssize_t fake_readlink(struct svart_machine *m, const char *path, char *buf, size_t len)
{
	const char *target = ((struct fake *)m)->driver_link;

	assert_string_equal(path, DIR_PATH "/driver");
	if (target == NULL)
		return -ENOENT;
	assert_true(strlen(target) <= len);
	memcpy(buf, target, strlen(target));
	return (ssize_t)strlen(target);
}

static int fake_listdir(struct svart_machine *m, const char *path,
	int (*entry)(void *arg, const char *name), void *arg)
{
	const char *name = ((struct fake *)m)->vfio_name;

	assert_string_equal(path, DIR_PATH "/vfio-dev");
	return name == NULL ? -ENOENT : entry(arg, name);
}

static const struct svart_machine_ops fake_ops = {
	.name = "fake sysfs",
	.open = fake_open,
	.close = fake_close,
	.read = fake_read,
	.readlink = fake_readlink,
	.listdir = fake_listdir,
};

static struct fake good_device(void)
{
	return (struct fake){
		.m = { .ops = &fake_ops },
		.vendor = "0x8086\n",
		.device = "0x0b25\n",
		.revision = "0x00\n",
		.numa_node = "-1\n",
		.driver_link = "../../../../bus/pci/drivers/vfio-pci",
		.vfio_name = "vfio12",
	};
}

static int read_device(struct fake *f, struct svart_pci_device *dev)
{
	return svart_pci_read(&f->m, "0000:6a:01.0", dev);
}

static void test_address_check_takes_full_addresses_only(void **state)
{
	static const char *const bad[] = { "", "0000:6a:01", "6a:01.0", "0000:6a:01.8",
		"0000:6a:20.0", "0000:6a:01.0 ", "0000:6g:01.0", "../../../../x" };
	size_t i;

	(void)state;
	assert_int_equal(svart_pci_address_check("0000:6a:01.0"), 0);
	assert_int_equal(svart_pci_address_check("FFFF:ff:1f.7"), 0);
	for (i = 0; i < SVART_ARRAY_SIZE(bad); i++)
		assert_int_equal(svart_pci_address_check(bad[i]), -EINVAL);
}

static void test_device_is_read_whole(void **state)
{
	struct fake f = good_device();
	struct svart_pci_device dev;

	(void)state;
	assert_int_equal(read_device(&f, &dev), 0);
	assert_string_equal(dev.address, "0000:6a:01.0");
	assert_int_equal(dev.vendor, 0x8086);
	assert_int_equal(dev.device, 0x0b25);
	assert_int_equal(dev.numa_node, -1);
	assert_string_equal(dev.driver, "vfio-pci");
	assert_string_equal(dev.vfio_cdev, "/dev/vfio/devices/vfio12");
}

static void test_absent_device_is_enodev(void **state)
{
	struct fake f = good_device();
	struct svart_pci_device dev;

	(void)state;
	assert_int_equal(svart_pci_read(&f.m, "0000:00:1f.0", &dev), -ENODEV);
}

static void test_unbound_device_has_no_driver_and_no_cdev(void **state)
{
	struct fake f = good_device();
	struct svart_pci_device dev;

	(void)state;
	f.driver_link = NULL;
	f.vfio_name = NULL;
	assert_int_equal(read_device(&f, &dev), 0);
	assert_string_equal(dev.driver, "");
	assert_string_equal(dev.vfio_cdev, "");
}

static void test_kernel_without_numa_is_node_minus_one(void **state)
{
	struct fake f = good_device();
	struct svart_pci_device dev;

	(void)state;
	f.numa_node = NULL;
	assert_int_equal(read_device(&f, &dev), 0);
	assert_int_equal(dev.numa_node, -1);
}

static void test_text_that_is_no_number_is_refused(void **state)
{
	static const char *const bad[] = { "", "\n", "x", "0x8086 junk", "0x10000", "-1",
		"99999999999999999999999" };
	struct svart_pci_device dev;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(bad); i++) {
		struct fake f = good_device();

		f.vendor = bad[i];
		assert_int_equal(read_device(&f, &dev), -EBADMSG);
	}
}

static void test_strange_names_are_refused_or_passed_over(void **state)
{
	static const char *const names[] = { "v", "vfio", "vfiox", "vfio1x", "vfio1234567890",
		"other" };
	struct fake f = good_device();
	struct svart_pci_device dev;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(names); i++) {
		f.vfio_name = names[i];
		assert_int_equal(read_device(&f, &dev), 0);
		assert_string_equal(dev.vfio_cdev, "");
	}
	f.driver_link = "drivers/";
	assert_int_equal(read_device(&f, &dev), -EBADMSG);
	f.driver_link = "drivers/a-name-much-longer-than-any-driver-of-linux-has";
	assert_int_equal(read_device(&f, &dev), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_check_takes_full_addresses_only),
		cmocka_unit_test(test_device_is_read_whole),
		cmocka_unit_test(test_absent_device_is_enodev),
		cmocka_unit_test(test_unbound_device_has_no_driver_and_no_cdev),
		cmocka_unit_test(test_kernel_without_numa_is_node_minus_one),
		cmocka_unit_test(test_text_that_is_no_number_is_refused),
		cmocka_unit_test(test_strange_names_are_refused_or_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

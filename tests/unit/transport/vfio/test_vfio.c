/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The VFIO transport by its table alone, on the model: what it finds, what it refuses, what it tells of a
 * device that is gone. Devices in use are tested in tests/unit/core.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "error.h"
#include "model.h"
#include "vfio_function.h"
#include "vfio_transport.h"

/** A machine, and what the transport keeps on it. Owner: one test. */
static struct {
	struct svart_machine *m;
	void *shared;
	enum svart_pmd_loss loss;
	uint32_t value;
} rig;

static const struct svart_transport_ops *const vfio = &svart_transport_vfio;

static int setup(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof(rig));
	return svart_model_create("", &rig.m);
}

/** Nothing is left on the machine. */
static int teardown(void **state)
{
	struct svart_model_stats left;

	(void)state;
	svart_model_stats_get(rig.m, &left);
	svart_model_destroy(rig.m);
	return rig.shared == NULL && left.open_fds + left.mappings + left.objects == 0 ? 0 : -1;
}

static void take_loss(void *owner, enum svart_pmd_loss loss, uint32_t value)
{
	assert_ptr_equal(owner, &rig);
	if (rig.loss == SVART_PMD_LOSS_NONE) {
		rig.loss = loss;
		rig.value = value;
	}
}

static int locate(const char *name, struct svart_transport_device **out)
{
	struct rte_kvargs *options = rte_kvargs_parse("", NULL);
	const struct svart_transport_place place = {
		.m = rig.m,
		.class = &svart_machine_model,
		.name = name,
		.device_name = "model:X",
		.machine_options = "",
		.options = options,
		.shared = &rig.shared,
	};
	int rc = vfio->locate(&place, out);

	rte_kvargs_free(options);
	return rc;
}

static struct svart_transport_device *open_device(const char *name)
{
	struct svart_transport_device *t;

	assert_int_equal(locate(name, &t), 0);
	t->lost = take_loss;
	t->owner = &rig;
	assert_int_equal(vfio->open(t), 0);
	return t;
}

static void close_device(struct svart_transport_device *t)
{
	vfio->close(t);
	vfio->release(t);
}

static void expect_text(const char *text)
{
	if (strstr(svart_fail_text(), text) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", svart_fail_text(), text);
}

static void test_vfio_finds_what_a_device_is(void **state)
{
	struct svart_transport_device *t;

	(void)state;
	assert_int_equal(locate("dsa1", &t), 0);
	assert_string_equal(t->address, "0000:6a:02.0");
	assert_int_equal(t->vendor, 0x8086);
	assert_int_equal(t->device, 0x0b25);
	assert_ptr_equal(t->ops, vfio);
	vfio->release(t);
	assert_int_equal(locate("pigeon0", &t), -ENODEV);
}

static void test_vfio_shares_one_iommufd_until_the_last_release(void **state)
{
	struct svart_transport_device *first, *second;
	void *shared;

	(void)state;
	assert_int_equal(locate("dsa0", &first), 0);
	shared = rig.shared;
	assert_non_null(shared);
	assert_int_equal(locate("dsa1", &second), 0);
	assert_ptr_equal(rig.shared, shared);
	vfio->release(first);
	assert_ptr_equal(rig.shared, shared);
	vfio->release(second);
	assert_null(rig.shared);
}

static void test_vfio_opens_a_device_once(void **state)
{
	struct svart_transport_device *t = open_device("dsa0"), *again;

	(void)state;
	assert_int_equal(locate("dsa0", &again), 0);
	assert_int_equal(vfio->open(again), -EBUSY);
	expect_text("it is open already");
	close_device(t);
	assert_int_equal(vfio->open(again), 0);
	close_device(again);
}

static void test_vfio_configuration_space_has_an_end(void **state)
{
	struct svart_transport_device *t = open_device("dsa0");
	uint32_t ids, beyond = 0;

	(void)state;
	assert_int_equal(vfio->config_read(t, PCI_VENDOR_ID, &ids, sizeof(ids)), 0);
	assert_int_equal(ids, 0x0b258086);
	assert_int_equal(vfio->config_read(t, 4094, &beyond, sizeof(beyond)), -EINVAL);
	expect_text("configuration space of model:X ends before 0xffe");
	assert_int_equal(vfio->config_write(t, 4096, &beyond, sizeof(beyond)), -EINVAL);
	close_device(t);
}

static void test_vfio_maps_the_bars_that_there_are(void **state)
{
	struct svart_transport_device *t = open_device("dsa0");
	size_t bytes = 0;
	void *addr;

	(void)state;
	assert_int_equal(vfio->region_map(t, 0, &addr, &bytes), 0);
	assert_true(bytes >= 4096);
	vfio->region_unmap(t, addr, bytes);
	assert_int_equal(vfio->region_map(t, 5, &addr, &bytes), -EIO);
	expect_text("BAR 5 of 0000:6a:01.0 cannot be mapped (0 bytes");
	close_device(t);
}

static void test_vfio_binds_the_vectors_that_there_are(void **state)
{
	struct svart_transport_device *t = open_device("dsa0");
	int fd = rig.m->ops->eventfd(rig.m, 0, 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(vfio->irq_set(t, 8, fd), 0);
	assert_int_equal(vfio->irq_set(t, 0, fd), 0);
	assert_int_equal(vfio->irq_set(t, 9, fd), -ENOTSUP);
	expect_text("9 MSI-X vectors, and none with the number 9");
	assert_int_equal(vfio->irq_set(t, 8, -2), -EINVAL);
	expect_text("vector 8");
	assert_int_equal(vfio->irq_set(t, 8, -1), 0);
	close_device(t);
	rig.m->ops->close(rig.m, fd);
}

static void test_vfio_look_tells_what_is_gone(void **state)
{
	struct svart_transport_device *t = open_device("dsa0");
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	(void)state;
	assert_int_equal(vfio->config_write(t, PCI_COMMAND, &command, sizeof(command)), 0);
	vfio->look(t, NULL);
	assert_int_equal(rig.loss, SVART_PMD_LOSS_NONE);
	command = PCI_COMMAND_MEMORY;
	assert_int_equal(vfio->config_write(t, PCI_COMMAND, &command, sizeof(command)), 0);
	vfio->look(t, NULL);
	assert_int_equal(rig.loss, SVART_PMD_LOSS_BUS_MASTER);
	rig.loss = SVART_PMD_LOSS_NONE;
	assert_int_equal(svart_model_remove(rig.m, t->address), 0);
	vfio->look(t, NULL);
	assert_int_equal(rig.loss, SVART_PMD_LOSS_COMMAND);
	assert_int_equal(rig.value & 0xf800, 0xf800);
	close_device(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vfio_finds_what_a_device_is),
		TEST(test_vfio_shares_one_iommufd_until_the_last_release),
		TEST(test_vfio_opens_a_device_once),
		TEST(test_vfio_configuration_space_has_an_end),
		TEST(test_vfio_maps_the_bars_that_there_are),
		TEST(test_vfio_binds_the_vectors_that_there_are),
		TEST(test_vfio_look_tells_what_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Surprise removal: what a program sees of a device that is pulled out under it. */

#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vfio_cdev.h"

#define VA UINT64_C(0x7f0000000000)

static off_t region(unsigned int index, unsigned int off)
{
	return ((off_t)index << SVART_CDEV_REGION_SHIFT) + off;
}

static uint32_t config(struct rig *r, unsigned int off, size_t len)
{
	uint32_t value = 0;

	assert_int_equal(r->m->ops->pread(r->m, r->cdev, &value, len,
				 region(VFIO_PCI_CONFIG_REGION_INDEX, off)),
		len);
	return value;
}

static void pull(struct rig *r)
{
	assert_int_equal(svart_model_remove(r->m, r->address), 0);
}

static void test_remove_of_an_unknown_address_gives_enoent(void **state)
{
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	assert_int_equal(svart_model_remove(r.m, "0000:00:00.0"), -ENOENT);
	rig_destroy(&r);
}

static void test_removed_device_has_registers_of_all_ones_that_take_nothing(void **state)
{
	struct svart_portal portal;
	uint64_t value = 0, desc[8] = { 1 };
	void *regs, *page;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(r.m->ops->mmap(r.m, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r.cdev,
				 0, &regs),
		0);
	assert_int_equal(r.m->ops->mmap(r.m, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r.cdev,
				 region(2, 0), &page),
		0);
	assert_int_equal(r.m->ops->portal(r.m, page, 0, &portal), 0);
	r.m->ops->mmio_write64(r.m, regs, 5);
	pull(&r);
	assert_true(r.m->ops->mmio_read64(r.m, regs) == UINT64_MAX);
	assert_true(r.m->ops->mmio_read32(r.m, regs) == UINT32_MAX);
	r.m->ops->mmio_write64(r.m, regs, 7);
	portal.movdir64b(portal.ctx, page, desc, 1);
	assert_int_equal(r.probe->regs[0], 5);
	assert_int_equal(r.probe->nr_portal, 0);
	/* Linux asks the bus, which has nobody. */
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &value, 8, region(0, 0)), 8);
	assert_true(value == UINT64_MAX);
	assert_int_equal(r.m->ops->munmap(r.m, regs, PAGE), 0);
	assert_int_equal(r.m->ops->munmap(r.m, page, PAGE), 0);
	rig_destroy(&r);
}

/** As vfio-pci shows it: what it keeps itself stays, what it reads from the device is all ones. */
static void test_removed_device_has_the_configuration_that_vfio_keeps(void **state)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	pull(&r);
	assert_int_equal(config(&r, PCI_VENDOR_ID, 2), 0x1d1d);
	assert_int_equal(config(&r, PCI_COMMAND, 2), 0xffff & ~PCI_COMMAND_INTX_DISABLE);
	assert_int_equal(config(&r, PCI_REVISION_ID, 1), 0xff);
	assert_int_equal(config(&r, PCI_BASE_ADDRESS_0, 4), PCI_BASE_ADDRESS_MEM_TYPE_64);
	assert_int_equal(config(&r, 0x100, 4), UINT32_MAX);
	/* Nothing brings it back. */
	assert_int_equal(r.m->ops->pwrite(r.m, r.cdev, &command, 2,
				 region(VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND)),
		2);
	assert_int_equal(config(&r, PCI_COMMAND, 2), 0xffff & ~PCI_COMMAND_INTX_DISABLE);
	rig_destroy(&r);
}

/** The kernel's side goes on until the program closes the device: the fault fd says nothing. */
static void test_removed_device_leaves_its_page_requests_to_the_detach(void **state)
{
	struct iommu_hwpt_page_response answer = { .code = IOMMUFD_PAGE_RESP_SUCCESS };
	struct iommu_hwpt_pgfault f[4];
	struct pollfd fd;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_fault(&r, NO_PASID, 1, VA, 1), 0);
	assert_int_equal(rig_fault(&r, NO_PASID, 2, VA + PAGE, 1), 0);
	pull(&r);
	assert_int_equal(r.m->ops->read(r.m, r.fault_fd, f, sizeof(f)), 2 * sizeof(f[0]));
	answer.cookie = f[0].cookie;
	assert_int_equal(r.m->ops->write(r.m, r.fault_fd, &answer, sizeof(answer)), sizeof(answer));
	assert_int_equal(rig_stats(&r).page_requests_open, 1);
	fd = (struct pollfd){ .fd = r.fault_fd, .events = POLLIN };
	assert_int_equal(r.m->ops->poll(r.m, &fd, 1, 0), 0);
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	/* It is not there to hear of any of it. */
	assert_int_equal(r.probe->nr_answers, 0);
	rig_destroy(&r);
}

static void test_removed_device_does_nothing_any_more(void **state)
{
	unsigned int steps, i;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	r.probe->busy = true;
	svart_model_step(r.m);
	pull(&r);
	steps = r.probe->steps;
	for (i = 0; i < 100; i++)
		svart_model_step(r.m);
	assert_int_equal(r.probe->steps, steps);
	rig_destroy(&r);
}

static void test_removed_device_is_not_reset_and_not_opened_again(void **state)
{
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	pull(&r);
	assert_int_equal(r.m->ops->ioctl(r.m, r.cdev, VFIO_DEVICE_RESET, NULL), -ENOTTY);
	assert_int_equal(r.m->ops->open(r.m, "/dev/vfio/devices/vfio0", O_RDWR), -ENODEV);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove_of_an_unknown_address_gives_enoent),
		cmocka_unit_test(test_removed_device_has_registers_of_all_ones_that_take_nothing),
		cmocka_unit_test(test_removed_device_has_the_configuration_that_vfio_keeps),
		cmocka_unit_test(test_removed_device_leaves_its_page_requests_to_the_detach),
		cmocka_unit_test(test_removed_device_does_nothing_any_more),
		cmocka_unit_test(test_removed_device_is_not_reset_and_not_opened_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

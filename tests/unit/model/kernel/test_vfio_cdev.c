/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vfio_cdev.h"

static int call(struct rig *r, unsigned long request, void *args)
{
	return r->m->ops->ioctl(r->m, r->cdev, request, args);
}

static off_t region(unsigned int index)
{
	return (off_t)index << SVART_CDEV_REGION_SHIFT;
}

static void test_cdev_before_bind_refuses_all_but_bind(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t value;
	void *map;
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	r.cdev = rig_open_cdev(&r);
	assert_int_equal(call(&r, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	assert_int_equal(call(&r, VFIO_DEVICE_RESET, NULL), -EINVAL);
	assert_int_equal(rig_device_attach(&r, 1), -EINVAL);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &value, 4, region(7)), -EINVAL);
	assert_int_equal(
		r.m->ops->mmap(r.m, NULL, PAGE, PROT_READ, MAP_SHARED, r.cdev, 0, &map), -EINVAL);
	rig_destroy(&r);
}

static void test_bind_to_what_is_no_iommufd_is_refused(void **state)
{
	uint32_t id;
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	r.cdev = rig_open_cdev(&r);
	assert_int_equal(rig_device_bind(&r, r.cdev, -1, &id), -EINVAL);
	assert_int_equal(rig_device_bind(&r, r.cdev, 1000, &id), -EBADF);
	assert_int_equal(rig_device_bind(&r, r.cdev, STDERR_FILENO, &id), -EBADFD);
	assert_int_equal(rig_device_bind(&r, r.cdev, r.cdev, &id), -EBADFD);
	rig_destroy(&r);
}

static void test_bind_with_bad_arguments_gives_einval(void **state)
{
	struct vfio_device_bind_iommufd args = { .argsz = sizeof(args) - 1 };
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	r.cdev = rig_open_cdev(&r);
	r.iommufd = r.m->ops->open(r.m, "/dev/iommu", O_RDWR);
	args.iommufd = r.iommufd;
	assert_int_equal(call(&r, VFIO_DEVICE_BIND_IOMMUFD, &args), -EINVAL);
	args.argsz++;
	args.flags = 1;
	assert_int_equal(call(&r, VFIO_DEVICE_BIND_IOMMUFD, &args), -EINVAL);
	assert_int_equal(call(&r, VFIO_DEVICE_BIND_IOMMUFD, NULL), -EFAULT);
	rig_destroy(&r);
}

static void test_bind_twice_gives_einval_also_through_another_open(void **state)
{
	uint32_t id;
	struct rig r;
	int other;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(rig_device_bind(&r, r.cdev, r.iommufd, &id), -EINVAL);
	other = rig_open_cdev(&r);
	assert_true(other >= 0);
	assert_int_equal(rig_device_bind(&r, other, r.iommufd, &id), -EINVAL);
	assert_int_equal(r.m->ops->close(r.m, r.cdev), 0);
	r.cdev = other;
	assert_int_equal(rig_device_bind(&r, other, r.iommufd, &id), 0);
	rig_destroy(&r);
}

static void test_device_info_tells_of_pci_and_reset(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
	info.argsz = 8;
	assert_int_equal(call(&r, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	rig_destroy(&r);
}

static void test_region_info_tells_of_bars_and_config(void **state)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	info.index = VFIO_PCI_BAR2_REGION_INDEX;
	assert_int_equal(call(&r, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	assert_int_equal(info.size, 0x20000);
	assert_int_equal(info.offset, region(2));
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
					     VFIO_REGION_INFO_FLAG_MMAP);
	info.index = VFIO_PCI_CONFIG_REGION_INDEX;
	assert_int_equal(call(&r, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	assert_int_equal(info.size, 4096);
	assert_int_equal(info.offset, region(7));
	info.index = VFIO_PCI_BAR1_REGION_INDEX;
	assert_int_equal(call(&r, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	assert_int_equal(info.size, 0);
	assert_int_equal(info.flags, 0);
	info.index = VFIO_PCI_NUM_REGIONS;
	assert_int_equal(call(&r, VFIO_DEVICE_GET_REGION_INFO, &info), -EINVAL);
	rig_destroy(&r);
}

static void test_region_info_of_the_msix_bar_has_a_capability(void **state)
{
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header cap;
	} args = { .info.argsz = sizeof(args.info) };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, VFIO_DEVICE_GET_REGION_INFO, &args), 0);
	assert_int_equal(args.info.argsz, sizeof(args));
	assert_int_equal(args.info.cap_offset, 0);
	assert_int_equal(call(&r, VFIO_DEVICE_GET_REGION_INFO, &args), 0);
	assert_int_equal(args.info.cap_offset, sizeof(args.info));
	assert_int_equal(args.cap.id, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
	rig_destroy(&r);
}

static void test_bar_access_by_pread_and_pwrite_reaches_registers(void **state)
{
	uint64_t value = UINT64_C(0x1122334455667788), back = 0;
	uint32_t word = 0;
	uint8_t byte = 0;
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(r.m->ops->pwrite(r.m, r.cdev, &value, 8, 8), 8);
	assert_int_equal(r.probe->regs[1], value);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &back, 8, 8), 8);
	assert_int_equal(back, value);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &word, 4, 12), 4);
	assert_int_equal(word, 0x11223344);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &byte, 1, 9), 1);
	assert_int_equal(byte, 0x77);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &back, 8, 0x10000 - 4), 4);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &back, 8, 0x10000), -EINVAL);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &back, 8, region(1)), -EINVAL);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &back, 8, region(9)), -EINVAL);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, NULL, 8, 0), -EFAULT);
	rig_command_set(&r, 0);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &back, 8, 0), -EIO);
	rig_destroy(&r);
}

static void test_irq_info_counts_vectors(void **state)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, VFIO_DEVICE_GET_IRQ_INFO, &info), 0);
	assert_int_equal(info.count, 4);
	assert_int_equal(info.flags, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
	info.index = VFIO_PCI_INTX_IRQ_INDEX;
	assert_int_equal(call(&r, VFIO_DEVICE_GET_IRQ_INFO, &info), 0);
	assert_int_equal(info.count, 0);
	info.index = VFIO_PCI_NUM_IRQS;
	assert_int_equal(call(&r, VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL);
	rig_destroy(&r);
}

/** VFIO_DEVICE_SET_IRQS with room for eventfds. */
union irq_set {
	struct vfio_irq_set set;
	uint8_t bytes[sizeof(struct vfio_irq_set) + 4 * sizeof(int32_t)];
};

static int set_irqs(
	struct rig *r, uint32_t flags, uint32_t start, uint32_t count, const int32_t *fds)
{
	union irq_set args = { 0 };

	args.set.argsz = sizeof(args);
	args.set.flags = flags | VFIO_IRQ_SET_ACTION_TRIGGER;
	args.set.index = VFIO_PCI_MSIX_IRQ_INDEX;
	args.set.start = start;
	args.set.count = count;
	if (fds != NULL)
		memcpy(args.bytes + sizeof(args.set), fds, count * sizeof(fds[0]));
	return call(r, VFIO_DEVICE_SET_IRQS, &args);
}

static void raise_vector(struct probe *p, void *arg)
{
	p->bus->ops->interrupt(p->bus, *(unsigned int *)arg);
}

/** @return how often an eventfd was written. */
static uint64_t count_of(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}

static void test_irq_writes_its_eventfd(void **state)
{
	unsigned int vector = 1, beyond = 4;
	int32_t fds[2];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	fds[0] = r.m->ops->eventfd(r.m, 0, EFD_NONBLOCK);
	fds[1] = r.m->ops->eventfd(r.m, 0, EFD_NONBLOCK);
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_EVENTFD, 0, 2, fds), 0);
	rig_run(&r, raise_vector, &vector);
	rig_run(&r, raise_vector, &vector);
	rig_run(&r, raise_vector, &beyond);
	assert_int_equal(count_of(fds[0]), 0);
	assert_int_equal(count_of(fds[1]), 2);
	/* The program may raise it, too, and take it away. */
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_NONE, 0, 1, NULL), 0);
	assert_int_equal(count_of(fds[0]), 1);
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_NONE, 0, 0, NULL), 0);
	rig_run(&r, raise_vector, &vector);
	assert_int_equal(count_of(fds[1]), 0);
	close(fds[0]);
	close(fds[1]);
	rig_destroy(&r);
}

static void test_irq_outlives_the_programs_descriptor(void **state)
{
	unsigned int vector = 0;
	struct rig r;
	int32_t fd;
	int copy;

	(void)state;
	rig_attach(&r, "step=manual");
	fd = r.m->ops->eventfd(r.m, 0, EFD_NONBLOCK);
	copy = dup(fd);
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_EVENTFD, 0, 1, &fd), 0);
	close(fd);
	rig_run(&r, raise_vector, &vector);
	assert_int_equal(count_of(copy), 1);
	close(copy);
	rig_destroy(&r);
}

static void test_irq_set_with_bad_arguments_is_refused(void **state)
{
	int32_t fds[4] = { -1, -1, -1, -1 }, bad = 1000;
	union irq_set args = { .set = { .argsz = sizeof(args.set) } };
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_EVENTFD, 4, 1, fds), -EINVAL);
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_EVENTFD, 3, 2, fds), -EINVAL);
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_EVENTFD, 1, UINT32_MAX, NULL), -EINVAL);
	assert_int_equal(set_irqs(&r, 0, 0, 1, fds), -EINVAL);
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_NONE, 0, 1, NULL), -EINVAL);
	assert_int_equal(set_irqs(&r, VFIO_IRQ_SET_DATA_EVENTFD, 0, 1, &bad), -EBADF);
	args.set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	args.set.index = VFIO_PCI_MSIX_IRQ_INDEX;
	args.set.count = 1;
	assert_int_equal(call(&r, VFIO_DEVICE_SET_IRQS, &args), -EINVAL);
	args.set.index = VFIO_PCI_INTX_IRQ_INDEX;
	assert_int_equal(call(&r, VFIO_DEVICE_SET_IRQS, &args), -EINVAL);
	rig_destroy(&r);
}

static void test_reset_resets_and_keeps_what_is_attached(void **state)
{
	uint8_t *mem = rig_memory(PAGE);
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_map_rw(&r, mem, PAGE), 0);
	assert_int_equal(call(&r, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(r.probe->nr_resets, 1);
	assert_int_equal(r.probe->nr_invalidations, 1);
	assert_true(rig_translate(&r, NO_PASID, mem).read);
	rig_destroy(&r);
	munmap(mem, PAGE);
}

static void test_cdev_close_resets_and_clears_bus_master(void **state)
{
	uint16_t command;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(r.m->ops->close(r.m, r.cdev), 0);
	assert_int_equal(r.probe->nr_resets, 1);
	r.cdev = rig_open_cdev(&r);
	assert_int_equal(rig_device_bind(&r, r.cdev, r.iommufd, &r.dev_id), 0);
	assert_int_equal(r.m->ops->pread(r.m, r.cdev, &command, 2, region(7) + PCI_COMMAND), 2);
	assert_int_equal(command, PCI_COMMAND_MEMORY);
	rig_destroy(&r);
}

static void test_ioctl_that_is_unknown_gives_enotty(void **state)
{
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, VFIO_DEVICE_FEATURE, NULL), -ENOTTY);
	assert_int_equal(call(&r, IOMMU_IOAS_ALLOC, NULL), -ENOTTY);
	rig_destroy(&r);
}

static void test_attach_with_bad_arguments_gives_einval(void **state)
{
	struct svart_cdev_attach args = { .argsz = 8 };
	struct rig r;

	(void)state;
	rig_bind(&r, "step=manual");
	assert_int_equal(call(&r, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args), -EINVAL);
	args.argsz = sizeof(args);
	args.flags = 2;
	assert_int_equal(call(&r, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args), -EINVAL);
	assert_int_equal(call(&r, VFIO_DEVICE_DETACH_IOMMUFD_PT, &args), -EINVAL);
	args.flags = SVART_CDEV_ATTACH_PASID;
	args.argsz = 12;
	assert_int_equal(call(&r, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args), -EINVAL);
	args.argsz = 8;
	assert_int_equal(call(&r, VFIO_DEVICE_DETACH_IOMMUFD_PT, &args), -EINVAL);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cdev_before_bind_refuses_all_but_bind),
		cmocka_unit_test(test_bind_to_what_is_no_iommufd_is_refused),
		cmocka_unit_test(test_bind_with_bad_arguments_gives_einval),
		cmocka_unit_test(test_bind_twice_gives_einval_also_through_another_open),
		cmocka_unit_test(test_device_info_tells_of_pci_and_reset),
		cmocka_unit_test(test_region_info_tells_of_bars_and_config),
		cmocka_unit_test(test_region_info_of_the_msix_bar_has_a_capability),
		cmocka_unit_test(test_bar_access_by_pread_and_pwrite_reaches_registers),
		cmocka_unit_test(test_irq_info_counts_vectors),
		cmocka_unit_test(test_irq_writes_its_eventfd),
		cmocka_unit_test(test_irq_outlives_the_programs_descriptor),
		cmocka_unit_test(test_irq_set_with_bad_arguments_is_refused),
		cmocka_unit_test(test_reset_resets_and_keeps_what_is_attached),
		cmocka_unit_test(test_cdev_close_resets_and_clears_bus_master),
		cmocka_unit_test(test_ioctl_that_is_unknown_gives_enotty),
		cmocka_unit_test(test_attach_with_bad_arguments_gives_einval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

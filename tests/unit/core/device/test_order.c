/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * In which order a device is attached and taken back. Most orders work as long as the device is quiet, so
 * nothing but this says which one it must be: a machine that takes down what it is asked to do, in front
 * of the model.
 *
 * Of the fault service the machine sees its eventfd: made for its first source, closed after its last.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include <svart/svart.h>

#include "machine.h"
#include "machines.h"
#include "fail_machine.h"
#include "model.h"

#define MAX_EVENTS 4096
#define MAX_IDS    16

/** What is taken down. */
enum event {
	SERVED = 1,   /**< The service has a source. */
	NOT_SERVED,   /**< It has none any more. */
	FAULTS_MADE,  /**< A fault object of iommufd, */
	FAULTS_SHUT,  /**< its fd closed, */
	FAULTS_GONE,  /**< itself destroyed. */
	UNIT_OPENED,  /**< The IOMMU's raw queues, */
	UNIT_CLOSED,  /**< given back. */
	TABLE_MADE,   /**< A page table (HWPT), */
	TABLE_GONE,   /**< destroyed. */
	SPACE_GONE,   /**< An IOAS, destroyed. */
	ATTACHED,     /**< The device to a page table, */
	DETACHED,     /**< and not any more. */
	TOLD,         /**< The device, by a register or its configuration space. */
	DEVICE_CLOSED /**< Its cdev. */
};

/** The machine. Owner: one test. Locks: lock, for everything but base. */
static struct {
	struct fail_machine
		base; /**< First: it is what the runtime is given. It passes on what is not here. */
	struct svart_machine_ops ops;
	pthread_mutex_t lock;
	enum event events[MAX_EVENTS];
	unsigned int nr;
	uint32_t tables[MAX_IDS], faults[MAX_IDS];
	unsigned int nr_tables, nr_faults;
	int fault_fds[MAX_IDS];
	int wake_fd, unit_fd, device_fd;
} machine;

static struct svart_machine *inner(void)
{
	return machine.base.inner;
}

static void take_down(enum event event)
{
	pthread_mutex_lock(&machine.lock);
	assert_true(machine.nr < MAX_EVENTS);
	machine.events[machine.nr++] = event;
	pthread_mutex_unlock(&machine.lock);
}

static bool is_among(uint32_t id, const uint32_t *ids, unsigned int nr)
{
	while (nr > 0)
		if (ids[--nr] == id)
			return true;
	return false;
}

static void destroyed(uint32_t id)
{
	if (is_among(id, machine.tables, machine.nr_tables))
		take_down(TABLE_GONE);
	else if (is_among(id, machine.faults, machine.nr_faults))
		take_down(FAULTS_GONE);
	else
		take_down(SPACE_GONE);
}

static int order_ioctl(struct svart_machine *m, int fd, unsigned long request, void *arg)
{
	int rc = inner()->ops->ioctl(inner(), fd, request, arg);

	(void)m;
	if (rc != 0)
		return rc;
	switch (request) {
	case IOMMU_FAULT_QUEUE_ALLOC:
		machine.fault_fds[machine.nr_faults] =
			(int)((struct iommu_fault_alloc *)arg)->out_fault_fd;
		machine.faults[machine.nr_faults++] =
			((struct iommu_fault_alloc *)arg)->out_fault_id;
		take_down(FAULTS_MADE);
		break;
	case IOMMU_HWPT_ALLOC:
		machine.tables[machine.nr_tables++] = ((struct iommu_hwpt_alloc *)arg)->out_hwpt_id;
		take_down(TABLE_MADE);
		break;
	case IOMMU_DESTROY:
		destroyed(((struct iommu_destroy *)arg)->id);
		break;
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		machine.device_fd = fd;
		take_down(ATTACHED);
		break;
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		take_down(DETACHED);
		break;
	default:
		break;
	}
	return rc;
}

static int order_open(struct svart_machine *m, const char *path, int flags)
{
	int fd = inner()->ops->open(inner(), path, flags);

	(void)m;
	if (fd >= 0 && strncmp(path, "/dev/svart-iommu/", strlen("/dev/svart-iommu/")) == 0) {
		machine.unit_fd = fd;
		take_down(UNIT_OPENED);
	}
	return fd;
}

static int order_eventfd(struct svart_machine *m, unsigned int initial, int flags)
{
	(void)m;
	machine.wake_fd = inner()->ops->eventfd(inner(), initial, flags);
	take_down(SERVED);
	return machine.wake_fd;
}

static int order_close(struct svart_machine *m, int fd)
{
	unsigned int i;

	(void)m;
	if (fd == machine.wake_fd)
		take_down(NOT_SERVED);
	if (fd == machine.unit_fd)
		take_down(UNIT_CLOSED);
	if (fd == machine.device_fd)
		take_down(DEVICE_CLOSED);
	for (i = 0; i < machine.nr_faults; i++)
		if (fd == machine.fault_fds[i])
			take_down(FAULTS_SHUT);
	return inner()->ops->close(inner(), fd);
}

static void order_write32(struct svart_machine *m, volatile void *addr, uint32_t value)
{
	(void)m;
	take_down(TOLD);
	inner()->ops->mmio_write32(inner(), addr, value);
}

static void order_write64(struct svart_machine *m, volatile void *addr, uint64_t value)
{
	(void)m;
	take_down(TOLD);
	inner()->ops->mmio_write64(inner(), addr, value);
}

static ssize_t order_pwrite(struct svart_machine *m, int fd, const void *buf, size_t len, off_t off)
{
	(void)m;
	take_down(TOLD);
	return inner()->ops->pwrite(inner(), fd, buf, len, off);
}

static void machine_init(void)
{
	struct svart_machine *model;

	assert_int_equal(svart_model_create("", &model), 0);
	memset(&machine, 0, sizeof(machine));
	pthread_mutex_init(&machine.lock, NULL);
	fail_machine_init(&machine.base, model);
	machine.wake_fd = machine.unit_fd = machine.device_fd = -1;
	machine.ops = *machine.base.base.ops;
	machine.ops.ioctl = order_ioctl;
	machine.ops.open = order_open;
	machine.ops.eventfd = order_eventfd;
	machine.ops.close = order_close;
	machine.ops.mmio_write32 = order_write32;
	machine.ops.mmio_write64 = order_write64;
	machine.ops.pwrite = order_pwrite;
	machine.base.base.ops = &machine.ops;
}

/* --- looking at it ------------------------------------------------------------------------------- */

static unsigned int count(enum event event)
{
	unsigned int i, nr = 0;

	for (i = 0; i < machine.nr; i++)
		nr += machine.events[i] == event;
	return nr;
}

static unsigned int first(enum event event)
{
	unsigned int i;

	for (i = 0; i < machine.nr; i++)
		if (machine.events[i] == event)
			return i;
	fail_msg("event %d did not happen", event);
	return 0;
}

static unsigned int last(enum event event)
{
	unsigned int i;

	for (i = machine.nr; i > 0; i--)
		if (machine.events[i - 1] == event)
			return i - 1;
	fail_msg("event %d did not happen", event);
	return 0;
}

static void assert_in_order(const enum event *events, unsigned int nr)
{
	unsigned int i;

	for (i = 1; i < nr; i++)
		if (last(events[i - 1]) > first(events[i]))
			fail_msg("event %d comes after %d", events[i - 1], events[i]);
}

#define ASSERT_ORDER(...)                                    \
	assert_in_order((const enum event[]){ __VA_ARGS__ }, \
		sizeof((const enum event[]){ __VA_ARGS__ }) / sizeof(enum event))

/* --- what is looked at --------------------------------------------------------------------------- */

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *space, *second;
	struct svart_fault_service *faults;
	struct svart_device *dev;
};

static struct svart_machine_class class;

static int locate(struct svart_machine *m, const char *name, const char *options, char address[16])
{
	(void)m;
	return svart_machine_model.locate(inner(), name, options, address);
}

static void keep(struct svart_machine *m)
{
	(void)m; /* The test ends the model itself. */
}

static void rig_open(struct rig *r)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
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
	assert_int_equal(svart_fault_service_create(r->rt, NULL, &r->faults), 0);
}

static int device_open(struct rig *r, const char *spec)
{
	return svart_device_open(r->rt, spec, r->space, r->faults, &r->dev);
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->second), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
	svart_model_destroy(machine.base.inner);
	pthread_mutex_destroy(&machine.lock);
}

/** What was before does not count. */
static void forget_events(void)
{
	pthread_mutex_lock(&machine.lock);
	machine.nr = 0;
	pthread_mutex_unlock(&machine.lock);
}

/* --- tests --------------------------------------------------------------------------------------- */

/** No fault may find nobody, and no page table may name faults that are not there. */
static void test_open_has_faults_served_before_the_device_is_attached_and_told(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(device_open(&r, "model:dsa0"), 0);
	ASSERT_ORDER(FAULTS_MADE, TABLE_MADE, SERVED, ATTACHED, TOLD);
	assert_int_equal(svart_device_close(r.dev), 0);
	rig_close(&r);
}

/** The device is silent before it is detached. The detach answers what is open, so it comes before the
 * service lets go; who still reads the fault fd lets go before it is closed. */
static void test_close_detaches_a_silent_device_then_ends_the_service_then_the_rest(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(device_open(&r, "model:dsa0"), 0);
	forget_events();
	assert_int_equal(svart_device_close(r.dev), 0);
	ASSERT_ORDER(
		TOLD, DETACHED, NOT_SERVED, TABLE_GONE, FAULTS_SHUT, FAULTS_GONE, DEVICE_CLOSED);
	ASSERT_ORDER(TABLE_GONE, FAULTS_GONE, SPACE_GONE);
	assert_int_equal(count(DETACHED), 1);
	rig_close(&r);
}

/** What is left without a PASID, an empty page table, goes last. */
static void test_close_of_a_device_with_a_pasid_keeps_the_order(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(device_open(&r, "model:dsa0,pasid=5"), 0);
	forget_events();
	assert_int_equal(svart_device_close(r.dev), 0);
	assert_int_equal(count(DETACHED), 2);
	assert_int_equal(count(TABLE_GONE), 2);
	assert_true(last(TOLD) < first(DETACHED));
	assert_true(first(DETACHED) < first(NOT_SERVED));
	assert_true(first(NOT_SERVED) < first(TABLE_GONE));
	ASSERT_ORDER(NOT_SERVED, FAULTS_SHUT, FAULTS_GONE, DEVICE_CLOSED);
	assert_true(first(TABLE_GONE) < first(FAULTS_SHUT));
	assert_true(last(DETACHED) < last(TABLE_GONE));
	rig_close(&r);
}

static void test_detach_of_a_second_space_keeps_the_order(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(device_open(&r, "model:dsa0,pasid=5"), 0);
	forget_events();
	assert_int_equal(svart_device_attach(r.dev, r.second, 6), 0);
	ASSERT_ORDER(FAULTS_MADE, TABLE_MADE, ATTACHED);
	forget_events();
	assert_int_equal(svart_device_detach(r.dev, r.second), 0);
	ASSERT_ORDER(DETACHED, TABLE_GONE, FAULTS_SHUT, FAULTS_GONE);
	assert_int_equal(svart_device_close(r.dev), 0);
	rig_close(&r);
}

/** Raw queues have answers of svart's own, which go out after the detach has ended new requests. */
static void test_close_with_raw_queues_gives_them_back_after_the_page_table(void **state)
{
	static const char *const specs[] = { "model:dsa0,iommu=vtd,faults=raw",
		"model:dsa0,iommu=smmu,faults=raw" };
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_open(&r);
		assert_int_equal(device_open(&r, specs[i]), 0);
		ASSERT_ORDER(UNIT_OPENED, TABLE_MADE, SERVED, ATTACHED);
		forget_events();
		assert_int_equal(svart_device_close(r.dev), 0);
		assert_true(first(DETACHED) < first(NOT_SERVED));
		ASSERT_ORDER(NOT_SERVED, TABLE_GONE, UNIT_CLOSED, DEVICE_CLOSED);
		rig_close(&r);
	}
}

/** An open that fails when all is attached takes it back in the same order. */
static void test_failed_open_takes_back_in_the_order_of_close(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(device_open(&r, "model:dsa0,queues=64"), -EINVAL);
	ASSERT_ORDER(FAULTS_MADE, TABLE_MADE, SERVED, ATTACHED, DETACHED, NOT_SERVED, TABLE_GONE,
		FAULTS_SHUT, FAULTS_GONE, DEVICE_CLOSED);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_open_has_faults_served_before_the_device_is_attached_and_told),
		cmocka_unit_test(
			test_close_detaches_a_silent_device_then_ends_the_service_then_the_rest),
		cmocka_unit_test(test_close_of_a_device_with_a_pasid_keeps_the_order),
		cmocka_unit_test(test_detach_of_a_second_space_keeps_the_order),
		cmocka_unit_test(test_close_with_raw_queues_gives_them_back_after_the_page_table),
		cmocka_unit_test(test_failed_open_takes_back_in_the_order_of_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

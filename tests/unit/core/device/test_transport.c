/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What the core asks of a transport, and in which order: a transport that writes it down, before VFIO on the
 * model. And one whose devices use the process's page table: attached to no space, served by the kernel.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <svart/svart.h>

#include "bits.h"
#include "buses.h"
#include "runtime.h"
#include "error.h"
#include "model.h"
#include "vfio_transport.h"

#define SPEC "model:dsa0,pasid=5"

/** What was called, a letter each, and which call fails. Owner: one test. */
static struct {
	char calls[64];
	char fail;
} taken;

static struct svart_transport_ops ops;

static int call(char what)
{
	size_t len = strlen(taken.calls);

	assert_true(len < sizeof(taken.calls) - 1);
	taken.calls[len] = what;
	return taken.fail == what ? svart_fail(-EIO, "call %c fails", what) : 0;
}

static int log_locate(
	const struct svart_transport_place *place, struct svart_transport_device **out)
{
	int rc = call('L');

	if (rc == 0)
		rc = svart_transport_vfio.locate(place, out);
	if (rc == 0)
		(*out)->ops = &ops;
	return rc;
}

static void log_release(struct svart_transport_device *t)
{
	call('R');
	svart_transport_vfio.release(t);
}

static int log_open(struct svart_transport_device *t)
{
	int rc = call('O');

	return rc == 0 ? svart_transport_vfio.open(t) : rc;
}

static void log_close(struct svart_transport_device *t)
{
	call('C');
	svart_transport_vfio.close(t);
}

static int log_map(struct svart_transport_device *t, unsigned int index, void **addr, size_t *bytes)
{
	int rc = call('M');

	return rc == 0 ? svart_transport_vfio.region_map(t, index, addr, bytes) : rc;
}

static void log_unmap(struct svart_transport_device *t, void *addr, size_t bytes)
{
	call('U');
	svart_transport_vfio.region_unmap(t, addr, bytes);
}

static int log_create(struct svart_transport_device *t, struct svart_space *space, uint32_t pasid,
	struct svart_transport_attachment **out)
{
	int rc = call('c');

	return rc == 0 ? svart_transport_vfio.attachment_create(t, space, pasid, out) : rc;
}

static void log_destroy(struct svart_transport_attachment *a)
{
	call('x');
	svart_transport_vfio.attachment_destroy(a);
}

static int log_attach(struct svart_transport_attachment *a)
{
	int rc = call('a');

	return rc == 0 ? svart_transport_vfio.attach(a) : rc;
}

static void log_detach(struct svart_transport_attachment *a)
{
	call('d');
	svart_transport_vfio.detach(a);
}

/* --- the process's page table -------------------------------------------------------------------- */

static int shared_create(struct svart_transport_device *t, struct svart_space *space,
	uint32_t pasid, struct svart_transport_attachment **out)
{
	assert_null(space);
	assert_int_equal(t->faults, SVART_TRANSPORT_FAULTS_OFF);
	*out = calloc(1, sizeof(**out));
	assert_non_null(*out);
	**out = (struct svart_transport_attachment){ .dev = t, .pasid = pasid };
	return call('c');
}

static void shared_destroy(struct svart_transport_attachment *a)
{
	call('x');
	free(a);
}

static int shared_attach(struct svart_transport_attachment *a)
{
	(void)a;
	return call('a');
}

static void shared_detach(struct svart_transport_attachment *a)
{
	(void)a;
	call('d');
}

static int shared_alloc(
	struct svart_transport_attachment *a, size_t bytes, unsigned int address_bits, void **out)
{
	(void)a;
	(void)address_bits;
	*out = aligned_alloc(SVART_PAGE_SIZE, bytes);
	assert_non_null(*out);
	memset(*out, 0, bytes);
	return 0;
}

static void shared_free(struct svart_transport_attachment *a, void *addr, size_t bytes)
{
	(void)a;
	(void)bytes;
	free(addr);
}

/* --- rig ------------------------------------------------------------------------------------------ */

static const struct svart_spec_bus buses[] = {
	{ .name = "model", .transport = &ops, .machine = "model" },
	{ .name = NULL },
};

/** Owner: one test. */
struct rig {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
};

static void rig_open(struct rig *r)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);

	memset(&taken, 0, sizeof(taken));
	ops = svart_transport_vfio;
	ops.locate = log_locate;
	ops.release = log_release;
	ops.open = log_open;
	ops.close = log_close;
	ops.region_map = log_map;
	ops.region_unmap = log_unmap;
	ops.attachment_create = log_create;
	ops.attachment_destroy = log_destroy;
	ops.attach = log_attach;
	ops.detach = log_detach;
	assert_int_equal(svart_init(&init, &r->rt), 0);
	r->rt->buses = buses;
	assert_int_equal(svart_space_create(r->rt, NULL, &r->space), 0);
	assert_int_equal(svart_fault_service_create(r->rt, NULL, &r->faults), 0);
}

static void use_shared_page_table(void)
{
	ops.shares_page_table = true;
	ops.attachment_create = shared_create;
	ops.attachment_destroy = shared_destroy;
	ops.attach = shared_attach;
	ops.detach = shared_detach;
	ops.mem_alloc = shared_alloc;
	ops.mem_free = shared_free;
}

static void rig_close(struct rig *r)
{
	assert_int_equal(svart_fault_service_destroy(r->faults), 0);
	assert_int_equal(svart_space_destroy(r->space), 0);
	assert_int_equal(svart_fini(r->rt), 0);
}

/* --- tests ---------------------------------------------------------------------------------------- */

static void test_transport_is_called_in_the_order_of_its_contract(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(svart_device_open(r.rt, SPEC, r.space, r.faults, &r.dev), 0);
	assert_string_equal(taken.calls, "LOcaMM");
	assert_int_equal(svart_device_close(r.dev), 0);
	assert_string_equal(taken.calls, "LOcaMMUUdxCR");
	rig_close(&r);
}

static void test_transport_that_fails_is_taken_back_as_far_as_it_came(void **state)
{
	static const struct {
		char fail;
		const char *calls;
	} cases[] = { { 'L', "L" }, { 'O', "LOR" }, { 'c', "LOcCR" }, { 'a', "LOcaxCR" },
		{ 'M', "LOcaMdxCR" } };
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(cases); i++) {
		rig_open(&r);
		taken.fail = cases[i].fail;
		assert_int_equal(svart_device_open(r.rt, SPEC, r.space, r.faults, &r.dev), -EIO);
		assert_string_equal(taken.calls, cases[i].calls);
		assert_non_null(strstr(svart_error_text(), "fails"));
		rig_close(&r);
	}
}

static void test_driver_of_another_transport_is_not_taken(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	ops.name = "pigeon";
	assert_int_equal(svart_device_open(r.rt, SPEC, r.space, r.faults, &r.dev), -ENODEV);
	assert_non_null(strstr(svart_error_text(), "no driver for 0000:6a:01.0 (8086:0b25)"));
	assert_string_equal(taken.calls, "LR");
	rig_close(&r);
}

static void test_no_space_is_refused_by_a_transport_with_page_tables_of_its_own(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	assert_int_equal(svart_device_open(r.rt, SPEC, NULL, r.faults, &r.dev), -EINVAL);
	assert_string_equal(svart_error_text(), "svart_device_open needs a space");
	assert_string_equal(taken.calls, "");
	rig_close(&r);
}

/** Neither space nor fault service, and nothing of either is asked. */
static void test_shared_page_table_takes_no_space_and_no_service(void **state)
{
	struct svart_fault_stats stats = SVART_FAULT_STATS_INIT();
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();
	struct svart_queue *q;
	struct rig r;

	(void)state;
	rig_open(&r);
	use_shared_page_table();
	assert_int_equal(svart_device_open(r.rt, SPEC, NULL, NULL, &r.dev), 0);
	svart_device_info_get(r.dev, &info);
	assert_true(info.features & SVART_FEATURE_PAGE_REQUESTS);
	assert_int_equal(info.pasid, 5);
	assert_int_equal(svart_device_fault_stats_get(r.dev, NULL, &stats), 0);
	assert_int_equal(stats.groups, 0);
	assert_int_equal(svart_device_fault_mode_set(r.dev, SVART_FAULT_EAGER), -ENODEV);
	assert_non_null(strstr(svart_error_text(), "that svart answers"));
	assert_int_equal(svart_queue_create(r.dev, NULL, &q), 0);
	assert_int_equal(svart_queue_max_transfer_bytes(q), info.max_transfer_bytes);
	assert_int_equal(svart_queue_destroy(q), 0);
	assert_int_equal(svart_device_close(r.dev), 0);
	assert_string_equal(taken.calls, "LOcaMMUUdxCR");
	rig_close(&r);
}

static void test_shared_page_table_refuses_to_choose_where_faults_go(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r);
	use_shared_page_table();
	assert_int_equal(svart_device_open(r.rt, SPEC ",faults=off", NULL, NULL, &r.dev), -EINVAL);
	assert_non_null(strstr(svart_error_text(), "the kernel answers the page requests"));
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transport_is_called_in_the_order_of_its_contract),
		cmocka_unit_test(test_transport_that_fails_is_taken_back_as_far_as_it_came),
		cmocka_unit_test(test_driver_of_another_transport_is_not_taken),
		cmocka_unit_test(
			test_no_space_is_refused_by_a_transport_with_page_tables_of_its_own),
		cmocka_unit_test(test_shared_page_table_takes_no_space_and_no_service),
		cmocka_unit_test(test_shared_page_table_refuses_to_choose_where_faults_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

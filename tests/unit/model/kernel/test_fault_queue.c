/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "rig.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define VA      UINT64_C(0x7f0000000000)
#define SUCCESS IOMMUFD_PAGE_RESP_SUCCESS
#define INVALID IOMMUFD_PAGE_RESP_INVALID

static ssize_t fault_read(struct rig *r, struct iommu_hwpt_pgfault *records, size_t nr)
{
	return r->m->ops->read(r->m, r->fault_fd, records, nr * sizeof(records[0]));
}

static ssize_t answer(struct rig *r, uint32_t cookie, uint32_t code)
{
	struct iommu_hwpt_page_response a = { .cookie = cookie, .code = code };

	return r->m->ops->write(r->m, r->fault_fd, &a, sizeof(a));
}

static bool is_readable(struct rig *r)
{
	struct pollfd fd = { .fd = r->fault_fd, .events = POLLIN };

	assert_true(r->m->ops->poll(r->m, &fd, 1, 0) >= 0);
	return (fd.revents & POLLIN) != 0;
}

static void expect_answer(
	struct rig *r, unsigned int i, uint16_t prgi, enum svart_bus_prg_response code)
{
	assert_true(r->probe->nr_answers > i);
	assert_int_equal(r->probe->answers[i].prgi, prgi);
	assert_int_equal(r->probe->answers[i].code, code);
}

static void test_fault_read_when_empty_gives_0(void **state)
{
	struct iommu_hwpt_pgfault rec[2];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(fault_read(&r, rec, 2), 0);
	assert_int_equal(fault_read(&r, rec, 0), 0);
	assert_false(is_readable(&r));
	rig_destroy(&r);
}

static void test_fault_group_is_read_whole_with_one_cookie(void **state)
{
	struct iommu_hwpt_pgfault rec[4];
	unsigned int i;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_fault(&r, NO_PASID, 5, VA, 3), 0);
	assert_true(is_readable(&r));
	assert_int_equal(fault_read(&r, rec, 4), 3 * 40);
	assert_false(is_readable(&r));
	for (i = 0; i < 3; i++) {
		assert_int_equal(rec[i].flags, i == 2 ? IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0);
		assert_int_equal(rec[i].dev_id, r.dev_id);
		assert_int_equal(rec[i].pasid, 0);
		assert_int_equal(rec[i].grpid, 5);
		assert_int_equal(rec[i].perm, IOMMU_PGFAULT_PERM_READ);
		assert_int_equal(rec[i].addr, VA + i * PAGE);
		assert_int_equal(rec[i].length, 0);
		assert_int_equal(rec[i].cookie, 1);
	}
	assert_int_equal(answer(&r, 1, SUCCESS), 8);
	assert_int_equal(r.probe->nr_answers, 1);
	expect_answer(&r, 0, 5, SVART_BUS_PRG_SUCCESS);
	rig_destroy(&r);
}

static void test_fault_partial_group_is_not_readable(void **state)
{
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_request(&r, (struct svart_bus_page_request){
				.pasid = NO_PASID, .addr = VA, .prgi = 1, .read = true });
	assert_false(is_readable(&r));
	assert_int_equal(fault_read(&r, rec, 4), 0);
	assert_int_equal(rig_stats(&r).page_requests_open, 1);
	assert_int_equal(rig_fault(&r, NO_PASID, 1, VA + PAGE, 1), 0);
	assert_int_equal(fault_read(&r, rec, 4), 2 * 40);
	assert_int_equal(answer(&r, rec[0].cookie, SUCCESS), 8);
	rig_destroy(&r);
}

static void test_fault_interleaved_groups_come_in_order_of_their_last(void **state)
{
	struct svart_bus_page_request one = {
		.pasid = NO_PASID, .addr = VA, .prgi = 1, .write = true
	};
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_request(&r, one);
	assert_int_equal(rig_fault(&r, NO_PASID, 2, VA + 9 * PAGE, 1), 0);
	one.addr += PAGE;
	one.last = true;
	rig_request(&r, one);
	assert_int_equal(fault_read(&r, rec, 4), 3 * 40);
	assert_int_equal(rec[0].grpid, 2);
	assert_int_equal(rec[0].cookie, 1);
	assert_int_equal(rec[1].grpid, 1);
	assert_int_equal(rec[1].perm, IOMMU_PGFAULT_PERM_WRITE);
	assert_int_equal(rec[2].grpid, 1);
	assert_int_equal(rec[2].cookie, 2);
	answer(&r, 1, SUCCESS);
	answer(&r, 2, SUCCESS);
	rig_destroy(&r);
}

static void test_fault_read_of_odd_size_gives_espipe(void **state)
{
	uint8_t buf[100];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(r.m->ops->read(r.m, r.fault_fd, buf, 39), -ESPIPE);
	assert_int_equal(r.m->ops->read(r.m, r.fault_fd, buf, 41), -ESPIPE);
	assert_int_equal(r.m->ops->pread(r.m, r.fault_fd, buf, 40, 40), -ESPIPE);
	assert_int_equal(r.m->ops->write(r.m, r.fault_fd, buf, 7), -ESPIPE);
	assert_int_equal(r.m->ops->write(r.m, r.fault_fd, buf, 12), -ESPIPE);
	rig_destroy(&r);
}

static void test_fault_read_smaller_than_the_first_group_gives_einval(void **state)
{
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 3);
	assert_int_equal(fault_read(&r, rec, 2), -EINVAL);
	assert_int_equal(fault_read(&r, rec, 0), -EINVAL);
	assert_true(is_readable(&r));
	assert_int_equal(fault_read(&r, rec, 3), 3 * 40);
	answer(&r, 1, SUCCESS);
	rig_destroy(&r);
}

static void test_fault_read_stops_before_a_group_that_does_not_fit(void **state)
{
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	rig_fault(&r, NO_PASID, 2, VA, 3);
	assert_int_equal(fault_read(&r, rec, 3), 40);
	assert_true(is_readable(&r));
	assert_int_equal(fault_read(&r, rec, 3), 3 * 40);
	assert_int_equal(rec[0].cookie, 2);
	answer(&r, 1, SUCCESS);
	answer(&r, 2, SUCCESS);
	rig_destroy(&r);
}

static void test_fault_read_to_a_bad_buffer_keeps_the_group(void **state)
{
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 2);
	assert_int_equal(fault_read(&r, NULL, 4), -EFAULT);
	assert_true(is_readable(&r));
	assert_int_equal(answer(&r, 1, SUCCESS), -EINVAL);
	assert_int_equal(fault_read(&r, rec, 4), 2 * 40);
	assert_int_equal(rec[0].cookie, 1);
	assert_int_equal(r.m->ops->write(r.m, r.fault_fd, NULL, 8), -EFAULT);
	answer(&r, 1, SUCCESS);
	rig_destroy(&r);
}

static void test_fault_cookie_is_the_lowest_free_one(void **state)
{
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	rig_fault(&r, NO_PASID, 2, VA, 1);
	rig_fault(&r, NO_PASID, 3, VA, 1);
	assert_int_equal(fault_read(&r, rec, 4), 3 * 40);
	assert_int_equal(answer(&r, 2, SUCCESS), 8);
	rig_fault(&r, NO_PASID, 4, VA, 1);
	assert_int_equal(fault_read(&r, rec, 4), 40);
	assert_int_equal(rec[0].cookie, 2);
	answer(&r, 1, SUCCESS);
	answer(&r, 2, SUCCESS);
	answer(&r, 3, SUCCESS);
	rig_destroy(&r);
}

static void test_fault_answers_may_be_batched_and_out_of_order(void **state)
{
	struct iommu_hwpt_page_response a[3] = { { 3, SUCCESS }, { 1, INVALID }, { 2, SUCCESS } };
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 11, VA, 1);
	rig_fault(&r, NO_PASID, 12, VA, 1);
	rig_fault(&r, NO_PASID, 13, VA, 1);
	assert_int_equal(fault_read(&r, rec, 4), 3 * 40);
	assert_int_equal(r.m->ops->write(r.m, r.fault_fd, a, sizeof(a)), sizeof(a));
	expect_answer(&r, 0, 13, SVART_BUS_PRG_SUCCESS);
	expect_answer(&r, 1, 11, SVART_BUS_PRG_INVALID);
	expect_answer(&r, 2, 12, SVART_BUS_PRG_SUCCESS);
	rig_destroy(&r);
}

static void test_fault_write_is_short_at_the_first_error(void **state)
{
	struct iommu_hwpt_page_response a[3] = { { 1, SUCCESS }, { 9, SUCCESS }, { 2, SUCCESS } };
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	rig_fault(&r, NO_PASID, 2, VA, 1);
	fault_read(&r, rec, 4);
	assert_int_equal(r.m->ops->write(r.m, r.fault_fd, a, sizeof(a)), 8);
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(r.m->ops->write(r.m, r.fault_fd, a + 1, 16), -EINVAL);
	assert_int_equal(answer(&r, 2, SUCCESS), 8);
	rig_destroy(&r);
}

static void test_fault_answer_with_a_bad_code_leaves_the_cookie_valid(void **state)
{
	struct iommu_hwpt_pgfault rec[1];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	fault_read(&r, rec, 1);
	assert_int_equal(answer(&r, 1, 2), -EINVAL);
	assert_int_equal(answer(&r, 1, UINT32_MAX), -EINVAL);
	assert_int_equal(r.probe->nr_answers, 0);
	assert_int_equal(answer(&r, 1, INVALID), 8);
	rig_destroy(&r);
}

static void test_fault_answer_to_a_stale_cookie_gives_einval(void **state)
{
	struct iommu_hwpt_pgfault rec[1];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	assert_int_equal(answer(&r, 1, SUCCESS), -EINVAL);
	fault_read(&r, rec, 1);
	assert_int_equal(answer(&r, 0, SUCCESS), -EINVAL);
	assert_int_equal(answer(&r, UINT32_MAX, SUCCESS), -EINVAL);
	assert_int_equal(answer(&r, 1, SUCCESS), 8);
	assert_int_equal(answer(&r, 1, SUCCESS), -EINVAL);
	assert_int_equal(r.probe->nr_answers, 1);
	rig_destroy(&r);
}

static void test_fault_with_pasid_says_so(void **state)
{
	struct iommu_hwpt_pgfault rec[1];
	uint32_t hwpt;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(
		rig_hwpt_alloc(&r, IOMMU_HWPT_FAULT_ID_VALID | 8, r.ioas, r.fault_id, &hwpt), 0);
	assert_int_equal(rig_device_attach_pasid(&r, hwpt, 77), 0);
	rig_fault(&r, 77, 1, VA, 1);
	assert_int_equal(fault_read(&r, rec, 1), 40);
	assert_int_equal(
		rec[0].flags & 3, IOMMU_PGFAULT_FLAGS_PASID_VALID | IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	assert_int_equal(rec[0].pasid, 77);
	assert_int_equal(answer(&r, 1, SUCCESS), 8);
	assert_int_equal(r.probe->answers[0].pasid, 77);
	rig_destroy(&r);
}

static void test_fault_detach_answers_queued_and_read_groups_invalid(void **state)
{
	struct iommu_hwpt_pgfault rec[1];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	fault_read(&r, rec, 1);
	rig_fault(&r, NO_PASID, 2, VA, 1);
	rig_request(&r, (struct svart_bus_page_request){
				.pasid = NO_PASID, .addr = VA, .prgi = 3, .read = true });
	assert_int_equal(rig_stats(&r).page_requests_open, 3);
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(r.probe->nr_answers, 2);
	expect_answer(&r, 0, 1, SVART_BUS_PRG_INVALID);
	expect_answer(&r, 1, 2, SVART_BUS_PRG_INVALID);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	assert_false(is_readable(&r));
	assert_int_equal(fault_read(&r, rec, 1), 0);
	assert_int_equal(answer(&r, 1, SUCCESS), -EINVAL);
	assert_int_equal(r.probe->nr_invalidations, 1);
	assert_int_equal(r.probe->invalidations[0].len, UINT64_MAX);
	rig_destroy(&r);
}

static void test_fault_partial_group_does_not_outlive_detach(void **state)
{
	struct iommu_hwpt_pgfault rec[4];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_request(&r, (struct svart_bus_page_request){
				.pasid = NO_PASID, .addr = VA, .prgi = 3, .read = true });
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(rig_device_attach(&r, r.hwpt), 0);
	assert_int_equal(rig_fault(&r, NO_PASID, 3, VA + PAGE, 1), 0);
	assert_int_equal(fault_read(&r, rec, 4), 40);
	assert_int_equal(rec[0].addr, VA + PAGE);
	assert_int_equal(answer(&r, 1, SUCCESS), 8);
	rig_destroy(&r);
}

static void test_fault_replace_answers_the_old_ones_invalid(void **state)
{
	struct iommu_hwpt_pgfault rec[1];
	uint32_t other;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(
		rig_hwpt_alloc(&r, IOMMU_HWPT_FAULT_ID_VALID, r.ioas, r.fault_id, &other), 0);
	rig_fault(&r, NO_PASID, 1, VA, 1);
	fault_read(&r, rec, 1);
	rig_fault(&r, NO_PASID, 2, VA, 1);
	assert_int_equal(rig_device_attach(&r, other), 0);
	assert_int_equal(r.probe->nr_answers, 2);
	rig_fault(&r, NO_PASID, 3, VA, 1);
	assert_int_equal(fault_read(&r, rec, 1), 40);
	assert_int_equal(rec[0].grpid, 3);
	assert_int_equal(rec[0].cookie, 1);
	assert_int_equal(answer(&r, 1, SUCCESS), 8);
	rig_destroy(&r);
}

static void test_fault_sent_from_within_a_detachs_answer_is_answered_invalid(void **state)
{
	struct svart_bus_page_request more = {
		.pasid = NO_PASID, .addr = VA, .prgi = 9, .read = true, .last = true
	};
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	r.probe->follow_up = &more;
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(r.probe->nr_answers, 2);
	expect_answer(&r, 1, 9, SVART_BUS_PRG_INVALID);
	rig_destroy(&r);
}

static void test_fault_reset_answers_all_before_the_device_is_reset(void **state)
{
	struct iommu_hwpt_pgfault rec[1];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	fault_read(&r, rec, 1);
	rig_fault(&r, NO_PASID, 2, VA, 1);
	assert_int_equal(r.m->ops->ioctl(r.m, r.cdev, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(r.probe->nr_resets, 1);
	assert_int_equal(r.probe->nr_answers_at_reset, 2);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	assert_int_equal(answer(&r, 1, SUCCESS), -EINVAL);
	rig_destroy(&r);
}

static void test_fault_cdev_close_answers_all(void **state)
{
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 2);
	assert_int_equal(r.m->ops->close(r.m, r.cdev), 0);
	r.cdev = -1;
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	rig_destroy(&r);
}

static void test_fault_fd_close_answers_nothing_and_detach_does(void **state)
{
	struct iommu_hwpt_pgfault rec[1];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	rig_fault(&r, NO_PASID, 1, VA, 1);
	fault_read(&r, rec, 1);
	rig_fault(&r, NO_PASID, 2, VA, 1);
	assert_int_equal(r.m->ops->close(r.m, r.fault_fd), 0);
	r.fault_fd = -1;
	assert_int_equal(r.probe->nr_answers, 0);
	rig_fault(&r, NO_PASID, 3, VA, 1);
	assert_int_equal(rig_stats(&r).page_requests_open, 3);
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(r.probe->nr_answers, 3);
	rig_destroy(&r);
}

static void test_fault_object_is_busy_while_open_or_used(void **state)
{
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	assert_int_equal(rig_object_destroy(&r, r.fault_id), -EBUSY);
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(rig_object_destroy(&r, r.hwpt), 0);
	assert_int_equal(rig_object_destroy(&r, r.fault_id), -EBUSY);
	assert_int_equal(r.m->ops->close(r.m, r.fault_fd), 0);
	r.fault_fd = -1;
	assert_int_equal(rig_object_destroy(&r, r.fault_id), 0);
	assert_int_equal(rig_object_destroy(&r, r.fault_id), -ENOENT);
	rig_destroy(&r);
}

static void test_fault_requests_above_the_capacity_are_refused(void **state)
{
	struct iommu_hwpt_pgfault rec[CAPACITY];
	unsigned int i;
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual");
	for (i = 0; i < CAPACITY; i++)
		assert_int_equal(rig_fault(&r, NO_PASID, (uint16_t)i, VA, 1), 0);
	assert_int_equal(rig_fault(&r, NO_PASID, 100, VA, 1), -EBUSY);
	fault_read(&r, rec, CAPACITY);
	assert_int_equal(rig_fault(&r, NO_PASID, 100, VA, 1), -EBUSY);
	assert_int_equal(answer(&r, 1, SUCCESS), 8);
	assert_int_equal(rig_fault(&r, NO_PASID, 100, VA, 1), 0);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fault_read_when_empty_gives_0),
		cmocka_unit_test(test_fault_group_is_read_whole_with_one_cookie),
		cmocka_unit_test(test_fault_partial_group_is_not_readable),
		cmocka_unit_test(test_fault_interleaved_groups_come_in_order_of_their_last),
		cmocka_unit_test(test_fault_read_of_odd_size_gives_espipe),
		cmocka_unit_test(test_fault_read_smaller_than_the_first_group_gives_einval),
		cmocka_unit_test(test_fault_read_stops_before_a_group_that_does_not_fit),
		cmocka_unit_test(test_fault_read_to_a_bad_buffer_keeps_the_group),
		cmocka_unit_test(test_fault_cookie_is_the_lowest_free_one),
		cmocka_unit_test(test_fault_answers_may_be_batched_and_out_of_order),
		cmocka_unit_test(test_fault_write_is_short_at_the_first_error),
		cmocka_unit_test(test_fault_answer_with_a_bad_code_leaves_the_cookie_valid),
		cmocka_unit_test(test_fault_answer_to_a_stale_cookie_gives_einval),
		cmocka_unit_test(test_fault_with_pasid_says_so),
		cmocka_unit_test(test_fault_detach_answers_queued_and_read_groups_invalid),
		cmocka_unit_test(test_fault_partial_group_does_not_outlive_detach),
		cmocka_unit_test(test_fault_replace_answers_the_old_ones_invalid),
		cmocka_unit_test(test_fault_sent_from_within_a_detachs_answer_is_answered_invalid),
		cmocka_unit_test(test_fault_reset_answers_all_before_the_device_is_reset),
		cmocka_unit_test(test_fault_cdev_close_answers_all),
		cmocka_unit_test(test_fault_fd_close_answers_nothing_and_detach_does),
		cmocka_unit_test(test_fault_object_is_busy_while_open_or_used),
		cmocka_unit_test(test_fault_requests_above_the_capacity_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vtd_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VA UINT64_C(0x7f0000000000)

static const struct svart_bus_page_request read_request = {
	.pasid = NO_PASID, .addr = VA, .prgi = 1, .read = true
};

/** Sends a part of group 1, without its LAST. */
static void begin_group(struct rig *r)
{
	assert_int_equal(rig_request(r, read_request), 0);
}

/* --- the file --------------------------------------------------------------------------------- */

static void test_unit_is_open_once_at_a_time(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_create(&r, "step=manual");
	fd = vtd_open_file(&r);
	assert_true(fd >= 0);
	assert_int_equal(vtd_open_file(&r), -EBUSY);
	assert_int_equal(r.m->ops->close(r.m, fd), 0);
	fd = vtd_open_file(&r);
	assert_true(fd >= 0);
	assert_int_equal(r.m->ops->close(r.m, fd), 0);
	rig_destroy(&r);
}

static void test_unit_that_is_not_there_gives_enoent(void **state)
{
	struct svart_device_model no_pri = probe_model;
	struct rig r;

	(void)state;
	no_pri.pri = false;
	rig_create(&r, "step=manual");
	assert_int_equal(r.m->ops->open(r.m, "/dev/svart-iommu/0000:00:00.0", O_RDWR), -ENOENT);
	assert_int_equal(r.m->ops->open(r.m, "/dev/svart-iommu/", O_RDWR), -ENOENT);
	assert_int_equal(svart_model_add_device(r.m, &no_pri, "", r.address), 0);
	assert_int_equal(vtd_open_file(&r), -ENOENT);
	rig_destroy(&r);
}

static void test_unit_info_names_kind_requester_and_bytes(void **state)
{
	struct svart_iommu_unit_info info = { .argsz = sizeof(info), .reserved = 7 };
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	assert_int_equal(v.r.m->ops->ioctl(v.r.m, v.fd, SVART_IOMMU_UNIT_GET_INFO, &info), 0);
	assert_int_equal(info.kind, SVART_IOMMU_UNIT_VTD);
	assert_int_equal(info.requester_id, vtd_rid());
	assert_int_equal(info.bytes, SVART_VTD_REGS_BYTES);
	assert_int_equal(info.reserved, 0);
	vtd_end(&v);
}

static void test_unit_info_of_bad_arguments_fails(void **state)
{
	struct svart_iommu_unit_info info = { .argsz = sizeof(info) - 1 };
	void *nothing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	assert_int_equal(v.r.m->ops->ioctl(v.r.m, v.fd, SVART_IOMMU_UNIT_GET_INFO, &info), -EINVAL);
	assert_int_equal(
		v.r.m->ops->ioctl(v.r.m, v.fd, SVART_IOMMU_UNIT_GET_INFO, nothing), -EFAULT);
	assert_int_equal(
		v.r.m->ops->ioctl(v.r.m, v.fd, SVART_IOMMU_UNIT_GET_INFO + 1, &info), -ENOTTY);
	vtd_end(&v);
	munmap(nothing, PAGE);
}

static void test_unit_mmap_of_bad_ranges_gives_einval(void **state)
{
	static const struct {
		size_t len;
		off_t off;
	} bad[] = { { 0, 0 }, { SVART_VTD_REGS_BYTES + 1, 0 }, { 1, SVART_VTD_REGS_BYTES },
		{ 1, 1 }, { SIZE_MAX, 0 }, { 1, -(off_t)PAGE } };
	struct vtd v;
	void *out;
	size_t i;

	(void)state;
	vtd_open(&v, "step=manual");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(v.r.m->ops->mmap(v.r.m, NULL, bad[i].len, PROT_READ, MAP_SHARED,
					 v.fd, bad[i].off, &out),
			-EINVAL);
	assert_int_equal(
		v.r.m->ops->mmap(v.r.m, NULL, 1, PROT_READ, MAP_PRIVATE, v.fd, 0, &out), -EINVAL);
	vtd_end(&v);
}

static void test_unit_registers_are_no_portal_and_want_alignment(void **state)
{
	struct svart_portal portal;
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	assert_int_equal(v.r.m->ops->portal(v.r.m, v.regs, 0, &portal), -EINVAL);
	assert_int_equal(vtd_get32(&v, SVART_VTD_VER_OFF + 1), 0);
	assert_int_equal(vtd_get(&v, SVART_VTD_VER_OFF + 4), 0);
	vtd_set(&v, SVART_VTD_PQA_OFF + 4, UINT64_MAX);
	vtd_set32(&v, SVART_VTD_PQA_OFF + 2, UINT32_MAX);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQA_OFF), 0);
	vtd_end(&v);
}

static void test_unit_registers_answer_whatever_the_device_does(void **state)
{
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	rig_command_set(&v.r, 0);
	assert_int_equal(vtd_get32(&v, SVART_VTD_VER_OFF), SVART_VTD_VER_6_0);
	vtd_end(&v);
}

static void test_unit_file_is_readable_while_an_interrupt_is_raised(void **state)
{
	struct pollfd pfd = { .events = POLLIN };
	uint64_t count = 0;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	pfd.fd = v.fd;
	assert_int_equal(v.r.m->ops->poll(v.r.m, &pfd, 1, 0), 0);
	assert_int_equal(v.r.m->ops->read(v.r.m, v.fd, &count, 8), -EAGAIN);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	assert_int_equal(v.r.m->ops->poll(v.r.m, &pfd, 1, 0), 1);
	assert_int_equal(v.r.m->ops->read(v.r.m, v.fd, &count, 4), -EINVAL);
	assert_int_equal(v.r.m->ops->read(v.r.m, v.fd, &count, 8), 8);
	assert_int_equal(count, 1);
	assert_int_equal(v.r.m->ops->poll(v.r.m, &pfd, 1, 0), 0);
	vtd_end(&v);
}

static void test_unit_mapping_keeps_it_open_after_close(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	assert_int_equal(v.r.m->ops->close(v.r.m, v.fd), 0);
	assert_int_equal(vtd_open_file(&v.r), -EBUSY);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	assert_int_equal(vtd_drain(&v), 1);
	assert_int_equal(v.r.m->ops->munmap(v.r.m, v.regs, SVART_VTD_REGS_BYTES), 0);
	v.regs = NULL;
	assert_int_equal(v.r.probe->nr_answers, 1);
	vtd_end(&v);
}

static void test_unit_close_resets_it_and_answers_what_waits(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 2, VA, 2);
	rig_fault(&v.r, NO_PASID, 3, VA, 1);
	begin_group(&v.r);
	vtd_close(&v);
	assert_int_equal(v.r.probe->nr_answers, 2);
	assert_int_equal(v.r.probe->answers[0].prgi, 2);
	assert_int_equal(v.r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	assert_int_equal(v.r.probe->answers[1].prgi, 3);
	assert_int_equal(rig_stats(&v.r).page_requests_open, 0);
	v.fd = vtd_open_file(&v.r);
	assert_int_equal(v.r.m->ops->mmap(v.r.m, NULL, SVART_VTD_REGS_BYTES, PROT_READ, MAP_SHARED,
				 v.fd, 0, (void **)&v.regs),
		0);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQA_OFF), 0);
	assert_int_equal(vtd_get32(&v, SVART_VTD_GSTS_OFF), 0);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF), 0);
	vtd_end(&v);
}

/* --- where requests go --------------------------------------------------------------------------- */

static ssize_t read_faults(struct rig *r)
{
	struct iommu_hwpt_pgfault faults[CAPACITY];
	ssize_t n = r->m->ops->read(r->m, r->fault_fd, faults, sizeof(faults));

	return n < 0 ? n : n / (ssize_t)sizeof(faults[0]);
}

static void test_unit_gets_requests_while_it_is_open_and_the_fault_object_otherwise(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 1, VA, 2);
	assert_int_equal(read_faults(&v.r), 0);
	assert_int_equal(vtd_drain(&v), 2);
	vtd_close(&v);
	rig_fault(&v.r, NO_PASID, 1, VA, 2);
	assert_int_equal(read_faults(&v.r), 2);
	vtd_end(&v);
}

static void test_unit_group_that_began_before_it_was_opened_goes_on_its_way(void **state)
{
	struct vtd v;

	(void)state;
	memset(&v, 0, sizeof(v));
	rig_attach(&v.r, "step=manual");
	begin_group(&v.r);
	v.fd = vtd_open_file(&v.r);
	rig_fault(&v.r, NO_PASID, 1, VA + PAGE, 1);
	assert_int_equal(read_faults(&v.r), 2);
	assert_int_equal(v.r.probe->nr_answers, 0);
	assert_int_equal(v.r.m->ops->close(v.r.m, v.fd), 0);
	assert_int_equal(v.r.probe->nr_answers, 0);
	assert_int_equal(rig_device_detach(&v.r), 0);
	assert_int_equal(v.r.probe->nr_answers, 1);
	rig_destroy(&v.r);
}

static void test_unit_shows_what_the_kernel_would_refuse(void **state)
{
	struct svart_bus_page_request bad = read_request;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	bad.addr = UINT64_C(1) << 60;
	bad.priv = true;
	bad.last = true;
	assert_int_equal(rig_request(&v.r, bad), 0);
	assert_int_equal(v.r.probe->nr_answers, 0);
	assert_int_equal(vtd_drain(&v), 1);
	vtd_end(&v);
}

static void test_unit_shows_stop_markers_which_need_no_answer(void **state)
{
	struct svart_bus_page_request stop = { .pasid = NO_PASID, .last = true };
	struct svart_vtd_page_request record;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	assert_int_equal(rig_request(&v.r, stop), 0);
	assert_true(vtd_next(&v, &record));
	assert_int_equal(record.qw[1], SVART_VTD_PRQ_LPIG);
	assert_int_equal(rig_stats(&v.r).page_requests_open, 0);
	vtd_push(&v, vtd_response(NO_PASID, 0, 0));
	assert_int_equal(rig_stats(&v.r).bad_answers, 1);
	assert_int_equal(v.r.probe->nr_answers, 0);
	vtd_end(&v);
}

static void test_unit_answers_for_a_pasid_that_is_not_attached(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, 77, 1, VA, 2);
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(v.r.probe->answers[0].pasid, 77);
	assert_int_equal(v.r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	assert_int_equal(vtd_drain(&v), 0);
	vtd_end(&v);
}

static void test_unit_group_that_was_detached_waits_for_software(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 2, VA, 2);
	begin_group(&v.r);
	assert_int_equal(rig_device_detach(&v.r), 0);
	assert_int_equal(v.r.probe->nr_answers, 0);
	assert_int_equal(vtd_drain(&v), 3);
	/* The LAST of the other comes to no PASID table entry. */
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	assert_int_equal(vtd_drain(&v), 0);
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(v.r.probe->answers[0].prgi, 1);
	assert_int_equal(v.r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	vtd_push(&v, vtd_response(NO_PASID, 2, SVART_VTD_PGR_CODE_SUCCESS));
	assert_int_equal(v.r.probe->nr_answers, 2);
	assert_int_equal(v.r.probe->answers[1].code, SVART_BUS_PRG_SUCCESS);
	assert_int_equal(rig_stats(&v.r).bad_answers, 0);
	vtd_end(&v);
}

static void test_unit_group_needs_its_last_before_it_is_answered(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	begin_group(&v.r);
	vtd_push(&v, vtd_response(NO_PASID, 1, 0));
	assert_int_equal(v.r.probe->nr_answers, 0);
	assert_int_equal(rig_stats(&v.r).bad_answers, 1);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	vtd_push(&v, vtd_response(NO_PASID, 1, 0));
	assert_int_equal(v.r.probe->nr_answers, 1);
	vtd_end(&v);
}

static void test_unit_holds_credits_until_the_answer(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	assert_int_equal(rig_fault(&v.r, NO_PASID, 1, VA, CAPACITY), 0);
	assert_int_equal(vtd_drain(&v), CAPACITY);
	assert_int_equal(rig_fault(&v.r, NO_PASID, 2, VA, 1), -EBUSY);
	vtd_push(&v, vtd_response(NO_PASID, 1, 0));
	assert_int_equal(rig_fault(&v.r, NO_PASID, 2, VA, 1), 0);
	vtd_end(&v);
}

static void test_unit_request_from_within_an_answer_is_reported(void **state)
{
	struct svart_bus_page_request next = read_request;
	struct vtd v;

	(void)state;
	next.prgi = 2;
	next.last = true;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 1, VA, CAPACITY);
	assert_int_equal(vtd_drain(&v), CAPACITY);
	v.r.probe->follow_up = &next;
	v.iq[0] = vtd_response(NO_PASID, 1, 0);
	v.iq[1] = vtd_response(NO_PASID, 2, 0);
	vtd_set(&v, SVART_VTD_IQT_OFF, 64);
	assert_int_equal(v.r.probe->nr_answers, 2);
	assert_int_equal(vtd_drain(&v), 1);
	assert_int_equal(rig_stats(&v.r).page_requests_open, 0);
	vtd_end(&v);
}

/* --- resets ------------------------------------------------------------------------------------- */

static void reset_device(struct rig *r)
{
	assert_int_equal(r->m->ops->ioctl(r->m, r->cdev, VFIO_DEVICE_RESET, NULL), 0);
}

static void test_unit_answer_to_a_device_that_was_reset_is_late(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 2, VA, 2);
	begin_group(&v.r);
	reset_device(&v.r);
	assert_int_equal(v.r.probe->nr_answers, 0);
	assert_int_equal(rig_stats(&v.r).page_requests_open, 0);
	vtd_push(&v, vtd_response(NO_PASID, 2, 0));
	assert_int_equal(rig_stats(&v.r).late_answers, 1);
	vtd_push(&v, vtd_response(NO_PASID, 2, 0));
	vtd_push(&v, vtd_response(NO_PASID, 1, 0));
	assert_int_equal(rig_stats(&v.r).late_answers, 1);
	assert_int_equal(rig_stats(&v.r).bad_answers, 2);
	assert_int_equal(v.r.probe->nr_answers, 0);
	vtd_end(&v);
}

static void test_unit_answers_before_and_after_a_reset_are_told_apart_by_count(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 2, VA, 1);
	reset_device(&v.r);
	rig_fault(&v.r, NO_PASID, 2, VA, 1);
	/* The device cannot know that this was meant for what it asked before. */
	vtd_push(&v, vtd_response(NO_PASID, 2, SVART_VTD_PGR_CODE_SUCCESS));
	assert_int_equal(v.r.probe->nr_answers, 1);
	vtd_push(&v, vtd_response(NO_PASID, 2, SVART_VTD_PGR_CODE_INVALID));
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(rig_stats(&v.r).late_answers, 1);
	assert_int_equal(rig_stats(&v.r).bad_answers, 0);
	vtd_end(&v);
}

static void test_unit_close_of_the_device_forgets_its_groups(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 2, VA, 2);
	assert_int_equal(v.r.m->ops->close(v.r.m, v.r.cdev), 0);
	v.r.cdev = -1;
	assert_int_equal(rig_stats(&v.r).page_requests_open, 0);
	assert_int_equal(vtd_drain(&v), 2);
	vtd_push(&v, vtd_response(NO_PASID, 2, 0));
	assert_int_equal(rig_stats(&v.r).late_answers, 1);
	assert_int_equal(v.r.probe->nr_answers, 0);
	vtd_end(&v);
}

static void test_unit_remembers_the_latest_of_many_resets(void **state)
{
	struct vtd v;
	uint16_t i;

	(void)state;
	vtd_start(&v, "step=manual");
	for (i = 0; i < 5 * CAPACITY; i++) {
		rig_fault(&v.r, NO_PASID, i, VA, 1);
		vtd_drain(&v);
		reset_device(&v.r);
	}
	for (i = 0; i < 5 * CAPACITY; i++)
		vtd_push(&v, vtd_response(NO_PASID, i, 0));
	assert_int_equal(rig_stats(&v.r).late_answers, 4 * CAPACITY);
	assert_int_equal(rig_stats(&v.r).bad_answers, CAPACITY);
	vtd_end(&v);
}

/* --- private data --------------------------------------------------------------------------------- */

/** A group of three requests with private data. */
static void send_private(struct vtd *v, struct svart_vtd_page_request own[3])
{
	rig_fault(&v->r, NO_PASID, 9, VA, 3);
	assert_true(vtd_next(v, &own[0]));
	assert_true(vtd_next(v, &own[1]));
	assert_true(vtd_next(v, &own[2]));
	assert_true((own[0].qw[0] & SVART_VTD_PRQ_PRIV_PRESENT) != 0);
	assert_true((own[1].qw[0] & SVART_VTD_PRQ_PRIV_PRESENT) != 0);
	assert_true((own[2].qw[0] & SVART_VTD_PRQ_PRIV_PRESENT) != 0);
	assert_true((own[2].qw[1] & SVART_VTD_PRQ_LPIG) != 0);
	assert_memory_not_equal(&own[1].qw[2], &own[2].qw[2], 16);
	assert_memory_not_equal(&own[0].qw[2], &own[1].qw[2], 16);
}

static void test_unit_request_with_private_data_is_answered_before_its_group_is(void **state)
{
	struct svart_vtd_page_request own[3];
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual,private=100");
	send_private(&v, own);
	vtd_push(&v, vtd_own_response(&own[1], 0));
	vtd_push(&v, vtd_own_response(&own[2], 0));
	assert_int_equal(v.r.probe->nr_answers, 0);
	vtd_push(&v, vtd_own_response(&own[0], 0));
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(v.r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	assert_int_equal(rig_stats(&v.r).bad_answers, 0);
	vtd_end(&v);
}

static void test_unit_group_is_invalid_if_one_of_its_own_answers_was(void **state)
{
	struct svart_vtd_page_request own[3];
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual,private=100");
	send_private(&v, own);
	vtd_push(&v, vtd_own_response(&own[0], SVART_VTD_PGR_CODE_INVALID));
	vtd_push(&v, vtd_own_response(&own[1], 0));
	vtd_push(&v, vtd_own_response(&own[2], 0));
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(v.r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	vtd_end(&v);
}

static void test_unit_private_data_that_was_touched_answers_nothing(void **state)
{
	struct svart_vtd_page_request own[3], touched;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual,private=100");
	send_private(&v, own);
	touched = own[0];
	touched.qw[3] ^= 1;
	vtd_push(&v, vtd_own_response(&touched, 0));
	assert_int_equal(rig_stats(&v.r).bad_answers, 1);
	vtd_push(&v, vtd_own_response(&own[0], 0));
	vtd_push(&v, vtd_own_response(&own[0], 0));
	assert_int_equal(rig_stats(&v.r).bad_answers, 2);
	vtd_end(&v);
}

static void test_unit_last_with_private_data_takes_one_answer_with_both(void **state)
{
	struct svart_vtd_page_request own[3], touched;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual,private=100");
	send_private(&v, own);
	vtd_push(&v, vtd_own_response(&own[0], 0));
	vtd_push(&v, vtd_own_response(&own[1], 0));
	/* Without its data; without LPIG; with other data. */
	vtd_push(&v, vtd_response(NO_PASID, 9, 0));
	touched = own[2];
	touched.qw[1] &= ~SVART_VTD_PRQ_LPIG;
	vtd_push(&v, vtd_own_response(&touched, 0));
	touched = own[2];
	touched.qw[2] ^= 1;
	vtd_push(&v, vtd_own_response(&touched, 0));
	assert_int_equal(rig_stats(&v.r).bad_answers, 3);
	assert_int_equal(v.r.probe->nr_answers, 0);
	vtd_push(&v, vtd_own_response(&own[2], 0));
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(v.r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	assert_int_equal(rig_stats(&v.r).bad_answers, 3);
	vtd_end(&v);
}

static void test_unit_private_data_of_a_reset_device_is_late(void **state)
{
	struct svart_vtd_page_request own[3];
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual,private=100");
	send_private(&v, own);
	reset_device(&v.r);
	vtd_push(&v, vtd_own_response(&own[0], 0));
	vtd_push(&v, vtd_own_response(&own[1], 0));
	vtd_push(&v, vtd_own_response(&own[2], 0));
	assert_int_equal(rig_stats(&v.r).late_answers, 3);
	assert_int_equal(rig_stats(&v.r).bad_answers, 0);
	vtd_end(&v);
}

static void test_unit_group_with_own_answers_waits_for_them_when_its_last_is_dropped(void **state)
{
	struct svart_vtd_page_request own;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual,private=100");
	vtd_set(&v, SVART_VTD_PQH_OFF, 64);
	begin_group(&v.r);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF) & SVART_VTD_PRS_PRO, SVART_VTD_PRS_PRO);
	assert_int_equal(v.r.probe->nr_answers, 0);
	own = v.prq[0];
	vtd_push(&v, vtd_own_response(&own, 0));
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(v.r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	vtd_end(&v);
}

/** Which of 64 requests carry private data, as bits. */
static uint64_t draw_private(const char *options)
{
	struct svart_vtd_page_request record;
	uint64_t bits = 0;
	unsigned int i;
	struct vtd v;

	vtd_start(&v, options);
	for (i = 0; i < 64; i++) {
		begin_group(&v.r);
		assert_true(vtd_next(&v, &record));
		bits = bits << 1 | ((record.qw[0] & SVART_VTD_PRQ_PRIV_PRESENT) != 0);
		reset_device(&v.r);
	}
	vtd_end(&v);
	return bits;
}

static void test_unit_private_data_is_drawn_from_the_seed(void **state)
{
	uint64_t half = draw_private("step=manual,seed=7,private=50");

	(void)state;
	assert_true(half == draw_private("step=manual,seed=7,private=50"));
	assert_true(half != draw_private("step=manual,seed=8,private=50"));
	assert_true(half != 0 && half != UINT64_MAX);
	assert_true(draw_private("step=manual,private=0") == 0);
	assert_true(draw_private("step=manual") == 0);
}

/* --- options -------------------------------------------------------------------------------------- */

static void test_unit_options_that_are_bad_are_refused(void **state)
{
	static const char *const bad[] = { "iommu=amd", "iommu=", "iommu=vtdx", "pri=on", "pri=off",
		"iommu=smmu,pri=maybe", "iommu=vtd,pri=on", "private=101", "private=", "private=x",
		"private=1x", "private=-1", "private=0100", "iommu=smmu,private=5" };
	char address[16];
	struct rig r;
	size_t i;

	(void)state;
	rig_create(&r, "step=manual");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			svart_model_add_device(r.m, &probe_model, bad[i], address), -EINVAL);
	assert_int_equal(
		svart_model_add_device(r.m, &probe_model, "iommu=vtd,private=100", address), 0);
	rig_destroy(&r);
}

static void test_unit_options_go_with_those_of_every_kind_of_device(void **state)
{
	char address[16];
	struct rig r;

	(void)state;
	rig_create(&r, "step=manual");
	assert_int_equal(svart_machine_model.locate(
				 r.m, "dsa0", "wqs=2,iommu=vtd,private=10,engines=1", address),
		0);
	assert_int_equal(
		svart_machine_model.locate(r.m, "edu0", "iommu=vtd,dma_mask_bits=40", address), 0);
	assert_int_equal(svart_machine_model.locate(r.m, "dsa0", "private=11", address), -EINVAL);
	assert_int_equal(svart_machine_model.locate(r.m, "dsa1", "private=101", address), -EINVAL);
	assert_int_equal(svart_machine_model.locate(r.m, "dsa1", "iommu=no", address), -EINVAL);
	assert_int_equal(r.m->ops->open(r.m, "/dev/svart-iommu/0000:6b:01.0", O_RDWR), -ENOENT);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_is_open_once_at_a_time),
		cmocka_unit_test(test_unit_that_is_not_there_gives_enoent),
		cmocka_unit_test(test_unit_info_names_kind_requester_and_bytes),
		cmocka_unit_test(test_unit_info_of_bad_arguments_fails),
		cmocka_unit_test(test_unit_mmap_of_bad_ranges_gives_einval),
		cmocka_unit_test(test_unit_registers_are_no_portal_and_want_alignment),
		cmocka_unit_test(test_unit_registers_answer_whatever_the_device_does),
		cmocka_unit_test(test_unit_file_is_readable_while_an_interrupt_is_raised),
		cmocka_unit_test(test_unit_mapping_keeps_it_open_after_close),
		cmocka_unit_test(test_unit_close_resets_it_and_answers_what_waits),
		cmocka_unit_test(
			test_unit_gets_requests_while_it_is_open_and_the_fault_object_otherwise),
		cmocka_unit_test(test_unit_group_that_began_before_it_was_opened_goes_on_its_way),
		cmocka_unit_test(test_unit_shows_what_the_kernel_would_refuse),
		cmocka_unit_test(test_unit_shows_stop_markers_which_need_no_answer),
		cmocka_unit_test(test_unit_answers_for_a_pasid_that_is_not_attached),
		cmocka_unit_test(test_unit_group_that_was_detached_waits_for_software),
		cmocka_unit_test(test_unit_group_needs_its_last_before_it_is_answered),
		cmocka_unit_test(test_unit_holds_credits_until_the_answer),
		cmocka_unit_test(test_unit_request_from_within_an_answer_is_reported),
		cmocka_unit_test(test_unit_answer_to_a_device_that_was_reset_is_late),
		cmocka_unit_test(
			test_unit_answers_before_and_after_a_reset_are_told_apart_by_count),
		cmocka_unit_test(test_unit_close_of_the_device_forgets_its_groups),
		cmocka_unit_test(test_unit_remembers_the_latest_of_many_resets),
		cmocka_unit_test(
			test_unit_request_with_private_data_is_answered_before_its_group_is),
		cmocka_unit_test(test_unit_last_with_private_data_takes_one_answer_with_both),
		cmocka_unit_test(test_unit_group_is_invalid_if_one_of_its_own_answers_was),
		cmocka_unit_test(test_unit_private_data_that_was_touched_answers_nothing),
		cmocka_unit_test(test_unit_private_data_of_a_reset_device_is_late),
		cmocka_unit_test(
			test_unit_group_with_own_answers_waits_for_them_when_its_last_is_dropped),
		cmocka_unit_test(test_unit_private_data_is_drawn_from_the_seed),
		cmocka_unit_test(test_unit_options_that_are_bad_are_refused),
		cmocka_unit_test(test_unit_options_go_with_those_of_every_kind_of_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The ways of page requests behind a SMMUv3: as Linux has them, and to a raw unit with stalls. */

#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "iommu_unit.h"
#include "smmu_spec.h"

#define VA    UINT64_C(0x7f0000000000)
#define PASID 5

static const struct svart_bus_page_request first_request = {
	.pasid = NO_PASID, .addr = VA, .prgi = 1, .read = true
};

/** Reads at most max records. @return how many. */
static unsigned int read_faults(struct rig *r, struct iommu_hwpt_pgfault *faults, unsigned int max)
{
	ssize_t n = r->m->ops->read(r->m, r->fault_fd, faults, max * sizeof(*faults));

	assert_true(n >= 0);
	return (unsigned int)((size_t)n / sizeof(faults[0]));
}

static int respond(struct rig *r, uint32_t cookie, uint32_t code)
{
	struct iommu_hwpt_page_response response = { .cookie = cookie, .code = code };
	ssize_t n = r->m->ops->write(r->m, r->fault_fd, &response, sizeof(response));

	return n < 0 ? (int)n : 0;
}

static void attach_pasid(struct rig *r)
{
	uint32_t hwpt, flags = IOMMU_HWPT_FAULT_ID_VALID | 1U << 3; /* For PASIDs. */

	assert_int_equal(rig_device_detach(r), 0);
	assert_int_equal(rig_hwpt_alloc(r, flags, r->ioas, r->fault_id, &hwpt), 0);
	assert_int_equal(rig_device_attach_pasid(r, hwpt, PASID), 0);
}

/* --- stalls by iommufd ---------------------------------------------------------------------------- */

static void test_prg_stalls_are_groups_of_one_that_are_there_at_once(void **state)
{
	struct iommu_hwpt_pgfault faults[CAPACITY];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu");
	rig_request(&r, first_request);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 1);
	assert_int_equal(faults[0].flags, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	assert_int_equal(faults[0].addr, VA);
	assert_int_equal(faults[0].perm, IOMMU_PGFAULT_PERM_READ);
	assert_int_equal(faults[0].dev_id, r.dev_id);
	rig_fault(&r, NO_PASID, 1, VA + PAGE, 2);
	assert_int_equal(read_faults(&r, faults + 1, 2), 2);
	assert_int_equal(faults[1].flags, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	assert_int_equal(faults[2].flags, IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	assert_int_equal(faults[2].addr, VA + 2 * PAGE);
	assert_int_not_equal(faults[0].grpid, faults[1].grpid);
	assert_int_not_equal(faults[1].grpid, faults[2].grpid);
	assert_int_not_equal(faults[0].grpid, faults[2].grpid);
	rig_destroy(&r);
}

static void test_prg_stall_says_pasid_access_and_address_as_linux_does(void **state)
{
	struct svart_bus_page_request request = { .pasid = PASID,
		.addr = (UINT64_C(1) << 60) + 0x123,
		.prgi = 3,
		.read = true,
		.write = true,
		.priv = true,
		.last = true };
	struct iommu_hwpt_pgfault faults[CAPACITY];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu");
	attach_pasid(&r);
	assert_int_equal(rig_request(&r, request), 0);
	request.write = false;
	request.exec = true;
	assert_int_equal(rig_request(&r, request), 0);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 2);
	assert_int_equal(
		faults[0].flags, IOMMU_PGFAULT_FLAGS_LAST_PAGE | IOMMU_PGFAULT_FLAGS_PASID_VALID);
	assert_int_equal(faults[0].pasid, PASID);
	assert_int_equal(faults[0].addr, request.addr);
	assert_int_equal(faults[0].perm, IOMMU_PGFAULT_PERM_WRITE | IOMMU_PGFAULT_PERM_PRIV);
	assert_int_equal(faults[1].perm,
		IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_EXEC | IOMMU_PGFAULT_PERM_PRIV);
	rig_destroy(&r);
}

static void test_prg_device_is_answered_once_all_its_stalls_were(void **state)
{
	struct iommu_hwpt_pgfault faults[CAPACITY];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu");
	rig_fault(&r, NO_PASID, 9, VA, 3);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 3);
	assert_int_equal(respond(&r, faults[2].cookie, IOMMUFD_PAGE_RESP_SUCCESS), 0);
	assert_int_equal(respond(&r, faults[2].cookie, IOMMUFD_PAGE_RESP_SUCCESS), -EINVAL);
	assert_int_equal(respond(&r, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS), 0);
	assert_int_equal(r.probe->nr_answers, 0);
	assert_int_equal(rig_stats(&r).page_requests_open, 3);
	assert_int_equal(respond(&r, faults[1].cookie, IOMMUFD_PAGE_RESP_SUCCESS), 0);
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(r.probe->answers[0].prgi, 9);
	assert_int_equal(r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	rig_destroy(&r);
}

static void test_prg_device_is_answered_no_sooner_than_its_last_comes(void **state)
{
	struct iommu_hwpt_pgfault faults[CAPACITY];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu");
	rig_request(&r, first_request);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 1);
	assert_int_equal(respond(&r, faults[0].cookie, IOMMUFD_PAGE_RESP_INVALID), 0);
	assert_int_equal(r.probe->nr_answers, 0);
	rig_fault(&r, NO_PASID, 1, VA + PAGE, 1);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 1);
	assert_int_equal(respond(&r, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS), 0);
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	rig_destroy(&r);
}

static void test_prg_stalls_take_all_the_credits_there_are(void **state)
{
	struct iommu_hwpt_pgfault faults[CAPACITY];
	unsigned int round;
	struct rig r;
	uint16_t i;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu");
	for (round = 1; round <= 3; round++) {
		for (i = 0; i < CAPACITY; i++)
			assert_int_equal(rig_fault(&r, NO_PASID, i, VA, 1), 0);
		assert_int_equal(rig_fault(&r, NO_PASID, i, VA, 1), -EBUSY);
		assert_int_equal(read_faults(&r, faults, CAPACITY), CAPACITY);
		for (i = 0; i < CAPACITY; i++)
			assert_int_equal(respond(&r, faults[i].cookie, 0), 0);
		assert_int_equal(r.probe->nr_answers, round * CAPACITY);
	}
	rig_destroy(&r);
}

static void test_prg_detach_answers_stalled_groups_once_and_drops_partial_ones(void **state)
{
	struct iommu_hwpt_pgfault faults[CAPACITY];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu");
	rig_fault(&r, NO_PASID, 2, VA, 2);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 2);
	assert_int_equal(respond(&r, faults[0].cookie, 0), 0);
	rig_fault(&r, NO_PASID, 3, VA, 2);
	rig_request(&r, first_request);
	assert_int_equal(rig_device_detach(&r), 0);
	assert_int_equal(r.probe->nr_answers, 2);
	assert_int_equal(r.probe->answers[0].prgi, 2);
	assert_int_equal(r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	assert_int_equal(r.probe->answers[1].prgi, 3);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	assert_int_equal(read_faults(&r, faults + 2, 1), 0);
	assert_int_equal(respond(&r, faults[1].cookie, 0), -EINVAL);
	rig_fault(&r, NO_PASID, 1, VA, 1);
	assert_int_equal(r.probe->nr_answers, 3);
	assert_int_equal(r.probe->answers[2].code, SVART_BUS_PRG_INVALID);
	rig_destroy(&r);
}

static void test_prg_stop_marker_does_not_stall(void **state)
{
	struct svart_bus_page_request stop = { .pasid = NO_PASID, .last = true };
	struct iommu_hwpt_pgfault faults[CAPACITY];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu");
	assert_int_equal(rig_request(&r, stop), 0);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 0);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	rig_destroy(&r);
}

/* --- page requests by iommufd --------------------------------------------------------------------- */

static void test_prg_smmu_with_pri_denies_every_group(void **state)
{
	struct iommu_hwpt_pgfault faults[CAPACITY];
	struct rig r;

	(void)state;
	rig_attach(&r, "step=manual,iommu=smmu,pri=on");
	rig_fault(&r, NO_PASID, 4, VA, 3);
	assert_int_equal(r.probe->nr_answers, 1);
	assert_int_equal(r.probe->answers[0].code, SVART_BUS_PRG_FAILURE);
	assert_int_equal(read_faults(&r, faults, CAPACITY), 0);
	assert_int_equal(rig_stats(&r).page_requests_open, 0);
	rig_destroy(&r);
}

static int attach_without_pri(const char *options)
{
	struct svart_device_model no_pri = probe_model;
	struct rig r;
	int rc;

	no_pri.pri = false;
	rig_bind(&r, "step=manual");
	assert_int_equal(svart_model_add_device(r.m, &no_pri, options, r.address), 0);
	assert_int_equal(r.m->ops->close(r.m, r.cdev), 0);
	r.cdev = r.m->ops->open(r.m, "/dev/vfio/devices/vfio1", O_RDWR);
	assert_int_equal(rig_device_bind(&r, r.cdev, r.iommufd, &r.dev_id), 0);
	assert_int_equal(rig_fault_alloc(&r, &r.fault_id, &r.fault_fd), 0);
	assert_int_equal(
		rig_hwpt_alloc(&r, IOMMU_HWPT_FAULT_ID_VALID, r.ioas, r.fault_id, &r.hwpt), 0);
	rc = rig_device_attach(&r, r.hwpt);
	rig_destroy(&r);
	return rc;
}

static void test_prg_device_that_cannot_fault_attaches_with_a_fault_object_to_smmu_only(
	void **state)
{
	(void)state;
	assert_int_equal(attach_without_pri("iommu=vtd"), -ENODEV);
	assert_int_equal(attach_without_pri("iommu=smmu"), 0);
	assert_int_equal(attach_without_pri("iommu=smmu,pri=on"), 0);
}

/* --- stalls on a raw queue -------------------------------------------------------------------------- */

#define LOG2 4

/** A raw unit with queues of 16 records. */
struct smmu {
	struct rig r;
	int fd;
	uint8_t *regs;
	struct svart_smmu_event *events;
	struct svart_smmu_cmd *cmds;
	uint32_t cons, prod;
};

static void set32(struct smmu *s, uint64_t off, uint32_t value)
{
	s->r.m->ops->mmio_write32(s->r.m, s->regs + off, value);
}

static void start_raw(struct smmu *s)
{
	void *regs;
	char path[64];

	memset(s, 0, sizeof(*s));
	rig_attach(&s->r, "step=manual,iommu=smmu");
	snprintf(path, sizeof(path), SVART_IOMMU_UNIT_DIR "%s", s->r.address);
	s->fd = s->r.m->ops->open(s->r.m, path, O_RDWR);
	assert_true(s->fd >= 0);
	assert_int_equal(s->r.m->ops->mmap(s->r.m, NULL, SVART_SMMU_REGS_BYTES,
				 PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0, &regs),
		0);
	s->regs = regs;
	s->events = rig_memory(PAGE);
	s->cmds = rig_memory(PAGE);
	s->r.m->ops->mmio_write64(
		s->r.m, s->regs + SVART_SMMU_EVTQ_BASE_OFF, (uintptr_t)s->events | LOG2);
	s->r.m->ops->mmio_write64(
		s->r.m, s->regs + SVART_SMMU_CMDQ_BASE_OFF, (uintptr_t)s->cmds | LOG2);
	set32(s, SVART_SMMU_CR0_OFF,
		SVART_SMMU_CR0_SMMUEN | SVART_SMMU_CR0_EVTQEN | SVART_SMMU_CR0_CMDQEN);
}

/** @return the STAG of the oldest event. */
static uint16_t next_stag(struct smmu *s)
{
	uint32_t prod = s->r.m->ops->mmio_read32(s->r.m, s->regs + SVART_SMMU_EVTQ_PROD_OFF);
	struct svart_smmu_event *e = &s->events[s->cons % (1U << LOG2)];

	assert_int_not_equal(prod % (2U << LOG2), s->cons);
	s->cons = (s->cons + 1) % (2U << LOG2);
	set32(s, SVART_SMMU_EVTQ_CONS_OFF, s->cons);
	return (uint16_t)SVART_FIELD_GET(SVART_SMMU_EVT_STAG, e->dw[1]);
}

static void resume(struct smmu *s, uint16_t stag, unsigned int how)
{
	struct svart_smmu_cmd *c = &s->cmds[s->prod % (1U << LOG2)];

	c->dw[0] = SVART_FIELD_PREP(SVART_SMMU_CMD_OP, SVART_SMMU_CMD_RESUME) |
		   SVART_FIELD_PREP(SVART_SMMU_CMD_SID, 0xe700) |
		   SVART_FIELD_PREP(SVART_SMMU_RESUME_RESP, how);
	c->dw[1] = SVART_FIELD_PREP(SVART_SMMU_RESUME_STAG, stag);
	s->prod = (s->prod + 1) % (2U << LOG2);
	set32(s, SVART_SMMU_CMDQ_PROD_OFF, s->prod);
}

static void end_raw(struct smmu *s)
{
	assert_int_equal(s->r.m->ops->munmap(s->r.m, s->regs, SVART_SMMU_REGS_BYTES), 0);
	assert_int_equal(s->r.m->ops->close(s->r.m, s->fd), 0);
	rig_destroy(&s->r);
	munmap(s->events, PAGE);
	munmap(s->cmds, PAGE);
}

static void test_prg_raw_stalls_are_resumed_one_by_one(void **state)
{
	static const struct {
		unsigned int how;
		enum svart_bus_prg_response code;
	} cases[] = {
		{ SVART_SMMU_RESUME_RETRY, SVART_BUS_PRG_SUCCESS },
		{ SVART_SMMU_RESUME_ABORT, SVART_BUS_PRG_INVALID },
		{ SVART_SMMU_RESUME_TERM, SVART_BUS_PRG_INVALID },
	};
	uint16_t stags[2];
	struct smmu s;
	uint16_t i;

	(void)state;
	start_raw(&s);
	for (i = 0; i < 3; i++) {
		rig_fault(&s.r, NO_PASID, i, VA, 2);
		stags[0] = next_stag(&s);
		stags[1] = next_stag(&s);
		assert_int_not_equal(stags[0], stags[1]);
		resume(&s, stags[1], cases[i].how);
		assert_int_equal(s.r.probe->nr_answers, i);
		resume(&s, stags[0], SVART_SMMU_RESUME_RETRY);
		assert_int_equal(s.r.probe->nr_answers, i + 1);
		assert_int_equal(s.r.probe->answers[i].code, cases[i].code);
	}
	assert_int_equal(rig_stats(&s.r).bad_answers, 0);
	resume(&s, stags[0], SVART_SMMU_RESUME_RETRY);
	resume(&s, UINT16_MAX, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(rig_stats(&s.r).bad_answers, 2);
	end_raw(&s);
}

static void test_prg_raw_stall_of_a_reset_device_is_resumed_late(void **state)
{
	uint16_t stag;
	struct smmu s;

	(void)state;
	start_raw(&s);
	rig_fault(&s.r, NO_PASID, 1, VA, 1);
	stag = next_stag(&s);
	assert_int_equal(s.r.m->ops->ioctl(s.r.m, s.r.cdev, VFIO_DEVICE_RESET, NULL), 0);
	resume(&s, stag, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(rig_stats(&s.r).late_answers, 1);
	resume(&s, stag, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(rig_stats(&s.r).bad_answers, 1);
	assert_int_equal(s.r.probe->nr_answers, 0);
	end_raw(&s);
}

static void test_prg_raw_stalls_are_aborted_when_the_unit_is_closed(void **state)
{
	struct smmu s;

	(void)state;
	start_raw(&s);
	rig_fault(&s.r, NO_PASID, 1, VA, CAPACITY);
	assert_int_equal(s.r.probe->nr_answers, 0);
	end_raw(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prg_stalls_are_groups_of_one_that_are_there_at_once),
		cmocka_unit_test(test_prg_stall_says_pasid_access_and_address_as_linux_does),
		cmocka_unit_test(test_prg_device_is_answered_once_all_its_stalls_were),
		cmocka_unit_test(test_prg_device_is_answered_no_sooner_than_its_last_comes),
		cmocka_unit_test(test_prg_stalls_take_all_the_credits_there_are),
		cmocka_unit_test(
			test_prg_detach_answers_stalled_groups_once_and_drops_partial_ones),
		cmocka_unit_test(test_prg_stop_marker_does_not_stall),
		cmocka_unit_test(test_prg_smmu_with_pri_denies_every_group),
		cmocka_unit_test(
			test_prg_device_that_cannot_fault_attaches_with_a_fault_object_to_smmu_only),
		cmocka_unit_test(test_prg_raw_stalls_are_resumed_one_by_one),
		cmocka_unit_test(test_prg_raw_stall_of_a_reset_device_is_resumed_late),
		cmocka_unit_test(test_prg_raw_stalls_are_aborted_when_the_unit_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

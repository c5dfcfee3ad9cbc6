/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* SMMUv3 units as a process meets them: through the file, the registers and the rings. */

#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "iommu_unit.h"
#include "smmu_spec.h"

#define VA        UINT64_C(0x7f0000000000)
#define SID       0xe700 /* 0000:e7:00.0 */
#define RING_LOG2 4
#define RING_MASK ((1U << RING_LOG2) - 1)

/** A rig with an open unit. */
struct smmu {
	struct rig r;
	int fd;
	uint8_t *regs;
	struct svart_smmu_cmd *cmds;
	struct svart_smmu_event *events;
	struct svart_smmu_pri *requests;
};

static uint32_t get(struct smmu *s, uint64_t off)
{
	return s->r.m->ops->mmio_read32(s->r.m, s->regs + off);
}

static void set(struct smmu *s, uint64_t off, uint32_t value)
{
	s->r.m->ops->mmio_write32(s->r.m, s->regs + off, value);
}

static void start(struct smmu *s, const char *options)
{
	char path[64];
	void *regs;

	memset(s, 0, sizeof(*s));
	rig_attach(&s->r, options);
	snprintf(path, sizeof(path), SVART_IOMMU_UNIT_DIR "%s", s->r.address);
	s->fd = s->r.m->ops->open(s->r.m, path, O_RDWR);
	assert_true(s->fd >= 0);
	assert_int_equal(s->r.m->ops->mmap(s->r.m, NULL, SVART_SMMU_REGS_BYTES,
				 PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0, &regs),
		0);
	s->regs = regs;
	s->cmds = rig_memory(PAGE);
	s->events = rig_memory(PAGE);
	s->requests = rig_memory(PAGE);
	s->r.m->ops->mmio_write64(
		s->r.m, s->regs + SVART_SMMU_CMDQ_BASE_OFF, (uintptr_t)s->cmds | RING_LOG2);
	s->r.m->ops->mmio_write64(
		s->r.m, s->regs + SVART_SMMU_EVTQ_BASE_OFF, (uintptr_t)s->events | RING_LOG2);
	s->r.m->ops->mmio_write64(
		s->r.m, s->regs + SVART_SMMU_PRIQ_BASE_OFF, (uintptr_t)s->requests | RING_LOG2);
	set(s, SVART_SMMU_IRQ_CTRL_OFF, SVART_SMMU_IRQ_CTRL_EVTQ | SVART_SMMU_IRQ_CTRL_PRIQ);
	set(s, SVART_SMMU_CR0_OFF, 0xf);
}

static void end(struct smmu *s)
{
	assert_int_equal(s->r.m->ops->munmap(s->r.m, s->regs, SVART_SMMU_REGS_BYTES), 0);
	assert_int_equal(s->r.m->ops->close(s->r.m, s->fd), 0);
	munmap(s->cmds, PAGE);
	munmap(s->events, PAGE);
	munmap(s->requests, PAGE);
	rig_destroy(&s->r);
}

static void command(struct smmu *s, uint64_t dw0, uint64_t dw1)
{
	uint32_t prod = get(s, SVART_SMMU_CMDQ_PROD_OFF);

	dw0 |= SVART_FIELD_PREP(SVART_SMMU_CMD_SID, SID);
	s->cmds[prod & RING_MASK] = (struct svart_smmu_cmd){ { dw0, dw1 } };
	set(s, SVART_SMMU_CMDQ_PROD_OFF, (prod + 1) & (2 * RING_MASK + 1));
}

/** Resumes the transaction of an event. */
static void resume(struct smmu *s, unsigned int event, unsigned int how)
{
	command(s, SVART_SMMU_CMD_RESUME | SVART_FIELD_PREP(SVART_SMMU_RESUME_RESP, how),
		SVART_FIELD_GET(SVART_SMMU_EVT_STAG, s->events[event].dw[1]));
}

static bool take_interrupt(struct smmu *s)
{
	uint64_t count;

	return s->r.m->ops->read(s->r.m, s->fd, &count, sizeof(count)) == sizeof(count);
}

static void test_unit_smmu_group_of_stalls_is_answered_when_all_were_resumed(void **state)
{
	struct smmu s;

	(void)state;
	start(&s, "step=manual,iommu=smmu");
	rig_fault(&s.r, NO_PASID, 3, VA, 2);
	assert_true(take_interrupt(&s));
	assert_int_equal(get(&s, SVART_SMMU_EVTQ_PROD_OFF), 2);
	assert_true(s.events[1].dw[2] == VA + PAGE);
	assert_int_equal(SVART_FIELD_GET(SVART_SMMU_EVT_SID, s.events[0].dw[0]), SID);
	resume(&s, 1, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(s.r.probe->nr_answers, 0);
	resume(&s, 0, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(s.r.probe->nr_answers, 1);
	assert_int_equal(s.r.probe->answers[0].prgi, 3);
	assert_int_equal(s.r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	/* A second answer to the same is one to nothing. */
	resume(&s, 0, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(rig_stats(&s.r).bad_answers, 1);
	end(&s);
}

static void test_unit_smmu_abort_fails_the_group(void **state)
{
	struct smmu s;

	(void)state;
	start(&s, "step=manual,iommu=smmu,pri=off");
	rig_fault(&s.r, NO_PASID, 3, VA, 2);
	resume(&s, 0, SVART_SMMU_RESUME_ABORT);
	resume(&s, 1, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(s.r.probe->nr_answers, 1);
	assert_int_equal(s.r.probe->answers[0].code, SVART_BUS_PRG_INVALID);
	end(&s);
}

static void test_unit_smmu_close_answers_stalls_that_wait_for_room(void **state)
{
	struct smmu s;

	(void)state;
	start(&s, "step=manual,iommu=smmu");
	s.r.m->ops->mmio_write32(s.r.m, s.regs + SVART_SMMU_CR0_OFF, 0);
	s.r.m->ops->mmio_write64(s.r.m, s.regs + SVART_SMMU_EVTQ_BASE_OFF, (uintptr_t)s.events | 1);
	set(&s, SVART_SMMU_CR0_OFF, 0xf);
	rig_fault(&s.r, NO_PASID, 3, VA, 5);
	assert_int_equal(get(&s, SVART_SMMU_EVTQ_PROD_OFF), 2);
	assert_int_equal(rig_stats(&s.r).page_requests_open, 5);
	assert_int_equal(s.r.probe->nr_answers, 0);
	end(&s); /* Sees that nothing is left. */
}

static void test_unit_smmu_page_requests_are_answered_by_group(void **state)
{
	struct smmu s;

	(void)state;
	start(&s, "step=manual,iommu=smmu,pri=on");
	rig_fault(&s.r, NO_PASID, 3, VA, 2);
	assert_true(take_interrupt(&s));
	assert_int_equal(get(&s, SVART_SMMU_PRIQ_PROD_OFF), 2);
	assert_int_equal(get(&s, SVART_SMMU_EVTQ_PROD_OFF), 0);
	assert_true((s.requests[1].dw[0] & SVART_SMMU_PRI_LAST) != 0);
	command(&s, SVART_SMMU_CMD_PRI_RESP,
		3 | SVART_FIELD_PREP(SVART_SMMU_PRI_RESP_CODE, SVART_SMMU_PRI_RESP_SUCCESS));
	assert_int_equal(s.r.probe->nr_answers, 1);
	assert_int_equal(s.r.probe->answers[0].code, SVART_BUS_PRG_SUCCESS);
	end(&s);
}

static void test_unit_smmu_overflow_lets_the_device_ask_again(void **state)
{
	struct smmu s;
	uint16_t i;

	(void)state;
	start(&s, "step=manual,iommu=smmu,pri=on");
	/* Answered at once, so that credits do not run out before the queue does. */
	for (i = 0; i <= RING_MASK; i++) {
		rig_fault(&s.r, NO_PASID, i, VA, 1);
		command(&s, SVART_SMMU_CMD_PRI_RESP,
			i | SVART_FIELD_PREP(
				    SVART_SMMU_PRI_RESP_CODE, SVART_SMMU_PRI_RESP_SUCCESS));
	}
	rig_fault(&s.r, NO_PASID, 100, VA, 2);
	assert_int_equal(s.r.probe->nr_answers, RING_MASK + 2);
	assert_int_equal(s.r.probe->answers[RING_MASK + 1].prgi, 100);
	assert_int_equal(s.r.probe->answers[RING_MASK + 1].code, SVART_BUS_PRG_SUCCESS);
	assert_true((get(&s, SVART_SMMU_PRIQ_PROD_OFF) & SVART_SMMU_Q_OVERFLOW) != 0);
	set(&s, SVART_SMMU_PRIQ_CONS_OFF, get(&s, SVART_SMMU_PRIQ_PROD_OFF));
	rig_fault(&s.r, NO_PASID, 100, VA, 2);
	assert_int_equal(s.r.probe->nr_answers, RING_MASK + 2);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_smmu_group_of_stalls_is_answered_when_all_were_resumed),
		cmocka_unit_test(test_unit_smmu_abort_fails_the_group),
		cmocka_unit_test(test_unit_smmu_close_answers_stalls_that_wait_for_room),
		cmocka_unit_test(test_unit_smmu_page_requests_are_answered_by_group),
		cmocka_unit_test(test_unit_smmu_overflow_lets_the_device_ask_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

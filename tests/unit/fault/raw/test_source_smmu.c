/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* SMMUv3: what is written to the registers, read from records, and put into commands. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fake_unit.h"

#define EVTQ_RECORDS 32u
#define PRIQ_RECORDS 16u

static int setup(void **state)
{
	*state = fake_rig_create(SVART_IOMMU_UNIT_SMMU);
	return 0;
}

static int teardown(void **state)
{
	fake_rig_destroy(*state);
	return 0;
}

static bool respond(struct fake_rig *rig, const struct svart_page_request *r, uint32_t code)
{
	struct svart_page_response a = answer_to(r, code);
	bool gone;

	assert_int_equal(rig->s->ops->respond(rig->s, &a, 1, &gone), 0);
	return gone;
}

static struct svart_smmu_event event(uint32_t id, uint32_t stag, uint64_t bits, uint64_t addr)
{
	struct svart_smmu_event e = { { 0 } };

	e.dw[0] = id | SVART_SMMU_EVT_SSV | SVART_FIELD_PREP(SVART_SMMU_EVT_SSID, 5) |
		  SVART_FIELD_PREP(SVART_SMMU_EVT_SID, UNIT_RID);
	e.dw[1] = SVART_SMMU_EVT_STALL | SVART_FIELD_PREP(SVART_SMMU_EVT_STAG, stag) | bits;
	e.dw[2] = addr;
	return e;
}

static struct svart_smmu_pri pri(uint32_t group, uint64_t bits, uint64_t addr)
{
	struct svart_smmu_pri p = { { 0 } };

	p.dw[0] = UNIT_RID | SVART_SMMU_PRI_SSV | SVART_FIELD_PREP(SVART_SMMU_PRI_SSID, 5) | bits;
	p.dw[1] = group | (addr & SVART_SMMU_PRI_ADDR);
	return p;
}

/* --- registers --------------------------------------------------------------------------------------- */

static void test_smmu_create_enables_the_queues_that_are_there(void **state)
{
	struct fake_rig *rig = *state;
	uint32_t cr0 = (uint32_t)fake_reg(rig->f, SVART_SMMU_CR0_OFF);
	uint32_t irqs = (uint32_t)fake_reg(rig->f, SVART_SMMU_IRQ_CTRL_OFF);

	assert_int_equal(
		cr0, SVART_SMMU_CR0_CMDQEN | SVART_SMMU_CR0_EVTQEN | SVART_SMMU_CR0_PRIQEN);
	assert_int_equal(irqs, SVART_SMMU_IRQ_CTRL_EVTQ | SVART_SMMU_IRQ_CTRL_PRIQ);
	assert_int_equal(fake_reg(rig->f, SVART_SMMU_EVTQ_BASE_OFF) & 31, 5);
	assert_int_equal(fake_reg(rig->f, SVART_SMMU_PRIQ_BASE_OFF) & 31, 4);
	assert_int_equal(fake_reg(rig->f, SVART_SMMU_CMDQ_BASE_OFF) & 31, 6);
}

static void test_smmu_create_without_pri_leaves_its_queue_off(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_SMMU);
	struct svart_fault_raw *raw;

	(void)state;
	fake_reg_set(f, SVART_SMMU_IDR1_OFF,
		SVART_FIELD_PREP(SVART_SMMU_IDR1_CMDQS, 19) |
			SVART_FIELD_PREP(SVART_SMMU_IDR1_EVTQS, 19));
	f->regs[2] = 0; /* IDR0.PRI */
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), 0);
	assert_int_equal(
		f->regs[SVART_SMMU_CR0_OFF], SVART_SMMU_CR0_CMDQEN | SVART_SMMU_CR0_EVTQEN);
	assert_int_equal(fake_reg(f, SVART_SMMU_EVTQ_BASE_OFF) & 31, 11);
	assert_int_equal(fake_reg(f, SVART_SMMU_CMDQ_BASE_OFF) & 31, 9);
	svart_fault_raw_destroy(raw);
	assert_int_equal(f->regs[SVART_SMMU_CR0_OFF], 0);
	assert_int_equal(f->regs[SVART_SMMU_IRQ_CTRL_OFF], 0);
	fake_unit_destroy(f);
}

static void test_smmu_create_acknowledges_an_overflow_that_was_left(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_SMMU);
	struct svart_fault_source *s;
	struct svart_page_request r;
	struct svart_fault_raw *raw;

	(void)state;
	f->deaf_reg = SVART_SMMU_EVTQ_PROD_OFF;
	f->regs[SVART_SMMU_EVTQ_PROD_OFF + 3] = SVART_SMMU_Q_OVERFLOW >> 24;
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), 0);
	assert_int_equal(f->regs[SVART_SMMU_EVTQ_CONS_OFF + 3], SVART_SMMU_Q_OVERFLOW >> 24);
	assert_int_equal(svart_fault_source_raw_create(raw, 5, &s), 0);
	assert_int_equal(s->ops->fetch(s, &r, 1), 0);
	s->ops->destroy(s);
	svart_fault_raw_destroy(raw);
	fake_unit_destroy(f);
}

static void test_smmu_create_with_neither_stalls_nor_pri_gives_eio(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_SMMU);
	struct svart_fault_raw *raw;

	(void)state;
	f->regs[2] = 0;                     /* IDR0.PRI */
	f->regs[3] = SVART_SMMU_STALL_NONE; /* IDR0.STALL_MODEL */
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), -EIO);
	assert_non_null(strstr(svart_fail_text(), "IDR0 0x"));
	fake_unit_destroy(f);
}

static void test_smmu_create_where_the_unit_does_not_follow_gives_eio(void **state)
{
	static const uint32_t deaf[] = { SVART_SMMU_CR0_OFF, SVART_SMMU_CMDQ_CONS_OFF };
	struct svart_fault_raw *raw;
	struct fake_unit *f;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(deaf); i++) {
		f = fake_unit_create(SVART_IOMMU_UNIT_SMMU);
		f->deaf_reg = deaf[i];
		if (deaf[i] == SVART_SMMU_CMDQ_CONS_OFF)
			f->regs[deaf[i]] = 3;
		assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), -EIO);
		fake_unit_destroy(f);
	}
}

static void test_smmu_prod_that_cannot_be_loses_the_source(void **state)
{
	static const uint32_t prods[] = { EVTQ_RECORDS + 1, 2 * EVTQ_RECORDS, UINT32_MAX };
	struct fake_rig *rig = *state;
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(prods); i++) {
		atomic_store(&rig->raw->lost, false);
		memcpy(rig->f->regs + SVART_SMMU_EVTQ_PROD_OFF, &prods[i], sizeof(prods[i]));
		assert_int_equal(fake_rig_fetch(rig), -ENODEV);
	}
}

static void test_smmu_command_error_loses_the_source(void **state)
{
	struct svart_page_response a;
	struct fake_rig *rig = *state;
	bool gone;

	smmu_event_queue(rig->f, event(0x10, 1, 0, PAGE_AT(1)));
	assert_int_equal(fake_rig_fetch(rig), 1);
	a = answer_to(&rig->out[0], SVART_PAGE_RESPONSE_SUCCESS);
	rig->f->regs[SVART_SMMU_GERROR_OFF] = 1;
	assert_int_equal(rig->s->ops->respond(rig->s, &a, 1, &gone), -EIO);
	assert_int_equal(fake_rig_fetch(rig), -ENODEV);
}

/** A queue that somebody else disables raises no interrupt. */
static void test_smmu_check_finds_a_queue_that_is_disabled(void **state)
{
	static const uint64_t queues[] = { SVART_SMMU_CR0_CMDQEN, SVART_SMMU_CR0_EVTQEN,
		SVART_SMMU_CR0_PRIQEN };
	struct fake_rig *rig = *state;
	uint8_t *cr0ack = &rig->f->regs[SVART_SMMU_CR0ACK_OFF];
	size_t i;

	assert_int_equal(rig->s->ops->check(rig->s), 0);
	for (i = 0; i < SVART_ARRAY_SIZE(queues); i++) {
		*cr0ack ^= (uint8_t)queues[i];
		assert_int_equal(rig->s->ops->check(rig->s), -EIO);
		*cr0ack ^= (uint8_t)queues[i];
	}
	assert_int_equal(rig->s->ops->check(rig->s), 0);
	rig->f->regs[SVART_SMMU_GERROR_OFF] ^= (uint8_t)SVART_SMMU_GERROR_CMDQ;
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
	rig->f->regs[SVART_SMMU_GERROR_OFF] ^= (uint8_t)SVART_SMMU_GERROR_CMDQ;
}

static void test_smmu_unit_that_is_gone_is_not_waited_for(void **state)
{
	struct fake_rig *rig = *state;

	rig->f->deaf_reg = SVART_SMMU_CR0_OFF;
	memset(&rig->f->regs[SVART_SMMU_CR0_OFF], 0xff, 4);
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
	rig->f->nr_pauses = 0;
	rig->raw->kind->disable(rig->raw);
	assert_in_range(rig->f->nr_pauses, 0, 64);
}

static void test_smmu_rings_wrap_around_full(void **state)
{
	struct fake_rig *rig = *state;
	unsigned int round, i;

	for (round = 0; round < 7; round++) {
		for (i = 0; i < EVTQ_RECORDS; i++)
			smmu_event_queue(rig->f, event(0x10, i, 0, PAGE_AT(i)));
		assert_int_equal(fake_rig_fetch(rig), EVTQ_RECORDS);
		for (i = 0; i < EVTQ_RECORDS; i++) {
			assert_int_equal(rig->out[i].group_id, i);
			assert_false(respond(rig, &rig->out[i], SVART_PAGE_RESPONSE_SUCCESS));
		}
	}
	assert_int_equal(rig->f->nr_answers, 7 * EVTQ_RECORDS);
	assert_int_equal(rig->s->buffered, 0);
}

static void test_smmu_record_after_the_ring_was_emptied_raises_the_interrupt(void **state)
{
	struct fake_rig *rig = *state;

	smmu_event_queue(rig->f, event(0x10, 1, 0, PAGE_AT(1)));
	assert_true(fake_unit_interrupted(rig->f));
	assert_int_equal(fake_rig_fetch(rig), 1);
	assert_false(fake_unit_interrupted(rig->f));
	smmu_event_queue(rig->f, event(0x10, 2, 0, PAGE_AT(1)));
	assert_true(fake_unit_interrupted(rig->f));
}

/* --- events ------------------------------------------------------------------------------------------ */

static void test_smmu_stalled_fault_is_a_group_of_its_own(void **state)
{
	const struct svart_page_request *r;
	struct fake_rig *rig = *state;
	uint32_t id;

	for (id = 0x10; id <= 0x13; id++) {
		smmu_event_queue(
			rig->f, event(id, 0xbe00 + id, SVART_SMMU_EVT_RNW, PAGE_AT(2) + 5));
		assert_int_equal(fake_rig_fetch(rig), 1);
		r = &rig->out[0];
		assert_int_equal(r->flags, PASID | LAST);
		assert_int_equal(r->pasid, 5);
		assert_int_equal(r->group_id, 0xbe00 + id);
		assert_int_equal(r->access, R);
		assert_int_equal(r->addr, PAGE_AT(2) + 5);
	}
	assert_int_equal(rig->s->malformed, 0);
}

static void test_smmu_stalled_fault_says_what_access_it_was(void **state)
{
	struct fake_rig *rig = *state;

	smmu_event_queue(rig->f, event(0x10, 1, 0, PAGE_AT(1)));
	smmu_event_queue(
		rig->f, event(0x10, 2, SVART_SMMU_EVT_RNW | SVART_SMMU_EVT_IND, PAGE_AT(1)));
	smmu_event_queue(
		rig->f, event(0x10, 3, SVART_SMMU_EVT_RNW | SVART_SMMU_EVT_PNU, PAGE_AT(1)));
	assert_int_equal(fake_rig_fetch(rig), 3);
	assert_int_equal(rig->out[0].access, W);
	assert_int_equal(rig->out[1].access, R | X);
	assert_int_equal(rig->out[2].access, R | SVART_ACCESS_PRIV);
}

static void test_smmu_event_without_stall_is_counted(void **state)
{
	struct svart_smmu_event e = event(0x10, 1, 0, PAGE_AT(1));
	struct fake_rig *rig = *state;

	e.dw[1] &= ~SVART_SMMU_EVT_STALL;
	smmu_event_queue(rig->f, e);
	assert_int_equal(fake_rig_fetch(rig), 0);
	assert_int_equal(rig->s->malformed, 1);
	assert_int_equal(rig->f->nr_answers, 0);
}

static void test_smmu_stall_that_is_no_page_request_is_aborted(void **state)
{
	struct svart_smmu_event e = event(0x10, 2, 0, PAGE_AT(1));
	struct fake_rig *rig = *state;

	smmu_event_queue(rig->f, event(0x0f, 1, 0, PAGE_AT(1)));
	e.dw[0] ^= SVART_FIELD_PREP(SVART_SMMU_EVT_SID, 1);
	smmu_event_queue(rig->f, e);
	assert_int_equal(fake_rig_fetch(rig), 0);
	assert_int_equal(rig->s->malformed, 2);
	assert_int_equal(rig->f->nr_answers, 2);
	assert_int_equal(rig->f->answers[0][0],
		SVART_SMMU_CMD_RESUME | SVART_SMMU_RESUME_ABORT << 12 | (uint64_t)UNIT_RID << 32);
	assert_int_equal(rig->f->answers[0][1], 1);
	assert_int_equal(SVART_FIELD_GET(SVART_SMMU_CMD_SID, rig->f->answers[1][0]), UNIT_RID ^ 1);
}

static void test_smmu_stalls_are_answered_by_resume(void **state)
{
	struct fake_rig *rig = *state;

	smmu_event_queue(rig->f, event(0x10, 0xffff, 0, PAGE_AT(1)));
	smmu_event_queue(rig->f, event(0x13, 3, 0, PAGE_AT(1)));
	assert_int_equal(fake_rig_fetch(rig), 2);
	assert_false(respond(rig, &rig->out[0], SVART_PAGE_RESPONSE_SUCCESS));
	assert_false(respond(rig, &rig->out[1], SVART_PAGE_RESPONSE_INVALID));
	assert_true(respond(rig, &rig->out[1], SVART_PAGE_RESPONSE_INVALID));
	assert_int_equal(rig->f->nr_answers, 2);
	assert_int_equal(rig->f->answers[0][0],
		SVART_SMMU_CMD_RESUME | SVART_SMMU_RESUME_RETRY << 12 | (uint64_t)UNIT_RID << 32);
	assert_int_equal(rig->f->answers[0][1], 0xffff);
	assert_int_equal(SVART_FIELD_GET(SVART_SMMU_RESUME_RESP, rig->f->answers[1][0]),
		SVART_SMMU_RESUME_ABORT);
	assert_int_equal(rig->f->answers[1][1], 3);
}

/* --- PRI --------------------------------------------------------------------------------------------- */

static void test_smmu_pri_group_is_delivered_and_answered(void **state)
{
	struct fake_rig *rig = *state;

	smmu_pri_queue(rig->f, pri(0x1fe, SVART_SMMU_PRI_READ, PAGE_AT(1)));
	smmu_pri_queue(rig->f, pri(0x1fe, SVART_SMMU_PRI_WRITE | SVART_SMMU_PRI_LAST, PAGE_AT(2)));
	assert_int_equal(fake_rig_fetch(rig), 2);
	assert_int_equal(rig->out[0].flags, PASID);
	assert_int_equal(rig->out[0].access, R);
	assert_int_equal(rig->out[1].flags, PASID | LAST);
	assert_int_equal(rig->out[1].access, W);
	assert_int_equal(rig->out[1].addr, PAGE_AT(2));
	assert_int_equal(rig->out[1].group_id, 0x1fe);
	assert_false(respond(rig, &rig->out[1], SVART_PAGE_RESPONSE_SUCCESS));
	assert_int_equal(rig->f->answers[0][0],
		SVART_SMMU_CMD_PRI_RESP | 1 << 11 | 5 << 12 | (uint64_t)UNIT_RID << 32);
	assert_int_equal(rig->f->answers[0][1], 0x1fe | SVART_SMMU_PRI_RESP_SUCCESS << 12);
}

static void test_smmu_pri_refusal_is_an_invalid_request(void **state)
{
	struct svart_smmu_pri p = pri(1, SVART_SMMU_PRI_READ | SVART_SMMU_PRI_LAST, PAGE_AT(1));
	struct fake_rig *rig = *state;

	p.dw[0] ^= SVART_FIELD_PREP(SVART_SMMU_PRI_SSID, 1);
	smmu_pri_queue(rig->f, p);
	p.dw[0] ^= SVART_FIELD_PREP(SVART_SMMU_PRI_SSID, 1) | SVART_SMMU_PRI_SSV;
	smmu_pri_queue(rig->f, p);
	assert_int_equal(fake_rig_fetch(rig), 0);
	assert_int_equal(rig->f->nr_answers, 2);
	assert_int_equal(SVART_FIELD_GET(SVART_SMMU_CMD_SSID, rig->f->answers[0][0]), 4);
	assert_int_equal(rig->f->answers[0][1], 1 | SVART_SMMU_PRI_RESP_FAIL << 12);
	assert_false(rig->f->answers[1][0] & SVART_SMMU_CMD_SSV);
}

static void test_smmu_pri_privileged_request_is_served_like_a_stall(void **state)
{
	struct fake_rig *rig = *state;

	smmu_pri_queue(rig->f, pri(1, SVART_SMMU_PRI_READ | SVART_SMMU_PRI_PRIV, PAGE_AT(1)));
	assert_int_equal(fake_rig_fetch(rig), 1);
	assert_int_equal(rig->out[0].flags, PASID);
	assert_int_equal(rig->out[0].access, R | SVART_ACCESS_PRIV);
}

static void test_smmu_pri_stop_marker_is_delivered_and_owed_nothing(void **state)
{
	struct fake_rig *rig = *state;

	smmu_pri_queue(rig->f, pri(0, SVART_SMMU_PRI_LAST | SVART_SMMU_PRI_PRIV, 0));
	assert_int_equal(fake_rig_fetch(rig), 1);
	assert_int_equal(rig->out[0].access, 0);
	assert_true(respond(rig, &rig->out[0], SVART_PAGE_RESPONSE_SUCCESS));
}

static void test_smmu_stall_and_pri_of_one_number_are_answered_each_its_way(void **state)
{
	struct fake_rig *rig = *state;

	smmu_event_queue(rig->f, event(0x10, 7, 0, PAGE_AT(1)));
	smmu_pri_queue(rig->f, pri(7, SVART_SMMU_PRI_READ | SVART_SMMU_PRI_LAST, PAGE_AT(1)));
	assert_int_equal(fake_rig_fetch(rig), 2);
	assert_false(respond(rig, &rig->out[1], SVART_PAGE_RESPONSE_SUCCESS));
	assert_false(respond(rig, &rig->out[0], SVART_PAGE_RESPONSE_SUCCESS));
	assert_int_equal(rig->f->answers[0][0] & 0xff, SVART_SMMU_CMD_PRI_RESP);
	assert_int_equal(rig->f->answers[1][0] & 0xff, SVART_SMMU_CMD_RESUME);
}

/* --- overflow and flush -------------------------------------------------------------------------------- */

static uint64_t flag_of(const struct fake_rig *rig, uint32_t off)
{
	return fake_reg(rig->f, off) & SVART_SMMU_Q_OVERFLOW;
}

static void pri_overflow(struct fake_rig *rig)
{
	unsigned int i;

	for (i = 0; i <= PRIQ_RECORDS; i++)
		smmu_pri_queue(rig->f, pri(i, SVART_SMMU_PRI_READ, PAGE_AT(i)));
}

static void test_smmu_pri_overflow_is_told_and_acknowledged_then(void **state)
{
	struct fake_rig *rig = *state;
	unsigned int round;

	for (round = 0; round < 3; round++) {
		pri_overflow(rig);
		assert_int_not_equal(flag_of(rig, SVART_SMMU_PRIQ_PROD_OFF),
			flag_of(rig, SVART_SMMU_PRIQ_CONS_OFF));
		assert_int_equal(fake_rig_fetch(rig), PRIQ_RECORDS);
		assert_int_not_equal(flag_of(rig, SVART_SMMU_PRIQ_PROD_OFF),
			flag_of(rig, SVART_SMMU_PRIQ_CONS_OFF));
		assert_int_equal(fake_rig_fetch(rig), -EOVERFLOW);
		assert_int_equal(flag_of(rig, SVART_SMMU_PRIQ_PROD_OFF),
			flag_of(rig, SVART_SMMU_PRIQ_CONS_OFF));
		assert_int_equal(fake_rig_fetch(rig), 0);
		smmu_pri_queue(rig->f, pri(1, SVART_SMMU_PRI_READ, PAGE_AT(1)));
		assert_int_equal(fake_rig_fetch(rig), 1);
	}
}

static void test_smmu_event_overflow_loses_no_stall(void **state)
{
	struct fake_rig *rig = *state;
	unsigned int i;

	for (i = 0; i <= EVTQ_RECORDS; i++)
		smmu_event_queue(rig->f, event(0x10, i, 0, PAGE_AT(i)));
	assert_int_equal(fake_rig_fetch(rig), EVTQ_RECORDS);
	/* What waited inside the unit comes now, before the overflow was told. */
	smmu_event_queue(rig->f, event(0x10, EVTQ_RECORDS, 0, PAGE_AT(1)));
	assert_int_equal(fake_rig_fetch(rig), -EOVERFLOW);
	assert_int_not_equal(rig->s->buffered, 0);
	assert_int_equal(
		flag_of(rig, SVART_SMMU_EVTQ_PROD_OFF), flag_of(rig, SVART_SMMU_EVTQ_CONS_OFF));
	assert_int_equal(fake_rig_fetch(rig), 1);
	assert_int_equal(rig->out[0].group_id, EVTQ_RECORDS);
}

static void test_smmu_overflow_of_one_ring_does_not_acknowledge_a_later_one_of_the_other(
	void **state)
{
	struct fake_rig *rig = *state;
	unsigned int i;

	for (i = 0; i <= EVTQ_RECORDS; i++)
		smmu_event_queue(rig->f, event(0x10, i, 0, PAGE_AT(i)));
	assert_int_equal(fake_rig_fetch(rig), EVTQ_RECORDS);
	/* Found, and not told yet. */
	pri_overflow(rig);
	assert_int_equal(fake_rig_fetch(rig), -EOVERFLOW);
	assert_int_equal(
		flag_of(rig, SVART_SMMU_EVTQ_PROD_OFF), flag_of(rig, SVART_SMMU_EVTQ_CONS_OFF));
	assert_int_not_equal(
		flag_of(rig, SVART_SMMU_PRIQ_PROD_OFF), flag_of(rig, SVART_SMMU_PRIQ_CONS_OFF));
	assert_int_equal(fake_rig_fetch(rig), PRIQ_RECORDS);
	assert_int_equal(fake_rig_fetch(rig), -EOVERFLOW);
	assert_int_equal(
		flag_of(rig, SVART_SMMU_PRIQ_PROD_OFF), flag_of(rig, SVART_SMMU_PRIQ_CONS_OFF));
	assert_int_equal(fake_rig_fetch(rig), 0);
}

static void test_smmu_flush_aborts_stalls_after_a_sync(void **state)
{
	struct fake_rig *rig = *state;

	smmu_event_queue(rig->f, event(0x10, 1, 0, PAGE_AT(1)));
	smmu_pri_queue(rig->f, pri(2, SVART_SMMU_PRI_READ, PAGE_AT(1)));
	smmu_pri_queue(rig->f, pri(2, SVART_SMMU_PRI_READ | SVART_SMMU_PRI_LAST, PAGE_AT(1)));
	assert_int_equal(rig->s->ops->flush(rig->s), 3);
	assert_int_equal(rig->f->nr_drains, 1);
	assert_int_equal(rig->f->nr_answers, 2);
	assert_int_equal(SVART_FIELD_GET(SVART_SMMU_RESUME_RESP, rig->f->answers[0][0]),
		SVART_SMMU_RESUME_ABORT);
	assert_int_equal(SVART_FIELD_GET(SVART_SMMU_PRI_RESP_CODE, rig->f->answers[1][1]),
		SVART_SMMU_PRI_RESP_FAIL);
}

static void test_smmu_destroy_waits_until_answers_are_taken(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_SMMU);
	struct svart_fault_source *s;
	struct svart_fault_raw *raw;

	(void)state;
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), 0);
	assert_int_equal(svart_fault_source_raw_create(raw, 5, &s), 0);
	s->ops->flush(s);
	s->ops->destroy(s);
	smmu_event_queue(f, event(0x10, 1, 0, PAGE_AT(1)));
	f->pauses = 10;
	svart_fault_raw_destroy(raw);
	assert_int_equal(f->nr_answers, 1);
	assert_int_equal(
		SVART_FIELD_GET(SVART_SMMU_RESUME_RESP, f->answers[0][0]), SVART_SMMU_RESUME_ABORT);
	fake_unit_destroy(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_smmu_create_enables_the_queues_that_are_there),
		cmocka_unit_test(test_smmu_create_without_pri_leaves_its_queue_off),
		cmocka_unit_test(test_smmu_create_acknowledges_an_overflow_that_was_left),
		cmocka_unit_test(test_smmu_create_with_neither_stalls_nor_pri_gives_eio),
		cmocka_unit_test(test_smmu_create_where_the_unit_does_not_follow_gives_eio),
		TEST(test_smmu_prod_that_cannot_be_loses_the_source),
		TEST(test_smmu_command_error_loses_the_source),
		TEST(test_smmu_check_finds_a_queue_that_is_disabled),
		TEST(test_smmu_unit_that_is_gone_is_not_waited_for),
		TEST(test_smmu_rings_wrap_around_full),
		TEST(test_smmu_record_after_the_ring_was_emptied_raises_the_interrupt),
		TEST(test_smmu_stalled_fault_is_a_group_of_its_own),
		TEST(test_smmu_stalled_fault_says_what_access_it_was),
		TEST(test_smmu_event_without_stall_is_counted),
		TEST(test_smmu_stall_that_is_no_page_request_is_aborted),
		TEST(test_smmu_stalls_are_answered_by_resume),
		TEST(test_smmu_pri_group_is_delivered_and_answered),
		TEST(test_smmu_pri_refusal_is_an_invalid_request),
		TEST(test_smmu_pri_privileged_request_is_served_like_a_stall),
		TEST(test_smmu_pri_stop_marker_is_delivered_and_owed_nothing),
		TEST(test_smmu_stall_and_pri_of_one_number_are_answered_each_its_way),
		TEST(test_smmu_pri_overflow_is_told_and_acknowledged_then),
		TEST(test_smmu_event_overflow_loses_no_stall),
		TEST(test_smmu_overflow_of_one_ring_does_not_acknowledge_a_later_one_of_the_other),
		TEST(test_smmu_flush_aborts_stalls_after_a_sync),
		cmocka_unit_test(test_smmu_destroy_waits_until_answers_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

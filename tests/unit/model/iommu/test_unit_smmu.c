/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The SMMU by its table of calls alone. What it tells the port and the file is kept in the rig: this
 * program has those functions itself and takes nothing else of the model but the guard.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "guard.h"
#include "iommu_device.h"
#include "smmu_spec.h"
#include "unit.h"

#define SID       0xe701
#define CAPACITY  8
#define PASID     5
#define RING_LOG2 2
#define RING_SIZE (1U << RING_LOG2)
#define WRAP      RING_SIZE
#define OVFLG     (1U << 31)
#define ABSENT    UINT64_C(0x1000) /* Below what a process may map. */

/** One unit before a device that is not there, its rings, and what it told. */
struct rig {
	struct svart_iommu_device dev;
	struct svart_device_model type;
	struct svart_unit *unit;
	struct svart_smmu_cmd *cmds;
	struct svart_smmu_event *events;
	struct svart_smmu_pri *requests;
	unsigned int nr_interrupts;
	unsigned int nr_resumes, nr_answers, nr_bad, nr_stale;
	uint16_t stag;
	enum svart_unit_resume how;
	uint32_t pasid;
	uint16_t prgi;
	bool own;
	enum svart_bus_prg_response code;
};

static struct rig *rig_of(struct svart_iommu_device *dev)
{
	return (struct rig *)((char *)dev - offsetof(struct rig, dev));
}

void svart_unit_interrupt(struct svart_unit *unit)
{
	rig_of(unit->dev)->nr_interrupts++;
}

bool svart_iommu_unit_resume(
	struct svart_iommu_device *dev, uint16_t stag, enum svart_unit_resume how)
{
	struct rig *r = rig_of(dev);

	r->nr_resumes++;
	r->stag = stag;
	r->how = how;
	return true;
}

bool svart_iommu_unit_answer(struct svart_iommu_device *dev, uint32_t pasid, uint16_t prgi,
	bool last, const uint64_t private_data[2], enum svart_bus_prg_response code)
{
	struct rig *r = rig_of(dev);

	r->nr_answers++;
	r->pasid = pasid;
	r->prgi = prgi;
	r->own = !last || private_data != NULL;
	r->code = code;
	return true;
}

void svart_iommu_unit_bad_answer(struct svart_iommu_device *dev)
{
	rig_of(dev)->nr_bad++;
}

void svart_iommu_unit_stale_access(struct svart_iommu_device *dev)
{
	rig_of(dev)->nr_stale++;
}

static void *ring(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

static uint32_t get(struct rig *r, uint64_t off)
{
	return (uint32_t)r->unit->ops->read(r->unit, off, 4);
}

static void set(struct rig *r, uint64_t off, uint32_t value)
{
	r->unit->ops->write(r->unit, off, 4, value);
}

static void set_base(struct rig *r, uint64_t off, uint64_t addr, uint64_t log2)
{
	r->unit->ops->write(r->unit, off, 8, addr | log2);
}

static void enable(struct rig *r)
{
	set_base(r, SVART_SMMU_CMDQ_BASE_OFF, (uintptr_t)r->cmds, RING_LOG2);
	set_base(r, SVART_SMMU_EVTQ_BASE_OFF, (uintptr_t)r->events, RING_LOG2);
	set_base(r, SVART_SMMU_PRIQ_BASE_OFF, (uintptr_t)r->requests, RING_LOG2);
	set(r, SVART_SMMU_IRQ_CTRL_OFF, SVART_SMMU_IRQ_CTRL_PRIQ | SVART_SMMU_IRQ_CTRL_EVTQ);
	set(r, SVART_SMMU_CR0_OFF, 0xf);
}

static void rig_init(struct rig *r, const struct svart_unit_ops *ops)
{
	memset(r, 0, sizeof(*r));
	r->type.pri_capacity = CAPACITY;
	r->dev.type = &r->type;
	r->dev.requester_id = SID;
	assert_int_equal(svart_guard_init(), 0);
	assert_int_equal(ops->create(&r->dev, &r->unit), 0);
	r->cmds = ring();
	r->events = ring();
	r->requests = ring();
	enable(r);
}

static void rig_fini(struct rig *r)
{
	r->unit->ops->destroy(r->unit);
	munmap(r->cmds, 4096);
	munmap(r->events, 4096);
	munmap(r->requests, 4096);
	svart_guard_fini();
}

static int stall(struct rig *r, uint16_t stag)
{
	struct svart_unit_request request = {
		.page = { .pasid = PASID, .addr = 0x7000 + stag * 4096UL, .read = true },
		.stag = stag,
	};

	return r->unit->ops->report(r->unit, &request);
}

static int request(struct rig *r, uint16_t prgi, bool last)
{
	struct svart_unit_request req = {
		.page = { .pasid = PASID,
			.addr = 0x7000,
			.prgi = prgi,
			.read = true,
			.last = last },
	};

	return r->unit->ops->report(r->unit, &req);
}

/** Queues one command and rings. */
static void command(struct rig *r, uint64_t dw0, uint64_t dw1)
{
	uint32_t prod = get(r, SVART_SMMU_CMDQ_PROD_OFF);

	r->cmds[prod & (RING_SIZE - 1)] = (struct svart_smmu_cmd){ { dw0, dw1 } };
	set(r, SVART_SMMU_CMDQ_PROD_OFF, (prod + 1) & (2 * RING_SIZE - 1));
}

static void resume(struct rig *r, uint32_t sid, uint16_t stag, unsigned int how)
{
	command(r,
		SVART_SMMU_CMD_RESUME | SVART_FIELD_PREP(SVART_SMMU_RESUME_RESP, how) |
			SVART_FIELD_PREP(SVART_SMMU_CMD_SID, sid),
		stag);
}

static void respond(struct rig *r, uint32_t sid, uint16_t prgi, unsigned int code)
{
	command(r,
		SVART_SMMU_CMD_PRI_RESP | SVART_SMMU_CMD_SSV |
			SVART_FIELD_PREP(SVART_SMMU_CMD_SSID, PASID) |
			SVART_FIELD_PREP(SVART_SMMU_CMD_SID, sid),
		prgi | SVART_FIELD_PREP(SVART_SMMU_PRI_RESP_CODE, code));
}

static unsigned int stag_at(const struct rig *r, unsigned int slot)
{
	return (unsigned int)SVART_FIELD_GET(SVART_SMMU_EVT_STAG, r->events[slot].dw[1]);
}

static bool has_error(struct rig *r, uint64_t error)
{
	return ((get(r, SVART_SMMU_GERROR_OFF) ^ get(r, SVART_SMMU_GERRORN_OFF)) & error) != 0;
}

/* --- registers --------------------------------------------------------------------------------- */

static void test_unit_smmu_says_which_kind_it_is(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	assert_int_equal(get(&r, SVART_SMMU_IDR0_OFF), 0);
	assert_int_equal(get(&r, SVART_SMMU_IDR5_OFF) >> 16, CAPACITY);
	assert_int_equal(get(&r, SVART_SMMU_CR0ACK_OFF) & SVART_SMMU_CR0_PRIQEN, 0);
	rig_fini(&r);
	rig_init(&r, &svart_unit_smmu_pri);
	assert_int_equal(get(&r, SVART_SMMU_IDR0_OFF),
		SVART_SMMU_IDR0_PRI |
			SVART_FIELD_PREP(SVART_SMMU_IDR0_STALL_MODEL, SVART_SMMU_STALL_NONE));
	assert_int_equal(get(&r, SVART_SMMU_IDR5_OFF), 0);
	assert_int_equal(get(&r, SVART_SMMU_CR0ACK_OFF), 0xf);
	rig_fini(&r);
}

static void test_unit_smmu_has_fixed_registers_while_a_queue_is_enabled(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	set_base(&r, SVART_SMMU_EVTQ_BASE_OFF, ABSENT, 9);
	set(&r, SVART_SMMU_EVTQ_PROD_OFF, 3);
	set(&r, SVART_SMMU_CMDQ_CONS_OFF, 3);
	assert_true(r.unit->ops->read(r.unit, SVART_SMMU_EVTQ_BASE_OFF, 8) ==
		    ((uintptr_t)r.events | RING_LOG2));
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 0);
	assert_int_equal(get(&r, SVART_SMMU_CMDQ_CONS_OFF), 0);
	set(&r, SVART_SMMU_CR0_OFF, 0);
	set(&r, SVART_SMMU_EVTQ_PROD_OFF, 3);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 3);
	rig_fini(&r);
}

static void test_unit_smmu_base_can_be_written_in_halves(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	set(&r, SVART_SMMU_CR0_OFF, 0);
	set(&r, SVART_SMMU_PRIQ_BASE_OFF, 0x5000 | 3);
	set(&r, SVART_SMMU_PRIQ_BASE_OFF + 4, 0x7f12);
	assert_true(r.unit->ops->read(r.unit, SVART_SMMU_PRIQ_BASE_OFF, 8) ==
		    (UINT64_C(0x7f1200005000) | 3));
	assert_int_equal(get(&r, SVART_SMMU_PRIQ_BASE_OFF + 4), 0x7f12);
	rig_fini(&r);
}

static void test_unit_smmu_reset_forgets_everything(void **state)
{
	struct rig r;
	uint16_t i;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	for (i = 0; i < RING_SIZE + 1; i++)
		stall(&r, i);
	r.unit->ops->reset(r.unit);
	assert_int_equal(get(&r, SVART_SMMU_CR0_OFF), 0);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 0);
	assert_int_equal(stall(&r, 0), -ENODEV);
	enable(&r);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 0);
	rig_fini(&r);
}

/* --- stalls ------------------------------------------------------------------------------------ */

static void test_unit_smmu_stall_is_reported_with_all_its_fields(void **state)
{
	struct svart_unit_request write = {
		.page = { .pasid = SVART_BUS_NO_PASID, .addr = 0x9000, .write = true },
		.stag = 7,
	};
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	assert_int_equal(stall(&r, 3), 0);
	assert_int_equal(r.unit->ops->report(r.unit, &write), 0);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 2);
	/* As 7.3.13 draws it: SID, SSID, SSV, F_TRANSLATION. */
	assert_true(r.events[0].dw[0] == ((uint64_t)SID << 32 | PASID << 12 | 1 << 11 | 0x10));
	assert_true(r.events[0].dw[1] == (UINT64_C(2) << 40 | UINT64_C(1) << 35 | 1U << 31 | 3));
	assert_true(r.events[0].dw[2] == 0x7000 + 3 * 4096);
	assert_true(r.events[0].dw[3] == 0);
	assert_true(r.events[1].dw[0] == ((uint64_t)SID << 32 | 0x10));
	assert_true(r.events[1].dw[1] == (UINT64_C(2) << 40 | 1U << 31 | 7));
	rig_fini(&r);
}

static void test_unit_smmu_stall_without_a_queue_is_refused(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	set(&r, SVART_SMMU_CR0_OFF, SVART_SMMU_CR0_CMDQEN);
	assert_int_equal(stall(&r, 0), -ENODEV);
	rig_fini(&r);
}

static void test_unit_smmu_interrupts_when_a_queue_becomes_non_empty(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	stall(&r, 0);
	stall(&r, 1);
	assert_int_equal(r.nr_interrupts, 1);
	set(&r, SVART_SMMU_EVTQ_CONS_OFF, 2);
	stall(&r, 2);
	assert_int_equal(r.nr_interrupts, 2);
	set(&r, SVART_SMMU_EVTQ_CONS_OFF, 3);
	set(&r, SVART_SMMU_IRQ_CTRL_OFF, SVART_SMMU_IRQ_CTRL_PRIQ);
	stall(&r, 3);
	assert_int_equal(r.nr_interrupts, 2);
	rig_fini(&r);
}

static void test_unit_smmu_stalls_wait_for_room_and_keep_their_order(void **state)
{
	struct rig r;
	uint16_t i;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	for (i = 0; i < CAPACITY; i++)
		assert_int_equal(stall(&r, i), 0);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), WRAP);
	set(&r, SVART_SMMU_EVTQ_CONS_OFF, 1);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), WRAP | 1);
	assert_int_equal(stag_at(&r, 0), RING_SIZE);
	set(&r, SVART_SMMU_EVTQ_CONS_OFF, WRAP | 1);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 0);
	for (i = 1; i < RING_SIZE; i++)
		assert_int_equal(stag_at(&r, i), RING_SIZE + i);
	rig_fini(&r);
}

static void test_unit_smmu_stall_whose_tag_is_used_again_is_forgotten(void **state)
{
	struct rig r;
	uint16_t i;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	for (i = 0; i < RING_SIZE; i++)
		stall(&r, i);
	stall(&r, 6);
	stall(&r, 7);
	stall(&r, 6);
	set(&r, SVART_SMMU_EVTQ_CONS_OFF, WRAP);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), WRAP | 2);
	assert_int_equal(stag_at(&r, 0), 7);
	assert_int_equal(stag_at(&r, 1), 6);
	rig_fini(&r);
}

static void test_unit_smmu_resume_reaches_the_port(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	resume(&r, SID, 5, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(r.nr_resumes, 1);
	assert_int_equal(r.stag, 5);
	assert_int_equal(r.how, SVART_UNIT_RETRY);
	resume(&r, SID, 6, SVART_SMMU_RESUME_ABORT);
	assert_int_equal(r.how, SVART_UNIT_ABORT);
	resume(&r, SID, 7, SVART_SMMU_RESUME_TERM);
	assert_int_equal(r.how, SVART_UNIT_TERMINATE);
	/* A retry ignores the bit that asks for an abort. */
	resume(&r, SID, 8, SVART_SMMU_RESUME_RETRY | SVART_SMMU_RESUME_ABORT);
	assert_int_equal(r.how, SVART_UNIT_RETRY);
	assert_int_equal(r.nr_resumes, 4);
	assert_int_equal(get(&r, SVART_SMMU_CMDQ_CONS_OFF), get(&r, SVART_SMMU_CMDQ_PROD_OFF));
	rig_fini(&r);
}

static void test_unit_smmu_resume_of_what_software_cannot_know_does_nothing(void **state)
{
	struct rig r;
	uint16_t i;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	for (i = 0; i < RING_SIZE + 1; i++)
		stall(&r, i);
	resume(&r, SID, RING_SIZE, SVART_SMMU_RESUME_RETRY);
	resume(&r, SID + 1, 0, SVART_SMMU_RESUME_RETRY);
	assert_int_equal(r.nr_resumes, 0);
	assert_int_equal(r.nr_bad, 2);
	assert_false(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	rig_fini(&r);
}

/* --- page requests ----------------------------------------------------------------------------- */

static void test_unit_smmu_page_request_is_reported_with_all_its_fields(void **state)
{
	struct svart_unit_request req = {
		.page = { .pasid = SVART_BUS_NO_PASID,
			.addr = 0xfffffffffffff000,
			.prgi = 511,
			.write = true,
			.exec = true,
			.priv = true },
	};
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	assert_int_equal(request(&r, 0x101, true), 0);
	assert_int_equal(r.unit->ops->report(r.unit, &req), 0);
	assert_true(
		r.requests[0].dw[0] == (UINT64_C(1) << 63 | UINT64_C(1) << 62 | UINT64_C(1) << 60 |
					       (uint64_t)PASID << 32 | SID));
	assert_true(r.requests[0].dw[1] == (0x7000 | 0x101));
	assert_true(r.requests[1].dw[0] ==
		    (UINT64_C(1) << 61 | UINT64_C(1) << 59 | UINT64_C(1) << 58 | SID));
	assert_true(r.requests[1].dw[1] == (UINT64_C(0xfffffffffffff000) | 511));
	assert_int_equal(r.nr_interrupts, 1);
	rig_fini(&r);
}

static void test_unit_smmu_overflow_keeps_requests_out_until_acknowledged(void **state)
{
	struct rig r;
	uint16_t i;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	for (i = 0; i < RING_SIZE; i++)
		assert_int_equal(request(&r, i, true), 0);
	assert_int_equal(request(&r, 8, false), -EOVERFLOW);
	assert_int_equal(get(&r, SVART_SMMU_PRIQ_PROD_OFF), OVFLG | WRAP);
	/* There is room now, but nobody has acknowledged. */
	set(&r, SVART_SMMU_PRIQ_CONS_OFF, 2);
	assert_int_equal(request(&r, 9, true), -EOVERFLOW);
	assert_int_equal(get(&r, SVART_SMMU_PRIQ_PROD_OFF), OVFLG | WRAP);
	set(&r, SVART_SMMU_PRIQ_CONS_OFF, OVFLG | 2);
	assert_int_equal(request(&r, 10, true), 0);
	assert_int_equal(get(&r, SVART_SMMU_PRIQ_PROD_OFF), OVFLG | WRAP | 1);
	assert_int_equal(request(&r, 11, true), 0);
	assert_int_equal(request(&r, 12, true), -EOVERFLOW);
	assert_int_equal(get(&r, SVART_SMMU_PRIQ_PROD_OFF), WRAP | 2);
	rig_fini(&r);
}

static void test_unit_smmu_answer_reaches_the_port(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	respond(&r, SID, 0x1ff, SVART_SMMU_PRI_RESP_SUCCESS);
	assert_int_equal(r.nr_answers, 1);
	assert_int_equal(r.pasid, PASID);
	assert_int_equal(r.prgi, 0x1ff);
	assert_false(r.own);
	assert_int_equal(r.code, SVART_BUS_PRG_SUCCESS);
	respond(&r, SID, 1, SVART_SMMU_PRI_RESP_FAIL);
	assert_int_equal(r.code, SVART_BUS_PRG_INVALID);
	respond(&r, SID, 1, SVART_SMMU_PRI_RESP_DENY);
	assert_int_equal(r.code, SVART_BUS_PRG_FAILURE);
	respond(&r, SID + 1, 1, SVART_SMMU_PRI_RESP_SUCCESS);
	assert_int_equal(r.nr_answers, 3);
	assert_int_equal(r.nr_bad, 1);
	command(&r, SVART_SMMU_CMD_PRI_RESP | (uint64_t)SID << 32, 2);
	assert_int_equal(r.pasid, SVART_BUS_NO_PASID);
	rig_fini(&r);
}

/* --- commands ---------------------------------------------------------------------------------- */

static void test_unit_smmu_illegal_command_stops_the_queue_until_acknowledged(void **state)
{
	struct rig r;
	uint32_t cons;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	command(&r, SVART_SMMU_CMD_SYNC, 0);
	command(&r, 0x30, 0);
	resume(&r, SID, 1, SVART_SMMU_RESUME_RETRY);
	cons = get(&r, SVART_SMMU_CMDQ_CONS_OFF);
	assert_int_equal(cons & 7, 1);
	assert_int_equal(SVART_FIELD_GET(SVART_SMMU_CMDQ_CONS_ERR, cons), SVART_SMMU_CERROR_ILL);
	assert_true(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	assert_int_equal(r.nr_resumes, 0);
	/* What software does: the bad command becomes one that does nothing. */
	r.cmds[1].dw[0] = SVART_SMMU_CMD_SYNC;
	set(&r, SVART_SMMU_GERRORN_OFF, get(&r, SVART_SMMU_GERROR_OFF));
	assert_int_equal(r.nr_resumes, 1);
	assert_int_equal(get(&r, SVART_SMMU_CMDQ_CONS_OFF) & 7, 3);
	rig_fini(&r);
}

static void test_unit_smmu_commands_of_the_other_kind_are_illegal(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	respond(&r, SID, 1, SVART_SMMU_PRI_RESP_SUCCESS);
	assert_true(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	rig_fini(&r);
	rig_init(&r, &svart_unit_smmu_pri);
	resume(&r, SID, 1, SVART_SMMU_RESUME_RETRY);
	assert_true(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	rig_fini(&r);
	assert_int_equal(r.nr_answers + r.nr_resumes, 0);
}

static void test_unit_smmu_reserved_values_are_illegal(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	respond(&r, SID, 1, 3);
	assert_true(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	r.cmds[0].dw[0] = SVART_SMMU_CMD_SYNC | 3 << 12;
	set(&r, SVART_SMMU_GERRORN_OFF, get(&r, SVART_SMMU_GERROR_OFF));
	assert_true(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	assert_int_equal(r.nr_answers, 0);
	rig_fini(&r);
}

/* --- hostile software -------------------------------------------------------------------------- */

static void test_unit_smmu_event_ring_that_is_not_there_stops_its_queue(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_stall);
	set(&r, SVART_SMMU_IRQ_CTRL_OFF, SVART_SMMU_IRQ_CTRL_GERROR);
	munmap(r.events, 4096);
	assert_int_equal(stall(&r, 0), 0);
	assert_int_equal(stall(&r, 1), 0);
	assert_true(has_error(&r, SVART_SMMU_GERROR_EVTQ_ABT));
	assert_int_equal(r.nr_stale, 1);
	assert_int_equal(r.nr_interrupts, 1);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 0);
	/* Software gives it another, and nothing is lost. */
	set(&r, SVART_SMMU_CR0_OFF, 0);
	r.events = ring();
	enable(&r);
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 0);
	set(&r, SVART_SMMU_GERRORN_OFF, get(&r, SVART_SMMU_GERROR_OFF));
	assert_int_equal(get(&r, SVART_SMMU_EVTQ_PROD_OFF), 2);
	assert_int_equal(stag_at(&r, 1), 1);
	rig_fini(&r);
}

static void test_unit_smmu_pri_ring_that_is_not_there_stops_its_queue(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	munmap(r.requests, 4096);
	assert_int_equal(request(&r, 0, true), -ENODEV);
	assert_int_equal(request(&r, 1, true), -ENODEV);
	assert_true(has_error(&r, SVART_SMMU_GERROR_PRIQ_ABT));
	assert_int_equal(r.nr_stale, 1);
	assert_int_equal(get(&r, SVART_SMMU_PRIQ_PROD_OFF), 0);
	rig_fini(&r);
}

static void test_unit_smmu_command_ring_that_is_not_there_stops_its_queue(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	munmap(r.cmds, 4096);
	set(&r, SVART_SMMU_CMDQ_PROD_OFF, 1);
	assert_true(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	assert_int_equal(
		SVART_FIELD_GET(SVART_SMMU_CMDQ_CONS_ERR, get(&r, SVART_SMMU_CMDQ_CONS_OFF)),
		SVART_SMMU_CERROR_ABT);
	set(&r, SVART_SMMU_CMDQ_PROD_OFF, 2);
	assert_int_equal(r.nr_stale, 1);
	rig_fini(&r);
}

static void test_unit_smmu_ring_larger_than_it_can_be_is_as_large_as_it_can(void **state)
{
	struct rig r;
	uint32_t i, most;
	void *big;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	most = 1U << SVART_FIELD_GET(SVART_SMMU_IDR1_PRIQS, get(&r, SVART_SMMU_IDR1_OFF));
	big = mmap(NULL, most * sizeof(r.requests[0]), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	set(&r, SVART_SMMU_CR0_OFF, 0);
	set_base(&r, SVART_SMMU_PRIQ_BASE_OFF, (uintptr_t)big, 31);
	set(&r, SVART_SMMU_CR0_OFF, SVART_SMMU_CR0_PRIQEN);
	for (i = 0; i < most; i++)
		assert_int_equal(request(&r, 0, true), 0);
	assert_int_equal(request(&r, 0, true), -EOVERFLOW);
	munmap(big, most * sizeof(r.requests[0]));
	rig_fini(&r);
}

static void test_unit_smmu_indices_beyond_the_ring_do_no_harm(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, &svart_unit_smmu_pri);
	/* Further ahead than the ring is long: nothing to take, nowhere to write. */
	r.cmds[0].dw[0] = 0xff;
	set(&r, SVART_SMMU_CMDQ_PROD_OFF, WRAP | 1);
	assert_int_equal(get(&r, SVART_SMMU_CMDQ_CONS_OFF), 0);
	assert_false(has_error(&r, SVART_SMMU_GERROR_CMDQ));
	set(&r, SVART_SMMU_PRIQ_CONS_OFF, 0x7ffffff1);
	assert_int_equal(request(&r, 0, true), -EOVERFLOW);
	/* Bits above the wrap bit mean nothing. */
	set(&r, SVART_SMMU_PRIQ_CONS_OFF, 0xfffffff8);
	assert_int_equal(request(&r, 0, true), 0);
	rig_fini(&r);
}

static bool is_base(uint64_t off)
{
	off &= ~UINT64_C(7);
	return off == SVART_SMMU_CMDQ_BASE_OFF || off == SVART_SMMU_EVTQ_BASE_OFF ||
	       off == SVART_SMMU_PRIQ_BASE_OFF;
}

/** Whatever is written anywhere, the rings and the bounds hold. */
static void test_unit_smmu_survives_random_registers(void **state)
{
	static const uint64_t bases[] = { 0, ABSENT, UINT64_MAX, UINT64_C(0x0000800000000000) };
	static const struct svart_unit_ops *const kinds[] = { &svart_unit_smmu_stall,
		&svart_unit_smmu_pri };
	const char *text = getenv("SVART_SEED");
	unsigned int seed = text != NULL ? (unsigned int)strtoul(text, NULL, 0) : 1;
	unsigned int i, kind;
	uint64_t off, value;
	struct rig r;

	(void)state;
	printf("SVART_SEED=%u\n", seed);
	srandom(seed);
	for (kind = 0; kind < SVART_ARRAY_SIZE(kinds); kind++) {
		rig_init(&r, kinds[kind]);
		for (i = 0; i < 20000; i++) {
			off = (uint64_t)random() % 0x100 / 4 * 4 + (random() % 2) * 0x10000;
			value = (uint64_t)random() % 3 == 0 ? (uint64_t)random() % 16
							    : (uint64_t)random() << 1;
			/* Only bases that cannot hit what else the process has. */
			if (is_base(off))
				r.unit->ops->write(r.unit, off & ~UINT64_C(7), 8,
					(random() % 2 == 0 ? bases[random() % 4]
							   : (uintptr_t)r.events) |
						2);
			else
				set(&r, off, (uint32_t)value);
			get(&r, off);
			if (kind == 0)
				stall(&r, (uint16_t)(random() % 16));
			else
				request(&r, (uint16_t)(random() % 512), random() % 2 == 0);
		}
		rig_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_smmu_says_which_kind_it_is),
		cmocka_unit_test(test_unit_smmu_has_fixed_registers_while_a_queue_is_enabled),
		cmocka_unit_test(test_unit_smmu_base_can_be_written_in_halves),
		cmocka_unit_test(test_unit_smmu_reset_forgets_everything),
		cmocka_unit_test(test_unit_smmu_stall_is_reported_with_all_its_fields),
		cmocka_unit_test(test_unit_smmu_stall_without_a_queue_is_refused),
		cmocka_unit_test(test_unit_smmu_interrupts_when_a_queue_becomes_non_empty),
		cmocka_unit_test(test_unit_smmu_stalls_wait_for_room_and_keep_their_order),
		cmocka_unit_test(test_unit_smmu_stall_whose_tag_is_used_again_is_forgotten),
		cmocka_unit_test(test_unit_smmu_resume_reaches_the_port),
		cmocka_unit_test(test_unit_smmu_resume_of_what_software_cannot_know_does_nothing),
		cmocka_unit_test(test_unit_smmu_page_request_is_reported_with_all_its_fields),
		cmocka_unit_test(test_unit_smmu_overflow_keeps_requests_out_until_acknowledged),
		cmocka_unit_test(test_unit_smmu_answer_reaches_the_port),
		cmocka_unit_test(test_unit_smmu_illegal_command_stops_the_queue_until_acknowledged),
		cmocka_unit_test(test_unit_smmu_commands_of_the_other_kind_are_illegal),
		cmocka_unit_test(test_unit_smmu_reserved_values_are_illegal),
		cmocka_unit_test(test_unit_smmu_event_ring_that_is_not_there_stops_its_queue),
		cmocka_unit_test(test_unit_smmu_pri_ring_that_is_not_there_stops_its_queue),
		cmocka_unit_test(test_unit_smmu_command_ring_that_is_not_there_stops_its_queue),
		cmocka_unit_test(test_unit_smmu_ring_larger_than_it_can_be_is_as_large_as_it_can),
		cmocka_unit_test(test_unit_smmu_indices_beyond_the_ring_do_no_harm),
		cmocka_unit_test(test_unit_smmu_survives_random_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vtd_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define VA UINT64_C(0x7f0000000000)

static bool take_interrupt(struct vtd *v)
{
	uint64_t count;

	return v->r.m->ops->read(v->r.m, v->fd, &count, sizeof(count)) == sizeof(count);
}

static void check_answer(struct vtd *v, unsigned int nr, uint16_t prgi, unsigned int code)
{
	assert_int_equal(v->r.probe->nr_answers, nr);
	assert_int_equal(v->r.probe->answers[nr - 1].prgi, prgi);
	assert_int_equal(v->r.probe->answers[nr - 1].code, code);
}

/* --- registers -------------------------------------------------------------------------------- */

static void test_vtd_registers_after_reset_say_what_it_has(void **state)
{
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	assert_int_equal(vtd_get32(&v, SVART_VTD_VER_OFF), SVART_VTD_VER_6_0);
	assert_true(vtd_get(&v, SVART_VTD_ECAP_OFF) ==
		    (SVART_VTD_ECAP_QI | SVART_VTD_ECAP_PRS | SVART_VTD_ECAP_PDS |
			    SVART_VTD_ECAP_SMTS));
	assert_int_equal(vtd_get32(&v, SVART_VTD_PECTL_OFF), SVART_VTD_PECTL_IM);
	assert_int_equal(vtd_get32(&v, SVART_VTD_GSTS_OFF), 0);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQA_OFF), 0);
	vtd_end(&v);
}

static void test_vtd_registers_take_halves(void **state)
{
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	vtd_set32(&v, SVART_VTD_PQA_OFF + 4, 0x7f12);
	vtd_set32(&v, SVART_VTD_PQA_OFF, 0x34567fff);
	assert_true(vtd_get(&v, SVART_VTD_PQA_OFF) == UINT64_C(0x7f1234567007));
	assert_int_equal(vtd_get32(&v, SVART_VTD_PQA_OFF + 4), 0x7f12);
	vtd_set(&v, SVART_VTD_PQA_OFF, 0);
	vtd_end(&v);
}

static void test_vtd_registers_that_are_not_there_do_nothing(void **state)
{
	uint64_t off;
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	for (off = 0; off < SVART_VTD_REGS_BYTES; off += 4) {
		if (off == SVART_VTD_PECTL_OFF || off == SVART_VTD_GCMD_OFF)
			continue;
		vtd_set32(&v, off, UINT32_MAX);
		(void)vtd_get32(&v, off);
	}
	assert_int_equal(vtd_get32(&v, SVART_VTD_VER_OFF), SVART_VTD_VER_6_0);
	assert_int_equal(vtd_get(&v, 0x200), 0);
	assert_int_equal(vtd_get(&v, SVART_VTD_REGS_BYTES - 8), 0);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF), 0);
	vtd_end(&v);
}

static void test_vtd_tail_of_an_enabled_queue_is_read_only(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	vtd_set(&v, SVART_VTD_PQT_OFF, 64);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQT_OFF), 0);
	vtd_set(&v, SVART_VTD_IQH_OFF, 64);
	assert_int_equal(vtd_get(&v, SVART_VTD_IQH_OFF), 0);
	vtd_set(&v, SVART_VTD_IQA_OFF, 0);
	assert_int_equal(vtd_get(&v, SVART_VTD_IQA_OFF), (uintptr_t)v.iq | SVART_VTD_IQA_DW);
	vtd_end(&v);
}

/* --- the page request queue --------------------------------------------------------------------- */

static void test_vtd_record_has_what_the_device_sent(void **state)
{
	struct svart_bus_page_request request = {
		.pasid = NO_PASID, .addr = VA, .prgi = 0x1a5, .read = true, .write = true
	};
	struct svart_vtd_page_request record;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	assert_int_equal(rig_request(&v.r, request), 0);
	request.last = true;
	request.write = false;
	request.exec = true;
	request.priv = true;
	assert_int_equal(rig_request(&v.r, request), 0);
	assert_true(vtd_next(&v, &record));
	assert_int_equal(record.qw[0], UINT64_C(0xe7000001));
	assert_int_equal(record.qw[1], VA | 0x1a5 << 3 | 3);
	assert_int_equal(record.qw[2] | record.qw[3], 0);
	assert_true(vtd_next(&v, &record));
	assert_int_equal(record.qw[0], UINT64_C(0x300000e7000001));
	assert_int_equal(record.qw[1], VA | 0x1a5 << 3 | 5);
	assert_false(vtd_next(&v, &record));
	vtd_push(&v, vtd_response(NO_PASID, 0x1a5, SVART_VTD_PGR_CODE_SUCCESS));
	check_answer(&v, 1, 0x1a5, SVART_BUS_PRG_SUCCESS);
	vtd_end(&v);
}

static void test_vtd_ring_goes_round(void **state)
{
	unsigned int i;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	for (i = 0; i < 3 * RING_RECORDS; i++) {
		assert_int_equal(rig_fault(&v.r, NO_PASID, i % 512, VA, 1), 0);
		assert_int_equal(vtd_drain(&v), 1);
		vtd_push(&v, vtd_response(NO_PASID, i % 512, SVART_VTD_PGR_CODE_SUCCESS));
	}
	assert_int_equal(vtd_get(&v, SVART_VTD_PQT_OFF), 0);
	assert_int_equal(vtd_get(&v, SVART_VTD_IQH_OFF), 0);
	assert_int_equal(rig_stats(&v.r).page_requests_open, 0);
	assert_int_equal(rig_stats(&v.r).bad_answers, 0);
	vtd_end(&v);
}

static void test_vtd_interrupt_comes_when_ppr_is_set_and_not_before_it_is_cleared(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	assert_false(take_interrupt(&v));
	rig_fault(&v.r, NO_PASID, 1, VA, 3);
	assert_true(take_interrupt(&v));
	assert_false(take_interrupt(&v));
	rig_fault(&v.r, NO_PASID, 2, VA, 1);
	assert_false(take_interrupt(&v));
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF), SVART_VTD_PRS_PPR);
	vtd_set32(&v, SVART_VTD_PRS_OFF, 0);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF), SVART_VTD_PRS_PPR);
	vtd_set32(&v, SVART_VTD_PRS_OFF, SVART_VTD_PRS_PPR);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF), 0);
	rig_fault(&v.r, NO_PASID, 3, VA, 1);
	assert_true(take_interrupt(&v));
	vtd_end(&v);
}

static void test_vtd_interrupt_is_pending_while_masked(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	vtd_set32(&v, SVART_VTD_PECTL_OFF, SVART_VTD_PECTL_IM | SVART_VTD_PECTL_IP);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PECTL_OFF), SVART_VTD_PECTL_IM);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	assert_false(take_interrupt(&v));
	assert_int_equal(vtd_get32(&v, SVART_VTD_PECTL_OFF),
		(uint32_t)(SVART_VTD_PECTL_IM | SVART_VTD_PECTL_IP));
	vtd_set32(&v, SVART_VTD_PECTL_OFF, 0);
	assert_true(take_interrupt(&v));
	assert_int_equal(vtd_get32(&v, SVART_VTD_PECTL_OFF), 0);
	vtd_end(&v);
}

static void test_vtd_interrupt_is_not_pending_once_its_status_was_cleared(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	vtd_set32(&v, SVART_VTD_PECTL_OFF, SVART_VTD_PECTL_IM);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	vtd_set32(&v, SVART_VTD_PRS_OFF, SVART_VTD_PRS_PPR);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PECTL_OFF), SVART_VTD_PECTL_IM);
	vtd_set32(&v, SVART_VTD_PECTL_OFF, 0);
	assert_false(take_interrupt(&v));
	vtd_end(&v);
}

/** Leaves room for nr records. */
static void fill_but(struct vtd *v, unsigned int nr)
{
	uint64_t tail = vtd_get(v, SVART_VTD_PQT_OFF);

	vtd_set(v, SVART_VTD_PQH_OFF, (tail + 32 * (nr + 1)) % PAGE);
}

static void test_vtd_overflow_drops_until_software_clears_it(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	fill_but(&v, 1);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	assert_true(take_interrupt(&v));
	vtd_set32(&v, SVART_VTD_PRS_OFF, SVART_VTD_PRS_PPR);
	/* Not a LAST: it is dropped, and nobody is told. */
	rig_request(&v.r, (struct svart_bus_page_request){
				  .pasid = NO_PASID, .addr = VA, .prgi = 2, .read = true });
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF), SVART_VTD_PRS_PRO);
	assert_true(take_interrupt(&v));
	assert_int_equal(v.r.probe->nr_answers, 0);
	/* Its LAST: the device is to ask again. */
	rig_fault(&v.r, NO_PASID, 2, VA + PAGE, 1);
	check_answer(&v, 1, 2, SVART_BUS_PRG_SUCCESS);
	/* Room alone does not end it. */
	vtd_set(&v, SVART_VTD_PQH_OFF, vtd_get(&v, SVART_VTD_PQT_OFF));
	rig_fault(&v.r, NO_PASID, 3, VA, 1);
	check_answer(&v, 2, 3, SVART_BUS_PRG_SUCCESS);
	vtd_set32(&v, SVART_VTD_PRS_OFF, SVART_VTD_PRS_PRO);
	rig_fault(&v.r, NO_PASID, 4, VA, 1);
	assert_int_equal(v.r.probe->nr_answers, 2);
	assert_int_equal(vtd_drain(&v), 1);
	vtd_end(&v);
}

static void test_vtd_without_a_queue_answers_invalid(void **state)
{
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 1, VA, 3);
	check_answer(&v, 1, 1, SVART_BUS_PRG_INVALID);
	assert_int_equal(vtd_get32(&v, SVART_VTD_PRS_OFF), 0);
	assert_int_equal(rig_stats(&v.r).page_requests_open, 0);
	vtd_end(&v);
}

static void test_vtd_queue_that_vanished_is_disabled_and_counted(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	munmap(v.prq, PAGE);
	v.prq = NULL;
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	check_answer(&v, 1, 1, SVART_BUS_PRG_INVALID);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQA_OFF), 0);
	assert_int_equal(rig_stats(&v.r).stale_accesses, 1);
	rig_fault(&v.r, NO_PASID, 2, VA, 1);
	check_answer(&v, 2, 2, SVART_BUS_PRG_INVALID);
	assert_int_equal(rig_stats(&v.r).stale_accesses, 1);
	vtd_end(&v);
}

static void test_vtd_queue_of_a_bad_address_is_disabled(void **state)
{
	static const uint64_t bad[] = { UINT64_C(0xfffffffffffff000), UINT64_C(0x8000000000000000),
		UINT64_C(0x1000), UINT64_C(0xfffffffffffff007) };
	struct vtd v;
	size_t i;

	(void)state;
	vtd_open(&v, "step=manual");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		vtd_set(&v, SVART_VTD_PQA_OFF, bad[i]);
		rig_fault(&v.r, NO_PASID, 1, VA, 1);
		check_answer(&v, (unsigned int)i + 1, 1, SVART_BUS_PRG_INVALID);
		assert_int_equal(vtd_get(&v, SVART_VTD_PQA_OFF), 0);
	}
	vtd_end(&v);
}

static void test_vtd_heads_beyond_the_ring_stay_in_it(void **state)
{
	static const uint64_t heads[] = { 0x1000, 0x7ffe0, 0x1fff, UINT64_MAX, 33 };
	struct vtd v;
	size_t i;

	(void)state;
	vtd_start(&v, "step=manual");
	/* What follows the ring is not ours. */
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		vtd_set(&v, SVART_VTD_PQH_OFF, heads[i]);
		rig_fault(&v.r, NO_PASID, (uint16_t)i, VA, 1);
		assert_true(vtd_get(&v, SVART_VTD_PQT_OFF) < PAGE);
	}
	assert_int_equal(rig_stats(&v.r).stale_accesses, 0);
	vtd_end(&v);
}

static void test_vtd_tail_of_a_larger_ring_is_cut(void **state)
{
	struct vtd v;

	(void)state;
	vtd_open(&v, "step=manual");
	v.prq = rig_memory(PAGE);
	vtd_set(&v, SVART_VTD_PQT_OFF, 0x7ffe0);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQT_OFF), 0x7ffe0);
	vtd_set(&v, SVART_VTD_PQA_OFF, (uintptr_t)v.prq);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQT_OFF), 0xfe0);
	vtd_set(&v, SVART_VTD_PQH_OFF, 32);
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	assert_int_equal(vtd_get(&v, SVART_VTD_PQT_OFF), 0);
	assert_int_equal(rig_stats(&v.r).stale_accesses, 0);
	vtd_end(&v);
}

/* --- the invalidation queue -------------------------------------------------------------------- */

static void test_vtd_response_codes_reach_the_device(void **state)
{
	static const struct {
		uint64_t code;
		enum svart_bus_prg_response response;
	} cases[] = {
		{ SVART_VTD_PGR_CODE_SUCCESS, SVART_BUS_PRG_SUCCESS },
		{ SVART_VTD_PGR_CODE_INVALID, SVART_BUS_PRG_INVALID },
		{ SVART_VTD_PGR_CODE_FAILURE, SVART_BUS_PRG_FAILURE },
		{ 2, SVART_BUS_PRG_FAILURE },
	};
	struct vtd v;
	uint16_t i;

	(void)state;
	vtd_start(&v, "step=manual");
	for (i = 0; i < 4; i++) {
		rig_fault(&v.r, NO_PASID, i, VA, 2);
		vtd_push(&v, vtd_response(NO_PASID, i, cases[i].code));
		check_answer(&v, i + 1U, i, cases[i].response);
	}
	vtd_end(&v);
}

static void test_vtd_response_to_nothing_is_counted(void **state)
{
	struct svart_vtd_qi_desc d;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 7, VA, 1);
	vtd_push(&v, vtd_response(NO_PASID, 8, 0));
	vtd_push(&v, vtd_response(1, 7, 0));
	d = vtd_response(NO_PASID, 7, 0);
	d.qw[0] ^= SVART_FIELD_PREP(SVART_VTD_PGR_RID, 1);
	vtd_push(&v, d);
	d = vtd_response(NO_PASID, 7, 0);
	d.qw[0] |= SVART_VTD_PGR_PRIV_PRESENT;
	vtd_push(&v, d);
	d = vtd_response(NO_PASID, 7, 0);
	d.qw[1] &= ~SVART_VTD_PGR_LPIG;
	vtd_push(&v, d);
	assert_int_equal(rig_stats(&v.r).bad_answers, 5);
	assert_int_equal(v.r.probe->nr_answers, 0);
	vtd_push(&v, vtd_response(NO_PASID, 7, 0));
	vtd_push(&v, vtd_response(NO_PASID, 7, 0));
	assert_int_equal(rig_stats(&v.r).bad_answers, 6);
	assert_int_equal(v.r.probe->nr_answers, 1);
	assert_int_equal(vtd_get32(&v, SVART_VTD_FSTS_OFF), 0);
	vtd_end(&v);
}

static void check_bad(struct vtd *v, struct svart_vtd_qi_desc d)
{
	uint64_t head = vtd_get(v, SVART_VTD_IQH_OFF);

	vtd_push(v, d);
	assert_int_equal(vtd_get32(v, SVART_VTD_FSTS_OFF), SVART_VTD_FSTS_IQE);
	assert_int_equal(vtd_get(v, SVART_VTD_IQH_OFF), head);
	/* Cleared, it fails again. */
	vtd_set32(v, SVART_VTD_FSTS_OFF, SVART_VTD_FSTS_IQE);
	assert_int_equal(vtd_get32(v, SVART_VTD_FSTS_OFF), SVART_VTD_FSTS_IQE);
	/* Mended, it goes on. */
	v->iq[head / 32] = (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT } };
	vtd_set32(v, SVART_VTD_FSTS_OFF, SVART_VTD_FSTS_IQE);
	assert_int_equal(vtd_get32(v, SVART_VTD_FSTS_OFF), 0);
	assert_int_equal(vtd_get(v, SVART_VTD_IQH_OFF), vtd_get(v, SVART_VTD_IQT_OFF));
}

static void test_vtd_bad_descriptor_stops_the_queue_until_it_is_mended(void **state)
{
	struct svart_vtd_qi_desc d;
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	check_bad(&v, (struct svart_vtd_qi_desc){ { 0 } });
	check_bad(&v, (struct svart_vtd_qi_desc){ { 0xf } });
	check_bad(&v, (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT | 1 << 4 } });
	check_bad(&v, (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT, 1 } });
	check_bad(&v, (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT, 0, 1 } });
	d = vtd_response(NO_PASID, 1, 0);
	d.qw[0] |= UINT64_C(1) << 63;
	check_bad(&v, d);
	d = vtd_response(NO_PASID, 1, 0);
	d.qw[1] |= 1;
	check_bad(&v, d);
	d = vtd_response(NO_PASID, 1, 0);
	d.qw[3] = 1;
	check_bad(&v, d);
	assert_int_equal(rig_stats(&v.r).bad_answers, 0);
	vtd_end(&v);
}

static void test_vtd_queue_takes_what_stood_in_it_once_it_goes_on(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	vtd_push(&v, (struct svart_vtd_qi_desc){ { 0 } });
	vtd_push(&v, vtd_response(NO_PASID, 1, 0));
	assert_int_equal(v.r.probe->nr_answers, 0);
	v.iq[0] = (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT } };
	vtd_set32(&v, SVART_VTD_FSTS_OFF, SVART_VTD_FSTS_IQE);
	check_answer(&v, 1, 1, SVART_BUS_PRG_SUCCESS);
	vtd_end(&v);
}

static void test_vtd_bad_tail_stops_the_queue(void **state)
{
	static const uint64_t tails[] = { 0x1000, 0x7ffff, 31, 16, 0x11000 };
	struct vtd v;
	size_t i;

	(void)state;
	vtd_start(&v, "step=manual");
	/* Good descriptors, so that only the tail is bad. */
	for (i = 0; i < RING_RECORDS; i++)
		v.iq[i] = (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT } };
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		vtd_set(&v, SVART_VTD_IQT_OFF, tails[i]);
		assert_int_equal(vtd_get32(&v, SVART_VTD_FSTS_OFF), SVART_VTD_FSTS_IQE);
		vtd_set(&v, SVART_VTD_IQT_OFF, 0);
		vtd_set32(&v, SVART_VTD_FSTS_OFF, SVART_VTD_FSTS_IQE);
		assert_int_equal(vtd_get32(&v, SVART_VTD_FSTS_OFF), 0);
	}
	vtd_end(&v);
}

static void test_vtd_queue_of_narrow_descriptors_is_an_error(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	vtd_set32(&v, SVART_VTD_GCMD_OFF, 0);
	vtd_set(&v, SVART_VTD_IQA_OFF, (uintptr_t)v.iq);
	vtd_set32(&v, SVART_VTD_GCMD_OFF, SVART_VTD_GCMD_QIE);
	vtd_push(&v, (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT } });
	assert_int_equal(vtd_get32(&v, SVART_VTD_FSTS_OFF), SVART_VTD_FSTS_IQE);
	vtd_end(&v);
}

static void test_vtd_wait_writes_its_status_after_what_is_before_it(void **state)
{
	uint32_t status[2] = { 0, 0 };
	struct svart_vtd_qi_desc wait = { {
		SVART_VTD_QI_WAIT | SVART_VTD_WAIT_STATUS_WRITE | SVART_VTD_WAIT_FENCE |
			SVART_VTD_WAIT_PRQ_DRAIN |
			SVART_FIELD_PREP(SVART_VTD_WAIT_STATUS_DATA, 0xcafe1234),
		(uintptr_t)&status[0],
	} };
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	v.iq[0] = vtd_response(NO_PASID, 1, 0);
	v.iq[1] = wait;
	vtd_set(&v, SVART_VTD_IQT_OFF, 64);
	assert_int_equal(status[0], 0xcafe1234);
	assert_int_equal(status[1], 0);
	check_answer(&v, 1, 1, SVART_BUS_PRG_SUCCESS);
	vtd_end(&v);
}

static void test_vtd_wait_without_memory_is_counted_and_goes_on(void **state)
{
	struct svart_vtd_qi_desc wait = { { SVART_VTD_QI_WAIT | SVART_VTD_WAIT_STATUS_WRITE } };
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	vtd_push(&v, wait);
	assert_int_equal(rig_stats(&v.r).stale_accesses, 1);
	assert_int_equal(vtd_get(&v, SVART_VTD_IQH_OFF), 32);
	assert_int_equal(vtd_get32(&v, SVART_VTD_FSTS_OFF), 0);
	vtd_end(&v);
}

static void test_vtd_invalidation_queue_that_vanished_is_disabled(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	munmap(v.iq, PAGE);
	v.iq = NULL;
	vtd_set(&v, SVART_VTD_IQT_OFF, 32);
	assert_int_equal(vtd_get32(&v, SVART_VTD_GSTS_OFF), 0);
	assert_int_equal(rig_stats(&v.r).stale_accesses, 1);
	vtd_end(&v);
}

static void test_vtd_queue_that_is_disabled_takes_nothing_and_begins_anew(void **state)
{
	struct vtd v;

	(void)state;
	vtd_start(&v, "step=manual");
	rig_fault(&v.r, NO_PASID, 1, VA, 1);
	vtd_push(&v, (struct svart_vtd_qi_desc){ { SVART_VTD_QI_WAIT } });
	vtd_set32(&v, SVART_VTD_GCMD_OFF, 0);
	assert_int_equal(vtd_get32(&v, SVART_VTD_GSTS_OFF), 0);
	assert_int_equal(vtd_get(&v, SVART_VTD_IQH_OFF), 0);
	vtd_set(&v, SVART_VTD_IQT_OFF, 0);
	vtd_push(&v, vtd_response(NO_PASID, 1, 0));
	assert_int_equal(v.r.probe->nr_answers, 0);
	vtd_set32(&v, SVART_VTD_GCMD_OFF, SVART_VTD_GCMD_QIE);
	check_answer(&v, 1, 1, SVART_BUS_PRG_SUCCESS);
	vtd_end(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vtd_registers_after_reset_say_what_it_has),
		cmocka_unit_test(test_vtd_registers_take_halves),
		cmocka_unit_test(test_vtd_registers_that_are_not_there_do_nothing),
		cmocka_unit_test(test_vtd_tail_of_an_enabled_queue_is_read_only),
		cmocka_unit_test(test_vtd_record_has_what_the_device_sent),
		cmocka_unit_test(test_vtd_ring_goes_round),
		cmocka_unit_test(
			test_vtd_interrupt_comes_when_ppr_is_set_and_not_before_it_is_cleared),
		cmocka_unit_test(test_vtd_interrupt_is_pending_while_masked),
		cmocka_unit_test(test_vtd_interrupt_is_not_pending_once_its_status_was_cleared),
		cmocka_unit_test(test_vtd_overflow_drops_until_software_clears_it),
		cmocka_unit_test(test_vtd_without_a_queue_answers_invalid),
		cmocka_unit_test(test_vtd_queue_that_vanished_is_disabled_and_counted),
		cmocka_unit_test(test_vtd_queue_of_a_bad_address_is_disabled),
		cmocka_unit_test(test_vtd_heads_beyond_the_ring_stay_in_it),
		cmocka_unit_test(test_vtd_tail_of_a_larger_ring_is_cut),
		cmocka_unit_test(test_vtd_response_codes_reach_the_device),
		cmocka_unit_test(test_vtd_response_to_nothing_is_counted),
		cmocka_unit_test(test_vtd_bad_descriptor_stops_the_queue_until_it_is_mended),
		cmocka_unit_test(test_vtd_queue_takes_what_stood_in_it_once_it_goes_on),
		cmocka_unit_test(test_vtd_bad_tail_stops_the_queue),
		cmocka_unit_test(test_vtd_queue_of_narrow_descriptors_is_an_error),
		cmocka_unit_test(test_vtd_wait_writes_its_status_after_what_is_before_it),
		cmocka_unit_test(test_vtd_wait_without_memory_is_counted_and_goes_on),
		cmocka_unit_test(test_vtd_invalidation_queue_that_vanished_is_disabled),
		cmocka_unit_test(test_vtd_queue_that_is_disabled_takes_nothing_and_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

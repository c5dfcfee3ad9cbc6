/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* VT-d: what is written to the registers, read from records, and put into descriptors. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fake_unit.h"

static int setup(void **state)
{
	*state = fake_rig_create(SVART_IOMMU_UNIT_VTD);
	return 0;
}

static int teardown(void **state)
{
	fake_rig_destroy(*state);
	return 0;
}

static struct svart_vtd_page_request sound_record(void)
{
	return vtd_record(5, 0x1ab, PASID | LAST, R, PAGE_AT(3));
}

/** Fetches one record. @return its flags. */
static uint32_t fetch_one(struct fake_rig *rig, struct svart_vtd_page_request record)
{
	vtd_queue(rig->f, record);
	assert_int_equal(fake_rig_fetch(rig), 1);
	return rig->out[0].flags;
}

/* --- registers --------------------------------------------------------------------------------------- */

static void test_vtd_create_enables_both_queues_and_the_interrupt(void **state)
{
	struct fake_rig *rig = *state;
	uint64_t iqa = fake_reg(rig->f, SVART_VTD_IQA_OFF);
	uint64_t pqa = fake_reg(rig->f, SVART_VTD_PQA_OFF);

	assert_true(fake_reg(rig->f, SVART_VTD_GCMD_OFF) & SVART_VTD_GCMD_QIE);
	assert_true(iqa & SVART_VTD_IQA_DW);
	assert_ptr_equal(iqa & SVART_VTD_IQA_BASE, rig->raw->answers.mem);
	assert_ptr_equal(pqa & SVART_VTD_PQA_BASE, rig->raw->rings[0].mem);
	assert_int_equal(SVART_FIELD_GET(SVART_VTD_PQA_PQS, pqa), 4);
	assert_false(fake_reg(rig->f, SVART_VTD_PECTL_OFF) & SVART_VTD_PECTL_IM);
}

static void test_vtd_destroy_disables_the_queues(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
	struct svart_fault_raw *raw;

	(void)state;
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), 0);
	svart_fault_raw_destroy(raw);
	assert_int_equal(fake_reg(f, SVART_VTD_PQA_OFF) & SVART_VTD_PQA_BASE, 0);
	assert_false(fake_reg(f, SVART_VTD_GSTS_OFF) & SVART_VTD_GCMD_QIE);
	assert_true(fake_reg(f, SVART_VTD_PECTL_OFF) & SVART_VTD_PECTL_IM);
	fake_unit_destroy(f);
}

static void test_vtd_create_keeps_what_else_the_unit_does(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
	const uint32_t translation = UINT32_C(1) << 31;
	struct svart_fault_raw *raw;

	(void)state;
	fake_reg_set(f, SVART_VTD_GCMD_OFF, (uint64_t)translation << 32);
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), 0);
	assert_true(fake_reg(f, SVART_VTD_GSTS_OFF) & translation);
	svart_fault_raw_destroy(raw);
	assert_true(fake_reg(f, SVART_VTD_GSTS_OFF) & translation);
	fake_unit_destroy(f);
}

static void test_vtd_create_without_page_requests_or_their_drain_gives_eio(void **state)
{
	static const uint64_t lacks[] = { SVART_VTD_ECAP_QI, SVART_VTD_ECAP_PRS,
		SVART_VTD_ECAP_PDS };
	struct fake_unit *f;
	struct svart_fault_raw *raw;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(lacks); i++) {
		f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
		fake_reg_set(f, SVART_VTD_ECAP_OFF, fake_reg(f, SVART_VTD_ECAP_OFF) & ~lacks[i]);
		assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), -EIO);
		assert_non_null(strstr(svart_fail_text(), "ECAP 0x"));
		fake_unit_destroy(f);
	}
}

static void test_vtd_create_on_a_unit_that_is_gone_gives_eio(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
	struct svart_fault_raw *raw;

	(void)state;
	fake_reg_set(f, SVART_VTD_ECAP_OFF, UINT64_MAX);
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), -EIO);
	fake_unit_destroy(f);
}

static void test_vtd_create_where_the_unit_does_not_follow_gives_eio(void **state)
{
	struct fake_unit *f = fake_unit_create(SVART_IOMMU_UNIT_VTD);
	struct svart_fault_raw *raw;

	(void)state;
	f->deaf_reg = SVART_VTD_GCMD_OFF;
	assert_int_equal(svart_fault_raw_create(&f->base, &f->unit, &raw), -EIO);
	assert_non_null(strstr(svart_fail_text(), "GSTS 0"));
	fake_unit_destroy(f);
}

static void test_vtd_tail_that_cannot_be_loses_the_source(void **state)
{
	static const uint64_t tails[] = { 33, 65536, UINT64_MAX, UINT64_C(1) << 37 };
	struct fake_rig *rig = *state;
	size_t i;

	for (i = 0; i < SVART_ARRAY_SIZE(tails); i++) {
		atomic_store(&rig->raw->lost, false);
		fake_reg_set(rig->f, SVART_VTD_PQT_OFF, tails[i]);
		assert_int_equal(fake_rig_fetch(rig), -ENODEV);
	}
}

static void test_vtd_invalidation_queue_error_loses_the_source(void **state)
{
	struct svart_page_response a;
	struct fake_rig *rig = *state;
	bool gone;

	fetch_one(rig, sound_record());
	a = answer_to(&rig->out[0], SVART_PAGE_RESPONSE_SUCCESS);
	fake_reg_set(rig->f, SVART_VTD_FSTS_OFF - 4, SVART_VTD_FSTS_IQE << 32);
	assert_int_equal(rig->s->ops->respond(rig->s, &a, 1, &gone), -EIO);
	assert_int_equal(fake_rig_fetch(rig), -ENODEV);
}

static void gsts_set(struct fake_rig *rig, uint32_t value)
{
	fake_reg_set(rig->f, SVART_VTD_GCMD_OFF, (uint64_t)value << 32);
}

/** A queue that somebody else disables raises no interrupt. */
static void test_vtd_check_finds_a_queue_that_is_disabled(void **state)
{
	struct fake_rig *rig = *state;
	uint64_t pqa = fake_reg(rig->f, SVART_VTD_PQA_OFF), iqa;

	assert_int_equal(rig->s->ops->check(rig->s), 0);
	fake_reg_set(rig->f, SVART_VTD_PQA_OFF, 0);
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
	fake_reg_set(rig->f, SVART_VTD_PQA_OFF, pqa);
	gsts_set(rig, 0);
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
	gsts_set(rig, (uint32_t)SVART_VTD_GCMD_QIE);
	iqa = fake_reg(rig->f, SVART_VTD_IQA_OFF);
	fake_reg_set(rig->f, SVART_VTD_IQA_OFF, iqa + PAGE);
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
	fake_reg_set(rig->f, SVART_VTD_IQA_OFF, iqa);
	assert_int_equal(rig->s->ops->check(rig->s), 0);
}

static void test_vtd_check_finds_an_error_and_what_fetch_has_found(void **state)
{
	struct fake_rig *rig = *state;

	fake_reg_set(rig->f, SVART_VTD_FSTS_OFF - 4, SVART_VTD_FSTS_IQE << 32);
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
	fake_reg_set(rig->f, SVART_VTD_FSTS_OFF - 4, 0);
	assert_int_equal(rig->s->ops->check(rig->s), 0);
	fake_reg_set(rig->f, SVART_VTD_PQT_OFF, UINT64_MAX);
	assert_int_equal(fake_rig_fetch(rig), -ENODEV);
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
}

static void test_vtd_unit_that_is_gone_is_not_waited_for(void **state)
{
	struct fake_rig *rig = *state;

	memset(rig->f->regs, 0xff, SVART_VTD_REGS_BYTES);
	rig->f->deaf_reg = SVART_VTD_GCMD_OFF;
	assert_int_equal(rig->s->ops->check(rig->s), -EIO);
	rig->f->nr_pauses = 0;
	rig->raw->kind->disable(rig->raw);
	assert_in_range(rig->f->nr_pauses, 0, 64);
}

/* --- records ----------------------------------------------------------------------------------------- */

static void test_vtd_record_is_read_whole(void **state)
{
	struct fake_rig *rig = *state;
	const struct svart_page_request *r = &rig->out[0];

	assert_int_equal(fetch_one(rig, vtd_record(5, 0x1ff, PASID | LAST, RW, PAGE_AT(3) + 7)),
		PASID | LAST);
	assert_int_equal(r->addr, PAGE_AT(3));
	assert_int_equal(r->pasid, 5);
	assert_int_equal(r->group_id, 0x1ff);
	assert_int_equal(r->access, RW);
	assert_int_equal(r->private_data[0], 0);
	assert_int_equal(fetch_one(rig, vtd_record(5, 1, PASID, W, PAGE_AT(3))), PASID);
	assert_int_equal(r->access, W);
}

static void test_vtd_record_with_private_data_needs_a_response_that_returns_it(void **state)
{
	struct svart_page_response a;
	struct fake_rig *rig = *state;
	uint64_t *qw = rig->f->answers[0];
	bool gone;

	assert_int_equal(fetch_one(rig, vtd_record(5, 7, PASID | OWN, R, PAGE_AT(1))), PASID | OWN);
	a = answer_to(&rig->out[0], SVART_PAGE_RESPONSE_SUCCESS);
	assert_int_equal(rig->s->ops->respond(rig->s, &a, 1, &gone), 0);
	assert_false(gone);
	assert_int_equal(
		qw[0], 0x9 | 1 << 4 | 1 << 5 | (uint64_t)UNIT_RID << 16 | UINT64_C(5) << 32);
	assert_int_equal(qw[1], 7 << 3);
	assert_int_equal(qw[2], UINT64_C(0x1111222233334444) + 7);
	assert_int_equal(qw[3], PAGE_AT(1));
}

static void test_vtd_last_with_private_data_gets_one_answer_with_both(void **state)
{
	struct svart_page_response a;
	struct fake_rig *rig = *state;
	uint64_t *qw = rig->f->answers[0];
	bool gone;

	fetch_one(rig, vtd_record(5, 7, PASID | OWN | LAST, R, PAGE_AT(1)));
	a = answer_to(&rig->out[0], SVART_PAGE_RESPONSE_INVALID);
	assert_int_equal(rig->s->ops->respond(rig->s, &a, 1, &gone), 0);
	assert_true(qw[0] & SVART_VTD_PGR_PRIV_PRESENT);
	assert_int_equal(SVART_FIELD_GET(SVART_VTD_PGR_CODE, qw[0]), 1);
	assert_int_equal(qw[1], SVART_VTD_PGR_LPIG | 7 << 3);
	assert_int_equal(qw[3], PAGE_AT(1));
	assert_int_equal(rig->f->nr_answers, 1);
}

static void test_vtd_answer_without_private_data_carries_none(void **state)
{
	struct svart_page_response a;
	struct fake_rig *rig = *state;
	uint64_t *qw = rig->f->answers[0];
	bool gone;

	fetch_one(rig, sound_record());
	a = answer_to(&rig->out[0], SVART_PAGE_RESPONSE_SUCCESS);
	a.private_data[0] = 1;
	assert_int_equal(rig->s->ops->respond(rig->s, &a, 1, &gone), 0);
	assert_int_equal(qw[0], 0x9 | 1 << 4 | (uint64_t)UNIT_RID << 16 | UINT64_C(5) << 32);
	assert_int_equal(qw[1], SVART_VTD_PGR_LPIG | 0x1ab << 3);
	assert_int_equal(qw[2], 0);
}

static void test_vtd_stop_marker_is_delivered_and_owed_nothing(void **state)
{
	struct svart_page_response a;
	struct fake_rig *rig = *state;
	bool gone;

	assert_int_equal(fetch_one(rig, vtd_record(5, 1, PASID | LAST | OWN, X, UINT64_C(1) << 60)),
		PASID | LAST);
	assert_int_equal(rig->out[0].access, 0);
	a = answer_to(&rig->out[0], SVART_PAGE_RESPONSE_SUCCESS);
	assert_int_equal(rig->s->ops->respond(rig->s, &a, 1, &gone), 0);
	assert_true(gone);
	assert_int_equal(rig->f->nr_answers, 0);
}

static void test_vtd_request_for_what_cannot_be_spoils_its_group(void **state)
{
	struct svart_vtd_page_request r;
	struct fake_rig *rig = *state;

	r = sound_record();
	r.qw[0] |= SVART_VTD_PRQ_PRIV_MODE;
	assert_int_equal(fetch_one(rig, r), PASID | LAST | BAD);
	assert_int_equal(fetch_one(rig, vtd_record(5, 1, PASID, R | X, PAGE_AT(1))), PASID | BAD);
	assert_int_equal(fetch_one(rig, vtd_record(5, 2, PASID | OWN, R, UINT64_C(1) << 57)),
		PASID | OWN | BAD);
	assert_int_equal(fetch_one(rig, vtd_record(5, 3, PASID | LAST, W, UINT64_C(1) << 56)),
		PASID | LAST | BAD);
	assert_int_equal(fetch_one(rig, vtd_record(5, 4, PASID | LAST, R, UINT64_C(0xff) << 56)),
		PASID | LAST);
	assert_int_equal(rig->f->nr_answers, 0);
}

static void test_vtd_record_of_another_type_is_counted(void **state)
{
	struct svart_vtd_page_request r = sound_record();
	struct fake_rig *rig = *state;

	r.qw[0] = (r.qw[0] & ~SVART_VTD_PRQ_TYPE) | 2;
	vtd_queue(rig->f, r);
	r = (struct svart_vtd_page_request){ { 0 } };
	vtd_queue(rig->f, r);
	assert_int_equal(fake_rig_fetch(rig), 0);
	assert_int_equal(rig->s->malformed, 2);
	assert_int_equal(rig->f->nr_answers, 0);
}

static void test_vtd_record_of_another_requester_is_refused_to_it(void **state)
{
	struct svart_vtd_page_request r = sound_record();
	struct fake_rig *rig = *state;

	r.qw[0] ^= SVART_FIELD_PREP(SVART_VTD_PRQ_RID, 1);
	vtd_queue(rig->f, r);
	assert_int_equal(fake_rig_fetch(rig), 0);
	assert_int_equal(rig->s->malformed, 1);
	assert_int_equal(rig->f->nr_answers, 1);
	assert_int_equal(SVART_FIELD_GET(SVART_VTD_PGR_RID, rig->f->answers[0][0]), UNIT_RID ^ 1);
	assert_int_equal(SVART_FIELD_GET(SVART_VTD_PGR_CODE, rig->f->answers[0][0]),
		SVART_VTD_PGR_CODE_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vtd_create_enables_both_queues_and_the_interrupt),
		cmocka_unit_test(test_vtd_destroy_disables_the_queues),
		cmocka_unit_test(test_vtd_create_keeps_what_else_the_unit_does),
		cmocka_unit_test(test_vtd_create_without_page_requests_or_their_drain_gives_eio),
		cmocka_unit_test(test_vtd_create_on_a_unit_that_is_gone_gives_eio),
		cmocka_unit_test(test_vtd_create_where_the_unit_does_not_follow_gives_eio),
		TEST(test_vtd_tail_that_cannot_be_loses_the_source),
		TEST(test_vtd_invalidation_queue_error_loses_the_source),
		TEST(test_vtd_check_finds_a_queue_that_is_disabled),
		TEST(test_vtd_check_finds_an_error_and_what_fetch_has_found),
		TEST(test_vtd_unit_that_is_gone_is_not_waited_for),
		TEST(test_vtd_record_is_read_whole),
		TEST(test_vtd_record_with_private_data_needs_a_response_that_returns_it),
		TEST(test_vtd_last_with_private_data_gets_one_answer_with_both),
		TEST(test_vtd_answer_without_private_data_carries_none),
		TEST(test_vtd_stop_marker_is_delivered_and_owed_nothing),
		TEST(test_vtd_request_for_what_cannot_be_spoils_its_group),
		TEST(test_vtd_record_of_another_type_is_counted),
		TEST(test_vtd_record_of_another_requester_is_refused_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

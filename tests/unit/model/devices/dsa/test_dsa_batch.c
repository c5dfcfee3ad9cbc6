/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Batches: lists of descriptors, their records, fences, failures, faults on the list. */

#include "dsa_rig.h"

/* Where lists are, and what their operations work on. */
#define LIST_PAGE 20u
#define DATA_PAGE 40u

/* The batch's own record; those of its descriptors are 0, 1, ... */
#define OWN 100u

static int setup(void **state)
{
	struct rig *r = rig_create(NULL);

	rig_map(r, 0, RIG_PAGES, RIG_RW);
	*state = r;
	return 0;
}

static int setup_started(void **state)
{
	setup(state);
	rig_start(*state, 0, 0);
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static uint64_t list_at(unsigned int n)
{
	return rig_page(LIST_PAGE) + n * SVART_DSA_DESC_BYTES;
}

static void list_put(struct rig *r, unsigned int n, const struct svart_dsa_desc *desc)
{
	rig_write(r, list_at(n), desc, sizeof(*desc));
}

static void list_put_bad(struct rig *r, unsigned int n, unsigned int opcode)
{
	struct svart_dsa_desc desc = rig_simple(r, n, opcode);

	list_put(r, n, &desc);
}

/* Makes a list of nr fills of a byte each: number n of value n + 1. */
static void list_fills(struct rig *r, unsigned int nr)
{
	for (unsigned int n = 0; n < nr; n++) {
		struct svart_dsa_desc desc =
			rig_fill(r, n % OWN, rig_page(DATA_PAGE) + n, n + 1, 1);

		*rig_at(r, rig_page(DATA_PAGE) + n) = 0;
		list_put(r, n, &desc);
	}
}

/* Runs a batch of nr; its record. */
static struct svart_dsa_record run(struct rig *r, unsigned int nr)
{
	struct svart_dsa_desc desc = rig_batch(r, OWN, list_at(0), nr);

	return rig_do(r, 0, &desc);
}

static void assert_own(const struct svart_dsa_record *record, unsigned int status, uint32_t done)
{
	assert_int_equal(record->status, status);
	assert_int_equal(record->descs_completed, done);
}

static void assert_filled(struct rig *r, unsigned int from, unsigned int to, bool filled)
{
	for (unsigned int n = from; n < to; n++)
		assert_int_equal(*rig_at(r, rig_page(DATA_PAGE) + n), filled ? (n + 1) & 0xff : 0);
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void test_batch_does_all_of_its_list(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_record record;

	list_fills(r, 70);
	record = run(r, 70);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, 70);
	assert_int_equal(record.result, 0);
	assert_filled(r, 0, 70, true);
	for (unsigned int n = 0; n < 70; n++)
		assert_int_equal(rig_record(r, n).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
}

static void test_batch_of_the_most_that_gencap_says(void **state)
{
	struct rig *r = *state;
	uint64_t gencap = rig_reg(r, SVART_DSA_GENCAP_OFF);
	uint32_t most = 1u << SVART_FIELD_GET(SVART_DSA_GENCAP_MAX_BATCH_SHIFT, gencap);
	struct svart_dsa_record record;

	assert_true((rig_reg(r, SVART_DSA_OPCAP_OFF) >> SVART_DSA_OP_BATCH & 1) != 0);
	list_fills(r, most);
	record = run(r, most);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, most);
	assert_filled(r, 0, most, true);
	record = run(r, most + 1);
	assert_own(&record, SVART_DSA_STATUS_BAD_DESC_COUNT, 0);
}

static void test_batch_of_less_than_two_or_more_than_the_wq_has_is_status_14(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_record record;

	rig_wq_config(r, 0, 16);
	rig_reg32_set(r, rig_wqcfg(0, 3), 12 | 2u << 5);
	rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	list_fills(r, 5);
	for (uint32_t nr = 0; nr <= 5; nr++) {
		record = run(r, nr);
		assert_int_equal(record.status, nr >= 2 && nr <= 4
							? SVART_DSA_STATUS_SUCCESS
							: SVART_DSA_STATUS_BAD_DESC_COUNT);
	}
}

static void test_batch_that_is_malformed_is_refused(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_batch(r, OWN, list_at(0) + 32, 2);

	list_fills(r, 4);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_DESC_LIST_ALIGN);
	desc = rig_batch(r, OWN, list_at(0), 2);
	desc.dst = 1;
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_RESERVED_SET);
	desc = rig_batch(r, OWN, list_at(0), 2);
	rig_flags(&desc, SVART_DSA_FLAG_FENCE, 0);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_BAD_FLAGS);
	assert_int_equal(rig_record(r, OWN).invalid_flags, SVART_DSA_FLAG_FENCE);
	assert_filled(r, 0, 4, false);
}

static void test_batch_record_is_written_only_if_asked_for(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_batch(r, OWN, list_at(0), 3);

	list_fills(r, 3);
	rig_flags(&desc, 0, SVART_DSA_FLAG_RCR);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_NONE);
	assert_filled(r, 0, 3, true);
	/* A failure is told in any case. */
	list_put_bad(r, 1, 0x3f);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_BATCH_FAILED);
}

static void test_batch_record_is_the_last_one_written(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, OWN, SVART_DSA_OP_DRAIN);
	uint64_t own;

	rig_do(r, 0, &desc);
	own = r->last_record;
	list_fills(r, 5);
	run(r, 5);
	assert_int_equal(r->last_record, own);
	assert_int_equal(rig_record(r, 4).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_interrupts_of_a_batch_and_of_its_descriptors_are_raised(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	list_fills(r, 2);
	desc = rig_fill(r, 1, rig_page(DATA_PAGE) + 1, 2, 1);
	rig_flags(&desc, SVART_DSA_FLAG_RCI, 0);
	desc.int_handle = 3;
	list_put(r, 1, &desc);
	desc = rig_batch(r, OWN, list_at(0), 2);
	rig_flags(&desc, SVART_DSA_FLAG_RCI, 0);
	desc.int_handle = 4;
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->nr_interrupts[3], 1);
	assert_int_equal(r->nr_interrupts[4], 1);
}

static void test_descriptors_of_a_batch_have_its_pasid(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	r->pasid = 42;
	rig_start_shared(r);
	list_fills(r, 2);
	desc = rig_fill(r, 1, rig_page(DATA_PAGE) + 1, 2, 1);
	desc.pasid_priv = 7 | (uint32_t)SVART_DSA_DESC_PRIV;
	list_put(r, 1, &desc);
	desc = rig_batch(r, OWN, list_at(0), 2);
	desc.pasid_priv = 42;
	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &desc));
	rig_run_serving(r);
	record = rig_record(r, OWN);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, 2);
	assert_filled(r, 0, 2, true);
}

/* --- Failures --------------------------------------------------------------------------------- */

static void test_failure_in_a_batch_does_not_stop_it(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_record record;

	list_fills(r, 6);
	list_put_bad(r, 2, 0x3f);
	/* Neither a batch nor a drain is in a batch. */
	list_put_bad(r, 3, SVART_DSA_OP_BATCH);
	list_put_bad(r, 4, SVART_DSA_OP_DRAIN);
	record = run(r, 6);
	assert_own(&record, SVART_DSA_STATUS_BATCH_FAILED, 6);
	assert_int_equal(record.result, 1);
	for (unsigned int n = 0; n < 6; n++)
		assert_int_equal(rig_record(r, n).status,
			n >= 2 && n <= 4 ? SVART_DSA_STATUS_BAD_OPCODE : SVART_DSA_STATUS_SUCCESS);
	/* The next one is none the worse for it. */
	list_fills(r, 6);
	record = run(r, 6);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, 6);
}

static void test_failure_in_a_batch_without_record_goes_to_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	list_fills(r, 3);
	desc = rig_simple(r, 1, 0x3f);
	rig_flags(&desc, 0, SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR);
	list_put(r, 1, &desc);
	record = run(r, 3);
	assert_own(&record, SVART_DSA_STATUS_BATCH_FAILED, 3);
	/* Valid, descriptor, WQ, in a batch. */
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x3f0000101d));
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 8), 1);
}

static void test_fence_after_success_goes_on(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	list_fills(r, 3);
	/* It copies the record of the one before it. */
	desc = rig_memmove(r, 1, rig_page(DATA_PAGE) + 1, rig_record_va(0), 1);
	rig_flags(&desc, SVART_DSA_FLAG_FENCE, 0);
	list_put(r, 1, &desc);
	record = run(r, 3);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, 3);
	assert_int_equal(*rig_at(r, rig_page(DATA_PAGE) + 1), SVART_DSA_STATUS_SUCCESS);
}

static void test_fence_after_a_failure_ends_the_batch(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	list_fills(r, 6);
	list_put_bad(r, 1, 0x3f);
	desc = rig_fill(r, 3, rig_page(DATA_PAGE) + 3, 4, 1);
	rig_flags(&desc, SVART_DSA_FLAG_FENCE, 0);
	list_put(r, 3, &desc);
	record = run(r, 6);
	assert_own(&record, SVART_DSA_STATUS_BATCH_FAILED, 3);
	assert_int_equal(rig_record(r, 2).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 3).status, SVART_DSA_STATUS_NONE);
	assert_filled(r, 3, 6, false);
}

/* --- Faults ----------------------------------------------------------------------------------- */

/* Takes a page away; whether it comes back when asked for. */
static void lose(struct rig *r, unsigned int page, bool comes_back)
{
	rig_map(r, page, 1, RIG_NONE);
	rig_allow(r, page, 1, comes_back ? RIG_RW : RIG_NONE);
}

static void test_list_that_is_missing_is_waited_for(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_record record;

	/* 64 descriptors are a page. */
	list_fills(r, 70);
	lose(r, LIST_PAGE, true);
	lose(r, LIST_PAGE + 1, true);
	record = run(r, 70);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, 70);
	assert_filled(r, 0, 70, true);
	/* Both at once, to be read. */
	assert_int_equal(r->nr_groups, 1);
	assert_int_equal(r->groups[0].nr, 2);
	assert_int_equal(r->groups[0].requests[1].addr, rig_page(LIST_PAGE + 1));
	assert_false(r->groups[0].requests[0].write);
}

static void test_list_that_is_refused_is_status_6(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc rest;
	struct svart_dsa_record record;

	list_fills(r, 70);
	lose(r, LIST_PAGE + 1, false);
	record = run(r, 70);
	assert_own(&record, SVART_DSA_STATUS_BATCH_PAGE_FAULT, 64);
	assert_int_equal(record.result, 0);
	assert_int_equal(record.fault_addr, rig_page(LIST_PAGE + 1));
	assert_filled(r, 0, 64, true);
	assert_filled(r, 64, 70, false);
	/* Software goes on from there. */
	rig_map(r, LIST_PAGE + 1, 1, RIG_RW);
	rest = rig_batch(r, OWN, list_at(64), 6);
	assert_int_equal(rig_do(r, 0, &rest).status, SVART_DSA_STATUS_SUCCESS);
	assert_filled(r, 64, 70, true);
}

static void test_list_that_may_not_be_waited_for_is_status_6(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_batch(r, OWN, list_at(0), 70);
	struct svart_dsa_record record;

	list_fills(r, 70);
	list_put_bad(r, 5, 0x3f);
	lose(r, LIST_PAGE + 1, true);
	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	record = rig_do(r, 0, &desc);
	assert_own(&record, SVART_DSA_STATUS_BATCH_PAGE_FAULT, 64);
	/* One of those before has failed. */
	assert_int_equal(record.result, 1);
	assert_int_equal(r->nr_groups, 0);
}

static void test_list_without_ats_is_read_untranslated(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_record record;

	rig_start(r, SVART_DSA_WQCFG2_ATS_DISABLE, 0);
	list_fills(r, 70);
	record = run(r, 70);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, 70);
	assert_int_equal(r->nr_translates, 0);
	lose(r, LIST_PAGE + 1, true);
	record = run(r, 70);
	assert_own(&record, SVART_DSA_STATUS_BATCH_PAGE_FAULT, 64);
	assert_int_equal(r->nr_groups, 0);
}

static void test_pages_of_operands_and_records_are_waited_for(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_record record;

	list_fills(r, 4);
	lose(r, DATA_PAGE, true);
	lose(r, RIG_RECORDS_PAGE, true);
	record = run(r, 4);
	assert_own(&record, SVART_DSA_STATUS_SUCCESS, 4);
	assert_filled(r, 0, 4, true);
	for (unsigned int n = 0; n < 4; n++)
		assert_int_equal(rig_record(r, n).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->nr_groups, 2);
}

static void test_page_fault_of_an_operand_is_its_own_failure(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	list_fills(r, 3);
	lose(r, 60, false);
	desc = rig_fill(r, 1, rig_page(60), 1, 64);
	list_put(r, 1, &desc);
	record = run(r, 3);
	assert_own(&record, SVART_DSA_STATUS_BATCH_FAILED, 3);
	assert_int_equal(rig_record(r, 1).status,
		SVART_DSA_STATUS_PAGE_FAULT_RESPONSE | SVART_DSA_STATUS_WRITE);
	assert_int_equal(rig_record(r, 2).status, SVART_DSA_STATUS_SUCCESS);
}

/* --- Commands --------------------------------------------------------------------------------- */

/* Starts a batch of 3 that waits for the page of its second operation. */
static void submit_blocked(struct rig *r)
{
	struct svart_dsa_desc desc;

	list_fills(r, 3);
	lose(r, 60, true);
	desc = rig_fill(r, 1, rig_page(60), 1, 64);
	list_put(r, 1, &desc);
	desc = rig_batch(r, OWN, list_at(0), 3);
	rig_submit(r, 0, &desc);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_drain_waits_for_the_whole_batch(void **state)
{
	struct rig *r = *state;

	submit_blocked(r);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1), SVART_DSA_CMDSTS_ACTIVE);
	rig_run_serving(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF), 0);
	assert_int_equal(rig_record(r, OWN).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_abort_drops_the_whole_batch(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	submit_blocked(r);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_WQ, 1), 0);
	rig_run_serving(r);
	for (unsigned int n = 1; n < 3; n++)
		assert_int_equal(rig_record(r, n).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_record(r, OWN).status, SVART_DSA_STATUS_NONE);
	/* What comes next is in no batch. */
	desc = rig_simple(r, 1, SVART_DSA_OP_DRAIN);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_function_reset_forgets_a_batch(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 1, SVART_DSA_OP_DRAIN);

	submit_blocked(r);
	svart_dsa_model.reset(r->dev);
	assert_false(svart_dsa_model.step(r->dev));
	rig_start(r, 0, 0);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, OWN).status, SVART_DSA_STATUS_NONE);
}

static void test_batch_lets_others_have_their_turn(void **state)
{
	struct rig *r = rig_create("burst=4");
	struct svart_dsa_desc desc;

	(void)state;
	rig_map(r, 0, RIG_PAGES, RIG_RW);
	rig_wq_config(r, 1, 16);
	rig_start(r, 0, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 1), 0);
	list_fills(r, 40);
	desc = rig_batch(r, OWN, list_at(0), 40);
	rig_submit(r, 0, &desc);
	assert_true(svart_dsa_model.step(r->dev));
	assert_true(svart_dsa_model.step(r->dev));
	assert_int_equal(rig_record(r, 3).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 4).status, SVART_DSA_STATUS_NONE);
	rig_run(r);
	assert_int_equal(rig_record(r, OWN).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

#define RIG_TEST(name)         cmocka_unit_test_setup_teardown(name, setup_started, teardown)
#define RIG_TEST_STOPPED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_batch_does_all_of_its_list),
		RIG_TEST(test_batch_of_the_most_that_gencap_says),
		RIG_TEST_STOPPED(test_batch_of_less_than_two_or_more_than_the_wq_has_is_status_14),
		RIG_TEST(test_batch_that_is_malformed_is_refused),
		RIG_TEST(test_batch_record_is_written_only_if_asked_for),
		RIG_TEST(test_batch_record_is_the_last_one_written),
		RIG_TEST(test_interrupts_of_a_batch_and_of_its_descriptors_are_raised),
		RIG_TEST_STOPPED(test_descriptors_of_a_batch_have_its_pasid),
		RIG_TEST(test_failure_in_a_batch_does_not_stop_it),
		RIG_TEST(test_failure_in_a_batch_without_record_goes_to_swerr),
		RIG_TEST(test_fence_after_success_goes_on),
		RIG_TEST(test_fence_after_a_failure_ends_the_batch),
		RIG_TEST(test_list_that_is_missing_is_waited_for),
		RIG_TEST(test_list_that_is_refused_is_status_6),
		RIG_TEST(test_list_that_may_not_be_waited_for_is_status_6),
		RIG_TEST_STOPPED(test_list_without_ats_is_read_untranslated),
		RIG_TEST(test_pages_of_operands_and_records_are_waited_for),
		RIG_TEST(test_page_fault_of_an_operand_is_its_own_failure),
		RIG_TEST(test_drain_waits_for_the_whole_batch),
		RIG_TEST(test_abort_drops_the_whole_batch),
		RIG_TEST(test_function_reset_forgets_a_batch),
		cmocka_unit_test(test_batch_lets_others_have_their_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

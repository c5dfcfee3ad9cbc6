/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Missing pages: page request groups, answers, partial completion, invalidation. */

#include <errno.h>
#include <string.h>

#include "dsa_rig.h"

static int setup(void **state)
{
	struct rig *r = rig_create(NULL);

	rig_start(r, 0, 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static const struct svart_bus_page_request *request_of(
	struct rig *r, unsigned int group, unsigned int nr)
{
	assert_true(group < r->nr_groups && nr < r->groups[group].nr);
	return &r->groups[group].requests[nr];
}

static void assert_request(
	struct rig *r, unsigned int group, unsigned int nr, unsigned int page, bool write)
{
	const struct svart_bus_page_request *request = request_of(r, group, nr);

	assert_int_equal(request->addr, rig_page(page));
	assert_true(request->read);
	assert_int_equal(request->write, write);
	assert_false(request->exec || request->priv);
	assert_int_equal(request->last, nr + 1 == r->groups[group].nr);
}

static void assert_fault(const struct svart_dsa_record *record, unsigned int status, bool write,
	uint64_t addr, uint32_t done)
{
	assert_int_equal(
		record->status, status | (write ? (unsigned int)SVART_DSA_STATUS_WRITE : 0));
	assert_int_equal(record->fault_addr, addr);
	assert_int_equal(record->bytes_completed, done);
}

static void submit_and_run(struct rig *r, const struct svart_dsa_desc *desc)
{
	rig_submit(r, 0, desc);
	rig_run(r);
}

static void assert_bytes_equal(struct rig *r, uint64_t a, uint64_t b, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		assert_int_equal(*rig_at(r, a + i), *rig_at(r, b + i));
}

/* --- Groups ----------------------------------------------------------------------------------- */

static void test_missing_source_is_asked_for_with_what_is_missing_after_it(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_map(r, 40, 20, RIG_RW);
	rig_map(r, 12, 1, RIG_R);
	desc = rig_memmove(r, 0, rig_page(40), rig_page(10) + 100, 5 * 4096);
	submit_and_run(r, &desc);
	/* Pages 10 to 15, but for 12, which is there. */
	assert_int_equal(r->nr_groups, 1);
	assert_true(r->groups[0].complete);
	assert_int_equal(r->groups[0].nr, 5);
	assert_request(r, 0, 0, 10, false);
	assert_request(r, 0, 1, 11, false);
	assert_request(r, 0, 2, 13, false);
	assert_request(r, 0, 3, 14, false);
	assert_request(r, 0, 4, 15, false);
	assert_false(svart_dsa_model.step(r->dev));
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->nr_groups, 1);
	assert_bytes_equal(r, desc.dst, desc.src, desc.size);
}

static void test_missing_source_and_destination_are_of_one_group(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 16 * 4096);

	submit_and_run(r, &desc);
	assert_int_equal(r->nr_groups, 1);
	assert_int_equal(r->groups[0].nr, 8);
	/* What is needed now is first. */
	assert_request(r, 0, 0, 10, false);
	assert_request(r, 0, 1, 40, true);
	for (unsigned int i = 0; i < 3; i++) {
		assert_request(r, 0, 2 + i, 11 + i, false);
		assert_request(r, 0, 5 + i, 41 + i, true);
	}
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->nr_groups, 4);
}

static void test_group_ends_with_the_operand(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(20) + 4000, 1, 200);

	submit_and_run(r, &desc);
	assert_int_equal(r->groups[0].nr, 2);
	assert_request(r, 0, 0, 20, true);
	assert_request(r, 0, 1, 21, true);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_group_of_a_backward_copy_goes_down(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_map(r, 10, 20, RIG_RW);
	rig_map(r, 18, 3, RIG_NONE);
	/* From 10..19 to 11..20. */
	desc = rig_memmove(r, 0, rig_page(11), rig_page(10), 10 * 4096);
	submit_and_run(r, &desc);
	/* The last source page and the last destination page. */
	assert_int_equal(r->groups[0].nr, 3);
	assert_request(r, 0, 0, 19, true); /* Of both. */
	assert_request(r, 0, 1, 20, true);
	assert_request(r, 0, 2, 18, true);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_option_prg_pages_bounds_a_group(void **state)
{
	static const char *const options[] = { "prg_pages=1", "prg_pages=2", "prg_pages=64" };
	static const unsigned int sizes[] = { 1, 2, 40 };

	(void)state;
	for (size_t i = 0; i < SVART_ARRAY_SIZE(options); i++) {
		struct rig *r = rig_create(options[i]);
		struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(20), 1, 40 * 4096);

		rig_start(r, 0, 0);
		submit_and_run(r, &desc);
		assert_int_equal(r->groups[0].nr, sizes[i]);
		rig_run_serving(r);
		assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
		rig_destroy(r);
	}
}

static void test_option_prg_rate_lets_engines_take_turns(void **state)
{
	struct rig *r = rig_create("prg_rate=1");

	(void)state;
	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF), 0x3);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	for (unsigned int i = 0; i < 2; i++) {
		struct svart_dsa_desc desc = rig_fill(r, i, rig_page(10 + 10 * i), 1, 3 * 4096);

		rig_submit(r, 0, &desc);
	}
	rig_run(r);
	/* The second group began before the first had its LAST. */
	assert_int_equal(r->nr_groups, 2);
	assert_int_equal(r->groups[0].nr, 3);
	assert_int_equal(r->groups[1].nr, 3);
	assert_true(r->interleaved);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

static void test_copy_with_groups_of_one_page_asks_for_source_then_destination(void **state)
{
	struct rig *r = rig_create("prg_pages=1");
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 64);

	(void)state;
	rig_start(r, 0, 0);
	rig_submit(r, 0, &desc);
	rig_run_serving(r);
	assert_int_equal(r->nr_groups, 2);
	assert_request(r, 0, 0, 10, false);
	assert_request(r, 1, 0, 40, true);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

static void test_groups_that_are_open_have_different_indexes(void **state)
{
	struct rig *r = rig_create(NULL);

	(void)state;
	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF), 0xf);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	for (unsigned int i = 0; i < 4; i++) {
		struct svart_dsa_desc desc = rig_fill(r, i, rig_page(10 + 4 * i), 1, 64);

		rig_submit(r, 0, &desc);
	}
	rig_run(r);
	assert_int_equal(r->nr_groups, 4);
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int j = 0; j < i; j++)
			assert_int_not_equal(r->groups[i].prgi, r->groups[j].prgi);
	}
	/* Answered in another order. */
	for (unsigned int i = 4; i-- > 0;) {
		rig_map(r, 10 + 4 * i, 1, RIG_RW);
		rig_answer(r, i, SVART_BUS_PRG_SUCCESS);
		rig_run(r);
		assert_int_equal(rig_record(r, i).status, SVART_DSA_STATUS_SUCCESS);
	}
	rig_destroy(r);
}

static void test_indexes_of_groups_wrap_at_9_bits(void **state)
{
	struct rig *r = *state;

	r->answer_at_once = true;
	for (unsigned int i = 0; i < 600; i++) {
		struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

		rig_map(r, 10, 1, RIG_NONE);
		assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
		assert_int_equal(r->groups[r->nr_groups - 1].prgi, i % 512);
	}
}

static void test_pasid_of_the_wq_is_in_requests(void **state)
{
	struct rig *r = rig_create(NULL);
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

	(void)state;
	r->pasid = 42;
	rig_start(r,
		(uint32_t)(SVART_DSA_WQCFG2_PASID_EN |
			   SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, 42)),
		0);
	submit_and_run(r, &desc);
	assert_int_equal(r->groups[0].pasid, 42);
	/* An answer for another PASID is not ours. */
	svart_dsa_model.page_response(r->dev, 43, r->groups[0].prgi, SVART_BUS_PRG_INVALID);
	assert_false(svart_dsa_model.step(r->dev));
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

static void test_privilege_of_the_wq_is_in_requests_with_a_pasid(void **state)
{
	const uint32_t pasid = (uint32_t)(SVART_DSA_WQCFG2_PASID_EN |
					  SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, 42));
	struct rig *r = rig_create(NULL);
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

	(void)state;
	r->pasid = 42;
	r->privileged = true;
	rig_start(r, (uint32_t)SVART_DSA_WQCFG2_PRIV | pasid, 0);
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_NONE);
	rig_allow(r, RIG_RECORDS_PAGE, 1, RIG_NONE);
	rig_do(r, 0, &desc);
	assert_true(request_of(r, 0, 0)->priv);
	/* The record could not be written. */
	assert_true((rig_reg(r, SVART_DSA_SWERR_OFF) & SVART_DSA_SWERR0_PRIV) != 0);
	rig_destroy(r);
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void test_answer_from_within_the_request_is_taken(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(60), rig_page(10), 40 * 4096 + 5);

	r->answer_at_once = true;
	rig_submit(r, 0, &desc);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->requests_open, 0);
}

static void test_answer_that_nobody_waits_for_is_ignored(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

	svart_dsa_model.page_response(r->dev, SVART_BUS_NO_PASID, 0, SVART_BUS_PRG_INVALID);
	svart_dsa_model.page_response(r->dev, SVART_BUS_NO_PASID, 600, SVART_BUS_PRG_INVALID);
	submit_and_run(r, &desc);
	svart_dsa_model.page_response(r->dev, SVART_BUS_NO_PASID,
		(uint16_t)((r->groups[0].prgi + 1) % 512), SVART_BUS_PRG_INVALID);
	assert_false(svart_dsa_model.step(r->dev));
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	svart_dsa_model.page_response(
		r->dev, SVART_BUS_NO_PASID, r->groups[0].prgi, SVART_BUS_PRG_INVALID);
	assert_false(svart_dsa_model.step(r->dev));
}

static void test_success_without_a_page_is_asked_again_and_ends(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10) + 8, 1, 64);
	unsigned int answers = 0;
	struct svart_dsa_record record;

	submit_and_run(r, &desc);
	while (!r->groups[r->nr_groups - 1].answered) {
		rig_answer(r, r->nr_groups - 1, SVART_BUS_PRG_SUCCESS);
		rig_run(r);
		assert_true(++answers < 100);
	}
	assert_int_equal(answers, 64);
	record = rig_record(r, 0);
	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, true, rig_page(10) + 8, 0);
}

/** However often it asked: what it is given may be taken away again by what others are given. */
static void test_an_answer_is_looked_at_without_delay(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

	submit_and_run(r, &desc);
	for (unsigned int answers = 0; answers < 10; answers++) {
		rig_answer(r, r->nr_groups - 1, SVART_BUS_PRG_SUCCESS);
		rig_run(r);
	}
	rig_map(r, 10, 1, RIG_RW);
	rig_answer(r, r->nr_groups - 1, SVART_BUS_PRG_SUCCESS);
	assert_true(svart_dsa_model.step(r->dev));
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_success_of_a_full_queue_is_asked_again_for_as_long_as_it_takes(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 5 * 4096);

	r->full = 1000;
	submit_and_run(r, &desc);
	assert_int_equal(r->full, 0);
	assert_int_equal(r->nr_groups, 1);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_success_without_the_needed_page_asks_for_nothing_else(void **state)
{
	struct rig *r = rig_create("prg_pages=64");
	struct svart_dsa_desc desc;

	(void)state;
	rig_start(r, 0, 0);
	desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 12 * 4096);
	/* Each group loses what is needed first; one of a single page cannot. */
	r->drop_first = UINT32_MAX;
	rig_submit(r, 0, &desc);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

/** Answers "success" and never maps. @return the most steps that there were between two requests. */
static unsigned int longest_rest(const char *options)
{
	struct rig *r = rig_create(options);
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);
	unsigned int steps, longest = 0, groups;

	rig_start(r, 0, 0);
	submit_and_run(r, &desc);
	for (groups = 1; groups < 64; groups++) {
		assert_int_equal(r->nr_groups, groups);
		rig_answer(r, groups - 1, SVART_BUS_PRG_SUCCESS);
		for (steps = 0; r->nr_groups == groups; steps++)
			assert_true(svart_dsa_model.step(r->dev));
		longest = steps > longest ? steps : longest;
	}
	rig_answer(r, groups - 1, SVART_BUS_PRG_SUCCESS);
	rig_run(r);
	/* With or without a rest it asks as often. */
	assert_int_equal(rig_record(r, 0).status,
		SVART_DSA_STATUS_PAGE_FAULT_RESPONSE | SVART_DSA_STATUS_WRITE);
	rig_destroy(r);
	return longest;
}

static void test_option_prg_rest_off_asks_again_at_once(void **state)
{
	(void)state;
	assert_true(longest_rest(NULL) > 4096);
	assert_true(longest_rest("prg_rest=on") > 4096);
	assert_int_equal(longest_rest("prg_rest=off"), 1);
}

/** Answers "success" and never maps. @return pages that the fourth group asks for. */
static unsigned int pages_of_a_later_group(const char *options)
{
	struct rig *r = rig_create(options);
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 5 * 4096);
	unsigned int nr;

	rig_start(r, 0, 0);
	submit_and_run(r, &desc);
	for (nr = 1; nr < 4; nr++) {
		rig_answer(r, r->nr_groups - 1, SVART_BUS_PRG_SUCCESS);
		rig_run(r);
	}
	assert_int_equal(r->nr_groups, 4);
	assert_int_equal(r->groups[0].nr, 8);
	/* What is needed is first, whatever comes after it. */
	assert_int_equal(request_of(r, 3, 0)->addr, rig_page(10));
	assert_int_equal(request_of(r, 3, 1)->addr, rig_page(40));
	nr = r->groups[3].nr;
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
	return nr;
}

static void test_option_prg_ahead_always_asks_ahead_on_every_try(void **state)
{
	(void)state;
	assert_int_equal(pages_of_a_later_group(NULL), 2);
	assert_int_equal(pages_of_a_later_group("prg_ahead=first"), 2);
	assert_int_equal(pages_of_a_later_group("prg_ahead=always"), 8);
}

static void test_nothing_is_asked_ahead_by_accesses_that_wait(void **state)
{
	struct rig *r = rig_create("prg_ahead=always");
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 5 * 4096);

	(void)state;
	r->stalls = true;
	rig_start(r, 0, 0);
	submit_and_run(r, &desc);
	assert_int_equal(r->nr_groups, 1);
	assert_int_equal(r->groups[0].nr, 2);
	assert_int_equal(request_of(r, 0, 0)->addr, rig_page(10));
	assert_int_equal(request_of(r, 0, 1)->addr, rig_page(40));
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

static void test_refusal_of_the_needed_page_is_status_4(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10) + 8, 64);
	struct svart_dsa_record record;

	rig_allow(r, 10, 1, RIG_NONE);
	record = rig_do(r, 0, &desc);
	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, false, rig_page(10) + 8, 0);
	/* Both first, then the needed page alone. */
	assert_int_equal(r->nr_groups, 2);
	assert_int_equal(r->groups[0].nr, 2);
	assert_int_equal(r->groups[1].nr, 1);
}

static void test_refusal_of_a_write_sets_bit_7(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 64);
	struct svart_dsa_record record;

	/* Read-only. */
	rig_allow(r, 40, 1, RIG_R);
	rig_map(r, 40, 1, RIG_R);
	rig_map(r, 10, 1, RIG_R);
	record = rig_do(r, 0, &desc);
	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, true, rig_page(40), 0);
}

static void test_response_failure_is_status_4_too(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);
	struct svart_dsa_record record;

	submit_and_run(r, &desc);
	rig_answer(r, 0, SVART_BUS_PRG_FAILURE);
	rig_run(r);
	record = rig_record(r, 0);
	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, true, rig_page(10), 0);
}

static void test_refusal_of_a_page_not_needed_yet_does_not_fail_early(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	rig_map(r, 40, 20, RIG_RW);
	rig_allow(r, 15, 1, RIG_NONE);
	desc = rig_memmove(r, 0, rig_page(40), rig_page(10) + 1, 10 * 4096);
	record = rig_do(r, 0, &desc);
	assert_fault(
		&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, false, rig_page(15), 5 * 4096 - 1);
	assert_bytes_equal(r, desc.dst, desc.src, 5 * 4096 - 1);
}

static void test_refusal_by_the_destination_reports_what_was_done(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40) + 16, rig_page(10), 6 * 4096);
	struct svart_dsa_record record;

	rig_allow(r, 43, 1, RIG_R);
	record = rig_do(r, 0, &desc);
	assert_fault(
		&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, true, rig_page(43), 3 * 4096 - 16);
}

static void test_refusal_of_a_backward_copy_counts_from_the_end(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(11) + 100, rig_page(10), 10 * 4096);
	struct svart_dsa_record record;

	rig_map(r, 10, 12, RIG_RW);
	rig_map(r, 15, 1, RIG_NONE);
	rig_allow(r, 15, 1, RIG_NONE);
	record = rig_do(r, 0, &desc);
	/* The destination gets there first or the source: the source ends lower. */
	assert_fault(
		&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, false, rig_page(16) - 1, 4 * 4096);
	assert_int_equal(record.result, 1);
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Takes the records' page away. What of it may come back: access. */
static void lose_records(struct rig *r, unsigned int access)
{
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_NONE);
	rig_allow(r, RIG_RECORDS_PAGE, 1, access);
}

static void test_missing_page_of_a_record_is_asked_for_and_waited_for(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 0x5a, 64);

	rig_map(r, 10, 1, RIG_RW);
	lose_records(r, RIG_RW);
	submit_and_run(r, &desc);
	/* The work is done; only its record is not. */
	assert_int_equal(*rig_at(r, rig_page(10)), 0x5a);
	assert_int_equal(r->nr_groups, 1);
	assert_int_equal(r->groups[0].nr, 1);
	assert_request(r, 0, 0, RIG_RECORDS_PAGE, true);
	assert_false(svart_dsa_model.step(r->dev));
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->nr_groups, 1);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
}

static void test_page_of_a_record_is_asked_for_by_who_may_not_block(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 3 * 4096);
	struct svart_dsa_record record;

	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	rig_map(r, 10, 2, RIG_R);
	rig_map(r, 40, 3, RIG_RW);
	lose_records(r, RIG_RW);
	record = rig_do(r, 0, &desc);
	/* What it says has waited for the page, too. */
	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT, false, rig_page(12), 2 * 4096);
	assert_int_equal(r->nr_groups, 1);
	assert_request(r, 0, 0, RIG_RECORDS_PAGE, true);
}

static void test_page_of_a_record_after_a_backward_copy_is_asked_for_alone(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(11), rig_page(10), 2 * 4096);

	rig_map(r, 10, 4, RIG_RW);
	lose_records(r, RIG_RW);
	submit_and_run(r, &desc);
	assert_int_equal(r->groups[0].nr, 1);
	assert_request(r, 0, 0, RIG_RECORDS_PAGE, true);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_data_and_record_may_both_be_missing(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 64);

	lose_records(r, RIG_RW);
	rig_allow(r, 10, 1, RIG_NONE);
	rig_do(r, 0, &desc);
	/* Both operands, the needed one alone, the record. */
	assert_int_equal(r->nr_groups, 3);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE);
	assert_int_equal(rig_record(r, 0).fault_addr, rig_page(10));
}

static void test_interrupt_waits_for_the_page_of_its_record(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	rig_flags(&desc, SVART_DSA_FLAG_RCI, 0);
	desc.int_handle = 3;
	lose_records(r, RIG_RW);
	submit_and_run(r, &desc);
	assert_int_equal(r->nr_interrupts[3], 0);
	rig_run_serving(r);
	assert_int_equal(r->nr_interrupts[3], 1);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void assert_record_swerr(struct rig *r)
{
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_SWERR0_ERROR, rig_reg(r, SVART_DSA_SWERR_OFF)),
		SVART_DSA_STATUS_RECORD_TRANSLATION);
	assert_true((rig_reg(r, SVART_DSA_SWERR_OFF) & SVART_DSA_SWERR0_WRITE) != 0);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 16), rig_record_va(0));
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	rig_reg32_set(r, SVART_DSA_SWERR_OFF, 3);
}

static void test_page_of_a_record_that_never_comes_goes_to_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	unsigned int answers = 0;

	lose_records(r, RIG_RW);
	submit_and_run(r, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	while (!r->groups[r->nr_groups - 1].answered) {
		rig_answer(r, r->nr_groups - 1, SVART_BUS_PRG_SUCCESS);
		rig_run(r);
		assert_true(++answers < 100);
	}
	assert_int_equal(answers, 64);
	assert_record_swerr(r);
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_RW);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_page_of_a_record_without_page_requests_goes_to_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

	r->pri = false;
	r->allocation = 0;
	lose_records(r, RIG_RW);
	/* Its data is missing, too. */
	rig_do(r, 0, &desc);
	assert_record_swerr(r);
}

static void test_what_waits_for_the_page_of_its_record_is_drained_or_aborted(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	lose_records(r, RIG_RW);
	submit_and_run(r, &desc);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1), SVART_DSA_CMDSTS_ACTIVE);
	rig_run_serving(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF), 0);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	lose_records(r, RIG_RW);
	submit_and_run(r, &desc);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_WQ, 1), 0);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
}

/* --- Not blocking ----------------------------------------------------------------------------- */

/* Completes desc by touching what is missing and going on, as software does. Returns how often. */
static unsigned int resume(struct rig *r, struct svart_dsa_desc *desc)
{
	unsigned int rounds = 0;

	for (;;) {
		struct svart_dsa_record record;
		unsigned int page;

		memset(rig_at(r, desc->completion_addr), 0, SVART_DSA_RECORD_BYTES);
		record = rig_do(r, 0, desc);
		if (record.status == SVART_DSA_STATUS_SUCCESS)
			return rounds;
		assert_int_equal(SVART_FIELD_GET(SVART_DSA_STATUS_CODE, record.status),
			SVART_DSA_STATUS_PAGE_FAULT);
		page = (unsigned int)((record.fault_addr - RIG_VA) >> SVART_PAGE_SHIFT);
		rig_map(r, page, 1,
			(record.status & SVART_DSA_STATUS_WRITE) != 0 ? RIG_RW
								      : r->present[page] | RIG_R);
		if (record.result == 0) {
			desc->src += record.bytes_completed;
			desc->dst += record.bytes_completed;
		}
		desc->size -= record.bytes_completed;
		assert_true(++rounds < 200);
	}
}

static void check_resume(struct rig *r, uint64_t dst, uint64_t src, uint32_t size)
{
	static uint8_t want[RIG_BYTES], got[RIG_BYTES];
	struct svart_dsa_desc desc = rig_memmove(r, 0, dst, src, size);
	uint64_t random = 99;

	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	rig_map(r, 0, RIG_RECORDS_PAGE, RIG_NONE);
	rig_random_bytes(r, &random);
	rig_read(r, RIG_VA, want, sizeof(want));
	memmove(want + (dst - RIG_VA), want + (src - RIG_VA), size);
	assert_in_range(resume(r, &desc), 2, 100);
	rig_read(r, RIG_VA, got, sizeof(got));
	assert_memory_equal(got, want, RIG_BYTES - SVART_PAGE_SIZE);
	assert_int_equal(r->nr_groups, 0);
}

static void test_partial_completion_says_where_it_stopped(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(40) + 10, rig_page(10), 4 * 4096);
	struct svart_dsa_record record;

	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	rig_map(r, 10, 4, RIG_R);
	rig_map(r, 40, 2, RIG_RW);
	record = rig_do(r, 0, &desc);
	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT, true, rig_page(42), 2 * 4096 - 10);
	assert_int_equal(r->nr_groups, 0);
}

static void test_partial_completions_resumed_give_the_same_bytes(void **state)
{
	check_resume(*state, rig_page(60) + 17, rig_page(10) + 4090, 20 * 4096 + 5);
	check_resume(*state, rig_page(10) + 100, rig_page(12), 20 * 4096 + 5);
	/* Backwards. */
	check_resume(*state, rig_page(12), rig_page(10) + 100, 20 * 4096 + 5);
	check_resume(*state, rig_page(10) + 1, rig_page(10), 20 * 4096 + 5);
}

static void test_partial_fill_resumed_goes_on(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10) + 8, 0x0807060504030201, 9000);
	uint64_t dst = desc.dst;

	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	for (;;) {
		struct svart_dsa_record record = rig_do(r, 0, &desc);

		if (record.status == SVART_DSA_STATUS_SUCCESS)
			break;
		assert_int_equal(
			record.status, SVART_DSA_STATUS_PAGE_FAULT | SVART_DSA_STATUS_WRITE);
		rig_map(r, (unsigned int)((record.fault_addr - RIG_VA) >> SVART_PAGE_SHIFT), 1,
			RIG_RW);
		desc.dst += record.bytes_completed;
		desc.size -= record.bytes_completed;
	}
	for (unsigned int i = 0; i < 9000; i++)
		assert_int_equal(*rig_at(r, dst + i), i % 8 + 1);
}

/* --- Credits ---------------------------------------------------------------------------------- */

static void test_group_is_no_larger_than_what_may_be_outstanding(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 30 * 4096);

	r->allocation = 3;
	rig_submit(r, 0, &desc);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->requests_most, 3);
}

static void test_engines_that_share_one_credit_all_go_on(void **state)
{
	struct rig *r = rig_create(NULL);

	(void)state;
	r->allocation = 1;
	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF), 0xf);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	for (unsigned int i = 0; i < 8; i++) {
		struct svart_dsa_desc desc = rig_fill(r, i, rig_page(4 + 8 * i), 1, 4 * 4096);

		rig_submit(r, 0, &desc);
	}
	rig_run_serving(r);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(rig_record(r, i).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->requests_most, 1);
	rig_destroy(r);
}

static void test_bus_without_credits_is_asked_again(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 4 * 4096);

	r->busy_after = 0;
	submit_and_run(r, &desc);
	assert_int_equal(r->nr_groups, 0);
	assert_false(svart_dsa_model.step(r->dev));
	r->busy_after = UINT32_MAX;
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_group_that_credits_cut_ends_with_the_next_request(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 8 * 4096);

	r->busy_after = 2;
	submit_and_run(r, &desc);
	assert_int_equal(r->groups[0].nr, 2);
	assert_false(r->groups[0].complete);
	/* Nothing was answered yet, whatever comes. */
	svart_dsa_model.page_response(
		r->dev, SVART_BUS_NO_PASID, r->groups[0].prgi, SVART_BUS_PRG_INVALID);
	r->busy_after = UINT32_MAX;
	rig_run(r);
	assert_true(r->groups[0].complete);
	assert_int_equal(r->groups[0].nr, 3);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_abort_of_a_cut_group_still_ends_it(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 8 * 4096);

	r->busy_after = 2;
	submit_and_run(r, &desc);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_WQ, 1), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1), 0);
	rig_run(r);
	assert_false(r->groups[0].complete);
	r->busy_after = UINT32_MAX;
	rig_run(r);
	assert_true(r->groups[0].complete);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	desc = rig_fill(r, 1, rig_page(30), 1, 8 * 4096);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_bus_without_page_requests_is_status_4(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 8 * 4096);
	struct svart_dsa_record record;

	r->pri = false;
	r->allocation = 0;
	rig_map(r, 10, 2, RIG_RW);
	record = rig_do(r, 0, &desc);
	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, true, rig_page(12), 2 * 4096);
}

static void test_bus_master_lost_while_sending_halts(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 8 * 4096);

	r->busy_after = 2;
	submit_and_run(r, &desc);
	r->bus_master = false;
	rig_run(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENSTS_OFF) & 3, SVART_DSA_STATE_HALT);
	svart_dsa_model.reset(r->dev);
	assert_false(svart_dsa_model.step(r->dev));
}

/* --- Invalidation ----------------------------------------------------------------------------- */

static void test_invalidation_while_blocked_is_seen(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_map(r, 10, 4, RIG_R);
	desc = rig_memmove(r, 0, rig_page(40), rig_page(10), 4 * 4096);
	submit_and_run(r, &desc);
	assert_request(r, 0, 0, 40, true);
	/* The source goes while the destination is waited for. */
	rig_map(r, 10, 4, RIG_NONE);
	rig_run_serving(r);
	assert_int_equal(r->nr_groups, 2);
	assert_request(r, 1, 0, 10, false);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_invalidation_while_running_is_seen(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_map(r, 10, 110, RIG_RW);
	desc = rig_fill(r, 0, rig_page(10), UINT64_C(0x5555555555555555), 110 * 4096);
	rig_submit(r, 0, &desc);
	assert_true(svart_dsa_model.step(r->dev));
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	/* The rig checks every access: a stale translation would be found. */
	rig_map(r, 10, 110, RIG_NONE);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_true(r->nr_groups > 0);
	for (uint32_t at = 0; at < desc.size; at += 64)
		assert_int_equal(*rig_at(r, desc.dst + at), 0x55);
}

/* Blocks of pages: see DSA_BLOCK_BYTES. */

static void test_a_block_is_translated_once(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(80), rig_page(64), 16 * 4096);
	unsigned int before = r->nr_translates;

	rig_map(r, 64, 32, RIG_RW);
	rig_do(r, 0, &desc);
	/* Both operands and the record. */
	assert_int_equal(r->nr_translates, before + 3);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_translates, before + 3);
}

static void test_a_block_goes_with_any_of_its_pages(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(80), rig_page(64), 16 * 4096);

	rig_map(r, 64, 32, RIG_RW);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_groups, 0);
	rig_map(r, 70, 1, RIG_NONE);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_groups, 1);
	assert_request(r, 0, 0, 70, false);
	rig_map(r, 95, 1, RIG_R);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_groups, 2);
	assert_request(r, 1, 0, 95, true);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_bytes_equal(r, desc.dst, desc.src, desc.size);
}

static void test_a_block_that_may_be_read_may_not_be_written(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(80), rig_page(64), 16 * 4096);

	rig_map(r, 64, 16, RIG_R);
	rig_map(r, 80, 16, RIG_RW);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_groups, 0);
	desc = rig_memmove(r, 0, rig_page(64), rig_page(80), 16 * 4096);
	rig_do(r, 0, &desc);
	assert_request(r, 0, 0, 64, true);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_invalidation_of_all_forgets_one_pasid_only(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	unsigned int before;

	rig_map(r, 10, 2, RIG_RW);
	desc = rig_fill(r, 0, rig_page(10), 1, 64);
	rig_do(r, 0, &desc);
	before = r->nr_translates;
	svart_dsa_model.invalidate(r->dev, 5, 0, UINT64_MAX);
	svart_dsa_model.invalidate(r->dev, SVART_BUS_NO_PASID, 0, rig_page(10));
	svart_dsa_model.invalidate(r->dev, SVART_BUS_NO_PASID, rig_page(11), 4096);
	svart_dsa_model.invalidate(r->dev, SVART_BUS_NO_PASID, rig_page(10), 0);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_translates, before);
	svart_dsa_model.invalidate(r->dev, SVART_BUS_NO_PASID, 0, UINT64_MAX);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_translates, before + 2);
	/* Any byte of a page is the page. */
	svart_dsa_model.invalidate(r->dev, SVART_BUS_NO_PASID, rig_page(10), 1);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_translates, before + 3);
	svart_dsa_model.invalidate(r->dev, SVART_BUS_NO_PASID, rig_page(11) - 1, 1);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_translates, before + 4);
}

static void test_read_only_translation_is_asked_anew_for_a_write(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_map(r, 10, 1, RIG_R);
	desc = rig_memmove(r, 0, rig_page(20), rig_page(10), 64);
	rig_do(r, 0, &desc);
	/* No invalidation is needed when permissions grow. */
	rig_map(r, 10, 1, RIG_RW);
	desc = rig_fill(r, 0, rig_page(10), 1, 64);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->nr_groups, 1);
}

/* --- Isolation -------------------------------------------------------------------------------- */

static void test_blocked_wq_does_not_stop_another_group(void **state)
{
	struct rig *r = rig_create(NULL);
	struct svart_dsa_desc desc;

	(void)state;
	rig_wq_config(r, 1, 16);
	rig_start(r, 0, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 1), 0);
	desc = rig_fill(r, 0, rig_page(10), 1, 64);
	submit_and_run(r, &desc);
	desc = rig_simple(r, 1, SVART_DSA_OP_NOOP);
	rig_submit(r, 0, &desc); /* Behind the blocked one. */
	for (unsigned int i = 2; i < 10; i++) {
		rig_map(r, 40, 1, RIG_RW);
		desc = rig_fill(r, i, rig_page(40), i, 64);
		rig_submit(r, 1, &desc);
		rig_run(r);
		assert_int_equal(rig_record(r, i).status, SVART_DSA_STATUS_SUCCESS);
	}
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

/* Distances from source to destination: apart, overlapping from below, overlapping from above. */
static const int64_t sweep_shifts[] = { 40 * 4096 + 9, 4096 + 7, -(4096 + 7) };

#define SWEEP_SRC   (rig_page(20) + 4000)
#define SWEEP_BYTES (5u * 4096 + 200)

/*
 * Copies with one page missing, once for each page of memory. Checks status, place and bytes with what
 * a copy of that many bytes does.
 */
static void sweep(struct rig *r, int64_t shift, bool blocks, bool refused)
{
	static uint8_t before[RIG_BYTES], want[RIG_BYTES], got[RIG_BYTES];
	uint64_t src = SWEEP_SRC, dst = src + (uint64_t)shift;
	bool backward = shift > 0 && shift < SWEEP_BYTES;
	uint64_t random = 5;

	for (unsigned int page = 0; page < RIG_RECORDS_PAGE; page++) {
		struct svart_dsa_desc desc = rig_memmove(r, 0, dst, src, SWEEP_BYTES);
		uint64_t from = src - RIG_VA, to = dst - RIG_VA;
		struct svart_dsa_record record;
		uint32_t done;

		rig_allow(r, 0, RIG_RECORDS_PAGE, RIG_RW);
		rig_map(r, 0, RIG_RECORDS_PAGE, RIG_RW);
		rig_random_bytes(r, &random);
		rig_read(r, RIG_VA, before, sizeof(before));
		rig_map(r, page, 1, RIG_NONE);
		rig_allow(r, page, 1, refused ? RIG_NONE : RIG_RW);
		rig_flags(&desc, 0, blocks ? 0 : SVART_DSA_FLAG_BOF);
		record = rig_do(r, 0, &desc);
		done = record.bytes_completed;
		if (record.status == SVART_DSA_STATUS_SUCCESS) {
			done = SWEEP_BYTES;
		} else {
			assert_true(refused || !blocks);
			assert_true(done < SWEEP_BYTES);
			assert_int_equal(svart_page_down(record.fault_addr), rig_page(page));
			assert_int_equal(record.result, backward);
		}
		memcpy(want, before, sizeof(want));
		if (backward) {
			from += SWEEP_BYTES - done;
			to += SWEEP_BYTES - done;
		}
		memcpy(want + to, before + from, done);
		rig_read(r, RIG_VA, got, sizeof(got));
		assert_memory_equal(got, want, RIG_BYTES - SVART_PAGE_SIZE);
		rig_serve(r);
	}
}

static void test_missing_page_anywhere_is_waited_for(void **state)
{
	for (size_t i = 0; i < SVART_ARRAY_SIZE(sweep_shifts); i++)
		sweep(*state, sweep_shifts[i], true, false);
}

static void test_missing_page_anywhere_stops_where_it_is(void **state)
{
	for (size_t i = 0; i < SVART_ARRAY_SIZE(sweep_shifts); i++) {
		sweep(*state, sweep_shifts[i], false, false);
		sweep(*state, sweep_shifts[i], true, true);
	}
}

static void test_operand_at_the_end_of_memory_ends_with_a_fault(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, UINT64_MAX - 100, 1, 4096);
	struct svart_dsa_record record = rig_do(r, 0, &desc);

	assert_fault(&record, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, true, UINT64_MAX - 100, 0);
	desc = rig_memmove(r, 0, UINT64_MAX - 100, UINT64_MAX - 200, 4096);
	record = rig_do(r, 0, &desc);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_STATUS_CODE, record.status),
		SVART_DSA_STATUS_PAGE_FAULT_RESPONSE);
	assert_int_equal(record.bytes_completed, 0);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	RIG_TEST(test_missing_source_is_asked_for_with_what_is_missing_after_it),
	RIG_TEST(test_missing_source_and_destination_are_of_one_group),
	RIG_TEST(test_group_ends_with_the_operand),
	RIG_TEST(test_group_of_a_backward_copy_goes_down),
	cmocka_unit_test(test_option_prg_pages_bounds_a_group),
	cmocka_unit_test(test_option_prg_rest_off_asks_again_at_once),
	cmocka_unit_test(test_option_prg_ahead_always_asks_ahead_on_every_try),
	cmocka_unit_test(test_nothing_is_asked_ahead_by_accesses_that_wait),
	cmocka_unit_test(test_option_prg_rate_lets_engines_take_turns),
	cmocka_unit_test(test_copy_with_groups_of_one_page_asks_for_source_then_destination),
	cmocka_unit_test(test_groups_that_are_open_have_different_indexes),
	RIG_TEST(test_indexes_of_groups_wrap_at_9_bits),
	cmocka_unit_test(test_pasid_of_the_wq_is_in_requests),
	cmocka_unit_test(test_privilege_of_the_wq_is_in_requests_with_a_pasid),
	RIG_TEST(test_answer_from_within_the_request_is_taken),
	RIG_TEST(test_answer_that_nobody_waits_for_is_ignored),
	RIG_TEST(test_success_without_a_page_is_asked_again_and_ends),
	RIG_TEST(test_an_answer_is_looked_at_without_delay),
	RIG_TEST(test_success_of_a_full_queue_is_asked_again_for_as_long_as_it_takes),
	cmocka_unit_test(test_success_without_the_needed_page_asks_for_nothing_else),
	RIG_TEST(test_refusal_of_the_needed_page_is_status_4),
	RIG_TEST(test_refusal_of_a_write_sets_bit_7),
	RIG_TEST(test_response_failure_is_status_4_too),
	RIG_TEST(test_refusal_of_a_page_not_needed_yet_does_not_fail_early),
	RIG_TEST(test_refusal_by_the_destination_reports_what_was_done),
	RIG_TEST(test_refusal_of_a_backward_copy_counts_from_the_end),
	RIG_TEST(test_missing_page_of_a_record_is_asked_for_and_waited_for),
	RIG_TEST(test_page_of_a_record_is_asked_for_by_who_may_not_block),
	RIG_TEST(test_page_of_a_record_after_a_backward_copy_is_asked_for_alone),
	RIG_TEST(test_data_and_record_may_both_be_missing),
	RIG_TEST(test_interrupt_waits_for_the_page_of_its_record),
	RIG_TEST(test_page_of_a_record_that_never_comes_goes_to_swerr),
	RIG_TEST(test_page_of_a_record_without_page_requests_goes_to_swerr),
	RIG_TEST(test_what_waits_for_the_page_of_its_record_is_drained_or_aborted),
	RIG_TEST(test_partial_completion_says_where_it_stopped),
	RIG_TEST(test_partial_completions_resumed_give_the_same_bytes),
	RIG_TEST(test_partial_fill_resumed_goes_on),
	RIG_TEST(test_group_is_no_larger_than_what_may_be_outstanding),
	cmocka_unit_test(test_engines_that_share_one_credit_all_go_on),
	RIG_TEST(test_bus_without_credits_is_asked_again),
	RIG_TEST(test_group_that_credits_cut_ends_with_the_next_request),
	RIG_TEST(test_abort_of_a_cut_group_still_ends_it),
	RIG_TEST(test_bus_without_page_requests_is_status_4),
	RIG_TEST(test_bus_master_lost_while_sending_halts),
	RIG_TEST(test_invalidation_while_blocked_is_seen),
	RIG_TEST(test_invalidation_while_running_is_seen),
	RIG_TEST(test_a_block_is_translated_once),
	RIG_TEST(test_a_block_goes_with_any_of_its_pages),
	RIG_TEST(test_a_block_that_may_be_read_may_not_be_written),
	RIG_TEST(test_invalidation_of_all_forgets_one_pasid_only),
	RIG_TEST(test_read_only_translation_is_asked_anew_for_a_write),
	cmocka_unit_test(test_blocked_wq_does_not_stop_another_group),
	RIG_TEST(test_missing_page_anywhere_is_waited_for),
	RIG_TEST(test_missing_page_anywhere_stops_where_it_is),
	RIG_TEST(test_operand_at_the_end_of_memory_ends_with_a_fault),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}

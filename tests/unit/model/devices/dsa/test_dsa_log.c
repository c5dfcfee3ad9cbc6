/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The event log of DSA 2.0, and what else its version and options change. */

#include "dsa_rig.h"

#include <string.h>

#define ENTRIES  64u
#define LOG_PAGE 60u

static void log_config(struct rig *r, uint64_t base, uint32_t entries)
{
	rig_reg_set(r, SVART_DSA_EVLCFG_OFF, base);
	rig_reg_set(r, SVART_DSA_EVLCFG_OFF + 8, entries);
	rig_reg32_set(r, SVART_DSA_GENCFG_OFF, (uint32_t)SVART_DSA_GENCFG_EVL_EN);
	rig_reg32_set(r, SVART_DSA_GENCTRL_OFF, (uint32_t)SVART_DSA_GENCTRL_EVL_INT);
}

static int setup(void **state)
{
	struct rig *r = rig_create("version=2");

	rig_map(r, 0, RIG_PAGES, RIG_RW);
	rig_allow(r, 0, RIG_PAGES, RIG_RW);
	log_config(r, rig_page(LOG_PAGE), ENTRIES);
	rig_start(r, 0, 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static struct svart_dsa_log_entry entry_at(struct rig *r, uint32_t index)
{
	struct svart_dsa_log_entry entry;

	rig_read(r, rig_page(LOG_PAGE) + index * sizeof(entry), &entry, sizeof(entry));
	return entry;
}

static uint32_t tail_of(struct rig *r)
{
	return (uint32_t)SVART_FIELD_GET(
		SVART_DSA_EVLSTATUS_TAIL, rig_reg(r, SVART_DSA_EVLSTATUS_OFF));
}

static void head_set(struct rig *r, uint32_t head)
{
	rig_reg32_set(r, SVART_DSA_EVLSTATUS_OFF, head);
}

/** No page of records can be had from now on. */
static void refuse_records(struct rig *r)
{
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_NONE);
	rig_allow(r, RIG_RECORDS_PAGE, 1, RIG_NONE);
}

static void do_noop(struct rig *r, unsigned int n)
{
	struct svart_dsa_desc desc = rig_simple(r, n, SVART_DSA_OP_NOOP);

	rig_submit(r, 0, &desc);
	rig_run_serving(r);
}

static void test_log_shows_what_dsa_2_adds(void **state)
{
	struct rig *r = *state, *one = rig_create(NULL);

	assert_int_equal(rig_reg(r, SVART_DSA_VER_OFF), 0x200);
	assert_int_equal(
		rig_reg(r, SVART_DSA_GENCAP_OFF), rig_reg(one, SVART_DSA_GENCAP_OFF) | 1u << 13);
	assert_int_equal(rig_reg(r, SVART_DSA_OPCAP_OFF),
		rig_reg(one, SVART_DSA_OPCAP_OFF) | 1u << 0x0a | 1u << 0x17);
	/* Version 1 has no such registers. */
	rig_reg_set(one, SVART_DSA_EVLCFG_OFF, UINT64_MAX);
	assert_int_equal(rig_reg(one, SVART_DSA_EVLCFG_OFF), 0);
	rig_reg32_set(one, SVART_DSA_GENCFG_OFF, (uint32_t)SVART_DSA_GENCFG_EVL_EN);
	assert_int_equal(rig_reg32(one, SVART_DSA_GENCFG_OFF), 0);
	rig_destroy(one);
}

static void test_log_has_a_record_that_cannot_be_written(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_log_entry entry;

	refuse_records(r);
	do_noop(r, 3);
	entry = entry_at(r, 0);
	/* As SWERR has it, but for VALID; CRAV and RCR were asked for. */
	assert_int_equal(entry.words[0] & UINT32_MAX, 0x1a2c | 1u << 7);
	assert_int_equal(entry.words[1], SVART_DSA_LOG1_RCR);
	assert_int_equal(entry.fault_addr, rig_record_va(3));
	assert_int_equal(entry.record.status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(tail_of(r), 1);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	assert_true(rig_reg(r, SVART_DSA_EVLSTATUS_OFF) & SVART_DSA_EVLSTATUS_INT_PENDING);
	assert_int_equal(r->nr_interrupts[0], 1);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), SVART_DSA_INTCAUSE_EVL);
	/* Told once, until software has looked. */
	do_noop(r, 4);
	assert_int_equal(r->nr_interrupts[0], 1);
	rig_reg32_set(r, SVART_DSA_EVLSTATUS_OFF + 4, 1u << 30);
	head_set(r, 2);
	do_noop(r, 5);
	assert_int_equal(r->nr_interrupts[0], 2);
	assert_int_equal(tail_of(r), 3);
}

static void test_log_has_errors_without_a_record(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 0);
	struct svart_dsa_log_entry entry;

	rig_flags(&desc, 0, SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_CRAV);
	rig_do(r, 0, &desc);
	entry = entry_at(r, 0);
	assert_int_equal(entry.words[0], UINT64_C(0x30000130c));
	assert_int_equal(entry.record.status, SVART_DSA_STATUS_BAD_SIZE);
	assert_int_equal(tail_of(r), 1);
}

/** One entry stays free: who has nowhere to tell waits, and nothing is lost. */
static void test_log_that_is_full_holds_its_engine(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	refuse_records(r);
	for (i = 0; i < ENTRIES - 1; i++)
		do_noop(r, i);
	assert_int_equal(tail_of(r), ENTRIES - 1);
	do_noop(r, 70);
	do_noop(r, 71);
	assert_int_equal(tail_of(r), ENTRIES - 1);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	head_set(r, 1);
	rig_run_serving(r);
	/* It wraps. */
	assert_int_equal(tail_of(r), 0);
	assert_int_equal(entry_at(r, ENTRIES - 1).fault_addr, rig_record_va(70));
	head_set(r, 10);
	rig_run_serving(r);
	assert_int_equal(tail_of(r), 1);
	assert_int_equal(entry_at(r, 0).fault_addr, rig_record_va(71));
	/* A head beyond the log is nonsense. */
	head_set(r, ENTRIES);
	assert_int_equal(rig_reg(r, SVART_DSA_EVLSTATUS_OFF) & 0xffff, 10);
}

/** Aborted, an engine that waits for the log is idle. */
static void test_log_that_is_full_holds_up_no_abort(void **state)
{
	struct rig *r = *state;
	unsigned int i;

	refuse_records(r);
	for (i = 0; i < ENTRIES; i++)
		do_noop(r, i);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_WQ, 1) & 0xff, SVART_DSA_CMD_OK);
	rig_run_serving(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF) & SVART_DSA_CMDSTS_ACTIVE, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0) & 0xff, SVART_DSA_CMD_OK);
	rig_run_serving(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENSTS_OFF), SVART_DSA_STATE_DISABLED);
}

static void test_log_out_of_reach_leaves_swerr(void **state)
{
	struct rig *r = *state;

	rig_map(r, LOG_PAGE, 1, RIG_R);
	refuse_records(r);
	do_noop(r, 1);
	assert_int_equal(tail_of(r), 0);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF) & UINT32_MAX, 0x1a2d);
}

static void test_log_that_is_off_leaves_swerr(void **state)
{
	struct rig *r = rig_create("version=2");

	(void)state;
	rig_map(r, 0, RIG_PAGES, RIG_RW);
	log_config(r, rig_page(LOG_PAGE), ENTRIES);
	rig_reg32_set(r, SVART_DSA_GENCFG_OFF, 0);
	rig_start(r, 0, 0);
	refuse_records(r);
	do_noop(r, 1);
	assert_int_equal(tail_of(r), 0);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF) & UINT32_MAX, 0x1a2d);
	rig_destroy(r);
}

static void test_log_that_is_too_small_is_refused(void **state)
{
	struct rig *r = rig_create("version=2");

	(void)state;
	log_config(r, rig_page(LOG_PAGE), ENTRIES - 1);
	rig_wq_config(r, 0, 16);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0) & 0xff, SVART_DSA_CMD_DEV_CONFIG);
	log_config(r, rig_page(LOG_PAGE), ENTRIES);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0) & 0xff, SVART_DSA_CMD_OK);
	rig_destroy(r);
}

/** What comes after a record that is in the log is there, too, so that software writes both in order. */
static void test_log_has_drains_and_batches_behind_a_record(void **state)
{
	struct rig *r = *state;
	const struct svart_dsa_desc list[2] = { rig_simple(r, 1, SVART_DSA_OP_NOOP),
		rig_simple(r, 2, SVART_DSA_OP_NOOP) };
	struct svart_dsa_desc batch = rig_batch(r, 3, rig_page(5), 2);
	struct svart_dsa_desc drain = rig_simple(r, 4, SVART_DSA_OP_DRAIN);

	rig_write(r, rig_page(5), list, sizeof(list));
	refuse_records(r);
	rig_submit(r, 0, &batch);
	rig_run_serving(r);
	assert_int_equal(tail_of(r), 3);
	assert_true(entry_at(r, 0).words[1] & SVART_DSA_LOG1_FIRST_IN_BATCH);
	assert_false(entry_at(r, 1).words[1] & SVART_DSA_LOG1_FIRST_IN_BATCH);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_SWERR0_ERROR, entry_at(r, 2).words[0]),
		SVART_DSA_STATUS_BATCH_EVL);
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_RW);
	rig_submit(r, 0, &drain);
	rig_run_serving(r);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_SWERR0_ERROR, entry_at(r, 3).words[0]),
		SVART_DSA_STATUS_DRAIN_EVL);
	assert_int_equal(entry_at(r, 3).fault_addr, rig_record_va(4));
	/* Software has seen all. */
	head_set(r, 4);
	drain = rig_simple(r, 5, SVART_DSA_OP_DRAIN);
	rig_submit(r, 0, &drain);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 5).status, SVART_DSA_STATUS_SUCCESS);
}

/* --- operations and options --------------------------------------------------------------------- */

static void expect_pages(struct rig *r, unsigned int first, unsigned int nr, unsigned int every)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		assert_int_equal(r->present[first + i], i % every == 0 ? RIG_R : RIG_NONE);
}

/** It brings the pages of its strides, and no others. */
static void test_translation_fetch_asks_for_each_stride(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_TRANSLATION_FETCH);
	struct svart_dsa_record record;

	rig_map(r, 20, 12, RIG_NONE);
	rig_allow(r, 20, 12, RIG_R);
	rig_flags(&desc, SVART_DSA_FLAG_BOF, 0);
	desc.src = rig_page(20) + 8;
	desc.size = 12 * SVART_PAGE_SIZE - 8;
	desc.op_specific[1] = 3 * SVART_PAGE_SIZE;
	record = rig_do(r, 0, &desc);
	assert_int_equal(record.status, SVART_DSA_STATUS_SUCCESS);
	expect_pages(r, 20, 12, 3);
	desc.op_specific[1] = 8;
	record = rig_do(r, 0, &desc);
	assert_int_equal(record.status, SVART_DSA_STATUS_RESERVED_SET);
	desc.op_specific[1] = 0;
	record = rig_do(r, 0, &desc);
	assert_int_equal(record.status, SVART_DSA_STATUS_SUCCESS);
	expect_pages(r, 20, 12, 1);
}

static void expect_status(const char *options, unsigned int opcode, unsigned int status)
{
	struct rig *r = rig_create(options);
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	rig_map(r, 0, RIG_PAGES, RIG_RW);
	rig_start(r, 0, 0);
	desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 512);
	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	desc.flags_opcode = (desc.flags_opcode & ~(uint32_t)SVART_DSA_DESC_OPCODE) |
			    (uint32_t)SVART_FIELD_PREP(SVART_DSA_DESC_OPCODE, opcode);
	record = rig_do(r, 0, &desc);
	assert_int_equal(record.status, status);
	rig_destroy(r);
}

static void test_opcap_is_what_the_device_does(void **state)
{
	struct rig *r;

	(void)state;
	expect_status(NULL, SVART_DSA_OP_DIX_GENERATE, SVART_DSA_STATUS_BAD_OPCODE);
	expect_status(NULL, SVART_DSA_OP_TRANSLATION_FETCH, SVART_DSA_STATUS_BAD_OPCODE);
	expect_status("version=2", SVART_DSA_OP_DIX_GENERATE, SVART_DSA_STATUS_SUCCESS);
	expect_status("opcap=0x8", SVART_DSA_OP_MEMMOVE, SVART_DSA_STATUS_SUCCESS);
	expect_status("opcap=0x10", SVART_DSA_OP_MEMMOVE, SVART_DSA_STATUS_BAD_OPCODE);
	expect_status("opcap=0x8", SVART_DSA_OP_FILL, SVART_DSA_STATUS_BAD_OPCODE);
	expect_status("opcap=0x8", SVART_DSA_OP_BATCH, SVART_DSA_STATUS_BAD_OPCODE);
	expect_status("opcap=0x8", SVART_DSA_OP_CRC, SVART_DSA_STATUS_BAD_OPCODE);
	r = rig_create("opcap=0x1003f03f9");
	assert_int_equal(rig_reg(r, SVART_DSA_OPCAP_OFF), UINT64_C(0x1003f03f9));
	rig_destroy(r);
}

static void test_overlap_that_is_off_is_refused(void **state)
{
	struct rig *r = rig_create("overlap=off");
	struct svart_dsa_desc desc;

	(void)state;
	assert_int_equal(rig_reg(r, SVART_DSA_GENCAP_OFF) & SVART_DSA_GENCAP_OVERLAP_COPY, 0);
	rig_map(r, 0, RIG_PAGES, RIG_RW);
	rig_start(r, 0, 0);
	desc = rig_memmove(r, 0, rig_page(1) + 8, rig_page(1), 9);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_OVERLAP);
	desc = rig_memmove(r, 0, rig_page(1), rig_page(1) + 8, 9);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_OVERLAP);
	desc = rig_memmove(r, 0, rig_page(1), rig_page(1) + 8, 8);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

/** Where the WQ does not block, the flag is refused, or means nothing: then the operation stops at the page. */
static void test_bof_that_is_unasked_is_refused_or_ignored(void **state)
{
	static const struct {
		const char *options;
		unsigned int status;
	} cases[] = { { NULL, SVART_DSA_STATUS_BAD_FLAGS },
		{ "bof_unasked=refused", SVART_DSA_STATUS_BAD_FLAGS },
		{ "bof_unasked=ignored", SVART_DSA_STATUS_PAGE_FAULT } };
	struct svart_dsa_desc desc;
	struct rig *r;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(cases); i++) {
		r = rig_create(cases[i].options);
		rig_map(r, 0, RIG_PAGES, RIG_RW);
		rig_map(r, 1, 1, RIG_NONE);
		rig_start(r, 0, (uint32_t)SVART_DSA_WQCFG2_BLOCK_ON_FAULT);
		desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
		assert_int_equal(rig_do(r, 0, &desc).status, cases[i].status);
		assert_int_equal(r->nr_groups, 0);
		rig_destroy(r);
	}
}

/** A device that cannot block lets no WQ do it. */
static void test_block_on_fault_that_is_off_is_refused(void **state)
{
	struct rig *r = rig_create("block_on_fault=off");

	(void)state;
	assert_int_equal(rig_reg(r, SVART_DSA_GENCAP_OFF) & SVART_DSA_GENCAP_BLOCK_ON_FAULT, 0);
	rig_wq_config(r, 0, 16);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0) & 0xff, SVART_DSA_CMD_OK);
	assert_int_equal(
		rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0) & 0xff, SVART_DSA_CMD_WQ_BLOCK_ON_FAULT);
	rig_destroy(r);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(test_log_shows_what_dsa_2_adds),
		LOG_TEST(test_log_has_a_record_that_cannot_be_written),
		LOG_TEST(test_log_has_errors_without_a_record),
		LOG_TEST(test_log_that_is_full_holds_its_engine),
		LOG_TEST(test_log_that_is_full_holds_up_no_abort),
		LOG_TEST(test_log_out_of_reach_leaves_swerr),
		LOG_TEST(test_log_has_drains_and_batches_behind_a_record),
		LOG_TEST(test_translation_fetch_asks_for_each_stride),
		cmocka_unit_test(test_log_that_is_off_leaves_swerr),
		cmocka_unit_test(test_log_that_is_too_small_is_refused),
		cmocka_unit_test(test_opcap_is_what_the_device_does),
		cmocka_unit_test(test_overlap_that_is_off_is_refused),
		cmocka_unit_test(test_bof_that_is_unasked_is_refused_or_ignored),
		cmocka_unit_test(test_block_on_fault_that_is_off_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

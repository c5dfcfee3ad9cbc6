/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Operations where every page is there: results, checks of descriptors, records, interrupts. */

#include <errno.h>
#include <string.h>

#include "dsa_rig.h"
#include "ops.h"

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

static void assert_status(const struct svart_dsa_record *record, unsigned int status)
{
	assert_int_equal(record->status, status);
}

/* What a memmove() on the process's side gives, compared with what the device did. */
static void check_memmove(struct rig *r, uint64_t dst, uint64_t src, uint32_t size)
{
	static uint8_t want[RIG_BYTES], got[RIG_BYTES];
	struct svart_dsa_desc desc = rig_memmove(r, 0, dst, src, size);
	uint64_t random = dst ^ src ^ size ^ 1;
	struct svart_dsa_record record;

	rig_random_bytes(r, &random);
	rig_read(r, RIG_VA, want, sizeof(want));
	memmove(want + (dst - RIG_VA), want + (src - RIG_VA), size);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(record.result, 0);
	rig_read(r, RIG_VA, got, sizeof(got));
	assert_memory_equal(got, want, RIG_BYTES - SVART_PAGE_SIZE);
}

static void test_memmove_of_any_size_and_alignment_moves(void **state)
{
	static const uint32_t sizes[] = { 1, 63, 64, 65, 4095, 4096, 4097, 65536, 65537, 150001 };

	for (size_t i = 0; i < SVART_ARRAY_SIZE(sizes); i++) {
		check_memmove(*state, rig_page(60), rig_page(2), sizes[i]);
		check_memmove(*state, rig_page(60) + 4095, rig_page(2) + 1, sizes[i]);
	}
}

static void test_memmove_that_overlaps_moves_both_ways(void **state)
{
	static const uint32_t sizes[] = { 2, 64, 5000, 70000, 200001 };
	static const uint32_t shifts[] = { 1, 63, 4096, 5000, 66000 };

	for (size_t i = 0; i < SVART_ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < SVART_ARRAY_SIZE(shifts); j++) {
			check_memmove(
				*state, rig_page(4) + 7 + shifts[j], rig_page(4) + 7, sizes[i]);
			check_memmove(
				*state, rig_page(4) + 7, rig_page(4) + 7 + shifts[j], sizes[i]);
		}
	}
	check_memmove(*state, rig_page(4), rig_page(4), 10000);
}

static void test_fill_of_any_size_and_alignment_fills(void **state)
{
	static const uint32_t sizes[] = { 1, 7, 8, 9, 4096, 4097, 65537, 150001 };
	const uint64_t pattern = UINT64_C(0x0807060504030201);
	struct rig *r = *state;

	for (size_t i = 0; i < SVART_ARRAY_SIZE(sizes); i++) {
		uint64_t dst = rig_page(3) + 5 * i;
		struct svart_dsa_desc desc = rig_fill(r, 0, dst, pattern, sizes[i]);
		struct svart_dsa_record record;

		*rig_at(r, dst - 1) = 0xee;
		*rig_at(r, dst + sizes[i]) = 0xee;
		record = rig_do(r, 0, &desc);
		assert_status(&record, SVART_DSA_STATUS_SUCCESS);
		for (uint32_t at = 0; at < sizes[i]; at++)
			assert_int_equal(*rig_at(r, dst + at), at % 8 + 1);
		assert_int_equal(*rig_at(r, dst - 1), 0xee);
		assert_int_equal(*rig_at(r, dst + sizes[i]), 0xee);
	}
}

static void test_step_moves_256_kib_at_most(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(2), 1, 450000);

	rig_submit(r, 0, &desc);
	assert_int_equal(rig_run(r), (450000 + 262143) / 262144);
}

static void test_record_is_written_only_if_asked_for(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	struct svart_dsa_record record;

	rig_flags(&desc, 0, SVART_DSA_FLAG_RCR);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
}

static void test_record_of_an_error_is_written_unasked(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 0);
	struct svart_dsa_record record;

	rig_flags(&desc, 0, SVART_DSA_FLAG_RCR);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_BAD_SIZE);
}

static void test_error_without_record_address_goes_to_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 0);

	rig_flags(&desc, 0, SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_CRAV);
	rig_do(r, 0, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x30000130d));
}

static void test_record_asked_for_without_address_is_bad_flags(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	rig_flags(&desc, 0, SVART_DSA_FLAG_CRAV);
	rig_do(r, 0, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0x110d);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 8), SVART_DSA_FLAG_RCR << 32);
}

static void test_record_that_is_not_aligned_goes_to_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
	uint8_t before = *rig_at(r, rig_page(2));

	*rig_at(r, rig_page(1)) = (uint8_t)(before + 1);
	desc.completion_addr += 16;
	rig_do(r, 0, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x300001b0d));
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 16), rig_record_va(0) + 16);
	assert_int_equal(*rig_at(r, rig_page(2)), before);
}

static void test_record_that_is_refused_goes_to_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);

	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_R);
	rig_allow(r, RIG_RECORDS_PAGE, 1, RIG_R);
	*rig_at(r, rig_page(1)) = 0x5a;
	rig_do(r, 0, &desc);
	/* The operation itself was done. The register as real parts show it (here: WQ 0). */
	assert_int_equal(*rig_at(r, rig_page(2)), 0x5a);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x300001a2d));
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 16), rig_record_va(0));
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(r->nr_groups, 1);
}

static void test_swerr_carries_the_pasid(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	r->pasid = 0xabcde;
	rig_start(r,
		(uint32_t)(SVART_DSA_WQCFG2_PASID_EN |
			   SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, 0xabcde)),
		0);
	desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_NONE);
	rig_allow(r, RIG_RECORDS_PAGE, 1, RIG_NONE);
	rig_do(r, 0, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x0abcde0300001a2d));
}

static void test_pasid_of_the_wq_is_used_not_the_descriptors(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	r->pasid = 77;
	rig_start(r,
		(uint32_t)(SVART_DSA_WQCFG2_PASID_EN |
			   SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, 77)),
		0);
	desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
	desc.pasid_priv = 78 | UINT32_C(1) << 31;
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_SUCCESS);
}

static void test_opcode_that_is_not_there_is_status_10(void **state)
{
	struct rig *r = *state;
	static const unsigned int opcodes[] = { SVART_DSA_OP_TRANSLATION_FETCH, 0x0b,
		SVART_DSA_OP_DIX_GENERATE, 0x3f, 0x40, 0xff };

	for (size_t i = 0; i < SVART_ARRAY_SIZE(opcodes); i++) {
		struct svart_dsa_desc desc = rig_simple(r, 0, opcodes[i]);
		struct svart_dsa_record record = rig_do(r, 0, &desc);

		assert_status(&record, SVART_DSA_STATUS_BAD_OPCODE);
	}
}

static void test_flags_that_are_wrong_are_status_11(void **state)
{
	struct rig *r = *state;
	static const struct {
		unsigned int opcode;
		uint64_t flags;
	} wrong[] = {
		{ SVART_DSA_OP_MEMMOVE, SVART_DSA_FLAG_FENCE },
		{ SVART_DSA_OP_MEMMOVE, SVART_DSA_FLAG_CHECK_RESULT },
		{ SVART_DSA_OP_MEMMOVE, SVART_MASK(6, 6) },
		{ SVART_DSA_OP_FILL, SVART_MASK(16, 16) },
		{ SVART_DSA_OP_FILL, SVART_MASK(23, 23) | SVART_DSA_FLAG_FENCE },
		{ SVART_DSA_OP_DRAIN, SVART_DSA_FLAG_BOF },
		{ SVART_DSA_OP_DRAIN, SVART_MASK(16, 16) },
		{ SVART_DSA_OP_NOOP, SVART_DSA_FLAG_BOF },
		{ SVART_DSA_OP_NOOP, SVART_DSA_FLAG_CC },
	};

	for (size_t i = 0; i < SVART_ARRAY_SIZE(wrong); i++) {
		struct svart_dsa_desc desc = rig_simple(r, 0, wrong[i].opcode);
		struct svart_dsa_record record;

		rig_flags(&desc, wrong[i].flags, 0);
		record = rig_do(r, 0, &desc);
		assert_status(&record, SVART_DSA_STATUS_BAD_FLAGS);
		assert_int_equal(record.invalid_flags, wrong[i].flags);
	}
}

static void test_flags_that_hint_are_taken(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
	struct svart_dsa_record record;

	rig_flags(&desc,
		SVART_DSA_FLAG_CC | SVART_DSA_FLAG_ADDR1_TCS | SVART_DSA_FLAG_ADDR2_TCS |
			SVART_DSA_FLAG_CR_TCS | SVART_DSA_FLAG_STORD | SVART_DSA_FLAG_DRDBK,
		0);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_SUCCESS);
}

static void test_bof_flag_on_a_wq_without_bof_is_status_11(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	rig_start(r, 0, SVART_DSA_WQCFG2_BLOCK_ON_FAULT);
	desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_BAD_FLAGS);
	assert_int_equal(record.invalid_flags, SVART_DSA_FLAG_BOF);
}

static void test_reserved_fields_that_are_set_are_status_12(void **state)
{
	struct rig *r = *state;

	for (unsigned int i = 0; i < 7; i++) {
		struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
		struct svart_dsa_record record;

		if (i >= 5)
			desc = rig_simple(r, 0, i == 5 ? SVART_DSA_OP_NOOP : SVART_DSA_OP_DRAIN);
		if (i == 0)
			desc.pasid_priv = UINT32_C(1) << 20;
		else if (i == 1)
			desc.reserved = 1;
		else if (i < 5)
			desc.op_specific[i - 2] = 1;
		else
			desc.src = 1;
		record = rig_do(r, 0, &desc);
		assert_status(&record, SVART_DSA_STATUS_RESERVED_SET);
	}
}

static void test_size_out_of_range_is_status_13(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 0);
	struct svart_dsa_record record = rig_do(r, 0, &desc);

	assert_status(&record, SVART_DSA_STATUS_BAD_SIZE);
	desc = rig_fill(r, 0, rig_page(2), 1, (1u << 21) + 1);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_BAD_SIZE);
	assert_int_equal(record.bytes_completed, 0);
}

static void test_interrupt_is_raised_after_the_record(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	rig_flags(&desc, SVART_DSA_FLAG_RCI, 0);
	desc.int_handle = 3;
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_interrupts[3], 1);
}

static void test_interrupt_handle_that_is_bad_is_status_19(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	struct svart_dsa_record record;

	rig_flags(&desc, SVART_DSA_FLAG_RCI, 0);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_BAD_INT_HANDLE);
	desc.int_handle = SVART_DSA_NR_VECTORS;
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_BAD_INT_HANDLE);
	/* It is another PASID's. */
	desc.int_handle = 2;
	rig_reg32_set(r, 0x200 + 2 * 8, (uint32_t)SVART_DSA_MSIX_PERM_PASID_EN | 5u << 12);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_BAD_INT_HANDLE);
	assert_int_equal(r->nr_interrupts[2], 0);
	rig_reg32_set(r, 0x200 + 2 * 8, (uint32_t)SVART_DSA_MSIX_PERM_IGNORE);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_SUCCESS);
}

/* What comes of a NOOP that asks for vector 2, which is PASID 42's, on a WQ of that PASID. */
static unsigned int user_interrupt(uint32_t gencfg, uint32_t dw2_set)
{
	struct rig *r = rig_create(NULL);
	struct svart_dsa_desc desc;
	unsigned int status;

	r->pasid = 42;
	r->privileged = true;
	rig_reg32_set(r, SVART_DSA_GENCFG_OFF, gencfg);
	rig_reg32_set(r, 0x200 + 2 * 8, (uint32_t)SVART_DSA_MSIX_PERM_PASID_EN | 42u << 12);
	rig_start(r,
		dw2_set | (uint32_t)(SVART_DSA_WQCFG2_PASID_EN |
				     SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, 42)),
		0);
	desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	rig_flags(&desc, SVART_DSA_FLAG_RCI, 0);
	desc.int_handle = 2;
	status = rig_do(r, 0, &desc).status;
	assert_int_equal(r->nr_interrupts[2], status == SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
	return status;
}

static void test_interrupts_of_users_with_a_pasid_must_be_enabled(void **state)
{
	const uint32_t enabled = SVART_DSA_GENCFG_USER_INT_EN, priv = SVART_DSA_WQCFG2_PRIV;

	(void)state;
	assert_int_equal(user_interrupt(0, 0), SVART_DSA_STATUS_BAD_INT_HANDLE);
	assert_int_equal(user_interrupt(enabled, 0), SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(user_interrupt(0, priv), SVART_DSA_STATUS_SUCCESS);
}

static void test_drain_waits_for_what_came_before(void **state)
{
	struct rig *r = rig_create(NULL);
	struct svart_dsa_desc move, drain, noop;

	(void)state;
	/* Two engines share WQ 0. */
	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF), 3);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	move = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
	drain = rig_simple(r, 1, SVART_DSA_OP_DRAIN);
	noop = rig_simple(r, 2, SVART_DSA_OP_NOOP);
	rig_submit(r, 0, &move);
	rig_submit(r, 0, &drain);
	rig_submit(r, 0, &noop);
	rig_run(r);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	rig_run_serving(r);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(rig_record(r, i).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

static void test_wqs_of_a_group_take_turns(void **state)
{
	struct rig *r = rig_create("burst=1");
	struct svart_dsa_desc desc;

	(void)state;
	rig_wq_config(r, 0, 16);
	rig_wq_config(r, 1, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_WQS_OFF), 3);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_WQS_OFF), 0);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_ENGINES_OFF), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 1), 0);
	for (unsigned int i = 0; i < 4; i++) {
		desc = rig_simple(r, i, SVART_DSA_OP_NOOP);
		rig_submit(r, i < 2 ? 0 : 1, &desc);
	}
	svart_dsa_model.step(r->dev);
	svart_dsa_model.step(r->dev);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_record(r, 2).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

static void test_a_burst_tells_of_each_descriptor(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	for (unsigned int i = 0; i < 5; i++) {
		desc = rig_simple(r, i, i == 2 ? 0x3f : SVART_DSA_OP_NOOP);
		rig_submit(r, 0, &desc);
	}
	assert_true(svart_dsa_model.step(r->dev));
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(rig_record(r, i).status,
			i == 2 ? SVART_DSA_STATUS_BAD_OPCODE : SVART_DSA_STATUS_SUCCESS);
}

static void test_a_drain_in_a_burst_ends_after_what_came_before(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	uint64_t drain;

	desc = rig_simple(r, 0, SVART_DSA_OP_DRAIN);
	rig_do(r, 0, &desc);
	drain = r->last_record;
	for (unsigned int i = 1; i < 4; i++) {
		desc = rig_simple(r, i, SVART_DSA_OP_NOOP);
		rig_submit(r, 0, &desc);
	}
	desc = rig_simple(r, 0, SVART_DSA_OP_DRAIN);
	rig_do(r, 0, &desc);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->last_record, drain);
}

static void test_a_burst_ends_with_a_steps_worth_of_data(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	for (unsigned int i = 0; i < 3; i++) {
		desc = rig_fill(r, i, rig_page(10), i, 131072);
		rig_submit(r, 0, &desc);
	}
	assert_true(svart_dsa_model.step(r->dev));
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 2).status, SVART_DSA_STATUS_NONE);
}

static void test_a_burst_ends_with_a_descriptor_that_waits(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_map(r, 10, 1, RIG_NONE);
	rig_allow(r, 10, 1, RIG_RW);
	desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	rig_submit(r, 0, &desc);
	desc = rig_fill(r, 1, rig_page(10), 1, 64);
	rig_submit(r, 0, &desc);
	assert_true(svart_dsa_model.step(r->dev));
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_a_record_of_a_burst_that_cannot_be_written_is_reported(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	r->no_record_at = rig_record_va(1);
	for (unsigned int i = 0; i < 3; i++) {
		desc = rig_simple(r, i, i == 1 ? SVART_DSA_OP_DRAIN : SVART_DSA_OP_NOOP);
		rig_submit(r, 0, &desc);
	}
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_record(r, 2).status, SVART_DSA_STATUS_SUCCESS);
	/* A write, by a drain. */
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x200001a2d));
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 16), rig_record_va(1));
}

static void test_without_ats_data_moves_untranslated(void **state)
{
	struct rig *r = *state;

	rig_start(r, SVART_DSA_WQCFG2_ATS_DISABLE, 0);
	check_memmove(r, rig_page(60) + 5, rig_page(2) + 3, 150001);
	check_memmove(r, rig_page(4) + 100, rig_page(4), 70000);
	check_memmove(r, rig_page(4), rig_page(4) + 100, 70000);
	assert_int_equal(r->nr_translates, 0);
}

static void test_without_ats_on_the_bus_data_moves_untranslated(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	r->ats = false;
	check_memmove(r, rig_page(60) + 5, rig_page(2) + 3, 150001);
	desc = rig_fill(r, 0, rig_page(9) + 1, UINT64_C(0x0807060504030201), 9000);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_SUCCESS);
	for (uint32_t at = 0; at < 9000; at++)
		assert_int_equal(*rig_at(r, desc.dst + at), at % 8 + 1);
}

static void test_without_ats_a_missing_page_is_status_22(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	struct svart_dsa_record record;

	rig_start(r, SVART_DSA_WQCFG2_ATS_DISABLE, 0);
	rig_map(r, 12, 1, RIG_R);
	desc = rig_memmove(r, 0, rig_page(10) + 8, rig_page(4), 20000);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_TRANSLATION | SVART_DSA_STATUS_WRITE);
	assert_int_equal(record.bytes_completed, 2 * 4096 - 8);
	assert_int_equal(record.fault_addr, rig_page(12));
	assert_int_equal(r->nr_groups, 0);
}

static void test_without_ats_a_missing_record_page_goes_to_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_start(r, SVART_DSA_WQCFG2_ATS_DISABLE, 0);
	rig_map(r, RIG_RECORDS_PAGE, 1, RIG_R);
	desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	rig_do(r, 0, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x1a2d));
	assert_int_equal(r->nr_groups, 0);
}

static void test_access_error_is_status_20(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_memmove(r, 0, rig_page(2), rig_page(1), 64);
	struct svart_dsa_record record;

	r->copy_error = -EIO;
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_HW_ERROR);
	desc = rig_fill(r, 1, rig_page(2), 1, 64);
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_HW_ERROR);
	r->copy_error = 0;
	record = rig_do(r, 0, &desc);
	assert_status(&record, SVART_DSA_STATUS_SUCCESS);
}

#define RIG_TEST(name)         cmocka_unit_test_setup_teardown(name, setup_started, teardown)
#define RIG_TEST_STOPPED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_memmove_of_any_size_and_alignment_moves),
		RIG_TEST(test_memmove_that_overlaps_moves_both_ways),
		RIG_TEST(test_fill_of_any_size_and_alignment_fills),
		RIG_TEST(test_step_moves_256_kib_at_most),
		RIG_TEST(test_record_is_written_only_if_asked_for),
		RIG_TEST(test_record_of_an_error_is_written_unasked),
		RIG_TEST(test_error_without_record_address_goes_to_swerr),
		RIG_TEST(test_record_asked_for_without_address_is_bad_flags),
		RIG_TEST(test_record_that_is_not_aligned_goes_to_swerr),
		RIG_TEST(test_record_that_is_refused_goes_to_swerr),
		RIG_TEST_STOPPED(test_swerr_carries_the_pasid),
		RIG_TEST_STOPPED(test_pasid_of_the_wq_is_used_not_the_descriptors),
		RIG_TEST(test_opcode_that_is_not_there_is_status_10),
		RIG_TEST(test_flags_that_are_wrong_are_status_11),
		RIG_TEST(test_flags_that_hint_are_taken),
		RIG_TEST_STOPPED(test_bof_flag_on_a_wq_without_bof_is_status_11),
		RIG_TEST(test_reserved_fields_that_are_set_are_status_12),
		RIG_TEST(test_size_out_of_range_is_status_13),
		RIG_TEST(test_interrupt_is_raised_after_the_record),
		RIG_TEST(test_interrupt_handle_that_is_bad_is_status_19),
		cmocka_unit_test(test_interrupts_of_users_with_a_pasid_must_be_enabled),
		cmocka_unit_test(test_drain_waits_for_what_came_before),
		cmocka_unit_test(test_wqs_of_a_group_take_turns),
		RIG_TEST(test_a_burst_tells_of_each_descriptor),
		RIG_TEST(test_a_drain_in_a_burst_ends_after_what_came_before),
		RIG_TEST(test_a_burst_ends_with_a_steps_worth_of_data),
		RIG_TEST(test_a_burst_ends_with_a_descriptor_that_waits),
		RIG_TEST(test_a_record_of_a_burst_that_cannot_be_written_is_reported),
		RIG_TEST_STOPPED(test_without_ats_data_moves_untranslated),
		RIG_TEST(test_without_ats_on_the_bus_data_moves_untranslated),
		RIG_TEST_STOPPED(test_without_ats_a_missing_page_is_status_22),
		RIG_TEST_STOPPED(test_without_ats_a_missing_record_page_goes_to_swerr),
		RIG_TEST(test_access_error_is_status_20),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

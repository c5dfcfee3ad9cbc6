/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* The command register: each command, each error. */

#include <string.h>

#include "dsa_rig.h"

static int setup(void **state)
{
	*state = rig_create(NULL);
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static uint32_t wq_state(struct rig *r, unsigned int wq)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_WQCFG6_STATE, rig_reg32(r, rig_wqcfg(wq, 6)));
}

static uint32_t dev_state(struct rig *r)
{
	return (uint32_t)SVART_FIELD_GET(
		SVART_DSA_GENSTS_STATE, rig_reg32(r, SVART_DSA_GENSTS_OFF));
}

static uint32_t cmdsts(struct rig *r)
{
	return rig_reg32(r, SVART_DSA_CMDSTS_OFF);
}

static uint32_t swerr_error(struct rig *r)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_SWERR0_ERROR, rig_reg(r, SVART_DSA_SWERR_OFF));
}

/* An operation on WQ 0 that is blocked: its source is not there. */
static void submit_blocked(struct rig *r, unsigned int record)
{
	struct svart_dsa_desc desc = rig_memmove(r, record, rig_page(8), rig_page(4), 64);

	rig_submit(r, 0, &desc);
	rig_run(r);
	assert_true(r->nr_groups > 0 && !r->groups[r->nr_groups - 1].answered);
}

static void test_cmd_that_is_unknown_is_error_1(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_cmd(r, 0, 0), SVART_DSA_CMD_BAD_COMMAND);
	assert_int_equal(
		rig_cmd(r, SVART_DSA_CMD_REQUEST_INT_HANDLE, 0), SVART_DSA_CMD_BAD_COMMAND);
	assert_int_equal(
		rig_cmd(r, SVART_DSA_CMD_RELEASE_INT_HANDLE, 0), SVART_DSA_CMD_BAD_COMMAND);
	assert_int_equal(rig_cmd(r, 31, 0), SVART_DSA_CMD_BAD_COMMAND);
}

static void test_cmd_with_reserved_bits_is_error_4(void **state)
{
	struct rig *r = *state;

	rig_reg32_set(r, SVART_DSA_CMD_OFF, 1u << 25 | SVART_DSA_CMD_RESET_DEV << 20);
	assert_int_equal(cmdsts(r), SVART_DSA_CMD_RESERVED_SET);
}

static void test_cmd_reads_back(void **state)
{
	struct rig *r = *state;

	rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 5);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMD_OFF), SVART_DSA_CMD_ENABLE_WQ << 20 | 5);
}

static void test_enable_dev_of_good_config_enables(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 128);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_OK);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_ENABLED);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_DEV_ENABLED);
}

static void test_enable_dev_without_bus_master_is_error_12(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 16);
	r->bus_master = false;
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_BUS_MASTER_OFF);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_DISABLED);
}

static void test_enable_dev_with_too_large_wqs_is_error_14(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 128);
	rig_wq_config(r, 1, 1);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_WQ_SIZE_SUM);
}

static void test_enable_dev_with_half_a_group_is_error_15(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_INCOMPLETE);
	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_ENGINES_OFF), 2);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_INCOMPLETE);
}

static void test_enable_dev_with_bad_wqs_in_groups_is_error_16(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 16);
	rig_wq_config(r, 1, 16);
	/* In two groups. */
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_WQS_OFF), 3);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_WQ);
	/* Without size. */
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_WQS_OFF), 6);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_WQ);
	/* Not there. */
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_WQS_OFF), 2 | 1u << 8);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_WQ);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_WQS_OFF), 2);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_WQS_OFF + 24), 1);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_WQ);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_WQS_OFF + 24), 0);
	/* In no group. */
	rig_reg32_set(r, rig_wqcfg(2, 0), 16);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_WQ);
	rig_reg32_set(r, rig_wqcfg(2, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_OK);
}

static void test_enable_dev_with_bad_engines_in_groups_is_error_17(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 16);
	rig_wq_config(r, 1, 16);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_ENGINES_OFF), 3);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_ENGINE);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_ENGINES_OFF), 1u << 4);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_ENGINE);
}

static void test_enable_dev_with_bad_read_buffers_is_error_18(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_FLAGS_OFF),
		SVART_FIELD_PREP(SVART_DSA_GRPCFG_RDBUFS_ALLOWED, 97));
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_RDBUFS);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_FLAGS_OFF),
		SVART_FIELD_PREP(SVART_DSA_GRPCFG_RDBUFS_RESERVED, 97));
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_GROUP_RDBUFS);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_FLAGS_OFF), 0x6000008);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_OK);
}

static void test_enable_wq_of_a_disabled_device_is_error_20(void **state)
{
	struct rig *r = *state;

	rig_wq_config(r, 0, 16);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), SVART_DSA_CMD_WQ_DEV_DISABLED);
}

static void test_enable_wq_that_is_enabled_is_error_21(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), SVART_DSA_CMD_WQ_ENABLED);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_ENABLED);
}

static void test_enable_wq_that_is_not_there_is_error_2(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 8), SVART_DSA_CMD_BAD_WQ);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0xfffff), SVART_DSA_CMD_BAD_WQ);
}

static void test_enable_wq_without_size_is_error_22(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 1), SVART_DSA_CMD_WQ_SIZE);
}

/* Configures WQ 0 with dword `dword` changed; what ENABLE_WQ says. */
static uint32_t enable_wq_with(struct rig *r, unsigned int dword, uint32_t set, uint32_t clear)
{
	rig_wq_config(r, 0, 16);
	rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0);
	rig_reg32_set(r, rig_wqcfg(0, dword), (rig_reg32(r, rig_wqcfg(0, dword)) | set) & ~clear);
	return rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0);
}

static void test_enable_wq_with_bad_config_is_its_error(void **state)
{
	struct rig *r = *state;

	assert_int_equal(
		enable_wq_with(r, 2, 0, SVART_DSA_WQCFG2_PRIORITY), SVART_DSA_CMD_WQ_PRIORITY);
	assert_int_equal(enable_wq_with(r, 2, SVART_DSA_WQCFG2_PASID_EN | SVART_DSA_WQCFG2_PRIV, 0),
		SVART_DSA_CMD_WQ_PRIV);
	assert_int_equal(
		enable_wq_with(r, 3, SVART_FIELD_PREP(SVART_DSA_WQCFG3_MAX_BATCH_SHIFT, 11), 0),
		SVART_DSA_CMD_WQ_MAX_BATCH);
	assert_int_equal(
		enable_wq_with(r, 3, SVART_FIELD_PREP(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, 31), 0),
		SVART_DSA_CMD_OK);
}

static void test_enable_wq_with_a_privileged_pasid_takes_privileged_mode(void **state)
{
	struct rig *r = *state;
	const uint32_t both = SVART_DSA_WQCFG2_PASID_EN | SVART_DSA_WQCFG2_PRIV;

	assert_true(svart_dsa_model.pasid_priv);
	assert_int_equal(enable_wq_with(r, 2, both, 0), SVART_DSA_CMD_WQ_PRIV);
	/* Without a PASID the bit says nothing. */
	assert_int_equal(enable_wq_with(r, 2, SVART_DSA_WQCFG2_PRIV, SVART_DSA_WQCFG2_PASID_EN),
		SVART_DSA_CMD_OK);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0), SVART_DSA_CMD_OK);
	r->privileged = true;
	assert_int_equal(enable_wq_with(r, 2, both, 0), SVART_DSA_CMD_OK);
}

static void test_enable_wq_with_too_large_transfers_is_error_28(void **state)
{
	struct rig *r = rig_create("max_xfer_shift=20");

	(void)state;
	assert_int_equal(
		enable_wq_with(r, 3, SVART_FIELD_PREP(SVART_DSA_WQCFG3_MAX_XFER_SHIFT, 21), 0),
		SVART_DSA_CMD_WQ_MAX_XFER);
	rig_destroy(r);
}

static void test_wq_cmds_with_bad_operand_are_error_2(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	for (unsigned int code = SVART_DSA_CMD_DISABLE_WQ; code <= SVART_DSA_CMD_RESET_WQ; code++) {
		assert_int_equal(rig_cmd(r, code, 0), SVART_DSA_CMD_BAD_WQ);
		assert_int_equal(rig_cmd(r, code, 1u << 8), SVART_DSA_CMD_BAD_WQ);
		assert_int_equal(rig_cmd(r, code, 1u << 16 | 1), SVART_DSA_CMD_BAD_WQ);
	}
}

static void test_wq_cmds_on_a_disabled_wq_are_error_32(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	for (unsigned int code = SVART_DSA_CMD_DISABLE_WQ; code <= SVART_DSA_CMD_RESET_WQ; code++)
		assert_int_equal(rig_cmd(r, code, 3), SVART_DSA_CMD_WQ_DISABLED);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_ENABLED);
}

static void test_dev_cmds_on_a_disabled_device_are_error_31(void **state)
{
	struct rig *r = *state;
	static const unsigned int codes[] = { SVART_DSA_CMD_DISABLE_DEV, SVART_DSA_CMD_DRAIN_ALL,
		SVART_DSA_CMD_ABORT_ALL, SVART_DSA_CMD_DRAIN_PASID, SVART_DSA_CMD_ABORT_PASID };

	for (size_t i = 0; i < SVART_ARRAY_SIZE(codes); i++)
		assert_int_equal(rig_cmd(r, codes[i], 0), SVART_DSA_CMD_DEV_DISABLED);
}

static void test_drain_wq_that_is_idle_ends_at_once(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_ALL, 0), 0);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_ENABLED);
}

static void test_drain_wq_is_active_until_what_was_there_completed(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc later;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1), SVART_DSA_CMDSTS_ACTIVE);
	rig_run(r);
	assert_int_equal(cmdsts(r), SVART_DSA_CMDSTS_ACTIVE);
	/* What comes later does not count: it blocks too, and the drain ends. */
	later = rig_memmove(r, 1, rig_page(8), rig_page(40), 64);
	rig_submit(r, 0, &later);
	rig_serve(r);
	rig_run(r);
	assert_int_equal(cmdsts(r), 0);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
}

static void test_drain_wq_waits_for_what_is_queued(void **state)
{
	struct rig *r = rig_create("burst=1");
	struct svart_dsa_desc desc;

	(void)state;
	rig_start(r, 0, 0);
	for (unsigned int i = 0; i < 5; i++) {
		desc = rig_simple(r, i, SVART_DSA_OP_NOOP);
		rig_submit(r, 0, &desc);
	}
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1), SVART_DSA_CMDSTS_ACTIVE);
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(svart_dsa_model.step(r->dev));
		assert_int_equal(cmdsts(r), SVART_DSA_CMDSTS_ACTIVE);
	}
	assert_true(svart_dsa_model.step(r->dev));
	assert_int_equal(cmdsts(r), 0);
	rig_destroy(r);
}

static void test_cmd_interrupts_when_it_ends(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	rig_reg32_set(r, SVART_DSA_CMD_OFF,
		(uint32_t)(SVART_DSA_CMD_INT_REQ | SVART_DSA_CMD_DRAIN_ALL << 20));
	assert_int_equal(r->nr_interrupts[0], 0);
	rig_run_serving(r);
	assert_int_equal(r->nr_interrupts[0], 1);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), SVART_DSA_INTCAUSE_CMD);
}

static void test_cmd_while_one_is_active_is_dropped_and_told(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0), SVART_DSA_CMDSTS_ACTIVE);
	assert_int_equal(swerr_error(r), SVART_DSA_SWERR_CMD_ACTIVE);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMD_OFF) >> 20, SVART_DSA_CMD_DRAIN_WQ);
	rig_run_serving(r);
	assert_int_equal(cmdsts(r), 0);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_ENABLED);
}

static void test_disable_wq_drains_and_takes_nothing(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DISABLE_WQ, 1), SVART_DSA_CMDSTS_ACTIVE);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_DRAIN);
	desc = rig_simple(r, 1, SVART_DSA_OP_NOOP);
	rig_submit(r, 0, &desc);
	assert_int_equal(swerr_error(r), SVART_DSA_SWERR_WQ_DISABLED);
	rig_run_serving(r);
	assert_int_equal(cmdsts(r), 0);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_DISABLED);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	/* The configuration stays, so it can be enabled again. */
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_disable_dev_drains_and_disables_all(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DISABLE_DEV, 0), SVART_DSA_CMDSTS_ACTIVE);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_DRAIN);
	rig_run_serving(r);
	assert_int_equal(cmdsts(r), 0);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_DISABLED);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_DISABLED);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
}

/* Aborts with code: nothing queued or blocked is done; the WQ works on. */
static void abort_and_go_on(struct rig *r, unsigned int code, uint32_t operand)
{
	struct svart_dsa_desc desc;

	submit_blocked(r, 0);
	desc = rig_simple(r, 1, SVART_DSA_OP_NOOP);
	rig_submit(r, 0, &desc);
	assert_int_equal(rig_cmd(r, code, operand), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 6)), 0x40000000);
	desc = rig_simple(r, 2, SVART_DSA_OP_NOOP);
	rig_submit(r, 0, &desc);
	rig_run(r);
	assert_int_equal(rig_record(r, 2).status, SVART_DSA_STATUS_SUCCESS);
	/* The answer that is still to come changes nothing. */
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
}

static void test_abort_wq_drops_what_is_there(void **state)
{
	rig_start(*state, 0, 0);
	abort_and_go_on(*state, SVART_DSA_CMD_ABORT_WQ, 1);
}

static void test_abort_all_drops_what_is_there(void **state)
{
	rig_start(*state, 0, 0);
	abort_and_go_on(*state, SVART_DSA_CMD_ABORT_ALL, 0);
}

static void test_abort_pasid_drops_what_is_there(void **state)
{
	struct rig *r = *state;

	r->pasid = 0x12345;
	rig_start(r,
		(uint32_t)(SVART_DSA_WQCFG2_PASID_EN |
			   SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, 0x12345)),
		0);
	abort_and_go_on(r, SVART_DSA_CMD_ABORT_PASID, 0x12345);
}

static void test_pasid_cmds_leave_other_pasids_alone(void **state)
{
	struct rig *r = *state;

	r->pasid = 5;
	rig_start(r,
		(uint32_t)(SVART_DSA_WQCFG2_PASID_EN | SVART_FIELD_PREP(SVART_DSA_WQCFG2_PASID, 5)),
		0);
	submit_blocked(r, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_PASID, 6), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_PASID, 6), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_PASID, 5), SVART_DSA_CMDSTS_ACTIVE);
	rig_run_serving(r);
	assert_int_equal(cmdsts(r), 0);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_reset_wq_aborts_and_clears_all_but_the_size(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_WQ, 1), 0);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_DISABLED);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 0)), 16);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 2)), 0);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), SVART_DSA_CMD_WQ_PRIORITY);
}

static void test_reset_dev_aborts_and_clears_all(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0), 0);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_DISABLED);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_DISABLED);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 0)), 0);
	assert_int_equal(rig_reg(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF)), 0);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	rig_start(r, 0, 0);
}

static void test_reset_dev_forgets_translations(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;
	unsigned int before;

	rig_start(r, 0, 0);
	desc = rig_memmove(r, 0, rig_page(2), rig_page(4), 64);
	rig_do(r, 0, &desc);
	before = r->nr_translates;
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_translates, before);
	rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0);
	rig_start(r, 0, 0);
	rig_do(r, 0, &desc);
	assert_int_equal(r->nr_translates, before + 3);
}

static void test_function_reset_returns_to_power_on(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1);
	svart_dsa_model.reset(r->dev);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMD_OFF), 0);
	assert_int_equal(cmdsts(r), 0);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_DISABLED);
	assert_false(svart_dsa_model.step(r->dev));
	rig_start(r, 0, 0);
	/* The answer to a group from before the reset is of nobody. */
	rig_serve(r);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
}

static void test_bus_master_lost_halts_until_a_function_reset(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_start(r, 0, 0);
	rig_reg32_set(r, SVART_DSA_GENCTRL_OFF, SVART_DSA_GENCTRL_HALT_INT);
	desc = rig_memmove(r, 0, rig_page(2), rig_page(4), 64);
	r->bus_master = false;
	rig_submit(r, 0, &desc);
	rig_run(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENSTS_OFF),
		SVART_DSA_STATE_HALT | SVART_DSA_RESET_FLR << 2);
	assert_int_equal(swerr_error(r), SVART_DSA_SWERR_BUS_MASTER);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), SVART_DSA_INTCAUSE_HALT);
	assert_int_equal(r->nr_interrupts[0], 1);
	r->bus_master = true;
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0), SVART_DSA_CMD_HW_ERROR);
	svart_dsa_model.reset(r->dev);
	rig_start(r, 0, 0);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

/* Halts a device that works; what it says then, and that nothing but a reset is taken. */
static void halt(struct rig *r, bool flr)
{
	rig_start(r, 0, 0);
	rig_reg32_set(r, SVART_DSA_GENCTRL_OFF, SVART_DSA_GENCTRL_HALT_INT);
	submit_blocked(r, 0);
	rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1);
	svart_dsa_model.halt(r->dev, flr);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_HALT);
	assert_int_equal(
		SVART_FIELD_GET(SVART_DSA_GENSTS_RESET_TYPE, rig_reg32(r, SVART_DSA_GENSTS_OFF)),
		flr ? SVART_DSA_RESET_FLR : SVART_DSA_RESET_SOFTWARE);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), SVART_DSA_INTCAUSE_HALT);
	assert_int_equal(r->nr_interrupts[0], 1);
	assert_int_equal(cmdsts(r), SVART_DSA_CMD_HW_ERROR);
	assert_int_equal(wq_state(r, 0), SVART_DSA_WQ_DISABLED);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), SVART_DSA_CMD_HW_ERROR);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
}

static void works(struct rig *r)
{
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	assert_int_equal(dev_state(r), SVART_DSA_STATE_DISABLED);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENSTS_OFF), 0);
	rig_start(r, 0, 0);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_halt_is_mended_by_reset_dev(void **state)
{
	struct rig *r = *state;

	halt(r, false);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0), SVART_DSA_CMD_OK);
	works(r);
}

static void test_halt_that_asks_for_a_function_reset_is_mended_by_it_only(void **state)
{
	struct rig *r = *state;

	halt(r, true);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0), SVART_DSA_CMD_HW_ERROR);
	/* Nor does a lesser halt make it less. */
	svart_dsa_model.halt(r->dev, false);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_RESET_DEV, 0), SVART_DSA_CMD_HW_ERROR);
	svart_dsa_model.reset(r->dev);
	works(r);
}

static void test_bus_master_lost_before_the_record_halts(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	rig_start(r, 0, 0);
	r->bus_master = false;
	rig_submit(r, 0, &desc);
	rig_run(r);
	assert_int_equal(dev_state(r), SVART_DSA_STATE_HALT);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
}

static void test_bus_master_lost_ends_an_active_cmd(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	submit_blocked(r, 0);
	rig_cmd(r, SVART_DSA_CMD_DRAIN_WQ, 1);
	r->bus_master = false;
	rig_answer(r, 0, SVART_BUS_PRG_SUCCESS);
	rig_run(r);
	assert_int_equal(cmdsts(r), SVART_DSA_CMD_HW_ERROR);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_cmd_that_is_unknown_is_error_1),
		RIG_TEST(test_cmd_with_reserved_bits_is_error_4),
		RIG_TEST(test_cmd_reads_back),
		RIG_TEST(test_enable_dev_of_good_config_enables),
		RIG_TEST(test_enable_dev_without_bus_master_is_error_12),
		RIG_TEST(test_enable_dev_with_too_large_wqs_is_error_14),
		RIG_TEST(test_enable_dev_with_half_a_group_is_error_15),
		RIG_TEST(test_enable_dev_with_bad_wqs_in_groups_is_error_16),
		RIG_TEST(test_enable_dev_with_bad_engines_in_groups_is_error_17),
		RIG_TEST(test_enable_dev_with_bad_read_buffers_is_error_18),
		RIG_TEST(test_enable_wq_of_a_disabled_device_is_error_20),
		RIG_TEST(test_enable_wq_that_is_enabled_is_error_21),
		RIG_TEST(test_enable_wq_that_is_not_there_is_error_2),
		RIG_TEST(test_enable_wq_without_size_is_error_22),
		RIG_TEST(test_enable_wq_with_bad_config_is_its_error),
		RIG_TEST(test_enable_wq_with_a_privileged_pasid_takes_privileged_mode),
		cmocka_unit_test(test_enable_wq_with_too_large_transfers_is_error_28),
		RIG_TEST(test_wq_cmds_with_bad_operand_are_error_2),
		RIG_TEST(test_wq_cmds_on_a_disabled_wq_are_error_32),
		RIG_TEST(test_dev_cmds_on_a_disabled_device_are_error_31),
		RIG_TEST(test_drain_wq_that_is_idle_ends_at_once),
		RIG_TEST(test_drain_wq_is_active_until_what_was_there_completed),
		cmocka_unit_test(test_drain_wq_waits_for_what_is_queued),
		RIG_TEST(test_cmd_interrupts_when_it_ends),
		RIG_TEST(test_cmd_while_one_is_active_is_dropped_and_told),
		RIG_TEST(test_disable_wq_drains_and_takes_nothing),
		RIG_TEST(test_disable_dev_drains_and_disables_all),
		RIG_TEST(test_abort_wq_drops_what_is_there),
		RIG_TEST(test_abort_all_drops_what_is_there),
		RIG_TEST(test_abort_pasid_drops_what_is_there),
		RIG_TEST(test_pasid_cmds_leave_other_pasids_alone),
		RIG_TEST(test_reset_wq_aborts_and_clears_all_but_the_size),
		RIG_TEST(test_reset_dev_aborts_and_clears_all),
		RIG_TEST(test_reset_dev_forgets_translations),
		RIG_TEST(test_function_reset_returns_to_power_on),
		RIG_TEST(test_bus_master_lost_halts_until_a_function_reset),
		RIG_TEST(test_halt_is_mended_by_reset_dev),
		RIG_TEST(test_halt_that_asks_for_a_function_reset_is_mended_by_it_only),
		RIG_TEST(test_bus_master_lost_before_the_record_halts),
		RIG_TEST(test_bus_master_lost_ends_an_active_cmd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

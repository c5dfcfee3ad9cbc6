/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include "fake_dsa.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "op_table.h"

#define SECOND UINT64_C(1000000000)

/** Opens, expects a failure that says all of the words, and that nothing is left behind. */
static void expect_open_fails(struct fake_dsa *f, int rc, const char *word1, const char *word2)
{
	assert_int_equal(fake_open(f), rc);
	if (strstr(svart_fail_text(), word1) == NULL || strstr(svart_fail_text(), word2) == NULL)
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", svart_fail_text(), word1, word2);
	assert_null(f->dev.priv);
	assert_int_equal(f->pci_command & 4, 0);
	fake_destroy(f);
}

static void expect_register_refused(uint32_t off, uint64_t value, int rc, const char *name)
{
	struct fake_dsa *f = fake_create();
	char hex[24];

	fake_set64(f, off, value);
	snprintf(hex, sizeof(hex), "0x%llx", (unsigned long long)value);
	expect_open_fails(f, rc, name, hex);
}

static void test_dsa_open_brings_the_device_up_in_order(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	assert_int_equal(fake_open(f), 0);
	assert_string_equal(f->trace, "pci=0406 RESET_DEV grpcfg wqcfg ENABLE_DEV ");
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_publishes_capabilities(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(f->dev.caps.nr_queues, 1);
	assert_int_equal(f->dev.caps.queue_depth, 128);
	assert_int_equal(f->dev.caps.max_transfer_bytes, UINT64_C(1) << 31);
	/* All but those of DSA 2: translation fetch and DIX. */
	assert_int_equal(
		f->dev.caps.ops, ((1 << SVART_NR_OPCODES) - 1) &
					 ~(1 << SVART_OP_DIX_GENERATE | 1 << SVART_OP_TRANSLATE));
	assert_int_equal(f->dev.caps.features,
		SVART_FEATURE_PAGE_REQUESTS | SVART_FEATURE_OVERLAP | SVART_FEATURE_EVENTS |
			SVART_FEATURE_PRIORITY | SVART_FEATURE_BATCHES);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_without_page_requests_does_not_claim_them(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->dev.page_requests = false;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(f->dev.caps.features, SVART_FEATURE_OVERLAP | SVART_FEATURE_EVENTS |
						       SVART_FEATURE_PRIORITY |
						       SVART_FEATURE_BATCHES);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_gives_one_queue_one_group_and_engine(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF), 1);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 32), 1);
	/* Traffic class 1 twice, all 96 read buffers allowed. */
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 40), 0x6000009);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 64), 0);
	assert_int_equal(fake_wqcfg(f, 0, 0), 128);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_shares_groups_when_engines_run_out(void **state)
{
	struct fake_dsa *f = fake_create();
	unsigned int i;

	(void)state;
	f->options[FAKE_QUEUES] = 6;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(f->dev.caps.nr_queues, 6);
	assert_int_equal(f->dev.caps.queue_depth, 21);
	for (i = 0; i < 4; i++) {
		assert_int_equal(
			fake_get64(f, FAKE_GRPCFG_OFF + i * 64), (1u << i | 1u << (i + 4)) & 0x3f);
		assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + i * 64 + 32), 1u << i);
	}
	for (i = 0; i < 6; i++)
		assert_int_equal(fake_wqcfg(f, i, 0), 21);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_shares_engines_and_groups_as_asked_for(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->options[FAKE_QUEUES] = 4;
	f->options[FAKE_ENGINES] = 2;
	f->options[FAKE_TRAFFIC_CLASS] = 5;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(f->dev.caps.engines, 4);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF), 5);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 32), 3);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 40), 0x600002d);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 64), 10);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 64 + 32), 12);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 128), 0);
	fake_close(f);
	fake_destroy(f);
	f = fake_create();
	f->options[FAKE_QUEUES] = 3;
	f->options[FAKE_GROUPS] = 1;
	f->options[FAKE_ENGINES] = 4;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF), 7);
	assert_int_equal(fake_get64(f, FAKE_GRPCFG_OFF + 32), 15);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_takes_max_xfer_shift(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->options[FAKE_MAX_XFER_SHIFT] = 16;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(f->dev.caps.max_transfer_bytes, 65536);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_option_out_of_range_fails(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->options[FAKE_QUEUES] = 9;
	expect_open_fails(f, -EINVAL, "queues", "range");
	f = fake_create();
	f->options[FAKE_MAX_XFER_SHIFT] = 32;
	expect_open_fails(f, -EINVAL, "max_xfer_shift", "range");
	f = fake_create();
	f->options[FAKE_ENGINES] = 5; /* It has 4. */
	expect_open_fails(f, -EINVAL, "queue_engines", "range");
	f = fake_create();
	f->options[FAKE_QUEUES] = 4;
	f->options[FAKE_ENGINES] = 2;
	f->options[FAKE_GROUPS] = 3; /* Two groups have all engines. */
	expect_open_fails(f, -EINVAL, "queue_groups", "range");
	f = fake_create();
	f->options[FAKE_TRAFFIC_CLASS] = 8;
	expect_open_fails(f, -EINVAL, "traffic_class", "range");
}

static void test_dsa_open_bounds_the_size_of_a_wq(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	fake_set64(f, SVART_DSA_WQCAP_OFF, (FAKE_WQCAP & ~UINT64_C(0xffff)) | 0xffff);
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(f->dev.caps.queue_depth, 4096);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_acknowledges_an_old_error(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	fake_swerr(f, SVART_DSA_SWERR0_VALID | SVART_DSA_SWERR0_OVERFLOW, 0);
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_get64(f, SVART_DSA_SWERR_OFF), 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_refuses_hostile_registers(void **state)
{
	(void)state;
	expect_register_refused(SVART_DSA_VER_OFF, 0, -EIO, "VER");
	expect_register_refused(SVART_DSA_VER_OFF, 0x400, -EIO, "VER");
	expect_register_refused(SVART_DSA_VER_OFF, UINT32_MAX, -EIO, "VER");
	expect_register_refused(SVART_DSA_VER_OFF, 0x10100, -EIO, "VER");
	expect_register_refused(SVART_DSA_GENCAP_OFF, UINT64_MAX, -EIO, "GENCAP");
	expect_register_refused(
		SVART_DSA_GENCAP_OFF, FAKE_GENCAP & ~UINT64_C(0x80000000), -ENOTSUP, "GENCAP");
	/* 2^11 bytes at most. */
	expect_register_refused(SVART_DSA_GENCAP_OFF, (FAKE_GENCAP & ~UINT64_C(0x1f0000)) | 0xb0000,
		-EIO, "GENCAP");
	expect_register_refused(SVART_DSA_WQCAP_OFF, UINT64_MAX, -EIO, "WQCAP");
	expect_register_refused(
		SVART_DSA_WQCAP_OFF, FAKE_WQCAP & ~UINT64_C(0xff0000), -EIO, "WQCAP");
	expect_register_refused(SVART_DSA_WQCAP_OFF, FAKE_WQCAP & ~UINT64_C(0xffff), -EIO, "WQCAP");
	expect_register_refused(
		SVART_DSA_WQCAP_OFF, FAKE_WQCAP & ~(UINT64_C(1) << 49), -ENOTSUP, "WQCAP");
	/* An operation bitmap without room for it. */
	expect_register_refused(
		SVART_DSA_WQCAP_OFF, FAKE_WQCAP & ~UINT64_C(0xf000000), -EIO, "WQCAP");
	expect_register_refused(SVART_DSA_GRPCAP_OFF, 0x36000, -EIO, "GRPCAP");
	expect_register_refused(SVART_DSA_GRPCAP_OFF, UINT64_MAX, -EIO, "GRPCAP");
	expect_register_refused(SVART_DSA_ENGCAP_OFF, 0, -EIO, "ENGCAP");
	expect_register_refused(SVART_DSA_ENGCAP_OFF, 65, -EIO, "ENGCAP");
	expect_register_refused(SVART_DSA_OPCAP_OFF, 0, -EIO, "OPCAP");
	expect_register_refused(SVART_DSA_OPCAP_OFF + 24, UINT64_MAX, -EIO, "OPCAP");
}

static void test_dsa_open_refuses_tables_outside_of_bar0(void **state)
{
	(void)state;
	expect_register_refused(SVART_DSA_OFFSETS_OFF, 0, -EIO, "OFFSETS");
	expect_register_refused(SVART_DSA_OFFSETS_OFF, UINT64_MAX, -EIO, "OFFSETS");
	/* Groups over the fixed registers; then ending behind BAR 0; then the same for WQs. */
	expect_register_refused(SVART_DSA_OFFSETS_OFF, 0x50001, -EIO, "OFFSETS");
	expect_register_refused(SVART_DSA_OFFSETS_OFF, 0x50020, -EIO, "OFFSETS");
	expect_register_refused(SVART_DSA_OFFSETS_OFF, 0x10003, -EIO, "OFFSETS");
	expect_register_refused(SVART_DSA_OFFSETS_OFF, 0x1f0003, -EIO, "OFFSETS");
	expect_register_refused(SVART_DSA_OFFSETS_OFF, 0xffff0003, -EIO, "OFFSETS");
}

static void test_dsa_open_wqcfg_larger_than_bar0_fails(void **state)
{
	(void)state;
	/* 8 WQCFGs of 2^20 bytes. */
	struct fake_dsa *f = fake_create();

	fake_set64(f, SVART_DSA_WQCAP_OFF, FAKE_WQCAP | UINT64_C(0xf000000));
	expect_open_fails(f, -EIO, "OFFSETS", "outside");
}

static void test_dsa_open_small_bars_fail(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->dev.bars[0].bytes = 0x100;
	expect_open_fails(f, -EIO, "BAR 0", "256");
	f = fake_create();
	f->dev.bars[0].addr = NULL;
	expect_open_fails(f, -EIO, "BAR 0", "");
	f = fake_create();
	f->dev.bars[2].bytes -= 1;
	expect_open_fails(f, -EIO, "BAR 2", "WQCAP");
	f = fake_create();
	f->dev.bars[2].addr = NULL;
	expect_open_fails(f, -EIO, "BAR 2", "WQCAP");
}

static void test_dsa_open_checks_cmdcap_where_there_is_one(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	fake_set64(f, SVART_DSA_GENCAP_OFF, FAKE_GENCAP | SVART_DSA_GENCAP_CMD_CAP);
	fake_set32(f, SVART_DSA_CMDCAP_OFF, 0x1ffe & ~(1u << SVART_DSA_CMD_ABORT_WQ));
	expect_open_fails(f, -EIO, "CMDCAP", "0x1dfe");
	f = fake_create();
	fake_set64(f, SVART_DSA_GENCAP_OFF, FAKE_GENCAP | SVART_DSA_GENCAP_CMD_CAP);
	/* Interrupt handles are demanded: no matter, there are no interrupts. */
	fake_set32(f, SVART_DSA_CMDCAP_OFF, 0x7ffe);
	assert_int_equal(fake_open(f), 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_device_gone_fails_at_once(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->gone = true;
	assert_int_equal(fake_open(f), -EIO);
	assert_non_null(strstr(svart_fail_text(), "gone"));
	assert_int_equal(f->pauses, 0);
	fake_destroy(f);
}

static void test_dsa_open_without_configuration_space_fails(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->fail_config = -EIO;
	expect_open_fails(f, -EIO, "fake", "configuration");
}

static void test_dsa_open_waits_for_slow_commands(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->cmd_pauses = 100;
	assert_int_equal(fake_open(f), 0);
	assert_true(f->pauses >= 200);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_reset_that_hangs_times_out(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->cmd_hangs[SVART_DSA_CMD_RESET_DEV] = true;
	assert_int_equal(fake_open(f), -ETIMEDOUT);
	assert_non_null(strstr(svart_fail_text(), "RESET_DEV did not finish within 5000 ms"));
	assert_in_range(f->now_ns, 5 * SECOND, 6 * SECOND);
	assert_string_equal(f->trace, "pci=0406 RESET_DEV pci=0402 ");
	fake_destroy(f);
}

static void test_dsa_open_reset_without_effect_fails(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT);
	f->cmd_no_effect[SVART_DSA_CMD_RESET_DEV] = true;
	expect_open_fails(f, -EIO, "GENSTS", "0x3");
}

static void test_dsa_open_of_a_device_that_halted_resets_it_if_that_helps(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT);
	assert_int_equal(fake_open(f), 0);
	fake_close(f);
	fake_destroy(f);
	f = fake_create();
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT | SVART_DSA_RESET_FLR << 2);
	expect_open_fails(f, -EIO, "GENSTS has 0x7", "needs a function level reset");
}

/** A command would be refused; one that helps is not. */
static void test_dsa_close_of_a_device_that_halted_asks_nothing_in_vain(void **state)
{
	static const struct {
		uint32_t type;
		const char *trace;
	} types[] = {
		{ SVART_DSA_RESET_SOFTWARE, "RESET_DEV pci=0402 " },
		{ SVART_DSA_RESET_FLR, "pci=0402 " },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct fake_dsa *f = fake_create();

		assert_int_equal(fake_open(f), 0);
		fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT | types[i].type << 2);
		f->trace[0] = '\0';
		fake_close(f);
		assert_string_equal(f->trace, types[i].trace);
		fake_destroy(f);
	}
}

static void test_dsa_open_does_not_write_over_an_active_command(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	/* As a program that crashed may leave it. */
	f->cmd_active = SVART_DSA_CMD_DRAIN_ALL << 20;
	f->cmd_left = 100;
	fake_set32(f, SVART_DSA_CMDSTS_OFF, (uint32_t)SVART_DSA_CMDSTS_ACTIVE);
	assert_int_equal(fake_open(f), 0);
	assert_true(f->pauses >= 100);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_open_decodes_a_refused_command(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->cmd_error[SVART_DSA_CMD_ENABLE_DEV] = SVART_DSA_CMD_WQ_SIZE_SUM;
	expect_open_fails(
		f, -EIO, "ENABLE_DEV", svart_dsa_cmd_error_name(SVART_DSA_CMD_WQ_SIZE_SUM));
}

static void test_dsa_open_enable_without_effect_fails(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->cmd_no_effect[SVART_DSA_CMD_ENABLE_DEV] = true;
	expect_open_fails(f, -EIO, "GENSTS", "ENABLE_DEV");
}

static void test_dsa_close_disables_resets_and_takes_the_bus(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	assert_int_equal(fake_open(f), 0);
	f->trace[0] = '\0';
	fake_close(f);
	assert_string_equal(f->trace, "DISABLE_DEV RESET_DEV pci=0402 ");
	fake_destroy(f);
}

static void test_dsa_close_of_a_hung_device_ends(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	assert_int_equal(fake_open(f), 0);
	f->cmd_hangs[SVART_DSA_CMD_DISABLE_DEV] = true;
	f->cmd_hangs[SVART_DSA_CMD_RESET_DEV] = true;
	fake_close(f);
	assert_in_range(f->now_ns, 7 * SECOND, 8 * SECOND);
	assert_int_equal(f->pci_command & 4, 0);
	fake_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsa_open_brings_the_device_up_in_order),
		cmocka_unit_test(test_dsa_open_publishes_capabilities),
		cmocka_unit_test(test_dsa_open_without_page_requests_does_not_claim_them),
		cmocka_unit_test(test_dsa_open_gives_one_queue_one_group_and_engine),
		cmocka_unit_test(test_dsa_open_shares_groups_when_engines_run_out),
		cmocka_unit_test(test_dsa_open_shares_engines_and_groups_as_asked_for),
		cmocka_unit_test(test_dsa_open_takes_max_xfer_shift),
		cmocka_unit_test(test_dsa_open_option_out_of_range_fails),
		cmocka_unit_test(test_dsa_open_bounds_the_size_of_a_wq),
		cmocka_unit_test(test_dsa_open_acknowledges_an_old_error),
		cmocka_unit_test(test_dsa_open_refuses_hostile_registers),
		cmocka_unit_test(test_dsa_open_refuses_tables_outside_of_bar0),
		cmocka_unit_test(test_dsa_open_wqcfg_larger_than_bar0_fails),
		cmocka_unit_test(test_dsa_open_small_bars_fail),
		cmocka_unit_test(test_dsa_open_checks_cmdcap_where_there_is_one),
		cmocka_unit_test(test_dsa_open_device_gone_fails_at_once),
		cmocka_unit_test(test_dsa_open_without_configuration_space_fails),
		cmocka_unit_test(test_dsa_open_waits_for_slow_commands),
		cmocka_unit_test(test_dsa_open_reset_that_hangs_times_out),
		cmocka_unit_test(test_dsa_open_reset_without_effect_fails),
		cmocka_unit_test(test_dsa_open_of_a_device_that_halted_resets_it_if_that_helps),
		cmocka_unit_test(test_dsa_close_of_a_device_that_halted_asks_nothing_in_vain),
		cmocka_unit_test(test_dsa_open_does_not_write_over_an_active_command),
		cmocka_unit_test(test_dsa_open_decodes_a_refused_command),
		cmocka_unit_test(test_dsa_open_enable_without_effect_fails),
		cmocka_unit_test(test_dsa_close_disables_resets_and_takes_the_bus),
		cmocka_unit_test(test_dsa_close_of_a_hung_device_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

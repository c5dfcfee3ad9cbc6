/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Registers, tables, options. */

#include <errno.h>
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

static void test_regs_after_create_show_sapphire_rapids(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_reg32(r, SVART_DSA_VER_OFF), 0x100);
	assert_int_equal(rig_reg(r, SVART_DSA_GENCAP_OFF), 0x40915f0107);
	assert_int_equal(rig_reg(r, SVART_DSA_WQCAP_OFF), 0x1f000000080080);
	assert_int_equal(rig_reg(r, SVART_DSA_GRPCAP_OFF), 0x36004);
	assert_int_equal(rig_reg(r, SVART_DSA_ENGCAP_OFF), 4);
	assert_int_equal(rig_reg(r, SVART_DSA_OPCAP_OFF), 0x1003f03ff);
	assert_int_equal(rig_reg(r, SVART_DSA_OPCAP_OFF + 8), 0);
	assert_int_equal(rig_reg(r, SVART_DSA_OFFSETS_OFF), 0x000200040003);
	assert_int_equal(rig_reg(r, SVART_DSA_OFFSETS_HI_OFF), 0);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDCAP_OFF), 0);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENSTS_OFF), 0);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF), 0);
}

static void test_regs_by_dwords_equal_regs_by_quadwords(void **state)
{
	struct rig *r = *state;

	for (uint64_t off = 0; off < 0x600; off += 8)
		assert_int_equal(
			rig_reg(r, off), rig_reg32(r, off) | (uint64_t)rig_reg32(r, off + 4) << 32);
}

static void test_regs_that_are_not_there_read_0(void **state)
{
	struct rig *r = *state;

	rig_reg_set(r, 0x1000, UINT64_MAX);
	assert_int_equal(rig_reg(r, 0x1000), 0);
	assert_int_equal(rig_reg(r, 0xfff8), 0);
	assert_int_equal(rig_reg(r, UINT64_C(1) << 40), 0);
	assert_int_equal(svart_dsa_model.mmio_read(r->dev, 0, 0x11, 4), 0);
	assert_int_equal(svart_dsa_model.mmio_read(r->dev, 0, 0x10, 2), 0);
	assert_int_equal(svart_dsa_model.mmio_read(r->dev, 2, 0, 8), 0);
}

static void test_caps_that_are_written_do_not_change(void **state)
{
	struct rig *r = *state;

	for (uint64_t off = 0; off < 0x80; off += 8) {
		uint64_t before = rig_reg(r, off);

		rig_reg_set(r, off, ~before);
		assert_int_equal(rig_reg(r, off), before);
	}
	rig_reg32_set(r, SVART_DSA_GENSTS_OFF, 1);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENSTS_OFF), 0);
	rig_reg32_set(r, SVART_DSA_CMDSTS_OFF, 0x80000000);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF), 0);
}

static void test_wqcfg_keeps_what_dsa_1_has(void **state)
{
	struct rig *r = *state;

	for (unsigned int dword = 0; dword < 8; dword++)
		rig_reg32_set(r, rig_wqcfg(3, dword), UINT32_MAX);
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 0)), 0xffff);
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 1)), 0xffff);
	/* PRS_DISABLE is not among WQCAP's. */
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 2)), 0x3ffffff7);
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 3)), 0x1ff);
	/* There are no occupancy interrupts: WQCAP. */
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 4)), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 5)), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 6)), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 7)), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(4, 0)), 0);
}

static void test_wqcfg_of_an_enabled_wq_is_fixed(void **state)
{
	struct rig *r = *state;
	uint32_t dw2;

	rig_start(r, 0, 0);
	dw2 = rig_reg32(r, rig_wqcfg(0, 2));
	rig_reg32_set(r, rig_wqcfg(0, 2), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 2)), dw2);
	rig_reg32_set(r, rig_wqcfg(0, 0), 1);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 0)), 16);
}

static void test_wqcfg_of_an_enabled_device_has_a_fixed_size_only(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	rig_reg32_set(r, rig_wqcfg(1, 0), 8);
	assert_int_equal(rig_reg32(r, rig_wqcfg(1, 0)), 0);
	rig_reg32_set(r, rig_wqcfg(1, 3), 5);
	assert_int_equal(rig_reg32(r, rig_wqcfg(1, 3)), 5);
}

static void test_grpcfg_of_an_enabled_device_is_fixed(void **state)
{
	struct rig *r = *state;

	rig_start(r, 0, 0);
	rig_reg_set(r, rig_grpcfg(1, SVART_DSA_GRPCFG_ENGINES_OFF), 2);
	assert_int_equal(rig_reg(r, rig_grpcfg(1, SVART_DSA_GRPCFG_ENGINES_OFF)), 0);
	assert_int_equal(rig_reg(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF)), 1);
}

static void test_wqcfg_shows_state_and_occupancy(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_start(r, 0, 0);
	desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 6)), 0x40000000);
	rig_submit(r, 0, &desc);
	rig_submit(r, 0, &desc);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 6)), 0x40000002);
	rig_run(r);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 6)), 0x40000000);
}

static void test_msix_perm_keeps_its_fields(void **state)
{
	struct rig *r = *state;

	rig_reg_set(r, 0x200 + 8 * 8, UINT64_MAX);
	assert_int_equal(rig_reg(r, 0x200 + 8 * 8), 0xfffff00c);
	rig_reg_set(r, 0x200 + 9 * 8, UINT64_MAX);
	assert_int_equal(rig_reg(r, 0x200 + 9 * 8), 0);
}

static void test_genctrl_and_gencfg_keep_their_fields(void **state)
{
	struct rig *r = *state;

	rig_reg32_set(r, SVART_DSA_GENCTRL_OFF, UINT32_MAX);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENCTRL_OFF), 3);
	rig_reg32_set(r, SVART_DSA_GENCFG_OFF, UINT32_MAX);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENCFG_OFF), 0x10ff);
	rig_start(r, 0, 0);
	rig_reg32_set(r, SVART_DSA_GENCFG_OFF, 0);
	assert_int_equal(rig_reg32(r, SVART_DSA_GENCFG_OFF), 0x10ff);
}

static void test_intcause_is_cleared_by_writing_1(void **state)
{
	struct rig *r = *state;

	rig_reg32_set(r, SVART_DSA_CMD_OFF, 0x80000000 | SVART_DSA_CMD_RESET_DEV << 20);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), SVART_DSA_INTCAUSE_CMD);
	rig_reg32_set(r, SVART_DSA_INTCAUSE_OFF, SVART_DSA_INTCAUSE_ERR);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), SVART_DSA_INTCAUSE_CMD);
	rig_reg32_set(r, SVART_DSA_INTCAUSE_OFF, SVART_DSA_INTCAUSE_CMD);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), 0);
	assert_int_equal(r->nr_interrupts[0], 1);
}

static void test_swerr_keeps_the_first_and_counts_none(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_start(r, 0, 0);
	desc = rig_simple(r, 0, SVART_DSA_OP_MEMMOVE);
	rig_submit(r, 3, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF),
		UINT64_C(0x300037e0d)); /* Valid, desc, WQ; memmove, WQ 3. */
	rig_submit(r, 4, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x300037e0f));
	assert_int_equal(r->nr_interrupts[0], 0);
}

static void test_swerr_ack_of_both_clears_all(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_start(r, 0, 0);
	desc = rig_simple(r, 0, SVART_DSA_OP_MEMMOVE);
	rig_submit(r, 3, &desc);
	rig_submit(r, 3, &desc);
	assert_int_equal(rig_reg32(r, SVART_DSA_SWERR_OFF) & 3, 3);
	rig_reg32_set(r, SVART_DSA_SWERR_OFF, SVART_DSA_SWERR0_OVERFLOW);
	assert_int_equal(rig_reg32(r, SVART_DSA_SWERR_OFF) & 3, 1);
	rig_reg_set(r, SVART_DSA_SWERR_OFF, SVART_DSA_SWERR0_VALID);
	for (unsigned int i = 0; i < SVART_DSA_SWERR_WORDS; i++)
		assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 8 * i), 0);
}

static void test_swerr_raises_vector_0_when_enabled(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	rig_start(r, 0, 0);
	rig_reg32_set(r, SVART_DSA_GENCTRL_OFF, SVART_DSA_GENCTRL_SWERR_INT);
	desc = rig_simple(r, 0, SVART_DSA_OP_MEMMOVE);
	rig_submit(r, 3, &desc);
	assert_true(svart_dsa_model.step(r->dev));
	assert_int_equal(r->nr_interrupts[0], 1);
	assert_int_equal(rig_reg32(r, SVART_DSA_INTCAUSE_OFF), SVART_DSA_INTCAUSE_ERR);
}

static void test_options_change_capabilities(void **state)
{
	struct rig *r = rig_create(
		"wqs=0x3,engines=2,groups=1,wq_size_total=64,max_xfer_shift=12,prg_pages=64");

	(void)state;
	assert_int_equal(rig_reg(r, SVART_DSA_WQCAP_OFF), 0x1f000000030040);
	assert_int_equal(rig_reg(r, SVART_DSA_GRPCAP_OFF), 0x36001);
	assert_int_equal(rig_reg(r, SVART_DSA_ENGCAP_OFF), 2);
	assert_int_equal(
		SVART_FIELD_GET(SVART_DSA_GENCAP_MAX_XFER_SHIFT, rig_reg(r, SVART_DSA_GENCAP_OFF)),
		12);
	/* Tables end with what is there. */
	rig_reg32_set(r, rig_wqcfg(3, 0), 1);
	assert_int_equal(rig_reg32(r, rig_wqcfg(3, 0)), 0);
	rig_reg_set(r, rig_grpcfg(1, 0), 1);
	assert_int_equal(rig_reg(r, rig_grpcfg(1, 0)), 0);
	rig_destroy(r);
}

static void test_options_that_are_bad_are_refused(void **state)
{
	static const char *const bad[] = { "wqs=0", "wqs=9", "engines=5", "groups=0",
		"wq_size_total=7", "wq_size_total=129", "max_xfer_shift=11", "max_xfer_shift=32",
		"prg_pages=0", "prg_pages=65", "prg_rate=0", "wqs", "wqs=", "wqs=1x", "wqs=-1",
		"wqs= 1", "=1", "nonsense=1", "wqs=1,", ",wqs=1", "wqs=1,,groups=1",
		"wqs=18446744073709551617", "wqsx=1", "wq=1", "wqs=1,wqs=1", "wqs=0x", "wqs=0xg",
		"wqs=a", "prg_rest=1", "prg_rest=of", "prg_rest=", "prg_rest=off,prg_rest=off",
		"prg_ahead=on", "prg_ahead=alwayss", "version=0", "version=3", "opcap=0",
		"opcap=0x400", "version=2,opcap=0x800", "opcap=8,opcap=8", "overlap=1",
		"block_on_fault=", "bof_unasked=on" };
	struct svart_bus bus = { 0 };
	void *dev;

	(void)state;
	for (size_t i = 0; i < SVART_ARRAY_SIZE(bad); i++)
		assert_int_equal(svart_dsa_model.create(&bus, bad[i], &dev), -EINVAL);
}

static void test_model_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(svart_dsa_model.vendor, 0x8086);
	assert_int_equal(svart_dsa_model.device, 0x0b25);
	assert_int_equal(svart_dsa_model.bar_bytes[0], 0x10000);
	assert_int_equal(svart_dsa_model.bar_bytes[2], 0x20000);
	assert_int_equal(svart_dsa_model.nr_vectors, 9);
	assert_true(svart_dsa_model.pasid && svart_dsa_model.ats && svart_dsa_model.pri);
	assert_int_equal(svart_dsa_model.pri_capacity, 512);
	assert_null(svart_dsa_model.option_keys[15]);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_regs_after_create_show_sapphire_rapids),
		RIG_TEST(test_regs_by_dwords_equal_regs_by_quadwords),
		RIG_TEST(test_regs_that_are_not_there_read_0),
		RIG_TEST(test_caps_that_are_written_do_not_change),
		RIG_TEST(test_wqcfg_keeps_what_dsa_1_has),
		RIG_TEST(test_wqcfg_of_an_enabled_wq_is_fixed),
		RIG_TEST(test_wqcfg_of_an_enabled_device_has_a_fixed_size_only),
		RIG_TEST(test_grpcfg_of_an_enabled_device_is_fixed),
		RIG_TEST(test_wqcfg_shows_state_and_occupancy),
		RIG_TEST(test_msix_perm_keeps_its_fields),
		RIG_TEST(test_genctrl_and_gencfg_keep_their_fields),
		RIG_TEST(test_intcause_is_cleared_by_writing_1),
		RIG_TEST(test_swerr_keeps_the_first_and_counts_none),
		RIG_TEST(test_swerr_ack_of_both_clears_all),
		RIG_TEST(test_swerr_raises_vector_0_when_enabled),
		cmocka_unit_test(test_options_change_capabilities),
		cmocka_unit_test(test_options_that_are_bad_are_refused),
		cmocka_unit_test(test_model_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

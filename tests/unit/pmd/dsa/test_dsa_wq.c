/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include "fake_dsa.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "error.h"

extern const struct svart_pmd_ops svart_pmd_dsa;

#define SECOND UINT64_C(1000000000)

/** Dedicated, priority 1. */
#define DW2_BASE 0x11u

static struct fake_dsa *opened(uint64_t queues)
{
	struct fake_dsa *f = fake_create();

	f->options[FAKE_QUEUES] = queues;
	assert_int_equal(fake_open(f), 0);
	f->trace[0] = '\0';
	return f;
}

static void expect_start_fails(struct fake_dsa *f, int rc, const char *word)
{
	assert_int_equal(fake_start(f, 0, 8), rc);
	if (strstr(svart_fail_text(), word) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", svart_fail_text(), word);
	assert_int_equal(f->mems, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_maps_memory_before_it_enables(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_string_equal(f->trace, "mem portal wqcfg ENABLE_WQ ");
	f->trace[0] = '\0';
	fake_stop(f, 0);
	assert_string_equal(f->trace, "DRAIN_WQ RESET_WQ free ");
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_writes_the_configuration(void **state)
{
	struct fake_dsa *f = opened(1);
	unsigned int i;

	(void)state;
	f->dev.portal_flags = SVART_PORTAL_SPLIT;
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_int_equal(fake_wqcfg(f, 0, 0), 128);
	assert_int_equal(fake_wqcfg(f, 0, 1), 0);
	assert_int_equal(fake_wqcfg(f, 0, 2), DW2_BASE | 2);
	assert_int_equal(fake_wqcfg(f, 0, 3), 31 | 10 << 5);
	assert_int_equal(fake_wqcfg(f, 0, 8), (uint32_t)FAKE_OPCAP);
	assert_int_equal(fake_wqcfg(f, 0, 9), FAKE_OPCAP >> 32);
	for (i = 10; i < 16; i++)
		assert_int_equal(fake_wqcfg(f, 0, i), 0);
	assert_non_null(strstr(f->trace, "portal-split"));
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_writes_the_priority(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	f->queue_priority = 15;
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_int_equal(fake_wqcfg(f, 0, 2), 0xf1 | 2);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
	f = fake_create();
	fake_set64(f, SVART_DSA_WQCAP_OFF, FAKE_WQCAP & ~SVART_DSA_WQCAP_PRIORITY);
	assert_int_equal(fake_open(f), 0);
	assert_false(f->dev.caps.features & SVART_FEATURE_PRIORITY);
	fake_close(f);
	fake_destroy(f);
}

/** A vector and its permission come before the WQ is enabled, and go when nothing comes any more. */
static void test_dsa_queue_start_binds_its_vector(void **state)
{
	struct fake_dsa *f = opened(2);
	struct svart_queue *q;
	struct svart_op op = { .opcode = SVART_OP_NOOP };

	(void)state;
	f->event_fd = 8;
	assert_int_equal(fake_start(f, 1, 8), 0);
	assert_string_equal(f->trace, "mem portal irq2=7 wqcfg ENABLE_WQ ");
	assert_int_equal(fake_get32(f, FAKE_MSIX_PERM_OFF + 2 * 8), 0);
	q = &f->queues[1].fast;
	assert_int_equal(q->prep(q, &op, 1), 1);
	q->submit(q);
	assert_int_equal(fake_desc(f, 0)->int_handle, 2);
	assert_true(fake_desc(f, 0)->flags_opcode & SVART_DSA_FLAG_RCI);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	f->trace[0] = '\0';
	fake_stop(f, 1);
	assert_string_equal(f->trace, "DRAIN_WQ RESET_WQ irq2=-1 free ");
	/* None is bound: nothing of the queue is left. */
	f->fail_irq = -EBUSY;
	f->trace[0] = '\0';
	assert_int_equal(fake_start(f, 1, 8), -EBUSY);
	assert_string_equal(f->trace, "mem portal irq2=7 free ");
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_revives_a_device_that_halted(void **state)
{
	struct fake_dsa *f = opened(2);

	(void)state;
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_int_equal(fake_start(f, 1, 8), 0);
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT);
	svart_pmd_dsa.check(&f->dev);
	assert_true(svart_pmd_dsa.queue_failed(&f->queues[0]));
	fake_stop(f, 0);
	/* Not under the other queue. */
	assert_int_equal(fake_start(f, 0, 8), -EIO);
	assert_non_null(strstr(svart_fail_text(), "halted"));
	fake_stop(f, 1);
	f->trace[0] = '\0';
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_string_equal(
		f->trace, "pci=0406 RESET_DEV grpcfg wqcfg ENABLE_DEV mem portal wqcfg ENABLE_WQ ");
	assert_false(svart_pmd_dsa.queue_failed(&f->queues[0]));
	assert_int_equal(fake_start(f, 1, 8), 0);
	fake_stop(f, 0);
	fake_stop(f, 1);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_cannot_revive_what_needs_more(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT | SVART_DSA_RESET_FLR << 2);
	expect_start_fails(f, -EIO, "function level reset");
}

static void test_dsa_queue_start_without_page_requests_disables_prs_and_blocking(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->dev.page_requests = false;
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_int_equal(fake_wqcfg(f, 0, 2), DW2_BASE | 8);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_leaves_prs_alone_where_it_cannot_be_disabled(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	f->dev.page_requests = false;
	fake_set64(f, SVART_DSA_WQCAP_OFF, FAKE_WQCAP & ~SVART_DSA_WQCAP_PRS_DISABLE);
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_int_equal(fake_wqcfg(f, 0, 2), DW2_BASE);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_without_op_config_leaves_its_dwords(void **state)
{
	struct fake_dsa *f = fake_create();

	(void)state;
	fake_set64(f, SVART_DSA_WQCAP_OFF, FAKE_WQCAP & ~SVART_DSA_WQCAP_OP_CONFIG);
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_int_equal(fake_wqcfg(f, 0, 8), 0);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_sets_the_pasid(void **state)
{
	struct fake_dsa *f = opened(1);
	struct svart_pmd_queue *q = &f->queues[0];

	(void)state;
	*q = (struct svart_pmd_queue){
		.dev = &f->dev, .depth = 8, .pasid = SVART_PASID_MAX, .event_fd = -1
	};
	assert_int_equal(svart_pmd_dsa.queue_start(q), 0);
	assert_int_equal(fake_wqcfg(f, 0, 2), DW2_BASE | 2 | 0xfffffu << 8 | 1u << 28);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queues_of_a_device_are_configured_apart(void **state)
{
	struct fake_dsa *f = opened(8);
	const struct svart_dsa_desc *desc;
	struct svart_op op = { .opcode = SVART_OP_NOOP };
	uint32_t i;

	(void)state;
	for (i = 0; i < 8; i++) {
		assert_int_equal(fake_start(f, i, 16), 0);
		assert_int_equal(fake_wqcfg(f, i, 0), 16);
	}
	for (i = 0; i < 8; i++) {
		assert_int_equal(f->queues[i].fast.prep(&f->queues[i].fast, &op, 1), 1);
		assert_int_equal(f->queues[i].fast.submit(&f->queues[i].fast), 1);
		assert_int_equal(f->portal_offs[i], i * 0x4000);
		desc = fake_desc(f, i);
		assert_int_equal(desc->completion_addr % 4096, 0);
	}
	fake_stop(f, 3);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_WQCFG6_STATE, fake_wqcfg(f, 3, 6)), 0);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_WQCFG6_STATE, fake_wqcfg(f, 4, 6)), 1);
	assert_int_equal(fake_start(f, 3, 16), 0);
	for (i = 0; i < 8; i++)
		fake_stop(f, i);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_without_memory_fails(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	f->fail_mem = -ENOMEM;
	expect_start_fails(f, -ENOMEM, "memory");
}

static void test_dsa_queue_start_without_portal_fails(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	f->fail_portal = -ENOTSUP;
	expect_start_fails(f, -ENOTSUP, "portal");
}

static void test_dsa_queue_start_on_an_enabled_wq_fails(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	fake_set32(f, FAKE_WQCFG_OFF + 24, 0x40000000);
	expect_start_fails(f, -EIO, "state 1");
}

static void test_dsa_queue_start_reads_back_what_it_wrote(void **state)
{
	const int dwords[] = { 0, 2, 3 };
	const char *const words[] = { "dword 0", "dword 2", "dword 3" };
	struct fake_dsa *f;
	unsigned int i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(dwords); i++) {
		f = opened(1);
		f->wqcfg_stuck = dwords[i];
		fake_set32(f, FAKE_WQCFG_OFF + (uint32_t)dwords[i] * 4, 0);
		expect_start_fails(f, -EIO, words[i]);
	}
}

static void test_dsa_queue_start_decodes_a_refusal(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	f->cmd_error[SVART_DSA_CMD_ENABLE_WQ] = SVART_DSA_CMD_WQ_SIZE;
	expect_start_fails(f, -EIO, svart_dsa_cmd_error_name(SVART_DSA_CMD_WQ_SIZE));
}

static void test_dsa_queue_start_enable_without_effect_times_out(void **state)
{
	struct fake_dsa *f = opened(2);

	(void)state;
	assert_int_equal(fake_start(f, 1, 8), 0);
	f->cmd_no_effect[SVART_DSA_CMD_ENABLE_WQ] = true;
	f->trace[0] = '\0';
	assert_int_equal(fake_start(f, 0, 8), -ETIMEDOUT);
	assert_non_null(strstr(svart_fail_text(), "state 0 after ENABLE_WQ"));
	/* It is disabled as it is, and the other queue goes on. */
	assert_string_equal(f->trace, "mem portal wqcfg ENABLE_WQ free ");
	assert_false(svart_pmd_dsa.queue_failed(&f->queues[1]));
	fake_stop(f, 1);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_enable_that_hangs_ends_without_dma(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	f->cmd_hangs[SVART_DSA_CMD_ENABLE_WQ] = true;
	/* A WQ that is half enabled. */
	f->wq_state_while_hung = SVART_DSA_WQ_ENABLED;
	assert_int_equal(fake_start(f, 0, 8), -ETIMEDOUT);
	assert_string_equal(f->trace, "mem portal wqcfg ENABLE_WQ pci=0402 free ");
	fake_close(f);
	fake_destroy(f);
}

/** A queue with one copy in flight, and one that is only prepared: nobody waits for that. */
static void start_busy(struct fake_dsa *f, uint32_t index)
{
	static uint8_t bytes[128];
	struct svart_op op = {
		.opcode = SVART_OP_COPY, .dst = bytes, .src = bytes + 64, .length = 64
	};
	struct svart_queue *q = &f->queues[index].fast;

	assert_int_equal(fake_start(f, index, 8), 0);
	assert_int_equal(q->prep(q, &op, 1), 1);
	assert_int_equal(q->submit(q), 1);
	assert_int_equal(q->prep(q, &op, 1), 1);
	f->trace[0] = '\0';
}

static void complete_late(struct fake_dsa *f)
{
	if (f->pauses == 1900)
		fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
}

static void test_dsa_queue_stop_waits_for_work_in_flight(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	start_busy(f, 0);
	f->pauses = 0;
	f->on_pause = complete_late;
	fake_stop(f, 0);
	assert_int_equal(f->pauses, 1900);
	assert_string_equal(f->trace, "DRAIN_WQ RESET_WQ free ");
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_stop_aborts_what_does_not_finish(void **state)
{
	struct fake_dsa *f = opened(2);
	uint64_t began;

	(void)state;
	assert_int_equal(fake_start(f, 1, 8), 0);
	start_busy(f, 0);
	began = f->now_ns;
	fake_stop(f, 0);
	assert_string_equal(f->trace, "ABORT_WQ RESET_WQ free ");
	assert_in_range(f->now_ns - began, 2 * SECOND, 2 * SECOND + SECOND / 10);
	/* The other one has not noticed, and this one can start again. */
	assert_false(svart_pmd_dsa.queue_failed(&f->queues[1]));
	assert_int_equal(fake_start(f, 0, 8), 0);
	fake_stop(f, 0);
	fake_stop(f, 1);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_stop_of_a_failed_queue_aborts_at_once(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	start_busy(f, 0);
	fake_swerr(f, 0x1a09, 0x1000);
	f->pauses = 0;
	fake_stop(f, 0);
	assert_string_equal(f->trace, "ABORT_WQ RESET_WQ free ");
	assert_int_equal(f->pauses, 0);
	fake_close(f);
	fake_destroy(f);
}

/** Expects that queue 1 has failed by a reset, and needs no command to stop. @param rc of the next one's start. */
static void expect_device_was_reset(struct fake_dsa *f, int rc)
{
	struct svart_queue_error error;

	assert_true(svart_pmd_dsa.queue_failed(&f->queues[1]));
	svart_pmd_dsa.queue_error(&f->queues[1], &error);
	assert_non_null(strstr(error.text, "WQ 1: the device was reset"));
	f->trace[0] = '\0';
	fake_stop(f, 1);
	assert_string_equal(f->trace, "free ");
	assert_int_equal(fake_start(f, 0, 8), rc);
	if (rc == 0)
		fake_stop(f, 0);
	else
		assert_non_null(strstr(svart_fail_text(), "close it, open it again"));
}

static void test_dsa_queue_stop_drain_refused_resets_the_device(void **state)
{
	struct fake_dsa *f = opened(2);

	(void)state;
	assert_int_equal(fake_start(f, 1, 8), 0);
	assert_int_equal(fake_start(f, 0, 8), 0);
	f->trace[0] = '\0';
	f->cmd_error[SVART_DSA_CMD_DRAIN_WQ] = SVART_DSA_CMD_HW_ERROR;
	fake_stop(f, 0);
	assert_string_equal(f->trace, "DRAIN_WQ RESET_DEV free ");
	expect_device_was_reset(f, 0);
	f->cmd_error[SVART_DSA_CMD_DRAIN_WQ] = 0;
	fake_close(f);
	/* Opened again, it is as new. */
	assert_int_equal(fake_open(f), 0);
	assert_int_equal(fake_start(f, 0, 8), 0);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_stop_abort_refused_resets_the_device(void **state)
{
	struct fake_dsa *f = opened(2);

	(void)state;
	assert_int_equal(fake_start(f, 1, 8), 0);
	start_busy(f, 0);
	f->cmd_error[SVART_DSA_CMD_ABORT_WQ] = SVART_DSA_CMD_HW_ERROR;
	fake_stop(f, 0);
	assert_string_equal(f->trace, "ABORT_WQ RESET_DEV free ");
	expect_device_was_reset(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_stop_reset_refused_resets_the_device(void **state)
{
	struct fake_dsa *f = opened(1);

	(void)state;
	assert_int_equal(fake_start(f, 0, 8), 0);
	f->trace[0] = '\0';
	f->cmd_error[SVART_DSA_CMD_RESET_WQ] = SVART_DSA_CMD_HW_ERROR;
	fake_stop(f, 0);
	assert_string_equal(f->trace, "DRAIN_WQ RESET_WQ RESET_DEV free ");
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_stop_of_a_hung_device_takes_the_bus_before_it_frees(void **state)
{
	struct fake_dsa *f = opened(2);
	uint64_t began;

	(void)state;
	assert_int_equal(fake_start(f, 1, 8), 0);
	start_busy(f, 0);
	f->cmd_hangs[SVART_DSA_CMD_ABORT_WQ] = true;
	began = f->now_ns;
	fake_stop(f, 0);
	/* RESET_DEV waits for ABORT_WQ in vain. */
	assert_string_equal(f->trace, "ABORT_WQ pci=0402 free ");
	assert_in_range(f->now_ns - began, 9 * SECOND, 10 * SECOND);
	expect_device_was_reset(f, -EIO);
	/* It hangs, so closing does not try again. */
	began = f->now_ns;
	fake_close(f);
	assert_int_equal(f->now_ns, began);
	fake_destroy(f);
}

/** Neither waits, nor tells of commands that are refused: that the device is gone the core tells. */
static void end_when_gone(bool with_queue)
{
	struct fake_dsa *f = opened(1);
	uint64_t pauses;
	char *told;
	size_t bytes;
	FILE *log = open_memstream(&told, &bytes);

	assert_int_equal(fake_start(f, 0, 8), 0);
	if (!with_queue)
		fake_stop(f, 0);
	f->gone = true;
	pauses = f->pauses;
	assert_non_null(log);
	assert_int_equal(rte_openlog_stream(log), 0);
	if (with_queue)
		fake_stop(f, 0);
	fake_close(f);
	assert_int_equal(rte_openlog_stream(NULL), 0);
	fclose(log);
	assert_string_equal(told, "");
	free(told);
	assert_int_equal(f->pauses, pauses);
	assert_int_equal(f->pci_command & 4, 0);
	fake_destroy(f);
}

static void test_dsa_queue_stop_of_a_device_gone_does_not_wait(void **state)
{
	(void)state;
	end_when_gone(true);
}

static void test_dsa_close_of_a_device_gone_does_not_wait(void **state)
{
	(void)state;
	end_when_gone(false);
}

/** One life of a device that is gone with the n-th read of a register. @return whether there were so many. */
static bool live_until_gone(unsigned int n)
{
	struct fake_dsa *f = fake_create();
	unsigned int reads;

	f->gone_at = n;
	f->cmd_pauses = 2;
	if (fake_open(f) != 0) {
		assert_non_null(strstr(svart_fail_text(), "gone"));
	} else {
		if (fake_start(f, 0, 8) == 0)
			fake_stop(f, 0);
		else
			assert_non_null(strstr(svart_fail_text(), "gone"));
		fake_close(f);
	}
	assert_int_equal(f->pci_command & 4, 0);
	/* Each command takes two, and the device has had ten of them at most. */
	assert_in_range(f->pauses, 0, 20);
	reads = f->reg_reads;
	fake_destroy(f);
	return reads >= n;
}

/** Whichever read it is: nothing is waited for that cannot come, and no DMA is left. */
static void test_dsa_device_gone_at_any_read_is_not_waited_for(void **state)
{
	unsigned int n = 1;

	(void)state;
	while (live_until_gone(n))
		n++;
	assert_in_range(n, 40, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsa_queue_start_maps_memory_before_it_enables),
		cmocka_unit_test(test_dsa_queue_start_writes_the_configuration),
		cmocka_unit_test(test_dsa_queue_start_writes_the_priority),
		cmocka_unit_test(test_dsa_queue_start_binds_its_vector),
		cmocka_unit_test(test_dsa_queue_start_revives_a_device_that_halted),
		cmocka_unit_test(test_dsa_queue_start_cannot_revive_what_needs_more),
		cmocka_unit_test(
			test_dsa_queue_start_without_page_requests_disables_prs_and_blocking),
		cmocka_unit_test(test_dsa_queue_start_leaves_prs_alone_where_it_cannot_be_disabled),
		cmocka_unit_test(test_dsa_queue_start_without_op_config_leaves_its_dwords),
		cmocka_unit_test(test_dsa_queue_start_sets_the_pasid),
		cmocka_unit_test(test_dsa_queues_of_a_device_are_configured_apart),
		cmocka_unit_test(test_dsa_queue_start_without_memory_fails),
		cmocka_unit_test(test_dsa_queue_start_without_portal_fails),
		cmocka_unit_test(test_dsa_queue_start_on_an_enabled_wq_fails),
		cmocka_unit_test(test_dsa_queue_start_reads_back_what_it_wrote),
		cmocka_unit_test(test_dsa_queue_start_decodes_a_refusal),
		cmocka_unit_test(test_dsa_queue_start_enable_without_effect_times_out),
		cmocka_unit_test(test_dsa_queue_start_enable_that_hangs_ends_without_dma),
		cmocka_unit_test(test_dsa_queue_stop_waits_for_work_in_flight),
		cmocka_unit_test(test_dsa_queue_stop_aborts_what_does_not_finish),
		cmocka_unit_test(test_dsa_queue_stop_of_a_failed_queue_aborts_at_once),
		cmocka_unit_test(test_dsa_queue_stop_drain_refused_resets_the_device),
		cmocka_unit_test(test_dsa_queue_stop_abort_refused_resets_the_device),
		cmocka_unit_test(test_dsa_queue_stop_reset_refused_resets_the_device),
		cmocka_unit_test(
			test_dsa_queue_stop_of_a_hung_device_takes_the_bus_before_it_frees),
		cmocka_unit_test(test_dsa_queue_stop_of_a_device_gone_does_not_wait),
		cmocka_unit_test(test_dsa_close_of_a_device_gone_does_not_wait),
		cmocka_unit_test(test_dsa_device_gone_at_any_read_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

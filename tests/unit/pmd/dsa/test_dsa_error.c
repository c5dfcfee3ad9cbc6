/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include "fake_dsa.h"

#include <pthread.h>
#include <string.h>

extern const struct svart_pmd_ops svart_pmd_dsa;

/** More empty polls than the driver lets pass between two looks at the error registers. */
#define MANY_POLLS (70u << 10)

#define SWERR_VALID    UINT64_C(0x1)
#define SWERR_OVERFLOW UINT64_C(0x2)
#define SWERR_DESC     UINT64_C(0x4)
#define SWERR_WQ_VALID UINT64_C(0x8)
#define SWERR_WRITE    UINT64_C(0x20)

/** Completion record not reachable, memmove, as seen on hardware; for a WQ. */
static uint64_t swerr_of(uint64_t wq)
{
	return SWERR_VALID | SWERR_DESC | SWERR_WQ_VALID | SWERR_WRITE | UINT64_C(0x1a) << 8 |
	       wq << 16 | UINT64_C(3) << 32;
}

static uint16_t prep_copies(struct svart_queue *q, uint64_t cookie, uint16_t nr)
{
	static uint8_t bytes[128];
	struct svart_op op = {
		.opcode = SVART_OP_COPY, .dst = bytes, .src = bytes + 64, .length = 64
	};
	uint16_t i, n = 0;

	for (i = 0; i < nr; i++) {
		op.cookie = cookie + i;
		n = (uint16_t)(n + q->prep(q, &op, 1));
	}
	return n;
}

/** A device of two queues, both with two copies in flight, cookies 0, 1 and 10, 11. */
static struct fake_dsa *two_busy_queues(void)
{
	struct fake_dsa *f = fake_create();
	uint32_t i;

	f->options[FAKE_QUEUES] = 2;
	assert_int_equal(fake_open(f), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(fake_start(f, i, 8), 0);
		assert_int_equal(prep_copies(&f->queues[i].fast, 10 * i, 2), 2);
		assert_int_equal(f->queues[i].fast.submit(&f->queues[i].fast), 2);
	}
	return f;
}

static void finish_two(struct fake_dsa *f)
{
	fake_stop(f, 0);
	fake_stop(f, 1);
	fake_close(f);
	fake_destroy(f);
}

static bool failed(const struct fake_dsa *f, uint32_t index)
{
	return svart_pmd_dsa.queue_failed(&f->queues[index]);
}

/** Expects `nr` completions with a status and cookies that go up from `cookie`. */
static void expect_completions(
	struct svart_queue *q, uint64_t cookie, uint16_t nr, enum svart_status status)
{
	struct svart_completion done;
	uint16_t i;

	for (i = 0; i < nr; i++) {
		assert_int_equal(fake_poll(q, &done, 1, MANY_POLLS), 1);
		assert_int_equal(done.cookie, cookie + i);
		assert_int_equal(done.status, status);
		assert_int_equal(done.fault_addr, 0);
	}
}

static void expect_lost(const struct fake_dsa *f, enum svart_pmd_loss loss, uint32_t value)
{
	assert_int_equal(f->dev.lost >> 32, loss);
	assert_int_equal((uint32_t)f->dev.lost, value);
}

static void expect_queue_dead(struct svart_queue *q)
{
	struct svart_completion done;

	assert_int_equal(q->poll(q, &done, 1), 0);
	assert_int_equal(prep_copies(q, 99, 1), 0);
	assert_int_equal(q->submit(q), 0);
}

static void test_dsa_swerr_fails_the_queue_it_names(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue *q = &f->queues[0].fast;
	struct svart_queue_error error;

	(void)state;
	assert_int_equal(prep_copies(q, 2, 1), 1);
	fake_swerr(f, swerr_of(0), 0x7f0000001000);
	/* Handed over or only prepared: all end in order. */
	expect_completions(q, 0, 3, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 0));
	expect_queue_dead(q);
	svart_pmd_dsa.queue_error(&f->queues[0], &error);
	assert_int_equal(error.code, 0x1a);
	assert_int_equal(error.operation, 3);
	assert_int_equal(error.write, 1);
	assert_int_equal(error.fault_addr, 0x7f0000001000);
	assert_non_null(strstr(error.text, "WQ 0: "));
	assert_non_null(strstr(error.text, svart_dsa_swerr_name(0x1a)));
	assert_non_null(strstr(error.text, "(0x1a), operation 0x3, write to 0x7f0000001000"));
	finish_two(f);
}

static void test_dsa_swerr_is_acknowledged(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	fake_swerr(f, swerr_of(0) | SWERR_OVERFLOW, 0);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	assert_int_equal(f->swerr_acks, 1);
	assert_int_equal(fake_get64(f, SVART_DSA_SWERR_OFF) & 3, 0);
	finish_two(f);
}

static void test_dsa_swerr_of_another_queue_fails_that_one_only(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue *q = &f->queues[0].fast;
	struct svart_completion done;

	(void)state;
	fake_swerr(f, swerr_of(1), 0x1000);
	assert_int_equal(fake_poll(q, &done, 1, MANY_POLLS), 0);
	assert_false(failed(f, 0));
	assert_true(failed(f, 1));
	/* The one whose queue it is learns of it without a look of its own. */
	f->reg_reads = 0;
	assert_int_equal(f->queues[1].fast.poll(&f->queues[1].fast, &done, 1), 1);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	assert_int_equal(done.cookie, 10);
	assert_int_equal(f->reg_reads, 0);
	/* The first goes on. */
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	expect_completions(q, 0, 2, SVART_STATUS_OK);
	assert_int_equal(prep_copies(q, 2, 1), 1);
	finish_two(f);
}

static void test_dsa_swerr_without_a_queue_fails_all(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	fake_swerr(f, SWERR_VALID | UINT64_C(0x20) << 8, 0);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 1));
	expect_completions(&f->queues[1].fast, 10, 2, SVART_STATUS_QUEUE_FAILED);
	finish_two(f);
}

static void test_dsa_swerr_of_a_queue_that_is_none_fails_all(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	fake_swerr(f, swerr_of(255), 0);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 1));
	finish_two(f);
}

static void test_dsa_swerr_overflow_is_said(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;

	(void)state;
	fake_swerr(f, (swerr_of(0) | SWERR_OVERFLOW) & ~(SWERR_DESC | SWERR_WRITE), UINT64_MAX);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	svart_pmd_dsa.queue_error(&f->queues[0], &error);
	assert_int_equal(error.operation, 0);
	assert_int_equal(error.write, 0);
	assert_non_null(strstr(error.text, "WQ 0 (first of several errors): "));
	finish_two(f);
}

/** The error that did not fit may be of any queue, whose record then never comes. */
static void test_dsa_swerr_overflow_fails_all_that_may_be_meant(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;

	(void)state;
	fake_swerr(f, swerr_of(0) | SWERR_OVERFLOW, 0x1000);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 1));
	expect_completions(&f->queues[1].fast, 10, 2, SVART_STATUS_QUEUE_FAILED);
	svart_pmd_dsa.queue_error(&f->queues[0], &error);
	assert_int_equal(error.fault_addr, 0x1000);
	svart_pmd_dsa.queue_error(&f->queues[1], &error);
	assert_non_null(strstr(error.text, "WQ 1: SWERR lost an error"));
	assert_int_equal(error.fault_addr, 0);
	finish_two(f);
}

/** It came while the first was being acknowledged: no valid error is left, and one was lost. */
static void test_dsa_swerr_overflow_alone_fails_all(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	fake_swerr(f, SWERR_OVERFLOW, 0);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 1));
	assert_int_equal(fake_get64(f, SVART_DSA_SWERR_OFF) & 3, 0);
	finish_two(f);
}

static void test_dsa_first_error_of_a_queue_stands(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;
	struct svart_completion done;

	(void)state;
	fake_swerr(f, swerr_of(0), 0x1000);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	fake_swerr(f, swerr_of(0), 0x2000);
	assert_int_equal(fake_poll(&f->queues[1].fast, &done, 1, MANY_POLLS), 0);
	assert_int_equal(f->swerr_acks, 2);
	svart_pmd_dsa.queue_error(&f->queues[0], &error);
	assert_int_equal(error.fault_addr, 0x1000);
	finish_two(f);
}

static void test_dsa_failed_queue_still_reports_what_was_done(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue *q = &f->queues[0].fast;

	(void)state;
	/* The second of the two; the first one's record could not be written. */
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	fake_swerr(f, swerr_of(0), 0x1000);
	expect_completions(q, 0, 1, SVART_STATUS_QUEUE_FAILED);
	expect_completions(q, 1, 1, SVART_STATUS_OK);
	expect_queue_dead(q);
	finish_two(f);
}

/** What was prepared and never submitted ends with the queue, and nothing comes after it. */
static void test_dsa_failed_queue_ends_what_was_not_submitted_once(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue *q = &f->queues[1].fast;
	struct svart_completion done;
	uint32_t i;

	(void)state;
	assert_int_equal(prep_copies(q, 12, 6), 6);
	assert_int_equal(q->submit(q), 6);
	/* The first two stores were queue 0's; every record of queue 1 is written now. */
	for (i = 2; i < 10; i++)
		fake_complete(f, i, SVART_DSA_STATUS_SUCCESS);
	expect_completions(q, 10, 8, SVART_STATUS_OK);
	assert_int_equal(prep_copies(q, 18, 2), 2);
	fake_swerr(f, swerr_of(1), 0x1000);
	/* The other queue's owner finds it out. */
	assert_int_equal(fake_poll(&f->queues[0].fast, &done, 1, MANY_POLLS), 0);
	assert_true(failed(f, 1));
	expect_completions(q, 18, 2, SVART_STATUS_QUEUE_FAILED);
	expect_queue_dead(q);
	assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[1]), 0);
	finish_two(f);
}

static void test_dsa_halted_device_fails_all_queues(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;

	(void)state;
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT);
	expect_completions(&f->queues[1].fast, 10, 2, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 0));
	svart_pmd_dsa.queue_error(&f->queues[1], &error);
	assert_string_equal(error.text,
		"WQ 1: the device has halted; destroy its queues and create "
		"them again");
	finish_two(f);
}

/** It comes between the two reads of a look: its error is the cause, and not that it has halted for it. */
static void test_dsa_error_that_halts_the_device_is_the_cause(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;

	(void)state;
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT | SVART_DSA_RESET_FLR << 2);
	f->late_swerr = SVART_DSA_SWERR0_VALID |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_ERROR, SVART_DSA_SWERR_BUS_MASTER);
	svart_pmd_dsa.check(&f->dev);
	svart_pmd_dsa.queue_error(&f->queues[0], &error);
	assert_int_equal(error.code, SVART_DSA_SWERR_BUS_MASTER);
	svart_pmd_dsa.queue_error(&f->queues[1], &error);
	assert_int_equal(error.code, SVART_DSA_SWERR_BUS_MASTER);
	assert_int_equal(f->swerr_acks, 1);
	finish_two(f);
}

static void test_dsa_halted_device_says_what_it_needs(void **state)
{
	static const struct {
		uint32_t type;
		const char *text;
	} types[] = {
		{ SVART_DSA_RESET_SOFTWARE,
			"WQ 1: the device has halted; destroy its queues and create "
			"them again" },
		{ SVART_DSA_RESET_FLR, "WQ 1: the device has halted and needs a function level "
				       "reset; close it and "
				       "open it again" },
		{ SVART_DSA_RESET_WARM, "WQ 1: the device has halted for good; restart the "
					"machine, then open it again" },
		{ SVART_DSA_RESET_COLD, "WQ 1: the device has halted for good; restart the "
					"machine, then open it again" },
	};
	struct svart_queue_error error;
	struct fake_dsa *f;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		f = two_busy_queues();
		fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_HALT | types[i].type << 2);
		svart_pmd_dsa.check(&f->dev);
		svart_pmd_dsa.queue_error(&f->queues[1], &error);
		assert_string_equal(error.text, types[i].text);
		fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_DISABLED);
		finish_two(f);
	}
}

static void test_dsa_device_gone_fails_all_queues(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;

	(void)state;
	f->gone = true;
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 1));
	expect_lost(f, SVART_PMD_LOSS_REGISTER, SVART_DSA_SWERR_OFF);
	/* The core has the words. */
	svart_pmd_dsa.queue_error(&f->queues[0], &error);
	assert_string_equal(error.text, "");
	assert_int_equal(error.code, 0);
	finish_two(f);
}

/** However long completions took before, poll looks within 64 Ki calls. */
static void test_dsa_device_gone_is_found_within_65536_empty_polls(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue *q = &f->queues[0].fast;
	struct svart_completion done;

	(void)state;
	assert_int_equal(fake_poll(q, &done, 1, 1000000), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	expect_completions(q, 0, 1, SVART_STATUS_OK);
	f->gone = true;
	assert_int_equal(fake_poll(q, &done, 1, 65536), 1);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	finish_two(f);
}

/** The core has found it: the next poll of any queue tells, and no register is read. */
static void test_dsa_lost_device_fails_every_queue_at_once(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;
	struct svart_completion done[2];
	uint32_t i;

	(void)state;
	f->reg_reads = 0;
	svart_pmd_lose(&f->dev, SVART_PMD_LOSS_FAULT_READ, 19);
	svart_pmd_dsa.queues_fail(&f->dev);
	for (i = 0; i < 2; i++) {
		assert_true(failed(f, i));
		assert_int_equal(prep_copies(&f->queues[i].fast, 5, 1), 0);
		assert_int_equal(f->queues[i].fast.submit(&f->queues[i].fast), 0);
		assert_int_equal(f->queues[i].fast.poll(&f->queues[i].fast, done, 2), 2);
		assert_int_equal(done[0].status, SVART_STATUS_QUEUE_FAILED);
		assert_int_equal(done[1].status, SVART_STATUS_QUEUE_FAILED);
		expect_queue_dead(&f->queues[i].fast);
		svart_pmd_dsa.queue_error(&f->queues[i], &error);
		assert_string_equal(error.text, "");
	}
	assert_int_equal(f->reg_reads, 0);
	finish_two(f);
}

static void test_dsa_queue_that_failed_before_the_device_was_lost_keeps_its_cause(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue_error error;

	(void)state;
	fake_swerr(f, swerr_of(0), 0x1000);
	svart_pmd_dsa.check(&f->dev);
	assert_true(failed(f, 0) && !failed(f, 1));
	svart_pmd_lose(&f->dev, SVART_PMD_LOSS_FAULT_READ, 19);
	svart_pmd_dsa.queues_fail(&f->dev);
	svart_pmd_dsa.queue_error(&f->queues[0], &error);
	assert_int_equal(error.fault_addr, 0x1000);
	svart_pmd_dsa.queue_error(&f->queues[1], &error);
	assert_string_equal(error.text, "");
	finish_two(f);
}

static void test_dsa_first_loss_of_a_device_stands(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	assert_true(svart_pmd_lose(&f->dev, SVART_PMD_LOSS_BUS_MASTER, 2));
	assert_false(svart_pmd_lose(&f->dev, SVART_PMD_LOSS_FILE, 0x20));
	f->gone = true;
	svart_pmd_dsa.check(&f->dev);
	expect_lost(f, SVART_PMD_LOSS_BUS_MASTER, 2);
	finish_two(f);
}

/** One look, whatever poll would wait for. */
static void test_dsa_check_finds_what_is_wrong_at_once(void **state)
{
	static const uint32_t states[] = { SVART_DSA_STATE_HALT, SVART_DSA_STATE_DISABLED,
		UINT32_MAX };
	struct fake_dsa *f;
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		f = two_busy_queues();
		svart_pmd_dsa.check(&f->dev);
		assert_false(failed(f, 0) || failed(f, 1));
		fake_set32(f, SVART_DSA_GENSTS_OFF, states[i]);
		svart_pmd_dsa.check(&f->dev);
		assert_true(failed(f, 0) && failed(f, 1));
		assert_int_equal(svart_pmd_is_lost(&f->dev), states[i] == UINT32_MAX);
		finish_two(f);
	}
}

static void test_dsa_device_reset_by_others_fails_all_queues(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	fake_set32(f, SVART_DSA_GENSTS_OFF, SVART_DSA_STATE_DISABLED);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	assert_true(failed(f, 1));
	finish_two(f);
}

static void test_dsa_slow_operation_is_no_failure(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_completion done;

	(void)state;
	f->reg_reads = 0;
	assert_int_equal(fake_poll(&f->queues[0].fast, &done, 1, 1000000), 0);
	assert_false(failed(f, 0));
	/* The looks have become rare: two registers each. */
	assert_in_range(f->reg_reads, 2, 2 * 30);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	expect_completions(&f->queues[0].fast, 0, 1, SVART_STATUS_OK);
	finish_two(f);
}

static void test_dsa_look_is_soon_again_after_a_quick_completion(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue *q = &f->queues[0].fast;
	struct svart_completion done;

	(void)state;
	assert_int_equal(fake_poll(q, &done, 1, 1000000), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	expect_completions(q, 0, 1, SVART_STATUS_OK);
	prep_copies(q, 2, 1);
	q->submit(q);
	assert_int_equal(q->poll(q, &done, 1), 0);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	expect_completions(q, 1, 1, SVART_STATUS_OK);
	fake_swerr(f, swerr_of(0), 0x1000);
	assert_int_equal(fake_poll(q, &done, 1, 512), 1);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	finish_two(f);
}

static void test_dsa_look_waits_for_several_times_the_last_completion(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct svart_queue *q = &f->queues[0].fast;
	struct svart_completion done;

	(void)state;
	assert_int_equal(fake_poll(q, &done, 1, 2000), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	expect_completions(q, 0, 1, SVART_STATUS_OK);
	fake_swerr(f, swerr_of(0), 0x1000);
	assert_int_equal(fake_poll(q, &done, 1, 7 * 2000), 0);
	assert_int_equal(fake_poll(q, &done, 1, 2000), 1);
	assert_int_equal(done.status, SVART_STATUS_QUEUE_FAILED);
	finish_two(f);
}

static void test_dsa_idle_queue_reads_no_registers(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 8);
	struct svart_completion done;

	(void)state;
	f->reg_reads = 0;
	assert_int_equal(fake_poll(q, &done, 1, 1000000), 0);
	prep_copies(q, 0, 1);
	assert_int_equal(fake_poll(q, &done, 1, 1000000), 0);
	assert_int_equal(f->reg_reads, 0);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_busy_queue_reads_no_registers(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 8);
	struct svart_completion done;
	uint32_t i;

	(void)state;
	f->reg_reads = 0;
	for (i = 0; i < 10000; i++) {
		assert_int_equal(prep_copies(q, i, 1), 1);
		q->submit(q);
		assert_int_equal(fake_poll(q, &done, 1, 100), 0);
		fake_complete(f, i, SVART_DSA_STATUS_SUCCESS);
		assert_int_equal(q->poll(q, &done, 1), 1);
	}
	assert_int_equal(f->reg_reads, 0);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_queue_start_forgets_the_last_life(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	fake_swerr(f, swerr_of(0), 0x1000);
	expect_completions(&f->queues[0].fast, 0, 2, SVART_STATUS_QUEUE_FAILED);
	fake_stop(f, 0);
	/* One more of it, that nobody saw. */
	fake_swerr(f, swerr_of(0), 0x2000);
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_false(failed(f, 0));
	assert_int_equal(fake_get64(f, SVART_DSA_SWERR_OFF) & 1, 0);
	assert_int_equal(prep_copies(&f->queues[0].fast, 0, 1), 1);
	finish_two(f);
}

static void test_dsa_queue_start_keeps_the_error_of_another(void **state)
{
	struct fake_dsa *f = two_busy_queues();

	(void)state;
	fake_stop(f, 0);
	fake_swerr(f, swerr_of(1), 0x2000);
	assert_int_equal(fake_start(f, 0, 8), 0);
	assert_false(failed(f, 0));
	assert_true(failed(f, 1));
	finish_two(f);
}

struct poller {
	struct svart_queue *q;
	uint16_t got;
};

static void *poll_until_failed(void *arg)
{
	struct poller *p = arg;
	struct svart_completion done[2];

	while (p->got < 2)
		p->got = (uint16_t)(p->got + p->q->poll(p->q, done, 2));
	return NULL;
}

/** For the thread sanitizer: the pollers of two queues look at the same registers. */
static void test_dsa_pollers_of_two_queues_share_one_error(void **state)
{
	struct fake_dsa *f = two_busy_queues();
	struct poller pollers[2] = { { .q = &f->queues[0].fast }, { .q = &f->queues[1].fast } };
	pthread_t threads[2];
	unsigned int i;

	(void)state;
	f->reg_reads = 0;
	fake_swerr(f, SWERR_VALID | UINT64_C(0x20) << 8, 0x1000);
	for (i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, poll_until_failed, &pollers[i]), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(failed(f, 0) && failed(f, 1));
	finish_two(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsa_swerr_fails_the_queue_it_names),
		cmocka_unit_test(test_dsa_swerr_is_acknowledged),
		cmocka_unit_test(test_dsa_swerr_of_another_queue_fails_that_one_only),
		cmocka_unit_test(test_dsa_swerr_without_a_queue_fails_all),
		cmocka_unit_test(test_dsa_swerr_of_a_queue_that_is_none_fails_all),
		cmocka_unit_test(test_dsa_swerr_overflow_is_said),
		cmocka_unit_test(test_dsa_swerr_overflow_fails_all_that_may_be_meant),
		cmocka_unit_test(test_dsa_swerr_overflow_alone_fails_all),
		cmocka_unit_test(test_dsa_first_error_of_a_queue_stands),
		cmocka_unit_test(test_dsa_failed_queue_still_reports_what_was_done),
		cmocka_unit_test(test_dsa_failed_queue_ends_what_was_not_submitted_once),
		cmocka_unit_test(test_dsa_halted_device_fails_all_queues),
		cmocka_unit_test(test_dsa_error_that_halts_the_device_is_the_cause),
		cmocka_unit_test(test_dsa_halted_device_says_what_it_needs),
		cmocka_unit_test(test_dsa_device_gone_fails_all_queues),
		cmocka_unit_test(test_dsa_device_gone_is_found_within_65536_empty_polls),
		cmocka_unit_test(test_dsa_lost_device_fails_every_queue_at_once),
		cmocka_unit_test(
			test_dsa_queue_that_failed_before_the_device_was_lost_keeps_its_cause),
		cmocka_unit_test(test_dsa_first_loss_of_a_device_stands),
		cmocka_unit_test(test_dsa_check_finds_what_is_wrong_at_once),
		cmocka_unit_test(test_dsa_device_reset_by_others_fails_all_queues),
		cmocka_unit_test(test_dsa_slow_operation_is_no_failure),
		cmocka_unit_test(test_dsa_look_is_soon_again_after_a_quick_completion),
		cmocka_unit_test(test_dsa_look_waits_for_several_times_the_last_completion),
		cmocka_unit_test(test_dsa_idle_queue_reads_no_registers),
		cmocka_unit_test(test_dsa_busy_queue_reads_no_registers),
		cmocka_unit_test(test_dsa_queue_start_forgets_the_last_life),
		cmocka_unit_test(test_dsa_queue_start_keeps_the_error_of_another),
		cmocka_unit_test(test_dsa_pollers_of_two_queues_share_one_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

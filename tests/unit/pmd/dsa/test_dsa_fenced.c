/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Operations with SVART_OP_FENCE: submit holds them back until all before them have ended, and no longer.
 */

#include "fake_dsa.h"

#include "dsa_internal.h"

#define DEPTH 8u

static uint8_t source[64], target[64];

/** Owner: one test. */
struct rig {
	struct fake_dsa *f;
	struct svart_queue *q;
	struct svart_dsa_queue *dq;
};

static struct rig rig_open(uint32_t queue_flags)
{
	struct rig r = { .f = fake_create() };

	r.f->queue_flags = queue_flags;
	r.q = fake_start_first(r.f, DEPTH);
	r.dq = r.q->priv;
	return r;
}

static void rig_close(struct rig *r)
{
	fake_stop(r->f, 0);
	fake_close(r->f);
	fake_destroy(r->f);
}

static void prep(struct rig *r, uint64_t cookie, uint32_t flags, uint8_t hint)
{
	const struct svart_op op = { .opcode = SVART_OP_COPY,
		.src = source,
		.dst = target,
		.length = sizeof(source),
		.cookie = cookie,
		.flags = flags,
		.hint = hint };

	assert_int_equal(r->q->prep(r->q, &op, 1), 1);
}

static void plain(struct rig *r, uint64_t cookie)
{
	prep(r, cookie, 0, 0);
}

static void fenced(struct rig *r, uint64_t cookie)
{
	prep(r, cookie, SVART_OP_FENCE, 0);
}

static void assert_submits(struct rig *r, uint16_t nr, uint32_t posted)
{
	assert_int_equal(r->q->submit(r->q), nr);
	assert_int_equal(r->f->nr_posted, posted);
}

/** Polls one, which must have this cookie. */
static void assert_polls(struct rig *r, uint64_t cookie, enum svart_status status)
{
	struct svart_completion done;

	assert_int_equal(r->q->poll(r->q, &done, 1), 1);
	assert_int_equal(done.cookie, cookie);
	assert_int_equal(done.status, status);
}

static void assert_polls_nothing(struct rig *r)
{
	struct svart_completion done;

	assert_int_equal(r->q->poll(r->q, &done, 1), 0);
}

static void test_dsa_fence_waits_for_all_before_it(void **state)
{
	struct rig r = rig_open(0);

	(void)state;
	plain(&r, 0);
	plain(&r, 1);
	fenced(&r, 2);
	plain(&r, 3);
	assert_submits(&r, 2, 2);
	assert_submits(&r, 0, 2);
	fake_complete(
		r.f, 1, SVART_DSA_STATUS_SUCCESS); /* The later of the two alone is not enough. */
	assert_submits(&r, 0, 2);
	assert_polls_nothing(&r);
	fake_complete(r.f, 0, SVART_DSA_STATUS_SUCCESS);
	/* Completed, and not polled yet. What is behind the fence need not wait for it. */
	assert_submits(&r, 2, 4);
	fake_complete(r.f, 2, SVART_DSA_STATUS_SUCCESS);
	fake_complete(r.f, 3, SVART_DSA_STATUS_SUCCESS);
	assert_polls(&r, 0, SVART_STATUS_OK);
	assert_polls(&r, 1, SVART_STATUS_OK);
	assert_polls(&r, 2, SVART_STATUS_OK);
	assert_polls(&r, 3, SVART_STATUS_OK);
	rig_close(&r);
}

static void test_dsa_fence_on_an_idle_queue_costs_no_wait(void **state)
{
	struct rig r = rig_open(0);

	(void)state;
	fenced(&r, 0);
	plain(&r, 1);
	assert_submits(&r, 2, 2);
	assert_int_equal(r.dq->nr_fences, 0);
	fake_complete(r.f, 0, SVART_DSA_STATUS_SUCCESS);
	fake_complete(r.f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_polls(&r, 0, SVART_STATUS_OK);
	assert_polls(&r, 1, SVART_STATUS_OK);
	fenced(&r, 2);
	assert_submits(&r, 1, 3);
	fake_complete(r.f, 2, SVART_DSA_STATUS_SUCCESS);
	assert_polls(&r, 2, SVART_STATUS_OK);
	rig_close(&r);
}

static void test_dsa_each_of_two_fences_waits(void **state)
{
	struct rig r = rig_open(0);

	(void)state;
	plain(&r, 0);
	fenced(&r, 1);
	fenced(&r, 2);
	assert_submits(&r, 1, 1);
	fake_complete(r.f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_submits(&r, 1, 2);
	assert_submits(&r, 0, 2);
	assert_int_equal(r.dq->nr_fences, 1);
	fake_complete(r.f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_submits(&r, 1, 3);
	assert_int_equal(r.dq->nr_fences, 0);
	fake_complete(r.f, 2, SVART_DSA_STATUS_SUCCESS);
	rig_close(&r);
}

static void test_dsa_operation_that_ended_in_any_way_lets_a_fence_go_on(void **state)
{
	unsigned int status;
	struct svart_completion done[2];

	(void)state;
	for (status = 1; status < 256; status++) {
		struct rig r = rig_open(0);

		plain(&r, 0);
		fenced(&r, 1);
		assert_submits(&r, 1, 1);
		fake_complete(r.f, 0, (uint8_t)status);
		assert_submits(&r, 1, 2);
		fake_complete(r.f, 1, SVART_DSA_STATUS_SUCCESS);
		assert_int_equal(r.q->poll(r.q, done, 2), 2);
		rig_close(&r);
	}
}

/** It never reaches the device, but what is behind it must not pass what is before it. */
static void test_dsa_fence_on_an_invalid_operation_holds(void **state)
{
	struct rig r = rig_open(0);

	(void)state;
	plain(&r, 0);
	prep(&r, 1, SVART_OP_FENCE, 1);
	plain(&r, 2);
	assert_submits(&r, 1, 1);
	fake_complete(r.f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_submits(&r, 2, 2);
	fake_complete(r.f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_polls(&r, 0, SVART_STATUS_OK);
	assert_polls(&r, 1, SVART_STATUS_INVALID);
	assert_polls(&r, 2, SVART_STATUS_OK);
	rig_close(&r);
}

/** An invalid operation before a fence has ended already. */
static void test_dsa_fence_behind_an_invalid_operation_goes_on(void **state)
{
	struct rig r = rig_open(0);

	(void)state;
	prep(&r, 0, 0, 1);
	fenced(&r, 1);
	assert_submits(&r, 2, 1);
	fake_complete(r.f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_polls(&r, 0, SVART_STATUS_INVALID);
	assert_polls(&r, 1, SVART_STATUS_OK);
	rig_close(&r);
}

/** Sets all counters of an empty queue. */
static void set_counters(struct rig *r, uint32_t at, uint32_t settled)
{
	r->dq->head = r->dq->posted = r->dq->tail = at;
	r->dq->settled = settled;
}

/** All counters begin here, but the one of the last fence, which was long ago. One operation has none. */
static void check_fences_from(uint32_t at, uint32_t settled)
{
	struct rig r = rig_open(0);
	uint32_t i, n = 1;

	set_counters(&r, at, settled);
	plain(&r, 0);
	assert_submits(&r, 1, 1);
	fake_complete(r.f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_polls(&r, 0, SVART_STATUS_OK);
	for (i = 0; i < 3 * DEPTH; i++) {
		plain(&r, 0);
		fenced(&r, 1);
		assert_submits(&r, 1, n + 1);
		assert_submits(&r, 0, n + 1);
		fake_complete(r.f, n, SVART_DSA_STATUS_SUCCESS);
		assert_submits(&r, 1, n + 2);
		assert_int_equal(r.dq->settled, at + 2 * i + 2);
		fake_complete(r.f, n + 1, SVART_DSA_STATUS_SUCCESS);
		assert_polls(&r, 0, SVART_STATUS_OK);
		assert_polls(&r, 1, SVART_STATUS_OK);
		n += 2;
	}
	rig_close(&r);
}

static void test_dsa_fences_while_counters_wrap(void **state)
{
	(void)state;
	check_fences_from(UINT32_MAX - DEPTH + 1, UINT32_MAX - DEPTH + 1);
	check_fences_from(0x80000000 - DEPTH, 0x80000000 - DEPTH);
}

/** Nothing is walked over that ended long ago, and nothing counts as ended that has not. */
static void test_dsa_first_fence_after_billions_of_operations(void **state)
{
	(void)state;
	check_fences_from(0x80000008, 0);
	check_fences_from(0, 1);
	check_fences_from(0, 2);
	check_fences_from(DEPTH, UINT32_MAX);
}

static void test_dsa_failed_queue_ends_what_fences_hold_back(void **state)
{
	struct rig r = rig_open(0);
	uint64_t i;

	(void)state;
	plain(&r, 0);
	fenced(&r, 1);
	fenced(&r, 2);
	assert_submits(&r, 1, 1);
	svart_pmd_dsa_fail_all(r.dq->device, SVART_DSA_CAUSE_HALTED, 0, 0);
	assert_submits(&r, 0, 1);
	for (i = 0; i < 3; i++)
		assert_polls(&r, i, SVART_STATUS_QUEUE_FAILED);
	assert_polls_nothing(&r);
	assert_int_equal(r.dq->nr_fences, 0);
	rig_close(&r);
}

static void test_dsa_fences_of_unordered_queues(void **state)
{
	struct rig r = rig_open(SVART_QUEUE_UNORDERED);
	uint32_t round;

	(void)state;
	for (round = 0; round < 2 * DEPTH; round++) {
		plain(&r, 0);
		plain(&r, 1);
		fenced(&r, 2);
		assert_submits(&r, 2, 3 * round + 2);
		fake_complete(r.f, 3 * round + 1, SVART_DSA_STATUS_SUCCESS);
		assert_polls(
			&r, 1, SVART_STATUS_OK); /* Taken, and still the oldest is in flight. */
		assert_submits(&r, 0, 3 * round + 2);
		fake_complete(r.f, 3 * round, SVART_DSA_STATUS_SUCCESS);
		assert_submits(&r, 1, 3 * round + 3);
		fake_complete(r.f, 3 * round + 2, SVART_DSA_STATUS_SUCCESS);
		assert_polls(&r, 0, SVART_STATUS_OK);
		assert_polls(&r, 2, SVART_STATUS_OK);
		assert_polls_nothing(&r);
	}
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsa_fence_waits_for_all_before_it),
		cmocka_unit_test(test_dsa_fence_on_an_idle_queue_costs_no_wait),
		cmocka_unit_test(test_dsa_each_of_two_fences_waits),
		cmocka_unit_test(test_dsa_operation_that_ended_in_any_way_lets_a_fence_go_on),
		cmocka_unit_test(test_dsa_fence_on_an_invalid_operation_holds),
		cmocka_unit_test(test_dsa_fence_behind_an_invalid_operation_goes_on),
		cmocka_unit_test(test_dsa_fences_while_counters_wrap),
		cmocka_unit_test(test_dsa_first_fence_after_billions_of_operations),
		cmocka_unit_test(test_dsa_failed_queue_ends_what_fences_hold_back),
		cmocka_unit_test(test_dsa_fences_of_unordered_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

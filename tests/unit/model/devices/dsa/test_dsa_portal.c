/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Portals: stores of 64 bytes, small stores, overflow, stores from many threads. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "dsa_model.h"
#include "dsa_rig.h"

#define NR_THREADS        4
#define STORES_PER_THREAD 2000

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

static uint32_t swerr_error(struct rig *r)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_SWERR0_ERROR, rig_reg(r, SVART_DSA_SWERR_OFF));
}

static void store(struct rig *r, uint64_t off, unsigned int size, uint64_t value)
{
	svart_dsa_model.mmio_write(r->dev, SVART_DSA_BAR_PORTALS, off, size, value);
}

/* Stores bytes [from, to) of a descriptor in pieces. */
static void store_pieces(struct rig *r, uint64_t portal, const struct svart_dsa_desc *desc,
	unsigned int size, unsigned int from, unsigned int to)
{
	for (unsigned int at = from; at < to; at += size) {
		uint64_t value = 0;

		memcpy(&value, (const char *)desc + at, size);
		store(r, portal + at, size, value);
	}
}

static void test_store_anywhere_in_the_four_pages_submits(void **state)
{
	struct rig *r = *state;
	static const uint64_t offs[] = { 0, 64, 0xfc0, 0x1000, 0x2fc0, 0x3fc0 };

	for (unsigned int i = 0; i < SVART_ARRAY_SIZE(offs); i++) {
		struct svart_dsa_desc desc = rig_simple(r, i, SVART_DSA_OP_NOOP);

		svart_dsa_model.portal64(r->dev, SVART_DSA_BAR_PORTALS, offs[i], &desc, 1);
		assert_int_equal(r->nr_wakes, i + 1);
		rig_run(r);
		assert_int_equal(rig_record(r, i).status, SVART_DSA_STATUS_SUCCESS);
	}
}

static void test_store_outside_of_portals_does_nothing(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	svart_dsa_model.portal64(r->dev, SVART_DSA_BAR_PORTALS, 0x20000, &desc, 1);
	svart_dsa_model.portal64(r->dev, SVART_DSA_BAR_PORTALS, UINT64_MAX & ~63u, &desc, 1);
	svart_dsa_model.portal64(r->dev, SVART_DSA_BAR_REGS, 0, &desc, 1);
	store_pieces(r, 0x20000, &desc, 8, 0, 64);
	assert_false(svart_dsa_model.step(r->dev));
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
}

static void test_store_to_a_wq_that_is_not_there_does_nothing(void **state)
{
	struct rig *r = rig_create("wqs=2");
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	(void)state;
	rig_submit(r, 2, &desc);
	store_pieces(r, 2 * SVART_DSA_WQ_PORTAL_BYTES, &desc, 8, 0, 64);
	assert_false(svart_dsa_model.step(r->dev));
	rig_destroy(r);
}

static void test_store_to_a_disabled_wq_is_told(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	rig_submit(r, 1, &desc);
	assert_int_equal(swerr_error(r), SVART_DSA_SWERR_WQ_DISABLED);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
}

static void test_store_into_a_full_wq_is_dropped_and_told(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	for (unsigned int i = 0; i < 17; i++) {
		desc = rig_simple(r, i, SVART_DSA_OP_NOOP);
		rig_submit(r, 0, &desc);
	}
	assert_int_equal(swerr_error(r), SVART_DSA_SWERR_WQ_FULL);
	rig_run(r);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(rig_record(r, i).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 16).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_do(r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

/* Stores a burst of NOOPs, with the records from 0 on. */
static void store_burst(struct rig *r, uint32_t nr)
{
	struct svart_dsa_desc descs[32];

	for (uint32_t i = 0; i < nr; i++)
		descs[i] = rig_simple(r, i, SVART_DSA_OP_NOOP);
	svart_dsa_model.portal64(r->dev, SVART_DSA_BAR_PORTALS, 0, descs, nr);
}

static void test_burst_that_does_not_fit_is_taken_as_far_as_it_does(void **state)
{
	struct rig *r = *state;

	store_burst(r, 20);
	assert_int_equal(swerr_error(r), SVART_DSA_SWERR_WQ_FULL);
	rig_run(r);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(rig_record(r, i).status,
			i < 16 ? SVART_DSA_STATUS_SUCCESS : SVART_DSA_STATUS_NONE);
}

static void test_bursts_go_around_in_the_ring(void **state)
{
	struct rig *r = *state;

	/* 13 shares no divisor with the ring: each place is the first of a burst once. */
	for (unsigned int i = 0; i < DSA_MAX_WQ_SIZE; i++) {
		store_burst(r, 13);
		rig_run(r);
		for (unsigned int n = 0; n < 13; n++)
			assert_int_equal(rig_record(r, n).status, SVART_DSA_STATUS_SUCCESS);
	}
	assert_int_equal(swerr_error(r), 0);
}

static void test_small_stores_of_64_bytes_submit(void **state)
{
	struct rig *r = *state;

	for (unsigned int size = 4; size <= 8; size += 4) {
		struct svart_dsa_desc desc = rig_simple(r, size, SVART_DSA_OP_NOOP);

		store_pieces(r, 0x1040, &desc, size, 0, 64 - size);
		assert_false(svart_dsa_model.step(r->dev));
		store_pieces(r, 0x1040, &desc, size, 64 - size, 64);
		rig_run(r);
		assert_int_equal(rig_record(r, size).status, SVART_DSA_STATUS_SUCCESS);
	}
}

static void test_small_stores_start_over_at_the_first_word(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	store_pieces(r, 0, &desc, 8, 0, 24);
	store_pieces(r, 0x80, &desc, 8, 0, 64);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_small_stores_with_a_gap_do_not_submit(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	store_pieces(r, 0, &desc, 8, 0, 16);
	store_pieces(r, 0, &desc, 8, 24, 64);
	store_pieces(r, 0x40, &desc, 8, 16, 64);
	store_pieces(r, 0, &desc, 8, 8, 64);
	assert_false(svart_dsa_model.step(r->dev));
}

static void test_small_stores_to_two_wqs_do_not_mix(void **state)
{
	struct rig *r = rig_create(NULL);
	struct svart_dsa_desc a = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	struct svart_dsa_desc b = rig_simple(r, 1, SVART_DSA_OP_NOOP);

	(void)state;
	rig_wq_config(r, 1, 8);
	rig_start(r, 0, 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 1), 0);
	store_pieces(r, 0, &a, 8, 0, 32);
	store_pieces(r, SVART_DSA_WQ_PORTAL_BYTES, &b, 8, 0, 64);
	store_pieces(r, 0, &a, 8, 32, 64);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

/* A store that has its place but has not come yet: as CTL_TAIL of dsa_portal.c counts it. */
static uint32_t reserve(struct dsa_ring *ring)
{
	return (uint32_t)(atomic_fetch_add(&ring->ctl, UINT64_C(1) << 32) >> 32);
}

static void test_store_that_comes_after_its_place_was_aborted_is_dropped(void **state)
{
	struct rig *r = *state;
	struct dsa_ring *ring = &((struct dsa *)r->dev)->wqs[0].ring;
	struct svart_dsa_desc first = rig_simple(r, 0, SVART_DSA_OP_NOOP);
	struct svart_dsa_desc second = rig_simple(r, 1, SVART_DSA_OP_NOOP);
	uint32_t position = reserve(ring);

	rig_submit(r, 0, &second);
	rig_run(r);
	/* In order: what is behind waits too. */
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_WQ, 1), 0);
	ring->descs[position % DSA_MAX_WQ_SIZE] = first;
	/* A run of one. */
	atomic_store(&ring->runs[position % DSA_MAX_WQ_SIZE], (uint64_t)(position + 1) << 32 | 1);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_NONE);
	assert_int_equal(rig_do(r, 0, &second).status, SVART_DSA_STATUS_SUCCESS);
}

/* What storing threads share. Owner: the test. Lifetime: the test. Locks: none. */
struct storing {
	struct rig *r;
	struct svart_dsa_desc desc;
	_Atomic unsigned int credits; /* Stores that may be made; all if throttled is false. */
	bool throttled;
};

static void take_credit(struct storing *s)
{
	unsigned int left = s->credits;

	while (left == 0 || !atomic_compare_exchange_weak(&s->credits, &left, left - 1)) {
		sched_yield();
		left = s->credits;
	}
}

static void *store_many(void *arg)
{
	struct storing *s = arg;

	for (unsigned int i = 0; i < STORES_PER_THREAD; i++) {
		if (s->throttled)
			take_credit(s);
		rig_submit(s->r, 0, &s->desc);
	}
	return NULL;
}

static void threads_start(struct storing *s, pthread_t *threads)
{
	/* Each completion is seen by its interrupt. */
	s->desc = rig_simple(s->r, 0, SVART_DSA_OP_NOOP);
	rig_flags(&s->desc, SVART_DSA_FLAG_RCI, SVART_DSA_FLAG_RCR);
	s->desc.int_handle = 1;
	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, store_many, s), 0);
}

static void test_stores_of_many_threads_are_neither_lost_nor_doubled(void **state)
{
	struct storing s = { .r = *state, .credits = 16, .throttled = true };
	pthread_t threads[NR_THREADS];
	unsigned int seen = 0;

	threads_start(&s, threads);
	/* A store that was refused would be waited for for ever. */
	while (seen < NR_THREADS * STORES_PER_THREAD && rig_reg(s.r, SVART_DSA_SWERR_OFF) == 0) {
		if (!svart_dsa_model.step(s.r->dev))
			sched_yield();
		s.credits += s.r->nr_interrupts[1] - seen;
		seen = s.r->nr_interrupts[1];
	}
	s.credits += NR_THREADS * STORES_PER_THREAD;
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	rig_run(s.r);
	assert_int_equal(s.r->nr_interrupts[1], NR_THREADS * STORES_PER_THREAD);
	assert_int_equal(rig_reg(s.r, SVART_DSA_SWERR_OFF), 0);
}

static void test_stores_during_abort_and_disable_leave_the_wq_sound(void **state)
{
	struct storing s = { .r = *state };
	pthread_t threads[NR_THREADS];
	struct svart_dsa_desc desc;

	threads_start(&s, threads);
	for (unsigned int i = 0; i < 500; i++) {
		svart_dsa_model.step(s.r->dev);
		rig_cmd(s.r, SVART_DSA_CMD_ABORT_WQ, 1);
		rig_run(s.r);
		rig_cmd(s.r, SVART_DSA_CMD_DISABLE_WQ, 1);
		while (rig_reg32(s.r, SVART_DSA_CMDSTS_OFF) == SVART_DSA_CMDSTS_ACTIVE)
			svart_dsa_model.step(s.r->dev);
		assert_int_equal(rig_cmd(s.r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	}
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	rig_run(s.r);
	assert_int_equal(rig_reg32(s.r, rig_wqcfg(0, 6)), 0x40000000);
	desc = rig_simple(s.r, 1, SVART_DSA_OP_NOOP);
	assert_int_equal(rig_do(s.r, 0, &desc).status, SVART_DSA_STATUS_SUCCESS);
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(test_store_anywhere_in_the_four_pages_submits),
		RIG_TEST(test_store_outside_of_portals_does_nothing),
		cmocka_unit_test(test_store_to_a_wq_that_is_not_there_does_nothing),
		RIG_TEST(test_store_to_a_disabled_wq_is_told),
		RIG_TEST(test_store_into_a_full_wq_is_dropped_and_told),
		RIG_TEST(test_burst_that_does_not_fit_is_taken_as_far_as_it_does),
		RIG_TEST(test_bursts_go_around_in_the_ring),
		RIG_TEST(test_small_stores_of_64_bytes_submit),
		RIG_TEST(test_small_stores_start_over_at_the_first_word),
		RIG_TEST(test_small_stores_with_a_gap_do_not_submit),
		cmocka_unit_test(test_small_stores_to_two_wqs_do_not_mix),
		RIG_TEST(test_store_that_comes_after_its_place_was_aborted_is_dropped),
		RIG_TEST(test_stores_of_many_threads_are_neither_lost_nor_doubled),
		RIG_TEST(test_stores_during_abort_and_disable_leave_the_wq_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

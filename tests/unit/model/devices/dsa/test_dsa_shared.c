/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Shared WQs: deferrable writes, thresholds, PASIDs of descriptors. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "dsa_rig.h"

#define PASID UINT32_C(42) /* Has translations. */
#define OTHER UINT32_C(43) /* Has none. */

#define NR_THREADS        4
#define STORES_PER_THREAD 2000

static int setup(void **state)
{
	struct rig *r = rig_create(NULL);

	r->pasid = PASID;
	*state = r;
	return 0;
}

static int setup_started(void **state)
{
	setup(state);
	rig_start_shared(*state);
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static struct svart_dsa_desc noop(struct rig *r, unsigned int n, uint32_t pasid_priv)
{
	struct svart_dsa_desc desc = rig_simple(r, n, SVART_DSA_OP_NOOP);

	desc.pasid_priv = pasid_priv;
	return desc;
}

/* How many NOOPs a portal takes before it says "retry". */
static unsigned int fill(struct rig *r, enum svart_dsa_portal portal)
{
	struct svart_dsa_desc desc = noop(r, 0, PASID);
	unsigned int nr = 0;

	while (rig_enqueue(r, 0, portal, &desc))
		assert_true(++nr < 1000);
	return nr;
}

static uint32_t swerr_error(struct rig *r)
{
	return (uint32_t)SVART_FIELD_GET(SVART_DSA_SWERR0_ERROR, rig_reg(r, SVART_DSA_SWERR_OFF));
}

/* --- Configuration ---------------------------------------------------------------------------- */

/* What ENABLE_WQ says of a shared WQ of 16 entries. */
static uint32_t enable_with(struct rig *r, uint32_t threshold, uint32_t dw2_set)
{
	uint32_t dw2;

	rig_wq_config(r, 0, 16);
	rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0);
	dw2 = rig_reg32(r, rig_wqcfg(0, 2)) & ~(uint32_t)SVART_DSA_WQCFG2_DEDICATED;
	rig_reg32_set(r, rig_wqcfg(0, 1), threshold);
	rig_reg32_set(r, rig_wqcfg(0, 2), dw2 | dw2_set);
	return rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0);
}

static void test_shared_wq_needs_pasids_and_a_threshold_within_its_size(void **state)
{
	struct rig *r = *state;

	assert_true((rig_reg(r, SVART_DSA_WQCAP_OFF) & SVART_DSA_WQCAP_SHARED) != 0);
	assert_int_equal(enable_with(r, 8, 0), SVART_DSA_CMD_WQ_PASID_EN);
	assert_int_equal(enable_with(r, 17, SVART_DSA_WQCFG2_PASID_EN), SVART_DSA_CMD_WQ_SIZE);
	assert_int_equal(enable_with(r, 16, SVART_DSA_WQCFG2_PASID_EN), SVART_DSA_CMD_OK);
}

/* --- Stores ----------------------------------------------------------------------------------- */

static void test_enqueue_is_taken_and_done(void **state)
{
	struct rig *r = *state;
	static const enum svart_dsa_portal portals[] = { SVART_DSA_PORTAL_MSIX_UNLIMITED,
		SVART_DSA_PORTAL_MSIX_LIMITED, SVART_DSA_PORTAL_IMS_UNLIMITED,
		SVART_DSA_PORTAL_IMS_LIMITED };

	for (unsigned int i = 0; i < SVART_ARRAY_SIZE(portals); i++) {
		struct svart_dsa_desc desc = noop(r, i, PASID);

		assert_true(rig_enqueue(r, 0, portals[i], &desc));
		assert_int_equal(r->nr_wakes, i + 1);
		rig_run(r);
		assert_int_equal(rig_record(r, i).status, SVART_DSA_STATUS_SUCCESS);
	}
}

static void test_enqueue_into_a_full_wq_is_to_be_tried_again(void **state)
{
	struct rig *r = *state;

	assert_int_equal(fill(r, SVART_DSA_PORTAL_MSIX_UNLIMITED), 16);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	rig_run(r);
	assert_int_equal(fill(r, SVART_DSA_PORTAL_MSIX_UNLIMITED), 16);
}

static void test_limited_portal_leaves_what_is_above_the_threshold(void **state)
{
	struct rig *r = *state;

	assert_int_equal(fill(r, SVART_DSA_PORTAL_MSIX_LIMITED), 8);
	assert_int_equal(fill(r, SVART_DSA_PORTAL_IMS_LIMITED), 0);
	assert_int_equal(fill(r, SVART_DSA_PORTAL_MSIX_UNLIMITED), 8);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 6)) & 0xffff, 16);
	rig_run(r);
	assert_int_equal(fill(r, SVART_DSA_PORTAL_IMS_LIMITED), 8);
}

static void test_threshold_of_0_closes_the_limited_portals(void **state)
{
	struct rig *r = *state;

	rig_start(r, SVART_DSA_WQCFG2_PASID_EN, SVART_DSA_WQCFG2_DEDICATED);
	assert_int_equal(fill(r, SVART_DSA_PORTAL_MSIX_LIMITED), 0);
	assert_int_equal(fill(r, SVART_DSA_PORTAL_MSIX_UNLIMITED), 16);
}

static void test_posted_store_to_a_shared_wq_is_dropped_and_told(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = noop(r, 0, PASID);

	rig_submit(r, 0, &desc);
	assert_int_equal(swerr_error(r), SVART_DSA_SWERR_WQ_MODE);
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_NONE);
}

static void test_enqueue_that_nothing_takes_is_to_be_tried_again(void **state)
{
	struct rig *r = rig_create(NULL);
	struct svart_dsa_desc desc = rig_simple(r, 0, SVART_DSA_OP_NOOP);

	(void)state;
	/* A dedicated WQ, one that is disabled, one that is not there, registers. */
	rig_start(r, 0, 0);
	assert_false(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_UNLIMITED, &desc));
	assert_false(rig_enqueue(r, 1, SVART_DSA_PORTAL_MSIX_UNLIMITED, &desc));
	assert_false(rig_enqueue(r, 8, SVART_DSA_PORTAL_MSIX_UNLIMITED, &desc));
	assert_false(svart_dsa_model.enqueue64(r->dev, SVART_DSA_BAR_REGS, 0, &desc));
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	assert_false(svart_dsa_model.step(r->dev));
	rig_destroy(r);
}

/* What storing threads share. Owner: the test. Lifetime: the test. Locks: none. */
struct storing {
	struct rig *r;
	struct svart_dsa_desc desc;
	_Atomic unsigned int refused;
};

static void *enqueue_many(void *arg)
{
	struct storing *s = arg;

	for (unsigned int i = 0; i < STORES_PER_THREAD; i++) {
		while (!rig_enqueue(s->r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &s->desc)) {
			s->refused++;
			sched_yield();
		}
	}
	return NULL;
}

static void test_enqueues_of_many_threads_are_neither_lost_nor_doubled(void **state)
{
	struct storing s = { .r = *state };
	pthread_t threads[NR_THREADS];

	/* Each completion is seen by its interrupt. */
	rig_reg32_set(s.r, SVART_DSA_GENCFG_OFF, (uint32_t)SVART_DSA_GENCFG_USER_INT_EN);
	rig_start_shared(s.r);
	s.desc = noop(s.r, 0, PASID);
	rig_flags(&s.desc, SVART_DSA_FLAG_RCI, SVART_DSA_FLAG_RCR);
	s.desc.int_handle = 1;
	rig_reg32_set(s.r, 0x208, (uint32_t)SVART_DSA_MSIX_PERM_IGNORE);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, enqueue_many, &s), 0);
	while (s.r->nr_interrupts[1] < NR_THREADS * STORES_PER_THREAD) {
		assert_true((rig_reg32(s.r, rig_wqcfg(0, 6)) & 0xffff) <= 8);
		if (!svart_dsa_model.step(s.r->dev))
			sched_yield();
	}
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_false(svart_dsa_model.step(s.r->dev));
	assert_int_equal(s.r->nr_interrupts[1], NR_THREADS * STORES_PER_THREAD);
	print_message("%u times to be tried again\n", s.refused);
}

/* --- PASIDs ----------------------------------------------------------------------------------- */

static void test_requests_carry_the_descriptors_pasid(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc;

	for (unsigned int i = 0; i < 2; i++) {
		desc = rig_fill(r, i, rig_page(10), 1, 64);
		desc.pasid_priv = i == 0 ? PASID : OTHER;
		assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &desc));
	}
	rig_run_serving(r);
	assert_int_equal(r->groups[0].pasid, PASID);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
	/* Neither its data nor its record is anywhere. */
	assert_int_equal(r->groups[1].pasid, OTHER);
	assert_int_equal(r->groups[2].pasid, OTHER);
	assert_int_equal(swerr_error(r), SVART_DSA_STATUS_RECORD_TRANSLATION);
	assert_int_equal(
		SVART_FIELD_GET(SVART_DSA_SWERR0_PASID, rig_reg(r, SVART_DSA_SWERR_OFF)), OTHER);
}

static void test_privilege_of_a_descriptor_needs_privileged_mode(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = noop(r, 0, PASID | (uint32_t)SVART_DSA_DESC_PRIV);

	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &desc));
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_BAD_PRIV);
	r->privileged = true;
	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &desc));
	rig_run(r);
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

/* One of OTHER that waits for a page, and behind it one of each. */
static void enqueue_mixed(struct rig *r)
{
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

	desc.pasid_priv = OTHER;
	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &desc));
	rig_run(r);
	desc = noop(r, 1, PASID);
	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &desc));
	desc = noop(r, 2, OTHER);
	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_LIMITED, &desc));
}

static void test_abort_pasid_aborts_its_descriptors_only(void **state)
{
	struct rig *r = *state;

	enqueue_mixed(r);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_PASID, OTHER), 0);
	/* The one that waited is gone, too, so that there is an engine for the other PASID's. */
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(r->nr_groups, 1);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 6)) & 0xffff, 0);
	/* Their places are as good as others. */
	for (unsigned int i = 0; i < 100; i++) {
		fill(r, SVART_DSA_PORTAL_MSIX_UNLIMITED);
		rig_run(r);
	}
	assert_int_equal(rig_record(r, 0).status, SVART_DSA_STATUS_SUCCESS);
}

static void test_abort_pasid_of_another_leaves_all(void **state)
{
	struct rig *r = *state;

	enqueue_mixed(r);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_PASID, 7), 0);
	assert_int_equal(rig_reg32(r, rig_wqcfg(0, 6)) & 0xffff, 2);
	rig_run_serving(r);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	assert_true((rig_reg(r, SVART_DSA_SWERR_OFF) & SVART_DSA_SWERR0_OVERFLOW) != 0);
}

/* A shared WQ with two engines. */
static struct rig *rig_of_two_engines(void)
{
	struct rig *r = rig_create(NULL);

	r->pasid = PASID;
	rig_wq_config(r, 0, 16);
	rig_reg_set(r, rig_grpcfg(0, SVART_DSA_GRPCFG_ENGINES_OFF), 3);
	rig_reg32_set(r, rig_wqcfg(0, 1), 16);
	rig_reg32_set(r, rig_wqcfg(0, 2),
		(rig_reg32(r, rig_wqcfg(0, 2)) & ~(uint32_t)SVART_DSA_WQCFG2_DEDICATED) |
			(uint32_t)SVART_DSA_WQCFG2_PASID_EN);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, 0), 0);
	return r;
}

static void test_drains_wait_for_their_pasid_only(void **state)
{
	struct rig *r = rig_of_two_engines();
	struct svart_dsa_desc desc = rig_fill(r, 0, rig_page(10), 1, 64);

	(void)state;
	desc.pasid_priv = OTHER;
	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_UNLIMITED, &desc));
	rig_run(r);
	desc = rig_simple(r, 1, SVART_DSA_OP_DRAIN);
	desc.pasid_priv = PASID;
	assert_true(rig_enqueue(r, 0, SVART_DSA_PORTAL_MSIX_UNLIMITED, &desc));
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_PASID, PASID), SVART_DSA_CMDSTS_ACTIVE);
	rig_run(r);
	assert_int_equal(rig_record(r, 1).status, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF), 0);
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_DRAIN_PASID, OTHER), SVART_DSA_CMDSTS_ACTIVE);
	rig_run(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF), SVART_DSA_CMDSTS_ACTIVE);
	rig_run_serving(r);
	assert_int_equal(rig_reg32(r, SVART_DSA_CMDSTS_OFF), 0);
	rig_destroy(r);
}

#define RIG_TEST(name)         cmocka_unit_test_setup_teardown(name, setup_started, teardown)
#define RIG_TEST_STOPPED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST_STOPPED(test_shared_wq_needs_pasids_and_a_threshold_within_its_size),
		RIG_TEST(test_enqueue_is_taken_and_done),
		RIG_TEST(test_enqueue_into_a_full_wq_is_to_be_tried_again),
		RIG_TEST(test_limited_portal_leaves_what_is_above_the_threshold),
		RIG_TEST_STOPPED(test_threshold_of_0_closes_the_limited_portals),
		RIG_TEST(test_posted_store_to_a_shared_wq_is_dropped_and_told),
		cmocka_unit_test(test_enqueue_that_nothing_takes_is_to_be_tried_again),
		RIG_TEST_STOPPED(test_enqueues_of_many_threads_are_neither_lost_nor_doubled),
		RIG_TEST(test_requests_carry_the_descriptors_pasid),
		RIG_TEST(test_privilege_of_a_descriptor_needs_privileged_mode),
		RIG_TEST(test_abort_pasid_aborts_its_descriptors_only),
		RIG_TEST(test_abort_pasid_of_another_leaves_all),
		cmocka_unit_test(test_drains_wait_for_their_pasid_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

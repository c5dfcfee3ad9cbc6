/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* Queues that hand over batches: descriptors, fences, and what becomes of operations and their batch. */

#include "fake_dsa.h"

#include <string.h>

#include "dsa_internal.h"

extern const struct svart_pmd_ops svart_pmd_dsa;

#define DEPTH 8

static uint8_t bytes[256];

static struct fake_dsa *f;
static struct svart_queue *q;

static int setup(void **state)
{
	(void)state;
	f = fake_create();
	f->queue_flags = SVART_QUEUE_BATCHES;
	q = fake_start_first(f, DEPTH);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
	return 0;
}

static void prep_flags(uint64_t cookie, uint32_t flags)
{
	struct svart_op op = {
		.opcode = SVART_OP_FILL, .flags = flags, .cookie = cookie, .dst = bytes, .length = 8
	};

	assert_int_equal(q->prep(q, &op, 1), 1);
}

static void prep(uint64_t cookie)
{
	prep_flags(cookie, 0);
}

/** The list of the n-th descriptor that came through the portal, a batch of so many. */
static struct svart_dsa_desc *list_of(uint32_t n, uint32_t count)
{
	const struct svart_dsa_desc *desc = fake_desc(f, n);

	assert_int_equal(SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, desc->flags_opcode), 1);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_DESC_FLAGS, desc->flags_opcode),
		SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR | SVART_DSA_FLAG_BOF);
	assert_int_equal(desc->desc_count, count);
	assert_int_equal(desc->desc_list_addr % 64, 0);
	assert_int_equal(desc->dst | desc->int_handle | desc->reserved | desc->op_specific[0], 0);
	return (struct svart_dsa_desc *)(uintptr_t)desc->desc_list_addr;
}

static void record_set(const struct svart_dsa_desc *desc, uint8_t status)
{
	struct svart_dsa_record *record =
		(struct svart_dsa_record *)(uintptr_t)desc->completion_addr;

	__atomic_store_n(&record->status, status, __ATOMIC_RELEASE);
}

static uint16_t poll_all(struct svart_completion *done)
{
	return q->poll(q, done, DEPTH);
}

static void expect(const struct svart_completion *done, uint64_t cookie, enum svart_status status)
{
	assert_int_equal(done->cookie, cookie);
	assert_int_equal(done->status, status);
}

static void test_dsa_batch_is_one_descriptor(void **state)
{
	struct svart_completion done[DEPTH];
	struct svart_dsa_desc *list;
	uint32_t i;

	(void)state;
	for (i = 0; i < 5; i++)
		prep(i);
	assert_int_equal(q->submit(q), 5);
	assert_int_equal(f->nr_posted, 1);
	list = list_of(0, 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, list[i].flags_opcode), 4);
		assert_int_equal(list[i].flags_opcode & SVART_DSA_FLAG_FENCE, 0);
		record_set(&list[i], SVART_DSA_STATUS_SUCCESS);
	}
	/* Operations are told as they end, but for the last: its slot's records are not free yet. */
	assert_int_equal(poll_all(done), 4);
	for (i = 0; i < 4; i++)
		expect(&done[i], i, SVART_STATUS_OK);
	assert_int_equal(poll_all(done), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(poll_all(done), 1);
	expect(&done[0], 4, SVART_STATUS_OK);
	assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[0]), 0);
}

static void test_dsa_batch_of_one_is_none(void **state)
{
	struct svart_completion done[DEPTH];

	(void)state;
	prep(1);
	assert_int_equal(q->submit(q), 1);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, fake_desc(f, 0)->flags_opcode), 4);
	assert_int_equal(poll_all(done), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(poll_all(done), 1);
	expect(&done[0], 1, SVART_STATUS_OK);
}

/** Where the ring ends, at what never reaches the device, and at the device's limit. */
static void test_dsa_batches_end_where_they_must(void **state)
{
	const struct svart_op bad = { .opcode = 255, .cookie = 9 };
	struct svart_completion done[DEPTH];
	struct svart_dsa_queue *dq = q->priv;
	uint32_t i;

	(void)state;
	dq->head = dq->posted = dq->tail = dq->settled = UINT32_MAX - 1;
	dq->batches->max = 3;
	for (i = 0; i < 3; i++)
		prep(i); /* Slots 6, 7, 0. */
	assert_int_equal(q->prep(q, &bad, 1), 1);
	for (i = 4; i < 8; i++)
		prep(i); /* Slots 2 to 5. */
	assert_int_equal(q->submit(q), 8);
	assert_int_equal(f->nr_posted, 4);
	record_set(&list_of(0, 2)[0], SVART_DSA_STATUS_SUCCESS);
	record_set(&list_of(0, 2)[1], SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(poll_all(done), 4);
	expect(&done[2], 2, SVART_STATUS_OK);
	expect(&done[3], 9, SVART_STATUS_INVALID);
	for (i = 0; i < 3; i++)
		record_set(&list_of(2, 3)[i], SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 2, SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 3, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(poll_all(done), 4);
	expect(&done[3], 7, SVART_STATUS_OK);
}

/** A drain is no operation of a batch. */
static void test_dsa_batch_leaves_a_drain_alone(void **state)
{
	const struct svart_op drain = { .opcode = SVART_OP_DRAIN, .cookie = 2 };

	(void)state;
	prep(0);
	prep(1);
	assert_int_equal(q->prep(q, &drain, 1), 1);
	prep(3);
	prep(4);
	assert_int_equal(q->submit(q), 5);
	assert_int_equal(f->nr_posted, 3);
	list_of(0, 2);
	assert_int_equal(SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, fake_desc(f, 1)->flags_opcode), 2);
	list_of(2, 2);
}

/** Inside a batch a fence is the device's; between batches the driver's. */
static void test_dsa_batch_has_its_fences(void **state)
{
	struct svart_completion done[DEPTH];
	struct svart_dsa_desc *list;

	(void)state;
	prep_flags(0, SVART_OP_FENCE);
	prep(1);
	prep_flags(2, SVART_OP_FENCE);
	assert_int_equal(q->submit(q), 3);
	list = list_of(0, 3);
	assert_int_equal(list[0].flags_opcode & SVART_DSA_FLAG_FENCE, 0);
	assert_int_equal(list[1].flags_opcode & SVART_DSA_FLAG_FENCE, 0);
	assert_int_equal(list[2].flags_opcode & SVART_DSA_FLAG_FENCE, SVART_DSA_FLAG_FENCE);
	prep_flags(3, SVART_OP_FENCE);
	prep(4);
	assert_int_equal(q->submit(q), 0);
	record_set(&list[0], SVART_DSA_STATUS_SUCCESS);
	record_set(&list[1], SVART_DSA_STATUS_SUCCESS);
	record_set(&list[2], SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->submit(q), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->submit(q), 2);
	list = list_of(1, 2);
	assert_int_equal(list[0].flags_opcode & SVART_DSA_FLAG_FENCE, 0);
	assert_int_equal(poll_all(done), 3);
	assert_int_equal(((struct svart_dsa_queue *)q->priv)->nr_fences, 0);
}

/** All before a fence have ended, those of other batches, too: the device's fence knows only its own batch. */
static void test_dsa_batch_ends_before_a_fence_while_others_are_in_flight(void **state)
{
	struct svart_completion done[DEPTH];
	struct svart_dsa_desc *list;

	(void)state;
	prep(0);
	assert_int_equal(q->submit(q), 1);
	prep(1);
	prep(2);
	prep_flags(3, SVART_OP_FENCE);
	prep(4);
	prep_flags(5, SVART_OP_FENCE);
	assert_int_equal(q->submit(q), 2);
	list = list_of(1, 2);
	record_set(&list[0], SVART_DSA_STATUS_SUCCESS);
	record_set(&list[1], SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->submit(q), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	/* Nothing is in flight: now the second fence is the device's. */
	assert_int_equal(q->submit(q), 3);
	list = list_of(2, 3);
	assert_int_equal(list[0].flags_opcode & SVART_DSA_FLAG_FENCE, 0);
	assert_int_equal(list[2].flags_opcode & SVART_DSA_FLAG_FENCE, SVART_DSA_FLAG_FENCE);
	assert_int_equal(poll_all(done), 3);
}

/** Also within one submit, whose operations are more than a batch has. */
static void test_dsa_batch_ends_before_a_fence_that_the_batch_before_it_needs(void **state)
{
	struct svart_dsa_desc *list;

	(void)state;
	((struct svart_dsa_queue *)q->priv)->batches->max = 3;
	prep(0);
	prep(1);
	prep(2);
	prep(3);
	prep_flags(4, SVART_OP_FENCE);
	assert_int_equal(q->submit(q), 4);
	assert_int_equal(f->nr_posted, 2);
	list = list_of(0, 3);
	record_set(&list[0], SVART_DSA_STATUS_SUCCESS);
	record_set(&list[1], SVART_DSA_STATUS_SUCCESS);
	record_set(&list[2], SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->submit(q), 0);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->submit(q), 1);
}

/** What is behind a fence after a failure was never begun, and goes on with the next batch's fence. */
static void test_dsa_batch_that_failed_aborts_what_is_behind_its_fence(void **state)
{
	struct svart_completion done[DEPTH];
	struct svart_dsa_desc *list;

	(void)state;
	prep(0);
	prep(1);
	prep_flags(2, SVART_OP_FENCE);
	prep(3);
	prep_flags(4, SVART_OP_FENCE);
	q->submit(q);
	list = list_of(0, 5);
	record_set(&list[0], SVART_DSA_STATUS_BAD_SIZE);
	record_set(&list[1], SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(poll_all(done), 2);
	expect(&done[0], 0, SVART_STATUS_INVALID);
	expect(&done[1], 1, SVART_STATUS_OK);
	assert_int_equal(poll_all(done), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_BATCH_FAILED);
	prep_flags(5, SVART_OP_FENCE);
	assert_int_equal(q->submit(q), 1);
	assert_int_equal(poll_all(done), 3);
	expect(&done[0], 2, SVART_STATUS_ABORTED);
	expect(&done[1], 3, SVART_STATUS_ABORTED);
	expect(&done[2], 4, SVART_STATUS_ABORTED);
	assert_int_equal(done[2].hw_status, SVART_DSA_STATUS_BATCH_FAILED);
}

/** A device that says that all went well, or that it could not read the list. */
static void test_dsa_batch_without_its_records_is_a_device_error(void **state)
{
	static const uint8_t statuses[] = { SVART_DSA_STATUS_SUCCESS,
		SVART_DSA_STATUS_BATCH_PAGE_FAULT, SVART_DSA_STATUS_BAD_OPCODE, 0x7f, 0xff };
	struct svart_completion done[DEPTH];
	uint32_t i;

	(void)state;
	for (i = 0; i < sizeof(statuses); i++) {
		prep(0);
		prep(1);
		q->submit(q);
		record_set(&list_of(i, 2)[0], SVART_DSA_STATUS_SUCCESS);
		fake_complete(f, i, statuses[i]);
		assert_int_equal(poll_all(done), 2);
		expect(&done[0], 0, SVART_STATUS_OK);
		expect(&done[1], 1, SVART_STATUS_DEVICE_ERROR);
		assert_int_equal(done[1].hw_status, statuses[i]);
	}
}

static void test_dsa_batch_of_a_device_that_has_none(void **state)
{
	(void)state;
	assert_true(f->dev.caps.features & SVART_FEATURE_BATCHES);
	fake_stop(f, 0);
	fake_close(f);
	fake_set64(f, SVART_DSA_OPCAP_OFF, FAKE_OPCAP & ~UINT64_C(2));
	f->queue_flags = 0;
	q = fake_start_first(f, DEPTH);
	assert_false(f->dev.caps.features & SVART_FEATURE_BATCHES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dsa_batch_is_one_descriptor),
		TEST(test_dsa_batch_of_one_is_none),
		TEST(test_dsa_batches_end_where_they_must),
		TEST(test_dsa_batch_leaves_a_drain_alone),
		TEST(test_dsa_batch_has_its_fences),
		TEST(test_dsa_batch_ends_before_a_fence_while_others_are_in_flight),
		TEST(test_dsa_batch_ends_before_a_fence_that_the_batch_before_it_needs),
		TEST(test_dsa_batch_that_failed_aborts_what_is_behind_its_fence),
		TEST(test_dsa_batch_without_its_records_is_a_device_error),
		TEST(test_dsa_batch_of_a_device_that_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

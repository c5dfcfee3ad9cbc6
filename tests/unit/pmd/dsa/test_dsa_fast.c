/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include "fake_dsa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsa_internal.h"

extern const struct svart_pmd_ops svart_pmd_dsa;

/** Operations of the long test: many times round the ring. */
#define MILLIONS 3000000u

#define FLAG_BOF  2u
#define FLAG_CRAV 4u
#define FLAG_RCR  8u

static uint8_t src_bytes[3 * 4096], dst_bytes[3 * 4096];

static struct svart_op copy_op(uint64_t cookie, uint64_t length)
{
	return (struct svart_op){ .opcode = SVART_OP_COPY,
		.cookie = cookie,
		.dst = dst_bytes,
		.src = src_bytes,
		.length = length };
}

static uint16_t prep(struct svart_queue *q, struct svart_op op)
{
	return q->prep(q, &op, 1);
}

static void finish(struct fake_dsa *f)
{
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

/** Submits one operation and returns its completion, after the device wrote this record. */
static struct svart_completion complete_one(
	struct svart_op op, uint8_t status, uint8_t result, uint32_t bytes, uint64_t addr)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_completion done;

	assert_int_equal(prep(q, op), 1);
	assert_int_equal(q->submit(q), 1);
	fake_complete_fault(f, 0, status, result, bytes, addr);
	assert_int_equal(q->poll(q, &done, 1), 1);
	assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[0]), 0);
	finish(f);
	return done;
}

static struct svart_completion complete_copy(
	uint8_t status, uint8_t result, uint32_t bytes, uint64_t addr)
{
	return complete_one(copy_op(7, sizeof(src_bytes)), status, result, bytes, addr);
}

static void expect_done(struct svart_completion done, uint64_t cookie, enum svart_status status)
{
	assert_int_equal(done.cookie, cookie);
	assert_int_equal(done.status, status);
}

/* --- descriptors ------------------------------------------------------------------------------ */

static void test_dsa_copy_becomes_a_memmove_descriptor(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	const struct svart_dsa_desc *desc;

	(void)state;
	assert_int_equal(prep(q, copy_op(1, 4097)), 1);
	assert_int_equal(f->nr_posted, 0);
	assert_int_equal(q->submit(q), 1);
	assert_int_equal(f->nr_posted, 1);
	desc = fake_desc(f, 0);
	assert_int_equal(desc->pasid_priv, 0);
	assert_int_equal(desc->flags_opcode, 0x03u << 24 | FLAG_BOF | FLAG_CRAV | FLAG_RCR);
	assert_int_equal(desc->src, (uintptr_t)src_bytes);
	assert_int_equal(desc->dst, (uintptr_t)dst_bytes);
	assert_int_equal(desc->size, 4097);
	assert_int_equal(desc->int_handle, 0);
	assert_int_equal(desc->op_specific[0] | desc->op_specific[1] | desc->op_specific[2], 0);
	finish(f);
}

static void test_dsa_fill_becomes_a_fill_descriptor(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	const struct svart_dsa_desc *desc;

	(void)state;
	assert_int_equal(prep(q, (struct svart_op){ .opcode = SVART_OP_FILL,
					 .dst = dst_bytes,
					 .pattern = 0x0123456789abcdef,
					 .length = 8 }),
		1);
	q->submit(q);
	desc = fake_desc(f, 0);
	assert_int_equal(desc->flags_opcode, 0x04u << 24 | FLAG_BOF | FLAG_CRAV | FLAG_RCR);
	assert_int_equal(desc->pattern, 0x0123456789abcdef);
	assert_int_equal(desc->dst, (uintptr_t)dst_bytes);
	assert_int_equal(desc->size, 8);
	finish(f);
}

static void test_dsa_noop_has_no_operands_and_does_not_block(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 1);
	struct svart_completion done;
	const struct svart_dsa_desc *desc;

	(void)state;
	/* In a slot that a copy used before. */
	prep(q, copy_op(1, 64));
	q->submit(q);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, &done, 1), 1);
	assert_int_equal(prep(q, (struct svart_op){ .opcode = SVART_OP_NOOP, .cookie = 2 }), 1);
	q->submit(q);
	desc = fake_desc(f, 1);
	assert_int_equal(desc->flags_opcode, FLAG_CRAV | FLAG_RCR);
	assert_int_equal(desc->src | desc->dst | desc->size, 0);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, &done, 1), 1);
	expect_done(done, 2, SVART_STATUS_OK);
	assert_int_equal(done.bytes_done, 0);
	finish(f);
}

static void test_dsa_no_block_leaves_block_on_fault_out(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_op op = copy_op(1, 64);

	(void)state;
	op.flags = SVART_OP_NO_BLOCK;
	prep(q, op);
	q->submit(q);
	assert_int_equal(fake_desc(f, 0)->flags_opcode & 0xffffff, FLAG_CRAV | FLAG_RCR);
	finish(f);
}

static void test_dsa_without_page_requests_nothing_blocks(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q;

	(void)state;
	f->dev.page_requests = false;
	q = fake_start_first(f, 4);
	prep(q, copy_op(1, 64));
	q->submit(q);
	assert_int_equal(fake_desc(f, 0)->flags_opcode & 0xffffff, FLAG_CRAV | FLAG_RCR);
	finish(f);
}

static void test_dsa_descriptors_walk_the_portal_page(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 128);
	uint32_t i;

	(void)state;
	for (i = 0; i < 70; i++)
		prep(q, copy_op(i, 64));
	assert_int_equal(q->submit(q), 70);
	for (i = 0; i < 70; i++)
		assert_int_equal(f->portal_offs[i], i % 64 * 64);
	finish(f);
}

static void test_dsa_records_are_apart_and_aligned(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 128);
	uint32_t i;

	(void)state;
	for (i = 0; i < 128; i++)
		prep(q, copy_op(i, 64));
	q->submit(q);
	for (i = 0; i < 128; i++)
		assert_int_equal(fake_desc(f, i)->completion_addr,
			fake_desc(f, 0)->completion_addr + i * 32);
	finish(f);
}

/* --- order ------------------------------------------------------------------------------------ */

static void test_dsa_poll_reports_out_of_order_completions_in_order(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_completion done[4];
	uint32_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		prep(q, copy_op(10 + i, 64));
	q->submit(q);
	fake_complete(f, 3, SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done, 4), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done, 4), 2);
	fake_complete(f, 2, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done + 2, 1), 1);
	assert_int_equal(q->poll(q, done + 3, 4), 1);
	for (i = 0; i < 4; i++) {
		expect_done(done[i], 10 + i, SVART_STATUS_OK);
		assert_int_equal(done[i].bytes_done, 64);
		assert_int_equal(done[i].hw_status, 1);
	}
	finish(f);
}

static void test_dsa_unordered_poll_reports_what_has_ended(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_completion done[4];
	struct svart_queue *q;
	uint32_t i;

	(void)state;
	f->queue_flags = SVART_QUEUE_UNORDERED;
	q = fake_start_first(f, 4);
	for (i = 0; i < 4; i++)
		prep(q, copy_op(10 + i, 64));
	q->submit(q);
	assert_int_equal(q->poll(q, done, 4), 0);
	fake_complete(f, 3, SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done, 4), 2);
	expect_done(done[0], 11, SVART_STATUS_OK);
	expect_done(done[1], 13, SVART_STATUS_OK);
	assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[0]), 2);
	/* Each once, and no place is free before the oldest one's. */
	assert_int_equal(q->poll(q, done, 4), 0);
	assert_int_equal(prep(q, copy_op(14, 64)), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done, 4), 1);
	expect_done(done[0], 10, SVART_STATUS_OK);
	assert_int_equal(prep(q, copy_op(14, 64)), 1);
	assert_int_equal(prep(q, copy_op(15, 64)), 1);
	assert_int_equal(prep(q, copy_op(16, 64)), 0);
	q->submit(q);
	fake_complete(f, 5, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done, 4), 1);
	expect_done(done[0], 15, SVART_STATUS_OK);
	/* What is left fails with the queue; what was polled does not come again. */
	svart_pmd_dsa.queues_fail(&f->dev);
	assert_int_equal(q->poll(q, done, 4), 2);
	expect_done(done[0], 12, SVART_STATUS_QUEUE_FAILED);
	expect_done(done[1], 14, SVART_STATUS_QUEUE_FAILED);
	assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[0]), 0);
	assert_int_equal(q->poll(q, done, 4), 0);
	finish(f);
}

static void test_dsa_prep_stops_at_the_depth(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 5);
	struct svart_op ops[8];
	struct svart_completion done;
	uint32_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		ops[i] = copy_op(i, 64);
	assert_int_equal(q->prep(q, ops, 8), 5);
	assert_int_equal(q->prep(q, ops, 8), 0);
	assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[0]), 5);
	assert_int_equal(q->submit(q), 5);
	assert_int_equal(q->submit(q), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, &done, 1), 1);
	assert_int_equal(q->prep(q, ops + 5, 3), 1);
	assert_int_equal(q->submit(q), 1);
	assert_int_equal(f->nr_posted, 6);
	finish(f);
}

static void test_dsa_poll_before_submit_gives_nothing(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_completion done;

	(void)state;
	assert_int_equal(q->poll(q, &done, 1), 0);
	prep(q, copy_op(1, 0));
	assert_int_equal(q->poll(q, &done, 1), 0);
	assert_int_equal(q->submit(q), 1);
	assert_int_equal(q->poll(q, &done, 1), 1);
	finish(f);
}

static void test_dsa_poll_leaves_entries_beyond_its_count_alone(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_completion done[2], before;

	(void)state;
	memset(done, 0xa5, sizeof(done));
	before = done[1];
	prep(q, copy_op(1, 64));
	q->submit(q);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done, 2), 1);
	assert_memory_equal(&done[1], &before, sizeof(before));
	finish(f);
}

/** A device that completes a random one of what it has, about as often as it gets something. */
static void complete_some(struct fake_dsa *f, uint32_t *open, uint32_t *nr_open, unsigned int *seed)
{
	uint32_t pick;

	while (*nr_open > 0 && rand_r(seed) % 3 != 0) {
		pick = (uint32_t)rand_r(seed) % *nr_open;
		fake_complete(f, open[pick], SVART_DSA_STATUS_SUCCESS);
		open[pick] = open[--*nr_open];
	}
}

static unsigned int test_seed(void)
{
	const char *text = getenv("SVART_SEED");
	unsigned int seed = text != NULL ? (unsigned int)strtoul(text, NULL, 0) : 1;

	print_message("SVART_SEED=%u\n", seed);
	return seed;
}

/** The fake fails the test when a WQ gets more than it holds. */
static void test_dsa_random_traffic_stays_in_order_and_within_the_wq(void **state)
{
	struct fake_dsa *f = fake_create();
	unsigned int seed = test_seed();
	struct svart_completion done[16];
	struct svart_queue *q;
	struct svart_op ops[16];
	uint32_t open[FAKE_WQS * 16], nr_open = 0, posted = 0;
	uint64_t prepared = 0, polled = 0;
	uint16_t i, n;

	(void)state;
	f->options[FAKE_QUEUES] = 8;
	q = fake_start_first(f, 16);
	while (polled < 200000) {
		n = (uint16_t)(rand_r(&seed) % 16 + 1);
		for (i = 0; i < n; i++)
			ops[i] = copy_op(prepared + i, (uint64_t)rand_r(&seed) % 5 * 100);
		prepared += q->prep(q, ops, n);
		if (rand_r(&seed) % 2)
			q->submit(q);
		for (; posted != f->nr_posted; posted++)
			open[nr_open++] = posted;
		complete_some(f, open, &nr_open, &seed);
		n = q->poll(q, done, (uint16_t)(rand_r(&seed) % 16 + 1));
		for (i = 0; i < n; i++)
			expect_done(done[i], polled++, SVART_STATUS_OK);
		assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[0]), prepared - polled);
	}
	finish(f);
}

static void post_and_complete(struct fake_dsa *f, const struct svart_dsa_desc *desc)
{
	(void)desc;
	fake_complete(f, f->nr_posted - 1, SVART_DSA_STATUS_SUCCESS);
}

/** Prepares, submits and polls bursts of all sizes up to 100, the device doing each at once. */
static void run_bursts(struct svart_queue *q, uint64_t nr)
{
	struct svart_completion done[100];
	struct svart_op ops[100];
	uint64_t prepared = 0, polled = 0;
	uint16_t i, n;

	while (polled < nr) {
		for (i = 0; i < 100; i++)
			ops[i] = copy_op(prepared + i, 64);
		n = q->prep(q, ops, (uint16_t)(polled % 100 + 1));
		prepared += n;
		assert_int_equal(q->submit(q), n);
		n = q->poll(q, done, 100);
		for (i = 0; i < n; i++)
			if (done[i].cookie != polled++ || done[i].status != SVART_STATUS_OK)
				fail();
	}
}

static void test_dsa_millions_of_operations_stay_in_order(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 100);

	(void)state;
	f->on_post = post_and_complete;
	run_bursts(q, MILLIONS);
	finish(f);
}

static void test_dsa_counters_wrap_at_32_bits(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 100);
	struct svart_dsa_queue *dq = q->priv;

	(void)state;
	/* A queue that has done almost 2^32 of them. */
	dq->head = dq->posted = dq->tail = UINT32_MAX - 1000;
	f->on_post = post_and_complete;
	run_bursts(q, 3000);
	assert_in_range(dq->head, 1, 10000);
	finish(f);
}

/* --- what never reaches the device ------------------------------------------------------------ */

static void expect_local(struct svart_op op, enum svart_status status)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q;
	struct svart_completion done[3];

	f->options[FAKE_MAX_XFER_SHIFT] = 20;
	q = fake_start_first(f, 4);
	op.cookie = 2;
	prep(q, copy_op(1, 64));
	assert_int_equal(prep(q, op), 1);
	prep(q, copy_op(3, 64));
	assert_int_equal(q->submit(q), 3);
	assert_int_equal(f->nr_posted, 2);
	/* Not before the one in front of it. */
	assert_int_equal(q->poll(q, done, 3), 0);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	fake_complete(f, 1, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, done, 3), 3);
	expect_done(done[0], 1, SVART_STATUS_OK);
	expect_done(done[1], 2, status);
	expect_done(done[2], 3, SVART_STATUS_OK);
	assert_int_equal(done[1].bytes_done, 0);
	assert_int_equal(done[1].hw_status, 0);
	assert_int_equal(done[1].flags, 0);
	finish(f);
}

static void test_dsa_zero_length_completes_in_its_place(void **state)
{
	(void)state;
	expect_local(copy_op(0, 0), SVART_STATUS_OK);
	expect_local((struct svart_op){ .opcode = SVART_OP_FILL }, SVART_STATUS_OK);
}

static void test_dsa_too_long_is_invalid(void **state)
{
	(void)state;
	expect_local(copy_op(0, (1 << 20) + 1), SVART_STATUS_INVALID);
	/* The low 32 bits alone would do. */
	expect_local(copy_op(0, UINT64_C(0x100000040)), SVART_STATUS_INVALID);
	expect_local(copy_op(0, UINT64_MAX), SVART_STATUS_INVALID);
}

static void test_dsa_longest_transfer_reaches_the_device(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_completion done;

	(void)state;
	prep(q, copy_op(1, UINT64_C(1) << 31));
	q->submit(q);
	assert_int_equal(fake_desc(f, 0)->size, 0x80000000);
	fake_complete(f, 0, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(q->poll(q, &done, 1), 1);
	assert_int_equal(done.bytes_done, UINT64_C(1) << 31);
	finish(f);
}

static void test_dsa_unknown_opcode_is_invalid(void **state)
{
	struct svart_op op = copy_op(0, 64);

	(void)state;
	for (op.opcode = SVART_OP_FILL + 1; op.opcode != 0; op.opcode++)
		if (op.opcode < 8 || svart_is_pow2(op.opcode) || op.opcode == 255)
			expect_local(op, SVART_STATUS_INVALID);
}

/** A copy with one bit set that must be 0. */
static void expect_bit_invalid(unsigned int bit)
{
	struct svart_op op = copy_op(0, 64);

	((uint8_t *)&op)[bit / 8] |= (uint8_t)(1u << bit % 8);
	expect_local(op, SVART_STATUS_INVALID);
}

static void test_dsa_unknown_flags_and_reserved_bytes_are_invalid(void **state)
{
	struct svart_op op = copy_op(0, 64);
	unsigned int i;

	(void)state;
	for (i = 0; i < 32; i++) {
		op.flags = UINT32_C(1) << i;
		if ((op.flags & svart_op_row(SVART_OP_COPY)->flags) != 0)
			continue;
		expect_local(op, SVART_STATUS_INVALID);
	}
	/* Every bit of the operation that a copy does not use: hint and reserved; x, y and z. */
	for (i = 8; i < 32; i++)
		expect_bit_invalid(i);
	for (i = 8 * offsetof(struct svart_op, x); i < 8 * sizeof(op); i++)
		expect_bit_invalid(i);
}

static void test_dsa_operation_missing_in_opcap_is_invalid(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q;
	struct svart_completion done;

	(void)state;
	fake_set64(f, SVART_DSA_OPCAP_OFF, FAKE_OPCAP & ~UINT64_C(0x11));
	q = fake_start_first(f, 4);
	assert_int_equal(
		f->dev.caps.ops & (1 << SVART_OP_NOOP | 1 << SVART_OP_COPY | 1 << SVART_OP_FILL),
		1 << SVART_OP_COPY);
	prep(q, (struct svart_op){ .opcode = SVART_OP_FILL, .dst = dst_bytes, .length = 8 });
	prep(q, (struct svart_op){ .opcode = SVART_OP_NOOP });
	q->submit(q);
	assert_int_equal(f->nr_posted, 0);
	assert_int_equal(q->poll(q, &done, 1), 1);
	assert_int_equal(done.status, SVART_STATUS_INVALID);
	assert_int_equal(q->poll(q, &done, 1), 1);
	assert_int_equal(done.status, SVART_STATUS_INVALID);
	finish(f);
}

static void test_dsa_overlap_without_the_capability_is_invalid(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_op op = copy_op(0, 64);
	struct svart_completion done;
	struct svart_queue *q;
	int shift;

	(void)state;
	fake_set64(f, SVART_DSA_GENCAP_OFF, FAKE_GENCAP & ~SVART_DSA_GENCAP_OVERLAP_COPY);
	q = fake_start_first(f, 128);
	assert_int_equal(f->dev.caps.features & SVART_FEATURE_OVERLAP, 0);
	for (shift = -64; shift <= 64; shift++) {
		op.src = src_bytes + 64;
		op.dst = src_bytes + 64 + shift;
		prep(q, op);
		q->submit(q);
		if (shift == -64 || shift == 64) {
			fake_complete(f, f->nr_posted - 1, SVART_DSA_STATUS_SUCCESS);
			assert_int_equal(q->poll(q, &done, 1), 1);
			expect_done(done, 0, SVART_STATUS_OK);
		} else {
			assert_int_equal(q->poll(q, &done, 1), 1);
			expect_done(done, 0, SVART_STATUS_INVALID);
		}
	}
	assert_int_equal(f->nr_posted, 2);
	finish(f);
}

static void test_dsa_overlap_with_the_capability_reaches_the_device(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_op op = copy_op(0, 64);

	(void)state;
	op.dst = src_bytes + 1;
	prep(q, op);
	q->submit(q);
	assert_int_equal(f->nr_posted, 1);
	finish(f);
}

/* --- records ---------------------------------------------------------------------------------- */

static void test_dsa_page_fault_is_partial_with_address_and_bytes(void **state)
{
	struct svart_completion done =
		complete_copy(SVART_DSA_STATUS_PAGE_FAULT, 0, 5000, (uintptr_t)src_bytes + 5000);

	(void)state;
	expect_done(done, 7, SVART_STATUS_PARTIAL);
	assert_int_equal(done.bytes_done, 5000);
	assert_int_equal(done.fault_addr, (uintptr_t)src_bytes + 5000);
	assert_int_equal(done.flags, SVART_COMPLETION_FAULT_ADDR);
	assert_int_equal(done.hw_status, 3);
}

static void test_dsa_refused_page_request_is_bad_address(void **state)
{
	struct svart_completion done = complete_copy(
		SVART_DSA_STATUS_PAGE_FAULT_RESPONSE | 0x80, 0, 0, (uintptr_t)dst_bytes);

	(void)state;
	expect_done(done, 7, SVART_STATUS_BAD_ADDRESS);
	assert_int_equal(done.bytes_done, 0);
	assert_int_equal(done.fault_addr, (uintptr_t)dst_bytes);
	assert_int_equal(done.flags, SVART_COMPLETION_FAULT_ADDR | SVART_COMPLETION_FAULT_WRITE);
	assert_int_equal(done.hw_status, 0x84);
}

static void test_dsa_page_refused_for_want_of_memory_has_a_status_of_its_own(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);
	struct svart_completion done;

	(void)state;
	f->refused = (uintptr_t)dst_bytes & ~(uintptr_t)4095;
	assert_int_equal(prep(q, copy_op(7, sizeof(src_bytes))), 1);
	q->submit(q);
	fake_complete_fault(
		f, 0, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE | 0x80, 0, 0, (uintptr_t)dst_bytes + 8);
	assert_int_equal(q->poll(q, &done, 1), 1);
	expect_done(done, 7, SVART_STATUS_NO_MEMORY);
	assert_int_equal(done.fault_addr, (uintptr_t)dst_bytes + 8);
	assert_int_equal(done.flags, SVART_COMPLETION_FAULT_ADDR | SVART_COMPLETION_FAULT_WRITE);
	fake_stop(f, 0);
	fake_close(f);
	fake_destroy(f);
}

static void test_dsa_result_tells_a_backward_copy(void **state)
{
	struct svart_completion done =
		complete_copy(SVART_DSA_STATUS_PAGE_FAULT, 1, 100, (uintptr_t)src_bytes + 8000);

	(void)state;
	assert_int_equal(done.flags, SVART_COMPLETION_FAULT_ADDR | SVART_COMPLETION_BACKWARD);
}

static void test_dsa_fault_address_rounded_to_its_page_is_believed(void **state)
{
	struct svart_completion done = complete_copy(
		SVART_DSA_STATUS_PAGE_FAULT, 0, 0, (uintptr_t)dst_bytes & ~(uintptr_t)4095);

	(void)state;
	expect_done(done, 7, SVART_STATUS_PARTIAL);
}

static void test_dsa_more_bytes_than_asked_are_a_device_error(void **state)
{
	struct svart_completion done = complete_copy(
		SVART_DSA_STATUS_PAGE_FAULT, 0, sizeof(src_bytes) + 1, (uintptr_t)src_bytes);

	(void)state;
	expect_done(done, 7, SVART_STATUS_DEVICE_ERROR);
	assert_int_equal(done.bytes_done, 0);
	assert_int_equal(done.fault_addr, 0);
	assert_int_equal(done.flags, 0);
	assert_int_equal(done.hw_status, 3);
}

static void test_dsa_fault_address_of_somebody_else_is_a_device_error(void **state)
{
	struct svart_op fill = { .opcode = SVART_OP_FILL, .dst = dst_bytes, .length = 64 };
	uint64_t src_end = svart_page_up((uintptr_t)src_bytes + sizeof(src_bytes));
	uint64_t dst_end = svart_page_up((uintptr_t)dst_bytes + sizeof(dst_bytes));

	(void)state;
	expect_done(
		complete_copy(SVART_DSA_STATUS_PAGE_FAULT, 0, 0, 0), 7, SVART_STATUS_DEVICE_ERROR);
	expect_done(complete_copy(SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, 0, 0, UINT64_MAX), 7,
		SVART_STATUS_DEVICE_ERROR);
	/* The page after the last one of each. */
	expect_done(complete_copy(SVART_DSA_STATUS_PAGE_FAULT, 0, 0,
			    src_end > dst_end ? src_end : dst_end),
		7, SVART_STATUS_DEVICE_ERROR);
	/* A fill's pattern is no address, though it is in the place of one. */
	fill.pattern = 0x123000;
	expect_done(complete_one(fill, SVART_DSA_STATUS_PAGE_FAULT, 0, 0, 0x123000), 0,
		SVART_STATUS_DEVICE_ERROR);
	/* NOOP has none at all. */
	expect_done(complete_one((struct svart_op){ .opcode = SVART_OP_NOOP, .cookie = 9 },
			    SVART_DSA_STATUS_PAGE_FAULT, 0, 0, 0),
		9, SVART_STATUS_DEVICE_ERROR);
}

static void test_dsa_every_status_byte_becomes_one_of_ours(void **state)
{
	struct svart_completion done;
	enum svart_status expected;
	unsigned int status, code;

	(void)state;
	for (status = 1; status < 256; status++) {
		code = status & 0x7f;
		expected = SVART_STATUS_DEVICE_ERROR;
		if (code == 1)
			expected = SVART_STATUS_OK;
		if (code == 3)
			expected = SVART_STATUS_PARTIAL;
		if (code == 4)
			expected = SVART_STATUS_BAD_ADDRESS;
		if ((code >= 0x10 && code <= 0x13) || (code >= 0x15 && code <= 0x17) ||
			code == 0x1c)
			expected = SVART_STATUS_INVALID;
		done = complete_copy((uint8_t)status, 0, 10, (uintptr_t)src_bytes);
		expect_done(done, 7, expected);
		assert_int_equal(done.hw_status, status);
		assert_int_equal(done.bytes_done, code == 1                ? sizeof(src_bytes)
						  : code == 3 || code == 4 ? 10
									   : 0);
	}
}

static void test_dsa_success_means_all_bytes_whatever_the_record_says(void **state)
{
	struct svart_completion done =
		complete_copy(SVART_DSA_STATUS_SUCCESS, 0xff, UINT32_MAX, UINT64_MAX);

	(void)state;
	expect_done(done, 7, SVART_STATUS_OK);
	assert_int_equal(done.bytes_done, sizeof(src_bytes));
	assert_int_equal(done.fault_addr, 0);
	assert_int_equal(done.flags, 0);
}

static void test_dsa_queue_stop_with_work_in_flight_frees_all(void **state)
{
	struct fake_dsa *f = fake_create();
	struct svart_queue *q = fake_start_first(f, 4);

	(void)state;
	prep(q, copy_op(1, 64));
	q->submit(q);
	prep(q, copy_op(2, 64));
	assert_int_equal(svart_pmd_dsa.queue_in_flight(&f->queues[0]), 2);
	finish(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsa_copy_becomes_a_memmove_descriptor),
		cmocka_unit_test(test_dsa_fill_becomes_a_fill_descriptor),
		cmocka_unit_test(test_dsa_noop_has_no_operands_and_does_not_block),
		cmocka_unit_test(test_dsa_no_block_leaves_block_on_fault_out),
		cmocka_unit_test(test_dsa_without_page_requests_nothing_blocks),
		cmocka_unit_test(test_dsa_descriptors_walk_the_portal_page),
		cmocka_unit_test(test_dsa_records_are_apart_and_aligned),
		cmocka_unit_test(test_dsa_poll_reports_out_of_order_completions_in_order),
		cmocka_unit_test(test_dsa_unordered_poll_reports_what_has_ended),
		cmocka_unit_test(test_dsa_prep_stops_at_the_depth),
		cmocka_unit_test(test_dsa_poll_before_submit_gives_nothing),
		cmocka_unit_test(test_dsa_poll_leaves_entries_beyond_its_count_alone),
		cmocka_unit_test(test_dsa_random_traffic_stays_in_order_and_within_the_wq),
		cmocka_unit_test(test_dsa_millions_of_operations_stay_in_order),
		cmocka_unit_test(test_dsa_counters_wrap_at_32_bits),
		cmocka_unit_test(test_dsa_zero_length_completes_in_its_place),
		cmocka_unit_test(test_dsa_too_long_is_invalid),
		cmocka_unit_test(test_dsa_longest_transfer_reaches_the_device),
		cmocka_unit_test(test_dsa_unknown_opcode_is_invalid),
		cmocka_unit_test(test_dsa_unknown_flags_and_reserved_bytes_are_invalid),
		cmocka_unit_test(test_dsa_operation_missing_in_opcap_is_invalid),
		cmocka_unit_test(test_dsa_overlap_without_the_capability_is_invalid),
		cmocka_unit_test(test_dsa_overlap_with_the_capability_reaches_the_device),
		cmocka_unit_test(test_dsa_page_fault_is_partial_with_address_and_bytes),
		cmocka_unit_test(test_dsa_refused_page_request_is_bad_address),
		cmocka_unit_test(test_dsa_page_refused_for_want_of_memory_has_a_status_of_its_own),
		cmocka_unit_test(test_dsa_result_tells_a_backward_copy),
		cmocka_unit_test(test_dsa_fault_address_rounded_to_its_page_is_believed),
		cmocka_unit_test(test_dsa_more_bytes_than_asked_are_a_device_error),
		cmocka_unit_test(test_dsa_fault_address_of_somebody_else_is_a_device_error),
		cmocka_unit_test(test_dsa_every_status_byte_becomes_one_of_ours),
		cmocka_unit_test(test_dsa_success_means_all_bytes_whatever_the_record_says),
		cmocka_unit_test(test_dsa_queue_stop_with_work_in_flight_frees_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

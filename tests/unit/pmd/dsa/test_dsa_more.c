/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Operations other than noop, copy, fill and drain: each becomes exactly one descriptor, and what a record
 * means for it, records of hostile devices too.
 */

#include "fake_dsa.h"

#include <stdio.h>
#include <string.h>

#include "dsa_internal.h"

#define FLAG_FENCE       0x1u
#define FLAG_BOF         0x2u
#define FLAG_CRAV        0x4u
#define FLAG_RCR         0x8u
#define FLAG_CHECK       0x80u
#define FLAG_CC          0x100u
#define FLAG_BYPASS_CRC  0x20000u
#define FLAG_BYPASS_DATA 0x40000u
#define FLAGS_ANY        (FLAG_BOF | FLAG_CRAV | FLAG_RCR)

/* Every operation of DSA 2: those of the fake's OPCAP, translation fetch and DIX generate. */
#define OPCAP_ALL (FAKE_OPCAP | UINT64_C(1) << 0x0a | UINT64_C(1) << 0x17)
/* GENCAP bit 2: cache control for memory (DSA spec, GENCAP). */
#define GENCAP_CC_MEM UINT64_C(4)

/* Addresses, which nobody follows. Far from each other. */
#define DST   ((void *)0x100000)
#define DST2  ((void *)0x200000)
#define SRC   ((const void *)0x300000)
#define SRC2  ((const void *)0x400000)
#define DELTA ((void *)0x500000)

#define SRC_TAGS                                                     \
	{                                                            \
		.ref = 0x11223344, .app_mask = 0x5566, .app = 0x7788 \
	}
#define DST_TAGS                                                     \
	{                                                            \
		.ref = 0x99aabbcc, .app_mask = 0xddee, .app = 0xff00 \
	}
#define SRC_WORD UINT64_C(0x7788556611223344)
#define DST_WORD UINT64_C(0xff00ddee99aabbcc)

/** An operation, and the descriptor that it becomes. */
static const struct {
	struct svart_op op;
	uint8_t opcode;
	uint32_t flags;
	uint64_t src, dst, words[3];
} rows[] = {
	{ { .opcode = SVART_OP_COMPARE, .src = SRC, .src2 = SRC2, .length = 8192 }, 0x05, 0,
		0x300000, 0x400000, { 0 } },
	{ { .opcode = SVART_OP_COMPARE,
		  .src = SRC,
		  .src2 = SRC2,
		  .length = 8192,
		  .flags = SVART_OP_CHECK_RESULT,
		  .bounds = { .expected = 2 } },
		0x05, FLAG_CHECK, 0x300000, 0x400000, { 1 } },
	{ { .opcode = SVART_OP_COMPARE_VALUE,
		  .src = SRC,
		  .value = 0x0123456789abcdef,
		  .length = 8192,
		  .flags = SVART_OP_CHECK_RESULT,
		  .bounds = { .expected = 1 } },
		0x06, FLAG_CHECK, 0x300000, 0x0123456789abcdef, { 0 } },
	{ { .opcode = SVART_OP_COMPARE_VALUE,
		  .src = SRC,
		  .value = 7,
		  .length = 8192,
		  .flags = SVART_OP_CHECK_RESULT,
		  .bounds = { .expected = 3 } },
		0x06, 0, 0x300000, 7, { 0 } },
	{ { .opcode = SVART_OP_CREATE_DELTA,
		  .src = SRC,
		  .src2 = SRC2,
		  .delta = DELTA,
		  .length = 8192,
		  .flags = SVART_OP_CHECK_RESULT | SVART_OP_TO_CACHE,
		  .bounds = { .delta_max = 109, .expected = 5 } },
		0x07, FLAG_CHECK | FLAG_CC, 0x300000, 0x400000, { 0x500000, 100, 5 } },
	{ { .opcode = SVART_OP_APPLY_DELTA,
		  .dst = DST,
		  .delta = DELTA,
		  .length = 8192,
		  .bounds = { .delta_max = 100 } },
		0x08, 0, 0x500000, 0x100000, { 100 } },
	{ { .opcode = SVART_OP_DUALCAST,
		  .dst = DST,
		  .dst2 = DST2,
		  .src = SRC,
		  .length = 8192,
		  .flags = SVART_OP_TO_CACHE },
		0x09, FLAG_CC, 0x300000, 0x100000, { 0x200000 } },
	{ { .opcode = SVART_OP_TRANSLATE, .src = SRC, .length = 8192 }, 0x0a, 0, 0x300000, 0,
		{ 0, 4096 } },
	{ { .opcode = SVART_OP_TRANSLATE, .src = SRC, .length = 8192, .stride = 8192 }, 0x0a, 0,
		0x300000, 0, { 0, 8192 } },
	{ { .opcode = SVART_OP_CRC,
		  .src = SRC,
		  .length = 8192,
		  .seed = 0x89abcdef,
		  .flags = SVART_OP_BYPASS_CRC },
		0x10, FLAG_BYPASS_CRC, 0x300000, 0, { 0x89abcdef } },
	{ { .opcode = SVART_OP_COPY_CRC,
		  .dst = DST,
		  .src = SRC,
		  .length = 8192,
		  .seed = 5,
		  .flags = SVART_OP_BYPASS_DATA | SVART_OP_TO_CACHE },
		0x11, FLAG_BYPASS_DATA | FLAG_CC, 0x300000, 0x100000, { 5 } },
	{ { .opcode = SVART_OP_DIF_CHECK,
		  .src = SRC,
		  .length = 10 * 520,
		  .dif = { .src_flags = 0xa5, .flags = 0xc },
		  .src_tags = SRC_TAGS },
		0x12, 0, 0x300000, 0, { 0x0c00a5, SRC_WORD } },
	{ { .opcode = SVART_OP_DIF_INSERT,
		  .dst = DST,
		  .src = SRC,
		  .length = 10 * 520,
		  .dif = { .dst_flags = 0x90, .block = 1 },
		  .dst_tags = DST_TAGS },
		0x13, 0, 0x300000, 0x100000, { 0x019000, 0, DST_WORD } },
	{ { .opcode = SVART_OP_DIF_STRIP,
		  .dst = DST,
		  .src = SRC,
		  .length = 2 * 4104,
		  .dif = { .src_flags = 0x10, .block = 2, .flags = 4 },
		  .src_tags = SRC_TAGS },
		0x14, 0, 0x300000, 0x100000, { 0x060010, SRC_WORD } },
	{ { .opcode = SVART_OP_DIF_UPDATE,
		  .dst = DST,
		  .src = SRC,
		  .length = 2 * 4112,
		  .dif = { .src_flags = 0x10, .dst_flags = 0xf8, .block = 3 },
		  .src_tags = SRC_TAGS,
		  .dst_tags = DST_TAGS },
		0x15, 0, 0x300000, 0x100000, { 0x03f810, SRC_WORD, DST_WORD } },
	{ { .opcode = SVART_OP_DIX_GENERATE,
		  .dst = DST,
		  .src = SRC,
		  .length = 10 * 512,
		  .dif = { .dst_flags = 0x10 },
		  .dst_tags = DST_TAGS },
		0x17, 0, 0x300000, 0x100000, { 0x001000, 0, DST_WORD } },
	{ { .opcode = SVART_OP_CACHE_FLUSH, .dst = DST, .length = 8192 }, 0x20, 0, 0, 0x100000,
		{ 0 } },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

/** Operations of dsa_fast.c. */
static const struct svart_op plain[] = {
	{ .opcode = SVART_OP_COPY, .dst = DST, .src = SRC, .length = 64 },
	{ .opcode = SVART_OP_FILL, .dst = DST, .length = 64 },
	{ .opcode = SVART_OP_NOOP },
	{ .opcode = SVART_OP_DRAIN },
};
#define NR_PLAIN (sizeof(plain) / sizeof(plain[0]))

/** Owner: one test. */
struct rig {
	struct fake_dsa *f;
	struct svart_queue *q;
};

static struct rig rig_open_with(uint32_t depth, uint64_t gencap, uint32_t queue_flags)
{
	struct rig r = { .f = fake_create() };

	r.f->queue_flags = queue_flags;
	fake_set64(r.f, SVART_DSA_OPCAP_OFF, OPCAP_ALL);
	fake_set64(r.f, SVART_DSA_GENCAP_OFF, gencap);
	r.q = fake_start_first(r.f, depth);
	return r;
}

static struct rig rig_open(uint32_t depth, uint64_t gencap)
{
	return rig_open_with(depth, gencap, 0);
}

static void rig_close(struct rig *r)
{
	fake_stop(r->f, 0);
	fake_close(r->f);
	fake_destroy(r->f);
}

/** Hands one operation over. @return its descriptor's number. */
static uint32_t post(struct rig *r, const struct svart_op *op)
{
	assert_int_equal(r->q->prep(r->q, op, 1), 1);
	assert_int_equal(r->q->submit(r->q), 1);
	return r->f->nr_posted - 1;
}

/** What a device writes. */
struct answer {
	uint8_t status, result;
	uint32_t bytes;
	uint64_t addr, word;
};

static struct svart_completion complete(struct rig *r, const struct svart_op *op, struct answer a)
{
	uint32_t n = post(r, op);
	struct svart_dsa_record *record =
		(struct svart_dsa_record *)(uintptr_t)fake_desc(r->f, n)->completion_addr;
	struct svart_completion done;

	record->op_specific[0] = a.word;
	record->op_specific[1] = ~a.word; /* Tags that mean nothing. */
	fake_complete_fault(r->f, n, a.status, a.result, a.bytes, a.addr);
	assert_int_equal(r->q->poll(r->q, &done, 1), 1);
	assert_int_equal(done.cookie, op->cookie);
	return done;
}

/* --- descriptors -------------------------------------------------------------------------------- */

static void check_descriptor(
	const struct svart_dsa_desc *desc, size_t i, uint32_t with, uint32_t without)
{
	struct svart_dsa_desc expected = { 0 };

	expected.flags_opcode =
		(uint32_t)rows[i].opcode << 24 | ((rows[i].flags | FLAGS_ANY | with) & ~without);
	expected.completion_addr = desc->completion_addr;
	expected.src = rows[i].src;
	expected.dst = rows[i].dst;
	expected.size = (uint32_t)rows[i].op.length;
	memcpy(expected.op_specific, rows[i].words, sizeof(rows[i].words));
	if (memcmp(desc, &expected, sizeof(expected)) != 0)
		print_message("row %zu\n", i);
	assert_memory_equal(desc, &expected, sizeof(expected));
}

static void check_descriptors(uint64_t gencap, uint32_t op_flags, uint32_t without)
{
	struct rig r = rig_open(1, gencap);
	struct svart_op op;
	size_t i;

	for (i = 0; i < NR_ROWS; i++) {
		op = rows[i].op;
		op.flags |= op_flags;
		complete(&r, &op, (struct answer){ .status = SVART_DSA_STATUS_HW_ERROR });
		check_descriptor(fake_desc(r.f, (uint32_t)i), i, 0, without);
	}
	rig_close(&r);
}

static void test_dsa_each_operation_becomes_its_descriptor(void **state)
{
	(void)state;
	check_descriptors(FAKE_GENCAP, 0, 0);
	check_descriptors(FAKE_GENCAP, SVART_OP_NO_BLOCK, FLAG_BOF);
	check_descriptors(FAKE_GENCAP, SVART_OP_FENCE, 0);
}

/** In a batch it is the same, and a fence in it is the device's. */
static void test_dsa_each_operation_becomes_its_descriptor_in_a_batch(void **state)
{
	struct rig r = rig_open_with(2, FAKE_GENCAP, SVART_QUEUE_BATCHES);
	const struct svart_dsa_desc *list;
	struct svart_completion done[2];
	struct svart_op ops[2];
	uint32_t i;

	(void)state;
	for (i = 0; i < NR_ROWS; i++) {
		ops[0] = ops[1] = rows[i].op;
		ops[1].flags |= SVART_OP_FENCE;
		assert_int_equal(r.q->prep(r.q, ops, 2), 2);
		assert_int_equal(r.q->submit(r.q), 2);
		list = (const struct svart_dsa_desc *)(uintptr_t)fake_desc(r.f, i)->desc_list_addr;
		check_descriptor(&list[0], i, 0, 0);
		check_descriptor(&list[1], i, FLAG_FENCE, 0);
		fake_complete(r.f, i, SVART_DSA_STATUS_BATCH_FAILED);
		assert_int_equal(r.q->poll(r.q, done, 2), 2);
		assert_int_equal(done[1].status, SVART_STATUS_ABORTED);
	}
	rig_close(&r);
}

static void test_dsa_cache_control_is_set_only_if_the_device_has_it(void **state)
{
	(void)state;
	check_descriptors(FAKE_GENCAP & ~GENCAP_CC_MEM, 0, FLAG_CC);
}

static void test_dsa_slots_words_are_0_again_for_copy_fill_and_noop(void **state)
{
	const struct answer ok = { .status = SVART_DSA_STATUS_SUCCESS };
	struct rig r = rig_open(1, FAKE_GENCAP);
	const struct svart_dsa_desc *desc;
	size_t i, k;

	(void)state;
	for (i = 0; i < NR_ROWS; i++) {
		for (k = 0; k < NR_PLAIN; k++) {
			complete(&r, &rows[i].op, (struct answer){ .status = 0x20 });
			assert_int_equal(complete(&r, &plain[k], ok).status, SVART_STATUS_OK);
			desc = fake_desc(r.f, r.f->nr_posted - 1);
			assert_int_equal(
				desc->op_specific[0] | desc->op_specific[1] | desc->op_specific[2],
				0);
		}
	}
	rig_close(&r);
}

/* --- completions --------------------------------------------------------------------------------- */

static const struct svart_op *row_of(unsigned int opcode)
{
	size_t i = 0;

	while (rows[i].op.opcode != opcode)
		i++;
	return &rows[i].op;
}

/** Expects a completion: status, result, bytes. */
static void expect(struct rig *r, const struct svart_op *op, struct answer a,
	enum svart_status status, uint64_t result, uint64_t bytes)
{
	struct svart_completion done = complete(r, op, a);

	if (done.status != status || done.result != result || done.bytes_done != bytes)
		fail_msg("opcode %u, record's status %#x: %s, %#llx, %llu bytes", op->opcode,
			a.status, svart_dsa_swerr_name(a.status), (unsigned long long)done.result,
			(unsigned long long)done.bytes_done);
	assert_int_equal(done.hw_status, a.status);
}

static void expect_device_error(struct rig *r, const struct svart_op *op, struct answer a)
{
	struct svart_completion done = complete(r, op, a);
	const struct svart_completion only = {
		.cookie = op->cookie, .status = SVART_STATUS_DEVICE_ERROR, .hw_status = a.status
	};

	assert_memory_equal(&done, &only, sizeof(only));
}

static void test_dsa_results_of_comparisons(void **state)
{
	struct rig r = rig_open(4, FAKE_GENCAP);
	struct svart_op op = *row_of(SVART_OP_COMPARE);

	(void)state;
	expect(&r, &op, (struct answer){ .status = 1, .bytes = 3 }, SVART_STATUS_OK, 0, 8192);
	expect(&r, &op, (struct answer){ .status = 1, .result = 1, .bytes = 77 }, SVART_STATUS_OK,
		1, 77);
	op.flags = SVART_OP_CHECK_RESULT;
	op.bounds.expected = 1;
	expect(&r, &op, (struct answer){ .status = 2, .result = 1, .bytes = 77 },
		SVART_STATUS_PREDICATE_FALSE, 1, 77);
	/* The device does not know what was expected better than the program. */
	expect(&r, &op, (struct answer){ .status = 1, .result = 1, .bytes = 77 },
		SVART_STATUS_PREDICATE_FALSE, 1, 77);
	expect(&r, &op, (struct answer){ .status = 2 }, SVART_STATUS_OK, 0, 8192);
	expect_device_error(&r, &op, (struct answer){ .status = 1, .result = 2 });
	expect_device_error(&r, &op, (struct answer){ .status = 1, .result = 1, .bytes = 8193 });
	/* A byte that differs is one of the operation's. */
	expect_device_error(&r, &op, (struct answer){ .status = 1, .result = 1, .bytes = 8192 });
	rig_close(&r);
}

static void test_dsa_results_of_delta_records(void **state)
{
	struct rig r = rig_open(4, FAKE_GENCAP);
	struct svart_op op = *row_of(SVART_OP_CREATE_DELTA), apply = *row_of(SVART_OP_APPLY_DELTA);
	struct svart_completion done;

	(void)state;
	op.flags = 0;
	op.bounds.expected = 0;
	assert_int_equal(op.bounds.delta_max, 109); /* Ten entries, and a part of one. */
	done = complete(&r, &op, (struct answer){ .status = 1, .result = 1, .word = 90 });
	assert_int_equal(done.delta_bytes, 90);
	expect(&r, &op, (struct answer){ .status = 1, .result = 1, .word = 100 }, SVART_STATUS_OK,
		1, 8192);
	expect(&r, &op, (struct answer){ .status = 1, .result = 2, .bytes = 800, .word = 100 },
		SVART_STATUS_OK, 2, 800);
	expect_device_error(&r, &op, (struct answer){ .status = 1, .result = 1, .word = 110 });
	expect_device_error(&r, &op, (struct answer){ .status = 1, .result = 1, .word = 101 });
	expect_device_error(&r, &op, (struct answer){ .status = 1, .result = 1, .word = 95 });
	expect_device_error(&r, &op, (struct answer){ .status = 1, .result = 3, .word = 90 });
	expect_device_error(
		&r, &op, (struct answer){ .status = 1, .result = 2, .bytes = 8193, .word = 90 });
	expect(&r, &apply, (struct answer){ .status = 1 }, SVART_STATUS_OK, 0, 100);
	expect(&r, &apply, (struct answer){ .status = 7, .bytes = 20 }, SVART_STATUS_DELTA_ERROR, 0,
		20);
	expect(&r, &apply, (struct answer){ .status = 8, .bytes = 90 }, SVART_STATUS_DELTA_ERROR, 0,
		90);
	expect_device_error(&r, &apply, (struct answer){ .status = 8, .bytes = 100 });
	expect_device_error(&r, &op, (struct answer){ .status = 7 });
	rig_close(&r);
}

static void test_dsa_results_of_checksums(void **state)
{
	struct rig r = rig_open(4, FAKE_GENCAP);
	const struct svart_op *op = row_of(SVART_OP_CRC);
	const uint64_t word = UINT64_C(0xffffffff89abcdef);

	(void)state;
	expect(&r, op, (struct answer){ .status = 1, .word = word }, SVART_STATUS_OK, 0x89abcdef,
		8192);
	/* What it was at a fault is the seed of the rest. */
	expect(&r, op,
		(struct answer){ .status = 3, .bytes = 4096, .addr = 0x301000, .word = word },
		SVART_STATUS_PARTIAL, 0x89abcdef, 4096);
	rig_close(&r);
}

/** Tags move on by whole blocks, whatever the record has. */
static void test_dsa_tags_and_errors_of_blocks(void **state)
{
	struct rig r = rig_open(4, FAKE_GENCAP);
	struct svart_op op = *row_of(SVART_OP_DIF_UPDATE);
	struct svart_completion done;

	(void)state;
	op.dif = (struct svart_dif){ .src_flags = SVART_DIF_SRC_APP_INCREMENTS,
		.dst_flags = SVART_DIF_DST_REF_FIXED };
	op.length = 10 * 520;
	done = complete(&r, &op,
		(struct answer){ .status = 9, .result = 0xf5, .bytes = 3 * 520 + 511, .word = 9 });
	assert_int_equal(done.status, SVART_STATUS_DIF_ERROR);
	assert_int_equal(done.result, SVART_DIF_ERROR_GUARD | SVART_DIF_ERROR_REF);
	assert_int_equal(done.bytes_done, 3 * 520);
	assert_int_equal(done.src_tags.ref, 0x11223344 + 3);
	assert_int_equal(done.src_tags.app, 0x7788 + 3);
	assert_int_equal(done.src_tags.app_mask, 0x5566);
	assert_int_equal(done.dst_tags.ref, 0x99aabbcc);
	assert_int_equal(done.dst_tags.app, 0xff00);
	done = complete(&r, &op, (struct answer){ .status = 1, .word = 9 });
	assert_int_equal(done.src_tags.ref, 0x11223344 + 10);
	assert_int_equal(done.bytes_done, 10 * 520);
	expect_device_error(
		&r, &op, (struct answer){ .status = 9, .result = 1, .bytes = 10 * 520 });
	expect_device_error(&r, &op, (struct answer){ .status = 9, .result = 0xf0, .bytes = 0 });
	rig_close(&r);
}

/** An operand's address, and its last byte; by the table of operations. */
static void check_faults_of(struct rig *r, const struct svart_op *op)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	struct svart_completion done;
	uint64_t start, end;
	unsigned int i;

	for (i = 0; i < row->nr_operands; i++) {
		start = svart_op_addr(op, &row->operands[i]);
		end = start + svart_op_len(op, &row->operands[i]);
		done = complete(r, op, (struct answer){ .status = 0x83, .addr = end - 1 });
		assert_int_equal(done.status, SVART_STATUS_PARTIAL);
		assert_int_equal(done.fault_addr, end - 1);
		assert_int_equal(
			done.flags, SVART_COMPLETION_FAULT_ADDR | SVART_COMPLETION_FAULT_WRITE);
		done = complete(r, op, (struct answer){ .status = 0x04, .addr = start });
		assert_int_equal(done.status, SVART_STATUS_BAD_ADDRESS);
		assert_int_equal(done.flags, SVART_COMPLETION_FAULT_ADDR);
		/* The page after, and the one before. */
		end = (end + 4095) / 4096 * 4096;
		expect_device_error(r, op, (struct answer){ .status = 3, .addr = end });
		expect_device_error(r, op, (struct answer){ .status = 3, .addr = start - 1 });
		expect_device_error(r, op,
			(struct answer){
				.status = 3, .addr = start, .bytes = (uint32_t)op->length + 1 });
	}
}

static void test_dsa_faults_are_of_an_operand(void **state)
{
	struct rig r = rig_open(4, FAKE_GENCAP);
	size_t i;

	(void)state;
	for (i = 0; i < NR_ROWS; i++)
		check_faults_of(&r, &rows[i].op);
	rig_close(&r);
}

static void test_dsa_operations_of_no_bytes_do_not_reach_the_device(void **state)
{
	struct rig r = rig_open(4, FAKE_GENCAP);
	struct svart_completion done;
	struct svart_op op;
	size_t i;

	(void)state;
	for (i = 0; i < NR_ROWS; i++) {
		op = rows[i].op;
		op.length = 0;
		op.bounds.expected =
			(op.flags & SVART_OP_CHECK_RESULT) != 0 ? 2 : op.bounds.expected;
		assert_int_equal(r.q->prep(r.q, &op, 1), 1);
		assert_int_equal(r.q->submit(r.q), 1);
		assert_int_equal(r.q->poll(r.q, &done, 1), 1);
		assert_int_equal(done.status, (op.flags & SVART_OP_CHECK_RESULT) != 0
						      ? SVART_STATUS_PREDICATE_FALSE
						      : SVART_STATUS_OK);
		assert_int_equal(done.bytes_done, 0);
		if (op.opcode == SVART_OP_CRC || op.opcode == SVART_OP_COPY_CRC)
			assert_int_equal(done.result, op.seed);
		if (op.opcode == SVART_OP_DIF_CHECK)
			assert_int_equal(done.src_tags.ref, op.src_tags.ref);
	}
	assert_int_equal(r.f->nr_posted, 0);
	rig_close(&r);
}

static bool checks_blocks(const struct svart_op *op)
{
	return op->opcode == SVART_OP_DIF_CHECK || op->opcode == SVART_OP_DIF_STRIP ||
	       op->opcode == SVART_OP_DIF_UPDATE;
}

static bool has_results(const struct svart_op *op)
{
	return op->opcode >= SVART_OP_COMPARE && op->opcode <= SVART_OP_CREATE_DELTA;
}

/** Of a record that is done: its result is 1. */
static enum svart_status done_status(const struct svart_op *op)
{
	if (has_results(op) && (op->flags & SVART_OP_CHECK_RESULT) != 0 &&
		(op->bounds.expected & 2) == 0)
		return SVART_STATUS_PREDICATE_FALSE;
	return SVART_STATUS_OK;
}

/** What a record's status means, by its code (DSA spec 5.7): result 1, 0 bytes, an address of an operand. */
static enum svart_status status_of(const struct svart_op *op, unsigned int code)
{
	bool moves = op->opcode != SVART_OP_NOOP && op->opcode != SVART_OP_DRAIN;

	if (code == 1 || (code == 2 && has_results(op)))
		return done_status(op);
	if (code == 3 && moves)
		return SVART_STATUS_PARTIAL;
	if (code == 4 && moves)
		return SVART_STATUS_BAD_ADDRESS;
	if ((code == 7 || code == 8) && op->opcode == SVART_OP_APPLY_DELTA)
		return SVART_STATUS_DELTA_ERROR;
	if (code == 9 && checks_blocks(op))
		return SVART_STATUS_DIF_ERROR;
	if ((code >= 0x10 && code <= 0x13) || (code >= 0x15 && code <= 0x17) || code == 0x1c)
		return SVART_STATUS_INVALID;
	return SVART_STATUS_DEVICE_ERROR;
}

static void check_statuses(struct rig *r, const struct svart_op *op)
{
	const struct svart_op_row *row = svart_op_row(op->opcode);
	struct answer a = { .result = 1 };
	struct svart_completion done, only = { .cookie = op->cookie };
	unsigned int status;

	if (row->nr_operands != 0)
		a.addr = svart_op_addr(op, &row->operands[0]);
	for (status = 1; status < 256; status++) {
		a.status = (uint8_t)status;
		done = complete(r, op, a);
		only.status = (uint8_t)status_of(op, status & 0x7f);
		only.hw_status = (uint8_t)status;
		if (done.status != only.status)
			fail_msg("opcode %u, record's status %#x: status %u, not %u", op->opcode,
				status, done.status, only.status);
		/* An error of the device's own says nothing else. */
		if (only.status == SVART_STATUS_DEVICE_ERROR || only.status == SVART_STATUS_INVALID)
			assert_memory_equal(&done, &only, sizeof(only));
		assert_int_equal(done.flags & SVART_COMPLETION_FAULT_ADDR,
			only.status == SVART_STATUS_PARTIAL ||
				only.status == SVART_STATUS_BAD_ADDRESS);
	}
}

static void test_dsa_each_status_of_each_operation_means_what_it_can(void **state)
{
	struct rig r = rig_open(4, FAKE_GENCAP);
	size_t i;

	(void)state;
	for (i = 0; i < NR_ROWS; i++)
		check_statuses(&r, &rows[i].op);
	for (i = 0; i < NR_PLAIN; i++)
		check_statuses(&r, &plain[i]);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsa_each_operation_becomes_its_descriptor),
		cmocka_unit_test(test_dsa_each_operation_becomes_its_descriptor_in_a_batch),
		cmocka_unit_test(test_dsa_cache_control_is_set_only_if_the_device_has_it),
		cmocka_unit_test(test_dsa_slots_words_are_0_again_for_copy_fill_and_noop),
		cmocka_unit_test(test_dsa_results_of_comparisons),
		cmocka_unit_test(test_dsa_results_of_delta_records),
		cmocka_unit_test(test_dsa_results_of_checksums),
		cmocka_unit_test(test_dsa_tags_and_errors_of_blocks),
		cmocka_unit_test(test_dsa_faults_are_of_an_operand),
		cmocka_unit_test(test_dsa_operations_of_no_bytes_do_not_reach_the_device),
		cmocka_unit_test(test_dsa_each_status_of_each_operation_means_what_it_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

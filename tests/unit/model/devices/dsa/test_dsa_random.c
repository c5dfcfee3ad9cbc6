/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Operations by chance on four WQs of different kinds, with pages that come and go, answers that come
 * late, refusals, aborts: what completes with success has done what a plain memmove or fill does.
 */

#include <string.h>

#include "dsa_rig.h"
#include "ops.h"

#define NR_WQS    4
#define WQ_PAGES  24 /* Each WQ has its own part of memory: operations of others do not disturb. */
#define ROUNDS    3000
#define MAX_BYTES (8 * 4096)

/* One operation under way. Owner: the test. Lifetime: the test. Locks: none. */
struct op {
	bool busy;
	bool hole; /* A page of its WQ is refused: it may fail. */
	struct svart_dsa_desc desc;
	uint8_t before[WQ_PAGES * 4096];
};

static uint64_t below(uint64_t *random, uint64_t limit)
{
	return rig_random(random) % limit;
}

static uint64_t wq_base(unsigned int wq)
{
	return rig_page(wq * WQ_PAGES);
}

static void start(struct rig *r, uint64_t *random)
{
	static const uint32_t set[NR_WQS] = { 0, 0, (uint32_t)SVART_DSA_WQCFG2_ATS_DISABLE, 0 };

	for (unsigned int i = 0; i < NR_WQS; i++) {
		rig_wq_config(r, i, 16);
		rig_reg32_set(r, rig_wqcfg(i, 2), rig_reg32(r, rig_wqcfg(i, 2)) | set[i]);
	}
	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_DEV, 0), 0);
	for (unsigned int i = 0; i < NR_WQS; i++)
		assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ENABLE_WQ, i), 0);
	/* Untranslated accesses cannot wait for pages. */
	rig_map(r, 2 * WQ_PAGES, WQ_PAGES, RIG_RW);
	rig_random_bytes(r, random);
}

static void submit(struct rig *r, struct op *op, unsigned int wq, uint64_t *random)
{
	uint32_t size = (uint32_t)below(random, MAX_BYTES) + 1;
	uint64_t span = WQ_PAGES * SVART_PAGE_SIZE - size;
	uint64_t dst = wq_base(wq) + below(random, span), src = wq_base(wq) + below(random, span);

	rig_read(r, wq_base(wq), op->before, sizeof(op->before));
	op->desc = below(random, 3) == 0 ? rig_fill(r, wq, dst, rig_random(random), size)
					 : rig_memmove(r, wq, dst, src, size);
	/* WQ 3 does not block. */
	if (wq == 3)
		rig_flags(&op->desc, 0, SVART_DSA_FLAG_BOF);
	op->busy = true;
	rig_submit(r, wq, &op->desc);
}

/* What memory must be after `done` bytes of the operation, from its end if backward. */
static void expect(
	const struct op *op, unsigned int wq, uint32_t done, bool backward, uint8_t *want)
{
	uint64_t dst = op->desc.dst - wq_base(wq), src = op->desc.src - wq_base(wq);
	uint64_t from = backward ? op->desc.size - done : 0;

	memcpy(want, op->before, sizeof(op->before));
	if (SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, op->desc.flags_opcode) == SVART_DSA_OP_FILL)
		svart_op_fill(want + dst, done, op->desc.pattern, 0);
	else
		memmove(want + dst + from, op->before + src + from, done);
}

static void check(struct rig *r, struct op *op, unsigned int wq)
{
	static uint8_t want[WQ_PAGES * 4096], got[WQ_PAGES * 4096];
	struct svart_dsa_record record = rig_record(r, wq);
	uint32_t done = record.bytes_completed;

	if (record.status == SVART_DSA_STATUS_NONE)
		return;
	if (record.status == SVART_DSA_STATUS_SUCCESS)
		done = op->desc.size;
	else if (SVART_FIELD_GET(SVART_DSA_STATUS_CODE, record.status) ==
		 SVART_DSA_STATUS_PAGE_FAULT)
		assert_int_equal(wq, 3);
	else
		assert_true(op->hole);
	assert_true(done <= op->desc.size);
	expect(op, wq, done, record.result != 0, want);
	rig_read(r, wq_base(wq), got, sizeof(got));
	assert_memory_equal(got, want, sizeof(want));
	op->busy = false;
}

/* Takes pages away, or gives some, of one WQ. */
static void disturb(struct rig *r, struct op *ops, uint64_t *random)
{
	unsigned int wq = (unsigned int)below(random, NR_WQS);
	unsigned int nr = (unsigned int)below(random, 6) + 1;
	unsigned int page = wq * WQ_PAGES + (unsigned int)below(random, WQ_PAGES - nr);

	if (wq == 2)
		return;
	if (wq == 3) {
		rig_map(r, page, nr, below(random, 2) == 0 ? RIG_NONE : RIG_RW);
	} else if (below(random, 8) == 0) {
		rig_allow(r, page, 1, below(random, 2) == 0 ? RIG_NONE : RIG_R);
		rig_map(r, page, 1, RIG_NONE);
		ops[wq].hole = true;
	} else if (below(random, 8) == 0) {
		/* Only what is to come is sure to find all pages again. */
		rig_allow(r, wq * WQ_PAGES, WQ_PAGES, RIG_RW);
		ops[wq].hole = ops[wq].busy;
	} else {
		rig_map(r, page, nr, RIG_NONE);
	}
}

static void abort_one(struct rig *r, struct op *ops, uint64_t *random)
{
	unsigned int wq = (unsigned int)below(random, NR_WQS);

	assert_int_equal(rig_cmd(r, SVART_DSA_CMD_ABORT_WQ, 1u << wq), 0);
	ops[wq].busy = false;
}

static void answer_one(struct rig *r, uint64_t *random)
{
	unsigned int group = (unsigned int)below(random, RIG_MAX_GROUPS);

	if (group < r->nr_groups && r->groups[group].complete && !r->groups[group].answered)
		rig_serve(r);
}

static void test_random_operations_equal_plain_ones(void **state)
{
	struct rig *r = rig_create("prg_pages=5");
	uint64_t random = rig_seed();
	static struct op ops[NR_WQS];

	(void)state;
	r->allocation = 7;
	start(r, &random);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int wq = 0; wq < NR_WQS; wq++) {
			if (ops[wq].busy)
				check(r, &ops[wq], wq);
			if (!ops[wq].busy)
				submit(r, &ops[wq], wq, &random);
		}
		for (uint64_t steps = below(&random, 6); steps > 0; steps--)
			svart_dsa_model.step(r->dev);
		disturb(r, ops, &random);
		answer_one(r, &random);
		if (below(&random, 50) == 0)
			abort_one(r, ops, &random);
	}
	rig_allow(r, 0, RIG_PAGES, RIG_RW);
	rig_run_serving(r);
	for (unsigned int wq = 0; wq < NR_WQS; wq++) {
		if (ops[wq].busy)
			check(r, &ops[wq], wq);
		assert_false(ops[wq].busy);
	}
	assert_int_equal(r->requests_open, 0);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
	rig_destroy(r);
}

/* Descriptors of random bits: each ends, in a record or in SWERR, and nothing breaks. */
static void test_random_descriptors_end(void **state)
{
	struct rig *r = rig_create(NULL);
	uint64_t random = rig_seed();
	struct svart_dsa_desc desc, noop;

	(void)state;
	start(r, &random);
	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t words[8];

		for (unsigned int j = 0; j < SVART_ARRAY_SIZE(words); j++)
			words[j] = below(&random, 3) == 0 ? rig_random(&random) : 0;
		memcpy(&desc, words, sizeof(desc));
		if (below(&random, 2) == 0)
			desc.flags_opcode =
				(uint32_t)(desc.flags_opcode &
					   (SVART_FIELD_PREP(SVART_DSA_DESC_OPCODE, 7) | 0xe));
		if (below(&random, 2) == 0)
			desc.completion_addr = rig_record_va(8);
		if (below(&random, 2) == 0)
			desc.dst = wq_base(0) + below(&random, 4096);
		desc.size &= 0xffff;
		rig_submit(r, (unsigned int)below(&random, NR_WQS), &desc);
		rig_run_serving(r);
		rig_reg32_set(r, SVART_DSA_SWERR_OFF, 3);
	}
	noop = rig_simple(r, 1, SVART_DSA_OP_NOOP);
	for (unsigned int i = 0; i < NR_WQS; i++)
		assert_int_equal(rig_do(r, i, &noop).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

/* Register writes by chance: nothing breaks, capabilities stay, a function reset mends all. */
static void test_random_register_writes_do_no_harm(void **state)
{
	struct rig *r = rig_create(NULL);
	uint64_t random = rig_seed();
	struct svart_dsa_desc noop;

	(void)state;
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t off = below(&random, 0x600) & ~UINT64_C(3);
		uint32_t value = (uint32_t)(rig_random(&random) & rig_random(&random));

		if (below(&random, 4) == 0) {
			off = SVART_DSA_CMD_OFF;
			value &= 0x1ffffff;
		}
		if (below(&random, 16) == 0)
			rig_wq_config(r, (unsigned int)below(&random, 4), 16);
		rig_reg32_set(r, off, value);
		noop = rig_simple(r, 0, SVART_DSA_OP_NOOP);
		rig_submit(r, (unsigned int)below(&random, 8), &noop);
		svart_dsa_model.step(r->dev);
	}
	assert_int_equal(rig_reg(r, SVART_DSA_GENCAP_OFF), 0x40915f0107);
	svart_dsa_model.reset(r->dev);
	rig_start(r, 0, 0);
	assert_int_equal(rig_do(r, 0, &noop).status, SVART_DSA_STATUS_SUCCESS);
	rig_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations_equal_plain_ones),
		cmocka_unit_test(test_random_descriptors_end),
		cmocka_unit_test(test_random_register_writes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Operations that compute: what the device leaves in memory and in its record is what runtime/ops makes of the
 * same bytes at once, wherever pages were missing on the way.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsa_draw.h"
#include "op_crc.h"
#include "op_delta.h"
#include "op_dif.h"

#define NR_RANDOM  150
#define SRC_PAGE   2
#define DST_PAGE   40
#define THIRD_PAGE 80
#define DIF_4104   UINT64_C(3)

static int setup(void **state)
{
	struct rig *r = rig_create(NULL);

	rig_map(r, 0, RIG_PAGES, RIG_RW);
	rig_start(r, 0, 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static struct svart_dsa_desc describe(
	struct rig *r, unsigned int opcode, uint64_t src, uint64_t dst, uint32_t size)
{
	struct svart_dsa_desc desc = rig_simple(r, 0, opcode);

	rig_flags(&desc, SVART_DSA_FLAG_BOF, 0);
	desc.src = src;
	desc.dst = dst;
	desc.size = size;
	return desc;
}

static struct svart_dsa_record expect(
	struct rig *r, const struct svart_dsa_desc *desc, unsigned int status)
{
	struct svart_dsa_record record = rig_do(r, 0, desc);

	if (record.status != status)
		print_message("opcode %#x, %u bytes, from %#llx\n", desc->flags_opcode >> 24,
			desc->size, (unsigned long long)desc->src);
	assert_int_equal(record.status, status);
	return record;
}

/* The operation is refused with this status, and nothing is written. */
static void expect_refused(struct rig *r, struct svart_dsa_desc desc, unsigned int status)
{
	static uint8_t before[RIG_BYTES - SVART_PAGE_SIZE], after[RIG_BYTES - SVART_PAGE_SIZE];

	rig_read(r, RIG_VA, before, sizeof(before));
	assert_int_equal(expect(r, &desc, status).bytes_completed, 0);
	rig_read(r, RIG_VA, after, sizeof(after));
	assert_memory_equal(after, before, sizeof(before));
}

/* --- Compare -------------------------------------------------------------------------------------- */

static void test_compare_tells_the_first_difference(void **state)
{
	static const uint32_t places[] = { 0, 1, 4095, 4096, 10000, 19999 };
	struct rig *r = *state;
	struct svart_dsa_desc desc = describe(
		r, SVART_DSA_OP_COMPARE, rig_page(SRC_PAGE) + 5, rig_page(DST_PAGE) + 77, 20000);
	struct svart_dsa_record record = expect(r, &desc, SVART_DSA_STATUS_SUCCESS);

	assert_int_equal(record.result, 0);
	assert_int_equal(record.bytes_completed, 20000);
	for (size_t i = 0; i < SVART_ARRAY_SIZE(places); i++) {
		*rig_at(r, desc.dst + places[i]) ^= 0x80;
		record = expect(r, &desc, SVART_DSA_STATUS_SUCCESS);
		assert_int_equal(record.result, 1);
		assert_int_equal(record.bytes_completed, places[i]);
		*rig_at(r, desc.dst + places[i]) ^= 0x80;
	}
}

static void test_compare_with_a_pattern_goes_on_with_it_in_each_page(void **state)
{
	const uint64_t pattern = UINT64_C(0x0807060504030201);
	struct rig *r = *state;
	struct svart_dsa_desc fill = rig_fill(r, 0, rig_page(SRC_PAGE) + 3, pattern, 12345);
	struct svart_dsa_desc desc =
		describe(r, SVART_DSA_OP_COMPARE_PATTERN, rig_page(SRC_PAGE) + 3, pattern, 12345);
	struct svart_dsa_record record;

	expect(r, &fill, SVART_DSA_STATUS_SUCCESS);
	record = expect(r, &desc, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(record.result, 0);
	*rig_at(r, desc.src + 8191) ^= 1;
	record = expect(r, &desc, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(record.result, 1);
	assert_int_equal(record.bytes_completed, 8191);
}

static void test_result_that_is_not_expected_is_status_2(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc =
		describe(r, SVART_DSA_OP_COMPARE, rig_page(SRC_PAGE), rig_page(DST_PAGE), 4096);

	rig_flags(&desc, SVART_DSA_FLAG_CHECK_RESULT, 0);
	expect(r, &desc, SVART_DSA_STATUS_SUCCESS);
	desc.op_specific[0] = 1;
	assert_int_equal(expect(r, &desc, SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE).result, 0);
	*rig_at(r, desc.src) ^= 1;
	assert_int_equal(expect(r, &desc, SVART_DSA_STATUS_SUCCESS).result, 1);
	desc.op_specific[0] = 0;
	assert_int_equal(expect(r, &desc, SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE).result, 1);
	desc.op_specific[0] = 2;
	expect_refused(r, desc, SVART_DSA_STATUS_RESERVED_SET);
}

/* --- Anything, with pages that come late ---------------------------------------------------------- */

static void take_pages_away(struct rig *r, uint64_t *random)
{
	for (unsigned int page = 0; page < RIG_RECORDS_PAGE; page++)
		rig_map(r, page, 1, rig_random(random) % 2 == 0 ? RIG_NONE : RIG_R);
	rig_allow(r, 0, RIG_PAGES, RIG_RW);
}

static void run_drawn(struct rig *r, uint64_t *random, bool faults)
{
	static struct drawn d;
	struct svart_dsa_record record;

	for (unsigned int i = 0; i < NR_RANDOM; i++) {
		rig_random_bytes(r, random);
		draw(r, &d, i % draw_nr_kinds(), random);
		if (faults)
			take_pages_away(r, random);
		r->nr_groups = 0;
		record = rig_do(r, 0, &d.desc);
		draw_check(r, &d, &record);
	}
}

static void test_operations_do_what_the_reference_does(void **state)
{
	uint64_t random = rig_seed();

	run_drawn(*state, &random, false);
}

static void test_operations_wait_for_pages_and_do_the_same(void **state)
{
	uint64_t random = rig_seed() + 1;

	run_drawn(*state, &random, true);
}

static void test_operations_by_untranslated_requests_do_the_same(void **state)
{
	struct rig *r = *state;
	uint64_t random = rig_seed() + 2;

	r->ats = false;
	run_drawn(r, &random, false);
}

/* --- Without block on fault ----------------------------------------------------------------------- */

/* The page that is missing is given, and what is left is done: by the rule of CRCs, with the sum as the seed. */
static void test_crc_goes_on_where_a_page_was_missing(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc =
		describe(r, SVART_DSA_OP_CRC, rig_page(SRC_PAGE) + 100, 0, 5 * 4096);
	uint32_t crc = svart_op_crc32c(0, draw_flat(r, 0, desc.src), desc.size, 0);
	struct svart_dsa_record record;

	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	rig_map(r, SRC_PAGE + 3, 1, RIG_NONE);
	record = expect(r, &desc, SVART_DSA_STATUS_PAGE_FAULT);
	assert_int_equal(record.bytes_completed, 3 * 4096 - 100);
	assert_int_equal(record.fault_addr, rig_page(SRC_PAGE + 3));
	rig_map(r, SRC_PAGE + 3, 1, RIG_RW);
	desc.src += record.bytes_completed;
	desc.size -= record.bytes_completed;
	desc.op_specific[0] = record.op_specific[0];
	assert_int_equal(expect(r, &desc, SVART_DSA_STATUS_SUCCESS).op_specific[0], crc);
}

static void test_fault_of_each_operand_is_told(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = describe(
		r, SVART_DSA_OP_DUALCAST, rig_page(SRC_PAGE), rig_page(DST_PAGE), 3 * 4096);
	static const unsigned int pages[] = { SRC_PAGE + 1, DST_PAGE + 2, THIRD_PAGE };
	static const uint32_t done[] = { 4096, 8192, 0 };

	desc.op_specific[0] = rig_page(THIRD_PAGE);
	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	for (size_t i = 0; i < SVART_ARRAY_SIZE(pages); i++) {
		struct svart_dsa_record record;

		rig_map(r, pages[i], 1, RIG_NONE);
		record = expect(r, &desc,
			SVART_DSA_STATUS_PAGE_FAULT |
				(i > 0 ? (unsigned int)SVART_DSA_STATUS_WRITE : 0));
		assert_int_equal(record.fault_addr, rig_page(pages[i]));
		assert_int_equal(record.bytes_completed, done[i]);
		rig_map(r, pages[i], 1, RIG_RW);
	}
}

/* Only what differs is written: a record's page that is not needed is not asked for. */
static void test_delta_record_is_touched_only_to_write_it(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = describe(
		r, SVART_DSA_OP_CREATE_DELTA, rig_page(SRC_PAGE), rig_page(DST_PAGE), 8192);
	struct svart_dsa_record record;

	desc.op_specific[0] = rig_page(THIRD_PAGE);
	desc.op_specific[1] = 80;
	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF);
	rig_map(r, THIRD_PAGE, 1, RIG_NONE);
	assert_int_equal(expect(r, &desc, SVART_DSA_STATUS_SUCCESS).result, SVART_DELTA_EQUAL);
	*rig_at(r, desc.dst + 5000) ^= 1;
	record = expect(
		r, &desc, SVART_DSA_STATUS_PAGE_FAULT | (unsigned int)SVART_DSA_STATUS_WRITE);
	assert_int_equal(record.fault_addr, rig_page(THIRD_PAGE));
	assert_int_equal(record.op_specific[0], 0);
}

/*
 * The source's page and the destinations' are of one set of the cache, which has room for two: what was reached is
 * used, and not asked for again, for it may be gone by then.
 */
static void test_unit_asks_once_for_each_of_its_pages(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc = describe(r, SVART_DSA_OP_DUALCAST, rig_page(SRC_PAGE),
		rig_page(SRC_PAGE) + RIG_MIRROR_BYTES, 4096);

	desc.op_specific[0] = rig_page(SRC_PAGE) + 2 * RIG_MIRROR_BYTES;
	*rig_at(r, desc.src + 5) = 0x77;
	rig_flags(&desc, 0, SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR);
	r->nr_translates = 0;
	rig_do(r, 0, &desc);
	assert_int_equal(*rig_at(r, desc.dst + 5), 0x77);
	assert_int_equal(*rig_at(r, desc.op_specific[0] + 5), 0x77);
	assert_int_equal(r->nr_translates, 3);
}

/*
 * Operands that go around the end of memory: what is behind it is asked for page by page, and no request goes around
 * (the rig looks). A program's address there has no page, so nothing is done.
 */
static void test_operands_around_the_end_of_memory_fault(void **state)
{
	static const unsigned int opcodes[] = { SVART_DSA_OP_COMPARE, SVART_DSA_OP_COPY_CRC,
		SVART_DSA_OP_APPLY_DELTA, SVART_DSA_OP_DIF_STRIP };
	const uint64_t src = UINT64_MAX - 7;
	struct rig *r = *state;

	for (size_t i = 0; i < SVART_ARRAY_SIZE(opcodes); i++) {
		struct svart_dsa_desc desc =
			describe(r, opcodes[i], src, rig_page(DST_PAGE), 4112 * 16);
		struct svart_dsa_record record;

		if (opcodes[i] == SVART_DSA_OP_APPLY_DELTA)
			desc.op_specific[0] = 100;
		if (opcodes[i] == SVART_DSA_OP_DIF_STRIP)
			desc.op_specific[0] = DIF_4104 << 16;
		record = expect(r, &desc, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE);
		assert_int_equal(record.fault_addr, src);
		assert_int_equal(record.bytes_completed, 0);
		/* What is behind the end is the operand's, too. */
		desc.dst = src + 64;
		expect(r, &desc,
			opcodes[i] == SVART_DSA_OP_COMPARE ? SVART_DSA_STATUS_PAGE_FAULT_RESPONSE
							   : SVART_DSA_STATUS_OVERLAP);
	}
}

/* --- Without a record ------------------------------------------------------------------------------ */

/* Invalid flags are told of a descriptor that has some: here a sum would be in their place. */
static void test_fault_without_a_record_tells_swerr_no_flags(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc =
		describe(r, SVART_DSA_OP_CRC, rig_page(SRC_PAGE) + 9, 0, 2 * 4096);

	rig_write(r, desc.src, "svart", 5);
	rig_flags(&desc, 0, SVART_DSA_FLAG_BOF | SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR);
	rig_map(r, SRC_PAGE + 1, 1, RIG_NONE);
	rig_do(r, 0, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), UINT64_C(0x100000030d));
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 8), 0);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF + 16), rig_page(SRC_PAGE + 1));
}

/* It has ended with success, and what nobody asked for is no error. */
static void test_result_that_is_not_expected_is_no_error_for_swerr(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc =
		describe(r, SVART_DSA_OP_COMPARE, rig_page(SRC_PAGE), rig_page(DST_PAGE), 4096);

	rig_flags(&desc, SVART_DSA_FLAG_CHECK_RESULT, SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR);
	desc.op_specific[0] = 1;
	rig_do(r, 0, &desc);
	assert_int_equal(rig_reg(r, SVART_DSA_SWERR_OFF), 0);
}

/* --- What is refused ------------------------------------------------------------------------------ */

static void test_dualcast_destinations_lie_alike_and_apart(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc =
		describe(r, SVART_DSA_OP_DUALCAST, rig_page(SRC_PAGE), rig_page(DST_PAGE), 8192);

	desc.op_specific[0] = rig_page(THIRD_PAGE) + 1;
	expect_refused(r, desc, SVART_DSA_STATUS_DUALCAST_ALIGN);
	desc.op_specific[0] = rig_page(DST_PAGE + 1);
	expect_refused(r, desc, SVART_DSA_STATUS_OVERLAP);
	desc.op_specific[0] = rig_page(SRC_PAGE + 1);
	expect_refused(r, desc, SVART_DSA_STATUS_OVERLAP);
}

static void test_delta_records_have_sizes_and_alignments(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc good = describe(
		r, SVART_DSA_OP_CREATE_DELTA, rig_page(SRC_PAGE), rig_page(DST_PAGE), 4096);
	struct svart_dsa_desc bad;

	good.op_specific[0] = rig_page(THIRD_PAGE);
	good.op_specific[1] = 80;
	bad = good;
	bad.size = 4095;
	expect_refused(r, bad, SVART_DSA_STATUS_BAD_SIZE);
	bad.size = SVART_DELTA_MAX_BYTES + 8;
	expect_refused(r, bad, SVART_DSA_STATUS_BAD_SIZE);
	bad = good;
	bad.src += 4;
	expect_refused(r, bad, SVART_DSA_STATUS_ADDRESS_ALIGN);
	bad = good;
	bad.op_specific[1] = 79;
	expect_refused(r, bad, SVART_DSA_STATUS_BAD_DELTA_SIZE);
	bad = good;
	bad.op_specific[0] = bad.dst + 4088;
	expect_refused(r, bad, SVART_DSA_STATUS_OVERLAP);
	expect(r, &good, SVART_DSA_STATUS_SUCCESS);
}

/* Offsets in units of 8 bytes: one that goes back, one that is outside. */
static void test_delta_record_that_is_wrong_ends_the_operation(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc desc =
		describe(r, SVART_DSA_OP_APPLY_DELTA, rig_page(SRC_PAGE), rig_page(DST_PAGE), 4096);
	uint8_t record[20] = { 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 3, 0 };
	struct svart_dsa_record ended;

	desc.op_specific[0] = sizeof(record);
	rig_write(r, desc.src, record, sizeof(record));
	ended = expect(r, &desc, SVART_DSA_STATUS_DELTA_OFFSET_ORDER);
	assert_int_equal(ended.bytes_completed, 10);
	assert_memory_equal(rig_at(r, desc.dst + 24), record + 2, 8);
	record[11] = 2;
	rig_write(r, desc.src, record, sizeof(record));
	ended = expect(r, &desc, SVART_DSA_STATUS_DELTA_OFFSET_RANGE);
	assert_int_equal(ended.bytes_completed, 10);
	desc.op_specific[0] = 19;
	expect_refused(r, desc, SVART_DSA_STATUS_BAD_DELTA_SIZE);
}

static void test_dif_error_names_the_field_and_the_block(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc insert = describe(
		r, SVART_DSA_OP_DIF_INSERT, rig_page(SRC_PAGE), rig_page(DST_PAGE), 4 * 512);
	struct svart_dsa_desc check =
		describe(r, SVART_DSA_OP_DIF_CHECK, rig_page(DST_PAGE), 0, 4 * 520);
	static const unsigned int errors[] = { SVART_DIF_ERROR_GUARD, SVART_DIF_ERROR_GUARD,
		SVART_DIF_ERROR_APP, SVART_DIF_ERROR_APP, SVART_DIF_ERROR_REF };

	insert.op_specific[2] = UINT64_C(0x1234000000000007);
	check.op_specific[1] = insert.op_specific[2];
	expect(r, &insert, SVART_DSA_STATUS_SUCCESS);
	expect(r, &check, SVART_DSA_STATUS_SUCCESS);
	for (size_t i = 0; i < SVART_ARRAY_SIZE(errors); i++) {
		uint8_t *field = rig_at(r, check.src + 2 * 520 + 512 + i);
		struct svart_dsa_record record;

		*field ^= 0x10;
		record = expect(r, &check, SVART_DSA_STATUS_DIF_ERROR);
		assert_int_equal(record.result, errors[i]);
		assert_int_equal(record.bytes_completed, 2 * 520);
		*field ^= 0x10;
	}
	check.size = 4 * 520 - 1;
	expect_refused(r, check, SVART_DSA_STATUS_BAD_SIZE);
}

/* A block of 4104 bytes and its tuple is in three pages here: it is asked for at once, or not done. */
static void test_block_over_three_pages_is_whole(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc insert = describe(r, SVART_DSA_OP_DIF_INSERT,
		rig_page(SRC_PAGE) + 4092, rig_page(DST_PAGE) + 4092, 4104);
	struct svart_dsa_record record;

	insert.op_specific[0] = DIF_4104 << 16;
	rig_flags(&insert, 0, SVART_DSA_FLAG_BOF);
	rig_map(r, DST_PAGE + 2, 1, RIG_R);
	record = expect(
		r, &insert, SVART_DSA_STATUS_PAGE_FAULT | (unsigned int)SVART_DSA_STATUS_WRITE);
	assert_int_equal(record.bytes_completed, 0);
	assert_int_equal(record.fault_addr, rig_page(DST_PAGE + 2));
	rig_map(r, DST_PAGE + 2, 1, RIG_RW);
	expect(r, &insert, SVART_DSA_STATUS_SUCCESS);
}

/* --- In a batch ----------------------------------------------------------------------------------- */

static void test_batch_of_what_computes_tells_each_result(void **state)
{
	struct rig *r = *state;
	struct svart_dsa_desc list[2], batch = rig_batch(r, 0, rig_page(THIRD_PAGE), 2);
	uint32_t crc;

	list[0] = describe(r, SVART_DSA_OP_CRC, rig_page(SRC_PAGE), 0, 5000);
	list[1] = describe(
		r, SVART_DSA_OP_COMPARE, rig_page(SRC_PAGE), rig_page(SRC_PAGE) + 4096, 4096);
	*rig_at(r, rig_page(SRC_PAGE) + 9) = 1;
	crc = svart_op_crc32c(0, draw_flat(r, 0, rig_page(SRC_PAGE)), 5000, 0);
	for (unsigned int i = 0; i < 2; i++)
		list[i].completion_addr = rig_record_va(1 + i);
	rig_write(r, rig_page(THIRD_PAGE), list, sizeof(list));
	expect(r, &batch, SVART_DSA_STATUS_SUCCESS);
	assert_int_equal(rig_record(r, 1).op_specific[0], crc);
	assert_int_equal(rig_record(r, 2).result, 1);
	assert_int_equal(rig_record(r, 2).bytes_completed, 9);
}

#define WORK_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORK_TEST(test_compare_tells_the_first_difference),
		WORK_TEST(test_compare_with_a_pattern_goes_on_with_it_in_each_page),
		WORK_TEST(test_result_that_is_not_expected_is_status_2),
		WORK_TEST(test_operations_do_what_the_reference_does),
		WORK_TEST(test_operations_wait_for_pages_and_do_the_same),
		WORK_TEST(test_operations_by_untranslated_requests_do_the_same),
		WORK_TEST(test_crc_goes_on_where_a_page_was_missing),
		WORK_TEST(test_fault_of_each_operand_is_told),
		WORK_TEST(test_delta_record_is_touched_only_to_write_it),
		WORK_TEST(test_unit_asks_once_for_each_of_its_pages),
		WORK_TEST(test_operands_around_the_end_of_memory_fault),
		WORK_TEST(test_fault_without_a_record_tells_swerr_no_flags),
		WORK_TEST(test_result_that_is_not_expected_is_no_error_for_swerr),
		WORK_TEST(test_dualcast_destinations_lie_alike_and_apart),
		WORK_TEST(test_delta_records_have_sizes_and_alignments),
		WORK_TEST(test_delta_record_that_is_wrong_ends_the_operation),
		WORK_TEST(test_dif_error_names_the_field_and_the_block),
		WORK_TEST(test_block_over_three_pages_is_whole),
		WORK_TEST(test_batch_of_what_computes_tells_each_result),
	};

	return cmocka_run_group_tests_name("dsa_work", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "op_delta.h"
#include "random.h"

#define WORDS        64
#define BUF_BYTES    (WORDS * SVART_DELTA_WORD_BYTES)
#define RECORD_BYTES (WORDS * SVART_DELTA_ENTRY_BYTES)
#define ROUNDS       5000

static unsigned char src1[BUF_BYTES], src2[BUF_BYTES], dst[BUF_BYTES];
static unsigned char record[RECORD_BYTES], parts[RECORD_BYTES];

/* Two sources of which about one word in `rarity` + 1 differs. */
static void make_sources(uint64_t *random, size_t rarity)
{
	random_bytes(random, src1, sizeof(src1));
	memcpy(src2, src1, sizeof(src2));
	for (size_t i = 0; i < WORDS; i++)
		if (random_upto(random, rarity) == 0)
			src2[i * 8 + random_upto(random, 7)] ^= 0x40;
}

/* From the layout in op_delta.h. Returns the bytes of the record, and in *stop those it tells of. */
static size_t reference_create(unsigned char *to, size_t max, size_t *stop)
{
	size_t made = 0, i;

	for (i = 0; i < WORDS; i++) {
		if (memcmp(src1 + i * 8, src2 + i * 8, 8) == 0)
			continue;
		if (made + 10 > max)
			break;
		to[made] = (unsigned char)i;
		to[made + 1] = (unsigned char)(i >> 8);
		memcpy(to + made + 2, src2 + i * 8, 8);
		made += 10;
	}
	*stop = i * 8;
	return made;
}

static struct svart_op_delta_create create_at_once(unsigned char *to, uint32_t max)
{
	struct svart_op_delta_create create = { .max_bytes = max };

	svart_op_delta_create(&create, src1, src2, BUF_BYTES, to, RECORD_BYTES);
	return create;
}

static void create_in_parts(
	struct svart_op_delta_create *create, unsigned char *to, uint64_t *random)
{
	while (create->too_small == 0 &&
		(create->src_bytes < BUF_BYTES || create->entry_left != 0)) {
		size_t words = random_upto(random, (BUF_BYTES - create->src_bytes) / 8);
		size_t room = random_upto(random, RECORD_BYTES - create->record_bytes);
		uint32_t before = create->record_bytes;

		svart_op_delta_create(create, src1 + create->src_bytes, src2 + create->src_bytes,
			words * 8, to + before, room);
		assert_true(create->record_bytes - before <= room);
	}
}

static enum svart_delta_apply apply(const void *from, size_t len, uint32_t dst_bytes, size_t *done)
{
	const struct svart_delta_window all = { dst, 0, sizeof(dst) };
	struct svart_op_delta_apply op = { .dst_bytes = dst_bytes };
	enum svart_delta_apply state = svart_op_delta_apply(&op, from, len, &all);

	*done = svart_op_delta_applied_bytes(&op);
	return state;
}

static void test_delta_create_of_equal_sources_is_empty(void **state)
{
	struct svart_op_delta_create create;

	(void)state;
	memset(src1, 5, sizeof(src1));
	memset(src2, 5, sizeof(src2));
	create = create_at_once(record, 0);
	assert_int_equal(svart_op_delta_result(&create), SVART_DELTA_EQUAL);
	assert_int_equal(create.record_bytes, 0);
	assert_int_equal(create.src_bytes, BUF_BYTES);
}

static void test_delta_create_writes_the_second_source_little_endian(void **state)
{
	static const unsigned char want[] = { 3, 0, 9, 9, 9, 9, 9, 9, 9, 7 };
	struct svart_op_delta_create create;

	(void)state;
	memset(src1, 9, sizeof(src1));
	memset(src2, 9, sizeof(src2));
	src2[31] = 7;
	create = create_at_once(record, RECORD_BYTES);
	assert_int_equal(svart_op_delta_result(&create), SVART_DELTA_DIFFERS);
	assert_int_equal(create.record_bytes, sizeof(want));
	assert_memory_equal(record, want, sizeof(want));
}

static void test_delta_create_reaches_the_last_word_that_an_offset_names(void **state)
{
	struct svart_op_delta_create create = { .max_bytes = 10,
		.src_bytes = SVART_DELTA_MAX_BYTES - SVART_DELTA_WORD_BYTES };

	(void)state;
	memset(src1, 0, 8);
	memset(src2, 1, 8);
	svart_op_delta_create(&create, src1, src2, 8, record, sizeof(record));
	assert_int_equal(create.src_bytes, SVART_DELTA_MAX_BYTES);
	assert_int_equal(record[0], 0xff);
	assert_int_equal(record[1], 0xff);
}

static void test_delta_create_equals_the_reference_also_if_the_record_is_too_small(void **state)
{
	uint64_t random = seed_from_env();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t max = (uint32_t)random_upto(&random, RECORD_BYTES);
		struct svart_op_delta_create create;
		unsigned char want[RECORD_BYTES];
		size_t stop, len;

		make_sources(&random, random_upto(&random, 20));
		len = reference_create(want, max, &stop);
		create = create_at_once(record, max);
		assert_int_equal(create.record_bytes, len);
		assert_memory_equal(record, want, len);
		assert_int_equal(create.src_bytes, stop);
		assert_int_equal(svart_op_delta_result(&create), stop < BUF_BYTES
									 ? SVART_DELTA_TOO_SMALL
								 : len == 0 ? SVART_DELTA_EQUAL
									    : SVART_DELTA_DIFFERS);
	}
}

static void test_delta_create_in_parts_equals_create_at_once(void **state)
{
	uint64_t random = seed_from_env();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t max = (uint32_t)random_upto(&random, RECORD_BYTES);
		struct svart_op_delta_create once, some = { .max_bytes = max };

		make_sources(&random, random_upto(&random, 20));
		once = create_at_once(record, max);
		create_in_parts(&some, parts, &random);
		assert_int_equal(some.record_bytes, once.record_bytes);
		assert_memory_equal(parts, record, once.record_bytes);
		assert_int_equal(some.src_bytes, once.src_bytes);
		assert_int_equal(svart_op_delta_result(&some), svart_op_delta_result(&once));
	}
}

static void test_delta_create_that_breaks_off_says_what_is_whole(void **state)
{
	struct svart_op_delta_create create = { .max_bytes = RECORD_BYTES };

	(void)state;
	memset(src1, 0, sizeof(src1));
	memset(src2, 1, sizeof(src2));
	svart_op_delta_create(&create, src1, src2, BUF_BYTES, record, 25);
	assert_int_equal(create.record_bytes, 25);
	assert_int_equal(svart_op_delta_whole_bytes(&create), 20);
	assert_int_equal(svart_op_delta_done_bytes(&create), 16);
	svart_op_delta_create(&create, src1, src2, 0, record, 5);
	assert_int_equal(svart_op_delta_whole_bytes(&create), 30);
	assert_int_equal(svart_op_delta_done_bytes(&create), 24);
}

static void test_delta_apply_of_a_created_record_makes_the_second_source(void **state)
{
	uint64_t random = seed_from_env();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct svart_op_delta_create create;
		size_t done;

		make_sources(&random, random_upto(&random, 20));
		create = create_at_once(record, RECORD_BYTES);
		memcpy(dst, src1, sizeof(dst));
		assert_int_equal(
			apply(record, create.record_bytes, BUF_BYTES, &done), SVART_DELTA_APPLIED);
		assert_int_equal(done, create.record_bytes);
		assert_memory_equal(dst, src2, sizeof(dst));
	}
}

/* Applies the record to a copy of src1, by parts of it and by windows of the destination. */
static void apply_in_parts(uint64_t *random, uint32_t record_bytes)
{
	struct svart_op_delta_apply op = { .dst_bytes = BUF_BYTES };
	struct svart_delta_window window = { dst, 0, 0 };
	enum svart_delta_apply got;

	memcpy(dst, src1, sizeof(dst));
	while (op.record_bytes < record_bytes || op.entry_bytes != 0) {
		unsigned char piece[RECORD_BYTES];
		size_t len = random_upto(random, record_bytes - op.record_bytes);

		memcpy(piece, record + op.record_bytes, len);
		got = svart_op_delta_apply(&op, piece, len, &window);
		if (got == SVART_DELTA_APPLIED)
			continue;
		assert_int_equal(got, SVART_DELTA_OUTSIDE);
		assert_int_equal(op.entry_bytes, SVART_DELTA_ENTRY_BYTES);
		window.offset = op.offset - op.offset % (8 << random_upto(random, 3));
		window.bytes = dst + window.offset;
		window.len = op.offset - window.offset + 8;
	}
	assert_int_equal(svart_op_delta_applied_bytes(&op), record_bytes);
}

static void test_delta_apply_in_parts_equals_apply_at_once(void **state)
{
	uint64_t random = seed_from_env();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		make_sources(&random, random_upto(&random, 20));
		apply_in_parts(&random, create_at_once(record, RECORD_BYTES).record_bytes);
		assert_memory_equal(dst, src2, sizeof(dst));
	}
}

static void set_entry(size_t at, unsigned int number, unsigned char fill)
{
	record[at * 10] = (unsigned char)number;
	record[at * 10 + 1] = (unsigned char)(number >> 8);
	memset(record + at * 10 + 2, fill, 8);
}

static void test_delta_apply_ends_at_an_offset_that_does_not_increase(void **state)
{
	size_t done;

	(void)state;
	for (unsigned int second = 0; second <= 5; second++) {
		memset(dst, 0, sizeof(dst));
		set_entry(0, 5, 1);
		set_entry(1, second, 2);
		assert_int_equal(apply(record, 20, BUF_BYTES, &done), SVART_DELTA_NOT_INCREASING);
		assert_int_equal(done, 10);
		assert_int_equal(dst[40], 1);
		assert_int_equal(dst[second * 8], second == 5 ? 1 : 0);
	}
}

static void test_delta_apply_ends_at_an_offset_out_of_range(void **state)
{
	size_t done;

	(void)state;
	memset(dst, 0, sizeof(dst));
	set_entry(0, 2, 1);
	set_entry(1, 3, 2);
	assert_int_equal(apply(record, 20, 32, &done), SVART_DELTA_APPLIED);
	memset(dst, 0, sizeof(dst));
	for (uint32_t bytes = 24; bytes < 32; bytes++) {
		assert_int_equal(apply(record, 20, bytes, &done), SVART_DELTA_OUT_OF_RANGE);
		assert_int_equal(done, 10);
		assert_int_equal(dst[24], 0);
	}
	assert_int_equal(apply(record, 20, 7, &done), SVART_DELTA_OUT_OF_RANGE);
	assert_int_equal(done, 0);
	set_entry(0, UINT16_MAX, 1);
	assert_int_equal(
		apply(record, 10, SVART_DELTA_MAX_BYTES - 1, &done), SVART_DELTA_OUT_OF_RANGE);
	assert_int_equal(apply(record, 10, SVART_DELTA_MAX_BYTES, &done), SVART_DELTA_OUTSIDE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delta_create_of_equal_sources_is_empty),
		cmocka_unit_test(test_delta_create_writes_the_second_source_little_endian),
		cmocka_unit_test(test_delta_create_reaches_the_last_word_that_an_offset_names),
		cmocka_unit_test(
			test_delta_create_equals_the_reference_also_if_the_record_is_too_small),
		cmocka_unit_test(test_delta_create_in_parts_equals_create_at_once),
		cmocka_unit_test(test_delta_create_that_breaks_off_says_what_is_whole),
		cmocka_unit_test(test_delta_apply_of_a_created_record_makes_the_second_source),
		cmocka_unit_test(test_delta_apply_in_parts_equals_apply_at_once),
		cmocka_unit_test(test_delta_apply_ends_at_an_offset_that_does_not_increase),
		cmocka_unit_test(test_delta_apply_ends_at_an_offset_out_of_range),
	};

	return cmocka_run_group_tests_name("op_delta", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "op_dif.h"
#include "random.h"

#define MAX_BLOCKS 4
#define STRIDE     4112 /* Of the largest block, with its tuple. */
#define BUF_BYTES  (MAX_BLOCKS * STRIDE)
#define ROUNDS     300
#define PAGE_BYTES 4096

static const uint32_t sizes[] = { 512, 520, 4096, 4104 };
static const enum svart_dif_kind kinds[] = { SVART_DIF_CHECK, SVART_DIF_INSERT, SVART_DIF_STRIP,
	SVART_DIF_UPDATE, SVART_DIF_DIX_GENERATE };

static unsigned char plain[BUF_BYTES], with[BUF_BYTES], out[BUF_BYTES], again[BUF_BYTES];

/* --- A reference, bit by bit and field by field, from the definitions in op_dif.h --------------- */

static uint16_t reference_guard(const unsigned char *data, size_t len, unsigned int flags)
{
	uint32_t crc = (flags & SVART_DIF_INVERT_SEED) != 0 ? 0xffff : 0;

	for (size_t i = 0; i < len * 8; i++) {
		unsigned int bit = (unsigned int)data[i / 8] >> (7 - i % 8) & 1;

		crc = (crc << 1 ^ ((crc >> 15 & 1) != bit ? 0x8bb7u : 0)) & 0xffff;
	}
	return (uint16_t)((flags & SVART_DIF_INVERT_RESULT) != 0 ? ~crc : crc);
}

static void reference_tuple(unsigned char *to, uint16_t guard, uint16_t app, uint32_t ref)
{
	to[0] = (unsigned char)(guard >> 8);
	to[1] = (unsigned char)guard;
	to[2] = (unsigned char)(app >> 8);
	to[3] = (unsigned char)app;
	for (int i = 0; i < 4; i++)
		to[4 + i] = (unsigned char)(ref >> (24 - 8 * i));
}

/* Where block i's tuple is, in blocks with tuples. */
static unsigned char *tuple_of(unsigned char *blocks, uint32_t size, unsigned int i)
{
	return blocks + i * (size + 8) + size;
}

/* Puts tuples between the blocks of `plain`. */
static void reference_insert(unsigned char *to, unsigned int blocks, struct svart_op_dif how)
{
	uint32_t size = sizes[how.flags & 3];

	for (unsigned int i = 0; i < blocks; i++) {
		uint32_t ref = how.dst.ref + ((how.dst_flags & SVART_DIF_DST_REF_FIXED) ? 0 : i);
		unsigned int app =
			how.dst.app + ((how.dst_flags & SVART_DIF_DST_APP_INCREMENTS) ? i : 0);

		memcpy(to + i * (size + 8), plain + i * size, size);
		reference_tuple(tuple_of(to, size, i),
			reference_guard(plain + i * size, size, how.flags),
			(uint16_t)(app & ~(unsigned int)how.dst.app_mask), ref);
	}
}

/* --- What the tests share ----------------------------------------------------------------------- */

/* An operation of any flags, of which inserting makes what checking expects, but for escapes. */
static struct svart_op_dif any_operation(uint64_t *random)
{
	struct svart_op_dif dif = { .flags = (uint8_t)random_upto(random, 15) };

	dif.src.ref = dif.dst.ref = (uint32_t)next_random(random);
	dif.src.app = dif.dst.app = (uint16_t)next_random(random);
	dif.src.app_mask = dif.dst.app_mask = (uint16_t)(next_random(random) & next_random(random));
	if (random_upto(random, 1) == 1) {
		dif.src_flags |= SVART_DIF_SRC_REF_FIXED;
		dif.dst_flags |= SVART_DIF_DST_REF_FIXED;
	}
	if (random_upto(random, 1) == 1) {
		dif.src_flags |= SVART_DIF_SRC_APP_INCREMENTS;
		dif.dst_flags |= SVART_DIF_DST_APP_INCREMENTS;
	}
	return dif;
}

/* The source of a kind, and its bytes. */
static const unsigned char *source_of(enum svart_dif_kind kind)
{
	return (kind & SVART_DIF_READS_TUPLES) != 0 ? with : plain;
}

static bool run(
	struct svart_op_dif *dif, enum svart_dif_kind kind, unsigned int blocks, unsigned char *to)
{
	return svart_op_dif(dif, kind, source_of(kind),
		(size_t)blocks * svart_op_dif_src_bytes(kind, dif->flags), to,
		(size_t)blocks * svart_op_dif_dst_bytes(kind, dif->flags));
}

static bool run_in_parts(uint64_t *random, struct svart_op_dif *dif, enum svart_dif_kind kind,
	unsigned int blocks, unsigned char *to)
{
	uint64_t src_bytes = (uint64_t)blocks * svart_op_dif_src_bytes(kind, dif->flags);
	uint64_t dst_bytes = (uint64_t)blocks * svart_op_dif_dst_bytes(kind, dif->flags);

	while (dif->error == 0 && (dif->src_bytes < src_bytes || dif->dst_bytes < dst_bytes)) {
		size_t most = random_upto(random, 1) == 1 ? 12 : BUF_BYTES;
		uint64_t src_len = random_upto(random, most), dst_len = random_upto(random, most);
		uint64_t src_at = dif->src_bytes, dst_at = dif->dst_bytes;

		src_len = src_len < src_bytes - src_at ? src_len : src_bytes - src_at;
		dst_len = dst_len < dst_bytes - dst_at ? dst_len : dst_bytes - dst_at;
		svart_op_dif(dif, kind, source_of(kind) + src_at, src_len, to + dst_at, dst_len);
		assert_true(dif->src_bytes - src_at <= src_len);
		assert_true(dif->dst_bytes - dst_at <= dst_len);
	}
	return dif->error == 0;
}

/* Makes blocks with tuples in `with`, of any operation. */
static struct svart_op_dif make_blocks(uint64_t *random, unsigned int *blocks)
{
	struct svart_op_dif dif = any_operation(random);

	*blocks = 1 + (unsigned int)random_upto(random, MAX_BLOCKS - 1);
	random_bytes(random, plain, *blocks * sizes[dif.flags & 3]);
	reference_insert(with, *blocks, dif);
	return dif;
}

/* --- Known answers ------------------------------------------------------------------------------ */

static void test_dif_guard_of_the_check_string_is_the_catalogue_s(void **state)
{
	(void)state;
	/* "CRC-16/T10-DIF" in the catalogue of parametrised CRC algorithms. */
	assert_int_equal(reference_guard((const unsigned char *)"123456789", 9, 0), 0xd0db);
}

static void test_dif_of_the_check_string_at_a_block_s_end_has_its_guard(void **state)
{
	static const unsigned char want[8] = { 0xd0, 0xdb, 0x12, 0x34, 0x89, 0xab, 0xcd, 0xef };
	struct svart_op_dif dif = { .dst = { .ref = 0x89abcdef, .app = 0x1234 } };

	(void)state;
	/* Zeros in front do not change a CRC that begins with 0. */
	memset(plain, 0, 512);
	memcpy(plain + 512 - 9, "123456789", 9);
	svart_op_dif_insert(&dif, plain, 512, out, 520);
	assert_memory_equal(out + 512, want, sizeof(want));
	assert_int_equal(dif.blocks, 1);
	assert_int_equal(dif.dst.ref, 0x89abcdf0);
	assert_int_equal(dif.dst.app, 0x1234);
}

static void test_dif_sizes_are_those_of_the_operations(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t size = sizes[i];

		assert_int_equal(svart_op_dif_block_bytes(i | SVART_DIF_INVERT_SEED), size);
		assert_int_equal(svart_op_dif_src_bytes(SVART_DIF_CHECK, i), size + 8);
		assert_int_equal(svart_op_dif_dst_bytes(SVART_DIF_CHECK, i), 0);
		assert_int_equal(svart_op_dif_src_bytes(SVART_DIF_INSERT, i), size);
		assert_int_equal(svart_op_dif_dst_bytes(SVART_DIF_INSERT, i), size + 8);
		assert_int_equal(svart_op_dif_src_bytes(SVART_DIF_STRIP, i), size + 8);
		assert_int_equal(svart_op_dif_dst_bytes(SVART_DIF_STRIP, i), size);
		assert_int_equal(svart_op_dif_src_bytes(SVART_DIF_UPDATE, i), size + 8);
		assert_int_equal(svart_op_dif_dst_bytes(SVART_DIF_UPDATE, i), size + 8);
		assert_int_equal(svart_op_dif_src_bytes(SVART_DIF_DIX_GENERATE, i), size);
		assert_int_equal(svart_op_dif_dst_bytes(SVART_DIF_DIX_GENERATE, i), 8);
	}
}

/* --- Properties --------------------------------------------------------------------------------- */

static void test_dif_insert_equals_the_reference(void **state)
{
	uint64_t random = seed_from_env();
	unsigned int blocks;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct svart_op_dif dif = make_blocks(&random, &blocks);

		assert_true(run(&dif, SVART_DIF_INSERT, blocks, out));
		assert_memory_equal(out, with, dif.dst_bytes);
		assert_int_equal(dif.blocks, blocks);
		assert_int_equal(
			svart_op_dif_done_src_bytes(&dif, SVART_DIF_INSERT), dif.src_bytes);
		assert_int_equal(
			svart_op_dif_done_dst_bytes(&dif, SVART_DIF_INSERT), dif.dst_bytes);
	}
}

static void test_dif_check_and_strip_of_inserted_blocks_are_good(void **state)
{
	uint64_t random = seed_from_env();
	unsigned int blocks;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct svart_op_dif check = make_blocks(&random, &blocks), strip = check;

		assert_true(svart_op_dif_check(
			&check, with, (size_t)blocks * (sizes[check.flags & 3] + 8)));
		assert_int_equal(check.blocks, blocks);
		assert_true(run(&strip, SVART_DIF_STRIP, blocks, out));
		assert_int_equal(strip.dst_bytes, blocks * sizes[strip.flags & 3]);
		assert_memory_equal(out, plain, strip.dst_bytes);
	}
}

static void test_dif_dix_generates_the_tuples_that_insert_does(void **state)
{
	uint64_t random = seed_from_env();
	unsigned int blocks;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct svart_op_dif dif = make_blocks(&random, &blocks);

		run(&dif, SVART_DIF_DIX_GENERATE, blocks, out);
		assert_int_equal(dif.dst_bytes, blocks * 8);
		for (unsigned int i = 0; i < blocks; i++)
			assert_memory_equal(
				out + i * 8, tuple_of(with, sizes[dif.flags & 3], i), 8);
	}
}

static void test_dif_update_makes_new_tuples_but_for_what_passes(void **state)
{
	uint64_t random = seed_from_env();
	unsigned int blocks;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct svart_op_dif dif = make_blocks(&random, &blocks), fresh;
		uint32_t size = sizes[dif.flags & 3];
		unsigned int passes = (unsigned int)next_random(&random) & 0x68;

		dif.src_flags |= (uint8_t)(next_random(&random) & SVART_DIF_SRC_NO_GUARD_CHECK);
		dif.dst.ref = (uint32_t)next_random(&random);
		dif.dst.app = (uint16_t)next_random(&random);
		dif.dst.app_mask = (uint16_t)next_random(&random);
		dif.dst_flags ^= (uint8_t)(next_random(&random) & 0x90);
		fresh = dif;
		dif.dst_flags |= (uint8_t)passes;
		reference_insert(again, blocks, fresh);
		for (unsigned int i = 0; i < blocks; i++) {
			unsigned char *want = tuple_of(again, size, i);
			const unsigned char *old = tuple_of(with, size, i);

			if ((passes & SVART_DIF_DST_GUARD_PASSES) != 0)
				memcpy(want, old, 2);
			if ((passes & SVART_DIF_DST_APP_PASSES) != 0)
				memcpy(want + 2, old + 2, 2);
			if ((passes & SVART_DIF_DST_REF_PASSES) != 0)
				memcpy(want + 4, old + 4, 4);
		}
		assert_true(run(&dif, SVART_DIF_UPDATE, blocks, out));
		assert_memory_equal(out, again, dif.dst_bytes);
	}
}

static void test_dif_flags_of_passing_mean_nothing_to_insert(void **state)
{
	struct svart_op_dif dif = { .dst = { .ref = 3, .app = 4 }, .dst_flags = 0x68 };

	(void)state;
	memset(plain, 7, 512);
	reference_insert(with, 1, (struct svart_op_dif){ .dst = dif.dst });
	assert_true(run(&dif, SVART_DIF_INSERT, 1, out));
	assert_memory_equal(out, with, 520);
}

static void test_dif_tags_after_a_part_are_those_of_the_next_block(void **state)
{
	struct svart_op_dif dif = {
		.src = { .ref = UINT32_MAX, .app = UINT16_MAX },
		.src_flags = SVART_DIF_SRC_APP_INCREMENTS | SVART_DIF_SRC_NO_GUARD_CHECK,
		.dst = { .ref = 7, .app = 9 },
		.dst_flags = SVART_DIF_DST_REF_FIXED,
	};

	(void)state;
	memset(with, 0, 2 * 520);
	reference_tuple(with + 512, 0, UINT16_MAX, UINT32_MAX);
	assert_true(svart_op_dif_update(&dif, with, 2 * 520 - 1, out, 2 * 520));
	assert_int_equal(dif.blocks, 1);
	assert_int_equal(dif.src.ref, 0);
	assert_int_equal(dif.src.app, 0);
	assert_int_equal(dif.dst.ref, 7);
	assert_int_equal(dif.dst.app, 9);
	assert_int_equal(svart_op_dif_done_src_bytes(&dif, SVART_DIF_UPDATE), 520);
	assert_true(svart_op_dif_update(&dif, with + dif.src_bytes, 1, out + dif.dst_bytes, 8));
	assert_int_equal(dif.blocks, 2);
	assert_int_equal(dif.src.ref, 1);
	assert_int_equal(dif.src.app, 1);
}

static void test_dif_in_parts_equals_dif_at_once(void **state)
{
	uint64_t random = seed_from_env();
	unsigned int blocks;

	(void)state;
	for (int round = 0; round < 5 * ROUNDS; round++) {
		enum svart_dif_kind kind = kinds[(unsigned int)round % 5];
		struct svart_op_dif once = make_blocks(&random, &blocks), some;
		bool good;

		/* Some of them with an error, which ends both at one place. */
		if (random_upto(&random, 3) == 0)
			with[random_upto(&random, blocks * (sizes[once.flags & 3] + 8) - 1)] ^= 32;
		once.dst_flags |= (uint8_t)(next_random(&random) & 0x68);
		some = once;
		good = run(&once, kind, blocks, out);
		assert_int_equal(run_in_parts(&random, &some, kind, blocks, again), good);
		assert_int_equal(some.error, once.error);
		assert_int_equal(some.blocks, once.blocks);
		assert_int_equal(some.src_bytes, once.src_bytes);
		assert_int_equal(some.dst_bytes, once.dst_bytes);
		assert_memory_equal(again, out, once.dst_bytes);
		assert_memory_equal(&some.src, &once.src, sizeof(some.src));
		assert_memory_equal(&some.dst, &once.dst, sizeof(some.dst));
	}
}

/* --- Errors ------------------------------------------------------------------------------------- */

static void test_dif_check_finds_a_flipped_bit_anywhere(void **state)
{
	uint64_t random = seed_from_env();
	unsigned int blocks;

	(void)state;
	for (int round = 0; round < 2 * ROUNDS; round++) {
		struct svart_op_dif dif = make_blocks(&random, &blocks);
		uint32_t size = sizes[dif.flags & 3], in_block;
		unsigned int bad = (unsigned int)random_upto(&random, blocks - 1), want;

		dif.src.app_mask = 0;
		dif.dst.app_mask = 0;
		reference_insert(with, blocks, dif);
		/* Every second time in a tuple. */
		in_block = (uint32_t)(round % 2 == 0 ? random_upto(&random, size - 1)
						     : size + random_upto(&random, 7));
		with[bad * (size + 8) + in_block] ^= (unsigned char)(1u << random_upto(&random, 7));
		want = in_block < size + 2   ? SVART_DIF_ERROR_GUARD
		       : in_block < size + 4 ? SVART_DIF_ERROR_APP
					     : SVART_DIF_ERROR_REF;
		assert_false(svart_op_dif_check(&dif, with, (size_t)blocks * (size + 8)));
		assert_int_equal(dif.error, want);
		assert_int_equal(dif.blocks, bad);
		assert_int_equal(
			svart_op_dif_done_src_bytes(&dif, SVART_DIF_CHECK), bad * (size + 8));
	}
}

static void test_dif_after_an_error_does_nothing_more(void **state)
{
	struct svart_op_dif dif = { .src = { .ref = 1 } }, before;

	(void)state;
	memset(with, 0, 520);
	assert_false(svart_op_dif_strip(&dif, with, 520, out, 512));
	assert_int_equal(dif.error, SVART_DIF_ERROR_REF);
	before = dif;
	assert_false(svart_op_dif_strip(&dif, with, 520, out, 512));
	assert_int_equal(dif.src_bytes, before.src_bytes);
	assert_int_equal(dif.dst_bytes, before.dst_bytes);
	assert_int_equal(dif.blocks, 0);
	assert_int_equal(dif.error, SVART_DIF_ERROR_REF);
}

/* The error of a block of zeros whose tuple has these fields, where other tags are expected. */
static unsigned int error_of(
	unsigned int src_flags, uint16_t app_mask, uint16_t guard, uint16_t app, uint32_t ref)
{
	struct svart_op_dif dif = { .src_flags = (uint8_t)src_flags,
		.src = { .ref = 0x11111111, .app = 0x2222, .app_mask = app_mask } };

	memset(with, 0, 512);
	reference_tuple(with + 512, guard, app, ref);
	svart_op_dif_check(&dif, with, 520);
	assert_int_equal(dif.blocks, dif.error == 0 ? 1 : 0);
	return dif.error;
}

#define ALL_ERRORS (SVART_DIF_ERROR_GUARD | SVART_DIF_ERROR_APP | SVART_DIF_ERROR_REF)

static void test_dif_check_looks_at_what_is_not_disabled(void **state)
{
	(void)state;
	assert_int_equal(error_of(0, 0, 0, 0x2222, 0x11111111), 0);
	assert_int_equal(error_of(0, 0, 9, 9, 9), ALL_ERRORS);
	assert_int_equal(error_of(SVART_DIF_SRC_NO_GUARD_CHECK, 0, 9, 9, 9),
		SVART_DIF_ERROR_APP | SVART_DIF_ERROR_REF);
	assert_int_equal(error_of(SVART_DIF_SRC_NO_REF_CHECK, 0, 9, 9, 9),
		SVART_DIF_ERROR_GUARD | SVART_DIF_ERROR_APP);
	assert_int_equal(error_of(0, 0xffff, 9, 9, 9), SVART_DIF_ERROR_GUARD | SVART_DIF_ERROR_REF);
	assert_int_equal(error_of(0, 0x00f0, 0, 0x2252, 0x11111111), 0);
	assert_int_equal(error_of(0, 0x00f0, 0, 0x2253, 0x11111111), SVART_DIF_ERROR_APP);
}

static void test_dif_check_of_ones_escapes_as_the_flags_say(void **state)
{
	const unsigned int app = SVART_DIF_SRC_APP_F, both = SVART_DIF_SRC_APP_REF_F;
	const unsigned int all = SVART_DIF_SRC_ALL_F, error = SVART_DIF_SRC_ALL_F_ERROR;

	(void)state;
	assert_int_equal(error_of(0, 0, 0xffff, 0xffff, UINT32_MAX), ALL_ERRORS);
	assert_int_equal(error_of(app, 0, 9, 0xffff, 9), 0);
	assert_int_equal(error_of(app, 0, 9, 0xfffe, 9), ALL_ERRORS);
	assert_int_equal(error_of(both, 0, 9, 0xffff, UINT32_MAX), 0);
	assert_int_equal(error_of(both, 0, 9, 0xffff, UINT32_MAX - 1), ALL_ERRORS);
	assert_int_equal(error_of(both, 0, 9, 0xfffe, UINT32_MAX), ALL_ERRORS);
	assert_int_equal(error_of(all, 0, 0xffff, 0xffff, UINT32_MAX), 0);
	assert_int_equal(error_of(all, 0, 0xfffe, 0xffff, UINT32_MAX), ALL_ERRORS);
	assert_int_equal(error_of(error, 0, 0xffff, 0xffff, UINT32_MAX), ALL_ERRORS);
	assert_int_equal(
		error_of(all | error, 0, 0xffff, 0xffff, UINT32_MAX), SVART_DIF_ERROR_ALL_F);
	assert_int_equal(error_of(all | error | app | both, 0, 0xffff, 0xffff, UINT32_MAX),
		SVART_DIF_ERROR_ALL_F);
	assert_int_equal(error_of(all | error, 0, 9, 9, 9), ALL_ERRORS);
}

/* --- Ranges ------------------------------------------------------------------------------------- */

/* Pages of which the first and the last are not there. */
static unsigned char *pages_alone(size_t bytes)
{
	unsigned char *pages =
		mmap(NULL, bytes + 2 * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + PAGE_BYTES, bytes, PROT_READ | PROT_WRITE), 0);
	return pages + PAGE_BYTES;
}

static void test_dif_touches_nothing_beside_its_ranges(void **state)
{
	const size_t bytes = 2 * PAGE_BYTES;
	unsigned char *src = pages_alone(bytes), *dst = pages_alone(bytes);

	(void)state;
	for (size_t len = 1; len <= 2 * 520; len++) {
		for (unsigned int i = 0; i < 5; i++) {
			struct svart_op_dif at_end = { .src_flags = SVART_DIF_SRC_NO_REF_CHECK,
				.dst_flags = SVART_DIF_DST_REF_FIXED };
			struct svart_op_dif at_start = at_end;
			size_t room = kinds[i] == SVART_DIF_CHECK ? 0 : len;

			assert_true(svart_op_dif(&at_end, kinds[i], src + bytes - len, len,
				dst + bytes - room, room));
			assert_true(svart_op_dif(&at_start, kinds[i], src, len, dst, room));
		}
	}
	munmap(src - PAGE_BYTES, bytes + 2 * PAGE_BYTES);
	munmap(dst - PAGE_BYTES, bytes + 2 * PAGE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dif_guard_of_the_check_string_is_the_catalogue_s),
		cmocka_unit_test(test_dif_of_the_check_string_at_a_block_s_end_has_its_guard),
		cmocka_unit_test(test_dif_sizes_are_those_of_the_operations),
		cmocka_unit_test(test_dif_insert_equals_the_reference),
		cmocka_unit_test(test_dif_check_and_strip_of_inserted_blocks_are_good),
		cmocka_unit_test(test_dif_dix_generates_the_tuples_that_insert_does),
		cmocka_unit_test(test_dif_update_makes_new_tuples_but_for_what_passes),
		cmocka_unit_test(test_dif_flags_of_passing_mean_nothing_to_insert),
		cmocka_unit_test(test_dif_tags_after_a_part_are_those_of_the_next_block),
		cmocka_unit_test(test_dif_in_parts_equals_dif_at_once),
		cmocka_unit_test(test_dif_check_finds_a_flipped_bit_anywhere),
		cmocka_unit_test(test_dif_after_an_error_does_nothing_more),
		cmocka_unit_test(test_dif_check_looks_at_what_is_not_disabled),
		cmocka_unit_test(test_dif_check_of_ones_escapes_as_the_flags_say),
		cmocka_unit_test(test_dif_touches_nothing_beside_its_ranges),
	};

	return cmocka_run_group_tests_name("op_dif", tests, NULL, NULL);
}

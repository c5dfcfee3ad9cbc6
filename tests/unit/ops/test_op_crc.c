/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "op_crc.h"
#include "random.h"

#define BUF_BYTES  3000
#define ROUNDS     1000
#define PAGE_BYTES 4096
#define ALL_FLAGS  (SVART_CRC_BYPASS_CRC | SVART_CRC_BYPASS_DATA)

static uint32_t reversed(uint32_t value)
{
	uint32_t to = 0;

	for (int bit = 0; bit < 32; bit++)
		to |= (value >> bit & 1) << (31 - bit);
	return to;
}

/* Bit by bit, from the definition in op_crc.h. */
static uint32_t reference_crc(
	uint32_t seed, const unsigned char *src, size_t len, unsigned int flags)
{
	uint32_t reg = (flags & SVART_CRC_BYPASS_CRC) != 0 ? seed : reversed(~seed);

	for (size_t i = 0; i < len * 8; i++) {
		unsigned int bit = i % 8;

		if ((flags & SVART_CRC_BYPASS_DATA) != 0)
			bit = 7 - bit;
		bit = (unsigned int)src[i / 8] >> bit & 1;
		reg = reg << 1 ^ ((reg >> 31 ^ bit) != 0 ? UINT32_C(0x1edc6f41) : 0);
	}
	return (flags & SVART_CRC_BYPASS_CRC) != 0 ? reg : ~reversed(reg);
}

static void test_crc_of_the_check_string_is_the_catalogue_s(void **state)
{
	(void)state;
	/* "CRC-32/ISCSI" in the catalogue of parametrised CRC algorithms. */
	assert_int_equal(svart_op_crc32c(0, "123456789", 9, 0), 0xe3069283);
	assert_int_equal(~svart_op_crc32c_raw(~UINT32_C(0), "123456789", 9), 0xe3069283);
}

static void test_crc_of_rfc_3720_examples_is_as_there(void **state)
{
	/* RFC 3720, B.4, the last one: a SCSI Read (10) command. */
	static const unsigned char command[48] = {
		0x01,
		0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02
	};
	unsigned char data[32] = { 0 };

	(void)state;
	assert_int_equal(svart_op_crc32c(0, data, sizeof(data), 0), 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(svart_op_crc32c(0, data, sizeof(data), 0), 0x62a8ab43);
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)i;
	assert_int_equal(svart_op_crc32c(0, data, sizeof(data), 0), 0x46dd794e);
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(31 - i);
	assert_int_equal(svart_op_crc32c(0, data, sizeof(data), 0), 0x113fdb5c);
	assert_int_equal(svart_op_crc32c(0, command, sizeof(command), 0), 0xd9963a56);
}

static void test_crc_without_any_reflection_is_the_plain_polynomial(void **state)
{
	static const unsigned char one[] = { 0x01 };

	(void)state;
	/* x^32 mod the polynomial is its lower 32 bits. */
	assert_int_equal(svart_op_crc32c(0, one, 1, ALL_FLAGS), 0x1edc6f41);
	assert_int_equal(svart_op_crc32c(0x01000000, "", 1, ALL_FLAGS), 0x1edc6f41);
	assert_int_equal(svart_op_crc32c(0, "\x80", 1, SVART_CRC_BYPASS_CRC), 0x1edc6f41);
}

static void test_crc_of_nothing_is_the_seed(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags <= ALL_FLAGS; flags++)
		assert_int_equal(svart_op_crc32c(0x12345678, "", 0, flags), 0x12345678);
}

static void test_crc_with_any_flags_equals_bit_by_bit(void **state)
{
	uint64_t random = seed_from_env();
	unsigned char buf[BUF_BYTES];

	(void)state;
	random_bytes(&random, buf, sizeof(buf));
	for (int round = 0; round < ROUNDS; round++) {
		unsigned int flags = (unsigned int)random_upto(&random, ALL_FLAGS);
		size_t len = random_upto(&random, random_upto(&random, 1) ? 40 : BUF_BYTES);
		const unsigned char *src = buf + random_upto(&random, BUF_BYTES - len);
		uint32_t seed = (uint32_t)next_random(&random);

		assert_int_equal(svart_op_crc32c(seed, src, len, flags),
			reference_crc(seed, src, len, flags));
	}
}

static void test_crc_in_parts_equals_crc_at_once(void **state)
{
	uint64_t random = seed_from_env();
	unsigned char buf[BUF_BYTES];

	(void)state;
	random_bytes(&random, buf, sizeof(buf));
	for (int round = 0; round < ROUNDS; round++) {
		unsigned int flags = (unsigned int)random_upto(&random, ALL_FLAGS);
		uint32_t seed = (uint32_t)next_random(&random), crc = seed;

		for (size_t at = 0, part; at < BUF_BYTES; at += part) {
			part = random_upto(&random, BUF_BYTES - at);
			crc = svart_op_crc32c(crc, buf + at, part, flags);
		}
		assert_int_equal(crc, svart_op_crc32c(seed, buf, BUF_BYTES, flags));
	}
}

static void test_crc_finds_every_flipped_bit(void **state)
{
	unsigned char buf[64] = "something that is protected";
	uint32_t crc = svart_op_crc32c(0, buf, sizeof(buf), 0);

	(void)state;
	for (size_t bit = 0; bit < sizeof(buf) * 8; bit++) {
		buf[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_int_not_equal(svart_op_crc32c(0, buf, sizeof(buf), 0), crc);
		buf[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

static void test_crc_of_a_copy_copies_and_equals_the_crc(void **state)
{
	static unsigned char src[3 * PAGE_BYTES], dst[3 * PAGE_BYTES], want[3 * PAGE_BYTES];
	uint64_t random = seed_from_env();

	(void)state;
	random_bytes(&random, src, sizeof(src));
	for (int round = 0; round < ROUNDS; round++) {
		unsigned int flags = (unsigned int)random_upto(&random, ALL_FLAGS);
		size_t len = random_upto(&random, sizeof(src));
		size_t from = random_upto(&random, sizeof(src) - len);
		size_t to = random_upto(&random, sizeof(dst) - len);
		size_t first = random_upto(&random, len);
		uint32_t seed = (uint32_t)next_random(&random), crc;

		memcpy(want + to, src + from, len);
		crc = svart_op_copy_crc32c(dst + to, src + from, first, seed, flags);
		crc = svart_op_copy_crc32c(
			dst + to + first, src + from + first, len - first, crc, flags);
		assert_int_equal(crc, svart_op_crc32c(seed, src + from, len, flags));
		assert_memory_equal(dst, want, sizeof(dst));
	}
}

/* Three pages, of which only the one in the middle is there. */
static unsigned char *page_alone(void)
{
	unsigned char *pages =
		mmap(NULL, 3 * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + PAGE_BYTES, PAGE_BYTES, PROT_READ | PROT_WRITE), 0);
	return pages + PAGE_BYTES;
}

static void test_crc_reads_nothing_beside_its_range(void **state)
{
	unsigned char *page = page_alone(), *other = page_alone();

	(void)state;
	for (size_t len = 0; len <= 600; len++) {
		unsigned int flags = len % (ALL_FLAGS + 1);
		unsigned char *end = page + PAGE_BYTES - len;
		uint32_t want = reference_crc(5, page, len, flags);

		assert_int_equal(svart_op_crc32c(5, page, len, flags), want);
		assert_int_equal(svart_op_crc32c(5, end, len, flags), want);
		assert_int_equal(
			svart_op_copy_crc32c(other + PAGE_BYTES - len, end, len, 5, flags), want);
	}
	munmap(page - PAGE_BYTES, 3 * PAGE_BYTES);
	munmap(other - PAGE_BYTES, 3 * PAGE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc_of_the_check_string_is_the_catalogue_s),
		cmocka_unit_test(test_crc_of_rfc_3720_examples_is_as_there),
		cmocka_unit_test(test_crc_without_any_reflection_is_the_plain_polynomial),
		cmocka_unit_test(test_crc_of_nothing_is_the_seed),
		cmocka_unit_test(test_crc_with_any_flags_equals_bit_by_bit),
		cmocka_unit_test(test_crc_in_parts_equals_crc_at_once),
		cmocka_unit_test(test_crc_finds_every_flipped_bit),
		cmocka_unit_test(test_crc_of_a_copy_copies_and_equals_the_crc),
		cmocka_unit_test(test_crc_reads_nothing_beside_its_range),
	};

	return cmocka_run_group_tests_name("op_crc", tests, NULL, NULL);
}

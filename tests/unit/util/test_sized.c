/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "error.h"
#include "sized.h"

/* One structure in three versions: of an older program, of the library, and of a newer program. */
struct old {
	uint32_t size, a;
};

struct thing {
	uint32_t size, a;
	uint64_t b;
};

struct new
{
	uint32_t size, a;
	uint64_t b, c;
};

static const struct svart_sized thing_sized = SVART_SIZED(thing, a, THING_INIT);

static void expect_in(const void *given, uint32_t a, uint64_t b)
{
	struct thing known;

	memset(&known, 0xff, sizeof(known));
	assert_int_equal(svart_sized_in(&thing_sized, &known, given), 0);
	assert_int_equal(known.size, sizeof(known));
	assert_int_equal(known.a, a);
	assert_int_equal(known.b, b);
}

static void expect_refused(uint32_t size, const char *word)
{
	union {
		uint32_t size;
		unsigned char bytes[SVART_SIZED_MAX_BYTES];
	} given = { .size = size }, before = given;
	struct thing known = { 0 };

	assert_int_equal(svart_sized_in(&thing_sized, &known, &given), -EINVAL);
	assert_non_null(strstr(svart_fail_text(), word));
	assert_non_null(strstr(svart_fail_text(), "struct thing"));
	assert_non_null(strstr(svart_fail_text(), "THING_INIT()"));
	assert_int_equal(svart_sized_check(&thing_sized, &given), -EINVAL);
	assert_int_equal(svart_sized_out(&thing_sized, &given, &known), -EINVAL);
	assert_memory_equal(&given, &before, sizeof(given));
}

static void test_in_of_nothing_is_all_defaults(void **state)
{
	(void)state;
	expect_in(NULL, 0, 0);
}

static void test_in_of_the_same_version_is_a_copy(void **state)
{
	const struct thing given = { sizeof(given), 1, 2 };

	(void)state;
	expect_in(&given, 1, 2);
}

static void test_in_of_an_older_program_has_defaults_for_the_rest(void **state)
{
	const struct thing beside = { sizeof(struct old), 1, 2 };

	(void)state;
	expect_in(&beside, 1, 0);
}

static void test_in_of_a_newer_program_passes_if_the_rest_is_zero(void **state)
{
	const struct new given = { sizeof(given), 1, 2, 0 };

	(void)state;
	expect_in(&given, 1, 2);
}

static void test_in_of_a_newer_program_is_refused_if_the_rest_is_used(void **state)
{
	struct new given = { sizeof(given), 1, 2, 0 };
	unsigned char *bytes = (unsigned char *)&given;
	struct thing known;
	size_t i;

	(void)state;
	for (i = sizeof(known); i < sizeof(given); i++) {
		bytes[i] = 0x80;
		assert_int_equal(svart_sized_in(&thing_sized, &known, &given), -E2BIG);
		assert_non_null(strstr(svart_fail_text(), "struct thing has size 24"));
		bytes[i] = 0;
	}
	expect_in(&given, 1, 2);
}

/** In it is the first version's, out there is nothing to go by. */
static void test_no_size_is_the_first_versions(void **state)
{
	struct thing beside = { 0, 1, 2 }, known = { 0 };

	(void)state;
	expect_in(&beside, 1, 0);
	assert_int_equal(svart_sized_out(&thing_sized, &beside, &known), -EINVAL);
	assert_int_equal(beside.a, 1);
}

static void test_sizes_that_cannot_be_are_refused(void **state)
{
	(void)state;
	expect_refused(sizeof(struct old) - 1, "size 7");
	expect_refused(sizeof(struct old) + 4, "size 12");
	expect_refused(sizeof(struct thing) + 1, "size 17");
	expect_refused(SVART_SIZED_MAX_BYTES + 8, "size 4104");
	expect_refused(UINT32_MAX, "size 4294967295");
}

static void test_out_to_the_same_version_is_a_copy(void **state)
{
	const struct thing known = { 0, 1, 2 };
	struct thing given = { sizeof(given), 7, 7 };

	(void)state;
	assert_int_equal(svart_sized_out(&thing_sized, &given, &known), 0);
	assert_int_equal(given.size, sizeof(given));
	assert_int_equal(given.a, 1);
	assert_int_equal(given.b, 2);
}

static void test_out_to_an_older_program_leaves_what_is_behind_it(void **state)
{
	const struct thing known = { 0, 1, 2 };
	struct thing beside = { sizeof(struct old), 7, 7 };

	(void)state;
	assert_int_equal(svart_sized_out(&thing_sized, &beside, &known), 0);
	assert_int_equal(beside.size, sizeof(struct old));
	assert_int_equal(beside.a, 1);
	assert_int_equal(beside.b, 7);
}

static void test_out_to_a_newer_program_has_zeroes_for_the_rest(void **state)
{
	const struct thing known = { 0, 1, 2 };
	struct {
		struct new given;
		uint64_t behind;
	} m = { { sizeof(m.given), 7, 7, 7 }, 7 };

	(void)state;
	assert_int_equal(svart_sized_out(&thing_sized, &m.given, &known), 0);
	assert_int_equal(m.given.size, sizeof(m.given));
	assert_int_equal(m.given.a, 1);
	assert_int_equal(m.given.b, 2);
	assert_int_equal(m.given.c, 0);
	assert_int_equal(m.behind, 7);
}

static void test_largest_size_passes_in_both_directions(void **state)
{
	union {
		struct thing thing;
		unsigned char bytes[SVART_SIZED_MAX_BYTES];
	} given = { .thing = { SVART_SIZED_MAX_BYTES, 1, 2 } };
	struct thing known;

	(void)state;
	assert_int_equal(svart_sized_in(&thing_sized, &known, &given), 0);
	assert_int_equal(svart_sized_out(&thing_sized, &given, &known), 0);
	assert_int_equal(given.thing.size, SVART_SIZED_MAX_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_of_nothing_is_all_defaults),
		cmocka_unit_test(test_in_of_the_same_version_is_a_copy),
		cmocka_unit_test(test_in_of_an_older_program_has_defaults_for_the_rest),
		cmocka_unit_test(test_in_of_a_newer_program_passes_if_the_rest_is_zero),
		cmocka_unit_test(test_in_of_a_newer_program_is_refused_if_the_rest_is_used),
		cmocka_unit_test(test_no_size_is_the_first_versions),
		cmocka_unit_test(test_sizes_that_cannot_be_are_refused),
		cmocka_unit_test(test_out_to_the_same_version_is_a_copy),
		cmocka_unit_test(test_out_to_an_older_program_leaves_what_is_behind_it),
		cmocka_unit_test(test_out_to_a_newer_program_has_zeroes_for_the_rest),
		cmocka_unit_test(test_largest_size_passes_in_both_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

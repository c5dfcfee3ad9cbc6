/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "error.h"
#include "option.h"

static void test_numbers_are_read_strictly(void **state)
{
	static const char *const bad[] = { "n=-1", "n=+1", "n=5x", "n=x", "n=101", "n=0",
		"n=99999999999999999999999" };
	struct rte_kvargs *options;
	uint64_t value = 7;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(bad); i++) {
		options = rte_kvargs_parse(bad[i], NULL);
		assert_non_null(options);
		assert_int_equal(svart_option_u64(options, "n", 1, 100, &value), -EINVAL);
		assert_non_null(strstr(svart_fail_text(), "n="));
		assert_int_equal(value, 7);
		rte_kvargs_free(options);
	}
	options = rte_kvargs_parse("n=0x10", NULL);
	assert_int_equal(svart_option_u64(options, "other", 1, 100, &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(svart_option_u64(options, "n", 1, 100, &value), 0);
	assert_int_equal(value, 16);
	rte_kvargs_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_read_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

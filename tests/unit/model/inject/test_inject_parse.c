/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "bits.h"
#include "inject.h"

static void test_inject_parse_reads_names_and_rates(void **state)
{
	static const char text[] = "lose_last:20+delay:1000+reset:0,seed=3";
	struct svart_inject_rates rates;

	(void)state;
	assert_int_equal(svart_inject_parse(text, (int)strcspn(text, ","), &rates), 0);
	assert_int_equal(rates.permille[SVART_INJECT_LOSE_LAST], 20);
	assert_int_equal(rates.permille[SVART_INJECT_DELAY], 1000);
	assert_int_equal(rates.permille[SVART_INJECT_RESET], 0);
	assert_int_equal(rates.permille[SVART_INJECT_ENOMEM], 0);
}

static void test_inject_parse_of_what_is_bad_gives_einval(void **state)
{
	static const char *const bad[] = { "", "+", "delay", "delay:", ":5", "delay:x", "delay:-1",
		"delay:1001", "delay:99999999999", "delay:5x", "delay: 5", "delays:5", "dela:5",
		"delay:5+", "+delay:5", "delay:5++reset:1", "delay:5+delay:6", "delay:5:6" };
	struct svart_inject_rates rates;
	size_t i;

	(void)state;
	for (i = 0; i < SVART_ARRAY_SIZE(bad); i++)
		assert_int_equal(svart_inject_parse(bad[i], (int)strlen(bad[i]), &rates), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inject_parse_reads_names_and_rates),
		cmocka_unit_test(test_inject_parse_of_what_is_bad_gives_einval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "model_options.h"

static void test_options_without_text_are_the_defaults(void **state)
{
	struct svart_model_options o;

	(void)state;
	assert_int_equal(svart_model_options_parse(NULL, &o), 0);
	assert_false(o.manual || o.has_step || o.has_seed || o.has_vmas || o.check_vmas);
	assert_int_equal(o.seed, 1);
	assert_string_equal(o.device, "");
	assert_int_equal(svart_model_options_parse("", &o), 0);
}

static void test_options_are_split_between_machine_and_device(void **state)
{
	struct svart_model_options o;

	(void)state;
	assert_int_equal(svart_model_options_parse("wqs=2,step=manual,seed=0x10,a=b=c", &o), 0);
	assert_true(o.manual);
	assert_int_equal(o.seed, 16);
	assert_string_equal(o.device, "wqs=2,a=b=c");
}

static void test_options_say_whether_vmas_are_checked(void **state)
{
	struct svart_model_options o;

	(void)state;
	assert_int_equal(svart_model_options_parse("vmas=checked", &o), 0);
	assert_true(o.has_vmas && o.check_vmas);
	assert_int_equal(svart_model_options_parse("vmas=trusted", &o), 0);
	assert_true(o.has_vmas && !o.check_vmas);
}

static void test_options_that_are_bad_give_einval(void **state)
{
	static const char *const bad[] = { "step", "=1", "step=", "step=soon", "vmas=", "vmas=on",
		"seed=", "seed=x", "seed=-1", "seed=1x", "seed=99999999999999999999", "a=1,,b=2",
		",a=1" };
	struct svart_model_options o;
	char text[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(svart_model_options_parse(bad[i], &o), -EINVAL);
	memset(text, 'x', sizeof(text));
	memcpy(text, "a=", 2);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(svart_model_options_parse(text, &o), -EINVAL);
}

static void test_options_check_refuses_keys_that_are_not_named(void **state)
{
	static const char *const keys[] = { "one", "two", NULL };

	(void)state;
	assert_int_equal(svart_model_options_check("", keys, "it"), 0);
	assert_int_equal(svart_model_options_check("two=1,one=2", keys, "it"), 0);
	assert_int_equal(svart_model_options_check("tw=1", keys, "it"), -EINVAL);
	assert_int_equal(svart_model_options_check("two=1,three=2", keys, "it"), -EINVAL);
	assert_int_equal(svart_model_options_check("one=1", NULL, "it"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_without_text_are_the_defaults),
		cmocka_unit_test(test_options_are_split_between_machine_and_device),
		cmocka_unit_test(test_options_say_whether_vmas_are_checked),
		cmocka_unit_test(test_options_that_are_bad_give_einval),
		cmocka_unit_test(test_options_check_refuses_keys_that_are_not_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "error.h"

static void test_fail_keeps_the_text_and_returns_the_code(void **state)
{
	(void)state;
	assert_int_equal(svart_fail(-EIO, "no %s, number %d", "thing", 7), -EIO);
	assert_string_equal(svart_fail_text(), "no thing, number 7");
}

static void test_fail_may_quote_the_previous_text(void **state)
{
	(void)state;
	svart_fail(-EIO, "inner");
	svart_fail(-EIO, "outer: %s", svart_fail_text());
	assert_string_equal(svart_fail_text(), "outer: inner");
}

static void test_prefix_goes_in_front(void **state)
{
	(void)state;
	svart_fail(-EIO, "no permission");
	assert_int_equal(svart_fail_prefix(-EIO, "opening %s: ", "x"), -EIO);
	assert_string_equal(svart_fail_text(), "opening x: no permission");
}

static void test_long_texts_are_cut_and_terminated(void **state)
{
	char longer[2000];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	svart_fail(-EIO, "%s", longer);
	assert_in_range(strlen(svart_fail_text()), 100, 1000);
	svart_fail_prefix(-EIO, "%s", longer);
	assert_in_range(strlen(svart_fail_text()), 100, 1000);
}

static void *fail_in_thread(void *arg)
{
	(void)arg;
	svart_fail(-EIO, "of the thread");
	return NULL;
}

static void test_each_thread_has_its_own_text(void **state)
{
	pthread_t thread;

	(void)state;
	svart_fail(-EIO, "of the main thread");
	assert_int_equal(pthread_create(&thread, NULL, fail_in_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_string_equal(svart_fail_text(), "of the main thread");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_keeps_the_text_and_returns_the_code),
		cmocka_unit_test(test_fail_may_quote_the_previous_text),
		cmocka_unit_test(test_prefix_goes_in_front),
		cmocka_unit_test(test_long_texts_are_cut_and_terminated),
		cmocka_unit_test(test_each_thread_has_its_own_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "say.h"
#include "stats.h"

/** Has something said. @param told out: what came to standard error. @return what it returned. */
static int told_by(int (*say)(const char *what, int rc), int rc, char *told, size_t bytes)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);

	assert_non_null(file);
	assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
	rc = say("measure", rc);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	rewind(file);
	told[fread(told, 1, bytes - 1, file)] = '\0';
	fclose(file);
	return rc;
}

static void test_say_failed_tells_the_text_of_svart(void **state)
{
	char told[256];

	(void)state;
	svart_fail(-EIO, "the device is gone");
	assert_int_equal(told_by(svart_perf_say_failed, -EIO, told, sizeof(told)), -EIO);
	assert_string_equal(told, "test: cannot measure: the device is gone\n");
}

static void test_say_failed_after_forget_tells_no_earlier_text(void **state)
{
	char told[256];

	(void)state;
	svart_fail(-EIO, "the device is gone");
	svart_perf_say_forget();
	told_by(svart_perf_say_failed, -ENOMEM, told, sizeof(told));
	assert_string_equal(told, "test: cannot measure: Cannot allocate memory\n");
}

static void test_say_errno_tells_no_text_of_svart(void **state)
{
	char told[256];

	(void)state;
	svart_fail(-EIO, "the device is gone");
	assert_int_equal(told_by(svart_perf_say_errno, -ENOMEM, told, sizeof(told)), -ENOMEM);
	assert_string_equal(told, "test: cannot measure: Cannot allocate memory\n");
}

static void test_number_that_is_none_is_a_dash(void **state)
{
	char text[SVART_PERF_NUMBER_BYTES];

	(void)state;
	assert_string_equal(svart_perf_number((double)NAN, 2, text), "-");
	assert_string_equal(svart_perf_number(-(double)INFINITY, 2, text), "-");
	assert_string_equal(svart_perf_number(1.005e3, 1, text), "1005.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_say_failed_tells_the_text_of_svart),
		cmocka_unit_test(test_say_failed_after_forget_tells_no_earlier_text),
		cmocka_unit_test(test_say_errno_tells_no_text_of_svart),
		cmocka_unit_test(test_number_that_is_none_is_a_dash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

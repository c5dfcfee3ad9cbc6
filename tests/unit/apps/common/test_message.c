/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "message.h"

/** Puts a file in the place of a standard stream. @return what was there, for put_back(). */
static int put(int file, FILE *stream)
{
	int saved;

	fflush(stream);
	saved = dup(fileno(stream));
	assert_true(saved >= 0);
	assert_int_equal(dup2(file, fileno(stream)), fileno(stream));
	return saved;
}

static void put_back(int saved, FILE *stream)
{
	fflush(stream);
	assert_int_equal(dup2(saved, fileno(stream)), fileno(stream));
	close(saved);
	clearerr(stream);
}

/** Prints `text` to `path` and flushes. @param told what came to standard error. */
static int print(const char *path, const char *text, char *told, size_t bytes)
{
	int file = open(path, O_WRONLY | O_CLOEXEC), out, err, rc;
	FILE *errors = tmpfile();

	assert_true(file >= 0);
	assert_non_null(errors);
	out = put(file, stdout);
	err = put(fileno(errors), stderr);
	fputs(text, stdout);
	rc = app_flush_output();
	put_back(err, stderr);
	put_back(out, stdout);
	rewind(errors);
	told[fread(told, 1, bytes - 1, errors)] = '\0';
	fclose(errors);
	close(file);
	return rc;
}

static void test_flush_output_that_gets_there_is_silent(void **state)
{
	char told[256];

	(void)state;
	assert_int_equal(print("/dev/null", "text\n", told, sizeof(told)), 0);
	assert_string_equal(told, "");
}

static void test_flush_output_to_a_full_file_says_so(void **state)
{
	char told[256];

	(void)state;
	assert_int_equal(print("/dev/full", "text\n", told, sizeof(told)), -EIO);
	assert_string_equal(
		told, "test: cannot print to standard output: No space left on device\n");
}

/** Its reason is not that of the call that came after it. */
static void test_flush_output_that_failed_before_claims_no_reason(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), out, err, rc;
	FILE *errors = tmpfile();
	char told[256];

	(void)state;
	assert_non_null(errors);
	out = put(full, stdout);
	err = put(fileno(errors), stderr);
	setvbuf(stdout, NULL, _IONBF, 0); /* So that nothing is left for the flush to fail at. */
	fputs("text", stdout);
	errno = ENOENT;
	rc = app_flush_output();
	put_back(err, stderr);
	put_back(out, stdout);
	assert_int_equal(rc, -EIO);
	rewind(errors);
	told[fread(told, 1, sizeof(told) - 1, errors)] = '\0';
	assert_string_equal(told, "test: cannot print all to standard output\n");
	fclose(errors);
	close(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flush_output_that_gets_there_is_silent),
		cmocka_unit_test(test_flush_output_to_a_full_file_says_so),
		cmocka_unit_test(test_flush_output_that_failed_before_claims_no_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "json_out.h"

#define DOCUMENT "{\"rows\": [1.5, null, 3], \"name\": \"a?b\"}\n"
/** More allocations than the document takes. */
#define MANY 1000

static unsigned int nr_left; /* jansson's functions get no argument. */

static void *fail_after(size_t bytes)
{
	if (nr_left == 0)
		return NULL;
	nr_left--;
	return malloc(bytes);
}

static json_t *document(void)
{
	json_t *rows = json_array();

	rows = app_json_append(rows, app_json_real(1.5));
	rows = app_json_append(rows, app_json_real((double)NAN));
	rows = app_json_append(rows, app_json_whole(2.6));
	return json_pack("{s:o, s:o}", "rows", rows, "name", app_json_text("a\nb"));
}

/** Prints the document. @param out what came to standard output. @return app_json_print()'s. */
static int print(char *out, size_t bytes)
{
	int saved = dup(STDOUT_FILENO), rc;
	FILE *file = tmpfile();
	size_t len;

	assert_non_null(file);
	fflush(stdout);
	assert_int_equal(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
	rc = app_json_print(document(), APP_JSON_SECONDS);
	fflush(stdout);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	rewind(file);
	len = fread(out, 1, bytes - 1, file);
	out[len] = '\0';
	fclose(file);
	return rc;
}

static void test_json_print_prints_one_line(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(print(out, sizeof(out)), 0);
	assert_string_equal(out, DOCUMENT);
}

static void test_json_print_without_memory_prints_nothing(void **state)
{
	unsigned int i;
	char out[256];
	int rc = -ENOMEM;

	(void)state;
	for (i = 0; i < MANY && rc != 0; i++) {
		nr_left = i;
		json_set_alloc_funcs(fail_after, free);
		rc = print(out, sizeof(out));
		json_set_alloc_funcs(malloc, free);
		assert_string_equal(out, rc == 0 ? DOCUMENT : "");
		assert_true(rc == 0 || rc == -ENOMEM);
	}
	assert_int_equal(rc, 0);
	assert_true(i > 10); /* It did fail, in many places. */
}

static void check_null(json_t *value)
{
	assert_true(json_is_null(value));
	json_decref(value);
}

static void test_json_numbers_that_are_none_are_null(void **state)
{
	(void)state;
	check_null(app_json_real((double)INFINITY));
	check_null(app_json_whole((double)NAN));
	check_null(app_json_whole(-(double)INFINITY));
}

static void test_json_text_of_any_bytes_is_ascii(void **state)
{
	json_t *text = app_json_text("\"\xc3\xa9\x7f\x1b[K\\");

	(void)state;
	assert_string_equal(json_string_value(text), "\"????[K\\");
	json_decref(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_print_prints_one_line),
		cmocka_unit_test(test_json_print_without_memory_prints_nothing),
		cmocka_unit_test(test_json_numbers_that_are_none_are_null),
		cmocka_unit_test(test_json_text_of_any_bytes_is_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

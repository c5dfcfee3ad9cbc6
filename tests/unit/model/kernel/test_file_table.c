/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include "file_table.h"

static void count_release(struct svart_model_file *f)
{
	(*(unsigned int *)f->object)++;
}

static const struct svart_model_file_ops ops = { .release = count_release };

static void test_file_is_found_by_its_descriptor_until_it_is_closed(void **state)
{
	struct svart_model_files files;
	struct svart_model_file *f;
	unsigned int released = 0;
	int fd;

	(void)state;
	svart_model_files_init(&files);
	fd = svart_model_file_open(&files, &ops, &released);
	assert_true(fd >= 0);
	assert_null(svart_model_file_get(&files, fd + 1));
	f = svart_model_file_get(&files, fd);
	assert_non_null(f);
	assert_int_equal(svart_model_file_close(&files, fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_null(svart_model_file_get(&files, fd));
	assert_int_equal(svart_model_file_close(&files, fd), -EBADF);
	/* Whoever holds it is the last. */
	assert_int_equal(released, 0);
	svart_model_file_put(f);
	assert_int_equal(released, 1);
	svart_model_files_fini(&files);
}

static void test_files_close_ends_what_is_open(void **state)
{
	struct svart_model_files files;
	unsigned int released = 0, i;

	(void)state;
	svart_model_files_init(&files);
	for (i = 0; i < 100; i++)
		assert_true(svart_model_file_open(&files, &ops, &released) >= 0);
	assert_int_equal(files.nr_open, 100);
	svart_model_files_close(&files);
	assert_int_equal(files.nr_open, 0);
	assert_int_equal(released, 100);
	svart_model_files_fini(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_is_found_by_its_descriptor_until_it_is_closed),
		cmocka_unit_test(test_files_close_ends_what_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

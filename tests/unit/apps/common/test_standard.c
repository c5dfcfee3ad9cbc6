/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "message.h"
#include "standard.h"

#define NR_STANDARD 3

/** Closes descriptors in a child, and has it judge. @return whether it judged well. */
static bool in_child(unsigned int closed, bool (*judge)(unsigned int closed))
{
	pid_t child = fork();
	int fd, status;

	assert_true(child >= 0);
	if (child == 0) {
		for (fd = 0; fd < NR_STANDARD; fd++)
			if ((closed & 1u << fd) != 0)
				close(fd);
		_exit(judge(closed) ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/** What is open at first stays; what is not is taken, and still EBADF in its own direction. */
static bool closed_ones_are_taken(unsigned int closed)
{
	struct stat before[NR_STANDARD], after;
	char byte = 0;
	int fd;

	for (fd = 0; fd < NR_STANDARD; fd++)
		fstat(fd, &before[fd]);
	if (app_standard_open() != 0)
		return false;
	for (fd = 0; fd < NR_STANDARD; fd++) {
		if (fstat(fd, &after) != 0)
			return false;
		if ((closed & 1u << fd) == 0) {
			if (after.st_dev != before[fd].st_dev || after.st_ino != before[fd].st_ino)
				return false;
			continue;
		}
		errno = 0;
		if ((fd == 0 ? read(fd, &byte, 1) : write(fd, &byte, 1)) != -1 || errno != EBADF)
			return false;
	}
	return dup(0) >= NR_STANDARD;
}

static void test_standard_open_takes_every_set_of_closed_descriptors(void **state)
{
	unsigned int closed;

	(void)state;
	for (closed = 0; closed < 1u << NR_STANDARD; closed++)
		assert_true(in_child(closed, closed_ones_are_taken));
}

/** /proc has no "dev" in it. */
static bool closed_ones_are_taken_without_dev(unsigned int closed)
{
	return chroot("/proc") == 0 && chdir("/") == 0 && closed_ones_are_taken(closed);
}

static void test_standard_open_without_dev_takes_them_too(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* chroot() needs root. */
	assert_true(in_child(7, closed_ones_are_taken_without_dev));
}

static bool output_is_refused(unsigned int closed)
{
	(void)closed;
	return app_standard_open() == 0 && puts("text") >= 0 && app_flush_output() == -EIO;
}

static bool silence_is_well(unsigned int closed)
{
	(void)closed;
	return app_standard_open() == 0 && app_flush_output() == 0;
}

static void test_standard_open_leaves_output_that_goes_nowhere_an_error(void **state)
{
	(void)state;
	assert_true(in_child(6, output_is_refused));
	assert_true(in_child(6, silence_is_well));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard_open_takes_every_set_of_closed_descriptors),
		cmocka_unit_test(test_standard_open_without_dev_takes_them_too),
		cmocka_unit_test(test_standard_open_leaves_output_that_goes_nowhere_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

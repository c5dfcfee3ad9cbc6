/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_text.h"
#include "mounts.h"

#define ROOT  "21 1 8:1 / / rw,relatime shared:1 master:7 - ext4 /dev/sda1 rw\n"
#define PROC  "22 21 0:20 / /proc rw - proc proc rw\n"
#define SHM   "23 21 0:42 / /dev/shm rw,nosuid shared:3 - tmpfs tmpfs rw,size=1g\n"
#define NFS   "24 21 0:43 / /mnt/a\\040-\\040tmpfs rw - nfs4 host:/x rw,vers=4.2\n"
#define GOOD  ROOT PROC SHM NFS
#define MINOR 42

static struct fake_text text;

/** What is said of a file system, with the texts of one reading after the other. */
static int writeback(const char *const *texts, uint32_t major, uint32_t minor)
{
	int rc;

	fake_text_init(&text);
	fake_text_set(&text.files[0], "/proc/self/mountinfo", texts);
	rc = svart_mounts_writeback(&text.machine, major, minor);
	assert_int_equal(text.nr_open, 0);
	return rc;
}

static void test_mounts_of_a_disk_or_a_network_have_writeback(void **state)
{
	const char *const texts[] = { GOOD, NULL };

	(void)state;
	assert_int_equal(writeback(texts, 8, 1), 1);
	assert_int_equal(writeback(texts, 0, 43), 1);
}

static void test_mounts_in_memory_have_none(void **state)
{
	static const char *const types[] = { "tmpfs", "devtmpfs", "hugetlbfs", "ramfs" };
	char line[128];
	const char *texts[] = { line, NULL };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		strcpy(line, "23 21 0:42 / /x rw - ");
		strcat(strcat(line, types[i]), " none rw\n");
		assert_int_equal(writeback(texts, 0, MINOR), 0);
	}
}

static void test_mounts_that_there_are_none_of_are_the_kernels_own_or_a_hidden_disk(void **state)
{
	const char *const texts[] = { GOOD, NULL }, *const none[] = { "", NULL };

	(void)state;
	assert_int_equal(writeback(texts, 0, 1), 0);
	assert_int_equal(writeback(texts, 8, 2), 1);
	assert_int_equal(writeback(none, 0, 1), 0);
}

static void test_mounts_missed_in_one_reading_are_found(void **state)
{
	const char *const before[] = { ROOT PROC SHM, GOOD, NULL };
	const char *const after[] = { GOOD, ROOT PROC SHM, GOOD, NULL };

	(void)state;
	assert_int_equal(writeback(before, 0, 43), 1);
	assert_int_equal(writeback(after, 0, 43), 1);
}

static void test_mounts_torn_in_one_reading_are_read_again(void **state)
{
	static const char *const torn[] = {
		ROOT PROC "23 21 0:42 / /dev/shm rw,nosuid shared:3 - ext",
		ROOT PROC "23 21 0:42 / /dev/shm rw,nosuid shared:3\n",
		ROOT PROC "23 21 0:42 / /dev/shm rw,nosuid -\n",
		ROOT PROC "23 21 0:42 / /dev/shm rw,nosuid - \n",
		ROOT PROC "21 0:42 / /dev/shm rw,nosuid shared:3 - tmpfs tmpfs rw\n" SHM,
		ROOT PROC "\n" SHM,
		ROOT PROC "23 21 0:4223 21 0:42 / /dev/shm rw - ext4 x rw\n" SHM,
		ROOT PROC "23 21 042 / /dev/shm rw - ext4 x rw\n" SHM,
		ROOT PROC "23 21 0: / /dev/shm rw - ext4 x rw\n" SHM,
		ROOT PROC "23 21 0:42:1 / /dev/shm rw - ext4 x rw\n" SHM,
		ROOT PROC "23 21 +0:42 / /dev/shm rw - ext4 x rw\n" SHM,
		ROOT PROC "23 21 0:9999999999 / /dev/shm rw - ext4 x rw\n" SHM,
		/* A well-formed line of two. */
		ROOT PROC "22 21 0:42 / /proc rw - proc proc rw\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		const char *const texts[] = { torn[i], GOOD, NULL };
		const char *const after[] = { GOOD, torn[i], GOOD, NULL };

		assert_int_equal(writeback(texts, 0, MINOR), 0);
		assert_int_equal(writeback(after, 0, MINOR), 0);
		assert_true(text.files[0].readings >= 2);
	}
}

static void test_mounts_that_never_stand_still_are_eagain_and_bounded(void **state)
{
	const char *const texts[] = { ROOT SHM, ROOT "x\n", ROOT SHM, ROOT "2", ROOT SHM, "22\n",
		ROOT SHM, "22\n", ROOT SHM, NULL };

	(void)state;
	assert_int_equal(writeback(texts, 0, MINOR), -EAGAIN);
	assert_int_equal(text.files[0].readings, 8);
}

static void test_mounts_of_another_form_are_ebadmsg(void **state)
{
	const char *const texts[] = { "/dev/sda1 / ext4 rw 0 0\n", NULL };

	(void)state;
	assert_int_equal(writeback(texts, 0, MINOR), -EBADMSG);
	assert_int_equal(text.files[0].readings, 8);
}

static void test_mounts_at_paths_of_any_length_are_understood(void **state)
{
	static const char begin[] = "23 21 0:42 /", end[] = " rw,nosuid shared:3 - ext4 x rw\n";
	char *line = malloc(40000);
	const char *texts[] = { line, NULL };
	size_t len;

	(void)state;
	for (len = 400; len < 17000; len = len < 600 ? len + 1 : 2 * len) {
		strcpy(line, begin);
		memset(line + strlen(begin), 'r', len);
		strcpy(line + strlen(begin) + len, " /mnt/");
		memset(line + strlen(begin) + len + 6, 'm', len);
		strcpy(line + strlen(begin) + len + 6 + len, end);
		assert_int_equal(writeback(texts, 0, MINOR), 1);
	}
	free(line);
}

static void test_mounts_read_in_pieces_are_the_same(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	size_t piece;

	(void)state;
	for (piece = 1; piece < sizeof(GOOD); piece++) {
		fake_text_init(&text);
		fake_text_set(&text.files[0], "/proc/self/mountinfo", texts);
		text.files[0].piece = piece;
		assert_int_equal(svart_mounts_writeback(&text.machine, 0, 43), 1);
		assert_int_equal(svart_mounts_writeback(&text.machine, 0, MINOR), 0);
	}
}

static void test_mounts_read_that_fails_is_no_answer(void **state)
{
	const char *const texts[] = { GOOD, NULL };
	unsigned int at;

	(void)state;
	for (at = 1; at <= 4; at++) {
		fake_text_init(&text);
		fake_text_set(&text.files[0], "/proc/self/mountinfo", texts);
		text.files[0].piece = sizeof(ROOT);
		text.files[0].fail_at = at;
		text.files[0].read_error = -EIO;
		assert_int_equal(svart_mounts_writeback(&text.machine, 0, 43), -EIO);
		assert_int_equal(text.nr_open, 0);
		text.files[0].reads = 0;
		text.files[0].read_error = -EINTR;
		assert_int_equal(svart_mounts_writeback(&text.machine, 0, 43), 1);
	}
	text.files[0].open_error = -ENOENT;
	assert_int_equal(svart_mounts_writeback(&text.machine, 0, 43), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts_of_a_disk_or_a_network_have_writeback),
		cmocka_unit_test(test_mounts_in_memory_have_none),
		cmocka_unit_test(
			test_mounts_that_there_are_none_of_are_the_kernels_own_or_a_hidden_disk),
		cmocka_unit_test(test_mounts_missed_in_one_reading_are_found),
		cmocka_unit_test(test_mounts_torn_in_one_reading_are_read_again),
		cmocka_unit_test(test_mounts_that_never_stand_still_are_eagain_and_bounded),
		cmocka_unit_test(test_mounts_of_another_form_are_ebadmsg),
		cmocka_unit_test(test_mounts_at_paths_of_any_length_are_understood),
		cmocka_unit_test(test_mounts_read_in_pieces_are_the_same),
		cmocka_unit_test(test_mounts_read_that_fails_is_no_answer),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_text.h"
#include "lines.h"

#define PATH "/proc/self/x"

static struct fake_text text;

/** Opens a file of this text, which gives so many bytes in a read. */
static int open_text(const char *content, size_t piece)
{
	static const char *texts[2];

	texts[0] = content;
	fake_text_init(&text);
	fake_text_set(&text.files[0], PATH, texts);
	text.files[0].piece = piece;
	return text.machine.ops->open(&text.machine, PATH, 0);
}

static void test_lines_come_in_order_whatever_a_read_gives(void **state)
{
	static const char content[] = "one\n\nthree, a little longer\nfour\n";
	static const char *const lines_of_it[] = { "one", "", "three, a little longer", "four" };
	const off_t modes[] = { 0, SVART_LINES_READ_ON };
	struct svart_lines lines;
	struct svart_line line;
	size_t piece, i, mode;
	int fd;

	(void)state;
	for (piece = 1; piece <= sizeof(content); piece++) {
		for (mode = 0; mode < 2; mode++) {
			fd = open_text(content, piece);
			svart_lines_init(&lines, &text.machine, fd, modes[mode]);
			for (i = 0; i < 4; i++) {
				assert_int_equal(svart_lines_next(&lines, &line), 1);
				assert_string_equal(line.text, lines_of_it[i]);
				assert_true(line.ended);
			}
			assert_int_equal(svart_lines_next(&lines, &line), 0);
		}
	}
}

static void test_lines_without_an_end_say_so(void **state)
{
	struct svart_lines lines;
	struct svart_line line;

	(void)state;
	svart_lines_init(&lines, &text.machine, open_text("one\ntwo", 0), 0);
	assert_int_equal(svart_lines_next(&lines, &line), 1);
	assert_true(line.ended);
	assert_int_equal(svart_lines_next(&lines, &line), 1);
	assert_string_equal(line.text, "two");
	assert_false(line.ended);
	assert_int_equal(svart_lines_next(&lines, &line), 0);
}

static void test_lines_in_pieces_say_so(void **state)
{
	struct svart_lines lines;
	struct svart_line line;

	(void)state;
	/* "one\n" is a read, so is "two " and "2\nth". */
	svart_lines_init(&lines, &text.machine, open_text("one\ntwo 2\nthree\n", 4), 0);
	assert_int_equal(svart_lines_next(&lines, &line), 1);
	assert_false(line.split);
	assert_int_equal(svart_lines_next(&lines, &line), 1);
	assert_string_equal(line.text, "two 2");
	assert_true(line.split);
}

static void test_lines_longer_than_a_read_are_cut_to_their_head(void **state)
{
	struct svart_lines lines;
	struct svart_line line;
	char *content = malloc(10000 + 8);
	size_t len;

	(void)state;
	for (len = 1; len < 10000; len = len < 4000 || len > 4200 ? len + 100 : len + 1) {
		memset(content, 'l', len);
		strcpy(content + len, "\nnext\n");
		svart_lines_init(&lines, &text.machine, open_text(content, 0), 0);
		assert_int_equal(svart_lines_next(&lines, &line), 1);
		assert_int_equal(line.split, len >= 4096);
		assert_int_equal(strlen(line.text), line.split ? SVART_LINE_HEAD - 1 : len);
		assert_int_equal(line.text[0], 'l');
		assert_int_equal(svart_lines_next(&lines, &line), 1);
		assert_string_equal(line.text, "next");
	}
	free(content);
}

static void test_lines_bytes_are_all_of_the_text(void **state)
{
	static const char content[] = "one\ntwo";
	struct svart_lines lines;
	size_t i;
	char c;

	(void)state;
	svart_lines_init(&lines, &text.machine, open_text(content, 3), 0);
	for (i = 0; i < sizeof(content) - 1; i++) {
		assert_int_equal(svart_lines_byte(&lines, &c), 1);
		assert_int_equal(c, content[i]);
	}
	assert_int_equal(svart_lines_byte(&lines, &c), 0);
}

static void test_lines_of_a_failing_read_are_its_errno(void **state)
{
	struct svart_lines lines;
	struct svart_line line;
	unsigned int at;

	(void)state;
	for (at = 1; at <= 2; at++) {
		svart_lines_init(&lines, &text.machine, open_text("a line\n", 3), 0);
		text.files[0].read_error = -EIO;
		text.files[0].fail_at = at;
		assert_int_equal(svart_lines_next(&lines, &line), -EIO);
	}
}

static ssize_t too_much(struct svart_machine *m, int fd, void *buf, size_t len, off_t off)
{
	(void)m;
	(void)fd;
	(void)buf;
	(void)off;
	return (ssize_t)len + 1;
}

static void test_lines_of_a_read_that_gives_more_than_asked_are_eio(void **state)
{
	const struct svart_machine_ops ops = { .pread = too_much };
	struct svart_machine m = { .ops = &ops };
	struct svart_lines lines;
	struct svart_line line;

	(void)state;
	svart_lines_init(&lines, &m, 1, 0);
	assert_int_equal(svart_lines_next(&lines, &line), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_come_in_order_whatever_a_read_gives),
		cmocka_unit_test(test_lines_without_an_end_say_so),
		cmocka_unit_test(test_lines_in_pieces_say_so),
		cmocka_unit_test(test_lines_longer_than_a_read_are_cut_to_their_head),
		cmocka_unit_test(test_lines_bytes_are_all_of_the_text),
		cmocka_unit_test(test_lines_of_a_failing_read_are_its_errno),
		cmocka_unit_test(test_lines_of_a_read_that_gives_more_than_asked_are_eio),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}

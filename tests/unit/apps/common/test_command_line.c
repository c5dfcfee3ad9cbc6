/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "command_line.h"

struct mine {
	bool quiet, asked;
	const char *device, *spec;
	uint16_t small;
	uint32_t depth;
	uint64_t bytes, ns, before, after;
	char first;
};

static bool parse_first(const char *text, void *field)
{
	*(char *)field = text[0];
	return text[0] == 'a';
}

static const struct app_option rows[] = {
	APP_FLAG('q', "quiet", struct mine, quiet, "print nothing"),
	APP_TEXT('d', "device", struct mine, device, "SPEC", "which one"),
	APP_MAY_TEXT('p', "probe", struct mine, spec, asked, "SPEC", "try it"),
	APP_HEADING("Numbers:"),
	APP_NUMBER('\0', "small", struct mine, small, 0, UINT16_MAX, "N", "two bytes"),
	APP_NUMBER('n', "depth", struct mine, depth, 1, 64, "N", "operations in flight, 1 to 64"),
	APP_BYTES('c', "chunk", struct mine, bytes, 1, UINT64_C(1) << 31, "BYTES",
		"a text that is so long that it does not fit a line beside the names of the "
		"options, wherever that line is broken"),
	APP_SECONDS('t', "time", struct mine, ns, 50, 2000, "S", "how long"),
	APP_OWN('\0', "own", struct mine, first, parse_first, "a word with an a", "WORD", "mine"),
	APP_OPTIONS_END,
};

static const struct app_usage usage = { "Usage: test\n", rows, "The end.\n", "test --help" };

/** Runs the parser, with what it prints in files. Owner: a test. */
struct run {
	struct mine mine;
	struct app_operands operands;
	int rc;
	char out[4096], err[1024];
};

static int redirect(FILE *stream, FILE **file)
{
	int old = dup(fileno(stream));

	*file = tmpfile();
	assert_non_null(*file);
	fflush(stream);
	assert_true(dup2(fileno(*file), fileno(stream)) >= 0);
	return old;
}

static void restore(FILE *stream, int old, FILE *file, char *text, size_t len)
{
	size_t n;

	fflush(stream);
	assert_true(dup2(old, fileno(stream)) >= 0);
	close(old);
	rewind(file);
	n = fread(text, 1, len - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void parse(struct run *r, const char *const *args)
{
	static char words[16][64];
	static char *argv[17]; /* The operands point into it. */
	FILE *out_file, *err_file;
	int argc = 0, out, err;

	snprintf(words[argc], sizeof(words[0]), "test");
	argv[argc++] = words[0];
	for (; *args != NULL; args++, argc++) {
		snprintf(words[argc], sizeof(words[0]), "%s", *args);
		argv[argc] = words[argc];
	}
	argv[argc] = NULL;
	*r = (struct run){ .mine = { .before = 1, .after = 2, .depth = 8, .device = "none" } };
	out = redirect(stdout, &out_file);
	err = redirect(stderr, &err_file);
	r->rc = app_options_parse(argc, argv, &usage, &r->mine, &r->operands);
	restore(stdout, out, out_file, r->out, sizeof(r->out));
	restore(stderr, err, err_file, r->err, sizeof(r->err));
	assert_true(r->mine.before == 1 && r->mine.after == 2);
}
#define PARSE(r, ...) parse(r, (const char *const[]){ __VA_ARGS__, NULL })

static void test_parse_of_good_options_fills_their_fields(void **state)
{
	struct run r;

	(void)state;
	PARSE(&r, "-q", "--device=a", "--small", "65535", "-n64", "--chunk=3k", "-t", "0.5",
		"--own=ab");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.err, "");
	assert_true(r.mine.quiet && !r.mine.asked);
	assert_string_equal(r.mine.device, "a");
	assert_int_equal(r.mine.small, 65535);
	assert_int_equal(r.mine.depth, 64);
	assert_int_equal(r.mine.bytes, 3072);
	assert_int_equal(r.mine.ns, 500000000);
	assert_int_equal(r.mine.first, 'a');
	assert_int_equal(r.operands.nr, 0);
}

static void test_parse_without_options_leaves_the_fields(void **state)
{
	struct run r;

	(void)state;
	PARSE(&r, "one", "two");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.mine.depth, 8);
	assert_string_equal(r.mine.device, "none");
	assert_int_equal(r.operands.nr, 2);
	assert_string_equal(r.operands.word[1], "two");
}

static void test_parse_of_words_between_options_takes_both(void **state)
{
	struct run r;

	(void)state;
	PARSE(&r, "one", "-n", "3", "two", "--", "-q");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.mine.depth, 3);
	assert_false(r.mine.quiet);
	assert_int_equal(r.operands.nr, 3);
	assert_string_equal(r.operands.word[2], "-q");
}

static void test_parse_of_a_value_that_may_be_left_out(void **state)
{
	struct run r;

	(void)state;
	PARSE(&r, "--probe");
	assert_true(r.rc == 0 && r.mine.asked && r.mine.spec == NULL);
	PARSE(&r, "--probe=x");
	assert_true(r.rc == 0 && r.mine.asked);
	assert_string_equal(r.mine.spec, "x");
	PARSE(&r, "-p", "x");
	assert_true(r.rc == 0 && r.mine.asked && r.mine.spec == NULL);
	assert_int_equal(r.operands.nr, 1);
}

static void test_parse_of_a_wrong_value_tells_it_and_the_range(void **state)
{
	static const struct {
		const char *option, *said;
	} wrong[] = {
		{ "--depth=0", "--depth: '0' is not a number from 1 to 64" },
		{ "-n65", "--depth: '65' is not a number from 1 to 64" },
		{ "--depth=", "--depth: '' is not a number" },
		{ "--depth=8k", "--depth: '8k' is not" },
		{ "--depth=-1", "--depth: '-1' is not" },
		{ "--small=65536", "--small: '65536' is not a number from 0 to 65535" },
		{ "--chunk=2049M",
			"--chunk: '2049M' is not a number of bytes from 1 to 2147483648" },
		{ "--chunk=1kB", "--chunk: '1kB' is not" },
		{ "--chunk=K", "--chunk: 'K' is not" },
		{ "--chunk=18446744073709551617", "is not a number of bytes" },
		{ "--chunk=17592186044417M", "is not a number of bytes" },
		{ "--time=0.04", "--time: '0.04' is not a number of seconds from 0.05 to 2" },
		{ "--time=nan", "--time: 'nan' is not" },
		{ "--time=1s", "--time: '1s' is not" },
		{ "--time=1e999", "is not a number of seconds" },
		{ "--own=b", "--own: 'b' is not a word with an a" },
		{ "--own=\033[2J", "--own: '?[2J' is not" },
	};
	struct run r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		PARSE(&r, wrong[i].option);
		if (r.rc >= 0 || strstr(r.err, wrong[i].said) == NULL)
			fail_msg("%s: said %s", wrong[i].option, r.err);
		assert_non_null(strstr(r.err, "Try 'test --help'.\n"));
		assert_string_equal(r.out, "");
	}
}

static void test_parse_of_no_option_tells_it(void **state)
{
	struct run r;

	(void)state;
	PARSE(&r, "--nothing");
	assert_true(r.rc < 0);
	assert_non_null(strstr(r.err, "--nothing"));
	PARSE(&r, "-n");
	assert_true(r.rc < 0);
	assert_non_null(strstr(r.err, "Try 'test --help'.\n"));
}

static void test_help_tells_every_option(void **state)
{
	static const char said[] =
		"Usage: test\n"
		"  -q, --quiet         print nothing\n"
		"  -d, --device=SPEC   which one\n"
		"  -p, --probe [SPEC]  try it\n"
		"\n"
		"Numbers:\n"
		"      --small=N       two bytes\n"
		"  -n, --depth=N       operations in flight, 1 to 64\n"
		"  -c, --chunk=BYTES   a text that is so long that it does not fit a line beside "
		"the\n"
		"                      names of the options, wherever that line is broken\n";
	struct run r;

	(void)state;
	PARSE(&r, "--help", "--depth=0");
	assert_int_equal(r.rc, 1);
	assert_memory_equal(r.out, said, sizeof(said) - 1);
	assert_non_null(strstr(r.out, "  -h, --help          print this text\n"
				      "  -V, --version       print the version\nThe end.\n"));
	PARSE(&r, "-V");
	assert_int_equal(r.rc, 1);
	assert_string_equal(r.out, APP_NAME " " APP_VERSION "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_of_good_options_fills_their_fields),
		cmocka_unit_test(test_parse_without_options_leaves_the_fields),
		cmocka_unit_test(test_parse_of_words_between_options_takes_both),
		cmocka_unit_test(test_parse_of_a_value_that_may_be_left_out),
		cmocka_unit_test(test_parse_of_a_wrong_value_tells_it_and_the_range),
		cmocka_unit_test(test_parse_of_no_option_tells_it),
		cmocka_unit_test(test_help_tells_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-top's text: units, and the table in the room that there is.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "report.h"

static void test_times_have_three_digits_and_a_unit(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = { { 0, "0ns" }, { 999, "999ns" }, { 1000, "1.00us" }, { 9994, "9.99us" },
		{ 9996, "10.0us" }, { 99960, "100us" }, { 999499, "999us" }, { 999500, "1.00ms" },
		{ 1500000000, "1.50s" }, { UINT64_MAX, "18446744074s" } };
	char text[TOP_UNIT_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		svart_top_time_text(cases[i].ns, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_bytes_are_in_powers_of_1024(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 0, "0B" }, { 1023, "1023B" }, { 1024, "1.00K" }, { 1048575, "1.00M" },
		{ 64 << 20, "64.0M" }, { UINT64_MAX, "16.0E" } };
	char text[TOP_UNIT_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		svart_top_bytes_text(cases[i].bytes, text);
		assert_string_equal(text, cases[i].text);
	}
}

static const char *lost = ""; /**< Of the devices that print() prints. */

/** A sample of devices with `pasids` PASIDs each, printed. @return the text, to be freed. */
static char *print(unsigned int nr, unsigned int pasids, int columns, int rows)
{
	const struct top_client client = { .pid = 42, .program = "p", .version = "v" };
	struct top_sample sample = { .nr_devices = nr };
	char *text;
	size_t len;
	FILE *file = open_memstream(&text, &len);
	unsigned int i;

	sample.devices = calloc(nr + 1, sizeof(*sample.devices));
	assert_non_null(file);
	assert_non_null(sample.devices);
	for (i = 0; i < nr; i++) {
		struct top_device *d = &sample.devices[i];

		d->id = i;
		d->nr_pasids = pasids;
		memset(d->name, 'n', sizeof(d->name) - 1);
		snprintf(d->lost, sizeof(d->lost), "%s", lost);
		memset(&d->faults, 0xff, offsetof(struct top_faults, page_requests_per_s));
	}
	svart_top_print_text(file, &client, &sample, columns, rows, "\n");
	fclose(file);
	free(sample.devices);
	return text;
}

static unsigned int lines_of(const char *text)
{
	unsigned int nr = 1;

	for (; *text != '\0'; text++)
		nr += *text == '\n';
	return nr;
}

static void test_table_has_a_row_for_a_lone_pasid(void **state)
{
	char *text = print(3, 1, TOP_NO_LIMIT, TOP_NO_LIMIT);

	(void)state;
	assert_int_equal(lines_of(text), 2 + 3);
	assert_null(strstr(text, " all "));
	free(text);
}

static void test_table_has_one_more_row_for_several_pasids(void **state)
{
	char *text = print(2, 3, TOP_NO_LIMIT, TOP_NO_LIMIT);

	(void)state;
	assert_int_equal(lines_of(text), 2 + 2 * 4);
	assert_non_null(strstr(text, " all "));
	assert_non_null(strstr(text, " 18446744073709551615 "));
	free(text);
}

/** Beside the name, which is cut for it: a narrow terminal shows it, too. */
static void test_table_marks_a_lost_device(void **state)
{
	char *text = print(1, 1, 40, TOP_NO_LIMIT);

	(void)state;
	assert_null(strstr(text, "lost"));
	assert_non_null(strstr(text, " nnnnnnnnnnnnnnnnnnnnnnn "));
	free(text);
	lost = "it is gone";
	text = print(1, 1, 40, TOP_NO_LIMIT);
	lost = "";
	assert_non_null(strstr(text, " nnnnnnnnnnnnnnnn (lost) "));
	free(text);
}

static void test_table_stays_in_the_terminal(void **state)
{
	int columns, rows;

	(void)state;
	for (columns = 1; columns < 200; columns += 13) {
		for (rows = 3; rows < 12; rows++) {
			char *text = print(4, 2, columns, rows), *line, *save;

			assert_true(lines_of(text) <= (unsigned int)rows);
			for (line = strtok_r(text, "\n", &save); line != NULL;
				line = strtok_r(NULL, "\n", &save))
				assert_true(strlen(line) <= (size_t)columns);
			free(text);
		}
	}
}

static void test_table_without_devices_has_titles(void **state)
{
	char *text = print(0, 0, TOP_NO_LIMIT, TOP_NO_LIMIT);

	(void)state;
	assert_int_equal(lines_of(text), 2);
	assert_non_null(strstr(text, "0 devices"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times_have_three_digits_and_a_unit),
		cmocka_unit_test(test_bytes_are_in_powers_of_1024),
		cmocka_unit_test(test_table_has_a_row_for_a_lone_pasid),
		cmocka_unit_test(test_table_has_one_more_row_for_several_pasids),
		cmocka_unit_test(test_table_marks_a_lost_device),
		cmocka_unit_test(test_table_stays_in_the_terminal),
		cmocka_unit_test(test_table_without_devices_has_titles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "command_line.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "number.h"
#include "text.h"

/** A line of --help has at most so many characters. */
#define MAX_COLUMN 88
/** What getopt_long() returns for the first long option: above every letter. */
#define FIRST_LONG 256
#define MS_PER_S   1e3
#define NS_PER_S   1e9

/** The options that every program has; they follow the program's own. */
static const struct app_option common_options[] = {
	{ .kind = APP_OPTION_FLAG, .letter = 'h', .name = "help", .help = "print this text" },
	{ .kind = APP_OPTION_FLAG, .letter = 'V', .name = "version", .help = "print the version" },
	APP_OPTIONS_END,
};

/** A program's options as getopt_long() wants them. Owner: app_options_parse(). */
struct table {
	const struct app_option *row[APP_MAX_OPTIONS];
	struct option named[APP_MAX_OPTIONS + 1]; /**< val: the index of its row. */
	char letters[2 * APP_MAX_OPTIONS + 1];
	unsigned int nr;
};

/* --- the table -------------------------------------------------------------------------------- */

static void letters_add(struct table *t, const struct app_option *row)
{
	char *end = t->letters + strlen(t->letters);

	if (row->letter == '\0')
		return;
	*end++ = row->letter;
	/* An optional value would have to follow the letter directly: after a blank it is an operand. */
	if (row->value != NULL && !row->may)
		*end++ = ':';
	*end = '\0';
}

static void table_add(struct table *t, const struct app_option *rows)
{
	const struct app_option *row;

	for (row = rows; row->kind != APP_OPTION_END; row++) {
		if (row->kind == APP_OPTION_HEADING)
			continue;
		assert(t->nr < APP_MAX_OPTIONS);
		t->named[t->nr] = (struct option){
			.name = row->name,
			.has_arg = row->may             ? optional_argument
				   : row->value != NULL ? required_argument
							: no_argument,
			.val = (int)t->nr + FIRST_LONG,
		};
		t->row[t->nr++] = row;
		letters_add(t, row);
	}
}

/**
 * @param code what getopt_long() returned.
 * @return the row, or NULL if there is none: getopt_long() has told that.
 */
static const struct app_option *table_find(const struct table *t, int code)
{
	unsigned int i;

	if (code >= FIRST_LONG)
		return t->row[code - FIRST_LONG];
	for (i = 0; i < t->nr; i++)
		if (t->row[i]->letter == code)
			return t->row[i];
	return NULL;
}

/* --- values ------------------------------------------------------------------------------------ */

static int refuse(const struct app_option *row, const char *text, const char *form)
{
	char harmless[256];

	app_text_copy(harmless, sizeof(harmless), text);
	app_say("--%s: '%s' is not %s", row->name, harmless, form);
	return -EINVAL;
}

static int refuse_range(const struct app_option *row, const char *text)
{
	bool bytes = row->kind == APP_OPTION_BYTES;
	char form[160];

	snprintf(form, sizeof(form), "a number%s%s from %llu to %llu%s",
		row->unit != NULL ? " of " : "", row->unit != NULL ? row->unit : "",
		(unsigned long long)row->min, (unsigned long long)row->max,
		bytes ? ", as 4096, 256K or 1M" : "");
	return refuse(row, text, form);
}

/** @return the suffix's shift, 0 if there is none. @param at in and out: it is moved past the suffix. */
static unsigned int suffix_shift(const char **at)
{
	static const char suffixes[] = "KkMmGg";
	const char *found = **at != '\0' ? strchr(suffixes, **at) : NULL;

	if (found == NULL)
		return 0;
	(*at)++;
	return 10 * ((unsigned int)(found - suffixes) / 2 + 1);
}

static void number_store(const struct app_option *row, void *field, uint64_t value)
{
	if (row->bytes == sizeof(uint16_t))
		*(uint16_t *)field = (uint16_t)value;
	else if (row->bytes == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)value;
	else
		*(uint64_t *)field = value;
}

static int number_parse(const struct app_option *row, const char *text, void *field)
{
	const char *at;
	unsigned int shift = 0;
	uint64_t value;

	at = app_number_read(text, 0, UINT64_MAX, &value);
	if (at != NULL && row->kind == APP_OPTION_BYTES)
		shift = suffix_shift(&at);
	if (at == NULL || *at != '\0' || value > row->max >> shift || value << shift < row->min)
		return refuse_range(row, text);
	number_store(row, field, value << shift);
	return 0;
}

static int seconds_parse(const struct app_option *row, const char *text, uint64_t *ns)
{
	double min = (double)row->min / MS_PER_S, max = (double)row->max / MS_PER_S, value = -1;
	char form[96], *end = NULL;

	errno = 0;
	if (text[0] >= '0' && text[0] <= '9')
		value = strtod(text, &end);
	if (errno == 0 && value >= min && value <= max && *end == '\0') {
		*ns = (uint64_t)(value * NS_PER_S);
		return 0;
	}
	snprintf(form, sizeof(form), "a number of seconds from %g to %g", min, max);
	return refuse(row, text, form);
}

static int value_parse(const struct app_option *row, const char *text, void *to)
{
	void *field = (char *)to + row->offset;

	switch (row->kind) {
	case APP_OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case APP_OPTION_TEXT:
		if (text != NULL)
			*(const char **)field = text;
		if (row->also != APP_NOWHERE)
			*((bool *)to + row->also) = true;
		return 0;
	case APP_OPTION_NUMBER:
	case APP_OPTION_BYTES:
		return number_parse(row, text, field);
	case APP_OPTION_SECONDS:
		return seconds_parse(row, text, field);
	default:
		return row->parse(text, field) ? 0 : refuse(row, text, row->form);
	}
}

/* --- help -------------------------------------------------------------------------------------- */

/** Writes "-n, --depth=N" as --help does. @return how many characters that is. */
static size_t row_name(const struct app_option *row, char *buf, size_t len)
{
	int n;

	if (row->letter != '\0')
		n = snprintf(buf, len, "-%c, --%s", row->letter, row->name);
	else
		n = snprintf(buf, len, "    --%s", row->name);
	if (row->value != NULL && n > 0 && (size_t)n < len)
		n += snprintf(buf + n, len - (size_t)n, row->may ? " [%s]" : "=%s", row->value);
	return n > 0 ? (size_t)n : 0;
}

/** @return the column in which the texts of all rows begin. */
static size_t help_column(const struct app_option *rows)
{
	size_t len, longest = 0;
	char name[64];

	for (; rows->kind != APP_OPTION_END; rows++) {
		if (rows->kind == APP_OPTION_HEADING)
			continue;
		len = row_name(rows, name, sizeof(name));
		longest = len > longest ? len : longest;
	}
	return longest + 4;
}

/** Prints a paragraph whose lines begin in a column; the cursor is there already for the first line. */
static void print_paragraph(const char *text, size_t column)
{
	size_t at = column, len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (at > column && at + 1 + len > MAX_COLUMN) {
			printf("\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)len, text);
		at += len;
		text += len;
		text += *text == ' ';
	}
	putchar('\n');
}

static void print_rows(const struct app_option *rows, size_t column)
{
	char name[64];

	for (; rows->kind != APP_OPTION_END; rows++) {
		if (rows->kind == APP_OPTION_HEADING) {
			printf("\n%s\n", rows->help);
			continue;
		}
		row_name(rows, name, sizeof(name));
		printf("  %-*s", (int)column - 2, name);
		print_paragraph(rows->help, column);
	}
}

void app_usage_print(const struct app_usage *usage)
{
	size_t column = help_column(usage->options), common = help_column(common_options);

	column = common > column ? common : column;
	fputs(usage->head, stdout);
	print_rows(usage->options, column);
	print_rows(common_options, column);
	fputs(usage->tail, stdout);
}

int app_usage_hint(const struct app_usage *usage)
{
	fprintf(stderr, "Try '%s'.\n", usage->help);
	return -EINVAL;
}

/* --- the command line -------------------------------------------------------------------------- */

/** @return 1 if it is an option that every program has: its text has been printed; else 0. */
static int common_parse(const struct app_option *row, const struct app_usage *usage)
{
	if (row == &common_options[0])
		app_usage_print(usage);
	else if (row == &common_options[1])
		puts(APP_NAME " " APP_VERSION);
	else
		return 0;
	return 1;
}

int app_options_parse(int argc, char **argv, const struct app_usage *usage, void *to,
	struct app_operands *operands)
{
	struct table t = { 0 };
	const struct app_option *row;
	int code, rc = 0;

	table_add(&t, usage->options);
	table_add(&t, common_options);
	optind = 0; /* With 0, glibc forgets its state of another command line, such as EAL's. */
	while (rc == 0 && (code = getopt_long(argc, argv, t.letters, t.named, NULL)) != -1) {
		row = table_find(&t, code);
		if (row == NULL)
			return app_usage_hint(usage);
		rc = common_parse(row, usage);
		if (rc == 0)
			rc = value_parse(row, optarg, to);
	}
	*operands = (struct app_operands){ .nr = argc - optind, .word = argv + optind };
	return rc < 0 ? app_usage_hint(usage) : rc;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_COMMAND_LINE_H
#define APP_COMMAND_LINE_H

/**
 * @file
 * Command lines: a program's options are rows of a table, and --help is printed from them.
 *
 *     static const struct app_option rows[] = {
 *         APP_NUMBER('n', "depth", struct mine, depth, 1, 64, "N", "operations in flight, 1 to 64"),
 *         APP_FLAG('q', "quiet", struct mine, quiet, "print nothing"),
 *         APP_OPTIONS_END,
 *     };
 *
 * Every program has --help (-h) and --version (-V) beside its rows. Values, and the reasons for which they
 * are refused, are the same in all programs: "--depth: '0' is not a number from 1 to 64".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The exit status of a program whose command line is wrong: the program did nothing. */
#define APP_EXIT_USAGE 2
/** Most rows of one program. */
#define APP_MAX_OPTIONS 32

/** Kind of an option's value. */
enum app_option_kind {
	APP_OPTION_END,     /**< It is no option but the end of the table. */
	APP_OPTION_HEADING, /**< It is no option: `help` is a line of its own in --help. */
	APP_OPTION_FLAG,    /**< It has no value; it sets a bool. */
	APP_OPTION_TEXT, /**< A const char *, which is argv's. It may be left out if `may` is set. */
	APP_OPTION_NUMBER,  /**< Decimal digits, min to max. */
	APP_OPTION_BYTES,   /**< The same, with a suffix K, M or G, a power of 1024. */
	APP_OPTION_SECONDS, /**< A decimal fraction; the field is a uint64_t in nanoseconds. */
	APP_OPTION_OWN,     /**< `parse` reads it. */
};

/** One option. Constant. */
struct app_option {
	enum app_option_kind kind;
	char letter;       /**< 0: the option has only a long name. */
	const char *name;  /**< Without the "--". */
	const char *value; /**< Name of its value in --help; NULL for a flag. */
	const char *help;  /**< One paragraph; --help breaks its lines. */
	size_t offset;     /**< Offset of its field in the program's options. */
	size_t bytes;      /**< Size of the field if it is a number: 2, 4 or 8. */
	size_t also; /**< Offset of a bool that says that it was given; APP_NOWHERE: there is none. */
	bool may;    /**< Its value may be left out: the field stays as it is. */
	uint64_t min, max; /**< Limits; in milliseconds for APP_OPTION_SECONDS. */
	const char *unit;  /**< As in "a number of UNIT from ..."; NULL: no unit. */
	/**
	 * For APP_OPTION_OWN: reads the value into the field.
	 * @return whether it is a value; if not, the caller prints `form`.
	 */
	bool (*parse)(const char *text, void *field);
	const char *form; /**< For APP_OPTION_OWN: as in "'x' is not FORM". */
};

/** No field: see app_option.also. */
#define APP_NOWHERE SIZE_MAX

#define APP_OPTIONS_END                \
	{                              \
		.kind = APP_OPTION_END \
	}
/** A heading, between rows of --help. */
#define APP_HEADING(text)                                  \
	{                                                  \
		.kind = APP_OPTION_HEADING, .help = (text) \
	}
#define APP_FLAG(letter_, name_, type, field, help_)                                  \
	{                                                                             \
		.kind = APP_OPTION_FLAG, .letter = (letter_), .name = (name_),        \
		.offset = offsetof(type, field), .also = APP_NOWHERE, .help = (help_) \
	}
#define APP_TEXT(letter_, name_, type, field, value_, help_)                             \
	{                                                                                \
		.kind = APP_OPTION_TEXT, .letter = (letter_), .name = (name_),           \
		.offset = offsetof(type, field), .also = APP_NOWHERE, .value = (value_), \
		.help = (help_)                                                          \
	}
/** A text that may be left out; `given` is the bool that says whether the option was there. */
#define APP_MAY_TEXT(letter_, name_, type, field, given_, value_, help_)                      \
	{                                                                                     \
		.kind = APP_OPTION_TEXT, .letter = (letter_), .name = (name_),                \
		.offset = offsetof(type, field), .also = offsetof(type, given_), .may = true, \
		.value = (value_), .help = (help_)                                            \
	}
#define APP_RANGE(kind_, letter_, name_, type, field, min_, max_, unit_, value_, help_) \
	{                                                                               \
		.kind = (kind_), .letter = (letter_), .name = (name_),                  \
		.offset = offsetof(type, field), .bytes = sizeof(((type *)0)->field),   \
		.also = APP_NOWHERE, .min = (min_), .max = (max_), .unit = (unit_),     \
		.value = (value_), .help = (help_)                                      \
	}
#define APP_NUMBER(letter, name, type, field, min, max, value, help) \
	APP_RANGE(APP_OPTION_NUMBER, letter, name, type, field, min, max, NULL, value, help)
#define APP_BYTES(letter, name, type, field, min, max, value, help) \
	APP_RANGE(APP_OPTION_BYTES, letter, name, type, field, min, max, "bytes", value, help)
#define APP_SECONDS(letter, name, type, field, min_ms, max_ms, value, help)                        \
	APP_RANGE(APP_OPTION_SECONDS, letter, name, type, field, min_ms, max_ms, "seconds", value, \
		help)
#define APP_OWN(letter_, name_, type, field, parse_, form_, value_, help_)               \
	{                                                                                \
		.kind = APP_OPTION_OWN, .letter = (letter_), .name = (name_),            \
		.offset = offsetof(type, field), .also = APP_NOWHERE, .parse = (parse_), \
		.form = (form_), .value = (value_), .help = (help_)                      \
	}

/** What --help prints: `head`, the options, `tail`. Constant. */
struct app_usage {
	const char *head;                 /**< Its last line is a heading of the options. */
	const struct app_option *options; /**< Ended by APP_OPTIONS_END. */
	const char *tail;                 /**< Text after the options. */
	const char *help;                 /**< How to get help, as in "Try 'HELP'." */
};

/** The words that are no options. Owner: the caller; the words are argv's. */
struct app_operands {
	int nr;
	char **word;
};

/**
 * Reads a command line. A field keeps its value if its option is not given.
 *
 * @param to       the struct whose fields the rows name.
 * @param operands out: words that are no options, which may stand between them.
 * @return 0: go on. 1: --help or --version was printed: end with success, if app_flush_output()
 *         (message.h) does. -EINVAL: told; end with APP_EXIT_USAGE.
 * @thread main, as getopt_long().
 */
int app_options_parse(int argc, char **argv, const struct app_usage *usage, void *to,
	struct app_operands *operands);

/** Prints to standard output what --help prints. */
void app_usage_print(const struct app_usage *usage);

/** Ends a message about a wrong command line: tells how to get help. @return -EINVAL. */
int app_usage_hint(const struct app_usage *usage);

#endif

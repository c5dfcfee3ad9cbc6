/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_OPTIONS_H
#define SVART_PERF_OPTIONS_H

/**
 * @file
 * The command line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host.h"

/** Most numbers in a list. */
#define SVART_PERF_MAX_LIST 16

/** Flags of json_dumps(): figures have at most six significant digits. */
#define SVART_PERF_JSON_FLAGS (JSON_INDENT(1) | JSON_REAL_PRECISION(6))

struct perf_options;

/** Numbers of an option. Owner: its options. Lifetime: theirs. Locks: none. */
struct perf_list_option {
	uint32_t value[SVART_PERF_MAX_LIST];
	unsigned int nr;
};

/** One measure: a word of the command line. */
struct perf_command {
	const char *name;
	/** Measures and prints. @return 0 or -errno, told. */
	int (*run)(const struct perf_options *options);
	/** Tells whether this is an engine of the command. NULL if the command has no engines. */
	bool (*engine_is_known)(const char *name, size_t len);
};

extern const struct perf_command svart_perf_copy;
extern const struct perf_command svart_perf_ops;
extern const struct perf_command svart_perf_group;
extern const struct perf_command svart_perf_fault;

/**
 * What the user asked for.
 *
 * Owner: main(). Lifetime: the program's. Locks: none.
 */
struct perf_options {
	const struct perf_command *command;
	struct perf_host host; /**< Filled in by main(). */
	bool json;
	bool quick;
	unsigned int rounds; /**< 0: not given. */
	uint64_t seed;
	struct perf_list_option outstanding; /**< Option of the command group. */
	/* Options of the command copy; sizes is of ops, too. */
	struct perf_list_option sizes, bursts, depths;
	const char *engines; /**< Names separated by commas; NULL: all. */
};

/** @return how many rounds: the number that was asked for, 3 with --quick, else `usual`. */
unsigned int svart_perf_rounds(const struct perf_options *options, unsigned int usual);

/**
 * Reads the command line.
 *
 * @param commands array, ended by NULL.
 * @return 0: go on. 1: --help or --version was printed, end with success. -EINVAL: told.
 */
int svart_perf_options_parse(int argc, char **argv, const struct perf_command *const *commands,
	struct perf_options *options);

#endif

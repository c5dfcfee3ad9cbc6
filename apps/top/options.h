/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_OPTIONS_H
#define SVART_TOP_OPTIONS_H

/**
 * @file
 * The command line.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * What the user asked for.
 *
 * Owner: main(). Lifetime: the program's; strings are argv's. Locks: none.
 */
struct top_options {
	const char *file_prefix; /**< NULL: any. */
	const char *socket;      /**< NULL: svart-top looks for one. */
	pid_t pid;               /**< 0: any. */
	uint64_t interval_ns;
	uint64_t timeout_ns;
	uint64_t count; /**< Samples to show; 0: no end. */
	bool once;      /**< count is 1. */
	bool rates;     /**< No sample without rates is shown. */
	bool json;
	bool list;
};

/**
 * Reads the command line.
 *
 * @return 0: go on. 1: --help or --version was printed, end with success. -EINVAL: told.
 */
int svart_top_options_parse(int argc, char **argv, struct top_options *options);

#endif

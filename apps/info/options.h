/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_INFO_OPTIONS_H
#define SVART_INFO_OPTIONS_H

/**
 * @file
 * The command line.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * What the user asked for.
 *
 * Owner: main(). Lifetime: the program's; strings are argv's. Locks: none.
 */
struct info_options {
	const char *spec; /**< Device to try; NULL: svart-info chooses one. */
	uint32_t timeout_ms;
	bool try_fault; /**< --probe was given. */
	bool json;
};

/**
 * Reads the command line.
 *
 * @return 0: go on. 1: --help or --version was printed, end with success. -EINVAL: told.
 */
int svart_info_options_parse(int argc, char **argv, struct info_options *options);

#endif

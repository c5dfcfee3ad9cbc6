/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_OPTIONS_H
#define SVART_COPY_OPTIONS_H

/**
 * @file
 * The command line.
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/fault.h>

/**
 * What the user asked for.
 *
 * Owner: main(). Lifetime: the program's; strings are argv's. Locks: none.
 */
struct copy_options {
	const char *source;
	const char *destination;
	const char *device; /**< Device spec. */
	const char *eal;    /**< EAL's arguments, NULL: svart's defaults. */
	uint64_t chunk;     /**< Most bytes of one operation; 0: not given. */
	uint32_t depth;     /**< Operations in flight; 0: not given. */
	enum svart_fault_run faults;
	bool verify;
	bool json;
	bool quiet;
};

/**
 * Reads the command line.
 *
 * @return 0: go on. 1: --help or --version was printed, end with success. -EINVAL: told.
 */
int svart_copy_options_parse(int argc, char **argv, struct copy_options *options);

#endif

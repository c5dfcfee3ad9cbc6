/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_FIND_H
#define SVART_TOP_FIND_H

/**
 * @file
 * Finds the running programs that use svart, by the sockets that EAL makes.
 */

#include <stdbool.h>

#include "client.h"
#include "options.h"

/** Most programs that are looked at; the user is told if there are more. */
#define TOP_FOUND_MAX 128

/**
 * What was found.
 *
 * Owner: main(). Lifetime: svart_top_find() to svart_top_found_close(). Locks: none.
 */
struct top_found {
	struct top_client *clients; /**< array[nr], connected, each of a program that uses svart. */
	unsigned int nr;
	unsigned int nr_refused; /**< Sockets of others, without permission. */
	unsigned int nr_silent;  /**< Programs that did not answer, or not as svart does. */
	bool cut;                /**< There may be more. */
};

/**
 * Looks for the programs that the options allow. Those that do not answer soon are left out.
 * @return 0, -ENOMEM, -EINTR a signal asked for the end.
 */
int svart_top_find(const struct top_options *options, struct top_found *found);
void svart_top_found_close(struct top_found *found);

/**
 * Connects to the program that the options name, or the only one there is.
 * @return 0, -errno, told.
 */
int svart_top_choose(const struct top_options *options, struct top_client *client);

/** Prints the programs that can be shown. @return how many, or -errno, told. */
int svart_top_list(const struct top_options *options);

#endif

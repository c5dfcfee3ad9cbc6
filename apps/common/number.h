/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_NUMBER_H
#define APP_NUMBER_H

/**
 * @file
 * Numbers of a command line: decimal digits and nothing else, no sign, no blank before them.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * Reads a number that a text begins with.
 * @return the text after the number; NULL if there is no number from min to max.
 */
const char *app_number_read(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/** Reads a number that is the whole text. @return whether it is a number from min to max. */
bool app_number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif

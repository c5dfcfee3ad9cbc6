/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_MESSAGE_H
#define APP_MESSAGE_H

/**
 * @file
 * Messages of a program for a person, on standard error. The build defines APP_NAME, the program's name.
 */

#include <stdarg.h>

/** Says one line: "APP_NAME: TEXT". */
void app_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** As app_say(). */
void app_vsay(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/**
 * Makes sure that all output to standard output is written. A program that printed may end with success
 * only if this succeeds.
 * @return 0; -EIO, told: not all of it was written.
 */
int app_flush_output(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_MESSAGE_H
#define APP_MESSAGE_H

/**
 * @file
 * Messages of a program for a person, on standard error. APP_NAME is the program's, of the build.
 */

#include <stdarg.h>

/** Says one line: "APP_NAME: TEXT". */
void app_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** As app_say(). */
void app_vsay(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/** Ends what is printed to standard output. @return 0; -EIO, told: it did not get there. */
int app_flush_output(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_SAY_H
#define SVART_TOP_SAY_H

/**
 * @file
 * Messages for a person, on standard error.
 */

/** As app_say() (message.h), in printable ASCII. The screen must be the shell's (screen.h). */
void svart_top_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

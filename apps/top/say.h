/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_SAY_H
#define SVART_TOP_SAY_H

/**
 * @file
 * Messages for a person, on standard error; and making text of others harmless.
 */

#include <stddef.h>

/** Says one line: "svart-top: TEXT". The screen is the shell's (screen.h). */
void svart_top_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Copies text that another program wrote, so that it can go to a terminal: what is no printable ASCII
 * becomes '?', and what does not fit is cut.
 */
void svart_top_text_copy(char *to, size_t len, const char *from);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef APP_TEXT_H
#define APP_TEXT_H

/**
 * @file
 * Makes text of others harmless.
 */

#include <stddef.h>

/**
 * Copies text that somebody else wrote, so that it can go to a terminal: bytes that are no printable ASCII
 * become '?', and text that does not fit is cut.
 */
void app_text_copy(char *to, size_t len, const char *from);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>

void svart_top_say(const char *format, ...)
{
	char raw[1024], text[sizeof(raw)];
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	/* Paths and command lines are of others too. */
	svart_top_text_copy(text, sizeof(text), raw);
	fprintf(stderr, "svart-top: %s\n", text);
}

void svart_top_text_copy(char *to, size_t len, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < len && from[i] != '\0'; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

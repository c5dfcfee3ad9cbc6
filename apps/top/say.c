/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>

#include "message.h"
#include "text.h"

void svart_top_say(const char *format, ...)
{
	char raw[1024], text[sizeof(raw)];
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	/* Paths and command lines may also come from others. */
	app_text_copy(text, sizeof(text), raw);
	app_say("%s", text);
}

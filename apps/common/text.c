/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "text.h"

void app_text_copy(char *to, size_t len, const char *from)
{
	size_t i;

	for (i = 0; i + 1 < len && from[i] != '\0'; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

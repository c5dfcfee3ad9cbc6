/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "number.h"

#include <errno.h>
#include <stdlib.h>

const char *app_number_read(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	unsigned long long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return NULL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || value < min || value > max)
		return NULL;
	*number = value;
	return end;
}

bool app_number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *end = app_number_read(text, min, max, number);

	return end != NULL && *end == '\0';
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "option.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"

int svart_option_u64(const struct rte_kvargs *options, const char *key, uint64_t min, uint64_t max,
	uint64_t *value)
{
	const char *text = rte_kvargs_get(options, key);
	unsigned long long number;
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || number < min ||
		number > max)
		return svart_fail(-EINVAL, "option %s=%s: not a number from %llu to %llu", key,
			text, (unsigned long long)min, (unsigned long long)max);
	*value = number;
	return 0;
}

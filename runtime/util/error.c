/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_log.h>

#define TEXT_BYTES 512

RTE_LOG_REGISTER_DEFAULT(svart_logtype, NOTICE);

/* The text of this thread. Owner: its thread. */
static _Thread_local char error_text[TEXT_BYTES];

_Static_assert((int)SVART_LOG_ERR == (int)RTE_LOG_ERR, "levels are DPDK's");
_Static_assert((int)SVART_LOG_WARN == (int)RTE_LOG_WARNING, "levels are DPDK's");
_Static_assert((int)SVART_LOG_INFO == (int)RTE_LOG_INFO, "levels are DPDK's");
_Static_assert((int)SVART_LOG_DEBUG == (int)RTE_LOG_DEBUG, "levels are DPDK's");

int svart_fail(int rc, const char *format, ...)
{
	char text[TEXT_BYTES]; /* A copy, because the arguments may point into error_text. */
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	memcpy(error_text, text, sizeof(text));
	rte_log(RTE_LOG_DEBUG, svart_logtype, "svart: %s (%d)\n", error_text, rc);
	return rc;
}

int svart_fail_prefix(int rc, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list ap;
	size_t used;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	used = strlen(text);
	snprintf(text + used, sizeof(text) - used, "%s", error_text);
	memcpy(error_text, text, sizeof(text));
	return rc;
}

const char *svart_fail_text(void)
{
	return error_text;
}

void svart_log(enum svart_log_level level, const char *format, ...)
{
	char line[TEXT_BYTES];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	rte_log((uint32_t)level, svart_logtype, "svart: %s\n", line);
}

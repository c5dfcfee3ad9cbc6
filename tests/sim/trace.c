/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "trace.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/** FNV-1a, 64 bits (Fowler, Noll, Vo): offset basis and prime. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

void sim_trace_init(struct sim_trace *t, bool verbose)
{
	t->hash = FNV_BASIS;
	t->nr = 0;
	t->verbose = verbose;
	t->who = NULL;
	t->failure[0] = '\0';
}

static char *line_of(const struct sim_trace *t, uint64_t nr)
{
	return (char *)(uintptr_t)t->lines[nr % SIM_TRACE_LINES];
}

void sim_event(struct sim_trace *t, const char *format, ...)
{
	char *line = line_of(t, t->nr);
	const char *c;
	va_list args;
	int n = 0;

	if (t->who != NULL)
		n = snprintf(line, SIM_TRACE_LINE_BYTES, "  %s:", t->who);
	va_start(args, format);
	vsnprintf(line + n, (size_t)(SIM_TRACE_LINE_BYTES - n), format, args);
	va_end(args);
	for (c = line; *c != '\0'; c++)
		t->hash = (t->hash ^ (uint8_t)*c) * FNV_PRIME;
	t->nr++;
	if (t->verbose)
		fprintf(stderr, "%6llu %s\n", (unsigned long long)t->nr, line);
}

_Noreturn void sim_fail(struct sim_trace *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->failure, sizeof(t->failure), format, args);
	va_end(args);
	_exit(1);
}

void sim_trace_print(const struct sim_trace *t, FILE *out)
{
	uint64_t nr = t->nr > SIM_TRACE_LINES ? t->nr - SIM_TRACE_LINES : 0;

	if (nr != 0)
		fprintf(out, "  ... %llu events before these\n", (unsigned long long)nr);
	for (; nr < t->nr; nr++)
		fprintf(out, "%6llu %s\n", (unsigned long long)nr + 1, line_of(t, nr));
	if (t->failure[0] != '\0')
		fprintf(out, "FAILED: %s\n", t->failure);
}

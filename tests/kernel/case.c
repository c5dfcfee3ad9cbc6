/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "case.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const result_names[] = { "passed", "failed", "skipped" };

static bool case_wanted(const struct case_run *run, const char *name)
{
	regex_t only;
	bool wanted;

	if (run->only == NULL || run->only[0] == '\0')
		return true;
	if (regcomp(&only, run->only, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	wanted = regexec(&only, name, 0, NULL, 0) == 0;
	regfree(&only);
	return wanted;
}

void case_run(struct case_run *run, const char *name, void (*fn)(struct case_run *run, void *arg),
	void *arg)
{
	if (!case_wanted(run, name))
		return;
	run->result = CASE_PASSED;
	run->reason[0] = '\0';
	if (setjmp(run->leave) == 0)
		fn(run, arg);
	run->count[run->result]++;
	printf("case %s: %s%s%s\n", name, result_names[run->result],
		run->reason[0] == '\0' ? "" : " ", run->reason);
	fflush(stdout);
}

int case_exit_status(const struct case_run *run)
{
	return run->count[CASE_FAILED] == 0 && run->count[CASE_PASSED] > 0 ? 0 : 1;
}

_Noreturn static void case_leave(
	struct case_run *run, enum case_result result, const char *format, va_list args)
{
	run->result = result;
	vsnprintf(run->reason, sizeof(run->reason), format, args);
	longjmp(run->leave, 1);
}

_Noreturn void case_fail(struct case_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	case_leave(run, CASE_FAILED, format, args);
}

_Noreturn void case_skip(struct case_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	case_leave(run, CASE_SKIPPED, format, args);
}

/* Small negative numbers are most often errors. */
static const char *case_errno_name(int64_t value)
{
	const char *name = value < 0 && value > -200 ? strerrorname_np((int)-value) : NULL;

	return name == NULL ? "" : name;
}

void case_check_equal(struct case_run *run, const char *file, int line, const char *what,
	int64_t actual, int64_t expected)
{
	if (actual != expected)
		case_fail(run, "%s:%d: %s is %lld %s, expected %lld %s", basename(file), line, what,
			(long long)actual, case_errno_name(actual), (long long)expected,
			case_errno_name(expected));
}

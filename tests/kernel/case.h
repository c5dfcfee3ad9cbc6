/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_CASE_H
#define SVART_TEST_CASE_H

/**
 * @file
 * Cases of the kernel suites: each is a function, and prints one line when it ends,
 *     case NAME: passed|failed|skipped [REASON]
 * which tests/kernel/run collects from the consoles of all rigs.
 *
 * A failed check leaves the case at once (longjmp), so that what a case opens must hang off its
 * fixture, which the caller of case_run() closes.
 */

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

enum case_result { CASE_PASSED, CASE_FAILED, CASE_SKIPPED };

/** Owner: one program's main(). Lifetime: its run. Locks: none, one thread. */
struct case_run {
	const char *only; /**< Only names that this extended regular expression matches; "": all. */
	unsigned int count[3];   /**< By enum case_result. */
	enum case_result result; /**< Of the running case. */
	char reason[256];
	jmp_buf leave;
};

/** Runs fn(run, arg) as the case `name`, unless `only` leaves it out. */
void case_run(struct case_run *run, const char *name, void (*fn)(struct case_run *run, void *arg),
	void *arg);
/** @return the program's exit status: 0 if nothing failed and something ran. */
int case_exit_status(const struct case_run *run);

/** Ends the running case: it failed. */
_Noreturn void case_fail(struct case_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Ends the running case: it does not apply here, and why not. */
_Noreturn void case_skip(struct case_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Ends the case unless actual == expected. `what` is the checked expression. */
void case_check_equal(struct case_run *run, const char *file, int line, const char *what,
	int64_t actual, int64_t expected);

#define CHECK_EQ(run, actual, expected) \
	case_check_equal(run, __FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))

#define CHECK(run, condition)                                                        \
	do {                                                                         \
		if (!(condition))                                                    \
			case_check_equal(run, __FILE__, __LINE__, #condition, 0, 1); \
	} while (0)

#endif

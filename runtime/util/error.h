/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_ERROR_H
#define SVART_ERROR_H

/**
 * @file
 * Error texts and logs. An error is told once, by the function that finds it.
 */

/** Levels of svart_log(), as syslog and rte_log have them. */
enum svart_log_level {
	SVART_LOG_ERR = 4,
	SVART_LOG_WARN = 5,
	SVART_LOG_INFO = 7,
	SVART_LOG_DEBUG = 8
};

/**
 * Keeps a sentence for svart_error_text() of the calling thread, logs it at debug level, and returns
 * rc, so that an error is told and returned in one line:
 * `return svart_fail(-ENOENT, "no %s: load the iommufd module", path);`
 * The text says what failed, with which value, and what to do next; it has no newline and no trailing dot.
 * Only control paths call it, because it formats.
 *
 * @thread any. @blocks while the log is written.
 */
int svart_fail(int rc, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * Puts words in front of the calling thread's error text: "opening model:dsa0: " + text.
 * @return rc.
 */
int svart_fail_prefix(int rc, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The calling thread's text, which svart_error_text() returns. */
const char *svart_fail_text(void);

/**
 * Logs a line under the "svart" log type of DPDK. It is never called on hot paths. Fault paths call it once
 * for each subject, with nothing locked or claimed.
 */
void svart_log(enum svart_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

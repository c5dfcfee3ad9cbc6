/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_ERROR_H
#define SVART_ERROR_H

/**
 * @file
 * Error texts and logs. Errors are told once, where the errno is born.
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
 * The text says what failed, with which value, and what to do next; no newline, no trailing dot.
 * Control paths only: it formats.
 *
 * @thread any. @blocks while the log is written.
 */
int svart_fail(int rc, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * Puts words in front of the calling thread's error text: "opening model:dsa0: " + text.
 * @return rc.
 */
int svart_fail_prefix(int rc, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The calling thread's text; what svart_error_text() returns. */
const char *svart_fail_text(void);

/** Logs a line under the "svart" log type of DPDK. Never on hot or fault paths. */
void svart_log(enum svart_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif

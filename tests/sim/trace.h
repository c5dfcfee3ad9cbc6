/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_TRACE_H
#define SVART_SIM_TRACE_H

/**
 * @file
 * What happened in a run: a ring of the last events, and a hash of all of them.
 *
 * A trace is in memory that the run shares with the process that started it, so that a crash has one
 * too. An event never has something in it that differs from process to process.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_TRACE_LINES      160
#define SIM_TRACE_LINE_BYTES 168

/** Owner: the run; its parent once it has ended. Lifetime: the parent's. Locks: none. */
struct sim_trace {
	uint64_t hash;   /**< Of all events so far. */
	uint64_t nr;     /**< Events so far. */
	bool verbose;    /**< Each is printed as it comes. */
	const char *who; /**< The thread of the run that is not its first one; else NULL. */
	char failure[640];
	char lines[SIM_TRACE_LINES][SIM_TRACE_LINE_BYTES];
};

/** Empties a trace. */
void sim_trace_init(struct sim_trace *t, bool verbose);
/** Adds an event. */
void sim_event(struct sim_trace *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** An invariant does not hold: notes it and ends the process with status 1. */
_Noreturn void sim_fail(struct sim_trace *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Prints the last events, oldest first, and the failure if there is one. */
void sim_trace_print(const struct sim_trace *t, FILE *out);

#endif

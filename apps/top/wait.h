/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_WAIT_H
#define SVART_TOP_WAIT_H

/**
 * @file
 * Waiting and signals. Signals are blocked except during waits, so none is missed between a look at a flag
 * and a wait.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/** Catches the signals that end the program, resize the terminal or stop the program for a while. */
void svart_top_signals_catch(void);

/** Tells whether a signal asked for the end. */
bool svart_top_signal_end(void);
/** Tells whether the terminal's size changed; it says so once. */
bool svart_top_signal_resize(void);
/** Tells whether the terminal asked to stop (Ctrl-Z); it says so once. */
bool svart_top_signal_stop(void);

/** Reads CLOCK_MONOTONIC, in nanoseconds. */
uint64_t svart_top_now_ns(void);

/**
 * Waits for an event or a signal.
 *
 * @return 0 if there is an event; -ETIMEDOUT; -EINTR if a signal came.
 */
int svart_top_wait(struct pollfd *fds, nfds_t nr, uint64_t deadline_ns);

#endif

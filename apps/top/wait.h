/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TOP_WAIT_H
#define SVART_TOP_WAIT_H

/**
 * @file
 * Waiting and signals. Signals are blocked but for the waits, so none is missed between a look at a
 * flag and a wait.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/** Catches the signals that end the program, resize the terminal or stop the program for a while. */
void svart_top_signals_catch(void);

/** Whether a signal asked for the end. */
bool svart_top_signal_end(void);
/** Whether the terminal's size changed; says so once. */
bool svart_top_signal_resize(void);
/** Whether the terminal asked to stop (Ctrl-Z); says so once. */
bool svart_top_signal_stop(void);

/** Nanoseconds of CLOCK_MONOTONIC. */
uint64_t svart_top_now_ns(void);

/**
 * Waits for an event or a signal.
 *
 * @return 0 there is an event; -ETIMEDOUT; -EINTR a signal came.
 */
int svart_top_wait(struct pollfd *fds, nfds_t nr, uint64_t deadline_ns);

#endif

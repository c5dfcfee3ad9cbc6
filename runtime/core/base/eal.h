/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_EAL_H
#define SVART_EAL_H

/**
 * @file
 * DPDK's EAL, which runs once in a process.
 */

#include <stdbool.h>

/**
 * Starts EAL unless it runs.
 * @param args as svart_init_params.eal_args. With NULL, the program goes on without EAL if EAL does not
 *             start.
 * @param runs out: whether EAL runs. @return 0 or -errno, told.
 */
int svart_eal_start(const char *args, bool *runs);
/**
 * Writes the trace, if one is recorded and svart started EAL, because rte_eal_cleanup(), which would write
 * it, is never called then. A later call writes the files anew, with what was recorded since. A failure is
 * logged.
 */
void svart_eal_trace_save(void);
/**
 * Resets this in a forked child: a thread that does not exist there may have been starting EAL or writing
 * its trace.
 */
void svart_eal_forked(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_CLOCK_H
#define SVART_PERF_CLOCK_H

/**
 * @file
 * The time, and the work of the processor.
 */

#include <stdint.h>

/** Reads CLOCK_MONOTONIC, in nanoseconds. @thread any. */
uint64_t svart_perf_now_ns(void);

/** Reads the CPU time of all threads of this process so far, user and system, in nanoseconds. @thread any. */
uint64_t svart_perf_cpu_ns(void);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_HOST_H
#define SVART_PERF_HOST_H

/**
 * @file
 * The machine that the figures are from: without it they mean nothing.
 */

#include <stdint.h>

#include <jansson.h>

/**
 * The facts of the machine.
 *
 * Owner: the caller. Lifetime: its. Locks: none.
 */
struct perf_host {
	char cpu[96];        /**< Its name, as /proc/cpuinfo has it. */
	char kernel[64];     /**< Release. */
	char huge_pages[16]; /**< Mode for anonymous memory: always, madvise or never. */
	unsigned int cores;  /**< CPUs that this process may use. */
	double load;         /**< Runnable threads, average of the last minute, at the start. */
};

void svart_perf_host_get(struct perf_host *host);
/** @param rounds rounds of each measure. @return the member "machine"; NULL if memory is short. */
json_t *svart_perf_host_json(const struct perf_host *host, unsigned int rounds);
/** Prints it as a line. */
void svart_perf_host_text(const struct perf_host *host, unsigned int rounds);

#endif

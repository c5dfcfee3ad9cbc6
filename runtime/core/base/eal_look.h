/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_EAL_LOOK_H
#define SVART_EAL_LOOK_H

/**
 * @file
 * Looks at what EAL will find on this system, before EAL starts. EAL can start only once in a process, and
 * does not start at all if it lacks something, even if only an observer needs it. All functions: any
 * thread; they change nothing.
 */

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/** EAL's --file-prefix for programs that leave EAL's arguments to svart. */
#define SVART_EAL_PREFIX "svart"

/**
 * Tells whether a telemetry socket can be made in the place where DPDK makes it (eal_filesystem.c:
 * RUNTIME_DIRECTORY; /var/run for root; XDG_RUNTIME_DIR, or /tmp).
 *
 * @param prefix EAL's --file-prefix.
 * @param text   out: the socket's folder; or, in words, why there is none. len > 0.
 * @return whether the socket can be made.
 */
bool svart_eal_has_telemetry(const char *prefix, char *text, size_t len);

/**
 * Finds the CPUs of the calling thread that EAL will find in /sys. EAL takes no others.
 * @return how many; 0 also if the thread's CPUs cannot be read.
 */
unsigned int svart_eal_cpus(cpu_set_t *cpus);

#endif

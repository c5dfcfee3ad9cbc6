/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_SHAKE_H
#define SVART_SIM_SHAKE_H

/**
 * @file
 * Processes in which everything is elsewhere, to prove that a world follows from its seed alone.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Leaves mappings, files and dirty memory in this process, by chance of its own: a run after it has its
 * heap, its stack, its descriptors and what malloc() gives it in other places, and with other
 * contents, than a run before.
 */
void sim_shake(void);

/**
 * Starts this program again as `argv`, in a process whose address space is laid out in another way, with another
 * environment, working directory, stack and limits, and reads what it prints.
 * @param fd out: its standard output, for the caller to close.
 * @return its process id, or -1 with errno.
 */
pid_t sim_spawn_elsewhere(char **argv, int *fd);

#endif

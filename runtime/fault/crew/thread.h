/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_THREAD_H
#define SVART_FAULT_THREAD_H

/**
 * @file
 * The threads of a fault service.
 */

#include <pthread.h>
#include <stdbool.h>

/**
 * Starts a thread with signals blocked.
 *
 * @param eal whether EAL runs: if so, the thread is a DPDK control thread.
 * @param name at most 15 letters.
 * @return 0 or -errno, told. @thread control.
 */
int svart_fault_thread_start(
	bool eal, const char *name, void *(*main)(void *arg), void *arg, pthread_t *thread);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DPDK_COMPAT_H
#define SVART_DPDK_COMPAT_H

/**
 * @file
 * Functions that DPDK has renamed in 23.03, by their newer names. svart builds with 22.11 and with later
 * versions.
 */

#include <pthread.h>

#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)
#define rte_tel_data_add_array_uint rte_tel_data_add_array_u64
#define rte_tel_data_add_dict_uint  rte_tel_data_add_dict_u64
#endif

/**
 * Starts a control thread of EAL, which runs it beside the lcores. EAL must run.
 *
 * @param main the thread's function; pthread_join() gives what it returns.
 * @return 0 or a negative errno. @thread any. @blocks until the thread runs.
 */
int svart_ctrl_thread_create(
	pthread_t *thread, const char *name, void *(*main)(void *arg), void *arg);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TELEMETRY_H
#define SVART_TELEMETRY_H

/**
 * @file
 * Devices and their fault counters as DPDK telemetry.
 */

/** Registers the telemetry commands, once in a process. EAL must run. A failure is only logged. */
void svart_telemetry_register(void);

#endif

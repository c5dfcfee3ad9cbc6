/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PMD_HOST_H
#define SVART_PMD_HOST_H

/**
 * @file
 * What the core does for drivers.
 */

#include <svart_pmd.h>

extern const struct svart_pmd_host svart_host;

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_OPTION_H
#define SVART_OPTION_H

/**
 * @file
 * Options of a device spec, "key=value,key=value", as values.
 */

#include <stdint.h>

#include <rte_kvargs.h>

/** Reads a number. @param value stays as it is if there is no such option. @return 0 or -EINVAL, told. */
int svart_option_u64(const struct rte_kvargs *options, const char *key, uint64_t min, uint64_t max,
	uint64_t *value);

#endif

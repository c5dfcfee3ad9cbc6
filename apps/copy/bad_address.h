/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_COPY_BAD_ADDRESS_H
#define SVART_COPY_BAD_ADDRESS_H

/**
 * @file
 * Finds out why a device could not reach an address.
 */

#include "job.h"

/**
 * Says what the device could not reach, and as much of the reason as can be found: the CPU looks at the
 * same place, through the file and through memory.
 *
 * @param off   the operation's place in the file.
 * @param len   bytes that it had to copy there.
 * @param c     its completion, SVART_STATUS_BAD_ADDRESS.
 * @return -errno, told.
 * @blocks up to a tenth of a second, until the fault service has counted its answers.
 */
int svart_copy_say_bad_address(const struct copy_job_params *params, uint64_t off, uint64_t len,
	const struct svart_completion *c);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DROP_H
#define SVART_DROP_H

/**
 * @file
 * Taking ranges out of a space.
 */

#include "space_state.h"

/**
 * Unmaps all of every area that touches [first, last] (byte addresses): static areas if `fixed`, else
 * the others. When it returns 0, there was a moment, after the call began, in which no such area was mapped
 * or being mapped.
 * @return 0; -ETIMEDOUT some of it is held and was not released in time (hold.h), nothing else is
 *         mapped; or the -errno of the kernel's UNMAP: some may still be mapped.
 * @thread any, holding no claim. @blocks until maps of the range that are under way end.
 */
int svart_space_drop(struct svart_space *space, uint64_t first, uint64_t last, bool fixed);

/**
 * As svart_space_drop() of areas that are not static; windows leave the range out until it is named
 * (forgotten.h).
 */
int svart_space_forget_range(struct svart_space *space, uint64_t first, uint64_t last);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_ARENA_H
#define SVART_ARENA_H

/**
 * @file
 * The arena gives svart its own memory for devices: completion records and rings. The memory is taken from
 * segments of one chunk each, aligned to it, so that the number of chunks that svart itself takes follows
 * from how much it needs, and not from where mmap() happens to put it.
 *
 * A segment is a reservation (PROT_NONE); what is taken from it is mapped over it, kept from forks, and
 * mapped for devices as static memory. The space's last unbind unmaps all segments.
 */

#include <stddef.h>
#include <stdint.h>

struct svart_space;

/** Ends all segments; nothing is taken from them any more. @thread control. */
void svart_arena_fini(struct svart_space *space);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_STREAM_H
#define SVART_STREAM_H

/**
 * @file
 * How much to map around a fault. A small table remembers where recent windows ended. A fault that
 * goes on there doubles the window; a lone fault gets a sixteenth of the largest window. The table holds
 * several streams, so that the source and the destination of a copy, and several copies at once,
 * each count as sequential.
 */

#include <stdatomic.h>
#include <stdint.h>

#define SVART_NR_STREAMS 16

/**
 * The recent streams of one space.
 *
 * Owner: the space. Lifetime: the space's. Locks: none; a slot is one word, changed by
 * compare-and-swap. A lost race costs a smaller window, nothing else.
 */
struct svart_streams {
	/** Page-aligned end of the last window, and log2 of its size in the low 12 bits. 0: empty. */
	_Atomic uint64_t slot[SVART_NR_STREAMS];
	atomic_uint hand; /**< Which slot the next new stream takes. */
	uint64_t largest; /**< Bytes, a power of two; set once. */
};

/**
 * What one fault found; its thread passes it to svart_streams_advance(). Owner: that thread, on its stack.
 */
struct svart_stream_hit {
	uint64_t window; /**< Bytes to map around the fault, a power of two. */
	uint64_t old;    /**< What the slot held, 0 for a lone fault. */
	unsigned int slot;
};

/** @param largest bytes, a power of two, one page to one chunk. */
void svart_streams_init(struct svart_streams *s, uint64_t largest);

/** How much to map around a fault at addr. Any thread, does not block. */
struct svart_stream_hit svart_streams_window(struct svart_streams *s, uint64_t addr);

/**
 * Notes that a window was mapped for a fault. Any thread, does not block.
 *
 * @param end    page-aligned end of what was mapped.
 * @param window the size that the next one doubles: the hit's window, or one page if the window could not be
 *               mapped whole (a file's end, a guard page), so that the next windows grow anew.
 */
void svart_streams_advance(
	struct svart_streams *s, const struct svart_stream_hit *hit, uint64_t end, uint64_t window);

#endif

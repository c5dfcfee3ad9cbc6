/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_HOLD_H
#define SVART_HOLD_H

/**
 * @file
 * Holds: ranges that stay mapped from before a device is told of them until it is done with them. Devices
 * without page requests are served by holds.
 *
 * Each chunk counts the holds of each of its pages. A held page is mapped, with the access it was held
 * for, and not pending; so the area that it is in is neither evicted nor upgraded. svart_space_forget()
 * waits for the release, for SVART_HOLD_WAIT_NS at most; while it waits, areas of its range take no
 * new holds. A hold never waits for a forget, because one thread may call both.
 */

#include <stdbool.h>
#include <stdint.h>

#include "space.h"

/** How long a forget, or an upgrade for a page request, waits for releases; svart/space.h says so. */
#define SVART_HOLD_WAIT_NS UINT64_C(1000000000)

/**
 * Makes room for hold counts: 1 KiB for each of max_chunks chunks, of which only the parts for held chunks
 * are touched. To be called before the first hold; further calls do nothing.
 * @return 0 or -ENOMEM. @thread control.
 */
int svart_space_enable_holds(struct svart_space *space);

/**
 * Adds an attachment that holds: from now on the smallest budget includes what may be held.
 * @return 0, or -ENOSPC with a text: the space's budget is too small. @thread control, while bound.
 */
int svart_space_holder_add(struct svart_space *space);
void svart_space_holder_remove(struct svart_space *space);

/**
 * The longest range that can be held: two such ranges fit the limits of pages and of chunks. Only while
 * bound. Any thread.
 */
uint64_t svart_space_hold_range_max(const struct svart_space *space);

/**
 * The most bytes that can be held at once, by all holds of the space together: a quarter of the pin
 * limit, so that the areas around them fit too, or what one small operation takes. Only while bound. Any
 * thread.
 */
uint64_t svart_space_hold_limit(const struct svart_space *space);
/** Bytes that are held now; bytes that are held twice count twice. Any thread. */
uint64_t svart_space_held(const struct svart_space *space);

/**
 * Makes every page of [start, end) mapped with at least `access`, and holds them. If all are mapped
 * already, this is a lookup: it takes the lock of one shard at a time for some instructions, and makes no
 * system call. Holds of the same pages add up.
 *
 * @param start, end page-aligned, start < end.
 * @param bad out: with -EFAULT and -ENOMEM the first page that cannot be had.
 * @return 0; on an error nothing is held.
 *         -EFAULT as svart_space_resolve(), and static memory.
 *         -EAGAIN release something, or wait a moment, then try again: the limit is reached, the range
 *         is being forgotten, or is held for reading in an area that would have to be made writable,
 *         or other threads are working on the memory that is needed.
 *         -ENOMEM nothing can be evicted: only releases can help, if there is any hold.
 *         -E2BIG larger than the limit. -EINVAL, -ENODEV, -EPERM as svart_space_resolve().
 *         Others: of the kernel.
 * @thread any. Allocates nothing. @blocks until missing pages are mapped.
 */
int svart_space_hold(struct svart_space *space, uint64_t start, uint64_t end, unsigned int access,
	uint64_t *bad);

/**
 * As svart_space_hold(), but it maps nothing: it returns -ENOENT if some page is not mapped with this access,
 * and *bad is the first such page. @blocks never.
 */
int svart_space_hold_mapped(struct svart_space *space, uint64_t start, uint64_t end,
	unsigned int access, uint64_t *bad);

/** Ends one hold of exactly this range. @thread any. @blocks never. */
void svart_space_release(struct svart_space *space, uint64_t start, uint64_t end);

/**
 * Waits a moment for a release; no lock and no claim is held.
 * @param give_up_ns 0 in the first call, then kept. @return false: SVART_HOLD_WAIT_NS are over.
 */
bool svart_space_wait_for_release(struct svart_space *space, uint64_t *give_up_ns);

#endif

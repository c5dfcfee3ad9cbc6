/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_HOLD_H
#define SVART_HOLD_H

/**
 * @file
 * Holds: ranges that stay mapped from before a device is told of them until it is done with them. It
 * is how devices without page requests are served.
 *
 * Each chunk counts the holds of each of its pages. A held page is mapped, with the access it was held
 * for, and not pending; so the area that it is in is neither evicted nor upgraded. svart_space_forget()
 * waits for the release, for SVART_HOLD_WAIT_NS at most, and while it waits areas of its range take no
 * new holds; a hold never waits for a forget, for both may be called by one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "space.h"

/** How long a forget, or an upgrade for a page request, waits for releases; svart/space.h says so. */
#define SVART_HOLD_WAIT_NS UINT64_C(1000000000)

/**
 * Makes room for hold counts: 1 KiB a chunk of max_chunks, touched where something is held. Before the
 * first hold; more calls do nothing.
 * @return 0 or -ENOMEM. @thread control.
 */
int svart_space_enable_holds(struct svart_space *space);

/**
 * The most bytes that can be held at once, by all holds of the space together: a quarter of the pin
 * limit, so that the areas around them fit too. Only while bound. Any thread.
 */
uint64_t svart_space_hold_limit(const struct svart_space *space);
/** Bytes that are held now; what is held twice counts twice. Any thread. */
uint64_t svart_space_held(const struct svart_space *space);

/**
 * Makes every page of [start, end) mapped with at least `access`, and holds them. Where all is mapped
 * already this is a lookup: the lock of one shard at a time for some instructions, no system call.
 * Holds of the same pages add up.
 *
 * @param start, end page-aligned, start < end.
 * @param bad out: with -EFAULT and -ENOMEM the first page that cannot be had.
 * @return 0; on an error nothing is held.
 *         -EFAULT as svart_space_resolve(), and static memory.
 *         -EAGAIN release something, or wait a moment, then try again: the limit is reached, the range
 *         is being forgotten, or is held for reading in an area that would have to be made writable,
 *         or others are just working on the memory that is needed.
 *         -ENOMEM nothing can be evicted: only releases can help, if there is any hold.
 *         -E2BIG larger than the limit. -EINVAL, -ENODEV, -EPERM as svart_space_resolve().
 *         Others: of the kernel.
 * @thread any. Allocates nothing. @blocks as long as missing pages take to come.
 */
int svart_space_hold(struct svart_space *space, uint64_t start, uint64_t end, unsigned int access,
	uint64_t *bad);

/**
 * As svart_space_hold(), and maps nothing: -ENOENT if some page is not mapped with this access, *bad is
 * the first. @blocks never.
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

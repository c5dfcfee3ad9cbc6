/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_BUDGET_H
#define SVART_BUDGET_H

/**
 * @file
 * The pin limit, and eviction: first in, first out, with a second chance for chunks that came back soon
 * after an eviction (iommufd keeps no reference bits).
 */

#include "space_state.h"

/** One caller that evicts, and the chunks that it spares. Owner: its thread, on its stack. */
struct svart_eviction {
	uint64_t spare_first, spare_last; /**< Numbers of the chunks being resolved. */
	/** If there is nothing else, take these chunks too, and chunks that somebody works on. */
	bool last_resort;
	bool took_own; /**< out: one of these chunks was taken. */
};

/**
 * Unmaps the oldest chunk: all of it that is neither static nor pending. The caller may hold a claim.
 * @return 0; -ENOENT nothing can be evicted; -errno of the kernel.
 * @thread any. @blocks while the kernel unmaps.
 */
int svart_space_evict(struct svart_space *space, struct svart_eviction *eviction);

/**
 * Takes bytes from the budget; evicts if there are too few. The caller gives them back with
 * svart_space_unreserve(), unless they are published as mapped.
 * @return 0; -ENOMEM nothing can be evicted; -errno of the kernel.
 */
int svart_space_reserve(struct svart_space *space, uint64_t bytes, struct svart_eviction *eviction);
void svart_space_unreserve(struct svart_space *space, uint64_t bytes);

struct svart_claim;

/**
 * Reserves bytes for a claim on absent pages and tries once to map it. After a failure nothing is reserved.
 * @return 0; -ENOMEM of the budget or the kernel; another -errno of the kernel.
 */
int svart_space_try_map(struct svart_space *space, const struct svart_claim *claim, bool writable,
	struct svart_eviction *eviction);

/**
 * As svart_space_try_map(), and tries again after errors that may pass: it evicts for as long as the kernel
 * says ENOMEM, and tries a limited number of times more after EEXIST, EBUSY and EINTR.
 */
int svart_space_map(struct svart_space *space, const struct svart_claim *claim, bool writable,
	struct svart_eviction *eviction);

/**
 * How long a thread that holds no claim has waited for memory that other threads are working on.
 * It is zeroed to begin with. Owner: a call, on its stack.
 */
struct svart_patience {
	uint64_t give_up_ns;
	unsigned int idle; /**< Times in a row that nobody else was found at work. */
};

/**
 * Waits a moment after -ENOMEM, if that can help.
 * @return true: it has waited, the caller tries again; false: waiting does not help.
 */
bool svart_space_wait_for_others(struct svart_space *space, struct svart_patience *patience);

#endif

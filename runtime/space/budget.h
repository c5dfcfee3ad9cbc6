/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_BUDGET_H
#define SVART_BUDGET_H

/**
 * @file
 * The pin limit, and eviction: first in, first out, with a second chance for what came back soon
 * (iommufd keeps no reference bits).
 */

#include "space_state.h"

/** Who evicts, and what not. On the stack of its thread. */
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
 * Takes bytes from the budget, evicts for it. Give back with svart_space_unreserve(), unless they
 * are published as mapped.
 * @return 0; -ENOMEM nothing can be evicted; -errno of the kernel.
 */
int svart_space_reserve(struct svart_space *space, uint64_t bytes, struct svart_eviction *eviction);
void svart_space_unreserve(struct svart_space *space, uint64_t bytes);

struct svart_claim;

/**
 * Reserves for a claim on absent pages and maps it, once. A failure leaves nothing reserved.
 * @return 0; -ENOMEM of the budget or the kernel; another -errno of the kernel.
 */
int svart_space_try_map(struct svart_space *space, const struct svart_claim *claim, bool writable,
	struct svart_eviction *eviction);

/**
 * As above, and takes no for an answer only when it is one: evicts for as long as the kernel says
 * ENOMEM, and tries some times more on what may pass (EEXIST, EBUSY, EINTR).
 */
int svart_space_map(struct svart_space *space, const struct svart_claim *claim, bool writable,
	struct svart_eviction *eviction);

/**
 * How long a thread that holds no claim has waited for memory that others are just working on.
 * Zeroed to begin with. Owner: a call on its stack.
 */
struct svart_patience {
	uint64_t give_up_ns;
	unsigned int idle; /**< Times in a row that nobody else was found at work. */
};

/** After -ENOMEM. @return true: waited a moment, try again; false: it will not get better. */
bool svart_space_wait_for_others(struct svart_space *space, struct svart_patience *patience);

#endif

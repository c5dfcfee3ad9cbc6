/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SPACE_STATE_H
#define SVART_SPACE_STATE_H

/**
 * @file
 * What a space consists of; for the files of this folder only.
 */

#include <stdatomic.h>

#include "aperture.h"
#include "chunk_map.h"
#include "demand.h"
#include "forgotten.h"
#include "lease.h"
#include "open_ranges.h"
#include "refused.h"
#include "space.h"
#include "stream.h"

/**
 * Counters that several threads change, relaxed. Each is exact; several read together can be of different
 * moments.
 *
 * Owner: the space. Lifetime: the space's. Locks: none.
 */
struct svart_space_counters {
	alignas(64) _Atomic uint64_t
		pinned; /**< Bytes that are mapped, or reserved by a thread to be mapped. */
	_Atomic uint64_t pinned_peak;
	_Atomic uint64_t fixed;  /**< Bytes of pinned that are static memory. */
	_Atomic uint64_t claims; /**< Claims in flight. */
	_Atomic uint64_t held;   /**< Bytes held; bytes held twice count twice. */
	_Atomic uint64_t maps, unmaps, evictions, upgrades, exact_retries, replaced, replaced_held;
};

/**
 * See space.h. What bind sets does not change before the last unbind, and then no resolver is left.
 *
 * Owner: the program. Lifetime: svart_space_init() to svart_space_fini(). Locks: binding is a
 * control call; the rest is in map, atomics.
 */
struct svart_space {
	void *owner;
	uint64_t asked_pin_limit;    /**< As in svart_space_params; 0: the default. */
	uint64_t asked_fault_around; /**< As in svart_space_params, with the default filled in. */
	atomic_bool dead;
	atomic_uint binds;

	struct svart_machine *m;
	int iommufd;
	uint32_t ioas;
	struct svart_vma_reader *vmas;
	uint64_t pin_limit;
	_Atomic(struct svart_aperture *) aperture;

	struct svart_demand demand; /**< Control calls only. */
	_Atomic uint32_t max_area_pages;
	/** There are leases and holds: then no hold takes more than its own pages, so that both fit. */
	atomic_bool exact_holds;
	unsigned int holders;      /**< Attachments that hold; control calls only. */
	struct svart_arena *arena; /**< The segment used last, or NULL; control calls only. */

	atomic_bool told_replaced; /**< Replaced memory was logged (replaced.h). */
	struct svart_streams streams;
	struct svart_forgotten forgotten;
	struct svart_open_ranges open_ranges; /**< Invalidations that have begun. */
	_Atomic uint64_t ends;                /**< Invalidations that have ended. */
	pthread_mutex_t listeners_lock;       /**< Guards listeners; held while they are called. */
	struct svart_space_listener *listeners;
	struct svart_leases leases;
	struct svart_refused refused;
	struct svart_chunk_map map;
	struct svart_space_counters n;
};

/** Adds to a counter. */
static inline void svart_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/**
 * Waits for other threads, a millisecond at most. It does not call svart_pause(), whose hooks run the inline
 * fault service: that would call the space while this call is half done.
 */
void svart_space_pause(struct svart_space *space);

/** Counts an invalidation that has ended, and calls all listeners. @thread any, holding no lock. */
void svart_space_note_end(struct svart_space *space);

/** @return 0, -EPERM after a fork, -ENODEV while unbound. */
int svart_space_check_usable(const struct svart_space *space);

/**
 * Bytes that this process may pin, from RLIMIT_MEMLOCK and its capabilities, see svart/space.h.
 * @return 0, or -ENOMEM if that is next to nothing, with a text.
 */
int svart_pin_limit_default(struct svart_machine *m, uint64_t *limit);

#endif

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
#include "forgotten.h"
#include "space.h"
#include "stream.h"

/**
 * Counters that several threads move, relaxed: each is exact, together they are a snapshot.
 *
 * Owner: the space. Lifetime: the space's. Locks: none.
 */
struct svart_space_counters {
	alignas(64) _Atomic uint64_t
		pinned; /**< Bytes mapped, or reserved by who is about to map. */
	_Atomic uint64_t pinned_peak;
	_Atomic uint64_t fixed;  /**< Bytes of pinned that are static memory. */
	_Atomic uint64_t claims; /**< Claims in flight. */
	_Atomic uint64_t held;   /**< Bytes held, those held twice counted twice. */
	_Atomic uint64_t maps, unmaps, evictions, upgrades, exact_retries;
};

/**
 * See space.h. What bind sets does not change before the last unbind, when no resolver is left.
 *
 * Owner: the program. Lifetime: svart_space_init() to svart_space_fini(). Locks: binding is a
 * control call; the rest is in map, atomics.
 */
struct svart_space {
	void *owner;
	uint64_t asked_pin_limit;    /**< svart_space_params, 0: the default. */
	uint64_t asked_fault_around; /**< svart_space_params, the default filled in. */
	atomic_bool dead;
	atomic_uint binds;

	struct svart_machine *m;
	int iommufd;
	uint32_t ioas;
	struct svart_vma_reader *vmas;
	uint64_t pin_limit;
	_Atomic(struct svart_aperture *) aperture;

	struct svart_streams streams;
	struct svart_forgotten forgotten;
	struct svart_chunk_map map;
	struct svart_space_counters n;
};

/** Adds to a counter. */
static inline void svart_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/**
 * Waits for other threads, a millisecond at most. Not svart_pause(): its hooks run the inline fault
 * service, which would come back into the space while this call is half done.
 */
void svart_space_pause(struct svart_space *space);

/** @return 0, -EPERM after a fork, -ENODEV while unbound. */
int svart_space_check_usable(const struct svart_space *space);

/**
 * Bytes that this process may pin, from RLIMIT_MEMLOCK and its capabilities, see svart/space.h.
 * @return 0, or -ENOMEM if that is next to nothing, with a text.
 */
int svart_pin_limit_default(struct svart_machine *m, uint64_t *limit);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_STATE_H
#define SVART_MODEL_STATE_H

/**
 * @file
 * The whole of one software machine. kernel_state.h has the order of its locks.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "iommu_device.h"
#include "kernel_state.h"
#include "machine.h"
#include "seed.h"

/**
 * The machine.
 *
 * Owner: the runtime context. Lifetime: create to destroy. Locks: it is constant, except the clock, and the
 * parts, which have locks of their own.
 */
struct svart_model {
	struct svart_machine base; /**< First. */
	/** The real machine: calls that are not for the model go to it. */
	struct svart_machine *host;
	bool manual; /**< step=manual. */
	uint64_t seed_option;
	struct svart_seed seed;
	_Atomic uint64_t clock_ns; /**< Time under step=manual. */

	struct svart_iommu iommu;
	struct svart_kernel kernel;
	/** Held while a device is added; it is outside of all other locks. */
	pthread_mutex_t devices_lock;
};

static inline struct svart_model *svart_model_of(struct svart_machine *m)
{
	return (struct svart_model *)m;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef PKTCOPY_PIPELINE_H
#define PKTCOPY_PIPELINE_H

/**
 * @file
 * The pipeline: receive -> ring -> copy -> ring -> transmit. One lcore polls each stage; an lcore may poll
 * several. The receive stage makes the packets, and the transmit stage checks them.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "options.h"

/** Stages that an lcore polls, as bits. */
enum stage {
	STAGE_RX = 1 << 0,
	STAGE_COPY = 1 << 1,
	STAGE_TX = 1 << 2,
	STAGE_ALL = STAGE_RX | STAGE_COPY | STAGE_TX,
};

/** A packet while the device copies it. */
struct copy {
	struct rte_mbuf *src, *dst;
};

/**
 * Owner: main. Lifetime: the program. Locks: none; one stage writes each member below the rings, and those
 * that others read are atomic.
 */
struct pipeline {
	struct options options;
	int16_t dma;
	uint16_t nb_desc;
	struct rte_mempool *rx_pool, *tx_pool;
	struct rte_ring *to_copy, *to_tx;
	volatile bool *stop; /**< A signal sets it: no more packets are made. */

	/* Members of receive. */
	_Alignas(64) atomic_ulong received;
	atomic_bool rx_done;
	uint32_t random;

	/* Members of copy. */
	_Alignas(64) struct copy *copies; /**< array[65536], by the id of the copy. */
	uint32_t in_flight;
	atomic_ulong dropped; /**< The device could not copy them. */
	uint64_t full;   /**< Polls that found packets, but a device with no room for one more. */
	bool takes_none; /**< At the last poll the device had no copies, and took none. */

	/* Members of transmit. */
	_Alignas(64) atomic_ulong transmitted;
	uint64_t bytes;
	uint64_t wrong; /**< Transmitted packets that differ from what was received. */
	uint64_t next;  /**< The number of the next packet, which is larger after drops. */
};

/**
 * Makes the pools and the rings of a pipeline whose options and device are known.
 * @return 0 or -errno, told on standard error; the caller must call pipeline_fini() in any case.
 */
int pipeline_init(struct pipeline *p);
void pipeline_fini(struct pipeline *p);

/**
 * Polls stages until every packet has gone through.
 * @return whether they have; false if nothing moves any more, told on standard error.
 */
bool pipeline_run(struct pipeline *p, unsigned int stages);

#endif

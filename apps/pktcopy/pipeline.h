/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef PKTCOPY_PIPELINE_H
#define PKTCOPY_PIPELINE_H

/**
 * @file
 * The pipeline: receive -> ring -> copy -> ring -> transmit. Each stage is polled by one lcore; an
 * lcore may poll several. Packets are made by the receive stage and checked by the transmit stage.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "options.h"

/** Stages, as bits: what an lcore polls. */
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
 * Owner: main. Lifetime: the program. Locks: none; every member below the rings is written by one
 * stage, and those that others read are atomic.
 */
struct pipeline {
	struct options options;
	int16_t dma;
	uint16_t nb_desc;
	struct rte_mempool *rx_pool, *tx_pool;
	struct rte_ring *to_copy, *to_tx;
	volatile bool *stop; /**< Set by a signal: no more packets are made. */

	/* Of receive. */
	_Alignas(64) atomic_ulong received;
	atomic_bool rx_done;
	uint32_t random;

	/* Of copy. */
	_Alignas(64) struct copy *copies; /**< array[65536], by the id of the copy. */
	uint32_t in_flight;
	atomic_ulong dropped; /**< The device could not copy them. */
	uint64_t full;        /**< Times that the device had no room. */

	/* Of transmit. */
	_Alignas(64) atomic_ulong transmitted;
	uint64_t bytes;
	uint64_t wrong; /**< Of the transmitted: not what was received. */
	uint64_t next;  /**< The next one's number is this or, after drops, more. */
};

/**
 * Makes the pools and the rings of a pipeline whose options and device are known.
 * @return 0 or -errno, told on standard error; pipeline_fini() is due in any case.
 */
int pipeline_init(struct pipeline *p);
void pipeline_fini(struct pipeline *p);

/**
 * Polls stages until every packet went through.
 * @return whether they did; false: nothing moves any more, told on standard error.
 */
bool pipeline_run(struct pipeline *p, unsigned int stages);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_FAKE_QUEUE_H
#define SVART_TEST_FAKE_QUEUE_H

/**
 * @file
 * A svart queue without a device: it runs what it was handed when the test says so, the last first, as a
 * device may, and reports in the order of prep. A page can be made to fault.
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/queue.h>

/** Deepest fake queue. */
#define FAKE_DEPTH_MAX 64

/** Owner: its test. Lifetime: init to the end of the test. */
struct fake_queue {
	struct svart_queue fast; /**< First. */
	uint32_t depth;
	struct svart_op ops[FAKE_DEPTH_MAX];
	struct svart_completion done[FAKE_DEPTH_MAX];
	bool ran[FAKE_DEPTH_MAX];
	uint32_t head, handed, tail; /**< Run free. */
	unsigned int runs;           /**< Operations run so far. */

	uint64_t fault_page;      /**< Its address; 0: none. */
	unsigned int faults_left; /**< Times that it faults. */
	enum svart_status fault;  /**< How an operation ends there. */
	bool backward;            /**< Copies run from the end to the start. */
	bool failed;              /**< The queue has failed. */
	unsigned int pumps;       /**< Calls of svart_fault_pump(). */
};

void fake_queue_init(struct fake_queue *f, uint32_t depth);

/** Runs all that was handed over, the last first. @return how many. */
unsigned int fake_queue_run(struct fake_queue *f);

/** From now on the queue has failed: what has not run ends with QUEUE_FAILED. */
void fake_queue_fail(struct fake_queue *f);

#endif

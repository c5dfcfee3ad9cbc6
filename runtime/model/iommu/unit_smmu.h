/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_UNIT_SMMU_H
#define SVART_MODEL_UNIT_SMMU_H

/**
 * @file
 * The interface between unit_smmu.c (registers) and unit_smmu_queue.c (contents of the queues). The device
 * lock is held in all calls.
 */

#include <stdbool.h>
#include <stdint.h>

#include "unit.h"

/** Every queue has at most 2^12 records. */
#define SVART_SMMU_QUEUE_LOG2 12

/** The registers of one queue. Owner: its unit. Lifetime, locks: the unit's. */
struct svart_smmu_queue {
	uint64_t base;
	uint32_t prod, cons;
};

/**
 * The unit.
 *
 * Owner, lifetime, locks: as svart_unit.
 */
struct svart_smmu {
	struct svart_unit unit;
	uint32_t cr0, irq_ctrl, gerror, gerrorn;
	struct svart_smmu_queue cmdq, evtq, priq;
	/** Stalled transactions whose records wait for room in the event queue, oldest first. */
	struct svart_unit_request *waiting;
	uint32_t nr_waiting, max_waiting;
};

/** As svart_unit_ops.report, one for each of the two kinds. */
int svart_smmu_report_stall(struct svart_unit *unit, const struct svart_unit_request *request);
int svart_smmu_report_page_request(
	struct svart_unit *unit, const struct svart_unit_request *request);
/** Writes the stalls that wait, as far as the event queue takes them now. */
void svart_smmu_drain(struct svart_smmu *s);
/** Consumes commands as far as they go. */
void svart_smmu_consume(struct svart_smmu *s);

#endif

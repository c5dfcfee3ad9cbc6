/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FUZZ_RAW_H
#define SVART_FUZZ_RAW_H

/**
 * @file
 * The raw fault queues and the fault service on them, behind a unit that queues any record. Sources are
 * served by the service, or by hand: step by step, so that answers can be late.
 *
 * Input: steps, each a letter and its operands of 8 bits.
 *
 *     q PASID GROUP FLAGS PAGE   queue a request: see enum raw_flag; PASID 0 is none
 *     r RING RECORD              queue 32 bytes as they are (16 on an SMMU's ring 1, PRI)
 *     g PASID NR FLAGS           queue 16 * NR requests, of groups 0 to 511 of that PASID and the next
 *     f NR                       queue the last record 16 * NR times more
 *     l NR                       queue it so often before the next drain is done
 *     y REG NR                   queue it so often before register REG % 16 of queues is read, after
 *                                REG / 16 reads of it
 *     d SOURCE                   detach a source, or attach it again
 *     h SOURCE                   detach a source, or attach it to be served by hand
 *     t SOURCE NR                by hand: take up to NR requests
 *     a SOURCE N                 by hand: answer the N/2-th that was taken, N odd: INVALID
 *     m SOURCE MODE              eager or deferred
 *     s PAUSES                   the unit takes answers only 16 * PAUSES pauses after it was told
 *     x REG VALUE                a register of queues says VALUE (64 bits): any number
 *     e                          end now, with all that is queued
 *     anything else              pump
 *
 * Oracle: each record that came into a ring and is owed an answer has a name (raw_names.h). An answer
 * with a name that is not owed ends the program; so does a name that is still owed when all is taken and
 * when the queues are gone, an answer by hand that does not go out, a second one that does, a source that
 * is lost on a sound unit, or a node that is not free at the end.
 */

#include "fuzz.h"
#include "iommu_unit.h"

/** Of step q. */
enum raw_flag {
	RAW_LAST = 1 << 0,
	RAW_READ = 1 << 1,
	RAW_WRITE = 1 << 2,
	RAW_PRIVATE_DATA = 1 << 3, /**< VT-d. */
	RAW_EXEC = 1 << 4,
	RAW_PRIVILEGED = 1 << 5,
	RAW_STRANGER = 1 << 6, /**< Of another device. */
	RAW_RING_1 = 1 << 7,   /**< SMMU: PRI, not an event. */
};

/** Runs an input on a unit of that kind. */
void raw_fuzz_one(struct fuzz_input *in, enum svart_iommu_unit_kind kind);

#endif

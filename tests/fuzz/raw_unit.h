/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FUZZ_RAW_UNIT_H
#define SVART_FUZZ_RAW_UNIT_H

/**
 * @file
 * The unit behind the raw fault queues that are fuzzed: registers, rings where svart put them, an
 * interrupt. It queues any record, takes answers when it is told to, and counts off what is owed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "iommu_unit_file.h"
#include "raw_names.h"
#include "smmu_spec.h"
#include "world.h"

/** The device, and another one. */
#define RAW_RID      0x6a08u
#define RAW_STRANGER 0x1234u

/** Records that come at a moment of svart's, not of the input's. */
struct raw_late {
	uint32_t off;      /**< Before this register is read, */
	unsigned int skip; /**< after so many reads. */
	unsigned int nr;
};

/** Owner: one input. Lifetime: its. Locks: none, one thread. */
struct raw_unit {
	struct world world; /**< First: what the machine's ops get is in it. */
	struct svart_iommu_unit file;
	uint64_t regs[SVART_SMMU_REGS_BYTES / 8];
	bool interrupt;
	bool broken;       /**< A register said what cannot be: nothing is known any more. */
	unsigned int slow; /**< Pauses from when it is told of answers to when it takes them. */
	unsigned int wait; /**< Of them, those to come. */

	uint64_t record[4];      /**< Queued last. */
	unsigned int ring;       /**< Where. */
	unsigned int nr_records; /**< That came so far. */
	struct raw_late at_read;
	unsigned int at_drain; /**< Records that come before the next drain ends. */

	struct raw_names names;
};

/** A zeroed unit begins: registers as after reset, and a world on it. */
void raw_unit_init(struct raw_unit *u, enum svart_iommu_unit_kind kind);
static inline bool raw_unit_is_vtd(const struct raw_unit *u)
{
	return u->file.kind == SVART_IOMMU_UNIT_VTD;
}

/** Queues u->record on u->ring, nr times, as far as there is room. What is owed is in u->names then. */
void raw_unit_queue(struct raw_unit *u, unsigned int nr);
/** It takes answers so many pauses after it is told of them; 0: at once, and what it was told of now. */
void raw_unit_slow(struct raw_unit *u, unsigned int pauses);
/** A register of queues says value; the unit is broken. @param n any. */
void raw_unit_break(struct raw_unit *u, uint8_t n, uint64_t value);
/** Before a register is read nr records come. @param n any: which, and how many reads are let pass. */
void raw_unit_late(struct raw_unit *u, uint8_t n, unsigned int nr);

#endif

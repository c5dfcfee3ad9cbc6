/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_FAULT_FAKE_UNIT_H
#define SVART_TEST_FAULT_FAKE_UNIT_H

/**
 * @file
 * A VT-d unit and an SMMU for tests of raw sources: registers in the test's memory, rings where svart
 * put them, an interrupt that is an eventfd, and a log of what was answered.
 */

#include "fake.h"

#include "bits.h"
#include "smmu_spec.h"
#include "source_raw_internal.h"
#include "vtd_spec.h"

#define UNIT_RID     0x6a08u
#define UNIT_ANSWERS 65536

/** Owner: one test. Locks: lock, so that threads may answer at once. */
struct fake_unit {
	struct svart_machine base; /**< First: svart sees this. */
	struct svart_iommu_unit unit;
	pthread_mutex_t lock;
	_Alignas(8) uint8_t regs[SVART_SMMU_REGS_BYTES];

	/* Script. */
	uint32_t deaf_reg;       /**< Writes to it do nothing; 0: none. */
	bool stuck;              /**< Takes no answers. */
	unsigned int pauses;     /**< So many pauses pass before it takes answers. */
	int mmap_rc, madvise_rc; /**< Returned from now on, if not 0. */

	/* What happened. */
	uint64_t answers[UNIT_ANSWERS][4];
	unsigned int nr_answers;   /**< But for waits and syncs. */
	unsigned int nr_doorbells; /**< Writes of the answers' tail. */
	unsigned int nr_drains;    /**< Waits with PRQ drain, syncs. */
	unsigned int nr_maps;      /**< Mappings that are there. */
	unsigned int nr_reads;     /**< Of the interrupt. */
	unsigned int nr_pauses;    /**< Waits for the unit. */
	/** Called at a drain, to queue what was on its way. */
	void (*on_drain)(struct fake_unit *f);
	/** Called once, before the next read of a register of 4 bytes, at off_on_read. */
	void (*on_read)(struct fake_unit *f);
	uint32_t off_on_read;
};

struct fake_unit *fake_unit_create(enum svart_iommu_unit_kind kind);
/** Fails the test if memory was not given back. */
void fake_unit_destroy(struct fake_unit *f);

uint64_t fake_reg(const struct fake_unit *f, uint32_t off);
void fake_reg_set(struct fake_unit *f, uint32_t off, uint64_t value);
/** Whether an interrupt was raised and not taken. */
bool fake_unit_interrupted(const struct fake_unit *f);

/** A VT-d record. @param flags LAST, PASID, OWN. */
struct svart_vtd_page_request vtd_record(
	uint32_t pasid, uint32_t group, uint32_t flags, uint32_t access, uint64_t addr);
/** Queues a record as VT-d does, or drops it for want of room. */
void vtd_queue(struct fake_unit *f, struct svart_vtd_page_request record);
/** Queues a record as an SMMU does. */
void smmu_event_queue(struct fake_unit *f, struct svart_smmu_event event);
void smmu_pri_queue(struct fake_unit *f, struct svart_smmu_pri pri);

/** A unit's queues with a source for PASID 5. Owner: one test. Locks: none. */
struct fake_rig {
	struct fake_unit *f;
	struct svart_fault_raw *raw;
	struct svart_fault_source *s;
	struct svart_page_request out[64]; /**< What was fetched last. */
};

struct fake_rig *fake_rig_create(enum svart_iommu_unit_kind kind);
/** Fails the test if memory was not given back. */
void fake_rig_destroy(struct fake_rig *rig);
/** @return as a source's fetch. */
ssize_t fake_rig_fetch(struct fake_rig *rig);

/** The answer that svart's engine would give to a request. */
struct svart_page_response answer_to(const struct svart_page_request *r, uint32_t code);

#endif

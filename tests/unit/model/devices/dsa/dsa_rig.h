/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_DSA_RIG_H
#define SVART_TEST_DSA_RIG_H

/**
 * @file
 * A DSA model on a bus of the test's own: memory of RIG_PAGES pages at RIG_VA, a page table that the
 * test controls, and page request groups that wait to be answered.
 *
 * Pages that follow each other in addresses are scattered in "translated" addresses, but for pairs of
 * them, so that runs end and go on. Every access is checked: the page must be present, with the
 * right permission, at the time of the access.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bits.h"
#include "bus.h"
#include "dsa_spec.h"

#define RIG_PAGES 128
#define RIG_VA    UINT64_C(0x7f0000000000)
#define RIG_BYTES (RIG_PAGES * SVART_PAGE_SIZE)

/**
 * Memory is seen so often, at a distance that the device's cache of translations has the same sets for (2048), each
 * time from so many pages later on: the same places of the mirrors are different pages.
 */
#define RIG_MIRRORS      3u
#define RIG_MIRROR_BYTES (2048 * SVART_PAGE_SIZE)
#define RIG_MIRROR_PAGES RIG_BLOCK_PAGES

/* Where tests keep completion records: the last page. */
#define RIG_RECORDS_PAGE (RIG_PAGES - 1)

/** The pages of the upper half lie in aligned blocks of so many, those of the lower half in pairs. */
#define RIG_BLOCK_PAGES 16u

#define RIG_NONE 0u
#define RIG_R    1u
#define RIG_W    2u
#define RIG_RW   3u

#define RIG_MAX_GROUPS 64

/** A page request group as it was sent. Owner: the test's thread. Lifetime: the rig's. Locks: none. */
struct rig_group {
	uint32_t pasid;
	uint16_t prgi;
	unsigned int nr;
	bool complete; /**< Its LAST came. */
	bool answered;
	struct svart_bus_page_request requests[64];
};

/** All of it. Owner: the test's thread. Lifetime: rig_create() to rig_destroy(). Locks: none. */
struct rig {
	struct svart_bus bus; /* First. */
	void *dev;

	/* What the test controls. */
	bool bus_master;
	bool privileged; /**< Privileged Mode Enable. */
	bool ats;
	bool pri;
	bool stalls;                /**< Requests are accesses that wait. */
	uint32_t allocation;        /**< PRI allocation; requests beyond it are -EBUSY. */
	uint32_t busy_after;        /**< More requests open than this are -EBUSY. */
	bool answer_at_once;        /**< Groups are served from within page_request(). */
	uint32_t full;              /**< So many groups more are answered as by a full queue. */
	uint32_t drop_first;        /**< So many groups more lose all but their LAST. */
	uint32_t pasid;             /**< The only one that has translations. */
	uint8_t present[RIG_PAGES]; /**< RIG_R | RIG_W: what is mapped now. */
	uint8_t allowed[RIG_PAGES]; /**< What rig_serve() may map. */
	int copy_error;             /**< Returned by copy() and fill() if not 0. */
	uint64_t last_record;       /**< Where write_record() wrote last: the translated address. */
	uint64_t no_record_at; /**< write_record() fails there, with an error that is no fault. */

	/* What happened. */
	struct rig_group groups[RIG_MAX_GROUPS];
	unsigned int nr_groups;
	bool interleaved; /**< A group began before another one had its LAST. */
	unsigned int requests_open;
	unsigned int requests_most;
	unsigned int nr_translates;
	unsigned int nr_interrupts[SVART_DSA_NR_VECTORS];
	_Atomic unsigned int nr_wakes;

	uint8_t *memory;
};

struct rig *rig_create(const char *options);
void rig_destroy(struct rig *r);

/** The byte at va, whatever the page table says. */
uint8_t *rig_at(struct rig *r, uint64_t va);
void rig_read(struct rig *r, uint64_t va, void *buf, size_t len);
void rig_write(struct rig *r, uint64_t va, const void *buf, size_t len);
/** The address of a page. */
uint64_t rig_page(unsigned int page);
/** Where a mirror, 0 to RIG_MIRRORS - 1, shows that page; 0 is rig_page(). */
uint64_t rig_mirrored(unsigned int mirror, unsigned int page);
/** Sets nr pages' permission; invalidates in the device what is taken away. */
void rig_map(struct rig *r, unsigned int page, unsigned int nr, unsigned int access);
/** Sets what rig_serve() may map; maps nothing. */
void rig_allow(struct rig *r, unsigned int page, unsigned int nr, unsigned int access);

/** Answers one group. */
void rig_answer(struct rig *r, unsigned int group, enum svart_bus_prg_response code);
/** Answers all complete groups: maps what they ask for if all of it is allowed; else INVALID. */
bool rig_serve(struct rig *r);

uint64_t rig_reg(struct rig *r, uint64_t off);
void rig_reg_set(struct rig *r, uint64_t off, uint64_t value);
uint32_t rig_reg32(struct rig *r, uint64_t off);
void rig_reg32_set(struct rig *r, uint64_t off, uint32_t value);
/** Writes a command. @return CMDSTS. */
uint32_t rig_cmd(struct rig *r, unsigned int code, uint32_t operand);
/** Offset of a dword of a WQCFG. */
uint64_t rig_wqcfg(unsigned int wq, unsigned int dword);
uint64_t rig_grpcfg(unsigned int group, unsigned int off);

/** Configures WQ n with size bytes, block on fault, and a group n with engine n. */
void rig_wq_config(struct rig *r, unsigned int wq, unsigned int size);
/** One WQ and one engine, enabled; dw2 bits to set and clear besides. */
void rig_start(struct rig *r, uint32_t dw2_set, uint32_t dw2_clear);

/** The same with WQ 0 shared, of 16 entries, the threshold being 8. */
void rig_start_shared(struct rig *r);

/** Where record n is. */
uint64_t rig_record_va(unsigned int n);
struct svart_dsa_record rig_record(struct rig *r, unsigned int n);
/** A descriptor with CRAV, RCR, BOF, and record n, which is cleared. */
struct svart_dsa_desc rig_memmove(
	struct rig *r, unsigned int n, uint64_t dst, uint64_t src, uint32_t size);
struct svart_dsa_desc rig_fill(
	struct rig *r, unsigned int n, uint64_t dst, uint64_t pattern, uint32_t size);
struct svart_dsa_desc rig_simple(struct rig *r, unsigned int n, unsigned int opcode);
/** A batch of count descriptors at list. */
struct svart_dsa_desc rig_batch(struct rig *r, unsigned int n, uint64_t list, uint32_t count);
void rig_flags(struct svart_dsa_desc *desc, uint64_t set, uint64_t clear);
void rig_submit(struct rig *r, unsigned int wq, const struct svart_dsa_desc *desc);
/** Submits by a deferrable write to one of the WQ's portals. @return whether it was taken. */
bool rig_enqueue(struct rig *r, unsigned int wq, enum svart_dsa_portal portal,
	const struct svart_dsa_desc *desc);
/** Steps until nothing moves. @return steps that moved. */
unsigned int rig_run(struct rig *r);
/** Steps and serves until nothing moves. */
void rig_run_serving(struct rig *r);
/** Submits, runs with serving, returns the record. */
struct svart_dsa_record rig_do(struct rig *r, unsigned int wq, const struct svart_dsa_desc *desc);

uint64_t rig_random(uint64_t *state);
/** SVART_SEED, or the time; printed. */
uint64_t rig_seed(void);
/** All of memory but the records. */
void rig_random_bytes(struct rig *r, uint64_t *state);

#endif

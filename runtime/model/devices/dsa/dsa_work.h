/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DSA_WORK_H
#define SVART_DSA_WORK_H

/**
 * @file
 * Operations that read, compute and write: all but memmove and fill, which dsa_engine.c does where the data
 * lies. They are done unit by unit. A unit is planned; what it touches must be translated; what it reads is
 * gathered; it is worked on (runtime/ops); and what it writes is scattered. Only then it counts. A unit that
 * misses a page is planned anew when that has come, so an operation can stop before any unit.
 *
 *   dsa_work.c     units
 *   dsa_compare.c  compare, compare with a pattern; dualcast, cache flush, translation fetch
 *   dsa_delta.c    delta records
 *   dsa_crc.c      CRCs
 *   dsa_dif.c      protection information
 */

#include "dsa_model.h"

/** What a unit does in a place. */
enum dsa_way {
	DSA_WAY_READ,
	DSA_WAY_WRITE,
	DSA_WAY_TOUCH, /**< Nothing, but it must be translated for reading. */
};

/** Pages that a place can be in, and so runs of translated addresses. */
#define DSA_MAX_RUNS 3
_Static_assert(
	DSA_UNIT_BYTES <= (DSA_MAX_RUNS - 1) * SVART_PAGE_SIZE + 1, "wherever a place begins");

/** A place that a unit touches: a range of an operand. */
struct dsa_place {
	uint64_t addr;
	uint64_t ahead; /**< Bytes of the operand from there on; to ask ahead for. */
	uint32_t len;   /**< Of them, those of the unit; 0 to DSA_UNIT_BYTES. */
	uint8_t way;    /**< enum dsa_way. */
	uint8_t nr_runs;
	/** Where it is, once it was reached. Kept here: what else is reached may drive it out of the cache. */
	struct {
		uint64_t translated;
		uint32_t len;
	} runs[DSA_MAX_RUNS];
	uint8_t *bytes; /**< What was read, or is to be written. */
};

/**
 * One unit.
 *
 * Owner: dsa_work.c. Lifetime: planned to counted. Locks: the device's.
 */
struct dsa_unit {
	struct dsa_place places[DSA_MAX_PLACES];
	unsigned int nr;
	uint32_t done; /**< What it adds to bytes_completed. */
	/** Room for the bytes of each place: a plan and its work may share them as they like. */
	uint8_t (*room)[DSA_UNIT_BYTES];
};

/** One operation. Constant. */
struct dsa_op {
	uint32_t flags;      /**< Flags that it takes, beside those of any. */
	uint64_t words[3];   /**< Bits of op_specific that it uses. */
	bool no_src, no_dst; /**< Its first, its second address must be 0. */
	/** Whether the descriptor is sound. May be NULL. @return an enum svart_dsa_status; SUCCESS: it is. */
	unsigned int (*check)(const struct dsa_engine *e);
	/** Sets e->work, which is 0. May be NULL. */
	void (*begin)(struct dsa_engine *e);
	/** Adds the next unit's places. May be NULL for a unit that touches nothing. */
	void (*plan)(const struct dsa_engine *e, struct dsa_unit *unit);
	/**
	 * Works on a unit whose bytes were read: changes work, sets done and over, fills what is written, makes
	 * places shorter, and adds places to be written.
	 */
	void (*work)(const struct dsa_engine *e, struct dsa_work *work, struct dsa_unit *unit);
	/** Writes what came out so far into a record, whose status says how it ended. May be NULL. */
	void (*tell)(const struct dsa_engine *e, struct svart_dsa_record *record);
};

/** @return the operation of a DSA's opcode, or NULL: it is none of these. */
const struct dsa_op *svart_dsa_op(unsigned int opcode);
/** Bits of OPCAP for all of them. */
uint64_t svart_dsa_ops_mask(void);
/** Does units until the step's share is used up, the operation ends, or a page is missing. */
void svart_dsa_work(struct dsa *d, struct dsa_engine *e);

/** Adds a place. */
struct dsa_place *svart_dsa_place(
	struct dsa_unit *unit, uint64_t addr, uint64_t ahead, uint32_t len, enum dsa_way way);
/** The least of len and what is left of addr's page: so a unit ends where a page does. */
static inline uint32_t svart_dsa_in_page(uint64_t addr, uint32_t len)
{
	uint32_t room = (uint32_t)(SVART_PAGE_SIZE - (addr & SVART_PAGE_MASK));

	return room < len ? room : len;
}
/** Whether two ranges have a byte in common. */
static inline bool svart_dsa_overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a - b < b_len || b - a < a_len;
}

extern const struct dsa_op svart_dsa_op_compare, svart_dsa_op_compare_pattern,
	svart_dsa_op_dualcast, svart_dsa_op_cache_flush, svart_dsa_op_create_delta,
	svart_dsa_op_apply_delta, svart_dsa_op_crc, svart_dsa_op_copy_crc, svart_dsa_op_dif_check,
	svart_dsa_op_dif_insert, svart_dsa_op_dif_strip, svart_dsa_op_dif_update,
	svart_dsa_op_dix_generate, svart_dsa_op_translation_fetch;

#endif

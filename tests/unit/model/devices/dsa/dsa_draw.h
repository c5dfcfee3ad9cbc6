/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_DSA_DRAW_H
#define SVART_TEST_DSA_DRAW_H

/**
 * @file
 * Operations of the DSA model by chance, each with what must come of it: what runtime/ops makes of the same bytes at
 * once.
 */

#include "dsa_rig.h"

/** Bytes that an operand has at most. */
#define DRAW_MAX_BYTES (64 * 1024)

/** An operation, and what must come of it. Owner: the test's thread. Lifetime: the test's. Locks: none. */
struct drawn {
	struct svart_dsa_desc desc;
	uint64_t write[2]; /**< Where it writes, */
	uint32_t bytes[2]; /**< so much, */
	uint8_t want[2][DRAW_MAX_BYTES];
	uint8_t status; /**< and what its record says. */
	uint8_t result;
	uint32_t done;
	uint64_t words[2];
};

/** Kinds of operations: each that a descriptor can name, but for those without data. */
unsigned int draw_nr_kinds(void);
/** Draws an operation of a kind, 0 to draw_nr_kinds() - 1, that may block on faults; fills memory for it. */
void draw(struct rig *r, struct drawn *d, unsigned int kind, uint64_t *random);
/** Memory is as it must be after the operation, and so is its record. */
void draw_check(struct rig *r, const struct drawn *d, const struct svart_dsa_record *record);
/** What is at va, in one piece: pages of the rig are scattered. Of each `which`, 0 or 1, the last one stays. */
uint8_t *draw_flat(struct rig *r, unsigned int which, uint64_t va);

#endif

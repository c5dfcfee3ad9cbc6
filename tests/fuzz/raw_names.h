/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FUZZ_RAW_NAMES_H
#define SVART_FUZZ_RAW_NAMES_H

/**
 * @file
 * What is owed an answer, by name: who, PASID, group, private data, whether it is a LAST. Both the
 * record that came into a ring and the answer to it have the name, so that answers are counted off.
 */

#include <stdbool.h>
#include <stdint.h>

#include "iommu_unit.h"
#include "page_request.h"

/** Names at once, answered ones included. */
#define RAW_MAX_NAMES 1024

/** One name, and how many answers of it are owed. */
struct raw_name {
	uint64_t words[4];
	uint32_t nr;
	bool used;
};

/** Zeroed, it is empty. Owner: the unit of one input. Locks: none. */
struct raw_names {
	struct raw_name slots[2 * RAW_MAX_NAMES];
	uint32_t nr;
	uint32_t owed;
};

/** @param words out. @return whether the record of that ring is owed an answer. */
bool raw_names_request(enum svart_iommu_unit_kind kind, unsigned int ring, const uint64_t *record,
	uint64_t *words);
/** @param words out. @return false: the descriptor is a wait or a sync, and no answer. */
bool raw_names_answer(enum svart_iommu_unit_kind kind, const uint64_t *desc, uint64_t *words);

/** @return whether there is room for the name. */
bool raw_names_room(struct raw_names *names, const uint64_t *words);
/** One more is owed; there is room. */
void raw_names_owe(struct raw_names *names, const uint64_t *words);
/** One was answered; ends the program if none was owed. */
void raw_names_settle(struct raw_names *names, const uint64_t *words);
/**
 * How many are owed that svart knows by the name of this request: private data are none of it.
 * @param request one that a source delivered.
 */
uint32_t raw_names_alike(const struct raw_names *names, enum svart_iommu_unit_kind kind,
	uint32_t requester_id, const struct svart_page_request *request);

#endif

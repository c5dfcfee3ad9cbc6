/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_WING_H
#define SVART_FAULT_WING_H

/**
 * @file
 * The seam to a wing: the additional functions for a kind of source that delivers record by record. The
 * service knows a wing only by this table, and a lane of a source that delivers whole groups has none.
 *
 * All functions are called inside the gate, unless their comment says otherwise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svart/fault.h>

#include "page_request.h"

struct svart_fault_lane;
struct svart_fault_outbox;
struct svart_fault_service;

/** What a wing does for its lanes. */
struct svart_fault_wing {
	/** How many nodes a record can take. */
	uint32_t record_nodes;
	/**
	 * Allocates all that it will ever need for a lane, and s->wing_groups. @param out what becomes the lane's
	 * wing_state. @return 0 or -ENOMEM. @thread control, outside the gate.
	 */
	int (*create)(struct svart_fault_service *s, void **out);
	/**
	 * Frees a lane's state. The lane has no groups any more; only in a forked child it may still have
	 * some.
	 */
	void (*destroy)(void *wing_state);
	/** Sets when pages are mapped, from the next record on. */
	void (*set_mode)(struct svart_fault_lane *lane, enum svart_fault_mode mode);
	/**
	 * Takes the first nr records of s->fetched: groups them, and makes sure that they get the answers
	 * that they are owed, by svart_fault_group_queue() and svart_fault_group_hand(), or
	 * svart_fault_answer().
	 */
	void (*take)(struct svart_fault_service *s, struct svart_fault_lane *lane, uint32_t nr,
		uint64_t now_ns);
	/** Whether a record belongs to no group, and no device waits for an answer to it. */
	bool (*is_nobodys)(const struct svart_page_request *request);
	/** Drops the lane's partial groups. @return how many requests they had; the caller counts them. */
	size_t (*drop)(struct svart_fault_lane *lane);
	/** Called when the source has lost requests. */
	void (*overflow)(struct svart_fault_service *s, struct svart_fault_lane *lane);
	/** Called when a group that was queued has ended; its nodes are freed next. */
	void (*done)(struct svart_fault_service *s, uint32_t group);
	/** Called when the answers in a box were sent, or found gone. @thread any worker. */
	void (*sent)(const struct svart_fault_outbox *box);
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_RAW_LANE_H
#define SVART_FAULT_RAW_LANE_H

/**
 * @file
 * What a fault service does only for raw queues (wing.h): it groups record by record, and handles some
 * records before their group's LAST.
 *
 *     raw_lane.c     records: grouped, refused, dropped; stop markers, overflows
 *     raw_single.c   singles and the groups that wait for them
 *
 * A *single* is a record that is handled before its group's LAST, as a group of one beside its group,
 * which is its parent. It is handled so because it is owed an own answer (VT-d), or, without an answer,
 * because its lane is eager. The parent is not handed on before its singles are done: so no record's own
 * answer comes after its group's, and what failed before the LAST is known at the LAST.
 */

#include "engine.h"
#include "raw_wing.h"

/**
 * A group that has singles, or a single, at the index of its first node. It outlives its lane: what was handed
 * to the crew can come back after the lane was closed.
 *
 * Owner: passes. Lifetime: the service's. Locks: none.
 */
struct svart_raw_group {
	uint32_t serial;        /**< svart_group_node.serial of the group or single. */
	uint32_t code;          /**< For a group: enum svart_page_response_code of its singles. */
	uint32_t singles;       /**< For a group: how many of its singles are not done. */
	uint32_t parent;        /**< For a single: its parent, or SVART_GROUP_NONE. */
	uint32_t parent_serial; /**< The parent's: another group may have its place by now. */
	bool complete;          /**< For a group: its LAST has come. */
};

/**
 * The wing's state of a lane.
 *
 * Owner: the lane; passes. Lifetime: the lane's. Locks: none.
 */
struct svart_raw_lane {
	struct svart_grouper *grouper;
	enum svart_fault_mode mode;
	uint32_t nr_to_come; /**< Of what was fetched: records that have no node yet. */
};

static inline struct svart_raw_lane *svart_raw_lane_of(const struct svart_fault_lane *lane)
{
	return lane->wing_state;
}

/** @return array[max_requests]: those of all lanes. */
static inline struct svart_raw_group *svart_raw_groups(const struct svart_fault_service *s)
{
	/* The gate, by which a lane becomes active, orders it. */
	return atomic_load_explicit(&s->wing_groups, memory_order_relaxed);
}

/* --- raw_lane.c ------------------------------------------------------------------------------------ */

/**
 * Takes one record: groups it, and makes sure that it gets the answer that it is owed. The codes are those
 * that Linux's iommu_report_device_fault() had for its callers; with every code, a LAST and a record that
 * needs a response get their answer.
 * @return 0; -EOPNOTSUPP it is no page request (malformed); -ENOMEM no node: the requests that its
 *         group had were dropped. (-ENODEV, for a PASID without a fault handler, is the raw sources' part.)
 */
int svart_raw_report(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint64_t now_ns);

/* --- raw_single.c ---------------------------------------------------------------------------------- */

/** Hands on a group whose LAST has come, at once or when its singles are done. */
void svart_raw_group_ready(struct svart_fault_service *s, struct svart_fault_lane *lane,
	uint32_t group, uint64_t now_ns);
/**
 * Hands on a record before its group's LAST.
 * @param parent the group's first node. @return 0 or -ENOMEM: no node.
 */
int svart_raw_single_ready(struct svart_fault_service *s, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t parent, uint64_t now_ns);
/** As svart_fault_wing.done. */
void svart_raw_group_done(struct svart_fault_service *s, uint32_t group);

#endif

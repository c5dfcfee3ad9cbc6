/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FUZZ_WORLD_H
#define SVART_FUZZ_WORLD_H

/**
 * @file
 * What the targets of fault sources share: an inline fault service on a machine whose files the target
 * makes up, and a space in which an address alone says what becomes of it. The svart_space_resolve_while() of
 * these programs is the one in world.c.
 */

#include "fuzz.h"
#include "service.h"

/** Nodes of the service: few, so that running out of them is not rare. */
#define WORLD_REQUESTS 64

/**
 * What becomes of a page, by bits 15:12 of its address. The others are mapped.
 */
enum world_page {
	WORLD_PAGE_FAULT = 0xf,    /**< -EFAULT. */
	WORLD_PAGE_NOMEM = 0xe,    /**< -ENOMEM. */
	WORLD_PAGE_AGAIN = 0xd,    /**< -EAGAIN, for ever. */
	WORLD_PAGE_READONLY = 0xc, /**< -EFAULT if it is to be written. */
};

/** A service and a clock. Owner: the target. Lifetime: one input. Locks: none, one thread. */
struct world {
	struct svart_machine machine; /**< Its ops are the target's. */
	struct svart_fault_service *service;
	struct svart_fault_stats seen; /**< At the last check. */
	unsigned int nr_pumps;
	uint64_t now_ns;
};

/** Makes the service. @param ops must have read, write, poll, now_ns. */
void world_init(struct world *w, const struct svart_machine_ops *ops);
void world_fini(struct world *w);
/** Serves a source, which resolves in the one space. svart_fault_service_remove() ends that. */
void world_add(struct world *w, struct svart_fault_source *source);
/** For ops: world.now_ns of the machine's world, which moves on a little at each look. */
uint64_t world_now_ns(struct svart_machine *m);
struct svart_fault_stats world_stats(const struct world *w);
/** Pumps once, some time later. */
void world_turn(struct world *w);
/**
 * Checks what holds at any time: counters only grow, and no answer is counted without a group or a
 * record.
 */
void world_check(struct world *w);
/** Both; the check only now and then, for it reads all histograms and takes longer than the pump. */
void world_pump(struct world *w);

/**
 * Checks that every node is free: a source of this file's own delivers a group of as many requests as
 * there are nodes, of mapped pages, and must be answered SUCCESS. No other source is left.
 */
void world_check_nodes(struct world *w);

#endif

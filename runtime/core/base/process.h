/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROCESS_H
#define SVART_PROCESS_H

/**
 * @file
 * What a process has once, however many runtimes it has: the list of runtimes, and the numbers of devices.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct svart;

/**
 * A device's number in the process.
 *
 * Owner: the device. Lifetime: take to drop. Locks: of process.c; rt and id are constant.
 */
struct svart_number {
	LIST_ENTRY(svart_number) link;
	struct svart *rt; /**< Runtime of the device. */
	uint32_t id;
	bool shown; /**< The device is open: telemetry may find it. */
};

/** Locks and unlocks the lists. Nothing else is locked while this is held. */
void svart_process_lock(void);
void svart_process_unlock(void);
/** Visits every runtime, then forgets all numbers. It is called in a forked child, with the lock held. */
void svart_process_forked(void (*visit)(struct svart *rt));

void svart_process_add(struct svart *rt);
/** Removes a runtime that has no device any more. @blocks until no telemetry thread uses it. */
void svart_process_remove(struct svart *rt);

/** Gives a device the lowest number that is free. The runtime's lock may be held or not. */
void svart_number_take(struct svart_number *number, struct svart *rt);
/** Lets telemetry find the device from now on. The device is open and in rt->devices. */
void svart_number_show(struct svart_number *number);
/** Lets telemetry no longer find the device, which is being closed. Its number stays taken. */
void svart_number_hide(struct svart_number *number);
/** Frees a device's number. */
void svart_number_drop(struct svart_number *number);

/** @param ids out: array[nr]: the numbers of the open devices, in rising order. @return how many. */
unsigned int svart_process_numbers(uint32_t *ids, unsigned int nr);
/**
 * Finds the runtime of a device. The runtime stays until svart_process_release(); the device may be closed
 * before.
 * @return the runtime, or NULL if no open device has this number. @thread any.
 */
struct svart *svart_process_hold(uint32_t id);
void svart_process_release(struct svart *rt);

#endif

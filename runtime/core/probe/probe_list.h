/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROBE_LIST_H
#define SVART_PROBE_LIST_H

/**
 * @file
 * The set of devices that a probe finds.
 */

#include <stdint.h>

#include <svart/probe.h>

/** Most devices that one probe holds. */
#define SVART_PROBE_MAX_DEVICES 256
/** Most ways to bind one of them. */
#define SVART_PROBE_MAX_PATHS 2

/** One device, with the ways to bind it. Owner: the probe. Locks: none. */
struct svart_probe_found {
	struct svart_probe_device dev;
	struct svart_probe_path paths[SVART_PROBE_MAX_PATHS];
};

/** A set of devices that grows. Owner: the probe. Locks: none. */
struct svart_probe_list {
	struct svart_probe_found *devices;
	uint32_t nr;
	uint32_t nr_unreadable, nr_left_out;
};

/**
 * Adds an empty device with its first path.
 * @return the device; NULL with *rc = -ENOMEM (told), or with *rc = 0 if the list is full.
 */
struct svart_probe_found *svart_probe_list_add(
	struct svart_probe_list *list, const char *path, int *rc);

/** Sorts the devices from index `from` on by name. */
void svart_probe_list_sort(struct svart_probe_list *list, uint32_t from);

#endif

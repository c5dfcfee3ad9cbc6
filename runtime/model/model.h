/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_H
#define SVART_MODEL_H

/**
 * @file
 * The software machine, for the registry and for tests.
 *
 * Options (comma-separated key=value): step=thread|manual (default thread), seed=N (default 1; the
 * order of things under step=manual follows from it), and the device models' own (doc/devices).
 * Device N of a kind is called like "dsa0" and has the PCI address 0000:6a:(N + 1).0.
 *
 * Under step=manual the machine's time is its own: it advances by SVART_MODEL_STEP_NS with each step
 * and pause, and stands otherwise.
 */

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

struct svart_device_model;

extern const struct svart_machine_class svart_machine_model;

/** What one step or pause takes under step=manual. */
#define SVART_MODEL_STEP_NS UINT64_C(1000)

/** What is there now; all zero once everything was closed, but for the counts from
 * stale_accesses on. */
struct svart_model_stats {
	uint32_t open_fds;
	uint32_t mappings;           /**< BAR mappings. */
	uint32_t objects;            /**< iommufd objects. */
	uint64_t pinned_bytes;       /**< By IOAS areas. */
	uint64_t page_requests_open; /**< Sent by devices, not yet answered. */
	uint64_t stale_accesses;     /**< DMA through a translation whose memory was gone. */
	uint64_t dmar_faults;        /**< Untranslated DMA that was refused. */
	uint64_t bad_answers;        /**< On a raw queue, that nothing waited for. */
	uint64_t late_answers; /**< Likewise, but to a device that was reset since it asked. */
};

/** As svart_machine_model.create. */
int svart_model_create(const char *options, struct svart_machine **out);
/** What is open or mapped still goes with it. */
void svart_model_destroy(struct svart_machine *m);

/** step=manual: one step of one device, chosen by the seed. @return false if nothing could move. */
bool svart_model_step(struct svart_machine *m);

void svart_model_stats_get(struct svart_machine *m, struct svart_model_stats *stats);

/** How often something was injected at the device of this PCI address. @param name as in inject.h. */
uint64_t svart_model_injected(struct svart_machine *m, const char *address, const char *name);

/**
 * Adds a device of the caller's own making, for tests of what is around device models.
 * @param type must outlive the machine. @param options its own and the IOMMU's (doc/devices).
 * @param address out: PCI address.
 * @return 0; -EINVAL with a text; -ENOSPC too many devices; -ENOMEM; what the device model's create returned.
 */
int svart_model_add_device(struct svart_machine *m, const struct svart_device_model *type,
	const char *options, char address[16]);

#endif

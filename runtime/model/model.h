/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_H
#define SVART_MODEL_H

/**
 * @file
 * The software machine, for the registry and for tests.
 *
 * Options (comma-separated key=value): step=thread|manual (default thread), seed=N (default 1; the
 * order of things under step=manual follows from it), vmas=trusted|checked (default trusted; origin.h), and
 * the device models' own (doc/devices).
 * Device N of a kind has a name like "dsa0" and the PCI address 0000:6a:(N + 1).0.
 *
 * Under step=manual the machine has a time of its own: it advances by SVART_MODEL_STEP_NS with each step
 * and pause, and stands still otherwise.
 */

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

struct svart_device_model;

extern const struct svart_machine_class svart_machine_model;

/** Time of one step or pause under step=manual. */
#define SVART_MODEL_STEP_NS UINT64_C(1000)

/** What is there now; all zero once everything was closed, but for the counts from
 * stale_accesses on. */
struct svart_model_stats {
	uint32_t open_fds;
	uint32_t mappings;           /**< BAR mappings. */
	uint32_t objects;            /**< iommufd objects. */
	uint64_t pinned_bytes;       /**< Bytes pinned by IOAS areas. */
	uint64_t page_requests_open; /**< Sent by devices, not yet answered. */
	/** DMA through a translation whose memory was gone, or, with vmas=checked, is replaced. */
	uint64_t stale_accesses;
	uint64_t dmar_faults;  /**< Untranslated DMA that was refused. */
	uint64_t bad_answers;  /**< Answers on a raw queue that nothing waited for. */
	uint64_t late_answers; /**< Likewise, but the device was reset since it asked. */
};

/** As svart_machine_model.create. */
int svart_model_create(const char *options, struct svart_machine **out);
/** Destroys the machine, with all that is still open or mapped. */
void svart_model_destroy(struct svart_machine *m);

/**
 * Does one step of one device, chosen by the seed, under step=manual.
 * @return false if nothing could move.
 */
bool svart_model_step(struct svart_machine *m);

void svart_model_stats_get(struct svart_machine *m, struct svart_model_stats *stats);

/** Tells how often something was injected at the device of this PCI address. @param name as in inject.h. */
uint64_t svart_model_injected(struct svart_machine *m, const char *address, const char *name);

/**
 * Pulls a device out, as svart_kernel_device_remove() says (kernel_device.h). It does not come back.
 * @return 0; -ENOENT there is no device of this PCI address.
 */
int svart_model_remove(struct svart_machine *m, const char *address);

/**
 * Adds a device of the caller's own making, for tests of the code around device models.
 * @param type it must outlive the machine. @param options its own options and the IOMMU's (doc/devices).
 * @param address out: PCI address.
 * @return 0; -EINVAL with a text; -ENOSPC too many devices; -ENOMEM; or the error that the device model's
 *         create returned.
 */
int svart_model_add_device(struct svart_machine *m, const struct svart_device_model *type,
	const char *options, char address[16]);

#endif

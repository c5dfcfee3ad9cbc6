/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_MMIO_H
#define SVART_MODEL_MMIO_H

/**
 * @file
 * Registers and portals: mapped BARs and IOMMU units, and what accesses to them do.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "model_state.h"

/** In place of a BAR: the registers of the IOMMU unit before the device. */
#define SVART_MMIO_UNIT 6

/** Whether the BARs of a device answer (command register). Any thread. */
bool svart_mmio_is_on(struct svart_model_device *dev);

/** Reads and writes registers as vfio-pci does for pread(): 8, then 4 bytes at a time; smaller writes
 * do nothing. Inside the BAR. No lock held. */
void svart_mmio_read_bytes(
	struct svart_model_device *dev, unsigned int bar, uint64_t off, uint8_t *buf, size_t len);
void svart_mmio_write_bytes(struct svart_model_device *dev, unsigned int bar, uint64_t off,
	const uint8_t *buf, size_t len);

/**
 * Maps [bar_off, bar_off + len) of a BAR as a reservation of addresses.
 * @param bar or SVART_MMIO_UNIT. @param fixed MAP_FIXED or MAP_FIXED_NOREPLACE, or 0. @return 0 or -errno.
 */
int svart_mmio_map(struct svart_model_file *f, struct svart_model_device *dev, unsigned int bar,
	uint64_t bar_off, void *addr, size_t len, int fixed, void **out);
/**
 * Unmaps a BAR mapping.
 * @return 0; -ENOENT nothing of the range is the model's; -EINVAL it is a part of a mapping: the
 *         model's go whole.
 */
int svart_mmio_unmap(struct svart_model *model, void *addr, size_t len);
/** Unmaps all. */
void svart_mmio_fini(struct svart_model *model);

/* As machine.h says. */
uint32_t svart_mmio_read32(struct svart_machine *m, const volatile void *addr);
uint64_t svart_mmio_read64(struct svart_machine *m, const volatile void *addr);
void svart_mmio_write32(struct svart_machine *m, volatile void *addr, uint32_t value);
void svart_mmio_write64(struct svart_machine *m, volatile void *addr, uint64_t value);
int svart_mmio_portal(
	struct svart_machine *m, void *addr, unsigned int flags, struct svart_portal *out);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_MMIO_H
#define SVART_MODEL_MMIO_H

/**
 * @file
 * Registers and portals: mapped BARs and IOMMU units, and accesses to them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

struct svart_kernel;
struct svart_kernel_device;
struct svart_model_file;

/** Number that stands in place of a BAR for the registers of the IOMMU unit in front of the device. */
#define SVART_MMIO_UNIT 6

/**
 * A mapped BAR, or a unit's registers: a PROT_NONE reservation of addresses.
 *
 * Owner: the thread that mapped it. Lifetime: mmap to munmap; it holds its file open, as a mapping does in
 * the kernel. Locks: written under the mappings' lock before it is entered, and then constant, so that a
 * portal's owner needs no lock.
 */
struct svart_model_mapping {
	uintptr_t start;
	size_t len;
	struct svart_kernel_device *dev;
	struct svart_model_file *file;
	unsigned int bar; /**< BAR number, or SVART_MMIO_UNIT. */
	uint64_t bar_off; /**< Offset of start in the BAR. */
	struct svart_model_mapping *next;
};

/** Tells whether the BARs of a device answer (command register). Any thread. */
bool svart_mmio_is_on(struct svart_kernel_device *dev);

/** Reads and writes registers as vfio-pci does for pread(): 8, then 4 bytes at a time; smaller writes
 * do nothing. Inside the BAR. No lock held. */
void svart_mmio_read_bytes(
	struct svart_kernel_device *dev, unsigned int bar, uint64_t off, uint8_t *buf, size_t len);
void svart_mmio_write_bytes(struct svart_kernel_device *dev, unsigned int bar, uint64_t off,
	const uint8_t *buf, size_t len);

/**
 * Maps [bar_off, bar_off + len) of a BAR as a reservation of addresses.
 * @param bar or SVART_MMIO_UNIT. @param fixed MAP_FIXED or MAP_FIXED_NOREPLACE, or 0. @return 0 or -errno.
 */
int svart_mmio_map(struct svart_model_file *f, struct svart_kernel_device *dev, unsigned int bar,
	uint64_t bar_off, void *addr, size_t len, int fixed, void **out);
/**
 * Unmaps a BAR mapping.
 * @return 0; -ENOENT nothing of the range is the model's; -EINVAL it is a part of a mapping: the model
 *         unmaps only whole mappings.
 */
int svart_mmio_unmap(struct svart_kernel *kernel, void *addr, size_t len);
/** Unmaps all mappings. */
void svart_mmio_fini(struct svart_kernel *kernel);

/* As machine.h says. */
uint32_t svart_mmio_read32(struct svart_kernel *kernel, const volatile void *addr);
uint64_t svart_mmio_read64(struct svart_kernel *kernel, const volatile void *addr);
void svart_mmio_write32(struct svart_kernel *kernel, volatile void *addr, uint32_t value);
void svart_mmio_write64(struct svart_kernel *kernel, volatile void *addr, uint64_t value);
int svart_mmio_portal(
	struct svart_kernel *kernel, void *addr, unsigned int flags, struct svart_portal *out);

#endif

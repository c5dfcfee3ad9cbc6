/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_CONFIG_SPACE_H
#define SVART_MODEL_CONFIG_SPACE_H

/**
 * @file
 * PCI configuration space as vfio-pci shows it to a program: the program can write the command register and
 * the BARs, and start an FLR. The kernel owns ATS, PRI and PASID and has them on, so writes to them do
 * nothing, and the PASID capability is hidden (drivers/vfio/pci/vfio_pci_config.c).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus.h"

/** PCI Express configuration space (PCIe 6.0, 7.2.2). */
#define SVART_MODEL_CONFIG_BYTES 4096
/** Offset of the MSI-X table in BAR 0, as on the first DSA. */
#define SVART_MODEL_MSIX_TABLE_OFF 0x2000
#define SVART_MODEL_MSIX_PBA_OFF   0x3000
/** PASIDs have 20 bits (PCIe 6.0, 6.20). */
#define SVART_MODEL_PASID_BITS 20

/**
 * Configuration space of one device.
 *
 * Owner: its device. Lifetime: the device's. Locks: the device lock; the two flags may be read
 * without it.
 */
struct svart_model_config {
	uint8_t bytes[SVART_MODEL_CONFIG_BYTES];
	uint8_t writable[SVART_MODEL_CONFIG_BYTES]; /**< Bits that a program may change. */
	bool absent;        /**< The device is unplugged: vfio-pci answers in its place. */
	atomic_bool memory; /**< Memory space bit of the command register: BARs answer. */
	/** Bus master bit of the command register: the device may act. The IOMMU owns the flag. */
	atomic_bool *bus_master;
};

/**
 * Sets it up as after reset, before anybody has opened the device.
 * @param bus_master it outlives the configuration space.
 */
void svart_model_config_init(struct svart_model_config *config,
	const struct svart_device_model *type, atomic_bool *bus_master);
/** Does what the kernel does when the device is opened: BARs answer, and bus mastering is off. */
void svart_model_config_open(struct svart_model_config *config);
/** Unplugs the device: nothing of the hardware answers any more. */
void svart_model_config_remove(struct svart_model_config *config);
/** Clears bus mastering on behalf of somebody other than the device's program. */
void svart_model_config_master_clear(struct svart_model_config *config);
/** Shows MSI-X as on or off. */
void svart_model_config_msix_set(struct svart_model_config *config, bool on);

/** Reads bytes. off + len is inside; len is not 0. */
void svart_model_config_read(
	const struct svart_model_config *config, size_t off, void *buf, size_t len);
/** Writes bytes. @return true if the program started a function level reset, which the caller does. */
bool svart_model_config_write(
	struct svart_model_config *config, size_t off, const void *buf, size_t len);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_UAPI_PCI_CONFIG_H
#define SVART_UAPI_PCI_CONFIG_H

/**
 * @file
 * PCI configuration space as the file `config` of sysfs shows it. Its content comes from the device, and is
 * treated as hostile: every walk ends.
 */

#include <stdint.h>

#include "machine.h"

/** Sizes of configuration space (PCIe 6.0, 7.2). The kernel shows 64 bytes to a user who is not root. */
#define SVART_PCI_CONFIG_HEADER_BYTES 64
#define SVART_PCI_CONFIG_BYTES        256
#define SVART_PCI_CONFIG_EXT_BYTES    4096

/** Extended capabilities (PCI Code and ID Assignment Specification, 3). */
#define SVART_PCI_EXT_CAP_ATS   0x000f
#define SVART_PCI_EXT_CAP_PRI   0x0013
#define SVART_PCI_EXT_CAP_PASID 0x001b

/** Owner: its reader. */
struct svart_pci_config {
	size_t bytes; /**< How many could be read. */
	uint8_t data[SVART_PCI_CONFIG_EXT_BYTES];
};

/** Reads configuration space. @return 0, even if only a part can be read (see bytes); or -errno. */
int svart_pci_config_read(
	struct svart_machine *m, const char *address, struct svart_pci_config *config);

/**
 * @return the offset of an extended capability (PCIe 6.0, 7.6.3), or 0: it is in no part that can be read.
 */
unsigned int svart_pci_ext_cap_find(const struct svart_pci_config *config, uint16_t id);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_UAPI_PCI_H
#define SVART_UAPI_PCI_H

/**
 * @file
 * PCI devices as sysfs shows them. All text is checked: a call returns -EBADMSG if a number is none.
 */

#include <stdint.h>

#include "machine.h"
#include "pci_address.h"

/** Room for "0000:6a:01.0" and a terminator, rounded up. */
#define SVART_PCI_ADDRESS_LEN 16

struct svart_pci_device {
	char address[SVART_PCI_ADDRESS_LEN];
	uint16_t vendor;
	uint16_t device;
	uint8_t revision;
	int32_t numa_node;  /**< -1 if unknown. */
	char driver[32];    /**< The bound kernel driver, "" if there is none. */
	char vfio_cdev[64]; /**< "/dev/vfio/devices/vfio3", "" if the kernel offers none. */
};

/** Reads a device. @return 0, -ENODEV no such device, -EBADMSG sysfs text that cannot be, or -errno. */
int svart_pci_read(struct svart_machine *m, const char *address, struct svart_pci_device *dev);
/** Reads a small file of sysfs, without its final newline. @return 0 or -errno. */
int svart_sysfs_read(struct svart_machine *m, const char *path, char *buf, size_t len);
/**
 * Reads the last part of a link's target: the name of what it leads to. "" if there is no link.
 * @return 0; -EBADMSG the name is empty or does not fit; -errno.
 */
int svart_sysfs_link_name(struct svart_machine *m, const char *path, char *name, size_t len);

#endif

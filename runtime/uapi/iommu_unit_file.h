/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_IOMMU_UNIT_FILE_H
#define SVART_IOMMU_UNIT_FILE_H

/**
 * @file
 * Opening the raw fault queues of the IOMMU before a device, if the machine gives them away
 * (iommu_unit.h).
 */

#include <stdint.h>

#include "iommu_unit.h"
#include "machine.h"

/** An open unit. Owner: the caller that opened it. Lifetime: open to close. */
struct svart_iommu_unit {
	enum svart_iommu_unit_kind kind;
	uint32_t requester_id;
	int fd;     /**< POLLIN: an interrupt was raised; reading 8 bytes takes it back. */
	void *regs; /**< For the machine's register calls only. */
	uint64_t bytes;
};

/**
 * Opens the unit before a PCI function, and maps its registers so that forks do not inherit them.
 * @return 0 or -errno, no text: -ENOENT this machine keeps the queues to itself; -EBUSY the unit is open
 *         already; -EIO what it says of itself makes no sense.
 * @thread control.
 */
int svart_iommu_unit_open(
	struct svart_machine *m, const char *address, struct svart_iommu_unit *unit);
void svart_iommu_unit_close(struct svart_machine *m, struct svart_iommu_unit *unit);

#endif

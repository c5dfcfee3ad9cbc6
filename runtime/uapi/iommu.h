/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_UAPI_IOMMU_H
#define SVART_UAPI_IOMMU_H

/**
 * @file
 * The IOMMU that a PCI function is behind, as sysfs shows it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bits.h"
#include "machine.h"

/** Capability Register, maximum guest address width less one (VT-d 4.1, 11.4.2). */
#define SVART_VTD_CAP_MGAW SVART_MASK(21, 16)
/**
 * Extended Capability Register (VT-d 4.1, 11.4.3): page requests; PASIDs; page requests of one source
 * can be drained from the queue; scalable mode.
 */
#define SVART_VTD_ECAP_PRS   (UINT64_C(1) << 29)
#define SVART_VTD_ECAP_PASID (UINT64_C(1) << 40)
#define SVART_VTD_ECAP_PDS   (UINT64_C(1) << 42)
#define SVART_VTD_ECAP_SMTS  (UINT64_C(1) << 43)

enum svart_iommu_kind {
	SVART_IOMMU_NONE = 0, /**< The function is in no IOMMU group. */
	SVART_IOMMU_VTD,
	SVART_IOMMU_AMD,
	SVART_IOMMU_SMMUV3,
	SVART_IOMMU_OTHER, /**< Another or unknown kind. */
};

/** Owner: its reader. */
struct svart_iommu {
	enum svart_iommu_kind kind;
	char name[32];      /**< "dmar0", "smmu3.0x...", "" if unknown. */
	bool has_registers; /**< VT-d: cap and ecap could be read. */
	uint64_t cap, ecap;
};

/** Reads the IOMMU of a function. @return 0, -EBADMSG text that cannot be, or -errno. */
int svart_iommu_read(struct svart_machine *m, const char *address, struct svart_iommu *iommu);

/** @return how many IOMMUs the kernel drives; 0 also if the kernel does not say. */
unsigned int svart_iommu_count(struct svart_machine *m);

#endif

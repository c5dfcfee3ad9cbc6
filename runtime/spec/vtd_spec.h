/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_VTD_SPEC_H
#define SVART_VTD_SPEC_H

/**
 * @file
 * Intel VT-d: the registers and records of the page request queue, and of the invalidation queue as
 * far as it carries answers. Names follow the "Intel Virtualization Technology for Directed I/O"
 * specification (D51397). Values agree with Linux, drivers/iommu/intel/{iommu.h,prq.c}; the two bits of
 * private data, which Linux does not use any more, agree with Linux 5.10. Masks are for
 * SVART_FIELD_GET() and SVART_FIELD_PREP().
 */

#include <assert.h>
#include <stdint.h>

#include "bits.h"

/* --- Registers (11.4) ------------------------------------------------------------------------- */

#define SVART_VTD_REGS_BYTES 0x1000

#define SVART_VTD_VER_OFF   0x00 /* 4 bytes; MAX 7:4, MIN 3:0. */
#define SVART_VTD_VER_6_0   0x60
#define SVART_VTD_ECAP_OFF  0x10
#define SVART_VTD_ECAP_QI   SVART_MASK(1, 1)
#define SVART_VTD_ECAP_PRS  SVART_MASK(29, 29) /* Page requests. */
#define SVART_VTD_ECAP_PDS  SVART_MASK(42, 42) /* Page request drain. */
#define SVART_VTD_ECAP_SMTS SVART_MASK(43, 43) /* Scalable mode. */

#define SVART_VTD_GCMD_OFF 0x18 /* 4 bytes. */
#define SVART_VTD_GSTS_OFF 0x1c /* 4 bytes, read only. */
#define SVART_VTD_GCMD_QIE SVART_MASK(26, 26)

/** Head and tail are offsets, in bytes, of a record in the queue. */
#define SVART_VTD_IQH_OFF  0x80 /* Read only. */
#define SVART_VTD_IQT_OFF  0x88
#define SVART_VTD_IQA_OFF  0x90
#define SVART_VTD_IQA_BASE SVART_MASK(63, 12)
#define SVART_VTD_IQA_DW   SVART_MASK(11, 11) /* 1: descriptors of 32 bytes, as svart has. */
#define SVART_VTD_IQA_QS   SVART_MASK(2, 0)   /* 2^QS pages. */
#define SVART_VTD_FSTS_OFF 0x34               /* 4 bytes. */
#define SVART_VTD_FSTS_IQE SVART_MASK(4, 4)   /* A descriptor was bad; write 1 to clear. */

#define SVART_VTD_PQH_OFF  0xc0
#define SVART_VTD_PQT_OFF  0xc8 /* Read only while the queue is enabled. */
#define SVART_VTD_PQA_OFF  0xd0
#define SVART_VTD_PQA_BASE SVART_MASK(63, 12) /* 0: there is no queue. */
#define SVART_VTD_PQA_PQS  SVART_MASK(2, 0)   /* 2^PQS pages: 2^(PQS + 7) records. */

#define SVART_VTD_PRS_OFF   0xdc             /* 4 bytes; write 1 to clear. */
#define SVART_VTD_PRS_PPR   SVART_MASK(0, 0) /* A request was queued. Raises the interrupt. */
#define SVART_VTD_PRS_PRO   SVART_MASK(1, 1) /* Overflow: requests are dropped until it is cleared. */
#define SVART_VTD_PECTL_OFF 0xe0             /* 4 bytes. */
#define SVART_VTD_PECTL_IM  SVART_MASK(31, 31) /* Interrupt masked; set after reset. */
#define SVART_VTD_PECTL_IP  SVART_MASK(30, 30) /* Pending while masked; read only. */

/* --- Page request descriptor (7.4.1.1) ---------------------------------------------------------- */

/** One record of the page request queue. */
struct svart_vtd_page_request {
	uint64_t qw[4]; /**< Little endian; [2] and [3]: private data. */
};

static_assert(sizeof(struct svart_vtd_page_request) == 32, "VT-d 7.4.1.1");

#define SVART_VTD_PRQ_TYPE          SVART_MASK(7, 0) /* Of qw[0]. */
#define SVART_VTD_PRQ_TYPE_REQUEST  1
#define SVART_VTD_PRQ_PASID_PRESENT SVART_MASK(8, 8)
#define SVART_VTD_PRQ_PRIV_PRESENT  SVART_MASK(9, 9) /* Private data: it is owed an own answer. */
#define SVART_VTD_PRQ_RID           SVART_MASK(31, 16)
#define SVART_VTD_PRQ_PASID         SVART_MASK(51, 32)
#define SVART_VTD_PRQ_EXEC          SVART_MASK(52, 52)
#define SVART_VTD_PRQ_PRIV_MODE     SVART_MASK(53, 53)
#define SVART_VTD_PRQ_READ          SVART_MASK(0, 0) /* Of qw[1]. */
#define SVART_VTD_PRQ_WRITE         SVART_MASK(1, 1)
#define SVART_VTD_PRQ_LPIG          SVART_MASK(2, 2)
#define SVART_VTD_PRQ_PRGI          SVART_MASK(11, 3)
#define SVART_VTD_PRQ_ADDR          SVART_MASK(63, 12) /* Stays in place: the address itself. */

/* --- Invalidation queue descriptors (6.5.2) ------------------------------------------------------ */

/** One descriptor of 32 bytes (IQA.DW = 1). */
struct svart_vtd_qi_desc {
	uint64_t qw[4]; /**< Little endian. */
};

static_assert(sizeof(struct svart_vtd_qi_desc) == 32, "VT-d 6.5.2");

#define SVART_VTD_QI_TYPE SVART_MASK(3, 0) /* Of qw[0]. */

/** Page group response (7.7.1). A response with private data returns it in qw[2] and qw[3]. */
#define SVART_VTD_QI_PAGE_GROUP_RESPONSE 0x9
#define SVART_VTD_PGR_PASID_PRESENT      SVART_MASK(4, 4)
#define SVART_VTD_PGR_PRIV_PRESENT       SVART_MASK(5, 5)
#define SVART_VTD_PGR_CODE               SVART_MASK(15, 12)
#define SVART_VTD_PGR_CODE_SUCCESS       0x0
#define SVART_VTD_PGR_CODE_INVALID       0x1
#define SVART_VTD_PGR_CODE_FAILURE       0xf
#define SVART_VTD_PGR_RID                SVART_MASK(31, 16)
#define SVART_VTD_PGR_PASID              SVART_MASK(51, 32)
#define SVART_VTD_PGR_LPIG               SVART_MASK(2, 2) /* Of qw[1]: it answers the LAST. */
#define SVART_VTD_PGR_PRGI               SVART_MASK(11, 3)

/** Invalidation wait (6.5.2.8). */
#define SVART_VTD_QI_WAIT 0x5
#define SVART_VTD_WAIT_STATUS_WRITE \
	SVART_MASK(5, 5) /* Writes STATUS_DATA to the address of qw[1]. */
#define SVART_VTD_WAIT_FENCE SVART_MASK(6, 6)
#define SVART_VTD_WAIT_PRQ_DRAIN \
	SVART_MASK(7, 7) /* Requests on their way are in the queue first. */
#define SVART_VTD_WAIT_STATUS_DATA    SVART_MASK(63, 32)
#define SVART_VTD_WAIT_STATUS_ADDRESS SVART_MASK(63, 2) /* Of qw[1]; stays in place. */

#endif

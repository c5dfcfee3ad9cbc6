/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SMMU_SPEC_H
#define SVART_SMMU_SPEC_H

/**
 * @file
 * Arm SMMUv3: the registers and records of the event queue, the PRI queue, and of the command queue as
 * far as it carries answers. Names follow the "Arm System Memory Management Unit Architecture
 * Specification, version 3" (IHI 0070). Values agree with Linux,
 * drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h. Masks are for SVART_FIELD_GET() and SVART_FIELD_PREP().
 */

#include <assert.h>
#include <stdint.h>

#include "bits.h"

/* --- Registers (6.3). Page 1 is 64 KiB after page 0. ------------------------------------------- */

#define SVART_SMMU_REGS_BYTES 0x20000

#define SVART_SMMU_IDR0_OFF         0x00 /* All registers have 4 bytes, except the _BASE. */
#define SVART_SMMU_IDR0_PRI         SVART_MASK(16, 16)
#define SVART_SMMU_IDR0_STALL_MODEL SVART_MASK(25, 24)
#define SVART_SMMU_STALL_SUPPORTED  0
#define SVART_SMMU_STALL_NONE       1
#define SVART_SMMU_IDR1_OFF         0x04
#define SVART_SMMU_IDR1_CMDQS       SVART_MASK(25, 21) /* log2 of the most records, 19 at most. */
#define SVART_SMMU_IDR1_EVTQS       SVART_MASK(20, 16)
#define SVART_SMMU_IDR1_PRIQS       SVART_MASK(15, 11)
#define SVART_SMMU_IDR5_OFF         0x14
#define SVART_SMMU_IDR5_STALL_MAX   SVART_MASK(31, 16) /* The most stalled transactions. */

#define SVART_SMMU_CR0_OFF    0x20
#define SVART_SMMU_CR0ACK_OFF 0x24 /* The unit makes it follow CR0. */
#define SVART_SMMU_CR0_SMMUEN SVART_MASK(0, 0)
#define SVART_SMMU_CR0_PRIQEN SVART_MASK(1, 1)
#define SVART_SMMU_CR0_EVTQEN SVART_MASK(2, 2)
#define SVART_SMMU_CR0_CMDQEN SVART_MASK(3, 3)

#define SVART_SMMU_IRQ_CTRL_OFF    0x50
#define SVART_SMMU_IRQ_CTRLACK_OFF 0x54
#define SVART_SMMU_IRQ_CTRL_GERROR SVART_MASK(0, 0)
#define SVART_SMMU_IRQ_CTRL_PRIQ   SVART_MASK(1, 1)
#define SVART_SMMU_IRQ_CTRL_EVTQ   SVART_MASK(2, 2)

/** An error is active while the two registers differ in its bit; software makes them equal (7.5). */
#define SVART_SMMU_GERROR_OFF      0x60
#define SVART_SMMU_GERRORN_OFF     0x64
#define SVART_SMMU_GERROR_CMDQ     SVART_MASK(0, 0) /* Commands stop; CMDQ_CONS has the reason. */
#define SVART_SMMU_GERROR_EVTQ_ABT SVART_MASK(2, 2) /* A record could not be written. */
#define SVART_SMMU_GERROR_PRIQ_ABT SVART_MASK(3, 3)

#define SVART_SMMU_CMDQ_BASE_OFF 0x90
#define SVART_SMMU_CMDQ_PROD_OFF 0x98
#define SVART_SMMU_CMDQ_CONS_OFF 0x9c
#define SVART_SMMU_CMDQ_CONS_ERR SVART_MASK(30, 24)
#define SVART_SMMU_CERROR_ILL    1 /* The command is illegal. */
#define SVART_SMMU_CERROR_ABT    2 /* The command could not be read. */
#define SVART_SMMU_EVTQ_BASE_OFF 0xa0
#define SVART_SMMU_EVTQ_PROD_OFF 0x100a8
#define SVART_SMMU_EVTQ_CONS_OFF 0x100ac
#define SVART_SMMU_PRIQ_BASE_OFF 0xc0
#define SVART_SMMU_PRIQ_PROD_OFF 0x100c8
#define SVART_SMMU_PRIQ_CONS_OFF 0x100cc

#define SVART_SMMU_Q_BASE_ADDR SVART_MASK(51, 5) /* Stays in place. */
#define SVART_SMMU_Q_BASE_LOG2 SVART_MASK(4, 0)  /* log2 of the number of records. */
/**
 * PROD and CONS have an index of LOG2 bits and above it a wrap bit. Bit 31 of EVTQ_PROD and PRIQ_PROD is
 * OVFLG, which the SMMU toggles at an overflow; bit 31 of CONS is OVACKFLG, which software makes equal to it.
 */
#define SVART_SMMU_Q_OVERFLOW SVART_MASK(31, 31)

/* --- Event queue record (7.3) --------------------------------------------------------------------- */

struct svart_smmu_event {
	uint64_t dw[4]; /**< Little endian. */
};

static_assert(sizeof(struct svart_smmu_event) == 32, "SMMUv3 7.3");

#define SVART_SMMU_EVT_ID          SVART_MASK(7, 0) /* Of dw[0]. */
#define SVART_SMMU_EVT_TRANSLATION 0x10
#define SVART_SMMU_EVT_ADDR_SIZE   0x11
#define SVART_SMMU_EVT_ACCESS      0x12
#define SVART_SMMU_EVT_PERMISSION  0x13
#define SVART_SMMU_EVT_SSV         SVART_MASK(11, 11)
#define SVART_SMMU_EVT_SSID        SVART_MASK(31, 12)
#define SVART_SMMU_EVT_SID         SVART_MASK(63, 32)
#define SVART_SMMU_EVT_STAG        SVART_MASK(15, 0) /* Of dw[1]. */
#define SVART_SMMU_EVT_STALL       SVART_MASK(31, 31)
#define SVART_SMMU_EVT_PNU         SVART_MASK(33, 33) /* Privileged. */
#define SVART_SMMU_EVT_IND         SVART_MASK(34, 34) /* Instruction. */
#define SVART_SMMU_EVT_RNW         SVART_MASK(35, 35) /* Read, not write. */
#define SVART_SMMU_EVT_CLASS       SVART_MASK(41, 40)
#define SVART_SMMU_EVT_CLASS_IN    2 /* The input address caused it. */
/* dw[2]: the input address, of the access. */

/* --- PRI queue record (8.1) ------------------------------------------------------------------------ */

struct svart_smmu_pri {
	uint64_t dw[2]; /**< Little endian. */
};

static_assert(sizeof(struct svart_smmu_pri) == 16, "SMMUv3 8.1");

#define SVART_SMMU_PRI_SID   SVART_MASK(31, 0) /* Of dw[0]. */
#define SVART_SMMU_PRI_SSID  SVART_MASK(51, 32)
#define SVART_SMMU_PRI_PRIV  SVART_MASK(58, 58)
#define SVART_SMMU_PRI_EXEC  SVART_MASK(59, 59)
#define SVART_SMMU_PRI_READ  SVART_MASK(60, 60)
#define SVART_SMMU_PRI_WRITE SVART_MASK(61, 61)
#define SVART_SMMU_PRI_LAST  SVART_MASK(62, 62)
#define SVART_SMMU_PRI_SSV   SVART_MASK(63, 63)
#define SVART_SMMU_PRI_PRGI  SVART_MASK(8, 0)   /* Of dw[1]. */
#define SVART_SMMU_PRI_ADDR  SVART_MASK(63, 12) /* Stays in place. */

/* --- Commands (4) ---------------------------------------------------------------------------------- */

struct svart_smmu_cmd {
	uint64_t dw[2]; /**< Little endian. */
};

static_assert(sizeof(struct svart_smmu_cmd) == 16, "SMMUv3 4");

#define SVART_SMMU_CMD_OP       SVART_MASK(7, 0) /* Of dw[0]. */
#define SVART_SMMU_CMD_PRI_RESP 0x41
#define SVART_SMMU_CMD_RESUME   0x44
#define SVART_SMMU_CMD_SYNC     0x46 /* With CS 0: it completes after all before it. */
#define SVART_SMMU_SYNC_CS      SVART_MASK(13, 12) /* Of dw[0]; 3 is reserved. */
#define SVART_SMMU_CMD_SSV      SVART_MASK(11, 11)
#define SVART_SMMU_CMD_SSID     SVART_MASK(31, 12) /* Of PRI_RESP. */
#define SVART_SMMU_CMD_SID      SVART_MASK(63, 32)

#define SVART_SMMU_RESUME_RESP  SVART_MASK(13, 12) /* Of dw[0]. */
#define SVART_SMMU_RESUME_TERM  0 /* It ends the transaction; the device may be told nothing. */
#define SVART_SMMU_RESUME_RETRY 1
#define SVART_SMMU_RESUME_ABORT 2
#define SVART_SMMU_RESUME_STAG  SVART_MASK(15, 0) /* Of dw[1]. */

#define SVART_SMMU_PRI_RESP_CODE    SVART_MASK(13, 12) /* Of dw[1]. */
#define SVART_SMMU_PRI_RESP_DENY    0                  /* PRG response "response failure". */
#define SVART_SMMU_PRI_RESP_FAIL    1                  /* PRG response "invalid request". */
#define SVART_SMMU_PRI_RESP_SUCCESS 2
#define SVART_SMMU_PRI_RESP_PRGI    SVART_MASK(8, 0)

#endif

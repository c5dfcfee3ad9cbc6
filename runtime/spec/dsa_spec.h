/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DSA_SPEC_H
#define SVART_DSA_SPEC_H

/**
 * @file
 * The hardware layout of Intel DSA: registers, tables, portals, descriptors, completion records.
 *
 * The driver and the software model share it, so that both mean the same bit by the same name. Names
 * follow the Intel Data Streaming Accelerator Architecture Specification (341204, "DSA spec" below).
 * Values agree with Linux, drivers/dma/idxd/registers.h and include/uapi/linux/idxd.h; a unit test
 * compares them with the latter. Masks are for SVART_FIELD_GET() and SVART_FIELD_PREP().
 */

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "bits.h"

/* --- PCI (DSA spec 9.1) ----------------------------------------------------------------------- */

#define SVART_DSA_VENDOR_ID  0x8086
#define SVART_DSA_DEVICE_SPR 0x0b25 /* Sapphire Rapids: DSA 1.0. */
#define SVART_DSA_DEVICE_GNR 0x11fb
#define SVART_DSA_DEVICE_DMR 0x1212

#define SVART_DSA_BAR_REGS    0
#define SVART_DSA_BAR_PORTALS 2

/** MSI-X vectors of Sapphire Rapids: 0 for events of the device, 1.. for completions. */
#define SVART_DSA_NR_VECTORS     9
#define SVART_DSA_MSIX_TABLE_OFF 0x2000 /* In BAR 0. */
#define SVART_DSA_MSIX_PBA_OFF   0x3000

/* --- Registers of BAR 0 (DSA spec 9.2) -------------------------------------------------------- */

#define SVART_DSA_VER_OFF   0x00
#define SVART_DSA_VER_MAJOR SVART_MASK(15, 8)
#define SVART_DSA_VER_MINOR SVART_MASK(7, 0)
#define SVART_DSA_VER_1_0   0x100
#define SVART_DSA_VER_2_0   0x200

#define SVART_DSA_GENCAP_OFF             0x10
#define SVART_DSA_GENCAP_BLOCK_ON_FAULT  SVART_MASK(0, 0)
#define SVART_DSA_GENCAP_OVERLAP_COPY    SVART_MASK(1, 1)
#define SVART_DSA_GENCAP_CC_MEM          SVART_MASK(2, 2)
#define SVART_DSA_GENCAP_CC_CACHE        SVART_MASK(3, 3)
#define SVART_DSA_GENCAP_CMD_CAP         SVART_MASK(4, 4)
#define SVART_DSA_GENCAP_DEST_READBACK   SVART_MASK(8, 8)
#define SVART_DSA_GENCAP_DRAIN_READBACK  SVART_MASK(9, 9)
#define SVART_DSA_GENCAP_EVL_SUPPORT     SVART_MASK(14, 13)
#define SVART_DSA_GENCAP_BATCH_CONTINUE  SVART_MASK(15, 15)
#define SVART_DSA_GENCAP_MAX_XFER_SHIFT  SVART_MASK(20, 16)
#define SVART_DSA_GENCAP_MAX_BATCH_SHIFT SVART_MASK(24, 21)
#define SVART_DSA_GENCAP_MAX_IMS_MULT    SVART_MASK(30, 25)
#define SVART_DSA_GENCAP_CONFIG_SUPPORT  SVART_MASK(31, 31)

#define SVART_DSA_WQCAP_OFF           0x20
#define SVART_DSA_WQCAP_TOTAL_SIZE    SVART_MASK(15, 0)
#define SVART_DSA_WQCAP_NR_WQS        SVART_MASK(23, 16)
#define SVART_DSA_WQCAP_WQCFG_SIZE    SVART_MASK(27, 24) /* A WQCFG has 2^(5+n) bytes. */
#define SVART_DSA_WQCAP_SHARED        SVART_MASK(48, 48)
#define SVART_DSA_WQCAP_DEDICATED     SVART_MASK(49, 49)
#define SVART_DSA_WQCAP_ATS_DISABLE   SVART_MASK(50, 50)
#define SVART_DSA_WQCAP_PRIORITY      SVART_MASK(51, 51)
#define SVART_DSA_WQCAP_OCCUPANCY     SVART_MASK(52, 52)
#define SVART_DSA_WQCAP_OCCUPANCY_INT SVART_MASK(53, 53)
#define SVART_DSA_WQCAP_OP_CONFIG     SVART_MASK(54, 54)
#define SVART_DSA_WQCAP_PRS_DISABLE   SVART_MASK(55, 55)

#define SVART_DSA_GRPCAP_OFF            0x30
#define SVART_DSA_GRPCAP_NR_GROUPS      SVART_MASK(7, 0)
#define SVART_DSA_GRPCAP_RDBUFS         SVART_MASK(15, 8)
#define SVART_DSA_GRPCAP_RDBUF_CTRL     SVART_MASK(16, 16)
#define SVART_DSA_GRPCAP_RDBUF_LIMIT    SVART_MASK(17, 17)
#define SVART_DSA_GRPCAP_PROGRESS_LIMIT SVART_MASK(18, 18)

#define SVART_DSA_ENGCAP_OFF        0x38
#define SVART_DSA_ENGCAP_NR_ENGINES SVART_MASK(7, 0)

/** A bitmap of 256 operation codes, in four words of 64 bits. */
#define SVART_DSA_OPCAP_OFF   0x40
#define SVART_DSA_OPCAP_WORDS 4

/** Offsets of tables: two words of 64 bits, in units of 0x100 bytes. */
#define SVART_DSA_OFFSETS_OFF        0x60
#define SVART_DSA_OFFSETS_GRPCFG     SVART_MASK(15, 0)
#define SVART_DSA_OFFSETS_WQCFG      SVART_MASK(31, 16)
#define SVART_DSA_OFFSETS_MSIX_PERM  SVART_MASK(47, 32)
#define SVART_DSA_OFFSETS_IMS        SVART_MASK(63, 48)
#define SVART_DSA_OFFSETS_HI_OFF     0x68
#define SVART_DSA_OFFSETS_HI_PERFMON SVART_MASK(15, 0)
#define SVART_DSA_OFFSETS_UNIT       0x100

#define SVART_DSA_GENCFG_OFF         0x80
#define SVART_DSA_GENCFG_RDBUF_LIMIT SVART_MASK(7, 0)
#define SVART_DSA_GENCFG_USER_INT_EN SVART_MASK(12, 12)
#define SVART_DSA_GENCFG_EVL_EN      SVART_MASK(13, 13)

#define SVART_DSA_GENCTRL_OFF       0x88
#define SVART_DSA_GENCTRL_SWERR_INT SVART_MASK(0, 0)
#define SVART_DSA_GENCTRL_HALT_INT  SVART_MASK(1, 1)
#define SVART_DSA_GENCTRL_EVL_INT   SVART_MASK(2, 2)

#define SVART_DSA_GENSTS_OFF        0x90
#define SVART_DSA_GENSTS_STATE      SVART_MASK(1, 0) /* enum svart_dsa_state. */
#define SVART_DSA_GENSTS_RESET_TYPE SVART_MASK(3, 2) /* enum svart_dsa_reset_type. */

/** Write 1 to clear. */
#define SVART_DSA_INTCAUSE_OFF            0x98
#define SVART_DSA_INTCAUSE_ERR            SVART_MASK(0, 0)
#define SVART_DSA_INTCAUSE_CMD            SVART_MASK(1, 1)
#define SVART_DSA_INTCAUSE_OCCUPANCY      SVART_MASK(2, 2)
#define SVART_DSA_INTCAUSE_PERFMON        SVART_MASK(3, 3)
#define SVART_DSA_INTCAUSE_HALT           SVART_MASK(4, 4)
#define SVART_DSA_INTCAUSE_EVL            SVART_MASK(5, 5)
#define SVART_DSA_INTCAUSE_HANDLE_REVOKED SVART_MASK(31, 31)

#define SVART_DSA_CMD_OFF     0xa0
#define SVART_DSA_CMD_OPERAND SVART_MASK(19, 0)
#define SVART_DSA_CMD_CODE    SVART_MASK(24, 20) /* enum svart_dsa_cmd. */
#define SVART_DSA_CMD_INT_REQ SVART_MASK(31, 31)
/** Operand of WQ commands except ENABLE_WQ: WQs 16 * SET + the bits of MAP. */
#define SVART_DSA_CMD_WQS_MAP SVART_MASK(15, 0)
#define SVART_DSA_CMD_WQS_SET SVART_MASK(19, 16)

#define SVART_DSA_CMDSTS_OFF    0xa8
#define SVART_DSA_CMDSTS_ERROR  SVART_MASK(7, 0) /* enum svart_dsa_cmd_error. */
#define SVART_DSA_CMDSTS_RESULT SVART_MASK(23, 8)
#define SVART_DSA_CMDSTS_ACTIVE SVART_MASK(31, 31)

/** Bit n: there is command n. Valid if GENCAP.CMD_CAP; else there are commands 1 to 12. */
#define SVART_DSA_CMDCAP_OFF 0xb0

/** Four words of 64 bits. Bits VALID and OVERFLOW of word 0 are cleared by writing 1. */
#define SVART_DSA_SWERR_OFF            0xc0
#define SVART_DSA_SWERR_WORDS          4
#define SVART_DSA_SWERR0_VALID         SVART_MASK(0, 0)
#define SVART_DSA_SWERR0_OVERFLOW      SVART_MASK(1, 1)
#define SVART_DSA_SWERR0_DESC_VALID    SVART_MASK(2, 2)
#define SVART_DSA_SWERR0_WQ_VALID      SVART_MASK(3, 3)
#define SVART_DSA_SWERR0_BATCH         SVART_MASK(4, 4)
#define SVART_DSA_SWERR0_WRITE         SVART_MASK(5, 5) /* The faulting access was a write. */
#define SVART_DSA_SWERR0_PRIV          SVART_MASK(6, 6)
#define SVART_DSA_SWERR0_ERROR         SVART_MASK(15, 8) /* enum svart_dsa_status or _swerr. */
#define SVART_DSA_SWERR0_WQ            SVART_MASK(23, 16)
#define SVART_DSA_SWERR0_OPCODE        SVART_MASK(39, 32)
#define SVART_DSA_SWERR0_PASID         SVART_MASK(59, 40)
#define SVART_DSA_SWERR1_BATCH_IDX     SVART_MASK(15, 0)
#define SVART_DSA_SWERR1_INVALID_FLAGS SVART_MASK(63, 32)
/* Word 2 is the faulting address, word 3 is reserved. */

/** The event log (DSA 2.0): two words. Where it is, and how many entries it has. */
#define SVART_DSA_EVLCFG_OFF       0xe0
#define SVART_DSA_EVLCFG_WORDS     2
#define SVART_DSA_EVLCFG0_PASID_EN SVART_MASK(0, 0)
#define SVART_DSA_EVLCFG0_PRIV     SVART_MASK(1, 1)
#define SVART_DSA_EVLCFG0_BASE     SVART_MASK(63, 12) /* In pages of 4 KiB. */
#define SVART_DSA_EVLCFG1_SIZE     SVART_MASK(15, 0)
#define SVART_DSA_EVLCFG1_PASID    SVART_MASK(35, 16)
/** Fewest entries that a log may have. */
#define SVART_DSA_LOG_MIN_ENTRIES 0x40

/**
 * Indexes of entries: the device writes at TAIL, software has read all before HEAD, and writes it. INT_PENDING
 * is cleared by writing 1: until then no entry raises an interrupt.
 */
#define SVART_DSA_EVLSTATUS_OFF         0xf0
#define SVART_DSA_EVLSTATUS_HEAD        SVART_MASK(15, 0)
#define SVART_DSA_EVLSTATUS_TAIL        SVART_MASK(47, 32)
#define SVART_DSA_EVLSTATUS_INT_PENDING SVART_MASK(62, 62)

/** GENSTS.STATE. */
enum svart_dsa_state {
	SVART_DSA_STATE_DISABLED = 0,
	SVART_DSA_STATE_ENABLED = 1,
	SVART_DSA_STATE_DRAIN = 2,
	SVART_DSA_STATE_HALT = 3,
};

/** GENSTS.RESET_TYPE: the reset that ends the halt state. */
enum svart_dsa_reset_type {
	SVART_DSA_RESET_SOFTWARE = 0,
	SVART_DSA_RESET_FLR = 1,
	SVART_DSA_RESET_WARM = 2,
	SVART_DSA_RESET_COLD = 3,
};

/** CMD.CODE (DSA spec 9.2.10). */
enum svart_dsa_cmd {
	SVART_DSA_CMD_ENABLE_DEV = 1,
	SVART_DSA_CMD_DISABLE_DEV = 2,
	SVART_DSA_CMD_DRAIN_ALL = 3,
	SVART_DSA_CMD_ABORT_ALL = 4,
	SVART_DSA_CMD_RESET_DEV = 5,
	SVART_DSA_CMD_ENABLE_WQ = 6,
	SVART_DSA_CMD_DISABLE_WQ = 7,
	SVART_DSA_CMD_DRAIN_WQ = 8,
	SVART_DSA_CMD_ABORT_WQ = 9,
	SVART_DSA_CMD_RESET_WQ = 10,
	SVART_DSA_CMD_DRAIN_PASID = 11,
	SVART_DSA_CMD_ABORT_PASID = 12,
	SVART_DSA_CMD_REQUEST_INT_HANDLE = 13,
	SVART_DSA_CMD_RELEASE_INT_HANDLE = 14,
};

/** CMDSTS.ERROR (DSA spec 9.2.11; meanings as libaccel-config has them). */
enum svart_dsa_cmd_error {
	SVART_DSA_CMD_OK = 0,
	SVART_DSA_CMD_BAD_COMMAND = 0x01,
	SVART_DSA_CMD_BAD_WQ = 0x02,
	SVART_DSA_CMD_HW_ERROR = 0x03,
	SVART_DSA_CMD_RESERVED_SET = 0x04,
	/* ENABLE_DEV. */
	SVART_DSA_CMD_DEV_ENABLED = 0x10,
	SVART_DSA_CMD_DEV_CONFIG = 0x11,
	SVART_DSA_CMD_BUS_MASTER_OFF = 0x12,
	SVART_DSA_CMD_PRS_ALLOCATION = 0x13,
	SVART_DSA_CMD_WQ_SIZE_SUM = 0x14,
	SVART_DSA_CMD_GROUP_INCOMPLETE = 0x15, /* WQs without engine, or engines without WQ. */
	SVART_DSA_CMD_GROUP_WQ = 0x16,         /* A WQ does not exist, or is in two groups. */
	SVART_DSA_CMD_GROUP_ENGINE = 0x17,     /* An engine does not exist, or is in two groups. */
	SVART_DSA_CMD_GROUP_RDBUFS = 0x18,
	/* ENABLE_WQ. */
	SVART_DSA_CMD_WQ_DEV_DISABLED = 0x20,
	SVART_DSA_CMD_WQ_ENABLED = 0x21,
	SVART_DSA_CMD_WQ_SIZE = 0x22,
	SVART_DSA_CMD_WQ_PRIORITY = 0x23,
	SVART_DSA_CMD_WQ_MODE = 0x24,
	SVART_DSA_CMD_WQ_BLOCK_ON_FAULT = 0x25,
	SVART_DSA_CMD_WQ_PASID_EN = 0x26,
	SVART_DSA_CMD_WQ_MAX_BATCH = 0x27,
	SVART_DSA_CMD_WQ_MAX_XFER = 0x28,
	SVART_DSA_CMD_WQ_PRIV = 0x2a,
	SVART_DSA_CMD_WQ_OCCUPANCY_INT = 0x2b,
	SVART_DSA_CMD_WQ_ATS = 0x2c,
	/* The other commands. */
	SVART_DSA_CMD_DEV_DISABLED = 0x31,
	SVART_DSA_CMD_WQ_DISABLED = 0x32,
	/* REQUEST_INT_HANDLE. */
	SVART_DSA_CMD_BAD_INT_INDEX = 0x41,
	SVART_DSA_CMD_NO_INT_HANDLE = 0x42,
};

/* --- Group configuration table (DSA spec 9.2.16) ---------------------------------------------- */

#define SVART_DSA_GRPCFG_BYTES           64 /* Stride of groups. */
#define SVART_DSA_GRPCFG_WQS_OFF         0  /* A bitmap of 256 WQs. */
#define SVART_DSA_GRPCFG_WQS_WORDS       4
#define SVART_DSA_GRPCFG_ENGINES_OFF     32 /* A bitmap of 64 engines. */
#define SVART_DSA_GRPCFG_FLAGS_OFF       40
#define SVART_DSA_GRPCFG_TC_A            SVART_MASK(2, 0)
#define SVART_DSA_GRPCFG_TC_B            SVART_MASK(5, 3)
#define SVART_DSA_GRPCFG_USE_RDBUF_LIMIT SVART_MASK(7, 7)
#define SVART_DSA_GRPCFG_RDBUFS_RESERVED SVART_MASK(15, 8)
#define SVART_DSA_GRPCFG_RDBUFS_ALLOWED  SVART_MASK(27, 20)
#define SVART_DSA_GRPCFG_DESC_PROGRESS   SVART_MASK(33, 32)
#define SVART_DSA_GRPCFG_BATCH_PROGRESS  SVART_MASK(37, 36)

/* --- Work queue configuration table (DSA spec 9.2.18), by dwords ------------------------------ */

#define SVART_DSA_WQCFG_MIN_BYTES  32 /* Stride: this << WQCAP.WQCFG_SIZE. */
#define SVART_DSA_WQCFG_MIN_DWORDS 8

#define SVART_DSA_WQCFG0_SIZE            SVART_MASK(15, 0)
#define SVART_DSA_WQCFG1_THRESHOLD       SVART_MASK(15, 0)
#define SVART_DSA_WQCFG2_DEDICATED       SVART_MASK(0, 0)
#define SVART_DSA_WQCFG2_BLOCK_ON_FAULT  SVART_MASK(1, 1)
#define SVART_DSA_WQCFG2_ATS_DISABLE     SVART_MASK(2, 2)
#define SVART_DSA_WQCFG2_PRS_DISABLE     SVART_MASK(3, 3)
#define SVART_DSA_WQCFG2_PRIORITY        SVART_MASK(7, 4) /* 1 to 15; 0 is not allowed. */
#define SVART_DSA_WQCFG2_PASID           SVART_MASK(27, 8)
#define SVART_DSA_WQCFG2_PASID_EN        SVART_MASK(28, 28)
#define SVART_DSA_WQCFG2_PRIV            SVART_MASK(29, 29)
#define SVART_DSA_WQCFG3_MAX_XFER_SHIFT  SVART_MASK(4, 0)
#define SVART_DSA_WQCFG3_MAX_BATCH_SHIFT SVART_MASK(8, 5)
#define SVART_DSA_WQCFG4_OCCUPANCY_INTH  SVART_MASK(15, 0)
#define SVART_DSA_WQCFG4_TABLE_SEL       SVART_MASK(16, 16)
#define SVART_DSA_WQCFG5_OCCUPANCY_LIMIT SVART_MASK(15, 0)
#define SVART_DSA_WQCFG5_OCCUPANCY_INT   SVART_MASK(16, 16)
#define SVART_DSA_WQCFG6_OCCUPANCY       SVART_MASK(15, 0) /* Read only. */
#define SVART_DSA_WQCFG6_MODE_SUPPORT    SVART_MASK(29, 29)
#define SVART_DSA_WQCFG6_STATE           SVART_MASK(31, 30) /* enum svart_dsa_wq_state; read only. */
#define SVART_DSA_WQCFG8_OP_CONFIG       SVART_MASK(31, 0) /* Dwords 8 to 15, if WQCAP.OP_CONFIG. */

enum svart_dsa_wq_state {
	SVART_DSA_WQ_DISABLED = 0,
	SVART_DSA_WQ_ENABLED = 1,
	SVART_DSA_WQ_DRAIN = 2,
};

/* MSI-X permission table: one dword of each slot is used (DSA spec 9.2.17). */
#define SVART_DSA_MSIX_PERM_BYTES    8
#define SVART_DSA_MSIX_PERM_IGNORE   SVART_MASK(2, 2)
#define SVART_DSA_MSIX_PERM_PASID_EN SVART_MASK(3, 3)
#define SVART_DSA_MSIX_PERM_PASID    SVART_MASK(31, 12)

/* --- Portals of BAR 2 (DSA spec 3.3) ---------------------------------------------------------- */

#define SVART_DSA_PORTAL_BYTES    0x1000
#define SVART_DSA_PORTALS_PER_WQ  4
#define SVART_DSA_WQ_PORTAL_BYTES (SVART_DSA_PORTAL_BYTES * SVART_DSA_PORTALS_PER_WQ)

enum svart_dsa_portal {
	SVART_DSA_PORTAL_MSIX_UNLIMITED = 0,
	SVART_DSA_PORTAL_MSIX_LIMITED = 1,
	SVART_DSA_PORTAL_IMS_UNLIMITED = 2,
	SVART_DSA_PORTAL_IMS_LIMITED = 3,
};

/* --- Descriptors (DSA spec 5.1, 8) ------------------------------------------------------------ */

enum svart_dsa_opcode {
	SVART_DSA_OP_NOOP = 0x00,
	SVART_DSA_OP_BATCH = 0x01,
	SVART_DSA_OP_DRAIN = 0x02,
	SVART_DSA_OP_MEMMOVE = 0x03,
	SVART_DSA_OP_FILL = 0x04,
	SVART_DSA_OP_COMPARE = 0x05,
	SVART_DSA_OP_COMPARE_PATTERN = 0x06,
	SVART_DSA_OP_CREATE_DELTA = 0x07,
	SVART_DSA_OP_APPLY_DELTA = 0x08,
	SVART_DSA_OP_DUALCAST = 0x09,
	SVART_DSA_OP_TRANSLATION_FETCH = 0x0a,
	SVART_DSA_OP_CRC = 0x10,
	SVART_DSA_OP_COPY_CRC = 0x11,
	SVART_DSA_OP_DIF_CHECK = 0x12,
	SVART_DSA_OP_DIF_INSERT = 0x13,
	SVART_DSA_OP_DIF_STRIP = 0x14,
	SVART_DSA_OP_DIF_UPDATE = 0x15,
	SVART_DSA_OP_DIX_GENERATE = 0x17,
	SVART_DSA_OP_CACHE_FLUSH = 0x20,
};

/* Fields of svart_dsa_desc.pasid_priv. A dedicated WQ ignores both and uses its WQCFG's. */
#define SVART_DSA_DESC_PASID SVART_MASK(19, 0)
#define SVART_DSA_DESC_PRIV  SVART_MASK(31, 31)

/* Fields of svart_dsa_desc.flags_opcode. */
#define SVART_DSA_DESC_FLAGS  SVART_MASK(23, 0)
#define SVART_DSA_DESC_OPCODE SVART_MASK(31, 24)

/* Bits of DESC_FLAGS. */
#define SVART_DSA_FLAG_FENCE        SVART_MASK(0, 0)
#define SVART_DSA_FLAG_BOF          SVART_MASK(1, 1) /* Block on fault. */
#define SVART_DSA_FLAG_CRAV         SVART_MASK(2, 2) /* The completion record address is valid. */
#define SVART_DSA_FLAG_RCR          SVART_MASK(3, 3) /* Request a completion record. */
#define SVART_DSA_FLAG_RCI          SVART_MASK(4, 4) /* Request a completion interrupt. */
#define SVART_DSA_FLAG_CRSTS        SVART_MASK(5, 5) /* Steering tag of the completion record. */
#define SVART_DSA_FLAG_CHECK_RESULT SVART_MASK(7, 7)
#define SVART_DSA_FLAG_CC           SVART_MASK(8, 8) /* Cache control. */
#define SVART_DSA_FLAG_ADDR1_TCS    SVART_MASK(9, 9) /* Traffic class selectors. */
#define SVART_DSA_FLAG_ADDR2_TCS    SVART_MASK(10, 10)
#define SVART_DSA_FLAG_ADDR3_TCS    SVART_MASK(11, 11)
#define SVART_DSA_FLAG_CR_TCS       SVART_MASK(12, 12)
#define SVART_DSA_FLAG_STORD        SVART_MASK(13, 13) /* Strict ordering. */
#define SVART_DSA_FLAG_DRDBK        SVART_MASK(14, 14) /* Destination readback. */
#define SVART_DSA_FLAG_DSTS         SVART_MASK(15, 15) /* Steering tag of the destination. */

/* Bits of DESC_FLAGS that only some operations have: CRC generation, copy with CRC. */
#define SVART_DSA_FLAG_READ_SEED   SVART_MASK(16, 16) /* From memory. */
#define SVART_DSA_FLAG_BYPASS_CRC  SVART_MASK(17, 17) /* Its inversion and reflection. */
#define SVART_DSA_FLAG_BYPASS_DATA SVART_MASK(18, 18) /* The data's reflection. */

/* The same of drains, with GENCAP.DRAIN_READBACK (DSA spec 8.3.3). */
#define SVART_DSA_FLAG_READBACK1 SVART_MASK(16, 16) /* readback_addr is valid. */
#define SVART_DSA_FLAG_READBACK2 SVART_MASK(17, 17) /* readback_addr2 is valid. */
#define SVART_DSA_FLAG_NO_READBACKA \
	SVART_MASK(18, 18) /* No implicit readback of traffic class A. */
#define SVART_DSA_FLAG_NO_READBACKB SVART_MASK(19, 19)

#define SVART_DSA_DESC_BYTES 64

/**
 * One descriptor, little endian, as a portal takes it.
 *
 * Owner: the thread that submits it. Lifetime: until the store to the portal copies it. Locks: none.
 */
struct svart_dsa_desc {
	alignas(SVART_DSA_DESC_BYTES) uint32_t pasid_priv; /**< SVART_DSA_DESC_PASID, _PRIV. */
	uint32_t flags_opcode;                             /**< SVART_DSA_DESC_FLAGS, _OPCODE. */
	uint64_t completion_addr;                          /**< Aligned to 32. With FLAG_CRAV. */
	union {
		uint64_t src;
		uint64_t pattern;        /**< FILL: low byte first. */
		uint64_t readback_addr;  /**< DRAIN. */
		uint64_t desc_list_addr; /**< BATCH. */
	};
	union {
		uint64_t dst;
		uint64_t readback_addr2; /**< DRAIN. */
	};
	union {
		uint32_t size;
		uint32_t desc_count; /**< BATCH. */
	};
	uint16_t int_handle;
	uint16_t reserved;
	union {
		uint64_t pattern_hi; /**< FILL with a pattern of 16 bytes. */
		uint64_t op_specific[3];
	};
};
static_assert(sizeof(struct svart_dsa_desc) == SVART_DSA_DESC_BYTES, "DSA spec 5.1");
static_assert(offsetof(struct svart_dsa_desc, flags_opcode) == 4, "DSA spec 5.1");
static_assert(offsetof(struct svart_dsa_desc, completion_addr) == 8, "DSA spec 5.1");
static_assert(offsetof(struct svart_dsa_desc, src) == 16, "DSA spec 5.1");
static_assert(offsetof(struct svart_dsa_desc, dst) == 24, "DSA spec 5.1");
static_assert(offsetof(struct svart_dsa_desc, size) == 32, "DSA spec 5.1");
static_assert(offsetof(struct svart_dsa_desc, int_handle) == 36, "DSA spec 5.1");
static_assert(offsetof(struct svart_dsa_desc, op_specific) == 40, "DSA spec 5.1");

/* --- Completion records (DSA spec 5.2) -------------------------------------------------------- */

/** svart_dsa_record.status: an enum svart_dsa_status, and whether the faulting access was a write. */
#define SVART_DSA_STATUS_CODE  SVART_MASK(6, 0)
#define SVART_DSA_STATUS_WRITE SVART_MASK(7, 7)

/** How an operation ended (DSA spec 5.7). Errors that no record can report go to SWERR. */
enum svart_dsa_status {
	SVART_DSA_STATUS_NONE = 0x00, /**< Nothing was written yet. */
	SVART_DSA_STATUS_SUCCESS = 0x01,
	SVART_DSA_STATUS_SUCCESS_PREDICATE_FALSE = 0x02,
	SVART_DSA_STATUS_PAGE_FAULT = 0x03, /**< Without block on fault: a partial completion. */
	SVART_DSA_STATUS_PAGE_FAULT_RESPONSE = 0x04, /**< The page request was refused. */
	SVART_DSA_STATUS_BATCH_FAILED = 0x05,
	SVART_DSA_STATUS_BATCH_PAGE_FAULT = 0x06,
	SVART_DSA_STATUS_DELTA_OFFSET_ORDER = 0x07,
	SVART_DSA_STATUS_DELTA_OFFSET_RANGE = 0x08,
	SVART_DSA_STATUS_DIF_ERROR = 0x09,
	SVART_DSA_STATUS_BAD_OPCODE = 0x10,
	SVART_DSA_STATUS_BAD_FLAGS = 0x11,
	SVART_DSA_STATUS_RESERVED_SET = 0x12,
	SVART_DSA_STATUS_BAD_SIZE = 0x13,
	SVART_DSA_STATUS_BAD_DESC_COUNT = 0x14,
	SVART_DSA_STATUS_BAD_DELTA_SIZE = 0x15,
	SVART_DSA_STATUS_OVERLAP = 0x16,
	SVART_DSA_STATUS_DUALCAST_ALIGN = 0x17,
	SVART_DSA_STATUS_DESC_LIST_ALIGN = 0x18,
	SVART_DSA_STATUS_BAD_INT_HANDLE = 0x19,
	SVART_DSA_STATUS_RECORD_TRANSLATION = 0x1a, /**< The record is not reachable: SWERR only. */
	SVART_DSA_STATUS_RECORD_ALIGN = 0x1b,
	SVART_DSA_STATUS_ADDRESS_ALIGN = 0x1c,
	SVART_DSA_STATUS_BAD_PRIV = 0x1d,
	SVART_DSA_STATUS_TRAFFIC_CLASS = 0x1e,
	SVART_DSA_STATUS_READBACK_PAGE_FAULT = 0x1f,
	SVART_DSA_STATUS_HW_ERROR = 0x20,
	SVART_DSA_STATUS_HW_ERROR_READBACK = 0x21,
	SVART_DSA_STATUS_TRANSLATION = 0x22, /**< An address could not be translated at all. */
	SVART_DSA_STATUS_DRAIN_EVL = 0x26,
	SVART_DSA_STATUS_BATCH_EVL = 0x27,
};

/**
 * SWERR errors that are no completion status. The first two as Linux' virtual DSA reported them. For
 * refused portal stores no public number was found: those are the model's own.
 */
enum svart_dsa_swerr {
	SVART_DSA_SWERR_BUS_MASTER = 0x51, /**< Turned off while the device was on; it halts. */
	SVART_DSA_SWERR_CMD_ACTIVE = 0x52, /**< A command was written while one was active. */
	SVART_DSA_SWERR_WQ_MODE = 0x7d,    /**< A posted store to a shared WQ. */
	SVART_DSA_SWERR_WQ_DISABLED = 0x7e,
	SVART_DSA_SWERR_WQ_FULL = 0x7f,
};

#define SVART_DSA_RECORD_BYTES 32

/** svart_dsa_record.invalid_flags. */
#define SVART_DSA_RECORD_INVALID_FLAGS SVART_MASK(23, 0)

/**
 * One completion record, little endian. The device may write it at any time: a reader loads status once, with
 * acquire, before anything else.
 *
 * Owner: device, until status is not NONE. Lifetime: the program's. Locks: none.
 */
struct svart_dsa_record {
	alignas(SVART_DSA_RECORD_BYTES) uint8_t status; /**< SVART_DSA_STATUS_CODE, _WRITE. */
	uint8_t result;                                 /**< MEMMOVE: 1 if it ran from the end. */
	uint8_t fault_info;
	uint8_t reserved;
	union {
		uint32_t bytes_completed;
		uint32_t descs_completed; /**< BATCH. */
	};
	uint64_t fault_addr;
	union {
		uint32_t invalid_flags; /**< SVART_DSA_RECORD_INVALID_FLAGS. With BAD_FLAGS. */
		uint64_t op_specific[2];
	};
};
static_assert(sizeof(struct svart_dsa_record) == SVART_DSA_RECORD_BYTES, "DSA spec 5.2");
static_assert(offsetof(struct svart_dsa_record, result) == 1, "DSA spec 5.2");
static_assert(offsetof(struct svart_dsa_record, fault_info) == 2, "DSA spec 5.2");
static_assert(offsetof(struct svart_dsa_record, bytes_completed) == 4, "DSA spec 5.2");
static_assert(offsetof(struct svart_dsa_record, fault_addr) == 8, "DSA spec 5.2");
static_assert(offsetof(struct svart_dsa_record, invalid_flags) == 16, "DSA spec 5.2");

/* --- Entries of the event log (DSA spec 2.0; Linux, registers.h, struct __evl_entry) ------------- */

#define SVART_DSA_LOG_ENTRY_BYTES 64 /* 32 << GENCAP.EVL_SUPPORT. */

/* Fields of word 0 that SWERR's does not have; the others are at the same bits. */
#define SVART_DSA_LOG0_INFO_VALID SVART_MASK(7, 7) /* Bits 63 to 32 of word 1 say more. */
#define SVART_DSA_LOG0_BATCH_ID   SVART_MASK(31, 24)

/* Fields of word 1. INVALID_FLAGS with BAD_FLAGS, the others with what else they tell of. */
#define SVART_DSA_LOG1_BATCH_IDX      SVART_MASK(15, 0)
#define SVART_DSA_LOG1_INVALID_FLAGS  SVART_MASK(63, 32)
#define SVART_DSA_LOG1_INT_HANDLE     SVART_MASK(47, 32)
#define SVART_DSA_LOG1_RCI            SVART_MASK(48, 48)
#define SVART_DSA_LOG1_IMS            SVART_MASK(49, 49)
#define SVART_DSA_LOG1_RCR            SVART_MASK(50, 50)
#define SVART_DSA_LOG1_FIRST_IN_BATCH SVART_MASK(51, 51)
#define SVART_DSA_LOG1_OPERAND        SVART_MASK(63, 61)

/**
 * One entry, little endian.
 *
 * Owner: device from HEAD - 1 backward to TAIL, software from HEAD to TAIL. Lifetime: the log's. Locks: none.
 */
struct svart_dsa_log_entry {
	alignas(SVART_DSA_LOG_ENTRY_BYTES) uint64_t words[2];
	uint64_t
		fault_addr; /**< RECORD_TRANSLATION, DRAIN_EVL, BATCH_EVL: where the record goes. */
	uint64_t reserved;
	struct svart_dsa_record record; /**< As it would have been written. */
};
static_assert(
	sizeof(struct svart_dsa_log_entry) == SVART_DSA_LOG_ENTRY_BYTES, "GENCAP.EVL_SUPPORT 1");
static_assert(
	offsetof(struct svart_dsa_log_entry, fault_addr) == 16, "registers.h, struct __evl_entry");
static_assert(
	offsetof(struct svart_dsa_log_entry, record) == 32, "registers.h, struct dsa_evl_entry");

/* --- Words for messages ----------------------------------------------------------------------- */

/** CMDSTS.ERROR in words. Never NULL. */
const char *svart_dsa_cmd_error_name(unsigned int error);
/** SWERR's ERROR in words: a completion status, or an enum svart_dsa_swerr. Never NULL. */
const char *svart_dsa_swerr_name(unsigned int error);

#endif

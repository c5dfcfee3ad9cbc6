/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_EDU_SPEC_H
#define SVART_EDU_SPEC_H

/* QEMU's educational device (docs/specs/edu.rst in QEMU). Registers are in BAR 0. */

#define SVART_EDU_VENDOR_ID 0x1234
#define SVART_EDU_DEVICE_ID 0x11e8

#define SVART_EDU_ID_OFF  0x00 /* 4 bytes; the version is in the upper half. */
#define SVART_EDU_ID_MASK 0xffffu
#define SVART_EDU_ID      0x00edu

#define SVART_EDU_SRC_OFF    0x80 /* These have 8 bytes. */
#define SVART_EDU_DST_OFF    0x88
#define SVART_EDU_CNT_OFF    0x90
#define SVART_EDU_CMD_OFF    0x98
#define SVART_EDU_REGS_BYTES 0xa0
#define SVART_EDU_CMD_RUN    UINT64_C(1) /* Starts a transfer; reads 1 until it has ended. */
#define SVART_EDU_CMD_TO_RAM UINT64_C(2) /* From the buffer to memory; else the other way. */

/* The buffer, by its address in SRC or DST. It cannot be reached by registers. */
#define SVART_EDU_BUF_ADDR  UINT64_C(0x40000)
#define SVART_EDU_BUF_BYTES UINT64_C(4096)

/* Bits of a memory address, unless QEMU's option dma_mask says otherwise; higher bits are cut off. */
#define SVART_EDU_MASK_BITS 28

#endif

/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_GUEST_H
#define SVART_GUEST_H

/**
 * @file
 * The module svart-guest: what a guest of the QEMU rig lacks, so that Linux's own driver for DSA runs there.
 *
 *   insn64.c  MOVDIR64B, ENQCMD and ENQCMDS, which QEMU's CPU does not have
 *   decode.c  which of them it is, and of what addresses
 *   piotlb.c  invalidations of more pages than QEMU's IOMMU takes at once
 *
 * Only for devices that are emulated: eight stores are not the one write of 64 bytes that hardware sees.
 */

struct dentry;

/** Makes its file in debugfs. @return 0, or -errno: nothing is left behind. */
int piotlb_start(struct dentry *dir);
void piotlb_stop(void);

#endif

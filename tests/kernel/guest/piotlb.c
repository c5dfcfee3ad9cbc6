// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
// Copyright (c) 2026 the svart authors

/*
 * VT-d takes no page-selective invalidation of more than 2^MAMV pages (VT-d 4.1, 6.5.2.4), and QEMU, whose
 * MAMV is 18, refuses it, so that stale translations stay. Linux 7.2 respects MAMV for second-stage tables only
 * (drivers/iommu/intel/cache.c), so that a range that crosses a boundary of 2 GiB may be too large. Here such an
 * invalidation becomes one of the whole PASID, before the kernel queues it.
 */

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/kprobes.h>

#include "guest.h"

/* PASID-based IOTLB invalidate descriptor (VT-d 4.1, 6.5.2.4): four words of 64 bits, two are used. */
#define DESC_WORDS  4
#define DESC_TYPE   0xfull
#define TYPE_PIOTLB 0x6ull
#define GRAN_MASK   0x30ull
#define GRAN_PASID  0x20ull
#define GRAN_PAGES  0x30ull
#define WORD1_AM    0x3full
#define QEMU_MAMV   18

static atomic_t widened;

static void widen(u64 *desc)
{
	if ((desc[0] & DESC_TYPE) != TYPE_PIOTLB || (desc[0] & GRAN_MASK) != GRAN_PAGES ||
		(desc[1] & WORD1_AM) <= QEMU_MAMV)
		return;
	desc[0] = (desc[0] & ~GRAN_MASK) | GRAN_PASID;
	desc[1] = 0;
	atomic_inc(&widened);
}

/* qi_submit_sync(iommu, desc, count, options): descriptors are the caller's memory. */
static int before_submit(struct kprobe *probe, struct pt_regs *regs)
{
	u64 *desc = (u64 *)regs->si;
	unsigned int nr = (unsigned int)regs->dx;

	for (unsigned int i = 0; i < nr; i++)
		widen(desc + (size_t)i * DESC_WORDS);
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "qi_submit_sync",
	.pre_handler = before_submit,
};

int piotlb_start(struct dentry *dir)
{
	int rc = register_kprobe(&probe);

	if (rc == 0)
		debugfs_create_atomic_t("widened", 0444, dir, &widened);
	return rc;
}

void piotlb_stop(void)
{
	unregister_kprobe(&probe);
}

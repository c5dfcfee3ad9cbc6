/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "pin.h"

#include <errno.h>
#include <sys/mman.h>

#include <linux/capability.h>

#include "caps.h"
#include "iommu_device.h"
#include "kernel_state.h"
#include "vma.h"

/** Charges len bytes, by the kernel's rule (iopt_alloc_pages(), do_update_pinned()). */
static int charge(struct svart_kernel *kernel, uint64_t len, uint64_t *locked)
{
	struct rlimit limit;
	uint64_t now;

	*locked = 0;
	if (svart_has_cap(CAP_IPC_LOCK))
		return 0;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return -errno;
	now = atomic_fetch_add_explicit(&kernel->locked_bytes, len, memory_order_relaxed) + len;
	if (limit.rlim_cur != RLIM_INFINITY && now > limit.rlim_cur) {
		atomic_fetch_sub_explicit(&kernel->locked_bytes, len, memory_order_relaxed);
		return -ENOMEM;
	}
	*locked = len;
	return 0;
}

/**
 * Checks whether VMAs cover the whole range and allow the access.
 * @return 0; -EFAULT; -EAGAIN if that could not be found out, because they moved.
 */
static int check(struct svart_kernel *kernel, uint64_t va, uint64_t len, bool writable)
{
	uint32_t need = writable ? SVART_ACCESS_WRITE : SVART_ACCESS_READ;
	uint64_t at = va;
	struct svart_vma vma;
	int rc;

	while (at < va + len) {
		rc = svart_vma_find(kernel->iommu->vmas, at, &vma);
		if (rc != 0)
			return rc == -EAGAIN ? rc : -EFAULT;
		if ((vma.device_prot & need) == 0)
			return -EFAULT;
		at = vma.end;
	}
	return 0;
}

int svart_pin(
	struct svart_kernel *kernel, uint64_t va, uint64_t len, bool writable, uint64_t *locked)
{
	int advice = writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	int rc = charge(kernel, len, locked);

	if (rc != 0)
		return rc;
	rc = va + len < va ? -EFAULT : check(kernel, va, len, writable);
	if (rc == 0 && madvise((void *)(uintptr_t)va, len, advice) != 0) {
		/* madvise() says ENOMEM for a hole, too; for a pin that is EFAULT. */
		rc = errno == ENOMEM ? check(kernel, va, len, writable) : -EFAULT;
		rc = rc == 0 ? -ENOMEM : rc;
	}
	if (rc != 0) {
		atomic_fetch_sub_explicit(&kernel->locked_bytes, *locked, memory_order_relaxed);
		return rc;
	}
	atomic_fetch_add_explicit(&kernel->pinned_bytes, len, memory_order_relaxed);
	return 0;
}

void svart_unpin(struct svart_kernel *kernel, uint64_t len, uint64_t locked)
{
	atomic_fetch_sub_explicit(&kernel->pinned_bytes, len, memory_order_relaxed);
	atomic_fetch_sub_explicit(&kernel->locked_bytes, locked, memory_order_relaxed);
}

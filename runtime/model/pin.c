/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "pin.h"

#include <errno.h>
#include <sys/mman.h>

#include <linux/capability.h>

#include "caps.h"
#include "model_state.h"
#include "vma.h"

/** Charges len bytes, by the kernel's rule (iopt_alloc_pages(), do_update_pinned()). */
static int charge(struct svart_model *model, uint64_t len, uint64_t *locked)
{
	struct rlimit limit;
	uint64_t now;

	*locked = 0;
	if (svart_has_cap(CAP_IPC_LOCK))
		return 0;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return -errno;
	now = atomic_fetch_add_explicit(&model->locked_bytes, len, memory_order_relaxed) + len;
	if (limit.rlim_cur != RLIM_INFINITY && now > limit.rlim_cur) {
		atomic_fetch_sub_explicit(&model->locked_bytes, len, memory_order_relaxed);
		return -ENOMEM;
	}
	*locked = len;
	return 0;
}

/** Whether VMAs cover the whole range and let devices have it so. */
static int check(struct svart_model *model, uint64_t va, uint64_t len, bool writable)
{
	uint32_t need = writable ? SVART_ACCESS_WRITE : SVART_ACCESS_READ;
	uint64_t at = va;
	struct svart_vma vma;

	while (at < va + len) {
		if (svart_vma_find(model->vmas, at, &vma) != 0)
			return -EFAULT;
		if ((vma.device_prot & need) == 0)
			return -EFAULT;
		at = vma.end;
	}
	return 0;
}

int svart_pin(struct svart_model *model, uint64_t va, uint64_t len, bool writable, uint64_t *locked)
{
	int advice = writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	int rc = charge(model, len, locked);

	if (rc != 0)
		return rc;
	rc = va + len < va ? -EFAULT : check(model, va, len, writable);
	if (rc == 0 && madvise((void *)(uintptr_t)va, len, advice) != 0) {
		/* It says ENOMEM for a hole, too, which is EFAULT to who pins. */
		rc = errno == ENOMEM && check(model, va, len, writable) == 0 ? -ENOMEM : -EFAULT;
	}
	if (rc != 0) {
		atomic_fetch_sub_explicit(&model->locked_bytes, *locked, memory_order_relaxed);
		return rc;
	}
	atomic_fetch_add_explicit(&model->pinned_bytes, len, memory_order_relaxed);
	return 0;
}

void svart_unpin(struct svart_model *model, uint64_t len, uint64_t locked)
{
	atomic_fetch_sub_explicit(&model->pinned_bytes, len, memory_order_relaxed);
	atomic_fetch_sub_explicit(&model->locked_bytes, locked, memory_order_relaxed);
}

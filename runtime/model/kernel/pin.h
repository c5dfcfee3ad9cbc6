/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_PIN_H
#define SVART_MODEL_PIN_H

/**
 * @file
 * Makes the process's pages present for a device, where the kernel would pin them. The model cannot hold
 * pages, so it faults them in, refuses what the kernel refuses, and charges as the kernel does.
 */

#include <stdbool.h>
#include <stdint.h>

struct svart_kernel;

/**
 * Faults in [va, va + len), page-aligned.
 * @param locked out: bytes charged against RLIMIT_MEMLOCK, for svart_unpin().
 * @return 0; -EFAULT a page is not mapped, or the VMA does not let devices read (write) it;
 *         -ENOMEM, also above RLIMIT_MEMLOCK; -EAGAIN it could not find out which of the two it is
 *         (svart_vma_find()): map again, as svart_space_map() does.
 * @thread any. @blocks for as long as the pages take to come. No lock is needed except domains.
 */
int svart_pin(
	struct svart_kernel *kernel, uint64_t va, uint64_t len, bool writable, uint64_t *locked);
void svart_unpin(struct svart_kernel *kernel, uint64_t len, uint64_t locked);

#endif

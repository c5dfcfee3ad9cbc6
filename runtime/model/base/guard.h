/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_GUARD_H
#define SVART_MODEL_GUARD_H

/**
 * @file
 * Access to memory that may not be there: memory that a device reaches through a translation, and memory
 * that a program hands to a call of the model.
 *
 * Normally an access runs at the speed of memcpy(), under a thread-local jump buffer that a handler
 * of SIGSEGV and SIGBUS jumps to; a short one needs no jump buffer (guard_code.h). The handler runs on the
 * alternate stack, if there is one, and passes on every fault that is not of a guarded access. Sanitizers
 * own these signals, so in their builds (SVART_GUARD_BY_SYSCALL) the kernel does the copy, and reports
 * EFAULT.
 *
 * The signal handler is the one thing here that belongs to the process and not to a machine.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * Installs the handler with the first call; svart_guard_fini() undoes one call.
 * @return 0 or -errno. @thread control.
 */
int svart_guard_init(void);
/** Puts back the handlers that init found, if nobody has replaced ours meanwhile. @thread control. */
void svart_guard_fini(void);

/**
 * Copies as memmove() does. One guard covers the whole range.
 * @return 0, or -EFAULT when a part of either range is not there or the access is not allowed; some bytes
 *         may have been copied then.
 * @thread any, with SIGSEGV and SIGBUS unblocked. @blocks as a page fault does.
 */
int svart_guard_copy(void *dst, const void *src, size_t len);
/** Fills as svart_op_fill16() does. The rest is as in svart_guard_copy(). */
int svart_guard_fill(
	void *dst, size_t len, uint64_t pattern_lo, uint64_t pattern_hi, uint64_t phase);
/**
 * Copies a record so that its first byte becomes visible last, with release order. len is at least 1. The
 * rest is as in svart_guard_copy().
 */
int svart_guard_publish(void *dst, const void *record, size_t len);

#endif

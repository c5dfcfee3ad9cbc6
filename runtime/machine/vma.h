/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_VMA_H
#define SVART_VMA_H

/**
 * @file
 * What the process's own page tables say about an address: the virtual memory area around it, and
 * what a device may be given of it.
 */

#include <stdint.h>

#include "machine.h"

/** Access bits, of VMAs and of page requests. */
enum svart_access {
	SVART_ACCESS_READ = 1 << 0,
	SVART_ACCESS_WRITE = 1 << 1,
	SVART_ACCESS_EXEC = 1 << 2,
	SVART_ACCESS_PRIV = 1 << 3,
};

/** One virtual memory area. */
struct svart_vma {
	uint64_t start; /**< First byte. */
	uint64_t end;   /**< First byte after it. */
	uint32_t prot;  /**< enum svart_access: what the CPU may do. */
	/**
	 * enum svart_access: what a device may do. prot, but no WRITE for a shared mapping of a file
	 * on a file system with write-back: Linux does not pin such pages for long (mm/gup.c).
	 */
	uint32_t device_prot;
	bool shared;      /**< MAP_SHARED. */
	bool file_backed; /**< Backed by a file (memfd and shared anonymous memory count). */
};

/**
 * Reads VMAs: PROCMAP_QUERY where the kernel has it (Linux 6.11), else /proc/self/maps.
 *
 * Owner: who inits it; any thread may read. Lifetime: init to fini. Locks: its own, around the
 * small cache of file-system kinds only.
 */
struct svart_vma_reader;

/** @return 0 or -errno of opening /proc/self/maps. */
int svart_vma_reader_create(struct svart_machine *m, struct svart_vma_reader **out);
void svart_vma_reader_destroy(struct svart_vma_reader *r);

/**
 * Finds the VMA that contains addr.
 *
 * @return 0; -ENOENT no VMA contains it; another -errno if the kernel cannot be asked.
 * @thread any. @blocks on the process's mmap lock for a moment. Does not allocate.
 */
int svart_vma_find(struct svart_vma_reader *r, uint64_t addr, struct svart_vma *vma);

#endif

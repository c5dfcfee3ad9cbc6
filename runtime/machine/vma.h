/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_VMA_H
#define SVART_VMA_H

/**
 * @file
 * What the process's own page tables say about an address: the virtual memory area around it, and
 * the accesses to it that a device may get.
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

/**
 * The identity of mapped memory: if it differs from before, other memory is mapped at an address. All pieces
 * of one mapping have the same identity, however mprotect() has cut it.
 *
 * Different memory can have the same identity: all anonymous memory is alike, because Linux does not tell
 * one from another; and a file's inode number is used again after the file is gone.
 */
struct svart_vma_identity {
	uint64_t inode;  /**< Inode number of the file; 0: anonymous, and all other fields are 0. */
	uint64_t offset; /**< File offset less address, modulo 2^64. */
	uint32_t major;  /**< The file system's device. */
	uint32_t minor;
	bool shared; /**< MAP_SHARED; if not, written pages are the process's own copies. */
};

/** The tag of anonymous memory; no file has it. */
#define SVART_VMA_TAG_ANONYMOUS UINT64_C(0)

/**
 * An identity in eight bytes. Equal identities have equal tags. Different ones have different tags, except
 * for one in 2^31 if 32 bits of the inode number are equal. The low half is these 32 bits.
 */
uint64_t svart_vma_identity_tag(const struct svart_vma_identity *id);

/** One virtual memory area. */
struct svart_vma {
	uint64_t start; /**< First byte. */
	uint64_t end;   /**< First byte after it. */
	uint32_t prot;  /**< enum svart_access: accesses that the CPU may make. */
	/**
	 * enum svart_access: accesses that a device may make. They are prot, but without WRITE for a shared
	 * mapping of a file on a file system with write-back: Linux does not pin such pages for long
	 * (mm/gup.c).
	 */
	uint32_t device_prot;
	bool shared;      /**< MAP_SHARED. */
	bool file_backed; /**< Backed by a file (memfd and shared anonymous memory count). */
	struct svart_vma_identity identity;
};

/**
 * Reads VMAs: by PROCMAP_QUERY if the kernel has it (Linux 6.11), else by the text of /proc/self/maps
 * (maps.h), for which it has SVART_MAPS_READERS descriptors open.
 *
 * Owner: its creator; any thread may read. Lifetime: create to destroy. Locks: its own, around the
 * small cache of file-system kinds; and those of maps.h.
 */
struct svart_vma_reader;

/** @return 0; -ENOMEM; -errno of opening /proc/self/maps. With a text. */
int svart_vma_reader_create(struct svart_machine *m, struct svart_vma_reader **out);
void svart_vma_reader_destroy(struct svart_vma_reader *r);

/**
 * Finds the VMA that contains addr.
 *
 * Other threads may map and unmap meanwhile. A VMA that does not change during the call is found. A VMA that
 * changes is found as it was at one moment of the call, or is not found.
 *
 * @return 0; -ENOENT no VMA contains it; -EAGAIN the answers changed all the time: ask again; -EBADMSG an
 *         answer that cannot be; another -errno if the kernel cannot be asked. No text.
 * @thread any. @blocks on the process's mmap lock for a moment; without PROCMAP_QUERY also for a
 *         descriptor, if more threads ask than there are descriptors. It does not allocate.
 */
int svart_vma_find(struct svart_vma_reader *r, uint64_t addr, struct svart_vma *vma);

#endif

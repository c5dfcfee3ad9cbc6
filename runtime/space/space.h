/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SPACE_INTERNAL_H
#define SVART_SPACE_INTERNAL_H

/**
 * @file
 * Spaces, from the inside: what the core and the fault service call.
 *
 * Addresses are kept by chunks of 2 MiB. A chunk's pages are described by bitmaps (mapped, writable,
 * start of an area, pending, static); an area is one IOAS mapping and never crosses a chunk. States
 * of a page: absent -> PENDING (a thread is inside IOAS_MAP, no lock held) -> mapped -> absent.
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/space.h>

#include "machine.h"
#include "vma.h"

#define SVART_CHUNK_SHIFT 21
#define SVART_CHUNK_SIZE  (UINT64_C(1) << SVART_CHUNK_SHIFT)

/**
 * One space.
 *
 * Owner: the program. Lifetime: svart_space_init() to svart_space_fini(). Locks: sharded by chunk;
 * never held over IOAS_MAP.
 */
struct svart_space;

/** @return 0, -EINVAL a parameter out of range, -ENOMEM. Not bound to a machine yet. */
int svart_space_init(const struct svart_space_params *params, struct svart_space **out);

/** Unmaps all and frees. The caller made sure that no device is attached. */
void svart_space_fini(struct svart_space *space);

/**
 * Binds the space to a machine's iommufd, allocates its IOAS, checks the aperture. A second bind to
 * the same pair only counts.
 *
 * @param iommufd an open /dev/iommu of m; stays the caller's and must outlive the space.
 * @return 0; -EXDEV bound to another machine; -errno of the kernel.
 * @thread control.
 */
int svart_space_bind(struct svart_space *space, struct svart_machine *m, int iommufd);

/** Ends one svart_space_bind(). After the last, the space is unmapped, its IOAS destroyed. */
void svart_space_unbind(struct svart_space *space);

/** How many binds there are: attachments. */
unsigned int svart_space_bound(const struct svart_space *space);

/** The IOAS id. Only while bound. */
uint32_t svart_space_ioas(const struct svart_space *space);

/**
 * After a device was attached: do the process's addresses fit the aperture?
 * @return 0, or -ERANGE (see svart_error_text()): a usable range does not cover user addresses.
 * The x86 MSI window and other small holes are remembered instead: requests there are -EFAULT.
 */
int svart_space_check_aperture(struct svart_space *space);

/**
 * Makes every page of [start, end) present and mapped with at least `access`; widens to the
 * fault-around window, clips to VMA, permissions and chunk. This is what answers a page request.
 *
 * @param start, end page-aligned, start < end.
 * @param access     enum svart_access bits; EXEC counts as READ.
 * @return 0: all of it is mapped.
 *         -EFAULT some page of it is not mapped in the process, or not with this access, or cannot
 *         be pinned: answer INVALID (retry page by page to find which).
 *         -ENOMEM even after eviction. -EAGAIN the range was forgotten again and again meanwhile.
 *         Other -errno: of the kernel.
 * @thread any. Allocates nothing. @blocks as long as the pages take to come.
 */
int svart_space_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access);

/**
 * Maps memory that a device must reach without faulting (completion records, rings), never evicted
 * and not touched by svart_space_forget(). Page-aligned; the caller allocated it for this alone.
 * @return 0 or -errno as svart_space_resolve().
 */
int svart_space_map_static(struct svart_space *space, void *addr, size_t len);
/** Ends svart_space_map_static() of exactly this range. */
void svart_space_unmap_static(struct svart_space *space, void *addr, size_t len);

/** After fork, in the child: every further call on the space fails with -EPERM. */
void svart_space_mark_dead(struct svart_space *space);

#endif

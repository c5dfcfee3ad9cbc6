/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SPACE_INTERNAL_H
#define SVART_SPACE_INTERNAL_H

/**
 * @file
 * Spaces, from the inside: what the core and the fault service call.
 *
 * Addresses are kept by chunks of 2 MiB. A chunk's pages are described by bitmaps (mapped, writable,
 * start of an area, pending, static; 384 bytes a chunk); an area is one IOAS mapping and never crosses
 * a chunk. States of a page: absent -> PENDING (a thread is inside IOAS_MAP, no lock held) -> mapped
 * -> PENDING (inside IOAS_UNMAP) -> absent. chunk_map.h has the rules.
 *
 * No call here runs svart_pause()'s hooks: the inline fault service, which is one, calls in here.
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

/**
 * Unmaps all and frees. The caller made sure that no device is attached. After svart_space_mark_dead()
 * it does nothing: the kernel's side is the parent's, and locks may be held by threads of the parent.
 */
void svart_space_fini(struct svart_space *space);

/**
 * Binds the space to a machine's iommufd, allocates its IOAS, checks the aperture. A second bind to
 * the same pair only counts.
 *
 * @param iommufd an open /dev/iommu of m; stays the caller's and must outlive the space.
 * @return 0; -EXDEV bound to another machine or iommufd; -ENOTSUP the IOMMU's pages are larger than
 *         4 KiB; -ENOMEM memory, or RLIMIT_MEMLOCK is next to nothing; -EPERM after a fork; -errno of
 *         the kernel. With a text.
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
 * Call it after each attach, which can narrow what is usable.
 * @return 0; -ERANGE (see svart_error_text()): the usable ranges end below the process's highest
 *         memory, or leave out more than 1 GiB in one piece below it. The x86 MSI window and other
 *         small holes are remembered instead: requests there are -EFAULT. Also after -ERANGE the
 *         ranges are remembered, and what is usable can be used. -errno of bind.
 * @thread control.
 */
int svart_space_check_aperture(struct svart_space *space);

/**
 * Makes every page of [start, end) present and mapped with at least `access`; widens to the
 * fault-around window, clips to VMA, permissions and chunk. This is what answers a page request.
 * What gets which access is said in resolve.c.
 *
 * @param start, end page-aligned, start < end.
 * @param access     enum svart_access bits; EXEC, and no bit at all, count as READ.
 * @return 0: each page of it has been mapped during the call; another thread can have evicted or
 *         forgotten it since, then the device asks again.
 *         -EFAULT some page of it is not mapped in the process, or not with this access, or cannot
 *         be pinned, or the IOMMU cannot map its address: answer INVALID (retry page by page to find
 *         which).
 *         -ENOMEM even after eviction; also a range that is larger than the pin limit.
 *         -EAGAIN the range was forgotten 64 times meanwhile: try again.
 *         -EINVAL not page-aligned, or empty. -ENODEV not bound. -EPERM after a fork.
 *         Other -errno: of the kernel. No text: this is the fault path.
 * @thread any. Allocates nothing. @blocks as long as the pages take to come.
 */
int svart_space_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access);

/**
 * As svart_space_resolve(), for a hold: waits for nobody who may wait for the caller, and does not look
 * whether one page of the range had to go for another.
 * @return as svart_space_resolve(), and -EAGAIN: some page is being forgotten, or must be mapped
 *         writable and is held in an area that is not.
 */
int svart_space_try_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access);

/**
 * Maps memory that a device must reach without faulting (completion records, rings), never evicted
 * and not touched by svart_space_forget(). It counts against the pin limit. Devices may read and write
 * it. Page-aligned; the caller allocated it for this alone, and keeps faults around it away until
 * then (memory of MADV_DONTFORK is a VMA of its own).
 * @return 0, -EEXIST a page of it is static memory already, or -errno as svart_space_resolve(). No
 *         text.
 * @thread any. @blocks as the kernel pins.
 */
int svart_space_map_static(struct svart_space *space, void *addr, size_t len);
/** Ends svart_space_map_static() of exactly this range. Logs it if the kernel refuses. */
void svart_space_unmap_static(struct svart_space *space, void *addr, size_t len);

/** A pointer that the core keeps with the space: who made it. */
void svart_space_set_owner(struct svart_space *space, void *owner);
void *svart_space_owner(const struct svart_space *space);

/** After fork, in the child: every further call on the space fails with -EPERM. */
void svart_space_mark_dead(struct svart_space *space);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SPACE_INTERNAL_H
#define SVART_SPACE_INTERNAL_H

/**
 * @file
 * Spaces, from the inside: what the core and the fault service call.
 *
 * Addresses are kept by chunks of 2 MiB. Bitmaps describe a chunk's pages (mapped, writable, start of an
 * area, pending, static; 448 bytes a chunk, with what the pages were mapped from). An area is one IOAS
 * mapping and never crosses a chunk. States of a page: absent -> PENDING (a thread is inside IOAS_MAP, no
 * lock held) -> mapped -> PENDING (inside IOAS_UNMAP) -> absent. chunk_map.h has the rules.
 *
 * No call here runs svart_pause()'s hooks, because one of them, the inline fault service, calls functions of
 * this file.
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

/** Makes a space that is not bound to a machine yet. @return 0, -EINVAL a parameter out of range, -ENOMEM. */
int svart_space_init(const struct svart_space_params *params, struct svart_space **out);

/**
 * Unmaps all and frees the space. The caller made sure that no device is attached. After
 * svart_space_mark_dead() it does nothing: the kernel's side belongs to the parent, and threads of the parent
 * may hold locks.
 */
void svart_space_fini(struct svart_space *space);

/**
 * Binds the space to a machine's iommufd, allocates its IOAS, and checks the aperture. A further bind to
 * the same pair is only counted.
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

/** Invalidations that have begun and not ended. Any thread. */
uint32_t svart_space_open_invalidations(const struct svart_space *space);

/** The IOAS id. Only while bound. */
uint32_t svart_space_ioas(const struct svart_space *space);

/**
 * Checks whether the process's addresses fit the aperture. To be called after each attach of a device, which
 * can make the usable ranges smaller.
 * @return 0; -ERANGE (see svart_error_text()): the usable ranges end below the process's highest
 *         memory, or leave out more than 1 GiB in one piece below it. The x86 MSI window and other
 *         small holes are remembered instead: requests there get -EFAULT. The ranges are remembered after
 *         -ERANGE too, and what is usable can be used. -errno of bind.
 * @thread control.
 */
int svart_space_check_aperture(struct svart_space *space);

/**
 * Makes every page of [start, end) present and mapped with at least `access`. It widens the range to the
 * fault-around window, and clips it to VMA, permissions and chunk. The fault service calls it to answer a
 * page request. resolve.c says which memory gets which access.
 *
 * @param start, end page-aligned, start < end.
 * @param access     enum svart_access bits; EXEC, and no bit at all, count as READ.
 * @return 0: each page of it has been mapped during the call; if another thread has evicted or
 *         forgotten one since, the device asks again.
 *         -EFAULT some page of it is not mapped in the process, or not with this access, or cannot
 *         be pinned, or the IOMMU cannot map its address: answer INVALID (retry page by page to find
 *         which).
 *         -ENOMEM even after eviction; also a range that is larger than the pin limit.
 *         -EAGAIN the range was forgotten 64 times meanwhile, or the process's memory there changed each
 *         time it was looked at: try again.
 *         -EINPROGRESS some page of it is in an invalidation that has begun and not ended: try again
 *         when svart_space_ends() has changed since before the call. The call does not wait for that,
 *         because its caller may be the thread that ends the invalidation.
 *         -EINVAL not page-aligned, or empty. -ENODEV not bound. -EPERM after a fork.
 *         Other -errno: of the kernel. No text: this is the fault path.
 * @thread any. Allocates nothing. @blocks until the pages are mapped.
 */
int svart_space_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access);

/** How many invalidations have ended so far. @thread any. @blocks never. */
uint64_t svart_space_ends(const struct svart_space *space);

/**
 * A listener: it is told when an invalidation has ended.
 *
 * Owner: the listener. Lifetime: svart_space_listen() to svart_space_unlisten(). Locks: the space's.
 */
struct svart_space_listener {
	/**
	 * Called by the thread that ends the invalidation, with a lock: must not block, nor call the space.
	 */
	void (*wake)(void *arg);
	void *arg;
	struct svart_space_listener *next;
};

void svart_space_listen(struct svart_space *space, struct svart_space_listener *listener);
/** Ends listening. When it returns, no thread is inside wake(). @thread not from within wake(). */
void svart_space_unlisten(struct svart_space *space, struct svart_space_listener *listener);

/**
 * As svart_space_resolve(), for a caller that may no longer want the range: the device may have got another
 * answer meanwhile, so that the program may be about to forget the range and free it.
 *
 * @param wanted called before each map, with a lock held that a forget takes too. So once it has returned
 *               false, and a program then forgets the range, this call maps nothing of it afterwards. NULL:
 *               the range is always wanted. It takes no lock. @param arg for it.
 * @return as svart_space_resolve(), and -ECANCELED: what is not mapped yet is not wanted any more.
 */
int svart_space_resolve_while(struct svart_space *space, uint64_t start, uint64_t end,
	unsigned int access, bool (*wanted)(const void *arg), const void *arg);

/**
 * As svart_space_resolve(), for a hold: it never waits for a thread that may wait for the caller, and does
 * not check whether one page of the range was evicted for another.
 * @return as svart_space_resolve(), and -EAGAIN, also for -EINPROGRESS: some page is being forgotten,
 *         or must be mapped writable and is held in an area that is not.
 */
int svart_space_try_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access);

/**
 * Maps memory that a device must reach without faulting (completion records, rings). It is never evicted,
 * and svart_space_forget() does not touch it. It counts against the pin limit. Devices may read and write
 * it. It is page-aligned; the caller allocated it only for this, and keeps windows of other faults out of it
 * until then (memory of MADV_DONTFORK is a VMA of its own).
 * @return 0, -EEXIST a page of it is static memory already, or -errno as svart_space_resolve(). No
 *         text.
 * @thread any. @blocks as the kernel pins.
 */
int svart_space_map_static(struct svart_space *space, void *addr, size_t len);
/** Ends svart_space_map_static() of exactly this range. It logs if the kernel refuses. */
void svart_space_unmap_static(struct svart_space *space, void *addr, size_t len);

/**
 * Allocates memory of svart's own that devices reach without faulting: zeroed, page-aligned, not inherited
 * by forks, mapped as by svart_space_map_static(), from the space's arena (arena.h).
 *
 * @param bytes        whole pages, a chunk at most.
 * @param address_bits the memory lies below 2^address_bits; 0: anywhere.
 * @param out          out: the memory; the caller frees it by svart_space_own_free().
 * @return 0, or, with a text: -ENOSPC the space's budget is too small for what is attached (demand.h);
 *         -EINVAL the size; -ENOMEM, -EADDRNOTAVAIL; -errno of the kernel.
 * @thread control. @blocks as the kernel pins.
 */
int svart_space_own_alloc(
	struct svart_space *space, size_t bytes, unsigned int address_bits, void **out);
/** Frees memory of svart_space_own_alloc(); devices do not use it any more. @thread control. */
void svart_space_own_free(struct svart_space *space, void *addr, size_t bytes);

/** Leases of one attachment; see lease.h. */
struct svart_lessee;

/**
 * Makes a lessee of nr leases: as many as the attachment's engines need pages at once. More leases
 * make the areas around all of them smaller.
 * @return 0, -ENOSPC the budget is too small for what would be attached, -ENOMEM; with a text.
 * @thread control; no page of another lessee's is being asked for just because its lease is gone.
 */
int svart_lessee_create(struct svart_space *space, uint32_t nr, struct svart_lessee **out);
/** Ends a lessee; no thread takes leases by it any more. @thread control. */
void svart_lessee_destroy(struct svart_space *space, struct svart_lessee *lessee);

/** Whether the space has ever evicted anything; if not, no lease is needed. @thread any. @blocks never. */
bool svart_space_is_tight(const struct svart_space *space);

/**
 * As svart_space_resolve_while() of the page at addr, and leases it: the page is not evicted before the
 * lessee has leased as many other pages as it has leases, or even more (lease.h).
 * @return as svart_space_resolve_while(); -ENOMEM: the kernel has no memory, or devices without page requests
 *         hold it; -EAGAIN: other threads are in the way, ask again.
 * @thread any. @blocks as svart_space_resolve().
 */
int svart_space_resolve_leased(struct svart_space *space, struct svart_lessee *lessee,
	uint64_t addr, unsigned int access, bool (*wanted)(const void *arg), const void *arg);

/**
 * Notes that a page request for addr is answered INVALID because svart_space_resolve() returned rc. Only want
 * of memory (-ENOMEM) is kept, for svart_space_was_refused(). @thread any. @blocks never.
 */
void svart_space_refuse(struct svart_space *space, uint64_t addr, int rc);
/**
 * Whether the page at addr was last refused for want of memory. The call forgets the page, so it is true
 * once.
 * @thread any. @blocks never.
 */
bool svart_space_was_refused(struct svart_space *space, uint64_t addr);

/** Keeps a pointer of the core with the space: to what made the space. */
void svart_space_set_owner(struct svart_space *space, void *owner);
void *svart_space_owner(const struct svart_space *space);

/** To be called in the child after a fork: every further call on the space fails with -EPERM. */
void svart_space_mark_dead(struct svart_space *space);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SPACE_H
#define SVART_SPACE_H

/**
 * @file
 * What devices see of the process: addresses that are the program's own pointers.
 *
 * A space is one iommufd IOAS in which IOVA == VA. It starts empty; the fault service maps and pins
 * pages when a device asks for them. Pinned pages do not follow the program's page tables. So the coherence
 * contract (doc/coherence) has one rule: memory that a device may have touched must be taken from the
 * devices BEFORE it is freed, unmapped, remapped, truncated or changes its protection. Use
 * svart_space_munmap() and its like, which do the whole; or put svart_space_invalidate_begin() and _end()
 * around any other change; or use svart_space_forget() if there is no end that the program can tell.
 *
 * @code
 * void *buf = mmap(...);            // devices may use buf now, nothing to register
 * svart_queue_prep_copy(q, buf, src, len, 0, 1);
 * ... wait for the completion ...
 * svart_space_munmap(space, buf, len);
 * @endcode
 */

#include <stddef.h>
#include <stdint.h>

#include <svart/init.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One address space for devices. Opaque. */
struct svart_space;

/**
 * Parameters of svart_space_create(). Initialise them with SVART_SPACE_PARAMS_INIT(), then set what differs
 * from the defaults. Zero in a field means its default.
 */
struct svart_space_params {
	uint32_t size; /**< Size of the structure, set by SVART_SPACE_PARAMS_INIT(). */
	/**
	 * Chunks of 2 MiB that can be mapped at once, in part or whole, up to 4194304; each takes
	 * 448 bytes once it has been used. Above this number the oldest are unmapped. The smallest possible
	 * number follows from pin_limit_bytes: one chunk for each of the pages named there, except that all
	 * of svart's own pages count as one chunk. Default: 65536.
	 */
	uint32_t max_chunks;
	/**
	 * Bytes that devices may keep pinned, at least a page; above this limit the oldest chunks are
	 * unmapped. The smallest possible limit is the sum of svart's own pins (as a rule a page for each
	 * queue), of engines * step_pages pages (svart_device_info) for each attachment, and, if a device
	 * without page requests is attached, of a quarter of this limit, at least 6 pages. What would need
	 * more is refused with -ENOSPC. With this smallest limit every operation ends. Default:
	 * RLIMIT_MEMLOCK, which the kernel enforces, less a sixteenth for other pins of the same user; or
	 * half of the memory if there is no such limit, or the process is exempt from it (CAP_IPC_LOCK).
	 */
	uint64_t pin_limit_bytes;
	/**
	 * The most that is mapped around a faulting page, in bytes: a power of two, from one page to 2 MiB.
	 * Sequential access widens the window up to this size; a lone fault maps a sixteenth of it. A
	 * window is never larger than an eighth of the pin limit. Default: 2 MiB.
	 */
	uint64_t fault_around_bytes;
};

/** Initialises a struct svart_space_params: its size, and the fields that are named. */
#define SVART_SPACE_PARAMS_INIT(...)                                   \
	{                                                              \
		.size = sizeof(struct svart_space_params), __VA_ARGS__ \
	}

/** Counters of a space. SVART_SPACE_STATS_INIT() comes first. */
struct svart_space_stats {
	uint32_t size;              /**< Size of the structure, set by SVART_SPACE_STATS_INIT(). */
	uint32_t reserved;          /**< Always 0. */
	uint64_t pinned_bytes;      /**< Bytes mapped, or being mapped, for devices now. */
	uint64_t pinned_bytes_peak; /**< The largest value of pinned_bytes so far. */
	uint64_t maps;              /**< Ranges mapped. */
	uint64_t unmaps;            /**< Ranges unmapped. */
	uint64_t evictions;         /**< Chunks unmapped to stay within the limit. */
	uint64_t upgrades;          /**< Read-only ranges mapped again as writable. */
	uint64_t exact_retries;     /**< Widened ranges that failed and were retried page-exact. */
	/**
	 * Ranges unmapped because the process had replaced their memory without telling svart
	 * (svart_space_forget()). It is 0 in a program that keeps the rule. Replacements that svart does
	 * not notice are not counted.
	 */
	uint64_t replaced;
	/** The same, but left mapped because operations held them; counted each time. */
	uint64_t replaced_held;
};

/** Initialises a struct svart_space_stats: `struct svart_space_stats s = SVART_SPACE_STATS_INIT();` */
#define SVART_SPACE_STATS_INIT(...)                                   \
	{                                                             \
		.size = sizeof(struct svart_space_stats), __VA_ARGS__ \
	}

/**
 * Makes an empty space. It is bound to a machine by the first device opened on it.
 *
 * @param rt     the runtime.
 * @param params limits; NULL for the defaults; read only during the call.
 * @param space  out: the space; the caller destroys it with svart_space_destroy().
 * @return 0 or a negative errno; *space is written only on success.
 * @errors -EINVAL a field is out of range, or params->size is neither 0 nor a size that the structure ever
 *         had: svart_error_text() names it.
 *         -E2BIG params has a field that only a newer svart knows. -ENOMEM out of memory.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_space_create(
	struct svart *rt, const struct svart_space_params *params, struct svart_space **space);

/**
 * Destroys a space and unmaps what is left in it.
 *
 * @return 0, or -EBUSY while a device is attached to it, or an invalidation of it is open: close the
 *         device, end the invalidation, then call again.
 * @thread any; nothing else may use the space any more.
 * @blocks while the kernel unmaps.
 */
SVART_API int svart_space_destroy(struct svart_space *space);

/**
 * An invalidation that has begun. The memory is the program's, so there can be any number of them. The
 * contents are svart's from begin to end: do not copy, move or change them.
 */
struct svart_invalidation {
	uint64_t reserved[10]; /**< svart's. */
};

/**
 * Begins an invalidation: takes a range of addresses from all devices until it ends. When this function
 * returns 0 no device can reach any byte of the range, and none will before svart_space_invalidate_end(),
 * however many ranges are open and whatever faults there are next to them. The program may change the
 * memory as it likes in between.
 *
 * A device that asks for a page of the range meanwhile waits for the end, and then gets the memory that is
 * at the address at that time. (A deadline of its fault service, the close of the device or a detach ends
 * the wait earlier: the page request is answered INVALID.) So operations may be in flight; they stop where
 * they need the range. Queues of devices without page requests take no new operations on it.
 *
 * Invalidations may overlap and nest: a page can be reached again when the last one that covers it has
 * ended.
 *
 * @param space the space. A program with several spaces begins in each of them, then changes the memory.
 * @param addr  first byte; need not be aligned: every page that the range touches counts.
 * @param len   bytes; 0 covers nothing. addr + len must not wrap.
 * @param inv   out: the invalidation, for svart_space_invalidate_end(); stays the caller's, and must not
 *              move until then.
 * @return 0, or a negative errno: then nothing has begun.
 * @errors as svart_space_forget().
 * @thread any; also while devices run and the fault service maps in the same range.
 * @blocks as svart_space_forget().
 */
SVART_API int svart_space_invalidate_begin(
	struct svart_space *space, const void *addr, size_t len, struct svart_invalidation *inv);

/**
 * Ends an invalidation: serves the devices that wait for the range.
 *
 * @param space the space it was begun in.
 * @param inv   from svart_space_invalidate_begin(), which returned 0; the program may use it again
 *              afterwards.
 * @return 0, or a negative errno.
 * @errors -EINVAL inv is not open in this space: it was never begun, or has ended. -EPERM in a child after
 *         fork.
 * @thread any; it may be another thread than the one that began it.
 * @blocks never, except for some instructions while other calls hold a lock.
 */
SVART_API int svart_space_invalidate_end(struct svart_space *space, struct svart_invalidation *inv);

/**
 * Calls munmap(2), with an invalidation around it.
 *
 * @param addr the first byte, as munmap(2) has it.
 * @param len  bytes, as munmap(2) has them.
 * @return 0, or a negative errno; the memory is then as it was.
 * @errors as svart_space_invalidate_begin(), and what munmap(2) says.
 * @thread any. @blocks as svart_space_invalidate_begin().
 */
SVART_API int svart_space_munmap(struct svart_space *space, void *addr, size_t len);

/**
 * Calls madvise(2), with any advice, as svart_space_munmap() does. It is only needed for advice that takes
 * pages away.
 */
SVART_API int svart_space_madvise(struct svart_space *space, void *addr, size_t len, int advice);

/** Calls mprotect(2), as svart_space_munmap() does. */
SVART_API int svart_space_mprotect(struct svart_space *space, void *addr, size_t len, int prot);

/**
 * Calls mremap(2), as svart_space_munmap() does. It invalidates the old range and, with MREMAP_FIXED, the
 * range that is replaced.
 *
 * @param flags MREMAP_*, as mremap(2).
 * @param out   in: the new address, with MREMAP_FIXED; out: where the memory is now, on success. Not NULL.
 */
SVART_API int svart_space_mremap(struct svart_space *space, void *addr, size_t old_len,
	size_t new_len, int flags, void **out);

/**
 * Takes a range of addresses from all devices: this is the short form, without an end. When it returns 0 no
 * device can reach any byte of the range through an old mapping; a later access faults anew. The pages of
 * the range are left out of windows around other faults, however many ranges are forgotten, until a device
 * asks for one of them by name: then that page is mapped. So wait for the operations on memory that is to
 * be freed BEFORE forgetting it: if one of them faulted between the forget and the munmap(), the old pages
 * would be mapped again. (svart_space_invalidate_begin() needs no such wait.) If the mapping is replaced in
 * place (mmap with MAP_FIXED), replace it first, then forget the range: operations under way then get the
 * new mapping.
 *
 * Pages that share a mapped area with the range may be unmapped with it and fault in again.
 * Completion records and other memory that svart itself pinned are not affected.
 *
 * @param space the space.
 * @param addr  first byte; need not be aligned: every page that the range touches counts.
 * @param len   bytes; 0 does nothing. addr + len must not wrap.
 * @return 0, or a negative errno.
 * @errors -EBUSY a device without page requests (device.h) has operations in flight on the range, or
 *         next to it in the same mapped area, and they were not polled within a second. The rest of
 *         the range is unmapped. Keep the memory, poll the queues, forget it again. A thread that owns such
 *         a queue must poll first, then forget: nobody else can end the wait.
 *         -EINVAL the range wraps. -EIO the kernel refused to unmap: devices may still reach the memory:
 *         keep it, and close the device. -EPERM in a child after fork: the space is the parent's.
 * @thread any; also while devices run and the fault service maps in the same range.
 * @blocks until maps of this range that are under way have ended, and operations in flight on it of devices
 *         without page requests were polled, for a second at most; the queues of those devices take no new
 *         operations on the range meanwhile. Then it waits for the kernel's unmap and the devices' ATC
 *         invalidation. Faults in the range wait meanwhile. A thread that must itself supply a page of the
 *         range (a userfaultfd handler) must not call it.
 */
SVART_API int svart_space_forget(struct svart_space *space, const void *addr, size_t len);

/**
 * Copies a space's counters.
 *
 * @param stats in: its size; out: a snapshot; the fields are read one after the other.
 * @return 0; -EINVAL stats->size is not a valid size: nothing is written.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_space_stats_get(
	const struct svart_space *space, struct svart_space_stats *stats);
/** @cond Sets the size first. */
#define svart_space_stats_get(space, stats) svart_space_stats_get(space, SVART_SIZE_SET(stats))
/** @endcond */

#ifdef __cplusplus
}
#endif

#endif

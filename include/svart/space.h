/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SPACE_H
#define SVART_SPACE_H

/**
 * @file
 * What devices see of the process: addresses that are the program's own pointers.
 *
 * A space is one iommufd IOAS in which IOVA == VA. It starts empty; the fault service maps and pins
 * pages when a device asks for them. Pinned pages do not follow the program's page tables, hence the
 * one rule of the coherence contract (doc/coherence): call svart_space_forget() BEFORE memory that
 * a device may have touched is freed, unmapped, remapped, truncated or changes its protection.
 *
 * @code
 * void *buf = mmap(...);            // devices may use buf now, nothing to register
 * svart_queue_prep_copy(q, buf, src, len, 0, 1);
 * ... wait for the completion ...
 * svart_space_forget(space, buf, len);
 * munmap(buf, len);
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

/** What svart_space_create() can be told. Zero in a field means its default. */
struct svart_space_params {
	/**
	 * Bytes that devices may keep pinned, at least a page; above it the oldest chunks are
	 * unmapped. Too little is what does not hold at once the pages that every engine of every
	 * device asks for in one go (a DSA of the model: 16), and svart's own: then devices may give
	 * up, with SVART_STATUS_BAD_ADDRESS. Default: RLIMIT_MEMLOCK, which the kernel enforces, less a sixteenth for other
	 * pins of the same user; or half of the memory where there is no such limit, or the process
	 * is exempt from it (CAP_IPC_LOCK).
	 */
	uint64_t pin_limit_bytes;
	/**
	 * How much is mapped around a faulting page at most, in bytes: a power of two, from one page
	 * to 2 MiB. Sequential access widens up to it; a lone fault maps a sixteenth. Never more
	 * than an eighth of the pin limit. Default: 2 MiB.
	 */
	uint64_t fault_around_bytes;
	/**
	 * Chunks of 2 MiB that can be mapped at once, in part or whole, up to 4194304; each takes
	 * 384 bytes once it has been used. Above it the oldest are unmapped. Too few, as above: less
	 * than one for each operand of every engine, and one for each queue. Default: 65536.
	 */
	uint32_t max_chunks;
};

/** Counters of a space. */
struct svart_space_stats {
	uint64_t pinned_bytes;      /**< Mapped for devices now, or just being mapped. */
	uint64_t pinned_bytes_peak; /**< The most there ever was. */
	uint64_t maps;              /**< Ranges mapped. */
	uint64_t unmaps;            /**< Ranges unmapped. */
	uint64_t evictions;         /**< Chunks unmapped to stay within the limit. */
	uint64_t upgrades;          /**< Read-only ranges mapped again as writable. */
	uint64_t exact_retries;     /**< Widened ranges that failed and were retried page-exact. */
};

/**
 * Makes an empty space. It is bound to a machine by the first device opened on it.
 *
 * @param rt     the runtime.
 * @param params limits; NULL for the defaults; read only during the call.
 * @param space  out: the space; the caller destroys it with svart_space_destroy().
 * @return 0 or a negative errno; *space is written only on success.
 * @errors -EINVAL a field is out of range: svart_error_text() names it. -ENOMEM out of memory.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_space_create(
	struct svart *rt, const struct svart_space_params *params, struct svart_space **space);

/**
 * Destroys a space and unmaps what is left in it.
 *
 * @return 0, or -EBUSY while a device is attached to it: close the device, then call again.
 * @thread any; nothing else may use the space any more.
 * @blocks while the kernel unmaps.
 */
SVART_API int svart_space_destroy(struct svart_space *space);

/**
 * Takes a range of addresses from all devices. When it returns 0 no device can reach any byte of it
 * through an old mapping; a later access faults anew. So wait for the operations on memory that is to
 * be freed BEFORE forgetting it: a fault that comes between the forget and the munmap() would map the
 * old pages again. Where the mapping is replaced in place (mmap with MAP_FIXED), replace first, then
 * forget: operations under way are then served from the new one.
 *
 * Pages that share a mapped area with the range may be unmapped with it and fault in again.
 * Completion records and other memory that svart itself pinned are not affected.
 *
 * @param space the space.
 * @param addr  first byte; need not be aligned, pages it touches count.
 * @param len   bytes; 0 does nothing. addr + len must not wrap.
 * @return 0, or a negative errno.
 * @errors -EBUSY a device without page requests (device.h) has operations in flight on the range, or
 *         next to it in the same mapped area, and they were not polled within a second. The rest of
 *         the range is unmapped. Keep the memory, poll the queues, forget it again. A thread that
 *         owns such a queue polls first, then forgets: nobody else ends the wait.
 *         -EINVAL the range wraps. -EIO the kernel refused to unmap: treat the memory as still
 *         reachable by devices; keep it, close the device. -EPERM in a child after fork: the space is
 *         the parent's.
 * @thread any; also while devices run and the fault service maps in the same range.
 * @blocks until maps of this range that are under way end, and operations in flight on it by devices
 *         without page requests were polled, for a second at most; meanwhile those devices' queues
 *         take no new operations on it. Then for the kernel's unmap and the devices' ATC
 *         invalidation. Faults in the range wait meanwhile. Not from a thread that
 *         itself must supply a page of the range (a userfaultfd handler).
 */
SVART_API int svart_space_forget(struct svart_space *space, const void *addr, size_t len);

/**
 * Copies a space's counters.
 *
 * @param stats out: a snapshot; the fields are read one after the other.
 * @thread any.
 * @blocks never.
 */
SVART_API void svart_space_stats_get(
	const struct svart_space *space, struct svart_space_stats *stats);

#ifdef __cplusplus
}
#endif

#endif

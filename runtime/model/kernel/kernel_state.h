/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_KERNEL_STATE_H
#define SVART_MODEL_KERNEL_STATE_H

/**
 * @file
 * The machine's part of Linux: open files, mappings, devices that vfio-pci has, pinned memory. This page
 * also has the order of the machine's locks.
 *
 * The order is from the outside in. A thread takes locks only in this order, and may skip some:
 *  1. control    of a device: bind, attach, detach, reset, close
 *  2. hwpts      of an IOAS: making and finding its HWPTs
 *  3. domains    of an IOAS, shared by MAP and UNMAP, exclusive for adding and removing a HWPT. It is
 *                held while pages are pinned, which can block for long, as the kernel's domains_rwsem
 *                is: other MAPs go on, but a HWPT_ALLOC waits, and MAPs that come later wait behind it.
 *  4. areas      of an IOAS: its area tree, writers of its page table. Never held over pinning
 *  5. lock       of a device's engine: its step, registers, translations, page requests, answers, and
 *                the IOMMU unit before it
 *  6. lock       of a fault object: its queue and cookies
 *  7. leaves, held for a few instructions, with nothing taken inside: files.lock, a context's lock,
 *                the mappings' lock, the seed's lock
 * An engine steps under 5, so it may send page requests (6), and may be answered within the same call. A
 * thread that answers from outside takes 5, then 6. UNMAP clears entries under 4, drops it, and then takes
 * 5 of each device in turn to invalidate.
 *
 * Devices are added and live until the machine ends, so a pointer to one is always good. Adding one takes a
 * lock of its own, outside of all these.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "machine.h"
#include "file_table.h"

struct svart_iommu;
struct svart_kernel_device;
struct svart_model_mapping;

#define SVART_MODEL_MAX_DEVICES 64

/**
 * The machine's Linux.
 *
 * Owner: the machine. Lifetime: the machine's. Locks: as the page above says.
 */
struct svart_kernel {
	struct svart_machine *host; /**< The real machine. */
	struct svart_iommu *iommu;

	struct svart_model_files files;

	pthread_rwlock_t mappings_lock;
	struct svart_model_mapping *mappings;
	unsigned int nr_mappings;

	struct svart_kernel_device *devices[SVART_MODEL_MAX_DEVICES];
	atomic_uint nr_devices; /**< Stored with release after the entry is written. */

	atomic_uint nr_objects;
	_Atomic uint64_t pinned_bytes;
	_Atomic uint64_t locked_bytes; /**< Bytes charged against RLIMIT_MEMLOCK. */
};

/** Sets up the kernel. @param kernel all of it is zero except host and iommu. */
void svart_kernel_init(struct svart_kernel *kernel);
/** Ends it. Nothing is open, and nothing is mapped. */
void svart_kernel_fini(struct svart_kernel *kernel);

/** Tells how many devices there are; all entries below this number are valid. */
static inline unsigned int svart_kernel_nr_devices(struct svart_kernel *kernel)
{
	/* Orders the count before the entries; pairs with the release in svart_kernel_device_add(). */
	return atomic_load_explicit(&kernel->nr_devices, memory_order_acquire);
}

#endif

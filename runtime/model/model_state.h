/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_STATE_H
#define SVART_MODEL_STATE_H

/**
 * @file
 * The whole of one software machine, and the order of its locks.
 *
 * From the outside in; a thread takes them in this order only, and may skip:
 *  1. control    of a device: bind, attach, detach, reset, close
 *  2. hwpts      of an IOAS: making and finding its HWPTs
 *  3. domains    of an IOAS, shared by MAP and UNMAP, exclusive for adding and removing a HWPT. It is
 *                held while pages are pinned, which can block for long, as the kernel's domains_rwsem
 *                is: other MAPs go on, but a HWPT_ALLOC waits, and MAPs that come later wait behind it.
 *  4. areas      of an IOAS: its area tree, writers of its page table. Never held over pinning
 *  5. lock       of a device: its engine's step, registers, translations, page requests, answers, and
 *                the IOMMU unit before it
 *  6. lock       of a fault object: its queue and cookies
 *  7. leaves, held for a few instructions, with nothing taken inside: files.lock, a context's lock,
 *                the mappings' lock, the seed's lock
 * An engine steps under 5 and so may send page requests (6), and is answered within that very call;
 * who answers from outside takes 5, then 6. UNMAP clears entries under 4, drops it, and then takes 5
 * of each device in turn to invalidate.
 *
 * Devices are added and live until the machine ends, so a pointer to one is always good.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "model_file.h"

struct svart_model_device;
struct svart_vma_reader;

#define SVART_MODEL_MAX_DEVICES 64

/**
 * A mapped BAR, or a unit's registers: a PROT_NONE reservation of addresses.
 *
 * Owner: who mapped it. Lifetime: mmap to munmap; it holds its file open, as a mapping does in the
 * kernel. Locks: written under the mappings' lock before it is entered, and then constant, so that a
 * portal's owner needs no lock.
 */
struct svart_model_mapping {
	uintptr_t start;
	size_t len;
	struct svart_model_device *dev;
	struct svart_model_file *file;
	unsigned int bar; /**< Or SVART_MMIO_UNIT. */
	uint64_t bar_off; /**< Of start. */
	struct svart_model_mapping *next;
};

/**
 * The machine.
 *
 * Owner: the runtime context. Lifetime: create to destroy. Locks: as the page above says.
 */
struct svart_model {
	struct svart_machine base;
	struct svart_machine *host; /**< The real machine: what is not the model's passes to it. */
	struct svart_vma_reader *vmas;

	bool manual;   /**< step=manual. */
	uint64_t seed; /**< As the option said. */
	pthread_mutex_t seed_lock;
	uint64_t random;           /**< State of the generator; under seed_lock. */
	_Atomic uint64_t clock_ns; /**< Time under step=manual. */

	struct svart_model_files files;

	pthread_rwlock_t mappings_lock;
	struct svart_model_mapping *mappings;
	unsigned int nr_mappings;

	pthread_mutex_t devices_lock; /**< Adding one; outside all others. */
	struct svart_model_device *devices[SVART_MODEL_MAX_DEVICES];
	atomic_uint nr_devices; /**< Released after the entry is written. */

	atomic_uint nr_objects;
	_Atomic uint64_t pinned_bytes;
	_Atomic uint64_t locked_bytes; /**< Charged against RLIMIT_MEMLOCK. */
	_Atomic uint64_t stale_accesses;
	_Atomic uint64_t dmar_faults;
	_Atomic uint64_t bad_answers;
	_Atomic uint64_t late_answers;
};

static inline struct svart_model *svart_model_of(struct svart_machine *m)
{
	return (struct svart_model *)m;
}

/** How many devices there are; the entries below are good. */
static inline unsigned int svart_model_nr_devices(struct svart_model *model)
{
	/* Orders the count before the entries; pairs with the release in svart_model_device_add(). */
	return atomic_load_explicit(&model->nr_devices, memory_order_acquire);
}

/** A number below limit from the machine's seed. */
uint64_t svart_model_random(struct svart_model *model, uint64_t limit);

#endif

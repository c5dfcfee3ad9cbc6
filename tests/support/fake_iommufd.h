/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAKE_IOMMUFD_H
#define SVART_FAKE_IOMMUFD_H

/**
 * @file
 * A machine with just the IOAS calls of iommufd, by the kernel's rules: an area enters before it is
 * pinned (so MAP of it is EEXIST and UNMAP is EBUSY meanwhile), areas are not split, memory is pinned
 * for real (MADV_POPULATE) or fails as it would. Failures can be scripted, and calls be held.
 * Everything else, like /proc/self/maps, is the real thing.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include <linux/iommufd.h>

#include "machine.h"

#define FAKE_MAX_RANGES 24
#define FAKE_MAX_CALLS  4096

/** One mapping. Owner: the fake. Locks: its lock. */
struct fake_area {
	struct fake_area *next;
	uint32_t ioas;
	uint64_t iova, len;
	bool writable;
	bool busy;      /**< Being mapped or unmapped. */
	uint64_t birth; /**< The clock when its MAP began. */
};

/** A MAP or UNMAP that was made. */
struct fake_call {
	bool is_map, writable;
	uint64_t iova, len;
	int rc;
};

/** Fails calls: after `skip` others, `count` calls of at least min_len bytes. */
struct fake_script {
	int error;
	unsigned int skip, count;
	uint64_t min_len;
};

/** Owner: the test. Lifetime: fake_iommufd_create() to _destroy(). Locks: lock, except machine. */
struct fake_iommufd {
	struct svart_machine machine;
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* Set by the test before, or between, calls. */
	struct iommu_iova_range ranges[FAKE_MAX_RANGES];
	uint32_t nr_ranges;
	uint64_t alignment;
	uint64_t memlock; /**< Bytes that MAP may pin, of all IOASes. */
	struct rlimit rlimit;
	const char *status_path;     /**< Read in place of /proc/self/status, or NULL. */
	uint64_t bad_start, bad_end; /**< Cannot be pinned. */
	struct fake_script map_script, unmap_script;
	int ranges_error;        /**< What IOVA_RANGES fails with, or 0. */
	unsigned int slow_every; /**< Each so-manieth MAP and UNMAP takes a while; 0: none. */
	void (*before_map)(void *arg, uint64_t iova, uint64_t len); /**< Without the lock. */
	void *before_map_arg;

	/* What there is. */
	int fd;
	int open_fds;
	uint32_t next_id;
	unsigned int nr_ioas;
	struct fake_area *areas;
	uint64_t bytes, bytes_peak;
	uint64_t hold_map, hold_unmap; /**< Calls with this address wait; 0: none. */
	unsigned int held;
	atomic_ullong clock;

	/* What was done. */
	struct fake_call calls[FAKE_MAX_CALLS]; /**< The first ones. */
	unsigned int nr_calls;
	unsigned int eexist, ebusy, enoent, not_identity, crossing, destroyed_with_areas;
};

struct fake_iommufd *fake_iommufd_create(void);
void fake_iommufd_destroy(struct fake_iommufd *f);

/** Holds every MAP (UNMAP) that covers addr inside the kernel, until fake_release(). */
void fake_hold_map(struct fake_iommufd *f, const void *addr);
void fake_hold_unmap(struct fake_iommufd *f, const void *addr);
/** Waits until so many calls are held. */
void fake_wait_held(struct fake_iommufd *f, unsigned int nr);
void fake_release(struct fake_iommufd *f);

/** The area, in any IOAS, that has this address; zeroed if none is. */
struct fake_area fake_area_at(struct fake_iommufd *f, const void *addr);
bool fake_is_mapped(struct fake_iommufd *f, const void *addr);
bool fake_is_writable(struct fake_iommufd *f, const void *addr);
unsigned int fake_nr_areas(struct fake_iommufd *f);
uint64_t fake_bytes(struct fake_iommufd *f);
/** The earliest birth of an area that touches the range; UINT64_MAX: none does. */
uint64_t fake_oldest_birth(struct fake_iommufd *f, const void *addr, size_t len);
/** How many MAPs (UNMAPs) were made, also failed ones. */
unsigned int fake_nr_maps(struct fake_iommufd *f);
unsigned int fake_nr_unmaps(struct fake_iommufd *f);
/** Forgets the calls noted so far. */
void fake_clear_calls(struct fake_iommufd *f);

#endif

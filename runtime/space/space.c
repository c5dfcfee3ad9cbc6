/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "space.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "drop.h"
#include "error.h"
#include "iommufd.h"
#include "sized.h"
#include "space_state.h"

#define DEFAULT_FAULT_AROUND SVART_CHUNK_SIZE
#define DEFAULT_MAX_CHUNKS   UINT32_C(65536)
/** As many chunks are 8 TiB of addresses, and 1.75 GiB of pool. */
#define LARGEST_MAX_CHUNKS (UINT32_C(1) << 22)
/** At least so many windows fit into the pin limit, because streams must not evict each other at once. */
#define WINDOWS_IN_LIMIT 8
/** Longest single wait for another thread or the kernel. */
#define PAUSE_NS UINT64_C(1000000)

static const struct svart_sized stats_sized =
	SVART_SIZED(svart_space_stats, replaced_held, SVART_SPACE_STATS_INIT);

void svart_space_pause(struct svart_space *space)
{
	struct svart_machine *m = space->m;

	m->ops->pause(m, m->ops->now_ns(m) + PAUSE_NS);
}

int svart_space_check_usable(const struct svart_space *space)
{
	if (atomic_load_explicit(&space->dead, memory_order_relaxed))
		return -EPERM;
	/* Orders the writes of bind before their use; pairs with the release of svart_space_bind(). */
	if (atomic_load_explicit(&space->binds, memory_order_acquire) == 0)
		return -ENODEV;
	return 0;
}

static int check_params(const struct svart_space_params *p)
{
	if (p->pin_limit_bytes != 0 && p->pin_limit_bytes < SVART_PAGE_SIZE)
		return svart_fail(-EINVAL,
			"pin_limit_bytes is %" PRIu64
			": give 0 for the default or at least %" PRIu64,
			p->pin_limit_bytes, SVART_PAGE_SIZE);
	if (p->fault_around_bytes != 0 &&
		(!svart_is_pow2(p->fault_around_bytes) || p->fault_around_bytes < SVART_PAGE_SIZE ||
			p->fault_around_bytes > SVART_CHUNK_SIZE))
		return svart_fail(-EINVAL,
			"fault_around_bytes is %" PRIu64
			": give 0 for the default or a power of two from %" PRIu64 " to %" PRIu64,
			p->fault_around_bytes, SVART_PAGE_SIZE, SVART_CHUNK_SIZE);
	if (p->max_chunks > LARGEST_MAX_CHUNKS)
		return svart_fail(-EINVAL,
			"max_chunks is %" PRIu32 ": give 0 for the default or at most %" PRIu32,
			p->max_chunks, LARGEST_MAX_CHUNKS);
	return 0;
}

int svart_space_init(const struct svart_space_params *params, struct svart_space **out)
{
	static const struct svart_space_params defaults;
	const struct svart_space_params *p = params != NULL ? params : &defaults;
	struct svart_space *space;
	int rc = check_params(p);

	if (rc != 0)
		return rc;
	space = aligned_alloc(alignof(struct svart_space), sizeof(*space));
	if (space == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	memset(space, 0, sizeof(*space));
	space->iommufd = -1;
	space->asked_pin_limit = svart_page_down(p->pin_limit_bytes);
	space->asked_fault_around =
		p->fault_around_bytes != 0 ? p->fault_around_bytes : DEFAULT_FAULT_AROUND;
	rc = svart_chunk_map_init(
		&space->map, p->max_chunks != 0 ? p->max_chunks : DEFAULT_MAX_CHUNKS);
	if (rc != 0) {
		free(space);
		return svart_fail(rc, "out of memory for %" PRIu32 " chunks of %zu bytes",
			p->max_chunks, sizeof(struct svart_chunk));
	}
	svart_forgotten_init(&space->forgotten);
	svart_open_ranges_init(&space->open_ranges);
	svart_leases_init(&space->leases);
	svart_refused_init(&space->refused);
	atomic_init(&space->max_area_pages, SVART_CHUNK_PAGES);
	pthread_mutex_init(&space->listeners_lock, NULL);
	*out = space;
	return 0;
}

static uint64_t largest_window(const struct svart_space *space)
{
	uint64_t window = space->asked_fault_around;

	while (window > SVART_PAGE_SIZE && window > space->pin_limit / WINDOWS_IN_LIMIT)
		window /= 2;
	return window;
}

/** Asks for the usable ranges, and keeps the answer if it differs from the last one. */
static int refresh_aperture(struct svart_space *space)
{
	struct svart_aperture *old = atomic_load_explicit(&space->aperture, memory_order_relaxed);
	struct svart_aperture *new;
	int rc = svart_aperture_read(space->m, space->iommufd, space->ioas, &new);

	if (rc != 0)
		return rc;
	if (old != NULL && svart_aperture_equal(old, new)) {
		free(new);
		return 0;
	}
	new->older = old;
	/* Orders the content before the pointer; pairs with the acquire of a resolver. */
	atomic_store_explicit(&space->aperture, new, memory_order_release);
	return 0;
}

static void free_apertures(struct svart_space *space)
{
	struct svart_aperture *a = atomic_load_explicit(&space->aperture, memory_order_relaxed);
	struct svart_aperture *older;

	for (; a != NULL; a = older) {
		older = a->older;
		free(a);
	}
	atomic_store_explicit(&space->aperture, NULL, memory_order_relaxed);
}

static int choose_limits(struct svart_space *space)
{
	int rc = 0;

	space->pin_limit = space->asked_pin_limit;
	if (space->pin_limit == 0)
		rc = svart_pin_limit_default(space->m, &space->pin_limit);
	if (rc == 0)
		svart_streams_init(&space->streams, largest_window(space));
	return rc;
}

static int first_bind(struct svart_space *space, struct svart_machine *m, int iommufd)
{
	int rc;

	space->m = m;
	space->iommufd = iommufd;
	rc = choose_limits(space);
	if (rc != 0)
		return rc;
	rc = svart_vma_reader_create(m, &space->vmas);
	if (rc != 0)
		return rc;
	rc = svart_iommufd_ioas_alloc(m, iommufd, &space->ioas);
	if (rc != 0) {
		svart_fail(rc, "cannot allocate an IOAS: %s", strerror(-rc));
		goto destroy_reader;
	}
	rc = refresh_aperture(space);
	if (rc != 0)
		goto destroy_ioas;
	return 0;

destroy_ioas:
	svart_iommufd_destroy(m, iommufd, space->ioas);
destroy_reader:
	svart_vma_reader_destroy(space->vmas);
	return rc;
}

int svart_space_bind(struct svart_space *space, struct svart_machine *m, int iommufd)
{
	int rc;

	if (atomic_load_explicit(&space->dead, memory_order_relaxed))
		return svart_fail(-EPERM, "the space is the parent's: make a new one after fork");
	if (svart_space_bound(space) == 0) {
		rc = first_bind(space, m, iommufd);
		if (rc != 0)
			return rc;
	} else if (space->m != m || space->iommufd != iommufd) {
		return svart_fail(-EXDEV,
			"the space belongs to the machine %s: make another space for %s",
			space->m->ops->name, m->ops->name);
	}
	/* Orders what was set up before the first use; pairs with svart_space_check_usable(). */
	atomic_fetch_add_explicit(&space->binds, 1, memory_order_release);
	return 0;
}

/** Unmaps all and destroys the IOAS, which also unmaps any area that could not be unmapped before. */
static void last_unbind(struct svart_space *space)
{
	int rc;

	svart_space_drop(space, 0, UINT64_MAX, false);
	svart_space_drop(space, 0, UINT64_MAX, true);
	svart_arena_fini(space);
	rc = svart_iommufd_destroy(space->m, space->iommufd, space->ioas);
	if (rc != 0)
		svart_log(SVART_LOG_ERR,
			"cannot destroy IOAS %" PRIu32 " (%s): its pages stay pinned until the "
			"program ends",
			space->ioas, strerror(-rc));
	svart_vma_reader_destroy(space->vmas);
	free_apertures(space);
	space->m = NULL;
	space->iommufd = -1;
}

void svart_space_unbind(struct svart_space *space)
{
	if (svart_space_check_usable(space) != 0)
		return;
	if (svart_space_bound(space) == 1)
		last_unbind(space);
	atomic_fetch_sub_explicit(&space->binds, 1, memory_order_release);
}

/*
 * After a fork nothing is freed: the locks may be held by threads that do not exist here.
 */
void svart_space_fini(struct svart_space *space)
{
	if (atomic_load_explicit(&space->dead, memory_order_relaxed))
		return;
	while (svart_space_bound(space) != 0)
		svart_space_unbind(space);
	pthread_mutex_destroy(&space->listeners_lock);
	svart_refused_fini(&space->refused);
	svart_leases_fini(&space->leases);
	svart_open_ranges_fini(&space->open_ranges);
	svart_forgotten_fini(&space->forgotten);
	svart_chunk_map_fini(&space->map);
	free(space);
}

unsigned int svart_space_bound(const struct svart_space *space)
{
	return atomic_load_explicit(&space->binds, memory_order_acquire);
}

uint32_t svart_space_open_invalidations(const struct svart_space *space)
{
	return svart_open_ranges_nr(&space->open_ranges);
}

uint32_t svart_space_ioas(const struct svart_space *space)
{
	return space->ioas;
}

int svart_space_check_aperture(struct svart_space *space)
{
	int rc = svart_space_check_usable(space);

	if (rc != 0)
		return svart_fail(rc, "the space is not bound to a machine");
	rc = refresh_aperture(space);
	if (rc != 0)
		return rc;
	return svart_aperture_check(
		atomic_load_explicit(&space->aperture, memory_order_relaxed), space->m);
}

void svart_space_set_owner(struct svart_space *space, void *owner)
{
	space->owner = owner;
}

void *svart_space_owner(const struct svart_space *space)
{
	return space->owner;
}

void svart_space_mark_dead(struct svart_space *space)
{
	atomic_store_explicit(&space->dead, true, memory_order_relaxed);
}

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

int(svart_space_stats_get)(const struct svart_space *space, struct svart_space_stats *given)
{
	const struct svart_space_counters *n = &space->n;
	const struct svart_space_stats stats = {
		.pinned_bytes = read_counter(&n->pinned),
		.pinned_bytes_peak = read_counter(&n->pinned_peak),
		.maps = read_counter(&n->maps),
		.unmaps = read_counter(&n->unmaps),
		.evictions = read_counter(&n->evictions),
		.upgrades = read_counter(&n->upgrades),
		.exact_retries = read_counter(&n->exact_retries),
		.replaced = read_counter(&n->replaced),
		.replaced_held = read_counter(&n->replaced_held),
	};

	return svart_sized_out(&stats_sized, given, &stats);
}

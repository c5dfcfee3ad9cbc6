/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "budget.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "claim.h"
#include "error.h"
#include "lines.h"

_Static_assert(SVART_NR_SHARDS == 64, "a set of shards is one word");

/** @return the shard, not in `tried`, that has the oldest chunk of all, or NULL. */
static struct svart_shard *oldest_shard(const struct svart_chunk_map *map, uint64_t tried)
{
	struct svart_shard *best = NULL;
	uint64_t best_stamp = UINT64_MAX, stamp;
	unsigned int i;

	for (i = 0; i < SVART_NR_SHARDS; i++) {
		stamp = atomic_load_explicit(&map->shards[i].oldest, memory_order_relaxed);
		if (!((tried >> i) & 1) && stamp < best_stamp) {
			best_stamp = stamp;
			best = &map->shards[i];
		}
	}
	return best;
}

/** With the shard locked: the pages of a chunk that may be evicted: not static, pending, held or leased. */
static struct svart_page_bits evictable(struct svart_space *space, const struct svart_chunk *c)
{
	struct svart_page_bits pages = svart_chunk_evictable(c);
	struct svart_page_bits leased = svart_leased_areas(&space->leases, c,
		atomic_load_explicit(&space->max_area_pages, memory_order_relaxed));

	return svart_page_bits_and_not(&pages, &leased);
}

static bool may_evict(struct svart_space *space, const struct svart_chunk *c,
	const struct svart_eviction *eviction, bool last_resort)
{
	struct svart_page_bits pages = evictable(space, c);

	if (svart_page_bits_empty(&pages))
		return false;
	if (last_resort)
		return true;
	return svart_page_bits_empty(&c->pending) &&
	       (c->number < eviction->spare_first || c->number > eviction->spare_last);
}

enum pick { PICK_NONE, PICK_ONE, PICK_ANEW };

/** Second chances that one eviction gives at most, because a fault waits for it. */
#define MAX_CHANCES 32

/**
 * Whether there are so few chunks that each may have an operand of an operation that runs now. Then eviction
 * spares what was mapped last in each chunk once: else two operands would evict each other in turns, before
 * a device has used either.
 */
static bool is_tight(const struct svart_space *space)
{
	return atomic_load_explicit(&space->map.nr_used, memory_order_relaxed) <= MAX_CHANCES;
}

/**
 * With the shard locked: gives a chunk its second chance. @return pages of it that may be evicted all the
 * same.
 */
static struct svart_page_bits give_chance(
	struct svart_space *space, struct svart_shard *shard, struct svart_chunk *c)
{
	struct svart_page_bits pages = { { 0 } }, newest;

	if (c->second_chance) {
		c->second_chance = false;
	} else {
		newest = svart_chunk_areas(c, c->newest, c->newest + 1u, false);
		pages = evictable(space, c);
		pages = svart_page_bits_and_not(&pages, &newest);
		c->fresh = false;
	}
	svart_chunk_rejuvenate(&space->map, shard, c);
	return pages;
}

/**
 * With the shard locked: claims its oldest chunk that may be evicted. @return PICK_ANEW: a chunk got its
 * second chance, and another shard may have the oldest chunk now.
 */
static enum pick pick(struct svart_space *space, struct svart_shard *shard,
	const struct svart_eviction *eviction, bool last_resort, bool chances,
	struct svart_claim *claim)
{
	struct svart_page_bits pages;
	struct svart_chunk *c;
	uint32_t i;

	for (i = shard->fifo_oldest; i != SVART_CHUNK_NONE; i = c->newer) {
		c = &space->map.chunks[i];
		if (!may_evict(space, c, eviction, last_resort))
			continue;
		pages = evictable(space, c);
		if (chances && (c->second_chance || (c->fresh && is_tight(space)))) {
			pages = give_chance(space, shard, c);
			if (svart_page_bits_empty(&pages))
				return PICK_ANEW;
		}
		svart_claim_areas(space, shard, c, &pages, claim);
		svart_chunk_note_eviction(&space->map, shard, c->number);
		return PICK_ONE;
	}
	return PICK_NONE;
}

static bool pick_oldest(struct svart_space *space, const struct svart_eviction *eviction,
	bool last_resort, struct svart_claim *claim)
{
	struct svart_shard *shard;
	unsigned int chances = 0;
	uint64_t tried = 0;
	enum pick got;

	while ((shard = oldest_shard(&space->map, tried)) != NULL) {
		pthread_mutex_lock(&shard->lock);
		got = pick(space, shard, eviction, last_resort, chances < MAX_CHANCES, claim);
		pthread_mutex_unlock(&shard->lock);
		if (got == PICK_ONE)
			return true;
		if (got == PICK_NONE)
			tried |= UINT64_C(1) << (shard - space->map.shards);
		else
			chances++;
	}
	return false;
}

int svart_space_evict(struct svart_space *space, struct svart_eviction *eviction)
{
	struct svart_claim claim;
	uint64_t number;
	int rc;

	if (!pick_oldest(space, eviction, false, &claim) &&
		!(eviction->last_resort && pick_oldest(space, eviction, true, &claim)))
		return -ENOENT;
	number = claim.base >> SVART_CHUNK_SHIFT;
	rc = svart_claim_unmap(space, &claim);
	svart_claim_end(space, &claim);
	if (rc != 0)
		return rc;
	if (number >= eviction->spare_first && number <= eviction->spare_last)
		eviction->took_own = true;
	svart_count(&space->n.evictions, 1);
	return 0;
}

static void note_peak(struct svart_space *space, uint64_t pinned)
{
	uint64_t peak = atomic_load_explicit(&space->n.pinned_peak, memory_order_relaxed);

	while (pinned > peak && !atomic_compare_exchange_weak_explicit(&space->n.pinned_peak, &peak,
					pinned, memory_order_relaxed, memory_order_relaxed))
		;
}

static bool try_reserve(struct svart_space *space, uint64_t bytes)
{
	uint64_t pinned = atomic_load_explicit(&space->n.pinned, memory_order_relaxed);

	do {
		if (bytes > space->pin_limit || pinned > space->pin_limit - bytes)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&space->n.pinned, &pinned, pinned + bytes,
		memory_order_relaxed, memory_order_relaxed));
	note_peak(space, pinned + bytes);
	return true;
}

int svart_space_reserve(struct svart_space *space, uint64_t bytes, struct svart_eviction *eviction)
{
	uint64_t fixed = atomic_load_explicit(&space->n.fixed, memory_order_relaxed);
	int rc;

	/* A request that can never fit must not evict the whole space first. */
	if (fixed > space->pin_limit || bytes > space->pin_limit - fixed)
		return -ENOMEM;
	while (!try_reserve(space, bytes)) {
		rc = svart_space_evict(space, eviction);
		if (rc != 0)
			return rc == -ENOENT ? -ENOMEM : rc;
	}
	return 0;
}

void svart_space_unreserve(struct svart_space *space, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&space->n.pinned, bytes, memory_order_relaxed);
}

/* --- mapping within the budget ----------------------------------------------------------------- */

/** How often a MAP is tried again after an error that may pass. */
#define MAP_TRIES 8
/** How long to wait for memory that other threads' calls hold. */
#define PATIENCE_NS UINT64_C(1000000000)
/** Tries after no other thread was found at work: the last one may have ended just before the look. */
#define IDLE_TRIES 2

int svart_space_try_map(struct svart_space *space, const struct svart_claim *claim, bool writable,
	struct svart_eviction *eviction)
{
	uint64_t bytes = svart_claim_bytes(claim);
	int rc = svart_space_reserve(space, bytes, eviction);

	if (rc != 0)
		return rc;
	rc = svart_claim_map(space, claim, writable);
	if (rc != 0)
		svart_space_unreserve(space, bytes);
	return rc;
}

/*
 * EEXIST: the kernel has something where the chunk map says that nothing is, and only svart maps in this
 * IOAS. So it is nothing that a device could use; the kernel may be about to remove it.
 */
static bool may_pass(int rc)
{
	return rc == -EEXIST || rc == -EBUSY || rc == -EINTR || rc == -EAGAIN;
}

int svart_space_map(struct svart_space *space, const struct svart_claim *claim, bool writable,
	struct svart_eviction *eviction)
{
	uint64_t bytes = svart_claim_bytes(claim);
	unsigned int tries = 0;
	int rc = svart_space_reserve(space, bytes, eviction);

	if (rc != 0)
		return rc;
	while ((rc = svart_claim_map(space, claim, writable)) != 0) {
		if (rc == -ENOMEM && svart_space_evict(space, eviction) == 0)
			continue;
		if (!may_pass(rc) || ++tries == MAP_TRIES) {
			svart_space_unreserve(space, bytes);
			return rc;
		}
		svart_space_pause(space);
	}
	return 0;
}

bool svart_space_wait_for_others(struct svart_space *space, struct svart_patience *patience)
{
	uint64_t now = space->m->ops->now_ns(space->m);

	if (patience->give_up_ns == 0)
		patience->give_up_ns = now + PATIENCE_NS;
	if (now >= patience->give_up_ns)
		return false;
	if (atomic_load_explicit(&space->n.claims, memory_order_relaxed) != 0)
		patience->idle = 0;
	else if (patience->idle++ == IDLE_TRIES)
		return false;
	svart_space_pause(space);
	return true;
}

/* --- the default limit ------------------------------------------------------------------------- */

/** Nothing works with less: it is some rings, and a few pages for an operation. */
#define SMALLEST_LIMIT (UINT64_C(96) << 10)
/** One part in so many of RLIMIT_MEMLOCK is left: the kernel counts other pins of the user too. */
#define MARGIN_DIVISOR 16
/** Bit of CapEff in /proc/self/status (linux/capability.h). */
#define CAP_IPC_LOCK_BIT 14

/** @return whether the line is that of the effective capabilities; *caps: which these are. */
static bool parse_caps(const struct svart_line *line, uint64_t *caps)
{
	const char *digits;

	if (!line->ended || strncmp(line->text, "CapEff:\t", strlen("CapEff:\t")) != 0)
		return false;
	digits = line->text + strlen("CapEff:\t");
	if (digits[strspn(digits, "0123456789abcdef")] != '\0')
		return false;
	*caps = strtoull(digits, NULL, 16);
	return true;
}

/**
 * Whether iommufd does not account this process's pins, because it has CAP_IPC_LOCK
 * (drivers/iommu/iommufd/pages.c). In a user namespace iommufd accounts them all the same; then the kernel
 * answers ENOMEM and the space evicts.
 *
 * The line of the capabilities comes after that of the groups, of which there can be 65536 (NGROUPS_MAX).
 */
static bool is_exempt(struct svart_machine *m)
{
	int fd = m->ops->open(m, "/proc/self/status", O_RDONLY);
	struct svart_lines lines;
	struct svart_line line;
	uint64_t caps = 0;

	if (fd < 0)
		return false;
	svart_lines_init(&lines, m, fd, SVART_LINES_READ_ON);
	while (svart_lines_next(&lines, &line) > 0 && !parse_caps(&line, &caps))
		;
	m->ops->close(m, fd);
	return (caps >> CAP_IPC_LOCK_BIT) & 1;
}

static uint64_t half_of_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || page <= 0)
		return UINT64_C(1) << 30;
	return svart_page_down((uint64_t)pages * (uint64_t)page / 2);
}

int svart_pin_limit_default(struct svart_machine *m, uint64_t *limit)
{
	uint64_t half = half_of_memory();
	struct rlimit rlimit;
	int rc = m->ops->getrlimit(m, RLIMIT_MEMLOCK, &rlimit);

	if (rc != 0)
		return svart_fail(rc, "cannot read RLIMIT_MEMLOCK: %s", strerror(-rc));
	if (is_exempt(m) || rlimit.rlim_cur == RLIM_INFINITY) {
		*limit = half;
		return 0;
	}
	*limit = svart_page_down(rlimit.rlim_cur - rlimit.rlim_cur / MARGIN_DIVISOR);
	if (*limit > half)
		*limit = half;
	if (*limit < SMALLEST_LIMIT)
		return svart_fail(-ENOMEM,
			"RLIMIT_MEMLOCK is %" PRIu64
			" bytes, too few to pin memory for devices: raise it (ulimit -l)",
			(uint64_t)rlimit.rlim_cur);
	return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "hold.h"

#include <errno.h>
#include <stdlib.h>

#include "claim.h"

/** What can be held, as a part of what can be pinned. */
#define LIMIT_DIVISOR 4
/** How often pages may be lost between their mapping and their hold: after that there is no room for all. */
#define MAX_TRIES 64

/** The part of a range that is in one chunk. */
struct piece {
	uint64_t start, end;
	struct svart_shard *shard;
	unsigned int first, last_end; /* Pages of the chunk. */
};

/** The first piece of [start, end). */
static struct piece first_piece(const struct svart_space *space, uint64_t start, uint64_t end)
{
	uint64_t number = start >> SVART_CHUNK_SHIFT;
	uint64_t base = number << SVART_CHUNK_SHIFT;
	uint64_t stop = end - base > SVART_CHUNK_SIZE ? base + SVART_CHUNK_SIZE : end;

	return (struct piece){
		.start = start,
		.end = stop,
		.shard = svart_chunk_map_shard(&space->map, number),
		.first = (unsigned int)((start - base) / SVART_PAGE_SIZE),
		.last_end = (unsigned int)((stop - base) / SVART_PAGE_SIZE),
	};
}

static struct svart_chunk *find_chunk(const struct svart_space *space, const struct piece *p)
{
	return svart_chunk_find(&space->map, p->shard, p->start >> SVART_CHUNK_SHIFT);
}

/* --- one piece --------------------------------------------------------------------------------- */

/**
 * With the shard locked: whether a forget or a begin waits, or is about to wait, for an area of the piece.
 */
static bool is_being_forgotten(
	struct svart_space *space, const struct svart_chunk *c, const struct piece *p)
{
	struct svart_page_bits areas;
	unsigned int first, end;
	uint64_t base = c->number << SVART_CHUNK_SHIFT, found_first, found_last;

	if (p->shard->barriers == NULL && svart_open_ranges_nr(&space->open_ranges) == 0)
		return false;
	areas = svart_chunk_areas(c, p->first, p->last_end, false);
	first = svart_page_bits_next(&areas, 0, SVART_CHUNK_PAGES);
	end = svart_page_bits_last_end(&areas, 0, SVART_CHUNK_PAGES);
	base += first * SVART_PAGE_SIZE;
	end = (end - first) * (unsigned int)SVART_PAGE_SIZE;
	return svart_shard_barrier(p->shard, base, base + end - 1) != NULL ||
	       svart_open_ranges_find(
		       &space->open_ranges, base, base + end - 1, &found_first, &found_last);
}

/** With the shard locked: the first page that is pending or not mapped with this access, or the end. */
static unsigned int first_missing(const struct svart_chunk *c, const struct piece *p, bool write)
{
	struct svart_page_bits good =
		svart_page_bits_and_not(write ? &c->writable : &c->mapped, &c->pending);

	return svart_page_bits_next_clear(&good, p->first, p->last_end);
}

/**
 * With the shard locked: counts one more hold of each page. @return 0, or -EAGAIN: a page is held 65535
 * times.
 */
static int count_holds(struct svart_space *space, struct svart_chunk *c, const struct piece *p)
{
	unsigned int page;

	c->hold_counts =
		space->map.hold_counts + (size_t)(c - space->map.chunks) * SVART_CHUNK_PAGES;
	for (page = p->first; page < p->last_end; page++) {
		if (c->hold_counts[page] == UINT16_MAX)
			return -EAGAIN;
	}
	for (page = p->first; page < p->last_end; page++)
		c->hold_counts[page]++;
	c->nr_holds += p->last_end - p->first;
	return 0;
}

/**
 * With the shard locked, all pages mapped: the areas that reach beyond the piece and are not held. A hold of
 * them would take more than may be held.
 */
static struct svart_page_bits areas_too_wide(
	struct svart_space *space, const struct svart_chunk *c, const struct piece *p)
{
	struct svart_page_bits areas = { { 0 } }, edge, held;

	if (!atomic_load_explicit(&space->exact_holds, memory_order_relaxed))
		return areas;
	edge = svart_chunk_areas(c, p->first, p->first + 1, false);
	if (p->first > 0 && svart_page_bits_test(&edge, p->first - 1))
		areas = edge;
	edge = svart_chunk_areas(c, p->last_end - 1, p->last_end, false);
	if (p->last_end < SVART_CHUNK_PAGES && svart_page_bits_test(&edge, p->last_end))
		areas = svart_page_bits_or(&areas, &edge);
	held = svart_chunk_held_areas(c);
	return svart_page_bits_and_not(&areas, &held);
}

/**
 * With the shard locked, all pages mapped: counts the holds, or claims the areas that are too wide for that.
 */
static int hold_or_claim(struct svart_space *space, struct svart_chunk *c, const struct piece *p,
	struct svart_claim *wide)
{
	struct svart_page_bits too_wide = areas_too_wide(space, c, p);

	if (svart_page_bits_empty(&too_wide))
		return count_holds(space, c, p);
	svart_claim_areas(space, p->shard, c, &too_wide, wide);
	return -ENOENT;
}

/**
 * Holds a piece if all of it is mapped.
 * @param wide out: with -ENOENT, a claim on areas that are too wide, if it has a chunk. The caller unmaps
 *             them, so that the pages can be mapped without their neighbours.
 * @return 0; -ENOENT *bad is not mapped with this access; -EFAULT; -EAGAIN.
 */
static int hold_if_mapped(struct svart_space *space, const struct piece *p, bool write,
	uint64_t *bad, struct svart_claim *wide)
{
	unsigned int missing = p->first;
	struct svart_chunk *c;
	int rc;

	wide->chunk = NULL;
	pthread_mutex_lock(&p->shard->lock);
	c = find_chunk(space, p);
	if (c != NULL)
		missing = first_missing(c, p, write);
	if (missing < p->last_end)
		rc = -ENOENT;
	else if (svart_page_bits_next(&c->fixed, p->first, p->last_end) != p->last_end)
		rc = -EFAULT;
	else if (is_being_forgotten(space, c, p))
		rc = -EAGAIN;
	else
		rc = hold_or_claim(space, c, p, wide);
	pthread_mutex_unlock(&p->shard->lock);
	*bad = p->start + (missing < p->last_end ? missing - p->first : 0) * SVART_PAGE_SIZE;
	return rc;
}

/** Unmaps areas that were too wide, and ends their claim. */
static int unmap_wide(struct svart_space *space, struct svart_claim *wide)
{
	int rc = svart_claim_unmap(space, wide);

	svart_claim_end(space, wide);
	return rc;
}

/**
 * Finds the bad page after -EFAULT of the piece. @return -EFAULT and *bad, another -errno, or 0: all can be
 * mapped now.
 */
static int find_bad(
	struct svart_space *space, const struct piece *p, unsigned int access, uint64_t *bad)
{
	uint64_t at;
	int rc = 0;

	for (at = p->start; at < p->end && rc == 0; at += SVART_PAGE_SIZE) {
		rc = svart_space_try_resolve(space, at, at + SVART_PAGE_SIZE, access);
		*bad = at;
	}
	return rc;
}

static int map_piece(
	struct svart_space *space, const struct piece *p, unsigned int access, uint64_t *bad)
{
	int rc = svart_space_try_resolve(space, p->start, p->end, access);

	*bad = p->start;
	if (rc == -EFAULT)
		rc = find_bad(space, p, access, bad);
	/* Other threads that are mapping or unmapping may have the memory that is lacking here. */
	if (rc == -ENOMEM && atomic_load_explicit(&space->n.claims, memory_order_relaxed) != 0)
		rc = -EAGAIN;
	return rc;
}

static int hold_piece(struct svart_space *space, const struct piece *p, unsigned int access,
	bool only_mapped, uint64_t *bad)
{
	struct svart_claim wide;
	unsigned int tries;
	int rc;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		rc = hold_if_mapped(space, p, access & SVART_ACCESS_WRITE, bad, &wide);
		if (rc == -ENOENT && wide.chunk != NULL && unmap_wide(space, &wide) != 0)
			return -EAGAIN;
		if (rc != -ENOENT || only_mapped)
			return rc;
		rc = map_piece(space, p, access, bad);
		if (rc != 0)
			return rc;
	}
	return -ENOMEM;
}

static void release_piece(struct svart_space *space, const struct piece *p)
{
	struct svart_chunk *c;
	unsigned int page;

	pthread_mutex_lock(&p->shard->lock);
	c = find_chunk(space, p);
	for (page = p->first; page < p->last_end; page++)
		c->hold_counts[page]--;
	c->nr_holds -= p->last_end - p->first;
	pthread_mutex_unlock(&p->shard->lock);
}

/* --- ranges ------------------------------------------------------------------------------------ */

static void release_pieces(struct svart_space *space, uint64_t start, uint64_t end)
{
	struct piece p = { .end = start };

	while (p.end < end) {
		p = first_piece(space, p.end, end);
		release_piece(space, &p);
	}
}

/** Takes bytes from the hold limit. */
static int reserve(struct svart_space *space, uint64_t bytes)
{
	uint64_t limit = svart_space_hold_limit(space);
	uint64_t held = atomic_load_explicit(&space->n.held, memory_order_relaxed);

	if (bytes > limit)
		return -E2BIG;
	do {
		if (held > limit - bytes)
			return -EAGAIN;
	} while (!atomic_compare_exchange_weak_explicit(
		&space->n.held, &held, held + bytes, memory_order_relaxed, memory_order_relaxed));
	return 0;
}

static void unreserve(struct svart_space *space, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&space->n.held, bytes, memory_order_relaxed);
}

static int hold(struct svart_space *space, uint64_t start, uint64_t end, unsigned int access,
	bool only_mapped, uint64_t *bad)
{
	struct piece p = { .end = start };
	int rc = svart_space_check_usable(space);

	*bad = start;
	if (rc != 0)
		return rc;
	if (start >= end || ((start | end) & SVART_PAGE_MASK) || space->map.hold_counts == NULL)
		return -EINVAL;
	rc = reserve(space, end - start);
	if (rc != 0)
		return rc;
	while (rc == 0 && p.end < end) {
		p = first_piece(space, p.end, end);
		rc = hold_piece(space, &p, access, only_mapped, bad);
	}
	if (rc != 0) {
		release_pieces(space, start, p.start);
		unreserve(space, end - start);
	}
	return rc;
}

int svart_space_hold(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access, uint64_t *bad)
{
	return hold(space, start, end, access, false, bad);
}

int svart_space_hold_mapped(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access, uint64_t *bad)
{
	return hold(space, start, end, access, true, bad);
}

void svart_space_release(struct svart_space *space, uint64_t start, uint64_t end)
{
	release_pieces(space, start, end);
	unreserve(space, end - start);
}

/* --- the space's part -------------------------------------------------------------------------- */

int svart_space_enable_holds(struct svart_space *space)
{
	if (space->map.hold_counts == NULL)
		space->map.hold_counts =
			calloc((size_t)space->map.nr_chunks * SVART_CHUNK_PAGES, sizeof(uint16_t));
	return space->map.hold_counts != NULL ? 0 : -ENOMEM;
}

/** Pages that two operands of a page take, each over the border of two pages, and a page more. */
#define HOLD_PAGES_MIN 6u
/** Chunks that both operands of a copy take, each over the border of two chunks. */
#define HOLD_CHUNKS_MIN 4u

uint64_t svart_space_hold_limit(const struct svart_space *space)
{
	uint64_t part = svart_page_down(space->pin_limit / LIMIT_DIVISOR);

	return part > HOLD_PAGES_MIN * SVART_PAGE_SIZE ? part : HOLD_PAGES_MIN * SVART_PAGE_SIZE;
}

/** The most chunks with held pages: as many as two operands of the largest size touch. */
static uint64_t hold_chunks(const struct svart_space *space)
{
	uint64_t most = space->map.nr_chunks / LIMIT_DIVISOR;
	uint64_t need = svart_space_hold_limit(space) / SVART_CHUNK_SIZE + HOLD_CHUNKS_MIN;

	if (need > most)
		need = most;
	return need > HOLD_CHUNKS_MIN ? need : HOLD_CHUNKS_MIN;
}

uint64_t svart_space_hold_range_max(const struct svart_space *space)
{
	uint64_t by_chunks = (hold_chunks(space) / 2 - 1) * SVART_CHUNK_SIZE;
	uint64_t by_pages = svart_space_hold_limit(space) / 2;

	return by_chunks < by_pages ? by_chunks : by_pages;
}

/** What all holds together may take. */
static struct svart_demand demand_of(const struct svart_space *space)
{
	return (struct svart_demand){
		.hold_pages = svart_space_hold_limit(space) / SVART_PAGE_SIZE,
		.hold_chunks = hold_chunks(space),
	};
}

int svart_space_holder_add(struct svart_space *space)
{
	const struct svart_demand more = demand_of(space);
	int rc = space->holders == 0 ? svart_demand_add(space, &more) : 0;

	if (rc == 0)
		space->holders++;
	return rc;
}

void svart_space_holder_remove(struct svart_space *space)
{
	const struct svart_demand less = demand_of(space);

	if (--space->holders == 0)
		svart_demand_remove(space, &less);
}

uint64_t svart_space_held(const struct svart_space *space)
{
	return atomic_load_explicit(&space->n.held, memory_order_relaxed);
}

bool svart_space_wait_for_release(struct svart_space *space, uint64_t *give_up_ns)
{
	uint64_t now = space->m->ops->now_ns(space->m);

	if (*give_up_ns == 0)
		*give_up_ns = now + SVART_HOLD_WAIT_NS;
	if (now >= *give_up_ns)
		return false;
	svart_space_pause(space);
	return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "hold.h"

#include <errno.h>
#include <stdlib.h>

#include "space_state.h"

/** What can be held, as a part of what can be pinned. */
#define LIMIT_DIVISOR 4
/** How often pages may go between their mapping and their hold: then there is no room for all. */
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

/** With the shard locked: whether a forget waits, or is about to, for an area of the piece. */
static bool is_being_forgotten(const struct svart_chunk *c, const struct piece *p)
{
	struct svart_page_bits areas;
	unsigned int first, end;
	uint64_t base = c->number << SVART_CHUNK_SHIFT;

	if (p->shard->barriers == NULL)
		return false;
	areas = svart_chunk_areas(c, p->first, p->last_end, false);
	first = svart_page_bits_next(&areas, 0, SVART_CHUNK_PAGES);
	end = svart_page_bits_last_end(&areas, 0, SVART_CHUNK_PAGES);
	return svart_shard_barrier(p->shard, base + first * SVART_PAGE_SIZE,
		       base + end * SVART_PAGE_SIZE - 1) != NULL;
}

/** With the shard locked: the first page that is not mapped with this access for good, or the end. */
static unsigned int first_missing(const struct svart_chunk *c, const struct piece *p, bool write)
{
	struct svart_page_bits good =
		svart_page_bits_and_not(write ? &c->writable : &c->mapped, &c->pending);

	return svart_page_bits_next_clear(&good, p->first, p->last_end);
}

/** With the shard locked: counts. @return 0, or -EAGAIN: a page is held 65535 times. */
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

/** @return 0; -ENOENT *bad is not mapped so; -EFAULT; -EAGAIN. */
static int hold_if_mapped(
	struct svart_space *space, const struct piece *p, bool write, uint64_t *bad)
{
	unsigned int missing = p->first;
	struct svart_chunk *c;
	int rc;

	pthread_mutex_lock(&p->shard->lock);
	c = find_chunk(space, p);
	if (c != NULL)
		missing = first_missing(c, p, write);
	if (missing < p->last_end)
		rc = -ENOENT;
	else if (svart_page_bits_next(&c->fixed, p->first, p->last_end) != p->last_end)
		rc = -EFAULT;
	else if (is_being_forgotten(c, p))
		rc = -EAGAIN;
	else
		rc = count_holds(space, c, p);
	pthread_mutex_unlock(&p->shard->lock);
	*bad = p->start + (missing < p->last_end ? missing - p->first : 0) * SVART_PAGE_SIZE;
	return rc;
}

/** After -EFAULT of the piece. @return -EFAULT and *bad, another -errno, or 0: it can be had now. */
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
	/* What other threads are just mapping or unmapping may be what is lacking here. */
	if (rc == -ENOMEM && atomic_load_explicit(&space->n.claims, memory_order_relaxed) != 0)
		rc = -EAGAIN;
	return rc;
}

static int hold_piece(struct svart_space *space, const struct piece *p, unsigned int access,
	bool only_mapped, uint64_t *bad)
{
	unsigned int tries;
	int rc;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		rc = hold_if_mapped(space, p, access & SVART_ACCESS_WRITE, bad);
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

uint64_t svart_space_hold_limit(const struct svart_space *space)
{
	return space->pin_limit / LIMIT_DIVISOR;
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

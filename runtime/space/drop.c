/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A drop puts a barrier into each shard that its range touches, works through the shards, and takes
 * the barriers away again. While they stand, no thread starts to map in the range; so a storm of
 * faults cannot starve a drop, and just before the first barrier is taken away there is a moment in which the
 * whole range is unmapped. A thread that was mapping in the range when the barrier came sees it after
 * IOAS_MAP, under the same lock, and unmaps again. An area that has a held page stays until its holds are
 * released; it takes no new ones while the barrier stands.
 */

#include "drop.h"

#include <errno.h>

#include "claim.h"
#include "hold.h"

/** One call. Owner: its thread, on its stack. */
struct drop {
	struct svart_space *space;
	uint64_t first, last; /* Byte addresses, whole pages. */
	bool fixed;
	uint64_t shards;     /* A bit for each shard that the range touches. */
	uint64_t give_up_ns; /* When waiting for a release ends; 0: it has not begun. */
	struct svart_barrier barriers[SVART_NR_SHARDS];
};

static uint64_t first_number(const struct drop *d)
{
	return d->first >> SVART_CHUNK_SHIFT;
}

static uint64_t last_number(const struct drop *d)
{
	return d->last >> SVART_CHUNK_SHIFT;
}

static uint64_t shards_of(const struct drop *d)
{
	const struct svart_chunk_map *map = &d->space->map;
	uint64_t shards = 0, number;

	if (last_number(d) - first_number(d) >= SVART_NR_SHARDS)
		return ~UINT64_C(0);
	for (number = first_number(d); number <= last_number(d); number++)
		shards |= UINT64_C(1) << (svart_chunk_map_shard(map, number) - map->shards);
	return shards;
}

static void raise_barriers(struct drop *d)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_SHARDS; i++) {
		struct svart_shard *shard = &d->space->map.shards[i];

		if (!((d->shards >> i) & 1))
			continue;
		d->barriers[i].first = d->first;
		d->barriers[i].last = d->last;
		pthread_mutex_lock(&shard->lock);
		svart_shard_add_barrier(shard, &d->barriers[i]);
		pthread_mutex_unlock(&shard->lock);
	}
}

static void lower_barriers(struct drop *d)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_SHARDS; i++) {
		struct svart_shard *shard = &d->space->map.shards[i];

		if (!((d->shards >> i) & 1))
			continue;
		pthread_mutex_lock(&shard->lock);
		svart_shard_remove_barrier(shard, &d->barriers[i]);
		pthread_mutex_unlock(&shard->lock);
	}
}

/** The pages of a chunk that are in the range. */
static void span_in(
	const struct drop *d, const struct svart_chunk *c, unsigned int *first, unsigned int *end)
{
	uint64_t base = c->number << SVART_CHUNK_SHIFT;
	uint64_t last = base + (SVART_CHUNK_SIZE - 1);

	*first = d->first > base ? (unsigned int)((d->first - base) / SVART_PAGE_SIZE) : 0;
	*end = d->last < last ? (unsigned int)((d->last - base) / SVART_PAGE_SIZE) + 1
			      : SVART_CHUNK_PAGES;
}

/**
 * With the shard locked: looks what is to be done in a chunk: areas to unmap, or pending pages to wait for.
 */
static bool look(const struct drop *d, const struct svart_chunk *c, struct svart_page_bits *areas,
	bool *is_pending)
{
	unsigned int first, end;

	span_in(d, c, &first, &end);
	*is_pending = svart_page_bits_next(&c->pending, first, end) != end;
	*areas = svart_chunk_areas(c, first, end, d->fixed);
	return *is_pending || !svart_page_bits_empty(areas);
}

/**
 * With the shard locked; the lock is released while it waits. @return 0, or -ETIMEDOUT: it waited too long.
 */
static int wait_for_release(struct drop *d, struct svart_shard *shard)
{
	bool go_on;

	pthread_mutex_unlock(&shard->lock);
	go_on = svart_space_wait_for_release(d->space, &d->give_up_ns);
	pthread_mutex_lock(&shard->lock);
	return go_on ? 0 : -ETIMEDOUT;
}

/** With the shard locked: does one unmap, or one wait; the lock is released meanwhile. */
static int work(struct drop *d, struct svart_shard *shard, struct svart_chunk *c)
{
	struct svart_page_bits areas, held;
	struct svart_claim claim;
	bool is_pending;
	int rc;

	look(d, c, &areas, &is_pending);
	if (is_pending) {
		pthread_cond_wait(&shard->settled, &shard->lock);
		return 0;
	}
	held = svart_chunk_held_areas(c);
	areas = svart_page_bits_and_not(&areas, &held);
	if (svart_page_bits_empty(&areas))
		return wait_for_release(d, shard);
	svart_claim_areas(d->space, shard, c, &areas, &claim);
	pthread_mutex_unlock(&shard->lock);
	rc = svart_claim_unmap(d->space, &claim);
	svart_claim_end(d->space, &claim);
	pthread_mutex_lock(&shard->lock);
	return rc;
}

static bool has_work(const struct drop *d, const struct svart_chunk *c)
{
	struct svart_page_bits areas;
	bool is_pending;

	return c->number >= first_number(d) && c->number <= last_number(d) &&
	       look(d, c, &areas, &is_pending);
}

/** Drops a short range: it looks up each chunk. */
static int drop_by_number(struct drop *d)
{
	const struct svart_chunk_map *map = &d->space->map;
	struct svart_shard *shard;
	struct svart_chunk *c;
	uint64_t i;
	int rc = 0;

	for (i = 0; i <= last_number(d) - first_number(d) && rc == 0; i++) {
		shard = svart_chunk_map_shard(map, first_number(d) + i);
		pthread_mutex_lock(&shard->lock);
		while (rc == 0 && (c = svart_chunk_find(map, shard, first_number(d) + i)) != NULL &&
			has_work(d, c))
			rc = work(d, shard, c);
		pthread_mutex_unlock(&shard->lock);
	}
	return rc;
}

static struct svart_chunk *find_work(
	const struct drop *d, struct svart_shard *shard, uint32_t bucket)
{
	const struct svart_chunk_map *map = &d->space->map;
	uint32_t i = shard->buckets[bucket];

	while (i != SVART_CHUNK_NONE && !has_work(d, &map->chunks[i]))
		i = map->chunks[i].next;
	return i == SVART_CHUNK_NONE ? NULL : &map->chunks[i];
}

/** Drops a long range: it looks through every bucket of the map. */
static int drop_by_bucket(struct drop *d)
{
	const struct svart_chunk_map *map = &d->space->map;
	uint32_t nr_buckets = UINT32_C(1) << map->buckets_log2, bucket;
	struct svart_chunk *c;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < SVART_NR_SHARDS && rc == 0; i++) {
		pthread_mutex_lock(&map->shards[i].lock);
		for (bucket = 0; bucket < nr_buckets && rc == 0; bucket++) {
			while (rc == 0 && (c = find_work(d, &map->shards[i], bucket)) != NULL)
				rc = work(d, &map->shards[i], c);
		}
		pthread_mutex_unlock(&map->shards[i].lock);
	}
	return rc;
}

/** Raises the barriers of a drop. */
static void begin(struct drop *d, struct svart_space *space, uint64_t first, uint64_t last)
{
	d->space = space;
	d->first = svart_page_down(first);
	d->last = last | SVART_PAGE_MASK;
	d->give_up_ns = 0;
	d->shards = shards_of(d);
	raise_barriers(d);
}

static int finish(struct drop *d)
{
	int rc;

	/* Looking up a chunk, with its lock, costs as much as a look into several buckets. */
	if (last_number(d) - first_number(d) < d->space->map.nr_chunks / 8)
		rc = drop_by_number(d);
	else
		rc = drop_by_bucket(d);
	lower_barriers(d);
	return rc;
}

int svart_space_drop(struct svart_space *space, uint64_t first, uint64_t last, bool fixed)
{
	struct drop d = { .fixed = fixed };

	begin(&d, space, first, last);
	return finish(&d);
}

int svart_space_forget_range(struct svart_space *space, uint64_t first, uint64_t last)
{
	struct drop d = { .fixed = false };

	begin(&d, space, first, last);
	svart_forgotten_add(&space->forgotten, d.first, d.last);
	return finish(&d);
}

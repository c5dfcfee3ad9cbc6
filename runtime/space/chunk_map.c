/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "chunk_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS_LOG2 6
_Static_assert(SVART_NR_SHARDS == 1 << SHARDS_LOG2, "the hash's top bits name the shard");

/** Fibonacci hashing: 2^64 divided by the golden ratio. It puts neighbours into different shards. */
static uint64_t hash_of(uint64_t number)
{
	return number * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t *bucket_of(
	const struct svart_chunk_map *map, const struct svart_shard *shard, uint64_t number)
{
	uint64_t below_shard = hash_of(number) << SHARDS_LOG2;

	return &shard->buckets[map->buckets_log2 == 0 ? 0
						      : below_shard >> (64 - map->buckets_log2)];
}

static struct svart_chunk *chunk_at(const struct svart_chunk_map *map, uint32_t index)
{
	return index == SVART_CHUNK_NONE ? NULL : &map->chunks[index];
}

static uint32_t index_of(const struct svart_chunk_map *map, const struct svart_chunk *c)
{
	return (uint32_t)(c - map->chunks);
}

/* --- the pool ---------------------------------------------------------------------------------- */

static uint64_t next_head(uint64_t head, uint32_t index)
{
	return ((head >> 32) + 1) << 32 | index;
}

/** The release orders the chunk's last use before its next; pairs with the acquire of pool_get. */
static void pool_put(struct svart_chunk_map *map, struct svart_chunk *c)
{
	uint64_t head = atomic_load_explicit(&map->free_head, memory_order_relaxed);

	do {
		atomic_store_explicit(&c->free_next, (uint32_t)head, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&map->free_head, &head,
		next_head(head, index_of(map, c)), memory_order_release, memory_order_relaxed));
}

/** Takes a chunk that was never used before. So the pool's memory is not touched before it is needed. */
static struct svart_chunk *pool_get_fresh(struct svart_chunk_map *map)
{
	uint32_t index;

	if (atomic_load_explicit(&map->nr_fresh, memory_order_relaxed) >= map->nr_chunks)
		return NULL;
	index = atomic_fetch_add_explicit(&map->nr_fresh, 1, memory_order_relaxed);
	return index < map->nr_chunks ? &map->chunks[index] : NULL;
}

static struct svart_chunk *pool_get(struct svart_chunk_map *map)
{
	uint64_t head = atomic_load_explicit(&map->free_head, memory_order_acquire);
	struct svart_chunk *c;

	do {
		c = chunk_at(map, (uint32_t)head);
		if (c == NULL)
			return pool_get_fresh(map);
	} while (!atomic_compare_exchange_weak_explicit(&map->free_head, &head,
		next_head(head, atomic_load_explicit(&c->free_next, memory_order_relaxed)),
		memory_order_acquire, memory_order_acquire));
	return c;
}

/* --- the FIFO ---------------------------------------------------------------------------------- */

static void publish_oldest(const struct svart_chunk_map *map, struct svart_shard *shard)
{
	const struct svart_chunk *c = chunk_at(map, shard->fifo_oldest);

	/* A hint for a thread that looks for the oldest chunk of all: its look under the lock decides. */
	atomic_store_explicit(
		&shard->oldest, c == NULL ? UINT64_MAX : c->stamp, memory_order_relaxed);
}

static void fifo_append(
	struct svart_chunk_map *map, struct svart_shard *shard, struct svart_chunk *c)
{
	struct svart_chunk *newest = chunk_at(map, shard->fifo_newest);

	c->stamp = atomic_fetch_add_explicit(&map->next_stamp, 1, memory_order_relaxed);
	c->older = shard->fifo_newest;
	c->newer = SVART_CHUNK_NONE;
	if (newest != NULL)
		newest->newer = index_of(map, c);
	else
		shard->fifo_oldest = index_of(map, c);
	shard->fifo_newest = index_of(map, c);
	c->in_fifo = true;
	publish_oldest(map, shard);
}

static void fifo_remove(
	struct svart_chunk_map *map, struct svart_shard *shard, struct svart_chunk *c)
{
	struct svart_chunk *older = chunk_at(map, c->older), *newer = chunk_at(map, c->newer);

	if (older != NULL)
		older->newer = c->newer;
	else
		shard->fifo_oldest = c->newer;
	if (newer != NULL)
		newer->older = c->older;
	else
		shard->fifo_newest = c->older;
	c->in_fifo = false;
	publish_oldest(map, shard);
}

void svart_chunk_rejuvenate(
	struct svart_chunk_map *map, struct svart_shard *shard, struct svart_chunk *c)
{
	fifo_remove(map, shard, c);
	fifo_append(map, shard, c);
}

/* --- second chances ---------------------------------------------------------------------------- */

static struct svart_ghost *ghost_of(struct svart_shard *shard, uint64_t number)
{
	/* Bits of the hash that neither the shard nor, as a rule, the bucket takes. */
	return &shard->ghosts[(hash_of(number) >> 20) % SVART_NR_GHOSTS];
}

void svart_chunk_note_eviction(
	struct svart_chunk_map *map, struct svart_shard *shard, uint64_t number)
{
	*ghost_of(shard, number) = (struct svart_ghost){
		.number = number,
		.eviction = atomic_fetch_add_explicit(&map->evictions, 1, memory_order_relaxed) + 1,
	};
}

/** "Soon": it would still be there if the space had room for twice as many chunks. */
static bool was_evicted_soon_before(
	struct svart_chunk_map *map, struct svart_shard *shard, uint64_t number)
{
	struct svart_ghost *ghost = ghost_of(shard, number);
	uint64_t now = atomic_load_explicit(&map->evictions, memory_order_relaxed);
	uint32_t used = atomic_load_explicit(&map->nr_used, memory_order_relaxed);
	bool soon;

	if (ghost->eviction == 0 || ghost->number != number)
		return false;
	soon = now - ghost->eviction <= used;
	ghost->eviction = 0;
	return soon;
}

/* --- chunks ------------------------------------------------------------------------------------ */

struct svart_shard *svart_chunk_map_shard(const struct svart_chunk_map *map, uint64_t number)
{
	return &map->shards[hash_of(number) >> (64 - SHARDS_LOG2)];
}

struct svart_chunk *svart_chunk_find(
	const struct svart_chunk_map *map, struct svart_shard *shard, uint64_t number)
{
	struct svart_chunk *c = chunk_at(map, *bucket_of(map, shard, number));

	while (c != NULL && c->number != number)
		c = chunk_at(map, c->next);
	return c;
}

struct svart_chunk *svart_chunk_insert(
	struct svart_chunk_map *map, struct svart_shard *shard, uint64_t number)
{
	uint32_t *bucket = bucket_of(map, shard, number);
	struct svart_chunk *c = pool_get(map);

	if (c == NULL)
		return NULL;
	c->number = number;
	c->in_fifo = false;
	c->fresh = false;
	c->newest = 0;
	c->nr_holds = 0;
	c->second_chance = was_evicted_soon_before(map, shard, number);
	c->publications = 0;
	memset(&c->mapped, 0, sizeof(*c) - offsetof(struct svart_chunk, mapped));
	memset(svart_chunk_origins(map, c), 0, sizeof(struct svart_origins));
	c->next = *bucket;
	*bucket = index_of(map, c);
	atomic_fetch_add_explicit(&map->nr_used, 1, memory_order_relaxed);
	return c;
}

static void chunk_remove(
	struct svart_chunk_map *map, struct svart_shard *shard, struct svart_chunk *c)
{
	uint32_t *link = bucket_of(map, shard, c->number);

	while (*link != index_of(map, c))
		link = &map->chunks[*link].next;
	*link = c->next;
	atomic_fetch_sub_explicit(&map->nr_used, 1, memory_order_relaxed);
	pool_put(map, c);
}

void svart_chunk_settle(
	struct svart_chunk_map *map, struct svart_shard *shard, struct svart_chunk *c)
{
	struct svart_page_bits loose = svart_page_bits_and_not(&c->mapped, &c->fixed);
	bool evictable = !svart_page_bits_empty(&loose);

	if (evictable && !c->in_fifo)
		fifo_append(map, shard, c);
	else if (!evictable && c->in_fifo)
		fifo_remove(map, shard, c);
	if (svart_page_bits_empty(&c->mapped) && svart_page_bits_empty(&c->pending))
		chunk_remove(map, shard, c);
	pthread_cond_broadcast(&shard->settled);
}

/** @return the first page of [page, end of the chunk) that is held, or not held, or the end. */
static unsigned int next_by_holds(const struct svart_chunk *c, unsigned int page, bool held)
{
	while (page < SVART_CHUNK_PAGES && (c->hold_counts[page] != 0) != held)
		page++;
	return page;
}

struct svart_page_bits svart_chunk_held_areas(const struct svart_chunk *c)
{
	struct svart_page_bits held = { { 0 } }, areas;
	unsigned int first, end;

	if (c->nr_holds == 0)
		return held;
	for (first = next_by_holds(c, 0, true); first < SVART_CHUNK_PAGES;
		first = next_by_holds(c, end, true)) {
		end = next_by_holds(c, first, false);
		areas = svart_chunk_areas(c, first, end, false);
		held = svart_page_bits_or(&held, &areas);
	}
	return held;
}

struct svart_page_bits svart_chunk_evictable(const struct svart_chunk *c)
{
	struct svart_page_bits taken = svart_page_bits_or(&c->fixed, &c->pending);
	struct svart_page_bits held = svart_chunk_held_areas(c);

	taken = svart_page_bits_or(&taken, &held);
	return svart_page_bits_and_not(&c->mapped, &taken);
}

struct svart_page_bits svart_chunk_areas(
	const struct svart_chunk *c, unsigned int first, unsigned int end, bool fixed)
{
	struct svart_page_bits pages;
	unsigned int next;

	if (svart_page_bits_test(&c->mapped, first))
		first = svart_page_bits_last_end(&c->area_start, 0, first + 1) - 1;
	if (svart_page_bits_test(&c->mapped, end - 1)) {
		next = svart_page_bits_next(&c->area_start, end, SVART_CHUNK_PAGES);
		end = svart_page_bits_next_clear(&c->mapped, end, next);
	}
	pages = svart_page_bits_range(first, end);
	pages = svart_page_bits_and(&pages, &c->mapped);
	return fixed ? svart_page_bits_and(&pages, &c->fixed)
		     : svart_page_bits_and_not(&pages, &c->fixed);
}

/* --- barriers ---------------------------------------------------------------------------------- */

const struct svart_barrier *svart_shard_barrier(
	const struct svart_shard *shard, uint64_t first, uint64_t last)
{
	const struct svart_barrier *b = shard->barriers;

	while (b != NULL && (last < b->first || first > b->last))
		b = b->next;
	return b;
}

void svart_shard_add_barrier(struct svart_shard *shard, struct svart_barrier *barrier)
{
	barrier->id = shard->next_barrier_id++;
	barrier->next = shard->barriers;
	shard->barriers = barrier;
}

void svart_shard_remove_barrier(struct svart_shard *shard, struct svart_barrier *barrier)
{
	struct svart_barrier **link = &shard->barriers;

	while (*link != barrier)
		link = &(*link)->next;
	*link = barrier->next;
	pthread_cond_broadcast(&shard->settled);
}

void svart_shard_wait_barrier(struct svart_shard *shard, uint64_t id)
{
	const struct svart_barrier *b;

	for (;;) {
		for (b = shard->barriers; b != NULL && b->id != id; b = b->next)
			;
		if (b == NULL)
			return;
		pthread_cond_wait(&shard->settled, &shard->lock);
	}
}

/* --- life -------------------------------------------------------------------------------------- */

static void init_shard(struct svart_shard *shard, uint32_t *buckets)
{
	pthread_mutex_init(&shard->lock, NULL);
	pthread_cond_init(&shard->settled, NULL);
	shard->buckets = buckets;
	shard->fifo_oldest = SVART_CHUNK_NONE;
	shard->fifo_newest = SVART_CHUNK_NONE;
	atomic_store_explicit(&shard->oldest, UINT64_MAX, memory_order_relaxed);
}

/** As many buckets as chunks, rounded up to a power of two for each shard. */
static uint32_t log2_of_buckets(uint32_t nr_chunks)
{
	uint32_t log2 = 0;

	while ((uint64_t)SVART_NR_SHARDS << log2 < nr_chunks)
		log2++;
	return log2;
}

static void *alloc_lines(size_t bytes)
{
	return aligned_alloc(64, (bytes + 63) & ~(size_t)63);
}

int svart_chunk_map_init(struct svart_chunk_map *map, uint32_t nr_chunks)
{
	size_t nr_buckets;
	uint32_t i;

	memset(map, 0, sizeof(*map));
	map->nr_chunks = nr_chunks;
	map->buckets_log2 = log2_of_buckets(nr_chunks);
	atomic_store_explicit(&map->free_head, SVART_CHUNK_NONE, memory_order_relaxed);
	nr_buckets = (size_t)SVART_NR_SHARDS << map->buckets_log2;
	map->shards = alloc_lines(SVART_NR_SHARDS * sizeof(*map->shards));
	map->chunks = alloc_lines(nr_chunks * sizeof(*map->chunks));
	map->origins = alloc_lines(nr_chunks * sizeof(*map->origins));
	map->buckets = alloc_lines(nr_buckets * sizeof(*map->buckets));
	if (map->shards == NULL || map->chunks == NULL || map->origins == NULL ||
		map->buckets == NULL) {
		free(map->shards);
		free(map->chunks);
		free(map->origins);
		free(map->buckets);
		return -ENOMEM;
	}
	memset(map->shards, 0, SVART_NR_SHARDS * sizeof(*map->shards));
	memset(map->buckets, 0xff, nr_buckets * sizeof(*map->buckets)); /* SVART_CHUNK_NONE */
	for (i = 0; i < SVART_NR_SHARDS; i++)
		init_shard(&map->shards[i], &map->buckets[(size_t)i << map->buckets_log2]);
	return 0;
}

void svart_chunk_map_fini(struct svart_chunk_map *map)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_SHARDS; i++) {
		pthread_cond_destroy(&map->shards[i].settled);
		pthread_mutex_destroy(&map->shards[i].lock);
	}
	free(map->shards);
	free(map->chunks);
	free(map->origins);
	free(map->buckets);
	free(map->hold_counts);
}

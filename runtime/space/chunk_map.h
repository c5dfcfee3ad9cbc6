/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_CHUNK_MAP_H
#define SVART_CHUNK_MAP_H

/**
 * @file
 * The chunk map: which pages are mapped, by chunks of 2 MiB, found by hash, in shards.
 *
 * A page is in one of four states, by its bits:
 *
 *   mapped pending
 *     0      0     absent
 *     0      1     a thread is about to map it, inside IOAS_MAP as a rule
 *     1      0     mapped: devices reach it
 *     1      1     a thread is about to unmap it; devices may still reach it
 *
 * "Pending" is ownership: only the thread that set the bit clears it, and it does not hold the lock in
 * between. Every other thread waits on the shard's condition, and holds nothing pending meanwhile; so there
 * is no circle of waits. An area is what one IOAS_MAP mapped: a run of mapped pages from a start bit.
 *
 * After svart_chunk_map_init() nothing here allocates, and the only system calls are futexes.
 */

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "origins.h"

/** Shards of a map: threads that fault in different chunks seldom meet. */
#define SVART_NR_SHARDS 64
/** Evicted chunks that a shard remembers. */
#define SVART_NR_GHOSTS 16
/** No chunk. */
#define SVART_CHUNK_NONE UINT32_MAX

/**
 * 2 MiB of addresses of which something is mapped or pending. 384 bytes, and 64 of
 * svart_chunk_origins(), which lie apart: a thread that only looks for a page does not touch them.
 *
 * Owner: the map's pool. Lifetime: from svart_chunk_insert() until the last page is absent again.
 * Locks: its shard's; free_next is an atomic of the pool.
 */
struct svart_chunk {
	uint64_t number;       /**< Address >> SVART_CHUNK_SHIFT. */
	uint64_t stamp;        /**< When it entered the FIFO; larger is younger. */
	uint32_t next;         /**< In its hash bucket. */
	uint32_t older, newer; /**< Neighbours in the shard's FIFO. */
	_Atomic uint32_t free_next;
	bool in_fifo;          /**< It has something that can be evicted. */
	bool second_chance;    /**< It came back soon after an eviction: pass it over once. */
	bool fresh;            /**< Something was mapped since eviction last looked at it. */
	uint16_t newest;       /**< A page of what was mapped last. */
	uint16_t publications; /**< Counts what was mapped with its origin, modulo 2^16. */
	uint32_t
		nr_holds; /**< Sum of hold_counts. Held pages are mapped and stay so; see hold.h. */
	uint16_t *hold_counts; /**< array[SVART_CHUNK_PAGES]; valid while nr_holds is not 0. */
	alignas(64) struct svart_page_bits mapped;
	struct svart_page_bits pending;
	struct svart_page_bits writable;   /**< Subset of mapped. */
	struct svart_page_bits area_start; /**< Subset of mapped. */
	struct svart_page_bits fixed;      /**< Static memory; subset of mapped. */
};

_Static_assert(sizeof(struct svart_chunk) + sizeof(struct svart_origins) == 448,
	"svart/space.h and doc/ name this number");

/**
 * A range that is being forgotten. While it is in a shard's list, no page of it becomes pending there
 * to be mapped, and a thread that is mapping pages of it there unmaps them again.
 *
 * Owner: the forgetting thread, on its stack. Lifetime: while it is in the list. Locks: the shard's.
 */
struct svart_barrier {
	struct svart_barrier *next;
	uint64_t first,
		last; /**< Addresses: first byte of the first page, last byte of the last. */
	uint64_t id;  /**< Its number in this shard; no number is used twice. */
};

/** An evicted chunk. */
struct svart_ghost {
	uint64_t number;
	uint64_t eviction; /**< Its number in the order of evictions, from 1 on; 0: empty. */
};

/**
 * A part of the map. Owner: the map. Locks: lock guards all but oldest, which others may read.
 */
struct svart_shard {
	alignas(64) pthread_mutex_t lock;
	pthread_cond_t settled; /**< Pending pages were settled, or a barrier was taken away. */
	uint32_t *buckets;
	uint32_t fifo_oldest, fifo_newest;
	struct svart_barrier *barriers;
	uint64_t next_barrier_id;
	struct svart_ghost ghosts[SVART_NR_GHOSTS];
	_Atomic uint64_t oldest; /**< Stamp of fifo_oldest, UINT64_MAX if there is none. */
};

/**
 * The map of one space. Owner: the space. Lifetime: the space's. Locks: each shard its own; the pool
 * and the counters are atomics.
 */
struct svart_chunk_map {
	struct svart_shard *shards;
	struct svart_chunk *chunks;    /**< array[nr_chunks] */
	struct svart_origins *origins; /**< array[nr_chunks], of the same chunks. */
	uint32_t nr_chunks;
	uint32_t buckets_log2; /**< Buckets of one shard. */
	uint32_t *buckets;     /**< Of all shards. */
	uint16_t *hold_counts; /**< Of all chunks; NULL until svart_space_enable_holds(). */
	_Atomic uint64_t next_stamp;
	_Atomic uint64_t evictions;
	_Atomic uint32_t nr_used;
	_Atomic uint32_t nr_fresh; /**< Chunks of the pool that were ever used. */
	/** Index of the first free chunk, below a count that changes with every use (against ABA). */
	alignas(64) _Atomic uint64_t free_head;
};

/** @return 0 or -ENOMEM. */
int svart_chunk_map_init(struct svart_chunk_map *map, uint32_t nr_chunks);
/** Frees the map and all that is in it. No thread may use it any more. */
void svart_chunk_map_fini(struct svart_chunk_map *map);

/** The shard that holds a chunk; no lock needed. */
struct svart_shard *svart_chunk_map_shard(const struct svart_chunk_map *map, uint64_t number);

/* All below: with the shard locked. */

/** @return the chunk, or NULL. */
struct svart_chunk *svart_chunk_find(
	const struct svart_chunk_map *map, struct svart_shard *shard, uint64_t number);

/**
 * Adds an empty chunk that is not in the map yet. If it is still empty at the next svart_chunk_settle(), that
 * call frees it. @return NULL if the pool is empty: the caller evicts a chunk.
 */
struct svart_chunk *svart_chunk_insert(
	struct svart_chunk_map *map, struct svart_shard *shard, uint64_t number);

/**
 * To be called after the chunk's bits changed. Updates the FIFO, frees the chunk if it is empty, and wakes
 * all threads that wait in the shard.
 */
void svart_chunk_settle(
	struct svart_chunk_map *map, struct svart_shard *shard, struct svart_chunk *c);

/**
 * The origins of a chunk's mapped pages: what memory they were mapped from. They say nothing of other pages.
 */
static inline struct svart_origins *svart_chunk_origins(
	const struct svart_chunk_map *map, const struct svart_chunk *c)
{
	return &map->origins[c - map->chunks];
}

/** The pages of all areas that have a held page. */
struct svart_page_bits svart_chunk_held_areas(const struct svart_chunk *c);

/** The pages that can be evicted now: mapped, not static, not pending, not held. Whole areas. */
struct svart_page_bits svart_chunk_evictable(const struct svart_chunk *c);

/**
 * All pages of the areas that touch [first, end): of static areas if `fixed`, else of the others.
 */
struct svart_page_bits svart_chunk_areas(
	const struct svart_chunk *c, unsigned int first, unsigned int end, bool fixed);

/** Moves a chunk of the FIFO to its young end. */
void svart_chunk_rejuvenate(
	struct svart_chunk_map *map, struct svart_shard *shard, struct svart_chunk *c);

/** Remembers that a chunk is being evicted, for its second chance. */
void svart_chunk_note_eviction(
	struct svart_chunk_map *map, struct svart_shard *shard, uint64_t number);

/** @return a barrier of the shard that touches [first, last], or NULL. */
const struct svart_barrier *svart_shard_barrier(
	const struct svart_shard *shard, uint64_t first, uint64_t last);
void svart_shard_add_barrier(struct svart_shard *shard, struct svart_barrier *barrier);
void svart_shard_remove_barrier(struct svart_shard *shard, struct svart_barrier *barrier);
/** Waits until the barrier with this id is gone. It releases the lock while it waits. */
void svart_shard_wait_barrier(struct svart_shard *shard, uint64_t id);

#endif

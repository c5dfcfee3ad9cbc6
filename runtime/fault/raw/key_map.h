/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_KEY_MAP_H
#define SVART_FAULT_KEY_MAP_H

/**
 * @file
 * A bounded map from 64-bit keys to numbers: what raw queues remember of groups.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * The map: its operations are O(1), and nothing is allocated after create.
 *
 * Owner: its raw queues. Lifetime: theirs. Locks: its user's.
 */
struct svart_key_map;

/** @param capacity keys held at once, a power of two. @return 0 or -ENOMEM. */
int svart_key_map_create(uint32_t capacity, struct svart_key_map **out);
void svart_key_map_destroy(struct svart_key_map *map);

/**
 * The number of a key, which can be read and written until the next add or remove; NULL: the key is not
 * there.
 */
uint32_t *svart_key_map_find(struct svart_key_map *map, uint64_t key);
/** @param key not 0, not there yet. @return 0, or -ENOSPC the map is full. */
int svart_key_map_add(struct svart_key_map *map, uint64_t key, uint32_t value);
/** Removes a key. @return whether it was there. */
bool svart_key_map_remove(struct svart_key_map *map, uint64_t key);
/**
 * Removes all keys for which `remove` returns true. It walks over all slots, which are twice the capacity.
 * @param remove may be called twice for one key.
 */
void svart_key_map_remove_if(struct svart_key_map *map,
	bool (*remove)(uint64_t key, uint32_t value, const void *arg), const void *arg);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "key_map.h"

#include <errno.h>
#include <stdlib.h>

#define NO_KEY 0

struct slot {
	uint64_t key;
	uint32_t value;
};

struct svart_key_map {
	uint32_t mask;
	unsigned int shift;
	uint32_t nr;
	uint32_t capacity;
	struct slot slots[];
};

int svart_key_map_create(uint32_t capacity, struct svart_key_map **out)
{
	/* A full map leaves half of the slots empty, so that searches stay short. */
	uint32_t nr_slots = 2 * capacity;
	struct svart_key_map *map = calloc(1, sizeof(*map) + nr_slots * sizeof(map->slots[0]));

	if (map == NULL)
		return -ENOMEM;
	map->mask = nr_slots - 1;
	map->shift = 64 - (unsigned int)__builtin_ctz(nr_slots);
	map->capacity = capacity;
	*out = map;
	return 0;
}

void svart_key_map_destroy(struct svart_key_map *map)
{
	free(map);
}

/** The high bits of a product with 2^64 divided by the golden ratio. */
static uint32_t key_home(const struct svart_key_map *map, uint64_t key)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> map->shift);
}

/** The key's slot, or the empty one where it would go. */
static uint32_t key_slot(const struct svart_key_map *map, uint64_t key)
{
	uint32_t i = key_home(map, key);

	while (map->slots[i].key != NO_KEY && map->slots[i].key != key)
		i = (i + 1) & map->mask;
	return i;
}

uint32_t *svart_key_map_find(struct svart_key_map *map, uint64_t key)
{
	struct slot *slot = &map->slots[key_slot(map, key)];

	return slot->key == NO_KEY ? NULL : &slot->value;
}

int svart_key_map_add(struct svart_key_map *map, uint64_t key, uint32_t value)
{
	if (map->nr == map->capacity)
		return -ENOSPC;
	map->slots[key_slot(map, key)] = (struct slot){ .key = key, .value = value };
	map->nr++;
	return 0;
}

bool svart_key_map_remove(struct svart_key_map *map, uint64_t key)
{
	uint32_t hole = key_slot(map, key);
	uint32_t i = hole, home;

	if (key == NO_KEY || map->slots[hole].key != key)
		return false;
	for (;;) {
		i = (i + 1) & map->mask;
		if (map->slots[i].key == NO_KEY)
			break;
		home = key_home(map, map->slots[i].key);
		/* A key stays if its search begins after the hole: then the search never passes the hole. */
		if (((i - home) & map->mask) < ((i - hole) & map->mask))
			continue;
		map->slots[hole] = map->slots[i];
		hole = i;
	}
	map->slots[hole].key = NO_KEY;
	map->nr--;
	return true;
}

void svart_key_map_remove_if(struct svart_key_map *map,
	bool (*remove)(uint64_t key, uint32_t value, const void *arg), const void *arg)
{
	uint32_t i = 0;

	while (i <= map->mask) {
		/*
		 * A key that moves into the hole comes from behind it: it was not looked at yet, or it stays
		 * in the map.
		 */
		if (map->slots[i].key != NO_KEY &&
			remove(map->slots[i].key, map->slots[i].value, arg))
			svart_key_map_remove(map, map->slots[i].key);
		else
			i++;
	}
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "cookie_set.h"

#include <errno.h>
#include <stdlib.h>

/** The kernel counts cookies from 1 (XA_FLAGS_ALLOC1). */
#define NO_COOKIE 0

struct svart_cookie_set {
	uint32_t mask;
	unsigned int shift;
	uint32_t nr;
	uint32_t capacity;
	uint32_t slots[];
};

int svart_cookie_set_create(uint32_t capacity, struct svart_cookie_set **out)
{
	/* A full set leaves half of the slots empty, so that searches stay short. */
	uint32_t nr_slots = 2 * capacity;
	struct svart_cookie_set *set = calloc(1, sizeof(*set) + nr_slots * sizeof(set->slots[0]));

	if (set == NULL)
		return -ENOMEM;
	set->mask = nr_slots - 1;
	set->shift = 32 - (unsigned int)__builtin_ctz(nr_slots);
	set->capacity = capacity;
	*out = set;
	return 0;
}

void svart_cookie_set_destroy(struct svart_cookie_set *set)
{
	free(set);
}

/** The high bits of a product with 2^32 divided by the golden ratio. */
static uint32_t cookie_home(const struct svart_cookie_set *set, uint32_t cookie)
{
	return (cookie * UINT32_C(0x9e3779b9)) >> set->shift;
}

/** The cookie's slot, or the empty one where it would go. */
static uint32_t cookie_find(const struct svart_cookie_set *set, uint32_t cookie)
{
	uint32_t i = cookie_home(set, cookie);

	while (set->slots[i] != NO_COOKIE && set->slots[i] != cookie)
		i = (i + 1) & set->mask;
	return i;
}

int svart_cookie_set_add(struct svart_cookie_set *set, uint32_t cookie)
{
	uint32_t i = cookie_find(set, cookie);

	if (set->slots[i] == cookie)
		return -EEXIST;
	if (set->nr == set->capacity)
		return -ENOSPC;
	set->slots[i] = cookie;
	set->nr++;
	return 0;
}

bool svart_cookie_set_remove(struct svart_cookie_set *set, uint32_t cookie)
{
	uint32_t hole = cookie_find(set, cookie);
	uint32_t i = hole, home;

	if (cookie == NO_COOKIE || set->slots[hole] != cookie)
		return false;
	for (;;) {
		i = (i + 1) & set->mask;
		if (set->slots[i] == NO_COOKIE)
			break;
		home = cookie_home(set, set->slots[i]);
		/*
		 * A cookie stays if its search begins after the hole: then the search never passes the hole.
		 */
		if (((i - home) & set->mask) < ((i - hole) & set->mask))
			continue;
		set->slots[hole] = set->slots[i];
		hole = i;
	}
	set->slots[hole] = NO_COOKIE;
	set->nr--;
	return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "group_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "random.h"

/** Slots of one PASID, and groups in a row of a slot with different PRG indices. The product is 512. */
#define SLOTS_OF_PASID 64
#define IDS_OF_SLOT    8
/** Size of the groups that stay partial while groups of one pass. */
#define BYSTANDER_SIZE 8

/**
 * A slot's group.
 *
 * Owner: the stack of create. Lifetime: that call. Locks: none.
 */
struct slot {
	uint32_t sent;
	uint32_t generation;
};

/** Tells the number of slots for so many partial requests: a slot has (size - 1) / 2 on average. */
static uint32_t slots_for(uint32_t group_size, uint32_t outstanding)
{
	uint32_t nr = (2 * outstanding + (group_size - 1) / 2) / (group_size - 1);

	return nr == 0 ? 1 : nr;
}

/** Makes the next request of a slot. */
static struct perf_stream_item slot_next(struct slot *slots, uint32_t i, uint32_t group_size)
{
	struct slot *slot = &slots[i];
	struct perf_stream_item item = {
		.pasid = 1 + i / SLOTS_OF_PASID,
		.group_id = (uint16_t)(i % SLOTS_OF_PASID +
				       SLOTS_OF_PASID * (slot->generation % IDS_OF_SLOT)),
		.last = ++slot->sent == group_size,
	};

	if (item.last) {
		slot->sent = 0;
		slot->generation++;
	}
	return item;
}

/** Makes groups of one, which pass other groups that never end. */
static void make_singles(struct perf_stream *s)
{
	uint32_t nr_slots = s->outstanding / (BYSTANDER_SIZE - 1) + 1, i;

	for (i = 0; i < s->outstanding; i++)
		s->items[s->nr++] = (struct perf_stream_item){
			.pasid = 2 + i % nr_slots / SLOTS_OF_PASID,
			.group_id = (uint16_t)(i % nr_slots % SLOTS_OF_PASID),
		};
	s->nr_before = s->nr;
}

static void make_groups(struct perf_stream *s, struct slot *slots, uint32_t nr_slots,
	uint32_t nr_measured, bool random, uint64_t *seed)
{
	uint32_t i, n, begun;

	for (i = 0; i < nr_slots; i++) {
		begun = random ? (uint32_t)(svart_perf_random(seed) % s->group_size)
			       : i % s->group_size;
		for (n = 0; n < begun; n++)
			s->items[s->nr++] = slot_next(slots, i, s->group_size);
	}
	s->nr_before = s->nr;
	for (n = 0; n < nr_measured; n++) {
		i = random ? (uint32_t)(svart_perf_random(seed) % nr_slots) : n % nr_slots;
		s->items[s->nr++] = slot_next(slots, i, s->group_size);
	}
}

int svart_perf_stream_create(struct perf_stream *s, bool random, uint32_t group_size,
	uint32_t outstanding, uint32_t nr_measured, uint64_t seed)
{
	uint32_t nr_slots = group_size == 1 ? 1 : slots_for(group_size, outstanding);
	uint32_t room = outstanding + nr_slots * group_size + nr_measured, n;
	struct slot *slots = calloc(nr_slots, sizeof(*slots));

	*s = (struct perf_stream){
		.name = random ? "random" : "interleaved",
		.group_size = group_size,
		.outstanding = outstanding,
		.items = calloc(room, sizeof(*s->items)),
	};
	if (slots == NULL || s->items == NULL) {
		free(slots);
		free(s->items);
		return -ENOMEM;
	}
	if (group_size != 1) {
		make_groups(s, slots, nr_slots, nr_measured, random, &seed);
	} else {
		make_singles(s);
		for (n = 0; n < nr_measured; n++)
			s->items[s->nr++] = slot_next(slots, 0, 1);
	}
	free(slots);
	return 0;
}

void svart_perf_stream_destroy(struct perf_stream *s)
{
	free(s->items);
}

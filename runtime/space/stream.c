/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "stream.h"

#include "bits.h"

/** A lone fault maps the largest window divided by this (see svart/space.h). */
#define LONE_DIVISOR 16

static uint64_t slot_end(uint64_t slot)
{
	return svart_page_down(slot);
}

static uint64_t slot_window(uint64_t slot)
{
	return UINT64_C(1) << (slot & 63);
}

static uint64_t pack(uint64_t end, uint64_t window)
{
	return end | (uint64_t)__builtin_ctzll(window);
}

static uint64_t lone_window(const struct svart_streams *s)
{
	uint64_t window = s->largest / LONE_DIVISOR;

	return window < SVART_PAGE_SIZE ? SVART_PAGE_SIZE : window;
}

void svart_streams_init(struct svart_streams *s, uint64_t largest)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_STREAMS; i++)
		atomic_store_explicit(&s->slot[i], 0, memory_order_relaxed);
	atomic_store_explicit(&s->hand, 0, memory_order_relaxed);
	s->largest = largest;
}

/*
 * A fault counts as right after the end with a gap of up to one window: engines that work side by side do
 * not fault in exact order.
 */
struct svart_stream_hit svart_streams_window(struct svart_streams *s, uint64_t addr)
{
	struct svart_stream_hit hit = { .window = lone_window(s) };
	uint64_t slot, window;
	unsigned int i;

	for (i = 0; i < SVART_NR_STREAMS; i++) {
		slot = atomic_load_explicit(&s->slot[i], memory_order_relaxed);
		window = slot_window(slot);
		if (slot == 0 || addr - slot_end(slot) >= window)
			continue;
		hit.window = window * 2 > s->largest ? s->largest : window * 2;
		hit.old = slot;
		hit.slot = i;
		break;
	}
	return hit;
}

void svart_streams_advance(
	struct svart_streams *s, const struct svart_stream_hit *hit, uint64_t end, uint64_t window)
{
	uint64_t old = hit->old;
	unsigned int i;

	if (old != 0) {
		/* If another thread has moved the slot on, that thread's word stays. */
		atomic_compare_exchange_strong_explicit(&s->slot[hit->slot], &old,
			pack(end, window), memory_order_relaxed, memory_order_relaxed);
		return;
	}
	i = atomic_fetch_add_explicit(&s->hand, 1, memory_order_relaxed) % SVART_NR_STREAMS;
	atomic_store_explicit(&s->slot[i], pack(end, window), memory_order_relaxed);
}

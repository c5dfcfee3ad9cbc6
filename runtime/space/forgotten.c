/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "forgotten.h"

static const struct svart_forgotten_range empty = { .first = 1, .last = 0 };

static bool is_empty(const struct svart_forgotten_range *r)
{
	return r->first > r->last;
}

void svart_forgotten_init(struct svart_forgotten *f)
{
	unsigned int i;

	pthread_mutex_init(&f->lock, NULL);
	atomic_init(&f->used, 0);
	f->hand = 0;
	for (i = 0; i < SVART_NR_FORGOTTEN; i++)
		f->ranges[i] = empty;
}

void svart_forgotten_fini(struct svart_forgotten *f)
{
	pthread_mutex_destroy(&f->lock);
}

/** A place for a range: one that it covers, else the oldest. The lock is held. */
static struct svart_forgotten_range *find_place(
	struct svart_forgotten *f, uint64_t first, uint64_t last)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_FORGOTTEN; i++) {
		if (!is_empty(&f->ranges[i]) && f->ranges[i].first >= first &&
			f->ranges[i].last <= last)
			return &f->ranges[i];
	}
	return &f->ranges[f->hand++ % SVART_NR_FORGOTTEN];
}

void svart_forgotten_add(struct svart_forgotten *f, uint64_t first, uint64_t last)
{
	struct svart_forgotten_range *place;

	pthread_mutex_lock(&f->lock);
	place = find_place(f, first, last);
	if (is_empty(place))
		atomic_fetch_add_explicit(&f->used, 1, memory_order_relaxed);
	*place = (struct svart_forgotten_range){ first, last };
	pthread_mutex_unlock(&f->lock);
}

void svart_forgotten_name(struct svart_forgotten *f, uint64_t addr)
{
	unsigned int i;

	/* Who adds a range holds up faults in it by a barrier: what matters here was added long ago. */
	if (atomic_load_explicit(&f->used, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&f->lock);
	for (i = 0; i < SVART_NR_FORGOTTEN; i++) {
		if (addr < f->ranges[i].first || addr > f->ranges[i].last)
			continue;
		f->ranges[i] = empty;
		atomic_fetch_sub_explicit(&f->used, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&f->lock);
}

bool svart_forgotten_find(struct svart_forgotten *f, uint64_t first, uint64_t last,
	struct svart_forgotten_range *range)
{
	unsigned int i;

	if (atomic_load_explicit(&f->used, memory_order_relaxed) == 0)
		return false;
	pthread_mutex_lock(&f->lock);
	for (i = 0; i < SVART_NR_FORGOTTEN; i++) {
		if (!is_empty(&f->ranges[i]) && f->ranges[i].first <= last &&
			f->ranges[i].last >= first)
			break;
	}
	if (i < SVART_NR_FORGOTTEN)
		*range = f->ranges[i];
	pthread_mutex_unlock(&f->lock);
	return i < SVART_NR_FORGOTTEN;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "forgotten.h"

#include "own_copy.h"

void svart_forgotten_init(struct svart_forgotten *f)
{
	pthread_mutex_init(&f->lock, NULL);
	atomic_init(&f->nr, 0);
}

void svart_forgotten_fini(struct svart_forgotten *f)
{
	pthread_mutex_destroy(&f->lock);
}

/* --- the sorted table: with the lock held --------------------------------------------------------- */

static unsigned int nr_of(const struct svart_forgotten *f)
{
	return atomic_load_explicit(&f->nr, memory_order_relaxed);
}

static void set_nr(struct svart_forgotten *f, unsigned int nr)
{
	atomic_store_explicit(&f->nr, nr, memory_order_relaxed);
}

/** @return the first range that ends at or after addr, or nr. */
static unsigned int lower_bound(const struct svart_forgotten *f, uint64_t addr)
{
	unsigned int low = 0, high = nr_of(f), middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (f->ranges[middle].last < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** Puts a range in the place of ranges [from, to). */
static void replace(struct svart_forgotten *f, unsigned int from, unsigned int to,
	const struct svart_forgotten_range *range)
{
	svart_own_copy(
		&f->ranges[from + 1], &f->ranges[to], (nr_of(f) - to) * sizeof(f->ranges[0]));
	f->ranges[from] = *range;
	set_nr(f, nr_of(f) + 1 - (to - from));
}

static void remove_ranges(struct svart_forgotten *f, unsigned int from, unsigned int to)
{
	svart_own_copy(&f->ranges[from], &f->ranges[to], (nr_of(f) - to) * sizeof(f->ranges[0]));
	set_nr(f, nr_of(f) - (to - from));
}

/** Makes one of the two neighbours that are nearest to each other. */
static void merge_nearest(struct svart_forgotten *f)
{
	struct svart_forgotten_range both;
	unsigned int i, best = 1;

	for (i = 2; i < nr_of(f); i++) {
		if (f->ranges[i].first - f->ranges[i - 1].last <
			f->ranges[best].first - f->ranges[best - 1].last)
			best = i;
	}
	both = (struct svart_forgotten_range){ f->ranges[best - 1].first, f->ranges[best].last };
	replace(f, best - 1, best + 1, &both);
}

static void add_locked(struct svart_forgotten *f, uint64_t first, uint64_t last)
{
	struct svart_forgotten_range range = { first, last };
	/* Ranges that touch the new one on either side become part of it. */
	unsigned int from = lower_bound(f, first == 0 ? 0 : first - 1), to = from;

	while (to < nr_of(f) && (last == UINT64_MAX || f->ranges[to].first <= last + 1))
		to++;
	if (from < to && f->ranges[from].first < range.first)
		range.first = f->ranges[from].first;
	if (from < to && f->ranges[to - 1].last > range.last)
		range.last = f->ranges[to - 1].last;
	replace(f, from, to, &range);
	if (nr_of(f) > SVART_NR_FORGOTTEN)
		merge_nearest(f);
}

/** Takes [first, last] out of range i, which it overlaps. @return the next range to look at. */
static unsigned int cut(struct svart_forgotten *f, unsigned int i, uint64_t first, uint64_t last)
{
	const struct svart_forgotten_range old = f->ranges[i];
	const struct svart_forgotten_range before = { old.first, first - 1 };

	if (old.first >= first && old.last <= last) {
		remove_ranges(f, i, i + 1);
		return i;
	}
	if (old.last > last)
		f->ranges[i].first = last + 1;
	else
		f->ranges[i].last = before.last;
	if (old.first < first && old.last > last)
		replace(f, i, i, &before);
	return i + 1;
}

/* --- for the space --------------------------------------------------------------------------------- */

void svart_forgotten_add(struct svart_forgotten *f, uint64_t first, uint64_t last)
{
	pthread_mutex_lock(&f->lock);
	add_locked(f, first, last);
	pthread_mutex_unlock(&f->lock);
}

void svart_forgotten_name(struct svart_forgotten *f, uint64_t first, uint64_t last)
{
	unsigned int i;

	/*
	 * While a range is added, its barrier stops faults in it: so a range that matters here was added
	 * before.
	 */
	if (nr_of(f) == 0)
		return;
	pthread_mutex_lock(&f->lock);
	for (i = lower_bound(f, first); i < nr_of(f) && f->ranges[i].first <= last;) {
		i = cut(f, i, first, last);
		if (nr_of(f) > SVART_NR_FORGOTTEN) {
			/*
			 * This may put back what was cut out: then only the next window beside it is smaller.
			 */
			merge_nearest(f);
			break;
		}
	}
	pthread_mutex_unlock(&f->lock);
}

bool svart_forgotten_find(struct svart_forgotten *f, uint64_t first, uint64_t last,
	struct svart_forgotten_range *range)
{
	unsigned int i;
	bool found;

	if (nr_of(f) == 0)
		return false;
	pthread_mutex_lock(&f->lock);
	i = lower_bound(f, first);
	found = i < nr_of(f) && f->ranges[i].first <= last;
	if (found)
		*range = f->ranges[i];
	pthread_mutex_unlock(&f->lock);
	return found;
}

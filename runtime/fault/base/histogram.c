/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "histogram.h"

#define LOG2 SVART_HISTOGRAM_LOG2

static unsigned int bucket_of(uint64_t value)
{
	unsigned int exponent;

	if (value < (1u << LOG2))
		return (unsigned int)value;
	exponent = 63u - (unsigned int)__builtin_clzll(value) - LOG2;
	return (exponent << LOG2) + (unsigned int)(value >> exponent);
}

static uint64_t bucket_middle(unsigned int bucket)
{
	unsigned int exponent = bucket >> LOG2;
	uint64_t low, width;

	if (exponent <= 1)
		return bucket;
	exponent--;
	width = UINT64_C(1) << exponent;
	low = (uint64_t)(bucket - (exponent << LOG2)) << exponent;
	return low + (width - 1) / 2;
}

void svart_histogram_add(struct svart_histogram *h, uint64_t value)
{
	uint64_t max = atomic_load_explicit(&h->max, memory_order_relaxed);

	atomic_fetch_add_explicit(&h->buckets[bucket_of(value)], 1, memory_order_relaxed);
	while (value > max)
		if (atomic_compare_exchange_weak_explicit(
			    &h->max, &max, value, memory_order_relaxed, memory_order_relaxed))
			break;
}

uint64_t svart_histogram_quantile(const struct svart_histogram *h, unsigned int permille)
{
	uint64_t total = 0, seen = 0, rank, middle, max;
	unsigned int i;

	for (i = 0; i < SVART_HISTOGRAM_BUCKETS; i++)
		total += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
	if (total == 0)
		return 0;
	/* This is the smallest rank that covers the share, computed without a product that could wrap. */
	rank = total / 1000 * permille + (total % 1000 * permille + 999) / 1000;
	for (i = 0; i < SVART_HISTOGRAM_BUCKETS - 1; i++) {
		seen += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		if (seen >= rank)
			break;
	}
	middle = bucket_middle(i);
	max = atomic_load_explicit(&h->max, memory_order_relaxed);
	return middle < max ? middle : max;
}

/** @return the smallest power of two that is larger than a bucket's values. */
static uint64_t bucket_below(unsigned int bucket)
{
	unsigned int log2;

	if (bucket < (1u << LOG2))
		return bucket == 0 ? 1 : UINT64_C(1) << (32 - __builtin_clz(bucket));
	log2 = (bucket >> LOG2) + LOG2;
	return log2 < 64 ? UINT64_C(1) << log2 : UINT64_MAX;
}

unsigned int svart_histogram_rows(const struct svart_histogram *h, struct svart_histogram_row *rows)
{
	uint64_t nr, below;
	unsigned int i, n = 0;

	for (i = 0; i < SVART_HISTOGRAM_BUCKETS; i++) {
		nr = atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		if (nr == 0)
			continue;
		below = bucket_below(i);
		if (n == 0 || rows[n - 1].below != below)
			rows[n++] = (struct svart_histogram_row){ .below = below };
		rows[n - 1].nr += nr;
	}
	return n;
}

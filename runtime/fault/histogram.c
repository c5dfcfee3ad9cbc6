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
	/* The smallest rank that covers the share, without a product that could wrap. */
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

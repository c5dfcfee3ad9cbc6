/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_FAULT_HISTOGRAM_H
#define SVART_FAULT_HISTOGRAM_H

/**
 * @file
 * A histogram of 64-bit numbers in fixed memory: each power of two is cut into 16 equal buckets, so a
 * quantile is within 1/16 of the truth, from 1 ns to 584 years.
 */

#include <stdatomic.h>
#include <stdint.h>

/** Buckets to a power of two, as a power of two. */
#define SVART_HISTOGRAM_LOG2 4
/** 0 to 15 have a bucket each; then 16 for each of the other 60 powers of two. */
#define SVART_HISTOGRAM_BUCKETS ((64 - SVART_HISTOGRAM_LOG2 + 1) << SVART_HISTOGRAM_LOG2)

/**
 * One histogram; all zero is empty.
 *
 * Owner: who embeds it. Lifetime: its. Locks: none; any thread adds and reads.
 */
struct svart_histogram {
	_Atomic uint64_t buckets[SVART_HISTOGRAM_BUCKETS];
	_Atomic uint64_t max;
};

/** Counts a value. @thread any. */
void svart_histogram_add(struct svart_histogram *h, uint64_t value);

/**
 * @param permille 500 for the median, 990 for the 99th percentile; 1 to 1000.
 * @return the quantile, within 1/16 (its bucket's middle, but never more than the largest value
 *         counted); 0 when nothing was counted.
 * @thread any; while others add, a snapshot of one bucket after the other.
 */
uint64_t svart_histogram_quantile(const struct svart_histogram *h, unsigned int permille);

/** One row of a coarse histogram: how many values were below `below`, and not in a row before. */
struct svart_histogram_row {
	uint64_t below; /**< A power of two; UINT64_MAX in the last row there can be. */
	uint64_t nr;
};
/** Rows that there can be. */
#define SVART_HISTOGRAM_ROWS 64

/**
 * Coarsens a histogram to powers of two.
 * @param rows out: array[SVART_HISTOGRAM_ROWS]: those with values, rising. @return how many.
 */
unsigned int svart_histogram_rows(
	const struct svart_histogram *h, struct svart_histogram_row *rows);

#endif

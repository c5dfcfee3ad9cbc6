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

/** Log2 of the buckets of one power of two. */
#define SVART_HISTOGRAM_LOG2 4
/** 0 to 15 have a bucket each; then 16 for each of the other 60 powers of two. */
#define SVART_HISTOGRAM_BUCKETS ((64 - SVART_HISTOGRAM_LOG2 + 1) << SVART_HISTOGRAM_LOG2)

/**
 * One histogram; all zero is empty.
 *
 * Owner: the struct that embeds it. Lifetime: its owner's. Locks: none; any thread adds and reads.
 */
struct svart_histogram {
	_Atomic uint64_t buckets[SVART_HISTOGRAM_BUCKETS];
	_Atomic uint64_t max;
};

/** Counts a value. @thread any. */
void svart_histogram_add(struct svart_histogram *h, uint64_t value);

/**
 * Finds a quantile.
 * @param permille 500 for the median, 990 for the 99th percentile; 1 to 1000.
 * @return the quantile, within 1/16 (its bucket's middle, but never more than the largest value
 *         counted); 0 when nothing was counted.
 * @thread any; while others add, it reads the buckets one after the other.
 */
uint64_t svart_histogram_quantile(const struct svart_histogram *h, unsigned int permille);

/** One row of a coarse histogram: how many values were below `below` and are not in a row before it. */
struct svart_histogram_row {
	uint64_t below; /**< A power of two; UINT64_MAX in the last possible row. */
	uint64_t nr;
};
/** The most rows. */
#define SVART_HISTOGRAM_ROWS 64

/**
 * Coarsens a histogram to powers of two.
 * @param rows out: array[SVART_HISTOGRAM_ROWS]: the rows that have values, in rising order. @return how many.
 */
unsigned int svart_histogram_rows(
	const struct svart_histogram *h, struct svart_histogram_row *rows);

#endif

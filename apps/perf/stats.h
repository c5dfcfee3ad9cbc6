/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PERF_STATS_H
#define SVART_PERF_STATS_H

/**
 * @file
 * Medians and quantiles of samples, exact: all samples are kept and sorted.
 */

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/** Most rounds of one measure. */
#define SVART_PERF_MAX_ROUNDS 101

/**
 * One number of each round.
 *
 * Owner: the code that measures. Lifetime: its. Locks: none.
 */
struct perf_rounds {
	double value[SVART_PERF_MAX_ROUNDS];
	size_t nr;
};

void svart_perf_rounds_add(struct perf_rounds *r, double value);
/** @return the median; 0 if there are no rounds. */
double svart_perf_rounds_median(const struct perf_rounds *r);
/** @return the median; null if it is no number; NULL if memory is short. */
json_t *svart_perf_rounds_real(const struct perf_rounds *r);
/** As svart_perf_rounds_real(), rounded to an integer. */
json_t *svart_perf_rounds_whole(const struct perf_rounds *r);
/** @return the largest; 0 if there are no rounds. */
double svart_perf_rounds_max(const struct perf_rounds *r);

/** Room for a number in a table. */
#define SVART_PERF_NUMBER_BYTES 32

/** Writes a number of a table as text. @return text; "-" if it is no number, such as 0 by 0. */
const char *svart_perf_number(double number, int decimals, char text[SVART_PERF_NUMBER_BYTES]);

/** Sorts samples, for svart_perf_quantile(). */
void svart_perf_sort(uint64_t *samples, size_t nr);
/** @param sorted array[nr]. @param permille 500 means the median. @return the nearest-rank quantile. */
uint64_t svart_perf_quantile(const uint64_t *sorted, size_t nr, unsigned int permille);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int compare_samples(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void svart_perf_rounds_add(struct perf_rounds *r, double value)
{
	if (r->nr < SVART_PERF_MAX_ROUNDS)
		r->value[r->nr++] = value;
}

double svart_perf_rounds_median(const struct perf_rounds *r)
{
	struct perf_rounds sorted = *r;
	size_t half = r->nr / 2;

	if (r->nr == 0)
		return 0;
	qsort(sorted.value, sorted.nr, sizeof(sorted.value[0]), compare_doubles);
	if (r->nr % 2 != 0)
		return sorted.value[half];
	return (sorted.value[half - 1] + sorted.value[half]) / 2;
}

json_t *svart_perf_rounds_real(const struct perf_rounds *r)
{
	return app_json_real(svart_perf_rounds_median(r));
}

json_t *svart_perf_rounds_whole(const struct perf_rounds *r)
{
	return app_json_whole(svart_perf_rounds_median(r));
}

const char *svart_perf_number(double number, int decimals, char text[SVART_PERF_NUMBER_BYTES])
{
	if (!isfinite(number))
		return "-";
	snprintf(text, SVART_PERF_NUMBER_BYTES, "%.*f", decimals, number);
	return text;
}

double svart_perf_rounds_max(const struct perf_rounds *r)
{
	double max = 0;
	size_t i;

	for (i = 0; i < r->nr; i++)
		if (r->value[i] > max)
			max = r->value[i];
	return max;
}

void svart_perf_sort(uint64_t *samples, size_t nr)
{
	qsort(samples, nr, sizeof(samples[0]), compare_samples);
}

uint64_t svart_perf_quantile(const uint64_t *sorted, size_t nr, unsigned int permille)
{
	size_t rank = (nr * permille + 999) / 1000;

	if (nr == 0)
		return 0;
	return sorted[rank == 0 ? 0 : rank - 1];
}

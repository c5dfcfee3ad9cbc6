/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"
#include "sized.h"

static const struct svart_sized stats_sized =
	SVART_SIZED(svart_fault_stats, latency_max_ns, SVART_FAULT_STATS_INIT);

static uint64_t count_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void count_add(_Atomic uint64_t *to, const _Atomic uint64_t *from, bool subtract)
{
	uint64_t nr = count_get(from);

	/* `to` is the caller's own. */
	atomic_store_explicit(to, count_get(to) + (subtract ? -nr : nr), memory_order_relaxed);
}

/** Adds counters to a sum of the caller's own, or takes them off. The longest latency is not summed. */
static void counters_add(struct svart_fault_counters *sum,
	const struct svart_fault_counters *counters, bool subtract)
{
	unsigned int i;

	count_add(&sum->page_requests, &counters->page_requests, subtract);
	count_add(&sum->groups, &counters->groups, subtract);
	count_add(&sum->answers_success, &counters->answers_success, subtract);
	count_add(&sum->answers_invalid, &counters->answers_invalid, subtract);
	count_add(&sum->answers_own, &counters->answers_own, subtract);
	count_add(&sum->answers_gone, &counters->answers_gone, subtract);
	count_add(&sum->dropped, &counters->dropped, subtract);
	count_add(&sum->eager_pages, &counters->eager_pages, subtract);
	count_add(&sum->overflows, &counters->overflows, subtract);
	count_add(&sum->deadlines, &counters->deadlines, subtract);
	count_add(&sum->sources_lost, &counters->sources_lost, subtract);
	for (i = 0; i < SVART_HISTOGRAM_BUCKETS; i++)
		count_add(&sum->latency_ns.buckets[i], &counters->latency_ns.buckets[i], subtract);
}

static void max_keep(_Atomic uint64_t *max, uint64_t value)
{
	if (value > count_get(max))
		atomic_store_explicit(max, value, memory_order_relaxed);
}

int svart_fault_counters_open(struct svart_fault_lane *lane)
{
	struct svart_fault_counters *counters = svart_fault_counters(lane);

	if (counters == NULL) {
		counters = calloc(1, sizeof(*counters));
		lane->base = calloc(1, sizeof(*lane->base));
		if (counters == NULL || lane->base == NULL) {
			free(counters);
			free(lane->base);
			lane->base = NULL;
			return -ENOMEM;
		}
		/* Orders the zeroes before the pointer; pairs with the load in a reader. */
		atomic_store_explicit(&lane->counters, counters, memory_order_release);
	}
	memset(lane->base, 0, sizeof(*lane->base));
	counters_add(lane->base, counters, false);
	/* The longest latency of earlier sources is kept apart; that of this source begins at 0. */
	max_keep(&lane->retired_max_ns, count_get(&counters->latency_ns.max));
	atomic_store_explicit(&counters->latency_ns.max, 0, memory_order_relaxed);
	return 0;
}

void svart_fault_counters_free(struct svart_fault_lane *lane)
{
	free(svart_fault_counters(lane));
	free(lane->base);
}

static void stats_fill(struct svart_fault_stats *stats, const struct svart_fault_counters *c)
{
	*stats = (struct svart_fault_stats){
		.page_requests = count_get(&c->page_requests),
		.groups = count_get(&c->groups),
		.answers_success = count_get(&c->answers_success),
		.answers_invalid = count_get(&c->answers_invalid),
		.answers_own = count_get(&c->answers_own),
		.answers_gone = count_get(&c->answers_gone),
		.dropped = count_get(&c->dropped),
		.eager_pages = count_get(&c->eager_pages),
		.overflows = count_get(&c->overflows),
		.deadlines = count_get(&c->deadlines),
		.sources_lost = count_get(&c->sources_lost),
		.latency_p50_ns = svart_histogram_quantile(&c->latency_ns, 500),
		.latency_p99_ns = svart_histogram_quantile(&c->latency_ns, 990),
		.latency_max_ns = count_get(&c->latency_ns.max),
	};
}

int(svart_fault_stats_get)(const struct svart_fault_service *s, struct svart_fault_stats *given)
{
	struct svart_fault_stats stats;
	struct svart_fault_counters sum = { 0 };
	const struct svart_fault_counters *counters;
	uint32_t i;

	for (i = 0; i < SVART_FAULT_MAX_SOURCES; i++) {
		/* Places are taken in order, so no place after this one was ever used. */
		counters = atomic_load_explicit(&s->lanes[i].counters, memory_order_acquire);
		if (counters == NULL)
			break;
		counters_add(&sum, counters, false);
		max_keep(&sum.latency_ns.max, count_get(&counters->latency_ns.max));
		max_keep(&sum.latency_ns.max, count_get(&s->lanes[i].retired_max_ns));
	}
	stats_fill(&stats, &sum);
	return svart_sized_out(&stats_sized, given, &stats);
}

/** Adds what a source has counted since it was added, if it is served. */
static void source_add(struct svart_fault_service *s, const struct svart_fault_source *source,
	struct svart_fault_counters *sum)
{
	struct svart_fault_lane *lane = svart_fault_lane_find(s, source);
	const struct svart_fault_counters *counters;

	if (lane == NULL)
		return;
	counters = svart_fault_counters(lane);
	counters_add(sum, counters, false);
	counters_add(sum, lane->base, true);
	max_keep(&sum->latency_ns.max, count_get(&counters->latency_ns.max));
}

void svart_fault_service_sources_stats(struct svart_fault_service *s,
	struct svart_fault_source *const *sources, unsigned int nr, struct svart_fault_stats *stats)
{
	struct svart_fault_counters sum = { 0 };
	unsigned int i;

	for (i = 0; i < nr; i++)
		source_add(s, sources[i], &sum);
	stats_fill(stats, &sum);
}

unsigned int svart_fault_service_sources_latency(struct svart_fault_service *s,
	struct svart_fault_source *const *sources, unsigned int nr,
	struct svart_histogram_row *rows)
{
	struct svart_fault_counters sum = { 0 };
	unsigned int i;

	for (i = 0; i < nr; i++)
		source_add(s, sources[i], &sum);
	return svart_histogram_rows(&sum.latency_ns, rows);
}

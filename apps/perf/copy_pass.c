/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "copy_pass.h"

#include <assert.h>
#include <errno.h>

#include <rte_pause.h>

#include "clock.h"
#include "message.h"
#include "stats.h"

#define GIVE_UP_NS UINT64_C(60000000000)
/** Empty polls between looks at the clock. */
#define POLLS_PER_LOOK 1000000

static_assert((SVART_PERF_MAX_DEPTH & (SVART_PERF_MAX_DEPTH - 1)) == 0, "stamps are a ring");

/** Progress of a pass. Owner: the stack. Lifetime: one pass. Locks: none. */
struct progress {
	uint64_t sent, done;
	uint64_t own_ticks;
	uint64_t empty_polls, give_up_ns;
};

/** @return operations taken. */
static inline uint16_t feed(struct perf_pass *p, struct progress *at, bool timed)
{
	uint64_t left = p->nr - at->sent, begin, i;
	uint16_t nr = left < p->burst ? (uint16_t)left : p->burst;

	if (nr == 0 || at->sent - at->done + nr > p->depth)
		return 0;
	begin = timed ? rte_rdtsc() : 0;
	nr = p->ops->submit(p->engine, p->slots, at->sent, nr);
	if (timed) {
		at->own_ticks += rte_rdtsc() - begin;
		for (i = 0; i < nr; i++)
			p->stamps[(at->sent + i) % SVART_PERF_MAX_DEPTH] = begin;
	}
	at->sent += nr;
	return nr;
}

static int late(const struct perf_pass *p, struct progress *at)
{
	uint64_t now;

	/* Nothing is under way, and nothing was taken, so the engine has failed. */
	if (at->sent == at->done) {
		app_say("%s takes no copies of %u bytes any more", p->ops->name, p->slots->size);
		return -EIO;
	}
	rte_pause();
	if (++at->empty_polls % POLLS_PER_LOOK != 0)
		return 0;
	now = svart_perf_now_ns();
	if (at->give_up_ns == 0)
		at->give_up_ns = now + GIVE_UP_NS;
	if (now < at->give_up_ns)
		return 0;
	app_say("%s completed nothing for a minute", p->ops->name);
	return -ETIMEDOUT;
}

static inline int reap(struct perf_pass *p, struct progress *at, bool timed)
{
	uint64_t begin = timed ? rte_rdtsc() : 0, end, i;
	int n = p->ops->poll(p->engine, p->burst);

	if (n == 0)
		return late(p, at);
	if (n < 0) {
		app_say("%s failed a copy of %u bytes", p->ops->name, p->slots->size);
		return n;
	}
	if (timed) {
		end = rte_rdtsc();
		at->own_ticks += end - begin;
		for (i = at->done; i < at->done + (unsigned int)n; i++)
			if (i < SVART_PERF_MAX_SAMPLES)
				p->samples[i] = end - p->stamps[i % SVART_PERF_MAX_DEPTH];
	}
	at->done += (unsigned int)n;
	at->give_up_ns = 0;
	return 0;
}

/** Runs a pass. It is compiled once for each value of timed. */
static inline int run(struct perf_pass *p, struct progress *at, bool timed)
{
	int rc = 0;

	while (at->done < p->nr && rc == 0) {
		while (feed(p, at, timed) != 0)
			;
		rc = reap(p, at, timed);
	}
	return rc;
}

static __attribute__((noinline)) int run_timed(struct perf_pass *p, struct progress *at)
{
	return run(p, at, true);
}

static __attribute__((noinline)) int run_plain(struct perf_pass *p, struct progress *at)
{
	return run(p, at, false);
}

/** Converts ticks to nanoseconds, by the time that the whole pass took in both. */
static void evaluate(struct perf_pass *p, const struct progress *at, uint64_t ticks)
{
	double ns_per_tick = ticks != 0 ? (double)p->ns / (double)ticks : 0;
	size_t nr = p->nr < SVART_PERF_MAX_SAMPLES ? p->nr : SVART_PERF_MAX_SAMPLES;

	svart_perf_sort(p->samples, nr);
	p->own_ns = (uint64_t)((double)at->own_ticks * ns_per_tick);
	p->p50_ns = (uint64_t)((double)svart_perf_quantile(p->samples, nr, 500) * ns_per_tick);
	p->p99_ns = (uint64_t)((double)svart_perf_quantile(p->samples, nr, 990) * ns_per_tick);
}

int svart_perf_pass_run(struct perf_pass *p, bool timed)
{
	uint64_t begin = svart_perf_now_ns(), ticks = rte_rdtsc();
	struct progress at = { 0 };
	int rc = timed ? run_timed(p, &at) : run_plain(p, &at);

	ticks = rte_rdtsc() - ticks;
	p->ns = svart_perf_now_ns() - begin;
	if (timed && rc == 0)
		evaluate(p, &at, ticks);
	return rc;
}

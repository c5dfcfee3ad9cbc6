/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "origins.h"

#include <string.h>

/** A run. */
struct run {
	uint64_t tag;
	unsigned int first, end;
};

/** The most runs while one is being noted: it can cut another one in two. */
#define MOST_RUNS (SVART_NR_ORIGINS + 2)

static struct run run_at(const struct svart_origins *o, unsigned int i)
{
	return (struct run){ o->tag[i], o->first[i], o->end[i] };
}

static bool is_noted(const struct svart_origins *o, const struct run *r)
{
	unsigned int i;

	for (i = 0; i < SVART_NR_ORIGINS; i++) {
		if (o->tag[i] == r->tag && o->first[i] <= r->first && o->end[i] >= r->end)
			return true;
	}
	return false;
}

/** Makes one run of two, if they touch and have one tag. @return whether it did. */
static bool join(struct run *r, const struct run *old)
{
	if (old->tag != r->tag || old->first > r->end || old->end < r->first)
		return false;
	r->first = old->first < r->first ? old->first : r->first;
	r->end = old->end > r->end ? old->end : r->end;
	return true;
}

/** Adds what is left of an old run beside a new one. */
static unsigned int add_rest(
	struct run *runs, unsigned int nr, const struct run *old, const struct run *r)
{
	if (old->first < r->first)
		runs[nr++] = (struct run){ old->tag, old->first,
			old->end < r->first ? old->end : r->first };
	if (old->end > r->end)
		runs[nr++] = (struct run){ old->tag, old->first > r->end ? old->first : r->end,
			old->end };
	return nr;
}

static void store(struct svart_origins *o, const struct run *runs, unsigned int nr)
{
	unsigned int i;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < nr; i++) {
		o->tag[i] = runs[i].tag;
		o->first[i] = (uint16_t)runs[i].first;
		o->end[i] = (uint16_t)runs[i].end;
	}
}

void svart_origins_note(struct svart_origins *o, unsigned int first, unsigned int end, uint64_t tag)
{
	struct run runs[MOST_RUNS], r = { tag, first, end }, old;
	unsigned int i, nr = 0;

	if (is_noted(o, &r))
		return;
	for (i = 0; i < SVART_NR_ORIGINS; i++) {
		old = run_at(o, i);
		if (old.end != 0 && !join(&r, &old))
			nr = add_rest(runs, nr, &old, &r);
	}
	runs[nr++] = r;
	i = nr > SVART_NR_ORIGINS ? nr - SVART_NR_ORIGINS : 0;
	store(o, runs + i, nr - i);
}

struct svart_page_bits svart_origins_others(
	const struct svart_origins *o, unsigned int first, unsigned int end, uint64_t tag)
{
	struct svart_page_bits others = { { 0 } };
	struct run r;
	unsigned int i;

	for (i = 0; i < SVART_NR_ORIGINS; i++) {
		r = run_at(o, i);
		r.first = r.first > first ? r.first : first;
		r.end = r.end < end ? r.end : end;
		if (r.tag != tag && r.first < r.end)
			svart_page_bits_set(&others, r.first, r.end);
	}
	return others;
}

uint64_t svart_origins_tag(const struct svart_origins *o, unsigned int page)
{
	unsigned int i = 0;

	while (i < SVART_NR_ORIGINS - 1 && (page < o->first[i] || page >= o->end[i]))
		i++;
	return o->tag[i];
}

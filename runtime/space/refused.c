/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "refused.h"

#include <errno.h>

#include "bits.h"
#include "space_state.h"

/** No page. */
#define NO_PAGE UINT64_MAX

void svart_refused_init(struct svart_refused *r)
{
	uint32_t i;

	pthread_mutex_init(&r->lock, NULL);
	atomic_init(&r->nr, 0);
	r->hand = 0;
	for (i = 0; i < SVART_NR_REFUSED; i++)
		r->pages[i] = NO_PAGE;
}

void svart_refused_fini(struct svart_refused *r)
{
	pthread_mutex_destroy(&r->lock);
}

/** With the lock held: the page's place, or NULL. */
static uint64_t *find(struct svart_refused *r, uint64_t page)
{
	uint32_t i;

	for (i = 0; i < SVART_NR_REFUSED; i++) {
		if (r->pages[i] == page)
			return &r->pages[i];
	}
	return NULL;
}

void svart_refused_add(struct svart_refused *r, uint64_t page)
{
	uint64_t *place;

	pthread_mutex_lock(&r->lock);
	if (find(r, page) == NULL) {
		place = &r->pages[r->hand++ % SVART_NR_REFUSED];
		if (*place == NO_PAGE)
			atomic_fetch_add_explicit(&r->nr, 1, memory_order_relaxed);
		*place = page;
	}
	pthread_mutex_unlock(&r->lock);
}

bool svart_refused_remove(struct svart_refused *r, uint64_t page)
{
	uint64_t *place;

	/* Relaxed is enough: the page was added before the device could report its refusal. */
	if (atomic_load_explicit(&r->nr, memory_order_relaxed) == 0)
		return false;
	pthread_mutex_lock(&r->lock);
	place = find(r, page);
	if (place != NULL) {
		*place = NO_PAGE;
		atomic_fetch_sub_explicit(&r->nr, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&r->lock);
	return place != NULL;
}

void svart_space_refuse(struct svart_space *space, uint64_t addr, int rc)
{
	uint64_t page = addr & ~SVART_PAGE_MASK;

	if (rc == -ENOMEM)
		svart_refused_add(&space->refused, page);
	else
		svart_refused_remove(&space->refused, page);
}

bool svart_space_was_refused(struct svart_space *space, uint64_t addr)
{
	return svart_refused_remove(&space->refused, addr & ~SVART_PAGE_MASK);
}

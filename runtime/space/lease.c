/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "lease.h"

#include <errno.h>
#include <stdlib.h>

#include "budget.h"
#include "demand.h"
#include "error.h"
#include "space_state.h"

/** Pages without a lease that a lessee remembers, for each of its leases. */
#define GHOSTS_PER_LEASE 4
/**
 * The longest lease is so many times the shortest: so a page that is not used any more loses its lease at
 * last.
 */
#define MAX_TRIES 64u
/** How often a page may be lost between its mapping and its lease. */
#define MAX_RACES 64u
/** No page. */
#define NO_PAGE UINT64_MAX

/** A page and how often it was asked for without having been used. */
struct lease_slot {
	uint64_t page;  /**< Address, or NO_PAGE. */
	uint64_t until; /**< By the lessee's clock; the lease with the lowest value ends first. */
	uint32_t tries;
};

/**
 * The leases of one attachment.
 *
 * Owner: the attachment. Lifetime: svart_lessee_create() to svart_lessee_destroy(). Locks: the space's
 * leases.lock.
 */
struct svart_lessee {
	struct svart_lessee *next;
	uint64_t clock; /**< Leases given so far. */
	uint32_t nr, nr_ghosts, hand;
	struct lease_slot *ghosts; /**< array[nr_ghosts]: the pages that lost their lease last. */
	struct lease_slot leases[];
};

/* --- one lessee: with the lock held ---------------------------------------------------------------- */

static struct lease_slot *find(struct lease_slot *leases, uint32_t nr, uint64_t page)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		if (leases[i].page == page)
			return &leases[i];
	}
	return NULL;
}

static struct lease_slot *first_to_end(struct svart_lessee *l)
{
	struct lease_slot *first = &l->leases[0];
	uint32_t i;

	for (i = 1; i < l->nr; i++) {
		if (l->leases[i].until < first->until)
			first = &l->leases[i];
	}
	return first;
}

/** Ends a lease, and remembers the page. */
static void end(struct svart_lessee *l, const struct lease_slot *lease)
{
	if (lease->page != NO_PAGE)
		l->ghosts[l->hand++ % l->nr_ghosts] = *lease;
}

/** How often the page was asked for and lost before. The call forgets the number. */
static uint32_t tries_of(struct svart_lessee *l, uint64_t page)
{
	struct lease_slot *ghost = find(l->ghosts, l->nr_ghosts, page);
	uint32_t tries;

	if (ghost == NULL)
		return 0;
	tries = ghost->tries < MAX_TRIES ? ghost->tries + 1 : MAX_TRIES;
	ghost->page = NO_PAGE;
	return tries;
}

static void take(struct svart_lessee *l, uint64_t page)
{
	struct lease_slot *lease = find(l->leases, l->nr, page);

	if (lease == NULL) {
		lease = first_to_end(l);
		end(l, lease);
		lease->page = page;
		lease->tries = tries_of(l, page);
	} else if (lease->until == l->clock + (uint64_t)lease->tries * l->nr) {
		return; /* The page's lease is the one given last. */
	}
	lease->until = ++l->clock + (uint64_t)lease->tries * l->nr;
}

/* --- for the space --------------------------------------------------------------------------------- */

void svart_leases_init(struct svart_leases *leases)
{
	pthread_mutex_init(&leases->lock, NULL);
	leases->lessees = NULL;
	atomic_init(&leases->nr, 0);
}

void svart_leases_fini(struct svart_leases *leases)
{
	pthread_mutex_destroy(&leases->lock);
}

void svart_lease_take(struct svart_leases *leases, struct svart_lessee *lessee, uint64_t addr)
{
	pthread_mutex_lock(&leases->lock);
	take(lessee, addr);
	pthread_mutex_unlock(&leases->lock);
}

/**
 * Adds the areas of a chunk that one lessee has leased. An area that was mapped before there were more leases
 * may be too wide now: there is no room for all leases with such wide areas, so it is not protected.
 */
static void add_areas(const struct svart_lessee *l, const struct svart_chunk *c,
	unsigned int max_area_pages, struct svart_page_bits *all)
{
	struct svart_page_bits areas;
	unsigned int page;
	uint32_t i;

	for (i = 0; i < l->nr; i++) {
		if (l->leases[i].page >> SVART_CHUNK_SHIFT != c->number)
			continue;
		page = (unsigned int)(l->leases[i].page % SVART_CHUNK_SIZE / SVART_PAGE_SIZE);
		areas = svart_chunk_areas(c, page, page + 1, false);
		if (svart_page_bits_count(&areas) <= max_area_pages)
			*all = svart_page_bits_or(all, &areas);
	}
}

struct svart_page_bits svart_leased_areas(
	struct svart_leases *leases, const struct svart_chunk *c, unsigned int max_area_pages)
{
	struct svart_page_bits all = { { 0 } };
	const struct svart_lessee *l;

	if (atomic_load_explicit(&leases->nr, memory_order_relaxed) == 0)
		return all;
	pthread_mutex_lock(&leases->lock);
	for (l = leases->lessees; l != NULL; l = l->next)
		add_areas(l, c, max_area_pages, &all);
	pthread_mutex_unlock(&leases->lock);
	return all;
}

/* --- lessees --------------------------------------------------------------------------------------- */

static struct svart_lessee *lessee_new(uint32_t nr)
{
	struct svart_lessee *l = calloc(1, sizeof(*l) + nr * sizeof(l->leases[0]));
	uint32_t i;

	if (l == NULL)
		return NULL;
	l->nr = nr;
	l->nr_ghosts = nr * GHOSTS_PER_LEASE;
	l->ghosts = calloc(l->nr_ghosts, sizeof(*l->ghosts));
	if (l->ghosts == NULL) {
		free(l);
		return NULL;
	}
	for (i = 0; i < nr; i++)
		l->leases[i].page = NO_PAGE;
	for (i = 0; i < l->nr_ghosts; i++)
		l->ghosts[i].page = NO_PAGE;
	return l;
}

int svart_lessee_create(struct svart_space *space, uint32_t nr, struct svart_lessee **out)
{
	const struct svart_demand more = { .lease_pages = nr };
	struct svart_leases *leases = &space->leases;
	struct svart_lessee *l;
	int rc = svart_demand_add(space, &more);

	if (rc != 0)
		return rc;
	l = lessee_new(nr);
	if (l == NULL) {
		svart_demand_remove(space, &more);
		return svart_fail(-ENOMEM, "out of memory for %u leases", nr);
	}
	pthread_mutex_lock(&leases->lock);
	l->next = leases->lessees;
	leases->lessees = l;
	pthread_mutex_unlock(&leases->lock);
	atomic_fetch_add_explicit(&leases->nr, nr, memory_order_relaxed);
	*out = l;
	return 0;
}

void svart_lessee_destroy(struct svart_space *space, struct svart_lessee *lessee)
{
	const struct svart_demand less = { .lease_pages = lessee->nr };
	struct svart_leases *leases = &space->leases;
	struct svart_lessee **link = &leases->lessees;

	pthread_mutex_lock(&leases->lock);
	while (*link != lessee)
		link = &(*link)->next;
	*link = lessee->next;
	pthread_mutex_unlock(&leases->lock);
	atomic_fetch_sub_explicit(&leases->nr, lessee->nr, memory_order_relaxed);
	svart_demand_remove(space, &less);
	free(lessee->ghosts);
	free(lessee);
}

/* --- resolving ------------------------------------------------------------------------------------- */

bool svart_space_is_tight(const struct svart_space *space)
{
	return atomic_load_explicit(&space->map.evictions, memory_order_relaxed) != 0;
}

/**
 * Leases a page, whether it is mapped or not. So the lease whose time is up has ended before room is made for
 * the page, and the page is safe as soon as it is mapped. @return whether it is mapped with this access.
 */
static bool lease(struct svart_space *space, struct svart_lessee *lessee, uint64_t addr, bool write)
{
	uint64_t number = addr >> SVART_CHUNK_SHIFT;
	unsigned int page = (unsigned int)(addr % SVART_CHUNK_SIZE / SVART_PAGE_SIZE);
	struct svart_shard *shard = svart_chunk_map_shard(&space->map, number);
	struct svart_chunk *c;
	bool mapped;

	pthread_mutex_lock(&shard->lock);
	c = svart_chunk_find(&space->map, shard, number);
	mapped = c != NULL && svart_page_bits_test(write ? &c->writable : &c->mapped, page) &&
		 !svart_page_bits_test(&c->pending, page);
	svart_lease_take(&space->leases, lessee, addr);
	pthread_mutex_unlock(&shard->lock);
	return mapped;
}

/** Whether the page still has its lease: other pages of the same lessee may have taken it meanwhile. */
static bool is_leased(struct svart_leases *leases, struct svart_lessee *lessee, uint64_t addr)
{
	bool leased;

	pthread_mutex_lock(&leases->lock);
	leased = find(lessee->leases, lessee->nr, addr) != NULL;
	pthread_mutex_unlock(&leases->lock);
	return leased;
}

/** Whether others hold, or are mapping, memory that may be what is lacking. */
static bool is_in_the_way(const struct svart_space *space)
{
	return atomic_load_explicit(&space->n.held, memory_order_relaxed) != 0 ||
	       atomic_load_explicit(&space->n.claims, memory_order_relaxed) != 0;
}

int svart_space_resolve_leased(struct svart_space *space, struct svart_lessee *lessee,
	uint64_t addr, unsigned int access, bool (*wanted)(const void *arg), const void *arg)
{
	unsigned int races;
	int rc;

	for (races = 0; races < MAX_RACES; races++) {
		if (lease(space, lessee, addr, access & SVART_ACCESS_WRITE))
			return 0;
		rc = svart_space_resolve_while(
			space, addr, addr + SVART_PAGE_SIZE, access, wanted, arg);
		/*
		 * Memory that devices without page requests hold, or that other threads work on, comes free
		 * again.
		 */
		if (rc == -ENOMEM && is_in_the_way(space))
			return -EAGAIN;
		/*
		 * Other pages have taken all leases since: this page has the same right, so it tries again.
		 */
		if (rc == -ENOMEM && !is_leased(&space->leases, lessee, addr))
			continue;
		if (rc != 0)
			return rc;
	}
	return -EAGAIN;
}

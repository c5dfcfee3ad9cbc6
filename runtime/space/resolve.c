/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Making pages present and mapped.
 *
 * Each chunk of a request is walked page by page. A page that is mapped with enough access needs nothing. A
 * page that is pending is the work of another thread, and is waited for. A page that is missing is claimed,
 * with as much around it as seems good, and mapped with no lock held.
 *
 * Permissions. A request is checked against svart_vma.device_prot: READ (and EXEC) needs READ there,
 * WRITE needs WRITE, else the result is -EFAULT. The table says what is then mapped:
 *
 *   memory                      READ request    WRITE request
 *   anonymous, writable         read-write      read-write      (saves the upgrade)
 *   file or shared, writable    read-only       read-write      (a write pin dirties and copies)
 *   not writable for devices    read-only       -EFAULT
 *
 * A WRITE request on a page that is mapped read-only in a writable VMA is an upgrade: its area is
 * unmapped and mapped again, and is pending meanwhile; no other area is touched. An area that is held
 * cannot be upgraded before it is released.
 *
 * Memory that the process replaced without a forget is noticed when a page next to it is mapped: pages of its
 * chunk that are in the range of the same VMA and were mapped from other memory are unmapped first
 * (replaced.c).
 *
 * The claim is made before the VMA is looked up. So a forget() that comes in between finds the pages
 * pending and waits, and the VMA that was found cannot be a stale one. wanted() is called with the same lock
 * held, just before the claim. So a forget that comes after the range was no longer wanted either finds the
 * claim and waits for it, or comes before it, and then wanted() returns false and there is no claim.
 */

#include <errno.h>

#include "budget.h"
#include "claim.h"
#include "hold.h"
#include "replaced.h"
#include "vma.h"

/** How often one resolve is undone by a forget before it gives up. */
#define MAX_FORGOTTEN 64

/** One call. Owner: its thread, on its stack. */
struct resolve {
	struct svart_space *space;
	bool write;
	bool no_wait;        /* For a hold: do not wait for a thread that may wait for this one. */
	uint64_t give_up_ns; /* When waiting for a release ends; 0: it has not begun. */
	unsigned int forgotten;          /* Forgets that were met. */
	bool (*wanted)(const void *arg); /* NULL: the range is always wanted. */
	const void *wanted_arg;
	struct svart_eviction eviction;
	struct svart_patience patience;
	struct svart_replaced replaced; /* Replaced memory, to be logged at the end. */
};

/** Pages of one chunk. */
struct span {
	uint64_t number;
	unsigned int first, end;
};

/** What a step returns besides 0 (it moved on) and errors. IS_HELD does not leave step(). */
enum { LOOK_AGAIN = 1, IS_HELD = 2 };

static uint64_t addr_of(uint64_t number, unsigned int page)
{
	return (number << SVART_CHUNK_SHIFT) + page * SVART_PAGE_SIZE;
}

/** Cuts a span to addresses [start, end); at least a page of the span is in there. */
static void clip(struct span *s, uint64_t start, uint64_t end)
{
	uint64_t base = addr_of(s->number, 0);

	if (start > addr_of(s->number, s->first))
		s->first = (unsigned int)((start - base) / SVART_PAGE_SIZE);
	if (end - base < SVART_CHUNK_SIZE && (end - base) / SVART_PAGE_SIZE < s->end)
		s->end = (unsigned int)((end - base) / SVART_PAGE_SIZE);
}

/** @return the first page of [first, end) that is pending or not mapped with this access, or end. */
static unsigned int next_missing(
	const struct svart_chunk *c, unsigned int first, unsigned int end, bool write)
{
	const struct svart_page_bits *have = write ? &c->writable : &c->mapped;
	uint64_t missing;
	unsigned int i;

	for (i = first / 64; i * 64 < end; i++) {
		missing = ~(have->word[i] & ~c->pending.word[i]) &
			  svart_page_bits_mask(i, first, end);
		if (missing != 0)
			return i * 64 + (unsigned int)__builtin_ctzll(missing);
	}
	return end;
}

static int met_forget(struct resolve *r)
{
	return ++r->forgotten == MAX_FORGOTTEN ? -EAGAIN : LOOK_AGAIN;
}

/**
 * Cuts a span, at either side of its page, so that it does not reach into [first, last]. An invalidation of
 * the page itself may have begun a moment ago: then only the page is left, and the invalidation waits until
 * it is mapped and unmapped again.
 */
static void clip_out(struct span *s, unsigned int page, uint64_t first, uint64_t last)
{
	uint64_t addr = addr_of(s->number, page);

	if (last < addr)
		clip(s, last + 1, UINT64_MAX);
	else if (first > addr)
		clip(s, 0, first);
	else
		*s = (struct span){ s->number, page, page + 1 };
}

static bool is_more_than(const struct span *s, unsigned int page)
{
	return s->first != page || s->end != page + 1;
}

/** With the shard locked: leaves out what is being forgotten or invalidated. */
static void leave_out_moving(struct svart_space *space, const struct svart_shard *shard,
	struct span *s, unsigned int page)
{
	const struct svart_barrier *b;
	uint64_t first, last;

	while ((b = svart_shard_barrier(shard, addr_of(s->number, s->first),
			addr_of(s->number, s->end) - 1)) != NULL)
		clip_out(s, page, b->first, b->last);
	while (is_more_than(s, page) &&
		svart_open_ranges_find(&space->open_ranges, addr_of(s->number, s->first),
			addr_of(s->number, s->end) - 1, &first, &last))
		clip_out(s, page, first, last);
}

/** Leaves out what was forgotten, except for the pages [page, end), which a device has named. */
static void leave_out_forgotten(
	struct svart_space *space, struct span *s, unsigned int page, unsigned int end)
{
	struct svart_forgotten_range gone;

	while (s->first < page &&
		svart_forgotten_find(&space->forgotten, addr_of(s->number, s->first),
			addr_of(s->number, page) - 1, &gone))
		clip(s,
			gone.last < addr_of(s->number, page) - 1 ? gone.last + 1
								 : addr_of(s->number, page),
			UINT64_MAX);
	if (end < s->end && svart_forgotten_find(&space->forgotten, addr_of(s->number, end),
				    addr_of(s->number, s->end) - 1, &gone))
		clip(s, 0,
			gone.first > addr_of(s->number, end) ? gone.first
							     : addr_of(s->number, end));
}

/**
 * With the shard locked: what to map for the absent page asked->first: the stream's window, and all
 * that was asked for, as far as it is absent, usable, and neither forgotten nor being forgotten.
 */
static struct span widen(struct svart_space *space, const struct svart_shard *shard,
	const struct svart_chunk *c, const struct span *asked, const struct svart_usable *usable,
	uint64_t window)
{
	struct svart_page_bits taken = svart_page_bits_or(&c->mapped, &c->pending);
	unsigned int most = atomic_load_explicit(&space->max_area_pages, memory_order_relaxed);
	unsigned int page = asked->first, pages = (unsigned int)(window / SVART_PAGE_SIZE);
	struct span s = { .number = asked->number };

	pages = pages < most ? pages : most;
	s.first = page & ~(pages - 1);
	s.end = s.first + pages < asked->end ? asked->end : s.first + pages;
	s.end = s.end < s.first + most ? s.end : s.first + most;
	s.first = svart_page_bits_last_end(&taken, s.first, page);
	s.end = svart_page_bits_next(&taken, page, s.end);
	clip(&s, usable->start, usable->end);
	leave_out_moving(space, shard, &s, page);
	leave_out_forgotten(space, &s, page, asked->end < s.end ? asked->end : s.end);
	return s;
}

/**
 * With the shard locked: claims the page asked->first, which is neither pending nor good enough, and
 * more around it.
 * @return 0; LOOK_AGAIN after a wait; -EFAULT the IOMMU cannot map it; -EAGAIN it was forgotten too often;
 *         -EINPROGRESS it is in an open invalidation; IS_HELD an upgrade would unmap what is held; -ENOSPC no
 *         chunk is free.
 */
static int claim_missing(struct resolve *r, struct svart_shard *shard, const struct span *asked,
	struct svart_claim *claim, struct svart_stream_hit *hit)
{
	struct svart_chunk_map *map = &r->space->map;
	uint64_t addr = addr_of(asked->number, asked->first);
	const struct svart_usable *usable = svart_aperture_find(
		atomic_load_explicit(&r->space->aperture, memory_order_acquire), addr);
	const struct svart_barrier *barrier = svart_shard_barrier(shard, addr, addr);
	struct svart_chunk *c;
	struct svart_page_bits pages, held;
	uint64_t first, last;
	struct span s;

	if (usable == NULL)
		return -EFAULT;
	if (svart_open_ranges_find(&r->space->open_ranges, addr, addr, &first, &last))
		return -EINPROGRESS;
	if (barrier != NULL && r->no_wait)
		return -EAGAIN;
	if (barrier != NULL) {
		svart_shard_wait_barrier(shard, barrier->id);
		return met_forget(r);
	}
	c = svart_chunk_find(map, shard, asked->number);
	if (c == NULL)
		c = svart_chunk_insert(map, shard, asked->number);
	if (c == NULL)
		return -ENOSPC;
	*hit = svart_streams_window(&r->space->streams, addr);
	if (r->no_wait && atomic_load_explicit(&r->space->exact_holds, memory_order_relaxed))
		hit->window = SVART_PAGE_SIZE;
	held = svart_chunk_held_areas(c);
	if (svart_page_bits_test(&held, asked->first))
		return IS_HELD;
	if (svart_page_bits_test(&c->mapped, asked->first)) {
		pages = svart_chunk_areas(c, asked->first, asked->first + 1, false);
		svart_claim_areas(r->space, shard, c, &pages, claim);
	} else {
		svart_forgotten_name(
			&r->space->forgotten, addr, addr_of(asked->number, asked->end) - 1);
		s = widen(r->space, shard, c, asked, usable, hit->window);
		svart_claim_absent(r->space, shard, c, s.first, s.end, claim);
	}
	return 0;
}

/**
 * Finds the VMA of an address and checks the access.
 * @return 0; -EFAULT; -EAGAIN the VMAs changed too often to tell; or another -errno.
 */
static int admit(const struct resolve *r, uint64_t addr, struct svart_vma *vma)
{
	uint32_t need = r->write ? SVART_ACCESS_WRITE : SVART_ACCESS_READ;
	int rc = svart_vma_find(r->space->vmas, addr, vma);

	if (rc == -ENOENT)
		return -EFAULT;
	if (rc != 0)
		return rc;
	if (addr < vma->start || addr >= vma->end || !(vma->device_prot & need))
		return -EFAULT;
	return 0;
}

static bool map_writable(const struct resolve *r, const struct svart_vma *vma)
{
	return r->write || (!vma->file_backed && (vma->device_prot & SVART_ACCESS_WRITE));
}

/** Prepares a claim for mapping: unmaps what is to be upgraded, and cuts the claim to the VMA. */
static int prepare(struct resolve *r, struct svart_claim *claim, const struct svart_vma *vma)
{
	struct span s = { claim->base >> SVART_CHUNK_SHIFT, claim->first, claim->end };
	int rc;

	if (!svart_page_bits_empty(&claim->mapped)) {
		rc = svart_claim_unmap(r->space, claim);
		if (rc != 0)
			return rc;
		svart_claim_now_absent(r->space, claim);
	}
	clip(&s, vma->start, vma->end);
	svart_claim_trim(r->space, claim, s.first, s.end);
	return 0;
}

/**
 * Maps a claim; if that fails, maps only the pages asked for. All of a widened range fails because of one
 * page that cannot be pinned (a file's end, a guard page), or for want of memory.
 * @return 0 or the -errno of the pages asked for.
 */
static int map_wide_or_exact(struct resolve *r, struct svart_claim *claim, const struct span *asked,
	bool writable, struct svart_stream_hit *hit)
{
	unsigned int end = asked->end < claim->end ? asked->end : claim->end;

	if (claim->first != asked->first || claim->end != end) {
		r->eviction.last_resort = false;
		if (svart_space_try_map(r->space, claim, writable, &r->eviction) == 0)
			return 0;
		svart_count(&r->space->n.exact_retries, 1);
		svart_claim_trim(r->space, claim, asked->first, end);
		hit->window = SVART_PAGE_SIZE;
	}
	r->eviction.last_resort = true;
	return svart_space_map(r->space, claim, writable, &r->eviction);
}

/** With the shard locked: whether some of a claim was being forgotten or invalidated meanwhile. */
static bool is_doomed(const struct resolve *r, const struct svart_claim *claim)
{
	uint64_t addr = svart_claim_addr(claim), end = addr + svart_claim_bytes(claim) - 1;
	uint64_t first, last;

	return svart_shard_barrier(claim->shard, addr, end) != NULL ||
	       svart_open_ranges_find(&r->space->open_ranges, addr, end, &first, &last);
}

/**
 * Ends a claim that was mapped. If a part of it was being forgotten meanwhile, it is unmapped again, and the
 * forget waits for that: the pages that were pinned may be the old ones.
 * @return 0, LOOK_AGAIN, -EAGAIN it was forgotten too often, or the -errno of the unmap.
 */
static int publish(struct resolve *r, struct svart_claim *claim, bool writable)
{
	struct svart_shard *shard = claim->shard;
	int rc = 0;

	pthread_mutex_lock(&shard->lock);
	if (is_doomed(r, claim)) {
		pthread_mutex_unlock(&shard->lock);
		svart_claim_now_mapped(claim);
		rc = svart_claim_unmap(r->space, claim);
		if (rc == 0) {
			svart_claim_end(r->space, claim);
			return met_forget(r);
		}
		/* Devices still reach it: the forget must see that, and return an error. */
		pthread_mutex_lock(&shard->lock);
	}
	svart_claim_publish(r->space, claim, writable, false);
	pthread_mutex_unlock(&shard->lock);
	return rc;
}

/** Maps a claim and ends it. asked->first moves past what is mapped. */
static int fill(struct resolve *r, struct svart_claim *claim, struct span *asked,
	struct svart_stream_hit *hit)
{
	bool upgrade = !svart_page_bits_empty(&claim->mapped), writable;
	struct svart_vma vma;
	int rc = admit(r, addr_of(asked->number, asked->first), &vma);

	if (rc != 0)
		goto end_claim;
	svart_space_drop_replaced(r->space, claim, &vma, &r->replaced);
	rc = prepare(r, claim, &vma);
	if (rc != 0)
		goto end_claim;
	writable = map_writable(r, &vma);
	rc = map_wide_or_exact(r, claim, asked, writable, hit);
	if (rc != 0)
		goto end_claim;
	svart_streams_advance(&r->space->streams, hit,
		svart_claim_addr(claim) + svart_claim_bytes(claim), hit->window);
	if (upgrade)
		svart_count(&r->space->n.upgrades, 1);
	rc = publish(r, claim, writable);
	if (rc == 0)
		asked->first = claim->end < asked->end ? claim->end : asked->end;
	return rc;

end_claim:
	svart_claim_end(r->space, claim);
	return rc;
}

/** Frees a chunk of the pool. */
static int free_a_chunk(struct resolve *r)
{
	int rc;

	r->eviction.last_resort = true;
	rc = svart_space_evict(r->space, &r->eviction);
	if (rc == -ENOENT)
		return -ENOMEM;
	return rc == 0 ? LOOK_AGAIN : rc;
}

/** Resolves at least one page, or waits, or fails. asked->first moves on. */
static int step(struct resolve *r, struct span *asked)
{
	struct svart_shard *shard = svart_chunk_map_shard(&r->space->map, asked->number);
	struct svart_stream_hit hit;
	struct svart_claim claim;
	struct svart_chunk *c;
	int rc = LOOK_AGAIN;

	pthread_mutex_lock(&shard->lock);
	c = svart_chunk_find(&r->space->map, shard, asked->number);
	if (c != NULL)
		asked->first = next_missing(c, asked->first, asked->end, r->write);
	if (asked->first == asked->end) {
		pthread_mutex_unlock(&shard->lock);
		return 0;
	}
	if (c != NULL && svart_page_bits_test(&c->pending, asked->first))
		pthread_cond_wait(&shard->settled, &shard->lock);
	else if (r->wanted != NULL && !r->wanted(r->wanted_arg))
		rc = -ECANCELED;
	else
		rc = claim_missing(r, shard, asked, &claim, &hit);
	pthread_mutex_unlock(&shard->lock);
	if (rc == 0)
		rc = fill(r, &claim, asked, &hit);
	else if (rc == -ENOSPC)
		rc = free_a_chunk(r);
	if (r->no_wait)
		return rc == IS_HELD || rc == -EINPROGRESS ? -EAGAIN : rc;
	if (rc == -ENOMEM && svart_space_wait_for_others(r->space, &r->patience))
		rc = LOOK_AGAIN;
	if (rc == IS_HELD)
		rc = svart_space_wait_for_release(r->space, &r->give_up_ns) ? LOOK_AGAIN : -EAGAIN;
	return rc;
}

static int walk(struct resolve *r, uint64_t start, uint64_t end)
{
	uint64_t at = start, in_chunk, bytes;
	struct span asked;
	int rc;

	while (at < end) {
		in_chunk = at & (SVART_CHUNK_SIZE - 1);
		bytes = SVART_CHUNK_SIZE - in_chunk;
		if (bytes > end - at)
			bytes = end - at;
		asked = (struct span){
			.number = at >> SVART_CHUNK_SHIFT,
			.first = (unsigned int)(in_chunk / SVART_PAGE_SIZE),
			.end = (unsigned int)((in_chunk + bytes) / SVART_PAGE_SIZE),
		};
		while (asked.first < asked.end) {
			rc = step(r, &asked);
			if (rc < 0)
				return rc;
		}
		at += bytes;
	}
	return 0;
}

/** Whether the budget has room for the whole range: else it would evict itself. */
static bool fits(const struct svart_space *space, uint64_t bytes)
{
	uint64_t fixed = atomic_load_explicit(&space->n.fixed, memory_order_relaxed);

	return bytes <= space->pin_limit && fixed <= space->pin_limit - bytes;
}

static int resolve(struct resolve *r, uint64_t start, uint64_t end, unsigned int access)
{
	struct svart_space *space = r->space;
	int rc = svart_space_check_usable(space);

	r->write = access & SVART_ACCESS_WRITE;
	r->eviction.spare_first = start >> SVART_CHUNK_SHIFT;
	r->eviction.spare_last = (end - 1) >> SVART_CHUNK_SHIFT;

	if (rc != 0)
		return rc;
	if (start >= end || ((start | end) & SVART_PAGE_MASK))
		return -EINVAL;
	if (!fits(space, end - start))
		return -ENOMEM;
	do {
		r->eviction.took_own = false;
		rc = walk(r, start, end);
		/* A hold checks anyway whether all is mapped. */
		if (rc != 0 || r->no_wait || !r->eviction.took_own)
			return rc;
		/* Some of the range was evicted for the rest of it: perhaps other threads were in the way. */
	} while (svart_space_wait_for_others(space, &r->patience));
	return -ENOMEM;
}

static int resolve_and_tell(struct resolve *r, uint64_t start, uint64_t end, unsigned int access)
{
	int rc = resolve(r, start, end, access);

	svart_space_tell_replaced(r->space, &r->replaced);
	return rc;
}

int svart_space_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access)
{
	return svart_space_resolve_while(space, start, end, access, NULL, NULL);
}

int svart_space_resolve_while(struct svart_space *space, uint64_t start, uint64_t end,
	unsigned int access, bool (*wanted)(const void *arg), const void *arg)
{
	struct resolve r = { .space = space, .wanted = wanted, .wanted_arg = arg };

	return resolve_and_tell(&r, start, end, access);
}

int svart_space_try_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access)
{
	struct resolve r = { .space = space, .no_wait = true };

	return resolve_and_tell(&r, start, end, access);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Making pages present and mapped.
 *
 * Each chunk of a request is walked page by page: what is mapped with enough access needs nothing;
 * what is pending is somebody's work, and joined by waiting for it; what is missing is claimed with
 * as much around it as seems good, and mapped with no lock held.
 *
 * Permissions. A request is measured against svart_vma.device_prot: READ (and EXEC) needs READ there,
 * WRITE needs WRITE, else it is -EFAULT. What is then mapped:
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
 * The claim is made before the VMA is looked up. So a forget() that comes in between finds the pages
 * pending and waits, and the VMA that was found cannot be a stale one.
 */

#include <errno.h>

#include "budget.h"
#include "claim.h"
#include "hold.h"
#include "vma.h"

/** Forgets that one resolve lets pass it by before it gives up. */
#define MAX_FORGOTTEN 64

/** One call. Owner: its thread, on its stack. */
struct resolve {
	struct svart_space *space;
	bool write;
	bool no_wait;           /* For a hold: do not wait for who may wait for us. */
	uint64_t give_up_ns;    /* When waiting for a release ends; 0: not begun. */
	unsigned int forgotten; /* Forgets that were met. */
	struct svart_eviction eviction;
	struct svart_patience patience;
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

/** Cuts a span to addresses [start, end), of which the span has at least a page. */
static void clip(struct span *s, uint64_t start, uint64_t end)
{
	uint64_t base = addr_of(s->number, 0);

	if (start > addr_of(s->number, s->first))
		s->first = (unsigned int)((start - base) / SVART_PAGE_SIZE);
	if (end - base < SVART_CHUNK_SIZE && (end - base) / SVART_PAGE_SIZE < s->end)
		s->end = (unsigned int)((end - base) / SVART_PAGE_SIZE);
}

/** @return the first page of [first, end) that is not mapped with this access for good, or end. */
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
 * With the shard locked: what to map for the absent page asked->first: the stream's window, and all
 * that was asked for, as far as it is absent, usable, and neither forgotten nor being so.
 */
static struct span widen(struct svart_space *space, const struct svart_shard *shard,
	const struct svart_chunk *c, const struct span *asked, const struct svart_usable *usable,
	uint64_t window)
{
	struct svart_page_bits taken = svart_page_bits_or(&c->mapped, &c->pending);
	unsigned int page = asked->first, pages = (unsigned int)(window / SVART_PAGE_SIZE);
	struct span s = { .number = asked->number, .first = page & ~(pages - 1) };
	struct svart_forgotten_range gone;
	const struct svart_barrier *b;

	s.end = s.first + pages < asked->end ? asked->end : s.first + pages;
	s.first = svart_page_bits_last_end(&taken, s.first, page);
	s.end = svart_page_bits_next(&taken, page, s.end);
	clip(&s, usable->start, usable->end);
	while ((b = svart_shard_barrier(
			shard, addr_of(s.number, s.first), addr_of(s.number, s.end) - 1)) != NULL) {
		if (b->last < addr_of(s.number, page))
			clip(&s, b->last + 1, UINT64_MAX);
		else
			clip(&s, 0, b->first);
	}
	/* The page itself is in none: it was named, and a forget of now would have its barrier here. */
	while (svart_forgotten_find(&space->forgotten, addr_of(s.number, s.first),
		addr_of(s.number, s.end) - 1, &gone)) {
		if (gone.last < addr_of(s.number, page))
			clip(&s, gone.last + 1, UINT64_MAX);
		else
			clip(&s, 0, gone.first);
	}
	return s;
}

/**
 * With the shard locked: claims the page asked->first, which is neither pending nor good enough, and
 * more around it.
 * @return 0; LOOK_AGAIN after a wait; -EFAULT the IOMMU cannot map it; -EAGAIN forgotten too often;
 *         IS_HELD an upgrade would unmap what is held; -ENOSPC no chunk is free.
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
	struct span s;

	if (usable == NULL)
		return -EFAULT;
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
	held = svart_chunk_held_areas(c);
	if (svart_page_bits_test(&held, asked->first))
		return IS_HELD;
	if (svart_page_bits_test(&c->mapped, asked->first)) {
		pages = svart_chunk_areas(c, asked->first, asked->first + 1, false);
		svart_claim_areas(r->space, shard, c, &pages, claim);
	} else {
		svart_forgotten_name(&r->space->forgotten, addr);
		s = widen(r->space, shard, c, asked, usable, hit->window);
		svart_claim_absent(r->space, shard, c, s.first, s.end, claim);
	}
	return 0;
}

/** Finds the VMA of an address and judges the access. @return 0, -EFAULT, or another -errno. */
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

/** Readies a claim for mapping: unmaps what is to be upgraded, cuts it to the VMA. */
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
 * Maps a claim, or of it exactly the pages asked for: all of a widened range fails for one page that
 * cannot be pinned (a file's end, a guard page), or for want of memory.
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

/**
 * Ends a claim that was mapped. If a part of it was being forgotten meanwhile the forget waits for
 * this: the pages that were pinned may be the old ones.
 * @return 0, LOOK_AGAIN, -EAGAIN forgotten too often, or the -errno of the unmap.
 */
static int publish(struct resolve *r, struct svart_claim *claim, bool writable)
{
	uint64_t addr = svart_claim_addr(claim);
	struct svart_shard *shard = claim->shard;
	bool doomed;
	int rc = 0;

	pthread_mutex_lock(&shard->lock);
	doomed = svart_shard_barrier(shard, addr, addr + svart_claim_bytes(claim) - 1) != NULL;
	if (doomed) {
		pthread_mutex_unlock(&shard->lock);
		svart_claim_now_mapped(claim);
		rc = svart_claim_unmap(r->space, claim);
		if (rc == 0) {
			svart_claim_end(r->space, claim);
			return met_forget(r);
		}
		/* Devices reach it still: the forget must see that, and say so. */
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

	if (rc == 0)
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
	else
		rc = claim_missing(r, shard, asked, &claim, &hit);
	pthread_mutex_unlock(&shard->lock);
	if (rc == 0)
		rc = fill(r, &claim, asked, &hit);
	else if (rc == -ENOSPC)
		rc = free_a_chunk(r);
	if (r->no_wait)
		return rc == IS_HELD ? -EAGAIN : rc;
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

/** Whether the range can be mapped as a whole: with less budget it would evict itself. */
static bool fits(const struct svart_space *space, uint64_t bytes)
{
	uint64_t fixed = atomic_load_explicit(&space->n.fixed, memory_order_relaxed);

	return bytes <= space->pin_limit && fixed <= space->pin_limit - bytes;
}

static int resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access, bool no_wait)
{
	struct resolve r = {
		.space = space,
		.write = access & SVART_ACCESS_WRITE,
		.no_wait = no_wait,
		.eviction.spare_first = start >> SVART_CHUNK_SHIFT,
		.eviction.spare_last = (end - 1) >> SVART_CHUNK_SHIFT,
	};
	int rc = svart_space_check_usable(space);

	if (rc != 0)
		return rc;
	if (start >= end || ((start | end) & SVART_PAGE_MASK))
		return -EINVAL;
	if (!fits(space, end - start))
		return -ENOMEM;
	do {
		r.eviction.took_own = false;
		rc = walk(&r, start, end);
		/* A hold looks anyway whether all is there. */
		if (rc != 0 || no_wait || !r.eviction.took_own)
			return rc;
		/* Some of it had to go for the rest of it: perhaps others were in the way. */
	} while (svart_space_wait_for_others(space, &r.patience));
	return -ENOMEM;
}

int svart_space_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access)
{
	return resolve(space, start, end, access, false);
}

int svart_space_try_resolve(
	struct svart_space *space, uint64_t start, uint64_t end, unsigned int access)
{
	return resolve(space, start, end, access, true);
}

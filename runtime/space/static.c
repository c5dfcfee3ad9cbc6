/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Static memory: what devices must reach without faulting. It is in the chunk map like other memory, as
 * areas of its own that eviction and forget do not touch.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "budget.h"
#include "claim.h"
#include "drop.h"
#include "error.h"

/** How often pages of the range may be found mapped by a fault next to them. */
#define MAX_TRIES 64

/** [start, end) within one chunk. */
struct piece {
	uint64_t start, end;
	struct svart_shard *shard;
	unsigned int first_page, end_page;
};

/** The part of [start, end) that is in its first chunk. */
static struct piece first_piece(const struct svart_space *space, uint64_t start, uint64_t end)
{
	uint64_t number = start >> SVART_CHUNK_SHIFT;
	uint64_t in_chunk = start & (SVART_CHUNK_SIZE - 1);
	uint64_t bytes = SVART_CHUNK_SIZE - in_chunk;

	if (bytes > end - start)
		bytes = end - start;
	return (struct piece){
		.start = start,
		.end = start + bytes,
		.shard = svart_chunk_map_shard(&space->map, number),
		.first_page = (unsigned int)(in_chunk / SVART_PAGE_SIZE),
		.end_page = (unsigned int)((in_chunk + bytes) / SVART_PAGE_SIZE),
	};
}

/** What try_claim() found. */
enum claimed { CLAIMED, IN_USE, FIXED_ALREADY, NO_CHUNK };

/** With the shard locked: claims the pages if all are absent. */
static enum claimed try_claim(
	struct svart_space *space, const struct piece *p, struct svart_claim *claim)
{
	uint64_t number = p->start >> SVART_CHUNK_SHIFT;
	struct svart_chunk *c = svart_chunk_find(&space->map, p->shard, number);

	if (c == NULL)
		c = svart_chunk_insert(&space->map, p->shard, number);
	if (c == NULL)
		return NO_CHUNK;
	if (svart_page_bits_next(&c->fixed, p->first_page, p->end_page) != p->end_page)
		return FIXED_ALREADY;
	if (svart_page_bits_next(&c->mapped, p->first_page, p->end_page) != p->end_page ||
		svart_page_bits_next(&c->pending, p->first_page, p->end_page) != p->end_page)
		return IN_USE;
	svart_claim_absent(space, p->shard, c, p->first_page, p->end_page, claim);
	return CLAIMED;
}

/** Claims a piece. A fault next to the range may have mapped it with its window: that is unmapped first. */
static int claim_piece(struct svart_space *space, const struct piece *p,
	struct svart_eviction *eviction, struct svart_claim *claim)
{
	unsigned int tries;
	int rc;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		enum claimed got;

		pthread_mutex_lock(&p->shard->lock);
		got = try_claim(space, p, claim);
		pthread_mutex_unlock(&p->shard->lock);
		if (got == CLAIMED)
			return 0;
		if (got == FIXED_ALREADY)
			return -EEXIST;
		rc = got == IN_USE ? svart_space_drop(space, p->start, p->end - 1, false)
				   : svart_space_evict(space, eviction);
		if (rc == -ENOENT)
			return -ENOMEM;
		if (rc != 0)
			return rc;
	}
	return -EAGAIN;
}

static int map_piece(struct svart_space *space, const struct piece *p)
{
	/* No chunk is to be spared: first > last. */
	struct svart_eviction eviction = { .spare_first = 1, .last_resort = true };
	struct svart_claim claim;
	int rc;

	if (svart_aperture_find(
		    atomic_load_explicit(&space->aperture, memory_order_acquire), p->start) == NULL)
		return -EFAULT;
	rc = claim_piece(space, p, &eviction, &claim);
	if (rc != 0)
		return rc;
	rc = svart_space_map(space, &claim, true, &eviction);
	if (rc != 0) {
		svart_claim_end(space, &claim);
		return rc;
	}
	pthread_mutex_lock(&p->shard->lock);
	svart_claim_publish(space, &claim, true, true);
	pthread_mutex_unlock(&p->shard->lock);
	return 0;
}

static int map_piece_patiently(struct svart_space *space, const struct piece *p)
{
	struct svart_patience patience = { 0 };
	int rc;

	do {
		rc = map_piece(space, p);
	} while (rc == -ENOMEM && svart_space_wait_for_others(space, &patience));
	return rc;
}

static void unmap_range(struct svart_space *space, uint64_t start, uint64_t end)
{
	int rc = start < end ? svart_space_drop(space, start, end - 1, true) : 0;

	if (rc != 0)
		svart_log(SVART_LOG_ERR,
			"cannot unmap static memory at %#" PRIx64 " (%s): devices may reach it",
			start, strerror(-rc));
}

int svart_space_map_static(struct svart_space *space, void *addr, size_t len)
{
	uint64_t start = (uintptr_t)addr, end = start + len;
	struct piece p = { .end = start };
	int rc = svart_space_check_usable(space);

	if (rc != 0)
		return rc;
	if (len == 0 || end < start || ((start | end) & SVART_PAGE_MASK))
		return -EINVAL;
	while (p.end < end) {
		p = first_piece(space, p.end, end);
		rc = map_piece_patiently(space, &p);
		if (rc != 0) {
			unmap_range(space, start, p.start);
			return rc;
		}
	}
	return 0;
}

void svart_space_unmap_static(struct svart_space *space, void *addr, size_t len)
{
	uint64_t start = (uintptr_t)addr;

	if (svart_space_check_usable(space) == 0)
		unmap_range(space, start, start + len);
}

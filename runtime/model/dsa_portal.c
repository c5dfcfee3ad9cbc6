/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Portals: a bounded ring for each WQ with many writers, the stores, and one reader, the device.
 * A posted store cannot be told that the ring is full (DSA spec 3.4): it is dropped, and SWERR says so.
 */

#include <string.h>

#include "bits.h"
#include "dsa_internal.h"

/* dsa_ring.ctl. */
#define CTL_OPEN SVART_MASK(0, 0)
#define CTL_SIZE SVART_MASK(15, 8)
#define CTL_TAIL SVART_MASK(63, 32)

/* dsa_ring.refused: the first store that was dropped, and whether there were more. */
#define REFUSED_ANY    SVART_MASK(0, 0)
#define REFUSED_MORE   SVART_MASK(1, 1)
#define REFUSED_ERROR  SVART_MASK(15, 8)
#define REFUSED_OPCODE SVART_MASK(23, 16)

/* dsa_wq.part_off: no descriptor has begun. */
#define PART_NONE UINT64_MAX

static_assert(DSA_MAX_WQ_SIZE < 256, "CTL_SIZE has 8 bits");
static_assert((DSA_MAX_WQ_SIZE & (DSA_MAX_WQ_SIZE - 1)) == 0, "positions wrap at 2^32");

/* Free places that a store fetches before their turn, for they are in another core's cache. */
#define FETCH_AHEAD 8
/* Places that the device looks at together: each look takes their seqs from the core that stores. */
#define LOOK_AHEAD 32
/* If there are fewer, it looks once more a moment later: who stores most often stores more. */
#define LOOK_FEW    8
#define LOOK_PAUSES 4

static unsigned int ring_place(uint32_t position)
{
	return position % DSA_MAX_WQ_SIZE;
}

void svart_dsa_ring_open(struct dsa_ring *ring, unsigned int size)
{
	uint64_t ctl = atomic_load_explicit(&ring->ctl, memory_order_relaxed) & CTL_TAIL;

	/* Closed: no store changes ctl. Orders the WQ's configuration before; pairs with reserve. */
	atomic_store_explicit(&ring->ctl, ctl | CTL_OPEN | SVART_FIELD_PREP(CTL_SIZE, size),
		memory_order_release);
}

void svart_dsa_ring_close(struct dsa_ring *ring)
{
	atomic_fetch_and_explicit(&ring->ctl, ~CTL_OPEN, memory_order_acq_rel);
}

uint32_t svart_dsa_ring_tail(struct dsa_ring *ring)
{
	return (uint32_t)SVART_FIELD_GET(
		CTL_TAIL, atomic_load_explicit(&ring->ctl, memory_order_acquire));
}

uint32_t svart_dsa_ring_used(struct dsa_ring *ring)
{
	return svart_dsa_ring_tail(ring) - atomic_load_explicit(&ring->head, memory_order_relaxed);
}

bool svart_dsa_ring_passed(struct dsa_ring *ring, uint32_t position)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	return (int32_t)(head - position) >= 0;
}

static void pause_briefly(void)
{
#ifdef __x86_64__
	for (unsigned int i = 0; i < LOOK_PAUSES; i++)
		__builtin_ia32_pause();
#endif
}

/* Fetches what is filled from position on, before limit. Returns the end. */
static uint32_t ring_scan(const struct dsa_ring *ring, uint32_t position, uint32_t limit)
{
	unsigned int place = ring_place(position);

	/* Orders seqs before descs; pairs with the release in svart_dsa_portal_store(). */
	while (position != limit &&
		atomic_load_explicit(&ring->seqs[place], memory_order_acquire) == position + 1) {
		__builtin_prefetch(&ring->descs[place]);
		place = ring_place(++position);
	}
	return position;
}

/* Finds what is filled from head on. Returns whether there is anything. */
static bool ring_look(struct dsa_ring *ring, uint32_t head)
{
	uint32_t limit = head + LOOK_AHEAD, end = ring_scan(ring, head, limit);

	if (end != head && end - head < LOOK_FEW) {
		pause_briefly();
		end = ring_scan(ring, end, limit);
	}
	ring->filled = end;
	return end != head;
}

/* Takes the oldest descriptor, aborted or not. */
static bool ring_pop(struct dsa_ring *ring, struct svart_dsa_desc *desc, uint32_t *position)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head == ring->filled && !ring_look(ring, head))
		return false;
	*desc = ring->descs[ring_place(head)];
	*position = head;
	/* Orders the read of desc before the next store into the place; pairs with reserve. */
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

static bool ring_is_aborted(const struct dsa_ring *ring, uint32_t position)
{
	return (int32_t)(position - ring->discard) < 0;
}

bool svart_dsa_ring_take(struct dsa_ring *ring, struct svart_dsa_desc *desc, uint32_t *position)
{
	while (ring_pop(ring, desc, position)) {
		if (ring_is_aborted(ring, *position))
			continue;
		/* It must not fall behind by 2^31. */
		ring->discard = *position;
		return true;
	}
	return false;
}

void svart_dsa_ring_discard(struct dsa_ring *ring)
{
	struct svart_dsa_desc desc;
	uint32_t position;

	ring->discard = svart_dsa_ring_tail(ring);
	/* What is filled leaves now; what is reserved only, when it is filled. */
	while (!svart_dsa_ring_passed(ring, ring->discard) && ring_pop(ring, &desc, &position))
		;
}

/* For the next stores, if the device is done with it. */
static void ring_fetch_free(struct dsa_ring *ring, uint32_t position)
{
	uint32_t head = atomic_load_explicit(&ring->head_seen, memory_order_relaxed);

	if (position - head < DSA_MAX_WQ_SIZE)
		__builtin_prefetch(&ring->descs[ring_place(position)], 1);
}

/* Whether size descriptors are before tail that were not taken. */
static bool ring_is_full(struct dsa_ring *ring, uint32_t tail, uint64_t size)
{
	/* Orders the device's read of a place before our store; pairs with ring_pop(), by way of the
	 * store that looked at head. */
	uint32_t head = atomic_load_explicit(&ring->head_seen, memory_order_acquire);

	if (tail - head < size)
		return false;
	head = atomic_load_explicit(&ring->head, memory_order_acquire);
	atomic_store_explicit(&ring->head_seen, head, memory_order_release);
	return tail - head >= size;
}

/*
 * Reserves the next position. Returns 0 or an enum svart_dsa_swerr. Head and tail are two words: that
 * the ring is full is only true if the tail is still the one that was compared.
 */
static unsigned int ring_reserve(struct dsa_ring *ring, uint32_t *position)
{
	uint64_t ctl = atomic_load_explicit(&ring->ctl, memory_order_acquire);

	for (;;) {
		uint32_t tail = (uint32_t)SVART_FIELD_GET(CTL_TAIL, ctl);
		uint64_t next = (ctl & ~CTL_TAIL) |
				SVART_FIELD_PREP(CTL_TAIL, (uint64_t)(uint32_t)(tail + 1));
		uint64_t compared = ctl;

		if ((ctl & CTL_OPEN) == 0)
			return SVART_DSA_SWERR_WQ_DISABLED;
		*position = tail;
		if (!ring_is_full(ring, tail, SVART_FIELD_GET(CTL_SIZE, ctl))) {
			if (atomic_compare_exchange_weak_explicit(&ring->ctl, &ctl, next,
				    memory_order_acq_rel, memory_order_acquire))
				return 0;
			continue;
		}
		ctl = atomic_load_explicit(&ring->ctl, memory_order_acquire);
		if (ctl == compared)
			return SVART_DSA_SWERR_WQ_FULL;
	}
}

static void ring_refuse(
	struct dsa *d, struct dsa_ring *ring, unsigned int error, unsigned int opcode)
{
	uint64_t none = 0;
	uint64_t first = REFUSED_ANY | SVART_FIELD_PREP(REFUSED_ERROR, error) |
			 SVART_FIELD_PREP(REFUSED_OPCODE, opcode);

	if (!atomic_compare_exchange_strong(&ring->refused, &none, first))
		atomic_fetch_or(&ring->refused, REFUSED_ANY | REFUSED_MORE);
	/* After refused, so that a report that clears it sees that, or comes again. */
	atomic_store(&d->any_refused, true);
}

void svart_dsa_portal_store(struct dsa *d, unsigned int wq, const void *desc)
{
	struct dsa_ring *ring;
	uint32_t position;
	unsigned int error;

	if (wq >= d->options.nr_wqs)
		return;
	ring = &d->wqs[wq].ring;
	error = ring_reserve(ring, &position);
	if (error != 0) {
		struct svart_dsa_desc dropped;

		memcpy(&dropped, desc, sizeof(dropped));
		ring_refuse(d, ring, error,
			(unsigned int)SVART_FIELD_GET(SVART_DSA_DESC_OPCODE, dropped.flags_opcode));
	} else {
		ring_fetch_free(ring, position + FETCH_AHEAD);
		memcpy(&ring->descs[ring_place(position)], desc, sizeof(ring->descs[0]));
		/* Orders desc before seq; pairs with svart_dsa_ring_take(). */
		atomic_store_explicit(
			&ring->seqs[ring_place(position)], position + 1, memory_order_release);
	}
	d->bus->ops->wake(d->bus);
}

void svart_dsa_portal_write(struct dsa *d, uint64_t off, unsigned int size, uint64_t value)
{
	uint64_t index = off / SVART_DSA_WQ_PORTAL_BYTES;
	uint64_t base = off & ~(uint64_t)(SVART_DSA_DESC_BYTES - 1);
	uint32_t at = (uint32_t)(off - base);
	struct dsa_wq *wq;

	if (index >= d->options.nr_wqs)
		return;
	wq = &d->wqs[index];
	/* First word first and no gap; after anything else only a first word will do. */
	if (at == 0) {
		wq->part_off = base;
		wq->part_bytes = 0;
	}
	if (wq->part_off != base || wq->part_bytes != at) {
		wq->part_off = PART_NONE;
		return;
	}
	memcpy((uint8_t *)&wq->part + at, &value, size);
	wq->part_bytes += size;
	if (wq->part_bytes != SVART_DSA_DESC_BYTES)
		return;
	wq->part_off = PART_NONE;
	svart_dsa_portal_store(d, (unsigned int)index, &wq->part);
}

bool svart_dsa_portal_report(struct dsa *d)
{
	bool any = false;

	/* Most often there is nothing; then this line stays shared. */
	if (!atomic_load_explicit(&d->any_refused, memory_order_relaxed))
		return false;
	atomic_store(&d->any_refused, false);
	for (unsigned int i = 0; i < d->options.nr_wqs; i++) {
		_Atomic uint64_t *word = &d->wqs[i].ring.refused;
		uint64_t refused, word0;

		refused = atomic_exchange(word, 0);
		if (refused == 0)
			continue;
		word0 = SVART_DSA_SWERR0_DESC_VALID | SVART_DSA_SWERR0_WQ_VALID |
			SVART_FIELD_PREP(
				SVART_DSA_SWERR0_ERROR, SVART_FIELD_GET(REFUSED_ERROR, refused)) |
			SVART_FIELD_PREP(SVART_DSA_SWERR0_WQ, i) |
			SVART_FIELD_PREP(
				SVART_DSA_SWERR0_OPCODE, SVART_FIELD_GET(REFUSED_OPCODE, refused));
		svart_dsa_swerr(d, word0, 0, 0);
		if ((refused & REFUSED_MORE) != 0)
			svart_dsa_swerr(d, word0, 0, 0);
		any = true;
	}
	return any;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Portals: a bounded ring for each WQ with many writers, the stores, and one reader, the device.
 * A posted store cannot be told that the ring is full (DSA spec 3.4): it is dropped, and SWERR says so. A
 * deferrable one is told to try again. Dedicated WQs take the former, shared ones the latter.
 */

#include "bits.h"
#include "dsa_model.h"
#include "own_copy.h"

/* dsa_ring.ctl. */
#define CTL_OPEN      SVART_MASK(0, 0)
#define CTL_SHARED    SVART_MASK(1, 1)
#define CTL_SIZE      SVART_MASK(15, 8)
#define CTL_THRESHOLD SVART_MASK(23, 16)
#define CTL_TAIL      SVART_MASK(63, 32)

/* dsa_ring.refused: the first store that was dropped, and whether there were more. */
#define REFUSED_ANY    SVART_MASK(0, 0)
#define REFUSED_MORE   SVART_MASK(1, 1)
#define REFUSED_ERROR  SVART_MASK(15, 8)
#define REFUSED_OPCODE SVART_MASK(23, 16)

/* dsa_wq.part_off: no descriptor has begun. */
#define PART_NONE UINT64_MAX

static_assert(DSA_MAX_WQ_SIZE < 256, "CTL_SIZE and CTL_THRESHOLD have 8 bits");
static_assert((DSA_MAX_WQ_SIZE & (DSA_MAX_WQ_SIZE - 1)) == 0, "positions wrap at 2^32");

/* dsa_ring.runs: how many, from a position, which has 1 added. 0: none yet. */
#define RUN_NR       SVART_MASK(15, 0)
#define RUN_POSITION SVART_MASK(63, 32)

static unsigned int ring_place(uint32_t position)
{
	return position % DSA_MAX_WQ_SIZE;
}

/* How a store comes. */
struct store {
	uint64_t limit; /* CTL_SIZE or CTL_THRESHOLD: what must not be exceeded. */
	uint64_t mode;  /* CTL_SHARED or 0: of the WQs that take it. */
};

void svart_dsa_ring_open(struct dsa_ring *ring, const struct dsa_wq *wq)
{
	uint64_t ctl = atomic_load_explicit(&ring->ctl, memory_order_relaxed) & CTL_TAIL;

	ctl |= CTL_OPEN | (svart_dsa_wq_is_shared(wq) ? CTL_SHARED : 0) |
	       SVART_FIELD_PREP(CTL_SIZE, SVART_FIELD_GET(SVART_DSA_WQCFG0_SIZE, wq->cfg[0])) |
	       SVART_FIELD_PREP(
		       CTL_THRESHOLD, SVART_FIELD_GET(SVART_DSA_WQCFG1_THRESHOLD, wq->cfg[1]));
	/* Closed: no store changes ctl. Orders the WQ's configuration before; pairs with reserve. */
	atomic_store_explicit(&ring->ctl, ctl, memory_order_release);
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

static uint64_t run_word(uint32_t position, uint32_t nr)
{
	return SVART_FIELD_PREP(RUN_POSITION, (uint64_t)(uint32_t)(position + 1)) |
	       SVART_FIELD_PREP(RUN_NR, nr);
}

/* Finds what is filled from head on. Returns whether there is anything. */
static bool ring_look(struct dsa_ring *ring, uint32_t head)
{
	/* Orders the run before its descs; pairs with the release in ring_fill(). */
	uint64_t run = atomic_load_explicit(&ring->runs[ring_place(head)], memory_order_acquire);
	uint32_t nr = (uint32_t)SVART_FIELD_GET(RUN_NR, run);

	if (nr == 0 || run != run_word(head, nr))
		return false;
	ring->filled = head + nr;
	for (uint32_t i = 0; i < nr && i < DSA_FETCH_AHEAD; i++)
		__builtin_prefetch(&ring->descs[ring_place(head + i)]);
	return true;
}

static bool ring_is_aborted(const struct dsa_ring *ring, uint32_t position)
{
	return (int32_t)(position - ring->discard) < 0;
}

/* Passes over what was aborted. Returns whether there is a descriptor then. */
static bool ring_seek(struct dsa_ring *ring)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	while (head != ring->filled || ring_look(ring, head)) {
		bool *dropped = &ring->dropped[ring_place(head)];

		if (!ring_is_aborted(ring, head) && !*dropped)
			return true;
		*dropped = false;
		atomic_store_explicit(&ring->head, ++head, memory_order_release);
	}
	return false;
}

uint32_t svart_dsa_ring_ready(struct dsa_ring *ring, uint32_t *position)
{
	if (!ring_seek(ring))
		return 0;
	*position = atomic_load_explicit(&ring->head, memory_order_relaxed);
	return ring->filled - *position;
}

void svart_dsa_ring_pass(struct dsa_ring *ring, uint32_t nr)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	/* It must not fall behind by 2^31. */
	ring->discard = head;
	/* Orders the read of descs before the next stores into their places; pairs with reserve. */
	atomic_store_explicit(&ring->head, head + nr, memory_order_release);
}

bool svart_dsa_ring_take(struct dsa_ring *ring, struct svart_dsa_desc *desc, uint32_t *position)
{
	if (svart_dsa_ring_ready(ring, position) == 0)
		return false;
	*desc = *svart_dsa_ring_at(ring, *position);
	svart_dsa_ring_pass(ring, 1);
	return true;
}

void svart_dsa_ring_discard(struct dsa_ring *ring)
{
	ring->discard = svart_dsa_ring_tail(ring);
	/* What is filled leaves now; what is reserved only, when it is filled. */
	ring_seek(ring);
}

/* Whether a place of a shared WQ's ring is filled: each of its stores is a run of its own. */
static bool ring_is_filled(struct dsa_ring *ring, uint32_t position)
{
	return atomic_load_explicit(&ring->runs[ring_place(position)], memory_order_acquire) ==
	       run_word(position, 1);
}

static bool ring_is_of(const struct dsa_ring *ring, uint32_t position, uint32_t pasid)
{
	return SVART_FIELD_GET(SVART_DSA_DESC_PASID,
		       svart_dsa_ring_at(ring, position)->pasid_priv) == pasid;
}

void svart_dsa_ring_drop(struct dsa_ring *ring, uint32_t pasid)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint32_t tail = svart_dsa_ring_tail(ring);

	for (; head != tail; head++)
		ring->dropped[ring_place(head)] |=
			ring_is_filled(ring, head) && ring_is_of(ring, head, pasid);
	ring_seek(ring);
}

uint32_t svart_dsa_ring_mark(struct dsa_ring *ring, uint32_t pasid)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint32_t tail = svart_dsa_ring_tail(ring);

	/* What is not filled may be of any PASID. */
	while (tail != head && ring_is_filled(ring, tail - 1) && !ring_is_of(ring, tail - 1, pasid))
		tail--;
	return tail;
}

/* Room for descriptors, of size, before tail. */
static uint32_t ring_room(struct dsa_ring *ring, uint32_t tail, uint32_t size, uint32_t nr)
{
	/* Orders the device's read of a place before our store; pairs with svart_dsa_ring_pass(), by way of the
	 * store that looked at head. */
	uint32_t head = atomic_load_explicit(&ring->head_seen, memory_order_acquire);

	if (tail - head + nr > size) {
		head = atomic_load_explicit(&ring->head, memory_order_acquire);
		atomic_store_explicit(&ring->head_seen, head, memory_order_release);
	}
	return tail - head < size ? size - (tail - head) : 0;
}

/*
 * Reserves up to nr positions from *position on. Returns how many, or 0 and *error, an enum
 * svart_dsa_swerr. Head and tail are two words: that the ring is full is only true if the tail is still the
 * one that was compared.
 */
static uint32_t ring_reserve(struct dsa_ring *ring, const struct store *store, uint32_t nr,
	uint32_t *position, unsigned int *error)
{
	uint64_t ctl = atomic_load_explicit(&ring->ctl, memory_order_acquire);

	for (;;) {
		uint32_t tail = (uint32_t)SVART_FIELD_GET(CTL_TAIL, ctl);
		uint32_t size = (uint32_t)SVART_FIELD_GET(store->limit, ctl);
		uint32_t room = ring_room(ring, tail, size, nr);
		uint64_t compared = ctl;
		uint64_t next;

		*error = SVART_DSA_SWERR_WQ_DISABLED;
		if ((ctl & CTL_OPEN) == 0)
			return 0;
		*error = SVART_DSA_SWERR_WQ_MODE;
		if ((ctl & CTL_SHARED) != store->mode)
			return 0;
		*position = tail;
		if (room > 0) {
			room = room < nr ? room : nr;
			next = (ctl & ~CTL_TAIL) |
			       SVART_FIELD_PREP(CTL_TAIL, (uint64_t)(uint32_t)(tail + room));
			if (atomic_compare_exchange_weak_explicit(&ring->ctl, &ctl, next,
				    memory_order_acq_rel, memory_order_acquire))
				return room;
			continue;
		}
		ctl = atomic_load_explicit(&ring->ctl, memory_order_acquire);
		*error = SVART_DSA_SWERR_WQ_FULL;
		if (ctl == compared)
			return 0;
	}
}

/* Fills what was reserved, and gives it to the device at once. */
static void ring_fill(
	struct dsa_ring *ring, uint32_t position, const struct svart_dsa_desc *descs, uint32_t nr)
{
	for (uint32_t i = 0; i < nr && i < DSA_FETCH_AHEAD; i++)
		__builtin_prefetch(&ring->descs[ring_place(position + i)], 1);
	for (uint32_t i = 0; i < nr; i++) {
		if (i + DSA_FETCH_AHEAD < nr)
			__builtin_prefetch(
				&ring->descs[ring_place(position + i + DSA_FETCH_AHEAD)], 1);
		ring->descs[ring_place(position + i)] = descs[i];
	}
	/* Orders descs before the run; pairs with ring_look(). */
	atomic_store_explicit(
		&ring->runs[ring_place(position)], run_word(position, nr), memory_order_release);
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

/* Drops what there is no place for. */
static void ring_refuse_all(struct dsa *d, struct dsa_ring *ring, unsigned int error,
	const struct svart_dsa_desc *descs, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		ring_refuse(d, ring, error,
			(unsigned int)SVART_FIELD_GET(
				SVART_DSA_DESC_OPCODE, descs[i].flags_opcode));
}

void svart_dsa_portal_store(struct dsa *d, unsigned int wq, const void *descs, uint32_t nr)
{
	static const struct store posted = { .limit = CTL_SIZE };
	const struct svart_dsa_desc *desc = descs;
	struct dsa_ring *ring;
	uint32_t position, taken;
	unsigned int error;

	if (wq >= d->options.nr_wqs)
		return;
	ring = &d->wqs[wq].ring;
	for (; nr > 0; nr -= taken, desc += taken) {
		taken = ring_reserve(ring, &posted, nr, &position, &error);
		if (taken == 0) {
			ring_refuse_all(d, ring, error, desc, nr);
			break;
		}
		ring_fill(ring, position, desc, taken);
	}
	d->bus->ops->wake(d->bus);
}

bool svart_dsa_portal_enqueue(struct dsa *d, uint64_t off, const struct svart_dsa_desc *desc)
{
	uint64_t index = off / SVART_DSA_WQ_PORTAL_BYTES;
	bool limited = (off / SVART_DSA_PORTAL_BYTES & SVART_DSA_PORTAL_MSIX_LIMITED) != 0;
	const struct store deferrable = {
		.limit = limited ? CTL_THRESHOLD : CTL_SIZE,
		.mode = CTL_SHARED,
	};
	uint32_t position;
	unsigned int error;

	if (index >= d->options.nr_wqs ||
		ring_reserve(&d->wqs[index].ring, &deferrable, 1, &position, &error) == 0)
		return false;
	ring_fill(&d->wqs[index].ring, position, desc, 1);
	d->bus->ops->wake(d->bus);
	return true;
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
	svart_own_copy((uint8_t *)&wq->part + at, &value, size);
	wq->part_bytes += size;
	if (wq->part_bytes != SVART_DSA_DESC_BYTES)
		return;
	wq->part_off = PART_NONE;
	svart_dsa_portal_store(d, (unsigned int)index, &wq->part, 1);
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
		struct dsa_report report = { 0 };
		uint64_t refused;

		refused = atomic_exchange(word, 0);
		if (refused == 0)
			continue;
		report.word0 = SVART_DSA_SWERR0_DESC_VALID | SVART_DSA_SWERR0_WQ_VALID |
			       SVART_FIELD_PREP(SVART_DSA_SWERR0_ERROR,
				       SVART_FIELD_GET(REFUSED_ERROR, refused)) |
			       SVART_FIELD_PREP(SVART_DSA_SWERR0_WQ, i) |
			       SVART_FIELD_PREP(SVART_DSA_SWERR0_OPCODE,
				       SVART_FIELD_GET(REFUSED_OPCODE, refused));
		svart_dsa_report(d, &report);
		if ((refused & REFUSED_MORE) != 0)
			svart_dsa_report(d, &report);
		any = true;
	}
	return any;
}

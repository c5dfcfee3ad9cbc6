/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "own_copy.h"
#include "source_raw_internal.h"

/** Tries of svart_raw_wait(). A unit takes microseconds; on silicon a pause is 20 of them. */
#define MAX_TRIES 10000
/** After so many tries svart_raw_wait() checks whether the unit still answers. */
#define LOOK_TRIES 64

int svart_raw_memory_alloc(struct svart_fault_raw *raw, size_t bytes, void **out)
{
	const struct svart_machine_ops *ops = raw->m->ops;
	size_t whole = svart_page_up(bytes);
	void *mem = NULL;
	int rc = ops->mmap(raw->m, NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0, &mem);

	if (rc != 0)
		return rc;
	/* After a fork the parent could get other pages than those that the unit knows. */
	rc = ops->madvise(raw->m, mem, whole, MADV_DONTFORK);
	if (rc != 0) {
		ops->munmap(raw->m, mem, whole);
		return rc;
	}
	memset(mem, 0, whole);
	*out = mem;
	return 0;
}

void svart_raw_memory_free(struct svart_fault_raw *raw, void *mem, size_t bytes)
{
	if (mem != NULL)
		raw->m->ops->munmap(raw->m, mem, svart_page_up(bytes));
}

int svart_raw_ring_create(struct svart_fault_raw *raw, struct svart_raw_ring *ring, uint32_t nr,
	uint32_t record_bytes, bool wraps)
{
	uintptr_t bytes = (uintptr_t)nr * record_bytes;
	void *area;
	int rc = svart_raw_memory_alloc(raw, 2 * bytes, &area);

	if (rc != 0)
		return rc;
	*ring = (struct svart_raw_ring){
		/* An SMMU needs this alignment (6.3: it ignores address bits below the size). */
		.mem = (uint8_t *)area + (-(uintptr_t)area & (bytes - 1)),
		.area = area,
		.record_bytes = record_bytes,
		.nr = nr,
		.index_mask = wraps ? 2 * nr - 1 : nr - 1,
		.room = wraps ? nr : nr - 1,
	};
	return 0;
}

void svart_raw_ring_destroy(struct svart_fault_raw *raw, struct svart_raw_ring *ring)
{
	svart_raw_memory_free(raw, ring->area, 2 * (size_t)ring->nr * ring->record_bytes);
	*ring = (struct svart_raw_ring){ 0 };
}

int svart_raw_ring_queued(struct svart_fault_raw *raw, unsigned int index, uint32_t *nr)
{
	const struct svart_raw_ring *ring = &raw->rings[index];
	uint32_t tail = raw->kind->tail(raw, index);
	uint32_t queued = (tail - ring->head) & ring->index_mask;

	if (tail > ring->index_mask || queued > ring->room)
		return -EIO;
	/* Orders the tail before the records that it tells of; pairs with the unit, which writes them
	 * first. */
	atomic_thread_fence(memory_order_acquire);
	*nr = queued;
	return 0;
}

int svart_raw_wait(struct svart_fault_raw *raw, bool (*done)(struct svart_fault_raw *raw))
{
	unsigned int i;

	for (i = 0; i < MAX_TRIES; i++) {
		if (done(raw))
			return 0;
		if (i % LOOK_TRIES == LOOK_TRIES - 1 && !raw->kind->answers(raw))
			return -EIO;
		/*
		 * It does not call svart_pause(): the hooks of that could call this function, and locks are
		 * held.
		 */
		raw->m->ops->pause(raw->m, UINT64_MAX);
	}
	return -EIO;
}

/** Whether the unit has taken an answer off the ring since it was full. */
static bool answer_has_room(struct svart_fault_raw *raw)
{
	struct svart_raw_ring *ring = &raw->answers;
	uint32_t head = raw->kind->answer_head(raw);

	if (head > ring->index_mask || ((ring->tail - head) & ring->index_mask) > ring->room)
		return false;
	ring->head = head;
	return ((ring->tail - head) & ring->index_mask) < ring->room;
}

int svart_raw_answer_put(struct svart_fault_raw *raw, const uint64_t *desc)
{
	struct svart_raw_ring *ring = &raw->answers;

	if (((ring->tail - ring->head) & ring->index_mask) == ring->room && !answer_has_room(raw)) {
		raw->kind->answer_tail_set(raw);
		if (svart_raw_wait(raw, answer_has_room) != 0)
			return -EIO;
	}
	svart_own_copy(ring->mem + (size_t)(ring->tail & (ring->nr - 1)) * ring->record_bytes, desc,
		ring->record_bytes);
	ring->tail = (ring->tail + 1) & ring->index_mask;
	return 0;
}

int svart_raw_answer_ring(struct svart_fault_raw *raw)
{
	raw->kind->answer_tail_set(raw);
	return raw->kind->answer_error(raw) ? -EIO : 0;
}

static bool answers_taken(struct svart_fault_raw *raw)
{
	return raw->kind->answer_head(raw) == raw->answers.tail;
}

int svart_raw_answers_wait(struct svart_fault_raw *raw)
{
	return svart_raw_wait(raw, answers_taken);
}

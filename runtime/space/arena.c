/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "arena.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bits.h"
#include "demand.h"
#include "drop.h"
#include "error.h"
#include "page_bits.h"
#include "space_state.h"

/** With this many address bits a device reaches every address that mmap() chooses (x86-64: 47). */
#define ANY_BITS 47u
/** Chunks that are tried for a segment below an address limit. */
#define LOW_TRIES 8192u

/** One chunk of addresses. Owner: the space. Lifetime: to the last unbind. Locks: control calls only. */
struct svart_arena {
	struct svart_arena *next;
	uint8_t *base;
	struct svart_page_bits taken;
};

/* --- segments -------------------------------------------------------------------------------------- */

static int reserve(struct svart_machine *m, void *hint, size_t bytes, int flags, void **out)
{
	return m->ops->mmap(m, hint, bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0, out);
}

/** Reserves a chunk anywhere: it reserves twice as much, and gives back what is too much at either end. */
static int reserve_chunk(struct svart_machine *m, void **out)
{
	uint64_t start, base;
	void *addr;
	int rc = reserve(m, NULL, 2 * SVART_CHUNK_SIZE, 0, &addr);

	if (rc != 0)
		return rc;
	start = (uintptr_t)addr;
	base = (start + SVART_CHUNK_SIZE - 1) & ~(SVART_CHUNK_SIZE - 1);
	if (base != start)
		m->ops->munmap(m, addr, base - start);
	m->ops->munmap(
		m, (void *)(uintptr_t)(base + SVART_CHUNK_SIZE), start + SVART_CHUNK_SIZE - base);
	*out = (void *)(uintptr_t)base;
	return 0;
}

/** Reserves a chunk below 2^bits, from the top down. */
static int reserve_low(struct svart_machine *m, unsigned int bits, void **out)
{
	uint64_t at = UINT64_C(1) << bits;
	unsigned int i;

	for (i = 0; i < LOW_TRIES && at > SVART_CHUNK_SIZE; i++) {
		at -= SVART_CHUNK_SIZE;
		if (reserve(m, (void *)(uintptr_t)at, SVART_CHUNK_SIZE, MAP_FIXED_NOREPLACE, out) ==
			0)
			return 0;
	}
	return -EADDRNOTAVAIL;
}

static bool reaches(uint64_t end, unsigned int bits)
{
	return bits >= 64 || end <= UINT64_C(1) << bits;
}

static int segment_reserve(struct svart_machine *m, unsigned int bits, void **base)
{
	int rc = bits < ANY_BITS ? reserve_low(m, bits, base) : reserve_chunk(m, base);

	if (rc == -EADDRNOTAVAIL)
		return svart_fail(rc,
			"no 2 MiB of addresses are free below 2^%u, and the device reaches no "
			"others: "
			"keep the program's memory out of there",
			bits);
	if (rc != 0)
		return svart_fail(rc,
			"no addresses for device memory (%s): raise the limit of address space "
			"(ulimit -v)",
			strerror(-rc));
	return 0;
}

static int segment_new(struct svart_space *space, unsigned int bits, struct svart_arena **out)
{
	struct svart_arena *a = calloc(1, sizeof(*a));
	void *base;
	int rc;

	if (a == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	rc = segment_reserve(space->m, bits, &base);
	if (rc != 0) {
		free(a);
		return rc;
	}
	a->base = base;
	a->next = space->arena;
	space->arena = a;
	*out = a;
	return 0;
}

void svart_arena_fini(struct svart_space *space)
{
	struct svart_arena *a = space->arena, *next;

	for (; a != NULL; a = next) {
		next = a->next;
		space->m->ops->munmap(space->m, a->base, SVART_CHUNK_SIZE);
		free(a);
	}
	space->arena = NULL;
}

/* --- pages of a segment ---------------------------------------------------------------------------- */

/** @return the first of nr free pages in a row, or SVART_CHUNK_PAGES. */
static unsigned int find_free(const struct svart_arena *a, unsigned int nr)
{
	unsigned int first = 0, end;

	while (first + nr <= SVART_CHUNK_PAGES) {
		end = svart_page_bits_next(&a->taken, first, first + nr);
		if (end == first + nr)
			return first;
		first = svart_page_bits_next_clear(&a->taken, end, SVART_CHUNK_PAGES);
	}
	return SVART_CHUNK_PAGES;
}

/** Finds room in a segment that the device reaches. */
static struct svart_arena *find_segment(
	const struct svart_space *space, unsigned int nr, unsigned int bits, unsigned int *first)
{
	struct svart_arena *a;

	for (a = space->arena; a != NULL; a = a->next) {
		*first = find_free(a, nr);
		if (*first != SVART_CHUNK_PAGES &&
			reaches((uintptr_t)a->base + SVART_CHUNK_SIZE, bits))
			return a;
	}
	return NULL;
}

/** Turns pages of a segment into memory that is not inherited by forks. */
static int commit(struct svart_machine *m, uint8_t *addr, size_t bytes)
{
	void *out;
	int rc = m->ops->mmap(m, addr, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0, &out);

	if (rc != 0)
		return svart_fail(rc, "no memory: %zu bytes for a device", bytes);
	rc = m->ops->madvise(m, addr, bytes, MADV_DONTFORK);
	return rc == 0 ? 0
		       : svart_fail(rc, "cannot keep device memory from forks: %s", strerror(-rc));
}

/** Makes the pages a reservation again. */
static void decommit(struct svart_machine *m, uint8_t *addr, size_t bytes)
{
	void *out;
	int rc = reserve(m, addr, bytes, MAP_FIXED, &out);

	if (rc != 0)
		svart_log(SVART_LOG_ERR, "cannot give back %zu bytes of device memory: %s", bytes,
			strerror(-rc));
}

static int pin(struct svart_space *space, uint8_t *addr, size_t bytes)
{
	int rc = svart_space_map_static(space, addr, bytes);

	if (rc == 0)
		return 0;
	return svart_fail(rc,
		rc == -ENOMEM ? "cannot pin %zu bytes of device memory: %s; raise RLIMIT_MEMLOCK "
				"(ulimit -l)"
			      : "cannot map %zu bytes of device memory: %s",
		bytes, strerror(-rc));
}

/* --- for the core ---------------------------------------------------------------------------------- */

/** Whether nothing is taken from a segment: then its chunk is free. */
static bool is_empty(const struct svart_arena *a)
{
	return svart_page_bits_empty(&a->taken);
}

static int take(struct svart_space *space, struct svart_arena *a, unsigned int first,
	unsigned int nr, void **out)
{
	const struct svart_demand more = { .own_pages = nr, .own_chunks = is_empty(a) };
	uint8_t *addr = a->base + first * SVART_PAGE_SIZE;
	size_t bytes = nr * SVART_PAGE_SIZE;
	int rc = svart_demand_add(space, &more);

	if (rc != 0)
		return rc;
	rc = commit(space->m, addr, bytes);
	if (rc == 0)
		rc = pin(space, addr, bytes);
	if (rc != 0) {
		decommit(space->m, addr, bytes);
		svart_demand_remove(space, &more);
		return rc;
	}
	svart_page_bits_set(&a->taken, first, first + nr);
	*out = addr;
	return 0;
}

int svart_space_own_alloc(
	struct svart_space *space, size_t bytes, unsigned int address_bits, void **out)
{
	unsigned int bits = address_bits != 0 ? address_bits : 64, first = 0;
	struct svart_arena *a;
	int rc = 0;

	if (bytes == 0 || bytes > SVART_CHUNK_SIZE || (bytes & SVART_PAGE_MASK))
		return svart_fail(-EINVAL,
			"%zu bytes of device memory: a driver may ask for pages, up to %" PRIu64
			" bytes in one piece",
			bytes, SVART_CHUNK_SIZE);
	a = find_segment(space, (unsigned int)(bytes / SVART_PAGE_SIZE), bits, &first);
	if (a == NULL) {
		first = 0;
		rc = segment_new(space, bits, &a);
	}
	if (rc != 0)
		return rc;
	return take(space, a, first, (unsigned int)(bytes / SVART_PAGE_SIZE), out);
}

void svart_space_own_free(struct svart_space *space, void *addr, size_t bytes)
{
	unsigned int nr = (unsigned int)(bytes / SVART_PAGE_SIZE), first;
	struct svart_demand less = { .own_pages = nr };
	struct svart_arena *a = space->arena;

	while ((uint8_t *)addr < a->base || (uint8_t *)addr >= a->base + SVART_CHUNK_SIZE)
		a = a->next;
	svart_space_unmap_static(space, addr, bytes);
	/* A fault nearby may just have mapped the pages with its own. */
	svart_space_drop(space, (uintptr_t)addr, (uintptr_t)addr + bytes - 1, false);
	decommit(space->m, addr, bytes);
	first = (unsigned int)(((uint8_t *)addr - a->base) / (ptrdiff_t)SVART_PAGE_SIZE);
	svart_page_bits_clear(&a->taken, first, first + nr);
	less.own_chunks = is_empty(a);
	svart_demand_remove(space, &less);
}

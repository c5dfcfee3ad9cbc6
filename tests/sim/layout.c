/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/** Operations of the program may run beyond a region's ends, but never so far. */
#define CLEARANCE (UINT64_C(32) * SIM_PAGE)

bool sim_layout_check(void)
{
	const uint64_t bytes = SIM_OWN_BYTES + SIM_ARENA_BYTES;
	void *want = (void *)(uintptr_t)SIM_OWN;
	void *at = mmap(want, bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (at == want) {
		munmap(at, bytes);
		return true;
	}
	fprintf(stderr,
		"sim: addresses %#llx to %#llx are not free here (%s): see /proc/PID/maps, and "
		"choose others in tests/sim/layout.h\n",
		(unsigned long long)SIM_OWN, (unsigned long long)(SIM_OWN + bytes),
		strerror(at == MAP_FAILED ? errno : EEXIST));
	if (at != MAP_FAILED)
		munmap(at, bytes);
	return false;
}

void sim_layout_init(struct sim_layout *l, struct sim_trace *trace, struct sim_random *random,
	struct sim_memory *memory)
{
	l->trace = trace;
	l->random = random;
	l->memory = memory;
	l->nr_own = 0;
}

/* --- the runtime's own mappings -------------------------------------------------------------- */

/** The runtime's mapping that overlaps a range, or NULL. */
static const struct sim_vma *own_in(const struct sim_layout *l, uint64_t start, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < l->nr_own; i++) {
		if (l->own[i].start < start + len && l->own[i].end > start)
			return &l->own[i];
	}
	return NULL;
}

/** The highest place that is free, as Linux chooses it: what is unmapped is soon used again. */
static uint64_t place_highest(const struct sim_layout *l, uint64_t len)
{
	uint64_t at = SIM_OWN + SIM_OWN_BYTES - len;
	const struct sim_vma *taken;

	while ((taken = own_in(l, at, len)) != NULL)
		at = taken->start - len;
	return at;
}

/** Anywhere in [start, end). @return 0: what was drawn is taken. */
static uint64_t place_between(struct sim_layout *l, uint64_t start, uint64_t end, uint64_t len)
{
	uint64_t at;

	if (end - start < len)
		return 0;
	at = start +
	     (uint64_t)sim_below(l->random, (uint32_t)((end - start - len) / SIM_PAGE) + 1) *
		     SIM_PAGE;
	return own_in(l, at, len) == NULL ? at : 0;
}

/** Between two regions of the program, so that they share chunks. */
static uint64_t place_in_arena(struct sim_layout *l, uint64_t len)
{
	const uint64_t apart = SIM_MAX_PAGES * SIM_PAGE + CLEARANCE;
	uint64_t middle =
		SIM_ARENA + (1 + sim_below(l->random, SIM_NR_REGIONS - 1)) * SIM_SLOT_BYTES;

	return place_between(l, middle + apart, middle + SIM_SLOT_BYTES - apart, len);
}

uint64_t sim_layout_place(struct sim_layout *l, uint64_t len)
{
	uint32_t draw = sim_below(l->random, 100);
	uint64_t at = 0;

	len = (len + SIM_PAGE - 1) & ~(uint64_t)(SIM_PAGE - 1);
	if (draw < 20)
		at = place_in_arena(l, len);
	else if (draw < 35)
		at = place_between(l, SIM_OWN, SIM_OWN + SIM_OWN_BYTES, len);
	return at != 0 ? at : place_highest(l, len);
}

void sim_layout_add(struct sim_layout *l, uint64_t start, uint64_t len, int prot)
{
	if (l->nr_own == SIM_MAX_OWN)
		sim_fail(l->trace, "the simulation itself: too many mappings");
	len = (len + SIM_PAGE - 1) & ~(uint64_t)(SIM_PAGE - 1);
	l->own[l->nr_own++] = (struct sim_vma){ .start = start, .end = start + len, .prot = prot };
}

void sim_layout_remove(struct sim_layout *l, uint64_t start, uint64_t len)
{
	uint64_t end = start + ((len + SIM_PAGE - 1) & ~(uint64_t)(SIM_PAGE - 1));
	uint32_t i = 0;

	while (i < l->nr_own) {
		const struct sim_vma old = l->own[i];

		if (old.start >= end || old.end <= start) {
			i++;
			continue;
		}
		l->own[i] = l->own[--l->nr_own];
		if (old.start < start)
			sim_layout_add(l, old.start, start - old.start, old.prot);
		if (old.end > end)
			sim_layout_add(l, end, old.end - end, old.prot);
	}
}

bool sim_layout_is_own(const struct sim_layout *l, uint64_t addr)
{
	const struct sim_vma *own = own_in(l, addr, 1);

	return own != NULL && own->prot != PROT_NONE;
}

/* --- what the kernel tells of mappings ------------------------------------------------------- */

static int prot_of(enum sim_page what)
{
	return what == SIM_PAGE_READ    ? PROT_READ
	       : what == SIM_PAGE_WRITE ? PROT_READ | PROT_WRITE
					: PROT_NONE;
}

/** What is mapped from page `at` of a region on. @return false: nothing is. */
static bool region_piece(
	const struct sim_memory *mem, uint32_t index, uint32_t at, struct sim_vma *vma)
{
	const struct sim_region *g = &mem->regions[index];
	uint32_t end = at;

	while (end < g->nr_pages && g->mapped_as[end] == g->mapped_as[at] &&
		g->mapping[end] == g->mapping[at])
		end++;
	*vma = (struct sim_vma){
		.start = (uintptr_t)g->base + (uint64_t)at * SIM_PAGE,
		.end = (uintptr_t)g->base + (uint64_t)end * SIM_PAGE,
		.prot = prot_of(g->mapped_as[at]),
		.shared = g->backing != SIM_ANON_PRIVATE && g->backing != SIM_FILE_PRIVATE,
		.inode = g->backing != SIM_ANON_PRIVATE
				 ? index + 1 + SIM_NR_REGIONS * g->mapping[at]
				 : 0,
		.off = g->backing != SIM_ANON_PRIVATE ? (uint64_t)at * SIM_PAGE : 0,
	};
	return g->mapped_as[at] != SIM_PAGE_HOLE;
}

/** The first mapping of a region that ends above an address. */
static bool region_next(
	const struct sim_memory *mem, uint32_t index, uint64_t addr, struct sim_vma *vma)
{
	const struct sim_region *g = &mem->regions[index];
	uint32_t at = 0;

	while (at < g->nr_pages) {
		if (region_piece(mem, index, at, vma) && vma->end > addr)
			return true;
		at = (uint32_t)((vma->end - (uintptr_t)g->base) / SIM_PAGE);
	}
	return false;
}

/** The first mapping that ends above an address, by itself. */
static bool piece_next(const struct sim_layout *l, uint64_t addr, struct sim_vma *vma)
{
	bool found = false;
	struct sim_vma next;
	uint32_t i;

	for (i = 0; i < l->nr_own; i++) {
		if (l->own[i].end > addr && (!found || l->own[i].start < vma->start)) {
			*vma = l->own[i];
			found = true;
		}
	}
	for (i = 0; i < SIM_NR_REGIONS; i++) {
		/* They are in the order of their addresses. */
		if (region_next(l->memory, i, addr, &next)) {
			if (!found || next.start < vma->start)
				*vma = next;
			return true;
		}
	}
	return found;
}

static bool joins(const struct sim_vma *a, const struct sim_vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->shared == b->shared &&
	       a->inode == b->inode;
}

bool sim_layout_next(const struct sim_layout *l, uint64_t addr, struct sim_vma *vma)
{
	struct sim_vma other;

	if (!piece_next(l, addr, vma))
		return false;
	while (piece_next(l, vma->end, &other) && joins(vma, &other))
		vma->end = other.end;
	while (piece_next(l, vma->start - 1, &other) && joins(&other, vma)) {
		vma->start = other.start;
		vma->off = other.off;
	}
	return true;
}

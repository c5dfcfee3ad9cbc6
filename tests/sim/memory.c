/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t start_of(const struct sim_region *g)
{
	return (uintptr_t)g->base;
}

struct sim_region *sim_memory_region(struct sim_memory *mem, uint64_t addr)
{
	uint32_t i;

	if (addr - SIM_ARENA >= SIM_ARENA_BYTES)
		return NULL;
	for (i = 0; i < SIM_NR_REGIONS; i++) {
		struct sim_region *g = &mem->regions[i];

		if (addr - start_of(g) < (uint64_t)g->nr_pages * SIM_PAGE)
			return g;
	}
	return NULL;
}

enum sim_page sim_memory_page(struct sim_memory *mem, uint64_t addr)
{
	struct sim_region *g = sim_memory_region(mem, addr);

	return g != NULL ? g->page[(addr - start_of(g)) / SIM_PAGE] : SIM_PAGE_HOLE;
}

bool sim_memory_allows(struct sim_memory *mem, uint64_t addr, bool write)
{
	enum sim_page page = sim_memory_page(mem, addr);

	return page == SIM_PAGE_WRITE || (page == SIM_PAGE_READ && !write);
}

bool sim_memory_range_allows(struct sim_memory *mem, uint64_t addr, uint64_t len, bool write)
{
	uint64_t at, last = addr + len - 1;

	if (len == 0 || last < addr)
		return len == 0;
	for (at = addr & ~(uint64_t)(SIM_PAGE - 1); at <= last; at += SIM_PAGE) {
		if (!sim_memory_allows(mem, at, write))
			return false;
	}
	return true;
}

uint8_t *sim_memory_shadow(struct sim_memory *mem, uint64_t addr)
{
	struct sim_region *g = sim_memory_region(mem, addr);

	return g->shadow + (addr - start_of(g));
}

static void tell_difference(struct sim_memory *mem, uint64_t addr, size_t len, const char *when)
{
	const uint8_t *is = (const uint8_t *)(uintptr_t)addr;
	const uint8_t *must = sim_memory_shadow(mem, addr);
	size_t i = 0, end;

	while (i < len && is[i] == must[i])
		i++;
	for (end = i; end < len && is[end] != must[end]; end++)
		;
	sim_fail(mem->trace, "%s: byte %#llx is %#x and must be %#x; %zu bytes in a row are wrong",
		when, (unsigned long long)(addr + i), is[i], must[i], end - i);
}

void sim_memory_check(struct sim_memory *mem, uint64_t addr, uint64_t len, const char *when)
{
	uint64_t at, end = addr + len, part;

	for (at = addr; at < end; at += part) {
		part = SIM_PAGE - at % SIM_PAGE;
		part = part < end - at ? part : end - at;
		if (sim_memory_allows(mem, at, false) &&
			memcmp((const void *)(uintptr_t)at, sim_memory_shadow(mem, at), part) != 0)
			tell_difference(mem, at, part, when);
	}
}

void sim_memory_check_all(struct sim_memory *mem, const char *when)
{
	uint32_t i;

	for (i = 0; i < SIM_NR_REGIONS; i++)
		sim_memory_check(mem, start_of(&mem->regions[i]),
			(uint64_t)mem->regions[i].nr_pages * SIM_PAGE, when);
}

void sim_memory_accept(struct sim_memory *mem, uint64_t addr, uint64_t len)
{
	uint64_t at, end = addr + len, part;

	for (at = addr; at < end; at += part) {
		part = SIM_PAGE - at % SIM_PAGE;
		part = part < end - at ? part : end - at;
		if (sim_memory_allows(mem, at, true))
			memcpy(sim_memory_shadow(mem, at), (const void *)(uintptr_t)at, part);
	}
}

/* --- what the program does ------------------------------------------------------------------- */

static int prot_of(enum sim_page what)
{
	switch (what) {
	case SIM_PAGE_READ:
		return PROT_READ;
	case SIM_PAGE_WRITE:
		return PROT_READ | PROT_WRITE;
	default:
		return PROT_NONE;
	}
}

static void must(bool good, struct sim_memory *mem, const char *what)
{
	if (!good)
		sim_fail(mem->trace, "the simulation itself: %s: %s", what, strerror(errno));
}

static void set_pages(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr,
	enum sim_page what)
{
	uint32_t i;

	mem->changes++;
	for (i = first; i < first + nr; i++) {
		g->page[i] = g->mapped_as[i] = (uint8_t)what;
		if (g->backing == SIM_FILE_SHORT && i >= g->file_pages && what != SIM_PAGE_HOLE &&
			what != SIM_PAGE_NONE)
			g->page[i] = SIM_PAGE_BEYOND;
	}
}

/** What pages contain that were just mapped: zeros, or what is in the file. */
static void shadow_fresh(struct sim_region *g, uint32_t first, uint32_t nr)
{
	uint8_t *shadow = g->shadow + (size_t)first * SIM_PAGE;
	size_t len = (size_t)nr * SIM_PAGE;
	ssize_t got = 0;

	memset(shadow, 0, len);
	if (g->fd >= 0)
		got = pread(g->fd, shadow, len, (off_t)first * SIM_PAGE);
	(void)got; /* What lies beyond the file's end is never read. */
}

void sim_memory_map(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr,
	enum sim_page what)
{
	bool shared = g->backing != SIM_ANON_PRIVATE && g->backing != SIM_FILE_PRIVATE;
	int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE);
	void *at = g->base + (size_t)first * SIM_PAGE;
	uint32_t i;

	if (g->fd < 0)
		flags |= MAP_ANONYMOUS;
	must(mmap(at, (size_t)nr * SIM_PAGE, prot_of(what), flags, g->fd,
		     g->fd < 0 ? 0 : (off_t)first * SIM_PAGE) == at,
		mem, "mmap");
	set_pages(mem, g, first, nr, what);
	for (i = first; i < first + nr && g->backing == SIM_ANON_SHARED; i++)
		g->mapping[i] = (uint32_t)mem->changes;
	shadow_fresh(g, first, nr);
}

void sim_memory_unmap(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr)
{
	munmap(g->base + (size_t)first * SIM_PAGE, (size_t)nr * SIM_PAGE);
	set_pages(mem, g, first, nr, SIM_PAGE_HOLE);
}

void sim_memory_protect(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr,
	enum sim_page what)
{
	uint32_t i;

	for (i = first; i < first + nr; i++) {
		if (g->page[i] == SIM_PAGE_HOLE)
			continue;
		must(mprotect(g->base + (size_t)i * SIM_PAGE, SIM_PAGE, prot_of(what)) == 0, mem,
			"mprotect");
		set_pages(mem, g, i, 1, what);
	}
}

void sim_memory_discard(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr)
{
	uint32_t i;

	for (i = first; i < first + nr; i++) {
		if (g->page[i] == SIM_PAGE_HOLE)
			continue;
		must(madvise(g->base + (size_t)i * SIM_PAGE, SIM_PAGE, MADV_DONTNEED) == 0, mem,
			"madvise");
		if (g->backing == SIM_ANON_PRIVATE || g->backing == SIM_FILE_PRIVATE)
			shadow_fresh(g, i, 1);
	}
}

void sim_memory_put(struct sim_memory *mem, uint64_t addr, uint64_t len, const uint8_t *bytes)
{
	memcpy((void *)(uintptr_t)addr, bytes, len);
	memcpy(sim_memory_shadow(mem, addr), bytes, len);
}

void sim_memory_write(struct sim_memory *mem, uint64_t addr, uint64_t len, uint64_t value)
{
	uint8_t *at = (uint8_t *)(uintptr_t)addr;
	struct sim_random r = { .state = value };
	uint64_t i, word = 0;

	for (i = 0; i < len; i++, word >>= 8) {
		if (i % 8 == 0)
			word = sim_random(&r);
		at[i] = (uint8_t)word;
	}
	memcpy(sim_memory_shadow(mem, addr), at, len);
}

/* --- life ------------------------------------------------------------------------------------ */

static enum sim_backing draw_backing(struct sim_random *r)
{
	static const enum sim_backing some[] = { SIM_ANON_PRIVATE, SIM_ANON_PRIVATE,
		SIM_ANON_PRIVATE, SIM_ANON_SHARED, SIM_FILE_SHARED, SIM_FILE_PRIVATE,
		SIM_FILE_SHORT };

	return some[sim_below(r, sizeof(some) / sizeof(some[0]))];
}

/** Makes a region's file. */
static void make_file(struct sim_memory *mem, struct sim_region *g, struct sim_random *r)
{
	g->fd = -1;
	g->file_pages = g->nr_pages;
	if (g->backing == SIM_ANON_PRIVATE || g->backing == SIM_ANON_SHARED)
		return;
	if (g->backing == SIM_FILE_SHORT)
		g->file_pages = sim_between(r, 1, g->nr_pages);
	g->fd = memfd_create("sim", MFD_CLOEXEC);
	must(g->fd >= 0 && ftruncate(g->fd, (off_t)g->file_pages * SIM_PAGE) == 0, mem, "memfd");
}

/** Guard pages, holes and read-only pages, in some regions. */
static void make_odd_pages(struct sim_memory *mem, struct sim_region *g, struct sim_random *r)
{
	static const enum sim_page some[] = { SIM_PAGE_READ, SIM_PAGE_READ, SIM_PAGE_NONE };
	uint32_t first = sim_below(r, g->nr_pages);
	uint32_t nr = sim_between(r, 1, g->nr_pages - first);

	if (sim_chance(r, 500))
		return;
	if (sim_chance(r, 250))
		sim_memory_unmap(mem, g, first, nr);
	else
		sim_memory_protect(mem, g, first, nr, some[sim_below(r, 3)]);
}

static void region_init(struct sim_memory *mem, uint32_t i, struct sim_random *r)
{
	struct sim_region *g = &mem->regions[i];
	uint64_t middle = SIM_ARENA + (i + 1) * SIM_SLOT_BYTES;
	uint32_t p;

	g->nr_pages = sim_between(r, 1, sim_chance(r, 300) ? SIM_MAX_PAGES : SIM_MAX_PAGES / 3);
	g->base = (uint8_t *)(uintptr_t)(middle - sim_below(r, g->nr_pages + 1) * SIM_PAGE);
	g->backing = draw_backing(r);
	g->shadow = mem->shadow + (size_t)i * SIM_MAX_PAGES * SIM_PAGE;
	make_file(mem, g, r);
	sim_memory_map(mem, g, 0, g->nr_pages, SIM_PAGE_WRITE);
	/* Pages that nobody has touched are as common as others. */
	for (p = 0; p < g->nr_pages; p++) {
		if (g->page[p] == SIM_PAGE_WRITE && sim_chance(r, 600))
			sim_memory_write(mem, start_of(g) + p * SIM_PAGE, SIM_PAGE, sim_random(r));
	}
	make_odd_pages(mem, g, r);
}

void sim_memory_init(struct sim_memory *mem, struct sim_trace *trace, struct sim_random *r)
{
	uint32_t i;

	mem->trace = trace;
	mem->shadow = calloc(SIM_NR_REGIONS * SIM_MAX_PAGES, SIM_PAGE);
	must(mem->shadow != NULL, mem, "calloc");
	for (i = 0; i < SIM_NR_REGIONS; i++)
		region_init(mem, i, r);
}

void sim_memory_fini(struct sim_memory *mem)
{
	uint32_t i;

	for (i = 0; i < SIM_NR_REGIONS; i++) {
		munmap(mem->regions[i].base, (size_t)mem->regions[i].nr_pages * SIM_PAGE);
		if (mem->regions[i].fd >= 0)
			close(mem->regions[i].fd);
	}
	free(mem->shadow);
}

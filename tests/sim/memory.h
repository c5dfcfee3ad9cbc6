/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_MEMORY_H
#define SVART_SIM_MEMORY_H

/**
 * @file
 * The simulated program's memory: regions at fixed addresses, what each page allows, and a copy of
 * what each byte must be.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"
#include "trace.h"

#define SIM_PAGE 4096u
/** Where regions are: see layout.h. */
#define SIM_ARENA UINT64_C(0x550040000000)
/** Each region is in a slot of its own, around the middle of it or the end: half of the slots' ends
 * are between two chunks of 2 MiB. */
#define SIM_SLOT_BYTES  UINT64_C(0x100000)
#define SIM_NR_REGIONS  10
#define SIM_ARENA_BYTES ((SIM_NR_REGIONS + 2) * SIM_SLOT_BYTES)
#define SIM_MAX_PAGES   28u

/** What a page of a region is. */
enum sim_page {
	SIM_PAGE_HOLE = 0, /**< Nothing is mapped. */
	SIM_PAGE_NONE,     /**< PROT_NONE. */
	SIM_PAGE_READ,     /**< Read-only. */
	SIM_PAGE_WRITE,    /**< Readable and writable. */
	SIM_PAGE_BEYOND,   /**< Of a mapping, beyond its file's end: SIGBUS. */
};

/** What a region is made of. */
enum sim_backing {
	SIM_ANON_PRIVATE = 0,
	SIM_ANON_SHARED,
	SIM_FILE_SHARED,
	SIM_FILE_PRIVATE,
	SIM_FILE_SHORT, /**< Shared, of a file that ends before the mapping. */
};

/** Owner: the world. Lifetime: a run. Locks: none. */
struct sim_region {
	uint8_t *base;
	uint32_t nr_pages;
	enum sim_backing backing;
	uint32_t file_pages;              /**< Of its file. */
	int fd;                           /**< Its file, or -1. */
	uint8_t page[SIM_MAX_PAGES];      /**< enum sim_page. */
	uint8_t mapped_as[SIM_MAX_PAGES]; /**< The same, whatever there is of the file. */
	/** Of shared memory without a file: which mmap() each page is of. Linux gives each a file. */
	uint32_t mapping[SIM_MAX_PAGES];
	uint8_t *shadow; /**< What its bytes must be. */
};

/** Owner: the world. Lifetime: a run. Locks: none. */
struct sim_memory {
	struct sim_trace *trace;
	struct sim_region regions[SIM_NR_REGIONS];
	uint8_t *shadow;
	uint64_t changes; /**< Of mappings and of what they allow. */
};

/** Makes and maps the regions, some of them filled. */
void sim_memory_init(struct sim_memory *mem, struct sim_trace *trace, struct sim_random *r);
void sim_memory_fini(struct sim_memory *mem);

/** The region an address is in, or NULL. */
struct sim_region *sim_memory_region(struct sim_memory *mem, uint64_t addr);
/** What a page is; SIM_PAGE_HOLE outside of regions. */
enum sim_page sim_memory_page(struct sim_memory *mem, uint64_t addr);
/** Whether a device may access a byte so. */
bool sim_memory_allows(struct sim_memory *mem, uint64_t addr, bool write);
/** Whether it may access every byte of a range, and of what is after and before it in its pages. */
bool sim_memory_range_allows(struct sim_memory *mem, uint64_t addr, uint64_t len, bool write);
/** What the byte at an address must be; the address is in a region. */
uint8_t *sim_memory_shadow(struct sim_memory *mem, uint64_t addr);
/** Fails unless every byte of a range that can be read is what it must be. */
void sim_memory_check(struct sim_memory *mem, uint64_t addr, uint64_t len, const char *when);
/** Fails unless that is so in all regions. */
void sim_memory_check_all(struct sim_memory *mem, const char *when);
/** Takes what is in writable pages of a range for what must be there. */
void sim_memory_accept(struct sim_memory *mem, uint64_t addr, uint64_t len);

/** What the program does to pages [first, first + nr) of a region. */
void sim_memory_map(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr,
	enum sim_page what);
void sim_memory_unmap(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr);
void sim_memory_protect(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr,
	enum sim_page what);
/** MADV_DONTNEED. */
void sim_memory_discard(struct sim_memory *mem, struct sim_region *g, uint32_t first, uint32_t nr);
/** Writes bytes; the pages are writable. */
void sim_memory_put(struct sim_memory *mem, uint64_t addr, uint64_t len, const uint8_t *bytes);
/** Writes len bytes that follow from `value`; the pages are writable. */
void sim_memory_write(struct sim_memory *mem, uint64_t addr, uint64_t len, uint64_t value);

#endif

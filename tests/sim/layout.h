/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_SIM_LAYOUT_H
#define SVART_SIM_LAYOUT_H

/**
 * @file
 * Where things are in the address space of the simulated process.
 *
 * Addresses decide what shares a chunk of 2 MiB, what is sorted before what, which mappings a window
 * around a fault meets. So each follows from the seed: the program's regions are at fixed places
 * (memory.h), and what the runtime maps for itself gets an address here. The real process beneath has
 * its stack, its heap and its libraries elsewhere, wherever it likes; the runtime never sees them,
 * because /proc/self/maps is written from this table, too (maps.h).
 *
 * The range is one that nothing else takes, on x86-64 and on aarch64 with 48 bits: below where Linux puts
 * position-independent programs (2/3 of 2^47 or 2^48), and above what it uses from the bottom up (from 1/3
 * of 2^47). It is memory of programs to AddressSanitizer (both), whose shadow ends at 0x10007fff8000 on
 * x86-64 and 0x201000000000 on aarch64, and to ThreadSanitizer on x86-64, to which programs
 * have 0x550000000000 to 0x568000000000 (compiler-rt, asan_mapping.h and tsan_platform.h).
 *
 *     SIM_OWN    1 GiB    what the runtime maps
 *     SIM_ARENA  12 MiB   the program's regions; some of the runtime's mappings are between them
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"
#include "random.h"
#include "trace.h"

#define SIM_OWN       UINT64_C(0x550000000000)
#define SIM_OWN_BYTES (SIM_ARENA - SIM_OWN)
#define SIM_MAX_OWN   128

/** A mapping, as the simulated kernel tells of it. Owner: the stack. */
struct sim_vma {
	uint64_t start, end;
	int prot;       /**< Of mmap(2). */
	bool shared;    /**< MAP_SHARED. */
	uint32_t inode; /**< 0: private and anonymous. */
	uint64_t off;   /**< Of its start in its file. */
};

/** Owner: the machine. Lifetime: a run. Locks: none. */
struct sim_layout {
	struct sim_trace *trace;
	struct sim_random *random;
	struct sim_memory *memory;
	struct sim_vma own[SIM_MAX_OWN]; /**< What the runtime has mapped, in no order. */
	uint32_t nr_own;
};

/**
 * Looks whether the range is free; call it before there is anything in it.
 * @return whether it is; if not, it has said so.
 */
bool sim_layout_check(void);
void sim_layout_init(struct sim_layout *l, struct sim_trace *trace, struct sim_random *random,
	struct sim_memory *memory);
/** Draws an address for a mapping of the runtime: often where the kernel would put it. */
uint64_t sim_layout_place(struct sim_layout *l, uint64_t len);
/** The runtime has mapped something. @param prot PROT_NONE: registers or a reservation, which no device reaches. */
void sim_layout_add(struct sim_layout *l, uint64_t start, uint64_t len, int prot);
/** It has unmapped a range, or maps something else there. */
void sim_layout_remove(struct sim_layout *l, uint64_t start, uint64_t len);
/** Whether an address is in memory that the runtime has mapped. */
bool sim_layout_is_own(const struct sim_layout *l, uint64_t addr);
/**
 * Finds the first mapping that ends above an address, joined with its neighbours as Linux joins them.
 * @return whether there is one.
 */
bool sim_layout_next(const struct sim_layout *l, uint64_t addr, struct sim_vma *vma);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_IDXD_SUITE_H
#define SVART_TEST_IDXD_SUITE_H

/**
 * @file
 * The suite "idxd": svart's DSA model, judged by Linux's own driver for it and by programs that use that.
 *
 *   suite.c         which cases there are; what each begins and ends with
 *   cases_copy.c    what one program sees: operations on memory that is not there yet, or is never
 *   cases_memory.c  the kernel moves, shares and takes away memory while the device writes it
 *   cases_life.c    processes that come and go; resets; the driver leaves and returns
 *   cases_kernel.c  the kernel's own user, dmatest
 *   dsa.h           idxd's devices; client.h: a program's queue; prq.h: page requests as the kernel counts them
 */

#include "case.h"
#include "client.h"
#include "dsa.h"

#define SUITE_PAGE     4096u
#define SUITE_HUGE     (2u << 20)
#define SUITE_DEVICES  2u
#define SUITE_CHILDREN 16u

/** Owner: main(). Lifetime: the program; what it opens, one case. Locks: none. */
struct suite {
	struct dsa dsas[SUITE_DEVICES];
	enum client_by by; /**< Of the running case. */
	struct wq_config
		config;       /**< What both devices have been enabled with; nr 0: not enabled. */
	struct client client; /**< Queue 0 of the first device, if the case wants it. */
	int children[SUITE_CHILDREN]; /**< Processes to be killed at the end; 0: none. */
	uint8_t *maps[64];            /**< Mappings to be dropped at the end, with their bytes. */
	size_t map_bytes[64];
	unsigned int nr_maps;
};

/** One case. */
struct suite_case {
	const char *name;
	void (*fn)(struct case_run *run, void *suite);
};

/** Cases with queue 0 open; the program is run once for each way to submit. */
extern const struct suite_case suite_copy_cases[];
/** Cases with queue 0 open, by MOVDIR64B and by ENQCMD. */
extern const struct suite_case suite_memory_cases[];
/** Cases that enable what they need. */
extern const struct suite_case suite_life_cases[];
extern const struct suite_case suite_kernel_cases[];

/** Enables both devices; the suite disables them when the case ends. */
void suite_enable(struct case_run *run, struct suite *s, const struct wq_config *config);
/** Opens queue 0 of the first device. */
void suite_open(struct case_run *run, struct suite *s);
/** Private memory that nobody has touched, with small pages; dropped when the case ends. */
uint8_t *suite_map(struct case_run *run, struct suite *s, size_t bytes);
/** The same, of a kind: flags of mmap. */
uint8_t *suite_map_as(struct case_run *run, struct suite *s, size_t bytes, int flags);
/** Forks a child that the suite kills when the case ends. @return as fork(). */
int suite_fork(struct case_run *run, struct suite *s);
/** Waits for a child to end. @return its wait status. */
int suite_wait(struct suite *s, int pid);
/** Ends the suite's children that still run. */
void suite_kill(struct suite *s);

/** Words that depend on their place, so that a page in the wrong place shows. */
void suite_put_pattern(uint8_t *memory, size_t bytes, uint64_t seed);
/** @return the first byte that is wrong; bytes: none. */
size_t suite_find_wrong(const uint8_t *memory, size_t bytes, uint64_t seed);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_SPACE_FIXTURE_H
#define SVART_TEST_SPACE_FIXTURE_H

/**
 * @file
 * A space bound to a fake iommufd, and memory to fault in.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>

#include "bits.h"
#include "fake_iommufd.h"
#include "space.h"

#define PAGE  ((size_t)SVART_PAGE_SIZE)
#define CHUNK ((size_t)SVART_CHUNK_SIZE)
#define R     SVART_ACCESS_READ
#define W     SVART_ACCESS_WRITE

/** Owner: one test. */
struct fixture {
	struct fake_iommufd *fake;
	int iommufd;
	struct svart_space *space;
};

/** Makes a fake with a space that is bound to it. params may be NULL. */
void fixture_open(struct fixture *fx, const struct svart_space_params *params);
/** A space whose fault-around is one page: maps exactly what it is asked for. */
void fixture_open_exact(struct fixture *fx);
/** Ends all, and checks that nothing was left behind or broke a rule of the kernel. */
void fixture_close(struct fixture *fx);

/** One more space on the fixture's fake. */
struct svart_space *fixture_second_space(struct fixture *fx);

/** Memory of nr chunks, aligned to a chunk, with nothing accessible next to it. */
uint8_t *chunks_new(size_t nr, int prot);
void chunks_free(uint8_t *mem, size_t nr);
/** As above, a shared mapping of a file of file_bytes. fd is the caller's. */
uint8_t *chunks_of_file(size_t nr, int prot, int fd);

/** svart_space_resolve() of len bytes at addr. */
int resolve(struct fixture *fx, const void *addr, size_t len, unsigned int access);

struct svart_space_stats stats_of(struct fixture *fx);

/** A resolve on a thread of its own. */
struct resolver {
	struct fixture *fx;
	const void *addr;
	size_t len;
	unsigned int access;
	int rc;
	pthread_t thread;
	atomic_bool done;
};
void resolver_start(
	struct resolver *r, struct fixture *fx, const void *addr, size_t len, unsigned int access);
int resolver_join(struct resolver *r);

/** A forget on a thread of its own. */
struct forgetter {
	struct fixture *fx;
	const void *addr;
	size_t len;
	int rc;
	pthread_t thread;
	atomic_bool done;
};
void forgetter_start(struct forgetter *g, struct fixture *fx, const void *addr, size_t len);
int forgetter_join(struct forgetter *g);

/** The seed of a randomised test: SVART_SEED, or the time; printed. */
uint64_t test_seed(void);
/** A cheap generator (xorshift64*); state is not 0. @return a number below `below`. */
uint64_t test_random(uint64_t *state, uint64_t below);

/** Lets other threads come to where they wait; nothing is proved by it, only made likely. */
void settle_down(void);

#endif

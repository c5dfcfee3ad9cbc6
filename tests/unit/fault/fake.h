/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_FAULT_FAKE_H
#define SVART_TEST_FAULT_FAKE_H

/**
 * @file
 * A world for the fault service: a machine of real eventfds and a clock of the test's, sources that
 * deliver what a test scripts and log what they are answered, and a space that fails and blocks where
 * the test says. The test binary's svart_space_resolve_while() is the one here.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "raw_lane.h"
#include "service.h"

#define PAGE 4096u
/** An address in the middle of nowhere: the fake space maps nothing. */
#define PAGE_AT(n) (UINT64_C(0x7f0000000000) + (uint64_t)(n)*PAGE)
#define FAKE_MAX   8192

/** Short names for scripts. */
enum {
	R = SVART_ACCESS_READ,
	W = SVART_ACCESS_WRITE,
	RW = SVART_ACCESS_READ | SVART_ACCESS_WRITE,
	X = SVART_ACCESS_EXEC,
	LAST = SVART_PAGE_REQUEST_LAST,
	PASID = SVART_PAGE_REQUEST_PASID,
	OWN = SVART_PAGE_REQUEST_NEEDS_RESPONSE,
	BAD = SVART_PAGE_REQUEST_MALFORMED,
	SUCCESS = SVART_PAGE_RESPONSE_SUCCESS,
	INVALID = SVART_PAGE_RESPONSE_INVALID,
};

/** The fake machine. Its clock is the real one until a test sets it. */
struct fake_machine {
	struct svart_machine base;
	_Atomic uint64_t clock_ns; /**< 0: the real one. */
	_Atomic unsigned int polls;
	int poll_rc; /**< Returned once, if it is not 0. */
};

void fake_machine_init(struct fake_machine *m);

/** One call of svart_space_resolve_while(). */
struct fake_call {
	struct svart_space *space;
	uint64_t start, end;
	unsigned int access;
	int rc;
};

/** A space whose results the test controls. It is what `struct svart_space` means in these tests. */
struct svart_space {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fake_call calls[FAKE_MAX];
	unsigned int nr_calls;
	unsigned int inside; /**< Threads that are in a call now. */
	bool blocked;        /**< Calls wait. */
	bool closed;         /**< A call from now on is a bug. */
	int again;           /**< So many calls fail with -EAGAIN first. */
	int (*rule)(uint64_t page, unsigned int access); /**< 0 or -errno of a page; NULL: 0. */
	int range_limit;           /**< Ranges of more pages than that give -ENOMEM; 0: none. */
	bool tight;                /**< Leases are needed. */
	uint64_t leased[FAKE_MAX]; /**< Pages, in the order of their leases. */
	unsigned int nr_leased;
	uint64_t refused; /**< The page refused last for want of memory. */
	uint64_t ends;    /**< Invalidations that have ended. */
	struct svart_space_listener *listener;
};

void fake_space_init(struct svart_space *space);
void fake_space_fini(struct svart_space *space);
void fake_space_block(struct svart_space *space, bool blocked);
/** An invalidation has ended. */
void fake_space_end(struct svart_space *space);
/** Waits until nr threads are inside. */
void fake_space_wait_inside(struct svart_space *space, unsigned int nr);

/** A source that delivers a script. */
struct fake_source {
	struct svart_fault_source base;
	struct svart_fault_source_ops ops;
	struct svart_fault_wing wing; /**< Raw queues', but that a record takes one node. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct svart_page_request queue[FAKE_MAX];
	unsigned int head, tail;
	struct svart_page_response answers[FAKE_MAX];
	unsigned int nr_answers;
	unsigned int nr_responds; /**< Calls. */
	unsigned int nr_fetches;  /**< Calls. */
	size_t last_nr;           /**< What the last fetch could take. */
	uint64_t gone_token;      /**< Answers to it are gone already. */
	int fetch_rc;             /**< Returned by each fetch, if it is not 0. */
	int respond_rc;
	atomic_int check_rc;    /**< Of fake_source_check(). */
	atomic_uint nr_lost;    /**< Times that the service said it is lost. */
	atomic_int lost_how;    /**< enum svart_fault_loss of the last time. */
	atomic_int lost_with;   /**< And its value. */
	atomic_uint nr_watches; /**< Of fake_source_watch(). */
	bool closed;            /**< A call from now on is a bug. */
};

/** A raw queue, unless the test changes s->ops before it is added to a service. */
void fake_source_init(struct fake_source *s, struct fake_machine *m);
void fake_source_fini(struct fake_source *s);
/** For s->ops.check, which a source has only where a test wants it. Before it is added. */
int fake_source_check(struct svart_fault_source *s);
/** For s->base.watch, likewise. */
void fake_source_watch(void *owner);
/** Fails the test unless the service has said once that the source is lost, and so. */
void fake_source_assert_lost(struct fake_source *s, enum svart_fault_loss how, int with);
/** Queues a request and makes the fd readable. Its token is returned: a new one for each. */
uint64_t fake_source_push(struct fake_source *s, uint32_t pasid, uint32_t group_id, uint64_t addr,
	uint32_t access, uint32_t flags);
/** Queues a request as it is. */
void fake_source_push_request(struct fake_source *s, const struct svart_page_request *request);
/** Waits until nr answers are there, at most 10 s. */
void fake_source_wait(struct fake_source *s, unsigned int nr);
/** @return the code of the one answer to a token; fails the test if there is not exactly one. */
uint32_t fake_source_code(struct fake_source *s, uint64_t token);
/** @return how many answers there were to a token. */
unsigned int fake_source_answered(struct fake_source *s, uint64_t token);
unsigned int fake_source_nr_answers(struct fake_source *s);

/** A service with one source and one space. */
struct fake_world {
	struct fake_machine m;
	struct svart_space space;
	struct fake_source source;
	struct svart_fault_service *service;
};

struct fake_world *fake_world_create(const struct svart_fault_params *params);
/** One whose source delivers whole groups. */
struct fake_world *fake_world_create_whole(const struct svart_fault_params *params);
/** An inline one. */
struct fake_world *fake_world_create_inline(uint32_t max_requests);
/** Removes the source, if it is still there, and ends all. */
void fake_world_destroy(struct fake_world *w);
/** cmocka's: *state is an inline world that holds 64 requests. */
int fake_world_setup(void **state);
int fake_world_teardown(void **state);
/** Removes the source; it and the space must not be touched any more. */
void fake_world_remove(struct fake_world *w);
struct svart_fault_stats fake_world_stats(const struct fake_world *w);

/** A random number; xorshift64*. */
uint64_t fake_random(uint64_t *state);
/** SVART_SEED, or the time; printed. */
uint64_t fake_seed(void);
/** Waits until condition is true, at most 10 s. */
#define fake_wait_until(condition)                                          \
	do {                                                                \
		unsigned int tries_;                                        \
		for (tries_ = 0; !(condition) && tries_ < 100000; tries_++) \
			fake_nap();                                         \
		assert_true(condition);                                     \
	} while (0)
/** Sleeps 100 us. */
void fake_nap(void);

#endif

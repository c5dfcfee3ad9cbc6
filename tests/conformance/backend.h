/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_BACKEND_H
#define SVART_TEST_BACKEND_H

/**
 * @file
 * The device under test. A conformance program is run once for each backend:
 * `test_NAME SPEC [thread|inline]`; it sees nothing but the public API. SVART_TEST_FILTER, a pattern
 * with * and ?, picks tests by name.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <svart/svart.h>

#define PAGE       4096u
#define TIMEOUT_NS UINT64_C(20000000000)

/** One open backend. Owner: the test program. */
struct backend {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;
	struct svart_device_info info;
};

/** Reads argv and the environment; exits with 77 and a reason where the device is not there. */
void backend_configure(int argc, char **argv);
/** The device spec under test. */
const char *backend_spec(void);
/** Skips the test on a device that does not take an option, as one that has one queue only. */
void backend_skip_unless_takes(const char *options);
/** The spec with more options: "queues=2". */
void backend_spec_with(const char *options, char *buf, size_t len);
/** Whether page requests are answered by whoever waits: a service without resolvers. */
bool backend_is_inline(void);
/** cmocka group set-up and tear-down: opens a backend into *state. */
int backend_open(void **state);
int backend_close(void **state);
/** Opens another backend (device and all) with this spec. */
struct backend *backend_new(const char *spec);
/** As above, with limits of the space (NULL: none) and resolver threads (not inline). */
struct backend *backend_new_with(
	const char *spec, const struct svart_space_params *space_params, uint32_t resolvers);
void backend_delete(struct backend *b);

/** Anonymous memory of its own VMA, with a PROT_NONE page on either side; never touched yet. */
void *guarded_alloc(size_t bytes);
void guarded_free(struct backend *b, void *p, size_t bytes);

/** Submits what is prepared and waits for exactly nr completions. */
void wait_all(struct backend *b, struct svart_completion *done, unsigned int nr);
/**
 * svart_queue_prep() of one operation when there is room in the ring: a device without page requests
 * may have to wait for what others hold or forget.
 */
void prep_patiently(struct svart_queue *q, const struct svart_op *op);
/** One operation from prep to completion. */
struct svart_completion run_copy(struct backend *b, void *dst, const void *src, uint64_t len);
struct svart_completion run_fill(struct backend *b, void *dst, uint64_t pattern, uint64_t len);
void assert_done(const struct svart_completion *c, uint64_t bytes);
/** Bytes that differ from place to place and from seed to seed. */
void scramble(void *p, size_t len, uint32_t seed);

/** The seed of randomised tests: SVART_SEED or the time; printed. */
uint32_t test_seed(void);
uint32_t test_random(uint32_t *state);

#endif

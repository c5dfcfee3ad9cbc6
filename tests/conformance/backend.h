/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_BACKEND_H
#define SVART_TEST_BACKEND_H

/**
 * @file
 * The device under test. A conformance program is run once for each backend:
 *
 *	test_NAME SPEC [thread|resolvers|inline [batches]]		svart's own queues
 *	test_NAME dmadev:NAME[,ARGS] [EAL OPTION...]	any DPDK dmadev
 *
 * `test_NAME --list` prints the names of its tests instead. SVART_TEST_FILTER, a pattern with * and ?,
 * picks tests by name. The program sees nothing but public API.
 *
 * Operations and completions are svart's on both. A dmadev reports less: no fault address, no number
 * of bytes of a failed operation (BACKEND_TELLS_WHERE).
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include <svart/svart.h>

#define PAGE                 4096u
#define TIMEOUT_NS           UINT64_C(20000000000)
#define BACKEND_MAX_CHANNELS 2u

/** What a backend can do; tests of the rest are skipped. */
enum backend_feature {
	BACKEND_SVART = 1 << 0,       /**< svart's own queues: the native members are valid. */
	BACKEND_FILL = 1 << 1,        /**< SVART_OP_FILL. */
	BACKEND_LISTS = 1 << 2,       /**< backend_enqueue_lists(). */
	BACKEND_FENCE = 1 << 3,       /**< BACKEND_FLAG_FENCE. */
	BACKEND_ERRORS = 1 << 4,      /**< A bad address is an answer. */
	BACKEND_TELLS_WHERE = 1 << 5, /**< bytes_done and fault_addr of a failure are valid. */
	BACKEND_OVERLAP = 1 << 6,     /**< Copies overlap as in memmove(). */
	BACKEND_NO_LENGTH = 1 << 7,   /**< Operations of no bytes complete. */
	BACKEND_FORK = 1 << 8,        /**< Says what calls in a child of fork() do: nothing. */
	BACKEND_ROBUST = 1 << 9,      /**< Survives calls too early, and a thread that looks on. */
	BACKEND_FENCE_PASSES = 1 << 10, /**< A fence lets what is behind it pass after a failure. */
};

/** Flags of backend_enqueue(). */
enum backend_flag {
	BACKEND_FLAG_FENCE = 1 << 0,  /**< Not before all earlier operations are complete. */
	BACKEND_FLAG_SUBMIT = 1 << 1, /**< As by a backend_submit() after it. */
};

/** A piece of memory in a list. */
struct backend_piece {
	void *addr;
	uint32_t length;
};

struct backend;

/** How an open backend is to be. All zero: the defaults. */
struct backend_params {
	unsigned int channels; /**< 1 to BACKEND_MAX_CHANNELS. */
	uint32_t ring;         /**< Operations that each channel shall hold. */
};

/** What a kind of backend does. All channels are the caller's own thread's; see the wrappers below. */
struct backend_ops {
	/** @return NULL, or why there is no such backend: the test is skipped. */
	const char *(*open)(struct backend *b);
	void (*close)(struct backend *b);
	void (*stop)(struct backend *b);
	void (*start)(struct backend *b);
	bool (*enqueue)(struct backend *b, unsigned int channel, const struct svart_op *op,
		unsigned int flags);
	bool (*enqueue_lists)(struct backend *b, const struct backend_piece *dst,
		unsigned int nr_dst, const struct backend_piece *src, unsigned int nr_src,
		uint64_t cookie);
	void (*submit)(struct backend *b, unsigned int channel);
	uint16_t (*poll)(struct backend *b, unsigned int channel, struct svart_completion *done,
		uint16_t nr);
	uint16_t (*wait)(struct backend *b, unsigned int channel, struct svart_completion *done,
		uint16_t nr, uint64_t timeout_ns);
	void (*forget)(struct backend *b, void *addr, size_t bytes);
};

/** One open backend. Owner: the test program. */
struct backend {
	const struct backend_ops *ops;
	unsigned int features; /**< Bits of enum backend_feature. */
	uint32_t ring;         /**< Operations that a channel holds. */
	struct backend_params params;
	/** The first thing that the backend did against its own interface, or NULL. */
	const char *wrong;
	/** Of svart's own queues. */
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q;      /**< Channel 0. */
	struct svart_queue *second; /**< Channel 1. */
	struct svart_device_info info;
	/** Of a dmadev. */
	struct dmadev *dmadev;
};

/**
 * Runs a suite of tests that each open what they need.
 * @return for main().
 */
#define backend_run(argc, argv, tests)                                              \
	(backend_lists((argc), (argv), (tests), sizeof(tests) / sizeof((tests)[0])) \
			? 0                                                         \
			: (backend_configure((argc), (argv)),                       \
				  cmocka_run_group_tests((tests), NULL, NULL)))

/** A test with a backend of its own in *state. Owner: main(). */
struct backend_case {
	void (*run)(void **state);
	struct backend *b;
};

/*
 * The backend is opened by the test and not by its set-up: cmocka puts its signal handlers in for
 * each of the two, and the model's has to be on top of them.
 */
#define backend_test(f)                                                                       \
	{                                                                                     \
		.name = #f, .test_func = backend_case_run, .teardown_func = backend_case_end, \
		.initial_state = &(struct backend_case)                                       \
		{                                                                             \
			.run = (f)                                                            \
		}                                                                             \
	}

/** Of backend_test(). */
void backend_case_run(void **state);
int backend_case_end(void **state);

/** Prints the names of the tests if argv asks for them. */
bool backend_lists(int argc, char **argv, const struct CMUnitTest *tests, size_t nr);
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
/** cmocka set-up and tear-down, of a group or of one test: opens a backend into *state. */
int backend_open(void **state);
int backend_close(void **state);
/** Opens the backend like this; skips the test where it has no such channels or rings. */
struct backend *backend_open_with(const struct backend_params *params);
/** Opens another backend of svart's own queues (device and all) with this spec. */
struct backend *backend_new(const char *spec);
/** As above, with limits of the space (NULL: none) and resolver threads (not inline). */
struct backend *backend_new_with(
	const char *spec, const struct svart_space_params *space_params, uint32_t resolvers);
/** Closes; fails the test if the backend did something against its own interface. */
void backend_delete(struct backend *b);

/** Skips the test, and says why. */
void backend_skip(const char *reason) __attribute__((noreturn));
/** Skips the test on a backend that lacks one of these features. */
void backend_need(const struct backend *b, unsigned int features);

/** Anonymous memory of its own VMA, with a PROT_NONE page on either side; never touched yet. */
void *guarded_alloc(size_t bytes);
void guarded_free(struct backend *b, void *p, size_t bytes);
/** Before memory is unmapped or its protection changed. */
void forget(struct backend *b, void *addr, size_t bytes);

/** Ends, and has begun again, all work of the channels; what was in flight is lost. */
void backend_stop(struct backend *b);
void backend_start(struct backend *b);

/** Puts an operation into a channel's ring; false when the ring is full. */
bool backend_enqueue(
	struct backend *b, unsigned int channel, const struct svart_op *op, unsigned int flags);
/** As above, on channel 0. */
bool enqueue_copy(struct backend *b, void *dst, const void *src, size_t len, unsigned int flags,
	uint64_t cookie);
bool enqueue_fill(struct backend *b, void *dst, uint64_t pattern, size_t len, unsigned int flags,
	uint64_t cookie);
/** Copies the pieces of src, one after another, to those of dst. On channel 0. */
bool backend_enqueue_lists(struct backend *b, const struct backend_piece *dst, unsigned int nr_dst,
	const struct backend_piece *src, unsigned int nr_src, uint64_t cookie);
void backend_submit(struct backend *b, unsigned int channel);
/** Takes completions; never submits. */
uint16_t backend_poll(
	struct backend *b, unsigned int channel, struct svart_completion *done, uint16_t nr);
/** Submits what is prepared and waits for at least one completion. @return 0: the time is over. */
uint16_t backend_wait(struct backend *b, unsigned int channel, struct svart_completion *done,
	uint16_t nr, uint64_t timeout_ns);

/** Submits what is prepared on channel 0 and waits for exactly nr completions. */
void wait_all(struct backend *b, struct svart_completion *done, unsigned int nr);
/**
 * svart_queue_prep() of one operation when there is room in the ring: a device without page requests
 * may have to wait for what others hold or forget.
 */
void prep_patiently(struct svart_queue *q, const struct svart_op *op);
/** One operation from prep to completion. */
struct svart_completion run_op(struct backend *b, const struct svart_op *op);
struct svart_completion run_copy(struct backend *b, void *dst, const void *src, uint64_t len);
struct svart_completion run_fill(struct backend *b, void *dst, uint64_t pattern, uint64_t len);
void assert_done(const struct svart_completion *c, uint64_t bytes);
/** Whether TIMEOUT_NS have not passed since start, of time(); sleeps a little if so. */
bool wait_a_little(time_t start);
/** Bytes that differ from place to place and from seed to seed. */
void scramble(void *p, size_t len, uint32_t seed);

/** The seed of randomised tests: SVART_SEED or the time; printed. */
uint32_t test_seed(void);
uint32_t test_random(uint32_t *state);

#endif

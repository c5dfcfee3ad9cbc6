/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "backend_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DMADEV "dmadev:"

static const struct backend_ops *kind = &backend_native_ops;

bool backend_lists(int argc, char **argv, const struct CMUnitTest *tests, size_t nr)
{
	size_t i;

	if (argc != 2 || strcmp(argv[1], "--list") != 0)
		return false;
	for (i = 0; i < nr; i++)
		puts(tests[i].name);
	return true;
}

void backend_configure(int argc, char **argv)
{
	const char *filter = getenv("SVART_TEST_FILTER");

	if (filter != NULL)
		cmocka_set_test_filter(filter);
	if (argc > 1 && strncmp(argv[1], DMADEV, strlen(DMADEV)) == 0) {
		kind = &backend_dmadev_ops;
		backend_dmadev_configure(argv[1] + strlen(DMADEV), argc - 2, argv + 2);
	} else {
		backend_native_configure(argc - 1, argv + 1);
	}
}

struct backend *backend_open_with(const struct backend_params *params)
{
	struct backend *b = calloc(1, sizeof(*b));
	const char *lack;

	assert_non_null(b);
	b->ops = kind;
	b->params = *params;
	if (b->params.channels == 0)
		b->params.channels = 1;
	lack = b->ops->open(b);
	if (lack != NULL) {
		free(b);
		backend_skip(lack);
	}
	return b;
}

int backend_open(void **state)
{
	*state = backend_open_with(&(struct backend_params){ 0 });
	return 0;
}

void backend_delete(struct backend *b)
{
	const char *wrong = b->wrong;

	b->ops->close(b);
	free(b);
	if (wrong != NULL)
		fail_msg("%s", wrong);
}

int backend_close(void **state)
{
	backend_delete(*state);
	return 0;
}

void backend_case_run(void **state)
{
	struct backend_case *c = *state;
	void *b;

	c->b = backend_open_with(&(struct backend_params){ 0 });
	b = c->b;
	c->run(&b);
}

int backend_case_end(void **state)
{
	struct backend_case *c = *state;

	if (c->b != NULL)
		backend_delete(c->b);
	return 0;
}

void backend_skip(const char *reason)
{
	print_message("skipped: %s\n", reason);
	skip();
	abort(); /* cmocka does not say that skip() never returns. */
}

static const struct {
	unsigned int feature;
	const char *lack;
} lacks[] = {
	{ BACKEND_SVART, "a call of svart's own queues" },
	{ BACKEND_FILL, "the device does not fill" },
	{ BACKEND_LISTS, "the device takes no lists" },
	{ BACKEND_FENCE, "the queue has no fences" },
	{ BACKEND_ERRORS, "the device does not say that it handles errors" },
	{ BACKEND_OVERLAP, "ranges of a copy may not overlap" },
	{ BACKEND_FORK, "nothing is said of calls in a child of fork()" },
	{ BACKEND_ROBUST, "nothing is said of calls that come too early" },
};

void backend_need(const struct backend *b, unsigned int features)
{
	size_t i;

	for (i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
		if ((features & ~b->features & lacks[i].feature) != 0)
			backend_skip(lacks[i].lack);
}

/* --- memory ------------------------------------------------------------------------------------ */

void *guarded_alloc(size_t bytes)
{
	size_t whole = (bytes + PAGE - 1) / PAGE * PAGE;
	uint8_t *p = mmap(NULL, whole + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	if (whole != 0)
		assert_int_equal(mprotect(p + PAGE, whole, PROT_READ | PROT_WRITE), 0);
	return p + PAGE;
}

void guarded_free(struct backend *b, void *p, size_t bytes)
{
	size_t whole = (bytes + PAGE - 1) / PAGE * PAGE + 2 * PAGE;

	forget(b, (uint8_t *)p - PAGE, whole);
	assert_int_equal(munmap((uint8_t *)p - PAGE, whole), 0);
}

void forget(struct backend *b, void *addr, size_t bytes)
{
	b->ops->forget(b, addr, bytes);
}

/* --- operations -------------------------------------------------------------------------------- */

void backend_stop(struct backend *b)
{
	b->ops->stop(b);
}

void backend_start(struct backend *b)
{
	b->ops->start(b);
}

bool backend_enqueue(
	struct backend *b, unsigned int channel, const struct svart_op *op, unsigned int flags)
{
	return b->ops->enqueue(b, channel, op, flags);
}

bool enqueue_copy(struct backend *b, void *dst, const void *src, size_t len, unsigned int flags,
	uint64_t cookie)
{
	const struct svart_op op = {
		.opcode = SVART_OP_COPY, .cookie = cookie, .dst = dst, .src = src, .length = len
	};

	return backend_enqueue(b, 0, &op, flags);
}

bool enqueue_fill(struct backend *b, void *dst, uint64_t pattern, size_t len, unsigned int flags,
	uint64_t cookie)
{
	const struct svart_op op = { .opcode = SVART_OP_FILL,
		.cookie = cookie,
		.dst = dst,
		.pattern = pattern,
		.length = len };

	return backend_enqueue(b, 0, &op, flags);
}

bool backend_enqueue_lists(struct backend *b, const struct backend_piece *dst, unsigned int nr_dst,
	const struct backend_piece *src, unsigned int nr_src, uint64_t cookie)
{
	return b->ops->enqueue_lists(b, dst, nr_dst, src, nr_src, cookie);
}

void backend_submit(struct backend *b, unsigned int channel)
{
	b->ops->submit(b, channel);
}

uint16_t backend_poll(
	struct backend *b, unsigned int channel, struct svart_completion *done, uint16_t nr)
{
	return b->ops->poll(b, channel, done, nr);
}

uint16_t backend_wait(struct backend *b, unsigned int channel, struct svart_completion *done,
	uint16_t nr, uint64_t timeout_ns)
{
	return b->ops->wait(b, channel, done, nr, timeout_ns);
}

void wait_all(struct backend *b, struct svart_completion *done, unsigned int nr)
{
	unsigned int got = 0, n;

	while (got < nr) {
		n = backend_wait(b, 0, done + got, (uint16_t)(nr - got), TIMEOUT_NS);
		if (b->wrong != NULL)
			fail_msg("%s", b->wrong);
		if (n == 0)
			fail_msg("%u of %u operations never completed", nr - got, nr);
		got += n;
	}
}

bool wait_a_little(time_t start)
{
	usleep(100);
	return time(NULL) - start <= (time_t)(TIMEOUT_NS / 1000000000);
}

struct svart_completion run_op(struct backend *b, const struct svart_op *op)
{
	time_t start = time(NULL);
	struct svart_completion done = { 0 };

	while (!backend_enqueue(b, 0, op, 0) && wait_a_little(start))
		;
	wait_all(b, &done, 1);
	assert_int_equal(done.cookie, op->cookie);
	return done;
}

struct svart_completion run_copy(struct backend *b, void *dst, const void *src, uint64_t len)
{
	const struct svart_op op = {
		.opcode = SVART_OP_COPY, .cookie = 0x1234, .dst = dst, .src = src, .length = len
	};

	return run_op(b, &op);
}

struct svart_completion run_fill(struct backend *b, void *dst, uint64_t pattern, uint64_t len)
{
	const struct svart_op op = { .opcode = SVART_OP_FILL,
		.cookie = 0x5678,
		.dst = dst,
		.pattern = pattern,
		.length = len };

	return run_op(b, &op);
}

void assert_done(const struct svart_completion *c, uint64_t bytes)
{
	if (c->status != SVART_STATUS_OK)
		fail_msg("status %s (device's %#x), fault address %#llx, %llu of %llu bytes done",
			svart_status_name(c->status), c->hw_status,
			(unsigned long long)c->fault_addr, (unsigned long long)c->bytes_done,
			(unsigned long long)bytes);
	assert_int_equal(c->bytes_done, bytes);
	assert_int_equal(c->fault_addr, 0);
}

void scramble(void *p, size_t len, uint32_t seed)
{
	uint8_t *bytes = p;
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % 4 == 0)
			test_random(&seed);
		bytes[i] = (uint8_t)(seed >> (i % 4 * 8));
	}
}

uint32_t test_seed(void)
{
	const char *text = getenv("SVART_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 0) : (uint32_t)time(NULL);

	printf("SVART_SEED=%u\n", seed);
	return seed;
}

uint32_t test_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u; /* Knuth's linear congruential generator. */
	return *state >> 8;
}

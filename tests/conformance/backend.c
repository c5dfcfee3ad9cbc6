/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "backend.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SKIPPED 77

static const char *spec = "model:dsa0";
static enum svart_fault_run fault_run = SVART_FAULT_RUN_THREAD;

static void skip_unless_there(void)
{
	struct backend *b = calloc(1, sizeof(*b));

	if (strncmp(spec, "model:", 6) == 0) {
		free(b);
		return;
	}
	if (svart_init(NULL, &b->rt) != 0 || svart_space_create(b->rt, NULL, &b->space) != 0 ||
		svart_fault_service_create(b->rt, NULL, &b->faults) != 0 ||
		svart_device_open(b->rt, spec, b->space, b->faults, &b->dev) != 0) {
		printf("skipped: %s: %s\n", spec, svart_error_text());
		exit(SKIPPED);
	}
	backend_delete(b);
}

void backend_configure(int argc, char **argv)
{
	const char *filter = getenv("SVART_TEST_FILTER");

	if (filter != NULL)
		cmocka_set_test_filter(filter);
	if (argc > 1)
		spec = argv[1];
	if (argc > 2 && strcmp(argv[2], "inline") == 0)
		fault_run = SVART_FAULT_RUN_INLINE;
	skip_unless_there();
}

const char *backend_spec(void)
{
	return spec;
}

bool backend_is_inline(void)
{
	return fault_run == SVART_FAULT_RUN_INLINE;
}

void backend_spec_with(const char *options, char *buf, size_t len)
{
	int n = snprintf(buf, len, "%s,%s", spec, options);

	assert_true(n > 0 && (size_t)n < len);
}

static void must(int rc, const char *what)
{
	if (rc != 0)
		fail_msg("%s: %s (%d)", what, svart_error_text(), rc);
}

struct backend *backend_new(const char *device_spec)
{
	return backend_new_with(device_spec, NULL, 0);
}

struct backend *backend_new_with(
	const char *device_spec, const struct svart_space_params *space_params, uint32_t resolvers)
{
	struct svart_fault_params params = { .run = fault_run, .resolvers = resolvers };
	struct backend *b = calloc(1, sizeof(*b));

	must(svart_init(NULL, &b->rt), "svart_init");
	must(svart_space_create(b->rt, space_params, &b->space), "svart_space_create");
	must(svart_fault_service_create(b->rt, &params, &b->faults), "svart_fault_service_create");
	must(svart_device_open(b->rt, device_spec, b->space, b->faults, &b->dev), device_spec);
	svart_device_info_get(b->dev, &b->info);
	must(svart_queue_create(b->dev, NULL, &b->q), "svart_queue_create");
	return b;
}

void backend_delete(struct backend *b)
{
	if (b->q != NULL)
		must(svart_queue_destroy(b->q), "svart_queue_destroy");
	must(svart_device_close(b->dev), "svart_device_close");
	must(svart_fault_service_destroy(b->faults), "svart_fault_service_destroy");
	must(svart_space_destroy(b->space), "svart_space_destroy");
	must(svart_fini(b->rt), "svart_fini");
	free(b);
}

int backend_open(void **state)
{
	*state = backend_new(spec);
	return 0;
}

int backend_close(void **state)
{
	backend_delete(*state);
	return 0;
}

void backend_skip_unless_takes(const char *options)
{
	struct backend *b = calloc(1, sizeof(*b));
	char with[128];
	int rc;

	backend_spec_with(options, with, sizeof(with));
	must(svart_init(NULL, &b->rt), "svart_init");
	must(svart_space_create(b->rt, NULL, &b->space), "svart_space_create");
	must(svart_fault_service_create(b->rt, NULL, &b->faults), "svart_fault_service_create");
	rc = svart_device_open(b->rt, with, b->space, b->faults, &b->dev);
	if (rc == 0) {
		backend_delete(b);
		return;
	}
	must(svart_fault_service_destroy(b->faults), "svart_fault_service_destroy");
	must(svart_space_destroy(b->space), "svart_space_destroy");
	must(svart_fini(b->rt), "svart_fini");
	free(b);
	if (rc == -EINVAL)
		skip();
	fail_msg("%s: %s", with, svart_error_text());
}

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

	assert_int_equal(svart_space_forget(b->space, (uint8_t *)p - PAGE, whole), 0);
	assert_int_equal(munmap((uint8_t *)p - PAGE, whole), 0);
}

void wait_all(struct backend *b, struct svart_completion *done, unsigned int nr)
{
	unsigned int got = 0, n;

	while (got < nr) {
		n = svart_queue_wait(b->q, done + got, (uint16_t)(nr - got), TIMEOUT_NS);
		if (n == 0)
			fail_msg("%u of %u operations never completed", nr - got, nr);
		got += n;
	}
}

void prep_patiently(struct svart_queue *q, const struct svart_op *op)
{
	time_t give_up = time(NULL) + (time_t)(TIMEOUT_NS / 1000000000);

	while (svart_queue_prep(q, op, 1) == 0 && time(NULL) <= give_up)
		sched_yield();
}

static struct svart_completion run_op(struct backend *b, const struct svart_op *op)
{
	struct svart_completion done = { 0 };

	prep_patiently(b->q, op);
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

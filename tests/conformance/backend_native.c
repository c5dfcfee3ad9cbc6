/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart's own queues as a backend.
 */

#include "backend_kinds.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *spec = "model:dsa0";
static enum svart_fault_run fault_run = SVART_FAULT_RUN_THREAD;
static uint32_t fault_resolvers; /**< Of services that a test does not say it of. */
static uint32_t queue_flags;

/** The floor below a queue. @return 0, or what svart said. */
static int open_floor(struct backend *b, const char *device_spec,
	const struct svart_space_params *space_params,
	const struct svart_fault_params *fault_params)
{
	int rc;

	if ((rc = svart_init(NULL, &b->rt)) != 0 ||
		(rc = svart_space_create(b->rt, space_params, &b->space)) != 0 ||
		(rc = svart_fault_service_create(b->rt, fault_params, &b->faults)) != 0)
		return rc;
	rc = svart_device_open(b->rt, device_spec, b->space, b->faults, &b->dev);
	if (rc != 0)
		return rc;
	b->info = (struct svart_device_info)SVART_DEVICE_INFO_INIT();
	return svart_device_info_get(b->dev, &b->info);
}

static void close_floor(struct backend *b)
{
	if (b->dev != NULL)
		backend_must(svart_device_close(b->dev), "svart_device_close");
	backend_must(svart_fault_service_destroy(b->faults), "svart_fault_service_destroy");
	backend_must(svart_space_destroy(b->space), "svart_space_destroy");
	backend_must(svart_fini(b->rt), "svart_fini");
}

static void skip_unless_there(void)
{
	struct backend b = { 0 };

	if (strncmp(spec, "model:", 6) == 0 || strstr(spec, ",machine=model") != NULL)
		return;
	if (open_floor(&b, spec, NULL, NULL) != 0) {
		printf("skipped: %s: %s\n", spec, svart_error_text());
		exit(SKIPPED);
	}
	close_floor(&b);
}

void backend_native_configure(int argc, char **argv)
{
	if (argc > 0)
		spec = argv[0];
	if (argc > 1 && strcmp(argv[1], "inline") == 0)
		fault_run = SVART_FAULT_RUN_INLINE;
	if (argc > 1 && strcmp(argv[1], "resolvers") == 0)
		fault_resolvers = 4;
	if (argc > 2 && strcmp(argv[2], "batches") == 0)
		queue_flags = SVART_QUEUE_BATCHES;
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

void backend_must(int rc, const char *what)
{
	if (rc != 0)
		fail_msg("%s: %s (%d)", what, svart_error_text(), rc);
}

static void native_open(struct backend *b, const char *device_spec,
	const struct svart_space_params *space_params, uint32_t resolvers)
{
	const struct svart_fault_params fault_params =
		SVART_FAULT_PARAMS_INIT(.run = fault_run, .resolvers = resolvers);

	backend_must(open_floor(b, device_spec, space_params, &fault_params), device_spec);
	b->features = BACKEND_SVART | BACKEND_ERRORS | BACKEND_TELLS_WHERE | BACKEND_NO_LENGTH |
		      BACKEND_FORK;
	if ((b->info.ops & UINT64_C(1) << SVART_OP_FILL) != 0)
		b->features |= BACKEND_FILL;
	if ((b->info.features & SVART_FEATURE_OVERLAP) != 0)
		b->features |= BACKEND_OVERLAP;
	if (queue_flags == 0)
		b->features |= BACKEND_FENCE_PASSES;
	b->ring = b->params.ring != 0 ? b->params.ring : b->info.queue_depth;
}

static void native_start(struct backend *b)
{
	const struct svart_queue_params params =
		SVART_QUEUE_PARAMS_INIT(.depth = b->ring, .flags = queue_flags);

	backend_must(svart_queue_create(b->dev, &params, &b->q), "svart_queue_create");
	if (b->params.channels > 1)
		backend_must(svart_queue_create(b->dev, &params, &b->second), "svart_queue_create");
}

static void native_stop(struct backend *b)
{
	if (b->q != NULL)
		backend_must(svart_queue_destroy(b->q), "svart_queue_destroy");
	if (b->second != NULL)
		backend_must(svart_queue_destroy(b->second), "svart_queue_destroy");
	b->q = NULL;
	b->second = NULL;
}

struct backend *backend_new(const char *device_spec)
{
	return backend_new_with(device_spec, NULL, fault_resolvers);
}

struct backend *backend_new_with(
	const char *device_spec, const struct svart_space_params *space_params, uint32_t resolvers)
{
	struct backend *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->ops = &backend_native_ops;
	b->params.channels = 1;
	native_open(b, device_spec, space_params, resolvers);
	native_start(b);
	return b;
}

static bool takes(const char *options)
{
	struct backend b = { 0 };
	char with[128];
	int rc;

	backend_spec_with(options, with, sizeof(with));
	rc = open_floor(&b, with, NULL, NULL);
	close_floor(&b);
	if (rc != 0 && rc != -EINVAL)
		fail_msg("%s: %s", with, svart_error_text());
	return rc == 0;
}

void backend_skip_unless_takes(const char *options)
{
	if (!takes(options))
		backend_skip("the device does not take these options");
}

static const char *open_as_told(struct backend *b)
{
	char with[128];

	snprintf(with, sizeof(with), "%s", spec);
	if (b->params.channels > 1) {
		if (!takes("queues=2"))
			return "the device has one queue";
		backend_spec_with("queues=2", with, sizeof(with));
	}
	native_open(b, with, NULL, fault_resolvers);
	if (b->ring > b->info.queue_depth) {
		close_floor(b);
		return "the device's queues are shorter";
	}
	native_start(b);
	return NULL;
}

static void native_close(struct backend *b)
{
	native_stop(b);
	close_floor(b);
}

static struct svart_queue *queue_of(struct backend *b, unsigned int channel)
{
	return channel == 0 ? b->q : b->second;
}

static bool native_enqueue(
	struct backend *b, unsigned int channel, const struct svart_op *op, unsigned int flags)
{
	assert_false((flags & BACKEND_FLAG_FENCE) != 0);
	if (svart_queue_prep(queue_of(b, channel), op, 1) == 0)
		return false;
	if ((flags & BACKEND_FLAG_SUBMIT) != 0)
		svart_queue_submit(queue_of(b, channel));
	return true;
}

static bool native_enqueue_lists(struct backend *b, const struct backend_piece *dst,
	unsigned int nr_dst, const struct backend_piece *src, unsigned int nr_src, uint64_t cookie)
{
	(void)b, (void)dst, (void)nr_dst, (void)src, (void)nr_src, (void)cookie;
	return false; /* Without BACKEND_LISTS nobody asks. */
}

static void native_submit(struct backend *b, unsigned int channel)
{
	svart_queue_submit(queue_of(b, channel));
}

static uint16_t native_poll(
	struct backend *b, unsigned int channel, struct svart_completion *done, uint16_t nr)
{
	return svart_queue_poll(queue_of(b, channel), done, nr);
}

static uint16_t native_wait(struct backend *b, unsigned int channel, struct svart_completion *done,
	uint16_t nr, uint64_t timeout_ns)
{
	return svart_queue_wait(queue_of(b, channel), done, nr, timeout_ns);
}

static void native_forget(struct backend *b, void *addr, size_t bytes)
{
	backend_must(svart_space_forget(b->space, addr, bytes), "svart_space_forget");
}

void prep_patiently(struct svart_queue *q, const struct svart_op *op)
{
	time_t give_up = time(NULL) + (time_t)(TIMEOUT_NS / 1000000000);

	while (svart_queue_prep(q, op, 1) == 0 && time(NULL) <= give_up)
		sched_yield();
}

const struct backend_ops backend_native_ops = {
	.open = open_as_told,
	.close = native_close,
	.stop = native_stop,
	.start = native_start,
	.enqueue = native_enqueue,
	.enqueue_lists = native_enqueue_lists,
	.submit = native_submit,
	.poll = native_poll,
	.wait = native_wait,
	.forget = native_forget,
};

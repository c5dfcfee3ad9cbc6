/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A copy into memory that nobody has touched, in three ways:
 *
 * - by svart on the software machine: the device faults its way through the destination;
 * - by memcpy(), where the processor faults;
 * - by one thread that first populates 64 KiB and then copies them, and so on: what a careful program
 *   does without an accelerator.
 *
 * The destination is a fresh mapping each time; the source is warm, for the processor and, by a copy
 * that does not count, for the device.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <svart/svart.h>

#include "clock.h"
#include "fault.h"
#include "json_out.h"
#include "message.h"
#include "say.h"
#include "stats.h"

#define BYTES       (UINT64_C(256) << 20)
#define QUICK_BYTES (UINT64_C(16) << 20)
#define STEP_BYTES  (UINT64_C(64) << 10)
/** The device: it has as many queues as engines, so that one copies while another waits for pages. */
#define SPEC      "model:dsa0,queues=4"
#define NR_QUEUES 4
/** Size and alignment of operations, and how many are in flight on each queue. */
#define OP_BYTES   (UINT64_C(2) << 20)
#define DEPTH      1
#define WAIT_NS    UINT64_C(1000000)
#define GIVE_UP_NS UINT64_C(60000000000)
#define BURST      8

enum way { BY_SVART, BY_MEMCPY, BY_POPULATE, NR_WAYS };

/** What one way took. Owner: perf_copy. Lifetime: its. Locks: none. */
struct column {
	struct perf_rounds wall_s, cpu_s;
};

/** Owner: the command. Lifetime: one run of it. Locks: none. */
struct perf_copy {
	uint64_t bytes;
	uint8_t *src;
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *queues[NR_QUEUES];
	struct column columns[NR_WAYS];
};

/** Reserves memory. It has huge pages only if the system gives them without being asked. */
static uint8_t *memory_map(uint64_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/** Puts operations on a queue, as far as it takes them. @return bytes they copy. */
static uint64_t feed(struct perf_copy *c, struct svart_queue *q, uint8_t *dst, uint64_t from)
{
	uint64_t len = c->bytes - from < OP_BYTES ? c->bytes - from : OP_BYTES;

	if (len == 0 || svart_queue_in_flight(q) >= DEPTH ||
		svart_queue_prep_copy(q, dst + from, c->src + from, len, 0, len) == 0)
		return 0;
	svart_queue_submit(q);
	return len;
}

/** Takes what a queue has completed. @return bytes, or -EIO. */
static int64_t reap(struct svart_queue *q, uint64_t wait_ns)
{
	struct svart_completion done[BURST];
	uint16_t nr = wait_ns == 0 ? svart_queue_poll(q, done, BURST)
				   : svart_queue_wait(q, done, BURST, wait_ns);
	int64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < nr; i++) {
		if (done[i].status != SVART_STATUS_OK) {
			app_say("the device ended a copy with: %s",
				svart_status_name(done[i].status));
			return -EIO;
		}
		bytes += (int64_t)done[i].bytes_done;
	}
	return bytes;
}

/** @return whether a queue takes nothing any more; if so, it has said that. */
static bool has_failed(struct svart_queue *q)
{
	struct svart_queue_error error = SVART_QUEUE_ERROR_INIT();

	if (svart_queue_state_get(q) != SVART_QUEUE_FAILED)
		return false;
	if (svart_queue_error_get(q, &error) == 0)
		app_say("the device's queue has failed: %s", error.text);
	return true;
}

static int copy_by_svart(struct perf_copy *c, uint8_t *dst)
{
	uint64_t sent = 0, done = 0, give_up = svart_perf_now_ns() + GIVE_UP_NS;
	unsigned int i = 0;
	int64_t n;

	while (done < c->bytes) {
		sent += feed(c, c->queues[i], dst, sent);
		/* The next queue has the oldest operation. */
		i = (i + 1) % NR_QUEUES;
		n = reap(c->queues[i], WAIT_NS);
		if (n < 0)
			return (int)n;
		if (n == 0 && has_failed(c->queues[i]))
			return -EIO;
		done += (uint64_t)n;
		if (svart_perf_now_ns() > give_up) {
			app_say("the device did not copy %" PRIu64 " bytes in a minute", c->bytes);
			return -ETIMEDOUT;
		}
	}
	return 0;
}

static int copy_by_populate(const struct perf_copy *c, uint8_t *dst)
{
	uint64_t at;

	for (at = 0; at < c->bytes; at += STEP_BYTES) {
		if (madvise(dst + at, STEP_BYTES, MADV_POPULATE_WRITE) != 0)
			return svart_perf_say_errno("populate memory", -errno);
		memcpy(dst + at, c->src + at, STEP_BYTES);
	}
	return 0;
}

static int copy_by(struct perf_copy *c, enum way way, uint8_t *dst)
{
	switch (way) {
	case BY_SVART:
		return copy_by_svart(c, dst);
	case BY_POPULATE:
		return copy_by_populate(c, dst);
	default:
		memcpy(dst, c->src, c->bytes);
		return 0;
	}
}

/** Does one copy. @param column NULL if the copy does not count: then the result is compared. */
static int copy_once(struct perf_copy *c, enum way way, struct column *column)
{
	uint8_t *dst = memory_map(c->bytes);
	uint64_t wall, cpu;
	int rc;

	if (dst == NULL)
		return svart_perf_say_errno("map memory", -errno);
	wall = svart_perf_now_ns();
	cpu = svart_perf_cpu_ns();
	rc = copy_by(c, way, dst);
	wall = svart_perf_now_ns() - wall;
	cpu = svart_perf_cpu_ns() - cpu;
	if (rc == 0 && column != NULL) {
		svart_perf_rounds_add(&column->wall_s, (double)wall / 1e9);
		svart_perf_rounds_add(&column->cpu_s, (double)cpu / 1e9);
	} else if (rc == 0 && memcmp(dst, c->src, c->bytes) != 0) {
		app_say("a copy is not what it should be");
		rc = -EIO;
	}
	if (svart_space_munmap(c->space, dst, c->bytes) != 0)
		rc = svart_perf_say_failed("take memory from the device", -EIO);
	return rc;
}

static int source_make(struct perf_copy *c)
{
	uint64_t i, *word;

	c->src = memory_map(c->bytes);
	if (c->src == NULL)
		return svart_perf_say_errno("map memory", -errno);
	word = (uint64_t *)c->src;
	for (i = 0; i < c->bytes / sizeof(*word); i++)
		word[i] = i * UINT64_C(0x9e3779b97f4a7c15);
	return 0;
}

static int stack_open(struct perf_copy *c)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	const struct svart_space_params space =
		SVART_SPACE_PARAMS_INIT(.pin_limit_bytes = 4 * BYTES);
	const struct svart_fault_params faults =
		SVART_FAULT_PARAMS_INIT(.run = SVART_FAULT_RUN_INLINE);
	const struct svart_queue_params queue = SVART_QUEUE_PARAMS_INIT(.depth = DEPTH);
	unsigned int i;
	int rc;

	rc = svart_init(&init, &c->rt);
	if (rc == 0)
		rc = svart_space_create(c->rt, &space, &c->space);
	if (rc == 0)
		rc = svart_fault_service_create(c->rt, &faults, &c->faults);
	if (rc == 0)
		rc = svart_device_open(c->rt, SPEC, c->space, c->faults, &c->dev);
	for (i = 0; i < NR_QUEUES && rc == 0; i++)
		rc = svart_queue_create(c->dev, &queue, &c->queues[i]);
	return rc != 0 ? svart_perf_say_failed("open " SPEC, rc) : 0;
}

static void stack_close(struct perf_copy *c)
{
	unsigned int i;

	for (i = 0; i < NR_QUEUES && c->queues[i] != NULL; i++)
		svart_queue_destroy(c->queues[i]);
	if (c->dev != NULL)
		svart_device_close(c->dev);
	if (c->faults != NULL)
		svart_fault_service_destroy(c->faults);
	if (c->space != NULL)
		svart_space_destroy(c->space);
	if (c->rt != NULL)
		svart_fini(c->rt);
	if (c->src != NULL)
		munmap(c->src, c->bytes);
}

static int measure(struct perf_copy *c, unsigned int rounds)
{
	unsigned int round, way;
	int rc;

	rc = copy_once(c, BY_SVART, NULL);
	for (round = 0; round < rounds && rc == 0; round++)
		for (way = 0; way < NR_WAYS && rc == 0; way++)
			rc = copy_once(c, way, &c->columns[way]);
	return rc;
}

int svart_perf_copy_measure(
	const struct perf_options *o, unsigned int rounds, struct perf_copy **out)
{
	struct perf_copy *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return svart_perf_say_errno("measure a copy", -ENOMEM);
	c->bytes = o->quick ? QUICK_BYTES : BYTES;
	rc = source_make(c);
	if (rc == 0)
		rc = stack_open(c);
	if (rc == 0)
		rc = measure(c, rounds);
	stack_close(c);
	if (rc != 0)
		svart_perf_copy_free(c);
	else
		*out = c;
	return rc;
}

static double wall_of(const struct perf_copy *c, enum way way)
{
	return svart_perf_rounds_median(&c->columns[way].wall_s);
}

static double cpu_of(const struct perf_copy *c, enum way way)
{
	return svart_perf_rounds_median(&c->columns[way].cpu_s);
}

json_t *svart_perf_copy_json(const struct perf_copy *c)
{
	double svart_s = wall_of(c, BY_SVART);

	/* clang-format off */
	return json_pack("{s:s, s:I, s:I, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"device", SPEC,
		"bytes", (json_int_t)c->bytes,
		"op_bytes", (json_int_t)OP_BYTES,
		"depth", DEPTH,
		"svart_s", app_json_real(svart_s),
		"svart_cpu_s", app_json_real(cpu_of(c, BY_SVART)),
		"memcpy_s", app_json_real(wall_of(c, BY_MEMCPY)),
		"memcpy_cpu_s", app_json_real(cpu_of(c, BY_MEMCPY)),
		"populate_memcpy_s", app_json_real(wall_of(c, BY_POPULATE)),
		"populate_memcpy_cpu_s", app_json_real(cpu_of(c, BY_POPULATE)),
		"ratio", app_json_real(svart_s / wall_of(c, BY_POPULATE)),
		"ratio_to_memcpy", app_json_real(svart_s / wall_of(c, BY_MEMCPY)));
	/* clang-format on */
}

void svart_perf_copy_text(const struct perf_copy *c)
{
	static const char *const names[NR_WAYS] = { "svart", "memcpy", "populate, memcpy" };
	unsigned int way;

	printf("%-34s %10s %10s\n", "copy into cold memory", "seconds", "CPU s");
	for (way = 0; way < NR_WAYS; way++)
		printf("%-18s %10" PRIu64 " MiB %10.4f %10.4f\n", names[way], c->bytes >> 20,
			wall_of(c, way), cpu_of(c, way));
	putchar('\n');
}

void svart_perf_copy_free(struct perf_copy *c)
{
	free(c);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-perf copy: what a copy costs, with the engines side by side.
 *
 * A cell is a size, a burst and a depth. In each round each engine has its turn in each cell: a short pass
 * to warm up, a pass that is timed as a whole, and a pass with a look at the clock around every call.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "copy_pass.h"
#include "json_out.h"
#include "message.h"
#include "options.h"
#include "say.h"
#include "stats.h"

#define USUAL_ROUNDS 7
/** Size of the source, and of the destination: it fits in caches, as a program's current buffers do. */
#define AREA_BYTES (UINT32_C(4) << 20)
/** Time that a pass must take, and its fewest and most copies. */
#define PASS_NS       UINT64_C(3000000)
#define QUICK_PASS_NS UINT64_C(500000)
#define PASS_MIN      32
#define PASS_MAX      SVART_PERF_MAX_SAMPLES
/** Bursts in one measurement of the driver's parts. */
#define PARTS_BURSTS 20000

enum { BY_SVART, BY_SVART_DMADEV, BY_SKELETON, BY_MEMCPY, BY_NULL, NR_ENGINES };

static const struct perf_engine_ops *const engines[NR_ENGINES] = {
	[BY_SVART] = &svart_perf_engine_svart,
	[BY_SVART_DMADEV] = &svart_perf_engine_svart_dmadev,
	[BY_SKELETON] = &svart_perf_engine_skeleton,
	[BY_MEMCPY] = &svart_perf_engine_memcpy,
	[BY_NULL] = &svart_perf_engine_null,
};

/** One number of each round, of one engine in one cell. Owner: its cell. Locks: none. */
struct column {
	struct perf_rounds ops_per_s, own_ns, p50_ns, p99_ns;
	uint32_t in_flight; /**< Depth that the engine had: an engine may allow less. */
};

/** Owner: the bench. Lifetime: its. Locks: none. */
struct cell {
	uint32_t size, burst, depth;
	struct column columns[NR_ENGINES];
};

/** Parts of the driver, nanoseconds an operation. Owner: the bench. Lifetime: its. Locks: none. */
struct parts {
	uint32_t burst;
	struct perf_rounds prep, submit, portal, poll;
};

/** What is measured. Owner: the command. Lifetime: one run. Locks: none. */
struct bench {
	const struct perf_options *o;
	struct perf_engine *engine[NR_ENGINES]; /**< NULL: left out. */
	uint8_t *src, *dst;
	struct perf_pass pass;
	struct parts parts[SVART_PERF_MAX_LIST];
	unsigned int nr_cells;
	struct cell cells[];
};

static struct perf_slots slots_of(const struct bench *b, uint32_t size)
{
	struct perf_slots slots = { .src = b->src, .dst = b->dst, .size = size, .nr_slots = 1 };

	while (slots.nr_slots < SVART_PERF_MAX_DEPTH && slots.nr_slots * 2 * size <= AREA_BYTES)
		slots.nr_slots *= 2;
	return slots;
}

/* --- one turn of one engine ------------------------------------------------------------------- */

/** Finds the number of copies that take the wanted time. */
static int warm_up(const struct bench *b, struct perf_pass *p)
{
	uint64_t want = b->o->quick ? QUICK_PASS_NS : PASS_NS;
	int rc;

	p->nr = p->depth > PASS_MIN ? p->depth : PASS_MIN;
	rc = svart_perf_pass_run(p, false);
	if (rc != 0)
		return rc;
	p->nr = p->nr * want / (p->ns + 1);
	if (p->nr > PASS_MAX)
		p->nr = PASS_MAX;
	if (p->nr < PASS_MIN)
		p->nr = PASS_MIN;
	return 0;
}

static int turn_measure(const struct bench *b, struct perf_pass *p, struct column *column)
{
	int rc = warm_up(b, p);

	if (rc == 0)
		rc = svart_perf_pass_run(p, false);
	if (rc != 0)
		return rc;
	svart_perf_rounds_add(&column->ops_per_s, (double)p->nr * 1e9 / (double)p->ns);
	rc = svart_perf_pass_run(p, true);
	if (rc != 0)
		return rc;
	svart_perf_rounds_add(&column->own_ns, (double)p->own_ns / (double)p->nr);
	svart_perf_rounds_add(&column->p50_ns, (double)p->p50_ns);
	svart_perf_rounds_add(&column->p99_ns, (double)p->p99_ns);
	return 0;
}

static int turn(struct bench *b, struct cell *cell, unsigned int i)
{
	struct perf_slots slots = slots_of(b, cell->size);
	struct perf_pass *p = &b->pass;
	int rc;

	p->ops = engines[i];
	p->engine = b->engine[i];
	p->slots = &slots;
	p->depth = cell->depth;
	rc = p->ops->start(p->engine, &p->depth);
	if (rc != 0)
		return rc;
	cell->columns[i].in_flight = p->depth;
	p->burst = (uint16_t)(cell->burst < p->depth ? cell->burst : p->depth);
	rc = turn_measure(b, p, &cell->columns[i]);
	p->ops->stop(p->engine);
	return rc;
}

/** Checks whether an engine copies, and tells if it does not; svart-null does not copy. */
static int check(struct bench *b, struct cell *cell, unsigned int i)
{
	struct perf_slots slots = slots_of(b, cell->size);
	size_t bytes = (size_t)slots.nr_slots * slots.size;
	int rc;

	memset(b->dst, 0, bytes);
	rc = turn(b, cell, i);
	if (rc != 0 || i == BY_NULL)
		return rc;
	/* A pass may end before the last slot. */
	if (bytes > b->pass.nr * slots.size)
		bytes = b->pass.nr * slots.size;
	if (memcmp(b->dst, b->src, bytes) == 0)
		return 0;
	app_say("%s: what it copied is not what it should be", engines[i]->name);
	return -EIO;
}

static int parts_measure(struct bench *b, struct parts *parts)
{
	struct perf_slots slots = slots_of(b, 64);
	struct perf_null_parts ticks = { 0 };
	uint32_t depth = SVART_PERF_MAX_DEPTH, bursts = PARTS_BURSTS / (b->o->quick ? 20 : 1);
	double ns;
	uint64_t tsc, begin;
	int rc = engines[BY_NULL]->start(b->engine[BY_NULL], &depth);

	if (rc != 0)
		return rc;
	begin = svart_perf_now_ns();
	tsc = rte_rdtsc();
	svart_perf_null_measure(b->engine[BY_NULL], &slots, (uint16_t)parts->burst, bursts, &ticks);
	ns = (double)(svart_perf_now_ns() - begin) / (double)(rte_rdtsc() - tsc) /
	     ((double)bursts * parts->burst);
	engines[BY_NULL]->stop(b->engine[BY_NULL]);
	svart_perf_rounds_add(&parts->prep, (double)ticks.prep * ns);
	svart_perf_rounds_add(&parts->submit, (double)ticks.submit * ns);
	svart_perf_rounds_add(&parts->portal, (double)ticks.portal * ns);
	svart_perf_rounds_add(&parts->poll, (double)ticks.poll * ns);
	return 0;
}

/** Runs all engines in one cell, then in the next. */
static int round_run(
	struct bench *b, int (*one)(struct bench *b, struct cell *cell, unsigned int i))
{
	unsigned int c, i;
	int rc = 0;

	for (c = 0; c < b->nr_cells && rc == 0; c++)
		for (i = 0; i < NR_ENGINES && rc == 0; i++)
			if (b->engine[i] != NULL)
				rc = one(b, &b->cells[c], i);
	return rc;
}

static int measure(struct bench *b, unsigned int rounds)
{
	unsigned int round, i;
	int rc = round_run(b, check);

	for (i = 0; i < b->nr_cells; i++)
		memset(b->cells[i].columns, 0, sizeof(b->cells[i].columns));
	for (round = 0; round < rounds && rc == 0; round++) {
		rc = round_run(b, turn);
		for (i = 0; b->engine[BY_NULL] != NULL && i < b->o->bursts.nr && rc == 0; i++)
			rc = parts_measure(b, &b->parts[i]);
	}
	return rc;
}

/* --- life ------------------------------------------------------------------------------------- */

static void cells_make(struct bench *b)
{
	const struct perf_options *o = b->o;
	unsigned int s, k, d;

	for (s = 0; s < o->sizes.nr; s++)
		for (k = 0; k < o->bursts.nr; k++)
			for (d = 0; d < o->depths.nr; d++)
				b->cells[b->nr_cells++] = (struct cell){
					.size = o->sizes.value[s],
					.burst = o->bursts.value[k],
					.depth = o->depths.value[d],
				};
	for (k = 0; k < o->bursts.nr; k++)
		b->parts[k].burst = o->bursts.value[k];
}

static uint8_t *area_map(void)
{
	void *area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return area == MAP_FAILED ? NULL : area;
}

static int memory_open(struct bench *b)
{
	uint32_t i;

	b->src = area_map();
	b->dst = area_map();
	if (b->src == NULL || b->dst == NULL)
		return svart_perf_say_errno("map memory", -errno);
	for (i = 0; i < AREA_BYTES; i++)
		b->src[i] = (uint8_t)(i * 2654435761u >> 24);
	return 0;
}

/** Tells whether the user wants an engine. */
static bool is_asked(const struct perf_options *o, unsigned int i)
{
	const char *at = o->engines;
	size_t len;

	if (at == NULL)
		return true;
	for (; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		len = strcspn(at, ",");
		if (len == strlen(engines[i]->name) && strncmp(at, engines[i]->name, len) == 0)
			return true;
	}
	return false;
}

/** Opens the engines. DPDK's come first, so that EAL starts as in a DPDK program. */
static int engines_open(struct bench *b)
{
	static const unsigned int order[NR_ENGINES] = { BY_SKELETON, BY_SVART_DMADEV, BY_SVART,
		BY_MEMCPY, BY_NULL };
	unsigned int i;
	int rc = 0;

	for (i = 0; i < NR_ENGINES && rc == 0; i++) {
		if (!is_asked(b->o, order[i]))
			continue;
		rc = engines[order[i]]->open(&b->engine[order[i]]);
		if (rc == -ENODEV)
			rc = 0;
	}
	return rc;
}

static void bench_close(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < NR_ENGINES; i++)
		if (b->engine[i] != NULL)
			engines[i]->close(b->engine[i]);
	if (b->src != NULL)
		munmap(b->src, AREA_BYTES);
	if (b->dst != NULL)
		munmap(b->dst, AREA_BYTES);
	free(b);
}

/* --- results ---------------------------------------------------------------------------------- */

static double ops_of(const struct cell *cell, unsigned int i)
{
	return svart_perf_rounds_median(&cell->columns[i].ops_per_s);
}

/** @return how many times faster than `other`; not a number if the other was left out. */
static double ratio_of(
	const struct bench *b, const struct cell *cell, unsigned int i, unsigned int other)
{
	return b->engine[other] != NULL ? ops_of(cell, i) / ops_of(cell, other) : (double)NAN;
}

static json_t *result_json(const struct bench *b, const struct cell *cell, unsigned int i)
{
	const struct column *column = &cell->columns[i];
	double ops = ops_of(cell, i);

	/* clang-format off */
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"engine", engines[i]->name,
		"size", cell->size,
		"burst", cell->burst,
		"depth", cell->depth,
		"in_flight", column->in_flight,
		"ops_per_s", app_json_whole(ops),
		"bytes_per_s", app_json_whole(ops * cell->size),
		"submit_ns_per_op", svart_perf_rounds_real(&column->own_ns),
		"p50_ns", svart_perf_rounds_whole(&column->p50_ns),
		"p99_ns", svart_perf_rounds_whole(&column->p99_ns),
		"ratio_to_skeleton", app_json_real(ratio_of(b, cell, i, BY_SKELETON)),
		"ratio_to_memcpy", app_json_real(ratio_of(b, cell, i, BY_MEMCPY)));
	/* clang-format on */
}

static json_t *results_json(const struct bench *b)
{
	json_t *results = json_array();
	unsigned int c, i;

	for (c = 0; c < b->nr_cells; c++)
		for (i = 0; i < NR_ENGINES; i++)
			if (b->engine[i] != NULL)
				results = app_json_append(results, result_json(b, &b->cells[c], i));
	return results;
}

static json_t *left_out_json(const struct bench *b)
{
	json_t *names = json_array();
	unsigned int i;

	for (i = 0; i < NR_ENGINES; i++)
		if (b->engine[i] == NULL)
			names = app_json_append(names, json_string(engines[i]->name));
	return names;
}

static json_t *driver_json(const struct bench *b)
{
	json_t *driver = json_array();
	const struct parts *parts;
	unsigned int i;

	for (i = 0; b->engine[BY_NULL] != NULL && i < b->o->bursts.nr; i++) {
		parts = &b->parts[i];
		driver = app_json_append(
			driver, json_pack("{s:i, s:o, s:o, s:o, s:o}", "burst", parts->burst,
					"prep_ns", svart_perf_rounds_real(&parts->prep),
					"submit_ns", svart_perf_rounds_real(&parts->submit),
					"portal_ns", svart_perf_rounds_real(&parts->portal),
					"poll_ns", svart_perf_rounds_real(&parts->poll)));
	}
	return driver;
}

static int print_json(const struct bench *b, unsigned int rounds)
{
	return app_json_print(
		json_pack("{s:o, s:o, s:o, s:o}", "machine",
			svart_perf_host_json(&b->o->host, rounds), "left_out", left_out_json(b),
			"results", results_json(b), "driver", driver_json(b)),
		SVART_PERF_JSON_FLAGS);
}

static void result_text(const struct bench *b, const struct cell *cell, unsigned int i)
{
	char by_skeleton[SVART_PERF_NUMBER_BYTES], by_memcpy[SVART_PERF_NUMBER_BYTES];
	const struct column *column = &cell->columns[i];

	printf("%-13s %8" PRIu32 " %5" PRIu32 " %5" PRIu32 " %12.0f %8.3f %9.1f %9.0f %9.0f"
	       " %9s %9s\n",
		engines[i]->name, cell->size, cell->burst, cell->depth, ops_of(cell, i),
		ops_of(cell, i) * cell->size / 1e9, svart_perf_rounds_median(&column->own_ns),
		svart_perf_rounds_median(&column->p50_ns),
		svart_perf_rounds_median(&column->p99_ns),
		svart_perf_number(ratio_of(b, cell, i, BY_SKELETON), 2, by_skeleton),
		svart_perf_number(ratio_of(b, cell, i, BY_MEMCPY), 2, by_memcpy));
}

static void print_text(const struct bench *b, unsigned int rounds)
{
	unsigned int c, i;

	svart_perf_host_text(&b->o->host, rounds);
	printf("%-13s %8s %5s %5s %12s %8s %9s %9s %9s %9s %9s\n", "engine", "size", "burst",
		"depth", "ops/s", "GB/s", "submit ns", "p50 ns", "p99 ns", "skeleton", "memcpy");
	for (c = 0; c < b->nr_cells; c++)
		for (i = 0; i < NR_ENGINES; i++)
			if (b->engine[i] != NULL)
				result_text(b, &b->cells[c], i);
	if (b->engine[BY_NULL] == NULL)
		return;
	printf("\n%-13s %5s %9s %9s %11s %9s\n", "driver, ns/op", "burst", "prep", "submit",
		"portal only", "poll");
	for (i = 0; i < b->o->bursts.nr; i++)
		printf("%-13s %5" PRIu32 " %9.2f %9.2f %11.2f %9.2f\n", "", b->parts[i].burst,
			svart_perf_rounds_median(&b->parts[i].prep),
			svart_perf_rounds_median(&b->parts[i].submit),
			svart_perf_rounds_median(&b->parts[i].portal),
			svart_perf_rounds_median(&b->parts[i].poll));
}

static int run(const struct perf_options *o)
{
	unsigned int rounds = svart_perf_rounds(o, USUAL_ROUNDS);
	size_t nr_cells = (size_t)o->sizes.nr * o->bursts.nr * o->depths.nr;
	struct bench *b = calloc(1, sizeof(*b) + nr_cells * sizeof(b->cells[0]));
	int rc;

	if (b == NULL)
		return svart_perf_say_errno("measure copies", -ENOMEM);
	b->o = o;
	cells_make(b);
	rc = memory_open(b);
	if (rc == 0)
		rc = engines_open(b);
	if (rc == 0)
		rc = measure(b, rounds);
	if (rc == 0 && o->json)
		rc = print_json(b, rounds);
	else if (rc == 0)
		print_text(b, rounds);
	bench_close(b);
	return rc;
}

static bool engine_is_known(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < NR_ENGINES; i++)
		if (strlen(engines[i]->name) == len && strncmp(engines[i]->name, name, len) == 0)
			return true;
	return false;
}

const struct perf_command svart_perf_copy = {
	.name = "copy", .run = run, .engine_is_known = engine_is_known
};

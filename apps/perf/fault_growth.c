/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * How the cost of serving a group grows with the number of devices and with the memory that is
 * mapped. Groups have eight resident pages and are served inline: one thread does everything. The figures
 * include the time of the model of the machine, which is the same in every row.
 *
 * Devices: all of them are busy, each with one group under way; or one is busy, and the others are idle.
 *
 * Chunks: groups are at random places among a number of mapped chunks of 2 MiB. A million chunks would take
 * gigabytes of page tables alone, and only svart's map of them is measured. So their IOAS_MAP only pretends
 * to succeed (map_timer.h), and their memory is address space only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fault.h"
#include "json_out.h"
#include "random.h"
#include "rig.h"
#include "say.h"
#include "stats.h"

#define PAGE         UINT64_C(4096)
#define GROUP_SIZE   8
#define GROUP_BYTES  (GROUP_SIZE * PAGE)
#define NR_GROUPS    8192
#define QUICK_GROUPS 512
/** Groups under way if there is one device. */
#define IN_FLIGHT 1
/** Runs are short, and every disturbance shows, so there are more of them. */
#define RUNS_OF_ROUND 3

static const uint32_t device_counts[] = { 1, 2, 4, 8, 16, 32, 64 };
static const uint32_t chunk_counts[] = { 1000, 10000, 100000, 1000000 };

#define LENGTH(array)     (sizeof(array) / sizeof((array)[0]))
#define NR_DEVICE_ROWS    LENGTH(device_counts)
#define NR_CHUNK_ROWS     LENGTH(chunk_counts)
#define QUICK_DEVICE_ROWS 3
#define QUICK_CHUNK_ROWS  2

/** One size, and its figures. Owner: perf_growth. Lifetime: its. Locks: none. */
struct point {
	uint32_t nr; /**< Devices, or chunks. */
	struct perf_rig *rig;
	uint8_t *memory;
	uint64_t bytes;
	uint64_t stride; /**< Distance from a group's place to the next. */
	uint32_t places;
	struct perf_rounds ns;      /**< Time of a group with every device busy. */
	struct perf_rounds idle_ns; /**< Time of a group with the other devices idle. */
};

/** Owner: the command. Lifetime: one run of it. Locks: none. */
struct perf_growth {
	uint64_t seed;
	unsigned int rounds;
	uint32_t nr_groups;
	uint64_t addrs[NR_GROUPS];
	uint64_t latency[NR_GROUPS];
	uint64_t own[NR_GROUPS];
	struct point devices[NR_DEVICE_ROWS];
	size_t nr_devices;
	struct point chunks[NR_CHUNK_ROWS];
	size_t nr_chunks;
};

static void point_close(struct point *p)
{
	if (p->rig != NULL)
		svart_perf_rig_destroy(p->rig);
	if (p->memory != NULL)
		munmap(p->memory, p->bytes);
	p->rig = NULL;
	p->memory = NULL;
}

static int point_reserve(struct point *p)
{
	p->bytes = p->places * p->stride;
	p->memory = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->memory != MAP_FAILED)
		return 0;
	p->memory = NULL;
	return svart_perf_say_errno("reserve address space", -errno);
}

/** Maps every place of a point. */
static int point_map(struct point *p)
{
	uint64_t addr = (uintptr_t)p->memory;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < p->places && rc == 0; i++, addr += p->stride)
		rc = svart_space_resolve(p->rig->space, addr, addr + GROUP_BYTES,
			SVART_ACCESS_READ | SVART_ACCESS_WRITE);
	return rc == 0 ? 0 : svart_perf_say_errno("map memory for the requesters", rc);
}

static int devices_open(struct point *p, uint32_t nr)
{
	struct perf_rig_params params = { .nr_devices = nr,
		.space = { .pin_limit_bytes = UINT64_C(1) << 30 } };
	int rc;

	p->nr = nr;
	p->places = 1024;
	p->stride = GROUP_BYTES;
	rc = point_reserve(p);
	if (rc == 0)
		rc = svart_perf_rig_create(&params, &p->rig);
	return rc != 0 ? rc : point_map(p);
}

static int chunks_open(struct point *p, uint32_t nr)
{
	struct perf_rig_params params = { .nr_devices = 1,
		.space = { .pin_limit_bytes = UINT64_C(1) << 40,
			.fault_around_bytes = PAGE,
			.max_chunks = nr + 64 } };
	int rc;

	p->nr = nr;
	p->places = nr;
	p->stride = SVART_CHUNK_SIZE;
	rc = point_reserve(p);
	if (rc == 0)
		rc = svart_perf_rig_create(&params, &p->rig);
	if (rc != 0)
		return rc;
	p->rig->timer.pretend_start = (uintptr_t)p->memory;
	p->rig->timer.pretend_end = (uintptr_t)p->memory + p->bytes;
	return point_map(p);
}

/** Runs all groups on `busy` devices. @return 0 or -errno, told. */
static int point_run(struct perf_growth *g, struct point *p, uint32_t busy, struct perf_rounds *out)
{
	struct perf_requester_job jobs[SVART_PERF_RIG_DEVICES];
	uint32_t each = g->nr_groups / busy, i;
	uint64_t ns;
	int rc;

	for (i = 0; i < g->nr_groups; i++)
		g->addrs[i] =
			(uintptr_t)p->memory + svart_perf_random(&g->seed) % p->places * p->stride;
	for (i = 0; i < busy; i++)
		jobs[i] = (struct perf_requester_job){
			.addrs = g->addrs + i * each,
			.nr_groups = each,
			.group_size = GROUP_SIZE,
			.in_flight = IN_FLIGHT,
			.write = true,
			.latency_ns = g->latency + i * each,
			.own_ns = g->own + i * each,
		};
	rc = svart_perf_rig_run(p->rig, jobs, busy, &ns);
	if (rc == 0)
		svart_perf_rounds_add(out, (double)ns / (each * busy));
	return rc;
}

static int open_all(struct perf_growth *g)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < g->nr_devices && rc == 0; i++)
		rc = devices_open(&g->devices[i], device_counts[i]);
	for (i = 0; i < g->nr_chunks && rc == 0; i++)
		rc = chunks_open(&g->chunks[i], chunk_counts[i]);
	return rc;
}

static void close_all(struct perf_growth *g)
{
	size_t i;

	for (i = 0; i < g->nr_devices; i++)
		point_close(&g->devices[i]);
	for (i = 0; i < g->nr_chunks; i++)
		point_close(&g->chunks[i]);
}

/** Runs one round of each point. */
static int measure_round(struct perf_growth *g)
{
	struct point *p;
	size_t i;
	int rc = 0;

	for (i = 0; i < g->nr_devices && rc == 0; i++) {
		p = &g->devices[i];
		rc = point_run(g, p, p->nr, &p->ns);
		if (rc == 0)
			rc = point_run(g, p, 1, &p->idle_ns);
	}
	for (i = 0; i < g->nr_chunks && rc == 0; i++)
		rc = point_run(g, &g->chunks[i], 1, &g->chunks[i].ns);
	return rc;
}

int svart_perf_growth_measure(
	const struct perf_options *o, unsigned int rounds, struct perf_growth **out)
{
	struct perf_growth *g = calloc(1, sizeof(*g));
	unsigned int round;
	int rc;

	if (g == NULL)
		return svart_perf_say_errno("measure growth", -ENOMEM);
	g->rounds = rounds * RUNS_OF_ROUND;
	if (g->rounds > SVART_PERF_MAX_ROUNDS)
		g->rounds = SVART_PERF_MAX_ROUNDS;
	g->seed = o->seed;
	g->nr_groups = o->quick ? QUICK_GROUPS : NR_GROUPS;
	g->nr_devices = o->quick ? QUICK_DEVICE_ROWS : NR_DEVICE_ROWS;
	g->nr_chunks = o->quick ? QUICK_CHUNK_ROWS : NR_CHUNK_ROWS;
	rc = open_all(g);
	for (round = 0; round < g->rounds && rc == 0; round++)
		rc = measure_round(g);
	close_all(g);
	if (rc != 0)
		svart_perf_growth_free(g);
	else
		*out = g;
	return rc;
}

json_t *svart_perf_growth_json(const struct perf_growth *g)
{
	json_t *devices = json_array(), *chunks = json_array();
	const struct point *p;

	for (p = g->devices; p < g->devices + g->nr_devices; p++)
		devices = app_json_append(devices,
			json_pack("{s:i, s:o, s:o}", "devices", p->nr, "ns_per_group",
				svart_perf_rounds_whole(&p->ns), "ns_per_group_others_idle",
				svart_perf_rounds_whole(&p->idle_ns)));
	for (p = g->chunks; p < g->chunks + g->nr_chunks; p++)
		chunks = app_json_append(
			chunks, json_pack("{s:i, s:o}", "chunks", p->nr, "ns_per_group",
					svart_perf_rounds_whole(&p->ns)));
	return json_pack(
		"{s:i, s:o, s:o}", "rounds", g->rounds, "devices", devices, "chunks", chunks);
}

void svart_perf_growth_text(const struct perf_growth *g)
{
	size_t i;

	printf("%-9s %14s %24s\n", "devices", "ns per group", "ns, the others idle");
	for (i = 0; i < g->nr_devices; i++)
		printf("%-9" PRIu32 " %14.0f %24.0f\n", g->devices[i].nr,
			svart_perf_rounds_median(&g->devices[i].ns),
			svart_perf_rounds_median(&g->devices[i].idle_ns));
	printf("\n%-9s %14s\n", "chunks", "ns per group");
	for (i = 0; i < g->nr_chunks; i++)
		printf("%-9" PRIu32 " %14.0f\n", g->chunks[i].nr,
			svart_perf_rounds_median(&g->chunks[i].ns));
}

void svart_perf_growth_free(struct perf_growth *g)
{
	free(g);
}
